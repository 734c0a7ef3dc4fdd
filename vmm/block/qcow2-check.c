// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checking qcow2 images: the refcounts on disk beside those that were counted, and the
 * COPIED flags, which must be set where a refcount is one and nowhere else.
 *
 * A refcount is repaired where it is. When that cannot be, since its block is missing or
 * is used by something else as well, all refcounts are written anew behind the end of the
 * file, and the header is changed last.
 */
#include "vmm/block/qcow2-check.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "vmm/block/qcow2-count.h"

#include <endian.h>
#include <errno.h>
#include <unistd.h>

typedef unsigned long long ull;

/* ---- refcounts ---- */

static int differs(struct qcow2_counter *n, uint64_t cluster, uint64_t stored,
                   uint64_t counted, bool has_block, bool *anew)
{
	struct qcow2_check *c = n->check;
	bool leak = stored > counted;
	bool fix = c->fix & (leak ? QCOW2_FIX_LEAKS : QCOW2_FIX_ERRORS);
	int ret = 0;

	qcow2_found(n, "%s cluster %llu refcount=%llu reference=%llu",
	            fix    ? "Repairing"
	            : leak ? "Leaked"
	                   : "ERROR",
	            (ull)cluster, (ull)stored, (ull)counted);
	if (fix && has_block && !*anew)
		ret = qcow2_store_count(n, cluster, counted);
	else if (fix)
		*anew = true;
	if (ret == -ERANGE)
		c->check_errors++;
	else if (ret)
		return ret;
	if (fix && has_block && !ret && !*anew)
		*(leak ? &c->leaks_fixed : &c->corruptions_fixed) += 1;
	else
		*(leak ? &c->leaks : &c->corruptions) += 1;
	return 0;
}

static int compare_window(struct qcow2_counter *n, bool *anew)
{
	uint64_t end = n->first + QCOW2_WINDOW, stored;
	int ret = 0;

	end = end < n->file_clusters ? end : n->file_clusters;
	for (uint64_t i = n->first; i < end && !ret; i++) {
		uint32_t counted = qcow2_counted(n, i);
		bool has_block;

		ret = qcow2_stored_count(n, i, &stored);
		has_block = ret != -ENOENT;
		ret = has_block ? ret : 0;
		if (stored || counted)
			n->check->end = (i + 1) << n->h.cluster_bits;
		if (!ret && stored != counted)
			ret = differs(n, i, stored, counted, has_block, anew);
	}
	return ret ? ret : qcow2_flush_block(n);
}

/* Blocks that something else is in, too, must not be written to. */
static void check_blocks(struct qcow2_counter *n, bool *anew)
{
	for (uint64_t i = 0; i < n->reftable_entries; i++) {
		uint64_t cluster = qcow2_block_offset(n, i) >> n->h.cluster_bits;

		if (!cluster || cluster < n->first ||
		    cluster >= n->first + QCOW2_WINDOW || qcow2_counted(n, cluster) == 1)
			continue;
		qcow2_found(n, "%s refcount block %llu refcount=%u",
		            n->check->fix & QCOW2_FIX_ERRORS ? "Repairing" : "ERROR",
		            (ull)i, qcow2_counted(n, cluster));
		n->check->corruptions++;
		*anew = *anew || n->check->fix & QCOW2_FIX_ERRORS;
	}
}

/* ---- refcounts, all anew ---- */

struct plan {
	uint64_t per, start, table, blocks, end; /* clusters */
};

static struct plan plan_refcounts(const struct qcow2_counter *n)
{
	struct plan p = { .per = n->cluster_size * 8 >> n->h.refcount_order,
		          .start = n->file_clusters };
	uint64_t old;

	do {
		old = p.blocks;
		p.table = (p.blocks + n->entries - 1) / n->entries;
		p.end = p.start + p.table + p.blocks;
		p.blocks = (p.end + p.per - 1) / p.per;
	} while (p.blocks != old);
	return p;
}

