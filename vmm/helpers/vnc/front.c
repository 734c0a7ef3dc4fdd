// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections from accept() to their end, in one table: whoever is not in yet makes room
 * for those who come later, so that nobody is kept out by others who say nothing.
 */
#include "vmm/helpers/vnc/front.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/helpers/vnc/conn.h"
#include "vmm/helpers/vnc/http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_CONNS    (2 * VNC_MAX_CLIENTS)
#define REQUEST_MS   10000  /* for a request, and for taking what is left at the end */
#define HANDSHAKE_MS 120000 /* in it a person types the password */

struct front {
	int link;
	int listen[VNC_MAX_LISTEN];
	unsigned listen_count;
	struct http *http; /* for the last of them, or NULL */
	struct tls *tls;   /* or NULL */
	enum vnc_tls_kind kind;
	uint32_t last_id;
	struct ratelimit warned;
	struct conn conns[MAX_CONNS];
};

/* ---- life ---- */

struct front *front_new(const struct front_config *config, struct err *err)
{
	struct front *front = calloc(1, sizeof(*front));

	if (!front) {
		err_sys(err, ENOMEM, "VNC");
		return NULL;
	}
	front->link = config->link;
	front->listen_count = config->listen_count;
	for (unsigned i = 0; i < config->listen_count; i++)
		front->listen[i] = config->listen[i];
	for (unsigned i = 0; i < MAX_CONNS; i++)
		front->conns[i].fd = front->conns[i].inner = -1;
	front->kind = config->tls.kind;
	if (front->kind)
		front->tls = tls_new(&config->tls, config->tls_files, err);
	if (config->browsers)
		front->http = http_new(config->pages, config->local, err);
	if (!err->code)
		return front;
	front_free(front);
	return NULL;
}

void front_free(struct front *front)
{
	if (!front)
		return;
	for (unsigned i = 0; i < MAX_CONNS; i++)
		conn_close(&front->conns[i]);
	for (unsigned i = 0; i < front->listen_count; i++)
		close(front->listen[i]);
	close(front->link);
	http_free(front->http);
	tls_free(front->tls);
	free(front);
}

/* ---- the painter ---- */

