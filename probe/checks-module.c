// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of kernel modules: can they be loaded, are they, what stops them, and do their
 * parameters take something away. A built-in module is as good as a loaded one.
 */
#include "probe/checks.h"
#include "probe/decide.h"
#include "probe/module.h"
#include "probe/param.h"

#include <stdio.h>
#include <string.h>

/* KVM runs on something else than the vendor's module. */
static bool other_backend(const struct facts *f)
{
	return backend_of(f) == BACKEND_SOFTWARE;
}

void check_module_support(const struct facts *f, struct result *r)
{
	const struct modules_facts *m = &f->modules;
	bool needed = !module_present(f, MODULE_KVM);

	if (!*f->host.kernel)
		result_set(r, CHECK_SKIP, "not captured");
	else if (!m->supported)
		result_set(r, needed ? CHECK_FAIL : CHECK_PASS,
		           "the kernel has no module support%s",
		           needed ? " and no KVM built in" : "; KVM is built in");
	else if (m->disabled)
		result_set(r, needed ? CHECK_FAIL : CHECK_NOTE,
		           "module loading is switched off until the next boot%s",
		           needed ? " and KVM is not loaded" : "");
	else if (!m->directory)
		result_set(r, needed ? CHECK_FAIL : CHECK_NOTE,
		           "/lib/modules/%s is missing%s", f->host.kernel,
		           needed ? ": the kernel was updated, or this is a container"
		                  : "");
	else
		result_set(r, CHECK_PASS, "modules can be loaded");
	if (r->status != CHECK_FAIL)
		return;
	if (!m->supported)
		remedy_kernel_package(f, r->remedy);
	else if (!m->disabled && *f->host.container)
		remedy_load(f, r->remedy);
	else if (m->disabled)
		result_remedy(r, "remove nomodule from the kernel command line and "
		                 "kernel.modules_disabled from sysctl.d, then reboot");
	else
		result_remedy(r, "sudo reboot");
}

/* What keeps this module out; false when nothing does. */
static bool blocked(const struct facts *f, enum module_id id, struct result *r)
{
	const struct module_facts *m = &f->modules.module[id];
	char param[64];
	const char *name = module_names[id];
	enum check_status status = module_present(f, id) ? CHECK_NOTE : CHECK_FAIL;

	if (m->refused) {
		snprintf(param, sizeof(param), "module_blacklist=%s", name);
		result_set(r, status, "the kernel refuses %s: %s on its command line",
		           name, param);
		remedy_param(f, param, false, r->remedy);
	} else if (*m->install) {
		result_set(r, status, "%s replaces the loading of %s by a command",
		           m->install, name);
		result_remedy(r, "remove that line, then: sudo kvm-check --load");
	} else if (*m->blacklist) {
		result_set(r, module_present(f, id) ? CHECK_NOTE : CHECK_WARN,
		           "%s is blacklisted by %s: not loaded at boot", name,
		           m->blacklist);
		result_remedy(r, "remove that line, or load it by name: sudo modprobe %s",
		              name);
	}
	return r->status != CHECK_SKIP;
}

void check_module_blacklist(const struct facts *f, struct result *r)
{
	int vendor = vendor_module(f);

	r->status = CHECK_SKIP;
	if (blocked(f, MODULE_KVM, r) || (vendor >= 0 && blocked(f, vendor, r)))
		return;
	result_set(r, CHECK_PASS, "KVM's modules are not blacklisted");
}

static void one_module(const struct facts *f, enum module_id id, struct result *r)
{
	static const char *const states[] = { "missing", "not loaded", "built in",
		                              "loaded" };
	const struct module_facts *m = &f->modules.module[id];
	const char *name = module_names[id];

	if (m->state >= MODULE_BUILTIN) {
		result_set(r, CHECK_PASS, "%s is %s", name, states[m->state]);
	} else if (*f->host.container && f->kvm.registered == 1) {
		result_set(r, CHECK_PASS, "the outer host's kernel runs KVM");
	} else if (!modules_loadable(f)) {
		result_set(r, CHECK_SKIP, "needs module.support");
	} else if (m->state == MODULE_AVAILABLE) {
		result_set(r, CHECK_FAIL, "%s is not loaded", name);
		remedy_load(f, r->remedy);
	} else {
		result_set(r, CHECK_FAIL, "kernel %s has no module %s", f->host.kernel,
		           name);
		remedy_kernel_package(f, r->remedy);
	}
}

