// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_uring: one ring per loop, whose descriptor the loop polls.
 *
 * Submissions are collected until uring_kick(), one system call for all. Completions that
 * are already there when that call returns (page cache, fast disks) are run at once and
 * save a round through epoll. What does not fit into the submission ring waits in a list;
 * when the kernel is short of memory, submission is tried again after the next completion
 * or a millisecond.
 *
 * IORING_SETUP_COOP_TASKRUN: the loop's thread sleeps in epoll or runs short callbacks,
 * so that the kernel need not interrupt it for each completion.
 */
#include "vmm/block/uring.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define SQ_ENTRIES  128
#define CQ_ENTRIES  1024 /* beyond it the kernel keeps completions in a list */
#define RETRY_NS    1000000
#define REAP_ROUNDS 1024 /* completions per callback: other work gets its turn */

struct uring {
	struct io_uring ring;
	struct loop *loop;
	struct loop_fd lfd;
	struct loop_timer retry;
	struct aio_op *waiting, **waiting_tail;
	unsigned in_flight; /* not completed, those in `waiting` included */
	bool reaping;
	struct ratelimit warned;
	void (*done)(struct aio_op *op, int res);
	void (*batch_done)(void *opaque);
	void *opaque;
};

/* ---- submission ---- */

static void prepare(struct io_uring_sqe *sqe, struct aio_op *op)
{
	switch (op->kind) {
	case AIO_READ:
		if (op->iov_count == 1)
			io_uring_prep_read(sqe, op->fd, op->iov->iov_base,
			                   op->iov->iov_len, op->offset);
		else
			io_uring_prep_readv(sqe, op->fd, op->iov, op->iov_count,
			                    op->offset);
		break;
	case AIO_WRITE:
		if (op->iov_count == 1)
			io_uring_prep_write(sqe, op->fd, op->iov->iov_base,
			                    op->iov->iov_len, op->offset);
		else
			io_uring_prep_writev(sqe, op->fd, op->iov, op->iov_count,
			                     op->offset);
		if (op->flags & AIO_DURABLE)
			sqe->rw_flags = RWF_DSYNC;
		break;
	default:
		io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
		break;
	}
	io_uring_sqe_set_data(sqe, op);
}

/* True if the kernel took something. */
static bool enter(struct uring *u)
{
	int ret;

	do
		ret = io_uring_submit(&u->ring);
	while (ret == -EINTR);
	if (ret >= 0)
		return ret;
	/* Short of memory, or too many completions wait: both pass. */
	if (ret != -EAGAIN && ret != -EBUSY && ret != -ENOMEM)
		log_guest(&u->warned, "io_uring: %s", strerror(-ret));
	loop_timer_arm(&u->retry, loop_now() + RETRY_NS);
	return false;
}

static bool place(struct uring *u, struct aio_op *op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (!sqe)
		return false;
	prepare(sqe, op);
	return true;
}

void uring_submit(struct uring *u, struct aio_op *op)
{
	u->in_flight++;
	if (!u->waiting && place(u, op))
		return;
	op->next = NULL;
	*u->waiting_tail = op;
	u->waiting_tail = &op->next;
}

/* Moves waiting operations into the ring, and enters the kernel until nothing is left or
 * it takes no more. */
static void push_all(struct uring *u)
{
	do {
		while (u->waiting && place(u, u->waiting))
			u->waiting = u->waiting->next;
		if (!u->waiting)
			u->waiting_tail = &u->waiting;
	} while (io_uring_sq_ready(&u->ring) && enter(u));
}

bool uring_kick(struct uring *u)
{
	if (u->reaping)
		return false; /* uring_reap() enters the kernel when it is through */
	if (io_uring_sq_ready(&u->ring))
		push_all(u);
	return uring_reap(u);
}

static void retry(void *opaque)
{
	uring_kick(opaque);
}

/* ---- completion ---- */

