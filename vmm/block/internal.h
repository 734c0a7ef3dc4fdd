/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files of block/: nodes, the engines that move data, and how a request ends.
 *
 * A request takes one of two ways: io_uring (aligned reads and writes, flushes), or a
 * worker thread (everything that may block in another manner: bounced and zeroing
 * requests, discards, and all of them with aio=threads or where io_uring is not to be
 * had).
 */
#ifndef VMM_BLOCK_INTERNAL_H
#define VMM_BLOCK_INTERNAL_H

#include "vmm/block/block.h"
#include "vmm/loop/pool.h"

struct uring;

/* The keys of -drive that concern the back end. */
struct drive_opts {
	char *file, *format, *id;
	bool readonly;
	int cache;   /* enum block_cache */
	int aio;     /* enum block_aio */
	int discard; /* enum block_discard */
	bool locking;
};

enum block_aio { BLOCK_AIO_URING, BLOCK_AIO_THREADS };
enum block_discard { BLOCK_DISCARD_UNMAP, BLOCK_DISCARD_IGNORE };

struct block_registry {
	struct loop *loop;
	struct block_node *nodes;
	struct uring *uring; /* made at the first request */
	bool no_uring;       /* the kernel refused it */
	struct pool *pool;   /* likewise */
};

struct block_node {
	struct block_registry *reg;
	struct block_node *next;
	struct drive_opts opts;
	int fd;
	bool is_device;  /* a block device, not a file */
	uint64_t length; /* what the guest sees, a multiple of 512 */
	uint32_t align;  /* of READ and WRITE: 1 unless O_DIRECT */
	unsigned in_flight;
	pthread_mutex_t rmw_lock; /* one read-modify-write at a time */
	const char *user;         /* the device that claimed it, or NULL */
	void (*resized)(void *opaque);
	void *resized_opaque;
	struct block_stats stats;
};

extern const struct opt_desc drive_options[];

/* file.c: opens node->opts.file, locks it, finds length and alignment. */
int block_file_open(struct block_node *node, struct err *err);
/* The length as it is now, or -errno. */
int64_t block_file_length(const struct block_node *node);
/* What one request does, in a worker: 0 or -errno. */
int block_file_blocking(struct block_node *node, struct block_req *req);

/* uring.c. NULL when the kernel has none or forbids it. */
struct uring *uring_new(struct block_registry *reg);
void uring_free(struct uring *uring);
void uring_add(struct uring *uring, struct block_req *req);
/* One system call for everything added; wait: until at least one has ended, and reports
 * it. */
void uring_submit(struct uring *uring, bool wait);

/* Ends a request: statistics, then its done(). */
void block_complete(struct block_req *req, int ret);

#endif
