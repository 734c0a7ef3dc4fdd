/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of kvm-check: one table parses it and prints its help. */
#ifndef PROBE_CLI_H
#define PROBE_CLI_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

struct cli {
	unsigned goals; /* bits 1 << enum goal; 0: none was named */
	bool json, summary, quiet, list, help, version, dump_options;
	bool load, persist, unpersist, no_trial, strict, write;
	bool prometheus, nfd, watch;
	const char *explain; /* these point into argv */
	const char *root;
	const char *state_dir;
	const char *modules, *params;
	const char *diff, *diff_with; /* of --diff A B */
	const char *compatible_with, *cpu;
	const char *interval;
	uint64_t interval_s; /* of it, or the default */
};

/* Fills cli (zeroed here). 0, or -EINVAL with a sentence for an unknown option or goal, a
 * missing or superfluous value, or options that exclude each other. */
int cli_parse(int argc, char *const argv[], struct cli *cli, struct err *err);
void cli_help(struct strbuf *out);
/* Tab-separated rows "name letter argument section help", for the manual. */
void cli_dump(struct strbuf *out);

#endif
