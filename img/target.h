/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that is being made. It has no name, or one that begins with "." and is its own,
 * until it is whole: a failure, and mostly a crash as well, leaves what was there before.
 * Block devices are written where they are.
 */
#ifndef IMG_TARGET_H
#define IMG_TARGET_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct target {
	const char *name; /* as the user says it */
	int fd;           /* of the new file */
	int old;          /* of what it replaces, locked; -1: nothing */
	uint64_t device;  /* the size of a block device; 0: it is none */
	char *path;       /* where it goes; what a link points to */
	char *temp;       /* its name until then; NULL: none */
};

/* Refuses what somebody uses, or what is neither file nor disk. 0, or -errno with a
 * sentence; target_close() in both cases. */
int target_open(struct target *t, const char *name, struct err *err);
/* A path by which the new file can be opened. */
const char *target_path(const struct target *t, char *buf, unsigned size);
/* The file is whole: gives it its name. */
int target_finish(struct target *t, struct err *err);
void target_close(struct target *t);

#endif
