// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Image files and block devices: opening, locking, alignment, and requests as blocking
 * calls.
 *
 * The whole file is locked with an open-file-description lock: shared by readers,
 * exclusive for a writer, so that two machines never write one image. With O_DIRECT a
 * request whose offset, length or memory is not aligned goes through an aligned buffer; a
 * write that covers only part of a block reads that block first, one such write at a
 * time.
 */
#include "vmm/block/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define SECTOR     512
#define ZERO_CHUNK (1u << 20)
#define ALIGN_MAX  4096

/* ---- opening ---- */

static bool is_direct(const struct block_node *node)
{
	return node->opts.cache == BLOCK_NONE || node->opts.cache == BLOCK_DIRECTSYNC;
}

static int open_image(struct block_node *node, struct err *err)
{
	const char *path = node->opts.file;
	int flags = O_CLOEXEC | O_NOCTTY | (node->opts.readonly ? O_RDONLY : O_RDWR) |
	            (is_direct(node) ? O_DIRECT : 0);

	/* O_NONBLOCK: a FIFO must not block the start; it means nothing to files and
	 * disks. */
	node->fd = open(path, flags | O_NONBLOCK);
	if (node->fd >= 0)
		return 0;
	if (errno == EISDIR)
		return err_set(err, EISDIR, "the image %s is a directory, not a file",
		               path);
	err_sys(err, errno, "cannot open the image %s", path);
	if (err->code == EINVAL && is_direct(node))
		err_hint(err, "its file system may lack O_DIRECT: use cache=writeback");
	else if ((err->code == EACCES || err->code == EROFS || err->code == EPERM) &&
	         !node->opts.readonly && access(path, R_OK) == 0)
		err_hint(err, "it can be opened with readonly=on");
	return -err->code;
}

static int check_type(struct block_node *node, struct err *err)
{
	struct stat st;

	if (fstat(node->fd, &st) < 0)
		return err_sys(err, errno, "cannot look at the image %s",
		               node->opts.file);
	if (S_ISDIR(st.st_mode))
		return err_set(err, EISDIR, "the image %s is a directory, not a file",
		               node->opts.file);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(err, EINVAL,
		               "the image %s is neither a file nor a block device",
		               node->opts.file);
	node->is_device = S_ISBLK(st.st_mode);
	return 0;
}

