// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Snapshots of qcow2 images ("Snapshots"): each is a copy of the L1 table, whose L2
 * tables and clusters have one reference more than without it.
 *
 * All of it runs on a drained image and waits for its I/O. Order: references are added,
 * and stable, before a table refers to them; they are taken away afterwards.
 */
#include "common/cleanup.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- the table ---- */

static void free_snapshot(struct qcow2_snapshot *s)
{
	free(s->id);
	free(s->name);
	free(s->extra);
}

void qcow2_free_snapshots(struct qcow2 *q)
{
	for (unsigned i = 0; q->snapshots && i < q->header.snapshot_count; i++)
		free_snapshot(&q->snapshots[i]);
	free(q->snapshots);
	q->snapshots = NULL;
}

static int bad_table(const struct qcow2 *q, struct err *err)
{
	return err_set(
		err, EINVAL,
		"%s: the table of snapshots is damaged; try 'vmm-img check -r all'",
		q->node.path);
}

static int read_snapshot(struct qcow2 *q, struct qcow2_snapshot *s, uint64_t *at)
{
	struct qcow2_snapshot_header h;
	struct qcow2_snapshot_extra extra;
	uint32_t id_len, name_len;
	int ret = block_peek(q->node.child, *at, &h, sizeof(h));

	if (ret < 0)
		return ret;
	id_len = be16toh(h.id_len);
	name_len = be16toh(h.name_len);
	s->l1_offset = be64toh(h.l1_offset);
	s->l1_size = be32toh(h.l1_size);
	s->date_sec = be32toh(h.date_sec);
	s->date_nsec = be32toh(h.date_nsec);
	s->vm_clock = be64toh(h.vm_clock);
	s->vm_state_size = be32toh(h.vm_state_size);
	s->extra_len = be32toh(h.extra_len);
	s->disk_size = q->header.size;
	s->icount = UINT64_MAX;
	if (s->extra_len > QCOW2_MAX_SNAPSHOT_EXTRA ||
	    s->l1_size > QCOW2_MAX_L1_BYTES / 8 || s->l1_offset & (q->cluster_size - 1) ||
	    s->l1_offset >> 56)
		return -EINVAL;
	s->extra = calloc(1, s->extra_len + sizeof(extra));
	s->id = calloc(1, id_len + 1);
	s->name = calloc(1, name_len + 1);
	if (!s->extra || !s->id || !s->name)
		return -ENOMEM;
	*at += sizeof(h);
	ret = block_peek(q->node.child, *at, s->extra, s->extra_len);
	if (ret >= 0)
		ret = block_peek(q->node.child, *at + s->extra_len, s->id, id_len);
	if (ret >= 0)
		ret = block_peek(q->node.child, *at + s->extra_len + id_len, s->name,
		                 name_len);
	*at = align_up(*at + s->extra_len + id_len + name_len, 8);
	memcpy(&extra, s->extra, sizeof(extra));
	if (s->extra_len >= 8 && extra.vm_state_size)
		s->vm_state_size = be64toh(extra.vm_state_size);
	if (s->extra_len >= 16)
		s->disk_size = be64toh(extra.disk_size);
	if (s->extra_len >= 24)
		s->icount = be64toh(extra.icount);
	return ret;
}

int qcow2_read_snapshots(struct qcow2 *q, struct err *err)
{
	uint64_t start = q->header.snapshot_offset, at = start;
	int ret;

	if (!q->header.snapshot_count)
		return 0;
	q->snapshots = calloc(q->header.snapshot_count, sizeof(*q->snapshots));
	if (!q->snapshots)
		return err_sys(err, ENOMEM, "%s", q->node.path);
	for (unsigned i = 0; i < q->header.snapshot_count; i++) {
		ret = read_snapshot(q, &q->snapshots[i], &at);
		if (ret == -EINVAL || at - start > QCOW2_MAX_SNAPSHOT_TABLE)
			return bad_table(q, err);
		if (ret < 0)
			return err_sys(err, -ret, "%s: cannot read the snapshots",
			               q->node.path);
	}
	q->snapshot_len = at - start;
	return 0;
}

