// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qcow2 tables in memory: slices of L2 tables and refcount blocks (4 KiB, or a cluster
 * where that is less), found by their place in the file.
 *
 * The memory grows with what is used up to a limit; from then on the slice that was not
 * used for longest is taken, unless it is dirty, pinned, or being read or written. When
 * none is to be had the limit is exceeded, by no more than the requests under way need.
 */
#include "common/cleanup.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <string.h>

#define CHUNK        16  /* slices that are allocated together */
#define SPARE_SLICES 128 /* beside the ones of two whole tables */

static size_t slice_size(const struct qcow2 *q)
{
	return (size_t)1 << q->slice_bits;
}

static unsigned slices_per_table(const struct qcow2 *q)
{
	return 1u << (q->cluster_bits - q->slice_bits);
}

int qcow2_cache_init(struct qcow2 *q, uint64_t bytes)
{
	uint64_t max = bytes >> q->slice_bits,
		 min = 2 * slices_per_table(q) + SPARE_SLICES;

	q->max_slices = max < min ? min : max;
	q->hash_bits = 8;
	while (q->hash_bits < 16 && 1u << q->hash_bits < q->max_slices)
		q->hash_bits++;
	q->hash = calloc(1u << q->hash_bits, sizeof(*q->hash));
	q->used.next = q->used.prev = &q->used;
	return q->hash ? 0 : -ENOMEM;
}

void qcow2_cache_free(struct qcow2 *q)
{
	for (unsigned i = 0; i < q->chunk_count; i++) {
		struct qcow2_slice *chunk = q->chunks[i];

		free(chunk->data);
		free(chunk);
	}
	free(q->chunks);
	free(q->hash);
	q->chunks = NULL;
	q->hash = NULL;
	q->chunk_count = q->slices = 0;
}

/* ---- lists ---- */

static struct qcow2_slice **bucket(struct qcow2 *q, uint64_t offset)
{
	uint64_t hash = (offset >> q->slice_bits) * 0x9e3779b97f4a7c15ull;

	return &q->hash[hash >> (64 - q->hash_bits)];
}

static struct qcow2_slice *find(struct qcow2 *q, uint64_t offset)
{
	struct qcow2_slice *slice = *bucket(q, offset);

	while (slice && slice->offset != offset)
		slice = slice->hash_next;
	return slice;
}

static void unhash(struct qcow2 *q, struct qcow2_slice *slice)
{
	struct qcow2_slice **p = bucket(q, slice->offset);

	while (*p != slice)
		p = &(*p)->hash_next;
	*p = slice->hash_next;
	if (q->last[slice->kind] == slice)
		q->last[slice->kind] = NULL;
	slice->offset = 0;
}

static void rehash(struct qcow2 *q, struct qcow2_slice *slice, uint64_t offset)
{
	struct qcow2_slice **p = bucket(q, offset);

	slice->offset = offset;
	slice->hash_next = *p;
	*p = slice;
}

static void link_before(struct qcow2_slice *at, struct qcow2_slice *slice)
{
	slice->next = at;
	slice->prev = at->prev;
	at->prev->next = slice;
	at->prev = slice;
}

static void touch(struct qcow2 *q, struct qcow2_slice *slice)
{
	if (slice->next == &q->used)
		return;
	slice->prev->next = slice->next;
	slice->next->prev = slice->prev;
	link_before(&q->used, slice);
}

/* ---- memory ---- */

static int grow(struct qcow2 *q)
{
	void **chunks = realloc(q->chunks, (q->chunk_count + 1) * sizeof(*chunks));
	struct qcow2_slice *slices;
	void *data;

	if (!chunks)
		return -ENOMEM;
	q->chunks = chunks;
	slices = calloc(CHUNK, sizeof(*slices));
	if (!slices || posix_memalign(&data, 4096, CHUNK * slice_size(q))) {
		free(slices);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < CHUNK; i++) {
		slices[i].data = (uint8_t *)data + i * slice_size(q);
		link_before(q->used.next, &slices[i]);
	}
	q->chunks[q->chunk_count++] = slices;
	q->slices += CHUNK;
	return 0;
}

static bool is_idle(const struct qcow2_slice *slice)
{
	return !slice->dirty && !slice->ahead && !slice->pins && !slice->loading;
}

/* One that can be used for something else; NULL: memory is short. */
static struct qcow2_slice *take(struct qcow2 *q)
{
	struct qcow2_slice *slice = q->used.next;

	/* Unused ones are at the front. */
	if (slice == &q->used || (slice->offset && q->slices < q->max_slices)) {
		if (grow(q) < 0 && slice == &q->used)
			return NULL;
		slice = q->used.next;
	}
	while (slice != &q->used && !is_idle(slice))
		slice = slice->next;
	if (slice == &q->used) {
		if (grow(q) < 0)
			return NULL;
		slice = q->used.next;
	}
	if (slice->offset)
		unhash(q, slice);
	slice->error = 0;
	return slice;
}

