// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compressed clusters ("Compressed Clusters Descriptor"): raw deflate streams, one after
 * another in clusters of the file that they share. Each begins at a sector, which costs
 * little and lets it be written as it is. A cluster of the file has a reference from each
 * stream that is in it: the first is the one of its allocation.
 */
#include "vmm/block/qcow2-pack.h"

#include "common/cleanup.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <zlib.h>

/* ---- compressing ---- */

uint32_t qcow2_deflate(const void *buf, uint32_t len, uint32_t cluster, void *out)
{
	static const uint8_t zeros[512];
	z_stream z = { 0 };
	uint32_t done = 0;
	int ret;

	/* Without header; readers have a window of 4 KiB. */
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -12, 9,
	                 Z_DEFAULT_STRATEGY) != Z_OK)
		return 0;
	z.next_out = out;
	z.avail_out = cluster;
	z.next_in = (uint8_t *)buf;
	z.avail_in = len;
	ret = deflate(&z, len < cluster ? Z_NO_FLUSH : Z_FINISH);
	for (; len < cluster && ret == Z_OK; len += done) {
		done = cluster - len < sizeof(zeros) ? cluster - len : sizeof(zeros);
		z.next_in = (uint8_t *)zeros;
		z.avail_in = done;
		ret = deflate(&z, len + done < cluster ? Z_NO_FLUSH : Z_FINISH);
	}
	done = z.total_out;
	deflateEnd(&z);
	/* Something that is a sector smaller at least. */
	return ret == Z_STREAM_END && done + 512 <= cluster ? done : 0;
}

/* ---- storing ---- */

static int allocate(struct qcow2 *q, uint64_t *cluster)
{
	struct qcow2_range range;
	int ret;

	while ((ret = qcow2_alloc(q, 1, 1, &range)) == -EAGAIN)
		qcow2_wait(q);
	*cluster = ret < 0 ? 0 : range.first;
	return ret;
}

static int add_reference(struct qcow2 *q, uint64_t cluster)
{
	int ret;

	while ((ret = qcow2_ref_add(q, cluster, 1)) == -EAGAIN)
		qcow2_wait(q);
	return ret;
}

/* At least len bytes from p->at on, in clusters that have a reference for them. */
static int make_room(struct qcow2_packer *p, struct qcow2 *q, uint32_t len)
{
	uint64_t cluster;
	int ret;

	/* The rest of a cluster that is shared needs one more; -ERANGE: it cannot. */
	if (p->at < p->end && p->at & (q->cluster_size - 1)) {
		ret = add_reference(q, p->at >> q->cluster_bits);
		if (ret < 0 && ret != -ERANGE)
			return ret;
		if (ret == -ERANGE)
			p->at = p->end = 0;
	}
	if (p->end - p->at >= len)
		return 0;
	ret = allocate(q, &cluster);
	if (ret < 0)
		return ret;
	if (p->at == p->end || cluster << q->cluster_bits != p->end) {
		/* Nothing of this stream is in the old one. */
		if (p->at < p->end && p->at & (q->cluster_size - 1))
			ret = qcow2_free(q, p->at, 1);
		p->at = cluster << q->cluster_bits;
	}
	p->end = (cluster + 1) << q->cluster_bits;
	return ret;
}

static int write_padded(struct qcow2 *q, uint64_t at, const void *data, uint32_t len)
{
	uint32_t whole = align_up(len, 512);
	_cleanup_free_ uint8_t *buf = calloc(1, whole);

	if (!buf)
		return -ENOMEM;
	memcpy(buf, data, len);
	return block_rw(q->node.child, BLOCK_WRITE, at, buf, whole);
}

static int set_entry(struct qcow2 *q, uint64_t offset, uint64_t at, uint32_t len)
{
	unsigned shift = 62 - (q->cluster_bits - 8), index;
	uint64_t sectors = (align_up(len, 512) >> 9) - 1;
	struct qcow2_slice *slice;
	int ret;

	while ((ret = qcow2_map_writable(q, offset, &slice, &index)) == -EAGAIN)
		qcow2_wait(q);
	if (ret < 0)
		return ret;
	if (ld64(slice->data + index * 8))
		return -EEXIST;
	st64(slice->data + index * 8, htobe64(QCOW2_COMPRESSED | sectors << shift | at));
	qcow2_slice_dirty(q, slice);
	return 0;
}

int qcow2_pack(struct qcow2_packer *p, struct block_node *node, uint64_t offset,
               const void *data, uint32_t len)
{
	struct qcow2 *q = to_qcow2(node);
	int ret;

	if (!len || len > q->cluster_size || offset & (q->cluster_size - 1) ||
	    offset >= node->length)
		return -EINVAL;
	ret = make_room(p, q, len);
	if (ret >= 0)
		ret = write_padded(q, p->at, data, len);
	if (ret >= 0)
		ret = set_entry(q, offset, p->at, len);
	if (ret < 0)
		return ret;
	p->at += align_up(len, 512);
	qcow2_commit_if_full(q);
	return 0;
}
