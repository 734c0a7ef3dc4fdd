// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The file protocol: requests on a regular file or a block device.
 *
 * Cache modes: none and directsync bypass the page cache (O_DIRECT); writethrough and
 * directsync make each write durable (RWF_DSYNC, or a sync behind what is not a write);
 * unsafe ignores flushes. A file whose size is not a multiple of 512 is a disk with the
 * size rounded up: the missing bytes read as zeros and appear with the first write there.
 *
 * Once a sync of the page cache has failed the kernel has forgotten which pages were not
 * written, and a later sync would wrongly succeed: all further flushes fail.
 */
#include "vmm/block/file.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"

#include <assert.h>
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* What a request needs here; it lives in the request's scratch space. */
struct file_req {
	struct aio_op op;
	struct file_node *file;
	struct file_req *next, **link; /* among the file's writes; link NULL: not there */
};
static_assert(sizeof(struct file_req) <= sizeof(((struct block_req *)0)->scratch),
              "the scratch space of a block request is too small");

static struct block_req *to_req(struct aio_op *op)
{
	return (struct block_req *)((char *)op - offsetof(struct block_req, scratch));
}

static struct file_node *to_file(struct block_node *node)
{
	return (struct file_node *)node;
}

/* ---- requests ---- */

static void op_done(struct aio_op *op, int ret)
{
	struct file_req *freq = container_of(op, struct file_req, op);

	if (freq->link) {
		*freq->link = freq->next;
		if (freq->next)
			freq->next->link = freq->link;
		rmw_written(&freq->file->rmw);
	}
	block_complete(to_req(op), ret);
}

/* Of whole blocks, where a guest's sector may be less than one. */
static void add_write(struct file_node *file, struct file_req *freq)
{
	freq->next = file->writes;
	freq->link = &file->writes;
	if (freq->next)
		freq->next->link = &freq->next;
	file->writes = freq;
}

bool file_is_written(struct rmw *rmw, uint64_t start, uint64_t end)
{
	struct file_node *file = container_of(rmw, struct file_node, rmw);

	for (struct file_req *freq = file->writes; freq; freq = freq->next)
		if (freq->op.offset < end && start < freq->op.offset + freq->op.len)
			return true;
	return false;
}

static void flush_done(struct aio_op *op, int ret)
{
	struct file_node *file = container_of(op, struct file_req, op)->file;

	/* A full disk is not forgotten, and direct I/O keeps nothing that could be. */
	if (ret < 0 && ret != -ENOSPC && ret != -EDQUOT && !file->direct) {
		file->flush_failed = true;
		log_error("%s: a sync failed (%s): no further flush of this drive will "
		          "succeed",
		          file->node.path, strerror(-ret));
	}
	block_complete(to_req(op), ret);
}

