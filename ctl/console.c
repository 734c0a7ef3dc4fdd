// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A serial console: bytes both ways, nothing in between but the key that leaves. Signals
 * arrive through a descriptor, so that every way out passes the place that restores the
 * terminal.
 */
#include "ctl/console.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LEAVE 0x1d /* Ctrl-] */

enum { FROM_USER, FROM_GUEST, SIGNALS, SOURCES };

/* 1: go on, 0: the end, -errno. */
static int copy(int from, int to, bool keys)
{
	char buf[4096], *leave;
	ssize_t n = read(from, buf, sizeof(buf));
	int ret;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1
		       : errno == ECONNRESET             ? 0
		                                         : -errno;
	leave = keys ? memchr(buf, LEAVE, n) : NULL;
	ret = fd_write(to, buf, leave ? leave - buf : n);
	return ret < 0 ? ret : n && !leave;
}

static int copy_both(int fd, int signals, bool terminal)
{
	struct pollfd pfd[SOURCES] = {
		[FROM_USER] = { .fd = STDIN_FILENO, .events = POLLIN },
		[FROM_GUEST] = { .fd = fd, .events = POLLIN },
		[SIGNALS] = { .fd = signals, .events = POLLIN },
	};
	int ret = 1;

	while (ret > 0) {
		if (poll(pfd, SOURCES, -1) < 0)
			ret = errno == EINTR ? 1 : -errno;
		else if (pfd[SIGNALS].revents)
			ret = 0;
		else if (pfd[FROM_GUEST].revents)
			ret = copy(fd, STDOUT_FILENO, false);
		else if (pfd[FROM_USER].revents)
			ret = copy(STDIN_FILENO, fd, terminal);
	}
	return ret;
}

int console_run(int fd, struct err *err)
{
	_cleanup_close_ int signals = -1;
	sigset_t set;
	bool terminal;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0)
		return err_sys(err, errno, "cannot watch signals");
	terminal = isatty(STDIN_FILENO) && terminal_raw(STDIN_FILENO, false) == 0;
	if (terminal)
		fputs("connected; Ctrl-] leaves\n", stderr);
	ret = copy_both(fd, signals, terminal);
	if (terminal) {
		terminal_restore();
		fputc('\n', stderr);
	}
	return ret < 0 ? err_sys(err, -ret, "the console") : 0;
}
