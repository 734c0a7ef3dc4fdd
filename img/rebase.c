// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmm-img rebase and commit: an image gets another image below it, or gives what it has
 * to the one below.
 *
 * rebase: what the image itself does not have comes from those below. Where the new one
 * has something else there, it is copied into the image first; only then the header
 * changes. -u changes the header alone. commit: the image below takes everything that the
 * image has, and only then the image becomes empty.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "img/commands.h"
#include "img/copy.h"
#include "img/create.h"
#include "img/extent.h"
#include "img/image.h"
#include "img/progress.h"
#include "vmm/block/node.h"
#include "vmm/block/qcow2-rename.h"
#include "vmm/block/qcow2.h"

#include <errno.h>
#include <string.h>

#define CHUNK (2u << 20)

typedef unsigned long long ull;

/* ---- rebase ---- */

struct rebase {
	struct session *s;
	const char *name, *below; /* below: the new one's path from here, or NULL */
	struct block_node *image, *base;
	uint64_t length, base_length, cluster;
	uint8_t *old, *new;
};

/* What the new image below holds, with zeros behind its end. */
static int read_base(struct rebase *r, uint64_t at, uint64_t len)
{
	uint64_t has = at < r->base_length ? r->base_length - at : 0;

	has = has < len ? has : len;
	memset(r->new + has, 0, len - has);
	return has ? block_rw(r->base, BLOCK_READ, at, r->new, has) : 0;
}

/* Copies those of the clusters that differ. */
static int rebase_chunk(struct rebase *r, uint64_t at, uint64_t len)
{
	int ret = block_rw(r->image, BLOCK_READ, at, r->old, len);

	if (ret >= 0)
		ret = read_base(r, at, len);
	for (uint64_t i = 0; i < len && ret >= 0; i += r->cluster) {
		uint64_t n = len - i < r->cluster ? len - i : r->cluster;

		if (memcmp(r->old + i, r->new + i, n))
			ret = block_rw(r->image, BLOCK_WRITE, at + i, r->old + i, n);
	}
	return ret;
}

static int rebase_data(struct rebase *r, struct err *err)
{
	const struct cli *cli = r->s->cli;
	struct progress progress;
	struct extent e;
	int ret = 0;

	progress_start(&progress, cli->progress && !cli->quiet, r->length);
	for (uint64_t at = 0; at < r->length && ret >= 0; at += e.len) {
		ret = extent_at(r->image, at, r->length - at, &e);
		if (ret < 0)
			break;
		/* Its own stays as it is. */
		if (!e.depth && e.present)
			continue;
		if (e.start + e.len < r->length)
			e.len = align_up(at + e.len, r->cluster) - at;
		if (e.len > CHUNK)
			e.len = CHUNK;
		if (e.len > r->length - at)
			e.len = r->length - at;
		ret = rebase_chunk(r, at, e.len);
		progress_at(&progress, at);
	}
	progress_end(&progress, ret >= 0);
	if (ret >= 0)
		ret = block_flush(r->image);
	return ret < 0 ? err_sys(err, -ret,
	                         "%s keeps its backing file: cannot copy from it",
	                         r->name)
	               : 0;
}

static int open_base(struct rebase *r, struct err *err)
{
	const struct cli *cli = r->s->cli;
	struct block_info info;

	if (!r->below)
		return 0;
	r->base = image_open(r->s, r->below, cli->backing_format, 0, NULL, err);
	if (!r->base) {
		err_prefix(err, "the new backing file");
		return -err->code;
	}
	block_get_info(r->base, &info);
	r->base_length = info.length;
	return 0;
}

static int rebase_safely(struct rebase *r, struct err *err)
{
	struct qcow2_info q;
	struct block_info info;
	int ret;

	r->image = image_open(r->s, r->name, "qcow2", IMAGE_WRITE, NULL, err);
	ret = r->image ? open_base(r, err) : -err->code;
	if (ret < 0)
		return ret;
	block_get_info(r->image, &info);
	qcow2_get_info(qcow2_find(r->image), &q);
	r->length = info.length;
	r->cluster = q.cluster_size;
	r->old = malloc(CHUNK);
	r->new = malloc(CHUNK);
	return r->old && r->new ? rebase_data(r, err)
	                        : err_sys(err, ENOMEM, "%s", r->name);
}

static int check_rebase(const struct cli *cli, struct err *err)
{
	if (cli_check_words(cli, 1, 1, err) < 0)
		return -EINVAL;
	if (cli->format && strcmp(cli->format, "qcow2") && strcmp(cli->format, "qcow"))
		return err_usage(err, "only qcow2 images have a backing file");
	if (!cli->backing)
		return err_usage(err,
		                 "which backing file? give -b FILE, or -b '' for none");
	if (*cli->backing && !cli->backing_format)
		return err_usage(err,
		                 "which format does %s have? give -F raw or -F qcow2",
		                 cli->backing);
	return 0;
}

