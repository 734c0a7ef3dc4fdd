/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of kvm-assign: one table of commands and one of options parse it and
 * print its help. */
#ifndef PASSTHROUGH_CLI_H
#define PASSTHROUGH_CLI_H

#include "common/strbuf.h"
#include "passthrough/findings.h"

enum command {
	COMMAND_NONE,
	COMMAND_LIST,
	COMMAND_SHOW,
	COMMAND_GROUP,
	COMMAND_STATUS,
	COMMAND_BIND,
	COMMAND_RELEASE,
	COMMAND_RECOVER,
	COMMAND_SRIOV,
	COMMAND_PERSIST,
	COMMAND_UNPERSIST,
	COMMAND_LIMITS,
};

struct cli {
	enum command command;
	char *const *words; /* arguments of the command; point into argv, as the next */
	unsigned count;
	const char *driver, *owner, *ram, *root, *state_dir, *force;
	bool group, dry_run, json, help, version, dump_options, dump_commands, force_help;
	struct forced forced;
};

/* Fills cli (zeroed here) and moves the command's arguments to the front of argv. 0, or
 * -EINVAL with a sentence of usage. */
int cli_parse(int argc, char **argv, struct cli *cli, struct err *err);
void cli_help(struct strbuf *out);
/* For the manual: tab-separated rows "name letter argument section help", and lines
 * "command  arguments: help". */
void cli_dump_options(struct strbuf *out);
void cli_dump_commands(struct strbuf *out);

#endif
