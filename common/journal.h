/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An undo journal on disk: what each thing was before a program first changed it. The
 * order of use is save, then change; journal_save() returns after the original is on the
 * disk, so that a crash at any later point can be undone. Undo walks the records from the
 * last to the first, restores each, and drops it.
 *
 * The first original that was saved for a key stays until it is dropped, whatever is
 * saved later. One process at a time holds a journal open for writing. Keys and values
 * are any bytes without NUL; what they mean is the caller's, which checks them when it
 * reads them.
 */
#ifndef COMMON_JOURNAL_H
#define COMMON_JOURNAL_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

#define JOURNAL_DIR       "/var/lib/kvmkit" /* survives a reboot */
#define JOURNAL_MAX       (4 * 1024 * 1024) /* bytes of the file; larger ones are refused */
#define JOURNAL_VALUE_MAX (64 * 1024)       /* bytes of one key or one value */

struct journal_record {
	char *key;
	char *value; /* NULL: the thing did not exist */
};

struct journal {
	int dirfd, fd;   /* -1 when closed; fd is -1 for a reader without a file, too */
	char where[256]; /* directory and name, for sentences */
	const char *name;
	bool writer, broken; /* broken: an append failed, what follows it is unknown */
	struct journal_record
		*records; /* live ones, in the order in which they were saved */
	unsigned count;
};

/*
 * Opens the journal `name` in the directory dirfd, which the journal owns from now on,
 * also on failure; `dir` is its name for sentences, `name` must outlive the journal.
 *
 * A writer creates the file (0644) and holds it: -EBUSY, naming the process, when another
 * one does. A reader needs neither write permission nor the file: no file, no records.
 * A line that a crash cut short is left out: what it was to protect had not been changed.
 * Anything else that is not as written is -EBADMSG; files that others may write, -EPERM.
 */
int journal_open(struct journal *j, int dirfd, const char *dir, const char *name,
                 bool writer, struct err *err);
/* Forgets the records, and removes the file when a writer holds none. */
void journal_close(struct journal *j);

/* The record of key, or NULL. Valid until the next save or drop. */
const struct journal_record *journal_find(const struct journal *j, const char *key);
/* Records the original value (NULL: absent) of key, on the disk when this returns 0. A
 * key with a record keeps it: 0. On failure nothing may be changed. */
int journal_save(struct journal *j, const char *key, const char *value, struct err *err);
/* Removes the record of key, after its thing has been restored. 0 without a record. */
int journal_drop(struct journal *j, const char *key, struct err *err);

#endif