const struct qcow2_snapshot *qcow2_snapshot_at(const struct block_node *node, unsigned i)
{
	const struct qcow2 *q = to_qcow2(node);

	return i < q->header.snapshot_count ? &q->snapshots[i] : NULL;
}

const struct qcow2_snapshot *qcow2_snapshot_find(const struct block_node *node,
                                                 const char *id_or_name)
{
	const struct qcow2 *q = to_qcow2(node);

	for (unsigned i = 0; i < q->header.snapshot_count; i++)
		if (!strcmp(q->snapshots[i].id, id_or_name))
			return &q->snapshots[i];
	for (unsigned i = 0; i < q->header.snapshot_count; i++)
		if (!strcmp(q->snapshots[i].name, id_or_name))
			return &q->snapshots[i];
	return NULL;
}

/* ---- waiting forms ---- */

static int alloc(struct qcow2 *q, uint64_t bytes, uint64_t *offset)
{
	uint64_t count = (bytes + q->cluster_size - 1) >> q->cluster_bits;
	struct qcow2_range range;
	int ret;

	while ((ret = qcow2_alloc(q, count, count, &range)) == -EAGAIN)
		qcow2_wait(q);
	*offset = ret < 0 ? 0 : range.first << q->cluster_bits;
	return ret;
}

static int add_ref(struct qcow2 *q, uint64_t cluster)
{
	int ret;

	while ((ret = qcow2_ref_add(q, cluster, 1)) == -EAGAIN)
		qcow2_wait(q);
	return ret;
}

static int get_ref(struct qcow2 *q, uint64_t offset, uint64_t *value)
{
	int ret;

	while ((ret = qcow2_ref_get(q, offset >> q->cluster_bits, value)) == -EAGAIN)
		qcow2_wait(q);
	return ret;
}

/* What is kept in memory stays bounded. */
static int commit_some(struct qcow2 *q)
{
	if (q->dirty[0] + q->dirty[1] < 512 && q->free_count < 1024)
		return 0;
	return qcow2_commit_wait(q, false);
}

/* ---- references ---- */

enum pass {
	ADD,  /* a reference; what has two may not be written in place */
	DROP, /* a reference */
	FLAGS /* what has one may be written in place */
};

static int change_refs(struct qcow2 *q, uint64_t offset, uint64_t len, enum pass pass)
{
	uint64_t first = offset >> q->cluster_bits,
		 last = (offset + len - 1) >> q->cluster_bits;
	int ret = 0;

	if (pass == DROP)
		return qcow2_free(q, offset, len);
	for (; pass == ADD && first <= last && ret >= 0; first++)
		ret = add_ref(q, first);
	return ret;
}

/* COPIED, or not, for what is at `offset`. */
static int new_flag(struct qcow2 *q, uint64_t offset, enum pass pass, uint64_t *flag)
{
	uint64_t refs = 2;
	int ret = pass == FLAGS ? get_ref(q, offset, &refs) : 0;

	*flag = refs == 1 ? QCOW2_COPIED : 0;
	return ret;
}

static int get_entry(struct qcow2 *q, uint64_t table, uint64_t i,
                     struct qcow2_slice **slice, uint8_t **at)
{
	uint64_t byte = 8 * i, in_slice = byte & ((1ull << q->slice_bits) - 1);
	int ret;

	while ((ret = qcow2_slice_get(q, QCOW2_L2, table + byte - in_slice, slice)) ==
	       -EAGAIN)
		qcow2_wait(q);
	if (ret >= 0)
		*at = (*slice)->data + in_slice;
	return ret;
}

