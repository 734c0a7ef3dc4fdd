// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end "stdio": standard input and output, whatever they are.
 *
 * A terminal goes into raw mode; unless mux=off its Ctrl-A keys are the VMM's, and input
 * is read even while the guest takes none, so that Ctrl-A x always works (a terminal's
 * characters beyond what is kept are dropped then; a pipe is left full instead).
 * Descriptors are opened anew where that is possible: O_NONBLOCK belongs to the open file
 * description that we share with the shell, which must not find it changed. What epoll
 * cannot watch (files, /dev/null) is always readable: it is read one piece per round of
 * the loop.
 */
#include "common/terminal.h"
#include "vmm/chardev/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>

struct half {
	int fd; /* -1: closed, or at its end */
	bool socket;
	bool nonblock_set; /* on the shared description: cleared again at the end */
	struct chardev_watch watch;
};

struct stdio {
	struct chardev chr;
	bool signal, terminal;
	struct half in, out;
};

#define READ_SIZE 4096

static const struct opt_desc stdio_opts[] = {
	CHARDEV_OPTS(struct stdio, "auto"),
	{ .name = "signal",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct stdio, signal),
	  .def = "on",
	  .help = "Ctrl-C and Ctrl-Z act on the VMM; off: they go to the guest" },
	{ .name = NULL },
};

/* ---- descriptors ---- */

/* A private, non-blocking description of the same file, or a plain duplicate. */
static int open_half(struct half *half, int fd, int mode)
{
	struct stat st;
	char path[40];
	int flags;

	half->fd = -1;
	/* Where descriptor 0 was closed at the start, one of our own event descriptors
	 * may have got its number: those have no file type. */
	if (fstat(fd, &st) < 0 || !(st.st_mode & S_IFMT))
		return -EBADF;
	half->socket = S_ISSOCK(st.st_mode);
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		half->fd = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	if (half->fd >= 0)
		return 0;
	half->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (half->fd < 0)
		return -errno;
	flags = fcntl(fd, F_GETFL);
	if ((S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) && !(flags & O_NONBLOCK))
		half->nonblock_set = fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
	return 0;
}

static void close_half(struct chardev *chr, struct half *half)
{
	if (half->fd < 0)
		return;
	chardev_unwatch(chr, &half->watch);
	if (half->nonblock_set)
		fcntl(half->fd, F_SETFL, fcntl(half->fd, F_GETFL) & ~O_NONBLOCK);
	close(half->fd);
	half->fd = -1;
}

/* ---- input ---- */

/* How much to read now; 0: wait for room. */
static size_t read_size(struct stdio *s)
{
	size_t room = chardev_room(&s->chr);

	return room < READ_SIZE ? room : READ_SIZE;
}

static void read_some(struct stdio *s, size_t size)
{
	uint8_t buf[READ_SIZE];
	ssize_t n = chardev_fd_read(s->in.fd, s->in.socket, buf, size);

	if (n == -EAGAIN)
		return;
	/* The end of the input (or a terminal that hung up) is not the end of the guest.
	 */
	if (n <= 0) {
		close_half(&s->chr, &s->in);
		return;
	}
	chardev_deliver(&s->chr, buf, n);
}

static void stdio_update(struct chardev *chr);

static void in_ready(void *opaque, uint32_t events)
{
	struct stdio *s = opaque;
	size_t size = read_size(s);

	(void)events;
	if (size)
		read_some(s, size);
	stdio_update(&s->chr);
}

/* ---- output ---- */

static void out_ready(void *opaque, uint32_t events)
{
	struct stdio *s = opaque;

	(void)events;
	chardev_unblock(&s->chr);
	stdio_update(&s->chr);
}

static ssize_t stdio_write(struct chardev *chr, const void *data, size_t len)
{
	struct stdio *s = (struct stdio *)chr;
	ssize_t n = chardev_fd_write(s->out.fd, s->out.socket, data, len);

	/* Nobody reads any more, and nobody ever will. */
	if (n < 0 && n != -EAGAIN)
		chr->open = false;
	return n;
}

static void watch_in(struct stdio *s)
{
	size_t size = read_size(s);
	int ret;

	if (s->in.fd < 0)
		return;
	ret = chardev_watch(&s->chr, &s->in.watch, s->in.fd, size ? EPOLLIN : 0,
	                    in_ready);
	if (ret >= 0)
		return;
	if (ret == -EPERM)
		read_some(s, size);
	else
		close_half(&s->chr, &s->in);
	if (s->in.fd >= 0)
		chardev_poke(&s->chr);
}

static void stdio_update(struct chardev *chr)
{
	struct stdio *s = (struct stdio *)chr;

	watch_in(s);
	if (s->out.fd >= 0 && chardev_watch(chr, &s->out.watch, s->out.fd,
	                                    chr->blocked ? EPOLLOUT : 0, out_ready) < 0)
		chardev_set_open(chr, false);
}

/* ---- life ---- */

static int check_single(struct chardev *chr, struct err *err)
{
	for (struct chardev *c = chr->reg->first; c; c = c->next)
		if (c->ops == &chardev_stdio_ops)
			return err_set(
				err, EBUSY,
				"stdio is already used by chardev '%s'; use pty or "
				"unix:PATH for the other",
				c->id);
	return 0;
}

static int stdio_open(struct chardev *chr, struct err *err)
{
	struct stdio *s = (struct stdio *)chr;
	int ret;

	s->in.fd = s->out.fd = -1;
	ret = check_single(chr, err);
	if (ret < 0)
		return ret;
	if (open_half(&s->in, STDIN_FILENO, O_RDONLY) == 0)
		s->terminal = isatty(s->in.fd);
	if (s->terminal) {
		ret = terminal_raw(STDIN_FILENO, s->signal);
		if (ret < 0) {
			s->terminal = false; /* not ours to restore */
			return err_sys(err, -ret,
			               "cannot put the terminal into raw mode");
		}
	}
	if (chr->mux_mode == OPT_TRI_ON || (chr->mux_mode == OPT_TRI_AUTO && s->terminal))
		ret = chardev_enable_keys(chr, s->terminal);
	if (ret < 0)
		return err_sys(err, -ret, "mux");
	chr->open = open_half(&s->out, STDOUT_FILENO, O_WRONLY) == 0;
	chr->out_fd = s->out.fd;
	return 0;
}

static void stdio_close(struct chardev *chr)
{
	struct stdio *s = (struct stdio *)chr;

	if (s->terminal)
		terminal_restore();
	close_half(chr, &s->in);
	close_half(chr, &s->out);
}

const struct chardev_ops chardev_stdio_ops = {
	.name = "stdio",
	.help = "standard input and output",
	.size = sizeof(struct stdio),
	.opts = stdio_opts,
	.open = stdio_open,
	.write = stdio_write,
	.update = stdio_update,
	.close = stdio_close,
};
