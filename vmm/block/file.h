/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file protocol: opening (file-open.c) and serving (file.c). */
#ifndef VMM_BLOCK_FILE_H
#define VMM_BLOCK_FILE_H

#include "vmm/block/rmw.h"

struct file_node {
	struct block_node node;
	int fd;
	bool direct;       /* O_DIRECT */
	int locking;       /* enum opt_tri */
	bool no_flush;     /* cache=unsafe */
	bool flush_failed; /* written data may be lost: flushes fail from now on */
	unsigned aio_flags;
	uint32_t mem_align; /* of the memory of a direct transfer */
	struct rmw rmw;
	struct file_req *writes; /* direct ones that are under way */
};

extern const struct block_driver file_driver;

/* For the rmw of a file_node. */
bool file_is_written(struct rmw *rmw, uint64_t start, uint64_t end);

/* -EBUSY and others with a sentence. */
int file_lock(const struct file_node *file, struct err *err);
/* The same, and what its length is by now; one that became shorter is an error. */
int file_take(struct file_node *file, struct err *err);
void file_unlock(const struct file_node *file);

/* The size in bytes, not rounded. 0 or -errno. */
int file_get_length(int fd, bool block_dev, uint64_t *length);

#endif