static int lock_image(struct block_node *node, struct err *err)
{
	struct flock lock = { .l_type = node->opts.readonly ? F_RDLCK : F_WRLCK,
		              .l_whence = SEEK_SET };

	if (!node->opts.locking || fcntl(node->fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(
			err, EBUSY,
			"the image %s is in use by another process; end that one first (or "
			"locking=off, at the risk of damage)",
			node->opts.file);
	/* A file system without locks: as good as it gets. */
	return 0;
}

int64_t block_file_length(const struct block_node *node)
{
	off_t end = lseek(node->fd, 0, SEEK_END);

	return end < 0 ? -errno : (int64_t)align_up(end, SECTOR);
}

/* The smallest block that the file takes with O_DIRECT: found by trying. */
static uint32_t find_alignment(struct block_node *node)
{
	_cleanup_free_ void *buf = NULL;
	int logical;

	if (!is_direct(node))
		return 1;
	if (node->is_device && ioctl(node->fd, BLKSSZGET, &logical) == 0 &&
	    logical >= SECTOR)
		return logical;
	if (posix_memalign(&buf, ALIGN_MAX, ALIGN_MAX))
		return ALIGN_MAX;
	for (uint32_t align = SECTOR; align < ALIGN_MAX; align *= 2)
		if (pread(node->fd, (char *)buf + align % ALIGN_MAX, align, align) >= 0)
			return align;
	return ALIGN_MAX;
}

static int check_format(struct block_node *node, struct err *err)
{
	static const uint8_t qcow[4] = { 'Q', 'F', 'I', 0xfb };
	_cleanup_free_ void *head = NULL;

	if (node->opts.format && !strcmp(node->opts.format, "raw"))
		return 0;
	if (node->opts.format)
		return err_usage(err, "format=%s is not supported; format=raw is",
		                 node->opts.format);
	if (posix_memalign(&head, ALIGN_MAX, ALIGN_MAX))
		return err_sys(err, ENOMEM, "image %s", node->opts.file);
	if (fd_pread(node->fd, head, ALIGN_MAX, 0) >= 4 && !memcmp(head, qcow, 4))
		return err_set(
			err, ENOTSUP,
			"the image %s is in qcow2 format, which is not supported; convert it "
			"(qemu-img convert -O raw), or say format=raw if it is not",
			node->opts.file);
	return 0;
}

int block_file_open(struct block_node *node, struct err *err)
{
	int64_t length;
	int ret = open_image(node, err);

	if (ret >= 0)
		ret = check_type(node, err);
	if (ret >= 0)
		ret = lock_image(node, err);
	if (ret >= 0)
		ret = check_format(node, err);
	if (ret < 0)
		return ret;
	length = block_file_length(node);
	if (length < 0)
		return err_sys(err, -length, "cannot find the length of the image %s",
		               node->opts.file);
	node->length = length;
	node->align = find_alignment(node);
	return 0;
}

/* ---- requests as blocking calls ---- */

static int sync_if_durable(struct block_node *node)
{
	bool durable = node->opts.cache == BLOCK_WRITETHROUGH ||
	               node->opts.cache == BLOCK_DIRECTSYNC;

	return durable && fdatasync(node->fd) < 0 ? -errno : 0;
}

static void copy_iov(const struct block_req *req, uint8_t *flat, bool to_flat)
{
	for (unsigned i = 0; i < req->iov_count; i++) {
		if (to_flat)
			memcpy(flat, req->iov[i].iov_base, req->iov[i].iov_len);
		else
			memcpy(req->iov[i].iov_base, flat, req->iov[i].iov_len);
		flat += req->iov[i].iov_len;
	}
}

/* Reads [start, start + len); what lies past the end of the file is zero. */
static int read_filled(struct block_node *node, uint8_t *buf, uint64_t len,
                       uint64_t start)
{
	ssize_t n = fd_pread(node->fd, buf, len, start);

	if (n < 0)
		return n;
	memset(buf + n, 0, len - n);
	return 0;
}

static int write_part(struct block_node *node, struct block_req *req, uint8_t *buf,
                      uint64_t start, uint64_t len)
{
	bool partial = start != req->offset || len != req->len;
	int ret = 0;

	if (partial) {
		pthread_mutex_lock(&node->rmw_lock);
		ret = read_filled(node, buf, len, start);
	}
	if (!ret) {
		copy_iov(req, buf + (req->offset - start), true);
		ret = fd_pwrite(node->fd, buf, len, start);
	}
	if (partial)
		pthread_mutex_unlock(&node->rmw_lock);
	return ret ? ret : sync_if_durable(node);
}

static int bounced(struct block_node *node, struct block_req *req)
{
	uint32_t align = node->align > SECTOR ? node->align : SECTOR;
	uint64_t start = align_down(req->offset, align);
	uint64_t len = align_up(req->offset + req->len, align) - start;
	_cleanup_free_ void *buf = NULL;
	int ret;

	if (posix_memalign(&buf, ALIGN_MAX, len))
		return -ENOMEM;
	if (req->op == BLOCK_WRITE)
		return write_part(node, req, buf, start, len);
	ret = read_filled(node, buf, len, start);
	if (!ret)
		copy_iov(req, (uint8_t *)buf + (req->offset - start), false);
	return ret;
}

static int punch(struct block_node *node, const struct block_req *req)
{
	uint64_t range[2] = { req->offset, req->len };

	if (node->is_device)
		return ioctl(node->fd, BLKDISCARD, range) < 0 ? -errno : 0;
	return fallocate(node->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	                 req->offset, req->len) < 0
	               ? -errno
	               : 0;
}

/* Discard is a hint: a back end that cannot is no error. */
static int discard(struct block_node *node, const struct block_req *req)
{
	int ret = node->opts.discard == BLOCK_DISCARD_UNMAP ? punch(node, req) : 0;

	return ret == -EOPNOTSUPP || ret == -ENOTTY || ret == -EINVAL ? 0 : ret;
}

static int write_zeroes_slowly(struct block_node *node, const struct block_req *req)
{
	uint64_t done = 0;
	_cleanup_free_ void *zeroes = NULL;

	if (posix_memalign(&zeroes, ALIGN_MAX, ZERO_CHUNK))
		return -ENOMEM;
	memset(zeroes, 0, ZERO_CHUNK);
	while (done < req->len) {
		uint64_t part =
			req->len - done < ZERO_CHUNK ? req->len - done : ZERO_CHUNK;
		struct iovec iov = { .iov_base = zeroes, .iov_len = part };
		struct block_req write = {
			.op = BLOCK_WRITE,
			.offset = req->offset + done,
			.len = part,
			.iov = &iov,
			.iov_count = 1,
		};
		int ret = bounced(node, &write);

		if (ret < 0)
			return ret;
		done += part;
	}
	return 0;
}

static int write_zeroes(struct block_node *node, const struct block_req *req)
{
	uint64_t range[2] = { req->offset, req->len };
	int ret;

	/* A hole reads as zeroes, on files; what a device's discard leaves is not
	 * defined. */
	if (req->may_unmap && !node->is_device &&
	    node->opts.discard == BLOCK_DISCARD_UNMAP && punch(node, req) == 0)
		return sync_if_durable(node);
	if (node->is_device)
		ret = ioctl(node->fd, BLKZEROOUT, range);
	else
		ret = fallocate(node->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
		                req->offset, req->len);
	if (ret == 0)
		return sync_if_durable(node);
	return write_zeroes_slowly(node, req);
}

int block_file_blocking(struct block_node *node, struct block_req *req)
{
	switch (req->op) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		return bounced(node, req);
	case BLOCK_FLUSH:
		return fdatasync(node->fd) < 0 ? -errno : 0;
	case BLOCK_DISCARD:
		return discard(node, req);
	case BLOCK_WRITE_ZEROES:
		return write_zeroes(node, req);
	}
	return -EINVAL;
}
