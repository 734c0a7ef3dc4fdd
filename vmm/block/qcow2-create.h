/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making new qcow2 images: an empty one is a header, refcounts and an L1 table. */
#ifndef VMM_BLOCK_QCOW2_CREATE_H
#define VMM_BLOCK_QCOW2_CREATE_H

#include "common/err.h"
#include "common/opts.h"

enum qcow2_preallocation {
	QCOW2_PREALLOC_OFF,
	QCOW2_PREALLOC_METADATA, /* every cluster has its place */
	QCOW2_PREALLOC_FALLOC,   /* and space */
	QCOW2_PREALLOC_FULL      /* which was written once */
};

struct qcow2_create {
	uint64_t size; /* of the disk; rounded up to 512 */
	char *backing_file, *backing_fmt;
	uint64_t cluster_size;
	int compat; /* index into qcow2_compats */
	bool lazy_refcounts, extended_l2;
	uint32_t refcount_bits;
	int preallocation, compression_type;
};

/* The keys of -o: defaults, help and parser of a struct qcow2_create. */
extern const struct opt_desc qcow2_create_options[];
/* "0.10", "1.1" and their other names, by struct qcow2_create's compat. */
extern const char *const qcow2_compats[];
/* By enum qcow2_preallocation. */
extern const char *const qcow2_preallocations[];

/* What no image can have: -EINVAL with a sentence of usage. */
int qcow2_create_check(const struct qcow2_create *create, struct err *err);
/* Writes the image into an empty file, or from the start of a block device; blocks.
 * Checked before. 0, or -errno with a sentence that names `path`. */
int qcow2_create(int fd, const char *path, const struct qcow2_create *create,
                 struct err *err);
/* The bytes that such an image takes when `data` bytes of the disk, in whole clusters,
 * have a place, with all tables that the whole disk needs. */
uint64_t qcow2_create_measure(const struct qcow2_create *create, uint64_t data);

#endif
