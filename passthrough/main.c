// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm-assign: look at the host, do the command, print what came of it. The only place
 * that prints and chooses the exit code.
 */
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/version.h"
#include "passthrough/app.h"

#include <errno.h>
#include <string.h>

enum { EXIT_OK, EXIT_FAIL, EXIT_USAGE, EXIT_INTERNAL };

static int (*const runners[])(struct app *app, struct err *err) = {
	[COMMAND_LIST] = command_list,       [COMMAND_SHOW] = command_show,
	[COMMAND_GROUP] = command_group,     [COMMAND_STATUS] = command_status,
	[COMMAND_BIND] = command_bind,       [COMMAND_RELEASE] = command_release,
	[COMMAND_RECOVER] = command_recover, [COMMAND_SRIOV] = command_sriov,
	[COMMAND_PERSIST] = command_persist, [COMMAND_UNPERSIST] = command_unpersist,
	[COMMAND_LIMITS] = command_limits,
};

static int complain(const struct err *err, int code)
{
	dprintf(STDERR_FILENO, "kvm-assign: %s\n", err->text);
	return code;
}

/* Names come from devices and files of the host: none may steer a terminal. */
static void make_plain(struct strbuf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (((unsigned char)text->data[i] < ' ' && text->data[i] != '\n' &&
		     text->data[i] != '\t') ||
		    text->data[i] == 0x7f)
			text->data[i] = '?';
}

/* Everything at once: a reader that closes early, or a full disk, is an error. */
static int print(struct strbuf *out, int code)
{
	struct err err = { 0 };
	int ret = fd_print(out, &err);

	return !ret || ret == -EPIPE ? code : complain(&err, EXIT_INTERNAL);
}

static void print_complaints(const struct strbuf *complaints)
{
	for (const char *line = complaints->data; line && *line;) {
		int len = strcspn(line, "\n");

		dprintf(STDERR_FILENO, "kvm-assign: %.*s\n", len, line);
		line += len + (line[len] == '\n');
	}
}

static int run(struct app *app, struct err *err)
{
	int ret = app_open(app, err);

	if (ret < 0 && app->cli.root)
		return EXIT_USAGE;
	if (ret < 0)
		return EXIT_INTERNAL;
	ret = runners[app->cli.command](app, err);
	if (!ret)
		return EXIT_OK;
	if (err->usage)
		return EXIT_USAGE;
	return ret == -ENOMEM && app->cli.command != COMMAND_LIMITS ? EXIT_INTERNAL
	                                                            : EXIT_FAIL;
}

static int run_and_print(struct app *app)
{
	_cleanup_free_ char *dump = NULL;
	struct err err = { 0 };
	int code = run(app, &err);

	make_plain(&app->complaints);
	make_plain(&app->out);
	print_complaints(&app->complaints);
	if (app->json) {
		dump = json_dumps(app->json, JSON_INDENT(2));
		strbuf_adds(&app->out, dump ? dump : "");
		strbuf_addc(&app->out, '\n');
		app->out.failed |= !dump;
	}
	code = print(&app->out, code);
	return err.code ? complain(&err, code) : code;
}

int main(int argc, char **argv)
{
	struct app app = { .root = { .fd = -1 } };
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct err err = { 0 };
	int code;

	fd_reserve_std();
	if (cli_parse(argc, argv, &app.cli, &err) < 0)
		return complain(&err, EXIT_USAGE);
	if (app.cli.help)
		cli_help(&out);
	else if (app.cli.version)
		strbuf_adds(&out, "kvmkit kvm-assign version " KVMKIT_VERSION "\n");
	else if (app.cli.force_help)
		forced_help(&out);
	else if (app.cli.dump_options)
		cli_dump_options(&out);
	else if (app.cli.dump_commands)
		cli_dump_commands(&out);
	else {
		code = run_and_print(&app);
		app_close(&app);
		return code;
	}
	return print(&out, EXIT_OK);
}
