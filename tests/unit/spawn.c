// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starting programs, from this process and through a spawner: descriptors, process
 * groups, ends; what a sealed spawner starts and what not.
 */
#include "common/spawn.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "tests/tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct spawn_plan shell(enum spawn_kind kind, char *const *argv, const int *fds,
                               unsigned count)
{
	return (struct spawn_plan){ kind, "/bin/sh", argv, fds, count };
}

#define ARGV(text)                                               \
	(char *[])                                               \
	{                                                        \
		(char *)"sh", (char *)"-c", (char *)(text), NULL \
	}

/* The child of this process that is the spawner; 0: none. */
static pid_t spawner_pid(void)
{
	_cleanup_free_ char *list = NULL;
	int pid = 0, used;

	fd_read_file(AT_FDCWD, "/proc/thread-self/children", 4096, &list, NULL);
	for (char *p = list; p && sscanf(p, "%d%n", &pid, &used) == 1; p += used) {
		_cleanup_free_ char *name = NULL;
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		if (fd_read_file(AT_FDCWD, path, 64, &name, NULL) >= 0 &&
		    !strcmp(name, "vmm-spawn\n"))
			return pid;
	}
	return 0;
}

static unsigned count_fds(pid_t pid)
{
	unsigned count = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		count += *e->d_name != '.';
	if (dir)
		closedir(dir);
	return count;
}

/* It tells on its first descriptor what it reads from the second, which of the standard
 * ones are /dev/null, and what is open: the last one is the list's own. */
static void test_fds(struct spawner *s, const char *how, const char *nulls)
{
	int one[2], two[2], fds[2];
	struct spawn_plan plan =
		shell(SPAWN_HELPER,
	              ARGV("read x <&4; for i in 0 1 2; do"
	                   " [ /proc/self/fd/$i -ef /dev/null ] && x=$x$i; done;"
	                   "echo $x: /proc/$$/fd/* >&3; read x <&4"),
	              fds, 2);
	struct spawned child;
	struct err err = { 0 };
	char text[256] = "", want[16];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, one) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, two) < 0)
		return;
	fds[0] = one[1];
	fds[1] = two[1];
	tap_eq(spawn_start(s, &plan, &child, &err), 0, "%s: a helper starts", how);
	close(one[1]);
	close(two[1]);
	if (write(two[0], "word\n", 5) != 5 || read(one[0], text, sizeof(text) - 1) < 0)
		tap_diag("no word");
	snprintf(want, sizeof(want), "word%s: ", nulls);
	tap_has(text, want, "%s: it has its descriptors", how);
	tap_has(text, "/fd/4 ", "%s: both", how);
	tap_has(text, "/fd/5\n", "%s: and no others", how);
	tap_eq(getpgid(child.pid), child.pid, "%s: and a process group", how);
	if (write(two[0], "go\n", 3) != 3)
		tap_diag("no end");
	tap_eq(spawn_wait(&child), 0, "%s: it is this process's child", how);
	tap_eq(child.pid, 0, "%s: and forgotten", how);
	close(one[0]);
	close(two[0]);
}

static void test_end(struct spawner *s, const char *how)
{
	struct spawn_plan plan = shell(SPAWN_HELPER, ARGV("exec sleep 1000"), NULL, 0);
	struct spawned child;
	struct err err = { 0 };
	struct pollfd pfd = { .events = POLLIN };

	tap_eq(spawn_start(s, &plan, &child, &err), 0, "%s: another one", how);
	pfd.fd = child.pidfd;
	tap_eq(poll(&pfd, 1, 0), 0, "%s: it runs", how);
	spawn_kill(&child);
	tap_eq(poll(&pfd, 1, 60000), 1, "%s: its end is seen", how);
	tap_eq(spawn_wait(&child), SIGKILL, "%s: killed", how);
	plan.path = "/nonexistent/x";
	child = (struct spawned){ 1, 2 };
	tap_eq(spawn_start(s, &plan, &child, &err), -ENOENT, "%s: one that is not there",
	       how);
	tap_ok(!child.pid && child.pidfd == -1, "%s: is none", how);
	tap_str(err.text, "cannot run /nonexistent/x: No such file or directory",
	        "%s: which is told", how);
	tap_eq(waitpid(-1, NULL, WNOHANG), s ? 0 : -1ull, "%s: nobody is left", how);
}

