// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm-check: gather facts, judge them, print the report, leave host.json for vmm. The
 * only place that prints and chooses the exit code.
 */
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/handoff.h"
#include "common/opts.h"
#include "common/version.h"
#include "probe/cli.h"
#include "probe/load.h"
#include "probe/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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
	int ret = out->failed ? -ENOMEM : 0;

	if (!ret && out->len)
		ret = fd_write(STDOUT_FILENO, out->data, out->len);
	if (ret == 0 || ret == -EPIPE)
		return code;
	err_sys(&err, -ret, "cannot print the report");
	return complain(&err, EXIT_INTERNAL);
}

/* ---- what needs no host ---- */

static void list_checks(struct strbuf *out)
{
	for (const struct check *c = checks; c->id; c++)
		strbuf_addf(out, "%-17s %s\n", c->id, c->title);
}

static int explain(const char *id, struct strbuf *out, struct err *err)
{
	const struct check *c = check_find(id);
	const char *ids[CHECKS_MAX + 1] = { 0 }, *near;

	if (c) {
		strbuf_addf(out, "%s: %s\n\n%s\n\nsource: %s\n", c->id, c->title,
		            c->explain, c->source);
		return 0;
	}
	for (unsigned i = 0; checks[i].id; i++)
		ids[i] = checks[i].id;
	near = opt_nearest(id, ids);
	if (near)
		return err_set(err, ENOENT, "there is no check '%s', did you mean '%s'?",
		               id, near);
	return err_set(err, ENOENT, "there is no check '%s'; see kvm-check --list", id);
}

/* ---- the report ---- */

static int gather(const struct cli *cli, bool trial, struct facts *facts, struct err *err)
{
	struct gather_options options = { .trial = trial };
	struct sysroot root;
	int ret = sysroot_open(&root, cli->root, err);

	if (ret < 0)
		return ret;
	ret = facts_gather(&root, &options, facts, err);
	if (ret < 0 && cli->root)
		err_prefix(err, "the captured host %s", cli->root);
	sysroot_close(&root);
	return ret;
}

static int load(const struct cli *cli, struct facts *facts, struct err *err)
{
	const char *name = NULL;
	int ret = gather(cli, false, facts, err);

	if (ret < 0)
		return ret;
	ret = load_modules(facts, &name, err);
	if (!ret)
		dprintf(STDERR_FILENO, "kvm-check: %s is loaded\n", name);
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
 * no trouble, and a report that measured nothing does not replace one that did. */
static int hand_off(const struct cli *cli, const json_t *json, struct err *err)
{
	struct err ignored = { 0 };

	if (cli->root || (cli->no_trial && !cli->write))
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

	if (!ret && cli->load && load(cli, &report->facts, &err) < 0)
		return complain(&err, EXIT_FAIL);
	if (!ret && gather(cli, !cli->no_trial, &report->facts, &err) < 0)
		return complain(&err, cli->root ? EXIT_USAGE : EXIT_INTERNAL);
	if (!ret) {
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

int main(int argc, char **argv)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct err err = { 0 };
	struct cli cli;

	if (cli_parse(argc, argv, &cli, &err) < 0)
		return complain(&err, EXIT_USAGE);
	if (cli.help)
		cli_help(&out);
	else if (cli.version)
		strbuf_adds(&out, "kvmkit kvm-check version " KVMKIT_VERSION "\n");
	else if (cli.dump_options)
		cli_dump(&out);
	else if (cli.list)
		list_checks(&out);
	else if (!cli.explain)
		return check(&cli, &out);
	else if (explain(cli.explain, &out, &err) < 0)
		return complain(&err, EXIT_USAGE);
	return print(&out, EXIT_OK);
}
