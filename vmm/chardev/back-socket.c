// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end "socket": a Unix or TCP stream socket, as server (one client at a time;
 * others wait in the backlog until it leaves) or as client, which may try again and again
 * (reconnect=).
 *
 * A connection that breaks is noticed by the thread that writes, but closed in the loop's
 * thread, which alone watches descriptors; until then its output is dropped.
 */
#include "common/log.h"
#include "vmm/chardev/backend.h"
#include "vmm/chardev/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long the start of a client waits for its server, when reconnect= does not say that
 * it may come later. */
#define CONNECT_MS 5000
#define PASSED_MAX 16 /* descriptors in one message; the kernel drops more */

static const char *const allow_choices[] = { "local", "insecure", NULL };

#define ROW(key, kind, field, text) \
	.name = key, .type = kind, .offset = offsetof(struct sock, field), .help = text

static const struct opt_desc sock_opts[] = {
	CHARDEV_OPTS(struct sock, "off"),
	{ ROW("path", OPT_STR, path, "a Unix socket's path") },
	{ ROW("fd", OPT_STR, fd_text,
	      "a socket that this process was started with: a server's or a "
	      "connection") },
	{ ROW("host", OPT_STR, inet.host,
	      "TCP: name or address; a server without it listens on all addresses") },
	{ ROW("port", OPT_STR, inet.port,
	      "TCP: the port; 0: a server's kernel chooses") },
	{ ROW("to", OPT_U32, inet.to, "TCP server: try the ports up to this one") },
	{ ROW("ipv4", OPT_TRI, inet.ipv4, "TCP: use IPv4"), .def = "auto" },
	{ ROW("ipv6", OPT_TRI, inet.ipv6, "TCP: use IPv6"), .def = "auto" },
	{ ROW("nodelay", OPT_BOOL, nodelay, "TCP: send small packets at once"),
	  .def = "off" },
	{ .name = "delay",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct sock, delay),
	  .def = "on",
	  .help = "TCP: off is the same as nodelay=on" },
	{ ROW("server", OPT_BOOL, server, "wait for clients; off: connect to a server"),
	  .def = "off" },
	{ ROW("wait", OPT_BOOL, wait,
	      "server: do not start before the first client is there"),
	  .def = "on" },
	{ ROW("telnet", OPT_BOOL, use_telnet,
	      "speak telnet, so that its clients send "
	      "single keys"),
	  .def = "off" },
	{ ROW("reconnect", OPT_U32, reconnect,
	      "client: seconds until the next try, also for the first connection"),
	  .max = 86400 },
	{ ROW("allow", OPT_ENUM, allow,
	      "insecure: a monitor may be reached from other hosts, unprotected"),
	  OPT_CHOICES(allow_choices, 0) },
	{ .name = NULL },
};

static void sock_update(struct chardev *chr);

static void describe(struct sock *s)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	sock_describe(s, &text);
	chardev_set_desc(&s->chr, "%s%s", s->fd < 0 ? "disconnected:" : "",
	                 text.data ? text.data : "socket");
}

/* ---- the connection ---- */

static void use_connection(struct sock *s, int fd)
{
	int on = 1;

	s->fd = s->chr.out_fd = fd;
	s->broken = s->ended = s->half_iac = false;
	s->telnet = (struct telnet){ 0 };
	/* Fails on Unix sockets, which never wait. */
	if (s->nodelay || !s->delay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (s->use_telnet &&
	    chardev_fd_write(fd, true, telnet_greeting, telnet_greeting_len) < 0)
		s->broken = true;
	describe(s);
	chardev_set_open(&s->chr, true);
}

static void try_later(struct sock *s)
{
	if (!s->server && s->reconnect)
		loop_timer_arm(&s->timer, loop_now() + s->reconnect * 1000000000ull);
}

static void drop_connection(struct sock *s)
{
	int passed = chardev_take_fd(&s->chr);

	chardev_unwatch(&s->chr, &s->watch);
	close(s->fd);
	if (passed >= 0)
		close(passed);
	s->fd = s->chr.out_fd = -1;
	describe(s);
	chardev_set_open(&s->chr, false);
	try_later(s);
}

/* The peer has gone, and nothing that it sent is left to be read. */
static bool is_spent(const struct sock *s)
{
	uint8_t byte;
	ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return !n || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* Takes the protocol out of the bytes; returns how much is left. */
static size_t filter(struct sock *s, uint8_t *buf, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		enum telnet_action action = telnet_feed(&s->telnet, buf[i]);

		if (action == TELNET_PASS) {
			buf[kept++] = buf[i];
		} else if (action == TELNET_BREAK) {
			chardev_deliver(&s->chr, buf, kept);
			kept = 0;
			chardev_line_break(&s->chr);
		}
		/* A peer that does not read can do without the answer. */
		if (s->telnet.reply_len && !s->half_iac)
			chardev_fd_write(s->fd, true, s->telnet.reply,
			                 s->telnet.reply_len);
	}
	return kept;
}

/* Of several descriptors that come at once the first is kept. */
static void keep_fds(struct sock *s, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		const int *fds = (const int *)CMSG_DATA(c);
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			if (!i && s->chr.passed >= 0)
				close(s->chr.passed);
			if (!i)
				s->chr.passed = fds[i];
			else
				close(fds[i]);
		}
	}
}

