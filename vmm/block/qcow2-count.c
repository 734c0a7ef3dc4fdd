// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counting the references of a qcow2 file; see the header.
 *
 * Every number comes from an image that may be wrong in any way: an offset counts only if
 * its cluster is in the file, and sizes have the limits of qcow2.h. What is wrong is told
 * in the first pass over the tables only.
 */
#include "vmm/block/qcow2-count.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "vmm/block/file.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define MAX_SAID    500
#define MAX_BITMAPS 65535

void qcow2_found(struct qcow2_counter *n, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!n->check->say || n->check->said > MAX_SAID)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->check->say(n->check->opaque, n->check->said++ < MAX_SAID
	                                        ? text
	                                        : "further findings are only counted");
}

/* Something that is wrong, and stays. */
#define CORRUPT(n, ...)                              \
	do {                                         \
		if ((n)->report) {                   \
			qcow2_found(n, __VA_ARGS__); \
			(n)->check->corruptions++;   \
		}                                    \
	} while (0)

typedef unsigned long long ull;

/* ---- reading ---- */

/* What is behind the end of the file is zeros. */
static int read_at(struct qcow2_counter *n, void *buf, size_t len, uint64_t offset)
{
	ssize_t got = offset > INT64_MAX ? 0 : fd_pread(n->fd, buf, len, offset);

	if (got < 0)
		return got;
	memset((char *)buf + got, 0, len - got);
	return 0;
}

int qcow2_read_table(struct qcow2_counter *n, uint64_t offset, uint64_t count,
                     uint64_t **table)
{
	int ret;

	*table = malloc(count * 8 + 8);
	if (!*table)
		return -ENOMEM;
	ret = read_at(n, *table, count * 8, offset);
	for (uint64_t i = 0; i < count && !ret; i++)
		(*table)[i] = be64toh((*table)[i]);
	return ret;
}

/* ---- counting ---- */

static void count(struct qcow2_counter *n, uint64_t offset, uint64_t len)
{
	uint64_t first = offset / n->cluster_size, last;

	if (!len)
		return;
	if (offset > INT64_MAX || len > INT64_MAX ||
	    (offset + len - 1) / n->cluster_size >= n->file_clusters) {
		CORRUPT(n,
		        "ERROR: counting reference for region exceeding the end of the "
		        "file by one cluster or more: offset 0x%llx size 0x%llx",
		        (ull)offset, (ull)len);
		return;
	}
	last = (offset + len - 1) / n->cluster_size;
	for (uint64_t i = first; i <= last; i++) {
		if (i >= n->first + QCOW2_WINDOW) {
			n->next = n->next < i ? n->next : i;
			return;
		}
		if (i >= n->first && n->refs[i - n->first] < UINT32_MAX)
			n->refs[i - n->first]++;
	}
}

/* Where the parts of an entry of a compressed cluster are; its length counts sectors. */
static void count_compressed(struct qcow2_counter *n, uint64_t entry, bool stats)
{
	unsigned bits = 62 - (n->h.cluster_bits - 8);
	uint64_t offset = entry & ((1ull << bits) - 1);
	uint64_t sectors = ((entry & ~(3ull << 62)) >> bits) + 1;

	if (entry & QCOW2_COPIED)
		CORRUPT(n,
		        "ERROR: coffset=0x%llx: copied flag must never be set for "
		        "compressed clusters",
		        (ull)offset);
	count(n, offset, sectors * 512 - (offset & 511));
	if (stats && n->report) {
		n->check->allocated++;
		n->check->compressed++;
		n->check->fragmented++;
	}
}

static void count_entry(struct qcow2_counter *n, uint64_t entry, uint64_t *contiguous,
                        bool stats)
{
	uint64_t offset = entry & QCOW2_OFFSET_MASK;

	if (entry & QCOW2_COMPRESSED) {
		count_compressed(n, entry, stats);
		return;
	}
	if (!offset)
		return;
	if (stats && n->report) {
		n->check->allocated++;
		if (*contiguous && offset != *contiguous)
			n->check->fragmented++;
		*contiguous = offset + n->cluster_size;
	}
	if (offset & (n->cluster_size - 1))
		CORRUPT(n,
		        "ERROR offset=%llx: Cluster is not properly aligned; L2 entry "
		        "corrupted.",
		        (ull)offset);
	else
		count(n, offset, n->cluster_size);
}

static int count_l2(struct qcow2_counter *n, uint64_t l1_entry, bool stats)
{
	uint64_t offset = l1_entry & QCOW2_OFFSET_MASK, contiguous = 0;
	int ret;

	if (!offset)
		return 0;
	if (offset & (n->cluster_size - 1)) {
		CORRUPT(n,
		        "ERROR l2_offset=%llx: Table is not cluster aligned; L1 entry "
		        "corrupted",
		        (ull)offset);
		return 0;
	}
	count(n, offset, n->cluster_size);
	if (offset / n->cluster_size >= n->file_clusters)
		return 0;
	ret = read_at(n, n->l2, n->cluster_size, offset);
	for (uint64_t i = 0; i < n->entries && !ret; i++)
		count_entry(n, be64toh(ld64(n->l2 + i * 8)), &contiguous, stats);
	return ret;
}

