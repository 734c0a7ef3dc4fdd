// SPDX-License-Identifier: GPL-2.0-or-later
/* kvm-tune: the only place that prints results and chooses the exit code. */
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/version.h"
#include "tune/commands.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum { EXIT_OK, EXIT_FAIL, EXIT_USAGE, EXIT_INTERNAL };

static int complain(const char *text, int code)
{
	dprintf(STDERR_FILENO, "kvm-tune: %s\n", text);
	return code;
}

/* Everything at once. A reader that closes early is no error; the change was made. */
static int print(const struct strbuf *out, int code)
{
	struct err err = { 0 };
	int ret = fd_print(out, &err);

	return !ret || ret == -EPIPE ? code : complain(err.text, EXIT_INTERNAL);
}

static void warn(struct strbuf *warnings)
{
	char *rest = warnings->data, *line;

	while ((line = strsep(&rest, "\n")))
		if (*line)
			complain(line, 0);
}

static int run(const struct cli *cli)
{
	struct err err = { 0 };
	struct session s;
	int ret = command_run(cli, &s, &err), code = EXIT_OK;

	warn(&s.warnings);
	if (ret < 0)
		code = err.usage                 ? EXIT_USAGE
		       : err.output || !err.code ? EXIT_INTERNAL
		                                 : EXIT_FAIL;
	/* A refused preview, and an undo of which a part failed, have something to say.
	 */
	code = print(&s.out, code);
	if (ret < 0)
		complain(err.code ? err.text : strerror(-ret), code);
	session_close(&s);
	return code;
}

static void list_knobs(struct strbuf *out)
{
	for (const struct knob *knob = knobs; knob->name; knob++)
		strbuf_addf(out, "%s %s; risk: %s\n", knob->name, knob->why, knob->risk);
}

int main(int argc, char **argv)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct err err = { 0 };
	struct cli cli;

	fd_reserve_std();
	signal(SIGPIPE, SIG_IGN);
	if (cli_parse(argc, argv, &cli, &err) < 0)
		return complain(err.text, EXIT_USAGE);
	if (cli.help)
		cli_help(&cli, &out);
	else if (cli.version)
		strbuf_adds(&out, "kvmkit kvm-tune version " KVMKIT_VERSION "\n");
	else if (cli.dump_options)
		cli_dump_options(&out);
	else if (cli.list_commands)
		cli_list_commands("", &out);
	else if (cli.list_knobs)
		list_knobs(&out);
	else
		return run(&cli);
	return print(&out, EXIT_OK);
}