static ssize_t read_some(struct sock *s, void *buf, size_t len)
{
	char control[CMSG_SPACE(PASSED_MAX * sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov,
		              .msg_iovlen = 1,
		              .msg_control = control,
		              .msg_controllen = sizeof(control) };
	ssize_t n;

	if (!chardev_wants_fds(&s->chr))
		return chardev_fd_read(s->fd, true, buf, len);
	do
		n = recvmsg(s->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		keep_fds(s, &msg);
	return n < 0 ? -errno : n;
}

static void sock_ready(void *opaque, uint32_t events)
{
	struct sock *s = opaque;
	uint8_t buf[4096];
	size_t room = chardev_room(&s->chr);

	if (events & EPOLLOUT)
		chardev_unblock(&s->chr);
	if (room && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		ssize_t n = read_some(s, buf, room < sizeof(buf) ? room : sizeof(buf));

		if (n > 0)
			chardev_deliver(&s->chr, buf,
			                s->use_telnet ? filter(s, buf, n) : (size_t)n);
		else if (n != -EAGAIN)
			s->ended = true;
	} else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) && is_spent(s)) {
		s->ended = true;
	}
	sock_update(&s->chr);
}

/* Up to the next byte that telnet wants twice. */
static ssize_t write_telnet(struct sock *s, const uint8_t *data, size_t len)
{
	static const uint8_t iac[2] = { TELNET_IAC_BYTE, TELNET_IAC_BYTE };
	const uint8_t *special;
	ssize_t n;

	if (s->half_iac) {
		n = chardev_fd_write(s->fd, true, iac, 1);
		if (n < 0)
			return n;
		s->half_iac = false;
	}
	special = memchr(data, TELNET_IAC_BYTE, len);
	if (special != data)
		return chardev_fd_write(s->fd, true, data,
		                        special ? (size_t)(special - data) : len);
	n = chardev_fd_write(s->fd, true, iac, 2);
	s->half_iac = n == 1;
	return n < 0 ? n : 1;
}

static ssize_t sock_write(struct chardev *chr, const void *data, size_t len)
{
	struct sock *s = (struct sock *)chr;
	ssize_t n = -EPIPE;

	if (!s->broken)
		n = s->use_telnet ? write_telnet(s, data, len)
		                  : chardev_fd_write(s->fd, true, data, len);
	if (n < 0 && n != -EAGAIN) {
		s->broken = true;
		chardev_poke(chr);
	}
	return n;
}

/* ---- coming and going ---- */