static int walk_entry(struct qcow2 *q, uint64_t table, uint64_t i, enum pass pass)
{
	struct qcow2_slice *slice;
	uint64_t entry, offset, flag;
	uint32_t len = q->cluster_size;
	uint8_t *at;
	int state, ret = get_entry(q, table, i, &slice, &at);

	if (ret < 0)
		return ret;
	entry = be64toh(ld64(at));
	state = qcow2_entry_state(q, entry);
	offset = entry & QCOW2_OFFSET_MASK;
	if (state == QCOW2_DEFLATED)
		qcow2_deflated(q, entry, &offset, &len);
	else if (state != QCOW2_DATA && state != QCOW2_ZERO_PLACE)
		return state < 0 ? state : 0;
	ret = change_refs(q, offset, len, pass);
	if (ret < 0 || pass == DROP || state == QCOW2_DEFLATED)
		return ret;
	ret = new_flag(q, offset, pass, &flag);
	if (ret >= 0)
		ret = get_entry(q, table, i, &slice, &at);
	if (ret >= 0 && (entry & QCOW2_COPIED) != flag) {
		st64(at, htobe64((entry & ~QCOW2_COPIED) | flag));
		qcow2_slice_dirty(q, slice);
	}
	return ret;
}

/* An L2 table and all that it maps. */
static int walk_table(struct qcow2 *q, uint64_t table, enum pass pass)
{
	int ret = table & (q->cluster_size - 1)
	                  ? qcow2_corrupt(q, "an L2 table that is not aligned", table)
	                  : 0;

	for (uint64_t i = 0; i < 1ull << q->l2_bits && ret >= 0; i++)
		ret = walk_entry(q, table, i, pass);
	if (ret >= 0)
		ret = change_refs(q, table, q->cluster_size, pass);
	if (ret >= 0)
		ret = commit_some(q);
	if (pass == DROP && ret >= 0)
		qcow2_slices_drop(q, table);
	return ret;
}

/* All of an L1 table; `active`: it is the one of q->l1, whose flags change, too. */
static int walk(struct qcow2 *q, const uint64_t *l1, uint32_t count, bool active,
                enum pass pass)
{
	int ret = 0;

	for (uint32_t i = 0; i < count && ret >= 0; i++) {
		uint64_t table = be64toh(l1[i]) & QCOW2_OFFSET_MASK, flag;

		if (!table)
			continue;
		ret = walk_table(q, table, pass);
		if (ret >= 0 && active)
			ret = new_flag(q, table, pass, &flag);
		if (ret >= 0 && active && be64toh(l1[i]) != (table | flag))
			qcow2_table_set(&q->l1, i, table | flag);
	}
	return ret < 0 ? ret : qcow2_commit_wait(q, false);
}

/* ---- storing the table ---- */

static size_t stored_len(const struct qcow2_snapshot *s)
{
	size_t extra = s->extra_len < sizeof(struct qcow2_snapshot_extra)
	                       ? sizeof(struct qcow2_snapshot_extra)
	                       : s->extra_len;

	return align_up(sizeof(struct qcow2_snapshot_header) + extra + strlen(s->id) +
	                        strlen(s->name),
	                8);
}

static void store_one(const struct qcow2_snapshot *s, uint8_t *to)
{
	struct qcow2_snapshot_extra extra = {
		.vm_state_size = htobe64(s->vm_state_size),
		.disk_size = htobe64(s->disk_size),
		.icount = htobe64(s->icount),
	};
	uint32_t extra_len = s->extra_len < sizeof(extra) ? sizeof(extra) : s->extra_len;
	struct qcow2_snapshot_header h = {
		.l1_offset = htobe64(s->l1_offset),
		.l1_size = htobe32(s->l1_size),
		.id_len = htobe16(strlen(s->id)),
		.name_len = htobe16(strlen(s->name)),
		.date_sec = htobe32(s->date_sec),
		.date_nsec = htobe32(s->date_nsec),
		.vm_clock = htobe64(s->vm_clock),
		.vm_state_size =
			htobe32(s->vm_state_size > UINT32_MAX ? 0 : s->vm_state_size),
		.extra_len = htobe32(extra_len),
	};

	memcpy(to, &h, sizeof(h));
	to += sizeof(h);
	/* What others put behind what is known stays. */
	if (s->extra)
		memcpy(to, s->extra, s->extra_len);
	memcpy(to, &extra, sizeof(extra));
	to += extra_len;
	memcpy(to, s->id, strlen(s->id));
	memcpy(to + strlen(s->id), s->name, strlen(s->name));
}

