/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decision about a machine's processors: what -cpu asks for, against what KVM can
 * give. Made once per machine, before the first vCPU; cpuid.h turns it into CPUID tables.
 */
#ifndef VMM_KVM_CPUPLAN_H
#define VMM_KVM_CPUPLAN_H

#include "common/err.h"
#include "common/strbuf.h"
#include "cpu/cpufeat.h"
#include "cpu/cpumodel.h"
#include "vmm/kvm/cputopo.h"

#include <linux/kvm.h>

/* What KVM can do beyond its table of supported CPUID. */
struct cpu_caps {
	bool irqchip;           /* the local APICs are in the kernel */
	bool tsc_deadline;      /* KVM_CAP_TSC_DEADLINE_TIMER */
	bool msi_ext_dest_id;   /* the board routes MSIs to APIC ids above 255 */
	bool invtsc;            /* the guest's TSC will run at one rate all its life */
	bool arch_capabilities; /* KVM_GET_MSRS of the system knows MSR 0x10a … */
	uint64_t arch_capabilities_value; /* … with this value */
	char model_id[48];                /* cpu_host_name(), or empty */
	uint32_t tsc_khz;                 /* KVM_GET_TSC_KHZ of a vCPU; 0: unknown */
};

struct cpu_plan {
	const struct kvm_cpuid2 *host; /* borrowed */
	struct cpu_topology topology;
	struct cpu_words words;     /* final: settled and supported */
	uint64_t xcr0, xss;         /* state components that XSAVE manages */
	uint64_t arch_capabilities; /* for MSR 0x10a, where cpu_has(ARCH_CAPABILITIES) */
	char vendor[12];
	char model_id[48];  /* padded with zeros */
	uint32_t signature; /* EAX of leaf 1 */
	uint32_t level, xlevel;
	uint32_t phys_bits;
	uint32_t tsc_khz; /* for leaf 0x40000010; 0: no such leaf */
	bool from_host;   /* -cpu host or max */
	bool host_caches, l3_cache;
	bool cpuid_0xb;
	bool kvm; /* KVM's own leaves */
	bool pmu;
	bool amd; /* AMD's way to describe topology and caches (Hygon too) */
};

/*
 * host: the answer of KVM_GET_SUPPORTED_CPUID, which must outlive the plan. config, caps
 * and topology are copied from. Features that KVM cannot give are left out; with `check`
 * each is a line in *warnings ("host doesn't support requested feature: …", no prefix,
 * each ends with a newline). -EINVAL with a sentence when `enforce` meets such a feature,
 * or when phys-bits is beyond the host's.
 */
int cpu_plan_make(struct cpu_plan *plan, const struct cpu_config *config,
                  const struct kvm_cpuid2 *host, const struct cpu_caps *caps,
                  const struct cpu_topology *topology, struct strbuf *warnings,
                  struct err *err);

/* The name of the processor that this runs on, from the CPUID instruction: KVM's table
 * leaves it out. Padded with zeros; empty when there is none. */
void cpu_host_name(char name[48]);

/* One entry of a table, or NULL. index counts only in leaves that have sub-leaves. */
const struct kvm_cpuid_entry2 *cpuid_host_leaf(const struct kvm_cpuid2 *host,
                                               uint32_t function, uint32_t index);

#endif
