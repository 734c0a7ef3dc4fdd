/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look into KVM for people: single registers, the guest's address translation,
 * interrupt chips as text, statistics; and the injection of machine checks. What takes a
 * vCPU's descriptor wants that vCPU out of the guest.
 */
#ifndef VMM_KVM_INSPECT_H
#define VMM_KVM_INSPECT_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stddef.h>
#include <stdint.h>

struct kvm_vm;

/* A register by the name that debuggers give it ("rip", "eax", "cr3"). -ENOENT when there
 * is none of that name, another -errno when KVM fails. */
int inspect_register(int vcpu_fd, const char *name, uint64_t *value);
/* Guest-virtual to guest-physical, through the vCPU's page tables. 0 or -EFAULT. */
int inspect_translate(int vcpu_fd, uint64_t gva, uint64_t *gpa);

/* Both PICs and the IOAPIC; the local APIC of one vCPU. -errno with a sentence. */
int inspect_pic(struct kvm_vm *kvm, struct strbuf *out, struct err *err);
int inspect_lapic(int vcpu_fd, unsigned index, struct strbuf *out, struct err *err);
/* Interrupt lines that are raised at the PICs or at the IOAPIC: bit n is GSI n. -errno
 * with a sentence. */
int inspect_lines(struct kvm_vm *kvm, uint32_t *lines, struct err *err);

/* One machine check, as the processor would find it in a bank. 0 or -errno. */
struct machine_check {
	uint64_t status, mcg_status, addr, misc;
	uint8_t bank;
};
int inspect_mce(int vcpu_fd, const struct machine_check *mce);

/* A statistic of the kernel; type and unit are QMP's words. Valid during the call. */
struct kvm_stat {
	const char *name, *type;
	const char *unit; /* of value * base ^ exponent; NULL: a number of something */
	unsigned base;
	int exponent;
	unsigned bucket_size; /* of a linear histogram, else 0 */
	const uint64_t *values;
	unsigned count; /* > 1: a histogram */
};
typedef void kvm_stat_fn(void *opaque, const struct kvm_stat *stat);

/* Calls fn for each statistic that the kernel keeps behind fd, a VM's or a vCPU's
 * descriptor. -ENOTSUP with a sentence where the kernel (before Linux 5.14) has no such
 * interface. */
int inspect_stats(int fd, kvm_stat_fn *fn, void *opaque, struct err *err);

#endif
