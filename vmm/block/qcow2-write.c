// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing to qcow2 images: in place where the cluster is the disk's alone; else into new
 * clusters, which get what the old ones had around the guest's bytes (copy-on-write).
 *
 * An L2 entry names a new cluster when its data has been written, not before; the old one
 * is given away with the commit that stores the entry. Zeros and discarded ranges are
 * entries only, as far as they are whole clusters.
 */
#include "common/cleanup.h"
#include "vmm/block/iov.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <string.h>

/* New clusters that are being filled. */
struct chunk {
	struct qcow2_req *qr;
	struct qcow2_slice *slice; /* pinned */
	unsigned index, clusters;  /* its entries */
	uint64_t guest, host;      /* of the first cluster */
	bool fresh, keep;  /* zeros by nature; clusters that were the old ones, too */
	uint64_t from, to; /* the guest's bytes of the disk */
	uint8_t *head, *tail, *zeroes; /* what is before and behind them, or instead */
	uint64_t buffered;
	unsigned reads;
	int ret;
};

static struct block_req *to_req(struct qcow2_req *qr)
{
	return (struct block_req *)((char *)qr - offsetof(struct block_req, scratch));
}

static uint64_t chunk_end(const struct chunk *c)
{
	return c->guest + ((uint64_t)c->clusters << c->qr->q->cluster_bits);
}

static uint64_t entry_at(const struct qcow2_slice *slice, unsigned index)
{
	return be64toh(ld64(slice->data + 8 * (size_t)index));
}

static void set_entry(struct qcow2 *q, struct qcow2_slice *slice, unsigned index,
                      uint64_t entry)
{
	st64(slice->data + 8 * (size_t)index, htobe64(entry));
	qcow2_slice_dirty(q, slice);
}

static void free_chunk(struct chunk *c)
{
	c->qr->q->buffered -= c->buffered;
	free(c->head);
	free(c->tail);
	free(c->zeroes);
	free(c);
}

/* ---- the end ---- */

static void link_clusters(struct chunk *c)
{
	struct qcow2 *q = c->qr->q;

	for (unsigned i = 0; i < c->clusters; i++) {
		uint64_t old = entry_at(c->slice, c->index + i);

		set_entry(q, c->slice, c->index + i,
		          (c->host + ((uint64_t)i << q->cluster_bits)) | QCOW2_COPIED);
		if (!c->keep)
			qcow2_free_entry(q, old);
	}
	c->qr->changed = true;
}

static void end_chunk(struct chunk *c, int ret)
{
	struct qcow2_req *qr = c->qr;
	struct qcow2 *q = qr->q;

	c->slice->pins--;
	if (ret >= 0)
		link_clusters(c);
	else if (!c->keep)
		qcow2_free(q, c->host, (uint64_t)c->clusters << q->cluster_bits);
	free_chunk(c);
	qcow2_part_done(qr, ret);
	qcow2_commit_if_full(q);
	/* Others wait for the memory. */
	qcow2_wake(q, QCOW2_PARK_TABLE);
}

static void written(struct qcow2_sub *sub, int ret)
{
	struct chunk *c = sub->opaque;

	qcow2_sub_free(sub);
	end_chunk(c, ret);
}

/* ---- the write ---- */

static int add_segments(struct chunk *c, struct qcow2_sub *sub)
{
	struct block_req *req = to_req(c->qr);
	uint64_t len = c->to - c->from;
	unsigned max = req->iov_count + 3, n = 0;

	sub->many = calloc(max, sizeof(*sub->many));
	if (!sub->many)
		return -ENOMEM;
	if (c->head)
		sub->many[n++] = (struct iovec){ c->head, c->from - c->guest };
	if (c->zeroes)
		sub->many[n++] = (struct iovec){ c->zeroes, len };
	else
		n += iov_cut(req->iov, req->iov_count, c->from - c->qr->start, len,
		             sub->many + n);
	if (c->tail)
		sub->many[n++] = (struct iovec){ c->tail, chunk_end(c) - c->to };
	sub->req.iov = sub->many;
	sub->req.iov_count = n;
	return 0;
}

