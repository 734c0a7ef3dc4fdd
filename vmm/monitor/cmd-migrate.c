// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that move the machine elsewhere. */
#include "common/cleanup.h"
#include "vmm/machine/control.h"
#include "vmm/migrate/migrate.h"
#include "vmm/monitor/session.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define DOWNTIME_MAX 2000000 /* ms, as in QEMU */
#define PAGE         4096

/* ---- migrate ---- */

static int run_migrate(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	const char *uri = mon_str(args, "uri", "");
	int fd = -1;

	(void)result;
	if (mon_bool(args, "resume", false))
		return err_set(err, EINVAL,
		               "Cannot resume if there is no paused migration");
	if (!strncmp(uri, "fd:", 3)) {
		fd = mon_take_fd(ctx->set, uri + 3, err);
		if (fd < 0)
			return fd;
	}
	return migration_start(ctx->pc, uri, fd, err);
}

/* Without -d it is over when the prompt is back. */
static int run_hmp_migrate(struct mon_ctx *ctx, const json_t *args, json_t **result,
                           struct err *err)
{
	struct migration_info info;
	int ret = ctx->deadline ? 0 : run_migrate(ctx, args, result, err);

	if (ret < 0 || mon_bool(args, "detach", false))
		return ret;
	if (migration_wait(ctx->pc, monitors_go_on, ctx->set) &&
	    mon_later(ctx, UINT_MAX) == -EINPROGRESS)
		return -EINPROGRESS;
	migration_get(ctx->pc, &info);
	if (info.status == MIGRATION_FAILED)
		return err_set(err, EIO, "%s", info.error ? info.error : "it failed");
	return 0;
}

static int run_cancel(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	(void)args;
	(void)result;
	(void)err;
	migration_cancel(ctx->pc);
	return 0;
}

static int run_incoming(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	const char *uri = mon_str(args, "uri", "");
	int fd = -1, ret;

	(void)result;
	if (!strncmp(uri, "fd:", 3)) {
		fd = mon_take_fd(ctx->set, uri + 3, err);
		if (fd < 0)
			return fd;
	}
	ret = migration_incoming(ctx->pc, uri, fd, err);
	if (ret >= 0)
		mon_close_inherited(ctx->set);
	return ret;
}

/* ---- query-migrate ---- */

static json_t *describe_ram(const struct migration_info *i)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "transferred", i->transferred },
		{ "remaining", i->remaining },
		{ "total", i->total },
		{ "duplicate", i->zero },
		{ "skipped", 0 },
		{ "normal", i->normal },
		{ "normal-bytes", i->normal * PAGE },
		{ "dirty-pages-rate", i->dirty_rate },
		{ "dirty-sync-count", i->passes },
		{ "postcopy-requests", 0 },
		{ "page-size", PAGE },
		{ "multifd-bytes", 0 },
		{ "pages-per-second", i->pages_rate },
		{ "precopy-bytes", i->transferred - i->rest },
		{ "downtime-bytes", i->rest },
		{ "postcopy-bytes", 0 },
		{ "dirty-sync-missed-zero-copy", 0 },
	};
	json_t *o = json_pack("{s:f}", "mbps", i->bandwidth * 8 / 1e6);

	for (unsigned n = 0; n < ARRAY_SIZE(rows); n++)
		json_object_set_new(o, rows[n].name, json_integer(rows[n].value));
	return o;
}

static int run_query(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	struct migration_info i;
	json_t *o = *result = json_object();

	(void)args;
	(void)err;
	migration_get(ctx->pc, &i);
	if (i.status == MIGRATION_NONE)
		return 0;
	json_object_set_new(o, "status", json_string(migration_status_names[i.status]));
	if (i.error)
		json_object_set_new(o, "error-desc", mon_text(i.error));
	if (i.incoming)
		return 0;
	json_object_set_new(o, "total-time", json_integer(i.total_ms));
	json_object_set_new(o, "setup-time", json_integer(i.setup_ms));
	if (i.status == MIGRATION_COMPLETED)
		json_object_set_new(o, "downtime", json_integer(i.downtime_ms));
	else
		json_object_set_new(o, "expected-downtime", json_integer(i.expected_ms));
	if (!i.ram)
		return 0;
	json_object_set_new(o, "ram", describe_ram(&i));
	return 0;
}

static void print_number(const json_t *object, const char *name, const char *label,
                         unsigned unit, const char *what, struct strbuf *out)
{
	if (json_object_get(object, name))
		strbuf_addf(out, "%s: %lld%s\n", label,
		            (long long)mon_int(object, name, 0) / unit, what);
}

