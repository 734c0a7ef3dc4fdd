// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading the driver's module through libkmod. The module has the driver's name with
 * underscores. What counts in the end is that the PCI bus knows the driver.
 */
#include "passthrough/modules.h"

#include "common/cleanup.h"
#include "passthrough/driver.h"

#include <errno.h>
#include <libkmod.h>
#include <string.h>

static const struct {
	int code;
	const char *why;
} reasons[] = {
	{ EPERM, "only root may load modules, and not everywhere; use sudo, outside "
	         "containers" },
	{ EACCES, "only root may load modules; use sudo" },
	{ ENOENT,
	  "there is no such module for this kernel; install its full set of modules, "
	  "or reboot if the kernel was updated" },
	{ ENOKEY,
	  "its signature is missing or unknown (Secure Boot, lockdown); install the "
	  "distribution's signed kernel" },
	{ EKEYREJECTED, "its signature was rejected (Secure Boot, lockdown); install the "
	                "distribution's signed kernel" },
	{ 0, "the kernel refused it; see dmesg" },
};

static void no_log(void *data, int priority, const char *file, int line, const char *fn,
                   const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format,
		(void)args;
}

/* 0, -errno, or 1 when a blacklist forbids it. */
static int insert(const char *name)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_module *module = NULL;
	int ret = -ENOMEM;

	if (!ctx)
		return ret;
	/* Errors are told once, by us. */
	kmod_set_log_fn(ctx, no_log, NULL);
	ret = kmod_module_new_from_name(ctx, name, &module);
	if (!ret)
		ret = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST,
		                                      NULL, NULL, NULL, NULL);
	if (module)
		kmod_module_unref(module);
	kmod_unref(ctx);
	return ret > 0 ? 1 : ret;
}

int modules_ensure(const struct sysroot *root, const char *driver, struct err *err)
{
	char name[DRIVER_SIZE];
	unsigned i = 0;
	int ret;

	if (driver_present(root, driver))
		return 0;
	memcpy(name, driver, strlen(driver) + 1);
	for (char *c = name; *c; c++)
		*c = *c == '-' ? '_' : *c;
	ret = insert(name);
	if (ret > 0)
		return err_set(
			err, EPERM,
			"not loading %s: modprobe.d or the kernel command line "
			"blacklists it; remove that, or load it all the same: modprobe "
			"%s",
			driver, name);
	if (!ret && driver_present(root, driver))
		return 0;
	while (reasons[i].code && reasons[i].code != -ret)
		i++;
	return err_set(err, ret ? -ret : ENODEV, "cannot load %s: %s", driver,
	               reasons[i].why);
}
