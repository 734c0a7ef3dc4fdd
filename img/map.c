// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm-img map: where the bytes of a disk are, as qemu-img prints it. */
#include "common/fdio.h"
#include "img/commands.h"
#include "img/extent.h"
#include "img/image.h"

#include <errno.h>

typedef unsigned long long ull;

static const char *path_of(const struct extent *e)
{
	struct block_info info;

	block_get_info(e->node, &info);
	return info.path;
}

static int print_text(const struct extent *e, struct strbuf *out, struct err *err)
{
	if (!e->data)
		return 0;
	if (!e->has_offset)
		return err_set(err, ENOTSUP,
		               "%s has compressed clusters, which have no place that "
		               "could be printed; give --output=json",
		               path_of(e));
	strbuf_addf(out, "%#-16llx%#-16llx%#-16llx%s\n", (ull)e->start, (ull)e->len,
	            (ull)e->offset, path_of(e));
	return 0;
}

static void print_json(const struct extent *e, bool first, struct strbuf *out)
{
	static const char *const words[] = { "false", "true" };

	strbuf_addf(
		out,
		"%s{ \"start\": %llu, \"length\": %llu, \"depth\": %u, \"present\": %s, "
		"\"zero\": %s, \"data\": %s",
		first ? "" : ",\n", (ull)e->start, (ull)e->len, e->depth,
		words[e->present], words[e->zero], words[e->data]);
	if (e->has_offset)
		strbuf_addf(out, ", \"offset\": %llu", (ull)e->offset);
	strbuf_adds(out, "}");
}

/* What is printed may be much: it goes as it comes. */
static int flush(struct strbuf *out, bool all, struct err *err)
{
	int ret = 0;

	if (all || out->len > 65536) {
		ret = fd_print(out, err);
		strbuf_free(out);
	}
	return ret;
}

static int print_map(struct session *s, struct block_node *image, uint64_t start,
                     uint64_t end, struct err *err)
{
	bool json = s->cli->json;
	struct extent e;
	int ret = 0;

	strbuf_adds(&s->out, json ? "["
	                          : "Offset          Length          Mapped to       "
	                            "File\n");
	for (uint64_t at = start; at < end && ret >= 0; at += e.len) {
		ret = extent_merged(image, at, &e);
		if (ret < 0)
			return err_sys(err, -ret, "cannot read where the data of %s is",
			               s->cli->words[0]);
		if (e.len > end - at)
			e.len = end - at;
		if (json)
			print_json(&e, at == start, &s->out);
		else
			ret = print_text(&e, &s->out, err);
		if (ret >= 0)
			ret = flush(&s->out, false, err);
	}
	if (json)
		strbuf_adds(&s->out, "]\n");
	return ret;
}

int command_map(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	struct block_node *image;
	struct block_info info;
	uint64_t start = 0, len = UINT64_MAX;
	int ret = cli_check_words(cli, 1, 1, err);

	if (ret >= 0 && cli->start_offset)
		ret = image_parse_size(cli->start_offset, "--start-offset", &start, err);
	if (ret >= 0 && cli->max_length)
		ret = image_parse_size(cli->max_length, "--max-length", &len, err);
	if (ret < 0)
		return ret;
	image = image_open(s, cli->words[0], cli->format,
	                   cli->force_share ? IMAGE_SHARE : 0, NULL, err);
	if (!image)
		return -err->code;
	block_get_info(image, &info);
	if (start > info.length)
		start = info.length;
	return print_map(s, image, start,
	                 len < info.length - start ? start + len : info.length, err);
}
