// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm-check: gather facts, judge them, print the report, leave host.json for vmm. The
 * only place that prints and chooses the exit code.
 */
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/handoff.h"
#include "common/version.h"
#include "probe/cli.h"
#include "probe/command.h"
#include "probe/export.h"
#include "probe/report.h"
#include "probe/watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { EXIT_OK, EXIT_FAIL, EXIT_USAGE, EXIT_INTERNAL };

static int complain(const struct err *err, int code)
{
	dprintf(STDERR_FILENO, "kvm-check: %s\n", err->text);
	return code;
}

/* Everything at once: a reader that closes early, or a full disk, is an error. */
static int print(struct strbuf *out, int code)
{
	struct err err = { 0 };
	int ret = fd_print(out, &err);

	return !ret || ret == -EPIPE ? code : complain(&err, EXIT_INTERNAL);
}

/* ---- the report ---- */

static int gather(const struct cli *cli, bool trial, struct facts *facts, struct err *err)
{
	struct gather_options options = { .trial = trial };
	struct sysroot root;
	int ret = sysroot_open_host(&root, cli->root, err);

	if (ret < 0)
		return ret;
	ret = facts_gather(&root, &options, facts, err);
	if (ret < 0 && cli->root)
		err_prefix(err, "the captured host %s", cli->root);
	sysroot_close(&root);
	return ret;
}

/* --load and --persist, before the report. */
static int prepare(const struct cli *cli, struct facts *facts, struct err *err)
{
	_cleanup_strbuf_ struct strbuf said = { 0 };
	int ret = gather(cli, false, facts, err);

	if (!ret)
		ret = command_load(cli, facts, &said, err);
	/* What was done is told even when a later step failed. */
	for (char *line = said.data; line && *line; line += strcspn(line, "\n") + 1)
		dprintf(STDERR_FILENO, "kvm-check: %.*s\n", (int)strcspn(line, "\n"),
		        line);
	return ret;
}

static bool want_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb");
}

static int render(const struct cli *cli, const struct report *report, json_t *json,
                  struct strbuf *out)
{
	struct text_options text = { .colour = want_colour(), .quiet = cli->quiet };
	_cleanup_free_ char *dump = NULL;

	if (cli->summary) {
		report_summary(report, out);
	} else if (cli->prometheus) {
		export_prometheus(report, out);
	} else if (cli->nfd) {
		export_nfd(report, out);
	} else if (cli->json) {
		dump = json_dumps(json, JSON_INDENT(2));
		if (!dump)
			return -ENOMEM;
		strbuf_adds(out, dump);
		strbuf_addc(out, '\n');
	} else {
		report_text(report, &text, out);
	}
	return 0;
}

/* host.json is for vmm on this host. Without --write a folder that cannot be written is
 * no trouble, and a report that measured nothing, or not for every goal, does not replace
 * one that did. */
static int hand_off(const struct cli *cli, const json_t *json, struct err *err)
{
	struct err ignored = { 0 };

	if (cli->root || ((cli->no_trial || cli->goals) && !cli->write))
		return 0;
	if (cli->write)
		return handoff_write(handoff_dir(cli->state_dir), REPORT_FILE, json, err);
	handoff_write(handoff_dir(cli->state_dir), REPORT_FILE, json, &ignored);
	return 0;
}

static int exit_code(const struct cli *cli, const struct report *report)
{
	enum check_status worst = checks_verdict(report->results, report->count);

	return worst == CHECK_FAIL || (worst == CHECK_WARN && cli->strict) ? EXIT_FAIL
	                                                                   : EXIT_OK;
}

static int check(const struct cli *cli, struct strbuf *out)
{
	_cleanup_free_ struct report *report = calloc(1, sizeof(*report));
	struct err err = { 0 };
	json_t *json = NULL;
	int ret = report ? 0 : err_sys(&err, ENOMEM, "cannot check");

	if (!ret && (cli->load || cli->persist) && prepare(cli, &report->facts, &err) < 0)
		return complain(&err, err.usage ? EXIT_USAGE : EXIT_FAIL);
	if (!ret && gather(cli, !cli->no_trial, &report->facts, &err) < 0)
		return complain(&err, cli->root ? EXIT_USAGE : EXIT_INTERNAL);
	if (!ret) {
		report->goals = cli->goals;
		report_judge(report);
		json = report_json(report);
		ret = json ? render(cli, report, json, out) : -ENOMEM;
	}
	if (ret < 0) {
		err_sys(&err, -ret, "cannot make the report");
	} else {
		/* The report comes out even when it cannot be handed off. */
		ret = hand_off(cli, json, &err);
	}
	json_decref(json);
	if (ret < 0)
		return complain(&err, print(out, EXIT_INTERNAL));
	return print(out, exit_code(cli, report));
}

