// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of checks and its walkers. A new check is one row here and one function in
 * the checks-*.c of its category. Rows stand in the order of cause and effect.
 */
#include "probe/checks.h"

#include "common/cleanup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct check checks[] = {
	{ "cpu.vendor", "cpu", "who made the CPU", "CPUID 0, 1; /proc/cpuinfo",
	  check_cpu_vendor,
	  "Intel CPUs (and Zhaoxin's) virtualize with VMX and kvm_intel, AMD's (and Hygon's) with "
	  "SVM and kvm_amd." },
	{ "cpu.virt", "cpu", "the CPU has VMX or SVM",
	  "CPUID 1:ECX[5], 80000001:ECX[2]; /proc/cpuinfo flags", check_cpu_virt,
	  "Without VMX or SVM no hardware can run a guest. In a virtual machine the hypervisor "
	  "below decides whether they are shown (nested virtualization). It is a failure when "
	  "KVM does not run, a warning when KVM runs guests without them." },
	{ "cpu.firmware", "cpu", "firmware has not switched virtualization off",
	  "MSR 3a or c0010114; else CPUID against /proc/cpuinfo", check_cpu_firmware,
	  "Firmware can lock VMX (IA32_FEATURE_CONTROL, bit 0 locked and bit 2 clear) or SVM "
	  "(VM_CR, bit 4). Linux then removes the flag from /proc/cpuinfo, so that the CPU seems "
	  "to lack it. Root with the msr module reads the register; others see the difference." },
	{ "cpu.flags", "cpu", "the kernel shows the flag on every CPU",
	  "/proc/cpuinfo flags", check_cpu_flags,
	  "CPUs that differ, or a flag that the kernel cleared, point to firmware or microcode "
	  "trouble, to clearcpuid= on the kernel command line, or to Xen below." },
	{ "cpu.long_mode", "cpu", "64-bit guests can run", "CPUID 80000001:EDX[29]",
	  check_cpu_long_mode, "KVM needs long mode on the host for 64-bit guests." },
	{ "cpu.nx", "cpu", "no-execute pages", "CPUID 80000001:EDX[20]", check_cpu_nx,
	  "Some firmware filters NX. Guests then lose the protection too." },
	{ "cpu.slat", "cpu", "the CPU translates guest addresses (EPT, NPT)",
	  "/proc/cpuinfo vmx flags; CPUID 8000000a:EDX[0]", check_cpu_slat,
	  "Without a second level of address translation KVM shadows every page table in "
	  "software." },
	{ "nested.host", "nested", "this host is no virtual machine",
	  "CPUID 1:ECX[31], 40000000", check_nested_host,
	  "Guests of a virtual machine work when the hypervisor below offers nested "
	  "virtualization, but every exit passes through it and costs ten times as much." },
	{ "container.inside", "container",
	  "kvm-check runs on the host, not in a container",
	  "/run/systemd/container, /.dockerenv, /proc/self/cgroup", check_container,
	  "A container sees the outer host's CPU and modules, but its own /dev and its own "
	  "rules about devices." },
	{ "module.support", "modules", "the kernel can load modules",
	  "/proc/modules, /lib/modules, kernel.modules_disabled", check_module_support,
	  "A kernel update removes the running kernel's modules until the next boot; nomodule "
	  "and kernel.modules_disabled=1 forbid loading." },
	{ "module.blacklist", "modules", "nothing keeps KVM's modules out",
	  "modprobe.d, /proc/cmdline", check_module_blacklist,
	  "blacklist lines stop automatic loading, install lines replace loading, "
	  "module_blacklist= makes the kernel refuse. The value names file and line." },
	{ "module.kvm", "modules", "kvm is loaded",
	  "/proc/modules, /sys/module, /lib/modules", check_module_kvm,
	  "The part of KVM that all CPUs share. Built in is as good." },
	{ "module.vendor", "modules", "kvm_intel or kvm_amd is loaded",
	  "/proc/modules, /sys/module, /lib/modules", check_module_vendor,
	  "The part of KVM for this CPU. It refuses to load when firmware has switched "
	  "virtualization off." },
	{ "module.conflict", "modules", "no other hypervisor's module is loaded",
	  "/proc/modules", check_module_conflict,
	  "VirtualBox and VMware use VMX or SVM by themselves. Whoever comes second fails; since "
	  "Linux 6.12 KVM takes it when its module is loaded (kvm.enable_virt_at_load)." },
	{ "module.slat", "modules", "KVM uses EPT or NPT",
	  "/sys/module/kvm_*/parameters/ept, npt", check_module_slat,
	  "ept=0 or npt=0 is meant for debugging; guest memory becomes several times slower." },
	{ "module.nested", "modules", "guests can run guests",
	  "/sys/module/kvm_*/parameters/nested", check_module_nested,
	  "Needed for hypervisors inside guests only." },
	{ "kvm.node", "kvm", "/dev/kvm exists", "stat of /dev/kvm, /proc/misc",
	  check_kvm_node,
	  "The kernel makes the node when kvm_intel or kvm_amd starts; udev gives it to the group "
	  "kvm (0660). In a container it has to be passed in." },
	{ "kvm.access", "kvm", "this user can open /dev/kvm", "open(/dev/kvm, O_RDWR)",
	  check_kvm_access,
	  "Opened for real: mode bits do not tell of ACLs, device filters and security modules. "
	  "EACCES means mode or policy, EPERM a device filter, ENODEV a stale node." },
	{ "kvm.group", "kvm", "this session has the group of /dev/kvm",
	  "getgroups, /etc/group", check_kvm_group,
	  "A new membership counts from the next login on." },
	{ "kvm.api", "kvm", "the interface is version 12", "KVM_GET_API_VERSION",
	  check_kvm_api, "Every kernel since 2.6.22 says 12; anything else is not KVM." },
	{ "kvm.vm", "kvm", "a VM and a vCPU can be created",
	  "KVM_CREATE_VM, KVM_CREATE_VCPU", check_kvm_vm,
	  "The first step that needs the CPU. EBUSY: another hypervisor holds it. EIO or "
	  "EOPNOTSUPP: it cannot be switched on, by firmware or by a hypervisor below." },
	{ "kvm.caps", "kvm", "the kernel has what vmm needs", "KVM_CHECK_EXTENSION",
	  check_kvm_caps,
	  "vmm needs in-kernel interrupt chips, ioeventfd, irqfd and a few "
	  "others, which every kernel since 5.10 has on x86." },
	{ "kvm.backend", "kvm", "what serves /dev/kvm", "/sys/module, CPUID",
	  check_kvm_backend,
	  "kvm_intel and kvm_amd use the CPU's virtualization. Others, such as kvm_pvm, need "
	  "none and run most guests by interpreting them." },
	{ "kvm.trial", "kvm", "a guest really runs", "KVM_RUN of the micro-guest",
	  check_kvm_trial,
	  "A guest of 230 bytes starts in real mode, switches to long mode, computes and is "
	  "checked. Flags promise, this is what happens." },
	{ "kvm.hardware", "kvm", "hardware runs guests",
	  "micro-guest loop against the same loop "
	  "outside",
	  check_kvm_hardware,
	  "The same loop is timed inside and outside a guest. With hardware virtualization both "
	  "are equally fast. An interpreting KVM is over a thousand times slower: a few million "
	  "instructions a second, too slow for a Linux guest." },
	{ "kvm.exit", "kvm", "cost of a VM exit",
	  "port writes of the micro-guest, median", check_kvm_exit,
	  "The time from a guest's port write to user space and back, which bounds emulated "
	  "devices. About 1 us on hardware, 10 us and more nested." },
	{ "iommu.table", "iommu", "firmware describes an IOMMU",
	  "/sys/firmware/acpi/tables, /sys/class/iommu", check_iommu_table,
	  "An IOMMU is needed to give PCI devices to guests. DMAR is Intel's table, IVRS AMD's, "
	  "VIOT virtio's; each is looked for whatever the CPU." },
	{ "iommu.groups", "iommu", "the kernel uses the IOMMU",
	  "/sys/kernel/iommu_groups, /proc/cmdline, /boot/config", check_iommu_groups,
	  "Devices appear in groups when it is on. Kernel messages and parameters prove nothing: "
	  "iommu=off wins over intel_iommu=on." },
	{ "iommu.irq", "iommu", "interrupts are remapped",
	  "/proc/interrupts, /sys/class/iommu/dmar*/intel-iommu/ecap", check_iommu_irq,
	  "Without interrupt remapping a device in a guest's hands could send any interrupt to "
	  "the host, so VFIO refuses (EPERM)." },
	{ "iommu.domain", "iommu", "what the host's own devices pay for the IOMMU",
	  "/sys/kernel/iommu_groups/*/type", check_iommu_domain,
	  "With iommu=pt only devices of guests are translated: faster for the host, less "
	  "protection from its own devices." },
	{ 0 },
};