static int write_block(struct qcow2_counter *n, const struct plan *p, uint64_t b)
{
	unsigned order = n->h.refcount_order;
	uint64_t at = p->start + p->table + b;

	memset(n->block, 0, n->cluster_size);
	for (uint64_t i = 0; i < p->per && b * p->per + i < p->end; i++) {
		uint64_t cluster = b * p->per + i;
		uint64_t value = cluster >= p->start ? 1 : qcow2_counted(n, cluster);

		if (order < 5 && value >> (1u << order))
			return -ERANGE;
		qcow2_put_refcount(n->block, order, i, value);
	}
	return fd_pwrite(n->fd, n->block, n->cluster_size, at << n->h.cluster_bits);
}

static int write_header(struct qcow2_counter *n)
{
	struct qcow2_header h;
	ssize_t ret = fd_pread(n->fd, &h, sizeof(h), 0);

	if (ret < QCOW2_V2_HEADER)
		return ret < 0 ? ret : -EIO;
	h.reftable_offset = htobe64(n->h.reftable_offset);
	h.reftable_clusters = htobe32(n->h.reftable_clusters);
	if (n->h.version == 3)
		h.incompatible = htobe64(n->h.incompatible);
	return fd_pwrite(n->fd, &h, ret, 0);
}

static int sync_file(struct qcow2_counter *n)
{
	return fdatasync(n->fd) < 0 ? -errno : 0;
}

static int write_anew(struct qcow2_counter *n, const struct plan *p)
{
	uint64_t bytes = p->table * n->cluster_size;
	_cleanup_free_ uint64_t *table = calloc(p->table, n->cluster_size);
	int ret = table ? 0 : -ENOMEM;

	if (!ret && ftruncate(n->fd, p->end << n->h.cluster_bits) < 0)
		ret = -errno;
	n->block_index = UINT64_MAX;
	for (uint64_t b = 0; b < p->blocks && !ret; b++) {
		table[b] = htobe64((p->start + p->table + b) << n->h.cluster_bits);
		ret = write_block(n, p, b);
	}
	if (!ret)
		ret = fd_pwrite(n->fd, table, bytes, p->start << n->h.cluster_bits);
	if (!ret)
		ret = sync_file(n);
	if (ret)
		return ret;
	n->h.reftable_offset = p->start << n->h.cluster_bits;
	n->h.reftable_clusters = p->table;
	ret = write_header(n);
	if (!ret)
		ret = sync_file(n);
	for (uint64_t b = 0; b < p->blocks; b++)
		table[b] = be64toh(table[b]);
	free(n->reftable);
	n->reftable = table;
	n->reftable_entries = p->table * n->entries;
	table = NULL;
	n->file_clusters = p->end;
	return ret;
}

static int refcounts_anew(struct qcow2_counter *n)
{
	struct qcow2_check *c = n->check;
	struct plan p = plan_refcounts(n);
	int ret;

	if (p.end > QCOW2_WINDOW ||
	    p.table * n->cluster_size > QCOW2_MAX_REFTABLE_BYTES) {
		qcow2_found(n, "the file is too large for refcounts to be written anew");
		c->check_errors++;
		return 0;
	}
	n->bare = true;
	ret = qcow2_count_window(n, 0);
	n->bare = false;
	if (!ret)
		ret = write_anew(n, &p);
	if (ret == -ERANGE) {
		qcow2_found(n, "a cluster has more references than a refcount can be");
		c->check_errors++;
		return 0;
	}
	/* What is left is found again by the caller's second look. */
	c->corruptions_fixed += c->corruptions;
	c->leaks_fixed += c->leaks;
	c->corruptions = c->leaks = 0;
	c->end = p.end << n->h.cluster_bits;
	return ret;
}

/* ---- COPIED ---- */