/* ---- watching ---- */

static void say_change(const struct result *was, const struct result *is,
                       struct strbuf *out)
{
	time_t now = time(NULL);
	struct tm tm;
	char clock[16] = "";

	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	strbuf_addf(out, "%s %s: %s, was %s: ", clock, is->check->id,
	            check_status_name(is->status), check_status_name(was->status));
	report_line(is->value, out);
	strbuf_addc(out, '\n');
}

static int look(const struct cli *cli, struct report *report, struct err *err)
{
	int ret = gather(cli, !cli->no_trial, &report->facts, err);

	report->goals = cli->goals;
	if (!ret)
		report_judge(report);
	return ret;
}

/* Judges again after each event and prints what changed. The table's order is the same
 * each time, so that results are compared by their place. */
static int watch_changes(const struct cli *cli, struct watch *watch, struct report *is,
                         struct report *was, struct err *err)
{
	int code;

	do {
		_cleanup_strbuf_ struct strbuf out = { 0 };

		*was = *is;
		if (look(cli, is, err) < 0)
			return complain(err, EXIT_INTERNAL);
		for (unsigned i = 0; i < is->count; i++)
			if (is->results[i].status != was->results[i].status)
				say_change(&was->results[i], &is->results[i], &out);
		code = print(&out, exit_code(cli, is));
	} while (code < EXIT_USAGE && watch_wait(watch) != WATCH_STOPPED);
	return code;
}

static int watch_host(const struct cli *cli)
{
	_cleanup_free_ struct report *is = calloc(1, sizeof(*is));
	_cleanup_free_ struct report *was = calloc(1, sizeof(*was));
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct err err = { 0 };
	struct watch watch;
	int ret = is && was ? watch_open(&watch, cli->interval_s, &err)
	                    : err_sys(&err, ENOMEM, "cannot watch");

	/* What happens during the first look is seen by the second. */
	if (!ret)
		ret = look(cli, is, &err);
	if (ret < 0)
		return complain(&err, EXIT_INTERNAL);
	strbuf_addf(&out, "watching %u checks, now %s\n", is->count, report_verdict(is));
	ret = print(&out, EXIT_OK);
	if (ret == EXIT_OK)
		ret = watch_changes(cli, &watch, is, was, &err);
	watch_close(&watch);
	return ret;
}

/* ---- two hosts ---- */

static int compare(const struct cli *cli, struct strbuf *out)
{
	_cleanup_free_ struct facts *facts = calloc(1, sizeof(*facts));
	struct err err = { 0 };
	int ret;

	if (cli->diff)
		ret = command_diff(cli, out, &err);
	else if (!facts)
		ret = err_sys(&err, ENOMEM, "cannot compare");
	else if (!(ret = gather(cli, false, facts, &err)))
		ret = command_compatible(cli, facts, out, &err);
	if (ret < 0)
		return complain(&err, EXIT_USAGE);
	return print(out, ret ? EXIT_OK : EXIT_FAIL);
}

static int unpersist(struct strbuf *out)
{
	struct err err = { 0 };

	return command_unpersist(out, &err) < 0 ? complain(&err, EXIT_FAIL)
	                                        : print(out, EXIT_OK);
}

int main(int argc, char **argv)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct err err = { 0 };
	struct cli cli;

	fd_reserve_std();
	if (cli_parse(argc, argv, &cli, &err) < 0)
		return complain(&err, EXIT_USAGE);
	if (cli.help)
		cli_help(&out);
	else if (cli.version)
		strbuf_adds(&out, "kvmkit kvm-check version " KVMKIT_VERSION "\n");
	else if (cli.dump_options)
		cli_dump(&out);
	else if (cli.list)
		command_list(cli.goals ? cli.goals : 1u << GOAL_ALL, &out);
	else if (cli.diff || cli.compatible_with)
		return compare(&cli, &out);
	else if (cli.unpersist)
		return unpersist(&out);
	else if (cli.watch)
		return watch_host(&cli);
	else if (!cli.explain)
		return check(&cli, &out);
	else if (command_explain(cli.explain, &out, &err) < 0)
		return complain(&err, EXIT_USAGE);
	return print(&out, EXIT_OK);
}