bool front_tell(struct conn *c, struct link_packet *packet, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { packet, sizeof(*packet) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	packet->id = c->id;
	packet->peer = c->peer;
	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	/* It has no room for the packets of hundreds who come at once. */
	return sendmsg(c->front->link, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       sizeof(*packet);
}

static bool ask(struct conn *c)
{
	struct link_packet p = { .type = LINK_ASK };

	c->stage = STAGE_ASKED;
	c->deadline = now_ms() + HANDSHAKE_MS;
	return front_tell(c, &p, -1);
}

static void finish(struct conn *c, bool ok)
{
	if (!ok || (c->out.len && !conn_flush(c)))
		conn_close(c);
}

/* False: the painter is gone. */
static bool take_answer(struct front *front)
{
	struct link_packet p;
	ssize_t n = recv(front->link, &p, sizeof(p), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n != sizeof(p))
		return false;
	for (unsigned i = 0; i < MAX_CONNS; i++) {
		struct conn *c = &front->conns[i];

		if (c->fd >= 0 && c->id == p.id)
			finish(c, handshake_answer(c, p.type) && conn_process(c));
	}
	return true;
}

bool front_shake(struct conn *c)
{
	/* Nothing that came in the clear may count as if it had come by TLS. */
	if (c->in_len)
		return false;
	c->stage = STAGE_SHAKE;
	c->tls = tls_open(c->front->tls, c->fd);
	return c->tls;
}

/* ---- browsers ---- */

void front_warn(struct conn *c, const char *text)
{
	log_guest(&c->front->warned, "%s", text);
}

static bool send_reply(struct conn *c, const struct http_reply *reply)
{
	return !reply->head.failed && conn_send(c, reply->head.data, reply->head.len) &&
	       conn_send(c, reply->body, reply->body_len);
}

bool front_request(struct conn *c, bool *more)
{
	struct http_reply reply = { .body = "" };
	enum http_result result;
	size_t used = 0;
	bool ok = true;

	c->in[c->in_len] = '\0';
	result = http_take(c->front->http, (const char *)c->in, c->in_len, &used, &reply);
	if (result == HTTP_MORE)
		return c->in_len < CONN_REQUEST;
	if (result == HTTP_BAD)
		return false;
	conn_eat(c, used);
	ok = send_reply(c, &reply);
	strbuf_free(&reply.head);
	*more = result == HTTP_WEBSOCKET;
	if (!*more) {
		c->stage = STAGE_CLOSING;
		c->deadline = now_ms() + REQUEST_MS;
		return ok;
	}
	return ok && conn_wrap(c) && ask(c);
}

/* ---- who comes ---- */

/* A free place, or that of the one who has been at the door for longest. */
static struct conn *find_place(struct front *front)
{
	struct conn *oldest = NULL;

	for (unsigned i = 0; i < MAX_CONNS; i++) {
		struct conn *c = &front->conns[i];

		if (c->fd < 0)
			return c;
		if (c->stage != STAGE_IN && (!oldest || c->since < oldest->since))
			oldest = c;
	}
	if (oldest)
		conn_close(oldest);
	return oldest;
}

static void name_peer(struct conn *c)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int one = 1;

	if (getpeername(c->fd, (struct sockaddr *)&address, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&address, len, c->peer.host,
	                sizeof(c->peer.host), c->peer.service, sizeof(c->peer.service),
	                NI_NUMERICHOST | NI_NUMERICSERV))
		c->peer = (struct vnc_peer){ 0 };
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void front_add(struct front *front, int fd, bool browser)
{
	struct conn *c = find_place(front);

	if (!c) {
		close(fd);
		return;
	}
	*c = (struct conn){ .front = front,
		            .fd = fd,
		            .inner = -1,
		            .id = ++front->last_id,
		            .browser = browser,
		            .kind = front->kind,
		            .since = now_ms() };
	name_peer(c);
	c->stage = STAGE_REQUEST;
	c->deadline = c->since + REQUEST_MS;
	if (!browser)
		finish(c, ask(c));
	else if (front->tls)
		finish(c, front_shake(c));
}

static void accept_client(struct front *front, unsigned which)
{
	int fd = accept4(front->listen[which], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		front_add(front, fd, front->http && which == front->listen_count - 1);
}

/* ---- the loop ---- */

#define MAX_FDS (1 + VNC_MAX_LISTEN + 2 * MAX_CONNS)

static bool wants_output(const struct conn *c)
{
	return c->out.len || (c->stage == STAGE_SHAKE && c->tls && !conn_wants_input(c));
}

static int until(const struct conn *c)
{
	int64_t now = now_ms();

	return c->deadline > now ? c->deadline - now : 0;
}

static int sooner(int a, int b)
{
	return a < 0 || b < a ? b : a;
}

/* Connections put two in the list, from their place on. */
static unsigned gather(struct front *front, struct pollfd *fds, int *timeout)
{
	unsigned n = 0;

	fds[n++] = (struct pollfd){ .fd = front->link, .events = POLLIN };
	for (unsigned i = 0; i < front->listen_count; i++)
		fds[n++] = (struct pollfd){ .fd = front->listen[i], .events = POLLIN };
	for (unsigned i = 0; i < MAX_CONNS; i++) {
		struct conn *c = &front->conns[i];

		if (c->fd < 0)
			continue;
		c->place = n;
		fds[n++] = (struct pollfd){ .fd = c->fd,
			                    .events = (conn_wants_input(c) ? POLLIN : 0) |
			                              (wants_output(c) ? POLLOUT : 0) };
		fds[n++] =
			(struct pollfd){ .fd = c->inner,
			                 .events = POLLIN |
			                           (conn_wants_room(c) ? POLLOUT : 0) };
		if (conn_has_pending(c))
			*timeout = 0;
		if (c->deadline)
			*timeout = sooner(*timeout, until(c));
	}
	return n;
}

static void serve(struct conn *c, short outer, short inner)
{
	bool ok = true;

	if (inner & (POLLIN | POLLHUP | POLLERR))
		ok = conn_paint(c);
	if (ok && (outer & POLLIN || conn_has_pending(c) ||
	           (outer & POLLOUT && c->stage == STAGE_SHAKE)))
		ok = conn_receive(c);
	else if (ok && outer & (POLLHUP | POLLERR))
		ok = false;
	if (ok && c->out.len)
		ok = conn_flush(c);
	/* There may be room for what was kept back. */
	finish(c, ok && conn_process(c));
	if (c->fd >= 0 && c->deadline && c->deadline <= now_ms())
		conn_close(c);
}

bool front_turn(struct front *front, int timeout)
{
	struct pollfd fds[MAX_FDS];
	unsigned n = gather(front, fds, &timeout);

	if (poll(fds, n, timeout) < 0)
		return errno == EINTR;
	if (fds[0].revents && !take_answer(front))
		return false;
	for (unsigned i = 0; i < MAX_CONNS; i++) {
		struct conn *c = &front->conns[i];

		if (c->fd >= 0 && c->place)
			serve(c, fds[c->place].revents, fds[c->place + 1].revents);
	}
	for (unsigned i = 0; i < front->listen_count; i++)
		if (fds[1 + i].revents)
			accept_client(front, i);
	return true;
}
