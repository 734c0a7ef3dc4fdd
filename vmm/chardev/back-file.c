// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back ends "file" (output into a file, device or FIFO) and "null" (output is
 * dropped). Neither has input. A file that cannot be written any more (disk full) loses
 * output, with one warning; the guest goes on.
 */
#include "common/log.h"
#include "vmm/chardev/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct file {
	struct chardev chr;
	char *path;
	bool append, failed;
	int fd;
	struct chardev_watch watch;
};

static const struct opt_desc file_opts[] = {
	CHARDEV_OPTS(struct file, "off"),
	{ .name = "path",
	  .type = OPT_STR,
	  .offset = offsetof(struct file, path),
	  .help = "the file; it is created when it does not exist" },
	{ .name = "append",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct file, append),
	  .def = "off",
	  .help = "keep what is in the file; off: it is emptied first" },
	{ .name = NULL },
};

static int file_open(struct chardev *chr, struct err *err)
{
	struct file *f = (struct file *)chr;

	f->fd = -1;
	if (!f->path)
		return err_usage(err, "path= is missing: which file?");
	f->fd = open(f->path,
	             O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
	                     (f->append ? O_APPEND : O_TRUNC),
	             0666);
	if (f->fd < 0 && errno == ENXIO)
		return err_set(err, ENXIO, "nobody reads from %s; start the reader first",
		               f->path);
	if (f->fd < 0) {
		int code = errno;

		err_sys(err, code, "cannot open %s for writing", f->path);
		err_hint(err, "check its folder and permissions");
		return -code;
	}
	chr->out_fd = f->fd;
	chr->open = true;
	chardev_set_desc(chr, "file:%s", f->path);
	return 0;
}

static ssize_t file_write(struct chardev *chr, const void *data, size_t len)
{
	struct file *f = (struct file *)chr;
	ssize_t n = chardev_fd_write(f->fd, false, data, len);

	if (n < 0 && n != -EAGAIN && !f->failed) {
		f->failed = true;
		log_warn("chardev %s: cannot write to %s: %s; output is lost", chr->id,
		         f->path, strerror(-n));
	}
	return n;
}

static void file_update(struct chardev *chr);

static void file_ready(void *opaque, uint32_t events)
{
	(void)events;
	chardev_unblock(opaque);
	file_update(opaque);
}

static void file_update(struct chardev *chr)
{
	struct file *f = (struct file *)chr;

	chardev_watch(chr, &f->watch, f->fd, chr->blocked ? EPOLLOUT : 0, file_ready);
}

static void file_close(struct chardev *chr)
{
	struct file *f = (struct file *)chr;

	chardev_unwatch(chr, &f->watch);
	if (f->fd >= 0)
		close(f->fd);
}

const struct chardev_ops chardev_file_ops = {
	.name = "file",
	.help = "output into a file",
	.size = sizeof(struct file),
	.opts = file_opts,
	.open = file_open,
	.write = file_write,
	.update = file_update,
	.close = file_close,
};

/* ---- null ---- */

static const struct opt_desc null_opts[] = {
	CHARDEV_OPTS(struct file, "off"),
	{ .name = NULL },
};

static int null_open(struct chardev *chr, struct err *err)
{
	(void)err;
	chr->open = true;
	return 0;
}

static ssize_t null_write(struct chardev *chr, const void *data, size_t len)
{
	(void)chr;
	(void)data;
	return len;
}

static void null_close(struct chardev *chr)
{
	(void)chr;
}

const struct chardev_ops chardev_null_ops = {
	.name = "null",
	.help = "drops output, has no input",
	.size = sizeof(struct file),
	.opts = null_opts,
	.open = null_open,
	.write = null_write,
	.close = null_close,
};
