// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of the processor, of the machine it may be virtual in, and of a container
 * around. CPUID is what the CPU has, cpuinfo is what the kernel left of it; firmware
 * shows in the difference.
 */
#include "probe/checks.h"
#include "probe/cpu.h"
#include "probe/decide.h"

void check_cpu_vendor(const struct facts *f, struct result *r)
{
	const struct cpu_facts *cpu = &f->cpu;

	if (!*cpu->vendor)
		result_set(r, CHECK_SKIP, "the CPU could not be identified");
	else if (!cpu_is_intel(cpu) && !cpu_is_amd(cpu))
		result_set(r, CHECK_NOTE, "%s: no vendor that KVM on x86 knows",
		           cpu->vendor);
	else if (cpu->cpuid_known)
		result_set(r, CHECK_PASS, "%s family %u model %u stepping %u, %u CPUs",
		           cpu->vendor, cpu->family, cpu->model_number, cpu->stepping,
		           cpu->cpus);
	else
		result_set(r, CHECK_PASS, "%s, %u CPUs", cpu->vendor, cpu->cpus);
}

static const char *virt_name(const struct facts *f)
{
	return vendor_module(f) == MODULE_KVM_INTEL ? "VMX (Intel VT-x)" : "SVM (AMD-V)";
}

/* No vmx and no svm. Where KVM runs guests nevertheless, its own checks judge it. */
static void no_virt(const struct facts *f, struct result *r)
{
	bool kvm = backend_of(f) == BACKEND_SOFTWARE;
	enum check_status status = kvm ? CHECK_WARN : CHECK_FAIL;

	if (f->cpu.hypervisor) {
		result_set(r, status,
		           "neither VMX nor SVM: %s does not show it to this machine",
		           hypervisor_title(&f->cpu));
		remedy_nesting(f, r->remedy);
		return;
	}
	result_set(r, status,
	           "neither VMX nor SVM: this CPU has no hardware virtualization");
	result_remedy(r, "use a machine with Intel VT-x or AMD-V");
}

void check_cpu_virt(const struct facts *f, struct result *r)
{
	if (!f->cpu.cpuid_known && !f->cpu.cpus)
		result_set(r, CHECK_SKIP,
		           "neither CPUID nor /proc/cpuinfo could be read");
	else if (has_virt(f))
		result_set(r, CHECK_PASS, "%s", virt_name(f));
	else
		no_virt(f, r);
}

static void firmware_remedy(const struct facts *f, struct result *r)
{
	result_remedy(
		r,
		"in the firmware setup (BIOS), switch on %s, save, and turn the power off "
		"and on again: a warm reboot may keep the lock",
		f->cpu.vmx ? "\"Intel Virtualization Technology\" (VT-x)"
			   : "\"SVM Mode\" (AMD-V)");
}

void check_cpu_firmware(const struct facts *f, struct result *r)
{
	const char *reg = f->cpu.vmx ? "IA32_FEATURE_CONTROL" : "VM_CR";

	switch (firmware_of(f)) {
	case FIRMWARE_ON:
		result_set(r, CHECK_PASS,
		           "virtualization is not switched off by firmware");
		break;
	case FIRMWARE_OFF:
		result_set(r, CHECK_FAIL, "firmware has switched %s off: %s is 0x%llx",
		           virt_name(f), reg, (unsigned long long)f->cpu.msr);
		firmware_remedy(f, r);
		break;
	case FIRMWARE_SEEMS_OFF:
		result_set(
			r, CHECK_FAIL,
			"the CPU has %s, but the kernel switched it off at boot: locked by "
			"firmware (as root, kvm-check reads %s to be sure)",
			virt_name(f), reg);
		firmware_remedy(f, r);
		break;
	default:
		result_set(r, CHECK_SKIP, has_virt(f) ? "needs CPUID" : "needs cpu.virt");
	}
}

