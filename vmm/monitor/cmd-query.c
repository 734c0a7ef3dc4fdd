// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What clients ask to find out whom they talk to: boards, CPU models, objects by their
 * path, and kinds of things that this machine has none of, whose answer is an empty list.
 *
 * Paths of objects are those that QEMU's clients build: /machine/peripheral/ID for a
 * device with an id, /machine/peripheral-anon/device[N] for one without, and
 * /machine/unattached/device[N] for what the board made.
 */
#include "common/cleanup.h"
#include "cpu/cpumodel.h"
#include "vmm/core/catalog.h"
#include "vmm/core/device.h"
#include "vmm/core/vm.h"
#include "vmm/machine/config.h"
#include "vmm/monitor/tables.h"
#include "vmm/virtio/balloon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNUSED_ARGS \
	(void)ctx;  \
	(void)args; \
	(void)err

/* ---- none of these ---- */

static int run_empty_list(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	UNUSED_ARGS;
	*result = json_array();
	return 0;
}

static int run_wakeup(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	(void)ctx;
	(void)args;
	(void)result;
	return err_set(err, EINVAL, "Unable to wake up: guest is not in suspended state");
}

static int run_numa(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	UNUSED_ARGS;
	*result = json_string("0 nodes\n");
	return 0;
}

/* ---- boards and CPU models ---- */

static int run_machines(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	UNUSED_ARGS;
	*result = json_pack("[{s:s, s:s, s:b, s:i, s:b, s:b, s:b, s:s, s:s},"
	                    "{s:s, s:i, s:b, s:b, s:b}]",
	                    "name", "pc-i440fx-7.2", "alias", "pc", "is-default", 1,
	                    "cpu-max", CONFIG_MAX_CPUS, "hotpluggable-cpus", 0,
	                    "numa-mem-supported", 0, "deprecated", 0, "default-cpu-type",
	                    "host-x86_64-cpu", "default-ram-id", "pc.ram", "name", "none",
	                    "cpu-max", 1, "hotpluggable-cpus", 0, "numa-mem-supported", 0,
	                    "deprecated", 0);
	return 0;
}

static int run_current_machine(struct mon_ctx *ctx, const json_t *args, json_t **result,
                               struct err *err)
{
	UNUSED_ARGS;
	*result = json_pack("{s:b}", "wakeup-suspend-support", 0);
	return 0;
}

void mon_cpu_type(const struct cpu_model *m, char *type, size_t size)
{
	if (m->version)
		snprintf(type, size, "%s-v%u-x86_64-cpu", m->name, m->version);
	else
		snprintf(type, size, "%s-x86_64-cpu", m->name);
}

static void add_definition(json_t *list, const char *name, const struct cpu_model *m)
{
	char type[80], row[80];

	snprintf(type, sizeof(type), "%s-x86_64-cpu", name);
	mon_cpu_type(m, row, sizeof(row));
	row[strlen(row) - strlen("-x86_64-cpu")] = '\0';
	json_array_append_new(list,
	                      json_pack("{s:s, s:s, s:b, s:b, s:b, s:s*}", "name", name,
	                                "typename", type, "static", 0, "migration-safe",
	                                m->kind != CPU_KIND_HOST, "deprecated", 0,
	                                "alias-of", strcmp(row, name) ? row : NULL));
}

static int run_cpu_definitions(struct mon_ctx *ctx, const json_t *args, json_t **result,
                               struct err *err)
{
	UNUSED_ARGS;
	*result = json_array();
	for (const struct cpu_model *m = cpu_models; m->name; m++) {
		char name[80];

		if (m->version <= 1)
			add_definition(*result, m->name, m);
		if (m->alias)
			add_definition(*result, m->alias, m);
		snprintf(name, sizeof(name), "%s-v%u", m->name, m->version);
		if (m->version)
			add_definition(*result, name, m);
	}
	return 0;
}

/* ---- objects by path ---- */

enum branch { PERIPHERAL, ANONYMOUS, UNATTACHED, BRANCHES };

static const char *const branches[BRANCHES] = {
	[PERIPHERAL] = "peripheral",
	[ANONYMOUS] = "peripheral-anon",
	[UNATTACHED] = "unattached",
};

static enum branch branch_of(const struct device *dev)
{
	return dev->id ? PERIPHERAL : dev->cls->internal ? UNATTACHED : ANONYMOUS;
}

