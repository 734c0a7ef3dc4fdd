/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board: an i440FX-like PC, built from a configuration, and its life.
 */
#ifndef VMM_MACHINE_PC_H
#define VMM_MACHINE_PC_H

#include "common/err.h"
#include "vmm/machine/config.h"

struct pc;

/* Opens and creates everything; no vCPU runs yet. NULL with a sentence on failure. The
 * config must outlive the machine. */
struct pc *pc_new(const struct vm_config *config, struct err *err);
/* Runs the guest until it, a signal or the user ends it. The exit status of the process:
 * 0 after a power-off, that of isa-debug-exit, or 1 when the guest panicked or KVM
 * failed. */
int pc_run(struct pc *pc);
/* Accepts NULL. Every request is completed and the terminal restored. */
void pc_free(struct pc *pc);

#endif
