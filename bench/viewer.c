// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The still VNC client: RFC 6143 without a password and with raw pixels, which every
 * server speaks. Invariant: it is ready, with a whole screen received, when
 * viewer_start() returns, so that what is measured afterwards is a server at rest.
 */
#include "bench/viewer.h"

#include "common/bytes.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	UPDATE = 0, /* messages of the server */
	COLOURS = 1,
	BELL = 2,
	CLIPBOARD = 3,
	RECT = 12, /* bytes of a rectangle's header */

	PATIENCE = 60, /* seconds until the screen must have come */
};

static uint16_t be16(const uint8_t *p)
{
	return be16toh(ld16(p));
}

/* How long a read waits; 0: for ever. */
static void set_patience(int fd, unsigned seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static bool receive(int fd, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len) {
		ssize_t n = read(fd, p, len);

		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static bool skip(int fd, uint64_t len)
{
	uint8_t buf[65536];

	for (uint64_t n; len; len -= n) {
		n = len < sizeof(buf) ? len : sizeof(buf);
		if (!receive(fd, buf, n))
			return false;
	}
	return true;
}

static bool send_all(int fd, const void *data, size_t len)
{
	return write(fd, data, len) == (ssize_t)len;
}

/* Up to the screen's size; 32 bits a pixel are the server's choice already. */
static bool greet(int fd, uint16_t *width, uint16_t *height)
{
	/* SetEncodings: raw alone */
	static const uint8_t encodings[] = { 2, 0, 0, 1, 0, 0, 0, 0 };
	/* SetPixelFormat: 32 bits, 24 of them used, little-endian, true colour */
	static const uint8_t format[20] = { 0,   0, 0,   0, 32,  24, 0, 1, 0,
		                            255, 0, 255, 0, 255, 16, 8, 0 };
	uint8_t buf[24], count;

	if (!receive(fd, buf, 12) || !send_all(fd, "RFB 003.008\n", 12) ||
	    !receive(fd, &count, 1) || !count || !skip(fd, count) ||
	    !send_all(fd, "\1", 1) || !receive(fd, buf, 4) || buf[3] ||
	    !send_all(fd, "\1", 1) || !receive(fd, buf, 24))
		return false;
	*width = be16(buf);
	*height = be16(buf + 2);
	return skip(fd, (uint32_t)be16(buf + 20) << 16 | be16(buf + 22)) &&
	       send_all(fd, format, sizeof(format)) &&
	       send_all(fd, encodings, sizeof(encodings));
}

static bool request(int fd, bool changes, uint16_t width, uint16_t height)
{
	uint8_t message[10] = { 3, changes };

	st16(message + 6, htobe16(width));
	st16(message + 8, htobe16(height));
	return send_all(fd, message, sizeof(message));
}

/* The pixels of one update; the bytes of them, 0 for another message, -1 at the end. */
static int64_t take_message(int fd)
{
	uint8_t head[8], rect[RECT];
	int64_t total = 0;

	if (!receive(fd, head, 1))
		return -1;
	switch (head[0]) {
	case UPDATE:
		break;
	case BELL:
		return 0;
	case CLIPBOARD:
		return receive(fd, head + 1, 7) &&
		                       skip(fd, (uint32_t)be16(head + 4) << 16 |
		                                        be16(head + 6))
		               ? 0
		               : -1;
	default:
		return -1;
	}
	if (!receive(fd, head + 1, 3))
		return -1;
	for (unsigned n = be16(head + 2); n; n--) {
		uint64_t len;

		if (!receive(fd, rect, sizeof(rect)))
			return -1;
		len = 4ull * be16(rect + 4) * be16(rect + 6);
		if (!skip(fd, len))
			return -1;
		total += len;
	}
	return total;
}

/* All of the screen, in however many updates. */
static bool take_screen(int fd, uint16_t width, uint16_t height)
{
	int64_t left = 4ll * width * height;

	if (!request(fd, false, width, height))
		return false;
	while (left > 0) {
		int64_t n = take_message(fd);

		if (n < 0)
			return false;
		left -= n;
	}
	return true;
}

static __attribute__((noreturn)) void look(int fd, uint16_t width, uint16_t height)
{
	while (request(fd, true, width, height)) {
		int64_t n;

		do
			n = take_message(fd);
		while (!n);
		if (n < 0)
			break;
	}
	_exit(0);
}

pid_t viewer_start(const char *path, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	uint16_t width, height;
	pid_t pid;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(addr.sun_path))
		return err_sys(err, fd < 0 ? errno : ENAMETOOLONG, "VNC client");
	strcpy(addr.sun_path, path);
	set_patience(fd, PATIENCE);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    !greet(fd, &width, &height) || !take_screen(fd, width, height)) {
		int code = errno ? errno : EPROTO;

		close(fd);
		return err_sys(err, code, "no screen from the VNC server at %s", path);
	}
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		set_patience(fd, 0);
		look(fd, width, height);
	}
	close(fd);
	return pid < 0 ? err_sys(err, errno, "VNC client") : pid;
}
