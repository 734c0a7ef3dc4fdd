/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What KVM keeps for the machine, as devices: "system/cpu@N" for each vCPU and
 * "system/chips" for the board's in-kernel chips. Save, load, compare and reset reach
 * them like any other device. Internal classes; vCPUs must be out of the guest for all
 * of it.
 */
#ifndef VMM_MACHINE_KVMSTATE_H
#define VMM_MACHINE_KVMSTATE_H

#include "vmm/core/device.h"

extern const struct device_class kvm_vcpu_class;
extern const struct device_class kvm_chips_class;

/*
 * After the vCPU has its CPUID and before anything else writes its registers: they are
 * read here once, and a reset of the machine goes back to them (the time stamp counter
 * goes on). vCPU 0 comes first, and is destroyed last. The descriptor stays the caller's.
 * NULL with a sentence on failure.
 */
struct device *kvmstate_add_vcpu(struct vm *vm, unsigned index, int vcpu_fd,
                                 struct err *err);
/* After the vCPUs, because a load writes in that order: pending interrupts go into local
 * APICs. */
struct device *kvmstate_add_chips(struct vm *vm, struct err *err);

#endif
