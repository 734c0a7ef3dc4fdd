// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The choice between io_uring and threads, and the blocking form of each operation that
 * the threads run.
 *
 * A transfer that io_uring cut short, or would not do without blocking, is finished by a
 * thread, which loops until all is transferred.
 */
#include "vmm/block/aio.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/block/iov.h"
#include "vmm/block/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define POOL_THREADS 16
#define RETRY_MS     100
#define RUN_SEGMENTS 64         /* per system call of the blocking form */
#define ZERO_CHUNK   (1u << 20) /* bytes written at a time where nothing else works */

struct aio {
	struct loop *loop;
	struct uring *uring; /* NULL: not set up, or not to be had */
	bool uring_failed;
	struct pool *pool;
	void (*batch_done)(void *opaque);
	void *opaque;
};

/* ---- the blocking forms ---- */

/* Direct I/O answers EINVAL, not 0, where the file ends inside a block. */
static bool is_past_end(const struct aio_op *op)
{
	struct stat st;

	return op->kind == AIO_READ && errno == EINVAL && op->progress &&
	       !fstat(op->fd, &st) && S_ISREG(st.st_mode) &&
	       op->offset + op->progress >= (uint64_t)st.st_size;
}

static int run_transfer(struct aio_op *op)
{
	struct iovec iov[RUN_SEGMENTS];
	int flags = op->flags & AIO_DURABLE ? RWF_DSYNC : 0;

	while (op->progress < op->len) {
		unsigned n = iov_slice(op->iov, op->iov_count, op->progress, iov,
		                       RUN_SEGMENTS);
		off_t at = op->offset + op->progress;
		ssize_t ret = op->kind == AIO_READ ? preadv2(op->fd, iov, n, at, 0)
		                                   : pwritev2(op->fd, iov, n, at, flags);

		if (ret < 0 && errno == EINTR)
			continue;
		if (!ret || (ret < 0 && is_past_end(op)))
			break;
		if (ret < 0)
			return -errno;
		op->progress += ret;
	}
	if (op->progress >= op->len)
		return 0;
	if (op->kind == AIO_WRITE)
		return -ENOSPC;
	iov_zero(op->iov, op->iov_count, op->progress, op->len - op->progress);
	return 0;
}

static int run_sync(struct aio_op *op)
{
	return fdatasync(op->fd) < 0 ? -errno : 0;
}

/* fallocate() and the ioctl agree on what they answer when they cannot do it. */
static bool is_unsupported(int ret)
{
	return ret == -EOPNOTSUPP || ret == -ENOTTY || ret == -ENOSYS || ret == -EINVAL;
}

static int deallocate(struct aio_op *op)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	return fallocate(op->fd, mode, op->offset, op->len) < 0 ? -errno : 0;
}

static int finish_range(struct aio_op *op, int ret)
{
	return ret < 0 || !(op->flags & AIO_DURABLE) ? ret : run_sync(op);
}

static int run_discard(struct aio_op *op)
{
	uint64_t range[2] = { op->offset, op->len };
	int ret;

	if (op->flags & AIO_BLOCK_DEV)
		ret = ioctl(op->fd, BLKDISCARD, range) < 0 ? -errno : 0;
	else
		ret = deallocate(op);
	/* Only a hint: a file system without holes keeps the blocks. */
	if (is_unsupported(ret))
		ret = 0;
	return finish_range(op, ret);
}

