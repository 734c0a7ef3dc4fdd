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
		"%s: the table of snapshots is damaged; try 'qemu-img check -r all'",
		q->node.path);
}

static int read_bytes(struct qcow2 *q, uint64_t offset, void *buf, uint64_t len)
{
	uint64_t from = align_down(offset, 512), to = align_up(offset + len, 512);
	_cleanup_free_ uint8_t *all = malloc(to - from);
	int ret =
		all ? block_rw(q->node.child, BLOCK_READ, from, all, to - from) : -ENOMEM;

	if (ret >= 0)
		memcpy(buf, all + (offset - from), len);
	return ret;
}

static int read_snapshot(struct qcow2 *q, struct qcow2_snapshot *s, uint64_t *at)
{
	struct qcow2_snapshot_header h;
	struct qcow2_snapshot_extra extra;
	uint32_t id_len, name_len;
	int ret = read_bytes(q, *at, &h, sizeof(h));

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
	ret = read_bytes(q, *at, s->extra, s->extra_len);
	if (ret >= 0)
		ret = read_bytes(q, *at + s->extra_len, s->id, id_len);
	if (ret >= 0)
		ret = read_bytes(q, *at + s->extra_len + id_len, s->name, name_len);
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
