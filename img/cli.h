/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of vmm-img, in qemu-img's syntax: a command, its options, its words.
 * Letters mean what they mean for the command ("-c" compresses, or makes a snapshot).
 * Two tables parse it, print its help and fill the manual.
 */
#ifndef IMG_CLI_H
#define IMG_CLI_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

enum command {
	CMD_CREATE,
	CMD_INFO,
	CMD_CHECK,
	CMD_CONVERT,
	CMD_RESIZE,
	CMD_SNAPSHOT,
	CMD_MAP,
	CMD_COMPARE,
	CMD_MEASURE,
	CMD_REBASE,
	CMD_COMMIT,
	CMD_COUNT,
};

struct cli {
	enum command command;
	bool help, version, dump_options, list_commands; /* need no command */
	bool has_command, json;
	bool quiet, progress, unsafe, force_share, backing_chain;
	bool compress, no_create, zero, unordered, strict, shrink, list, keep;
	/* These point into args; NULL: not given. */
	const char *format, *target_format, *backing, *backing_format, *output, *repair;
	const char *snapshot, *sparse, *parallel, *target_cache, *source_cache;
	const char *make, *apply, *drop, *start_offset, *max_length, *size;
	struct strbuf options; /* of every -o, one list */
	const char *more;      /* of the last -o */
	char **words;          /* behind the options */
	unsigned word_count;
	char **args; /* argv, with "-xy" as "-x -y" */
};

/* Fills cli (zeroed here); argv must outlive it. 0, or -errno with a sentence; cli_free()
 * in both cases. */
int cli_parse(int argc, char *argv[], struct cli *cli, struct err *err);
void cli_free(struct cli *cli);
/* Exactly min to max words, or an error of usage that shows how. */
int cli_check_words(const struct cli *cli, unsigned min, unsigned max, struct err *err);
/* Help about everything, or about one command and its options. */
void cli_help(const struct cli *cli, struct strbuf *out);
/* The commands, one a line: indent, name, what it does. */
void cli_list_commands(const char *indent, struct strbuf *out);
/* The options as scripts/gen-man reads them. */
void cli_dump_options(struct strbuf *out);

#endif
