/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board: an i440FX-like PC, built from a configuration, and its life.
 */
#ifndef VMM_MACHINE_PC_H
#define VMM_MACHINE_PC_H

#include "common/err.h"
#include "common/strbuf.h"
#include "vmm/machine/config.h"

struct pc;
struct device_class;
struct spawner;

/* Opens and creates everything; no vCPU runs yet. NULL with a sentence on failure. The
 * config must outlive the machine, and so must the spawner, which starts its helpers
 * (NULL: this process starts them). */
struct pc *pc_new(const struct vm_config *config, struct spawner *spawner,
                  struct err *err);
/* Lets the vCPUs run, unless -S is given; the process's signals are the machine's from
 * now on. -errno with a sentence. */
int pc_start(struct pc *pc, struct err *err);
/* After pc_start(): runs the guest until it, a signal or the user ends it. The exit
 * status of the process: 0 after a power-off, that of isa-debug-exit, or 1 when the guest
 * panicked or KVM failed. */
int pc_run(struct pc *pc);
/* The keys of -drive. */
void pc_drive_help(struct strbuf *out);
/* The cards of -nic and -net. */
void pc_nic_help(struct strbuf *out);
/* The types of -object with their keys, or one of them. */
void pc_object_help(const char *name, struct strbuf *out);
/* The class that -device NAME means; NULL with a sentence that has the nearest name. */
const struct device_class *pc_find_device(const char *name, struct err *err);
/* Accepts NULL. Every request is completed and the terminal restored. */
void pc_free(struct pc *pc);

#endif