void check_cpu_flags(const struct facts *f, struct result *r)
{
	const struct cpu_facts *cpu = &f->cpu;
	const char *flag = vendor_module(f) == MODULE_KVM_INTEL ? "vmx" : "svm";

	if (!cpu->cpus || !has_virt(f))
		result_set(r, CHECK_SKIP, "needs cpu.virt");
	else if (!cpu->flag_cpus)
		result_set(r, CHECK_WARN,
		           "CPUID has %s, /proc/cpuinfo does not: see cpu.firmware",
		           flag);
	else if (cpu->flag_cpus < cpu->cpus)
		result_set(r, CHECK_WARN, "%s on %u of %u CPUs only", flag,
		           cpu->flag_cpus, cpu->cpus);
	else
		result_set(r, CHECK_PASS, "%s on all %u CPUs", flag, cpu->cpus);
	if (r->status == CHECK_WARN && cpu->flag_cpus)
		result_remedy(r, "update the firmware, or take the other CPUs offline");
}

void check_cpu_long_mode(const struct facts *f, struct result *r)
{
	if (!f->cpu.cpuid_known && !f->cpu.cpus)
		result_set(r, CHECK_SKIP,
		           "neither CPUID nor /proc/cpuinfo could be read");
	else if (f->cpu.long_mode)
		result_set(r, CHECK_PASS, "64-bit guests can run");
	else
		result_set(r, CHECK_FAIL, "no long mode: 64-bit guests cannot run");
	if (r->status == CHECK_FAIL)
		result_remedy(r, "use a 64-bit CPU");
}

void check_cpu_nx(const struct facts *f, struct result *r)
{
	if (!f->cpu.cpuid_known && !f->cpu.cpus)
		result_set(r, CHECK_SKIP,
		           "neither CPUID nor /proc/cpuinfo could be read");
	else if (f->cpu.nx)
		result_set(r, CHECK_PASS, "no-execute pages");
	else if (f->cpu.xd_disabled == 1)
		result_set(
			r, CHECK_WARN,
			"firmware filters no-execute pages: bit 34 of IA32_MISC_ENABLE");
	else
		result_set(r, CHECK_WARN,
		           "no-execute pages are missing or filtered by firmware");
	if (r->status == CHECK_WARN)
		result_remedy(
			r, "in the firmware setup (BIOS), switch on \"Execute Disable\" "
			   "(XD, NX)");
}

void check_cpu_slat(const struct facts *f, struct result *r)
{
	bool intel = vendor_module(f) == MODULE_KVM_INTEL;
	bool have = intel ? f->cpu.flag_ept : f->cpu.npt || f->cpu.flag_npt;

	if (!has_virt(f))
		result_set(r, CHECK_SKIP, "needs cpu.virt");
	else if (have)
		result_set(r, CHECK_PASS, "%s", intel ? "EPT" : "nested paging (NPT)");
	else if (!f->cpu.flag_cpus)
		result_set(r, CHECK_SKIP, "needs cpu.flags");
	else
		result_set(r, CHECK_WARN, "no %s: guest memory is slow",
		           intel ? "EPT" : "NPT");
}

void check_nested_host(const struct facts *f, struct result *r)
{
	if (!f->cpu.cpuid_known && !f->cpu.cpus)
		result_set(r, CHECK_SKIP,
		           "neither CPUID nor /proc/cpuinfo could be read");
	else if (f->cpu.hypervisor)
		result_set(
			r, CHECK_NOTE,
			"this host is itself a virtual machine (%s): guests are nested and "
			"every exit costs more",
			hypervisor_title(&f->cpu));
	else
		result_set(r, CHECK_PASS, "no hypervisor below this host");
}

void check_container(const struct facts *f, struct result *r)
{
	if (*f->host.container)
		result_set(
			r, CHECK_NOTE,
			"inside a container (%s): devices and modules are the outer host's",
			f->host.container);
	else
		result_set(r, CHECK_PASS, "not inside a container");
}

void check_cpu_microcode(const struct facts *f, struct result *r)
{
	const struct cpu_facts *cpu = &f->cpu;

	if (!cpu->microcode) {
		result_set(r, CHECK_SKIP, "/proc/cpuinfo does not tell");
	} else if (cpu->hypervisor) {
		result_set(r, CHECK_PASS, "0x%x, as the hypervisor shows it",
		           cpu->microcode);
	} else if (cpu->microcode_others) {
		result_set(r, CHECK_WARN, "0x%x, but %u CPUs have another revision",
		           cpu->microcode, cpu->microcode_others);
		remedy_microcode(f, r->remedy);
	} else {
		result_set(r, CHECK_PASS, "revision 0x%x", cpu->microcode);
	}
}