static void write_chunk(struct chunk *c)
{
	struct qcow2 *q = c->qr->q;
	struct qcow2_sub *sub = c->ret < 0 ? NULL : qcow2_sub_new(q, c->qr, written);
	uint64_t from = c->head ? c->guest : c->from, to = c->tail ? chunk_end(c) : c->to;

	if (!sub || add_segments(c, sub) < 0) {
		if (sub)
			qcow2_sub_free(sub);
		end_chunk(c, c->ret < 0 ? c->ret : -ENOMEM);
		return;
	}
	sub->opaque = c;
	qcow2_sub_submit(sub, q->node.child, BLOCK_WRITE, c->host + (from - c->guest),
	                 NULL, to - from);
}

/* ---- copy-on-write ---- */

static void old_read(struct block_req *req, int ret)
{
	struct qcow2_sub *sub = container_of(req, struct qcow2_sub, req);
	struct chunk *c = sub->opaque;

	c->qr->q->work--;
	qcow2_sub_free(sub);
	if (ret < 0)
		c->ret = ret;
	if (!--c->reads)
		write_chunk(c);
}

/* What the disk has there so far, past the range that we hold. */
static int read_old(struct chunk *c, uint64_t from, uint8_t *buf, uint64_t len)
{
	struct qcow2 *q = c->qr->q;
	struct qcow2_sub *sub = qcow2_sub_new(q, NULL, NULL);

	if (!sub)
		return -ENOMEM;
	sub->opaque = c;
	sub->one = (struct iovec){ buf, len };
	sub->req.iov = &sub->one;
	sub->req.iov_count = 1;
	sub->req.op = BLOCK_READ;
	sub->req.offset = from;
	sub->req.len = len;
	sub->req.done = old_read;
	sub->req.node = &q->node;
	sub->req.below = true;
	q->node.in_flight++;
	q->work++;
	c->reads++;
	qcow2_start(q, &sub->req, 0, true);
	return 0;
}

/* Zeros, unless the image or its backing file has something. */
static bool reads_zero(struct qcow2 *q, uint64_t entry, uint64_t pos)
{
	switch (qcow2_entry_state(q, entry)) {
	case QCOW2_ZEROES:
	case QCOW2_ZERO_PLACE:
		return true;
	case QCOW2_UNALLOCATED:
		return !qcow2_backed(q, pos, 1);
	default:
		return false;
	}
}

static int take_buffer(struct chunk *c, uint8_t **buf, uint64_t len)
{
	if (posix_memalign((void **)buf, 4096, align_up(len, 4096))) {
		*buf = NULL;
		return -ENOMEM;
	}
	memset(*buf, 0, len);
	c->buffered += len;
	c->qr->q->buffered += len;
	return 0;
}

/* One end of the chunk, [from, to), of the cluster that the entry maps. */
static int fill(struct chunk *c, uint8_t **buf, uint64_t from, uint64_t to,
                uint64_t entry)
{
	bool zero = reads_zero(c->qr->q, entry, from);
	int ret;

	if (from == to || (zero && c->fresh))
		return 0;
	ret = take_buffer(c, buf, to - from);
	return ret < 0 || zero ? ret : read_old(c, from, *buf, to - from);
}

static void start_chunk(struct chunk *c)
{
	uint64_t first = entry_at(c->slice, c->index),
		 last = entry_at(c->slice, c->index + c->clusters - 1);
	int ret = 0;

	/* Until all reads are started. */
	c->reads = 1;
	if (to_req(c->qr)->op == BLOCK_WRITE_ZEROES)
		ret = take_buffer(c, &c->zeroes, c->to - c->from);
	if (ret >= 0)
		ret = fill(c, &c->head, c->guest, c->from, first);
	if (ret >= 0)
		ret = fill(c, &c->tail, c->to, chunk_end(c), last);
	if (ret < 0)
		c->ret = ret;
	/* With memory short both may be missing, and the chunk ends here. */
	if (!--c->reads)
		write_chunk(c);
}