static bool is_aligned(const struct file_node *file, const struct block_req *req)
{
	uint64_t bits = req->offset | req->len;

	if (!file->direct)
		return true;
	if (bits & (file->node.request_align - 1))
		return false;
	bits = 0;
	for (unsigned i = 0; i < req->iov_count; i++)
		bits |= (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;
	return req->op == BLOCK_WRITE_ZEROES || !(bits & (file->mem_align - 1));
}

static void start(struct file_node *file, struct block_req *req, enum aio_kind kind,
                  uint64_t offset, uint64_t len)
{
	struct file_req *freq = (struct file_req *)req->scratch;
	struct aio_op *op = &freq->op;

	freq->file = file;
	freq->link = NULL;
	op->kind = kind;
	op->flags = file->aio_flags;
	if (req->may_unmap && file->node.discard)
		op->flags |= AIO_MAY_UNMAP;
	if (req->durable && !file->no_flush)
		op->flags |= AIO_DURABLE;
	op->fd = file->fd;
	op->iov = req->iov;
	op->iov_count = req->op <= BLOCK_WRITE ? req->iov_count : 0;
	op->offset = offset;
	op->len = len;
	op->done = kind == AIO_SYNC ? flush_done : op_done;
	if (file->direct && (kind == AIO_WRITE || kind == AIO_ZERO))
		add_write(file, freq);
	aio_submit(block_aio(file->node.reg), op);
}

static void submit_flush(struct file_node *file, struct block_req *req)
{
	if (file->flush_failed)
		block_complete_soon(req, -EIO);
	else if (file->no_flush || file->node.readonly)
		block_complete_soon(req, 0);
	else
		start(file, req, AIO_SYNC, 0, 0);
}

static void submit_discard(struct file_node *file, struct block_req *req)
{
	uint32_t align = file->node.request_align;
	uint64_t first = align_up(req->offset, align);
	uint64_t last = align_down(req->offset + req->len, align);

	/* Only whole blocks: the rest of the first and last one is somebody's data. */
	if (!file->node.discard || first >= last)
		block_complete_soon(req, 0);
	else
		start(file, req, AIO_DISCARD, first, last - first);
}

static void file_submit(struct block_node *node, struct block_req *req)
{
	static const enum aio_kind kinds[] = {
		[BLOCK_READ] = AIO_READ,
		[BLOCK_WRITE] = AIO_WRITE,
		[BLOCK_WRITE_ZEROES] = AIO_ZERO,
	};
	struct file_node *file = to_file(node);

	if (req->op == BLOCK_FLUSH)
		submit_flush(file, req);
	else if (req->op == BLOCK_DISCARD)
		submit_discard(file, req);
	else if (is_aligned(file, req) && (req->op == BLOCK_READ || !file->rmw.head ||
	                                   !rmw_holds(&file->rmw, req->offset, req->len)))
		start(file, req, kinds[req->op], req->offset, req->len);
	else
		rmw_submit(&file->rmw, req);
}

/* ---- holes ---- */

static int file_map(struct block_node *node, uint64_t offset, uint64_t len,
                    struct block_extent *extent)
{
	int fd = to_file(node)->fd;
	off_t data = lseek(fd, offset, SEEK_DATA), end;

	*extent = (struct block_extent){ BLOCK_DATA, len, true, offset };
	/* ENXIO: no data is behind it. Others: the file cannot tell. */
	if (data < 0 && errno != ENXIO)
		return 0;
	if (data < 0) {
		extent->where = BLOCK_ZERO;
		return 0;
	}
	/* Whole sectors: one that is partly a hole is data. */
	if (align_down(data, 512) > offset) {
		extent->where = BLOCK_ZERO;
		end = align_down(data, 512);
	} else {
		end = align_up(lseek(fd, data, SEEK_HOLE), 512);
	}
	if ((uint64_t)end > offset && end - offset < len)
		extent->len = end - offset;
	return 0;
}

/* ---- length ---- */

int file_get_length(int fd, bool block_dev, uint64_t *length)
{
	struct stat st;

	if (block_dev)
		return ioctl(fd, BLKGETSIZE64, length) < 0 ? -errno : 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	*length = st.st_size;
	return 0;
}

static int file_resize(struct block_node *node, uint64_t length, struct err *err)
{
	struct file_node *file = to_file(node);
	bool block_dev = file->aio_flags & AIO_BLOCK_DEV;
	uint32_t align = node->request_align;
	uint64_t now;
	int ret;

	/* As at the open: a write to the last block would go past the end. */
	if (file->direct && length % align)
		return err_set(err, EINVAL,
		               "%s: direct I/O needs a size that is a multiple of %u "
		               "bytes here; %llu is not",
		               node->path, align, (unsigned long long)length);
	if (length && !block_dev && ftruncate(file->fd, length) < 0)
		return err_sys(err, errno, "cannot resize %s to %llu bytes", node->path,
		               (unsigned long long)length);
	ret = file_get_length(file->fd, block_dev, &now);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read the size of %s", node->path);
	if (length > now)
		return err_set(err, ENOSPC,
		               "%s is a device of %llu bytes; enlarge the device first",
		               node->path, (unsigned long long)now);
	if (!length)
		length = file->direct && !node->readonly ? align_down(now, align)
		                                         : align_up(now, 512);
	node->length = length;
	return 0;
}

/* ---- life ---- */

int64_t file_allocated(const struct block_node *node)
{
	struct stat st;

	return fstat(to_file((struct block_node *)node)->fd, &st) < 0
	               ? -1
	               : (int64_t)st.st_blocks * 512;
}

bool file_identity(const struct block_node *node, uint64_t *dev, uint64_t *ino)
{
	struct stat st;

	while (node->child)
		node = node->child;
	if (node->driver != &file_driver ||
	    fstat(to_file((struct block_node *)node)->fd, &st) < 0)
		return false;
	*dev = st.st_dev;
	*ino = st.st_ino;
	return true;
}

bool file_grows(const struct block_node *node)
{
	while (node->child)
		node = node->child;
	return node->driver == &file_driver &&
	       !(to_file((struct block_node *)node)->aio_flags & AIO_BLOCK_DEV);
}

int file_peek(struct block_node *node, uint64_t offset, void *buf, unsigned len)
{
	_cleanup_free_ uint8_t *block = NULL;
	unsigned align = node->request_align < 4096 ? 4096 : node->request_align;
	ssize_t ret;

	if (posix_memalign((void **)&block, align, align))
		return -ENOMEM;
	do
		ret = pread(to_file(node)->fd, block, align, offset);
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	if (ret > len)
		ret = len;
	memcpy(buf, block, ret);
	return ret;
}

int block_peek(struct block_node *node, uint64_t offset, void *buf, uint64_t len)
{
	memset(buf, 0, len);
	while (node->child)
		node = node->child;
	while (len) {
		uint8_t block[4096];
		unsigned skip = offset & 4095,
			 part = len < 4096 - skip ? len : 4096 - skip;
		int ret = file_peek(node, offset - skip, block, sizeof(block));

		if (ret < 0)
			return ret;
		if (ret > (int)skip)
			memcpy(buf, block + skip, part < ret - skip ? part : ret - skip);
		/* Zeros are behind the end. */
		if (ret < (int)sizeof(block))
			break;
		buf = (uint8_t *)buf + part;
		offset += part;
		len -= part;
	}
	return 0;
}

static void file_close(struct block_node *node)
{
	struct file_node *file = to_file(node);

	rmw_free(&file->rmw);
	/* Closing the description drops its lock as well. */
	if (file->fd >= 0)
		close(file->fd);
}

const struct block_driver file_driver = {
	.name = "file",
	.submit = file_submit,
	.map = file_map,
	.resize = file_resize,
	.close = file_close,
};
