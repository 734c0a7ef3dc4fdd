/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives the vCPUs of a machine the CPUID that -cpu and -smp ask for. */
#ifndef VMM_KVM_CPUS_H
#define VMM_KVM_CPUS_H

#include "common/err.h"
#include "common/strbuf.h"
#include "cpu/cpumodel.h"
#include "vmm/kvm/cputopo.h"
#include "vmm/kvm/kvm.h"
#include "vmm/kvm/vcpu.h"

/* What guests can tell one processor from another by. */
struct cpu_identity {
	char name[64]; /* vendor, signature, width of addresses */
	struct cpu_words words;
};

/* Before the vCPUs run; *identity becomes that of all of them. Features that KVM cannot
 * give are lines in *warnings. -errno with a sentence when the user insisted on one
 * (enforce), or KVM refuses. */
int cpus_set_cpuid(struct kvm_vm *kvm, struct vcpus *vcpus,
                   const struct cpu_config *config, const struct cpu_topology *topology,
                   struct cpu_identity *identity, struct strbuf *warnings,
                   struct err *err);
/* What *identity would become; nothing is changed. Any time. */
int cpus_expand(struct kvm_vm *kvm, struct vcpus *vcpus, const struct cpu_config *config,
                const struct cpu_topology *topology, struct cpu_identity *identity,
                struct err *err);

#endif
