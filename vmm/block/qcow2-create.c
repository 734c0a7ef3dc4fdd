// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * New qcow2 images (QEMU's docs/interop/qcow2.txt). The clusters of one, in this order:
 *
 *   header | refcount table | refcount blocks | L1 table | L2 tables | data
 *
 * the last two with preallocation only. As nothing else is in the file, each cluster's
 * refcount is 1, and every entry of the tables can be told from its number.
 */
#include "vmm/block/qcow2-create.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "vmm/block/qcow2.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const qcow2_compats[] = { "0.10", "1.1", "v2", "v3", NULL };
const char *const qcow2_preallocations[] = { "off", "metadata", "falloc", "full", NULL };
static const char *const compressions[] = { "zlib", NULL };

#define FIELD(f) .offset = offsetof(struct qcow2_create, f)

const struct opt_desc qcow2_create_options[] = {
	{ .name = "size", .type = OPT_SIZE, FIELD(size), .help = "of the disk" },
	{ .name = "backing_file",
	  .type = OPT_STR,
	  FIELD(backing_file),
	  .help = "image that has what is not in this one" },
	{ .name = "backing_fmt",
	  .type = OPT_STR,
	  FIELD(backing_fmt),
	  .help = "its format" },
	{ .name = "cluster_size",
	  .type = OPT_SIZE,
	  FIELD(cluster_size),
	  .def = "65536",
	  .help = "unit of allocation, 512 to 2M" },
	{ .name = "compat",
	  .type = OPT_ENUM,
	  FIELD(compat),
	  OPT_CHOICES(qcow2_compats, 1),
	  .help = "version of the format" },
	{ .name = "lazy_refcounts",
	  .type = OPT_BOOL,
	  FIELD(lazy_refcounts),
	  .def = "off",
	  .help = "write refcounts late, repair them after a crash" },
	{ .name = "refcount_bits",
	  .type = OPT_U32,
	  FIELD(refcount_bits),
	  .def = "16",
	  .help = "width of a refcount, 1 to 64" },
	{ .name = "preallocation",
	  .type = OPT_ENUM,
	  FIELD(preallocation),
	  OPT_CHOICES(qcow2_preallocations, 0),
	  .help = "what has its place from the start" },
	{ .name = "compression_type",
	  .type = OPT_ENUM,
	  FIELD(compression_type),
	  OPT_CHOICES(compressions, 0),
	  .help = "of compressed clusters" },
	{ .name = "extended_l2",
	  .type = OPT_BOOL,
	  FIELD(extended_l2),
	  .def = "off",
	  .help = "subclusters (off only)" },
	{ .name = NULL },
};

/* ---- the layout ---- */

struct layout {
	uint32_t cluster, bits; /* bytes of a cluster; bits of a refcount */
	uint64_t reftable, l1;  /* clusters that they begin at; blocks follow reftable */
	uint64_t l2, data, end; /* likewise; end: clusters in all */
	uint64_t blocks;        /* of refcounts */
	uint64_t l1_entries, disk; /* disk: its clusters */
};

static uint64_t div_up(uint64_t n, uint64_t by)
{
	return n / by + !!(n % by);
}

/* data: clusters of the disk that get a place; the same part of the L2 tables does. */
static struct layout lay_out(const struct qcow2_create *c, uint64_t data)
{
	struct layout l = { .cluster = c->cluster_size, .bits = c->refcount_bits };
	uint64_t entries = l.cluster / 8, per_block = l.cluster * 8ull / l.bits;
	uint64_t l1, l2 = div_up(data, entries), table = 1, old;

	l.disk = div_up(c->size, l.cluster);
	l.l1_entries = div_up(l.disk, entries);
	l1 = div_up(l.l1_entries, entries);
	l.blocks = 1;
	/* Refcounts count themselves: more of them until they are enough. */
	do {
		old = l.blocks;
		table = div_up(l.blocks, entries);
		l.blocks = div_up(1 + table + old + l1 + l2 + data, per_block);
	} while (l.blocks > old);
	l.blocks = old;
	l.reftable = 1;
	l.l1 = 1 + table + l.blocks;
	l.l2 = l.l1 + l1;
	l.data = l.l2 + l2;
	l.end = l.data + data;
	return l;
}

static bool is_v3(const struct qcow2_create *c)
{
	return c->compat & 1;
}

/* ---- checks ---- */

