// SPDX-License-Identifier: GPL-2.0-or-later
/* common/frames: frames through a socket, in pieces, in bulk, full, and from a peer that
 * breaks the format. */
#include "common/frames.h"
#include "common/cleanup.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static uint8_t data[FRAMES_MAX + 1], got[FRAMES_MAX];

struct ends {
	struct frames f;
	int fd, peer;
};

static void open_ends(struct ends *e, size_t cap)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    frames_init(&e->f, fds[0], cap) < 0)
		exit(1);
	e->fd = fds[0];
	e->peer = fds[1];
}

static void close_ends(struct ends *e)
{
	frames_free(&e->f);
	close(e->fd);
	if (e->peer >= 0)
		close(e->peer);
}

static void raw(struct ends *e, const void *bytes, size_t len)
{
	if (send(e->peer, bytes, len, MSG_DONTWAIT) != (ssize_t)len)
		tap_diag("the socket took less than %zu bytes", len);
}

static void put(struct ends *e, size_t len)
{
	uint32_t head = htonl(len);

	raw(e, &head, 4);
	raw(e, data, len);
}

static void test_receive(void)
{
	struct ends e;
	uint32_t head = htonl(100);

	open_ends(&e, 0);
	tap_eq(frames_recv(&e.f, got), (uint64_t)-EAGAIN, "nothing is there");
	put(&e, 60);
	put(&e, 1);
	put(&e, 1514);
	tap_eq(frames_recv(&e.f, got), 60, "the first of three");
	tap_eq(frames_recv(&e.f, got), 1, "a frame of one byte");
	tap_eq(frames_recv(&e.f, got), 1514, "the third");
	tap_ok(!memcmp(got, data, 1514), "with its bytes");
	tap_eq(frames_recv(&e.f, got), (uint64_t)-EAGAIN, "no fourth");
	for (unsigned i = 0; i < 4; i++) {
		raw(&e, (uint8_t *)&head + i, 1);
		if (i < 3)
			frames_recv(&e.f, got);
	}
	raw(&e, data, 99);
	tap_eq(frames_recv(&e.f, got), (uint64_t)-EAGAIN, "99 of 100 bytes are no frame");
	raw(&e, data + 99, 1);
	tap_eq(frames_recv(&e.f, got), 100, "byte by byte");
	tap_ok(!memcmp(got, data, 100), "it is whole");
	put(&e, 60);
	tap_eq(frames_recv(&e.f, got), (uint64_t)-EAGAIN, "the socket was empty before");
	close(e.peer);
	e.peer = -1;
	tap_eq(frames_recv(&e.f, got), 60, "what was sent before the end arrives");
	tap_eq(frames_recv(&e.f, got), (uint64_t)-EAGAIN, "no more was there");
	tap_eq(frames_recv(&e.f, got), (uint64_t)-EPIPE, "then the end");
	close_ends(&e);
}

static void test_bad(void)
{
	static const uint32_t lens[] = { 0, FRAMES_MAX + 1, 0x80000000, 0xffffffff };

	for (unsigned i = 0; i < ARRAY_SIZE(lens); i++) {
		uint32_t head = htonl(lens[i]);
		struct ends e;

		open_ends(&e, 0);
		put(&e, 60);
		raw(&e, &head, 4);
		tap_eq(frames_recv(&e.f, got), 60, "a frame before length 0x%x", lens[i]);
		tap_eq(frames_recv(&e.f, got), (uint64_t)-EPROTO, "which is refused");
		close_ends(&e);
	}
}

/* ---- frames in shared memory ---- */

struct shared {
	struct ends e;
	struct frames from;
	struct frame_ring reads, writes;
};

static void open_shared(struct shared *s)
{
	struct err err = { 0 };
	int fd;

	memset(s, 0, sizeof(*s));
	open_ends(&s->e, 0);
	frames_init(&s->from, s->e.peer, 0);
	fd = frame_ring_create(&s->reads, &err);
	tap_ok(fd >= 0 && !frame_ring_open(&s->writes, fd), "memory of two");
	tap_ok(ftruncate(fd, 0) < 0 && errno == EPERM, "that nobody takes away");
	close(fd);
	s->e.f.ring = &s->reads;
	s->from.ring = &s->writes;
}

static void close_shared(struct shared *s)
{
	frame_ring_close(&s->reads);
	frame_ring_close(&s->writes);
	frames_free(&s->from);
	close_ends(&s->e);
}

/* A frame all of whose bytes are `byte`; false: there is no room. */
static bool put_shared(struct shared *s, size_t len, int byte)
{
	uint8_t *room = frame_ring_room(&s->writes, len);

	if (!room)
		return false;
	memset(room, byte, len);
	return !frames_send_room(&s->from, len);
}

static bool all_bytes(const uint8_t *p, size_t len, int byte)
{
	return p[0] == byte && !memcmp(p, p + 1, len - 1);
}

