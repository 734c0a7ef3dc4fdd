/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions on their way to a guest's driver: what bind and sriov have in common. */
#ifndef PASSTHROUGH_MOVE_H
#define PASSTHROUGH_MOVE_H

#include "passthrough/app.h"
#include "passthrough/node.h"
#include "passthrough/txn.h"

/* True when this run is to change the host: it is root's, and not a dry one. */
bool change_wanted(const struct app *app);
/* Where a change is wanted: takes the lock, undoes an interrupted run, and looks at the
 * host anew. txn is set in any case; the caller calls txn_close(). */
int change_begin(struct app *app, struct txn *txn, struct err *err);
/* -EPERM for a run that is to change the host and is not root's. */
int change_needs_root(const struct app *app, struct err *err);

struct move {
	struct pci_function f; /* as it was before */
	const char *driver;    /* vfio-pci or pci-stub; NULL: back to the host */
	bool sibling;          /* comes along because of its group */
	bool done;             /* already there: nothing to do */
	char to[DRIVER_SIZE];  /* of one that went back: its driver afterwards */
};

struct moves {
	unsigned count;
	struct move *move;
};

int moves_add(struct moves *moves, const struct move *move, struct err *err);
void moves_free(struct moves *moves);

/* Loads the drivers. A sibling for which there is no pci-stub goes to vfio-pci. */
int moves_load(struct app *app, struct moves *moves, struct err *err);
/* Moves all to their drivers, waits for the nodes, gives them to the owner, and enters
 * all in the transaction's list. On failure the caller undoes the transaction. */
int moves_take(struct app *app, struct txn *txn, struct moves *moves,
               const struct node_owner *owner, struct err *err);
/* The error of a command whose transaction is to be undone: undoes it, and says so. */
int moves_undo(struct app *app, struct txn *txn, int ret, struct err *err);

/* Prints what was done, or with --dry-run would be. */
void moves_say(struct app *app, const struct moves *moves);

#endif
