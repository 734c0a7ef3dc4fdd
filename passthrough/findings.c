// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Findings and the table of their reasons. Invariant: a list that lost an entry says so,
 * because what is not in it may be what protects a disk.
 */
#include "passthrough/findings.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum power { NEVER, FORCE, WARN };

static const struct {
	const char *name;
	enum power power;
	const char *help;
} reasons[REASON_COUNT] = {
	[REASON_BRIDGE] = { "bridge", NEVER, "it is a bridge" },
	[REASON_HELD] = { "held", NEVER, "a running guest holds it" },
	[REASON_NO_IOMMU] = { "no-iommu", NEVER, "no IOMMU guards it" },
	[REASON_ROOT_DISK] = { "root-disk", NEVER, "this system runs from it" },
	[REASON_NOIOMMU_MODE] = { "noiommu-mode", FORCE,
	                          "without an IOMMU; taints the kernel" },
	[REASON_UNSAFE_INTERRUPTS] = { "unsafe-interrupts", FORCE,
	                               "interrupts are not remapped" },
	[REASON_RMRR] = { "rmrr", FORCE, "firmware keeps memory of it mapped" },
	[REASON_SHARED_GROUP] = { "shared-group", FORCE,
	                          "others in its IOMMU group stay in use" },
	[REASON_HAS_VFS] = { "has-vfs", FORCE, "it has virtual functions" },
	[REASON_BOOT_VGA] = { "boot-vga", FORCE, "the console is on it" },
	[REASON_MOUNTED] = { "mounted", FORCE, "a file system on it is mounted" },
	[REASON_SWAP] = { "swap", FORCE, "the host swaps to it" },
	[REASON_DM] = { "dm", FORCE, "LVM, encryption or multipath uses it" },
	[REASON_MD] = { "md", FORCE, "it is part of a RAID" },
	[REASON_ZFS] = { "zfs", FORCE, "it is part of a ZFS pool" },
	[REASON_CLAIMED] = { "claimed", FORCE, "the kernel says its disk is in use" },
	[REASON_CONSOLE] = { "console", FORCE, "the host's console is on it" },
	[REASON_DEFAULT_ROUTE] = { "default-route", FORCE, "the default route uses it" },
	[REASON_ROUTE] = { "route", FORCE, "a route uses it" },
	[REASON_SSH] = { "ssh", FORCE, "your SSH connection comes through it" },
	[REASON_MASTER] = { "master", FORCE, "it is a port of a bridge, bond or team" },
	[REASON_UPPER] = { "upper", FORCE, "a VLAN or the like is on top of it" },
	[REASON_RESET] = { "reset", WARN, NULL },
	[REASON_POWER] = { "power", WARN, NULL },
	[REASON_SIGNATURE] = { "signature", WARN, NULL },
	[REASON_TWIN_IDS] = { "twin-ids", WARN, NULL },
	[REASON_SLOTS] = { "slots", WARN, NULL },
};

const char *reason_name(enum reason reason)
{
	return reasons[reason].name;
}

bool reason_refuses(enum reason reason)
{
	return reasons[reason].power != WARN;
}

bool reason_forceable(enum reason reason)
{
	return reasons[reason].power == FORCE;
}

static int force_one(struct forced *forced, const char *name, struct err *err)
{
	const char *names[REASON_COUNT + 1] = { 0 }, *near;
	unsigned count = 0;

	for (unsigned i = 0; i < REASON_COUNT; i++) {
		if (reasons[i].power == FORCE)
			names[count++] = reasons[i].name;
		if (strcmp(reasons[i].name, name))
			continue;
		if (reasons[i].power == FORCE) {
			forced->reason[i] = true;
			return 0;
		}
		return err_usage(err,
		                 reasons[i].power == NEVER
		                         ? "'%s' cannot be forced: it would harm the host"
		                         : "'%s' is a warning: it needs no --force",
		                 name);
	}
	near = opt_nearest(name, names);
	if (near)
		return err_usage(err, "there is no reason '%s', did you mean '%s'?", name,
		                 near);
	return err_usage(err, "there is no reason '%s'; see kvm-assign --force help",
	                 name);
}

int forced_parse(struct forced *forced, const char *names, struct err *err)
{
	int ret = 0;

	while (!ret && *names) {
		size_t len = strcspn(names, ",");
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		ret = force_one(forced, name, err);
		names += len + (names[len] == ',');
	}
	return ret;
}

void forced_help(struct strbuf *out)
{
	for (unsigned i = 0; i < REASON_COUNT; i++)
		if (reasons[i].power == FORCE)
			strbuf_addf(out, "%-18s although %s\n", reasons[i].name,
			            reasons[i].help);
}

void findings_add(struct findings *list, enum reason reason, const char *fmt, ...)
{
	struct finding *grown =
		realloc(list->finding, (list->count + 1) * sizeof(*grown));
	va_list ap;

	if (!grown) {
		list->failed = true;
		return;
	}
	list->finding = grown;
	grown += list->count++;
	grown->reason = reason;
	va_start(ap, fmt);
	vsnprintf(grown->text, sizeof(grown->text), fmt, ap);
	va_end(ap);
}

void findings_free(struct findings *list)
{
	free(list->finding);
	*list = (struct findings){ 0 };
}
