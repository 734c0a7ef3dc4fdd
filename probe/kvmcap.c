// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The KVM interface as this user gets it (Documentation/virt/kvm/api.rst). Each step is
 * tried once and its errno kept: the checks explain it. Nothing here runs a guest.
 */
#include "probe/kvmcap.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#define CAP(cap, must, text)                                                        \
	{                                                                           \
		.name = #cap, .number = KVM_CAP_##cap, .needed = must, .what = text \
	}

const struct kvm_cap kvm_caps[KVM_CAP_COUNT] = {
	CAP(USER_MEMORY, true, "guest memory"),
	CAP(IRQCHIP, true, "interrupt controllers in the kernel"),
	CAP(PIT2, true, "timer chip in the kernel"),
	CAP(IOEVENTFD, true, "guest notifications without a stop of the vCPU"),
	CAP(IRQFD, true, "interrupts raised by other threads"),
	CAP(SIGNAL_MSI, true, "message-signalled interrupts"),
	CAP(IMMEDIATE_EXIT, true, "stopping a vCPU without a race"),
	CAP(READONLY_MEM, false, "firmware in ROM"),
	CAP(SPLIT_IRQCHIP, false, "interrupt controllers split with user space"),
	CAP(X2APIC_API, false, "more than 255 vCPUs"),
	CAP(TSC_CONTROL, false, "TSC scaling, for migration"),
	CAP(TSC_DEADLINE_TIMER, false, "TSC-deadline timer"),
	CAP(ADJUST_CLOCK, false, "kvmclock kept across migration"),
	CAP(NESTED_STATE, false, "migration of nested guests"),
	CAP(MANUAL_DIRTY_LOG_PROTECT2, false, "cheaper dirty logs"),
	CAP(PMU_CAPABILITY, false, "performance counters"),
	CAP(NR_VCPUS, false, "recommended limit of vCPUs"),
	CAP(MAX_VCPUS, false, "limit of vCPUs"),
	CAP(MAX_VCPU_ID, false, "limit of APIC ids"),
	CAP(NR_MEMSLOTS, false, "memory regions"),
	CAP(HYPERV, false, "Hyper-V hypercalls, for Windows"),
	CAP(HYPERV_SYNIC, false, "Hyper-V interrupt controller and timers"),
	CAP(HYPERV_CPUID, false, "the list of Hyper-V enlightenments"),
	CAP(DIRTY_LOG_RING, false, "dirty pages as a ring"),
	CAP(XSAVE2, false, "register state beyond 4 KiB (AMX)"),
	CAP(X86_BUS_LOCK_EXIT, false, "exits on bus locks"),
};

enum { KVM_API = 12, CPUID_ENTRIES = 256, MSR_ARCH_CAPABILITIES = 0x10a };

void kvm_facts_init(struct kvm_facts *kvm)
{
	*kvm = (struct kvm_facts){
		.node_err = FACT_UNTRIED,
		.registered = -1,
		.open_err = FACT_UNTRIED,
		.api_err = FACT_UNTRIED,
		.api = -1,
		.vm_err = FACT_UNTRIED,
		.vcpu_err = FACT_UNTRIED,
		.features_err = FACT_UNTRIED,
	};
	memset(kvm->cap, 0xff, sizeof(kvm->cap));
}

int32_t kvm_cap_of(const struct kvm_facts *kvm, const char *name)
{
	for (unsigned i = 0; i < KVM_CAP_COUNT; i++)
		if (!strcmp(kvm_caps[i].name, name))
			return kvm->cap[i];
	return -1;
}

bool kvm_in_misc(const char *misc)
{
	for (const char *line = misc; *line;) {
		const char *name = line + strspn(line, " 0123456789");

		if (!strncmp(name, "kvm\n", 4) || !strcmp(name, "kvm"))
			return true;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

static void gather_node(const struct sysroot *root, struct kvm_facts *kvm)
{
	_cleanup_free_ char *misc = NULL;
	struct stat st;
	int ret;

	if (!sysroot_read(root, "proc/misc", 65536, &misc))
		kvm->registered = kvm_in_misc(misc);
	if (!root->live)
		return;
	ret = sysroot_stat(root, "dev/kvm", &st);
	kvm->node_err = -ret;
	if (ret < 0)
		return;
	kvm->node_char = S_ISCHR(st.st_mode);
	kvm->node_major = major(st.st_rdev);
	kvm->node_minor = minor(st.st_rdev);
	kvm->node_mode = st.st_mode & 07777;
	kvm->node_uid = st.st_uid;
	kvm->node_gid = st.st_gid;
}

/* ---- features ---- */

static const struct kvm_cpuid_entry2 *find_leaf(const struct kvm_cpuid2 *cpuid,
                                                const struct cpu_word_info *info)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == info->function &&
		    (!info->indexed || e->index == info->index))
			return e;
	}
	return NULL;
}

