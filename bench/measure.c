// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Time and CPU from execve to the first KVM_RUN. The preloaded library (first-run.c)
 * holds the process there; its CPU clock is then read from outside, so that nothing but
 * one write and one read is asked of the process.
 *
 * Invariant: the child is gone when measure_start() returns.
 */
#include "bench/measure.h"

#include "bench/child.h"
#include "bench/first-run.h"
#include "common/cleanup.h"
#include "common/strbuf.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define LIMIT_MS 60000

static double ms_between(const struct timespec *from, const struct timespec *to)
{
	return (to->tv_sec - from->tv_sec) * 1e3 + (to->tv_nsec - from->tv_nsec) / 1e6;
}

/* The own environment with two more variables; the strings stay the caller's. */
static char **make_env(char *preload, char *fd)
{
	size_t count = 0;
	char **env;

	while (environ[count])
		count++;
	env = calloc(count + 3, sizeof(*env));
	if (!env)
		return NULL;
	memcpy(env, environ, count * sizeof(*env));
	env[count] = preload;
	env[count + 1] = fd;
	return env;
}

static int read_report(int fd, struct timespec *at)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&pfd, 1, LIMIT_MS) <= 0)
		return -ETIMEDOUT;
	n = read(fd, at, sizeof(*at));
	return n == sizeof(*at) ? 0 : -ESRCH;
}

static int take_sample(struct child *child, int fd, struct sample *sample,
                       struct err *err)
{
	struct timespec at, cpu;
	clockid_t clock;
	int ret = read_report(fd, &at);

	if (ret == -ETIMEDOUT)
		return err_set(err, ETIMEDOUT, "no KVM_RUN within a minute");
	if (ret < 0) {
		err_set(err, ESRCH, "it ended before its first KVM_RUN");
		child_explain(child, err);
		return ret;
	}
	ret = clock_getcpuclockid(child->pid, &clock);
	if (ret || clock_gettime(clock, &cpu) < 0)
		return err_set(err, EIO, "cannot read its CPU clock");
	sample->wall_ms = ms_between(&child->exec_at, &at);
	sample->cpu_ms = cpu.tv_sec * 1e3 + cpu.tv_nsec / 1e6;
	return 0;
}

static int start_and_sample(char *const argv[], char **env, int fds[2],
                            struct sample *sample, struct err *err)
{
	struct child child;
	int ret = child_start(&child, argv, env, fds[1], FIRST_RUN_FD, false, err);

	/* Only the child holds its end now: its death is an end of file here. */
	close(fds[1]);
	if (!ret)
		ret = take_sample(&child, fds[0], sample, err);
	child_end(&child);
	return ret;
}

int measure_start(char *const argv[], const char *preload, struct sample *sample,
                  struct err *err)
{
	_cleanup_strbuf_ struct strbuf lib = { 0 }, fd = { 0 };
	_cleanup_free_ char **env = NULL;
	int fds[2], ret;

	strbuf_addf(&lib, "LD_PRELOAD=%s", preload);
	strbuf_addf(&fd, "%s=%d", FIRST_RUN_ENV, FIRST_RUN_FD);
	if (!lib.failed && !fd.failed)
		env = make_env(lib.data, fd.data);
	if (!env)
		return err_sys(err, ENOMEM, "%s", argv[0]);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, errno, "cannot make a socket pair");
	ret = start_and_sample(argv, env, fds, sample, err);
	close(fds[0]);
	if (ret < 0)
		err_prefix(err, "%s", argv[0]);
	return ret;
}