static int check_features(const struct qcow2_create *c, struct err *err)
{
	if (!is_v3(c) && c->lazy_refcounts)
		return err_usage(err, "lazy_refcounts=on needs compat=1.1");
	if (!is_v3(c) && c->refcount_bits != 16)
		return err_usage(err, "refcount_bits=%u needs compat=1.1",
		                 c->refcount_bits);
	if (c->extended_l2)
		return err_usage(err, "extended_l2=on is not supported yet; drop it");
	if (c->backing_file && c->preallocation)
		return err_usage(err,
		                 "preallocation=%s hides the backing file; drop "
		                 "one of them",
		                 qcow2_preallocations[c->preallocation]);
	if (c->backing_fmt && !c->backing_file)
		return err_usage(err, "a backing format without a backing file; give -b");
	return 0;
}

static size_t names_len(const struct qcow2_create *c)
{
	size_t fmt = c->backing_fmt ? 8 + align_up(strlen(c->backing_fmt), 8) : 0;

	return fmt + 8 + (c->backing_file ? strlen(c->backing_file) : 0);
}

int qcow2_create_check(const struct qcow2_create *c, struct err *err)
{
	struct layout l;

	if (!is_power_of_2(c->cluster_size) ||
	    c->cluster_size < 1u << QCOW2_MIN_CLUSTER_BITS ||
	    c->cluster_size > 1u << QCOW2_MAX_CLUSTER_BITS)
		return err_usage(err,
		                 "cluster_size=%llu is no power of two from 512 to "
		                 "2M",
		                 (unsigned long long)c->cluster_size);
	if (!is_power_of_2(c->refcount_bits) || c->refcount_bits > 64)
		return err_usage(err, "refcount_bits=%u is no power of two up to 64",
		                 c->refcount_bits);
	if ((c->backing_file && strlen(c->backing_file) > QCOW2_MAX_BACKING_NAME) ||
	    (is_v3(c) ? sizeof(struct qcow2_header) : QCOW2_V2_HEADER) + names_len(c) >
	            c->cluster_size)
		return err_usage(err, "the name of the backing file is too long for the "
		                      "header; give a shorter one, or a relative one");
	if (c->size > INT64_MAX - 511)
		return err_usage(err, "the disk is too large; 8E is too much");
	l = lay_out(c, c->preallocation ? div_up(c->size, c->cluster_size) : 0);
	if (l.l1_entries * 8 > QCOW2_MAX_L1_BYTES ||
	    l.blocks * 8 > QCOW2_MAX_REFTABLE_BYTES || l.end > INT64_MAX / l.cluster)
		return err_usage(err,
		                 "the disk is too large for a cluster_size of %u; "
		                 "give a larger one",
		                 l.cluster);
	return check_features(c, err);
}

/* ---- writing ---- */

