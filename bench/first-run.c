// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A preloaded library (LD_PRELOAD) that stops a VMM right before its first KVM_RUN and
 * reports when that was: it writes the time (CLOCK_MONOTONIC, struct timespec) to the fd
 * named by KVMKIT_BENCH_FD and then waits there for ever; bench kills the process.
 *
 * Invariant: nothing that the VMM's seccomp filter could refuse: write and read on a
 * socket, and a clock that needs no system call. Every other ioctl passes unchanged. Any
 * thread; the first one wins.
 */
#include "bench/first-run.h"

#include <dlfcn.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int (*next_ioctl)(int fd, unsigned long request, ...);
static atomic_flag seen = ATOMIC_FLAG_INIT;
static int report_fd = -1;

__attribute__((constructor)) static void prepare(void)
{
	const char *fd = getenv(FIRST_RUN_ENV);

	*(void **)&next_ioctl = dlsym(RTLD_NEXT, "ioctl");
	if (!fd || sscanf(fd, "%d", &report_fd) != 1)
		report_fd = -1;
}

static void report(void)
{
	struct timespec now;
	char byte;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (write(report_fd, &now, sizeof(now)) != sizeof(now))
		return;
	/* bench reads this process's CPU clock meanwhile, then kills it. */
	while (read(report_fd, &byte, 1) > 0)
		;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_RUN && report_fd >= 0 && !atomic_flag_test_and_set(&seen))
		report();
	return next_ioctl(fd, request, arg);
}
