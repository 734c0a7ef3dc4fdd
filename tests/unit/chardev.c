// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Character devices: options and their errors, the escape keys, and the back ends file,
 * null, socket and pty, with slow and absent peers. (stdio: chardev-stdio.c)
 */
#include "tests/tap.h"
#include "tests/unit/chardev-lib.h"
#include "vmm/chardev/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static char dir[] = "/tmp/kvmkit-chardev-XXXXXX";

static const char *in_dir(const char *format)
{
	static char text[4][300];
	static unsigned next;
	char *buf = text[next++ % 4];

	snprintf(buf, sizeof(text[0]), format, dir);
	return buf;
}

/* ---- options ---- */

static void refuse(const char *text, const char *part)
{
	struct recorder r;
	struct err err = { 0 };

	recorder_init(&r);
	tap_ok(!recorder_open(&r, text, &err), "-serial %s is refused", text);
	tap_has(err.text, part, "and the reason is told");
	recorder_free(&r);
}

static void refuse_long(const char *text, const char *part)
{
	struct recorder r;
	struct err err = { 0 };

	recorder_init(&r);
	tap_ok(!recorder_create(&r, text, &err), "-chardev %s is refused", text);
	tap_has(err.text, part, "and the reason is told");
	recorder_free(&r);
}

static void test_errors(void)
{
	refuse("stdoi", "expected stdio");
	refuse("stdio2", "expected stdio");
	refuse("chardev:nix", "there is no chardev 'nix'");
	refuse(in_dir("file:%s"), "Is a directory");
	refuse("file:/nonexistent/x", "cannot open /nonexistent/x for writing");
	refuse(in_dir("unix:%s/x,sever"), "did you mean 'server'?");
	refuse(in_dir("unix:%s/x"), "server=on");
	refuse("unix:/nonexistent/x,server,nowait", "cannot bind /nonexistent/x");
	refuse(in_dir("unix:%s,server,nowait"), "is not a socket");
	refuse("unix:/tmp/0123456789012345678901234567890123456789012345678901234567890123"
	       "4567890123456789012345678901234567890123456789,server,nowait",
	       "longer than 107 bytes");
	refuse_long("id=x", "back end is missing");
	refuse_long("nul,id=x", "did you mean 'null'?");
	refuse_long("null", "add id=NAME");
	refuse_long("null,id=a/b", "not valid");
	refuse_long("null,id=x,path=y", "unknown option 'path'");
	refuse_long("file,id=x", "path= is missing");
	refuse_long("file,id=x,path=/dev/null,apend=on", "did you mean 'append'?");
	refuse_long("socket,id=x", "path= is missing, or port=");
	refuse_long("stdio,id=x,mux=maybe", "expected auto|on|off");
}

static void test_registry(void)
{
	struct recorder r;
	struct err err = { 0 };
	_cleanup_strbuf_ struct strbuf help = { 0 };
	struct chardev *chr;

	recorder_init(&r);
	chr = recorder_create(&r, "null,id=one", &err);
	tap_ok(chr && chardev_find(r.reg, "one") == chr, "found by its id");
	tap_str(chardev_id(chr), "one", "the id");
	tap_str(chardev_describe(chr), "null", "the description");
	tap_ok(chardev_create_short(r.reg, "chardev:one", "x", &err) == chr,
	       "chardev:ID is the same one");
	tap_ok(!recorder_create(&r, "null,id=one", &err), "an id is unique");
	tap_has(err.text, "taken", "and the error says so");
	err_clear(&err);
	tap_ok(!recorder_open(&r, "chardev:one", &err), "one front end at a time");
	tap_has(err.text, "already in use", "and the error says so");
	tap_eq(chardev_write(chr, "x", 1), 1, "null takes everything");
	chardev_detach(chr, &r);
	tap_ok(recorder_open(&r, "chardev:one", &err), "free again after a detach");
	chardev_help(NULL, &help);
	tap_has(help.data, "server=<on|off>", "help lists the options");
	recorder_free(&r);
}

