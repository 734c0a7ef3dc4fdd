// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening qcow2 images ("Header"), what is below them, and their life: length, closing.
 *
 * Nothing of the header is believed: every number is held against the limits of qcow2.h
 * and against the file. Images with features that are not known here are refused by
 * their names. What is below an image is opened to be read, by the name that the image
 * has for it, which counts from the image's folder.
 */
#include "common/cleanup.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <string.h>

#define MAX_DEPTH     64
#define DEFAULT_CACHE (32u << 20)

/* ---- the header ---- */

static void swap_header(struct qcow2_header *h)
{
	uint32_t *const words[] = { &h->magic,
		                    &h->version,
		                    &h->backing_len,
		                    &h->cluster_bits,
		                    &h->crypt_method,
		                    &h->l1_size,
		                    &h->reftable_clusters,
		                    &h->snapshot_count,
		                    &h->refcount_order,
		                    &h->header_len };
	uint64_t *const longs[] = { &h->backing_offset,  &h->size,
		                    &h->l1_offset,       &h->reftable_offset,
		                    &h->snapshot_offset, &h->incompatible,
		                    &h->compatible,      &h->autoclear };

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		*words[i] = htobe32(*words[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(longs); i++)
		*longs[i] = htobe64(*longs[i]);
}

void qcow2_pack_header(const struct qcow2 *q, const struct qcow2_header *header,
                       uint8_t *sector)
{
	struct qcow2_header h = *header;
	size_t len = QCOW2_V2_HEADER;

	if (h.version >= 3)
		len = h.header_len < sizeof(h) ? h.header_len : sizeof(h);
	swap_header(&h);
	memcpy(sector, q->head, QCOW2_HEAD_LEN);
	memcpy(sector, &h, len);
}

static int bad(const struct qcow2 *q, struct err *err, const char *what)
{
	return err_set(err, EINVAL,
	               "%s: %s; the qcow2 image is damaged: try 'vmm-img check'",
	               q->node.path, what);
}

static int refuse(const struct qcow2 *q, struct err *err, const char *what)
{
	return err_set(err, ENOTSUP,
	               "%s: %s is not supported yet; use a copy: "
	               "qemu-img convert -O qcow2",
	               q->node.path, what);
}

static int check_features(struct qcow2 *q, bool readonly, struct err *err)
{
	const struct qcow2_header *h = &q->header;
	const uint64_t known = QCOW2_DIRTY | QCOW2_CORRUPT | QCOW2_COMPRESSION;

	if (h->crypt_method)
		return refuse(q, err, "an encrypted qcow2 image");
	if (h->incompatible & QCOW2_EXTERNAL)
		return refuse(q, err, "a qcow2 image whose data is in another file");
	if (h->incompatible & QCOW2_EXTENDED_L2)
		return refuse(q, err, "a qcow2 image with extended L2 entries");
	if (h->incompatible & ~known)
		return err_set(err, ENOTSUP,
		               "%s: unknown features of qcow2: %#llx; use a copy that a "
		               "program that knows them makes",
		               q->node.path,
		               (unsigned long long)(h->incompatible & ~known));
	if (h->compression != QCOW2_ZLIB)
		return refuse(q, err, "a qcow2 image with zstd's compression");
	if (readonly)
		return 0;
	if (h->incompatible & QCOW2_CORRUPT)
		return err_set(
			err, EACCES,
			"%s is marked as corrupt; repair it with 'vmm-img check -r "
			"all', or give readonly=on",
			q->node.path);
	if (h->incompatible & QCOW2_DIRTY)
		return err_set(
			err, EACCES,
			"%s was not closed, and its lazy refcounts are not right; "
			"repair it with 'vmm-img check -r all', or give readonly=on",
			q->node.path);
	return 0;
}

static int check_sizes(struct qcow2 *q, struct err *err)
{
	struct qcow2_header *h = &q->header;
	uint64_t size = 1ull << h->cluster_bits, span, l1;

	if (h->size > INT64_MAX - (1ull << 40))
		return bad(q, err, "the disk is too large");
	span = size * (size / 8);
	l1 = h->size / span + !!(h->size % span);
	if (h->l1_size > QCOW2_MAX_L1_BYTES / 8)
		return bad(q, err, "the L1 table is too large");
	if (h->l1_size < l1)
		return bad(q, err, "the L1 table is too small");
	if ((h->l1_offset | h->reftable_offset | h->snapshot_offset) & (size - 1) ||
	    (h->l1_size && !h->l1_offset) || !h->reftable_offset)
		return bad(q, err, "a table is not where tables are");
	if ((h->l1_offset | h->reftable_offset | h->snapshot_offset) >> 56)
		return bad(q, err, "a table is behind the end of any file");
	if (!h->reftable_clusters ||
	    h->reftable_clusters > (uint32_t)QCOW2_MAX_REFTABLE_BYTES >> h->cluster_bits)
		return bad(q, err, "the size of the refcount table cannot be");
	if (h->snapshot_count > QCOW2_MAX_SNAPSHOTS)
		return bad(q, err, "there are too many snapshots");
	if (h->backing_len > QCOW2_MAX_BACKING_NAME ||
	    (h->backing_offset &&
	     (h->backing_offset >= size || h->backing_len > size - h->backing_offset)))
		return bad(q, err, "the backing file's name cannot be");
	return 0;
}

static int parse_header(struct qcow2 *q, bool readonly, struct err *err)
{
	struct qcow2_header *h = &q->header;
	int ret;

	memcpy(h, q->head, sizeof(*h));
	swap_header(h);
	if (h->magic != QCOW2_MAGIC)
		return err_set(err, EINVAL,
		               "%s is not a qcow2 image; give its format=", q->node.path);
	if (h->version < 2 || h->version > 3)
		return err_set(err, ENOTSUP, "%s: version %u of qcow is not supported",
		               q->node.path, h->version);
	if (h->version == 2) {
		memset(&h->incompatible, 0, sizeof(*h) - QCOW2_V2_HEADER);
		h->refcount_order = 4;
		h->header_len = QCOW2_V2_HEADER;
	} else if (h->header_len < QCOW2_V3_HEADER || h->header_len & 7) {
		return bad(q, err, "the length of the header cannot be");
	} else if (h->header_len < sizeof(*h)) {
		h->compression = 0;
	}
	if (h->cluster_bits < QCOW2_MIN_CLUSTER_BITS ||
	    h->cluster_bits > QCOW2_MAX_CLUSTER_BITS)
		return bad(q, err, "the cluster size cannot be");
	if (h->header_len > 1u << h->cluster_bits)
		return bad(q, err, "the header is longer than a cluster");
	if (h->refcount_order > QCOW2_MAX_REFCOUNT_ORDER)
		return bad(q, err, "the width of refcounts cannot be");
	ret = check_features(q, readonly, err);
	return ret < 0 ? ret : check_sizes(q, err);
}

/* The names behind the header: all of it is in the first cluster. */
static int read_names(struct qcow2 *q, struct err *err)
{
	const struct qcow2_header *h = &q->header;
	uint64_t size = 1ull << h->cluster_bits, at = h->header_len,
		 end = h->backing_offset ? h->backing_offset : size;
	_cleanup_free_ char *cluster = calloc(1, size);
	int ret = cluster ? block_peek(q->node.child, 0, cluster, size) : -ENOMEM;

	if (ret < 0)
		return err_sys(err, -ret, "cannot read %s", q->node.path);
	if (h->backing_offset && h->backing_len) {
		q->backing_file = strndup(cluster + h->backing_offset, h->backing_len);
		if (!q->backing_file)
			return err_sys(err, ENOMEM, "%s", q->node.path);
	}
	while (at + 8 <= end) {
		uint32_t type = be32toh(ld32(cluster + at)),
			 len = be32toh(ld32(cluster + at + 4));

		at += 8;
		if (type == QCOW2_EXT_END)
			break;
		if (len > end - at)
			return bad(q, err, "a header extension is too long");
		if (type == QCOW2_EXT_BACKING_FMT && len < 16 && !q->backing_format)
			q->backing_format = strndup(cluster + at, len);
		at += align_up(len, 8);
	}
	return 0;
}

/* ---- tables ---- */

static int read_table(struct qcow2 *q, struct qcow2_table *t, uint64_t offset,
                      uint32_t count, const char *what, struct err *err)
{
	/* Whole clusters, but no more than there is in the file. */
	uint64_t len = align_up(count * 8ull, q->cluster_size);
	int ret = -ENOMEM;

	t->offset = offset;
	t->count = count;
	if (posix_memalign((void **)&t->entries, 4096, len ? len : 1))
		t->entries = NULL;
	else
		memset(t->entries, 0, len);
	if (t->entries)
		ret = len ? block_peek(q->node.child, offset, t->entries,
		                       align_up(count * 8ull, 512))
		          : 0;
	return ret < 0 ? err_sys(err, -ret, "%s: cannot read the %s", q->node.path, what)
	               : 0;
}

static bool overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

static int read_tables(struct qcow2 *q, const struct image_opts *opts, struct err *err)
{
	const struct qcow2_header *h = &q->header;
	uint64_t ref_len = (uint64_t)h->reftable_clusters << q->cluster_bits,
		 l1_len = h->l1_size * 8ull,
		 cache = opts->l2_cache_size ? opts->l2_cache_size
	                 : opts->cache_size  ? opts->cache_size
	                                     : DEFAULT_CACHE;
	int ret;

	if (overlap(0, q->cluster_size, h->reftable_offset, ref_len) ||
	    (l1_len && (overlap(0, q->cluster_size, h->l1_offset, l1_len) ||
	                overlap(h->l1_offset, l1_len, h->reftable_offset, ref_len))))
		return bad(q, err, "its tables overlap");
	if (cache > 1ull << 30)
		cache = 1ull << 30;
	if (qcow2_cache_init(q, cache) < 0)
		return err_sys(err, ENOMEM, "%s", q->node.path);
	ret = read_table(q, &q->l1, h->l1_offset, h->l1_size, "L1 table", err);
	if (ret >= 0)
		ret = read_table(q, &q->reftable, h->reftable_offset, ref_len / 8,
		                 "refcount table", err);
	return ret < 0 ? ret : qcow2_read_snapshots(q, err);
}

/* ---- what is below ---- */

/* A relative name is one beside the image. */
static char *resolve(const char *image, const char *name)
{
	const char *slash = strrchr(image, '/');
	char *path;

	if (name[0] == '/' || !slash)
		return strdup(name);
	return asprintf(&path, "%.*s/%s", (int)(slash - image), image, name) < 0 ? NULL
	                                                                         : path;
}

static int check_name(const struct qcow2 *q, const char *name, struct err *err)
{
	const char *colon = strchr(name, ':'), *slash = strchr(name, '/');

	if (!strncmp(name, "file:", 5) || !colon || (slash && slash < colon))
		return 0;
	return err_set(err, ENOTSUP,
	               "%s: the backing file '%s' is no file; convert the image with "
	               "'qemu-img convert'",
	               q->node.path, name);
}

static int backing_format(const struct qcow2 *q, const char *name, struct err *err)
{
	if (!name)
		return FORMAT_AUTO;
	if (!strcmp(name, "raw") || !strcmp(name, "file") || !strcmp(name, "host_device"))
		return FORMAT_RAW;
	if (!strcmp(name, "qcow2"))
		return FORMAT_QCOW2;
	return err_set(
		err, ENOTSUP,
		"%s: the backing format '%s' is not supported yet; use raw or qcow2",
		q->node.path, name);
}

static int open_path(struct qcow2 *q, const struct image_opts *opts, const char *name,
                     const char *format, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	struct image_chain chain = { .above = opts->above };
	struct image_opts below = {
		.cache = opts->cache,
		.aio = opts->aio,
		.locking = opts->locking,
		.readonly = true,
		.above = &chain,
		.cache_size = opts->cache_size,
		.l2_cache_size = opts->l2_cache_size,
	};
	int ret = check_name(q, name, err);

	if (ret >= 0)
		ret = below.format = backing_format(q, format, err);
	if (ret < 0)
		return ret;
	if (!strncmp(name, "file:", 5))
		name += 5;
	path = opts->backing_path ? strdup(name) : resolve(q->node.path, name);
	if (!path)
		return err_sys(err, ENOMEM, "%s", q->node.path);
	below.file = path;
	chain.depth = opts->above ? opts->above->depth + 1 : 1;
	if (chain.depth > MAX_DEPTH)
		return err_set(err, ELOOP, "%s: more than %u images above one another",
		               q->node.path, MAX_DEPTH);
	file_identity(q->node.child, &chain.dev, &chain.ino);
	if (below.format == FORMAT_AUTO)
		log_warn("%s does not say which format %s has; say so: vmm-img rebase -u "
		         "-F FORMAT -b %s",
		         q->node.path, path, name);
	q->backing = block_open_below(q->node.reg, &below, err);
	if (!q->backing) {
		err_prefix(err, "below %s", q->node.path);
		return -err->code;
	}
	return 0;
}

static int open_backing(struct qcow2 *q, const struct image_opts *opts, struct err *err)
{
	const char *node = opts->backing;

	if (opts->backing_path)
		return open_path(q, opts, opts->backing_path, opts->backing_format, err);
	if (!node && q->backing_file)
		return open_path(q, opts, q->backing_file, q->backing_format, err);
	if (!node || !*node)
		return 0;
	q->backing = block_refer(q->node.reg, node, q->node.path, err);
	return q->backing ? 0 : -err->code;
}

/* ---- life ---- */

static int set_up(struct qcow2 *q, const struct image_opts *opts, struct err *err)
{
	struct block_node *node = &q->node, *file = node->child;
	int ret = block_peek(file, 0, q->head, QCOW2_HEAD_LEN);

	if (ret < 0)
		return err_sys(err, -ret, "cannot read %s", node->path);
	ret = parse_header(q, file->readonly || block_is_held(node->reg), err);
	if (ret < 0)
		return ret;
	q->stored = q->header;
	q->cluster_bits = q->header.cluster_bits;
	q->cluster_size = 1ull << q->cluster_bits;
	q->l2_bits = q->cluster_bits - 3;
	q->slice_bits = q->cluster_bits < 12 ? q->cluster_bits : 12;
	q->order = q->header.refcount_order;
	q->end = align_up(file->length, q->cluster_size);
	q->grows = file_grows(file);
	q->info.version = q->header.version;
	q->info.corrupt = q->header.incompatible & QCOW2_CORRUPT;
	node->length = align_up(q->header.size, 512);
	q->may_free = opts->discard & IMAGE_DISCARD_UNMAP && !node->readonly;
	node->discard = q->may_free;
	q->lazy = q->info.version >= 3 && opts->lazy_refcounts != OPT_TRI_OFF &&
	          (opts->lazy_refcounts == OPT_TRI_ON ||
	           q->header.compatible & QCOW2_LAZY_REFCOUNTS);
	if (opts->lazy_refcounts == OPT_TRI_ON && !q->lazy)
		return err_usage(err, "%s: lazy-refcounts=on needs version 3 of qcow2",
		                 node->path);
	ret = read_names(q, err);
	if (ret >= 0)
		ret = read_tables(q, opts, err);
	if (ret >= 0)
		ret = open_backing(q, opts, err);
	return ret;
}

/* What we do not keep up to date is nothing to rely on from the first write on. */
static int claim(struct qcow2 *q, struct err *err)
{
	if (q->node.readonly || !q->header.autoclear || block_is_held(q->node.reg))
		return 0;
	q->header.autoclear = 0;
	q->header_dirty = true;
	q->claims = true;
	return 0;
}

/* The image is as one that nobody has open. */
static int finish(struct qcow2 *q)
{
	while (q->work || q->commit)
		block_wait(q->node.reg);
	return q->hash && !q->node.readonly && qcow2_is_dirty(q)
	               ? qcow2_commit_wait(q, true)
	               : 0;
}

static void free_subs(struct qcow2 *q)
{
	while (q->idle_subs) {
		struct qcow2_sub *sub = q->idle_subs;

		q->idle_subs = sub->next;
		free(sub);
	}
}

static void forget(struct qcow2 *q)
{
	qcow2_free_snapshots(q);
	qcow2_cache_free(q);
	free(q->l1.entries);
	free(q->reftable.entries);
	free(q->frees);
	free(q->backing_file);
	free(q->backing_format);
	free_subs(q);
}

static void qcow2_close(struct block_node *node)
{
	struct qcow2 *q = to_qcow2(node);
	int ret = finish(q);

	if (ret < 0)
		log_error("%s: the last changes could not be written: %s", node->path,
		          strerror(-ret));
	forget(q);
	if (q->backing)
		block_close(q->backing);
	block_close(node->child);
}

static void init_lists(struct qcow2 *q)
{
	q->reqs_tail = &q->reqs;
	q->parked_tail = &q->parked;
	q->flushes_tail = &q->flushes;
}

/* Another machine wrote to it: all that was read is read again, into another one, and
 * moves into this one's place. */
static int read_again(struct qcow2 *q, struct err *err)
{
	const struct image_opts opts = {
		.discard = q->may_free ? IMAGE_DISCARD_UNMAP : IMAGE_DISCARD_IGNORE,
		.lazy_refcounts = q->lazy ? OPT_TRI_ON : OPT_TRI_OFF,
		.l2_cache_size = (uint64_t)q->max_slices << q->slice_bits,
		.backing = (char *)"", /* it stays */
	};
	struct qcow2 *n = calloc(1, sizeof(*n));
	int ret;

	if (!n)
		return err_sys(err, ENOMEM, "%s", q->node.path);
	n->node = q->node;
	init_lists(n);
	ret = set_up(n, &opts, err);
	if (ret >= 0 && n->node.length != q->node.length)
		ret = err_set(err, EINVAL, "%s has another size by now", q->node.path);
	if (ret < 0) {
		forget(n);
		free(n);
		return ret;
	}
	free_subs(n);
	forget(q);
	n->node = q->node;
	n->backing = q->backing;
	*q = *n;
	free(n);
	init_lists(q);
	q->used.next = q->used.prev = &q->used;
	return claim(q, err);
}

static int qcow2_refresh(struct block_node *node, bool mine, struct err *err)
{
	struct qcow2 *q = to_qcow2(node);
	int ret = mine ? 0 : finish(q);

	if (ret < 0)
		return err_sys(err, -ret, "%s: the last changes could not be written",
		               node->path);
	if (mine && q->backing)
		ret = block_take_node(q->backing, err);
	return mine && ret >= 0 ? read_again(q, err) : ret;
}

struct block_node *qcow2_open(struct block_registry *reg, struct block_node *file,
                              const struct image_opts *opts, struct err *err)
{
	struct qcow2 *q = calloc(1, sizeof(*q));
	struct block_node *node = &q->node;

	if (q)
		node->path = strdup(file->path);
	if (!q || !node->path) {
		err_sys(err, ENOMEM, "%s", file->path);
		block_close(file);
		free(q);
		return NULL;
	}
	node->driver = &qcow2_driver;
	node->reg = reg;
	node->child = file;
	node->readonly = file->readonly;
	node->write_cache = file->write_cache;
	node->request_align = file->request_align;
	init_lists(q);
	if (set_up(q, opts, err) >= 0 && claim(q, err) >= 0)
		return node;
	block_close(node);
	return NULL;
}

/* ---- the rest of the driver ---- */

int qcow2_unmap(struct qcow2 *q, uint64_t from, uint64_t to)
{
	for (uint64_t pos = from; pos < to;) {
		struct qcow2_slice *slice;
		struct qcow2_run r;
		unsigned index;
		int ret = qcow2_lookup(q, pos, to - pos, &r);

		if (ret >= 0 && r.state == QCOW2_UNALLOCATED) {
			pos += r.len;
			continue;
		}
		if (ret >= 0)
			ret = qcow2_map_writable(q, pos, &slice, &index);
		if (ret == -EAGAIN) {
			qcow2_wait(q);
			continue;
		}
		if (ret < 0)
			return ret;
		st64(slice->data + 8 * (size_t)index, 0);
		qcow2_slice_dirty(q, slice);
		qcow2_free_entry(q, r.entry);
		pos += q->cluster_size;
	}
	return 0;
}

static int qcow2_resize(struct block_node *node, uint64_t length, struct err *err)
{
	struct qcow2 *q = to_qcow2(node);
	uint64_t span = 1ull << qcow2_l1_span_bits(q), from, old = node->length;
	int ret;

	if (!length)
		return 0;
	if (q->info.version < 3 && q->header.snapshot_count)
		return err_set(err, ENOTSUP,
		               "%s: a version 2 image with snapshots cannot change its "
		               "size; delete them, or: qemu-img amend -o compat=1.1",
		               node->path);
	/* What is behind the disk, now or then: vmstate must not become the disk's. */
	from = align_up(length < old ? length : old, q->cluster_size);
	ret = qcow2_unmap(q, from, (uint64_t)q->l1.count << qcow2_l1_span_bits(q));
	while (ret >= 0 &&
	       (ret = qcow2_grow_l1(q, length / span + !!(length % span))) == -EAGAIN) {
		qcow2_wait(q);
		ret = 0;
	}
	if (ret >= 0) {
		q->header.size = length;
		q->header_dirty = true;
		ret = qcow2_commit_wait(q, false);
	}
	if (ret < 0)
		return err_sys(err, -ret, "cannot resize %s", node->path);
	node->length = length;
	return 0;
}

static int qcow2_map(struct block_node *node, uint64_t offset, uint64_t len,
                     struct block_extent *extent)
{
	static const enum block_where where[] = {
		[QCOW2_UNALLOCATED] = BLOCK_HOLE,    [QCOW2_ZEROES] = BLOCK_ZERO,
		[QCOW2_ZERO_PLACE] = BLOCK_ZERO,     [QCOW2_DATA] = BLOCK_DATA,
		[QCOW2_DEFLATED] = BLOCK_COMPRESSED,
	};
	struct qcow2 *q = to_qcow2(node);
	struct qcow2_run r;
	uint64_t backed;
	int ret;

	while ((ret = qcow2_lookup(q, offset, len, &r)) == -EAGAIN)
		qcow2_wait(q);
	if (ret < 0)
		return ret;
	*extent = (struct block_extent){ .where = where[r.state], .len = r.len };
	if (r.state == QCOW2_DATA || r.state == QCOW2_ZERO_PLACE) {
		extent->has_offset = true;
		extent->offset = r.host;
	}
	backed = r.state == QCOW2_UNALLOCATED ? qcow2_backed(q, offset, r.len) : 0;
	if (backed) {
		extent->where = BLOCK_BACKING;
		extent->len = backed;
	}
	return 0;
}

const struct block_driver qcow2_driver = {
	.name = "qcow2",
	.submit = qcow2_submit,
	.soon = qcow2_soon,
	.map = qcow2_map,
	.resize = qcow2_resize,
	.refresh = qcow2_refresh,
	.close = qcow2_close,
};

struct block_node *qcow2_find(struct block_node *node)
{
	while (node && node->driver != &qcow2_driver)
		node = node->child;
	return node;
}

struct block_node *block_backing(const struct block_node *node)
{
	struct block_node *found = qcow2_find((struct block_node *)node),
			  *below = found ? to_qcow2(found)->backing : NULL;

	/* A node of its own that is referred to. */
	while (below && below->child && below->child->user)
		below = below->child;
	return below;
}

void qcow2_get_info(const struct block_node *node, struct qcow2_info *info)
{
	const struct qcow2 *q = to_qcow2(node);

	*info = (struct qcow2_info){
		.version = q->info.version,
		.cluster_size = q->cluster_size,
		.refcount_bits = 1u << q->order,
		.lazy_refcounts = q->header.compatible & QCOW2_LAZY_REFCOUNTS,
		.dirty = q->header.incompatible & QCOW2_DIRTY,
		.corrupt = q->info.corrupt,
		.compression = q->header.compression,
		.backing_file = q->backing_file,
		.backing_format = q->backing_format,
		.snapshots = q->header.snapshot_count,
	};
}
