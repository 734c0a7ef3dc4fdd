// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end "pty": a pseudo-terminal for minicom, screen and the like.
 *
 * While no program has the slave open, the master reports a hang-up without end and its
 * buffer would fill up; so it is not watched then, and output is dropped. inotify tells
 * when somebody opens the slave; where it is not to be had, a timer looks once a second.
 */
#include "vmm/chardev/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <termios.h>

#define LOOK_INTERVAL 1000000000ull /* ns */

struct pty {
	struct chardev chr;
	int fd, inotify_fd;
	char slave[64];
	struct chardev_watch watch, inotify_watch;
	struct loop_timer timer;
};

static const struct opt_desc pty_opts[] = {
	CHARDEV_OPTS(struct pty, "off"),
	{ .name = NULL },
};

static void pty_update(struct chardev *chr);

/* Looks whether a program has the slave open now. */
static void look(struct pty *p)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	bool open = poll(&pfd, 1, 0) >= 0 && !(pfd.revents & POLLHUP);

	/* What the last program left behind was meant for us. */
	if (!open && pfd.revents & POLLIN && p->chr.open)
		open = true;
	chardev_set_open(&p->chr, open);
	pty_update(&p->chr);
}

static void somebody_opened(void *opaque, uint32_t events)
{
	struct pty *p = opaque;
	char buf[4096];

	(void)events;
	while (chardev_fd_read(p->inotify_fd, false, buf, sizeof(buf)) > 0)
		;
	look(p);
}

static void time_to_look(void *opaque)
{
	look(opaque);
}

static void pty_ready(void *opaque, uint32_t events)
{
	struct pty *p = opaque;
	uint8_t buf[4096];
	size_t room = chardev_room(&p->chr);

	if (events & EPOLLOUT)
		chardev_unblock(&p->chr);
	if (events & EPOLLIN && room) {
		ssize_t n = chardev_fd_read(p->fd, false, buf,
		                            room < sizeof(buf) ? room : sizeof(buf));

		if (n > 0)
			chardev_deliver(&p->chr, buf, n);
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		chardev_set_open(&p->chr, false);
		/* It may have been opened again since. */
		look(p);
		return;
	}
	pty_update(&p->chr);
}

static ssize_t pty_write(struct chardev *chr, const void *data, size_t len)
{
	return chardev_fd_write(((struct pty *)chr)->fd, false, data, len);
}

static void pty_update(struct chardev *chr)
{
	struct pty *p = (struct pty *)chr;
	uint32_t events = 0;

	if (chr->open && chardev_room(chr))
		events |= EPOLLIN;
	if (chr->open && chr->blocked)
		events |= EPOLLOUT;
	chardev_watch(chr, &p->watch, p->fd, events, pty_ready);
	if (p->inotify_fd >= 0)
		chardev_watch(chr, &p->inotify_watch, p->inotify_fd, EPOLLIN,
		              somebody_opened);
	else if (!chr->open)
		loop_timer_arm(&p->timer, loop_now() + LOOK_INTERVAL);
}

/* Opened and closed once: the master reports a hang-up from then on, and the settings
 * stay (no echo, no translation: the guest does all that). */
static int prepare_slave(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios settings;

	if (fd < 0 || tcgetattr(fd, &settings) < 0)
		return -errno;
	cfmakeraw(&settings);
	return tcsetattr(fd, TCSAFLUSH, &settings) < 0 ? -errno : 0;
}

static int pty_open(struct chardev *chr, struct err *err)
{
	struct pty *p = (struct pty *)chr;
	int ret;

	p->inotify_fd = -1;
	loop_timer_init(chr->reg->loop, &p->timer, time_to_look, p);
	p->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (p->fd < 0)
		return err_sys(err, errno, "cannot create a pseudo-terminal");
	if (grantpt(p->fd) < 0 || unlockpt(p->fd) < 0 ||
	    ptsname_r(p->fd, p->slave, sizeof(p->slave)) != 0)
		return err_sys(err, errno, "cannot set up a pseudo-terminal");
	ret = prepare_slave(p->slave);
	if (ret < 0)
		return err_sys(err, -ret, "cannot set up %s", p->slave);
	p->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (p->inotify_fd >= 0 &&
	    inotify_add_watch(p->inotify_fd, p->slave, IN_OPEN) < 0) {
		close(p->inotify_fd);
		p->inotify_fd = -1;
	}
	chr->out_fd = p->fd;
	chardev_set_desc(chr, "pty:%s", p->slave);
	printf("char device redirected to %s (label %s)\n", p->slave, chr->id);
	fflush(stdout);
	chardev_poke(chr);
	return 0;
}

static void pty_close(struct chardev *chr)
{
	struct pty *p = (struct pty *)chr;

	chardev_unwatch(chr, &p->watch);
	chardev_unwatch(chr, &p->inotify_watch);
	loop_timer_disarm(&p->timer);
	if (p->inotify_fd >= 0)
		close(p->inotify_fd);
	if (p->fd >= 0)
		close(p->fd);
}

const struct chardev_ops chardev_pty_ops = {
	.name = "pty",
	.help = "a pseudo-terminal, whose name is printed",
	.size = sizeof(struct pty),
	.opts = pty_opts,
	.open = pty_open,
	.write = pty_write,
	.update = pty_update,
	.close = pty_close,
};
