// SPDX-License-Identifier: GPL-2.0-or-later
/* The balloon: how much memory the guest has, and should have. */
#include "common/cleanup.h"
#include "vmm/monitor/tables.h"
#include "vmm/virtio/balloon.h"

#include <errno.h>
#include <string.h>

/* Of `info balloon`, in the order of the driver's tags. */
static const char *const stat_names[VIRTIO_BALLOON_S_NR] = {
	"mem_swapped_in", "mem_swapped_out", "major_page_faults", "minor_page_faults",
	"free_mem",       "total_mem",       "available_mem",     "disk_caches",
	"htlb_pgalloc",   "htlb_pgfail",
};

static int run_query(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	struct balloon_info info;
	int ret = balloon_get(ctx->vm, &info, err);

	(void)args;
	if (ret >= 0)
		*result = json_pack("{s:I}", "actual", (json_int_t)info.actual);
	return ret;
}

static void print_balloon(const json_t *result, struct strbuf *out)
{
	strbuf_addf(out, "balloon: actual=%lld\n",
	            (long long)mon_int(result, "actual", 0) >> 20);
}

static int run_stats(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct balloon_info info;
	int ret = balloon_get(ctx->vm, &info, err);

	(void)args;
	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < ARRAY_SIZE(stat_names); i++)
		if (info.known >> i & 1)
			strbuf_addf(&out, "%s=%llu\n", stat_names[i],
			            (unsigned long long)info.stats[i]);
	*result = mon_text(out.data ? out.data : "the driver has told nothing yet\n");
	return 0;
}

/* ---- as properties of the device ---- */

#define STATS    "guest-stats"
#define INTERVAL "guest-stats-polling-interval"

void mon_list_balloon(void (*add)(json_t *list, const char *name, const char *type),
                      json_t *list)
{
	add(list, STATS, "guest statistics");
	add(list, INTERVAL, "int");
}

/* What the driver never told is -1. */
static json_t *describe_stats(const struct balloon_info *info)
{
	static const char *const names[VIRTIO_BALLOON_S_NR] = {
		"stat-swap-in",          "stat-swap-out",    "stat-major-faults",
		"stat-minor-faults",     "stat-free-memory", "stat-total-memory",
		"stat-available-memory", "stat-disk-caches", "stat-htlb-pgalloc",
		"stat-htlb-pgfail",
	};
	json_t *stats = json_object();

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		json_object_set_new(stats, names[i],
		                    json_integer(info->known >> i & 1
		                                         ? (json_int_t)info->stats[i]
		                                         : -1));
	return json_pack("{s:o, s:I}", "stats", stats, "last-update",
	                 (json_int_t)info->updated);
}

json_t *mon_balloon_property(struct vm *vm, const char *name)
{
	struct balloon_info info;
	bool is_stats = !strcmp(name, STATS);

	if ((!is_stats && strcmp(name, INTERVAL)) || balloon_get(vm, &info, NULL) < 0)
		return NULL;
	return is_stats ? describe_stats(&info) : json_integer(info.interval);
}

int mon_set_balloon_property(struct vm *vm, const char *name, const json_t *value,
                             struct err *err)
{
	if (strcmp(name, INTERVAL))
		return err_set(err, ENOTSUP,
		               "properties are fixed once a device is there; of the "
		               "balloon " INTERVAL " can be set");
	if (!json_is_integer(value))
		return err_usage(
			err, "Invalid parameter type for '%s', expected: integer", name);
	return balloon_poll(vm, json_integer_value(value), err);
}

static int run_balloon(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	int64_t value = mon_int(args, "value", 0);

	(void)result;
	return balloon_set(ctx->vm, value < 0 ? 0 : value, err);
}

static const struct mon_arg balloon_args[] = {
	{ .name = "value", .kind = MON_SIZE },
	{ .name = NULL },
};

const struct mon_command mon_balloon_commands[] = {
	{ "balloon", "balloon", "ask the guest to have so much memory", balloon_args,
	  NULL, run_balloon, NULL },
	{ "query-balloon", "info balloon", "how much memory the guest has", NULL,
	  "BalloonInfo", run_query, print_balloon },
	{ NULL, "info balloonstats",
	  "the guest's memory statistics, and asks it for newer ones", NULL, NULL,
	  run_stats, NULL },
	{ .help = NULL },
};
