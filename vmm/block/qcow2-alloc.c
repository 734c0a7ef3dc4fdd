// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Refcounts of qcow2 clusters, and the allocation by them ("Host cluster management").
 *
 * A new refcount block takes the first free cluster that it describes, and so describes
 * itself. When the refcount table is full a larger one is made behind all that exists.
 */
#include "common/cleanup.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <string.h>

#define MAX_FREES (1u << 20)

/* ---- refcounts ---- */

static unsigned block_bits(const struct qcow2 *q)
{
	return q->cluster_bits + 3 - q->order;
}

static uint64_t get(const struct qcow2 *q, const uint8_t *data, unsigned i)
{
	switch (q->order) {
	case 3:
		return data[i];
	case 4:
		return (unsigned)data[2 * i] << 8 | data[2 * i + 1];
	case 5:
		return be32toh(ld32(data + 4 * (size_t)i));
	case 6:
		return be64toh(ld64(data + 8 * (size_t)i));
	default:
		return data[i >> (3 - q->order)] >>
		               ((i & ((8 >> q->order) - 1)) << q->order) &
		       ((1 << (1 << q->order)) - 1);
	}
}

static void set(const struct qcow2 *q, uint8_t *data, unsigned i, uint64_t value)
{
	unsigned shift;

	switch (q->order) {
	case 3:
		data[i] = value;
		break;
	case 4:
		st16(data + 2 * (size_t)i, htobe16(value));
		break;
	case 5:
		st32(data + 4 * (size_t)i, htobe32(value));
		break;
	case 6:
		st64(data + 8 * (size_t)i, htobe64(value));
		break;
	default:
		shift = (i & ((8 >> q->order) - 1)) << q->order;
		data += i >> (3 - q->order);
		*data &= ~(((1 << (1 << q->order)) - 1) << shift);
		*data |= value << shift;
	}
}

static uint64_t max_refcount(const struct qcow2 *q)
{
	return q->order == 6 ? UINT64_MAX : (1ull << (1 << q->order)) - 1;
}

/* The slice of a cluster's refcount; -ENOENT: there is no block. */
static int find(struct qcow2 *q, uint64_t cluster, struct qcow2_slice **slice,
                unsigned *index)
{
	uint64_t i = cluster >> block_bits(q), entry;
	unsigned in_block = cluster & ((1ull << block_bits(q)) - 1),
		 per_slice_bits = q->slice_bits + 3 - q->order;

	if (i >= q->reftable.count)
		return -ENOENT;
	entry = be64toh(q->reftable.entries[i]);
	if (!(entry & QCOW2_REFTABLE_MASK))
		return -ENOENT;
	if (entry & (q->cluster_size - 1))
		return qcow2_corrupt(q, "a refcount block that is not aligned", entry);
	*index = in_block & ((1u << per_slice_bits) - 1);
	return qcow2_slice_get(
		q, QCOW2_REFBLOCK,
		entry + ((uint64_t)(in_block >> per_slice_bits) << q->slice_bits), slice);
}

int qcow2_ref_get(struct qcow2 *q, uint64_t cluster, uint64_t *value)
{
	struct qcow2_slice *slice;
	unsigned index;
	int ret = find(q, cluster, &slice, &index);

	*value = 0;
	if (ret == -ENOENT)
		return 0;
	if (ret >= 0)
		*value = get(q, slice->data, index);
	return ret;
}

int qcow2_ref_add(struct qcow2 *q, uint64_t cluster, int delta)
{
	struct qcow2_slice *slice;
	unsigned index;
	uint64_t value;
	int ret = find(q, cluster, &slice, &index);

	if (ret == -ENOENT)
		return qcow2_corrupt(q, "a cluster in use that has no refcount",
		                     cluster << q->cluster_bits);
	if (ret < 0)
		return ret;
	value = get(q, slice->data, index);
	if (delta < 0 && !value)
		return qcow2_corrupt(q, "a cluster in use whose refcount is 0",
		                     cluster << q->cluster_bits);
	if (delta > 0 && value == max_refcount(q))
		return -ERANGE;
	set(q, slice->data, index, value + delta);
	qcow2_slice_dirty(q, slice);
	return 0;
}

/* ---- overlaps ---- */