static int count_l1(struct qcow2_counter *n, uint64_t offset, uint64_t entries,
                    bool stats)
{
	_cleanup_free_ uint64_t *l1 = NULL;
	int ret;

	if (!entries)
		return 0;
	if (offset & (n->cluster_size - 1) || entries * 8 > QCOW2_MAX_L1_BYTES) {
		CORRUPT(n, "ERROR L1 table at 0x%llx of %llu entries: this cannot be",
		        (ull)offset, (ull)entries);
		return 0;
	}
	count(n, offset, entries * 8);
	ret = qcow2_read_table(n, offset, entries, &l1);
	for (uint64_t i = 0; i < entries && !ret; i++)
		ret = count_l2(n, l1[i], stats);
	return ret;
}

static int count_snapshots(struct qcow2_counter *n)
{
	uint64_t at = n->h.snapshot_offset;
	struct qcow2_snapshot_header s;
	int ret = 0;

	for (uint32_t i = 0; i < n->h.snapshot_count && !ret; i++) {
		at = align_up(at, 8);
		if (at - n->h.snapshot_offset > QCOW2_MAX_SNAPSHOT_TABLE ||
		    at / n->cluster_size >= n->file_clusters) {
			CORRUPT(n, "ERROR snapshot %u: its table ends before it", i);
			break;
		}
		ret = read_at(n, &s, sizeof(s), at);
		if (!ret)
			ret = count_l1(n, be64toh(s.l1_offset), be32toh(s.l1_size),
			               false);
		at += sizeof(s) + (uint64_t)be32toh(s.extra_len) + be16toh(s.id_len) +
		      be16toh(s.name_len);
	}
	count(n, n->h.snapshot_offset, at - n->h.snapshot_offset);
	return ret;
}

/* "Bitmaps": directory entries are table offset and size, flags, type, granularity, name
 * and extra data sizes. */
static int count_bitmaps(struct qcow2_counter *n, const uint8_t *ext)
{
	uint64_t number = be32toh(ld32(ext)), size = be64toh(ld64(ext + 8));
	uint64_t at = be64toh(ld64(ext + 16)), end = at + size;
	uint8_t entry[24];
	int ret = 0;

	if (number > MAX_BITMAPS || size > (64 << 20) || at > INT64_MAX)
		return 0;
	count(n, at, size);
	for (; number-- && at + sizeof(entry) <= end && !ret;) {
		_cleanup_free_ uint64_t *table = NULL;
		uint64_t offset, entries;

		ret = read_at(n, entry, sizeof(entry), at);
		offset = be64toh(ld64(entry));
		entries = be32toh(ld32(entry + 8));
		if (ret || entries * 8 > QCOW2_MAX_L1_BYTES)
			break;
		count(n, offset, entries * 8);
		ret = qcow2_read_table(n, offset, entries, &table);
		for (uint64_t i = 0; i < entries && !ret; i++)
			if (table[i] & QCOW2_OFFSET_MASK)
				count(n, table[i] & QCOW2_OFFSET_MASK, n->cluster_size);
		at = align_up(at + sizeof(entry) + be16toh(ld16(entry + 18)) +
		                      be32toh(ld32(entry + 20)),
		              8);
	}
	return ret;
}

/* What header extensions refer to. */
static int count_extensions(struct qcow2_counter *n)
{
	uint64_t at = n->h.header_len;
	uint8_t data[24];
	int ret = 0;

	while (at + 8 <= n->cluster_size && !ret) {
		struct qcow2_extension e;

		ret = read_at(n, &e, sizeof(e), at);
		e.type = be32toh(e.type);
		e.len = be32toh(e.len);
		if (ret || e.type == QCOW2_EXT_END || e.len > n->cluster_size)
			break;
		ret = read_at(n, data, sizeof(data), at + 8);
		if (!ret && e.type == QCOW2_EXT_BITMAPS && e.len == sizeof(data) &&
		    n->h.autoclear & QCOW2_BITMAPS)
			ret = count_bitmaps(n, data);
		if (!ret && e.type == QCOW2_EXT_CRYPTO && e.len == 16)
			count(n, be64toh(ld64(data)), be64toh(ld64(data + 8)));
		at += 8 + align_up(e.len, 8);
	}
	return ret;
}

uint64_t qcow2_block_offset(const struct qcow2_counter *n, uint64_t index)
{
	uint64_t offset = n->reftable[index] & QCOW2_REFTABLE_MASK;

	return offset & (n->cluster_size - 1) ||
	                       offset / n->cluster_size >= n->file_clusters
	               ? 0
	               : offset;
}

