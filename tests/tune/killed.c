// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm-tune is killed before each of its system calls that change something, one after the
 * other, and the host must then be restored to the byte by one undo (or unpersist). The
 * program runs under ptrace and is killed at the entry of the Nth such call, so that
 * every run is the same; the loop ends when a run gets through.
 */
#include "common/cleanup.h"
#include "tests/probe/dir-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ARGS_MAX 12

static char program[4096], top[128], host[160], fresh[160];

/* Runs in the child: argv with its output thrown away. */
static void exec_quiet(char *const argv[])
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, 1);
		dup2(null, 2);
	}
	/* The leak checker needs ptrace for itself. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	execvp(argv[0], argv);
	_exit(126);
}

static int run(char *const argv[])
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		exec_quiet(argv);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Stops the tracer's child before each call that changes something, and at no other. The
 * flags of open are in its third argument; sysroot's openat2 only ever opens what exists.
 */
static bool stop_at_changes(void)
{
	static const unsigned calls[] = {
		SYS_write,    SYS_pwrite64,  SYS_fsync,   SYS_fdatasync, SYS_ftruncate,
		SYS_unlinkat, SYS_renameat,  SYS_mkdirat, SYS_symlinkat, SYS_fchmod,
		SYS_unlink,   SYS_renameat2, SYS_rename,  SYS_mkdir,     SYS_symlink,
	};
	enum { CALLS = ARRAY_SIZE(calls) };
	struct sock_filter code[CALLS + 7], *to = code;
	struct sock_fprog program = { .filter = code };

	*to++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                                     offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < CALLS; i++)
		*to++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i],
		                                     CALLS - i + 3, 0);
	*to++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 2);
	*to++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                                     offsetof(struct seccomp_data, args[2]));
	*to++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
	                                     O_CREAT | O_TRUNC | O_WRONLY | O_RDWR, 1, 0);
	*to++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	*to++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	program.len = to - code;
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* 1: killed before its Nth change; 0: it ended well before; -1: anything else. */
static int kill_at(char *const argv[], unsigned n)
{
	bool attached = false;
	int status, signal;
	pid_t pid = fork();

	if (!pid) {
		/* Stops, so that the tracer is there before the first call that it wants.
		 */
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) ||
		    !stop_at_changes())
			_exit(125);
		exec_quiet(argv);
	}
	for (;;) {
		if (waitpid(pid, &status, 0) < 0 && errno != EINTR)
			return -1;
		if (WIFEXITED(status))
			return WEXITSTATUS(status) ? -1 : 0;
		if (WIFSIGNALED(status))
			return WTERMSIG(status) == SIGKILL ? 1 : -1;
		signal = 0;
		if (!attached) {
			attached = true;
			ptrace(PTRACE_SETOPTIONS, pid, NULL,
			       (void *)(PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEEXEC |
			                PTRACE_O_EXITKILL));
		} else if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
			if (!--n)
				kill(pid, SIGKILL);
		} else if (status >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
			signal = WSTOPSIG(status);
		}
		ptrace(PTRACE_CONT, pid, NULL, (void *)(long)signal);
	}
}

/* argv of kvm-tune, from words. */
static void words(char *argv[ARGS_MAX], char *const list[])
{
	unsigned n = 0;

	argv[n++] = program;
	for (unsigned i = 0; list[i] && n < ARGS_MAX - 3; i++)
		argv[n++] = list[i];
	argv[n++] = "--root";
	argv[n++] = host;
	argv[n] = NULL;
}

static int tune(char *const list[])
{
	char *argv[ARGS_MAX];

	words(argv, list);
	return run(argv);
}

static int renew(void)
{
	return run((char *[]){ "rm", "-rf", host, NULL }) ||
	       run((char *[]){ "cp", "-a", fresh, host, NULL });
}

/* A temporary file beside a knob is one of a captured tree: a kernel's file is written in
 * place. */
