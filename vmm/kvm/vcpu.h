/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual CPUs: one thread each, which runs the guest until an exit needs user space.
 *
 * Calls come from the main thread, without the machine lock (a vCPU may be waiting for
 * it). vCPUs are created parked; vcpus_run() and vcpus_pause() move all of them.
 */
#ifndef VMM_KVM_VCPU_H
#define VMM_KVM_VCPU_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kvm_vm;
struct vcpus;

enum vcpu_event {
	VCPU_EVENT_RESET, /* triple fault, or the guest asked through a paravirtual call
	                   */
	VCPU_EVENT_SHUTDOWN, /* the guest asked to end */
	VCPU_EVENT_CRASH,    /* the guest's kernel reports that it crashed */
	VCPU_EVENT_ERROR,    /* KVM cannot go on; registers were logged */
	VCPU_EVENT_DEBUG,    /* what the debugger waits for: vcpu_debug_exit() */
};

/* Called from vCPU threads. */
struct vcpu_ops {
	/* One port or memory access, or the `count` of a string instruction at one port,
	 * whose data lie one behind the other; takes the machine lock itself. */
	void (*access)(void *opaque, bool pio, uint64_t addr, void *data, unsigned len,
	               unsigned count, bool is_write);
	/* reason is static text. The vCPU parks afterwards until vcpus_run(). */
	void (*event)(void *opaque, enum vcpu_event event, const char *reason);
	/* Reads guest RAM for a register dump; -errno when it is not RAM. */
	int (*peek)(void *opaque, uint64_t gpa, void *buf, size_t len);
};

/* Creates `count` vCPUs whose APIC ids are apic_ids[i]. They have no CPUID yet. */
struct vcpus *vcpus_new(struct kvm_vm *kvm, unsigned count, const uint32_t *apic_ids,
                        const struct vcpu_ops *ops, void *opaque, struct err *err);
/* Ends the threads and frees. */
void vcpus_free(struct vcpus *vcpus);
unsigned vcpus_count(const struct vcpus *vcpus);
/* The descriptor of one vCPU, for the register shadow and the CPUID set-up. */
int vcpu_fd(const struct vcpus *vcpus, unsigned index);

/* The kernel's id of the thread that runs it; 0 before there is one. */
int vcpu_thread_id(const struct vcpus *vcpus, unsigned index);
/* Queues a non-maskable interrupt. 0 or -errno. Any thread. */
int vcpu_nmi(const struct vcpus *vcpus, unsigned index);

/* Starts the threads of a set that shall wait, so that who watches the process can see
 * and place them. 0 or -errno with a sentence. */
int vcpus_start_paused(struct vcpus *vcpus, struct err *err);
/* Starts the threads that are not there and lets all vCPUs run. 0 or -errno with a
 * sentence. */
int vcpus_run(struct vcpus *vcpus, struct err *err);
/* Takes all vCPUs out of the guest, instructions completed, and waits for that.
 * Idempotent. */
void vcpus_pause(struct vcpus *vcpus);
/* From a vCPU's access op: when it returns, that vCPU completes its instruction, and none
 * begins another until vcpus_run() or vcpus_release(). For guests that just asked for
 * their reset or end. */
void vcpus_hold(struct vcpus *vcpus);
/* What was asked for changes nothing. Those that are paused, or had an event, stay. */
void vcpus_release(struct vcpus *vcpus);

/* Why a vCPU came out since the last vcpus_run(). While paused. */
struct vcpu_debug_exit {
	uint32_t exception; /* 3: int3; 1: a step or a debug register */
	uint64_t pc;        /* linear address, of the int3 itself */
	uint64_t dr6;
};
/* False: not because of the debugger. */
bool vcpu_debug_exit(const struct vcpus *vcpus, unsigned index,
                     struct vcpu_debug_exit *exit);
/* A frozen vCPU stays where it is when the others run. Either way it is forgotten why it
 * came out. While paused. */
void vcpu_freeze(struct vcpus *vcpus, unsigned index, bool frozen);

/* How the boot processor enters a guest that no firmware prepared. */
enum vcpu_mode {
	VCPU_REAL16, /* CS base = rip & ~0xffff, IP the rest */
	VCPU_PROT32, /* flat 32-bit segments, paging off */
	VCPU_LONG64, /* flat 64-bit segments, paging on with cr3 */
};

struct vcpu_entry {
	enum vcpu_mode mode;
	uint64_t rip, rsp, rbp, rsi, rdi, rax, rbx, rcx, rdx;
	uint64_t cr3;
	uint64_t gdt_base;
	uint16_t gdt_limit;
};

/* Sets registers of vCPU 0 (paused), and on all vCPUs the memory types and feature MSRs
 * that firmware would have set. */
int vcpus_set_entry(struct vcpus *vcpus, const struct vcpu_entry *entry, struct err *err);

/* Registers as text, and what else is of interest. The vCPU is paused, or the caller is
 * its thread. */
enum vcpu_dump {
	VCPU_DUMP_CODE, /* the bytes at the instruction pointer */
	VCPU_DUMP_FPU,  /* floating point and vectors */
};
void vcpu_dump(struct vcpus *vcpus, unsigned index, enum vcpu_dump what,
               struct strbuf *out);
/* With the code, into the log, as errors. */
void vcpu_log(struct vcpus *vcpus, unsigned index);

#endif
