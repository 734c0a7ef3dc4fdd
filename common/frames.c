// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames over a stream socket (frames.h). The input buffer holds several frames, so that
 * small ones cost a fraction of a system call each, and a socket that gave less than it
 * was asked for is not asked again to say that it is empty; a frame in the buffer is
 * whole or nothing is given out. What the socket takes only in part is kept, because the
 * peer could not find the next length otherwise. Large frames are not gathered: a copy
 * costs more than a call.
 */
#include "common/frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD    4
#define IN_RING 0x80000000u /* of a length */
#define IN_CAP  (2 * (FRAMES_MAX + HEAD))
#define MAX_IOV 1024 /* segments of one sendmsg() */
#define LARGE   8192 /* bytes of a frame that does not wait for others */

int frames_init(struct frames *f, int fd, size_t out_cap)
{
	size_t least = FRAMES_MAX + HEAD;

	*f = (struct frames){ .fd = fd, .out_cap = out_cap > least ? out_cap : least };
	f->in = malloc(IN_CAP);
	f->out = malloc(f->out_cap);
	if (f->in && f->out)
		return 0;
	frames_free(f);
	return -ENOMEM;
}

void frames_free(struct frames *f)
{
	free(f->in);
	free(f->out);
	f->in = f->out = NULL;
}

/* ---- receive ---- */

