/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command lines of the host tools, in util-linux manners: "--name", "--name=value",
 * "--name value", "-x", in any order; the last of a repeated option wins. A table of
 * options is parser, help, manual and completion.
 */
#ifndef COMMON_TOOLOPTS_H
#define COMMON_TOOLOPTS_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

struct toolopt {
	const char *name;
	char letter;      /* 0: none */
	const char *arg;  /* name of the value, "A B" of two; NULL: a switch */
	size_t offset;    /* of a bool or of a const char * in the target */
	size_t second;    /* of a const char *, for the second value; 0: one value */
	unsigned mask;    /* bits of the commands that take it; 0: every one */
	const char *help; /* NULL: for scripts that make manual and completion only */
};

/* What a command is for; a table of them, and one of their names. */
struct toolopt_command {
	const char *words, *help;
};

struct toolopts {
	const char *program; /* "kvm-tune" */
	const struct toolopt *row;
	unsigned count;
	unsigned column;             /* where the help of an option begins */
	bool empty;                  /* values may be empty */
	const char *const *commands; /* names by bit of mask, then NULL; or NULL */
	const struct toolopt_command *about; /* of each; for the calls that need it */
	unsigned
		command; /* bit of the command that is known before its options, which may
	                    share letters and names with those of others; 0: none is */
};

/* True if arg is to be parsed as an option. */
bool toolopts_is_option(const char *arg);
/* The row that arg, "--name[=value]" or "-x", is about; NULL: none. */
const struct toolopt *toolopts_find(const struct toolopts *t, const char *arg);
/* Sets in target what argv[*i] says, and moves *i over separate values; *row, unless
 * NULL, is its row. An error of usage for an unknown option (with the nearest name), or a
 * value that is missing or too many. */
int toolopts_take(const struct toolopts *t, int argc, char *const argv[], int *i,
                  void *target, const struct toolopt **row, struct err *err);

/* The options of a command (its bit), or with mask 0 those that every command takes. */
void toolopts_help(const struct toolopts *t, unsigned mask, struct strbuf *out);
/* The index of the command that word names, or -EINVAL with the nearest name. */
int toolopts_command(const struct toolopts *t, const char *word, struct err *err);
/* How a command is used, what it does and its options. */
void toolopts_command_help(const struct toolopts *t, unsigned command,
                           struct strbuf *out);
/* A line for each command, in the order of the table. */
void toolopts_list_commands(const struct toolopts *t, const char *indent,
                            struct strbuf *out);
/* A line of name, letter, value, commands and help for each, between tabs. */
void toolopts_dump(const struct toolopts *t, struct strbuf *out);

/* Adds blanks up to a column of the line that starts at out->data + start; one at least.
 */
void toolopts_pad(struct strbuf *out, size_t start, unsigned column);

#endif