static void count_refcounts(struct qcow2_counter *n)
{
	count(n, n->h.reftable_offset, n->reftable_entries * 8);
	for (uint64_t i = 0; i < n->reftable_entries; i++) {
		if (qcow2_block_offset(n, i))
			count(n, qcow2_block_offset(n, i), n->cluster_size);
		else if (n->reftable[i] & (n->cluster_size - 1))
			CORRUPT(n,
			        "ERROR refcount block %llu is not cluster aligned; "
			        "refcount table entry corrupted",
			        (ull)i);
		else if (n->reftable[i])
			CORRUPT(n, "ERROR refcount block %llu is outside image", (ull)i);
	}
}

/* Refcounts, too, may say that a cluster behind the window is in use. */
static void find_next(struct qcow2_counter *n)
{
	uint64_t per = n->cluster_size * 8 >> n->h.refcount_order;
	uint64_t end = n->first + QCOW2_WINDOW;

	for (uint64_t i = end / per; i < n->reftable_entries; i++)
		if (qcow2_block_offset(n, i)) {
			uint64_t from = i * per < end ? end : i * per;

			n->next = n->next < from ? n->next : from;
			return;
		}
}

int qcow2_count_window(struct qcow2_counter *n, uint64_t first)
{
	uint64_t room = n->file_clusters - first;
	int ret;

	n->report = !first && !n->bare;
	n->first = first;
	n->next = UINT64_MAX;
	free(n->refs);
	/* Fresh pages: what is not referred to takes no memory. */
	n->refs = calloc(room < QCOW2_WINDOW ? room : QCOW2_WINDOW, sizeof(*n->refs));
	if (!n->refs)
		return -ENOMEM;
	count(n, 0, n->cluster_size);
	ret = count_l1(n, n->h.l1_offset, n->h.l1_size, true);
	if (!ret)
		ret = count_snapshots(n);
	if (!ret)
		ret = count_extensions(n);
	if (!n->bare)
		count_refcounts(n);
	find_next(n);
	return ret;
}

/* ---- refcounts on disk ---- */

static uint64_t get_refcount(const uint8_t *block, unsigned order, uint64_t i)
{
	unsigned bits = 1u << order;

	switch (order) {
	case 3:
		return block[i];
	case 4:
		return be16toh(ld16(block + i * 2));
	case 5:
		return be32toh(ld32(block + i * 4));
	case 6:
		return be64toh(ld64(block + i * 8));
	default:
		return block[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1);
	}
}

void qcow2_put_refcount(uint8_t *block, unsigned order, uint64_t i, uint64_t value)
{
	unsigned bits = 1u << order, shift = i * bits % 8;
	uint8_t mask = order < 3 ? ((1u << bits) - 1) << shift : 0;

	switch (order) {
	case 3:
		block[i] = value;
		break;
	case 4:
		st16(block + i * 2, htobe16(value));
		break;
	case 5:
		st32(block + i * 4, htobe32(value));
		break;
	case 6:
		st64(block + i * 8, htobe64(value));
		break;
	default:
		block[i * bits / 8] = (block[i * bits / 8] & ~mask) | value << shift;
	}
}

int qcow2_flush_block(struct qcow2_counter *n)
{
	if (!n->block_dirty)
		return 0;
	n->block_dirty = false;
	return fd_pwrite(n->fd, n->block, n->cluster_size,
	                 qcow2_block_offset(n, n->block_index));
}

static int load_block(struct qcow2_counter *n, uint64_t index)
{
	int ret;

	if (index >= n->reftable_entries || !qcow2_block_offset(n, index))
		return -ENOENT;
	if (n->block_index == index)
		return 0;
	ret = qcow2_flush_block(n);
	n->block_index = UINT64_MAX;
	if (!ret)
		ret = read_at(n, n->block, n->cluster_size, qcow2_block_offset(n, index));
	if (!ret)
		n->block_index = index;
	return ret;
}

int qcow2_stored_count(struct qcow2_counter *n, uint64_t cluster, uint64_t *value)
{
	uint64_t per = n->cluster_size * 8 >> n->h.refcount_order;
	int ret = load_block(n, cluster / per);

	*value = ret ? 0 : get_refcount(n->block, n->h.refcount_order, cluster % per);
	return ret;
}

int qcow2_store_count(struct qcow2_counter *n, uint64_t cluster, uint64_t value)
{
	uint64_t per = n->cluster_size * 8 >> n->h.refcount_order;
	int ret = load_block(n, cluster / per);

	if (!ret && n->h.refcount_order < 6 && value >> (1u << n->h.refcount_order))
		ret = -ERANGE;
	if (ret)
		return ret;
	qcow2_put_refcount(n->block, n->h.refcount_order, cluster % per, value);
	n->block_dirty = true;
	return 0;
}

