// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm-img measure: how large the file of a new image would become. */
#include "common/bytes.h"
#include "img/commands.h"
#include "img/create.h"
#include "img/extent.h"
#include "img/image.h"
#include "img/json.h"
#include "vmm/block/qcow2.h"

#include <errno.h>
#include <stdio.h>

typedef unsigned long long ull;

/* Bytes of data in clusters of that size. */
static int count_data(struct block_node *image, uint64_t cluster, uint64_t *bytes)
{
	struct block_info info;
	struct extent e;
	int ret = 0;

	block_get_info(image, &info);
	for (uint64_t at = 0; at < info.length && ret >= 0;) {
		ret = extent_at(image, at, info.length - at, &e);
		if (ret >= 0 && e.data) {
			*bytes += at % cluster;
			e.len = align_up(at + e.len, cluster) - at;
			*bytes += e.len;
		}
		at += e.len;
	}
	return ret;
}

/* Only version 3 of the format can. */
static bool has_bitmaps(struct block_node *node)
{
	struct block_node *q = node ? qcow2_find(node) : NULL;
	struct qcow2_info info = { 0 };

	if (q)
		qcow2_get_info(q, &info);
	return info.version == 3;
}

static int measure(struct session *s, struct new_image *image, struct block_node *node,
                   struct err *err)
{
	uint64_t size = *create_size(image), required = size, full = size;
	bool bitmaps = image->qcow2 && has_bitmaps(node);
	struct json json = { .out = &s->out };
	int ret = 0;

	if (image->qcow2) {
		full = qcow2_create_measure(&image->as_qcow2, size);
		required = 0;
		if (node)
			ret = count_data(node, image->as_qcow2.cluster_size, &required);
		if (ret < 0)
			return err_sys(err, -ret, "cannot read where the data of %s is",
			               s->cli->words[0]);
		if (image->as_qcow2.preallocation)
			required = size;
		required = qcow2_create_measure(&image->as_qcow2, required);
	}
	if (!s->cli->json) {
		strbuf_addf(&s->out, "required size: %llu\nfully allocated size: %llu\n",
		            (ull)required, (ull)full);
		if (bitmaps)
			strbuf_adds(&s->out, "bitmaps size: 0\n");
		return 0;
	}
	json_open(&json, NULL, '{');
	if (bitmaps)
		json_number(&json, "bitmaps", 0);
	json_number(&json, "required", required);
	json_number(&json, "fully-allocated", full);
	json_close(&json, '}');
	return 0;
}

static int prepare(struct session *s, struct new_image *image, struct block_node *node,
                   struct err *err)
{
	const struct cli *cli = s->cli;
	struct block_info info;
	char size[24];
	int ret = 0;

	if (cli->options.len &&
	    opt_list_parse(&image->list, cli->options.data, NULL, err) < 0)
		return -err->code;
	if (node) {
		block_get_info(node, &info);
		snprintf(size, sizeof(size), "%llu", (ull)info.length);
		ret = opt_list_add(&image->list, "size", size);
	} else {
		ret = opt_list_add(&image->list, "size", cli->size);
	}
	if (ret < 0)
		return err_sys(err, -ret, "-o");
	ret = create_parse(image, err);
	if (ret >= 0)
		*create_size(image) = align_up(*create_size(image), 512);
	return ret >= 0 && image->qcow2 ? qcow2_create_check(&image->as_qcow2, err) : ret;
}

int command_measure(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	struct new_image image = { 0 };
	struct block_node *node = NULL;
	uint64_t size;
	int ret = cli_check_words(cli, !cli->size, !cli->size, err);

	if (ret >= 0 && cli->size)
		ret = image_parse_size(cli->size, "--size", &size, err);
	if (ret < 0)
		return ret;
	if (!create_format(&image, cli->target_format, err))
		return -err->code;
	if (!cli->size) {
		node = image_open(s, cli->words[0], cli->format,
		                  cli->force_share ? IMAGE_SHARE : 0, NULL, err);
		if (!node)
			ret = -err->code;
	}
	if (ret >= 0)
		ret = prepare(s, &image, node, err);
	if (ret >= 0)
		ret = measure(s, &image, node, err);
	create_free(&image);
	return ret;
}
