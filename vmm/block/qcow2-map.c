// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From bytes of the disk to bytes of the file ("Cluster mapping"): the L1 table is in
 * memory, L2 tables are in the cache.
 *
 * Nothing of an entry is believed: what is not aligned, or a kind that the version does
 * not have, fails the request and marks the image as corrupt. Offsets behind the end of
 * the file are harmless: reads find zeros there.
 */
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int qcow2_entry_state(struct qcow2 *q, uint64_t entry)
{
	uint64_t offset = entry & QCOW2_OFFSET_MASK;

	if (entry & QCOW2_COMPRESSED)
		return QCOW2_DEFLATED;
	if (entry & QCOW2_ZERO && q->info.version < 3)
		return qcow2_corrupt(q, "a zero cluster in a version 2 image", offset);
	if (offset & (q->cluster_size - 1))
		return qcow2_corrupt(q, "a data cluster that is not aligned", offset);
	if (entry & QCOW2_ZERO)
		return offset ? QCOW2_ZERO_PLACE : QCOW2_ZEROES;
	return offset ? QCOW2_DATA : QCOW2_UNALLOCATED;
}

void qcow2_deflated(const struct qcow2 *q, uint64_t entry, uint64_t *offset,
                    uint32_t *len)
{
	unsigned bits = 62 - (q->cluster_bits - 8);

	*offset = entry & ((1ull << bits) - 1);
	*len = ((entry & ~(QCOW2_COPIED | QCOW2_COMPRESSED)) >> bits) * 512 + 512 -
	       (*offset & 511);
}

/* The slice of the L2 table at `table` that maps pos. */
static int get_slice(struct qcow2 *q, uint64_t table, uint64_t pos,
                     struct qcow2_slice **slice, unsigned *index)
{
	uint64_t i = pos >> q->cluster_bits & ((1ull << q->l2_bits) - 1);
	unsigned bits = q->slice_bits - 3;

	*index = i & ((1u << bits) - 1);
	return qcow2_slice_get(q, QCOW2_L2, table + (i >> bits << q->slice_bits), slice);
}

static uint64_t l1_entry(const struct qcow2 *q, uint64_t index)
{
	return index < q->l1.count ? be64toh(q->l1.entries[index]) : 0;
}

static int check_table(struct qcow2 *q, uint64_t table)
{
	return table & (q->cluster_size - 1)
	               ? qcow2_corrupt(q, "an L2 table that is not aligned", table)
	               : 0;
}

/* run->len: of the first cluster and as many behind it as are alike. */
static int extend(struct qcow2 *q, const struct qcow2_slice *slice, unsigned index,
                  uint64_t len, struct qcow2_run *run)
{
	uint64_t first = be64toh(ld64(slice->data + 8 * index)), entry;
	unsigned max = 1u << (q->slice_bits - 3);
	bool placed = run->state == QCOW2_DATA || run->state == QCOW2_ZERO_PLACE;

	while (run->len < len && run->state != QCOW2_DEFLATED && ++index < max) {
		if (placed)
			first += q->cluster_size;
		entry = be64toh(ld64(slice->data + 8 * index));
		/* What differs is looked at when its turn comes. */
		if (entry != first)
			break;
		run->len += q->cluster_size;
	}
	if (run->len > len)
		run->len = len;
	return 0;
}

int qcow2_lookup(struct qcow2 *q, uint64_t pos, uint64_t len, struct qcow2_run *run)
{
	uint64_t i = pos >> qcow2_l1_span_bits(q),
		 table = l1_entry(q, i) & QCOW2_OFFSET_MASK,
		 in_cluster = pos & (q->cluster_size - 1), entry;
	struct qcow2_slice *slice;
	unsigned index;
	int ret;

	*run = (struct qcow2_run){ .state = QCOW2_UNALLOCATED };
	if (!table) {
		run->len = ((i + 1) << qcow2_l1_span_bits(q)) - pos;
		if (run->len > len)
			run->len = len;
		return 0;
	}
	ret = check_table(q, table);
	if (ret >= 0)
		ret = get_slice(q, table, pos, &slice, &index);
	if (ret < 0)
		return ret;
	entry = be64toh(ld64(slice->data + 8 * index));
	ret = qcow2_entry_state(q, entry);
	if (ret < 0)
		return ret;
	run->state = ret;
	run->entry = entry;
	run->host = (entry & QCOW2_OFFSET_MASK) + in_cluster;
	run->copied = entry & QCOW2_COPIED;
	run->len = q->cluster_size - in_cluster;
	return extend(q, slice, index, len, run);
}