static void print_query(const json_t *result, struct strbuf *out)
{
	static const struct {
		const char *name, *label;
		unsigned unit;
		const char *what;
	} rows[] = {
		{ "remaining", "remaining ram", 1024, " kbytes" },
		{ "total", "total ram", 1024, " kbytes" },
		{ "duplicate", "duplicate", 1, " pages" },
		{ "skipped", "skipped", 1, " pages" },
		{ "normal", "normal", 1, " pages" },
		{ "normal-bytes", "normal bytes", 1024, " kbytes" },
		{ "dirty-sync-count", "dirty sync count", 1, "" },
		{ "page-size", "page size", 1024, " kbytes" },
		{ "multifd-bytes", "multifd bytes", 1024, " kbytes" },
		{ "pages-per-second", "pages-per-second", 1, "" },
		{ "dirty-pages-rate", "dirty pages rate", 1, " pages" },
		{ "precopy-bytes", "precopy ram", 1024, " kbytes" },
		{ "downtime-bytes", "downtime ram", 1024, " kbytes" },
	};
	const json_t *ram = json_object_get(result, "ram");
	const char *why = mon_str(result, "error-desc", NULL);

	if (!json_object_size(result))
		return;
	strbuf_addf(out, "Migration status: %s", mon_str(result, "status", ""));
	if (why)
		strbuf_addf(out, " (%s)", why);
	strbuf_addc(out, '\n');
	print_number(result, "total-time", "total time", 1, " ms", out);
	print_number(result, "expected-downtime", "expected downtime", 1, " ms", out);
	print_number(result, "downtime", "downtime", 1, " ms", out);
	print_number(result, "setup-time", "setup", 1, " ms", out);
	if (!ram)
		return;
	print_number(ram, "transferred", "transferred ram", 1024, " kbytes", out);
	strbuf_addf(out, "throughput: %0.2f mbps\n",
	            json_real_value(json_object_get(ram, "mbps")));
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		print_number(ram, rows[i].name, rows[i].label, rows[i].unit, rows[i].what,
		             out);
}

/* ---- parameters and capabilities ---- */

static int run_parameters(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	struct migration_params p = migration_get_params(ctx->pc);

	(void)args;
	(void)err;
	*result = json_pack("{s:I, s:I}", "max-bandwidth", (json_int_t)p.max_bandwidth,
	                    "downtime-limit", (json_int_t)p.downtime_limit);
	return 0;
}

static void print_parameters(const json_t *result, struct strbuf *out)
{
	strbuf_addf(out, "max-bandwidth: %lld bytes/second\n",
	            (long long)mon_int(result, "max-bandwidth", 0));
	strbuf_addf(out, "downtime-limit: %lld ms\n",
	            (long long)mon_int(result, "downtime-limit", 0));
}

static int run_set_parameters(struct mon_ctx *ctx, const json_t *args, json_t **result,
                              struct err *err)
{
	struct migration_params p = migration_get_params(ctx->pc);
	int64_t limit = mon_int(args, "downtime-limit", p.downtime_limit);
	int64_t bandwidth = mon_int(args, "max-bandwidth", p.max_bandwidth);
	const char *key;
	json_t *value;

	(void)result;
	json_object_foreach((json_t *)args, key, value) if (
		strcmp(key, "downtime-limit") &&
		strcmp(key,
	               "max-bandwidth")) return err_set(err, ENOTSUP,
	                                                "the migration parameter '%s' is not supported",
	                                                key);
	if (limit < 0 || limit > DOWNTIME_MAX)
		return err_usage(err,
		                 "Parameter 'downtime_limit' expects an integer in the "
		                 "range of 0 to 2000 seconds");
	if (bandwidth < 0)
		return err_usage(err, "Parameter 'max_bandwidth' expects an integer of "
		                      "bytes/second");
	p.downtime_limit = limit;
	p.max_bandwidth = bandwidth;
	return migration_set_params(ctx->pc, &p, err);
}

/* The human monitor's number is one of MiB a second, or of ms. */
static int run_hmp_parameter(struct mon_ctx *ctx, const json_t *args, json_t **result,
                             struct err *err)
{
	const char *name = mon_str(args, "parameter", ""),
		   *text = mon_str(args, "value", "");
	bool size = !strcmp(name, "max-bandwidth");
	uint64_t value = 0;
	int ret = size ? opt_parse_size(text, 'M', &value) : opt_parse_u64(text, &value);
	json_t *both;

	if (ret < 0 || value > INT64_MAX)
		return err_usage(err, "Parameter '%s' does not accept '%s'", name, text);
	both = json_pack("{s:I}", name, (json_int_t)value);
	ret = both ? run_set_parameters(ctx, both, result, err)
	           : err_usage(err, "Parameter '%s' is unexpected", name);
	json_decref(both);
	return ret;
}

static int run_capabilities(struct mon_ctx *ctx, const json_t *args, json_t **result,
                            struct err *err)
{
	(void)args;
	(void)err;
	*result = json_pack("[{s:s, s:b}]", "capability", "events", "state",
	                    migration_get_events(ctx->pc));
	return 0;
}

