// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Several front ends on one character device, copies of the output in a log file, the
 * back ends pipe, serial and ringbuf, and changing a back end under its front end.
 */
#include "tests/tap.h"
#include "tests/unit/chardev-lib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static char dir[] = "/tmp/kvmkit-mux-XXXXXX";

static const char *in_dir(const char *format)
{
	static char text[4][300];
	static unsigned next;
	char *buf = text[next++ % 4];

	snprintf(buf, sizeof(text[0]), format, dir, dir);
	return buf;
}

/* ---- a second front end ---- */

struct second {
	struct chardev *chr;
	char data[8192];
	size_t len, room;
	int focus; /* -1: never told */
	unsigned writables, moves;
};

static size_t second_room(void *opaque)
{
	return ((struct second *)opaque)->room;
}

static void second_read(void *opaque, const uint8_t *data, size_t len)
{
	struct second *s = opaque;

	memcpy(s->data + s->len, data, len);
	s->len += len;
}

static void second_writable(void *opaque)
{
	((struct second *)opaque)->writables++;
}

static void second_focus(void *opaque, bool focused)
{
	((struct second *)opaque)->focus = focused;
}

static void second_moved(void *opaque, struct chardev *chr)
{
	struct second *s = opaque;

	s->chr = chr;
	s->moves++;
}

static int attach(struct second *s, struct chardev *chr, struct err *err)
{
	const struct chardev_front front = {
		.can_read = second_room,
		.read = second_read,
		.writable = second_writable,
		.focus = second_focus,
		.moved = second_moved,
		.opaque = s,
	};

	*s = (struct second){ .chr = chr, .room = 4096, .focus = -1 };
	return chardev_attach(chr, &front, err);
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		tap_diag("%s: %s", path, strerror(errno));
	return fd;
}

static void type(struct recorder *r, int fd, const char *keys)
{
	if (write(fd, keys, strlen(keys)) < 0)
		tap_diag("write: %s", strerror(errno));
	recorder_settle(r);
}

static void check_got(struct second *s, const char *want, const char *what)
{
	s->data[s->len] = '\0';
	tap_str(s->data, want, "%s", what);
	s->len = 0;
}

static void test_focus(void)
{
	struct recorder r;
	struct second two, more[3];
	struct err err = { 0 };
	char buf[1024] = "";
	int fd;

	recorder_init(&r);
	recorder_create(&r, in_dir("socket,id=x,mux=on,server,nowait,path=%s/s"), &err);
	tap_eq(attach(&two, r.chr, &err), 0, "mux=on takes a second front end");
	tap_eq(two.focus, 0, "which has not the focus");
	fd = connect_to(in_dir("%s/s"));
	recorder_settle(&r);
	type(&r, fd, "one");
	tap_ok(r.len == 3 && !memcmp(r.data, "one", 3), "input goes to the first");
	type(&r, fd,
	     "\x01"
	     "ctwo");
	tap_eq(two.focus, 1, "Ctrl-A c moves the focus");
	check_got(&two, "two", "input goes to the second");
	chardev_write(r.chr, "out", 3);
	tap_ok(read(fd, buf, sizeof(buf)) == 3, "both of them write");
	type(&r, fd, "\x01h");
	tap_ok(read(fd, buf, sizeof(buf)) > 0 && strstr(buf, "Ctrl-A c    switch"),
	       "Ctrl-A h tells about it");
	r.room = 0;
	type(&r, fd,
	     "\x01"
	     "cwaits\x01"
	     "cnow");
	check_got(&two, "now", "what the other has no room for is kept apart");
	r.room = 100;
	r.len = 0;
	chardev_accept_input(r.chr);
	recorder_settle(&r);
	tap_ok(r.len == 5 && !memcmp(r.data, "waits", 5), "and delivered when there is");
	type(&r, fd, "\x01x");
	tap_eq(r.quits, 1, "Ctrl-A x works");
	type(&r, fd,
	     "\x01"
	     "c\x01"
	     "b");
	tap_eq(r.breaks, 1, "a break is for the one in focus");
	tap_ok(!attach(&more[0], r.chr, &err) && !attach(&more[1], r.chr, &err),
	       "four may share it");
	tap_eq(attach(&more[2], r.chr, &err), -EBUSY, "a fifth may not");
	chardev_detach(r.chr, &more[0]);
	chardev_detach(r.chr, &more[1]);
	chardev_detach(r.chr, &r);
	type(&r, fd, "left");
	check_got(&two, "left", "the focus leaves with its owner");
	tap_eq(recorder_settle(&r), 0, "no wake-up when idle");
	close(fd);
	recorder_free(&r);
}

