// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options as a table. "--name", "--name=value", "--name value", "-x"; each row sets one
 * field of struct cli. Order does not matter, the last of a repeated option wins. Every
 * other word is a goal, and several of them add up.
 */
#include "probe/cli.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "probe/checks.h"

#include <errno.h>
#include <string.h>

struct row {
	const char *name;
	char letter;     /* 0: none */
	const char *arg; /* name of the value in the help; NULL: a switch */
	size_t offset;   /* of a bool or of a const char * */
	size_t second; /* of another const char *, for options with two values; 0: none */
	const char *help; /* NULL: for scripts/gen-man only */
};

#define SWITCH(name, letter, member, help)                                \
	{                                                                 \
		name, letter, NULL, offsetof(struct cli, member), 0, help \
	}
#define VALUE(name, arg, member, help)                              \
	{                                                           \
		name, 0, arg, offsetof(struct cli, member), 0, help \
	}

static const struct row rows[] = {
	SWITCH("json", 0, json, "print the report as JSON (docs/host.schema.json)"),
	SWITCH("summary", 0, summary,
	       "print backend, speed, verdict and first cause only"),
	SWITCH("prometheus", 0, prometheus, "print metrics for the textfile collector"),
	SWITCH("nfd", 0, nfd, "print labels for node-feature-discovery"),
	SWITCH("quiet", 'q', quiet, "print only the checks that did not pass"),
	SWITCH("strict", 0, strict, "exit 1 for warnings too"),
	SWITCH("watch", 0, watch, "go on, and print each check that changes"),
	VALUE("interval", "SEC", interval,
	      "--watch looks at least this often (default 10)"),
	SWITCH("no-trial", 0, no_trial, "do not run and time the micro-guest"),
	SWITCH("load", 0, load, "load kvm and this CPU's module first (root)"),
	VALUE("modules", "LIST", modules, "... and these: vhost_net, tun, vfio-pci"),
	VALUE("param", "LIST", params, "... with MODULE.NAME=VALUE parameters"),
	SWITCH("persist", 0, persist, "load the same at every boot (root)"),
	SWITCH("unpersist", 0, unpersist, "remove what --persist wrote (root)"),
	VALUE("root", "DIR", root, "check a captured host below DIR instead of this one"),
	{ "diff", 0, "A B", offsetof(struct cli, diff), offsetof(struct cli, diff_with),
	  "what differs between two JSON reports" },
	VALUE("compatible-with", "A", compatible_with,
	      "can guests move between A and here"),
	VALUE("cpu", "MODEL", cpu, "... when they have this -cpu (default host)"),
	SWITCH("write", 0, write, "fail when host.json cannot be written"),
	VALUE("state-dir", "DIR", state_dir,
	      "folder of host.json (default: /run/kvmkit)"),
	SWITCH("list", 0, list, "list the checks of the goal"),
	VALUE("explain", "ID", explain, "say what a check means"),
	SWITCH("version", 0, version, "print the version"),
	SWITCH("help", 'h', help, "print this"),
	SWITCH("dump-options", 0, dump_options, NULL),
};

static const struct row *find_letter(const char *arg)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].letter && rows[i].letter == arg[1] && !arg[2])
			return &rows[i];
	return NULL;
}

static const struct row *find_name(const char *name, size_t len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].name) == len && !memcmp(rows[i].name, name, len))
			return &rows[i];
	return NULL;
}

static int unknown(const char *arg, struct err *err)
{
	const char *names[ARRAY_SIZE(rows) + 1] = { 0 };
	const char *near;
	char word[64] = "";

	for (unsigned i = 0, count = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].help)
			names[count++] = rows[i].name;
	strncat(word, arg + strspn(arg, "-"), sizeof(word) - 1);
	word[strcspn(word, "=")] = '\0';
	near = opt_nearest(word, names);
	if (near)
		return err_set(err, EINVAL, "unknown option '%s', did you mean '--%s'?",
		               arg, near);
	return err_set(err, EINVAL, "unknown option '%s'; see kvm-check --help", arg);
}

static int take_goal(const char *arg, struct cli *cli, struct err *err)
{
	int goal = goal_find(arg);
	const char *near;

	if (goal >= 0) {
		cli->goals |= 1u << goal;
		return 0;
	}
	near = opt_nearest(arg, goal_names);
	return err_set(err, EINVAL, "'%s' is no goal%s%s%s; see kvm-check --help", arg,
	               near ? ", did you mean '" : "", near ? near : "",
	               near ? "'?" : "");
}

/* The next word of the command line as a value, or NULL. */
static const char *next_value(int argc, char *const argv[], int *i)
{
	return *i + 1 < argc && *argv[*i + 1] ? argv[++*i] : NULL;
}

