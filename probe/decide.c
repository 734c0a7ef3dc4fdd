// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The decisions. Flags and modules are evidence, what KVM did is the verdict: a built-in
 * kvm_amd exists on Intel machines too, a KVM without vmx or svm may still run guests,
 * and a module with hardware behind it may still interpret.
 */
#include "probe/decide.h"

#include "probe/cpu.h"

enum {
	/* Interpreters were seen at 1/2500 of native speed, hardware and emulated
	 * hardware at 1/2 and above; a loaded machine does not cost a factor of ten. */
	INTERPRETED_FACTOR = 50,
	SLOW_FACTOR = 4,
};

const char *backend_name(enum backend backend)
{
	static const char *const names[] = {
		[BACKEND_NONE] = "none",
		[BACKEND_KVM_INTEL] = "kvm_intel",
		[BACKEND_KVM_AMD] = "kvm_amd",
		[BACKEND_SOFTWARE] = "software",
	};

	return names[backend];
}

bool has_virt(const struct facts *f)
{
	return f->cpu.vmx || f->cpu.svm || f->cpu.flag_vmx || f->cpu.flag_svm;
}

int vendor_module(const struct facts *f)
{
	if (f->cpu.vmx || f->cpu.flag_vmx)
		return MODULE_KVM_INTEL;
	if (f->cpu.svm || f->cpu.flag_svm)
		return MODULE_KVM_AMD;
	if (cpu_is_intel(&f->cpu))
		return MODULE_KVM_INTEL;
	return cpu_is_amd(&f->cpu) ? MODULE_KVM_AMD : -1;
}

bool module_present(const struct facts *f, enum module_id id)
{
	return f->modules.module[id].state >= MODULE_BUILTIN;
}

bool modules_loadable(const struct facts *f)
{
	return f->modules.supported && f->modules.directory && !f->modules.disabled;
}

bool kvm_works(const struct facts *f)
{
	return !f->kvm.vm_err && !f->kvm.vcpu_err;
}

/* A driver took the device: by any of the ways to see it. */
static bool kvm_registered(const struct facts *f)
{
	if (f->kvm.registered >= 0)
		return f->kvm.registered;
	return f->kvm.api >= 0 || !f->kvm.node_err || !f->kvm.open_err;
}

/* What the registers and flags say, whatever KVM does. */
static enum firmware firmware_evidence(const struct facts *f)
{
	const struct cpu_facts *cpu = &f->cpu;
	bool off;

	if (!cpu->vmx && !cpu->svm)
		return FIRMWARE_UNKNOWN;
	if (!cpu->msr_err) {
		/* VMX: locked without "VMX outside SMX"; an unlocked register is set by
		 * the kernel itself. SVM: SVMDIS. */
		off = cpu->vmx ? (cpu->msr & 5) == 1 : cpu->msr >> 4 & 1;
		return off ? FIRMWARE_OFF : FIRMWARE_ON;
	}
	if (!cpu->cpus)
		return FIRMWARE_UNKNOWN;
	return cpu->flag_cpus ? FIRMWARE_ON : FIRMWARE_SEEMS_OFF;
}

enum backend backend_of(const struct facts *f)
{
	int vendor = vendor_module(f);
	bool pvm = module_present(f, MODULE_KVM_PVM);

	if (!kvm_registered(f))
		return BACKEND_NONE;
	if (pvm && firmware_evidence(f) != FIRMWARE_ON)
		return BACKEND_SOFTWARE;
	if (has_virt(f) && module_present(f, vendor))
		return vendor == MODULE_KVM_INTEL ? BACKEND_KVM_INTEL : BACKEND_KVM_AMD;
	/* Whatever serves /dev/kvm here, it does so without the CPU's help. */
	if (pvm || !has_virt(f))
		return BACKEND_SOFTWARE;
	/* The module's directory may be hidden from a container. */
	if (!kvm_works(f))
		return BACKEND_NONE;
	return vendor == MODULE_KVM_INTEL ? BACKEND_KVM_INTEL : BACKEND_KVM_AMD;
}

enum speed speed_of(const struct facts *f)
{
	const struct trial_facts *t = &f->trial;

	if (t->state != TRIAL_OK || !t->native_rate)
		return SPEED_UNKNOWN;
	if (t->long_rate < t->native_rate / INTERPRETED_FACTOR)
		return SPEED_INTERPRETED;
	return t->long_rate < t->native_rate / SLOW_FACTOR ? SPEED_SLOW : SPEED_NATIVE;
}

bool hardware_of(const struct facts *f)
{
	enum backend backend = backend_of(f);

	if (backend != BACKEND_KVM_INTEL && backend != BACKEND_KVM_AMD)
		return false;
	if (f->kvm.open_err != FACT_UNTRIED && !kvm_works(f))
		return false;
	return f->trial.state != TRIAL_FAILED && speed_of(f) != SPEED_INTERPRETED;
}

enum firmware firmware_of(const struct facts *f)
{
	bool running = kvm_works(f) && backend_of(f) != BACKEND_SOFTWARE;

	return running ? FIRMWARE_ON : firmware_evidence(f);
}