static int take_client(struct sock *s)
{
	for (unsigned i = 0; i < INET_MAX; i++) {
		int fd = s->listen_fd[i] < 0 ? -1
		                             : accept4(s->listen_fd[i], NULL, NULL,
		                                       SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			return fd;
	}
	return -1;
}

static void client_ready(void *opaque, uint32_t events)
{
	struct sock *s = opaque;
	int fd = s->fd < 0 ? take_client(s) : -1;

	(void)events;
	if (fd >= 0)
		use_connection(s, fd);
	sock_update(&s->chr);
}

/* 0, or why connecting failed. */
static int connect_result(int fd)
{
	int code = 0;
	socklen_t len = sizeof(code);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0 ? errno : code;
}

static void connected(void *opaque, uint32_t events)
{
	struct sock *s = opaque;
	int fd = s->connecting, code = connect_result(fd);

	(void)events;
	chardev_unwatch(&s->chr, &s->watch);
	s->connecting = -1;
	if (!code) {
		use_connection(s, fd);
	} else {
		close(fd);
		try_later(s);
	}
	sock_update(&s->chr);
}

static void try_again(void *opaque)
{
	struct sock *s = opaque;
	int fd = sock_connect(s, s->next_address++);

	if (fd < 0) {
		try_later(s);
		return;
	}
	s->connecting = fd;
	sock_update(&s->chr);
}

static void sock_update(struct chardev *chr)
{
	struct sock *s = (struct sock *)chr;
	/* Without room the peer's leaving still counts; once, or it would spin the loop
	 * while input waits. */
	uint32_t events = EPOLLRDHUP | EPOLLET;

	if (s->fd >= 0 && (s->broken || (s->ended && !chardev_busy(chr))))
		drop_connection(s);
	for (unsigned i = 0; i < INET_MAX; i++)
		if (s->listen_fd[i] >= 0)
			chardev_watch(chr, &s->listen_watch[i], s->listen_fd[i],
			              s->fd < 0 ? EPOLLIN : 0, client_ready);
	if (s->connecting >= 0)
		chardev_watch(chr, &s->watch, s->connecting, EPOLLOUT, connected);
	if (s->fd < 0)
		return;
	if (s->ended)
		events = 0;
	else if (chardev_room(chr))
		events = EPOLLIN;
	if (chr->blocked)
		events |= EPOLLOUT;
	chardev_watch(chr, &s->watch, s->fd, events, sock_ready);
}

/* ---- set-up ---- */

static int wait_for_client(struct sock *s, struct err *err)
{
	struct pollfd pfd[INET_MAX];
	_cleanup_strbuf_ struct strbuf name = { 0 };

	for (unsigned i = 0; i < INET_MAX; i++)
		pfd[i] = (struct pollfd){ .fd = s->listen_fd[i], .events = POLLIN };
	sock_where(s, &name);
	log_info("chardev %s: waiting for a client on %s", s->chr.id, name.data);
	for (;;) {
		int fd = take_client(s);

		if (fd >= 0) {
			use_connection(s, fd);
			return 0;
		}
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			return err_sys(err, errno, "cannot accept a client on %s",
			               name.data);
		poll(pfd, INET_MAX, -1);
	}
}

/* One address after the other; the first that answers. -errno of the last one;
 * -EINPROGRESS when the answer comes later, while the machine runs. */
static int connect_now(struct sock *s)
{
	bool running = s->chr.reg->running;
	int code = EADDRNOTAVAIL;

	for (unsigned i = 0; i < (s->path ? 1 : s->addresses.count); i++) {
		int fd = sock_connect(s, i);
		struct pollfd pfd = { .fd = fd, .events = POLLOUT };

		code = -fd;
		if (fd < 0)
			continue;
		code = poll(&pfd, 1, running ? INET_QUICK_MS : CONNECT_MS) > 0
		               ? connect_result(fd)
		               : ETIMEDOUT;
		if (!code)
			return fd;
		if (code == ETIMEDOUT && running) {
			s->connecting = fd;
			return -EINPROGRESS;
		}
		close(fd);
	}
	return -code;
}

static int start_client(struct sock *s, struct err *err)
{
	_cleanup_strbuf_ struct strbuf name = { 0 };
	int fd;

	if (s->fd_text) {
		use_connection(s, s->given);
		s->given = -1;
		return 0;
	}
	if (s->reconnect) {
		loop_timer_arm(&s->timer, loop_now());
		return 0;
	}
	fd = connect_now(s);
	if (fd >= 0) {
		use_connection(s, fd);
		return 0;
	}
	if (fd == -EINPROGRESS)
		return 0;
	sock_where(s, &name);
	err_sys(err, -fd, "cannot connect to %s", name.data);
	err_hint(err, "start its server, or add server=on to be one");
	return fd;
}

static int sock_open(struct chardev *chr, struct err *err)
{
	struct sock *s = (struct sock *)chr;
	int ret;

	s->fd = s->connecting = s->given = -1;
	for (unsigned i = 0; i < INET_MAX; i++)
		s->listen_fd[i] = -1;
	loop_timer_init(chr->reg->loop, &s->timer, try_again, s);
	if (s->server && s->reconnect)
		return err_usage(err, "reconnect= is for clients, not with server=on");
	if (s->fd_text && s->reconnect)
		return err_usage(err, "fd= cannot be connected again: no reconnect=");
	ret = sock_find(s, err);
	if (ret >= 0)
		ret = s->server ? sock_listen(s, err) : start_client(s, err);
	if (ret < 0)
		return ret;
	describe(s);
	if (s->server && s->wait)
		ret = wait_for_client(s, err);
	chardev_poke(chr);
	return ret;
}

static void sock_close(struct chardev *chr)
{
	struct sock *s = (struct sock *)chr;

	loop_timer_disarm(&s->timer);
	chardev_unwatch(chr, &s->watch);
	for (unsigned i = 0; i < INET_MAX; i++) {
		chardev_unwatch(chr, &s->listen_watch[i]);
		if (s->listen_fd[i] >= 0)
			close(s->listen_fd[i]);
	}
	if (s->fd >= 0)
		close(s->fd);
	if (s->connecting >= 0)
		close(s->connecting);
	if (s->given >= 0)
		close(s->given);
	sock_forget(s);
}

const struct chardev_ops chardev_socket_ops = {
	.name = "socket",
	.help = "a Unix or TCP stream socket, server or client",
	.size = sizeof(struct sock),
	.opts = sock_opts,
	.open = sock_open,
	.write = sock_write,
	.update = sock_update,
	.close = sock_close,
};