/* One read of as much as there is room for; the frame that has begun fits. */
static int fill(struct frames *f)
{
	size_t room;
	ssize_t n;

	if (f->in_start + FRAMES_MAX + HEAD > IN_CAP || !f->in_len) {
		memmove(f->in, f->in + f->in_start, f->in_len);
		f->in_start = 0;
	}
	room = IN_CAP - f->in_start - f->in_len;
	do {
		n = recv(f->fd, f->in + f->in_start + f->in_len, room, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	f->in_len += n;
	f->drained = (size_t)n < room;
	return n ? 0 : -EPIPE;
}

static uint32_t word(const struct frames *f, size_t at)
{
	uint32_t v;

	memcpy(&v, f->in + f->in_start + at, sizeof(v));
	return ntohl(v);
}

static void skip(struct frames *f, size_t n)
{
	f->in_start += n;
	f->in_len -= n;
}

/* A frame in the ring, of which only the place came: as frames_next(), 0: the place has
 * not come. */
static ssize_t next_in_ring(struct frames *f, uint32_t len, uint8_t **frame)
{
	if (!len || len > FRAMES_MAX)
		return -EPROTO;
	if (f->in_len < 2 * HEAD)
		return 0;
	*frame = frame_ring_at(f->ring, word(f, HEAD), len);
	if (!*frame)
		return -EPROTO;
	f->place = word(f, HEAD);
	f->size = len;
	skip(f, 2 * HEAD);
	return len;
}

/* What has come of the next frame: as frames_next(), 0: not all of it. */
static ssize_t next_read(struct frames *f, uint8_t **frame)
{
	uint32_t len;

	if (f->in_len < HEAD)
		return 0;
	len = word(f, 0);
	if (f->ring && len & IN_RING)
		return next_in_ring(f, len & ~IN_RING, frame);
	if (!len || len > FRAMES_MAX)
		return -EPROTO;
	if (f->in_len < HEAD + len)
		return 0;
	*frame = f->in + f->in_start + HEAD;
	skip(f, HEAD + len);
	return len;
}

ssize_t frames_next(struct frames *f, uint8_t **frame)
{
	if (f->size)
		frame_ring_take(f->ring, f->place, f->size);
	f->size = 0;
	for (;;) {
		ssize_t ret = next_read(f, frame);

		if (ret)
			return ret;
		ret = f->drained ? -EAGAIN : fill(f);
		if (ret < 0) {
			f->drained = false;
			return ret;
		}
	}
}

ssize_t frames_recv(struct frames *f, void *buf)
{
	uint8_t *frame;
	ssize_t n = frames_next(f, &frame);

	if (n > 0)
		memcpy(buf, frame, n);
	return n;
}

/* ---- send ---- */

static ssize_t send_some(int fd, struct iovec *iov, unsigned count)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
	ssize_t n;

	do {
		n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int frames_flush(struct frames *f)
{
	while (f->out_len) {
		struct iovec iov = { f->out + f->out_start, f->out_len };
		ssize_t n = send_some(f->fd, &iov, 1);

		if (n < 0)
			return n;
		f->out_start += n;
		f->out_len -= n;
	}
	f->out_start = 0;
	return 0;
}

/* Keeps what lies behind the first `skip` bytes; there is room for it. */
static void keep(struct frames *f, const struct iovec *iov, unsigned count, size_t skip)
{
	for (unsigned i = 0; i < count; i++) {
		size_t part = iov[i].iov_len;

		if (skip >= part) {
			skip -= part;
			continue;
		}
		memcpy(f->out + f->out_start + f->out_len,
		       (uint8_t *)iov[i].iov_base + skip, part - skip);
		f->out_len += part - skip;
		skip = 0;
	}
}

/* The frame as one list that starts with its length; frames of more segments than the
 * kernel takes, with one for what waits, are no frames. */
static int list(struct iovec *all, uint32_t *head, const struct iovec *iov,
                unsigned count, size_t *len)
{
	*len = 0;
	if (count + 2 > MAX_IOV)
		return -EMSGSIZE;
	for (unsigned i = 0; i < count; i++) {
		all[i + 1] = iov[i];
		*len += iov[i].iov_len;
		if (*len > FRAMES_MAX)
			return -EMSGSIZE;
	}
	*head = htonl(*len);
	all[0] = (struct iovec){ head, HEAD };
	*len += HEAD;
	return *len > HEAD ? 0 : -EMSGSIZE;
}

/* What waits and, behind it, the frame, of which all[0] is free for the former: how much
 * of the frame was taken, or -errno. */
static ssize_t send_behind(struct frames *f, struct iovec *all, unsigned count)
{
	size_t before = f->out_len;
	ssize_t n;

	all[0] = (struct iovec){ f->out + f->out_start, before };
	n = send_some(f->fd, all + !before, count + !!before);
	if (n < 0)
		return n;
	if ((size_t)n < before) {
		f->out_start += n;
		f->out_len -= n;
		return -EAGAIN;
	}
	f->out_start = f->out_len = 0;
	return n - before;
}

/* What all[1] on lists, `len` bytes in all, which go together; all[0] is free. */
static int send_list(struct frames *f, struct iovec *all, unsigned count, size_t len)
{
	ssize_t n = -EAGAIN;

	if (!f->corked || len >= LARGE || f->out_cap - f->out_len < len)
		n = send_behind(f, all, count);
	if (n < 0 && n != -EAGAIN)
		return n;
	if (n < 0 && f->out_cap - f->out_len < len)
		return -EAGAIN;
	if (n < 0)
		n = 0;
	if (f->out_start + f->out_len + len - n > f->out_cap) {
		memmove(f->out, f->out + f->out_start, f->out_len);
		f->out_start = 0;
	}
	keep(f, all + 1, count, n);
	return 0;
}

int frames_send(struct frames *f, const struct iovec *iov, unsigned count)
{
	struct iovec all[MAX_IOV];
	uint32_t head;
	size_t len;
	int ret = list(all + 1, &head, iov, count, &len);

	return ret < 0 ? ret : send_list(f, all, count + 1, len);
}

int frames_send_room(struct frames *f, uint32_t len)
{
	struct frame_ring before = *f->ring;
	uint32_t words[] = { htonl(len | IN_RING), htonl(frame_ring_put(f->ring, len)) };
	struct iovec all[] = { { NULL, 0 }, { words, sizeof(words) } };
	int ret = send_list(f, all, 1, sizeof(words));

	if (ret < 0)
		*f->ring = before;
	return ret;
}
