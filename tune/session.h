/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a command: the host, its journal, and what is known about both. */
#ifndef TUNE_SESSION_H
#define TUNE_SESSION_H

#include "tune/apply.h"
#include "tune/cli.h"
#include "tune/report.h"

struct session {
	const struct cli *cli;
	struct sysroot root;
	struct journal journal;
	struct tune_facts facts;
	struct bootconf boot;
	struct pools pools;
	struct strbuf out;      /* printed when the command succeeds */
	struct strbuf warnings; /* printed on standard error, with the program's name */
};

/* Opens the host and the journal (as a writer only one run at a time can), and reads
 * everything. 0 or -errno with a sentence; session_close() in both cases. */
int session_open(struct session *s, const struct cli *cli, bool writer, struct err *err);
/* Reads everything again, after a change. */
int session_refresh(struct session *s, struct err *err);
void session_close(struct session *s);
/* What reports are made from; plan may be NULL. */
struct report session_report(const struct session *s, const struct plan *plan);
/* Leaves tuning.json for vmm: of the running host, or where --state-dir says. What fails
 * is a warning. */
void session_hand_off(struct session *s, const char *profile);

#endif
