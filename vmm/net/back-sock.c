// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back ends "stream", "dgram" and "socket": frames through a socket of the host, as
 * passt, QEMU and other virtual machines speak them. "socket" is the older spelling of
 * both others, whose options it is turned into.
 */
#include "vmm/net/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

static const char *const types[] = {
	[SOCK_ADDR_UNIX] = "unix", [SOCK_ADDR_INET] = "inet", [SOCK_ADDR_FD] = "fd", NULL
};

#define STR(key, field, text)                                            \
	{                                                                \
		.name = key, .type = OPT_STR,                            \
		.offset = offsetof(struct net_sock, field), .help = text \
	}
#define ADDR(key, field, what)                                              \
	{                                                                   \
		.name = key ".type",                                        \
		.type = OPT_ENUM,                                           \
		.offset = offsetof(struct net_sock, field.type),            \
		OPT_CHOICES(types, SOCK_ADDR_UNIX),                         \
		.help = "what " what " is",                                 \
	},                                                                  \
		STR(key ".path", field.path, "unix: the socket's path"),    \
		STR(key ".host", field.inet.host, "inet: name or address"), \
		STR(key ".port", field.inet.port, "inet: port")

static const struct opt_desc stream_opts[] = {
	NET_OPTS(struct net_sock, link.nd),
	{ .name = "server",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct net_sock, server),
	  .def = "off",
	  .help = "wait for a peer; off: connect to one" },
	{ .name = "reconnect",
	  .type = OPT_U32,
	  .offset = offsetof(struct net_sock, reconnect),
	  .def = "0",
	  .max = 86400,
	  .help = "seconds until a client tries again (0: it does not)" },
	ADDR("addr", addr, "the address"),
	{ .name = "addr.ipv4",
	  .type = OPT_TRI,
	  .offset = offsetof(struct net_sock, addr.inet.ipv4),
	  .def = "auto",
	  .help = "inet: use IPv4" },
	{ .name = "addr.ipv6",
	  .type = OPT_TRI,
	  .offset = offsetof(struct net_sock, addr.inet.ipv6),
	  .def = "auto",
	  .help = "inet: use IPv6" },
	STR("addr.str", addr.str, "fd: number of an inherited, connected socket"),
	{ .name = NULL },
};

static const struct opt_desc dgram_opts[] = {
	NET_OPTS(struct net_sock, link.nd),
	ADDR("local", local, "this side's address"),
	STR("local.str", local.str, "fd: number of an inherited, connected socket"),
	ADDR("remote", addr, "the other side's; a multicast group: all members"),
	{ .name = NULL },
};

static const struct opt_desc socket_opts[] = {
	NET_OPTS(struct net_sock, link.nd),
	STR("fd", fd, "number of an inherited, connected socket"),
	STR("listen", listen, "[HOST]:PORT: wait for a peer"),
	STR("connect", connect, "HOST:PORT: connect to one"),
	STR("mcast", mcast, "GROUP:PORT: frames for all members"),
	STR("udp", udp, "HOST:PORT: the other side, with localaddr=HOST:PORT"),
	STR("localaddr", localaddr, "mcast: address to send from; udp: this side"),
	{ .name = NULL },
};

/* ---- what the files share ---- */

int sock_parse_inet(struct sock_addr *addr, const char *key, const char *text,
                    struct err *err)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? colon - text : 0;

	if (!colon || !colon[1])
		return err_usage(err, "%s=%s: must be like 127.0.0.1:5000", key, text);
	/* [::1]:5000 */
	if (len > 1 && *text == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	addr->type = SOCK_ADDR_INET;
	free(addr->inet.host);
	free(addr->inet.port);
	addr->inet.host = strndup(text, len);
	addr->inet.port = strdup(colon + 1);
	return addr->inet.host && addr->inet.port ? 0 : err_sys(err, ENOMEM, "%s", key);
}

