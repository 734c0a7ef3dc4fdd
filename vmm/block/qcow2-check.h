/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checking and repairing qcow2 images that nobody has open: are the refcounts those that
 * the tables make, and is each entry possible? Works on the file alone, since an image
 * that is wrong cannot always be opened.
 */
#ifndef VMM_BLOCK_QCOW2_CHECK_H
#define VMM_BLOCK_QCOW2_CHECK_H

#include "vmm/block/node.h"

enum qcow2_fix {
	QCOW2_FIX_LEAKS = 1 << 0,  /* clusters that nothing refers to */
	QCOW2_FIX_ERRORS = 1 << 1, /* refcounts that are too low, wrong flags */
};

struct qcow2_check {
	unsigned fix; /* enum qcow2_fix */
	/* Hears of each finding, a line without its end; limited to some hundred. */
	void (*say)(void *opaque, const char *text);
	void *opaque;
	/* results */
	uint64_t check_errors; /* what could not be read or repaired */
	uint64_t corruptions, leaks, corruptions_fixed, leaks_fixed;
	uint64_t total, allocated, fragmented, compressed; /* clusters of the disk */
	uint64_t end; /* offset behind the last cluster in use */
	unsigned said;
};

/* True if the file begins as a qcow2 image does. */
bool qcow2_is_one(struct block_node *file);
/* Checks what is in the file (a node of the file protocol, writable for repairs); blocks.
 * Needs 40 MiB at most. 0, or -errno with a sentence when there is no checking it. */
int qcow2_check(struct block_node *file, struct qcow2_check *check, struct err *err);

#endif
