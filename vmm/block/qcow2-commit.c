// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing qcow2 metadata back.
 *
 * A commit takes a copy of everything that is dirty and stores it in phases, with a sync
 * of the file between them, so that nothing on disk refers to what is not there yet:
 *
 *   refcount blocks | refcount table | header | L2 tables | L1 table | header
 *
 * (the first header tells of a refcount table that has moved, and with lazy refcounts
 * that they cannot be trusted). What is needed no more loses its refcount in memory when
 * all that is stable. Stopped anywhere, the image has at worst clusters that nobody uses.
 *
 * Changes go on meanwhile; the next commit takes them. Lazy refcounts stay in memory
 * until there are many of them or the image is closed.
 */
#include "common/cleanup.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <string.h>

enum phase {
	PHASE_REFBLOCKS,
	PHASE_REFTABLE,
	PHASE_REF_HEADER,
	PHASE_L2,
	PHASE_L1,
	PHASE_HEADER,
	PHASE_SYNC,
	PHASE_FREE,
	PHASE_TRIM,
	PHASE_END
};

/* Dirty slices, and ranges to free, that start a commit although nobody wants one. */
enum { MANY_SLICES = 512, MANY_FREES = 1024 };

struct part {
	enum phase phase;
	uint64_t offset, len; /* in the file; 0 bytes: nothing */
	uint8_t *data;
	struct qcow2_slice *slice; /* or NULL */
};

struct qcow2_commit {
	struct part *parts;
	unsigned count;
	uint8_t *data;
	struct qcow2_header header; /* that is written last */
	enum phase phase;
	bool started, synced, has_refs; /* the phase; since the last write */
	unsigned in_flight;
	int ret;
	struct qcow2_range *frees, *trims;
	unsigned free_count, trim_count, trim_next;
	uint64_t lowest; /* cluster that may be free */
	struct block_req *waiting;
};

static bool table_is_dirty(const struct qcow2_table *table)
{
	return table->dirty_from < table->dirty_to;
}

bool qcow2_is_dirty(const struct qcow2 *q)
{
	return q->dirty[0] || q->dirty[1] || q->header_dirty || table_is_dirty(&q->l1) ||
	       table_is_dirty(&q->reftable) || q->free_count;
}

/* ---- taking the copy ---- */

static int by_place(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->phase != y->phase)
		return x->phase < y->phase ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void add_part(struct qcow2_commit *c, enum phase phase, uint64_t offset,
                     const void *from, uint64_t len, struct qcow2_slice *slice)
{
	c->parts[c->count++] =
		(struct part){ phase, offset, len, (uint8_t *)from, slice };
}

static void add_table(struct qcow2_commit *c, enum phase phase,
                      const struct qcow2_table *table)
{
	/* Whole sectors, which the table's clusters have. */
	uint64_t from = align_down(table->dirty_from * 8ull, 512),
		 to = align_up(table->dirty_to * 8ull, 512);

	if (table_is_dirty(table))
		add_part(c, phase, table->offset + from, (uint8_t *)table->entries + from,
		         to - from, NULL);
}

static void add_slices(struct qcow2 *q, struct qcow2_commit *c, bool refs)
{
	for (struct qcow2_slice *s = q->used.next; s != &q->used; s = s->next)
		if (s->dirty && (refs || s->kind == QCOW2_L2))
			add_part(c, s->kind == QCOW2_L2 ? PHASE_L2 : PHASE_REFBLOCKS,
			         s->offset, s->data, 1ull << q->slice_bits, s);
}

