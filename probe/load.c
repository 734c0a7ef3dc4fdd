// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loads modules through libkmod, which resolves dependencies, softdeps and options as
 * modprobe does. The kernel's errno says little; the facts gathered before say why, so
 * each failure becomes a sentence with its remedy.
 */
#include "probe/load.h"

#include "common/cleanup.h"
#include "probe/decide.h"
#include "probe/module.h"
#include "probe/remedy.h"

#include <errno.h>
#include <libkmod.h>
#include <string.h>

static const struct {
	int code;
	const char *why, *remedy;
} reasons[] = {
	{ EPERM, "only root may load modules", "use sudo" },
	{ EACCES, "only root may load modules", "use sudo" },
	{ EOPNOTSUPP, "the CPU's virtualization is not available",
	  "switch it on in the firmware setup (BIOS)" },
	{ EIO,
	  "the CPU's virtualization is switched off by firmware or by the hypervisor below",
	  "switch it on in the firmware setup, or allow nested virtualization there" },
	{ ENODEV, "no such device: this module is for another CPU", "see kvm-check" },
	{ EBUSY, "another hypervisor holds the CPU's virtualization",
	  "stop VirtualBox or VMware, then: sudo modprobe -r vboxdrv vmmon" },
	{ ENOEXEC, "the file was built for another kernel",
	  "reboot into the newest kernel" },
	{ ENOKEY, "its signature is missing or unknown (Secure Boot, lockdown)",
	  "install the distribution's signed kernel, or enroll the key: mokutil --import" },
	{ EKEYREJECTED, "its signature was rejected (Secure Boot, lockdown)",
	  "install the distribution's signed kernel, or enroll the key: mokutil --import" },
	{ ENOSYS, "the kernel has no module support", "boot a kernel with KVM" },
	{ ENOENT, "there is no such module for this kernel",
	  "install it, or reboot if the kernel was updated" },
	{ 0, "the kernel refused", "look at: sudo dmesg | tail" },
};

static int explain(const struct facts *facts, const char *name, int code, struct err *err)
{
	bool locked = *facts->host.lockdown && strcmp(facts->host.lockdown, "none");
	unsigned i = 0;

	/* Root is refused for other reasons than being nobody. */
	if (code == EPERM && !facts->user.uid && facts->modules.disabled)
		return err_set(err, code,
		               "cannot load %s: module loading is switched off "
		               "(kernel.modules_disabled=1); reboot",
		               name);
	if (code == EPERM && !facts->user.uid)
		return err_set(
			err, code, "cannot load %s: root may not load modules here; %s",
			name,
			locked ? "the kernel is locked down: install signed modules"
			       : "run it outside this container or sandbox");
	while (reasons[i].code && reasons[i].code != code)
		i++;
	return err_set(err, code, "cannot load %s: %s; %s", name, reasons[i].why,
	               reasons[i].remedy);
}

/* What stops the load before the kernel is asked. */
static int refuse(const struct facts *facts, enum module_id id, struct err *err)
{
	const struct module_facts *m = &facts->modules.module[id];
	const char *name = module_names[id];

	if (m->state >= MODULE_BUILTIN)
		return 0;
	if (!facts->modules.supported)
		return err_set(
			err, ENOSYS,
			"cannot load %s: this kernel has no module support; boot one "
			"with KVM",
			name);
	if (m->refused)
		return err_set(
			err, EPERM,
			"cannot load %s: module_blacklist= on the kernel command line "
			"forbids it; remove it there and reboot",
			name);
	if (*m->install)
		return err_set(err, EPERM,
		               "cannot load %s: %s replaces its loading; remove "
		               "that line",
		               name, m->install);
	if (*m->blacklist)
		return err_set(
			err, EPERM,
			"not loading %s: %s blacklists it; remove that line, or load "
			"it all the same with: modprobe %s",
			name, m->blacklist, name);
	if (m->state == MODULE_MISSING && !facts->modules.directory)
		return err_set(
			err, ENOENT,
			"cannot load %s: /lib/modules/%s is missing; reboot if the "
			"kernel was updated, and load it outside a container",
			name, facts->host.kernel);
	return 0;
}

static int insert(struct kmod_ctx *ctx, const char *name)
{
	struct kmod_module *module = NULL;
	int ret = kmod_module_new_from_name(ctx, name, &module);

	if (ret < 0)
		return ret;
	ret = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, NULL,
	                                      NULL, NULL, NULL);
	kmod_module_unref(module);
	/* A positive result is the reason for which it was passed over. */
	return ret > 0 ? -EPERM : ret;
}

static void no_log(void *data, int priority, const char *file, int line, const char *fn,
                   const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format,
		(void)args;
}

static int choose(const struct facts *facts, enum module_id *id, struct err *err)
{
	int vendor = vendor_module(facts);
	char remedy[REMEDY_MAX];

	if (has_virt(facts)) {
		*id = vendor;
		return 0;
	}
	if (!facts->cpu.hypervisor)
		return err_set(err, ENODEV,
		               "nothing to load: this CPU has neither VMX nor SVM; use a "
		               "machine with Intel VT-x or AMD-V");
	remedy_nesting(facts, remedy);
	return err_set(err, ENODEV,
	               "nothing to load: %s shows this machine neither VMX nor SVM; %s",
	               hypervisor_title(&facts->cpu), remedy);
}

int load_modules(const struct facts *facts, const char **loaded, struct err *err)
{
	struct kmod_ctx *ctx;
	enum module_id id;
	int ret = choose(facts, &id, err);

	if (ret < 0)
		return ret;
	*loaded = module_names[id];
	if (module_present(facts, MODULE_KVM) && module_present(facts, id))
		return 0;
	ret = refuse(facts, MODULE_KVM, err);
	if (!ret)
		ret = refuse(facts, id, err);
	if (ret < 0)
		return ret;
	ctx = kmod_new(NULL, NULL);
	if (!ctx)
		return err_sys(err, ENOMEM, "cannot load %s", *loaded);
	/* Errors are told once, by us. */
	kmod_set_log_fn(ctx, no_log, NULL);
	ret = insert(ctx, *loaded);
	kmod_unref(ctx);
	return ret < 0 && ret != -EEXIST ? explain(facts, *loaded, -ret, err) : 0;
}