/* The name of a device in its branch. */
static void device_name(const struct device *dev, char *name, size_t size)
{
	char path[DEVICE_QOM_PATH];

	device_qom_path(dev, path, sizeof(path));
	snprintf(name, size, "%s", dev->id ? dev->id : strrchr(path, '/') + 1);
}

static const struct device *find_device(const struct vm *vm, enum branch branch,
                                        const char *name)
{
	for (const struct device *dev = vm->devices; dev; dev = dev->next) {
		char own[80];

		if (branch_of(dev) != branch)
			continue;
		device_name(dev, own, sizeof(own));
		if (!strcmp(own, name))
			return dev;
	}
	return NULL;
}

struct place {
	bool machine;             /* "/machine" itself */
	enum branch branch;       /* BRANCHES: "/" or "/machine" */
	const struct device *dev; /* NULL: the branch itself */
};

static int find_place(const struct vm *vm, const char *path, struct place *place,
                      struct err *err)
{
	const char *p = path;
	_cleanup_free_ char *branch = NULL;

	*place = (struct place){ .branch = BRANCHES };
	if (!strcmp(p, "/"))
		return 0;
	p += *p == '/';
	if (!strncmp(p, "machine", 7) && (!p[7] || p[7] == '/')) {
		place->machine = true;
		p += p[7] ? 8 : 7;
		if (!*p)
			return 0;
		branch = strndup(p, strcspn(p, "/"));
		p += strcspn(p, "/");
		for (unsigned b = 0; branch && b < BRANCHES; b++)
			if (!strcmp(branches[b], branch))
				place->branch = b;
		if (place->branch < BRANCHES && *p)
			place->dev = find_device(vm, place->branch, p + 1);
		if (place->branch < BRANCHES && (!*p || place->dev))
			return 0;
	}
	return err_set(err, ENODEV, "Device '%s' not found", path);
}

static void add_item(json_t *list, const char *name, const char *type)
{
	json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "type", type));
}

static const char *type_name(enum opt_type type)
{
	static const char *const names[] = {
		[OPT_BOOL] = "bool",  [OPT_U8] = "uint8",   [OPT_U16] = "uint16",
		[OPT_U32] = "uint32", [OPT_U64] = "uint64", [OPT_SIZE] = "size",
		[OPT_STR] = "str",    [OPT_ENUM] = "str",   [OPT_TRI] = "OnOffAuto",
	};

	return names[type];
}

static void list_branch(const struct vm *vm, enum branch branch, json_t *list)
{
	for (const struct device *dev = vm->devices; dev; dev = dev->next) {
		char name[80], type[80];

		if (branch_of(dev) != branch)
			continue;
		device_name(dev, name, sizeof(name));
		snprintf(type, sizeof(type), "child<%s>", dev->cls->name);
		add_item(list, name, type);
	}
}

void mon_list_properties(const struct opt_desc *row, json_t *list)
{
	for (; row && row->name; row++)
		if (row->type != OPT_ALIAS)
			add_item(list, row->name, type_name(row->type));
}

static int run_qom_list(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	struct place at;
	int ret = find_place(ctx->vm, mon_str(args, "path", "/"), &at, err);

	if (ret < 0)
		return ret;
	*result = json_array();
	add_item(*result, "type", "string");
	if (at.dev)
		mon_list_properties(at.dev->cls->props, *result);
	if (at.dev && at.dev->cls == &virtio_balloon_pci_class)
		mon_list_balloon(add_item, *result);
	if (!at.dev && at.branch < BRANCHES)
		list_branch(ctx->vm, at.branch, *result);
	else if (!at.dev && !at.machine)
		add_item(*result, "machine", "child<pc-i440fx-7.2-machine>");
	for (unsigned b = 0; b < BRANCHES && at.machine && at.branch == BRANCHES; b++)
		add_item(*result, branches[b], "child<container>");
	return 0;
}

static void print_qom_list(const json_t *result, struct strbuf *out)
{
	size_t i;
	json_t *item;

	json_array_foreach(result, i, item) strbuf_addf(
		out, "%s (%s)\n", mon_str(item, "name", ""), mon_str(item, "type", ""));
}

