// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands and options as tables. Options may stand anywhere, "--name=value" or "--name
 * value"; the first word that is no option is the command, the others are its arguments.
 * Order does not matter, the last of a repeated option wins, except that --force adds.
 */
#include "passthrough/cli.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { MANY = 1000 };

static const struct {
	const char *name, *args;
	enum command command;
	unsigned min, max; /* arguments */
	const char *help;
} commands[] = {
	{ "list", "[DEVICE...]", COMMAND_LIST, 0, MANY,
	  "PCI functions, and who uses them" },
	{ "show", "DEVICE...", COMMAND_SHOW, 1, MANY,
	  "all about a function, and whether a guest may have it" },
	{ "group", "DEVICE|NUMBER...", COMMAND_GROUP, 1, MANY,
	  "its IOMMU group: what a guest must own together" },
	{ "status", "", COMMAND_STATUS, 0, 0,
	  "what is assigned, and which guest holds it" },
	{ "bind", "DEVICE...", COMMAND_BIND, 1, MANY,
	  "take functions from the host, for guests" },
	{ "release", "DEVICE...", COMMAND_RELEASE, 1, MANY,
	  "give them back to the drivers they had" },
	{ "recover", "", COMMAND_RECOVER, 0, 0,
	  "undo what an interrupted run left half done" },
	{ "sriov", "DEVICE COUNT", COMMAND_SRIOV, 2, 2,
	  "make COUNT virtual functions, for guests" },
	{ "persist", "DEVICE...", COMMAND_PERSIST, 1, MANY,
	  "bind them so at every boot, before drivers do" },
	{ "unpersist", "DEVICE...", COMMAND_UNPERSIST, 1, MANY, "no longer" },
	{ "limits", "", COMMAND_LIMITS, 0, 0,
	  "locked memory and mappings that guests need (--ram)" },
};

struct row {
	const char *name;
	char letter;      /* 0: none */
	const char *arg;  /* name of the value in the help; NULL: a switch */
	size_t offset;    /* of a bool or of a const char *; of --force: of forced */
	const char *help; /* NULL: for the manual's maker only */
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
	VALUE("driver", "NAME", driver,
	      "vfio-pci (default) or pci-stub; sriov: also none"),
	SWITCH("group", 0, group, "bind, release: the whole IOMMU group"),
	VALUE("owner", "WHO", owner, "user, or :group, who may open /dev/vfio/GROUP"),
	VALUE("force", "REASON,...", forced,
	      "do it although REASON speaks against it "
	      "(help: list them)"),
	SWITCH("dry-run", 'n', dry_run,
	       "check everything, say what would be done, do nothing"),
	SWITCH("json", 0, json, "print JSON"),
	VALUE("ram", "SIZE", ram, "limits: memory of the guest, such as 8G"),
	VALUE("root", "DIR", root, "look at a captured host below DIR"),
	VALUE("state-dir", "DIR", state_dir,
	      "folder of assigned.json (default $KVMKIT_STATE_DIR or /run/kvmkit)"),
	SWITCH("version", 0, version, "print the version"),
	SWITCH("help", 'h', help, "print this"),
	SWITCH("dump-options", 0, dump_options, NULL),
	SWITCH("dump-commands", 0, dump_commands, NULL),
};

static const struct row *find_row(const char *arg)
{
	size_t len = strcspn(arg, "=");

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (!strncmp(arg, "--", 2)
		            ? strlen(row->name) == len - 2 &&
		                      !memcmp(row->name, arg + 2, len - 2)
		            : row->letter && row->letter == arg[1] && !arg[2])
			return row;
	}
	return NULL;
}

static int unknown_option(const char *arg, struct err *err)
{
	const char *names[ARRAY_SIZE(rows) + 1] = { 0 }, *near;
	char word[64] = "";

	for (unsigned i = 0, n = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].help)
			names[n++] = rows[i].name;
	strncat(word, arg + strspn(arg, "-"), sizeof(word) - 1);
	word[strcspn(word, "=")] = '\0';
	near = opt_nearest(word, names);
	if (near)
		return err_usage(err, "unknown option '%s', did you mean '--%s'?", arg,
		                 near);
	return err_usage(err, "unknown option '%s'; see kvm-assign --help", arg);
}

static int take_value(const struct row *row, const char *value, struct cli *cli,
                      struct err *err)
{
	if (row->offset != offsetof(struct cli, forced)) {
		*(const char **)((char *)cli + row->offset) = value;
		return 0;
	}
	if (!strcmp(value, "help")) {
		cli->force_help = true;
		return 0;
	}
	return forced_parse(&cli->forced, value, err);
}

/* Handles the option argv[*i], and moves *i over a separate value. */
static int take_option(int argc, char **argv, int *i, struct cli *cli, struct err *err)
{
	const char *arg = argv[*i];
	const struct row *row = find_row(arg);
	const char *value = strncmp(arg, "--", 2) ? NULL : strchr(arg, '=');

	if (!row)
		return unknown_option(arg, err);
	if (!row->arg) {
		if (value)
			return err_usage(err, "--%s takes no value", row->name);
		*(bool *)((char *)cli + row->offset) = true;
		return 0;
	}
	value = value ? value + 1 : *i + 1 < argc ? argv[++*i] : NULL;
	if (!value || !*value)
		return err_usage(err, "--%s needs a value: --%s %s", row->name, row->name,
		                 row->arg);
	return take_value(row, value, cli, err);
}