static int differs(void)
{
	return run((char *[]){ "diff", "-r", "--no-dereference", "-x", ".*.kvmkit", fresh,
	                       host, NULL });
}

struct scenario {
	const char *name;
	char *before[8]; /* runs unharmed first; empty: nothing */
	char *victim[8];
	char *repair[8];
	unsigned least; /* changes that the victim makes at least */
};

static bool one_kill(const struct scenario *s, unsigned n, bool *through)
{
	char *argv[ARGS_MAX];
	int ret;

	if (s->before[0] && tune((char *const *)s->before))
		return false;
	words(argv, (char *const *)s->victim);
	ret = kill_at(argv, n);
	*through = !ret;
	if (ret < 0 || tune((char *const *)s->repair) || differs()) {
		tap_diag("%s, change %u: %s", s->name, n,
		         ret < 0 ? "neither killed nor through" : "not restored");
		renew();
		return false;
	}
	return true;
}

static void test(const struct scenario *s)
{
	unsigned bad = 0, n = 0;
	bool through = false;

	while (!through && bad < 3 && n < 10000)
		bad += !one_kill(s, ++n, &through);
	tap_ok(!bad && n > s->least, "%s: killed before each of %u changes, restored",
	       s->name, n - 1);
}

static const struct scenario scenarios[] = {
	{ "apply latency", { 0 }, { "apply", "latency" }, { "undo" }, 100 },
	{ "apply density over throughput",
	  { "apply", "throughput" },
	  { "apply", "density" },
	  { "undo" },
	  40 },
	{ "undo", { "apply", "secure" }, { "undo" }, { "undo" }, 20 },
	{ "two pairs",
	  { 0 },
	  { "sysctl", "vm.dirty_bytes=100000000", "vm.overcommit_kbytes=9000000" },
	  { "undo" },
	  20 },
	{ "param", { 0 }, { "param", "kvm_amd.nested=0" }, { "undo" }, 8 },
	{ "huge pages", { 0 }, { "hugepages", "2M=64" }, { "undo" }, 10 },
	{ "persist", { 0 }, { "persist", "throughput" }, { "unpersist" }, 20 },
	{ "unpersist", { "persist", "throughput" }, { "unpersist" }, { "unpersist" }, 5 },
};

int main(void)
{
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 32);
	char *slash;

	program[len > 0 ? len : 0] = '\0';
	/* BUILD/tests/tune/killed: the program is in BUILD. */
	for (unsigned i = 0; i < 3; i++)
		if ((slash = strrchr(program, '/')))
			*slash = '\0';
	strcat(program, "/kvm-tune");
	/* On a disk the time goes into fsync. */
	if (!access("/dev/shm", W_OK))
		setenv("TMPDIR", "/dev/shm", 1);
	setenv("KVMKIT_PROFILE_DIR", "tune/profiles", 1);
	if (!test_dir(top))
		return 1;
	snprintf(host, sizeof(host), "%s/host", top);
	snprintf(fresh, sizeof(fresh), "%s/fresh", top);
	if (run((char *[]){ "tests/tune/make-host", fresh, NULL }))
		tap_ok(false, "cannot make %s", fresh);
	/* The directories that persist makes stay: only files are its own. */
	/* Each repair ends with the host as it was, so one copy serves them all. */
	if (renew() || tune((char *[]){ "persist", "throughput", NULL }) ||
	    tune((char *[]){ "unpersist", NULL }) ||
	    run((char *[]){ "rm", "-rf", fresh, NULL }) ||
	    run((char *[]){ "cp", "-a", host, fresh, NULL }))
		tap_ok(false, "cannot prepare %s", host);
	if (kill_at((char *[]){ "true", NULL }, 10000) < 0)
		tap_skip("all kills", "this system does not allow ptrace");
	else
		for (unsigned i = 0; i < ARRAY_SIZE(scenarios); i++)
			test(&scenarios[i]);
	test_dir_remove(top);
	return tap_done();
}
