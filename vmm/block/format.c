// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Image formats: which one an image has, and the raw one, which is the bytes of its
 * child.
 *
 * An image whose format is not given is probed. Only signatures of formats that are not
 * supported are looked for, and those are refused: a guest that writes such a signature
 * into its raw disk gains nothing but an image that must be opened with format=raw.
 */
#include "common/cleanup.h"
#include "vmm/block/node.h"

#include <errno.h>
#include <string.h>

#define HEAD_LEN 512

/* ---- raw ---- */

static void raw_submit(struct block_node *node, struct block_req *req)
{
	node->child->driver->submit(node->child, req);
}

static int raw_resize(struct block_node *node, uint64_t length, struct err *err)
{
	int ret = node->child->driver->resize(node->child, length, err);

	node->length = node->child->length;
	return ret;
}

static void raw_close(struct block_node *node)
{
	block_close(node->child);
}

static const struct block_driver raw_driver = {
	.name = "raw",
	.submit = raw_submit,
	.resize = raw_resize,
	.close = raw_close,
};

static struct block_node *raw_open(struct block_registry *reg, struct block_node *file,
                                   struct err *err)
{
	struct block_node *node = calloc(1, sizeof(*node));

	if (node)
		node->path = strdup(file->path);
	if (!node || !node->path) {
		err_sys(err, ENOMEM, "%s", file->path);
		block_close(file);
		free(node);
		return NULL;
	}
	node->driver = &raw_driver;
	node->reg = reg;
	node->child = file;
	node->length = file->length;
	node->readonly = file->readonly;
	node->discard = file->discard;
	node->write_cache = file->write_cache;
	node->request_align = file->request_align;
	return node;
}

/* ---- probing ---- */

static const struct signature {
	const char *name;
	unsigned offset, len;
	const char *bytes;
} signatures[] = {
	{ "qcow", 0, 4, "QFI\xfb" },
	{ "qed", 0, 4, "QED\0" },
	{ "vmdk", 0, 4, "KDMV" },
	{ "vmdk", 0, 4, "COWD" },
	{ "vmdk", 0, 21, "# Disk DescriptorFile" },
	{ "vdi", 64, 4, "\x7f\x10\xda\xbe" },
	{ "vhdx", 0, 8, "vhdxfile" },
	{ "vpc", 0, 8, "conectix" },
	{ "luks", 0, 6, "LUKS\xba\xbe" },
	{ "parallels", 0, 16, "WithoutFreeSpace" },
};

static const char *probe(const uint8_t *head)
{
	for (unsigned i = 0; i < ARRAY_SIZE(signatures); i++) {
		const struct signature *s = &signatures[i];

		if (memcmp(head + s->offset, s->bytes, s->len))
			continue;
		/* The version that counts is the big-endian word behind the signature. */
		if (!strcmp(s->name, "qcow") && head[7] >= 2)
			return "qcow2";
		return s->name;
	}
	return NULL;
}

static int refuse(struct block_node *file, const char *format, struct err *err)
{
	return err_set(
		err, ENOTSUP,
		"%s is a %s image, a format that is not supported yet; convert it "
		"with 'qemu-img convert -O raw', or give format=raw to use the bytes "
		"as they are",
		file->path, format);
}

struct block_node *format_open(struct block_registry *reg, struct block_node *file,
                               const struct image_opts *opts, struct err *err)
{
	uint8_t head[HEAD_LEN] = { 0 };
	const char *found = NULL;
	int ret = 0;

	if (opts->format == FORMAT_QCOW2)
		found = "qcow2";
	else if (opts->format == FORMAT_AUTO)
		ret = file_peek(file, 0, head, sizeof(head));
	if (ret > 0)
		found = probe(head);
	if (ret < 0)
		err_sys(err, -ret, "cannot read %s", file->path);
	else if (found)
		ret = refuse(file, found, err);
	if (ret < 0) {
		block_close(file);
		return NULL;
	}
	return raw_open(reg, file, err);
}
