// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end "socket": a Unix stream socket, as server (one client at a time; others
 * wait in the backlog until it leaves) or as client.
 *
 * A connection that breaks is noticed by the thread that writes, but closed in the loop's
 * thread, which alone watches descriptors; until then its output is dropped.
 */
#include "common/log.h"
#include "vmm/chardev/backend.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct sock {
	struct chardev chr;
	char *path;
	bool server, wait;
	int listen_fd, fd;
	bool broken; /* fd failed: to be closed by update() */
	dev_t dev;   /* of the socket that we bound, to remove only our own */
	ino_t ino;
	bool bound;
	struct chardev_watch listen_watch, watch;
};

static const struct opt_desc sock_opts[] = {
	CHARDEV_OPTS(struct sock),
	{ .name = "path",
	  .type = OPT_STR,
	  .offset = offsetof(struct sock, path),
	  .help = "the Unix socket's path" },
	{ .name = "server",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct sock, server),
	  .def = "off",
	  .help = "wait for clients; off: connect to a server" },
	{ .name = "wait",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct sock, wait),
	  .def = "on",
	  .help = "server: do not start before the first client is there" },
	{ .name = NULL },
};

static void sock_update(struct chardev *chr);

static void describe(struct sock *s)
{
	chardev_set_desc(&s->chr, "%sunix:%s%s", s->fd < 0 ? "disconnected:" : "",
	                 s->path, s->server ? ",server=on" : "");
}

/* ---- the connection ---- */

static void use_connection(struct sock *s, int fd)
{
	s->fd = s->chr.out_fd = fd;
	s->broken = false;
	describe(s);
	chardev_set_open(&s->chr, true);
}

static void drop_connection(struct sock *s)
{
	chardev_unwatch(&s->chr, &s->watch);
	close(s->fd);
	s->fd = s->chr.out_fd = -1;
	describe(s);
	chardev_set_open(&s->chr, false);
}

/* The peer has gone, and nothing that it sent is left to be read. */
static bool is_spent(const struct sock *s)
{
	uint8_t byte;
	ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return !n || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void sock_ready(void *opaque, uint32_t events)
{
	struct sock *s = opaque;
	uint8_t buf[4096];
	size_t room = chardev_room(&s->chr);

	if (events & EPOLLOUT)
		chardev_unblock(&s->chr);
	if (room && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		ssize_t n = chardev_fd_read(s->fd, true, buf,
		                            room < sizeof(buf) ? room : sizeof(buf));

		if (n > 0)
			chardev_deliver(&s->chr, buf, n);
		else if (n != -EAGAIN)
			s->broken = true;
	} else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) && is_spent(s)) {
		s->broken = true;
	}
	sock_update(&s->chr);
}

static ssize_t sock_write(struct chardev *chr, const void *data, size_t len)
{
	struct sock *s = (struct sock *)chr;
	ssize_t n = s->broken ? -EPIPE : chardev_fd_write(s->fd, true, data, len);

	if (n < 0 && n != -EAGAIN) {
		s->broken = true;
		chardev_poke(chr);
	}
	return n;
}

static void client_ready(void *opaque, uint32_t events)
{
	struct sock *s = opaque;
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0)
		use_connection(s, fd);
	sock_update(&s->chr);
}

static void sock_update(struct chardev *chr)
{
	struct sock *s = (struct sock *)chr;
	/* Without room the peer's leaving still counts; once, or it would spin the loop
	 * while input waits. */
	uint32_t events = EPOLLRDHUP | EPOLLET;

	if (s->fd >= 0 && s->broken)
		drop_connection(s);
	if (s->listen_fd >= 0)
		chardev_watch(chr, &s->listen_watch, s->listen_fd,
		              s->fd < 0 ? EPOLLIN : 0, client_ready);
	if (s->fd < 0)
		return;
	if (chardev_room(chr))
		events = EPOLLIN;
	if (chr->blocked)
		events |= EPOLLOUT;
	chardev_watch(chr, &s->watch, s->fd, events, sock_ready);
}

