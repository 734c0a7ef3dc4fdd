/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of kvm-check: one table parses it and prints its help. */
#ifndef PROBE_CLI_H
#define PROBE_CLI_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>

struct cli {
	bool json, summary, quiet, list, help, version, dump_options;
	bool load, no_trial, strict, write;
	const char *explain; /* these point into argv */
	const char *root;
	const char *state_dir;
};

/* Fills cli (zeroed here). 0, or -EINVAL with a sentence for an unknown option, a missing
 * or superfluous value, an argument that is no option, or options that exclude each
 * other. */
int cli_parse(int argc, char *const argv[], struct cli *cli, struct err *err);
void cli_help(struct strbuf *out);
/* Tab-separated rows "name letter argument section help", for the manual. */
void cli_dump(struct strbuf *out);

#endif