static void print_capabilities(const json_t *result, struct strbuf *out)
{
	const json_t *row;
	size_t i;

	json_array_foreach(result, i, row)
		strbuf_addf(out, "%s: %s\n", mon_str(row, "capability", ""),
	                    mon_bool(row, "state", false) ? "on" : "off");
}

static int set_capability(struct mon_ctx *ctx, const char *name, bool on, struct err *err)
{
	if (!strcmp(name, "events"))
		return migration_set_events(ctx->pc, on, err);
	/* Off it is. */
	return on ? err_set(err, ENOTSUP,
	                    "the migration capability '%s' is not supported", name)
	          : 0;
}

static int run_set_capabilities(struct mon_ctx *ctx, const json_t *args, json_t **result,
                                struct err *err)
{
	const json_t *list = json_object_get(args, "capabilities");
	size_t i;
	json_t *entry;
	int ret = 0;

	(void)result;
	if (!json_is_array(list))
		return err_usage(err, "Invalid parameter type for 'capabilities', "
		                      "expected: array");
	json_array_foreach(list, i, entry)
	{
		const json_t *name = json_object_get(entry, "capability"),
			     *state = json_object_get(entry, "state");

		if (!json_is_string(name) || !json_is_boolean(state))
			return err_usage(err,
			                 "Parameter 'capabilities[%zu]' needs a "
			                 "capability and a state",
			                 i);
		ret = set_capability(ctx, json_string_value(name), json_is_true(state),
		                     err);
		if (ret < 0)
			return ret;
	}
	return ret;
}

static int run_hmp_capability(struct mon_ctx *ctx, const json_t *args, json_t **result,
                              struct err *err)
{
	(void)result;
	return set_capability(ctx, mon_str(args, "capability", ""),
	                      mon_bool(args, "state", false), err);
}

/* ---- tables ---- */

/* Programs say detach=true, which it always is, and resume=false. */
static const struct mon_arg qmp_migrate_args[] = {
	{ "uri", MON_STR, false, 0, 0, 0 },
	{ "detach", MON_BOOL, true, 0, 0, 0 },
	{ "resume", MON_BOOL, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg migrate_args[] = {
	{ "detach", MON_FLAG, true, 'd', 0, 0 },
	{ "uri", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg uri_args[] = {
	{ "uri", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg params_args[] = {
	{ "max-bandwidth", MON_INT, true, 0, 0, 0 },
	{ "downtime-limit", MON_INT, true, 0, 0, 0 },
	{ "", MON_OTHERS, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg param_args[] = {
	{ "parameter", MON_STR, false, 0, 0, 0 },
	{ "value", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg caps_args[] = {
	{ "capabilities", MON_ANY, false, 0, MON_OF_MIGRATION_CAPABILITIES, 0 },
	{ .name = NULL },
};

static const struct mon_arg cap_args[] = {
	{ "capability", MON_STR, false, 0, 0, 0 },
	{ "state", MON_BOOL, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_migrate_commands[] = {
	{ "query-migrate", "info migrate", "how far a migration is", NULL,
	  "MigrationInfo", run_query, print_query },
	{ "migrate", NULL, "move the machine to a vmm that waits for it (-incoming)",
	  qmp_migrate_args, NULL, run_migrate, NULL },
	{ NULL, "migrate",
	  "move the machine to a vmm that waits for it; -d: and do not wait",
	  migrate_args, NULL, run_hmp_migrate, NULL },
	{ "migrate_cancel", "migrate_cancel", "end it; the guest goes on here", NULL,
	  NULL, run_cancel, NULL },
	{ "migrate-incoming", "migrate_incoming", "wait there, after -incoming defer",
	  uri_args, NULL, run_incoming, NULL },
	{ "query-migrate-parameters", "info migrate_parameters", "limits of a migration",
	  NULL, "MigrationParameters", run_parameters, print_parameters },
	{ "migrate-set-parameters", NULL, "limits of a migration", params_args, NULL,
	  run_set_parameters, NULL },
	{ NULL, "migrate_set_parameter",
	  "max-bandwidth (MiB/s) or downtime-limit (ms) of a migration", param_args, NULL,
	  run_hmp_parameter, NULL },
	{ "query-migrate-capabilities", "info migrate_capabilities",
	  "what a migration can do", NULL, "[MigrationCapabilityStatus]",
	  run_capabilities, print_capabilities },
	{ "migrate-set-capabilities", NULL, "turn that on or off", caps_args, NULL,
	  run_set_capabilities, NULL },
	{ NULL, "migrate_set_capability", "turn that on or off", cap_args, NULL,
	  run_hmp_capability, NULL },
	{ .help = NULL },
};
