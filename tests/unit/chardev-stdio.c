// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stdio back end in child processes whose standard input and output are pipes, files,
 * closed, or a terminal of their own; and the way back of that terminal on every path out
 * of the process.
 */
#include "common/terminal.h"
#include "tests/tap.h"
#include "tests/unit/chardev-lib.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* ---- children on pipes and files ---- */

static pid_t start(int in, int out, void (*fn)(void))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	/* tap's own output must not be mixed in. */
	if (in >= 0)
		dup2(in, 0);
	else
		close(0);
	if (out >= 0)
		dup2(out, 1);
	else
		close(1);
	fn();
	_exit(0);
}

static int result(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static struct recorder child;

static void child_open(const char *text)
{
	struct err err = { 0 };

	recorder_init(&child);
	if (!recorder_open(&child, text, &err)) {
		tap_diag("child: %s", err.text);
		_exit(99);
	}
}

/* Copies input to output until 5000 bytes or nothing comes any more; status 0: all
 * copied. */
static void child_echo(void)
{
	child_open("stdio");
	recorder_until_len(&child, 5000);
	chardev_write_wait(child.chr, child.data, child.len, 60000);
	recorder_free(&child);
	_exit(child.len != 5000);
}

/* No input ever: the process must be idle. */
static void child_idle(void)
{
	struct rusage before, after;
	unsigned rounds = 0;
	uint64_t end;

	child_open("stdio");
	getrusage(RUSAGE_SELF, &before);
	end = loop_now() + 200000000;
	while (loop_now() < end)
		rounds += loop_run_once(child.loop, 20);
	getrusage(RUSAGE_SELF, &after);
	timersub(&after.ru_utime, &before.ru_utime, &after.ru_utime);
	recorder_free(&child);
	_exit(child.len || rounds > 3 || after.ru_utime.tv_usec > 100000);
}

/* By which child_flood() says that it must wait; nobody reads its output before. */
static int told[2];

static void child_flood(void)
{
	uint8_t *data = calloc(1, 1 << 20);
	size_t done = 0, rounds = 0;

	child_open("stdio");
	for (unsigned i = 0; i < 1 << 20; i++)
		data[i] = i % 253;
	while (done < 1 << 20 && rounds++ < 100000) {
		unsigned seen = child.writables;
		size_t n = chardev_write(child.chr, data + done, (1 << 20) - done);

		done += n;
		if (rounds == 1 && (done == 1 << 20 || write(told[1], "w", 1) != 1))
			_exit(98);
		if (done < 1 << 20)
			recorder_until(&child, &child.writables, seen + 1);
	}
	recorder_free(&child);
	_exit(done != 1 << 20 || rounds < 2);
}

static void test_pipes(void)
{
	int in[2], out[2];
	char data[5000], back[5000] = { 0 };
	pid_t pid;
	size_t got = 0;
	ssize_t n;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return;
	memset(data, 'p', sizeof(data));
	pid = start(in[0], out[1], child_echo);
	tap_eq(write(in[1], data, sizeof(data)), sizeof(data), "pipe: input");
	close(out[1]);
	while (got < sizeof(back) &&
	       (n = read(out[0], back + got, sizeof(back) - got)) > 0)
		got += n;
	tap_ok(got == 5000 && !memcmp(data, back, 5000), "pipe: comes back");
	tap_eq(result(pid), 0, "pipe: the child saw all of it");
	tap_ok(!(fcntl(in[0], F_GETFL) & O_NONBLOCK),
	       "pipe: the shared description is untouched");
	pid = start(in[0], 1, child_idle);
	tap_eq(result(pid), 0, "pipe: no input, no wake-up");
	close(in[1]);
	pid = start(in[0], 1, child_idle);
	tap_eq(result(pid), 0, "pipe: the end of the input is quiet");
	close(in[0]);
	close(out[0]);
}

static void test_slow_pipe(void)
{
	int out[2];
	uint8_t buf[1500];
	size_t got = 0, bad = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(told, O_CLOEXEC) < 0)
		return;
	pid = start(-1, out[1], child_flood);
	close(out[1]);
	close(told[1]);
	tap_eq(read(told[0], buf, 1), 1, "a full pipe makes the writer wait");
	close(told[0]);
	while ((n = read(out[0], buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			bad += buf[i] != got++ % (1 << 20) % 253;
	tap_eq(got, 1 << 20, "a slow reader of a pipe gets 1 MiB");
	tap_eq(bad, 0, "in order");
	tap_eq(result(pid), 0, "and the writer is done");
	close(out[0]);
}

static void test_files(void)
{
	FILE *file = tmpfile();
	int fd = fileno(file), null = open("/dev/null", O_RDWR | O_CLOEXEC), out[2];
	char data[5000];
	pid_t pid;

	memset(data, 'f', sizeof(data));
	if (write(fd, data, sizeof(data)) < 0)
		return;
	lseek(fd, 0, SEEK_SET);
	pid = start(fd, null, child_echo);
	tap_eq(result(pid), 0, "a file as input is read to its end");
	tap_eq(lseek(fd, 0, SEEK_CUR), 5000, "through the descriptor that was given");
	pid = start(fd, null, child_idle);
	tap_eq(result(pid), 0, "at its end it is quiet");
	pid = start(null, null, child_idle);
	tap_eq(result(pid), 0, "/dev/null is quiet");
	pid = start(-1, null, child_idle);
	tap_eq(result(pid), 0, "a closed standard input is quiet");
	lseek(fd, 0, SEEK_SET);
	pid = start(fd, -1, child_echo);
	tap_eq(result(pid), 0, "a closed standard output drops");
	lseek(fd, 0, SEEK_SET);
	if (pipe2(out, O_CLOEXEC) < 0)
		return;
	close(out[0]);
	pid = start(fd, out[1], child_echo);
	tap_eq(result(pid), 0, "a pipe without a reader drops, too");
	close(out[1]);
	close(null);
	fclose(file);
}

/* Ctrl-A keys on a pipe only with mux. */
static void child_mux(void)
{
	child_open("mon:stdio");
	child.room = 0;
	recorder_until(&child, &child.quits, 1);
	recorder_free(&child);
	_exit(child.quits == 1 && child.breaks == 1 && child.len == 0 ? 0 : 1);
}

static void child_plain(void)
{
	child_open("stdio");
	recorder_until_len(&child, 6);
	recorder_free(&child);
	_exit(child.quits || child.len != 6);
}

static void test_keys_on_pipes(void)
{
	int in[2], null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const char *keys = "ab\x01"
			   "b\x01x";
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0)
		return;
	pid = start(in[0], null, child_mux);
	tap_eq(write(in[1], keys, 6), 6, "mux: a break and Ctrl-A x on a pipe");
	tap_eq(result(pid), 0, "mux: act, even though the guest takes no input");
	pid = start(in[0], null, child_plain);
	tap_eq(write(in[1], keys, 6), 6, "no mux: the same bytes");
	tap_eq(result(pid), 0, "no mux: are the guest's");
	close(in[0]);
	close(in[1]);
	close(null);
}

static void test_only_once(void)
{
	struct recorder r;
	struct err err = { 0 };

	recorder_init(&r);
	tap_ok(recorder_create(&r, "stdio,id=a", &err), "one chardev has stdio");
	tap_ok(!recorder_create(&r, "stdio,id=b", &err), "another is refused");
	tap_has(err.text, "already used by chardev 'a'", "and the reason is told");
	recorder_free(&r);
}

/* ---- children on a terminal ---- */

struct console {
	int master, slave;
	struct termios before;
	pid_t pid;
	int ready[2]; /* the child writes a byte when it is set up */
};

static struct console con;

/* The child leads a session of its own with the terminal as its controlling one. */
static void start_console(void (*fn)(void))
{
	char byte;

	con.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	grantpt(con.master);
	unlockpt(con.master);
	con.slave = open(ptsname(con.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	tcgetattr(con.slave, &con.before);
	if (pipe2(con.ready, O_CLOEXEC) < 0)
		exit(1);
	con.pid = fork();
	if (!con.pid) {
		setsid();
		ioctl(con.slave, TIOCSCTTY, 0);
		dup2(con.slave, 0);
		dup2(con.slave, 1);
		/* Programs in the background of a script inherit that it is ignored. */
		signal(SIGINT, SIG_DFL);
		fn();
		_exit(98);
	}
	close(con.ready[1]);
	if (read(con.ready[0], &byte, 1) != 1)
		tap_diag("the child did not start");
}

static void child_ready(void)
{
	if (write(con.ready[1], "x", 1) != 1)
		_exit(97);
}

static bool is_raw(void)
{
	struct termios now;

	tcgetattr(con.slave, &now);
	return !(now.c_lflag & (ECHO | ICANON)) && !(now.c_iflag & ICRNL);
}

static bool is_restored(void)
{
	struct termios now;

	tcgetattr(con.slave, &now);
	return now.c_lflag == con.before.c_lflag && now.c_iflag == con.before.c_iflag &&
	       now.c_oflag == con.before.c_oflag && now.c_cflag == con.before.c_cflag &&
	       !memcmp(now.c_cc, con.before.c_cc, sizeof(now.c_cc));
}

static void end_console(void)
{
	close(con.master);
	close(con.slave);
	close(con.ready[0]);
}

static void run_until_quit(const char *text)
{
	child_open(text);
	child.room = 0; /* a guest that hangs */
	child_ready();
	recorder_until(&child, &child.quits, 1);
	recorder_free(&child);
	_exit(!child.quits);
}

static void child_stdio(void)
{
	run_until_quit("stdio");
}

static void child_nographic(void)
{
	run_until_quit("mon:stdio");
}

/* Presses Ctrl-A h and waits for the answer: the child is running, and reads keys. */
static bool answers_help(void)
{
	char buf[300] = "";

	fcntl(con.master, F_SETFL, O_NONBLOCK);
	if (write(con.master, "\x01h", 2) != 2)
		return false;
	for (size_t done = 0; done < sizeof(buf) - 1 && !strstr(buf, "Ctrl-A x");) {
		struct pollfd pfd = { .fd = con.master, .events = POLLIN };
		ssize_t n;

		if (poll(&pfd, 1, 60000) <= 0)
			return false;
		n = read(con.master, buf + done, sizeof(buf) - 1 - done);
		done += n > 0 ? n : 0;
	}
	return true;
}

static void test_quit_key(void)
{
	char flood[6000];

	start_console(child_nographic);
	tap_ok(is_raw(), "terminal: raw while the machine runs");
	tap_ok(!(fcntl(con.slave, F_GETFL) & O_NONBLOCK),
	       "terminal: the shell's description stays blocking");
	memset(flood, 'k', sizeof(flood));
	tap_ok(answers_help(), "terminal: Ctrl-A h prints the keys");
	/* The guest takes nothing: more than any buffer holds, and the key still acts. */
	for (size_t done = 0; done < sizeof(flood);) {
		struct pollfd pfd = { .fd = con.master, .events = POLLOUT };
		ssize_t n = write(con.master, flood, sizeof(flood) - done);

		done += n > 0 ? n : 0;
		if (n < 0 && poll(&pfd, 1, 60000) <= 0)
			break;
	}
	tap_eq(write(con.master, "\x03\x01x", 3), 3, "terminal: Ctrl-C, then Ctrl-A x");
	tap_eq(result(con.pid), 0, "terminal: Ctrl-C is the guest's, Ctrl-A x leaves");
	tap_ok(is_restored(), "terminal: restored");
	end_console();
}

static void test_interrupt_key(void)
{
	start_console(child_stdio);
	tap_eq(write(con.master, "\x03", 1), 1, "-serial stdio: Ctrl-C");
	tap_eq(result(con.pid), 1000 + SIGINT, "-serial stdio: ends the VMM");
	tap_ok(is_restored(), "-serial stdio: and restores the terminal");
	end_console();
}

/* The program, or a sanitizer in it, handles the signal already. */
static bool taken(int sig)
{
	struct sigaction now;

	return sigaction(sig, NULL, &now) < 0 || now.sa_handler != SIG_DFL;
}

static void test_signals(void)
{
	static const int signals[] = {
		SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGSEGV, SIGABRT
	};
	const struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (taken(signals[i])) {
			tap_skip("a fatal signal", "a sanitizer handles it");
			continue;
		}
		start_console(child_nographic);
		tap_ok(is_raw(), "signal %d: raw before", signals[i]);
		kill(con.pid, signals[i]);
		tap_eq(result(con.pid), 1000 + signals[i], "signal %d: it dies of it",
		       signals[i]);
		tap_ok(is_restored(), "signal %d: restored", signals[i]);
		end_console();
	}
}

static void child_crash(void)
{
	volatile char *hole =
		mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	child_open("mon:stdio");
	child_ready();
	*hole = 0;
}

static void child_abort(void)
{
	child_open("mon:stdio");
	child_ready();
	abort();
}

static void child_exit(void)
{
	child_open("mon:stdio");
	child_ready();
	exit(3);
}

static void test_exits(void)
{
	start_console(child_exit);
	tap_eq(result(con.pid), 3, "exit() without clean-up");
	tap_ok(is_restored(), "exit(): restored");
	end_console();
	start_console(child_abort);
	tap_eq(result(con.pid), 1000 + SIGABRT, "abort()");
	tap_ok(is_restored(), "abort(): restored");
	end_console();
	if (taken(SIGSEGV)) {
		tap_skip("a crash", "a sanitizer handles it");
		return;
	}
	start_console(child_crash);
	tap_ok(result(con.pid) != 0, "a crash");
	tap_ok(is_restored(), "a crash: restored");
	end_console();
}

/* The stop signal only stops a process whose session has a parent outside of its group:
 * the child forks once more, and the middle process plays the shell. */
static void child_stop(void)
{
	pid_t job = fork();
	struct termios saved;
	int status;

	if (!job) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(0, getpid());
		signal(SIGTTOU, SIG_DFL);
		run_until_quit("mon:stdio");
	}
	setpgid(job, job);
	signal(SIGTTOU, SIG_IGN);
	waitpid(job, &status, WUNTRACED);
	if (!WIFSTOPPED(status))
		_exit(1);
	tcsetpgrp(0, getpid());
	if (!is_restored())
		_exit(2);
	/* "bg": it must leave the terminal alone. */
	tcgetattr(0, &saved);
	kill(job, SIGCONT);
	waitpid(job, &status, WCONTINUED);
	kill(job, SIGTSTP);
	waitpid(job, &status, WUNTRACED);
	if (!is_restored())
		_exit(3);
	/* "fg" */
	tcsetpgrp(0, job);
	kill(job, SIGCONT);
	waitpid(job, &status, WCONTINUED);
	if (write(con.ready[1], "f", 1) != 1)
		_exit(5);
	waitpid(job, &status, 0);
	_exit(is_restored() ? WEXITSTATUS(status) : 4);
}

static void test_stop(void)
{
	char byte = 0;
	pid_t job;

	start_console(child_stop);
	tap_ok(is_raw(), "stop: raw before");
	job = tcgetpgrp(con.master);
	tap_ok(job > 0 && job != con.pid, "stop: the job is in the foreground");
	kill(job, SIGTSTP);
	tap_ok(read(con.ready[0], &byte, 1) == 1 && byte == 'f',
	       "stop: restored while stopped, left alone in the background");
	tap_ok(answers_help(), "stop: it goes on in the foreground");
	tap_ok(is_raw(), "stop: raw again");
	tap_eq(write(con.master, "\x01x", 2), 2, "stop: Ctrl-A x");
	tap_eq(result(con.pid), 0, "stop: leaves, and restores the terminal");
	end_console();
}

int main(void)
{
	test_pipes();
	test_slow_pipe();
	test_files();
	test_keys_on_pipes();
	test_only_once();
	test_quit_key();
	test_interrupt_key();
	test_signals();
	test_exits();
	test_stop();
	return tap_done();
}