static int move(int fd, int to)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, to);

	close(fd);
	return moved;
}

/* The first of two pipes ends in the first number, the second in the second one. */
static void test_numbers(const int fds[2], const char *what)
{
	struct spawn_plan plan =
		shell(SPAWN_HELPER, ARGV("echo one >&3; echo two >&4"), fds, 2);
	int one[2], two[2];
	struct spawned child;
	struct err err = { 0 };
	char text[8] = "";

	if (pipe2(one, O_CLOEXEC) < 0 || pipe2(two, O_CLOEXEC) < 0)
		return;
	/* None of them is where a number may have to be. */
	for (unsigned i = 0; i < 2; i++) {
		one[i] = move(one[i], 20);
		two[i] = move(two[i], 20);
	}
	dup3(one[1], fds[0], O_CLOEXEC);
	dup3(two[1], fds[1], O_CLOEXEC);
	spawn_start(NULL, &plan, &child, &err);
	tap_eq(spawn_wait(&child), 0, "%s", what);
	tap_ok(read(one[0], text, sizeof(text) - 1) == 4 && !strcmp(text, "one\n"),
	       "the first is the first");
	tap_ok(read(two[0], text, sizeof(text) - 1) == 4 && !strcmp(text, "two\n"),
	       "the second the second");
	for (unsigned i = 0; i < 2; i++) {
		close(one[i]);
		close(two[i]);
		close(fds[i]);
	}
}

static bool starts(struct spawner *s, enum spawn_kind kind, const char *path,
                   char *const *argv)
{
	struct spawn_plan plan = { kind, path, argv, NULL, 0 };
	struct spawned child;
	struct err err = { 0 };
	int ret = spawn_start(s, &plan, &child, &err);

	spawn_wait(&child);
	return ret >= 0;
}

static void test_seal(void)
{
	char *const helper[] = { (char *)"true", (char *)"fixed", NULL };
	char *const other[] = { (char *)"true", (char *)"other", NULL };
	char *const longer[] = { (char *)"true", (char *)"fixed", (char *)"more", NULL };
	struct err err = { 0 };
	struct spawner *s = spawner_new(&(struct spawner_config){ 0 }, &err);
	struct spawn_plan plan = { SPAWN_HELPER, "/bin/true", helper, NULL, 0 };

	tap_eq(spawn_allow(s, &plan, &err), 0, "a plan is agreed on");
	plan.kind = SPAWN_SCRIPT;
	tap_eq(spawn_allow(s, &plan, &err), 0, "and a script");
	plan.path = "/bin/false";
	tap_ok(starts(s, SPAWN_HELPER, "/bin/false", other), "before the seal all start");
	spawner_seal(s, true, true, false);
	tap_ok(starts(s, SPAWN_HELPER, "/bin/true", helper),
	       "sealed: what was agreed on");
	tap_ok(starts(s, SPAWN_HELPER, "/bin/true", helper), "any number of times");
	tap_ok(starts(s, SPAWN_SCRIPT, "/bin/true", helper), "the script");
	tap_ok(starts(s, SPAWN_HELPER, "/bin/false", other), "what was started before");
	tap_ok(!starts(s, SPAWN_HELPER, "/bin/true", other), "no other arguments");
	tap_ok(!starts(s, SPAWN_HELPER, "/bin/true", longer), "not more of them");
	tap_ok(!starts(s, SPAWN_SCRIPT, "/bin/false", other), "no other kind");
	tap_ok(!starts(s, SPAWN_HELPER, "/bin/echo", helper), "no other program");
	tap_eq(spawn_allow(
		       s,
		       &(struct spawn_plan){ SPAWN_HELPER, "/bin/echo", other, NULL, 0 },
		       &err),
	       -EPERM, "nothing is agreed on any more");
	spawner_seal(s, false, true, false);
	tap_ok(!starts(s, SPAWN_SCRIPT, "/bin/true", helper), "spawn=deny: no scripts");
	tap_ok(starts(s, SPAWN_HELPER, "/bin/true", helper), "but helpers");
	spawner_free(s);
}

/* One argument more, of digits. */
static bool admit(char *const *args)
{
	return !args[1] && **args && strspn(args[0], "0123456789") == strlen(args[0]);
}