/* ---- the header ---- */

static void to_host(struct qcow2_header *h)
{
	h->magic = be32toh(h->magic);
	h->version = be32toh(h->version);
	h->cluster_bits = be32toh(h->cluster_bits);
	h->size = be64toh(h->size);
	h->l1_size = be32toh(h->l1_size);
	h->l1_offset = be64toh(h->l1_offset);
	h->reftable_offset = be64toh(h->reftable_offset);
	h->reftable_clusters = be32toh(h->reftable_clusters);
	h->snapshot_count = be32toh(h->snapshot_count);
	h->snapshot_offset = be64toh(h->snapshot_offset);
	h->incompatible = be64toh(h->incompatible);
	h->compatible = be64toh(h->compatible);
	h->autoclear = be64toh(h->autoclear);
	h->refcount_order = be32toh(h->refcount_order);
	h->header_len = be32toh(h->header_len);
	if (h->version == 3)
		return;
	h->incompatible = h->compatible = h->autoclear = 0;
	h->refcount_order = 4;
	h->header_len = QCOW2_V2_HEADER;
}

static int check_header(struct qcow2_counter *n, struct err *err)
{
	const struct qcow2_header *h = &n->h;
	uint64_t known = QCOW2_DIRTY | QCOW2_CORRUPT | QCOW2_COMPRESSION;
	const char *what = NULL;

	if (h->magic != QCOW2_MAGIC || h->version < 2 || h->version > 3)
		return err_set(err, EINVAL, "%s is no qcow2 image", n->path);
	if (h->incompatible & ~known)
		return err_set(err, ENOTSUP,
		               "%s has features that are not supported (0x%llx)", n->path,
		               (ull)(h->incompatible & ~known));
	if (h->cluster_bits < QCOW2_MIN_CLUSTER_BITS ||
	    h->cluster_bits > QCOW2_MAX_CLUSTER_BITS)
		what = "a cluster size";
	else if (h->refcount_order > QCOW2_MAX_REFCOUNT_ORDER)
		what = "a width of refcounts";
	else if (h->l1_size > QCOW2_MAX_L1_BYTES / 8 ||
	         h->l1_offset & ((1u << h->cluster_bits) - 1) ||
	         (h->l1_size && !h->l1_offset))
		what = "an L1 table";
	else if ((uint64_t)h->reftable_clusters << h->cluster_bits >
	                 QCOW2_MAX_REFTABLE_BYTES ||
	         h->reftable_offset & ((1u << h->cluster_bits) - 1) ||
	         h->reftable_offset > INT64_MAX)
		what = "a refcount table";
	else if (h->snapshot_count > QCOW2_MAX_SNAPSHOTS ||
	         h->snapshot_offset & ((1u << h->cluster_bits) - 1) ||
	         h->snapshot_offset > INT64_MAX)
		what = "a snapshot table";
	return what ? err_set(err, EINVAL,
	                      "%s: its header speaks of %s that cannot be; the image "
	                      "cannot be checked",
	                      n->path, what)
	            : 0;
}

bool qcow2_is_one(struct block_node *file)
{
	uint32_t head[2] = { 0 };

	return file_peek(file, 0, head, sizeof(head)) == sizeof(head) &&
	       be32toh(head[0]) == QCOW2_MAGIC && be32toh(head[1]) >= 2;
}

int qcow2_counter_init(struct qcow2_counter *n, struct block_node *file,
                       struct qcow2_check *check, struct err *err)
{
	int ret;

	*n = (struct qcow2_counter){ .fd = container_of(file, struct file_node, node)->fd,
		                     .path = file->path,
		                     .check = check,
		                     .block_index = UINT64_MAX };
	ret = read_at(n, &n->h, sizeof(n->h), 0);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read %s", n->path);
	to_host(&n->h);
	ret = check_header(n, err);
	if (ret < 0)
		return ret;
	n->cluster_size = 1ull << n->h.cluster_bits;
	n->entries = n->cluster_size / 8;
	n->file_clusters = (file->length + n->cluster_size - 1) >> n->h.cluster_bits;
	n->reftable_entries = n->h.reftable_clusters * n->entries;
	n->l2 = malloc(n->cluster_size);
	n->block = malloc(n->cluster_size);
	if (!n->l2 || !n->block)
		return err_sys(err, ENOMEM, "%s", n->path);
	ret = qcow2_read_table(n, n->h.reftable_offset, n->reftable_entries,
	                       &n->reftable);
	return ret < 0 ? err_sys(err, -ret, "cannot read %s", n->path) : 0;
}

void qcow2_counter_free(struct qcow2_counter *n)
{
	free(n->refs);
	free(n->reftable);
	free(n->l2);
	free(n->block);
}