/* The image has these snapshots from now on; q->snapshots is left to the caller. */
static int store_table(struct qcow2 *q, const struct qcow2_snapshot *list, uint32_t count)
{
	uint64_t len = 0, offset = 0, at = 0, old = q->header.snapshot_offset,
		 old_len = q->snapshot_len;
	_cleanup_free_ uint8_t *table = NULL;
	int ret = 0;

	for (uint32_t i = 0; i < count; i++)
		len += stored_len(&list[i]);
	if (len > QCOW2_MAX_SNAPSHOT_TABLE)
		return -EFBIG;
	if (count) {
		table = calloc(1, align_up(len, 512));
		ret = table ? alloc(q, len, &offset) : -ENOMEM;
	}
	for (uint32_t i = 0; i < count && ret >= 0; i++) {
		store_one(&list[i], table + at);
		at += stored_len(&list[i]);
	}
	if (ret >= 0 && count)
		ret = block_rw(q->node.child, BLOCK_WRITE, offset, table,
		               align_up(len, 512));
	if (ret < 0)
		return ret;
	q->header.snapshot_offset = offset;
	q->header.snapshot_count = count;
	q->snapshot_len = len;
	q->header_dirty = true;
	qcow2_free(q, old, old_len);
	return qcow2_commit_wait(q, false);
}

/* ---- create ---- */

static int check_writable(const struct qcow2 *q, struct err *err)
{
	if (q->node.readonly)
		return err_set(err, EROFS, "%s is opened read-only", q->node.path);
	if (q->info.corrupt)
		return err_set(err, EIO, "%s is corrupt; repair it: vmm-img check -r all",
		               q->node.path);
	return 0;
}

static int failed(const struct qcow2 *q, int ret, const char *what, struct err *err)
{
	return ret < 0 ? err_sys(err, -ret, "%s: cannot %s the snapshot", q->node.path,
	                         what)
	               : 0;
}

/* The number behind the largest that is an id. */
static char *next_id(const struct qcow2 *q)
{
	uint64_t max = 0, value;
	char *id;

	for (uint32_t i = 0; i < q->header.snapshot_count; i++)
		if (opt_parse_u64(q->snapshots[i].id, &value) >= 0 && value > max &&
		    value < UINT32_MAX)
			max = value;
	return asprintf(&id, "%llu", (unsigned long long)max + 1) < 0 ? NULL : id;
}

/* A copy of the L1 table, in the file. */
static int copy_l1(struct qcow2 *q, struct qcow2_snapshot *s)
{
	uint64_t len = align_up(q->l1.count * 8ull, 512);
	_cleanup_free_ uint64_t *copy = calloc(1, len ? len : 1);
	int ret = copy ? alloc(q, len, &s->l1_offset) : -ENOMEM;

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < q->l1.count; i++)
		copy[i] = q->l1.entries[i] & ~htobe64(QCOW2_COPIED);
	s->l1_size = q->l1.count;
	return block_rw(q->node.child, BLOCK_WRITE, s->l1_offset, copy, len);
}

static int add_snapshot(struct qcow2 *q, struct qcow2_snapshot *s)
{
	uint32_t count = q->header.snapshot_count;
	struct qcow2_snapshot *list = realloc(q->snapshots, (count + 1) * sizeof(*list));
	int ret = list ? qcow2_commit_wait(q, false) : -ENOMEM;

	if (list)
		q->snapshots = list;
	if (ret >= 0)
		ret = walk(q, q->l1.entries, q->l1.count, true, ADD);
	if (ret >= 0)
		ret = copy_l1(q, s);
	if (ret < 0)
		return ret;
	list[count] = *s;
	ret = store_table(q, list, count + 1);
	if (ret < 0)
		return ret;
	/* The vmstate is the snapshot's from now on. */
	ret = qcow2_unmap(q, qcow2_vmstate_offset(q),
	                  (uint64_t)q->l1.count << qcow2_l1_span_bits(q));
	if (ret >= 0)
		ret = qcow2_commit_wait(q, false);
	if (ret >= 0)
		ret = walk(q, q->l1.entries, q->l1.count, true, FLAGS);
	/* It is there, all the same. */
	if (ret < 0)
		log_warn("%s: %s", q->node.path, strerror(-ret));
	return 0;
}

