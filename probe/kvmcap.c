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
};

enum { KVM_API = 12 };

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
	};
	memset(kvm->cap, 0xff, sizeof(kvm->cap));
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

static void try_vm(int fd, struct kvm_facts *kvm)
{
	_cleanup_close_ int vm = -1, vcpu = -1;

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
	return fd;
}
