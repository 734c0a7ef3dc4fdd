/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the facts add up to: which KVM backend, and whether hardware runs its guests. Pure
 * functions of the facts. */
#ifndef PROBE_DECIDE_H
#define PROBE_DECIDE_H

#include "probe/facts.h"

enum backend { BACKEND_NONE, BACKEND_KVM_INTEL, BACKEND_KVM_AMD, BACKEND_SOFTWARE };

enum speed {
	SPEED_UNKNOWN,     /* the trial did not run */
	SPEED_INTERPRETED, /* instruction by instruction: no stock system boots in useful
	                      time */
	SPEED_SLOW,        /* less than a quarter of native */
	SPEED_NATIVE,
};

enum firmware {
	FIRMWARE_UNKNOWN,
	FIRMWARE_ON,
	FIRMWARE_OFF,      /* by the MSR */
	FIRMWARE_SEEMS_OFF /* CPUID has it, the kernel cleared the flag, no MSR read */
};

/* As --json spells it: "none", "kvm_intel", "kvm_amd", "software". */
const char *backend_name(enum backend backend);

/* The driver that serves /dev/kvm on this host, usable by this user or not. */
enum backend backend_of(const struct facts *f);
/* True when guests run on the CPU's virtualization: such a backend, a VM was created
 * where that could be tried, and the trial, where it ran, does not speak against it. */
bool hardware_of(const struct facts *f);
enum speed speed_of(const struct facts *f);
enum firmware firmware_of(const struct facts *f);

/* The CPU has VMX or SVM by any evidence. */
bool has_virt(const struct facts *f);
/* MODULE_KVM_INTEL or MODULE_KVM_AMD for this CPU; -1 when it is neither vendor's. */
int vendor_module(const struct facts *f);
/* The module is in the kernel. */
bool module_present(const struct facts *f, enum module_id id);
/* The kernel takes modules now, and has some to take. */
bool modules_loadable(const struct facts *f);
/* A VM and a vCPU were created. */
bool kvm_works(const struct facts *f);

#endif
