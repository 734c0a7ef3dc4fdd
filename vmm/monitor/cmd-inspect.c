// SPDX-License-Identifier: GPL-2.0-or-later
/* The in-kernel side of the machine: interrupt chips, statistics, machine checks. */
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/inspect.h"
#include "vmm/loop/loop.h"
#include "vmm/machine/control.h"
#include "vmm/monitor/session.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- interrupt chips ---- */

static int run_pic(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	int ret = inspect_pic(ctx->vm->kvm, &out, err);

	(void)args;
	*result = mon_text(out.data ? out.data : "");
	return ret;
}

static int run_lapic(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	int ret = pc_lapic_dump(ctx->pc, ctx->cpu, &out, err);

	(void)args;
	*result = mon_text(out.data ? out.data : "");
	return ret;
}

static int run_irq(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	uint32_t lines = 0;
	int ret = inspect_lines(ctx->vm->kvm, &lines, err);

	(void)args;
	strbuf_adds(&out, "IRQ statistics not available: the controllers are KVM's\n"
	                  "raised lines:");
	for (unsigned i = 0; i < 24; i++)
		if (lines >> i & 1)
			strbuf_addf(&out, " %u", i);
	strbuf_adds(&out, lines ? "\n" : " none\n");
	*result = mon_text(out.data);
	return ret;
}

/* ---- time ---- */

static int run_uptime(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	uint64_t s = (loop_now() - ctx->set->started) / 1000000000;

	(void)args;
	(void)err;
	strbuf_addf(&out, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " since vmm started\n",
	            s / 3600, s / 60 % 60, s % 60);
	*result = mon_text(out.data);
	return 0;
}

/* ---- statistics ---- */

static void add_stat(void *opaque, const char *name, const uint64_t *values,
                     unsigned count)
{
	json_t *list = opaque, *value = json_integer(values[0]);

	if (count > 1) {
		json_decref(value);
		value = json_array();
		for (unsigned i = 0; i < count; i++)
			json_array_append_new(value, json_integer(values[i]));
	}
	json_array_append_new(
		list, json_pack("{s:o, s:o}", "name", mon_text(name), "value", value));
}

static int add_target(struct mon_ctx *ctx, int cpu, json_t *results, struct err *err)
{
	json_t *entry = json_pack("{s:s, s:[]}", "provider", "kvm", "stats");
	char path[32];

	if (cpu >= 0) {
		snprintf(path, sizeof(path), "system/cpu@%d", cpu);
		json_object_set_new(entry, "qom-path", json_string(path));
	}
	json_array_append_new(results, entry);
	return pc_stats(ctx->pc, cpu, add_stat, json_object_get(entry, "stats"), err);
}

static int run_stats(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	const char *target = mon_str(args, "target", "vcpu");
	json_t *results;
	int ret = 0;

	if (strcmp(target, "vcpu") && strcmp(target, "vm"))
		return err_usage(err, "target '%s': there are vm and vcpu", target);
	*result = results = json_array();
	if (!strcmp(target, "vm"))
		return add_target(ctx, -1, results, err);
	for (unsigned i = 0; i < pc_cpu_count(ctx->pc) && ret >= 0; i++)
		ret = add_target(ctx, i, results, err);
	return ret;
}

static void print_value(const json_t *value, struct strbuf *out)
{
	size_t i;
	json_t *item;

	if (json_is_integer(value))
		strbuf_addf(out, " %lld", (long long)json_integer_value(value));
	json_array_foreach(value, i, item) print_value(item, out);
}

static void print_stats(const json_t *results, struct strbuf *out)
{
	size_t i, n;
	json_t *entry, *stat;

	json_array_foreach(results, i, entry)
	{
		strbuf_addf(out, "%sprovider: kvm%s%s\n", i ? "\n" : "",
		            mon_str(entry, "qom-path", NULL) ? ", " : "",
		            mon_str(entry, "qom-path", ""));
		json_array_foreach(json_object_get(entry, "stats"), n, stat)
		{
			strbuf_addf(out, "    %s:", mon_str(stat, "name", ""));
			print_value(json_object_get(stat, "value"), out);
			strbuf_addc(out, '\n');
		}
	}
}

/* ---- machine checks ---- */

static int run_mce(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	int64_t cpu = mon_int(args, "cpu_index", 0), bank = mon_int(args, "bank", 0);
	struct machine_check mce = {
		.bank = bank,
		.status = mon_int(args, "status", 0),
		.mcg_status = mon_int(args, "mcg_status", 0),
		.addr = mon_int(args, "addr", 0),
		.misc = mon_int(args, "misc", 0),
	};
	int ret;

	(void)result;
	if (cpu < 0 || cpu >= pc_cpu_count(ctx->pc))
		return err_usage(err, "there is no CPU %lld; there are %u",
		                 (long long)cpu, pc_cpu_count(ctx->pc));
	if (bank < 0 || bank > UINT8_MAX)
		return err_usage(err, "there is no bank %lld", (long long)bank);
	ret = pc_mce(ctx->pc, cpu, &mce, mon_bool(args, "broadcast", false));
	if (ret == -EINVAL)
		return err_usage(err,
		                 "KVM refuses the machine check: bank %lld is not "
		                 "there, or bit 63 of the status (valid) is not set",
		                 (long long)bank);
	return ret < 0 ? err_sys(err, -ret, "cannot inject the machine check") : 0;
}

static void complete_target(struct vm *vm, void (*add)(void *opaque, const char *value),
                            void *opaque)
{
	(void)vm;
	add(opaque, "vm");
	add(opaque, "vcpu");
}

static const struct mon_arg stats_args[] = {
	{ "target", MON_STR, true, 0, "StatsTarget", complete_target },
	{ .name = NULL },
};

static const struct mon_arg mce_args[] = {
	{ "broadcast", MON_FLAG, true, 'b', NULL, NULL },
	{ "cpu_index", MON_INT, false, 0, NULL, NULL },
	{ "bank", MON_INT, false, 0, NULL, NULL },
	{ "status", MON_INT, false, 0, NULL, NULL },
	{ "mcg_status", MON_INT, false, 0, NULL, NULL },
	{ "addr", MON_INT, false, 0, NULL, NULL },
	{ "misc", MON_INT, false, 0, NULL, NULL },
	{ .name = NULL },
};

const struct mon_command mon_inspect_commands[] = {
	{ NULL, "info pic", "interrupt controllers", NULL, NULL, run_pic, NULL },
	{ NULL, "info lapic", "the local APIC of the CPU that 'cpu' chose", NULL, NULL,
	  run_lapic, NULL },
	{ NULL, "info irq", "interrupt lines that are raised", NULL, NULL, run_irq,
	  NULL },
	{ NULL, "info uptime", "how long vmm has run", NULL, NULL, run_uptime, NULL },
	{ "query-stats", "info stats", "what KVM counts: exits and their reasons",
	  stats_args, "[StatsResult]", run_stats, print_stats },
	{ NULL, "mce", "a machine check on a CPU; -b: the others learn of it", mce_args,
	  NULL, run_mce, NULL },
	{ .help = NULL },
};
