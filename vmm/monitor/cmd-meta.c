// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands about the monitor itself: help, what exists, and each language in the other.
 */
#include "common/cleanup.h"
#include "common/version.h"
#include "vmm/machine/control.h"
#include "vmm/monitor/session.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <string.h>

/*
 * Clients read in version.qemu which interface to expect: this one follows QEMU 7.2's.
 * package says what it really is.
 */
json_t *mon_version(void)
{
	return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "major", 7, "minor", 2,
	                 "micro", 0, "package", "kvmkit vmm " KVMKIT_VERSION);
}

static int run_version(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	(void)ctx;
	(void)args;
	(void)err;
	*result = mon_version();
	return 0;
}

static void print_version(const json_t *result, struct strbuf *out)
{
	const json_t *qemu = json_object_get(result, "qemu");

	strbuf_addf(out, "%d.%d.%d (%s)\n", (int)mon_int(qemu, "major", 0),
	            (int)mon_int(qemu, "minor", 0), (int)mon_int(qemu, "micro", 0),
	            mon_str(result, "package", ""));
}

static int run_commands(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	(void)ctx;
	(void)args;
	(void)err;
	*result = json_array();
	MON_FOR_EACH(command)
	if (command->qmp)
		json_array_append_new(*result, json_pack("{s:s}", "name", command->qmp));
	return 0;
}

static int run_schema(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	(void)ctx;
	(void)args;
	(void)err;
	*result = mon_schema();
	return 0;
}

/* Sessions handle it themselves, because it changes them; the row describes it. */
static int run_capabilities(struct mon_ctx *ctx, const json_t *args, json_t **result,
                            struct err *err)
{
	(void)ctx;
	(void)args;
	(void)result;
	return err_set(err, EINVAL, "qmp_capabilities is no command inside a command");
}

static int run_human(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 }, lines = { 0 };
	struct mon_ctx here = *ctx;

	here.cpu = mon_int(args, "cpu-index", 0);
	if (here.cpu >= pc_cpu_count(ctx->pc))
		return err_usage(err, "cpu-index %u: there are %u CPUs", here.cpu,
		                 pc_cpu_count(ctx->pc));
	hmp_run(&here, mon_str(args, "command-line", ""), &out);
	ctx->deadline = here.deadline;
	ctx->ticket = here.ticket;
	if (here.later)
		return -EINPROGRESS;
	hmp_add_lines(&lines, &out);
	*result = mon_text(lines.data ? lines.data : "");
	return 0;
}

/* ---- help ---- */

static void add_usage(struct strbuf *out, const struct mon_command *command)
{
	strbuf_adds(out, command->hmp);
	for (const struct mon_arg *arg = command->args; arg && arg->name; arg++) {
		if (arg->kind == MON_FLAG)
			strbuf_addf(out, " [-%c]", arg->flag);
		else if (arg->kind == MON_FORMAT)
			strbuf_adds(out, " /fmt");
		else if (arg->kind != MON_ANY)
			strbuf_addf(out, arg->optional ? " [%s]" : " %s", arg->name);
	}
	strbuf_addf(out, " -- %s\n", command->help);
}

static int run_help(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	const char *name = mon_str(args, "command", NULL);
	bool info = name && !strcmp(name, "info");

	(void)ctx;
	MON_FOR_EACH(command)
	{
		if (!command->hmp)
			continue;
		if (!name  ? strncmp(command->hmp, "info ", 5)
		    : info ? !strncmp(command->hmp, "info ", 5)
		           : hmp_is_named(command->hmp, name, strlen(name)))
			add_usage(&out, command);
	}
	if (!name)
		strbuf_adds(&out, "info [subject] -- what the machine is and does; "
		                  "'help info' lists the subjects\n");
	if (!out.len)
		return err_usage(err, "there is no command '%s'; 'help' lists them",
		                 name);
	*result = mon_text(out.data);
	return 0;
}

static const struct mon_arg help_args[] = {
	{ "command", MON_REST, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg human_args[] = {
	{ "command-line", MON_STR, false, 0, 0, 0 },
	{ "cpu-index", MON_INT, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg capability_args[] = {
	{ "enable", MON_ANY, true, 0, MON_OF_QMP_CAPABILITIES, 0 },
	{ .name = NULL },
};

const struct mon_command mon_meta_commands[] = {
	{ NULL, "help|?", "this list, or one command", help_args, NULL, run_help, NULL },
	{ "query-version", "info version", "the version", NULL, "VersionInfo",
	  run_version, print_version },
	{ "query-commands", NULL, "the names of all commands", NULL, "[CommandInfo]",
	  run_commands, NULL },
	{ "query-qmp-schema", NULL, "commands, events and types", NULL, "[SchemaInfo]",
	  run_schema, NULL },
	{ "qmp_capabilities", NULL, "ends the negotiation", capability_args, NULL,
	  run_capabilities, NULL },
	{ "human-monitor-command", NULL, "a line of the human monitor", human_args, "str",
	  run_human, NULL },
	{ .help = NULL },
};
