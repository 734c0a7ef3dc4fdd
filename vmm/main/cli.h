/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of vmm: one table that parses, prints help and fills the manual.
 */
#ifndef VMM_MAIN_CLI_H
#define VMM_MAIN_CLI_H

#include "common/err.h"
#include "common/strbuf.h"
#include "vmm/machine/config.h"

enum cli_result {
	CLI_RUN,  /* build the machine */
	CLI_DONE, /* help or a list was asked for: print `out`, exit 0 */
};

struct cli_row {
	const char *name;  /* without the dash; NULL ends the table */
	const char *alias; /* or NULL */
	const char *arg;   /* how help shows the argument, NULL: takes none */
	const char *help;
	const char *section; /* heading in help, from the first row of each section */
	/* Collects into config. -errno with a sentence. */
	int (*collect)(struct vm_config *config, const char *arg, struct err *err);
	/* Prints an answer instead when it returns true. */
	bool (*answer)(const char *arg, struct strbuf *out, struct err *err);
};

extern const struct cli_row cli_table[];

/* By name or alias; NULL when there is none. */
const struct cli_row *cli_find(const char *name);
/* Collects one option; arg is NULL where the row takes none. -errno with a sentence. */
int cli_collect(const struct cli_row *row, const char *arg, struct vm_config *config,
                struct err *err);

/* Parses argv. -errno with a sentence, nearly always of usage (exit 2); *result says what
 * to do. */
int cli_parse(int argc, char *const *argv, struct vm_config *config, struct strbuf *out,
              enum cli_result *result, struct err *err);
void cli_help(struct strbuf *out);
/* One line. It starts as QEMU's does, with the version whose interface this is, because
 * programs read there what they may use. */
void cli_version(struct strbuf *out);
/* Tab-separated rows "name alias arg section help", for the manual. */
void cli_dump(struct strbuf *out);

#endif