/* Everything in one piece of memory, in the order of places: neighbours become one. */
static int copy_parts(struct qcow2_commit *c)
{
	uint64_t size = 0, at = 0;
	unsigned last = 0;

	qsort(c->parts, c->count, sizeof(*c->parts), by_place);
	for (unsigned i = 0; i < c->count; i++)
		size += c->parts[i].len;
	if (posix_memalign((void **)&c->data, 4096, size ? size : 1)) {
		c->data = NULL;
		return -ENOMEM;
	}
	for (unsigned i = 0; i < c->count; i++) {
		struct part *part = &c->parts[i], *before = &c->parts[last];

		memcpy(c->data + at, part->data, part->len);
		part->data = c->data + at;
		at += part->len;
		if (i && before->phase == part->phase &&
		    before->offset + before->len == part->offset) {
			before->len += part->len;
			part->len = 0;
		} else {
			last = i;
		}
	}
	return 0;
}

static void set_clean(struct qcow2 *q, struct qcow2_commit *c)
{
	for (unsigned i = 0; i < c->count; i++) {
		struct qcow2_slice *slice = c->parts[i].slice;

		if (!slice)
			continue;
		slice->dirty = false;
		slice->ahead = true;
		q->dirty[slice->kind]--;
	}
	q->l1.dirty_from = q->l1.dirty_to = 0;
	if (c->has_refs)
		q->reftable.dirty_from = q->reftable.dirty_to = 0;
	q->header_dirty = false;
	c->frees = q->frees;
	c->free_count = q->free_count;
	q->frees = NULL;
	q->free_count = q->free_max = 0;
}

/* Refcounts may stay in memory only while the image says that it has wrong ones. */
static bool wants_refs(const struct qcow2 *q)
{
	return !q->lazy || q->dirty[QCOW2_REFBLOCK] > MANY_SLICES;
}

static int fill(struct qcow2 *q, struct qcow2_commit *c)
{
	struct qcow2_header first = q->stored;
	uint8_t sector[2][QCOW2_HEAD_LEN];
	int ret;

	c->lowest = UINT64_MAX;
	c->has_refs = wants_refs(q);
	if (!c->has_refs && (q->dirty[QCOW2_REFBLOCK] || table_is_dirty(&q->reftable)))
		q->header.incompatible |= QCOW2_DIRTY;
	c->header = q->header;
	c->parts = calloc(q->dirty[0] + q->dirty[1] + 4, sizeof(*c->parts));
	if (!c->parts)
		return -ENOMEM;
	add_slices(q, c, c->has_refs);
	if (c->has_refs)
		add_table(c, PHASE_REFTABLE, &q->reftable);
	add_table(c, PHASE_L1, &q->l1);
	/* A table that stays in memory has no place yet. */
	if (!c->has_refs) {
		c->header.reftable_offset = q->stored.reftable_offset;
		c->header.reftable_clusters = q->stored.reftable_clusters;
	}
	first.reftable_offset = c->header.reftable_offset;
	first.reftable_clusters = c->header.reftable_clusters;
	first.incompatible |= c->header.incompatible;
	if (memcmp(&first, &q->stored, sizeof(first))) {
		qcow2_pack_header(q, &first, sector[0]);
		add_part(c, PHASE_REF_HEADER, 0, sector[0], QCOW2_HEAD_LEN, NULL);
	}
	if (memcmp(&c->header, &first, sizeof(first))) {
		qcow2_pack_header(q, &c->header, sector[1]);
		add_part(c, PHASE_HEADER, 0, sector[1], QCOW2_HEAD_LEN, NULL);
	}
	ret = copy_parts(c);
	if (ret >= 0)
		set_clean(q, c);
	return ret;
}

/* ---- the phases ---- */

static void transferred(struct qcow2_sub *sub, int ret)
{
	struct qcow2 *q = sub->q;
	struct qcow2_commit *c = q->commit;

	qcow2_sub_free(sub);
	/* The space stays in use: no harm. */
	if (ret < 0 && !c->ret && c->phase != PHASE_TRIM)
		c->ret = ret;
	c->in_flight--;
	qcow2_commit_step(q);
}

