// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One connection: bytes of the client that become messages for the painter, and bytes of
 * the painter that wait until the client takes them.
 *
 * An update comes only when it was asked for, so a client that does not read is held back
 * by its requests: while much waits for it, they are kept here, as one. Its keys go on.
 */
#include "vmm/helpers/vnc/conn.h"

#include "vmm/helpers/vnc/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BEHIND      (256u << 10) /* bytes that wait: requests are held */
#define MAX_BACKLOG (64u << 20)  /* several updates of the largest screen */
#define KEEP        (64u << 10)  /* of memory that is not needed now */
#define STALLED_MS  30000        /* a client that takes nothing for so long is gone */
#define CHUNK       (64u << 10)
#define TURNS       16 /* chunks before others have their turn */

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- to the client ---- */

static bool reserve(struct backlog *b, size_t more)
{
	size_t size = b->len + more + b->len / 2;
	uint8_t *data;

	if (b->start + b->len + more <= b->size)
		return true;
	if (b->len + more > MAX_BACKLOG)
		return false;
	if (b->start && b->start >= b->len) {
		memmove(b->data, b->data + b->start, b->len);
		b->start = 0;
		if (b->len + more <= b->size)
			return true;
	}
	data = realloc(b->data, b->start + size);
	if (!data)
		return false;
	b->data = data;
	b->size = b->start + size;
	return true;
}

static void append(struct backlog *b, const void *data, size_t len)
{
	memcpy(b->data + b->start + b->len, data, len);
	b->len += len;
}

static bool send_frame(struct conn *c, bool pong, const void *data, size_t len)
{
	uint8_t head[WEBSOCKET_MAX_HEAD];
	unsigned head_len = websocket_head(head, pong, len);

	if (!reserve(&c->out, head_len + len))
		return false;
	append(&c->out, head, head_len);
	append(&c->out, data, len);
	return true;
}

bool conn_send(struct conn *c, const void *data, size_t len)
{
	if (c->wrapped)
		return send_frame(c, false, data, len);
	if (!reserve(&c->out, len))
		return false;
	append(&c->out, data, len);
	return true;
}

