// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands of kvm-check beside its report. Nothing is printed here. */
#include "probe/command.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "probe/checks.h"
#include "probe/compat.h"
#include "probe/load.h"
#include "probe/persist.h"

#include <errno.h>
#include <string.h>

#define ETC "/etc"

/* ---- the table ---- */

void command_list(unsigned goals, struct strbuf *out)
{
	for (const struct check *c = checks; c->id; c++)
		if (check_asked(c, goals))
			strbuf_addf(out, "%-17s %s\n", c->id, c->title);
}

static void add_goals(const struct check *c, struct strbuf *out)
{
	bool first = true;

	for (unsigned g = 0; g < GOAL_COUNT; g++) {
		if (!check_judged(c, 1u << g))
			continue;
		strbuf_addf(out, "%s%s", first ? "judged for: " : ", ", goal_names[g]);
		first = false;
	}
	strbuf_adds(out, first ? "judged for: none, only noted\n" : "\n");
}

int command_explain(const char *id, struct strbuf *out, struct err *err)
{
	const struct check *c = check_find(id);
	const char *ids[CHECKS_MAX + 1] = { 0 }, *near;

	if (c) {
		strbuf_addf(out, "%s: %s\n\n%s\n\nsource: %s\n", c->id, c->title,
		            c->explain, c->source);
		add_goals(c, out);
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

/* ---- two hosts ---- */

static int both_ways(const struct facts *a, const char *name_a, const struct facts *b,
                     const char *name_b, const char *cpu, struct strbuf *out,
                     struct err *err)
{
	const char *model = cpu ? cpu : CPU_DEFAULT_MODEL;
	int there, back;

	strbuf_addf(out, "-cpu %s, from %s to %s: ", model, name_a, name_b);
	there = compat_migrate(a, b, cpu, out, err);
	if (there < 0)
		return there;
	strbuf_addf(out, "-cpu %s, from %s to %s: ", model, name_b, name_a);
	back = compat_migrate(b, a, cpu, out, err);
	if (back < 0)
		return back;
	return there == COMPAT_YES && back == COMPAT_YES;
}

/* The newest model that both have complete: what to use instead. */
static void suggest(const struct facts *a, const struct facts *b, struct strbuf *out)
{
	const struct cpu_model *common = compat_common_model(a, b);

	if (common)
		strbuf_addf(out, "both have -cpu %s-v%u complete\n", common->name,
		            common->version);
	else
		strbuf_adds(out, "no CPU model of their vendor is complete on both\n");
}

int command_diff(const struct cli *cli, struct strbuf *out, struct err *err)
{
	_cleanup_free_ struct facts *a = calloc(1, sizeof(*a)),
				    *b = calloc(1, sizeof(*b));
	int ret;

	if (!a || !b)
		return err_sys(err, ENOMEM, "cannot compare");
	ret = compat_load(cli->diff, a, err);
	if (!ret)
		ret = compat_load(cli->diff_with, b, err);
	if (ret < 0)
		return ret;
	compat_diff(a, b, out);
	ret = both_ways(a, cli->diff, b, cli->diff_with, cli->cpu, out, err);
	if (ret >= 0)
		suggest(a, b, out);
	return ret;
}

int command_compatible(const struct cli *cli, const struct facts *facts,
                       struct strbuf *out, struct err *err)
{
	_cleanup_free_ struct facts *other = calloc(1, sizeof(*other));
	const char *here = cli->root ? cli->root : "this host";
	int ret = other ? 0 : err_sys(err, ENOMEM, "cannot compare");

	if (!ret)
		ret = compat_load(cli->compatible_with, other, err);
	if (ret < 0)
		return ret;
	ret = both_ways(facts, here, other, cli->compatible_with, cli->cpu, out, err);
	if (ret >= 0)
		suggest(facts, other, out);
	return ret;
}

/* ---- modules ---- */

int command_load(const struct cli *cli, const struct facts *facts, struct strbuf *out,
                 struct err *err)
{
	_cleanup_strbuf_ struct strbuf modules = { 0 }, options = { 0 }, done = { 0 };
	struct load_request request;
	int ret = load_request_parse(cli->modules, cli->params, &request, err);

	if (!ret && cli->load)
		ret = load_modules(facts, &request, &done, err);
	if (!ret && cli->load)
		strbuf_addf(out, "loaded: %s\n", done.data);
	if (ret < 0 || !cli->persist)
		return ret;
	strbuf_free(&done);
	ret = load_lines(facts, &request, &modules, &options, err);
	if (!ret)
		ret = persist_write(ETC, modules.data ? modules.data : "",
		                    options.data ? options.data : "", &done, err);
	if (!ret)
		strbuf_addf(out, "written: %s\n", done.data);
	return ret;
}

int command_unpersist(struct strbuf *out, struct err *err)
{
	_cleanup_strbuf_ struct strbuf done = { 0 };
	int ret = persist_remove(ETC, &done, err);

	if (!ret)
		strbuf_addf(out, "removed: %s\n",
		            done.data ? done.data : "nothing was there");
	return ret;
}
