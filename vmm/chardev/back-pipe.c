// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back ends "pipe" (two FIFOs, PATH.in and PATH.out, or one for both directions) and
 * "serial" (a serial port of the host). Neither tells whether somebody is at the other
 * end: both are always open, and a reader that does not read fills them up.
 *
 * FIFOs are opened for reading and writing, so that opening waits for nobody and a writer
 * that leaves does not end the input. A serial port is set to raw mode, 115200 baud, 8N1
 * (the guest's own settings of its UART stay inside it), and gets its settings back.
 */
#include "vmm/chardev/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

struct duplex {
	struct chardev chr;
	char *path;
	int in, out; /* one descriptor, or two */
	bool restore;
	struct termios old;
	struct chardev_watch in_watch, out_watch;
};

static const struct opt_desc pipe_opts[] = {
	CHARDEV_OPTS(struct duplex, "off"),
	{ .name = "path",
	  .type = OPT_STR,
	  .offset = offsetof(struct duplex, path),
	  .help = "the FIFOs are PATH.in and PATH.out, or PATH alone" },
	{ .name = NULL },
};

static const struct opt_desc serial_opts[] = {
	CHARDEV_OPTS(struct duplex, "off"),
	{ .name = "path",
	  .type = OPT_STR,
	  .offset = offsetof(struct duplex, path),
	  .help = "the host's device, such as /dev/ttyS0" },
	{ .name = NULL },
};

static void duplex_update(struct chardev *chr);

/* ---- input and output ---- */

static void in_ready(void *opaque, uint32_t events)
{
	struct duplex *d = opaque;
	uint8_t buf[4096];
	size_t room = chardev_room(&d->chr);
	ssize_t n = 0;

	(void)events;
	if (room)
		n = chardev_fd_read(d->in, false, buf,
		                    room < sizeof(buf) ? room : sizeof(buf));
	if (n > 0)
		chardev_deliver(&d->chr, buf, n);
	else if (room && n != -EAGAIN)
		/* A line that hung up for good (an adapter was pulled out). */
		chardev_set_open(&d->chr, false);
	duplex_update(&d->chr);
}

static void out_ready(void *opaque, uint32_t events)
{
	(void)events;
	chardev_unblock(opaque);
	duplex_update(opaque);
}

static ssize_t duplex_write(struct chardev *chr, const void *data, size_t len)
{
	return chardev_fd_write(((struct duplex *)chr)->out, false, data, len);
}

/* A descriptor that is both is watched twice, by a duplicate: see open_both(). */
static void duplex_update(struct chardev *chr)
{
	struct duplex *d = (struct duplex *)chr;

	chardev_watch(chr, &d->in_watch, d->in,
	              chr->open && chardev_room(chr) ? EPOLLIN : 0, in_ready);
	chardev_watch(chr, &d->out_watch, d->out,
	              chr->open && chr->blocked ? EPOLLOUT : 0, out_ready);
}

static void duplex_close(struct chardev *chr)
{
	struct duplex *d = (struct duplex *)chr;

	chardev_unwatch(chr, &d->in_watch);
	chardev_unwatch(chr, &d->out_watch);
	if (d->restore)
		tcsetattr(d->in, TCSANOW, &d->old);
	if (d->in >= 0)
		close(d->in);
	if (d->out >= 0)
		close(d->out);
}

/* ---- set-up ---- */

static int open_file(const char *path)
{
	return open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int open_both(struct duplex *d, const char *path, struct err *err)
{
	d->in = open_file(path);
	if (d->in >= 0)
		d->out = fcntl(d->in, F_DUPFD_CLOEXEC, 3);
	return d->out < 0 ? err_sys(err, errno, "cannot open %s", path) : 0;
}

static int check_fifo(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISFIFO(st.st_mode))
		return 0;
	return err_set(err, EINVAL, "%s is no FIFO; create one with mkfifo", path);
}

static int open_fifo(int *fd, const char *path, const char *suffix, struct err *err)
{
	_cleanup_strbuf_ struct strbuf name = { 0 };

	strbuf_addf(&name, "%s%s", path, suffix);
	*fd = name.failed ? -1 : open_file(name.data);
	return check_fifo(*fd, name.data, err);
}

static int pipe_open(struct chardev *chr, struct err *err)
{
	struct duplex *d = (struct duplex *)chr;
	int ret;

	d->in = d->out = -1;
	if (!d->path)
		return err_usage(err, "path= is missing: which FIFOs?");
	ret = open_fifo(&d->in, d->path, ".in", err);
	if (ret >= 0)
		ret = open_fifo(&d->out, d->path, ".out", err);
	if (ret < 0)
		return ret;
	if (d->in < 0 || d->out < 0) {
		if (d->in >= 0)
			close(d->in);
		if (d->out >= 0)
			close(d->out);
		d->in = d->out = -1;
		ret = open_both(d, d->path, err);
		if (ret < 0)
			err_hint(err,
			         "create it, or the two %s.in and %s.out, with mkfifo",
			         d->path, d->path);
		else
			ret = check_fifo(d->in, d->path, err);
	}
	if (ret < 0)
		return ret;
	chr->out_fd = d->out;
	chr->open = true;
	chardev_set_desc(chr, "pipe:%s", d->path);
	chardev_poke(chr);
	return 0;
}

static int serial_open(struct chardev *chr, struct err *err)
{
	struct duplex *d = (struct duplex *)chr;
	struct termios raw;
	int ret;

	d->in = d->out = -1;
	if (!d->path)
		return err_usage(err, "path= is missing: which serial port?");
	ret = open_both(d, d->path, err);
	if (ret < 0)
		return ret;
	if (tcgetattr(d->in, &d->old) < 0)
		return err_set(err, ENOTTY, "%s is no serial port or terminal", d->path);
	raw = d->old;
	cfmakeraw(&raw);
	raw.c_cflag |= CLOCAL | CREAD;
	raw.c_cflag &= ~(CSTOPB | CRTSCTS);
	cfsetspeed(&raw, B115200);
	if (tcsetattr(d->in, TCSANOW, &raw) < 0)
		return err_sys(err, errno, "cannot set up %s", d->path);
	d->restore = true;
	chr->out_fd = d->out;
	chr->open = true;
	chardev_set_desc(chr, "serial:%s", d->path);
	chardev_poke(chr);
	return 0;
}

const struct chardev_ops chardev_pipe_ops = {
	.name = "pipe",
	.help = "two FIFOs of the host, or one",
	.size = sizeof(struct duplex),
	.opts = pipe_opts,
	.open = pipe_open,
	.write = duplex_write,
	.update = duplex_update,
	.close = duplex_close,
};

const struct chardev_ops chardev_serial_ops = {
	.name = "serial",
	.alias = "tty",
	.help = "a serial port of the host",
	.size = sizeof(struct duplex),
	.opts = serial_opts,
	.open = serial_open,
	.write = duplex_write,
	.update = duplex_update,
	.close = duplex_close,
};
