/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /dev/kvm: the node, who may open it, and what the kernel's interface answers. */
#ifndef PROBE_KVMCAP_H
#define PROBE_KVMCAP_H

#include "probe/facts.h"

struct kvm_cap {
	const char *name; /* without "KVM_CAP_": "IRQFD" */
	int number;       /* for KVM_CHECK_EXTENSION */
	bool needed;      /* vmm does not start without it */
	const char *what; /* what it is for */
};

extern const struct kvm_cap kvm_caps[KVM_CAP_COUNT];

/* All fields unknown: what a captured host has until its kvm.json is read. */
void kvm_facts_init(struct kvm_facts *kvm);

/* Fills kvm from the node and the ioctls (live only). Returns the open /dev/kvm, which
 * the caller closes, or -errno (also in kvm->open_err). */
int kvm_gather(const struct sysroot *root, struct kvm_facts *kvm);

/* The value of a capability by its name in kvm_caps; -1 unknown. */
int32_t kvm_cap_of(const struct kvm_facts *kvm, const char *name);

/* True when /proc/misc lists a device called kvm. */
bool kvm_in_misc(const char *misc);

#endif