static void drop(struct qcow2 *q, struct qcow2_slice *slice)
{
	if (slice->dirty)
		q->dirty[slice->kind]--;
	slice->dirty = false;
	unhash(q, slice);
	slice->prev->next = slice->next;
	slice->next->prev = slice->prev;
	link_before(q->used.next, slice);
}

/* ---- slices ---- */

static void load_done(struct qcow2_sub *sub, int ret)
{
	struct qcow2_slice *slice = sub->opaque;
	struct qcow2 *q = sub->q;

	qcow2_sub_free(sub);
	slice->loading = false;
	slice->error = ret;
	qcow2_wake(q, QCOW2_PARK_TABLE);
}

static int load(struct qcow2 *q, enum qcow2_kind kind, uint64_t offset)
{
	struct qcow2_slice *slice;
	struct qcow2_sub *sub = qcow2_sub_new(q, NULL, load_done);

	if (!sub)
		return -ENOMEM;
	slice = take(q);
	if (!slice) {
		qcow2_sub_free(sub);
		return -ENOMEM;
	}
	slice->kind = kind;
	slice->loading = true;
	rehash(q, slice, offset);
	touch(q, slice);
	sub->opaque = slice;
	qcow2_sub_submit(sub, q->node.child, BLOCK_READ, offset, slice->data,
	                 slice_size(q));
	return -EAGAIN;
}

int qcow2_slice_get(struct qcow2 *q, enum qcow2_kind kind, uint64_t offset,
                    struct qcow2_slice **slice)
{
	struct qcow2_slice *s = q->last[kind];
	int ret;

	if (!s || s->offset != offset)
		s = find(q, offset);
	if (!s)
		return load(q, kind, offset);
	if (s->loading)
		return -EAGAIN;
	/* One of those who waited hears of it, the next one tries again. */
	ret = s->error;
	if (ret < 0) {
		drop(q, s);
		return ret;
	}
	/* An image whose tables are each other. */
	if (s->kind != kind)
		return qcow2_corrupt(q, "two tables in one place", offset);
	touch(q, s);
	q->last[kind] = s;
	*slice = s;
	return 0;
}

void qcow2_slice_dirty(struct qcow2 *q, struct qcow2_slice *slice)
{
	if (slice->dirty)
		return;
	slice->dirty = true;
	q->dirty[slice->kind]++;
}

/* ---- whole tables ---- */

int qcow2_slices_new(struct qcow2 *q, enum qcow2_kind kind, uint64_t offset)
{
	for (unsigned i = 0; i < slices_per_table(q); i++) {
		uint64_t at = offset + ((uint64_t)i << q->slice_bits);
		/* Of a table that was there before. */
		struct qcow2_slice *slice = find(q, at);

		if (slice && !is_idle(slice))
			return -EIO;
		if (!slice) {
			slice = take(q);
			if (!slice)
				return -ENOMEM;
			rehash(q, slice, at);
		}
		slice->kind = kind;
		slice->error = 0;
		memset(slice->data, 0, slice_size(q));
		touch(q, slice);
		qcow2_slice_dirty(q, slice);
	}
	return 0;
}

int qcow2_slices_load(struct qcow2 *q, enum qcow2_kind kind, uint64_t offset)
{
	int again = 0;

	for (unsigned i = 0; i < slices_per_table(q); i++) {
		struct qcow2_slice *slice;
		int ret = qcow2_slice_get(
			q, kind, offset + ((uint64_t)i << q->slice_bits), &slice);

		if (ret == -EAGAIN)
			again = ret;
		else if (ret < 0)
			return ret;
	}
	return again;
}

void qcow2_slices_drop(struct qcow2 *q, uint64_t offset)
{
	for (unsigned i = 0; i < slices_per_table(q); i++) {
		struct qcow2_slice *slice =
			find(q, offset + ((uint64_t)i << q->slice_bits));

		if (slice && !slice->ahead && !slice->pins && !slice->loading)
			drop(q, slice);
	}
}

void qcow2_slices_move(struct qcow2 *q, uint64_t from, uint64_t to)
{
	/* What a former table left there. */
	qcow2_slices_drop(q, to);
	for (unsigned i = 0; i < slices_per_table(q); i++) {
		uint64_t at = (uint64_t)i << q->slice_bits;
		struct qcow2_slice *slice = find(q, from + at);

		unhash(q, slice);
		rehash(q, slice, to + at);
		qcow2_slice_dirty(q, slice);
	}
}

void qcow2_table_set(struct qcow2_table *table, uint32_t index, uint64_t value)
{
	table->entries[index] = htobe64(value);
	if (table->dirty_from >= table->dirty_to) {
		table->dirty_from = index;
		table->dirty_to = index + 1;
	}
	if (index < table->dirty_from)
		table->dirty_from = index;
	if (index >= table->dirty_to)
		table->dirty_to = index + 1;
}
