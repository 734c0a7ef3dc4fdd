/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steering a machine that runs, for monitors. Main loop's thread, machine lock held, at
 * the top of a callback: calls that wait for vCPUs release the lock meanwhile, so that
 * nothing read from the machine before them may be trusted after.
 */
#ifndef VMM_MACHINE_CONTROL_H
#define VMM_MACHINE_CONTROL_H

#include "common/err.h"
#include "common/strbuf.h"
#include "vmm/core/vm.h"

struct pc;
struct vm_config;

struct vm *pc_vm(struct pc *pc);
const struct vm_config *pc_config(const struct pc *pc);
unsigned pc_cpu_count(const struct pc *pc);
/* The host thread that runs a vCPU; 0 before the first run. */
int pc_cpu_thread(const struct pc *pc, unsigned index);
/* Registers as text; the vCPUs are stopped meanwhile. */
void pc_cpu_dump(struct pc *pc, unsigned index, struct strbuf *out);

/* Takes vCPUs out of the guest and completes all I/O. Idempotent. */
void pc_stop(struct pc *pc);
/* -EINVAL with a sentence when the machine has ended and needs a reset first. */
int pc_cont(struct pc *pc, struct err *err);
/* A request that does not come from the guest; cause is the reason that QMP's events give
 * ("host-qmp-quit"), static. Acted on when the callback has returned. */
void pc_request(struct pc *pc, enum vm_request request, const char *cause);
void pc_power_button(struct pc *pc);
/* A non-maskable interrupt to every vCPU, or to one. 0 or -errno. */
int pc_nmi(struct pc *pc, int index);

#endif