unsigned checks_run(const struct facts *f, struct result results[CHECKS_MAX])
{
	unsigned n = 0;

	_Static_assert(ARRAY_SIZE(checks) <= CHECKS_MAX + 1, "CHECKS_MAX is too small");
	for (; checks[n].id; n++) {
		results[n] = (struct result){ .status = CHECK_SKIP };
		checks[n].run(f, &results[n]);
	}
	return n;
}

enum check_status checks_verdict(const struct result *results, unsigned count)
{
	enum check_status worst = CHECK_PASS;

	for (unsigned i = 0; i < count; i++) {
		enum check_status s = results[i].status;

		if ((s == CHECK_WARN || s == CHECK_FAIL) && s > worst)
			worst = s;
	}
	return worst;
}

const struct check *check_find(const char *id)
{
	for (const struct check *c = checks; c->id; c++)
		if (!strcmp(c->id, id))
			return c;
	return NULL;
}

const char *check_status_name(enum check_status status)
{
	static const char *const names[] = {
		[CHECK_PASS] = "pass", [CHECK_NOTE] = "note", [CHECK_WARN] = "warn",
		[CHECK_FAIL] = "fail", [CHECK_SKIP] = "skip",
	};

	return names[status];
}

void result_set(struct result *r, enum check_status status, const char *fmt, ...)
{
	va_list ap;

	r->status = status;
	va_start(ap, fmt);
	vsnprintf(r->value, sizeof(r->value), fmt, ap);
	va_end(ap);
}

void result_remedy(struct result *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->remedy, sizeof(r->remedy), fmt, ap);
	va_end(ap);
}