/* ---- for changes ---- */

int qcow2_grow_l1(struct qcow2 *q, uint64_t count)
{
	struct qcow2_range range;
	struct qcow2_table *t = &q->l1;
	uint64_t *entries, clusters;
	int ret;

	if (count <= t->count)
		return 0;
	if (count > QCOW2_MAX_L1_BYTES / 8)
		return -EFBIG;
	clusters = (count * 8 + q->cluster_size - 1) >> q->cluster_bits;
	entries = calloc(clusters, q->cluster_size);
	if (!entries)
		return -ENOMEM;
	ret = qcow2_alloc(q, clusters, clusters, &range);
	if (ret < 0) {
		free(entries);
		return ret;
	}
	memcpy(entries, t->entries, t->count * 8ull);
	free(t->entries);
	qcow2_free(q, t->offset, t->count * 8ull);
	*t = (struct qcow2_table){ entries, range.first << q->cluster_bits, count, 0,
		                   count };
	q->header.l1_offset = t->offset;
	q->header.l1_size = count;
	q->header_dirty = true;
	return 0;
}

static int new_table(struct qcow2 *q, uint64_t index)
{
	struct qcow2_range range;
	uint64_t offset;
	int ret = qcow2_alloc(q, 1, 1, &range);

	if (ret < 0)
		return ret;
	offset = range.first << q->cluster_bits;
	ret = qcow2_slices_new(q, QCOW2_L2, offset);
	if (ret >= 0)
		qcow2_table_set(&q->l1, index, offset | QCOW2_COPIED);
	return ret;
}

/* The table is a snapshot's as well. */
static int copy_table(struct qcow2 *q, uint64_t index, uint64_t table)
{
	struct qcow2_range range;
	int ret = qcow2_slices_load(q, QCOW2_L2, table);

	if (ret >= 0)
		ret = qcow2_alloc(q, 1, 1, &range);
	if (ret < 0)
		return ret;
	/* A new refcount block may have pushed some out. */
	ret = qcow2_slices_load(q, QCOW2_L2, table);
	if (ret < 0) {
		qcow2_free(q, range.first << q->cluster_bits, q->cluster_size);
		return ret;
	}
	qcow2_slices_move(q, table, range.first << q->cluster_bits);
	qcow2_table_set(&q->l1, index, range.first << q->cluster_bits | QCOW2_COPIED);
	return qcow2_free(q, table, q->cluster_size);
}

int qcow2_map_writable(struct qcow2 *q, uint64_t pos, struct qcow2_slice **slice,
                       unsigned *index)
{
	uint64_t i = pos >> qcow2_l1_span_bits(q), entry, table;
	int ret = qcow2_grow_l1(q, i + 1);

	if (ret < 0)
		return ret;
	entry = l1_entry(q, i);
	table = entry & QCOW2_OFFSET_MASK;
	ret = check_table(q, table);
	if (ret >= 0 && !table)
		ret = new_table(q, i);
	else if (ret >= 0 && !(entry & QCOW2_COPIED))
		ret = copy_table(q, i, table);
	if (ret < 0)
		return ret;
	return get_slice(q, l1_entry(q, i) & QCOW2_OFFSET_MASK, pos, slice, index);
}

uint64_t qcow2_vmstate_offset(const struct qcow2 *q)
{
	uint64_t span = 1ull << qcow2_l1_span_bits(q);

	return align_up(q->node.length, span);
}