int qcow2_snapshot_create(struct block_node *node, const struct qcow2_snapshot *values,
                          struct err *err)
{
	struct qcow2 *q = to_qcow2(node);
	struct qcow2_snapshot s = *values;
	int ret = check_writable(q, err);

	if (ret < 0)
		return ret;
	if (q->order == 0)
		return err_set(err, ENOTSUP,
		               "%s: refcounts of one bit leave no room for snapshots",
		               node->path);
	if (q->header.snapshot_count >= QCOW2_MAX_SNAPSHOTS || !q->l1.count)
		return err_set(err, EFBIG, "%s can have no more snapshots", node->path);
	if (strlen(s.name) > UINT16_MAX)
		return err_set(err, EINVAL, "the snapshot's name is too long");
	s.id = s.id ? strdup(s.id) : next_id(q);
	s.name = strdup(s.name);
	s.extra = NULL;
	s.extra_len = 0;
	s.disk_size = q->header.size;
	ret = s.id && s.name ? add_snapshot(q, &s) : -ENOMEM;
	if (ret < 0)
		free_snapshot(&s);
	return failed(q, ret, "create", err);
}

/* ---- apply and delete ---- */

/* As on disk; whole sectors. NULL with a sentence. */
static uint64_t *load_l1(struct qcow2 *q, const struct qcow2_snapshot *s, struct err *err)
{
	uint64_t len = align_up(s->l1_size * 8ull, 512), *l1 = calloc(1, len ? len : 1);
	int ret = !l1   ? -ENOMEM
	          : len ? block_rw(q->node.child, BLOCK_READ, s->l1_offset, l1, len)
	                : 0;

	if (ret >= 0)
		return l1;
	free(l1);
	err_sys(err, -ret, "%s: cannot read the snapshot", q->node.path);
	return NULL;
}

static const struct qcow2_snapshot *find(struct block_node *node, const char *name,
                                         struct err *err)
{
	const struct qcow2_snapshot *s = qcow2_snapshot_find(node, name);

	if (!s)
		err_set(err, ENOENT, "%s has no snapshot '%s'", node->path, name);
	return s;
}

static int apply(struct qcow2 *q, const struct qcow2_snapshot *s, const uint64_t *l1)
{
	_cleanup_free_ uint64_t *old = NULL;
	uint32_t count;
	int ret = qcow2_commit_wait(q, false);

	while (ret >= 0 && (ret = qcow2_grow_l1(q, s->l1_size)) == -EAGAIN) {
		qcow2_wait(q);
		ret = 0;
	}
	if (ret >= 0)
		ret = walk(q, l1, s->l1_size, false, ADD);
	if (ret < 0)
		return ret;
	count = q->l1.count;
	old = malloc(count * 8ull);
	if (!old)
		return -ENOMEM;
	memcpy(old, q->l1.entries, count * 8ull);
	for (uint32_t i = 0; i < count; i++)
		qcow2_table_set(&q->l1, i,
		                i < s->l1_size ? be64toh(l1[i]) & QCOW2_OFFSET_MASK : 0);
	q->header.size = s->disk_size;
	q->header_dirty = true;
	ret = qcow2_commit_wait(q, false);
	if (ret >= 0)
		ret = walk(q, old, count, false, DROP);
	if (ret >= 0)
		ret = walk(q, q->l1.entries, count, true, FLAGS);
	return ret;
}