/* Both wait for a reader, and both are told when it reads. */
static void test_flow(void)
{
	struct recorder r;
	struct second two;
	struct err err = { 0 };
	char junk[5000] = { 0 };
	int fd;

	recorder_init(&r);
	recorder_create(&r, in_dir("socket,id=x,mux=on,server,nowait,path=%s/s"), &err);
	attach(&two, r.chr, &err);
	fd = connect_to(in_dir("%s/s"));
	recorder_settle(&r);
	while (chardev_write(r.chr, junk, sizeof(junk)) == sizeof(junk))
		;
	recorder_settle(&r);
	tap_eq(r.writables + two.writables, 0, "a full back end: both wait");
	tap_eq(recorder_settle(&r), 0, "quietly");
	while (read(fd, junk, sizeof(junk)) > 0)
		;
	recorder_settle(&r);
	tap_ok(r.writables == 1 && two.writables == 1, "and go on");
	close(fd);
	recorder_free(&r);
}

static void test_monitor_form(void)
{
	struct recorder r;
	struct second two;
	struct err err = { 0 };

	recorder_init(&r);
	tap_ok(recorder_open(&r, "mon:null", &err) && chardev_wants_monitor(r.chr),
	       "mon: asks for a monitor");
	tap_eq(attach(&two, r.chr, &err), 0, "and has room for it");
	recorder_free(&r);
	recorder_init(&r);
	tap_ok(recorder_open(&r, "null", &err) && !chardev_wants_monitor(r.chr),
	       "others do not");
	recorder_free(&r);
	recorder_init(&r);
	tap_ok(!recorder_open(&r, "vc:80Cx24C", &err), "vc is refused");
	tap_has(err.text, "use stdio, pty", "and the error says what to use");
	recorder_free(&r);
}

/* ---- log files ---- */

static void check_file(const char *path, const char *want, const char *what)
{
	char buf[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0)
		tap_diag("%s: %s", path, strerror(errno));
	close(fd);
	tap_str(buf, want, "%s", what);
}

static void test_log(void)
{
	struct recorder r;
	struct err err = { 0 };
	const char *log = in_dir("%s/log");

	recorder_init(&r);
	recorder_create(&r, in_dir("null,id=x,logfile=%s/log"), &err);
	chardev_write(r.chr, "one", 3);
	check_file(log, "one", "logfile: the output is there at once");
	recorder_free(&r);
	recorder_init(&r);
	recorder_create(&r, in_dir("ringbuf,id=x,logappend=on,logfile=%s/log"), &err);
	chardev_write(r.chr, "+two", 4);
	check_file(log, "one+two", "logappend=on");
	recorder_free(&r);
	recorder_init(&r);
	recorder_create(&r, in_dir("socket,server,nowait,path=%s/s,id=x,logfile=%s/log"),
	                &err);
	chardev_write(r.chr, "absent", 6);
	check_file(log, "absent", "logfile: also of what nobody reads");
	recorder_free(&r);
	recorder_init(&r);
	tap_ok(!recorder_create(&r, "null,id=x,logfile=/nonexistent/x", &err),
	       "a log file that cannot be written is refused");
	tap_has(err.text, "logfile=/nonexistent/x", "by name");
	recorder_free(&r);
	unlink(log);
}

/* ---- ringbuf ---- */

static void test_ringbuf(void)
{
	struct recorder r;
	struct err err = { 0 };
	char buf[16];

	recorder_init(&r);
	tap_ok(!recorder_create(&r, "ringbuf,id=x,size=100", &err), "ringbuf: odd sizes");
	tap_has(err.text, "power of two", "are refused");
	err_clear(&err);
	recorder_create(&r, "ringbuf,id=x,size=8", &err);
	tap_eq(chardev_ringbuf_read(r.chr, buf, 16, &err), 0, "ringbuf: empty");
	chardev_write(r.chr, "abc", 3);
	tap_ok(chardev_ringbuf_read(r.chr, buf, 2, &err) == 2 && !memcmp(buf, "ab", 2),
	       "ringbuf: the oldest first");
	chardev_write(r.chr, "defghijk", 8);
	tap_eq(chardev_ringbuf_write(r.chr, "l", 1, &err), 0, "ringbuf: written");
	tap_ok(chardev_ringbuf_read(r.chr, buf, 16, &err) == 8 &&
	               !memcmp(buf, "efghijkl", 8),
	       "ringbuf: the last bytes are kept");
	recorder_free(&r);
	recorder_init(&r);
	recorder_open(&r, "null", &err);
	tap_eq(chardev_ringbuf_read(r.chr, buf, 1, &err), -EINVAL, "null is none");
	recorder_free(&r);
}

/* ---- pipe and serial ---- */

