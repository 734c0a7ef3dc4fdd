// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counting system calls with ptrace: every thread and child is followed, every entry is
 * one call. Slow, therefore a pass of its own; the count is exact. See ptrace(2),
 * PTRACE_GET_SYSCALL_INFO.
 *
 * Invariant: every stop is answered with exactly one PTRACE_SYSCALL, until the first
 * KVM_RUN ends the run.
 */
#include "bench/child.h"
#include "bench/measure.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLLOW                                                              \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | \
	 PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

#define LIMIT_S      60
#define SYSCALL_STOP (SIGTRAP | 0x80)

struct count_state {
	unsigned long calls;
	bool first_run;
};

static void look_at_syscall(pid_t tid, struct count_state *state)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	if (info.entry.nr == SYS_ioctl && (unsigned)info.entry.args[1] == KVM_RUN)
		state->first_run = true;
	else
		state->calls++;
}

/* The signal that the stopped thread shall be given when it goes on. */
static int signal_to_pass(int status)
{
	int sig = WSTOPSIG(status);

	/* Stops of ours: events, and the first stop of a new thread. */
	if (status >> 16 || sig == SYSCALL_STOP || sig == SIGTRAP || sig == SIGSTOP)
		return 0;
	return sig;
}

static int follow(struct child *child, struct count_state *state, struct err *err)
{
	int status;
	pid_t tid;

	while (!state->first_run) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == EINTR)
			return err_set(err, ETIMEDOUT, "no KVM_RUN within a minute");
		if (tid < 0 || (tid == child->pid && !WIFSTOPPED(status))) {
			child->pid = -1;
			err_set(err, ESRCH, "it ended before its first KVM_RUN");
			child_explain(child, err);
			return -ESRCH;
		}
		if (!WIFSTOPPED(status))
			continue;
		if (WSTOPSIG(status) == SYSCALL_STOP)
			look_at_syscall(tid, state);
		if (!state->first_run)
			ptrace(PTRACE_SYSCALL, tid, 0, (long)signal_to_pass(status));
	}
	return 0;
}

static void on_alarm(int sig)
{
	(void)sig;
}

int measure_syscalls(char *const argv[], unsigned long *count, struct err *err)
{
	struct sigaction act = { .sa_handler =
		                         on_alarm }; /* no SA_RESTART: ends waitpid */
	struct count_state state = { 0 };
	struct child child;
	int status, ret;

	sigaction(SIGALRM, &act, NULL);
	alarm(LIMIT_S);
	ret = child_start(&child, argv, NULL, -1, -1, true, err);
	if (!ret && (waitpid(child.pid, &status, 0) < 0 || !WIFSTOPPED(status)))
		ret = err_set(err, ESRCH, "it did not stop at its execve");
	if (!ret && (ptrace(PTRACE_SETOPTIONS, child.pid, 0, (long)FOLLOW) < 0 ||
	             ptrace(PTRACE_SYSCALL, child.pid, 0, 0) < 0))
		ret = err_sys(err, errno, "cannot trace it");
	if (!ret)
		ret = follow(&child, &state, err);
	alarm(0);
	child_end(&child);
	if (ret < 0)
		err_prefix(err, "%s", argv[0]);
	*count = state.calls;
	return ret;
}
