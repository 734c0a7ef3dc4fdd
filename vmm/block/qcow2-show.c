// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A snapshot as the disk of a node that is only read: its L1 table takes the place of the
 * active one, in memory.
 */
#include "vmm/block/qcow2-show.h"

#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <stdlib.h>

int qcow2_show_snapshot(struct block_node *node, const char *id_or_name, struct err *err)
{
	const struct qcow2_snapshot *snap = qcow2_snapshot_find(node, id_or_name);
	struct qcow2 *q = to_qcow2(node);
	uint64_t *entries, len;
	int ret;

	if (!snap)
		return err_set(err, ENOENT,
		               "%s has no snapshot '%s'; vmm-img snapshot -l lists them",
		               node->path, id_or_name);
	len = align_up((uint64_t)snap->l1_size * 8, 512);
	if (!node->readonly || !len || len > QCOW2_MAX_L1_BYTES ||
	    snap->l1_offset & (q->cluster_size - 1) || snap->disk_size > INT64_MAX - 511)
		return err_set(
			err, EINVAL,
			"%s: snapshot '%s' cannot be read; vmm-img check may tell why",
			node->path, id_or_name);
	entries = malloc(len);
	ret = entries ? block_rw(node->child, BLOCK_READ, snap->l1_offset, entries, len)
	              : -ENOMEM;
	if (ret < 0) {
		free(entries);
		return err_sys(err, -ret, "%s: snapshot '%s'", node->path, id_or_name);
	}
	free(q->l1.entries);
	q->l1.entries = entries;
	q->l1.count = snap->l1_size;
	q->l1.offset = snap->l1_offset;
	node->length = align_up(snap->disk_size, 512);
	return 0;
}
