// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmm-img create. Everything that the user says is checked before the file is touched;
 * see target.h for what happens to one that is there already.
 */
#include "img/create.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/opts.h"
#include "img/commands.h"
#include "img/image.h"
#include "img/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* ---- raw images ---- */

static const char *const raw_preallocations[] = { "off", "falloc", "full", NULL };

static const struct opt_desc raw_options[] = {
	{ .name = "size",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct raw_create, size),
	  .help = "of the disk" },
	{ .name = "preallocation",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct raw_create, preallocation),
	  OPT_CHOICES(raw_preallocations, 0),
	  .help = "whether space is reserved, or even written" },
	{ .name = NULL },
};

static int write_zeros(int fd, uint64_t size)
{
	_cleanup_free_ uint8_t *zeros = calloc(1, 1 << 20);
	int ret = zeros ? 0 : -ENOMEM;

	for (uint64_t at = 0; at < size && !ret; at += 1 << 20)
		ret = fd_pwrite(fd, zeros, size - at < 1 << 20 ? size - at : 1 << 20, at);
	return ret;
}

static int make_raw(const struct raw_create *raw, struct target *t, struct err *err)
{
	uint64_t size = (raw->size + 511) & ~511ull;
	int ret = 0;

	if (t->device && size > t->device)
		return err_set(err, ENOSPC,
		               "%s is a device of %llu bytes, less than the image needs",
		               t->name, (unsigned long long)t->device);
	if (!t->device && ftruncate(t->fd, size) < 0)
		ret = -errno;
	if (!ret && raw->preallocation == RAW_FALLOC && size && !t->device)
		ret = -posix_fallocate(t->fd, 0, size);
	if (!ret && raw->preallocation == RAW_FULL)
		ret = write_zeros(t->fd, size);
	return ret < 0 ? err_sys(err, -ret, "cannot make %s", t->name) : 0;
}

/* ---- any format ---- */

bool create_format(struct new_image *image, const char *name, struct err *err)
{
	if (!name || !strcmp(name, "raw") || !strcmp(name, "qcow2")) {
		image->qcow2 = name && *name == 'q';
		return true;
	}
	if (!strcmp(name, "qcow")) {
		dprintf(STDERR_FILENO, "vmm-img: note: qcow means qcow2 here, the "
		                       "format that replaced it\n");
		image->qcow2 = true;
		return true;
	}
	err_usage(err, "images of the format '%s' cannot be made; raw and qcow2 can",
	          name);
	return false;
}

static const struct opt_desc *create_options(const struct new_image *image)
{
	return image->qcow2 ? qcow2_create_options : raw_options;
}

int create_help(struct session *s, const char *format, struct err *err)
{
	struct new_image image = { 0 };

	if (!create_format(&image, format, err))
		return -err->code;
	strbuf_adds(&s->out, "Supported options:\n");
	opts_help(create_options(&image), &s->out);
	return 0;
}

int create_parse(struct new_image *image, struct err *err)
{
	/* The later of two wins, as -b does over backing_file=. */
	return opts_apply(create_options(image), &image->list,
	                  image->qcow2 ? (void *)&image->as_qcow2 : &image->as_raw, "-o",
	                  err);
}

uint64_t *create_size(struct new_image *image)
{
	return image->qcow2 ? &image->as_qcow2.size : &image->as_raw.size;
}

int create_image(const struct new_image *image, struct target *t, struct err *err)
{
	return image->qcow2 ? qcow2_create(t->fd, t->name, &image->as_qcow2, err)
	                    : make_raw(&image->as_raw, t, err);
}

void create_free(struct new_image *image)
{
	opt_list_free(&image->list);
	if (image->qcow2)
		opts_free(qcow2_create_options, &image->as_qcow2);
}

/* ---- the image below ---- */

static int size_from_backing(struct session *s, const char *file, struct new_image *image,
                             bool has_size, struct err *err)
{
	struct qcow2_create *q = &image->as_qcow2;
	_cleanup_free_ char *path = image_beside(file, q->backing_file);
	struct block_node *node;
	struct block_info info;

	if (!q->backing_fmt)
		return err_usage(err,
		                 "which format does the backing file %s have? "
		                 "give -F raw or -F qcow2",
		                 q->backing_file);
	if (s->cli->unsafe && has_size)
		return 0;
	node = path ? image_open(s, path, q->backing_fmt, 0, NULL, err) : NULL;
	if (!node) {
		err_prefix(err, "backing file");
		return err->code ? -err->code : err_sys(err, ENOMEM, "%s", file);
	}
	block_get_info(node, &info);
	if (!has_size)
		q->size = info.length;
	block_close(node);
	return 0;
}