/* ---- the beginning ---- */

/* Entries from index on, at most max, that need new clusters, or (keep) that have places
 * in a row which are to be filled. */
static unsigned count_alike(struct qcow2 *q, const struct qcow2_slice *slice,
                            unsigned index, unsigned max, bool keep)
{
	uint64_t first = entry_at(slice, index);
	unsigned n = 1;

	for (; n < max && index + n < 1u << (q->slice_bits - 3); n++) {
		uint64_t entry = entry_at(slice, index + n);
		int state = qcow2_entry_state(q, entry);
		bool copied = entry & QCOW2_COPIED;

		if (state < 0 || (keep && entry != first + n * q->cluster_size) ||
		    (!keep && copied &&
		     (state == QCOW2_DATA || state == QCOW2_ZERO_PLACE)))
			break;
	}
	return n;
}

static int new_clusters(struct qcow2 *q, struct chunk *c, unsigned max)
{
	struct qcow2_range range;
	uint64_t end = q->end;
	int ret = qcow2_alloc(q, 1, max, &range);

	if (ret < 0)
		return ret;
	c->host = range.first << q->cluster_bits;
	c->clusters = range.count;
	c->fresh = c->host >= end && q->grows;
	return 0;
}

/* The run at pos cannot be written in place. */
static int write_elsewhere(struct qcow2_req *qr, const struct qcow2_run *r, uint64_t len)
{
	struct qcow2 *q = qr->q;
	uint64_t size = q->cluster_size;
	struct chunk c = {
		.qr = qr,
		.guest = align_down(qr->pos, size),
		.from = qr->pos,
		.keep = r->state == QCOW2_ZERO_PLACE && r->copied,
	}, *heap;
	unsigned max;
	int ret;

	if (!qr->exclusive) {
		qr->exclusive = true;
		return -EAGAIN;
	}
	if (q->buffered > QCOW2_MAX_BUFFERED)
		return -EAGAIN;
	heap = malloc(sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	ret = qcow2_map_writable(q, qr->pos, &c.slice, &c.index);
	if (ret >= 0) {
		max = (align_up(qr->pos + len, size) - c.guest) >> q->cluster_bits;
		max = count_alike(q, c.slice, c.index, max, c.keep);
		c.clusters = max;
		c.host = align_down(r->host, size);
		if (!c.keep)
			ret = new_clusters(q, &c, max);
		else if (qcow2_is_metadata(q, c.host, max * size))
			ret = qcow2_corrupt(q, "data in the place of metadata", c.host);
	}
	if (ret < 0) {
		free(heap);
		return ret;
	}
	c.to = qr->pos + len < chunk_end(&c) ? qr->pos + len : chunk_end(&c);
	*heap = c;
	heap->slice->pins++;
	qr->pending++;
	qr->pos = c.to;
	start_chunk(heap);
	return 0;
}

int qcow2_step_write(struct qcow2_req *qr)
{
	uint64_t len = qr->end - qr->pos;
	struct qcow2_run r;
	int ret = qcow2_lookup(qr->q, qr->pos, len, &r);

	if (ret < 0)
		return ret;
	if (r.state == QCOW2_DATA && r.copied)
		return qcow2_step_place(qr, BLOCK_WRITE, &r);
	return write_elsewhere(qr, &r, len);
}

/* ---- zeros and discarded ranges ---- */

static int skip(struct qcow2_req *qr, uint64_t len)
{
	qr->pos += len;
	return 0;
}

/* Gives the run's whole clusters another entry; unmap: their places are given away. */
static int change_entries(struct qcow2_req *qr, uint64_t len, uint64_t entry, bool unmap)
{
	struct qcow2 *q = qr->q;
	struct qcow2_slice *slice;
	unsigned index, max;
	int ret;

	if (!qr->exclusive) {
		qr->exclusive = true;
		return -EAGAIN;
	}
	ret = qcow2_map_writable(q, qr->pos, &slice, &index);
	if (ret < 0)
		return ret;
	max = (1u << (q->slice_bits - 3)) - index;
	for (unsigned i = 0; i < max && len >= q->cluster_size; i++) {
		uint64_t old = entry_at(slice, index + i), new = entry;

		ret = qcow2_entry_state(q, old);
		if (ret < 0)
			return ret;
		if (!unmap && old & QCOW2_COPIED &&
		    (ret == QCOW2_DATA || ret == QCOW2_ZERO_PLACE))
			new |= old &(QCOW2_COPIED | QCOW2_OFFSET_MASK);
		if (new != old)
			set_entry(q, slice, index + i, new);
		if (!(new &QCOW2_OFFSET_MASK))
			qcow2_free_entry(q, old);
		qr->pos += q->cluster_size;
		len -= q->cluster_size;
	}
	qr->changed = true;
	qcow2_commit_if_full(q);
	return 0;
}

int qcow2_step_zeroes(struct qcow2_req *qr)
{
	struct qcow2 *q = qr->q;
	uint64_t len = qr->end - qr->pos, whole,
		 in_cluster = qr->pos & (q->cluster_size - 1);
	bool unmap = to_req(qr)->may_unmap && q->may_free, backed;
	struct qcow2_run r;
	int ret = qcow2_lookup(q, qr->pos, len, &r);

	if (ret < 0)
		return ret;
	backed = r.state == QCOW2_UNALLOCATED && qcow2_backed(q, qr->pos, r.len);
	if (r.state == QCOW2_ZEROES || (r.state == QCOW2_ZERO_PLACE && !unmap) ||
	    (r.state == QCOW2_UNALLOCATED && !backed))
		return skip(qr, r.len);
	whole = in_cluster ? 0 : align_down(r.len, q->cluster_size);
	/* The end of a disk that ends within a cluster is a whole one, too. */
	if (!in_cluster && qr->pos + r.len == q->node.length)
		whole = align_up(r.len, q->cluster_size);
	if (whole && q->info.version >= 3) {
		ret = change_entries(qr, whole, QCOW2_ZERO, unmap);
	} else if (whole && unmap && !qcow2_backed(q, qr->pos, 1)) {
		ret = change_entries(qr, whole, 0, true);
	} else {
		if (r.state == QCOW2_ZERO_PLACE)
			return skip(qr, r.len);
		/* Up to the end of the cluster. */
		if (r.len > q->cluster_size - in_cluster)
			r.len = q->cluster_size - in_cluster;
		return r.state == QCOW2_DATA && r.copied
		               ? qcow2_step_place(qr, BLOCK_WRITE_ZEROES, &r)
		               : write_elsewhere(qr, &r, r.len);
	}
	if (qr->pos > qr->end)
		qr->pos = qr->end;
	return ret;
}

int qcow2_step_discard(struct qcow2_req *qr)
{
	struct qcow2 *q = qr->q;
	uint64_t len = qr->end - qr->pos, in_cluster = qr->pos & (q->cluster_size - 1),
		 whole;
	struct qcow2_run r;
	bool backed = qcow2_backed(q, qr->pos, 1);
	int ret;

	/* What the backing file has must not come to light. */
	if (!q->may_free || (backed && q->info.version < 3))
		return skip(qr, len);
	if (in_cluster)
		return skip(qr, len < q->cluster_size - in_cluster
		                        ? len
		                        : q->cluster_size - in_cluster);
	ret = qcow2_lookup(q, qr->pos, len, &r);
	if (ret < 0)
		return ret;
	whole = align_down(r.len, q->cluster_size);
	if (qr->pos + r.len == q->node.length)
		whole = align_up(r.len, q->cluster_size);
	if (!whole || r.state == QCOW2_ZEROES || r.state == QCOW2_UNALLOCATED)
		return skip(qr, r.len);
	ret = change_entries(qr, whole, backed ? QCOW2_ZERO : 0, true);
	if (qr->pos > qr->end)
		qr->pos = qr->end;
	return ret;
}
