// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which kinds of things there are, for programs that probe an emulator before they start
 * machines (with -machine none): devices, objects, models and boards, and their keys.
 * A type has one parent here, that which programs ask for.
 */
#include "common/cleanup.h"
#include "cpu/cpufeat.h"
#include "cpu/cpumodel.h"
#include "vmm/core/catalog.h"
#include "vmm/kvm/cpus.h"
#include "vmm/machine/config.h"
#include "vmm/machine/control.h"
#include "vmm/monitor/jsonopts.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NO_BOARD "none-machine"
#define BOARD    "pc-i440fx-7.2-machine"

/* What qom-list-types is asked for. */
struct wanted {
	json_t *list;
	const char *implements; /* NULL: all */
};

static void add_type(struct wanted *w, const char *name, const char *parent)
{
	if (!w->implements || !strcmp(w->implements, name) ||
	    !strcmp(w->implements, parent))
		json_array_append_new(
			w->list, json_pack("{s:s, s:s}", "name", name, "parent", parent));
}

static int run_types(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	struct wanted w = { json_array(), mon_str(args, "implements", NULL) };
	const struct opt_desc *rows;
	const char *name;

	(void)ctx;
	(void)err;
	*result = w.list;
	for (const struct device_class *const *c = device_catalog; *c; c++)
		add_type(&w, (*c)->name, "device");
	for (unsigned i = 0; (name = pc_object_type(i, &rows)); i++)
		add_type(&w, name, "object");
	for (const struct cpu_model *m = cpu_models; m->name; m++) {
		char type[80];

		mon_cpu_type(m, type, sizeof(type));
		add_type(&w, type, "x86_64-cpu");
	}
	/* By which programs know that -machine has the key, whose value they want off. */
	add_type(&w, "vmport", "isa-device");
	add_type(&w, "kvm-accel", "accel");
	add_type(&w, NO_BOARD, "machine");
	add_type(&w, BOARD, "machine");
	return 0;
}

/* A processor of any model: the keys of -cpu and its features. */
static void list_cpu(json_t *list)
{
	const char *names[CPU_FEATURE_COUNT];

	mon_list_properties(cpu_properties, list);
	cpu_feature_names(names);
	for (unsigned i = 0; i < CPU_FEATURE_COUNT; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "name", names[i], "type", "bool"));
}

static bool is_cpu(const char *wanted)
{
	char type[80];

	for (const struct cpu_model *m = cpu_models; m->name; m++) {
		mon_cpu_type(m, type, sizeof(type));
		if (!strcmp(type, wanted))
			return true;
	}
	return false;
}

static void find_board(void *opaque, const char *group, const struct opt_desc *keys)
{
	if (!strcmp(group, "machine"))
		*(const struct opt_desc **)opaque = keys;
}

static bool is_board(const char *wanted)
{
	return !strcmp(wanted, NO_BOARD) || !strcmp(wanted, BOARD);
}

static int run_properties(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	const char *wanted = mon_str(args, "typename", ""), *name;
	const struct device_class *cls = catalog_find(wanted);
	const struct opt_desc *rows = cls ? cls->props : NULL;

	if (is_cpu(wanted)) {
		list_cpu(*result = json_array());
		return 0;
	}
	if (is_board(wanted))
		pc_config(ctx->pc)->list_options(find_board, &rows);
	for (unsigned i = 0; !cls && !is_board(wanted); i++) {
		name = pc_object_type(i, &rows);
		if (!name)
			return err_set(err, ENODEV, "Class '%s' not found", wanted);
		if (!strcmp(name, wanted))
			break;
	}
	*result = json_array();
	mon_list_properties(rows, *result);
	return 0;
}

/* ---- what a CPU model is on this host ---- */

/* "NAME,KEY=VALUE..." as -cpu has it. */
static int model_text(const json_t *model, struct strbuf *out, struct err *err)
{
	struct opt_list props = { 0 };
	const json_t *given = json_object_get(model, "props");
	const char *name = json_string_value(json_object_get(model, "name"));
	int ret = 0;

	if (!name || strchr(name, ','))
		return err_usage(err, "Parameter 'model.name' is missing");
	strbuf_adds(out, name);
	for (void *i = json_object_iter((json_t *)given); i && ret >= 0;
	     i = json_object_iter_next((json_t *)given, i)) {
		opt_list_free(&props);
		ret = jsonopts_add(&props, json_object_iter_key(i),
		                   json_object_iter_value(i), err);
		if (ret >= 0 && strchr(props.opts[0].value, ','))
			ret = err_usage(err, "Invalid parameter '%s'",
			                props.opts[0].value);
		if (ret >= 0)
			strbuf_addf(out, ",%s=%s", props.opts[0].key,
			            props.opts[0].value);
	}
	opt_list_free(&props);
	return ret;
}

