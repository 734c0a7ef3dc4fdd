// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Image formats: which one an image has, and the raw one, which is the bytes of its
 * child.
 *
 * An image whose format is not given is probed. What has no signature is raw, and from
 * then on a guest cannot write one into its first sector; images of formats that are not
 * supported are refused.
 */
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/block/iov.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <string.h>

#define HEAD_LEN 512

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

/* ---- raw ---- */

static void raw_submit(struct block_node *node, struct block_req *req)
{
	node->child->driver->submit(node->child, req);
}

static int raw_map(struct block_node *node, uint64_t offset, uint64_t len,
                   struct block_extent *extent)
{
	return block_map(node->child, offset, len, extent);
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
	.map = raw_map,
	.resize = raw_resize,
	.close = raw_close,
};

/* Whether it is raw was guessed: what would make the next guess another one must not get
 * there, or a guest could have any file as what is below its image. */

struct first_write {
	struct block_req req;
	struct iovec iov;
	struct block_req *of;
};

static void first_written(struct block_req *req, int ret)
{
	struct first_write *w = container_of(req, struct first_write, req);
	struct block_req *of = w->of;

	free(w->iov.iov_base);
	free(w);
	block_complete(of, ret);
}

static void guessed_submit(struct block_node *node, struct block_req *req)
{
	struct first_write *w;

	if (req->op != BLOCK_WRITE || req->offset >= HEAD_LEN || node->readonly) {
		raw_submit(node, req);
		return;
	}
	/* A copy, as the guest may change its memory behind our back. */
	w = calloc(1, sizeof(*w));
	if (!w || posix_memalign(&w->iov.iov_base, 4096, req->len)) {
		free(w);
		block_complete_soon(req, -ENOMEM);
		return;
	}
	w->iov.iov_len = req->len;
	iov_to_buf(req->iov, req->iov_count, 0, w->iov.iov_base, req->len);
	if (probe(w->iov.iov_base)) {
		free(w->iov.iov_base);
		free(w);
		log_guest(&node->warned,
		          "%s: its format was guessed to be raw, and a write that would "
		          "make it another one was refused; give format=raw",
		          node->path);
		block_complete_soon(req, -EPERM);
		return;
	}
	w->of = req;
	w->req.op = BLOCK_WRITE;
	w->req.offset = req->offset;
	w->req.len = req->len;
	w->req.iov = &w->iov;
	w->req.iov_count = 1;
	w->req.durable = req->durable;
	w->req.done = first_written;
	block_submit_below(node->child, &w->req);
}

static const struct block_driver guessed_driver = {
	.name = "raw",
	.submit = guessed_submit,
	.map = raw_map,
	.resize = raw_resize,
	.close = raw_close,
};

/* A write to the last block would have to go past the end of the disk. */
static int check_end(const struct block_node *file, struct err *err)
{
	if (file->readonly || !(file->length % file->request_align))
		return 0;
	return err_set(err, EINVAL,
	               "%s: direct I/O needs a size that is a multiple "
	               "of %u bytes here; enlarge it with truncate, or use "
	               "cache=writeback",
	               file->path, file->request_align);
}

static struct block_node *raw_open(struct block_registry *reg, struct block_node *file,
                                   bool guessed, struct err *err)
{
	struct block_node *node = NULL;

	if (check_end(file, err) >= 0) {
		node = calloc(1, sizeof(*node));
		if (node)
			node->path = strdup(file->path);
		if (!node || !node->path)
			err_sys(err, ENOMEM, "%s", file->path);
	}
	if (!node || !node->path) {
		block_close(file);
		free(node);
		return NULL;
	}
	node->driver = guessed ? &guessed_driver : &raw_driver;
	node->reg = reg;
	node->child = file;
	node->length = file->length;
	node->readonly = file->readonly;
	node->discard = file->discard;
	node->write_cache = file->write_cache;
	node->request_align = file->request_align;
	return node;
}

/* ---- opening ---- */

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
		return qcow2_open(reg, file, opts, err);
	if (opts->format == FORMAT_AUTO)
		ret = file_peek(file, 0, head, sizeof(head));
	if (ret > 0)
		found = probe(head);
	if (ret < 0)
		err_sys(err, -ret, "cannot read %s", file->path);
	else if (found && !strcmp(found, "qcow2"))
		return qcow2_open(reg, file, opts, err);
	else if (found)
		ret = refuse(file, found, err);
	if (ret < 0) {
		block_close(file);
		return NULL;
	}
	return raw_open(reg, file, opts->format == FORMAT_AUTO, err);
}