int sock_inherit(const char *number, int type, struct err *err)
{
	int found = 0, fd;
	socklen_t len = sizeof(found);
	uint64_t n;

	if (!number || opt_parse_u64(number, &n) < 0 || n > INT32_MAX)
		return err_usage(err, "the socket must be the number of a descriptor");
	if (getsockopt(n, SOL_SOCKET, SO_TYPE, &found, &len) < 0 || found != type)
		return err_usage(err, "descriptor %s is no inherited %s socket", number,
		                 type == SOCK_STREAM ? "stream" : "datagram");
	fd = fcntl(n, F_DUPFD_CLOEXEC, 0);
	if (fd < 0 || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return err_sys(err, errno, "descriptor %s", number);
	return fd;
}

int sock_unix_addr(const char *key, const char *path, struct sockaddr_un *addr,
                   struct err *err)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!path || !*path)
		return err_usage(err, "%s.path= is missing: which socket?", key);
	if (strlen(path) >= sizeof(addr->sun_path))
		return err_usage(err, "%s.path= is longer than %zu bytes", key,
		                 sizeof(addr->sun_path) - 1);
	memcpy(addr->sun_path, path, strlen(path));
	return 0;
}

int sock_bind_unix(struct net_sock *s, int fd, const char *path, struct err *err)
{
	struct sockaddr_un addr;
	struct stat st;
	int code;

	sock_unix_addr("", path, &addr, NULL);
	/* The owner alone; Linux takes the mode of the file from the socket. */
	if (fd < 0 || fchmod(fd, 0600) < 0)
		return err_sys(err, errno, "cannot create a socket");
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		code = errno;
		err_sys(err, code, "cannot bind %s", path);
		err_hint(err, "choose a path that is free, in a folder that you may "
		              "write to");
		return -code;
	}
	if (stat(path, &st) == 0) {
		s->bound = strdup(path);
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	return 0;
}