void check_module_kvm(const struct facts *f, struct result *r)
{
	if (kvm_works(f) && f->modules.module[MODULE_KVM].state < MODULE_BUILTIN)
		result_set(r, CHECK_PASS, "KVM is in the kernel");
	else
		one_module(f, MODULE_KVM, r);
}

void check_module_vendor(const struct facts *f, struct result *r)
{
	int vendor = vendor_module(f);

	if (other_backend(f))
		result_set(r, CHECK_SKIP, "KVM runs without a vendor module");
	else if (!has_virt(f) || vendor < 0)
		result_set(r, CHECK_SKIP, "needs cpu.virt");
	else if (kvm_works(f) && !module_present(f, vendor))
		result_set(r, CHECK_PASS, "KVM is in the kernel");
	else
		one_module(f, vendor, r);
	/* A module that cannot start is not worth loading. */
	if (r->status == CHECK_FAIL && firmware_of(f) >= FIRMWARE_OFF)
		result_set(r, CHECK_SKIP, "needs cpu.firmware");
	if (r->status == CHECK_SKIP)
		r->remedy[0] = '\0';
}

void check_module_conflict(const struct facts *f, struct result *r)
{
	bool vbox = module_present(f, MODULE_VBOXDRV);

	if (!vbox && !module_present(f, MODULE_VMMON)) {
		result_set(r, CHECK_PASS, "no other hypervisor's module is loaded");
		return;
	}
	result_set(r, CHECK_WARN,
	           "%s is loaded: only one of it and KVM can run guests at a time",
	           vbox ? "VirtualBox's vboxdrv" : "VMware's vmmon");
	result_remedy(r, vbox ? "stop its machines, then: sudo modprobe -r vboxnetadp "
	                        "vboxnetflt vboxdrv"
	                      : "stop its machines, then: sudo modprobe -r vmmon");
}

void check_module_slat(const struct facts *f, struct result *r)
{
	bool intel = vendor_module(f) == MODULE_KVM_INTEL;
	const char *name = intel ? "ept" : "npt";

	if (f->modules.slat < 0 || other_backend(f)) {
		result_set(r, CHECK_SKIP, "no such parameter");
	} else if (f->modules.slat) {
		result_set(r, CHECK_PASS, "%s=Y", name);
	} else {
		result_set(r, CHECK_WARN, "%s=N: guest memory is slow", name);
		result_remedy(
			r,
			"remove %s=0 from /etc/modprobe.d and the kernel command line, then: "
			"sudo modprobe -r %s && sudo modprobe %s",
			name, intel ? "kvm_intel" : "kvm_amd",
			intel ? "kvm_intel" : "kvm_amd");
	}
}

void check_module_nested(const struct facts *f, struct result *r)
{
	if (f->modules.nested < 0 || other_backend(f))
		result_set(r, CHECK_SKIP, "no such parameter");
	else
		result_set(r, f->modules.nested ? CHECK_PASS : CHECK_NOTE,
		           "guests can%s run guests of their own",
		           f->modules.nested ? "" : "not");
}

/* Parts of the CPU's virtualization that KVM uses unless it was told not to. */
static const struct {
	enum module_id module;
	enum kvm_param param;
} features[] = {
	{ MODULE_KVM_INTEL, PARAM_kvm_intel_unrestricted_guest },
	{ MODULE_KVM_INTEL, PARAM_kvm_intel_vpid },
	{ MODULE_KVM_INTEL, PARAM_kvm_intel_pml },
	{ MODULE_KVM_AMD, PARAM_kvm_amd_nrips },
	{ MODULE_KVM_AMD, PARAM_kvm_amd_vgif },
	{ MODULE_KVM_AMD, PARAM_kvm_amd_vls },
	{ MODULE_KVM, PARAM_kvm_tdp_mmu },
};