int command_rebase(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	struct rebase r = { .s = s };
	_cleanup_free_ char *below = NULL;
	struct block_node *file = NULL;
	int ret = check_rebase(cli, err);

	if (ret < 0)
		return ret;
	r.name = cli->words[0];
	if (*cli->backing) {
		below = image_beside(r.name, cli->backing);
		if (!below)
			return err_sys(err, ENOMEM, "%s", r.name);
		r.below = below;
	}
	if (!cli->unsafe)
		ret = rebase_safely(&r, err);
	if (r.image)
		block_close(r.image);
	free(r.old);
	free(r.new);
	if (ret >= 0) {
		file = image_open_file(s, r.name, IMAGE_WRITE, err);
		ret = !file ? -err->code
		            : qcow2_set_backing(file, below ? cli->backing : NULL,
		                                cli->backing_format, err);
	}
	if (file)
		block_close(file);
	return ret;
}

/* ---- commit ---- */

/* The image as it was made, with nothing in it; its name stays. */
static int make_empty(const char *name, const struct qcow2_create *create,
                      struct err *err)
{
	struct target t;
	int ret = target_open(&t, name, err);

	if (ret >= 0)
		ret = qcow2_create(t.fd, name, create, err);
	if (ret >= 0)
		ret = target_finish(&t, err);
	target_close(&t);
	return ret;
}

static int copy_down(struct session *s, struct block_node *image, struct block_node *base,
                     const char *base_name, const struct qcow2_info *q, struct err *err)
{
	struct copy_opts copy = {
		.from = image,
		.to = base,
		.from_name = s->cli->words[0],
		.to_name = base_name,
		.only_top = true,
		.parallel = 8,
		/* Its clusters are all here, or all below. */
		.sparse = q->cluster_size,
		.progress = s->cli->progress && !s->cli->quiet,
	};
	struct block_info from, to;
	int ret = 0;

	block_get_info(image, &from);
	block_get_info(base, &to);
	if (from.length > to.length)
		ret = block_resize(base, from.length, err);
	if (ret >= 0)
		ret = copy_run(s, &copy, err);
	if (ret < 0)
		return ret;
	ret = block_flush(base);
	return ret < 0 ? err_sys(err, -ret, "cannot write %s", base_name) : 0;
}

/* create: what the image is, to be made again; its strings are the caller's. */
static int commit(struct session *s, struct block_node *image,
                  struct qcow2_create *create, struct err *err)
{
	const char *name = s->cli->words[0];
	struct block_node *base;
	struct block_info info;
	struct qcow2_info q;
	_cleanup_free_ char *path = NULL;
	int ret;

	qcow2_get_info(image, &q);
	block_get_info(image, &info);
	if (!q.backing_file)
		return err_set(err, EINVAL,
		               "%s has no backing file that could take its data", name);
	if (q.snapshots && !s->cli->keep)
		return err_set(
			err, ENOTSUP,
			"%s has snapshots and cannot become empty; give -d to leave "
			"it as it is",
			name);
	path = image_beside(name, q.backing_file);
	create->backing_file = strdup(q.backing_file);
	create->backing_fmt = q.backing_format ? strdup(q.backing_format) : NULL;
	if (!path || !create->backing_file || (q.backing_format && !create->backing_fmt))
		return err_sys(err, ENOMEM, "%s", name);
	create->size = info.length;
	create->cluster_size = q.cluster_size;
	create->compat = q.version == 3;
	create->lazy_refcounts = q.lazy_refcounts;
	create->refcount_bits = q.refcount_bits;
	base = image_open(s, path, q.backing_format, IMAGE_WRITE, s->cli->target_cache,
	                  err);
	if (!base)
		return -err->code;
	ret = copy_down(s, image, base, path, &q, err);
	block_close(base);
	return ret;
}

int command_commit(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	struct qcow2_create create = { 0 };
	struct block_node *image;
	int ret = cli_check_words(cli, 1, 1, err);

	if (ret < 0)
		return ret;
	/* Without what is below, which is opened to be written. */
	image = image_open(s, cli->words[0], cli->format, IMAGE_WRITE | IMAGE_ALONE, NULL,
	                   err);
	if (!image)
		return -err->code;
	if (!qcow2_find(image))
		return err_set(err, EINVAL,
		               "%s is no qcow2 image: it has no backing file",
		               cli->words[0]);
	ret = commit(s, image, &create, err);
	block_close(image);
	if (ret >= 0 && !cli->keep)
		ret = make_empty(cli->words[0], &create, err);
	if (ret >= 0 && !cli->quiet)
		strbuf_adds(&s->out, "Image committed.\n");
	opts_free(qcow2_create_options, &create);
	return ret;
}