/* Handles argv[*i], and moves *i over separate values. */
static int take(int argc, char *const argv[], int *i, struct cli *cli, struct err *err)
{
	const char *arg = argv[*i], *value, *second = NULL;
	bool is_long = !strncmp(arg, "--", 2);
	const char *eq = is_long ? strchr(arg, '=') : NULL;
	const struct row *row;
	char *base = (char *)cli;

	if (arg[0] != '-' || !arg[1])
		return take_goal(arg, cli, err);
	row = is_long ? find_name(arg + 2, eq ? (size_t)(eq - arg - 2) : strlen(arg + 2))
	              : find_letter(arg);
	if (!row)
		return unknown(arg, err);
	if (!row->arg) {
		if (eq)
			return err_set(err, EINVAL, "--%s takes no value", row->name);
		*(bool *)(base + row->offset) = true;
		return 0;
	}
	value = eq ? eq + 1 : next_value(argc, argv, i);
	if (value && row->second)
		second = next_value(argc, argv, i);
	if (!value || !*value || (row->second && !second))
		return err_set(err, EINVAL, "--%s needs %s: --%s %s", row->name,
		               row->second ? "two values" : "a value", row->name,
		               row->arg);
	*(const char **)(base + row->offset) = value;
	if (second)
		*(const char **)(base + row->second) = second;
	return 0;
}

/* What one call prints, or does instead of a report. */
static unsigned outputs(const struct cli *cli)
{
	return cli->json + cli->summary + cli->prometheus + cli->nfd + cli->watch +
	       cli->unpersist + !!cli->diff + !!cli->compatible_with;
}

static int check_combination(const struct cli *cli, struct err *err)
{
	const struct {
		bool wrong;
		const char *text;
	} rules[] = {
		{ outputs(cli) > 1,
		  "--json, --summary, --prometheus, --nfd, --watch, --diff, "
		  "--compatible-with and --unpersist exclude each other" },
		{ (cli->list || cli->explain) && outputs(cli),
		  "--list and --explain print text, and nothing besides: leave the other out" },
		{ cli->root && (cli->load || cli->persist || cli->unpersist),
		  "--load and --persist act on this host, --root on a captured one: use one "
		  "of them" },
		{ cli->root && cli->write,
		  "--write tells vmm about this host, --root reads another: use one of them" },
		{ cli->root && cli->watch,
		  "--watch waits for this host, --root is another: "
		  "use one of them" },
		{ (cli->modules || cli->params) && !cli->load && !cli->persist,
		  "--modules and --param belong to --load or --persist" },
		{ cli->unpersist && (cli->load || cli->persist),
		  "--unpersist undoes --persist: use one of them" },
		{ cli->cpu && !cli->compatible_with && !cli->diff,
		  "--cpu belongs to --compatible-with or --diff" },
		{ cli->interval && !cli->watch, "--interval belongs to --watch" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].wrong)
			return err_set(err, EINVAL, "%s", rules[i].text);
	return 0;
}

enum { INTERVAL_DEFAULT = 10, INTERVAL_MAX = 86400 };

static int read_interval(struct cli *cli, struct err *err)
{
	cli->interval_s = INTERVAL_DEFAULT;
	if (!cli->interval)
		return 0;
	if (opt_parse_u64(cli->interval, &cli->interval_s) < 0 || !cli->interval_s ||
	    cli->interval_s > INTERVAL_MAX)
		return err_set(err, EINVAL, "--interval %s: expected 1 to %d seconds",
		               cli->interval, INTERVAL_MAX);
	return 0;
}

int cli_parse(int argc, char *const argv[], struct cli *cli, struct err *err)
{
	int ret = 0;

	*cli = (struct cli){ 0 };
	for (int i = 1; i < argc && !ret; i++)
		ret = take(argc, argv, &i, cli, err);
	if (!ret)
		ret = check_combination(cli, err);
	return ret ? ret : read_interval(cli, err);
}

void cli_help(struct strbuf *out)
{
	strbuf_adds(out, "usage: kvm-check [goal...] [option...]\n"
	                 "Finds out whether this host can run KVM guests, how well, and "
	                 "what to do when it cannot.\nGoals:");
	for (unsigned i = 0; goal_names[i]; i++)
		strbuf_addf(out, " %s%s", goal_names[i],
		            goal_names[i + 1] ? "" : " (default)\n");
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		size_t start = out->len;
		char letter[] = { '-', row->letter, ',', ' ', '\0' };

		if (!row->help)
			continue;
		strbuf_addf(out, "  %s--%s%s%s", row->letter ? letter : "    ", row->name,
		            row->arg ? " " : "", row->arg ? row->arg : "");
		strbuf_addf(out, "%*s%s\n", (int)(27 - (out->len - start)), "",
		            row->help);
	}
	strbuf_adds(out,
	            "Exit: 0 guests run, 1 a check failed, 2 wrong usage, 3 internal "
	            "error. Runs as any user.\n");
}

void cli_dump(struct strbuf *out)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		char letter[] = { row->letter, '\0' };

		if (row->help)
			strbuf_addf(out, "%s\t%s\t%s\t\t%s\n", row->name, letter,
			            row->arg ? row->arg : "", row->help);
	}
}
