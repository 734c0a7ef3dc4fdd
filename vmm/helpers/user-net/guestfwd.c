// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guestfwd=. Unix sockets are libslirp's own business. A TCP server has one connection
 * that stays; what comes from it goes to the guest's connection of the moment as far as
 * that has room, and the rest waits in the host's socket.
 */
#include "vmm/helpers/user-net/guestfwd.h"

#include "common/cleanup.h"
#include "common/inet.h"
#include "common/log.h"
#include "vmm/helpers/user-net/config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_MS 5000
#define CHUNK      65536

struct guestfwd {
	struct guestfwd *next;
	Slirp *slirp;
	struct sockaddr_in addr;
	int fd;   /* -1: the server has gone */
	int slot; /* among what is polled, -1: none */
};

static ssize_t to_host(const void *buf, size_t len, void *opaque)
{
	const struct guestfwd *f = opaque;
	ssize_t n = send(f->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	/* libslirp keeps what was not taken. */
	return n < 0 && errno == EAGAIN ? 0 : n;
}

static int connect_to(const char *text, struct err *err)
{
	const char *colon = strrchr(text, ':');
	struct inet inet = { .port = colon ? (char *)colon + 1 : "" };
	_cleanup_free_ char *host = colon ? strndup(text, colon - text) : NULL;
	struct inet_addresses list = { .count = 0 };
	int fd = -1, code = 0, ret;

	inet.host = host;
	ret = inet_resolve(&inet, false, 0, &list, err);
	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < list.count; i++) {
		struct pollfd pfd = { .events = POLLOUT };
		socklen_t len = sizeof(code);

		pfd.fd = fd = inet_connect(&list.addr[i]);
		code = -fd;
		if (fd < 0)
			continue;
		code = ETIMEDOUT;
		if (poll(&pfd, 1, CONNECT_MS) > 0)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len);
		if (!code)
			return fd;
		close(fd);
	}
	return err_sys(err, code, "cannot connect to %s", text);
}

static int add_tcp(struct guestfwd **list, Slirp *slirp, const struct sockaddr_in *addr,
                   const char *text, struct err *err)
{
	int fd = connect_to(text, err);
	struct guestfwd *f;

	if (fd < 0)
		return fd;
	f = calloc(1, sizeof(*f));
	if (!f) {
		close(fd);
		return err_sys(err, ENOMEM, "guestfwd");
	}
	*f = (struct guestfwd){ *list, slirp, *addr, fd, -1 };
	*list = f;
	return slirp_add_guestfwd(slirp, to_host, f, &f->addr.sin_addr,
	                          ntohs(addr->sin_port)) < 0
	               ? err_set(err, EADDRINUSE, "the address is not free")
	               : 0;
}

int guestfwd_add(struct guestfwd **list, Slirp *slirp, const char *rule,
                 bool *unix_sockets, struct err *err)
{
	const char *from = strncmp(rule, "tcp:", 4) ? rule + 1 : rule + 4;
	const char *to = strchr(rule, '-');
	struct sockaddr_in addr = { 0 };
	int ret;

	if ((from != rule + 4 && *rule != ':') || !to ||
	    !user_parse_end(from, to, &addr) || !addr.sin_port || !addr.sin_addr.s_addr)
		return err_usage(err,
		                 "guestfwd=%s: must be like "
		                 "tcp:10.0.2.100:80-unix:/path or "
		                 "tcp:10.0.2.100:80-tcp:127.0.0.1:8080",
		                 rule);
	to++;
	*unix_sockets |= !strncmp(to, "unix:", 5);
	if (!strncmp(to, "unix:", 5) && to[5])
		ret = slirp_add_unix(slirp, to + 5, &addr.sin_addr,
		                     ntohs(addr.sin_port)) < 0
		              ? err_set(err, EADDRINUSE, "the address is not free")
		              : 0;
	else if (!strncmp(to, "tcp:", 4))
		ret = add_tcp(list, slirp, &addr, to + 4, err);
	else
		ret = err_usage(err, "must lead to unix:PATH or tcp:HOST:PORT; for a "
		                     "program, let socat serve a Unix socket");
	err_prefix(err, "guestfwd=%s", rule);
	return ret;
}

void guestfwd_free(struct guestfwd *list)
{
	struct guestfwd *next;

	for (; list; list = next) {
		next = list->next;
		if (list->fd >= 0)
			close(list->fd);
		free(list);
	}
}

static size_t room(const struct guestfwd *f)
{
	size_t n = slirp_socket_can_recv(f->slirp, f->addr.sin_addr,
	                                 ntohs(f->addr.sin_port));

	return n < CHUNK ? n : CHUNK;
}

void guestfwd_fill(struct guestfwd *list, SlirpAddPollCb add, void *opaque)
{
	for (struct guestfwd *f = list; f; f = f->next)
		f->slot = f->fd >= 0 && room(f) ? add(f->fd, SLIRP_POLL_IN, opaque) : -1;
}

void guestfwd_serve(struct guestfwd *list, SlirpGetREventsCb get, void *opaque)
{
	static uint8_t buf[CHUNK];

	for (struct guestfwd *f = list; f; f = f->next) {
		ssize_t n;

		if (f->slot < 0 || !get(f->slot, opaque))
			continue;
		n = recv(f->fd, buf, room(f), MSG_DONTWAIT);
		if (n > 0) {
			slirp_socket_recv(f->slirp, f->addr.sin_addr,
			                  ntohs(f->addr.sin_port), buf, n);
		} else if (n == 0 || errno != EAGAIN) {
			log_warn("guestfwd to port %u: the server has gone",
			         ntohs(f->addr.sin_port));
			close(f->fd);
			f->fd = -1;
		}
	}
}
