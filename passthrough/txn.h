/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A change of the host as a whole: all of it happens, or none. What each thing was is on
 * the disk (common/journal) before it is changed, so that a run that dies in the middle
 * is undone by the next one. A transaction also locks out other runs.
 *
 * Order of use: open (which recovers), save and change in turn, then commit or undo.
 */
#ifndef PASSTHROUGH_TXN_H
#define PASSTHROUGH_TXN_H

#include "common/journal.h"
#include "common/strbuf.h"
#include "passthrough/assigned.h"

#define TXN_JOURNAL "assign.journal"

struct txn {
	const struct sysroot *root;
	const char *dir;
	struct journal journal;
	struct assigned assigned; /* what assigned.json says; the caller changes it */
};

/* Makes dir if need be. What an interrupted run left is undone first, with a line for
 * each function in notes. Fails, with nothing changed, when that is not possible now. */
int txn_open(struct txn *txn, const struct sysroot *root, const char *dir,
             struct strbuf *notes, struct err *err);
void txn_close(struct txn *txn);

/* To be called before the function's driver or override is changed. */
int txn_save_driver(struct txn *txn, const char *name, struct err *err);
/* To be called before a number in a file of the function is changed; file is one of
 * sriov_numvfs, sriov_drivers_autoprobe. */
int txn_save_file(struct txn *txn, const char *name, const char *file, struct err *err);

/* Writes assigned.json; from then on the change is done. On failure it is not, and is to
 * be undone. */
int txn_commit(struct txn *txn, struct err *err);
/* Restores everything, last change first, as far as possible; notes as txn_open(). The
 * first failure is the error: a record that could not be restored now (in use) stays for
 * the next run. */
int txn_undo(struct txn *txn, struct strbuf *notes, struct err *err);

/* How many functions an interrupted run left half changed, for those who only look. */
unsigned txn_pending(const struct sysroot *root, const char *dir);

#endif