static void submit(struct qcow2 *q, enum block_op op, uint64_t offset, void *data,
                   uint64_t len)
{
	struct qcow2_commit *c = q->commit;
	struct qcow2_sub *sub = qcow2_sub_new(q, NULL, transferred);

	if (!sub) {
		c->ret = -ENOMEM;
		return;
	}
	c->in_flight++;
	qcow2_sub_submit(sub, q->node.child, op, offset, data, len);
}

static void sync_file(struct qcow2 *q)
{
	q->commit->synced = true;
	submit(q, BLOCK_FLUSH, 0, NULL, 0);
}

/* True: the phase is through. */
static bool write_phase(struct qcow2 *q, struct qcow2_commit *c)
{
	unsigned count = 0;

	for (unsigned i = 0; i < c->count; i++)
		count += c->parts[i].phase == c->phase && c->parts[i].len;
	if (!count || c->started)
		return true;
	if (c->phase && !c->synced) {
		sync_file(q);
		return false;
	}
	c->started = true;
	c->synced = false;
	for (unsigned i = 0; i < c->count && !c->ret; i++)
		if (c->parts[i].phase == c->phase && c->parts[i].len)
			submit(q, BLOCK_WRITE, c->parts[i].offset, c->parts[i].data,
			       c->parts[i].len);
	return false;
}

static bool sync_phase(struct qcow2 *q, struct qcow2_commit *c)
{
	if (c->started || (!c->waiting && !c->free_count))
		return true;
	c->started = true;
	sync_file(q);
	return false;
}

/* -EAGAIN is tried again when a table has come. */
static bool free_phase(struct qcow2 *q, struct qcow2_commit *c)
{
	for (unsigned i = 0; i < c->free_count && !c->started; i++)
		if (c->lowest > c->frees[i].first)
			c->lowest = c->frees[i].first;
	if (!c->started && q->may_free && c->free_count) {
		c->trims = malloc(c->free_count * sizeof(*c->trims));
		if (c->trims) {
			memcpy(c->trims, c->frees, c->free_count * sizeof(*c->trims));
			c->trim_count = c->free_count;
		}
	}
	c->started = true;
	return qcow2_apply_frees(q, c->frees, &c->free_count) != -EAGAIN;
}

/* Gives back to the host what has no user any more; nothing is allocated meanwhile. */
static bool trim_phase(struct qcow2 *q, struct qcow2_commit *c)
{
	while (c->trim_next < c->trim_count && c->in_flight < 16) {
		struct qcow2_range *range = &c->trims[c->trim_next];
		uint64_t value = 0, n = 0;
		int ret = 0;

		while (n < range->count && !value) {
			ret = qcow2_ref_get(q, range->first + n, &value);
			if (ret < 0)
				break;
			n += !value;
		}
		/* One that stays, or that cannot be told, is passed by. */
		if (ret == -EAGAIN && !n)
			return false;
		if (n)
			submit(q, BLOCK_DISCARD, range->first << q->cluster_bits, NULL,
			       n << q->cluster_bits);
		else
			n = 1;
		range->first += n;
		range->count -= n;
		if (!range->count)
			c->trim_next++;
	}
	return c->trim_next >= c->trim_count && !c->in_flight;
}

bool qcow2_may_allocate(const struct qcow2 *q)
{
	return !q->commit || q->commit->phase < PHASE_FREE;
}

/* ---- begin and end ---- */

static void set_dirty_again(struct qcow2 *q, struct qcow2_commit *c)
{
	for (unsigned i = 0; i < c->count; i++)
		if (c->parts[i].slice && c->parts[i].slice->ahead)
			qcow2_slice_dirty(q, c->parts[i].slice);
	/* The tables: more than was written, which does no harm. */
	q->l1.dirty_from = 0;
	q->l1.dirty_to = q->l1.count;
	q->reftable.dirty_from = 0;
	q->reftable.dirty_to = q->reftable.count;
	q->header_dirty = true;
	for (unsigned i = 0; i < c->free_count; i++)
		qcow2_free(q, c->frees[i].first << q->cluster_bits,
		           c->frees[i].count << q->cluster_bits);
}

