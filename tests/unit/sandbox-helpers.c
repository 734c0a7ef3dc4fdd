// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sandboxes of vmm-vnc and vmm-user-net from inside: one that was taken over does no
 * harm to vmm, which is a process of the same user, nor to others, and its limit of
 * memory holds. What their libraries need goes on.
 */
#include "tests/tap.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Both have the same name for it. */
#define sandbox_enter vnc_enter
#include "vmm/helpers/vnc/sandbox.c"
#undef sandbox_enter
#define sandbox_enter net_enter
#define allowed       net_allowed
#include "vmm/helpers/user-net/sandbox.c"
#undef sandbox_enter

static int enter_painter(struct err *err)
{
	return vnc_enter(SANDBOX_PAINTER, err);
}

static int enter_front(struct err *err)
{
	return vnc_enter(SANDBOX_FRONT, err);
}

static int enter_net(struct err *err)
{
	return net_enter(NULL, false, err);
}

static int enter_net_unix(struct err *err)
{
	return net_enter(NULL, true, err);
}

/* What fn() came to in a confined child: 0 or an errno. */
static int confined(int (*enter)(struct err *err), long (*fn)(void))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct err err = { 0 };

		if (enter(&err) < 0)
			_exit(255);
		errno = 0;
		_exit(fn() < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- what is tried ---- */

#define TRY(name, call)            \
	static long name(void)     \
	{                          \
		return (long)call; \
	}

static const struct rlimit no_files = { 0, 0 };

TRY(signals_to_vmm, fcntl(STDERR_FILENO, F_SETOWN, getppid()))
TRY(kind_of_signal, fcntl(STDERR_FILENO, F_SETSIG, SIGKILL))
TRY(owner_by_ioctl, ioctl(STDERR_FILENO, FIOSETOWN, &(int){ getppid() }))
TRY(group_by_ioctl, ioctl(STDERR_FILENO, SIOCSPGRP, &(int){ getppid() }))
TRY(limit_of_vmm, syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, &no_files, NULL))
TRY(kills, syscall(SYS_kill, getppid(), 0))
TRY(kills_thread, syscall(SYS_tgkill, getppid(), getppid(), 0))
TRY(traces, syscall(SYS_ptrace, 16, getppid(), 0, 0))
TRY(starts, syscall(SYS_execve, "/bin/true", NULL, NULL))
TRY(forks, syscall(SYS_fork))
TRY(reads_file, syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0))
TRY(writes_file, syscall(SYS_openat, AT_FDCWD, "/tmp/x", O_WRONLY, 0))
TRY(inet_socket, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
TRY(unix_socket, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
TRY(packet_socket, socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0))
TRY(netlink_socket, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0))
TRY(own_limit, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &(struct rlimit){ 0 }))
TRY(flags, fcntl(STDERR_FILENO, F_SETFL, fcntl(STDERR_FILENO, F_GETFL)))
TRY(much_memory, -(mmap(NULL, 600ul << 20, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED))

struct attempt {
	const char *what;
	long (*fn)(void);
	int want;
};

#define ATTEMPT(fn, want)     \
	{                     \
#fn, fn, want \
	}

static const struct attempt always[] = {
	ATTEMPT(signals_to_vmm, EPERM),
	ATTEMPT(kind_of_signal, EPERM),
	ATTEMPT(owner_by_ioctl, EPERM),
	ATTEMPT(group_by_ioctl, EPERM),
	ATTEMPT(limit_of_vmm, EPERM),
	ATTEMPT(kills, EPERM),
	ATTEMPT(kills_thread, EPERM),
	ATTEMPT(traces, EPERM),
	ATTEMPT(starts, EPERM),
	ATTEMPT(forks, EPERM),
	ATTEMPT(writes_file, EPERM),
	ATTEMPT(packet_socket, EPERM),
	ATTEMPT(netlink_socket, EPERM),
	ATTEMPT(own_limit, 0),
	ATTEMPT(flags, 0),
	{ 0 },
};

static const struct attempt of_vnc[] = {
	ATTEMPT(reads_file, EPERM),
	ATTEMPT(inet_socket, EPERM),
	ATTEMPT(unix_socket, EPERM),
	ATTEMPT(much_memory, ENOMEM),
	{ 0 },
};

static const struct attempt of_net[] = {
	ATTEMPT(inet_socket, 0),
	ATTEMPT(unix_socket, EPERM),
	{ 0 },
};

static const struct attempt of_net_unix[] = {
	ATTEMPT(inet_socket, 0),
	ATTEMPT(unix_socket, 0),
	{ 0 },
};

static void attempts(int (*enter)(struct err *err), const struct attempt *list,
                     const char *who)
{
	for (; list->fn; list++)
		tap_eq(confined(enter, list->fn), list->want, "%s: %s", who, list->what);
}

extern void __asan_init(void) __attribute__((weak));

int main(void)
{
	if (__asan_init)
		tap_skip_all(
			"sanitizers need what the sandbox refuses; it is off with them");
	attempts(enter_painter, always, "painter");
	attempts(enter_painter, of_vnc, "painter");
	attempts(enter_front, always, "front");
	attempts(enter_front, of_vnc, "front");
	attempts(enter_net, always, "user-net");
	attempts(enter_net, of_net, "user-net");
	attempts(enter_net_unix, always, "user-net with Unix sockets");
	attempts(enter_net_unix, of_net_unix, "user-net with Unix sockets");
	return tap_done();
}