/* ---- the command ---- */

static void report(const struct new_image *image, const char *file, struct strbuf *out)
{
	const struct qcow2_create *q = &image->as_qcow2;

	if (!image->qcow2) {
		strbuf_addf(out, "Formatting '%s', fmt=raw size=%llu", file,
		            (unsigned long long)image->as_raw.size);
		if (image->as_raw.preallocation)
			strbuf_addf(out, " preallocation=%s",
			            raw_preallocations[image->as_raw.preallocation]);
		strbuf_addc(out, '\n');
		return;
	}
	strbuf_addf(out, "Formatting '%s', fmt=qcow2 cluster_size=%llu extended_l2=off",
	            file, (unsigned long long)q->cluster_size);
	if (q->preallocation)
		strbuf_addf(out, " preallocation=%s",
		            qcow2_preallocations[q->preallocation]);
	strbuf_addf(out, " compression_type=zlib size=%llu", (unsigned long long)q->size);
	if (opt_list_get(&image->list, "compat"))
		strbuf_addf(out, " compat=%s", qcow2_compats[q->compat]);
	if (q->backing_file)
		strbuf_addf(out, " backing_file=%s", q->backing_file);
	if (q->backing_fmt)
		strbuf_addf(out, " backing_fmt=%s", q->backing_fmt);
	strbuf_addf(out, " lazy_refcounts=%s refcount_bits=%u\n",
	            q->lazy_refcounts ? "on" : "off", q->refcount_bits);
}

/* -b, -F and the size are keys of -o, too. */
static int add_words(const struct cli *cli, struct new_image *image, struct err *err)
{
	const char *size = cli->word_count > 1 ? cli->words[1] : NULL;
	uint64_t bytes;
	int ret = 0;

	if (size && image_parse_size(size, "the size", &bytes, err) < 0)
		return -EINVAL;
	if (!image->qcow2 && (cli->backing || cli->backing_format))
		return err_usage(err, "raw images have no backing file; give -f qcow2");
	if (cli->backing)
		ret = opt_list_add(&image->list, "backing_file", cli->backing);
	if (!ret && cli->backing_format)
		ret = opt_list_add(&image->list, "backing_fmt", cli->backing_format);
	if (!ret && size)
		ret = opt_list_add(&image->list, "size", size);
	return ret < 0 ? err_sys(err, -ret, "-o") : 0;
}

static int prepare(struct session *s, struct new_image *image, struct err *err)
{
	const struct cli *cli = s->cli;
	bool has_size;
	int ret;

	if (cli->options.len &&
	    opt_list_parse(&image->list, cli->options.data, NULL, err) < 0)
		return -err->code;
	ret = add_words(cli, image, err);
	if (ret >= 0)
		ret = create_parse(image, err);
	if (ret < 0)
		return ret;
	has_size = opt_list_get(&image->list, "size");
	if (image->qcow2 && image->as_qcow2.backing_file)
		ret = size_from_backing(s, cli->words[0], image, has_size, err);
	else if (!has_size)
		ret = err_usage(err, "how large shall %s be? give a size, such as 10G",
		                cli->words[0]);
	if (ret >= 0 && image->qcow2)
		ret = qcow2_create_check(&image->as_qcow2, err);
	return ret;
}

int command_create(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	struct new_image image = { 0 };
	struct target t = { .fd = -1, .old = -1 };
	int ret;

	if (cli->options.len && !strcmp(cli->options.data, "help"))
		return create_help(s, cli->format, err);
	if (!create_format(&image, cli->format, err))
		return -err->code;
	ret = cli_check_words(cli, 1, 2, err);
	if (ret >= 0)
		ret = prepare(s, &image, err);
	if (ret >= 0)
		ret = target_open(&t, cli->words[0], err);
	if (ret >= 0)
		ret = create_image(&image, &t, err);
	if (ret >= 0)
		ret = target_finish(&t, err);
	if (ret >= 0 && !cli->quiet)
		report(&image, cli->words[0], &s->out);
	target_close(&t);
	create_free(&image);
	return ret;
}
