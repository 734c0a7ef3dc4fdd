// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel counts: exits and their reasons, faults, times. Providers have names
 * and filters, as in QEMU; there is one, kvm. A vCPU's numbers can be read only while it
 * is out of the guest.
 */
#include "common/cleanup.h"
#include "vmm/core/device.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/inspect.h"
#include "vmm/machine/control.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct filter {
	const json_t *names; /* of strings; NULL: all */
	bool schema;         /* what they are, not their values */
	json_t *out;
};

static bool has_name(const json_t *names, const char *name)
{
	size_t i;
	json_t *item;

	json_array_foreach(names, i, item)
	{
		const char *text = json_string_value(item);

		if (text && (!strcmp(text, name) || !strcmp(text, "*")))
			return true;
	}
	return !names;
}

static json_t *value_of(const struct kvm_stat *s)
{
	json_t *value;

	if (s->count == 1)
		return json_integer(s->values[0]);
	value = json_array();
	for (unsigned i = 0; i < s->count; i++)
		json_array_append_new(value, json_integer(s->values[i]));
	return value;
}

static void add_stat(void *opaque, const struct kvm_stat *s)
{
	struct filter *f = opaque;
	json_t *entry;

	if (!has_name(f->names, s->name))
		return;
	entry = json_pack("{s:o}", "name", mon_text(s->name));
	json_array_append_new(f->out, entry);
	if (!f->schema) {
		json_object_set_new(entry, "value", value_of(s));
		return;
	}
	json_object_set_new(entry, "type", json_string(s->type));
	json_object_set_new(entry, "exponent", json_integer(s->exponent));
	if (s->unit)
		json_object_set_new(entry, "unit", json_string(s->unit));
	if (s->exponent)
		json_object_set_new(entry, "base", json_integer(s->base));
	if (s->bucket_size)
		json_object_set_new(entry, "bucket-size", json_integer(s->bucket_size));
}

/* cpu -1: the machine's. */
static int add_target(struct mon_ctx *ctx, int cpu, const json_t *names, json_t *results,
                      struct err *err)
{
	json_t *entry = json_pack("{s:s, s:[]}", "provider", "kvm", "stats");
	struct filter f = { .names = names, .out = json_object_get(entry, "stats") };
	char path[DEVICE_QOM_PATH];

	if (cpu >= 0) {
		mon_cpu_path(ctx->vm, cpu, path, sizeof(path));
		json_object_set_new(entry, "qom-path", json_string(path));
	}
	json_array_append_new(results, entry);
	return pc_stats(ctx->pc, cpu, add_stat, &f, err);
}

/* The names that are wanted of kvm; false: nothing of it is. */
static bool wants_kvm(const json_t *providers, const json_t **names)
{
	size_t i;
	json_t *item;

	*names = NULL;
	json_array_foreach(providers, i, item)
	{
		if (strcmp(mon_str(item, "provider", ""), "kvm"))
			continue;
		*names = json_object_get(item, "names");
		return true;
	}
	return !providers;
}

static int check_target(const char *target, struct err *err)
{
	return !strcmp(target, "vcpu") || !strcmp(target, "vm")
	               ? 0
	               : err_usage(err, "target '%s': there are vm and vcpu", target);
}

static int run_stats(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	const char *target = mon_str(args, "target", "vcpu");
	const json_t *cpus = json_object_get(args, "vcpus"), *names;
	bool wanted = wants_kvm(json_object_get(args, "providers"), &names);
	json_t *results;
	int ret = check_target(target, err);

	if (ret < 0)
		return ret;
	*result = results = json_array();
	if (!wanted)
		return 0;
	if (!strcmp(target, "vm"))
		return add_target(ctx, -1, names, results, err);
	for (unsigned i = 0; i < pc_cpu_count(ctx->pc) && ret >= 0; i++) {
		char path[DEVICE_QOM_PATH];

		mon_cpu_path(ctx->vm, i, path, sizeof(path));
		if (has_name(cpus, path))
			ret = add_target(ctx, i, names, results, err);
	}
	return ret;
}

/* ---- what they are ---- */

static int add_schema(struct mon_ctx *ctx, const char *target, json_t *list,
                      struct err *err)
{
	json_t *entry = json_pack("{s:s, s:s, s:[]}", "provider", "kvm", "target", target,
	                          "stats");
	struct filter f = { .schema = true, .out = json_object_get(entry, "stats") };

	json_array_append_new(list, entry);
	return pc_stats(ctx->pc, strcmp(target, "vm") ? 0 : -1, add_stat, &f, err);
}

static int run_schemas(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	int ret;

	*result = json_array();
	if (strcmp(mon_str(args, "provider", "kvm"), "kvm"))
		return err_usage(err, "Parameter 'provider' does not accept value '%s'",
		                 mon_str(args, "provider", ""));
	ret = add_schema(ctx, "vm", *result, err);
	return ret < 0 ? ret : add_schema(ctx, "vcpu", *result, err);
}

/* ---- for people ---- */

static const json_t *find_name(const json_t *list, const char *name)
{
	size_t i;
	json_t *item;

	json_array_foreach(
		list, i, item) if (!strcmp(mon_str(item, "name", ""), name)) return item;
	return NULL;
}

