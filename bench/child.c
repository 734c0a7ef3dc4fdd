// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starting a measured process. vfork() shares memory with the child until its execve, so
 * the child itself takes the time at the last possible moment, and the parent's size
 * costs nothing.
 *
 * Invariant: between vfork and execve the child only makes system calls.
 */
#include "bench/child.h"

#include "common/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

struct plan {
	char *const *argv, *const *envp;
	int null_fd, output, keep_fd, keep_as;
	bool traced;
	volatile int failed; /* errno of the child's execve */
	volatile struct timespec exec_at;
};

static __attribute__((noreturn)) void child_main(struct plan *plan)
{
	struct timespec now;

	setpgid(0, 0);
	dup2(plan->null_fd, STDIN_FILENO);
	dup2(plan->output, STDOUT_FILENO);
	dup2(plan->output, STDERR_FILENO);
	if (plan->keep_fd >= 0)
		dup2(plan->keep_fd, plan->keep_as);
	if (plan->traced)
		ptrace(PTRACE_TRACEME, 0, 0, 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	plan->exec_at.tv_sec = now.tv_sec;
	plan->exec_at.tv_nsec = now.tv_nsec;
	execve(plan->argv[0], plan->argv, plan->envp);
	plan->failed = errno;
	_exit(127);
}

/* A function of its own: what vfork() might clobber lives in the caller. */
static __attribute__((noinline)) pid_t spawn(struct plan *plan)
{
	pid_t pid = vfork();

	if (!pid)
		child_main(plan);
	return pid;
}

int child_start(struct child *child, char *const argv[], char *const envp[], int keep_fd,
                int keep_as, bool traced, struct err *err)
{
	struct plan plan = {
		.argv = argv,
		.envp = envp ? envp : environ,
		.keep_fd = keep_fd,
		.keep_as = keep_as,
		.traced = traced,
	};

	*child = (struct child){ .pid = -1, .output = -1 };
	child->output = memfd_create("output", MFD_CLOEXEC);
	plan.null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	plan.output = child->output;
	if (child->output < 0 || plan.null_fd < 0) {
		int code = errno;

		if (plan.null_fd >= 0)
			close(plan.null_fd);
		return err_sys(err, code, "cannot prepare to start %s", argv[0]);
	}
	child->pid = spawn(&plan);
	close(plan.null_fd);
	if (child->pid < 0)
		return err_sys(err, errno, "cannot start %s", argv[0]);
	if (plan.failed)
		return err_sys(err, plan.failed, "cannot run %s", argv[0]);
	child->exec_at.tv_sec = plan.exec_at.tv_sec;
	child->exec_at.tv_nsec = plan.exec_at.tv_nsec;
	return 0;
}

void child_end(struct child *child)
{
	int status = 0;
	pid_t tid = 0;

	if (child->pid > 0) {
		kill(-child->pid, SIGKILL);
		kill(child->pid, SIGKILL);
	}
	/* A tracer must reap every thread before the process itself can go. */
	while (child->pid > 0 && (tid != child->pid || WIFSTOPPED(status))) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno != EINTR)
			break;
	}
	while (waitpid(-1, NULL, __WALL | WNOHANG) > 0)
		;
	if (child->output >= 0)
		close(child->output);
	*child = (struct child){ .pid = -1, .output = -1 };
}

void child_explain(struct child *child, struct err *err)
{
	char tail[400], *line;
	off_t size = lseek(child->output, 0, SEEK_END);
	off_t from = size > (off_t)sizeof(tail) - 1 ? size - (off_t)sizeof(tail) + 1 : 0;
	ssize_t len = fd_pread(child->output, tail, sizeof(tail) - 1, from);

	while (len > 0 && (tail[len - 1] == '\n' || tail[len - 1] == '\r'))
		len--;
	if (len <= 0) {
		err_hint(err, "it printed nothing");
		return;
	}
	tail[len] = '\0';
	line = strrchr(tail, '\n');
	err_hint(err, "it printed: %s", line ? line + 1 : tail);
}