static int write_zeroes(struct aio_op *op)
{
	void *zeroes =
		mmap(NULL, ZERO_CHUNK, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret = 0;

	if (zeroes == MAP_FAILED)
		return -errno;
	for (uint64_t done = 0; done < op->len && !ret;) {
		uint64_t part = op->len - done;
		ssize_t n;

		if (part > ZERO_CHUNK)
			part = ZERO_CHUNK;
		n = pwrite(op->fd, zeroes, part, op->offset + done);
		if (n < 0 && errno != EINTR)
			ret = -errno;
		else if (n > 0)
			done += n;
	}
	munmap(zeroes, ZERO_CHUNK);
	return ret;
}

static int run_zero(struct aio_op *op)
{
	uint64_t range[2] = { op->offset, op->len };
	int ret = -EOPNOTSUPP;

	if (op->flags & AIO_MAY_UNMAP)
		ret = deallocate(op);
	if (is_unsupported(ret) && op->flags & AIO_BLOCK_DEV)
		ret = ioctl(op->fd, BLKZEROOUT, range) < 0 ? -errno : 0;
	else if (is_unsupported(ret))
		ret = fallocate(op->fd, FALLOC_FL_ZERO_RANGE, op->offset, op->len) < 0
		              ? -errno
		              : 0;
	if (is_unsupported(ret))
		ret = write_zeroes(op);
	return finish_range(op, ret);
}

int aio_run(struct aio_op *op)
{
	static int (*const run[])(struct aio_op * op) = {
		[AIO_READ] = run_transfer, [AIO_WRITE] = run_transfer,
		[AIO_SYNC] = run_sync,     [AIO_DISCARD] = run_discard,
		[AIO_ZERO] = run_zero,
	};

	return run[op->kind](op);
}

/* ---- threads ---- */

static int job_run(struct pool_job *job)
{
	return aio_run(container_of(job, struct aio_op, job));
}

static void job_done(struct pool_job *job, int ret)
{
	struct aio_op *op = container_of(job, struct aio_op, job);
	struct aio *aio = op->aio;

	op->done(op, ret);
	/* Jobs finish one by one; a burst of them costs a batch each. */
	aio->batch_done(aio->opaque);
	if (aio->uring)
		uring_kick(aio->uring);
}

static void submit_pool(struct aio_op *op)
{
	op->job = (struct pool_job){ .run = job_run, .done = job_done };
	pool_submit(op->aio->pool, &op->job);
}

/* ---- io_uring ---- */

static void uring_done(struct aio_op *op, int res)
{
	if (op->kind == AIO_SYNC) {
		op->done(op, res < 0 ? res : 0);
		return;
	}
	if (res > 0)
		op->progress += res;
	if (op->progress == op->len && res >= 0)
		op->done(op, 0);
	else if (res >= 0 || res == -EAGAIN || res == -EINTR)
		submit_pool(op);
	else
		op->done(op, res);
}

int aio_need_uring(struct aio *aio)
{
	int ret;

	if (aio->uring)
		return 0;
	ret = uring_new(aio->loop, uring_done, aio->batch_done, aio->opaque, &aio->uring);
	if (ret < 0) {
		aio->uring_failed = true;
		log_debug(LOG_C_BOOT, "no io_uring (%s): block I/O uses threads",
		          strerror(-ret));
	}
	return ret;
}

/* ---- both ---- */

void aio_submit(struct aio *aio, struct aio_op *op)
{
	bool pool = op->flags & AIO_USE_POOL || op->kind > AIO_SYNC ||
	            op->iov_count > IOV_MAX;

	op->aio = aio;
	op->progress = 0;
	if (!pool && !aio->uring && !aio->uring_failed)
		aio_need_uring(aio);
	if (pool || !aio->uring)
		submit_pool(op);
	else
		uring_submit(aio->uring, op);
}

void aio_kick(struct aio *aio)
{
	if (aio->uring)
		uring_kick(aio->uring);
}

static bool is_idle(const struct aio *aio)
{
	return !pool_in_flight(aio->pool) &&
	       (!aio->uring || !uring_in_flight(aio->uring));
}

void aio_wait(struct aio *aio)
{
	while (!is_idle(aio)) {
		struct pollfd fds[] = {
			{ .fd = pool_fd(aio->pool), .events = POLLIN },
			{ .fd = aio->uring ? uring_fd(aio->uring) : -1,
			  .events = POLLIN },
		};
		bool progress = pool_reap(aio->pool);

		if (aio->uring)
			progress |= uring_kick(aio->uring);
		if (progress)
			return;
		/* The limit is for submissions that the kernel refused for now. */
		if (poll(fds, ARRAY_SIZE(fds), RETRY_MS) < 0 && errno != EINTR)
			log_error("block: poll: %s", strerror(errno));
	}
}

struct aio *aio_new(struct loop *loop, void (*batch_done)(void *opaque), void *opaque,
                    struct err *err)
{
	struct aio *aio = calloc(1, sizeof(*aio));

	if (!aio) {
		err_sys(err, ENOMEM, "block I/O");
		return NULL;
	}
	aio->loop = loop;
	aio->batch_done = batch_done;
	aio->opaque = opaque;
	aio->pool = pool_new(loop, POOL_THREADS, err);
	if (!aio->pool) {
		free(aio);
		return NULL;
	}
	return aio;
}

struct pool *aio_pool(struct aio *aio)
{
	return aio->pool;
}

void aio_free(struct aio *aio)
{
	if (!aio)
		return;
	uring_free(aio->uring);
	pool_free(aio->pool);
	free(aio);
}