/* "cumulative, ns": a prefix where there is one for the factor. */
static void print_kind(const json_t *schema, struct strbuf *out)
{
	static const char *const prefixes[] = { "n", "u", "m", "" };
	const char *unit = mon_str(schema, "unit", NULL);
	int exponent = mon_int(schema, "exponent", 0);
	bool seconds = unit && !strcmp(unit, "seconds");

	strbuf_addf(out, " (%s", mon_str(schema, "type", ""));
	if (seconds && mon_int(schema, "base", 10) == 10 && exponent <= 0 &&
	    exponent >= -9 && exponent % 3 == 0)
		strbuf_addf(out, ", %ss", prefixes[exponent / 3 + 3]);
	else if (exponent)
		strbuf_addf(out, ", * %d^%d%s%s", (int)mon_int(schema, "base", 10),
		            exponent, unit ? " " : "", unit ? unit : "");
	else if (unit)
		strbuf_addf(out, ", %s", strcmp(unit, "bytes") ? unit : "B");
	if (json_object_get(schema, "bucket-size"))
		strbuf_addf(out, ", bucket size=%d",
		            (int)mon_int(schema, "bucket-size", 0));
	strbuf_adds(out, "):");
}

static void print_value(const json_t *value, struct strbuf *out)
{
	size_t i;
	json_t *item;

	if (json_is_integer(value))
		strbuf_addf(out, " %lld", (long long)json_integer_value(value));
	json_array_foreach(value, i, item)
		strbuf_addf(out, " [%zu]=%lld", i, (long long)json_integer_value(item));
}

static void print_stats(const json_t *stats, const json_t *schemas, struct strbuf *out)
{
	size_t i;
	json_t *stat;

	json_array_foreach(stats, i, stat)
	{
		const char *name = mon_str(stat, "name", "");

		strbuf_addf(out, "    %s", name);
		print_kind(find_name(schemas, name), out);
		print_value(json_object_get(stat, "value"), out);
		strbuf_addc(out, '\n');
	}
}

/* "a,b" as a list; NULL: all. */
static json_t *split(const char *text)
{
	json_t *list = text ? json_array() : NULL;

	while (text && *text) {
		size_t n = strcspn(text, ",");

		json_array_append_new(list, json_stringn(text, n));
		text += n + (text[n] == ',');
	}
	return list;
}

/* Of a vCPU: the one that "cpu" chose. */
static int run_info_stats(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	const char *target = mon_str(args, "target", "vcpu");
	_cleanup_strbuf_ struct strbuf out = { 0 };
	json_t *names, *results, *schemas;
	int ret = check_target(target, err);

	if (ret < 0)
		return ret;
	if (strcmp(mon_str(args, "provider", "kvm"), "kvm"))
		return err_usage(err, "there is no provider '%s'; there is kvm",
		                 mon_str(args, "provider", ""));
	names = split(mon_str(args, "names", NULL));
	results = json_array();
	schemas = json_array();
	ret = add_target(ctx, strcmp(target, "vm") ? (int)ctx->cpu : -1, names, results,
	                 err);
	if (ret >= 0)
		ret = add_schema(ctx, target, schemas, err);
	if (ret >= 0) {
		strbuf_adds(&out, "provider: kvm\n");
		print_stats(json_object_get(json_array_get(results, 0), "stats"),
		            json_object_get(json_array_get(schemas, 0), "stats"), &out);
		*result = mon_text(out.data);
	}
	json_decref(names);
	json_decref(results);
	json_decref(schemas);
	return ret;
}

/* ---- the table ---- */

void mon_propose_targets(struct vm *vm, void (*add)(void *opaque, const char *value),
                         void *opaque)
{
	(void)vm;
	add(opaque, "vm");
	add(opaque, "vcpu");
}

static const struct mon_arg stats_args[] = {
	{ "target", MON_STR, true, 0, MON_OF_STATS_TARGET, 0 },
	{ "vcpus", MON_ANY, true, 0, MON_OF_STRINGS, 0 },
	{ "providers", MON_ANY, true, 0, MON_OF_STATS_REQUESTS, 0 },
	{ .name = NULL },
};

static const struct mon_arg schema_args[] = {
	{ "provider", MON_STR, true, 0, MON_OF_STATS_PROVIDER, 0 },
	{ .name = NULL },
};

static const struct mon_arg hmp_args[] = {
	{ "target", MON_STR, true, 0, 0, MON_PROPOSE_TARGETS },
	{ "names", MON_STR, true, 0, 0, 0 },
	{ "provider", MON_STR, true, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_stats_commands[] = {
	{ "query-stats", NULL, "what KVM counts: exits and their reasons", stats_args,
	  "[StatsResult]", run_stats, NULL },
	{ "query-stats-schemas", NULL, "what can be counted", schema_args,
	  "[StatsSchema]", run_schemas, NULL },
	{ NULL, "info stats", "what KVM counts, of the machine or of a CPU; names: a,b",
	  hmp_args, NULL, run_info_stats, NULL },
	{ .help = NULL },
};
