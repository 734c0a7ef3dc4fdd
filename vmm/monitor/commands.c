// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables of commands: lookup, and the check of arguments against a row. */
#include "vmm/monitor/command.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/loop/loop.h"
#include "vmm/monitor/monitor.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <string.h>

const struct mon_command *const mon_tables[] = {
	mon_run_commands,     mon_info_commands,     mon_device_commands,
	mon_balloon_commands, mon_net_commands,      mon_debug_commands,
	mon_chardev_commands, mon_inspect_commands,  mon_display_commands,
	mon_input_commands,   mon_medium_commands,   mon_hotplug_commands,
	mon_memory_commands,  mon_query_commands,    mon_meta_commands,
	mon_block_commands,   mon_stats_commands,    mon_gdb_commands,
	mon_migrate_commands, mon_snapshot_commands, mon_overlay_commands,
	mon_types_commands,   mon_fd_commands,       NULL,
};

void monitors_dump_commands(struct strbuf *out)
{
	MON_FOR_EACH(command)
	strbuf_addf(out, "%s\t%s\t%s\n", command->qmp ? command->qmp : "",
	            command->hmp ? command->hmp : "", command->help);
}

const struct mon_command *mon_find_qmp(const char *name)
{
	MON_FOR_EACH(command)
	if (command->qmp && !strcmp(command->qmp, name))
		return command;
	return NULL;
}

static const char *kind_name(enum mon_arg_kind kind)
{
	static const char *const names[] = {
		[MON_STR] = "string",    [MON_INT] = "integer",  [MON_SIZE] = "integer",
		[MON_BOOL] = "boolean",  [MON_FLAG] = "boolean", [MON_REST] = "string",
		[MON_FORMAT] = "string", [MON_ANY] = "value",    [MON_OTHERS] = "value",
	};

	return names[kind];
}

static bool has_kind(const json_t *value, enum mon_arg_kind kind)
{
	switch (kind) {
	case MON_STR:
	case MON_REST:
	case MON_FORMAT:
		return json_is_string(value);
	case MON_INT:
	case MON_SIZE:
		return json_is_integer(value);
	case MON_BOOL:
	case MON_FLAG:
		return json_is_boolean(value);
	case MON_ANY:
	case MON_OTHERS:
		return true;
	}
	return false;
}

static const struct mon_arg *find_arg(const struct mon_command *command, const char *name)
{
	for (const struct mon_arg *arg = command->args; arg && arg->name; arg++)
		if (arg->kind == MON_OTHERS || !strcmp(arg->name, name))
			return arg;
	return NULL;
}

int mon_check_args(const struct mon_command *command, const json_t *args, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)args, key, value)
	{
		const struct mon_arg *arg = find_arg(command, key);

		if (!arg)
			return err_usage(err, "Parameter '%s' is unexpected", key);
		if (!has_kind(value, arg->kind))
			return err_usage(err,
			                 "Invalid parameter type for '%s', expected: %s",
			                 key, kind_name(arg->kind));
	}
	for (const struct mon_arg *arg = command->args; arg && arg->name; arg++)
		if (!arg->optional && !json_object_get(args, arg->name))
			return err_usage(err, "Parameter '%s' is missing", arg->name);
	return 0;
}

int mon_later(struct mon_ctx *ctx, unsigned ms)
{
	uint64_t now = loop_now();

	if (!ctx->deadline)
		ctx->deadline = now + ms * 1000000ull;
	return now < ctx->deadline ? -EINPROGRESS : -ETIMEDOUT;
}

int mon_run(const struct mon_command *command, struct mon_ctx *ctx, const json_t *args,
            json_t **result, struct err *err)
{
	int ret = command->run(ctx, args, result, err);

	ctx->later = ret == -EINPROGRESS;
	if (!ctx->later)
		ctx->deadline = 0;
	if (ret == -EACCES && ctx->vm->confined)
		err_hint(err, "what the sandbox lets a monitor open is under SANDBOX in "
		              "vmm(1); -sandbox off lets it open all");
	return ret;
}

const char *mon_str(const json_t *args, const char *name, const char *def)
{
	const json_t *value = json_object_get(args, name);

	return value ? json_string_value(value) : def;
}

int64_t mon_int(const json_t *args, const char *name, int64_t def)
{
	const json_t *value = json_object_get(args, name);

	return value ? json_integer_value(value) : def;
}

bool mon_bool(const json_t *args, const char *name, bool def)
{
	const json_t *value = json_object_get(args, name);

	return value ? json_is_true(value) : def;
}

json_t *mon_text(const char *text)
{
	json_t *string = json_string(text);
	_cleanup_free_ char *copy = NULL;

	if (string)
		return string;
	copy = strdup(text);
	for (char *p = copy; p && *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(copy ? copy : "out of memory");
}
