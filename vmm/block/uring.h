/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One io_uring of one loop. */
#ifndef VMM_BLOCK_URING_H
#define VMM_BLOCK_URING_H

#include "vmm/block/aio.h"

struct uring;

/* done is called with the kernel's result (bytes or -errno) of each operation;
 * batch_done after each batch. -errno when the kernel has no io_uring for us. */
int uring_new(struct loop *loop, void (*done)(struct aio_op *op, int res),
              void (*batch_done)(void *opaque), void *opaque, struct uring **uring);
void uring_free(struct uring *uring);
/* READ, WRITE or SYNC, from op->progress on. */
void uring_submit(struct uring *uring, struct aio_op *op);
/* Enters the kernel if anything was submitted, then completes what is done; true if there
 * was something. */
bool uring_kick(struct uring *uring);
/* Completes what is done; true if there was something. */
bool uring_reap(struct uring *uring);
unsigned uring_in_flight(const struct uring *uring);
/* Readable while uring_reap() has something to do. */
int uring_fd(const struct uring *uring);

#endif