void check_module_features(const struct facts *f, struct result *r)
{
	char off[160] = "";
	unsigned known = 0;

	for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		int on = param_switch(&f->params, features[i].param);
		size_t len = strlen(off);

		if (on < 0 || !module_present(f, features[i].module))
			continue;
		known++;
		if (!on)
			snprintf(off + len, sizeof(off) - len, " %s=N",
			         param_names[features[i].param].name);
	}
	if (!known || other_backend(f)) {
		result_set(r, CHECK_SKIP, "no such parameters");
	} else if (*off) {
		result_set(r, CHECK_NOTE,
		           "%s: switched off, or this CPU lacks it; guests run slower",
		           off + 1);
		result_remedy(r, "if they were switched off: remove the lines from "
		                 "/etc/modprobe.d, then reload the module");
	} else {
		result_set(r, CHECK_PASS, "KVM uses all that it can");
	}
}

void check_module_apic(const struct facts *f, struct result *r)
{
	bool intel = vendor_module(f) == MODULE_KVM_INTEL;
	int on = param_switch(&f->params,
	                      intel ? PARAM_kvm_intel_enable_apicv : PARAM_kvm_amd_avic);

	if (on < 0 || other_backend(f))
		result_set(r, CHECK_SKIP, "no such parameter");
	else if (on)
		result_set(r, CHECK_PASS, "interrupts reach guests without an exit");
	else
		result_set(r, CHECK_WARN, "%s=N: each interrupt stops the guest",
		           intel ? "enable_apicv" : "avic");
	if (r->status == CHECK_WARN)
		remedy_option(f, intel ? "kvm_intel" : "kvm_amd",
		              intel ? "enable_apicv=1" : "avic=1", r->remedy);
}

void check_module_options(const struct facts *f, struct result *r)
{
	if (*f->modules.conflict) {
		result_set(r, CHECK_WARN, "%s: only the last one counts",
		           f->modules.conflict);
		result_remedy(r, "remove one of the two");
	} else {
		result_set(r, CHECK_PASS, "no parameter is set to two values");
	}
}

void check_module_msrs(const struct facts *f, struct result *r)
{
	int ignore = param_switch(&f->params, PARAM_kvm_ignore_msrs);

	if (ignore < 0)
		result_set(r, CHECK_SKIP, "no such parameter");
	else if (ignore)
		result_set(r, CHECK_NOTE,
		           "kvm.ignore_msrs=Y: unknown registers read as 0, "
		           "which hides what a guest misses");
	else
		result_set(r, CHECK_PASS, "unknown registers fault in the guest");
}

void check_module_virt_load(const struct facts *f, struct result *r)
{
	int at_load = f->modules.enable_virt_at_load;
	bool other = module_present(f, MODULE_VBOXDRV) || module_present(f, MODULE_VMMON);

	if (at_load < 0) {
		result_set(r, CHECK_SKIP, "no such parameter (before Linux 6.12)");
	} else if (at_load && other) {
		result_set(
			r, CHECK_WARN,
			"KVM takes the CPU's virtualization when it is loaded, so that the "
			"other hypervisor finds it busy");
		remedy_option(f, "kvm", "enable_virt_at_load=0", r->remedy);
	} else {
		result_set(r, CHECK_PASS, "KVM takes the CPU's virtualization %s",
		           at_load ? "when it is loaded" : "with the first guest");
	}
}

void check_module_sign(const struct facts *f, struct result *r)
{
	bool locked = *f->host.lockdown && strcmp(f->host.lockdown, "none");

	if (f->modules.sig_enforce < 0 && !*f->host.lockdown)
		result_set(r, CHECK_SKIP, "the kernel does not tell");
	else if (f->modules.sig_enforce == 1 || locked)
		result_set(r, CHECK_NOTE,
		           "the kernel takes signed modules only: those of its "
		           "distribution load, others need an enrolled key");
	else
		result_set(r, CHECK_PASS, "unsigned modules load, too");
}