bool qcow2_is_metadata(const struct qcow2 *q, uint64_t offset, uint64_t len)
{
	const struct {
		uint64_t from, len;
	} tables[] = {
		{ 0, q->cluster_size },
		{ q->l1.offset, q->l1.count * 8ull },
		{ q->reftable.offset, q->reftable.count * 8ull },
		{ q->header.snapshot_offset, q->snapshot_len },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++)
		if (offset < tables[i].from + tables[i].len &&
		    tables[i].from < offset + len)
			return true;
	return false;
}

static bool is_in_table(const struct qcow2_table *table, uint64_t mask, uint64_t offset,
                        uint64_t len)
{
	for (uint32_t i = 0; i < table->count; i++) {
		uint64_t at = be64toh(table->entries[i]) & mask;

		if (at && at >= offset && at < offset + len)
			return true;
	}
	return false;
}

/* What a wrong refcount calls free is not overwritten. */
static int check_new(struct qcow2 *q, uint64_t first, uint64_t count)
{
	uint64_t offset = first << q->cluster_bits, len = count << q->cluster_bits;

	if (!qcow2_is_metadata(q, offset, len) &&
	    !is_in_table(&q->l1, QCOW2_OFFSET_MASK, offset, len) &&
	    !is_in_table(&q->reftable, QCOW2_REFTABLE_MASK, offset, len))
		return 0;
	return qcow2_corrupt(q, "a cluster of metadata whose refcount is 0", offset);
}

/* ---- new refcount blocks and tables ---- */

/* A block that describes `cluster`, at a place that is free, or `cluster` itself. */
static int new_block(struct qcow2 *q, uint64_t cluster, uint64_t place)
{
	uint64_t offset = place << q->cluster_bits;
	int ret = check_new(q, place, 1);

	if (ret >= 0)
		ret = qcow2_slices_new(q, QCOW2_REFBLOCK, offset);
	if (ret < 0)
		return ret;
	qcow2_table_set(&q->reftable, cluster >> block_bits(q), offset);
	if (q->end < offset + q->cluster_size)
		q->end = offset + q->cluster_size;
	return qcow2_ref_add(q, place, 1);
}

/* A larger table at `first` or behind, where no block describes anything. In this order:
 * blocks that describe all of it, themselves and the table; the table. */
static int grow_table(struct qcow2 *q, uint64_t first)
{
	uint64_t per_block = 1ull << block_bits(q), blocks = 1, clusters, count, *entries;
	struct qcow2_table *t = &q->reftable;
	uint64_t old = t->offset, old_bytes = t->count * 8ull;
	int ret;

	count = t->count + t->count / 2ull + 1;
	if (count < first / per_block + 2)
		count = first / per_block + 2;
	count = align_up(count, q->cluster_size / 8);
	clusters = count * 8 >> q->cluster_bits;
	while (align_down(first, per_block) + blocks * per_block <
	       first + blocks + clusters)
		blocks++;
	if (count * 8 > QCOW2_MAX_REFTABLE_BYTES || first / per_block + blocks > count)
		return -EFBIG;
	ret = check_new(q, first, blocks + clusters);
	if (ret < 0)
		return ret;
	entries = calloc(count, 8);
	if (!entries)
		return -ENOMEM;
	memcpy(entries, t->entries, old_bytes);
	free(t->entries);
	*t = (struct qcow2_table){ entries, (first + blocks) << q->cluster_bits, count, 0,
		                   count };
	for (uint64_t i = 0; i < blocks; i++) {
		uint64_t at = (first + i) << q->cluster_bits;

		ret = qcow2_slices_new(q, QCOW2_REFBLOCK, at);
		if (ret < 0)
			return ret;
		qcow2_table_set(t, first / per_block + i, at);
	}
	for (uint64_t c = first; c < first + blocks + clusters; c++) {
		ret = qcow2_ref_add(q, c, 1);
		if (ret < 0)
			return ret;
	}
	q->header.reftable_offset = t->offset;
	q->header.reftable_clusters = clusters;
	q->header_dirty = true;
	if (q->end < (first + blocks + clusters) << q->cluster_bits)
		q->end = (first + blocks + clusters) << q->cluster_bits;
	return qcow2_free(q, old, old_bytes);
}

