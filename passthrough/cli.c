// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands and options as tables. Options may stand anywhere; the first word that is no
 * option is the command, the others are its arguments.
 */
#include "passthrough/cli.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "common/toolopts.h"

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

#define SWITCH(name, letter, member, help)                                   \
	{                                                                    \
		name, letter, NULL, offsetof(struct cli, member), 0, 0, help \
	}
#define VALUE(name, arg, member, help)                                 \
	{                                                              \
		name, 0, arg, offsetof(struct cli, member), 0, 0, help \
	}

static const struct toolopt rows[] = {
	VALUE("driver", "NAME", driver,
	      "vfio-pci (default) or pci-stub; sriov: also none"),
	SWITCH("group", 0, group, "bind, release: the whole IOMMU group"),
	VALUE("owner", "WHO", owner, "user, or :group, who may open /dev/vfio/GROUP"),
	VALUE("force", "REASON,...", force,
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

static const struct toolopts options = {
	.program = "kvm-assign", .row = rows, .count = ARRAY_SIZE(rows), .column = 28
};

/* Unlike others, a repeated --force adds to the one before. */
static int take_force(struct cli *cli, struct err *err)
{
	const char *reasons = cli->force;

	cli->force = NULL;
	if (!reasons)
		return 0;
	if (!strcmp(reasons, "help")) {
		cli->force_help = true;
		return 0;
	}
	return forced_parse(&cli->forced, reasons, err);
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
		else if (!only_words && toolopts_is_option(argv[i]))
			ret = toolopts_take(&options, argc, argv, &i, cli, NULL, err);
		else if (!command)
			command = argv[i];
		else
			argv[cli->count++] = argv[i];
		if (!ret)
			ret = take_force(cli, err);
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

void cli_help(struct strbuf *out)
{
	strbuf_adds(out,
	            "usage: kvm-assign COMMAND [option...]\n"
	            "Gives PCI devices of this host to guests, and takes them back.\n\n");
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		size_t start = out->len;

		strbuf_addf(out, "  %s %s", commands[i].name, commands[i].args);
		toolopts_pad(out, start, options.column);
		strbuf_addf(out, "%s\n", commands[i].help);
	}
	strbuf_addc(out, '\n');
	toolopts_help(&options, 0, out);
	strbuf_adds(
		out,
		"\nDEVICE: 04:00.0, 0000:04:00.0, eth0, sda, /dev/nvme0n1 ...\n"
		"Exit: 0 done, 1 refused or failed, 2 wrong usage, 3 internal error.\n");
}

void cli_dump_options(struct strbuf *out)
{
	toolopts_dump(&options, out);
}

void cli_dump_commands(struct strbuf *out)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		strbuf_addf(out, "%s  %s%s%s\n", commands[i].name, commands[i].args,
		            *commands[i].args ? ": " : "", commands[i].help);
}
