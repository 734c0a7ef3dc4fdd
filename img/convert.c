// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm-img convert: a disk in another format, or without what it does not need. */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "img/commands.h"
#include "img/copy.h"
#include "img/create.h"
#include "img/image.h"
#include "vmm/block/qcow2-show.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define WHOLE (64u << 10)

struct convert {
	struct session *s;
	struct new_image image;
	struct target t;
	const char *from_name, *to_name;
	struct block_node *from, *to;
	struct copy_opts copy;
};

static int parse_numbers(struct convert *c, struct err *err)
{
	const struct cli *cli = c->s->cli;
	uint64_t parallel = 8;

	c->copy.sparse = 4096;
	if (cli->sparse && image_parse_size(cli->sparse, "-S", &c->copy.sparse, err) < 0)
		return -EINVAL;
	c->copy.fill = !c->copy.sparse;
	if (c->copy.fill)
		c->copy.sparse = 4096;
	if (!is_power_of_2(c->copy.sparse) || c->copy.sparse < 512 ||
	    c->copy.sparse > 2 << 20)
		return err_usage(err, "-S %s is no power of two from 512 to 2M, nor 0",
		                 cli->sparse);
	if (cli->parallel &&
	    (opt_parse_u64(cli->parallel, &parallel) < 0 || !parallel || parallel > 16))
		return err_usage(err, "-m needs a number from 1 to 16, not '%s'",
		                 cli->parallel);
	c->copy.parallel = parallel;
	return 0;
}

static int check_words(struct convert *c, struct err *err)
{
	const struct cli *cli = c->s->cli;
	struct stat a, b;

	if (cli_check_words(cli, 2, 2, err) < 0)
		return -EINVAL;
	c->from_name = cli->words[0];
	c->to_name = cli->words[1];
	if (!stat(c->from_name, &a) && !stat(c->to_name, &b) && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino)
		return err_usage(err, "%s and %s are the same file; give another name",
		                 c->from_name, c->to_name);
	if (!create_format(&c->image, cli->target_format, err))
		return -EINVAL;
	if (cli->compress && !c->image.qcow2)
		return err_usage(err, "raw images cannot be compressed; give -O qcow2");
	if (cli->backing && !c->image.qcow2)
		return err_usage(err, "raw images have no backing file; give -O qcow2");
	if (cli->no_create && (cli->options.len || cli->backing))
		return err_usage(err, "-n: the image is there already; drop -o and -B");
	if (cli->zero && !cli->no_create)
		return err_usage(err, "--target-is-zero goes with -n");
	return parse_numbers(c, err);
}

/* -l: "NAME", "ID", "snapshot.name=NAME", "snapshot.id=ID". */
static int take_snapshot(struct convert *c, struct err *err)
{
	const char *text = c->s->cli->snapshot;
	struct block_node *q = qcow2_find(c->from);

	if (!text)
		return 0;
	if (!q)
		return err_set(err, EINVAL, "%s is no qcow2 image: it has no snapshots",
		               c->from_name);
	if (!strncmp(text, "snapshot.name=", 14))
		text += 14;
	else if (!strncmp(text, "snapshot.id=", 12))
		text += 12;
	return qcow2_show_snapshot(q, text, err);
}

/* The size, the backing file and -o, for the new image. */
static int describe(struct convert *c, struct err *err)
{
	const struct cli *cli = c->s->cli;
	struct block_info info;
	char size[24];
	int ret = 0;

	if (cli->options.len &&
	    opt_list_parse(&c->image.list, cli->options.data, NULL, err) < 0)
		return -err->code;
	block_get_info(c->from, &info);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)info.length);
	ret = opt_list_add(&c->image.list, "size", size);
	if (!ret && cli->backing)
		ret = opt_list_add(&c->image.list, "backing_file", cli->backing);
	if (!ret && cli->backing_format)
		ret = opt_list_add(&c->image.list, "backing_fmt", cli->backing_format);
	if (ret < 0)
		return err_sys(err, -ret, "-o");
	ret = create_parse(&c->image, err);
	if (ret >= 0 && c->image.qcow2)
		ret = qcow2_create_check(&c->image.as_qcow2, err);
	if (ret >= 0 && c->image.qcow2 && c->image.as_qcow2.backing_file &&
	    !c->image.as_qcow2.backing_fmt)
		ret = err_usage(err,
		                "which format does the backing file %s have? give -F "
		                "raw or -F qcow2",
		                c->image.as_qcow2.backing_file);
	return ret;
}