/* ---- set-up ---- */

static int fill_address(const struct sock *s, struct sockaddr_un *addr, struct err *err)
{
	if (!s->path || !*s->path)
		return err_usage(err, "path= is missing: which socket?");
	if (strlen(s->path) >= sizeof(addr->sun_path))
		return err_set(err, ENAMETOOLONG,
		               "the socket path is longer than %zu bytes; use a shorter "
		               "one",
		               sizeof(addr->sun_path) - 1);
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(addr->sun_path, s->path, strlen(s->path));
	return 0;
}

static int remove_stale(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0; /* bind() tells what is wrong, if anything is */
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, EEXIST,
		               "%s exists and is not a socket; remove it or choose "
		               "another path",
		               path);
	return unlink(path) < 0
	               ? err_sys(err, errno, "cannot remove the old socket %s", path)
	               : 0;
}

static int start_server(struct sock *s, const struct sockaddr_un *addr, struct err *err)
{
	struct stat st;
	int ret = remove_stale(s->path, err);

	if (ret < 0)
		return ret;
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	/* Whoever connects controls the guest, or all of vmm: the owner alone. Linux
	 * takes the mode of the new file from the socket. */
	if (fchmod(s->listen_fd, 0600) < 0)
		return err_sys(err, errno, "cannot protect the socket");
	if (bind(s->listen_fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		int code = errno;

		err_sys(err, code, "cannot bind %s", s->path);
		err_hint(err, "check its folder and permissions");
		return -code;
	}
	if (stat(s->path, &st) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
		s->bound = true;
	}
	if (listen(s->listen_fd, 1) < 0)
		return err_sys(err, errno, "cannot listen on %s", s->path);
	return 0;
}

static int wait_for_client(struct sock *s, struct err *err)
{
	struct pollfd pfd = { .fd = s->listen_fd, .events = POLLIN };

	log_info("chardev %s: waiting for a client on %s", s->chr.id, s->path);
	for (;;) {
		int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			use_connection(s, fd);
			return 0;
		}
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			return err_sys(err, errno, "cannot accept a client on %s",
			               s->path);
		poll(&pfd, 1, -1);
	}
}

static int start_client(struct sock *s, const struct sockaddr_un *addr, struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		int code = errno;

		close(fd);
		err_sys(err, code, "cannot connect to %s", s->path);
		err_hint(err, "start its server, or add server=on to be one");
		return -code;
	}
	use_connection(s, fd);
	return 0;
}

static int sock_open(struct chardev *chr, struct err *err)
{
	struct sock *s = (struct sock *)chr;
	struct sockaddr_un addr;
	int ret;

	s->listen_fd = s->fd = -1;
	ret = fill_address(s, &addr, err);
	if (ret < 0)
		return ret;
	if (!s->server)
		return start_client(s, &addr, err);
	ret = start_server(s, &addr, err);
	if (ret >= 0 && s->wait)
		ret = wait_for_client(s, err);
	if (ret < 0)
		return ret;
	describe(s);
	chardev_poke(chr);
	return 0;
}

static void sock_close(struct chardev *chr)
{
	struct sock *s = (struct sock *)chr;
	struct stat st;

	chardev_unwatch(chr, &s->watch);
	chardev_unwatch(chr, &s->listen_watch);
	if (s->fd >= 0)
		close(s->fd);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	/* Another server may have taken the path over. */
	if (s->bound && lstat(s->path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		unlink(s->path);
}

const struct chardev_ops chardev_socket_ops = {
	.name = "socket",
	.help = "a Unix stream socket, server or client",
	.size = sizeof(struct sock),
	.opts = sock_opts,
	.open = sock_open,
	.write = sock_write,
	.update = sock_update,
	.close = sock_close,
};
