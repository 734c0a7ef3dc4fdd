// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm-img: the only place that prints results and chooses the exit code. */
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "common/version.h"
#include "img/commands.h"

#include <errno.h>
#include <signal.h>

/* As qemu-img: 1 for every failure, since check and compare use 2 and 3 for results. */
enum { EXIT_OK, EXIT_FAIL };

static int (*const run[CMD_COUNT])(struct session *s, struct err *err) = {
	[CMD_CREATE] = command_create,   [CMD_INFO] = command_info,
	[CMD_CHECK] = command_check,     [CMD_CONVERT] = command_convert,
	[CMD_RESIZE] = command_resize,   [CMD_SNAPSHOT] = command_snapshot,
	[CMD_MAP] = command_map,         [CMD_COMPARE] = command_compare,
	[CMD_MEASURE] = command_measure, [CMD_REBASE] = command_rebase,
	[CMD_COMMIT] = command_commit,
};

static int complain(const struct err *err, int code)
{
	log_error("%s", err->text);
	return code;
}

/* A reader that closes early is no error; the work was done. */
static int print(const struct strbuf *out, int code)
{
	struct err err = { 0 };
	int ret = fd_print(out, &err);

	return !ret || ret == -EPIPE ? code : complain(&err, EXIT_FAIL);
}

static int run_command(const struct cli *cli)
{
	struct err err = { 0 };
	struct session s;
	int ret = session_open(&s, cli, &err), code;

	if (ret >= 0)
		ret = run[cli->command](&s, &err);
	code = print(&s.out, ret < 0 ? s.fail_code : s.code);
	if (ret < 0)
		complain(&err, code);
	session_close(&s);
	return code;
}

static int run_cli(const struct cli *cli)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	if (cli->help)
		cli_help(cli, &out);
	else if (cli->version)
		strbuf_adds(&out, "kvmkit vmm-img version " KVMKIT_VERSION "\n");
	else if (cli->dump_options)
		cli_dump_options(&out);
	else if (cli->list_commands)
		cli_list_commands("", &out);
	else
		return run_command(cli);
	return print(&out, EXIT_OK);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	struct cli cli;
	int code;

	fd_reserve_std();
	log_init("vmm-img");
	signal(SIGPIPE, SIG_IGN);
	code = cli_parse(argc, argv, &cli, &err) < 0 ? complain(&err, EXIT_FAIL)
	                                             : run_cli(&cli);
	cli_free(&cli);
	return code;
}