static ssize_t write_some(struct conn *c)
{
	const uint8_t *data = c->out.data + c->out.start;

	return c->secure ? tls_write(c->tls, data, c->out.len)
	                 : send(c->fd, data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool conn_flush(struct conn *c)
{
	struct backlog *b = &c->out;
	size_t before = b->len;

	while (b->len) {
		ssize_t n = write_some(c);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0) {
			if (c->stage == STAGE_IN && (!c->deadline || b->len < before))
				c->deadline = now_ms() + STALLED_MS;
			return true;
		}
		b->start += n;
		b->len -= n;
	}
	b->start = 0;
	if (b->size > KEEP) {
		free(b->data);
		*b = (struct backlog){ 0 };
	}
	if (c->stage == STAGE_IN)
		c->deadline = 0;
	return c->stage != STAGE_CLOSING;
}

/* ---- from the client ---- */

void conn_eat(struct conn *c, size_t n)
{
	c->in_len -= n;
	memmove(c->in, c->in + n, c->in_len);
}

/* Bytes to the painter. Their number, 0: it has no room, -1: it is gone. */
static ssize_t give(struct conn *c, const uint8_t *data, size_t len)
{
	ssize_t n = send(c->inner, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

/* The painter does not look for what it was given until it knows that it has to: that
 * something came (link.h), or that room is needed. */
static void knock(struct conn *c)
{
	struct link_packet p = { .type = LINK_HEARD };

	/* A link without room holds packets that wake it. */
	front_tell(c, &p, -1);
}

/* What of the last message is left to be passed on or thrown away. */
static bool finish(struct conn *c, bool *more)
{
	size_t n = c->drop ? c->drop : c->pass;
	ssize_t done;

	n = n < c->in_len ? n : c->in_len;
	done = !n || c->drop ? (ssize_t)n : give(c, c->in, n);
	*more = done > 0;
	if (done < 0)
		return false;
	conn_eat(c, done);
	*(c->drop ? &c->drop : &c->pass) -= done;
	if ((c->told && done) || (size_t)done < n)
		knock(c);
	return true;
}

static bool release(struct conn *c, bool *more)
{
	ssize_t n = give(c, c->held, sizeof(c->held));

	c->holding = !n;
	*more = n > 0;
	if (!n || !c->held[1])
		knock(c);
	return n >= 0;
}

static void hold(struct conn *c)
{
	if (c->holding)
		message_merge(c->held, c->in);
	else
		memcpy(c->held, c->in, sizeof(c->held));
	c->holding = true;
	conn_eat(c, sizeof(c->held));
}

static void pass(struct conn *c, enum message_kind kind, size_t len)
{
	c->told = kind != MESSAGE_UPDATE || !c->in[1];
	c->pass = message_filter(c->in, len);
	memmove(c->in + c->pass, c->in + len, c->in_len - len);
	c->in_len -= len - c->pass;
}

static bool take_message(struct conn *c, bool *more)
{
	bool behind = c->out.len > BEHIND;
	enum message_kind kind;
	size_t len = 0;

	if (c->pass || c->drop)
		return finish(c, more);
	if (c->holding && !behind)
		return release(c, more);
	kind = message_measure(c->in, c->in_len, &len);
	if (kind == MESSAGE_UNKNOWN)
		return false;
	*more = kind == MESSAGE_DROP || (kind != MESSAGE_MORE && c->in_len >= len);
	if (!*more)
		return true;
	if (kind == MESSAGE_DROP) {
		c->drop = len;
		c->told = false;
	} else if (kind == MESSAGE_UPDATE && behind) {
		hold(c);
	} else {
		pass(c, kind, len);
	}
	return true;
}

bool conn_process(struct conn *c)
{
	bool ok = true;

	for (bool more = true; ok && more;) {
		more = false;
		if (c->stage == STAGE_REQUEST)
			ok = front_request(c, &more);
		else if (c->stage == STAGE_IN)
			ok = take_message(c, &more);
		else
			ok = handshake_take(c, &more);
	}
	return ok;
}

static size_t room(const struct conn *c)
{
	return (c->stage == STAGE_REQUEST ? CONN_REQUEST : CONN_INPUT) - c->in_len;
}

bool conn_wants_input(const struct conn *c)
{
	if (c->stage == STAGE_SHAKE)
		return !c->out.len && !tls_is_writing(c->tls);
	return c->stage != STAGE_CLOSING && room(c);
}

bool conn_has_pending(const struct conn *c)
{
	return c->secure && conn_wants_input(c) && tls_has_pending(c->tls);
}

bool conn_wants_room(const struct conn *c)
{
	return c->stage == STAGE_IN &&
	       ((c->pass && c->in_len) || (c->holding && c->out.len <= BEHIND));
}

static bool unwrap(struct conn *c, ssize_t *n)
{
	*n = websocket_unwrap(&c->ws, c->in + c->in_len, *n);
	if (*n < 0)
		return false;
	if (c->ws.pinged && !send_frame(c, true, c->ws.ping, c->ws.ping_len))
		return false;
	c->ws.pinged = false;
	return true;
}

bool conn_wrap(struct conn *c)
{
	ssize_t n = c->in_len;

	c->wrapped = true;
	c->in_len = 0;
	if (!unwrap(c, &n))
		return false;
	c->in_len = n;
	return true;
}

/* What was agreed on goes out in the clear before. */
static bool shake(struct conn *c)
{
	int ret = c->out.len ? 0 : tls_shake(c->tls);

	if (ret <= 0)
		return !ret;
	c->secure = true;
	if (!c->browser)
		return handshake_secured(c);
	c->stage = STAGE_REQUEST;
	return true;
}

bool conn_receive(struct conn *c)
{
	uint8_t *to = c->in + c->in_len;
	ssize_t n;

	if (c->stage == STAGE_SHAKE)
		return shake(c);
	n = c->secure ? tls_read(c->tls, to, room(c))
	              : recv(c->fd, to, room(c), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n || (c->wrapped && !unwrap(c, &n)))
		return false;
	c->in_len += n;
	return conn_process(c);
}

/* ---- from the painter ---- */

bool conn_paint(struct conn *c)
{
	static uint8_t chunk[CHUNK];
	ssize_t n = CHUNK;

	for (unsigned i = 0; i < TURNS && n == CHUNK; i++) {
		size_t skip;

		n = recv(c->inner, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			/* It ends the client, which may still take what it was sent. */
			c->stage = STAGE_CLOSING;
			c->deadline = now_ms() + STALLED_MS;
			close(c->inner);
			c->inner = -1;
			break;
		}
		skip = (size_t)n < c->swallow ? (size_t)n : c->swallow;
		c->swallow -= skip;
		if ((size_t)n > skip && !conn_send(c, chunk + skip, n - skip))
			return false;
	}
	return true;
}

void conn_close(struct conn *c)
{
	tls_close(c->tls);
	c->tls = NULL;
	if (c->fd >= 0)
		close(c->fd);
	if (c->inner >= 0)
		close(c->inner);
	free(c->out.data);
	c->out = (struct backlog){ 0 };
	c->fd = c->inner = -1;
}
