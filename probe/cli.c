// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options as a table, each row sets a field of struct cli. Every other word is a goal,
 * and several of them add up.
 */
#include "probe/cli.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "common/toolopts.h"
#include "probe/checks.h"

#include <errno.h>
#include <string.h>

#define SWITCH(name, letter, member, help)                                   \
	{                                                                    \
		name, letter, NULL, offsetof(struct cli, member), 0, 0, help \
	}
#define VALUE(name, arg, member, help)                                 \
	{                                                              \
		name, 0, arg, offsetof(struct cli, member), 0, 0, help \
	}

static const struct toolopt rows[] = {
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
	  0, "what differs between two JSON reports" },
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

static const struct toolopts options = {
	.program = "kvm-check", .row = rows, .count = ARRAY_SIZE(rows), .column = 27
};

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
		ret = toolopts_is_option(argv[i])
		              ? toolopts_take(&options, argc, argv, &i, cli, NULL, err)
		              : take_goal(argv[i], cli, err);
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
	toolopts_help(&options, 0, out);
	strbuf_adds(out,
	            "Exit: 0 guests run, 1 a check failed, 2 wrong usage, 3 internal "
	            "error. Runs as any user.\n");
}

void cli_dump(struct strbuf *out)
{
	toolopts_dump(&options, out);
}