/* 1: the entry was changed. */
static int check_flag(struct qcow2_counter *n, uint64_t *entry, const char *what)
{
	struct qcow2_check *c = n->check;
	uint64_t offset = *entry & QCOW2_OFFSET_MASK, refcount;
	int ret;

	if (!offset || offset & (n->cluster_size - 1) ||
	    offset >> n->h.cluster_bits >= n->file_clusters)
		return 0;
	ret = qcow2_stored_count(n, offset >> n->h.cluster_bits, &refcount);
	if (ret < 0 && ret != -ENOENT)
		return ret;
	if ((refcount == 1) == !!(*entry & QCOW2_COPIED))
		return 0;
	qcow2_found(n, "%s OFLAG_COPIED %s%llx refcount=%llu",
	            c->fix & QCOW2_FIX_ERRORS ? "Repairing" : "ERROR", what, (ull)*entry,
	            (ull)refcount);
	if (!(c->fix & QCOW2_FIX_ERRORS)) {
		c->corruptions++;
		return 0;
	}
	*entry ^= QCOW2_COPIED;
	c->corruptions_fixed++;
	return 1;
}

static int check_l2_flags(struct qcow2_counter *n, uint64_t offset)
{
	bool changed = false;
	uint64_t *entries;
	int ret = qcow2_read_table(n, offset, n->entries, &entries);

	for (uint64_t i = 0; i < n->entries && ret >= 0; i++) {
		if (!(entries[i] & QCOW2_COMPRESSED)) {
			ret = check_flag(n, &entries[i], "data cluster: l2_entry=");
			changed = changed || ret > 0;
		}
		entries[i] = htobe64(entries[i]);
	}
	if (ret >= 0)
		ret = changed ? fd_pwrite(n->fd, entries, n->cluster_size, offset) : 0;
	free(entries);
	return ret;
}

static int check_flags(struct qcow2_counter *n)
{
	_cleanup_free_ uint64_t *l1 = NULL;
	char what[64];
	int ret = qcow2_read_table(n, n->h.l1_offset, n->h.l1_size, &l1);

	for (uint32_t i = 0; i < n->h.l1_size && ret >= 0; i++) {
		uint64_t offset = l1[i] & QCOW2_OFFSET_MASK, entry;

		if (!offset || offset & (n->cluster_size - 1) ||
		    offset >> n->h.cluster_bits >= n->file_clusters)
			continue;
		snprintf(what, sizeof(what), "L2 cluster: l1_index=%u l1_entry=", i);
		ret = check_flag(n, &l1[i], what);
		entry = htobe64(l1[i]);
		if (ret > 0)
			ret = fd_pwrite(n->fd, &entry, 8, n->h.l1_offset + i * 8ull);
		if (ret >= 0)
			ret = check_l2_flags(n, offset);
	}
	return ret;
}

/* ---- all of it ---- */

static int check_windows(struct qcow2_counter *n)
{
	bool anew = false;
	uint64_t first = 0;
	int ret = 0;

	for (; first < n->file_clusters && !ret; first = n->next) {
		ret = qcow2_count_window(n, first);
		if (!ret) {
			check_blocks(n, &anew);
			ret = compare_window(n, &anew);
		}
	}
	return ret || !anew ? ret : refcounts_anew(n);
}

/* With nothing left to complain about, the marks of trouble go. */
static int finish(struct qcow2_counter *n)
{
	const struct qcow2_check *c = n->check;
	int ret = c->fix ? sync_file(n) : 0;

	if (ret || !c->fix || c->corruptions || c->check_errors ||
	    !(n->h.incompatible & (QCOW2_DIRTY | QCOW2_CORRUPT)))
		return ret;
	n->h.incompatible &= ~(uint64_t)(QCOW2_DIRTY | QCOW2_CORRUPT);
	ret = write_header(n);
	return ret ? ret : sync_file(n);
}

int qcow2_check(struct block_node *file, struct qcow2_check *c, struct err *err)
{
	struct qcow2_counter n;
	int ret = qcow2_counter_init(&n, file, c, err);

	if (ret >= 0) {
		c->total = (n.h.size + n.cluster_size - 1) >> n.h.cluster_bits;
		ret = check_windows(&n);
		if (!ret)
			ret = check_flags(&n);
		if (!ret)
			ret = finish(&n);
		if (ret)
			err_sys(err, -ret, "cannot check %s", file->path);
	}
	qcow2_counter_free(&n);
	return ret < 0 ? ret : 0;
}