static void test_shared(void)
{
	struct iovec small = { data, 60 };
	unsigned sent = 0, seen = 0;
	uint8_t *frame;
	struct shared s;
	ssize_t n;

	open_shared(&s);
	tap_eq(put_shared(&s, 30000, 1), 1, "a frame is left there");
	frames_send(&s.from, &small, 1);
	tap_eq(frames_next(&s.e.f, &frame), 30000, "it is found");
	tap_ok(frame >= s.reads.data && frame < s.reads.data + FRAME_RING_SIZE &&
	               all_bytes(frame, 30000, 1),
	       "where it was left");
	tap_eq(frames_next(&s.e.f, &frame), 60, "the next came through the socket");
	tap_eq(frames_next(&s.e.f, &frame), (uint64_t)-EAGAIN, "that is all");
	/* Ten times around, always full. */
	for (unsigned round = 0; round < 200; round++) {
		while (put_shared(&s, 20000 + 13 * (sent % 100), sent % 251))
			sent++;
		n = frames_next(&s.e.f, &frame);
		if (n == -EAGAIN) /* that once is allowed */
			n = frames_next(&s.e.f, &frame);
		seen += n == 20000 + 13 * (seen % 100) && all_bytes(frame, n, seen % 251);
	}
	tap_eq(seen, 200, "each is whole and as it was sent");
	tap_ok(sent > 205 && sent < 214, "what is not taken yet is not written over");
	close_shared(&s);
}

static void test_bad_places(void)
{
	static const struct {
		uint32_t words[2];
		bool ring;
	} rows[] = {
		{ { 0x80000000, 0 }, true },
		{ { 0x80000000 | (FRAMES_MAX + 1), 0 }, true },
		{ { 0x80000000 | 100, FRAME_RING_SIZE - 99 }, true },
		{ { 0x80000000 | 100, 0xffffffff }, true },
		{ { 0x80000000 | 100, 0 }, false },
	};
	uint8_t *frame;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t words[] = { htonl(rows[i].words[0]), htonl(rows[i].words[1]) };
		struct shared s;

		open_shared(&s);
		if (!rows[i].ring)
			s.e.f.ring = NULL;
		raw(&s.e, words, sizeof(words));
		tap_eq(frames_next(&s.e.f, &frame), (uint64_t)-EPROTO,
		       "length 0x%x at 0x%x is refused", rows[i].words[0],
		       rows[i].words[1]);
		close_shared(&s);
	}
}

/* Frames that wait for each other, and one that is too large for that. */
static void test_corked(void)
{
	struct iovec small = { data, 60 }, large = { data, 20000 };
	struct frames f;
	struct ends e;

	open_ends(&e, 0);
	frames_init(&f, e.peer, 0);
	e.f.corked = true;
	frames_send(&e.f, &small, 1);
	frames_send(&e.f, &small, 1);
	tap_eq(e.f.out_len, 128, "two small frames wait");
	tap_eq(frames_recv(&f, got), (uint64_t)-EAGAIN, "nothing was sent");
	frames_send(&e.f, &large, 1);
	tap_eq(e.f.out_len, 0, "a large one does not, and takes them along");
	tap_eq(frames_recv(&f, got), 60, "the first arrives");
	tap_eq(frames_recv(&f, got), 60, "the second");
	tap_eq(frames_recv(&f, got), 20000, "the large one");
	tap_ok(!memcmp(got, data, 20000), "with its bytes");
	frames_send(&e.f, &small, 1);
	tap_eq(frames_flush(&e.f), 0, "what waits is sent at the end");
	frames_free(&f);
	close_ends(&e);
}

/* Sends frames of `len` until the socket and the buffer are full; how many. */
static unsigned fill(struct ends *e, size_t len)
{
	struct iovec iov[3] = { { data, 10 }, { data + 10, 0 }, { data + 10, len - 10 } };
	unsigned n = 0;

	while (!frames_send(&e->f, iov, 3))
		n++;
	return n;
}

/* The peer reads, what waits follows; the count of frames that are right. */
static unsigned drain(struct ends *e, size_t len)
{
	struct frames f;
	unsigned n = 0;
	ssize_t ret;

	frames_init(&f, e->peer, 0);
	for (;;) {
		bool waits = e->f.out_len || f.drained;

		ret = frames_recv(&f, got);
		if (ret >= 0 && (ret != (ssize_t)len || memcmp(got, data, len)))
			break;
		if (ret < 0 && !waits)
			break;
		n += ret >= 0;
		frames_flush(&e->f);
	}
	frames_free(&f);
	return n;
}

static void test_send(void)
{
	static const size_t lens[] = { 60, 1514, FRAMES_MAX };
	struct iovec big = { data, FRAMES_MAX + 1 }, none = { data, 0 };
	struct ends e;

	for (unsigned i = 0; i < ARRAY_SIZE(lens); i++) {
		unsigned sent;

		open_ends(&e, i == 2 ? 4 * FRAMES_MAX : 0);
		/* So small that it takes the long frames in part. */
		setsockopt(e.fd, SOL_SOCKET, SO_SNDBUF, &(int){ 16384 }, sizeof(int));
		sent = fill(&e, lens[i]);
		tap_ok(sent && e.f.out_len, "%u frames of %zu bytes fill it", sent,
		       lens[i]);
		tap_eq(frames_flush(&e.f), (uint64_t)-EAGAIN, "the rest waits");
		tap_eq(drain(&e, lens[i]), sent, "each arrives, whole");
		close_ends(&e);
	}
	open_ends(&e, 0);
	tap_eq(frames_send(&e.f, &big, 1), (uint64_t)-EMSGSIZE, "too long is refused");
	tap_eq(frames_send(&e.f, &none, 1), (uint64_t)-EMSGSIZE, "so is empty");
	close(e.peer);
	e.peer = -1;
	big.iov_len = 60;
	tap_eq(frames_send(&e.f, &big, 1), (uint64_t)-EPIPE, "nobody is there");
	close_ends(&e);
}

int main(void)
{
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + i / 256;
	test_receive();
	test_bad();
	test_shared();
	test_bad_places();
	test_corked();
	test_send();
	return tap_done();
}
