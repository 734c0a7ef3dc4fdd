// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options as a table. "--name", "--name=value", "--name value", "-x"; each row sets one
 * field of struct cli. Order does not matter, the last of a repeated option wins.
 */
#include "probe/cli.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <string.h>

struct row {
	const char *name;
	char letter;      /* 0: none */
	const char *arg;  /* name of the value in the help; NULL: a switch */
	size_t offset;    /* of a bool or of a const char * */
	const char *help; /* NULL: for scripts/gen-man only */
};

#define SWITCH(name, letter, member, help)                             \
	{                                                              \
		name, letter, NULL, offsetof(struct cli, member), help \
	}
#define VALUE(name, arg, member, help)                           \
	{                                                        \
		name, 0, arg, offsetof(struct cli, member), help \
	}

static const struct row rows[] = {
	SWITCH("json", 0, json, "print the report as JSON (docs/host.schema.json)"),
	SWITCH("summary", 0, summary,
	       "print backend, speed, verdict and its first cause only"),
	SWITCH("quiet", 'q', quiet, "print only the checks that did not pass"),
	SWITCH("strict", 0, strict, "exit 1 for warnings too"),
	SWITCH("no-trial", 0, no_trial, "do not run and time the micro-guest"),
	SWITCH("load", 0, load, "load kvm and this CPU's module first (root)"),
	VALUE("root", "DIR", root, "check a captured host below DIR instead of this one"),
	SWITCH("write", 0, write, "fail when host.json cannot be written"),
	VALUE("state-dir", "DIR", state_dir,
	      "folder of host.json (default: /run/kvmkit)"),
	SWITCH("list", 0, list, "list the checks"),
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

/* Handles argv[*i], and moves *i over a separate value. */
static int take(int argc, char *const argv[], int *i, struct cli *cli, struct err *err)
{
	const char *arg = argv[*i], *value = NULL;
	bool is_long = !strncmp(arg, "--", 2);
	const char *eq = is_long ? strchr(arg, '=') : NULL;
	const struct row *row;
	void *field;

	if (arg[0] != '-' || !arg[1])
		return err_set(err, EINVAL, "'%s' is no option; see kvm-check --help",
		               arg);
	row = is_long ? find_name(arg + 2, eq ? (size_t)(eq - arg - 2) : strlen(arg + 2))
	              : find_letter(arg);
	if (!row)
		return unknown(arg, err);
	field = (char *)cli + row->offset;
	if (!row->arg) {
		if (eq)
			return err_set(err, EINVAL, "--%s takes no value", row->name);
		*(bool *)field = true;
		return 0;
	}
	value = eq ? eq + 1 : *i + 1 < argc ? argv[++*i] : NULL;
	if (!value || !*value)
		return err_set(err, EINVAL, "--%s needs a value: --%s %s", row->name,
		               row->name, row->arg);
	*(const char **)field = value;
	return 0;
}

int cli_parse(int argc, char *const argv[], struct cli *cli, struct err *err)
{
	int ret = 0;

	*cli = (struct cli){ 0 };
	for (int i = 1; i < argc && !ret; i++)
		ret = take(argc, argv, &i, cli, err);
	if (ret < 0)
		return ret;
	if (cli->json && cli->summary)
		return err_set(err, EINVAL, "--json and --summary exclude each other");
	if (cli->root && cli->load)
		return err_set(err, EINVAL,
		               "--load acts on this host, --root on a captured one: "
		               "use one of them");
	if (cli->root && cli->write)
		return err_set(
			err, EINVAL,
			"--write tells vmm about this host, --root reads another: use "
			"one of them");
	return 0;
}

void cli_help(struct strbuf *out)
{
	strbuf_adds(
		out,
		"usage: kvm-check [option...]\n"
		"Finds out whether this host can run KVM guests, how well, and what to do "
		"when it\ncannot.\n\n");
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		size_t start = out->len;
		char letter[] = { '-', row->letter, ',', ' ', '\0' };

		if (!row->help)
			continue;
		strbuf_addf(out, "  %s--%s%s%s", row->letter ? letter : "    ", row->name,
		            row->arg ? " " : "", row->arg ? row->arg : "");
		strbuf_addf(out, "%*s%s\n", (int)(26 - (out->len - start)), "",
		            row->help);
	}
	strbuf_adds(
		out,
		"\nRuns as any user; as root it also reads the MSRs that firmware locks "
		"and leaves\nhost.json for vmm.\n"
		"Exit: 0 guests run, 1 a check failed, 2 wrong usage, 3 internal error.\n");
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
