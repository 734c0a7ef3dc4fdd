/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CPUID leaves of one vCPU, ready for KVM_SET_CPUID2. */
#ifndef VMM_KVM_CPUID_H
#define VMM_KVM_CPUID_H

#include "vmm/kvm/cpuplan.h"

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#define CPUID_ENTRIES_MAX 256 /* as many as KVM takes */

/* Same layout as struct kvm_cpuid2, with room for the entries: see cpuid_for_kvm(). */
struct cpuid_table {
	uint32_t nent;
	uint32_t padding;
	struct kvm_cpuid_entry2 entries[CPUID_ENTRIES_MAX];
};

_Static_assert(offsetof(struct cpuid_table, entries) ==
                       offsetof(struct kvm_cpuid2, entries),
               "cpuid_table stands in for kvm_cpuid2");

/*
 * Fills *table for vCPU `index` (below topology.maxcpus) of the planned machine. Leaves
 * that would be all zero are absent, which reads the same. -E2BIG when the host describes
 * more sub-leaves than the table holds. No allocation, some microseconds, any thread.
 */
int cpuid_build(const struct cpu_plan *plan, unsigned index, struct cpuid_table *table);

/* The argument of KVM_SET_CPUID2; borrowed. */
static inline struct kvm_cpuid2 *cpuid_for_kvm(struct cpuid_table *table)
{
	return (struct kvm_cpuid2 *)table;
}

#endif