int qcow2_snapshot_apply(struct block_node *node, const char *id_or_name, struct err *err)
{
	struct qcow2 *q = to_qcow2(node);
	const struct qcow2_snapshot *s = find(node, id_or_name, err);
	_cleanup_free_ uint64_t *l1 = NULL;
	uint64_t span = 1ull << qcow2_l1_span_bits(q);
	int ret = s ? check_writable(q, err) : -ENOENT;

	if (ret < 0)
		return ret;
	if (s->disk_size > INT64_MAX / 2 ||
	    s->disk_size / span + !!(s->disk_size % span) > s->l1_size)
		return bad_table(q, err);
	if (align_up(s->disk_size, 512) != node->length)
		return err_set(err, EINVAL,
		               "%s: the disk has another size than the snapshot; give it "
		               "that first: block_resize, %llu bytes",
		               node->path, (unsigned long long)s->disk_size);
	l1 = load_l1(q, s, err);
	return l1 ? failed(q, apply(q, s, l1), "apply", err) : -err->code;
}

static int delete (struct qcow2 *q, const struct qcow2_snapshot *s, const uint64_t *l1)
{
	uint32_t count = q->header.snapshot_count, i = s - q->snapshots;
	struct qcow2_snapshot gone = *s;
	int ret = qcow2_commit_wait(q, false);

	if (ret < 0)
		return ret;
	memmove(&q->snapshots[i], &q->snapshots[i + 1],
	        (count - i - 1) * sizeof(*q->snapshots));
	q->snapshots[count - 1] = gone;
	ret = store_table(q, q->snapshots, count - 1);
	/* The count says whether it is gone. */
	if (q->header.snapshot_count == count)
		return ret;
	free_snapshot(&gone);
	if (ret >= 0)
		ret = qcow2_free(q, gone.l1_offset, gone.l1_size * 8ull);
	if (ret >= 0)
		ret = walk(q, l1, gone.l1_size, false, DROP);
	if (ret >= 0)
		ret = walk(q, q->l1.entries, q->l1.count, true, FLAGS);
	return ret;
}

int qcow2_snapshot_delete(struct block_node *node, const char *id_or_name,
                          struct err *err)
{
	struct qcow2 *q = to_qcow2(node);
	const struct qcow2_snapshot *s = find(node, id_or_name, err);
	_cleanup_free_ uint64_t *l1 = NULL;
	int ret = s ? check_writable(q, err) : -ENOENT;

	if (ret < 0)
		return ret;
	l1 = load_l1(q, s, err);
	return l1 ? failed(q, delete (q, s, l1), "delete", err) : -err->code;
}

/* ---- the vmstate area ---- */

void qcow2_vmstate_submit(struct block_node *node, struct block_req *req)
{
	struct qcow2 *q = to_qcow2(node);
	uint64_t max = 1ull << 48;

	req->node = node;
	req->below = true;
	req->durable = false;
	node->in_flight++;
	if (req->op > BLOCK_WRITE || req->offset > max || req->len > max ||
	    (req->offset | req->len) & 511)
		block_complete_soon(req, -EINVAL);
	else if (req->op == BLOCK_WRITE && node->readonly)
		block_complete_soon(req, -EROFS);
	else
		qcow2_start(q, req, qcow2_vmstate_offset(q), false);
}

int qcow2_vmstate_rw(struct block_node *node, bool write, uint64_t offset, void *buf,
                     uint64_t len)
{
	enum { PIECE = 1 << 20 };
	_cleanup_free_ uint8_t *piece = NULL;
	int ret = 0;

	if (posix_memalign((void **)&piece, 4096, PIECE))
		return -ENOMEM;
	while (len && ret >= 0) {
		uint64_t from = align_down(offset, 512), skip = offset - from,
			 part = len < PIECE - skip ? len : PIECE - skip,
			 whole = align_up(skip + part, 512);

		if (!write || skip || whole != part)
			ret = block_rw_by(qcow2_vmstate_submit, node, BLOCK_READ, from,
			                  piece, whole);
		if (ret >= 0 && write) {
			memcpy(piece + skip, buf, part);
			ret = block_rw_by(qcow2_vmstate_submit, node, BLOCK_WRITE, from,
			                  piece, whole);
		} else if (ret >= 0) {
			memcpy(buf, piece + skip, part);
		}
		buf = (uint8_t *)buf + part;
		offset += part;
		len -= part;
	}
	return ret;
}
