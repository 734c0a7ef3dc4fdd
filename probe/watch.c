// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events of the host: the kernel's uevents (modules, devices, drivers, IOMMU groups) from
 * netlink, inotify for nodes and configuration, a timer for the rest (sysctl and sysfs
 * values change without any event). One thread. Events are drained until there is
 * silence, because loading a module brings dozens.
 */
#include "probe/watch.h"

#include "common/cleanup.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

enum { KERNEL_GROUP = 1, SETTLE_MS = 100, SETTLE_ROUNDS = 50 };

static int open_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
		                       .nl_groups = KERNEL_GROUP };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	                NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_files(void)
{
	static const char *const folders[] = { "/dev",
		                               "/dev/net",
		                               "/dev/vfio",
		                               "/etc/modprobe.d",
		                               "/run/modprobe.d",
		                               "/etc/group" };
	const uint32_t mask = IN_CREATE | IN_DELETE | IN_ATTRIB | IN_MOVED_TO |
	                      IN_MOVED_FROM | IN_CLOSE_WRITE | IN_MOVE_SELF;
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	/* Those that are not there cannot change. */
	for (unsigned i = 0; fd >= 0 && i < ARRAY_SIZE(folders); i++)
		inotify_add_watch(fd, folders[i], mask);
	return fd;
}

static int open_timer(uint64_t seconds)
{
	struct itimerspec every = { .it_interval.tv_sec = seconds,
		                    .it_value.tv_sec = seconds };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && timerfd_settime(fd, 0, &every, NULL) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int watch_open(struct watch *watch, uint64_t seconds, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	watch->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	watch->timer = open_timer(seconds);
	watch->uevents = open_uevents();
	watch->files = open_files();
	if (watch->signals >= 0 && watch->timer >= 0)
		return 0;
	watch_close(watch);
	return err_sys(err, errno, "cannot watch this host");
}

static void drain(int fd)
{
	char buf[8192];

	while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
		;
}

enum watch_event watch_wait(struct watch *watch)
{
	struct pollfd fds[] = {
		{ .fd = watch->signals, .events = POLLIN },
		{ .fd = watch->timer, .events = POLLIN },
		{ .fd = watch->uevents, .events = POLLIN },
		{ .fd = watch->files, .events = POLLIN },
	};
	enum watch_event event = WATCH_INTERVAL;
	int timeout = -1;

	for (unsigned round = 0; round < SETTLE_ROUNDS; round++) {
		int n = poll(fds, ARRAY_SIZE(fds), timeout);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (fds[0].revents)
			return WATCH_STOPPED;
		if (fds[2].revents || fds[3].revents)
			event = WATCH_CHANGED;
		for (unsigned i = 1; i < ARRAY_SIZE(fds); i++)
			if (fds[i].revents)
				drain(fds[i].fd);
		timeout = event == WATCH_CHANGED ? SETTLE_MS : 0;
	}
	return event;
}

void watch_close(struct watch *watch)
{
	int *const fds[] = { &watch->signals, &watch->timer, &watch->uevents,
		             &watch->files };

	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
