// SPDX-License-Identifier: GPL-2.0-or-later
/* limits: locked memory against the RAM of a guest, and the other limits it may meet. */
#include "passthrough/app.h"
#include "passthrough/limits.h"

#include "common/opts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static void size_text(uint64_t bytes, char text[32])
{
	static const char units[] = "kMGT";
	unsigned unit = 0;
	uint64_t tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;

	if (bytes == UINT64_MAX) {
		snprintf(text, 32, "unlimited");
		return;
	}
	for (; tenths >= 10240 && unit < 3; unit++)
		tenths /= 1024;
	snprintf(text, 32, "%" PRIu64 ".%" PRIu64 " %ciB", tenths / 10, tenths % 10,
	         units[unit]);
}

static const char *const verdicts[] = {
	[LIMITS_FIT] = "fits",
	[LIMITS_RAISE_SOFT] = "raise-soft-limit",
	[LIMITS_RAISE_HARD] = "raise-hard-limit",
	[LIMITS_NO_MEMORY] = "not-enough-memory",
};

static void say(struct app *app, const struct limits *l)
{
	char soft[32], hard[32], total[32], available[32];
	struct strbuf *out = &app->out;

	size_text(l->locked_soft, soft);
	size_text(l->locked_hard, hard);
	size_text(l->total, total);
	size_text(l->available, available);
	strbuf_addf(out, "locked memory   %s, at most %s%s\n", soft, hard,
	            l->exempt ? "; does not bind this user (CAP_IPC_LOCK)" : "");
	if (l->total)
		strbuf_addf(out, "host memory     %s, available %s\n", total, available);
	if (l->entries)
		strbuf_addf(out, "DMA mappings    %" PRIu64 " for each guest\n",
		            l->entries);
	else
		strbuf_adds(out,
		            "DMA mappings    unknown until vfio_iommu_type1 is loaded\n");
	if (l->maps)
		strbuf_addf(out, "memory areas    %" PRIu64 " for each process\n",
		            l->maps);
}

static int judge(struct app *app, const struct limits *l, uint64_t ram, struct err *err)
{
	uint64_t need = ram + LIMITS_BESIDES;
	char wanted[32], text[32];

	size_text(need, wanted);
	switch (limits_judge(l, ram)) {
	case LIMITS_FIT:
		if (!app->json)
			strbuf_addf(&app->out, "a guest of %s fits: it locks %s\n",
			            app->cli.ram, wanted);
		return 0;
	case LIMITS_RAISE_SOFT:
		size_text(l->locked_soft, text);
		return err_set(
			err, ENOMEM,
			"a guest of %s locks %s, your limit is %s; first: ulimit -l "
			"%" PRIu64,
			app->cli.ram, wanted, text, need >> 10);
	case LIMITS_RAISE_HARD:
		size_text(l->locked_hard, text);
		return err_set(
			err, ENOMEM,
			"a guest of %s locks %s, the limit is %s; write 'USER - memlock "
			"%" PRIu64 "' to /etc/security/limits.d/kvm.conf and log in "
			"again, or set LimitMEMLOCK= in its unit",
			app->cli.ram, wanted, text, need >> 10);
	case LIMITS_NO_MEMORY:
		size_text(l->total, text);
		return err_set(
			err, ENOMEM,
			"a guest of %s locks %s, and the host has %s; give it less",
			app->cli.ram, wanted, text);
	}
	return 0;
}

static json_t *unless_unlimited(uint64_t bytes)
{
	return bytes == UINT64_MAX ? json_null() : json_integer(bytes);
}

int command_limits(struct app *app, struct err *err)
{
	struct limits limits;
	uint64_t ram = 0;

	if (app->cli.ram && (opt_parse_size(app->cli.ram, 'M', &ram) < 0 || !ram))
		return err_usage(err, "--ram: '%s' is no size; write 8G or 512M",
		                 app->cli.ram);
	limits_read(&app->root, &limits);
	if (app->cli.json)
		app->json = json_pack(
			"{s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:s?}", "locked_soft",
			unless_unlimited(limits.locked_soft), "locked_hard",
			unless_unlimited(limits.locked_hard), "exempt", limits.exempt,
			"memory", (json_int_t)limits.total, "available",
			(json_int_t)limits.available, "dma_entries",
			(json_int_t)limits.entries, "memory_areas",
			(json_int_t)limits.maps, "verdict",
			app->cli.ram ? verdicts[limits_judge(&limits, ram)] : NULL);
	else
		say(app, &limits);
	return app->cli.ram ? judge(app, &limits, ram, err) : 0;
}
