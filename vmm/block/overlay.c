// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Images that are put above others: what is written from then on goes to the new one, and
 * the old one stays as it is, until its data is committed to it.
 *
 * The new image takes the old one's place in the registry, with its device, its counters
 * and the drive's name. The old one stays there as an image of no drive, which only the
 * new one uses, and goes with it unless blockdev-add brought it. Loop's thread or under
 * its lock.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/block/qcow2-create.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES (1u << 20)

/* ---- whether an image can be written ---- */

/* The node and those that it is made of. What the upper ones have kept back goes down
 * while that can be written, and they are read again only then. */
static int set_readonly(struct block_node *node, bool readonly, struct err *err)
{
	int ret = 0;

	if (readonly && node->driver->refresh)
		ret = node->driver->refresh(node, false, err);
	if (ret >= 0 && node->child)
		ret = set_readonly(node->child, readonly, err);
	else if (ret >= 0)
		ret = file_set_readonly(node, readonly, err);
	if (ret < 0)
		return ret;
	node->readonly = readonly;
	if (!readonly && node->driver->refresh)
		ret = node->driver->refresh(node, true, err);
	return ret;
}

/* ---- one above another ---- */

/* was: the old image before it got its new user; name: for the one that has none then. */
static void swap_places(struct block_node *node, const struct block_node *was,
                        struct block_node *new, char *name)
{
	block_unlink(new);
	block_replace(node, new);
	if (!was->no_drive) {
		free(new->id);
		new->id = was->id;
		new->no_drive = false;
		new->auto_close = was->auto_close;
		node->id = name;
		node->no_drive = node->auto_close = true;
	} else if (!new->id) {
		new->id = name;
		new->no_drive = new->auto_close = true;
	} else {
		free(name);
	}
	new->user = was->user;
	new->resized = was->resized;
	new->batch_done = was->batch_done;
	new->opaque = was->opaque;
	new->slot = was->slot;
	new->stats = was->stats;
	if (was->user)
		new->write_cache = was->write_cache;
	new->detect_zeroes = was->detect_zeroes;
	if (new->slot)
		*new->slot = new;
	block_link(node, NULL);
}

/* After a migration another machine has the images. */
static int check_ours(const struct block_node *node, struct err *err)
{
	return block_is_held(node->reg)
	               ? err_set(err, EBUSY, "%s is another machine's", node->path)
	               : 0;
}

int block_may_put_above(const struct block_node *node, struct err *err)
{
	if (!node->length)
		return err_set(err, ENOMEDIUM, "Device '%s' has no medium", node->id);
	if (block_is_removable(node))
		return err_set(err, ENOTSUP, "Device '%s' has a medium that is removable",
		               node->id);
	if (node->below || (node->user && !node->slot))
		return block_in_use(node, err);
	return check_ours(node, err);
}

static int check_new(const struct block_node *node, struct block_node *new,
                     struct err *err)
{
	struct block_node *image = qcow2_find(new);

	if (new->user || new == node)
		return err_set(err, EBUSY, "The overlay is already in use");
	if (!image)
		return err_set(err, ENOTSUP,
		               "The overlay does not support backing images");
	if (to_qcow2(image)->backing)
		return err_set(err, EINVAL, "The overlay already has a backing image");
	if (new->readonly)
		return err_set(err, EROFS, "%s is read-only", new->path);
	if (new->length != node->length)
		return err_set(err, EINVAL,
		               "%s has %llu bytes, the disk above which it shall be %llu",
		               new->path, (unsigned long long)new->length,
		               (unsigned long long)node->length);
	return 0;
}

int block_put_above(struct block_node *node, struct block_node *new, struct err *err)
{
	char *name = strdup(node->no_drive ? new->node_name : node->node_name);
	struct block_node was, *below;
	int ret = node->id ? block_may_put_above(node, err) : 0, flushed = 0;

	if (ret >= 0)
		ret = check_new(node, new, err);

	if (ret >= 0 && !name)
		ret = err_sys(err, ENOMEM, "%s", node->path);
	block_drain(node);
	if (ret >= 0 && !node->readonly)
		flushed = block_flush(node);
	if (flushed < 0)
		ret = err_sys(err, -flushed, "%s cannot be flushed", node->path);
	if (ret >= 0 && !node->readonly)
		ret = set_readonly(node, true, err);
	if (ret < 0) {
		free(name);
		return ret;
	}
	was = *node;
	node->user = NULL;
	below = block_refer_to(node, new->node_name, err);
	if (!below) {
		node->user = was.user;
		free(name);
		return -err->code;
	}
	to_qcow2(qcow2_find(new))->backing = below;
	swap_places(node, &was, new, name);
	return 0;
}

/* ---- new images ---- */

static int open_new(const char *path, char *temp, struct err *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = temp ? mkostemp(temp, O_CLOEXEC)
	              : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	                     0644);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "Could not create '%s'", path);
	/* What is there already may be in use, and be this machine's own disk. */
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0 && (errno == EAGAIN || errno == EACCES))
		err_set(err, EBUSY, "'%s' is in use by a machine", path);
	else if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
		err_set(err, EINVAL, "'%s' is neither a file nor a block device", path);
	else if (S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0)
		err_sys(err, errno, "Could not create '%s'", path);
	else
		return fd;
	close(fd);
	return -err->code;
}

/* An empty image of that size; temp: mkstemp()'s pattern, which is path, or NULL. */
static int make_image(const char *path, char *temp, struct qcow2_create *create,
                      struct err *err)
{
	_cleanup_close_ int fd = -1;
	int ret = qcow2_create_check(create, err);

