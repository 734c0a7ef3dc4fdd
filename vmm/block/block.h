/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block back ends: a node is an opened image that serves asynchronous requests on one
 * loop.
 *
 * Requests are submitted and completed in the loop's thread; a completion never runs
 * inside its own block_submit(). No request is lost: each completes exactly once, with 0
 * or -errno.
 */
#ifndef VMM_BLOCK_BLOCK_H
#define VMM_BLOCK_BLOCK_H

#include "common/err.h"
#include "common/opts.h"
#include "vmm/loop/loop.h"

#include <sys/uio.h>

struct block_node;
struct block_registry;

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };

enum block_cache {
	BLOCK_WRITEBACK,
	BLOCK_WRITETHROUGH,
	BLOCK_NONE,
	BLOCK_UNSAFE,
	BLOCK_DIRECTSYNC
};

struct block_req {
	enum block_op op;
	uint64_t offset, len;    /* bytes, multiples of 512 within the node's length */
	const struct iovec *iov; /* READ, WRITE: host memory of len bytes in all */
	unsigned iov_count;
	bool may_unmap; /* WRITE_ZEROES may deallocate */
	void (*done)(struct block_req *req, int ret);
	void *opaque;
	/* for the node */
	bool durable; /* must be on stable storage when it completes */
	struct block_req *next;
	struct block_node *node;
	int result;
	unsigned char scratch[176] __attribute__((aligned(8)));
};

struct block_info {
	uint64_t length; /* bytes, a multiple of 512 */
	bool readonly;
	bool discard;           /* discard reaches the host */
	enum block_cache cache; /* as cache= says */
	bool write_cache;       /* false: every write is durable when it completes */
	uint32_t request_align; /* offsets, lengths and memory of READ and WRITE
	                           (O_DIRECT) */
	const char *path, *format, *id;
};

struct block_stats {
	uint64_t bytes[5], ops[5], errors[5]; /* by enum block_op */
};

/* Ignores SIGXFSZ from now on. NULL when memory is short. */
struct block_registry *block_registry_new(struct loop *loop);
void block_registry_free(struct block_registry *reg); /* closes every node */

/* Opens the image of one -drive (keys file, format, id, readonly, cache, aio, discard,
 * detect-zeroes …; those of the guest side, if, index, media, serial, are left unused in
 * opts). Takes the OFD lock: shared for read-only, exclusive for writing. */
struct block_node *block_open(struct block_registry *reg, struct opt_list *opts,
                              struct err *err);
void block_close(struct block_node *node); /* drained and not in use */
struct block_node *block_find(struct block_registry *reg, const char *id);
/* The image after node, or the first for NULL; NULL at the end. */
struct block_node *block_next(struct block_registry *reg, struct block_node *node);
/* The device that claimed the node, or NULL. */
const char *block_user(const struct block_node *node);

void block_get_info(const struct block_node *node, struct block_info *info);
const struct block_stats *block_get_stats(const struct block_node *node);
/* Claims the node for one device; -EBUSY with a sentence when it has one. resized is
 * called (in the loop) when the length changed. */
int block_attach(struct block_node *node, const char *device,
                 void (*resized)(void *opaque), void *opaque, struct err *err);
void block_detach(struct block_node *node);
/* For the attached device: fn (with block_attach()'s opaque) runs once after each batch
 * of completions, so that one interrupt tells of all of them. */
void block_set_batch_done(struct block_node *node, void (*fn)(void *opaque));
/* The guest turns the write cache off (every write is durable when it completes) or on
 * again. */
void block_set_write_cache(struct block_node *node, bool on);
/* The keys that block_open() takes: for help, and to tell which keys there are. */
extern const struct opt_desc block_options[];

/* Starts a request; out-of-range ones complete with -EINVAL. */
void block_submit(struct block_node *node, struct block_req *req);
/* Tells the kernel about everything submitted since the last call (one system call).
 * Requests that are done by then complete inside. */
void block_kick(struct block_node *node);
/* Waits until no request is in flight (completions run meanwhile). */
void block_drain(struct block_node *node);
/* Changes the length, or with length 0 takes the length that the file or volume has by
 * now; calls resized when it differs. Drains first. */
int block_resize(struct block_node *node, uint64_t length, struct err *err);

#endif
