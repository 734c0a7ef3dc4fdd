// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmm-img compare: whether two disks have the same bytes, whatever the format. What both
 * images say is zeros is not read.
 */
#include "common/cleanup.h"
#include "img/commands.h"
#include "img/extent.h"
#include "img/image.h"
#include "img/progress.h"

#include <errno.h>
#include <string.h>

enum { EXIT_DIFFERENT = 1, EXIT_TROUBLE = 2 };

#define CHUNK  (2u << 20)
#define SECTOR 512

struct side {
	const char *name;
	struct block_node *node;
	uint64_t length;
	struct extent e;
	uint8_t *buf;
	int ret;
	struct iovec iov;
	struct block_req req;
};

typedef unsigned long long ull;

enum why { SAME, CONTENT, STRICT };

static int look(struct side *side, uint64_t at, struct err *err)
{
	int ret = 0;

	/* A shorter disk has zeros behind it. */
	if (at >= side->length)
		side->e = (struct extent){ .start = at,
			                   .len = UINT64_MAX - at,
			                   .zero = true };
	else if (at >= side->e.start + side->e.len || at < side->e.start)
		ret = extent_at(side->node, at, side->length - at, &side->e);
	return ret < 0 ? err_sys(err, -ret, "cannot read where the data of %s is",
	                         side->name)
	               : 0;
}

static void read_done(struct block_req *req, int ret)
{
	struct side *side = req->opaque;

	side->ret = ret;
}

static void start_read(struct side *side, uint64_t at, uint64_t len)
{
	side->ret = 0;
	if (!side->e.data)
		return;
	side->iov = (struct iovec){ side->buf, len };
	side->req = (struct block_req){ .op = BLOCK_READ,
		                        .offset = at,
		                        .len = len,
		                        .iov = &side->iov,
		                        .iov_count = 1,
		                        .done = read_done,
		                        .opaque = side };
	block_submit(side->node, &side->req);
	block_kick(side->node);
}

static int end_read(struct side *side, uint64_t at, struct err *err)
{
	block_drain(side->node);
	return side->ret < 0 ? err_sys(err, -side->ret, "cannot read %s at %llu",
	                               side->name, (ull)at)
	                     : 0;
}

/* The first sector that differs; len: none does. */
static uint64_t difference(const struct side *a, const struct side *b, uint64_t len)
{
	static const uint8_t zeros[SECTOR];

	if (a->e.data && b->e.data && !memcmp(a->buf, b->buf, len))
		return len;
	for (uint64_t at = 0; at < len; at += SECTOR)
		if (memcmp(a->e.data ? a->buf + at : zeros,
		           b->e.data ? b->buf + at : zeros, SECTOR))
			return at;
	return len;
}

/* Reads what is to be read of both, and compares it: *len becomes the bytes that are the
 * same. */
static int compare_data(struct side side[2], uint64_t at, uint64_t *len, struct err *err)
{
	int ret;

	start_read(&side[0], at, *len);
	start_read(&side[1], at, *len);
	ret = end_read(&side[0], at, err);
	if (end_read(&side[1], at, ret ? NULL : err) < 0 && !ret)
		ret = -err->code;
	if (!ret)
		*len = difference(&side[0], &side[1], *len);
	return ret;
}

/* Goes on from *at; *why tells what differs there. */
static int step(struct session *s, struct side side[2], uint64_t *at, uint64_t end,
                enum why *why, struct err *err)
{
	const struct extent *a = &side[0].e, *b = &side[1].e;
	uint64_t len = end - *at, same;
	int ret = 0;

	for (unsigned i = 0; i < 2 && !ret; i++) {
		ret = look(&side[i], *at, err);
		if (!ret && len > side[i].e.start + side[i].e.len - *at)
			len = side[i].e.start + side[i].e.len - *at;
	}
	if (ret)
		return ret;
	if (s->cli->strict && (a->data != b->data || a->present != b->present)) {
		*why = STRICT;
		return 0;
	}
	if (a->data || b->data) {
		same = len = len < CHUNK ? len : CHUNK;
		ret = compare_data(side, *at, &same, err);
		if (!ret && same < len)
			*why = CONTENT;
		len = same;
	}
	*at += len;
	return ret;
}

static int compare(struct session *s, struct side side[2], bool *same, struct err *err)
{
	bool longer = side[1].length > side[0].length;
	uint64_t end = side[longer].length, common = side[!longer].length, at = 0;
	struct progress progress;
	enum why why = SAME;
	int ret = 0;

	progress_start(&progress, s->cli->progress && !s->cli->quiet, end);
	while (at < end && !ret && !why) {
		if (at == common)
			strbuf_adds(&s->out, "Warning: Image size mismatch!\n");
		ret = step(s, side, &at, at < common ? common : end, &why, err);
		progress_at(&progress, at);
	}
	progress_end(&progress, !ret);
	*same = why == SAME;
	if (why == STRICT)
		strbuf_addf(&s->out, "Strict mode: Offset %llu block status mismatch!\n",
		            (ull)at);
	else if (why == CONTENT)
		strbuf_addf(&s->out, "Content mismatch at offset %llu!\n", (ull)at);
	return ret;
}

static int open_side(struct session *s, struct side *side, const char *name,
                     const char *format, struct err *err)
{
	struct block_info info;

	side->name = name;
	side->buf = malloc(CHUNK);
	if (!side->buf)
		return err_sys(err, ENOMEM, "%s", name);
	side->node = image_open(s, name, format, s->cli->force_share ? IMAGE_SHARE : 0,
	                        s->cli->source_cache, err);
	if (!side->node)
		return -err->code;
	block_get_info(side->node, &info);
	side->length = info.length;
	return 0;
}

int command_compare(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	struct side side[2] = { 0 };
	bool same = true;
	int ret = cli_check_words(cli, 2, 2, err);

	s->fail_code = EXIT_TROUBLE;
	if (ret >= 0)
		ret = open_side(s, &side[0], cli->words[0], cli->format, err);
	if (ret >= 0)
		ret = open_side(s, &side[1], cli->words[1], cli->backing_format, err);
	if (ret >= 0 && side[0].length != side[1].length && cli->strict) {
		strbuf_adds(&s->out, "Strict mode: Image size mismatch!\n");
		same = false;
	} else if (ret >= 0) {
		ret = compare(s, side, &same, err);
	}
	if (ret >= 0 && same)
		strbuf_adds(&s->out, "Images are identical.\n");
	if (cli->quiet)
		strbuf_free(&s->out);
	s->code = same ? 0 : EXIT_DIFFERENT;
	free(side[0].buf);
	free(side[1].buf);
	return ret;
}
