// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm-user-net alone: it ends when either of its sockets does, or who started it. */
#include "common/cleanup.h"
#include "common/frame-ring.h"
#include "common/helper.h"
#include "common/spawn.h"
#include "tests/tap.h"
#include "tests/unit/helper-lib.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void start_alone(struct spawned *child, const int fds[3])
{
	_cleanup_free_ char *path = helper_find("vmm-user-net");
	char *const argv[] = { path, (char *)"3", (char *)"4", (char *)"5", NULL };
	struct spawn_plan plan = { SPAWN_HELPER, path, argv, fds, 3 };
	struct err err = { 0 };

	spawn_start(NULL, &plan, child, &err);
}

/* Both ends of its sockets for frames and for commands, and its memory. */
static bool make_sockets(int ours[2], int its[3])
{
	struct frame_ring ring = { 0 };
	struct err err = { 0 };
	int frames[2], ctl[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, frames) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl) < 0)
		return false;
	ours[0] = frames[0];
	ours[1] = ctl[0];
	its[0] = frames[1];
	its[1] = ctl[1];
	its[2] = frame_ring_create(&ring, &err);
	frame_ring_close(&ring);
	return its[2] >= 0;
}

/* Its first word, once nobody but it has the other ends. */
static bool greets(const int ours[2], const int its[3])
{
	char greeting[16];

	for (unsigned i = 0; i < 3; i++)
		close(its[i]);
	return recv(ours[1], greeting, sizeof(greeting), 0) > 0;
}

static void test_sockets(void)
{
	static const char *const what[] = { "frames", "commands" };
	struct pollfd pfd = { .events = POLLIN };
	struct spawned child;
	int ours[2], its[3];

	for (unsigned i = 0; i < 2 && make_sockets(ours, its); i++) {
		start_alone(&child, its);
		tap_ok(greets(ours, its), "a helper");
		pfd.fd = child.pidfd;
		close(ours[i]);
		tap_eq(poll(&pfd, 1, 60000), 1, "ends with its socket for %s", what[i]);
		spawn_kill(&child);
		spawn_wait(&child);
		close(ours[!i]);
	}
}

static void test_starter(void)
{
	struct pollfd pfd = { .events = POLLIN };
	int ours[2], its[3], told[2];
	struct spawned child;
	pid_t pid = 0, starter;

	if (pipe2(told, O_CLOEXEC) < 0 || !make_sockets(ours, its))
		return;
	fflush(stdout);
	starter = fork();
	if (!starter) {
		start_alone(&child, its);
		if (write(told[1], &child.pid, sizeof(pid)) == sizeof(pid))
			pause();
		_exit(1);
	}
	tap_ok(greets(ours, its) && read(told[0], &pid, sizeof(pid)) == sizeof(pid),
	       "a helper of another process");
	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	kill(starter, SIGKILL);
	waitpid(starter, NULL, 0);
	tap_eq(poll(&pfd, 1, 60000), 1, "ends when that is killed");
	syscall(SYS_pidfd_send_signal, pfd.fd, SIGKILL, NULL, 0);
	for (unsigned i = 0; i < 2; i++) {
		close(ours[i]);
		close(told[i]);
	}
	close(pfd.fd);
}

int main(void)
{
	helper_of_build();
	test_sockets();
	test_starter();
	return tap_done();
}
