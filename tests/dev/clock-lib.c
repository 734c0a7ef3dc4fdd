// SPDX-License-Identifier: GPL-2.0-or-later
/* Time as a test makes it. */
#include "tests/dev/clock-lib.h"

#include "common/cleanup.h"
#include "tests/tap.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#define SECOND 1000000000ull

static struct {
	int fd;
	uint64_t deadline; /* 0: not armed */
} timers[8];

static bool made;
static uint64_t now, look;  /* monotonic, ns */
static uint64_t real_ahead; /* of it */

static uint64_t to_ns(const struct timespec *ts)
{
	return ts->tv_sec * SECOND + ts->tv_nsec;
}

void test_clock_start(void)
{
	struct timespec mono, real;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	now = to_ns(&mono);
	real_ahead = real.tv_sec * SECOND + SECOND / 4 - now;
	made = true;
}

void test_clock_look(uint64_t ns)
{
	look = ns;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	uint64_t ns;

	if (!made || (id != CLOCK_MONOTONIC && id != CLOCK_REALTIME))
		return syscall(SYS_clock_gettime, id, ts);
	now += look;
	ns = now + (id == CLOCK_REALTIME ? real_ahead : 0);
	*ts = (struct timespec){ .tv_sec = ns / SECOND, .tv_nsec = ns % SECOND };
	return 0;
}

static int settime(int fd, uint64_t ns)
{
	struct itimerspec spec = { .it_value = { .tv_nsec = ns } };

	return syscall(SYS_timerfd_settime, fd, 0, &spec, NULL);
}

/* The kernel's timer is due at once, and is when this returns. */
static void fire(unsigned i)
{
	struct pollfd pfd = { .fd = timers[i].fd, .events = POLLIN };

	timers[i].deadline = 0;
	if (settime(timers[i].fd, 1) < 0 || poll(&pfd, 1, -1) < 0)
		abort();
}

int timerfd_settime(int fd, int flags, const struct itimerspec *spec,
                    struct itimerspec *old)
{
	unsigned i = 0;

	if (!made)
		return syscall(SYS_timerfd_settime, fd, flags, spec, old);
	/* One whose descriptor was closed and opened again is the new one. */
	while (i < ARRAY_SIZE(timers) - 1 && timers[i].fd != fd && timers[i].fd)
		i++;
	timers[i].fd = fd;
	timers[i].deadline = to_ns(&spec->it_value);
	/* Whatever it is set to, it is not due any more (timerfd_settime(2)). */
	if (!timers[i].deadline || timers[i].deadline > now)
		return settime(fd, 0);
	fire(i);
	return 0;
}

/* Leaps to the first timer, or by at most so long; false: no timer was due by then. */
static bool leap(uint64_t end)
{
	unsigned first = ARRAY_SIZE(timers);

	for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
		if (timers[i].deadline && timers[i].deadline <= end &&
		    (first == ARRAY_SIZE(timers) ||
		     timers[i].deadline < timers[first].deadline))
			first = i;
	if (first == ARRAY_SIZE(timers)) {
		now = end;
		return false;
	}
	if (timers[first].deadline > now)
		now = timers[first].deadline;
	fire(first);
	return true;
}

int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	uint64_t end = now + timeout * 1000000ull;
	int count;

	if (!made)
		return syscall(SYS_epoll_wait, epfd, events, max, timeout);
	do {
		count = syscall(SYS_epoll_wait, epfd, events, max, 0);
	} while (!count && leap(end));
	return count;
}
