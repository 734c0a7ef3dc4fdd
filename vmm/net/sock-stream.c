// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames over a stream socket, Unix or TCP, in QEMU's format: as client (of passt, or of
 * another virtual machine), as server of one peer at a time, or on a descriptor that was
 * inherited. Without a peer the link is down; a client with reconnect= tries again.
 *
 * At the start a client waits for its connection, so that a mistake is told; once the
 * machine runs nothing here waits for long.
 */
#include "common/log.h"
#include "vmm/net/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

#define CONNECT_MS 10000 /* before the machine runs */

static void describe(struct net_sock *s)
{
	_cleanup_strbuf_ struct strbuf where = { 0 };

	if (s->addr.type == SOCK_ADDR_FD)
		strbuf_addf(&where, "fd:%s", s->addr.str);
	else if (s->addr.type == SOCK_ADDR_UNIX)
		strbuf_addf(&where, "unix:%s", s->addr.path);
	else
		strbuf_adds(&where, "tcp:");
	if (s->addr.type == SOCK_ADDR_INET && s->addresses.count)
		inet_show(&s->addresses.addr[0], &where);
	net_set_desc(&s->link.nd, "%s%s",
	             s->link.fd >= 0 ? ""
	             : s->server     ? "listening,"
	                             : "disconnected,",
	             where.data);
}

/* Of "socket", the older spelling, nobody expects to hear. */
static void tell(struct net_sock *s, const struct net_peer *peer)
{
	struct net_registry *reg = s->link.nd.reg;

	if (reg->on_peer && s->link.nd.ops == &net_stream_ops)
		reg->on_peer(reg->peer_opaque, s->link.nd.id, peer);
}

static void tell_peer(struct net_sock *s, int fd)
{
	struct sockaddr_storage addr = { 0 };
	const struct sockaddr_un *un = (const struct sockaddr_un *)&addr;
	char path[sizeof(un->sun_path) + 1] = "", host[64] = "", port[8] = "";
	struct net_peer peer = { .type = "unix", .path = path };
	socklen_t len = sizeof(addr);

	if (getpeername(fd, (struct sockaddr *)&addr, &len) < 0)
		return;
	if (addr.ss_family == AF_UNIX) {
		memcpy(path, un->sun_path, sizeof(un->sun_path));
	} else {
		peer = (struct net_peer){ "inet", NULL, host, port };
		getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port,
		            sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	}
	tell(s, &peer);
}

