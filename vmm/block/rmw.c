// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unaligned requests on a file that was opened with O_DIRECT.
 *
 * A piece of a request is widened to whole blocks in the buffer: a read is copied out of
 * it, a write that does not cover its first and last block reads them first. Of a range
 * of zeroes the whole blocks go to the file as such, its ends as writes.
 *
 * A block that is read, changed and written back must not be written by anybody else
 * meanwhile, or the sectors beside the guest's would be what they were before. So
 * requests are served in order and one at a time; writes of whole blocks pass by unless
 * they touch such a block: those that come later go through here as well, those that are
 * under way are waited for.
 */
#include "vmm/block/rmw.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/block/iov.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void next_piece(struct rmw *rmw);

void rmw_init(struct rmw *rmw, struct aio *aio, int fd, unsigned aio_flags,
              uint32_t align, bool unmap,
              bool (*is_written)(struct rmw *rmw, uint64_t start, uint64_t end))
{
	rmw->is_written = is_written;
	rmw->aio = aio;
	rmw->fd = fd;
	rmw->aio_flags = aio_flags;
	rmw->align = align;
	rmw->unmap = unmap;
	rmw->tail = &rmw->head;
}

void rmw_free(struct rmw *rmw)
{
	free(rmw->buf);
}

static void finish(struct rmw *rmw, int ret)
{
	struct block_req *req = rmw->head;
	bool more = req->next;

	rmw->head = req->next;
	if (!more)
		rmw->tail = &rmw->head;
	rmw->done = 0;
	/* The owner may submit from here: into an empty list that starts at once. */
	block_complete(req, ret);
	if (more)
		next_piece(rmw);
}

/* The part of the guest's range that the buffer holds now. */
static uint64_t piece_start(const struct rmw *rmw)
{
	return rmw->head->offset + rmw->done;
}

static uint64_t piece_len(const struct rmw *rmw)
{
	uint64_t last = rmw->head->offset + rmw->head->len;

	return (last < rmw->end ? last : rmw->end) - piece_start(rmw);
}

static void transfer(struct rmw *rmw, bool write)
{
	rmw->iov = (struct iovec){ rmw->buf, rmw->end - rmw->start };
	rmw->op.kind = write ? AIO_WRITE : AIO_READ;
	rmw->op.flags = rmw->aio_flags;
	if (write && rmw->head->durable)
		rmw->op.flags |= AIO_DURABLE;
	rmw->op.fd = rmw->fd;
	rmw->op.iov = &rmw->iov;
	rmw->op.iov_count = 1;
	rmw->op.offset = rmw->start;
	rmw->op.len = rmw->iov.iov_len;
	aio_submit(rmw->aio, &rmw->op);
}

static void write_piece(struct rmw *rmw)
{
	struct block_req *req = rmw->head;
	uint8_t *at = rmw->buf + (piece_start(rmw) - rmw->start);

	if (req->op == BLOCK_WRITE_ZEROES)
		memset(at, 0, piece_len(rmw));
	else
		iov_to_buf(req->iov, req->iov_count, rmw->done, at, piece_len(rmw));
	transfer(rmw, true);
}

static void piece_done(struct aio_op *op, int ret)
{
	struct rmw *rmw = container_of(op, struct rmw, op);
	struct block_req *req = rmw->head;

	if (ret < 0) {
		finish(rmw, ret);
		return;
	}
	if (req->op != BLOCK_READ && op->kind == AIO_READ) {
		write_piece(rmw);
		return;
	}
	if (req->op == BLOCK_READ)
		iov_from_buf(req->iov, req->iov_count, rmw->done,
		             rmw->buf + (piece_start(rmw) - rmw->start), piece_len(rmw));
	rmw->done += piece_len(rmw);
	if (rmw->done == req->len)
		finish(rmw, 0);
	else
		next_piece(rmw);
}

static void zero(struct rmw *rmw)
{
	struct block_req *req = rmw->head;

	rmw->op.kind = AIO_ZERO;
	rmw->op.flags = rmw->aio_flags | (req->durable ? AIO_DURABLE : 0);
	if (req->may_unmap && rmw->unmap)
		rmw->op.flags |= AIO_MAY_UNMAP;
	rmw->op.fd = rmw->fd;
	rmw->op.offset = rmw->start;
	rmw->op.len = rmw->end - rmw->start;
	aio_submit(rmw->aio, &rmw->op);
}

static void read_block(struct rmw *rmw)
{
	rmw->waiting =
		rmw->head->op != BLOCK_READ && rmw->is_written(rmw, rmw->start, rmw->end);
	if (!rmw->waiting)
		transfer(rmw, false);
}

void rmw_written(struct rmw *rmw)
{
	if (rmw->waiting)
		read_block(rmw);
}

bool rmw_holds(const struct rmw *rmw, uint64_t offset, uint64_t len)
{
	for (const struct block_req *req = rmw->head; req; req = req->next)
		if (req->op != BLOCK_READ &&
		    offset < align_up(req->offset + req->len, rmw->align) &&
		    align_down(req->offset, rmw->align) < offset + len)
			return true;
	return false;
}

/* Whole blocks as far as they go, or else the block that the range begins in. */
static void zero_piece(struct rmw *rmw)
{
	uint64_t start = piece_start(rmw);
	uint64_t whole = align_down(rmw->head->offset + rmw->head->len, rmw->align);

	rmw->start = align_down(start, rmw->align);
	rmw->end = rmw->start + rmw->align;
	if (rmw->start != start || whole <= start) {
		read_block(rmw);
		return;
	}
	rmw->end = whole;
	zero(rmw);
}

static void next_piece(struct rmw *rmw)
{
	struct block_req *req = rmw->head;
	uint64_t left = req->len - rmw->done, len = left < RMW_BUFFER ? left : RMW_BUFFER;

	rmw->op.done = piece_done;
	if (req->op == BLOCK_WRITE_ZEROES) {
		zero_piece(rmw);
		return;
	}
	rmw->start = align_down(piece_start(rmw), rmw->align);
	rmw->end = align_up(piece_start(rmw) + len, rmw->align);
	if (req->op == BLOCK_WRITE && rmw->start == piece_start(rmw) &&
	    rmw->end == piece_start(rmw) + len)
		write_piece(rmw);
	else
		read_block(rmw);
}

void rmw_submit(struct rmw *rmw, struct block_req *req)
{
	bool first = !rmw->head;

	if (!rmw->buf &&
	    posix_memalign((void **)&rmw->buf, 4096, RMW_BUFFER + 2 * rmw->align)) {
		block_complete_soon(req, -ENOMEM);
		return;
	}
	req->next = NULL;
	*rmw->tail = req;
	rmw->tail = &req->next;
	if (first)
		next_piece(rmw);
}
