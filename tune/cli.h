/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of kvm-tune: a command, its options, its words. Two tables parse it,
 * print its help and fill the manual. */
#ifndef TUNE_CLI_H
#define TUNE_CLI_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

enum command {
	CMD_SHOW,
	CMD_SYSCTL,
	CMD_KSM,
	CMD_HUGEPAGES,
	CMD_PARAM,
	CMD_APPLY,
	CMD_UNDO,
	CMD_PERSIST,
	CMD_UNPERSIST,
	CMD_PROFILES,
	CMD_COUNT,
};

#define CLI_WORDS 128 /* more are refused */

struct cli {
	enum command command;
	bool help, version, dump_options, list_commands, list_knobs; /* need no command */
	bool has_command, dry_run, persist, json;
	const char *root, *state_dir, *mount; /* these point into argv */
	const char *fit_text, *node_text, *interval_text, *count_text, *threshold_text;
	uint64_t fit;                        /* bytes of one guest; 0: not asked */
	int node;                            /* -1: all */
	unsigned interval, count, threshold; /* seconds; looks, 0 for ever; percent */
	const char *words[CLI_WORDS];
	unsigned word_count;
};

/* Fills cli (zeroed here). 0, or -EINVAL with a sentence. */
int cli_parse(int argc, char *const argv[], struct cli *cli, struct err *err);
/* Help about everything, or about one command and its options. */
void cli_help(const struct cli *cli, struct strbuf *out);
/* The commands, one a line: indent, name, what it does. */
void cli_list_commands(const char *indent, struct strbuf *out);
/* The options as scripts/gen-man reads them. */
void cli_dump_options(struct strbuf *out);

#endif
