// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -global: properties for every device of a class, unless the device itself is given
 * them. "driver.property=value", or driver=,property=,value=.
 */
#include "vmm/machine/internal.h"

#include "common/cleanup.h"
#include "vmm/core/catalog.h"

#include <errno.h>
#include <string.h>

static const struct opt_desc global_table[] = {
	{ .name = "driver",
	  .type = OPT_STR,
	  .offset = offsetof(struct vm_global, driver) },
	{ .name = "property",
	  .type = OPT_STR,
	  .offset = offsetof(struct vm_global, property) },
	{ .name = "value", .type = OPT_STR, .offset = offsetof(struct vm_global, value) },
	{ .name = NULL },
};

/* The short form has a dot before its first "=". */
static int split_short(const char *text, struct vm_global *global)
{
	size_t name = strcspn(text, "."), key = strcspn(text, "=");

	global->driver = strndup(text, name);
	global->property = strndup(text + name + 1, key - name - 1);
	global->value = strdup(text + key + 1);
	return global->driver && global->property && global->value ? 0 : -ENOMEM;
}

/* Of devices that are no devices here, but part of KVM or of nothing: programs set them
 * by habit. */
static bool is_moot(const struct vm_global *global)
{
	static const char *const moot[][2] = {
		{ "kvm-pit", "lost_tick_policy" },
		{ "mc146818rtc", "lost_tick_policy" },
		{ "virtio-blk-pci", "scsi" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(moot); i++)
		if (!strcmp(moot[i][0], global->driver) &&
		    !strcmp(moot[i][1], global->property))
			return true;
	return false;
}

static int check(const struct vm_global *global, struct err *err)
{
	const struct device_class *cls;

	if (!global->driver || !global->property || !global->value)
		return err_usage(err, "write DRIVER.PROPERTY=VALUE");
	if (is_moot(global))
		return 0;
	cls = catalog_find(global->driver);
	if (!cls)
		return err_usage(err, "there is no device '%s'; -device help lists them",
		                 global->driver);
	for (const struct opt_desc *row = cls->props; row && row->name; row++)
		if (!strcmp(row->name, global->property))
			return 0;
	return err_usage(err, "%s has no property '%s'; -device %s,help lists them",
	                 global->driver, global->property, global->driver);
}

static int parse(const char *text, struct vm_global *global, struct err *err)
{
	struct opt_list list = { 0 };
	int ret;

	if (strcspn(text, ".") < strcspn(text, "=") && strchr(text, '='))
		return split_short(text, global) < 0 ? err_sys(err, ENOMEM, "%s", text)
		                                     : 0;
	ret = opt_list_parse(&list, text, NULL, err);
	if (ret >= 0)
		ret = opts_apply(global_table, &list, global, NULL, err);
	opt_list_free(&list);
	return ret;
}

int pc_add_globals(struct pc *pc, struct err *err)
{
	const struct str_list *list = &pc->config->globals;
	int ret = 0;

	pc->vm.globals = calloc(list->count + 1, sizeof(*pc->vm.globals));
	if (!pc->vm.globals)
		return err_sys(err, ENOMEM, "-global");
	for (unsigned i = 0; i < list->count && ret >= 0; i++) {
		struct vm_global *global = &pc->vm.globals[pc->vm.global_count++];

		ret = parse(list->items[i], global, err);
		if (ret >= 0)
			ret = check(global, err);
		if (ret < 0)
			err_prefix(err, "-global %s", list->items[i]);
	}
	return ret;
}

void pc_free_globals(struct pc *pc)
{
	for (unsigned i = 0; i < pc->vm.global_count; i++)
		opts_free(global_table, &pc->vm.globals[i]);
	free(pc->vm.globals);
}