/* It has no name yet, from which that of its backing file could begin. */
static int open_target(struct convert *c, struct err *err)
{
	const struct cli *cli = c->s->cli;
	const struct qcow2_create *q = &c->image.as_qcow2;
	_cleanup_free_ char *below = NULL;
	char buf[32];

	if (!cli->no_create && c->image.qcow2 && q->backing_file) {
		below = image_beside(c->to_name, q->backing_file);
		if (!below)
			return err_sys(err, ENOMEM, "%s", c->to_name);
	}
	c->to = image_open_above(
		c->s, cli->no_create ? c->to_name : target_path(&c->t, buf, sizeof(buf)),
		c->image.qcow2 ? "qcow2" : "raw",
		IMAGE_WRITE | (c->t.device ? IMAGE_SHARE : 0),
		cli->target_cache ? cli->target_cache : "unsafe", below,
		below ? q->backing_fmt : NULL, err);
	if (!c->to)
		err_prefix(err, "%s", c->to_name);
	return c->to ? 0 : -err->code;
}

static int make_target(struct convert *c, struct err *err)
{
	const struct cli *cli = c->s->cli;
	struct block_info from, to;
	int ret = 0;

	if (!cli->no_create)
		ret = describe(c, err);
	if (ret >= 0 && !cli->no_create)
		ret = target_open(&c->t, c->to_name, err);
	if (ret >= 0 && !cli->no_create)
		ret = create_image(&c->image, &c->t, err);
	if (ret >= 0)
		ret = open_target(c, err);
	if (ret < 0)
		return ret;
	block_get_info(c->from, &from);
	block_get_info(c->to, &to);
	if (to.length < from.length)
		return err_set(err, ENOSPC,
		               "%s has %llu bytes, less than %s with %llu; enlarge it "
		               "with vmm-img resize",
		               c->to_name, (unsigned long long)to.length, c->from_name,
		               (unsigned long long)from.length);
	return 0;
}

static int copy(struct convert *c, struct err *err)
{
	const struct cli *cli = c->s->cli;
	struct block_node *q = qcow2_find(c->to);
	bool above = c->image.qcow2 && c->image.as_qcow2.backing_file;
	struct qcow2_info info;

	c->copy.from = c->from;
	c->copy.to = c->to;
	c->copy.from_name = c->from_name;
	c->copy.to_name = c->to_name;
	/* A device keeps what was on it, where the format does not say otherwise. */
	c->copy.to_is_zero =
		cli->zero || (!cli->no_create && !above && (q || !c->t.device));
	c->copy.only_top = above;
	c->copy.compress = cli->compress;
	c->copy.unordered = cli->unordered;
	c->copy.progress = cli->progress && !cli->quiet;
	if (q) {
		qcow2_get_info(q, &info);
		/* A cluster is written as one, unless it is very large. */
		if (cli->compress)
			c->copy.sparse = info.cluster_size;
		else if (c->copy.sparse < info.cluster_size)
			c->copy.sparse =
				info.cluster_size < WHOLE ? info.cluster_size : WHOLE;
	}
	if (cli->compress)
		c->copy.to = q;
	return copy_run(c->s, &c->copy, err);
}

int command_convert(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	struct convert c = { .s = s, .t = { .fd = -1, .old = -1 } };
	int ret;

	if (cli->options.len && !strcmp(cli->options.data, "help"))
		return create_help(s, cli->target_format, err);
	ret = check_words(&c, err);
	if (ret >= 0) {
		c.from = image_open(s, c.from_name, cli->format,
		                    cli->force_share ? IMAGE_SHARE : 0, cli->source_cache,
		                    err);
		ret = c.from ? take_snapshot(&c, err) : -err->code;
	}
	if (ret >= 0)
		ret = make_target(&c, err);
	if (ret >= 0)
		ret = copy(&c, err);
	if (ret >= 0) {
		ret = block_flush(c.to);
		if (ret < 0)
			err_sys(err, -ret, "cannot write %s", c.to_name);
	}
	if (c.to)
		block_close(c.to);
	if (ret >= 0 && !cli->no_create)
		ret = target_finish(&c.t, err);
	target_close(&c.t);
	create_free(&c.image);
	return ret;
}