static int use(struct net_sock *s, int fd)
{
	int on = 1, ret;

	/* Fails on other sockets than TCP, which send at once anyway. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->link.nd.ends = true;
	ret = net_link_use(&s->link, fd);
	if (ret >= 0)
		tell_peer(s, fd);
	return ret;
}

/* ---- server ---- */

static void watch_listeners(struct net_sock *s, bool on);

static void peer_came(void *opaque, uint32_t events)
{
	struct net_sock *s = opaque;
	int fd = -1;

	(void)events;
	for (unsigned i = 0; i < INET_MAX && fd < 0; i++)
		if (s->listen_fd[i] >= 0)
			fd = accept4(s->listen_fd[i], NULL, NULL,
			             SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	watch_listeners(s, false);
	if (use(s, fd) < 0)
		watch_listeners(s, true);
	describe(s);
}

static void watch_listeners(struct net_sock *s, bool on)
{
	struct loop *loop = s->link.nd.reg->loop;

	for (unsigned i = 0; i < INET_MAX && on != s->listening; i++) {
		if (s->listen_fd[i] < 0)
			continue;
		if (!on)
			loop_remove(loop, &s->listen_watch[i]);
		else if (loop_add(loop, &s->listen_watch[i], s->listen_fd[i], EPOLLIN,
		                  peer_came, s) < 0)
			log_error("netdev %s: cannot wait for a peer", s->link.nd.id);
	}
	s->listening = on;
}

static int listen_unix(struct net_sock *s, const struct sockaddr_un *addr,
                       struct err *err)
{
	struct stat st;
	int fd, ret;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	/* A socket without a server is left over. */
	if (lstat(s->addr.path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(s->addr.path);
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	s->listen_fd[0] = fd;
	ret = sock_bind_unix(s, fd, s->addr.path, err);
	if (ret >= 0 && listen(fd, 1) < 0)
		ret = err_sys(err, errno, "cannot listen at addr.path=%s", s->addr.path);
	return ret;
}

/* ---- client ---- */

static int connect_unix(const char *path)
{
	struct sockaddr_un addr;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), code;

	if (fd < 0 || sock_unix_addr("addr", path, &addr, NULL) < 0)
		return -EINVAL;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) >= 0)
		return fd;
	code = errno;
	close(fd);
	return -code;
}

static int start_connecting(struct net_sock *s)
{
	if (s->addr.type == SOCK_ADDR_UNIX)
		return connect_unix(s->addr.path);
	if (!s->addresses.count)
		return -EADDRNOTAVAIL;
	return inet_connect(&s->addresses.addr[s->next++ % s->addresses.count]);
}

/* 0, or why it failed; -EINPROGRESS after so many ms. */
static int connect_result(int fd, int wait_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int code = 0, ret;

	do
		ret = poll(&pfd, 1, wait_ms);
	while (ret < 0 && errno == EINTR);
	if (ret <= 0)
		return -EINPROGRESS;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0 ? -errno : -code;
}

static void try_later(struct net_sock *s)
{
	if (s->reconnect)
		loop_timer_arm(&s->retry, loop_now() + s->reconnect * 1000000000ull);
}

static void connected(void *opaque, uint32_t events)
{
	struct net_sock *s = opaque;
	int fd = s->connecting, ret = connect_result(fd, 0);

	(void)events;
	if (ret == -EINPROGRESS)
		return;
	loop_remove(s->link.nd.reg->loop, &s->connect_watch);
	s->connecting = -1;
	if (ret < 0) {
		log_warn("netdev %s: cannot connect: %s", s->link.nd.id, strerror(-ret));
		close(fd);
		try_later(s);
	} else if (use(s, fd) < 0) {
		try_later(s);
	}
	describe(s);
}

static int watch_connecting(struct net_sock *s, int fd)
{
	s->connecting = fd;
	return loop_add(s->link.nd.reg->loop, &s->connect_watch, fd, EPOLLOUT, connected,
	                s);
}

static void retry(void *opaque)
{
	struct net_sock *s = opaque;
	struct err err = { 0 };
	int fd;

	if (s->addr.type == SOCK_ADDR_INET && !s->addresses.count)
		inet_resolve(&s->addr.inet, false, INET_QUICK_MS, &s->addresses, &err);
	fd = start_connecting(s);
	if (fd < 0 || watch_connecting(s, fd) < 0)
		try_later(s);
}

static int fail(struct net_sock *s, int code, struct err *err)
{
	if (s->addr.type == SOCK_ADDR_UNIX)
		err_sys(err, -code, "cannot connect to addr.path=%s", s->addr.path);
	else
		err_sys(err, -code, "cannot connect to %s:%s", s->addr.inet.host,
		        s->addr.inet.port);
	err_hint(err, "start its server, or add server=on to be one");
	return code;
}

/* One address after the other. */
static int connect_now(struct net_sock *s, struct err *err)
{
	bool running = s->link.nd.reg->running;
	unsigned count = s->addr.type == SOCK_ADDR_INET ? s->addresses.count : 1;
	int ret = -EADDRNOTAVAIL;

	for (unsigned i = 0; i < count; i++) {
		int fd = start_connecting(s);

		ret = fd < 0 ? fd
		             : connect_result(fd, running ? INET_QUICK_MS : CONNECT_MS);
		if (!ret)
			return use(s, fd) < 0 ? err_sys(err, ENOMEM, "netdev") : 0;
		if (ret == -EINPROGRESS && running)
			return watch_connecting(s, fd);
		if (fd >= 0)
			close(fd);
		ret = ret == -EINPROGRESS ? -ETIMEDOUT : ret;
	}
	return fail(s, ret, err);
}

/* ---- life ---- */

void sock_lost(struct net_link *link)
{
	struct net_sock *s = (struct net_sock *)link;

	log_info("netdev %s: the peer has gone", link->nd.id);
	tell(s, NULL);
	watch_listeners(s, true);
	if (!s->server)
		try_later(s);
	describe(s);
}

static int use_inherited(struct net_sock *s, struct err *err)
{
	int fd = sock_inherit(s->addr.str, SOCK_STREAM, err);

	if (fd < 0)
		return fd;
	return use(s, fd) < 0 ? err_sys(err, ENOMEM, "netdev") : 0;
}

static int open_inet(struct net_sock *s, struct err *err)
{
	unsigned limit = s->link.nd.reg->running ? INET_QUICK_MS : 0;
	int ret;

	if (!s->addr.inet.port)
		return err_usage(err, "addr.port= is missing");
	if (!s->server && (!s->addr.inet.host || !*s->addr.inet.host))
		return err_usage(err, "addr.host= is missing: connect where?");
	ret = inet_resolve(&s->addr.inet, s->server, limit, &s->addresses, err);
	if (ret >= 0 && s->server)
		ret = inet_listen(&s->addr.inet, &s->addresses, s->listen_fd, err);
	return ret;
}

int sock_stream_open(struct net_sock *s, struct err *err)
{
	struct sockaddr_un addr;
	int ret = 0;

	loop_timer_init(s->link.nd.reg->loop, &s->retry, retry, s);
	if (s->server && s->reconnect)
		return err_usage(err, "reconnect= is for clients, not with server=on");
	if (s->addr.type == SOCK_ADDR_FD)
		ret = use_inherited(s, err);
	else if (s->addr.type == SOCK_ADDR_INET)
		ret = open_inet(s, err);
	else
		ret = sock_unix_addr("addr", s->addr.path, &addr, err);
	if (ret >= 0 && s->server && s->addr.type == SOCK_ADDR_UNIX)
		ret = listen_unix(s, &addr, err);
	if (ret >= 0 && s->server)
		watch_listeners(s, true);
	else if (ret >= 0 && s->reconnect)
		loop_timer_arm(&s->retry, loop_now());
	else if (ret >= 0 && s->addr.type != SOCK_ADDR_FD)
		ret = connect_now(s, err);
	if (ret >= 0)
		describe(s);
	return ret;
}