static void test_pipe(void)
{
	struct recorder r;
	struct err err = { 0 };
	char buf[64 << 10];
	size_t n;
	int in, out;

	recorder_init(&r);
	tap_ok(!recorder_open(&r, in_dir("pipe:%s/p"), &err), "pipe: no FIFO");
	tap_has(err.text, "with mkfifo", "and the error says what to do");
	err_clear(&err);
	close(open(in_dir("%s/p"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	tap_ok(!recorder_open(&r, in_dir("pipe:%s/p"), &err), "pipe: a plain file");
	tap_has(err.text, "is no FIFO", "is none");
	err_clear(&err);
	unlink(in_dir("%s/p"));
	mkfifo(in_dir("%s/p.in"), 0600);
	mkfifo(in_dir("%s/p.out"), 0600);
	tap_ok(recorder_open(&r, in_dir("pipe:%s/p"), &err), "pipe: waits for nobody");
	in = open(in_dir("%s/p.in"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	out = open(in_dir("%s/p.out"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	type(&r, in, "input");
	tap_ok(r.len == 5 && !memcmp(r.data, "input", 5), "pipe: input");
	close(in);
	recorder_settle(&r);
	tap_eq(recorder_settle(&r), 0, "pipe: a writer that leaves does not spin");
	chardev_write(r.chr, "output", 6);
	tap_eq(read(out, buf, sizeof(buf)), 6, "pipe: output");
	memset(buf, 0, sizeof(buf));
	do
		n = chardev_write(r.chr, buf, sizeof(buf));
	while (n == sizeof(buf));
	recorder_settle(&r);
	tap_eq(recorder_settle(&r), 0, "pipe: full, no wake-up");
	while (read(out, buf, sizeof(buf)) > 0)
		;
	recorder_settle(&r);
	tap_eq(r.writables, 1, "pipe: and goes on");
	close(out);
	recorder_free(&r);
	unlink(in_dir("%s/p.in"));
	unlink(in_dir("%s/p.out"));
}

static void test_serial(void)
{
	struct recorder r;
	struct err err = { 0 };
	struct termios before, now;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	char name[64], buf[8];

	grantpt(master);
	unlockpt(master);
	ptsname_r(master, name, sizeof(name));
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	tcgetattr(slave, &before);
	recorder_init(&r);
	tap_ok(!recorder_open(&r, "/dev/null", &err), "serial: /dev/null");
	tap_has(err.text, "is no serial port", "is none");
	err_clear(&err);
	tap_ok(recorder_open(&r, name, &err), "serial: a terminal of the host");
	tcgetattr(slave, &now);
	tap_ok(!(now.c_lflag & (ECHO | ICANON | ISIG)) && cfgetospeed(&now) == B115200,
	       "serial: raw, 115200 baud");
	type(&r, master, "\x03\n");
	tap_ok(r.len == 2 && r.data[0] == 3, "serial: input as it is");
	chardev_write(r.chr, "a\n", 2);
	tap_ok(read(master, buf, sizeof(buf)) == 2 && !memcmp(buf, "a\n", 2),
	       "serial: output as it is");
	recorder_free(&r);
	tcgetattr(slave, &now);
	tap_ok(now.c_lflag == before.c_lflag && now.c_iflag == before.c_iflag,
	       "serial: its settings are restored");
	close(slave);
	close(master);
}

/* ---- another back end ---- */

static struct chardev *change(struct second *s, const char *text, struct err *err)
{
	struct opt_list opts = { 0 };
	struct chardev *chr = NULL;

	if (opt_list_parse(&opts, text, "backend", err) >= 0)
		chr = chardev_change(s->chr, &opts, err);
	opt_list_free(&opts);
	return chr;
}

static void test_change(void)
{
	struct recorder r;
	struct second s;
	struct err err = { 0 };
	struct chardev *other;

	recorder_init(&r);
	other = recorder_create(&r, "ringbuf,id=other", &err);
	chardev_detach(other, &r);
	attach(&s, chardev_create_short(r.reg, "null", "x", &err), &err);
	tap_eq(chardev_remove(s.chr, &err), -EBUSY, "one in use stays");
	err_clear(&err);
	tap_ok(!change(&s, "file,path=/nonexistent/x", &err) && !s.moves &&
	               chardev_find(r.reg, "x") == s.chr,
	       "a change that fails leaves it as it was");
	err_clear(&err);
	tap_ok(change(&s, "ringbuf,size=64", &err) == s.chr && s.moves == 1, "changed");
	tap_str(chardev_id(s.chr), "x", "the name stays");
	tap_ok(chardev_find(r.reg, "x") == s.chr, "and finds the new one");
	chardev_write(s.chr, "new", 3);
	tap_eq(chardev_ringbuf_read(s.chr, s.data, 8, &err), 3, "which gets the output");
	chardev_detach(s.chr, &s);
	tap_eq(chardev_remove(s.chr, &err), 0, "one that nobody uses can be removed");
	tap_ok(!chardev_find(r.reg, "x") && chardev_find(r.reg, "other") == other,
	       "and only that is gone");
	recorder_free(&r);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	test_focus();
	test_flow();
	test_monitor_form();
	test_log();
	test_ringbuf();
	test_pipe();
	test_serial();
	test_change();
	if (rmdir(dir) < 0)
		tap_diag("%s is left behind", dir);
	return tap_done();
}
