// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end "stream": frames over a Unix socket in QEMU's format, as client (of passt,
 * or of another virtual machine), as server of one peer at a time, or on a descriptor
 * that was inherited. Without a peer the link is down.
 */
#include "common/log.h"
#include "vmm/net/link.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { ADDR_UNIX, ADDR_FD };

struct stream {
	struct net_link link; /* first */
	int type;
	char *path, *str;
	bool server;
	int listen_fd;
	struct loop_fd listen_watch;
	bool listening; /* it is watched */
	dev_t dev;      /* of the socket that we bound, to remove only our own */
	ino_t ino;
};

static const char *const types[] = { "unix", "fd", NULL };

static const struct opt_desc stream_opts[] = {
	NET_OPTS(struct stream, link.nd),
	{ .name = "server",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct stream, server),
	  .def = "off",
	  .help = "wait for a peer; off: connect to one" },
	{ .name = "addr.type",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct stream, type),
	  .def = "unix",
	  .choices = types,
	  .help = "what the address is" },
	{ .name = "addr.path",
	  .type = OPT_STR,
	  .offset = offsetof(struct stream, path),
	  .help = "unix: the socket's path" },
	{ .name = "addr.str",
	  .type = OPT_STR,
	  .offset = offsetof(struct stream, str),
	  .help = "fd: number of an inherited, connected socket" },
	{ .name = NULL },
};

static void describe(struct stream *s)
{
	net_set_desc(&s->link.nd, "%s%s", s->link.fd < 0 ? "disconnected," : "",
	             s->type == ADDR_FD ? s->str : s->path);
}

/* ---- server ---- */

static void watch_listener(struct stream *s, bool on);

static void peer_came(void *opaque, uint32_t events)
{
	struct stream *s = opaque;
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	watch_listener(s, false);
	if (net_link_use(&s->link, fd) < 0)
		watch_listener(s, true);
	describe(s);
}

static void watch_listener(struct stream *s, bool on)
{
	struct loop *loop = s->link.nd.reg->loop;

	if (on == s->listening)
		return;
	s->listening = on;
	if (!on)
		loop_remove(loop, &s->listen_watch);
	else if (loop_add(loop, &s->listen_watch, s->listen_fd, EPOLLIN, peer_came, s) <
	         0)
		log_error("netdev %s: cannot wait for a peer", s->link.nd.id);
}

static int listen_at(struct stream *s, const struct sockaddr_un *addr, struct err *err)
{
	struct stat st;
	int code;

	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	/* A socket without a server is left over. */
	if (lstat(s->path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(s->listen_fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(s->path);
	close(s->listen_fd);
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The owner alone; Linux takes the mode of the file from the socket. */
	if (s->listen_fd < 0 || fchmod(s->listen_fd, 0600) < 0)
		return err_sys(err, errno, "cannot create a socket");
	if (bind(s->listen_fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ||
	    listen(s->listen_fd, 1) < 0) {
		code = errno;
		err_sys(err, code, "cannot listen at addr.path=%s", s->path);
		err_hint(err, "choose a path that is free, in a folder that you may "
		              "write to");
		return -code;
	}
	if (stat(s->path, &st) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	watch_listener(s, true);
	return 0;
}

/* ---- client ---- */

static int connect_to(struct stream *s, const struct sockaddr_un *addr, struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), code;

	if (fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		code = errno;
		close(fd);
		err_sys(err, code, "cannot connect to addr.path=%s", s->path);
		err_hint(err, "start its server, or add server=on to be one");
		return -code;
	}
	return net_link_use(&s->link, fd) < 0 ? err_sys(err, ENOMEM, "netdev") : 0;
}

static int use_inherited(struct stream *s, struct err *err)
{
	int type = 0, fd;
	socklen_t len = sizeof(type);
	uint64_t n;

	if (!s->str || opt_parse_u64(s->str, &n) < 0 || n > INT32_MAX)
		return err_usage(err, "addr.str= must be the number of a descriptor");
	if (getsockopt(n, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM)
		return err_usage(err, "addr.str=%s is no inherited stream socket",
		                 s->str);
	fd = fcntl(n, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, errno, "addr.str=%s", s->str);
	return net_link_use(&s->link, fd) < 0 ? err_sys(err, ENOMEM, "netdev") : 0;
}

/* ---- the back end ---- */

static void lost(struct net_link *link)
{
	struct stream *s = (struct stream *)link;

	log_info("netdev %s: the peer has gone", link->nd.id);
	if (s->listen_fd >= 0)
		watch_listener(s, true);
	describe(s);
}

static int open_unix(struct stream *s, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (!s->path || !*s->path)
		return err_usage(err, "addr.path= is missing: which socket?");
	if (strlen(s->path) >= sizeof(addr.sun_path))
		return err_usage(err, "addr.path= is longer than %zu bytes",
		                 sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, s->path, strlen(s->path));
	return s->server ? listen_at(s, &addr, err) : connect_to(s, &addr, err);
}

static int stream_open(struct netdev *nd, struct err *err)
{
	struct stream *s = (struct stream *)nd;
	int ret;

	s->link.lost = lost;
	s->link.fd = s->listen_fd = -1;
	ret = s->type == ADDR_FD ? use_inherited(s, err) : open_unix(s, err);
	if (ret >= 0)
		describe(s);
	return ret;
}

static void stream_close(struct netdev *nd)
{
	struct stream *s = (struct stream *)nd;
	struct stat st;

	net_link_drop(&s->link);
	watch_listener(s, false);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	/* Another server may have taken the path over. */
	if (s->ino && lstat(s->path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		unlink(s->path);
}

const struct net_ops net_stream_ops = {
	.name = "stream",
	.help = "frames over a Unix socket, as passt and QEMU speak them",
	.size = sizeof(struct stream),
	.opts = stream_opts,
	.open = stream_open,
	.recv = net_link_recv,
	.send = net_link_send,
	.flush = net_link_flush,
	.close = stream_close,
};
