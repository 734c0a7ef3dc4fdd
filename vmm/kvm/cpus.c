// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPUID of all vCPUs: KVM's table of what it supports is asked for once, the plan is made
 * once, and each vCPU gets its own copy with its APIC id.
 */
#include "vmm/kvm/cpus.h"

#include "common/cleanup.h"
#include "vmm/kvm/cpuid.h"
#include "vmm/kvm/cpuplan.h"
#include "vmm/kvm/internal.h"

#include <stdio.h>
#include <string.h>

#define MSR_ARCH_CAPABILITIES 0x10a
#define CPUID_INVARIANT_TSC   (1u << 8)    /* 0x80000007 EDX */
#define MCG_CTL_P             (1ull << 8)  /* MCG_CAP: there is a control register */
#define MCG_SER_P             (1ull << 24) /* software can recover from some errors */
#define MCE_BANKS             10
#define CPUID_FIRST           128 /* entries to offer KVM at first; few hosts need more */

static int one_msr(int fd, unsigned long request, uint32_t index, uint64_t *value)
{
	struct {
		uint32_t nmsrs, pad; /* struct kvm_msrs */
		struct kvm_msr_entry entry;
	} msr = { .nmsrs = 1, .entry = { .index = index, .data = *value } };
	int ret = ioctl(fd, request, &msr);

	*value = msr.entry.data;
	return ret < 0 ? -errno : ret;
}

static struct kvm_cpuid2 *supported_cpuid(struct kvm_vm *kvm, struct err *err)
{
	for (unsigned count = CPUID_FIRST; count <= 1024; count *= 2) {
		struct kvm_cpuid2 *table =
			calloc(1, sizeof(*table) + count * sizeof(table->entries[0]));

		if (!table) {
			err_sys(err, ENOMEM, "CPUID table");
			return NULL;
		}
		table->nent = count;
		if (ioctl(kvm_fd(kvm), KVM_GET_SUPPORTED_CPUID, table) == 0)
			return table;
		free(table);
		if (errno != E2BIG)
			break;
	}
	err_sys(err, errno, "KVM cannot tell which CPU features it supports");
	return NULL;
}

static struct cpu_caps capabilities(struct kvm_vm *kvm, int vcpu,
                                    const struct kvm_cpuid2 *host)
{
	const struct kvm_cpuid_entry2 *power = cpuid_host_leaf(host, 0x80000007, 0);
	struct cpu_caps caps = {
		.irqchip = true,
		.tsc_deadline = kvm_cap(kvm, KVM_CAP_TSC_DEADLINE_TIMER),
		.invtsc = power && power->edx & CPUID_INVARIANT_TSC,
	};
	int khz = ioctl(vcpu, KVM_GET_TSC_KHZ, 0);

	caps.tsc_khz = khz > 0 ? khz : 0;
	caps.arch_capabilities = one_msr(kvm_fd(kvm), KVM_GET_MSRS, MSR_ARCH_CAPABILITIES,
	                                 &caps.arch_capabilities_value) == 1;
	return caps;
}

/* Ten banks, as on the machines of QEMU, all enabled: KVM delivers machine checks only to
 * a guest that was given banks. */
static uint64_t machine_check_banks(struct kvm_vm *kvm)
{
	int banks = kvm_cap(kvm, KVM_CAP_MCE);
	uint64_t cap = 0;

	if (banks <= 0 || ioctl(kvm_fd(kvm), KVM_X86_GET_MCE_CAP_SUPPORTED, &cap) < 0)
		return 0;
	return (cap & (MCG_CTL_P | MCG_SER_P)) | (banks < MCE_BANKS ? banks : MCE_BANKS);
}

static int set_one(int fd, const struct cpu_plan *plan, uint64_t mce, unsigned index,
                   struct err *err)
{
	struct cpuid_table table;
	int ret = cpuid_build(plan, index, &table);

	if (ret < 0)
		return err_sys(err, -ret, "the CPUID table of vCPU %u", index);
	if (ioctl(fd, KVM_SET_CPUID2, cpuid_for_kvm(&table)) < 0)
		return err_sys(err, errno, "KVM refuses the CPUID table of vCPU %u",
		               index);
	if (mce && cpu_has(&plan->words, CPU_MCE) &&
	    ioctl(fd, KVM_X86_SETUP_MCE, &mce) < 0)
		return err_sys(err, errno,
		               "KVM refuses the machine check banks of vCPU %u", index);
	if (cpu_has(&plan->words, CPU_ARCH_CAPABILITIES)) {
		uint64_t value = plan->arch_capabilities;

		ret = one_msr(fd, KVM_SET_MSRS, MSR_ARCH_CAPABILITIES, &value);
		if (ret < 0)
			return err_sys(err, -ret,
			               "KVM refuses the capabilities of vCPU %u", index);
	}
	return 0;
}

/* host becomes what the plan was made from, owned by the caller on success. */
static int make_plan(struct kvm_vm *kvm, struct vcpus *vcpus,
                     const struct cpu_config *config, const struct cpu_topology *topology,
                     struct kvm_cpuid2 **host, struct cpu_plan *plan,
                     struct cpu_identity *identity, struct strbuf *warnings,
                     struct err *err)
{
	struct cpu_caps caps;
	int ret;

	*host = supported_cpuid(kvm, err);
	if (!*host)
		return -err->code;
	caps = capabilities(kvm, vcpu_fd(vcpus, 0), *host);
	if (config->model->kind == CPU_KIND_HOST)
		cpu_host_name(caps.model_id);
	ret = cpu_plan_make(plan, config, *host, &caps, topology, warnings, err);
	if (ret < 0)
		return ret;
	identity->words = plan->words;
	snprintf(identity->name, sizeof(identity->name), "%.12s %x, %u bits",
	         plan->vendor, plan->signature, plan->phys_bits);
	return 0;
}

int cpus_set_cpuid(struct kvm_vm *kvm, struct vcpus *vcpus,
                   const struct cpu_config *config, const struct cpu_topology *topology,
                   struct cpu_identity *identity, struct strbuf *warnings,
                   struct err *err)
{
	_cleanup_free_ struct kvm_cpuid2 *host = NULL;
	struct cpu_plan plan;
	uint64_t mce;
	int ret;

	if (config->tsc_hz && ioctl(vcpu_fd(vcpus, 0), KVM_SET_TSC_KHZ,
	                            (unsigned long)config->tsc_hz / 1000) < 0)
		return err_sys(err, errno,
		               "-cpu: this host's KVM cannot run the TSC at %llu Hz",
		               (unsigned long long)config->tsc_hz);
	mce = machine_check_banks(kvm);
	ret = make_plan(kvm, vcpus, config, topology, &host, &plan, identity, warnings,
	                err);
	for (unsigned i = 0; i < vcpus_count(vcpus) && ret >= 0; i++)
		ret = set_one(vcpu_fd(vcpus, i), &plan, mce, i, err);
	return ret;
}

int cpus_expand(struct kvm_vm *kvm, struct vcpus *vcpus, const struct cpu_config *config,
                const struct cpu_topology *topology, struct cpu_identity *identity,
                struct err *err)
{
	_cleanup_strbuf_ struct strbuf warnings = { 0 };
	_cleanup_free_ struct kvm_cpuid2 *host = NULL;
	struct cpu_plan plan;

	return make_plan(kvm, vcpus, config, topology, &host, &plan, identity, &warnings,
	                 err);
}
