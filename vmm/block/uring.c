// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The io_uring engine: one ring for all nodes of a loop. Requests are added without a
 * system call and submitted together; the ring's own descriptor wakes the loop.
 *
 * More requests than the completion queue holds wait in a list. A short transfer goes on
 * where it stopped; a read that meets the end of the file is filled up with zeroes.
 */
#include "vmm/block/internal.h"

#include "common/log.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#define RING_ENTRIES 128 /* the completion queue has twice as many */

struct uring {
	struct io_uring ring;
	struct block_registry *reg;
	struct loop_fd watch;
	unsigned in_flight, limit;
	struct block_req *waiting, **waiting_tail;
};

/* block_req.scratch[0]: bytes done; [1]: an iovec array of our own after a short
 * transfer. */
static uint64_t *bytes_done(struct block_req *req)
{
	return &req->scratch[0];
}

static struct iovec *own_iov(struct block_req *req)
{
	return (struct iovec *)(uintptr_t)req->scratch[1];
}

static void prepare(struct io_uring_sqe *sqe, struct block_req *req)
{
	const struct block_node *node = req->node;
	const struct iovec *iov = own_iov(req) ? own_iov(req) : req->iov;
	unsigned count = own_iov(req) ? req->scratch[2] : req->iov_count;
	uint64_t offset = req->offset + *bytes_done(req);
	bool durable = node->opts.cache == BLOCK_WRITETHROUGH ||
	               node->opts.cache == BLOCK_DIRECTSYNC;

	switch (req->op) {
	case BLOCK_READ:
		io_uring_prep_readv(sqe, node->fd, iov, count, offset);
		break;
	case BLOCK_WRITE:
		io_uring_prep_writev(sqe, node->fd, iov, count, offset);
		sqe->rw_flags = durable ? RWF_DSYNC : 0;
		break;
	default:
		io_uring_prep_fsync(sqe, node->fd, IORING_FSYNC_DATASYNC);
	}
	io_uring_sqe_set_data(sqe, req);
}

static void queue(struct uring *uring, struct block_req *req)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

	if (!sqe) {
		uring_submit(uring, false);
		sqe = io_uring_get_sqe(&uring->ring);
	}
	if (!sqe) { /* the kernel takes nothing now: try again when something has ended */
		req->next = uring->waiting;
		uring->waiting = req;
		if (!req->next)
			uring->waiting_tail = &req->next;
		return;
	}
	uring->in_flight++;
	prepare(sqe, req);
}

void uring_add(struct uring *uring, struct block_req *req)
{
	memset(req->scratch, 0, sizeof(req->scratch));
	if (uring->in_flight < uring->limit && !uring->waiting) {
		queue(uring, req);
		return;
	}
	req->next = NULL;
	*uring->waiting_tail = req;
	uring->waiting_tail = &req->next;
}

static void end(struct block_req *req, int ret)
{
	free(own_iov(req));
	block_complete(req, ret);
}

/* What is left of a request's memory after `done` bytes, as an array of our own. */
static int advance(struct block_req *req, uint64_t done)
{
	struct iovec *iov = calloc(req->iov_count, sizeof(*iov));
	unsigned count = 0;

	if (!iov)
		return -ENOMEM;
	for (unsigned i = 0; i < req->iov_count; i++) {
		struct iovec v = req->iov[i];
		size_t skip = done < v.iov_len ? done : v.iov_len;

		done -= skip;
		v.iov_base = (char *)v.iov_base + skip;
		v.iov_len -= skip;
		if (v.iov_len)
			iov[count++] = v;
	}
	free(own_iov(req));
	req->scratch[1] = (uintptr_t)iov;
	req->scratch[2] = count;
	return 0;
}

static void zero_rest(struct block_req *req)
{
	for (unsigned i = 0; i < req->scratch[2]; i++)
		memset(own_iov(req)[i].iov_base, 0, own_iov(req)[i].iov_len);
}

static void on_result(struct uring *uring, struct block_req *req, int res)
{
	int ret;

	uring->in_flight--;
	if (res == -EAGAIN || res == -EINTR) {
		queue(uring, req);
		return;
	}
	if (res < 0 || req->op == BLOCK_FLUSH) {
		end(req, res < 0 ? res : 0);
		return;
	}
	*bytes_done(req) += res;
	if (*bytes_done(req) >= req->len) {
		end(req, 0);
		return;
	}
	ret = advance(req, *bytes_done(req));
	if (ret < 0 || (!res && req->op == BLOCK_WRITE)) {
		end(req, ret < 0 ? ret : -ENOSPC);
	} else if (!res) {
		zero_rest(req);
		end(req, 0);
	} else {
		queue(uring, req);
	}
}

static void start_waiting(struct uring *uring)
{
	while (uring->waiting && uring->in_flight < uring->limit) {
		struct block_req *req = uring->waiting;
		unsigned before = uring->in_flight;

		uring->waiting = req->next;
		if (!uring->waiting)
			uring->waiting_tail = &uring->waiting;
		queue(uring, req);
		if (uring->in_flight == before)
			return;
	}
}

static void reap(struct uring *uring)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&uring->ring, &cqe) == 0) {
		struct block_req *req = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&uring->ring, cqe);
		on_result(uring, req, res);
	}
	start_waiting(uring);
	if (io_uring_sq_ready(&uring->ring))
		uring_submit(uring, false);
}

void uring_submit(struct uring *uring, bool wait)
{
	int ret;

	if (wait && !uring->in_flight)
		return;
	if (!wait && !io_uring_sq_ready(&uring->ring))
		return;
	do
		ret = wait ? io_uring_submit_and_wait(&uring->ring, 1)
		           : io_uring_submit(&uring->ring);
	while (ret == -EINTR);
	/* -EBUSY and -EAGAIN: entries stay in the queue, the next call submits them. */
	if (ret < 0 && ret != -EBUSY && ret != -EAGAIN)
		log_error("io_uring: %s", strerror(-ret));
	if (wait)
		reap(uring);
}

static void on_ready(void *opaque, uint32_t events)
{
	(void)events;
	reap(opaque);
}

struct uring *uring_new(struct block_registry *reg)
{
	struct uring *uring = calloc(1, sizeof(*uring));
	int ret;

	if (!uring)
		return NULL;
	uring->reg = reg;
	uring->waiting_tail = &uring->waiting;
	ret = io_uring_queue_init(RING_ENTRIES, &uring->ring, 0);
	if (ret < 0) {
		free(uring);
		return NULL;
	}
	uring->limit = uring->ring.cq.ring_entries;
	if (loop_add(reg->loop, &uring->watch, uring->ring.ring_fd, EPOLLIN, on_ready,
	             uring) < 0) {
		io_uring_queue_exit(&uring->ring);
		free(uring);
		return NULL;
	}
	return uring;
}

void uring_free(struct uring *uring)
{
	if (!uring)
		return;
	loop_remove(uring->reg->loop, &uring->watch);
	io_uring_queue_exit(&uring->ring);
	free(uring);
}