bool uring_reap(struct uring *u)
{
	struct io_uring_cqe *cqe;
	unsigned count = 0;

	if (u->reaping)
		return false;
	u->reaping = true;
	while (count < REAP_ROUNDS && !io_uring_peek_cqe(&u->ring, &cqe)) {
		struct aio_op *op = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&u->ring, cqe);
		u->in_flight--;
		count++;
		u->done(op, res);
	}
	u->reaping = false;
	if (count)
		u->batch_done(u->opaque);
	/* Completions start follow-ups, and make room for what waits. */
	if (count && io_uring_sq_ready(&u->ring))
		push_all(u);
	return count;
}

static void on_ready(void *opaque, uint32_t events)
{
	uring_reap(opaque);
}

unsigned uring_in_flight(const struct uring *u)
{
	return u->in_flight;
}

int uring_fd(const struct uring *u)
{
	return u->ring.ring_fd;
}

/* ---- life ---- */

/* The ring does what prepare() asks for and nothing else, as it works past the seccomp
 * filter (io_uring_register(2), Linux 5.10). */
static int restrict_ring(struct io_uring *ring)
{
	static const uint8_t ops[] = { IORING_OP_READ, IORING_OP_READV, IORING_OP_WRITE,
		                       IORING_OP_WRITEV, IORING_OP_FSYNC };
	struct io_uring_restriction list[ARRAY_SIZE(ops)] = { 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
		list[i].opcode = IORING_RESTRICTION_SQE_OP;
		list[i].sqe_op = ops[i];
	}
	/* Debian's library does not export its functions for these. */
	if (syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_RESTRICTIONS,
	            list, ARRAY_SIZE(list)) < 0 ||
	    syscall(SYS_io_uring_register, ring->ring_fd, IORING_REGISTER_ENABLE_RINGS,
	            NULL, 0) < 0)
		return -errno;
	return 0;
}

static int init_ring(struct io_uring *ring)
{
	/* Linux 5.19, 5.10, and before. */
	static const unsigned flags[] = { IORING_SETUP_COOP_TASKRUN |
		                                  IORING_SETUP_R_DISABLED,
		                          IORING_SETUP_R_DISABLED, 0 };
	struct io_uring_params params;
	int ret = -EINVAL;

	for (unsigned i = 0; i < ARRAY_SIZE(flags) && ret == -EINVAL; i++) {
		params = (struct io_uring_params){
			.flags = IORING_SETUP_CQSIZE | flags[i],
			.cq_entries = CQ_ENTRIES,
		};
		ret = io_uring_queue_init_params(SQ_ENTRIES, ring, &params);
	}
	if (ret < 0)
		return ret;
	/* Without it completions could get lost. Linux 5.5. */
	ret = params.features & IORING_FEAT_NODROP ? 0 : -ENOSYS;
	if (!ret && params.flags & IORING_SETUP_R_DISABLED)
		ret = restrict_ring(ring);
	if (ret < 0)
		io_uring_queue_exit(ring);
	return ret;
}

int uring_new(struct loop *loop, void (*done)(struct aio_op *op, int res),
              void (*batch_done)(void *opaque), void *opaque, struct uring **uring)
{
	struct uring *u = calloc(1, sizeof(*u));
	int ret;

	if (!u)
		return -ENOMEM;
	u->loop = loop;
	u->done = done;
	u->batch_done = batch_done;
	u->opaque = opaque;
	u->waiting_tail = &u->waiting;
	ret = init_ring(&u->ring);
	if (ret < 0) {
		free(u);
		return ret;
	}
	loop_timer_init(loop, &u->retry, retry, u);
	ret = loop_add(loop, &u->lfd, u->ring.ring_fd, EPOLLIN, on_ready, u);
	if (ret < 0) {
		io_uring_queue_exit(&u->ring);
		free(u);
		return ret;
	}
	*uring = u;
	return 0;
}

void uring_free(struct uring *u)
{
	if (!u)
		return;
	loop_remove(u->loop, &u->lfd);
	loop_timer_disarm(&u->retry);
	io_uring_queue_exit(&u->ring);
	free(u);
}
