/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asynchronous file operations of one loop: io_uring where the kernel gives it, else (and
 * for calls that io_uring has no good way for) a pool of threads.
 *
 * Operations are started and completed in the loop's thread, or in a thread that holds
 * the loop's lock. READ and WRITE transfer everything or fail; what a read finds missing
 * behind the end of the file is zeros.
 */
#ifndef VMM_BLOCK_AIO_H
#define VMM_BLOCK_AIO_H

#include "vmm/loop/pool.h"

#include <sys/uio.h>

enum aio_kind {
	AIO_READ,
	AIO_WRITE,
	AIO_SYNC,    /* data and the size */
	AIO_DISCARD, /* may turn the range into anything */
	AIO_ZERO,    /* the range reads as zeros */
	AIO_KINDS
};

enum aio_flags {
	AIO_DURABLE = 1 << 0,   /* on stable storage when done */
	AIO_MAY_UNMAP = 1 << 1, /* ZERO: space may be given back */
	AIO_BLOCK_DEV = 1 << 2, /* the file is a block device */
	AIO_USE_POOL = 1 << 3,  /* not io_uring (aio=threads) */
};

struct aio;

struct aio_op {
	enum aio_kind kind;
	unsigned flags;
	int fd;
	unsigned iov_count;
	const struct iovec *iov; /* stays valid until done */
	uint64_t offset, len;
	void (*done)(struct aio_op *op, int ret); /* 0 or -errno */
	/* for the engine */
	struct aio *aio;
	uint64_t progress; /* bytes transferred by earlier tries */
	struct aio_op *next;
	struct pool_job job;
};

/* batch_done runs after each batch of completions. Nothing is set up yet: the first
 * operation does that. */
struct aio *aio_new(struct loop *loop, void (*batch_done)(void *opaque), void *opaque,
                    struct err *err);
/* Nothing is in flight. */
void aio_free(struct aio *aio);
/* Sets io_uring up now; -errno when this host has none to give. */
int aio_need_uring(struct aio *aio);

/* Never fails and never completes inside the call. */
void aio_submit(struct aio *aio, struct aio_op *op);
/* Hands what was submitted to the kernel, and completes what is done by then. */
void aio_kick(struct aio *aio);
/* Waits until something completed, and runs that; returns at once when nothing is in
 * flight. */
void aio_wait(struct aio *aio);

/* For other jobs. */
struct pool *aio_pool(struct aio *aio);

/* Does the operation here and now: 0 or -errno. Any thread. */
int aio_run(struct aio_op *op);

#endif