static int take_command(const char *word, struct cli *cli, struct err *err)
{
	const char *names[ARRAY_SIZE(commands) + 1] = { 0 }, *near;

	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		const char *args = commands[i].args;

		names[i] = commands[i].name;
		if (strcmp(commands[i].name, word))
			continue;
		cli->command = commands[i].command;
		if (cli->count >= commands[i].min && cli->count <= commands[i].max)
			return 0;
		return err_usage(err, "usage: kvm-assign %s%s%s", word, *args ? " " : "",
		                 args);
	}
	near = opt_nearest(word, names);
	if (near)
		return err_usage(err, "unknown command '%s', did you mean '%s'?", word,
		                 near);
	return err_usage(err, "unknown command '%s'; see kvm-assign --help", word);
}

static bool changes_host(enum command command)
{
	return command == COMMAND_BIND || command == COMMAND_RELEASE ||
	       command == COMMAND_RECOVER || command == COMMAND_SRIOV ||
	       command == COMMAND_PERSIST || command == COMMAND_UNPERSIST;
}

/* Combinations that make no sense. */
static int check(const struct cli *cli, struct err *err)
{
	bool none = cli->driver && !strcmp(cli->driver, "none");

	if (cli->driver && strcmp(cli->driver, "vfio-pci") &&
	    strcmp(cli->driver, "pci-stub") && !(none && cli->command == COMMAND_SRIOV))
		return err_usage(
			err,
			"--driver is vfio-pci or pci-stub%s, not '%s'; to give a "
			"device back to the host: kvm-assign release",
			cli->command == COMMAND_SRIOV ? " or none" : "", cli->driver);
	if (cli->root && changes_host(cli->command) && !cli->dry_run)
		return err_usage(
			err, "--root shows another host, which cannot be changed; add "
			     "--dry-run");
	if (cli->owner && cli->driver && strcmp(cli->driver, "vfio-pci"))
		return err_usage(
			err, "--owner is about vfio-pci's nodes: --driver %s has none",
			cli->driver);
	return 0;
}

int cli_parse(int argc, char **argv, struct cli *cli, struct err *err)
{
	const char *command = NULL;
	bool only_words = false;
	int ret = 0;

	*cli = (struct cli){ .words = argv };
	for (int i = 1; i < argc && !ret; i++) {
		if (!only_words && !strcmp(argv[i], "--"))
			only_words = true;
		else if (!only_words && argv[i][0] == '-' && argv[i][1])
			ret = take_option(argc, argv, &i, cli, err);
		else if (!command)
			command = argv[i];
		else
			argv[cli->count++] = argv[i];
	}
	if (ret < 0 || cli->help || cli->version || cli->force_help ||
	    cli->dump_options || cli->dump_commands)
		return ret;
	if (!command)
		return err_usage(err,
		                 "a command is missing: list, bind, release, status ...; "
		                 "see kvm-assign --help");
	ret = take_command(command, cli, err);
	return ret < 0 ? ret : check(cli, err);
}

static void pad(struct strbuf *out, size_t start, unsigned column)
{
	size_t used = out->len - start;

	strbuf_addf(out, "%*s", used < column ? (int)(column - used) : 1, "");
}

void cli_help(struct strbuf *out)
{
	strbuf_adds(out,
	            "usage: kvm-assign COMMAND [option...]\n"
	            "Gives PCI devices of this host to guests, and takes them back.\n\n");
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		size_t start = out->len;

		strbuf_addf(out, "  %s %s", commands[i].name, commands[i].args);
		pad(out, start, 28);
		strbuf_addf(out, "%s\n", commands[i].help);
	}
	strbuf_addc(out, '\n');
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		char letter[] = { '-', row->letter, ',', ' ', '\0' };
		size_t start = out->len;

		if (!row->help)
			continue;
		strbuf_addf(out, "  %s--%s%s%s", row->letter ? letter : "    ", row->name,
		            row->arg ? " " : "", row->arg ? row->arg : "");
		pad(out, start, 28);
		strbuf_addf(out, "%s\n", row->help);
	}
	strbuf_adds(
		out,
		"\nDEVICE: 04:00.0, 0000:04:00.0, eth0, sda, /dev/nvme0n1 ...\n"
		"Exit: 0 done, 1 refused or failed, 2 wrong usage, 3 internal error.\n");
}

void cli_dump_options(struct strbuf *out)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		char letter[] = { row->letter, '\0' };

		if (row->help)
			strbuf_addf(out, "%s\t%s\t%s\t\t%s\n", row->name, letter,
			            row->arg ? row->arg : "", row->help);
	}
}

void cli_dump_commands(struct strbuf *out)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		strbuf_addf(out, "%s  %s%s%s\n", commands[i].name, commands[i].args,
		            *commands[i].args ? ": " : "", commands[i].help);
}