static void free_commit(struct qcow2_commit *c)
{
	free(c->parts);
	free(c->data);
	free(c->frees);
	free(c->trims);
	free(c);
}

static void end(struct qcow2 *q)
{
	struct qcow2_commit *c = q->commit;
	struct block_req *req = c->waiting, *next;
	int ret = c->ret;

	if (ret < 0 && c->phase < PHASE_FREE)
		set_dirty_again(q, c);
	else
		q->stored = c->header;
	for (unsigned i = 0; i < c->count; i++)
		if (c->parts[i].slice)
			c->parts[i].slice->ahead = false;
	if (q->hint > c->lowest)
		q->hint = c->lowest;
	q->commit = NULL;
	q->claims = false;
	free_commit(c);
	for (; req; req = next) {
		next = req->next;
		block_complete_soon(req, ret);
	}
	if (q->wants_commit)
		block_call_soon(&q->node);
	qcow2_wake(q, QCOW2_PARK_TABLE);
}

static void begin(struct qcow2 *q)
{
	struct qcow2_commit *c = calloc(1, sizeof(*c));
	int ret = c ? 0 : -ENOMEM;

	q->wants_commit = false;
	if (c)
		ret = fill(q, c);
	if (ret < 0) {
		while (q->flushes) {
			struct block_req *req = q->flushes;

			q->flushes = req->next;
			block_complete_soon(req, ret);
		}
		q->flushes_tail = &q->flushes;
		if (c)
			free_commit(c);
		return;
	}
	c->waiting = q->flushes;
	q->flushes = NULL;
	q->flushes_tail = &q->flushes;
	q->commit = c;
}

void qcow2_commit_step(struct qcow2 *q)
{
	struct qcow2_commit *c;
	bool done;

	if (!q->commit && q->wants_commit)
		begin(q);
	c = q->commit;
	while (c && (!c->in_flight || c->phase == PHASE_TRIM)) {
		if (c->ret < 0 && c->phase < PHASE_FREE)
			break;
		switch (c->phase) {
		case PHASE_SYNC:
			done = sync_phase(q, c);
			break;
		case PHASE_FREE:
			done = free_phase(q, c);
			break;
		case PHASE_TRIM:
			done = trim_phase(q, c);
			break;
		case PHASE_END:
			end(q);
			return;
		default:
			done = write_phase(q, c);
		}
		if (!done && (c->in_flight || c->phase >= PHASE_FREE))
			return;
		if (done) {
			c->phase++;
			c->started = false;
		}
	}
	if (c && !c->in_flight)
		end(q);
}

/* ---- for the driver ---- */

void qcow2_commit(struct qcow2 *q, struct block_req *req)
{
	/* Nothing of ours: the file's matter. */
	if (req) {
		req->next = NULL;
		*q->flushes_tail = req;
		q->flushes_tail = &req->next;
	}
	q->wants_commit = true;
	block_call_soon(&q->node);
}

void qcow2_commit_if_full(struct qcow2 *q)
{
	unsigned dirty = q->dirty[QCOW2_L2] + (q->lazy ? 0 : q->dirty[QCOW2_REFBLOCK]);

	if (!q->commit && !q->wants_commit &&
	    (dirty > MANY_SLICES || q->free_count > MANY_FREES ||
	     wants_refs(q) != !q->lazy))
		qcow2_commit(q, NULL);
}

int qcow2_commit_wait(struct qcow2 *q, bool clean)
{
	int ret = 0;

	if (clean && q->lazy) {
		q->lazy = false;
		q->header.incompatible &= ~(uint64_t)QCOW2_DIRTY;
		q->header_dirty = true;
	}
	/* What is freed is dirty once more. */
	for (unsigned i = 0; i < 4 && ret >= 0 && (!i || qcow2_is_dirty(q)); i++)
		ret = block_flush(&q->node);
	while (q->commit || q->work)
		block_wait(q->node.reg);
	return ret;
}
