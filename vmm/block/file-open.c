// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening the file or block device behind a drive: what it is, permissions, lock,
 * alignment.
 *
 * The lock is an open-file-description lock (fcntl(2), F_OFD_SETLK) on the whole file:
 * shared for readers, exclusive for a writer. It conflicts with other processes and with
 * a second drive of this one, and ends with the descriptor. Nothing is changed on disk
 * here.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/block/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALIGN_MAX 65536

static int check_type(const char *path, const struct stat *st, struct err *err)
{
	if (S_ISDIR(st->st_mode))
		return err_set(
			err, EISDIR,
			"%s is a directory, not a disk image; name a file or a block "
			"device",
			path);
	if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		return err_set(
			err, EINVAL,
			"%s is neither a regular file nor a block device; name one",
			path);
	return 0;
}

static int open_failed(const char *path, bool readonly, int code, struct err *err)
{
	bool denied = code == EACCES || code == EPERM || code == EROFS;
	int before = strcspn(path, ":/"), protocol = path[before] == ':' ? before : 0;

	if (denied && !readonly && !euidaccess(path, R_OK))
		return err_set(err, code,
		               "%s cannot be opened for writing (%s); give "
		               "readonly=on, or change its permissions",
		               path, strerror(code));
	err_sys(err, code, "cannot open the disk image %s", path);
	if (code == ENOENT && protocol)
		err_hint(err,
		         "images are files and block devices of this host; "
		         "have it attach what %.*s reaches",
		         protocol + 1, path);
	else if (code == ENOENT)
		err_hint(err, "check the path, or make an empty disk: truncate -s 10G %s",
		         path);
	else if (denied)
		err_hint(err, "change its permissions");
	return -code;
}

static int open_path(const struct image_opts *opts, struct stat *st, struct err *err)
{
	static const bool direct[] = { [BLOCK_NONE] = true, [BLOCK_DIRECTSYNC] = true };
	bool reads = opts->readonly && !opts->may_write;
	int flags = O_CLOEXEC | O_NOCTTY | (reads ? O_RDONLY : O_RDWR);
	int fd, ret;

	/* Before the open: a FIFO would block it. */
	if (stat(opts->file, st) < 0)
		return open_failed(opts->file, opts->readonly, errno, err);
	ret = check_type(opts->file, st, err);
	if (ret < 0)
		return ret;
	if ((unsigned)opts->cache < ARRAY_SIZE(direct) && direct[opts->cache])
		flags |= O_DIRECT;
	fd = open(opts->file, flags);
	if (fd < 0 && opts->may_write &&
	    (errno == EACCES || errno == EPERM || errno == EROFS))
		fd = open(opts->file, O_CLOEXEC | (flags & ~O_RDWR));
	if (fd < 0 && errno == EINVAL && flags & O_DIRECT)
		return err_set(
			err, EINVAL,
			"%s: its file system cannot bypass the page "
			"cache (O_DIRECT); use cache=writeback or cache=writethrough",
			opts->file);
	if (fd < 0)
		return open_failed(opts->file, opts->readonly, errno, err);
	if (fstat(fd, st) < 0)
		ret = err_sys(err, errno, "cannot look at %s", opts->file);
	else
		ret = check_type(opts->file, st, err);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int file_lock(const struct file_node *file, struct err *err)
{
	struct flock lock = {
		.l_type = file->node.readonly ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};
	const char *path = file->node.path;

	if (file->locking == OPT_TRI_OFF || !fcntl(file->fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, EBUSY,
		               "%s is locked: another process, or another drive "
		               "of this one, uses it; stop the other one, open it "
		               "readonly=on on both sides, or give file.locking=off",
		               path);
	/* Some network file systems have no locks. */
	if (file->locking == OPT_TRI_ON)
		return err_sys(err, errno, "cannot lock %s; give file.locking=off", path);
	log_debug(LOG_C_BOOT, "%s: no lock: %s", path, strerror(errno));
	return 0;
}

void file_unlock(const struct file_node *file)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	fcntl(file->fd, F_OFD_SETLK, &lock);
}

int file_take(struct file_node *file, struct err *err)
{
	uint64_t length;
	int ret = file_lock(file, err);

	if (ret < 0)
		return ret;
	ret = file_get_length(file->fd, file->aio_flags & AIO_BLOCK_DEV, &length);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read the size of %s", file->node.path);
	/* Requests were checked against the old one. */
	if (length + 511 < file->node.length)
		return err_set(err, EINVAL, "%s became shorter meanwhile",
		               file->node.path);
	file->node.length = align_up(length, 512);
	return 0;
}

/* The same file, for writing, behind the same descriptor. */
static int open_again(struct file_node *file, int flags, struct err *err)
{
	const char *path = file->node.path;
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | flags);
	struct stat old, new;

	if (fd < 0)
		return open_failed(path, false, errno, err);
	if (fstat(fd, &new) < 0 || fstat(file->fd, &old) < 0 ||
	    new.st_dev != old.st_dev || new.st_ino != old.st_ino)
		return err_set(err, ESTALE, "%s is another file by now", path);
	file_unlock(file);
	return dup3(fd, file->fd, O_CLOEXEC) < 0 ? err_sys(err, errno, "%s", path) : 0;
}

int file_set_readonly(struct block_node *node, bool readonly, struct err *err)
{
	struct file_node *file = (struct file_node *)node;
	int flags = fcntl(file->fd, F_GETFL), ret = 0;

	if (!readonly && (flags & O_ACCMODE) == O_RDONLY)
		ret = open_again(file, flags & O_DIRECT, err);
	node->readonly = readonly;
	/* Others may have written to it while nobody had it alone. */
	if (ret >= 0 && !block_is_held(node->reg))
		ret = file_take(file, err);
	if (ret >= 0)
		return 0;
	node->readonly = true;
	if (!block_is_held(node->reg))
		file_lock(file, NULL);
	return ret;
}