/* A cluster that no block describes, yet. */
static int describe(struct qcow2 *q, uint64_t cluster, uint64_t place)
{
	if (cluster >= (uint64_t)INT64_MAX >> q->cluster_bits)
		return -EFBIG;
	if (cluster >> block_bits(q) < q->reftable.count)
		return new_block(q, cluster, place);
	return grow_table(q, cluster);
}

/* ---- allocation ---- */

/* -ENOENT: no block describes it. */
static int get_known(struct qcow2 *q, uint64_t cluster, uint64_t *value)
{
	struct qcow2_slice *slice;
	unsigned index;
	int ret = find(q, cluster, &slice, &index);

	if (ret < 0)
		return ret;
	*value = get(q, slice->data, index);
	if (*value && cluster << q->cluster_bits >= q->end)
		return qcow2_corrupt(q, "a refcount of what the file does not have",
		                     cluster << q->cluster_bits);
	return 0;
}

int qcow2_alloc(struct qcow2 *q, uint64_t min, uint64_t max, struct qcow2_range *range)
{
	uint64_t count = 0, value, c = q->hint;
	int ret;

	if (!qcow2_may_allocate(q))
		return -EAGAIN;
	while (count < max) {
		ret = get_known(q, c, &value);
		/* What is free and can be said to be so is enough. */
		if ((ret == -EAGAIN || ret == -ENOENT) && count >= min)
			break;
		if (ret == -ENOENT) {
			/* The block goes before the row, which it would break else. */
			ret = describe(q, c, c - count);
			if (ret < 0)
				return ret;
			count -= count > 0;
			continue;
		}
		if (ret < 0)
			return ret;
		if (value && count >= min)
			break;
		count = value ? 0 : count + 1;
		c++;
		if (value && min == 1)
			q->hint = c;
	}
	*range = (struct qcow2_range){ c - count, count };
	ret = check_new(q, range->first, count);
	for (uint64_t i = 0; i < count && ret >= 0; i++)
		ret = qcow2_ref_add(q, range->first + i, 1);
	if (ret < 0)
		return ret;
	if (min == 1)
		q->hint = range->first + count;
	if (q->end < (range->first + count) << q->cluster_bits)
		q->end = (range->first + count) << q->cluster_bits;
	return 0;
}

/* ---- freeing ---- */

static int add_free(struct qcow2 *q, uint64_t first, uint64_t count)
{
	struct qcow2_range *last = q->free_count ? &q->frees[q->free_count - 1] : NULL,
			   *frees;

	if (last && last->first + last->count == first) {
		last->count += count;
		return 0;
	}
	if (q->free_count == q->free_max) {
		unsigned max = q->free_max ? 2 * q->free_max : 64;

		frees = max > MAX_FREES ? NULL : realloc(q->frees, max * sizeof(*frees));
		if (!frees)
			return -ENOMEM; /* the clusters leak */
		q->frees = frees;
		q->free_max = max;
	}
	q->frees[q->free_count++] = (struct qcow2_range){ first, count };
	return 0;
}

int qcow2_free(struct qcow2 *q, uint64_t offset, uint64_t bytes)
{
	uint64_t first = offset >> q->cluster_bits,
		 last = (offset + bytes - 1) >> q->cluster_bits;

	return bytes ? add_free(q, first, last - first + 1) : 0;
}

int qcow2_free_entry(struct qcow2 *q, uint64_t entry)
{
	uint64_t offset;
	uint32_t len;

	switch (qcow2_entry_state(q, entry)) {
	case QCOW2_DATA:
	case QCOW2_ZERO_PLACE:
		return qcow2_free(q, entry & QCOW2_OFFSET_MASK, q->cluster_size);
	case QCOW2_DEFLATED:
		qcow2_deflated(q, entry, &offset, &len);
		return qcow2_free(q, offset, len);
	default:
		return 0;
	}
}

int qcow2_apply_frees(struct qcow2 *q, struct qcow2_range *frees, unsigned *count)
{
	while (*count) {
		struct qcow2_range *range = &frees[*count - 1];

		while (range->count) {
			uint64_t cluster = range->first + range->count - 1;
			int ret = qcow2_ref_add(q, cluster, -1);

			if (ret == -EAGAIN)
				return ret;
			/* Otherwise it is lost, or somebody else's. */
			range->count--;
		}
		--*count;
	}
	return 0;
}
