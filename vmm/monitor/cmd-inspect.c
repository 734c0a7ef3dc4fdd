// SPDX-License-Identifier: GPL-2.0-or-later
/* The in-kernel side of the machine: interrupt chips, machine checks. */
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
	int64_t index = mon_int(args, "apic-id", ctx->cpu);
	int ret;

	if (index < 0 || index >= pc_cpu_count(ctx->pc))
		return err_usage(err, "there is no CPU %lld; there are %u",
		                 (long long)index, pc_cpu_count(ctx->pc));
	ret = pc_lapic_dump(ctx->pc, index, &out, err);
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

static const struct mon_arg lapic_args[] = {
	{ "apic-id", MON_INT, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg mce_args[] = {
	{ "broadcast", MON_FLAG, true, 'b', 0, 0 },
	{ "cpu_index", MON_INT, false, 0, 0, 0 },
	{ "bank", MON_INT, false, 0, 0, 0 },
	{ "status", MON_INT, false, 0, 0, 0 },
	{ "mcg_status", MON_INT, false, 0, 0, 0 },
	{ "addr", MON_INT, false, 0, 0, 0 },
	{ "misc", MON_INT, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_inspect_commands[] = {
	{ NULL, "info pic", "interrupt controllers", NULL, NULL, run_pic, NULL },
	{ NULL, "info lapic", "a CPU's local APIC; else of the one that 'cpu' chose",
	  lapic_args, NULL, run_lapic, NULL },
	{ NULL, "info irq", "interrupt lines that are raised", NULL, NULL, run_irq,
	  NULL },
	{ NULL, "info uptime", "how long vmm has run", NULL, NULL, run_uptime, NULL },
	{ NULL, "mce", "a machine check on a CPU; -b: the others learn of it", mce_args,
	  NULL, run_mce, NULL },
	{ .help = NULL },
};
