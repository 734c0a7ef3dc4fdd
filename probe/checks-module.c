// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of kernel modules: can they be loaded, are they, what stops them, and do their
 * parameters take something away. A built-in module is as good as a loaded one.
 */
#include "probe/checks.h"
#include "probe/decide.h"
#include "probe/module.h"

#include <stdio.h>

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
		result_remedy(r, "on the outer host: sudo kvm-check --load");
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
	} else if (m->state == MODULE_AVAILABLE) {
		result_set(r, CHECK_FAIL, "%s is not loaded", name);
		result_remedy(r, "sudo kvm-check --load");
	} else if (!f->modules.directory) {
		result_set(r, CHECK_SKIP, "needs module.support");
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