	if (ret >= 0)
		ret = fd = open_new(path, temp, err);
	if (ret >= 0)
		ret = qcow2_create(fd, path, create, err);
	return ret;
}

static struct qcow2_create new_image(uint64_t size)
{
	return (struct qcow2_create){
		.size = size,
		.cluster_size = 65536,
		.compat = 1,
		.refcount_bits = 16,
	};
}

struct block_node *block_new_above(struct block_node *node, const struct block_above *how,
                                   struct err *err)
{
	struct qcow2_create create = new_image(node->length);
	_cleanup_free_ char *full = realpath(node->path, NULL);
	struct image_opts opts = {
		.file = (char *)how->file,
		.node_name = (char *)how->node_name,
		.format = FORMAT_QCOW2,
		.cache = node->cache,
		.discard = node->discard ? IMAGE_DISCARD_UNMAP : IMAGE_DISCARD_IGNORE,
		.backing = (char *)"",
	};
	struct block_node *new;

	if (how->format && strcmp(how->format, "qcow2")) {
		err_set(err, ENOTSUP, "Backing file not supported for file format '%s'",
		        how->format);
		return NULL;
	}
	create.backing_file = full ? full : node->path;
	create.backing_fmt = (char *)node->driver->name;
	if (!how->existing && make_image(how->file, NULL, &create, err) < 0)
		return NULL;
	new = block_open_by(node->reg, &opts, err);
	if (new &&check_new(node, new, err) < 0) {
		block_close(new);
		new = NULL;
	}
	return new;
}

struct block_node *block_put_temporary(struct block_node *node,
                                       const struct image_opts *image, struct err *err)
{
	struct qcow2_create create = new_image(node->length);
	const char *folder = getenv("TMPDIR");
	_cleanup_free_ char *path = NULL;
	struct image_opts opts = {
		.format = FORMAT_QCOW2,
		.cache = BLOCK_UNSAFE, /* nothing of it outlives this process */
		.aio = image->aio,
		.discard = image->discard,
		.backing = (char *)"",
	};
	struct block_node *new = NULL;

	if (asprintf(&path, "%s/vl.XXXXXX", folder && *folder ? folder : "/var/tmp") < 0)
		path = NULL;
	opts.file = path;
	if (!path)
		err_sys(err, ENOMEM, "%s", node->path);
	else if (make_image(path, path, &create, err) >= 0)
		new = block_open_by(node->reg, &opts, err);
	else
		err_hint(err, "TMPDIR may name another folder");
	if (path)
		unlink(path);
	if (new &&block_put_above(node, new, err) >= 0)
		return new;
	err_prefix(err, "snapshot=on");
	if (new)
		block_close(new);
	return NULL;
}

/* ---- and back ---- */

static int copy_extent(struct qcow2 *q, uint8_t *buf, uint64_t pos,
                       const struct block_extent *extent)
{
	uint64_t len = extent->len;
	int ret;

	switch (extent->where) {
	case BLOCK_HOLE:
	case BLOCK_BACKING:
		return 0;
	case BLOCK_ZERO:
		return block_rw(q->backing, BLOCK_WRITE_ZEROES, pos, NULL, len);
	default:
		ret = block_rw(&q->node, BLOCK_READ, pos, buf, len);
		return ret < 0 ? ret : block_rw(q->backing, BLOCK_WRITE, pos, buf, len);
	}
}

static int copy_down(struct qcow2 *q, uint8_t *buf)
{
	uint64_t length = q->node.length;
	int ret = 0;

	for (uint64_t pos = 0; pos < length && ret >= 0;) {
		struct block_extent extent;

		ret = block_map(&q->node, pos,
		                length - pos < COPY_BYTES ? length - pos : COPY_BYTES,
		                &extent);
		if (ret >= 0)
			ret = copy_extent(q, buf, pos, &extent);
		pos += ret >= 0 ? extent.len : 0;
	}
	return ret < 0 ? ret : block_flush(q->backing);
}

static int commit(struct qcow2 *q, struct err *err)
{
	_cleanup_free_ uint8_t *buf = NULL;
	int ret = posix_memalign((void **)&buf, 4096, COPY_BYTES) ? -ENOMEM : 0;

	if (ret >= 0 && q->node.length > q->backing->length) {
		ret = q->backing->driver->resize(q->backing, q->node.length, err);
		if (ret < 0)
			return ret;
	}
	if (ret >= 0)
		ret = copy_down(q, buf);
	/* All of it is below, and stays there. */
	if (ret >= 0)
		ret = qcow2_unmap(q, 0, q->node.length);
	if (ret >= 0)
		ret = qcow2_commit_wait(q, false);
	return ret < 0 ? err_sys(err, -ret, "%s", q->node.path) : 0;
}

int block_commit(struct block_node *node, struct err *err)
{
	struct block_node *image = qcow2_find(node);
	struct qcow2 *q = image ? to_qcow2(image) : NULL;
	struct err late = { 0 };
	int ret;

	if (!q || !q->backing)
		return err_set(err, ENOTSUP, "%s has no backing file", node->path);
	if (node->readonly)
		return err_set(err, EACCES, "%s is read-only", node->path);
	if (check_ours(node, err) < 0)
		return -err->code;
	block_drain(node);
	ret = set_readonly(q->backing, false, err);
	if (ret >= 0)
		ret = commit(q, err);
	if (set_readonly(q->backing, true, &late) < 0 && ret >= 0)
		ret = err_set(err, late.code, "%s", late.text);
	return ret;
}