static uint32_t arch_capabilities(int fd)
{
	union {
		struct kvm_msrs msrs;
		char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} u = { .msrs.nmsrs = 1 };

	u.msrs.entries[0].index = MSR_ARCH_CAPABILITIES;
	return ioctl(fd, KVM_GET_MSRS, &u.msrs) == 1 ? (uint32_t)u.msrs.entries[0].data
	                                             : 0;
}

/* What KVM could show to a guest. Bits that come from vmm, whatever the CPU is, count as
 * there: they never stop a migration. */
static void gather_features(int fd, bool tsc_deadline, struct kvm_facts *kvm)
{
	_cleanup_free_ struct kvm_cpuid2 *cpuid = NULL;
	struct cpu_words *words = &kvm->features;

	cpuid = calloc(1, sizeof(*cpuid) + CPUID_ENTRIES * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return;
	cpuid->nent = CPUID_ENTRIES;
	kvm->features_err = ioctl(fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0 ? errno : 0;
	if (kvm->features_err)
		return;
	for (unsigned i = 0; i < CPU_WORDS; i++) {
		const struct cpu_word_info *info = &cpu_word_info[i];
		const struct kvm_cpuid_entry2 *e =
			info->msr ? NULL : find_leaf(cpuid, info);

		if (e)
			words->w[i] = (const uint32_t[]){ e->eax, e->ebx, e->ecx,
				                          e->edx }[info->reg];
	}
	words->w[CPU_W_ARCH_CAPS] = arch_capabilities(fd);
	cpu_set(words, CPU_HYPERVISOR);
	cpu_set(words, CPU_HT);
	cpu_set(words, CPU_CMP_LEGACY);
	cpu_set(words, CPU_ARAT);
	cpu_set(words, CPU_KVM_HINT_DEDICATED);
	cpu_assign(words, CPU_TSC_DEADLINE, tsc_deadline);
}

static void try_vm(int fd, struct kvm_facts *kvm)
{
	_cleanup_close_ int vm = -1, vcpu = -1;
	int khz;

	/* CREATE_VM answers EINTR when a signal arrives early; there is none worth
	 * obeying. */
	do {
		vm = ioctl(fd, KVM_CREATE_VM, 0);
	} while (vm < 0 && errno == EINTR);
	kvm->vm_err = vm < 0 ? errno : 0;
	if (vm < 0)
		return;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	kvm->vcpu_err = vcpu < 0 ? errno : 0;
	khz = vcpu < 0 ? -1 : ioctl(vcpu, KVM_GET_TSC_KHZ, 0);
	kvm->tsc_khz = khz > 0 ? khz : 0;
}

int kvm_gather(const struct sysroot *root, struct kvm_facts *kvm)
{
	int fd;

	kvm_facts_init(kvm);
	gather_node(root, kvm);
	if (!root->live)
		return -ENOTSUP;
	/* Something else under that name may be opened, but not asked. */
	fd = kvm->node_char || kvm->node_err ? sysroot_open_node(root, "dev/kvm", O_RDWR)
	                                     : -ENOTTY;
	kvm->open_err = fd < 0 ? -fd : 0;
	if (fd < 0)
		return fd;
	kvm->api = ioctl(fd, KVM_GET_API_VERSION, 0);
	kvm->api_err = kvm->api < 0 ? errno : 0;
	if (kvm->api != KVM_API)
		return fd;
	for (unsigned i = 0; i < KVM_CAP_COUNT; i++)
		kvm->cap[i] = ioctl(fd, KVM_CHECK_EXTENSION, (long)kvm_caps[i].number);
	try_vm(fd, kvm);
	gather_features(
		fd, ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0, kvm);
	return fd;
}
