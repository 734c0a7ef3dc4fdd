// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starting programs, from this process and through a spawner: descriptors, process
 * groups, ends; what a sealed spawner starts and what not.
 */
#include "common/spawn.h"
#include "common/cleanup.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
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

/* It tells on its first descriptor what it reads from the second. */
static void test_fds(struct spawner *s, const char *how)
{
	int one[2], two[2], fds[2];
	struct spawn_plan plan =
		shell(SPAWN_HELPER, ARGV("read x <&4; echo $x >&3; read x <&4"), fds, 2);
	struct spawned child;
	struct err err = { 0 };
	char text[64] = "";

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
	tap_has(text, "word", "%s: it has its descriptors", how);
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
	tap_eq(spawn_start(s, &plan, &child, &err), -ENOENT, "%s: one that is not there",
	       how);
	tap_str(err.text, "cannot run /nonexistent/x: No such file or directory",
	        "%s: which is told", how);
	tap_eq(waitpid(-1, NULL, WNOHANG), s ? 0 : -1ull, "%s: nobody is left", how);
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
	spawner_seal(s, true, true);
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
	spawner_seal(s, false, true);
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
	spawner_seal(s, true, true);
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
		spawner_seal(s, true, elevate);
		spawn_start(s, &plan, &child, &err);
		tap_eq(spawn_wait(&child) == 0, !elevate, "elevateprivileges=%s",
		       elevate ? "allow" : "deny");
		spawner_free(s);
	}
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

int main(void)
{
	struct err err = { 0 };
	struct spawner *s;

	signal(SIGPIPE, SIG_IGN);
	test_fds(NULL, "direct");
	test_end(NULL, "direct");
	s = spawner_new(&(struct spawner_config){ 0 }, &err);
	tap_ok(s != NULL, "a spawner");
	test_fds(s, "spawner");
	test_end(s, "spawner");
	spawner_free(s);
	tap_ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
	       "it ends when it is freed");
	test_seal();
	test_more();
	test_elevation();
	test_prepare();
	return tap_done();
}