static void test_more(void)
{
	char *const base[] = { (char *)"true", (char *)"fixed", NULL };
	char *const good[] = { (char *)"true", (char *)"fixed", (char *)"12", NULL };
	char *const two[] = { (char *)"true", (char *)"fixed", (char *)"1", (char *)"2",
		              NULL };
	char *const bad[] = { (char *)"true", (char *)"fixed", (char *)"-x", NULL };
	char *const glued[] = { (char *)"true", (char *)"fixed12", NULL };
	char *const other[] = { (char *)"true", (char *)"other", (char *)"12", NULL };
	struct err err = { 0 };
	struct spawner *s = spawner_new(&(struct spawner_config){ .admit = admit }, &err);
	struct spawn_plan plan = { SPAWN_HELPER, "/bin/true", base, NULL, 0 };

	tap_eq(spawn_allow_more(s, &plan, &err), 0, "a plan with more is agreed on");
	plan.path = "/bin/echo";
	tap_eq(spawn_allow(s, &plan, &err), 0, "and one without");
	spawner_seal(s, true, true, false);
	tap_ok(starts(s, SPAWN_HELPER, "/bin/true", good), "with an argument more");
	tap_ok(starts(s, SPAWN_HELPER, "/bin/true", base), "with none");
	tap_ok(!starts(s, SPAWN_HELPER, "/bin/true", two), "not with two");
	tap_ok(!starts(s, SPAWN_HELPER, "/bin/true", bad), "not with a wrong one");
	tap_ok(!starts(s, SPAWN_HELPER, "/bin/true", glued), "not with a longer one");
	tap_ok(!starts(s, SPAWN_HELPER, "/bin/true", other), "not after another");
	tap_ok(!starts(s, SPAWN_SCRIPT, "/bin/true", good), "not of another kind");
	tap_ok(!starts(s, SPAWN_HELPER, "/bin/echo", good),
	       "not behind what goes without");
	tap_eq(spawn_allow_more(s, &plan, &err), -EPERM, "nothing more is agreed on");
	spawner_free(s);
}

/* A pipe's end that says what it was opened for. */
static int open_words(char *const *words, bool known)
{
	int ends[2];

	if (!strcmp(words[0], "none"))
		return -ENXIO;
	if (!known && !strcmp(words[0], "old"))
		return -EBUSY;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	dprintf(ends[1], "%s %s %s", words[0], words[1] ? words[1] : "",
	        known ? "known" : "new");
	close(ends[1]);
	return ends[0];
}

static void opens(struct spawner *s, const char *a, const char *b, const char *says)
{
	char *const words[] = { (char *)a, (char *)b, NULL };
	char text[64] = "";
	int fd = spawn_open(s, words);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0)
		tap_str(text, says, "%s %s is opened", a, b);
	else
		tap_str(strerror(-fd), says, "%s %s is refused", a, b);
	if (fd >= 0)
		close(fd);
}

static void test_open(void)
{
	char *const old[] = { (char *)"old", (char *)"1", NULL };
	struct err err = { 0 };

	opens(NULL, "tap", "1", strerror(EPERM));
	for (int may = 0; may < 2; may++) {
		struct spawner *s =
			spawner_new(&(struct spawner_config){ .open = open_words }, &err);

		tap_eq(spawn_allow_open(s, old, &err), 0, "words are agreed on");
		spawner_seal(s, true, true, may);
		opens(s, "tap", "1", may ? "tap 1 new" : strerror(EPERM));
		opens(s, "tap", "1", may ? "tap 1 known" : strerror(EPERM));
		opens(s, "tap", "2", may ? "tap 2 new" : strerror(EPERM));
		opens(s, "old", "1", may ? "old 1 known" : strerror(EPERM));
		opens(s, "old", "2", strerror(may ? EBUSY : EPERM));
		opens(s, "none", "", strerror(may ? ENXIO : EPERM));
		tap_ok(!starts(s, SPAWN_HELPER, "old", (char *[]){ (char *)"1", NULL }),
		       "what may be opened may not be started");
		spawner_free(s);
	}
}