/* ---- alignment of direct I/O ---- */

/* Linux 6.1 and later know the answer, for most file systems. */
static bool ask_alignment(struct file_node *file)
{
	struct statx stx = { 0 };

	if (syscall(SYS_statx, file->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) < 0 ||
	    !(stx.stx_mask & STATX_DIOALIGN) || !stx.stx_dio_offset_align)
		return false;
	file->node.request_align = stx.stx_dio_offset_align;
	file->mem_align = stx.stx_dio_mem_align;
	return true;
}

/* Elsewhere a read tells: the smallest one that is not refused. */
static int try_alignment(struct file_node *file)
{
	_cleanup_free_ void *buf = NULL;

	if (posix_memalign(&buf, ALIGN_MAX, ALIGN_MAX))
		return -ENOMEM;
	for (uint32_t align = 512; align <= ALIGN_MAX; align *= 2) {
		if (pread(file->fd, buf, align, 0) < 0 && errno == EINVAL)
			continue;
		file->node.request_align = align;
		file->mem_align = align < 4096 ? align : 4096;
		return 0;
	}
	return -EINVAL;
}

static int find_alignment(struct file_node *file, struct err *err)
{
	int ret;

	file->node.request_align = 512;
	file->mem_align = 1;
	if (!file->direct)
		return 0;
	ret = ask_alignment(file) ? 0 : try_alignment(file);
	if (ret < 0)
		return err_sys(err, -ret,
		               "%s: cannot tell which alignment direct I/O needs; "
		               "use cache=writeback",
		               file->node.path);
	if (file->node.request_align < 512)
		file->node.request_align = 512;
	if (!is_power_of_2(file->node.request_align) ||
	    file->node.request_align > ALIGN_MAX || !is_power_of_2(file->mem_align))
		return err_set(err, ENOTSUP,
		               "%s: direct I/O needs an alignment of %u bytes; "
		               "use cache=writeback",
		               file->node.path, file->node.request_align);
	return 0;
}

/* ---- open ---- */

static int find_length(struct file_node *file, struct err *err)
{
	bool block_dev = file->aio_flags & AIO_BLOCK_DEV;
	uint64_t length;
	int ro = 0, ret = file_get_length(file->fd, block_dev, &length);

	if (ret < 0)
		return err_sys(err, -ret, "cannot read the size of %s", file->node.path);
	if (!length)
		return err_set(
			err, EINVAL, "%s is empty%s", file->node.path,
			block_dev ? ": is there a medium in the drive?"
				  : "; give it a size, for example: truncate -s 10G");
	if (length > INT64_MAX - 512)
		return err_set(err, EFBIG, "%s is larger than a disk can be",
		               file->node.path);
	file->node.length = align_up(length, 512);
	if (block_dev && !file->node.readonly && !ioctl(file->fd, BLKROGET, &ro) && ro)
		return err_set(err, EROFS, "%s is write-protected; give readonly=on",
		               file->node.path);
	return 0;
}

static int set_up(struct file_node *file, const struct image_opts *opts, struct err *err)
{
	struct block_node *node = &file->node;
	struct stat st;
	int ret;

	file->fd = open_path(opts, &st, err);
	if (file->fd < 0)
		return file->fd;
	node->path = strdup(opts->file);
	if (!node->path)
		return err_sys(err, ENOMEM, "%s", opts->file);
	node->readonly = opts->readonly;
	node->discard = opts->discard & IMAGE_DISCARD_UNMAP && !opts->readonly;
	node->write_cache =
		opts->cache != BLOCK_WRITETHROUGH && opts->cache != BLOCK_DIRECTSYNC;
	file->direct = opts->cache == BLOCK_NONE || opts->cache == BLOCK_DIRECTSYNC;
	file->no_flush = opts->cache == BLOCK_UNSAFE;
	file->aio_flags = (S_ISBLK(st.st_mode) ? AIO_BLOCK_DEV : 0) |
	                  (opts->aio == IMAGE_AIO_THREADS ? AIO_USE_POOL : 0);
	file->locking = opts->locking;
	ret = block_is_held(node->reg) ? 0 : file_lock(file, err);
	if (ret >= 0)
		ret = find_length(file, err);
	if (ret >= 0)
		ret = find_alignment(file, err);
	if (ret < 0)
		return ret;
	rmw_init(&file->rmw, block_aio(node->reg), file->fd, file->aio_flags,
	         node->request_align, node->discard, file_is_written);
	if (opts->aio == IMAGE_AIO_URING || opts->aio == IMAGE_AIO_NATIVE) {
		ret = aio_need_uring(block_aio(node->reg));
		if (ret < 0)
			return err_sys(err, -ret,
			               "%s: the host gives no io_uring; use "
			               "aio=threads",
			               opts->file);
	}
	return 0;
}

struct block_node *file_open(struct block_registry *reg, const struct image_opts *opts,
                             struct err *err)
{
	struct file_node *file = calloc(1, sizeof(*file));

	if (!file) {
		err_sys(err, ENOMEM, "%s", opts->file);
		return NULL;
	}
	file->fd = -1;
	file->node.driver = &file_driver;
	file->node.reg = reg;
	if (set_up(file, opts, err) < 0) {
		block_close(&file->node);
		return NULL;
	}
	return &file->node;
}