void sock_close(struct netdev *nd)
{
	struct net_sock *s = (struct net_sock *)nd;
	struct stat st;

	net_link_drop(&s->link);
	loop_timer_disarm(&s->retry);
	for (unsigned i = 0; i < INET_MAX; i++) {
		loop_remove(nd->reg->loop, &s->listen_watch[i]);
		if (s->listen_fd[i] >= 0)
			close(s->listen_fd[i]);
	}
	loop_remove(nd->reg->loop, &s->connect_watch);
	if (s->connecting >= 0)
		close(s->connecting);
	if (s->dgram_fd >= 0)
		close(s->dgram_fd);
	/* Another server may have taken the path over. */
	if (s->bound && lstat(s->bound, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		unlink(s->bound);
	free(s->bound);
	if (nd->ops == &net_socket_ops) {
		/* Not in its table. */
		free(s->addr.inet.host);
		free(s->addr.inet.port);
		free(s->local.inet.host);
		free(s->local.inet.port);
	}
}

/* ---- opening ---- */

static void init(struct net_sock *s)
{
	s->link.lost = sock_lost;
	s->link.fd = s->connecting = s->dgram_fd = -1;
	for (unsigned i = 0; i < INET_MAX; i++)
		s->listen_fd[i] = -1;
	loop_timer_init(s->link.nd.reg->loop, &s->retry, NULL, s);
}

static int stream_open(struct netdev *nd, struct err *err)
{
	init((struct net_sock *)nd);
	return sock_stream_open((struct net_sock *)nd, err);
}

static int dgram_open(struct netdev *nd, struct err *err)
{
	struct net_sock *s = (struct net_sock *)nd;

	init(s);
	if (s->local.type != SOCK_ADDR_FD && s->local.type != s->addr.type &&
	    (s->local.path || s->local.inet.host))
		return err_usage(err, "local.type= and remote.type= differ");
	return sock_dgram_open(s, err);
}

static int open_fd(struct net_sock *s, struct err *err)
{
	int type = 0;
	socklen_t len = sizeof(type);
	uint64_t n;

	if (opt_parse_u64(s->fd, &n) < 0 || n > INT32_MAX ||
	    getsockopt(n, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return err_usage(err, "fd=%s is no inherited socket", s->fd);
	s->addr.type = s->local.type = SOCK_ADDR_FD;
	s->addr.str = s->local.str = s->fd;
	return type == SOCK_STREAM ? sock_stream_open(s, err) : sock_dgram_open(s, err);
}

static int socket_open(struct netdev *nd, struct err *err)
{
	struct net_sock *s = (struct net_sock *)nd;
	const char *words[] = { s->fd, s->listen, s->connect, s->mcast, s->udp };
	static const char *const keys[] = { "fd", "listen", "connect", "mcast", "udp" };
	unsigned given = 0, which = 0;
	int ret;

	init(s);
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		given += !!words[i];
		which = words[i] ? i : which;
	}
	if (given != 1)
		return err_usage(err, "exactly one of fd=, listen=, connect=, mcast= and "
		                      "udp= is needed");
	if (s->fd)
		return open_fd(s, err);
	ret = sock_parse_inet(&s->addr, keys[which], words[which], err);
	if (ret >= 0 && s->udp) {
		ret = s->localaddr
		              ? sock_parse_inet(&s->local, "localaddr", s->localaddr, err)
		              : err_usage(err, "udp= needs localaddr=HOST:PORT");
		free(s->localaddr);
		s->localaddr = NULL;
	}
	s->server = s->listen;
	if (ret < 0)
		return ret;
	return s->listen || s->connect ? sock_stream_open(s, err)
	                               : sock_dgram_open(s, err);
}

/* ---- frames ---- */

static ssize_t sock_take(struct netdev *nd, uint8_t *buf, uint8_t **frame)
{
	const struct net_sock *s = (const struct net_sock *)nd;
	ssize_t n;

	if (s->dgram_fd < 0)
		return net_link_take(nd, buf, frame);
	do /* a peer that is not there yet is news, not an end */
		n = recv(s->dgram_fd, buf, NET_FRAME_MAX, MSG_DONTWAIT);
	while (n < 0 && (errno == EINTR || errno == ECONNREFUSED));
	return n <= 0 ? -EAGAIN : n;
}

static int sock_send(struct netdev *nd, const struct iovec *iov, unsigned count)
{
	const struct net_sock *s = (const struct net_sock *)nd;
	struct msghdr msg = { .msg_name = s->peer_len ? (void *)&s->peer : NULL,
		              .msg_namelen = s->peer_len,
		              .msg_iov = (struct iovec *)iov,
		              .msg_iovlen = count };

	if (s->dgram_fd < 0)
		return net_link_send(nd, iov, count);
	/* A full socket is a frame lost: not every kind says when it has room again. */
	return sendmsg(s->dgram_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -EIO : 0;
}

static int sock_flush(struct netdev *nd)
{
	return ((const struct net_sock *)nd)->dgram_fd < 0 ? net_link_flush(nd) : 0;
}

#define SOCK_FRAMES                                                                  \
	.size = sizeof(struct net_sock), .take_frame = sock_take, .send = sock_send, \
	.flush = sock_flush, .cork = net_link_cork, .gone = net_link_gone,           \
	.close = sock_close

const struct net_ops net_stream_ops = {
	.name = "stream",
	.help = "frames over a Unix or TCP socket, as passt and QEMU speak them",
	.opts = stream_opts,
	.open = stream_open,
	SOCK_FRAMES,
};

const struct net_ops net_dgram_ops = {
	.name = "dgram",
	.help = "a frame a datagram: UDP, multicast, or Unix sockets",
	.opts = dgram_opts,
	.open = dgram_open,
	SOCK_FRAMES,
};

const struct net_ops net_socket_ops = {
	.name = "socket",
	.help = "QEMU's older spelling of stream and dgram",
	.opts = socket_opts,
	.open = socket_open,
	SOCK_FRAMES,
};