/* Says whether it may gain privileges. */
static void test_elevation(void)
{
	char *const argv[] = { (char *)"grep", (char *)"-q", (char *)"NoNewPrivs:.*1",
		               (char *)"/proc/self/status", NULL };
	struct spawn_plan plan = { SPAWN_SCRIPT, "/bin/grep", argv, NULL, 0 };

	for (int elevate = 0; elevate < 2; elevate++) {
		struct err err = { 0 };
		struct spawner *s = spawner_new(&(struct spawner_config){ 0 }, &err);
		struct spawned child;

		spawn_allow(s, &plan, &err);
		spawner_seal(s, true, elevate, false);
		spawn_start(s, &plan, &child, &err);
		tap_eq(spawn_wait(&child) == 0, !elevate, "elevateprivileges=%s",
		       elevate ? "allow" : "deny");
		spawner_free(s);
	}
}

/* Whether grep finds it in its own status. */
static bool status_has(struct spawner *s, enum spawn_kind kind, const char *pattern)
{
	char *const argv[] = { (char *)"grep", (char *)"-q", (char *)pattern,
		               (char *)"/proc/self/status", NULL };
	struct spawn_plan plan = { kind, "/bin/grep", argv, NULL, 0 };
	struct spawned child;
	struct err err = { 0 };

	spawn_start(s, &plan, &child, &err);
	return spawn_wait(&child) == 0;
}

/* This process ignores SIGPIPE and one more, and blocks another. Signals 32 and 33 are
 * glibc's, which lets nobody change them: they are as whoever ran this test left them. */
static void test_signals(struct spawner *s, const char *how)
{
	sigset_t set, before;

	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &before);
	tap_ok(status_has(s, SPAWN_HELPER, "^SigIgn:.0000000[01][08]0001000$"),
	       "%s: a helper ignores SIGPIPE alone", how);
	tap_ok(status_has(s, SPAWN_SCRIPT, "^SigIgn:.0000000[01][08]0000000$"),
	       "%s: a script nothing", how);
	tap_ok(status_has(s, SPAWN_HELPER, "^SigBlk:.0*$"), "%s: none is blocked", how);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGUSR1, SIG_DFL);
}

/* What its caller has open is not the spawner's, nor what it passed on; signals for the
 * whole service are not for it. */
static void test_spawner(void)
{
	int below = fcntl(STDERR_FILENO, F_DUPFD, 0),
	    above = fcntl(STDERR_FILENO, F_DUPFD, 30);
	struct err err = { 0 };
	struct spawner *s = spawner_new(&(struct spawner_config){ 0 }, &err);
	char *const argv[] = { (char *)"true", NULL };
	struct spawn_plan plan = { SPAWN_HELPER, "/bin/true", argv, &below, 1 };
	struct spawned child;
	pid_t pid;

	spawn_allow(s, &plan, &err);
	spawner_seal(s, true, true, false);
	/* An answer to this means that all before is done. */
	spawn_allow(s, &plan, &err);
	pid = spawner_pid();
	tap_eq(count_fds(pid), 4, "the spawner has its socket and the standard ones");
	for (unsigned i = 0; i < 3; i++) {
		spawn_start(s, &plan, &child, &err);
		spawn_wait(&child);
	}
	spawn_allow(s, &plan, &err);
	tap_eq(count_fds(pid), 4, "and so after some starts");
	kill(pid, SIGTERM);
	kill(pid, SIGINT);
	tap_ok(starts(s, SPAWN_HELPER, "/bin/true", argv), "signals do not end it");
	spawner_free(s);
	close(below);
	close(above);
}

/* Of a machine in the background. */
static void test_background(void)
{
	struct spawner_config config = { .background = true };
	struct err err = { 0 };
	struct spawner *s = spawner_new(&config, &err);
	char *const argv[] = { (char *)"true", NULL };
	char path[64], to[64] = "";

	test_fds(s, "in the background", "012");
	spawner_seal(s, true, true, false);
	/* What comes behind the seal is answered after it. */
	starts(s, SPAWN_HELPER, "/bin/true", argv);
	snprintf(path, sizeof(path), "/proc/%d/fd/2", spawner_pid());
	tap_ok(readlink(path, to, sizeof(to) - 1) > 0 && !strcmp(to, "/dev/null"),
	       "the caller's standard error is let go of");
	spawner_free(s);
}

/* Agreeing and sealing go on while the spawner sleeps; what cannot be agreed on is told
 * then, or when it is to be started. */
