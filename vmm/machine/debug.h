/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a debugger does with the machine: registers, memory, breakpoints, steps. Main
 * loop's thread, machine lock held, at the top of a callback, while the machine stands
 * (pc_stop()); errors are -errno.
 */
#ifndef VMM_MACHINE_DEBUG_H
#define VMM_MACHINE_DEBUG_H

#include "common/err.h"
#include "vmm/kvm/debug.h"

struct pc;

/* The kinds of GDB's Z packets. */
enum pc_break {
	PC_BREAK_SOFTWARE,
	PC_BREAK_HARDWARE,
	PC_WATCH_WRITE,
	PC_WATCH_READ, /* x86 has none: -ENOTSUP */
	PC_WATCH_ACCESS,
};

/* Sets one, at a virtual address as vCPU `cpu` sees it; once more is no error. A software
 * breakpoint is an int3 in memory, or as long as there are free ones a breakpoint of the
 * processor. -ENOSPC: of those, there are four. -EFAULT: nothing is mapped there. */
int pc_debug_insert(struct pc *pc, unsigned cpu, enum pc_break kind, uint64_t addr,
                    uint64_t len);
int pc_debug_remove(struct pc *pc, enum pc_break kind, uint64_t addr, uint64_t len);
/* Breakpoints are gone, and the vCPUs are the guest's again. */
void pc_debug_clear(struct pc *pc);

/* debug_get() and debug_set() of a vCPU. */
int pc_debug_registers(struct pc *pc, unsigned cpu, uint8_t image[DEBUG_IMAGE_MAX]);
int pc_debug_set_registers(struct pc *pc, unsigned cpu, const uint8_t *image);
/* Writes memory at a virtual address: the bytes that could be written. */
size_t pc_debug_write(struct pc *pc, unsigned cpu, uint64_t gva, const void *buf,
                      size_t len);

/* Goes on; how[i] says it for vCPU i. The machine stops again (VM_DEBUG) when one of them
 * reaches a breakpoint or made its step. -EINVAL with a sentence when it has ended. */
enum pc_debug_how { PC_DEBUG_STAY, PC_DEBUG_STEP, PC_DEBUG_RUN };
int pc_debug_run(struct pc *pc, const enum pc_debug_how *how, struct err *err);

/* Why it stopped. */
struct pc_debug_stop {
	unsigned cpu;
	enum pc_break kind; /* valid with hit */
	bool hit;           /* a breakpoint, not a step */
	uint64_t addr;      /* of the watchpoint */
};
/* False: not for the debugger. */
bool pc_debug_stopped(struct pc *pc, struct pc_debug_stop *stop);

#endif
