// SPDX-License-Identifier: GPL-2.0-or-later
/* Ticks from a timerfd, the end from a signalfd. */
#include "tune/ticker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

int ticker_open(struct ticker *ticker, unsigned seconds, struct err *err)
{
	struct itimerspec every = { .it_interval.tv_sec = seconds,
		                    .it_value.tv_nsec = 1 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ticker->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	ticker->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (ticker->signals < 0 || ticker->timer < 0 ||
	    timerfd_settime(ticker->timer, 0, &every, NULL) < 0)
		return err_sys(err, errno, "cannot wait for time");
	return 0;
}

int ticker_wait(struct ticker *ticker, struct err *err)
{
	struct pollfd fds[] = { { ticker->signals, POLLIN, 0 },
		                { ticker->timer, POLLIN, 0 } };
	uint64_t ticks;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return err_sys(err, errno, "cannot wait for time");
		if (fds[0].revents)
			return 0;
		if (fds[1].revents && read(ticker->timer, &ticks, sizeof(ticks)) > 0)
			return 1;
	}
}

void ticker_close(struct ticker *ticker)
{
	if (ticker->timer >= 0)
		close(ticker->timer);
	if (ticker->signals >= 0)
		close(ticker->signals);
	ticker->timer = ticker->signals = -1;
}