json_t *mon_property(const struct opt_desc *row, const struct device *dev)
{
	const void *at = (const char *)dev + row->offset;
	_cleanup_strbuf_ struct strbuf text = { 0 };

	switch (row->type) {
	case OPT_BOOL:
		return json_boolean(*(const bool *)at);
	case OPT_U8:
		return json_integer(*(const uint8_t *)at);
	case OPT_U16:
		return json_integer(*(const uint16_t *)at);
	case OPT_U32:
		return json_integer(*(const uint32_t *)at);
	case OPT_U64:
	case OPT_SIZE:
		return json_integer(*(const int64_t *)at);
	case OPT_STR:
		return mon_text(*(char *const *)at ? *(char *const *)at : "");
	default:
		opts_show(row, dev, &text);
		return mon_text(text.data ? text.data : "");
	}
}

static int run_qom_get(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	const char *name = mon_str(args, "property", "");
	struct place at;
	int ret = find_place(ctx->vm, mon_str(args, "path", "/"), &at, err);

	if (ret < 0)
		return ret;
	if (!strcmp(name, "type")) {
		*result = json_string(at.dev ? at.dev->cls->name : "container");
		return 0;
	}
	if (at.dev && at.dev->cls == &virtio_balloon_pci_class)
		*result = mon_balloon_property(ctx->vm, name);
	if (*result)
		return 0;
	for (const struct opt_desc *row = at.dev ? at.dev->cls->props : NULL;
	     row && row->name; row++) {
		if (row->type != OPT_ALIAS && !strcmp(row->name, name)) {
			*result = mon_property(row, at.dev);
			return 0;
		}
	}
	return err_set(err, EINVAL, "Property '%s.%s' not found",
	               at.dev ? at.dev->cls->name : "container", name);
}

static int run_qom_set(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	struct place at;
	int ret = find_place(ctx->vm, mon_str(args, "path", "/"), &at, err);

	(void)result;
	if (ret < 0)
		return ret;
	if (at.dev && at.dev->cls == &virtio_balloon_pci_class)
		return mon_set_balloon_property(ctx->vm, mon_str(args, "property", ""),
		                                json_object_get(args, "value"), err);
	return err_set(err, ENOTSUP, "properties are fixed once a device is there");
}

static void print_json(const json_t *result, struct strbuf *out)
{
	_cleanup_free_ char *text = json_dumps(result, JSON_ENCODE_ANY | JSON_INDENT(4));

	strbuf_addf(out, "%s\n", text ? text : "");
}

static int run_device_properties(struct mon_ctx *ctx, const json_t *args, json_t **result,
                                 struct err *err)
{
	const char *name = mon_str(args, "typename", "");
	const struct device_class *cls = catalog_find(name);

	(void)ctx;
	if (!cls)
		return err_set(err, ENODEV, "Device '%s' not found", name);
	*result = json_array();
	mon_list_properties(cls->props, *result);
	return 0;
}

/* ---- the table ---- */

static const struct mon_arg path_args[] = {
	{ "path", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg get_args[] = {
	{ "path", MON_STR, false, 0, 0, 0 },
	{ "property", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg set_args[] = {
	{ "path", MON_STR, false, 0, 0, 0 },
	{ "property", MON_STR, false, 0, 0, 0 },
	{ "value", MON_ANY, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg typename_args[] = {
	{ "typename", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_query_commands[] = {
	{ "query-machines", NULL, "boards", NULL, "[MachineInfo]", run_machines, NULL },
	{ "query-current-machine", NULL, "what this board can do", NULL,
	  "CurrentMachineParams", run_current_machine, NULL },
	{ "query-cpu-definitions", NULL, "the models of -cpu", NULL,
	  "[CpuDefinitionInfo]", run_cpu_definitions, NULL },
	{ "query-iothreads", "info iothreads", "threads for disks", NULL, "[any]",
	  run_empty_list, NULL },
	{ "query-memory-devices", "info memory-devices", "memory that was added later",
	  NULL, "[any]", run_empty_list, NULL },
	{ NULL, "info numa", "NUMA nodes", NULL, NULL, run_numa, NULL },
	{ "system_wakeup", "system_wakeup", "wake a guest that sleeps (S3)", NULL, NULL,
	  run_wakeup, NULL },
	{ "qom-list", "qom-list", "what is at a path", path_args, "[ObjectPropertyInfo]",
	  run_qom_list, print_qom_list },
	{ "qom-get", "qom-get", "a property of what is at a path", get_args, "any",
	  run_qom_get, print_json },
	{ "qom-set", NULL, "sets a property of the balloon", set_args, NULL, run_qom_set,
	  NULL },
	{ "device-list-properties", NULL, "the keys of a device", typename_args,
	  "[ObjectPropertyInfo]", run_device_properties, NULL },
	{ .help = NULL },
};
