/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts the references to each cluster of a qcow2 file from its tables, for a window of
 * clusters at a time, so that no image needs more than that much memory.
 */
#ifndef VMM_BLOCK_QCOW2_COUNT_H
#define VMM_BLOCK_QCOW2_COUNT_H

#include "vmm/block/qcow2-check.h"
#include "vmm/block/qcow2.h"

#define QCOW2_WINDOW (1u << 23) /* clusters; 512 GiB of the usual ones */

struct qcow2_counter {
	int fd;
	const char *path;
	struct qcow2_check *check;
	struct qcow2_header h; /* in the host's byte order */
	uint64_t cluster_size, file_clusters;
	uint64_t entries;   /* of a table of one cluster */
	uint64_t *reftable; /* in the host's byte order */
	uint64_t reftable_entries;
	uint8_t *l2;    /* a cluster */
	uint8_t *block; /* a refcount block: */
	uint64_t block_index;
	bool block_dirty;
	/* the window: references from cluster `first` on */
	uint32_t *refs;
	uint64_t first;
	uint64_t next; /* the next cluster behind it that is referred to */
	bool report;   /* in the first pass */
	bool bare;     /* leaves out the refcounts' own clusters */
};

/* Reads the header and the refcount table. 0, or -errno with a sentence.
 * qcow2_counter_free() in both cases. */
int qcow2_counter_init(struct qcow2_counter *n, struct block_node *file,
                       struct qcow2_check *check, struct err *err);
void qcow2_counter_free(struct qcow2_counter *n);

/* Fills the window that begins at `first`. 0 or -errno. */
int qcow2_count_window(struct qcow2_counter *n, uint64_t first);
/* References at the window's cluster. */
static inline uint32_t qcow2_counted(const struct qcow2_counter *n, uint64_t cluster)
{
	return n->refs[cluster - n->first];
}

/* The refcount on disk. -ENOENT: there is no block for it; -errno. */
int qcow2_stored_count(struct qcow2_counter *n, uint64_t cluster, uint64_t *value);
/* Changes it, in memory until qcow2_flush_block(). The same, and -ERANGE. */
int qcow2_store_count(struct qcow2_counter *n, uint64_t cluster, uint64_t value);
int qcow2_flush_block(struct qcow2_counter *n);
/* A refcount in a block. */
void qcow2_put_refcount(uint8_t *block, unsigned order, uint64_t index, uint64_t value);

/* The entry's offset, if it can be one of a refcount block, or 0. */
uint64_t qcow2_block_offset(const struct qcow2_counter *n, uint64_t index);
/* Reads a table of `count` entries into the host's byte order; allocated. */
int qcow2_read_table(struct qcow2_counter *n, uint64_t offset, uint64_t count,
                     uint64_t **table);

void qcow2_found(struct qcow2_counter *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