static void test_escape(void)
{
	static const struct {
		const char *in, *out, *actions;
	} cases[] = {
		{ "abc", "abc", "" },
		{ "a\x01x", "a", "q" },
		{ "\x01h\x01?", "", "hh" },
		{ "\x01\x01", "\x01", "" },
		{ "\x01"
		  "a",
		  "\x01", "" },
		{ "\x01"
		  "b",
		  "", "b" },
		{ "\x01zx", "x", "" },
		{ "x\x01", "x", "" },
		{ "\x01\x01x", "\x01x", "" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct escape esc = { 0 };
		char out[8] = "", actions[8] = "";

		for (const char *p = cases[i].in; *p; p++) {
			uint8_t byte = *p;
			enum escape_action action = escape_feed(&esc, &byte);

			if (action == ESCAPE_PASS)
				out[strlen(out)] = byte;
			else if (action != ESCAPE_EAT)
				actions[strlen(actions)] = "??qhb"[action];
		}
		tap_ok(!strcmp(out, cases[i].out) && !strcmp(actions, cases[i].actions),
		       "escape keys, case %u", i);
	}
}

/* ---- file ---- */

static void check_file(const char *path, const char *want, const char *what)
{
	char buf[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0)
		tap_diag("%s: %s", path, strerror(errno));
	close(fd);
	tap_str(buf, want, "%s", what);
}

static void test_file(void)
{
	struct recorder r;
	struct err err = { 0 };
	const char *path = in_dir("%s/out");
	char text[400];

	recorder_init(&r);
	recorder_open(&r, in_dir("file:%s/out"), &err);
	tap_eq(chardev_write(r.chr, "first", 5), 5, "file: written");
	check_file(path, "first", "file: it is there at once");
	recorder_free(&r);
	recorder_init(&r);
	recorder_open(&r, in_dir("file:%s/out"), &err);
	chardev_write(r.chr, "two", 3);
	check_file(path, "two", "file: emptied by default");
	recorder_free(&r);
	recorder_init(&r);
	snprintf(text, sizeof(text), "file,id=x,append=on,path=%s", path);
	recorder_create(&r, text, &err);
	chardev_write(r.chr, "+3", 2);
	check_file(path, "two+3", "file: append=on");
	recorder_free(&r);
	recorder_init(&r);
	recorder_open(&r, "file:/dev/full", &err);
	tap_eq(chardev_write(r.chr, "lost", 4), 4, "file: a full disk does not stall");
	tap_eq(recorder_settle(&r), 1, "file: nor spin");
	recorder_free(&r);
	unlink(path);
}

/* ---- socket ---- */

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void test_clients(void)
{
	struct recorder r;
	struct err err = { 0 };
	const char *path = in_dir("%s/sock");
	char buf[16];
	int one, two;

	recorder_init(&r);
	recorder_open(&r, in_dir("unix:%s/sock,server,nowait"), &err);
	tap_has(chardev_describe(r.chr), "disconnected:unix:", "server: nobody there");
	tap_eq(chardev_write(r.chr, "dropped", 7), 7, "server: output is dropped");
	recorder_settle(&r);
	one = connect_to(path);
	recorder_settle(&r);
	tap_eq(r.opened, 1, "server: a client came");
	tap_ok(strncmp(chardev_describe(r.chr), "unix:", 5) == 0, "server: described");
	chardev_write(r.chr, "hello", 5);
	tap_eq(read(one, buf, sizeof(buf)), 5, "server: output");
	tap_eq(write(one, "input", 5), 5, "server: input ...");
	recorder_settle(&r);
	tap_ok(r.len == 5 && !memcmp(r.data, "input", 5), "server: ... arrives");
	two = connect_to(path);
	tap_ok(two >= 0, "server: a second client waits");
	recorder_settle(&r);
	chardev_write(r.chr, "1", 1);
	tap_eq(read(two, buf, sizeof(buf)), -1, "server: and gets nothing");
	close(one);
	recorder_settle(&r);
	tap_ok(r.closed == 1 && r.opened == 2, "server: until the first one leaves");
	chardev_write(r.chr, "2", 1);
	tap_ok(read(two, buf, sizeof(buf)) == 1 && buf[0] == '2',
	       "server: then it is served");
	close(two);
	tap_eq(chardev_write(r.chr, "gone", 4), 4,
	       "server: a broken connection takes all");
	recorder_settle(&r);
	tap_eq(r.closed, 2, "server: and is closed");
	tap_eq(recorder_settle(&r), 0, "server: no wake-up when idle");
	recorder_free(&r);
	tap_ok(access(path, F_OK) < 0, "server: the socket is removed at the end");
}

static void test_stale_socket(void)
{
	struct recorder r, s;
	struct err err = { 0 };
	const char *path = in_dir("%s/sock");

	recorder_init(&r);
	recorder_init(&s);
	recorder_open(&r, in_dir("unix:%s/sock,server,nowait"), &err);
	tap_ok(recorder_open(&s, in_dir("unix:%s/sock,server,nowait"), &err),
	       "an old socket in the way is replaced");
	recorder_free(&r);
	tap_ok(access(path, F_OK) == 0, "whose owner does not remove the new one");
	recorder_free(&s);
}

static void test_client_mode(void)
{
	struct recorder r, s;
	struct err err = { 0 };

	recorder_init(&r);
	recorder_init(&s);
	recorder_open(&r, in_dir("unix:%s/sock,server=on,wait=off"), &err);
	tap_ok(recorder_open(&s, in_dir("unix:%s/sock"), &err), "client: connected");
	tap_eq(s.opened, 1, "client: open from the start");
	recorder_settle(&r);
	chardev_write(s.chr, "ping", 4);
	recorder_settle(&r);
	tap_eq(r.len, 4, "client: output");
	chardev_write(r.chr, "pong", 4);
	recorder_settle(&s);
	tap_eq(s.len, 4, "client: input");
	recorder_free(&r);
	recorder_settle(&s);
	tap_eq(s.closed, 1, "client: the server left");
	tap_eq(recorder_settle(&s), 0, "client: and that does not spin");
	recorder_free(&s);
}

static void test_wait(void)
{
	struct recorder r;
	struct err err = { 0 };
	const char *path = in_dir("%s/sock");
	int watch = inotify_init1(IN_CLOEXEC), status;
	char event[sizeof(struct inotify_event) + 256];
	pid_t child;

	inotify_add_watch(watch, dir, IN_CREATE);
	child = fork();
	if (!child) {
		/* The path appears a moment before the socket listens. */
		int fd = read(watch, event, sizeof(event)) > 0 ? -1 : 0;

		while (fd < 0 && (fd = connect_to(path)) < 0)
			sched_yield();
		fcntl(fd, F_SETFL, 0);
		_exit(read(fd, &status, 1) == 1 ? 0 : 1);
	}
	recorder_init(&r);
	recorder_open(&r, in_dir("unix:%s/sock,server"), &err);
	tap_eq(r.opened, 1, "wait=on: creation waits for the client");
	chardev_write(r.chr, "x", 1);
	waitpid(child, &status, 0);
	tap_eq(status, 0, "wait=on: which is served");
	close(watch);
	recorder_free(&r);
}

/* Writes `total` bytes as the back end takes them while the other end reads slowly. */
static void pump_slowly(struct recorder *r, int fd, const char *what)
{
	const size_t total = 1 << 20;
	uint8_t *data = malloc(total), buf[3000];
	size_t sent = 0, got = 0, bad = 0, waits = 0, rounds = 0;

	for (size_t i = 0; i < total; i++)
		data[i] = i * 7 % 251;
	while (got < total && rounds++ < 100000) {
		ssize_t n;

		while (sent < total && r->writables >= waits) {
			size_t chunk = total - sent < 10000 ? total - sent : 10000;
			size_t took = chardev_write(r->chr, data + sent, chunk);

			sent += took;
			waits += took < chunk;
		}
		n = read(fd, buf, sizeof(buf));
		for (ssize_t i = 0; i < n; i++)
			bad += buf[i] != data[got++];
		recorder_settle(r);
	}
	tap_ok(waits > 2, "%s: slow reader, %zu waits", what, waits);
	tap_eq(got, total, "%s: slow reader, everything arrives", what);
	tap_eq(bad, 0, "%s: slow reader, in order", what);
	tap_eq(r->writables, waits, "%s: one call of writable for each wait", what);
	tap_eq(recorder_settle(r), 0, "%s: no wake-up afterwards", what);
	free(data);
}

static void test_socket_flow(void)
{
	struct recorder r;
	struct err err = { 0 };
	char junk[5000] = { 0 };
	int fd;

	recorder_init(&r);
	recorder_open(&r, in_dir("unix:%s/sock,server,nowait"), &err);
	fd = connect_to(in_dir("%s/sock"));
	recorder_settle(&r);
	pump_slowly(&r, fd, "socket");
	r.room = 10;
	tap_eq(write(fd, junk, sizeof(junk)), sizeof(junk),
	       "socket: more input than room");
	recorder_settle(&r);
	tap_eq(r.len, 10, "socket: only what there is room for");
	tap_eq(recorder_settle(&r), 0, "socket: and no wake-up for the rest");
	r.room = SIZE_MAX;
	chardev_accept_input(r.chr);
	recorder_settle(&r);
	tap_eq(r.len, 5000, "socket: room again, nothing was lost");
	while (chardev_write(r.chr, junk, sizeof(junk)) == sizeof(junk))
		;
	r.writables = 0;
	close(fd);
	recorder_settle(&r);
	tap_eq(r.writables, 1, "socket: a reader that leaves ends the wait");
	recorder_free(&r);
}

static void test_last_words(void)
{
	struct recorder r;
	struct err err = { 0 };
	char junk[5000] = { 0 };
	uint64_t start;
	size_t fill = 0, n, got = 0;
	int fd;
	pid_t child;
	int status;

	recorder_init(&r);
	recorder_open(&r, in_dir("unix:%s/sock,server,nowait"), &err);
	fd = connect_to(in_dir("%s/sock"));
	recorder_settle(&r);
	do {
		n = chardev_write(r.chr, junk, sizeof(junk));
		fill += n;
	} while (n == sizeof(junk));
	start = loop_now();
	tap_eq(chardev_write_wait(r.chr, "x", 1, 50), 0, "last words: a dead reader");
	tap_ok(loop_now() - start >= 50000000, "last words: is given its time");
	child = fork();
	if (!child) {
		fcntl(fd, F_SETFL, 0);
		while (got < fill + 4 && (n = read(fd, junk, sizeof(junk))) > 0)
			got += n;
		_exit(got != fill + 4);
	}
	tap_eq(chardev_write_wait(r.chr, "last", 4, 60000), 4,
	       "last words: a slow reader");
	waitpid(child, &status, 0);
	tap_eq(status, 0, "last words: has read all of them");
	close(fd);
	recorder_free(&r);
}

/* ---- pty ---- */

static int open_slave(struct recorder *r)
{
	return open(chardev_describe(r->chr) + 4,
	            O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

static void test_pty(void)
{
	struct recorder r;
	struct err err = { 0 };
	struct termios settings;
	char junk[1000] = { 0 }, buf[16];
	size_t took = 0;
	int fd;

	recorder_init(&r);
	recorder_open(&r, "pty", &err);
	tap_has(chardev_describe(r.chr), "pty:/dev/pts/", "pty: its name is told");
	recorder_settle(&r);
	tap_eq(r.opened, 0, "pty: nobody there");
	for (unsigned i = 0; i < 1000; i++)
		took += chardev_write(r.chr, junk, sizeof(junk));
	tap_eq(took, 1000000, "pty: output without a client never stalls");
	tap_eq(recorder_settle(&r), 0, "pty: nor wakes anybody");
	fd = open_slave(&r);
	tap_ok(recorder_until(&r, &r.opened, 1), "pty: a client came");
	tcgetattr(fd, &settings);
	tap_ok(!(settings.c_lflag & (ECHO | ICANON)) && !(settings.c_oflag & OPOST),
	       "pty: raw from the start");
	tap_eq(read(fd, buf, sizeof(buf)), -1, "pty: old output is gone");
	chardev_write(r.chr, "hi\n", 3);
	tap_ok(read(fd, buf, sizeof(buf)) == 3 && !memcmp(buf, "hi\n", 3), "pty: output");
	tap_eq(write(fd, "input", 5), 5, "pty: input ...");
	tap_ok(recorder_until_len(&r, 5), "pty: ... arrives");
	pump_slowly(&r, fd, "pty");
	while (chardev_write(r.chr, junk, sizeof(junk)) == sizeof(junk))
		;
	r.writables = 0;
	close(fd);
	tap_ok(recorder_until(&r, &r.closed, 1), "pty: the client left");
	tap_eq(r.writables, 1, "pty: which ends the wait");
	recorder_settle(&r);
	tap_eq(recorder_settle(&r), 0, "pty: a hang-up does not spin");
	fd = open_slave(&r);
	tap_ok(recorder_until(&r, &r.opened, 2), "pty: the next client came");
	r.room = 0;
	chardev_accept_input(r.chr);
	tap_eq(write(fd, "more", 4), 4, "pty: input without room");
	recorder_settle(&r);
	tap_eq(recorder_settle(&r), 0, "pty: waits quietly");
	r.room = 100;
	r.len = 0;
	chardev_accept_input(r.chr);
	tap_ok(recorder_until_len(&r, 4), "pty: and is read later");
	close(fd);
	recorder_free(&r);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	test_errors();
	test_registry();
	test_escape();
	test_file();
	test_clients();
	test_stale_socket();
	test_client_mode();
	test_wait();
	test_socket_flow();
	test_last_words();
	test_pty();
	if (rmdir(dir) < 0)
		tap_diag("%s is left behind", dir);
	return tap_done();
}