static void test_no_wait(void)
{
	static char *long_argv[SPAWN_MAX_ARGS + 2];
	static char huge[40000];
	struct err err = { 0 };
	struct spawner *s = spawner_new(&(struct spawner_config){ 0 }, &err);
	char number[8];
	char *const argv[] = { (char *)"true", number, NULL };
	struct spawn_plan plan = { SPAWN_HELPER, "/bin/true", argv, NULL, 0 };
	struct spawned child = { 1, 2 };
	pid_t pid;

	strcpy(number, "0");
	starts(s, SPAWN_HELPER, "/bin/true", argv);
	pid = spawner_pid();
	kill(pid, SIGSTOP);
	tap_eq(spawn_allow(s, &plan, &err), 0, "agreeing with one that sleeps");
	kill(pid, SIGCONT);
	for (unsigned i = 1; i < 64; i++) {
		snprintf(number, sizeof(number), "%u", i);
		spawn_allow(s, &plan, &err);
	}
	strcpy(number, "64");
	tap_eq(spawn_allow(s, &plan, &err), (uint64_t)-ENOSPC, "64 plans and no more");
	tap_has(err.text, "/bin/true", "which is told");
	err_clear(&err);
	kill(pid, SIGSTOP);
	spawner_seal(s, true, true, false);
	kill(pid, SIGCONT);
	tap_ok(!starts(s, SPAWN_HELPER, "/bin/true", argv), "the 65th does not start");
	strcpy(number, "63");
	tap_ok(starts(s, SPAWN_HELPER, "/bin/true", argv), "the 64th does");
	spawner_free(s);

	s = spawner_new(&(struct spawner_config){ 0 }, &err);
	for (unsigned i = 0; i <= SPAWN_MAX_ARGS; i++)
		long_argv[i] = number;
	plan.argv = long_argv;
	tap_eq(spawn_start(s, &plan, &child, &err), (uint64_t)-EPROTO,
	       "too many arguments");
	long_argv[SPAWN_MAX_ARGS] = NULL;
	tap_ok(starts(s, SPAWN_HELPER, "/bin/true", long_argv),
	       "as many as there may be");
	memset(huge, 'x', sizeof(huge) - 1);
	long_argv[1] = huge;
	child = (struct spawned){ 1, 2 };
	tap_eq(spawn_start(s, &plan, &child, &err), (uint64_t)-E2BIG,
	       "arguments that are too long");
	tap_ok(!child.pid && child.pidfd == -1, "start nothing");
	spawner_free(s);
}

static int refuse(void *opaque, struct err *err)
{
	return err_usage(err, "%s", (const char *)opaque);
}

static void test_prepare(void)
{
	struct err err = { 0 };

	tap_ok(!spawner_new(&(struct spawner_config){ .prepare = refuse,
	                                              .opaque = "there is no such user" },
	                    &err),
	       "who cannot prepare");
	tap_str(err.text, "there is no such user", "says why");
	tap_ok(err.usage, "and how it is meant");
}

/* A spawner that sleeps or does not end would hold who reads our output. */
static void on_alarm(int sig)
{
	pid_t pid = spawner_pid();

	if (pid)
		kill(pid, SIGKILL);
	_exit(sig);
}

int main(void)
{
	struct err err = { 0 };
	struct spawner *s;

	/* What a test runner left open would be inherited. */
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0);
	signal(SIGALRM, on_alarm);
	alarm(120);
	signal(SIGPIPE, SIG_IGN);
	test_numbers((int[]){ SPAWN_FIRST_FD + 1, SPAWN_FIRST_FD },
	             "descriptors in each other's place");
	test_numbers((int[]){ 10, 11 }, "descriptors in other places");
	test_fds(NULL, "direct", "01");
	test_end(NULL, "direct");
	test_signals(NULL, "direct");
	s = spawner_new(&(struct spawner_config){ 0 }, &err);
	tap_ok(s != NULL, "a spawner");
	test_fds(s, "spawner", "01");
	test_end(s, "spawner");
	test_signals(s, "spawner");
	spawner_free(s);
	tap_ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
	       "it ends when it is freed");
	test_spawner();
	test_background();
	test_no_wait();
	test_seal();
	test_more();
	test_open();
	test_elevation();
	test_prepare();
	return tap_done();
}