/* CPUID 1, EAX */
static void add_signature(json_t *props, const char *name)
{
	char vendor[13];
	unsigned eax, family;

	if (sscanf(name, "%12s %x", vendor, &eax) != 2)
		return;
	family = eax >> 8 & 15;
	json_object_set_new(props, "vendor", json_string(vendor));
	json_object_set_new(props, "family",
	                    json_integer(family + (family == 15 ? eax >> 20 & 255 : 0)));
	json_object_set_new(props, "model",
	                    json_integer((eax >> 4 & 15) | (eax >> 12 & 0xf0)));
	json_object_set_new(props, "stepping", json_integer(eax & 15));
}

/* Both types are all features, and the model that was asked for: it has no name that
 * would mean the same on each host. */
static int run_expansion(struct mon_ctx *ctx, const json_t *args, json_t **result,
                         struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	const json_t *model = json_object_get(args, "model");
	const char *names[CPU_FEATURE_COUNT];
	struct cpu_identity cpu;
	json_t *props;
	int ret = model_text(model, &text, err);

	if (ret >= 0)
		ret = pc_cpu_expand(ctx->pc, text.data, &cpu, err);
	if (ret < 0)
		return ret;
	props = json_object();
	cpu_feature_names(names);
	for (unsigned i = 0; i < CPU_FEATURE_COUNT; i++) {
		struct cpu_words mask = { 0 };

		cpu_feature_find(names[i], &mask);
		cpu_words_andnot(&mask, &cpu.words);
		json_object_set_new(props, names[i],
		                    json_boolean(!memcmp(&mask, &(struct cpu_words){ 0 },
		                                         sizeof(mask))));
	}
	add_signature(props, cpu.name);
	*result = json_pack("{s:{s:O, s:o}}", "model", "name",
	                    json_object_get(model, "name"), "props", props);
	return 0;
}

static const struct mon_arg expansion_args[] = {
	{ "type", MON_STR, false, 0, MON_OF_CPU_EXPANSION, 0 },
	{ "model", MON_ANY, false, 0, MON_OF_CPU_MODEL, 0 },
	{ .name = NULL },
};

/* ---- options ---- */

static json_t *describe_key(const struct opt_desc *row)
{
	static const char *const types[] = {
		[OPT_BOOL] = "boolean", [OPT_U8] = "number",   [OPT_U16] = "number",
		[OPT_U32] = "number",   [OPT_U64] = "number",  [OPT_SIZE] = "size",
		[OPT_STR] = "string",   [OPT_ENUM] = "string", [OPT_TRI] = "string",
	};

	return json_pack("{s:s, s:s, s:s*, s:s*}", "name", row->name, "type",
	                 types[row->type], "help", row->help, "default",
	                 opts_default(row));
}

struct options {
	json_t *list;
	const char *wanted; /* NULL: all */
};

static void add_option(void *opaque, const char *group, const struct opt_desc *keys)
{
	struct options *o = opaque;
	json_t *parameters = json_array();

	for (; keys && keys->name; keys++)
		if (keys->type != OPT_ALIAS)
			json_array_append_new(parameters, describe_key(keys));
	if (!o->wanted || !strcmp(o->wanted, group))
		json_array_append_new(o->list, json_pack("{s:s, s:O}", "option", group,
		                                         "parameters", parameters));
	json_decref(parameters);
}

static int run_options(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	struct options o = { json_array(), mon_str(args, "option", NULL) };

	pc_config(ctx->pc)->list_options(add_option, &o);
	*result = o.list;
	return o.wanted && !json_array_size(o.list)
	               ? err_set(err, EINVAL, "invalid option name '%s'", o.wanted)
	               : 0;
}

/* ---- the table ---- */

static const struct mon_arg option_args[] = {
	{ "option", MON_STR, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg types_args[] = {
	{ "implements", MON_STR, true, 0, 0, 0 },
	{ "abstract", MON_BOOL, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg typename_args[] = {
	{ "typename", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_types_commands[] = {
	{ "qom-list-types", NULL, "the kinds of things that there are", types_args,
	  "[ObjectTypeInfo]", run_types, NULL },
	{ "qom-list-properties", NULL,
	  "the keys of a device, an object, a CPU or a board", typename_args,
	  "[ObjectPropertyInfo]", run_properties, NULL },
	{ "query-cpu-model-expansion", NULL, "the features of a CPU model on this host",
	  expansion_args, "CpuModelExpansionInfo", run_expansion, NULL },
	{ "query-command-line-options", NULL, "options and their keys", option_args,
	  "[CommandLineOptionInfo]", run_options, NULL },
	{ .help = NULL },
};