static void put32(uint8_t *p, uint32_t v)
{
	st32(p, htobe32(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	st64(p, htobe64(v));
}

static void add_names(struct qcow2_header *h, uint8_t *head, uint32_t at,
                      const struct qcow2_create *c)
{
	size_t len;

	if (c->backing_fmt) {
		len = strlen(c->backing_fmt);
		put32(head + at, QCOW2_EXT_BACKING_FMT);
		put32(head + at + 4, len);
		memcpy(head + at + 8, c->backing_fmt, len);
		at += 8 + align_up(len, 8);
	}
	put32(head + at, QCOW2_EXT_END);
	at += 8;
	if (c->backing_file) {
		len = strlen(c->backing_file);
		memcpy(head + at, c->backing_file, len);
		h->backing_offset = htobe64(at);
		h->backing_len = htobe32(len);
	}
}

static void make_header(uint8_t *head, const struct qcow2_create *c,
                        const struct layout *l)
{
	struct qcow2_header h = {
		.magic = htobe32(QCOW2_MAGIC),
		.version = htobe32(is_v3(c) ? 3 : 2),
		.cluster_bits = htobe32(__builtin_ctz(l->cluster)),
		.size = htobe64(align_up(c->size, 512)),
		.l1_size = htobe32(l->l1_entries),
		.l1_offset = htobe64(l->l1 * l->cluster),
		.reftable_offset = htobe64(l->reftable * l->cluster),
		.reftable_clusters = htobe32(l->l1 - l->reftable - l->blocks),
		.compatible = htobe64(c->lazy_refcounts ? QCOW2_LAZY_REFCOUNTS : 0),
		.refcount_order = htobe32(__builtin_ctz(l->bits)),
		.header_len = htobe32(sizeof(h)),
	};
	uint32_t len = is_v3(c) ? sizeof(h) : QCOW2_V2_HEADER;

	add_names(&h, head, len, c);
	memcpy(head, &h, len);
}

/* A table of `count` entries, the clusters from `first` on, or with first 0 zeros. */
static int write_table(int fd, uint8_t *buf, const struct layout *l, uint64_t at,
                       uint64_t count, uint64_t first, uint64_t flags)
{
	uint64_t per = l->cluster / 8;
	int ret = 0;

	for (uint64_t i = 0; i < count && !ret; i += per) {
		memset(buf, 0, l->cluster);
		for (uint64_t j = i; j < count && j < i + per; j++)
			put64(buf + (j - i) * 8,
			      first ? (first + j) * l->cluster | flags : 0);
		ret = fd_pwrite(fd, buf, l->cluster, (at + i / per) * l->cluster);
	}
	return ret;
}

/* The entry in a block of refcounts becomes 1; it was 0. */
static void count_one(uint8_t *block, unsigned bits, uint64_t i)
{
	if (bits < 8)
		block[i * bits / 8] |= 1u << (i * bits % 8);
	else
		block[(i + 1) * (bits / 8) - 1] = 1;
}

static int write_refcounts(int fd, uint8_t *buf, const struct layout *l)
{
	uint64_t per = l->cluster * 8ull / l->bits;
	uint64_t first = l->l1 - l->blocks; /* cluster of the first block */
	int ret = 0;

	for (uint64_t b = 0; b < l->blocks && !ret; b++) {
		memset(buf, 0, l->cluster);
		for (uint64_t i = 0; i < per && b * per + i < l->end; i++)
			count_one(buf, l->bits, i);
		ret = fd_pwrite(fd, buf, l->cluster, (first + b) * l->cluster);
	}
	return ret ? ret : write_table(fd, buf, l, l->reftable, l->blocks, first, 0);
}

static int preallocate(int fd, const struct qcow2_create *c, const struct layout *l)
{
	uint64_t start = l->data * l->cluster, end = l->end * l->cluster;
	_cleanup_free_ uint8_t *zeros = NULL;
	int ret = 0;

	if (c->preallocation == QCOW2_PREALLOC_FALLOC && end > start)
		return -posix_fallocate(fd, start, end - start);
	if (c->preallocation != QCOW2_PREALLOC_FULL)
		return 0;
	zeros = calloc(1, 1 << 20);
	if (!zeros)
		return -ENOMEM;
	for (; start < end && !ret; start += 1 << 20)
		ret = fd_pwrite(fd, zeros, end - start < 1 << 20 ? end - start : 1 << 20,
		                start);
	return ret;
}

int qcow2_create(int fd, const char *path, const struct qcow2_create *c, struct err *err)
{
	uint64_t data = c->preallocation ? div_up(c->size, c->cluster_size) : 0;
	struct layout l = lay_out(c, data);
	_cleanup_free_ uint8_t *buf = calloc(1, l.cluster);
	struct stat st;
	int ret;

	if (!buf)
		return err_sys(err, ENOMEM, "cannot make %s", path);
	ret = fstat(fd, &st) < 0 ? -errno : 0;
	/* To the last whole cluster: what is not written there reads as zeros, unlike in
	 * a block device. */
	if (!ret && S_ISREG(st.st_mode) && ftruncate(fd, l.end * l.cluster) < 0)
		ret = -errno;
	if (!ret)
		ret = write_refcounts(fd, buf, &l);
	if (!ret && (data || !S_ISREG(st.st_mode)))
		ret = write_table(fd, buf, &l, l.l1, l.l1_entries, data ? l.l2 : 0,
		                  QCOW2_COPIED);
	if (!ret && data)
		ret = write_table(fd, buf, &l, l.l2, data, l.data, QCOW2_COPIED);
	if (!ret)
		ret = preallocate(fd, c, &l);
	/* Last: before it there is no image. */
	memset(buf, 0, l.cluster);
	make_header(buf, c, &l);
	if (!ret)
		ret = fd_pwrite(fd, buf, l.cluster, 0);
	return ret ? err_sys(err, -ret, "cannot write %s", path) : 0;
}

uint64_t qcow2_create_measure(const struct qcow2_create *c, uint64_t data)
{
	struct layout l = lay_out(c, div_up(c->size, c->cluster_size));

	return (l.data + div_up(data, l.cluster)) * l.cluster;
}
