// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Channels: TCP, Unix sockets, descriptors that this process was given at its start, and
 * files. Sockets do not block, so that a wait for them is one for the cancelling eventfd
 * as well; a file is written and read in parts.
 */
#include "vmm/migrate/channel.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- kinds ---- */

static int parse_inet(const char *text, struct inet *inet, struct err *err)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!colon || !colon[1])
		return err_usage(err, "the port is missing; write tcp:HOST:PORT");
	if (len >= 2 && *text == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	inet->host = strndup(text, len);
	inet->port = strdup(colon + 1);
	return inet->host && inet->port ? 0 : err_sys(err, ENOMEM, "address");
}

static int open_tcp(struct channel *c, const char *text, bool incoming, bool quick,
                    struct err *err)
{
	struct inet inet = { 0 };
	int ret = parse_inet(text, &inet, err);

	if (ret >= 0)
		ret = inet_resolve(&inet, incoming, quick ? INET_QUICK_MS : 0,
		                   &c->addresses, err);
	if (ret >= 0 && incoming)
		ret = inet_listen(&inet, &c->addresses, c->listen, err);
	free(inet.host);
	free(inet.port);
	c->pending = true;
	return ret;
}

static int open_unix(struct channel *c, const char *path, bool incoming, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct sockaddr *sa = (const struct sockaddr *)&addr;
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	*(incoming ? &c->listen[0] : &c->fd) = fd;
	if (!*path || strlen(path) >= sizeof(addr.sun_path))
		return err_usage(err, "a socket's path has 1 to %zu bytes",
		                 sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	if (!incoming)
		return connect(fd, sa, sizeof(addr)) < 0
		               ? err_sys(err, errno, "cannot connect")
		               : 0;
	/* One that a vmm left which is no more; bind() complains about all else. */
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	c->path = strdup(path);
	/* Whoever connects becomes the guest: the owner alone. */
	if (!c->path || fchmod(fd, 0600) < 0 || bind(fd, sa, sizeof(addr)) < 0 ||
	    listen(fd, 1) < 0)
		return err_sys(err, errno, "cannot listen");
	c->pending = true;
	return 0;
}

static int open_fd(struct channel *c, const char *text, bool incoming, struct err *err)
{
	uint64_t fd;

	if (c->fd >= 0)
		return 0;

	if (!incoming || opt_parse_u64(text, &fd) < 0 || fd > INT32_MAX ||
	    fcntl(fd, F_GETFD) < 0)
		return err_usage(err,
		                 "there is no descriptor %s that was given to this "
		                 "process; use tcp: or unix:",
		                 text);
	c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (c->fd < 0)
		return err_sys(err, errno, "descriptor %s", text);
	return 0;
}

static int open_file(struct channel *c, const char *path, bool incoming, struct err *err)
{
	int flags = incoming ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;

	/* It holds all of the guest's memory: the owner's alone. */
	c->fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	return c->fd < 0 ? err_sys(err, errno, "cannot open it") : 0;
}

static int open_uri(struct channel *c, bool incoming, bool quick, struct err *err)
{
	const char *uri = c->uri;
	struct stat st;
	int ret;

	if (!strncmp(uri, "tcp:", 4))
		ret = open_tcp(c, uri + 4, incoming, quick, err);
	else if (!strncmp(uri, "unix:", 5))
		ret = open_unix(c, uri + 5, incoming, err);
	else if (!strncmp(uri, "fd:", 3))
		ret = open_fd(c, uri + 3, incoming, err);
	else if (!strncmp(uri, "file:", 5))
		ret = open_file(c, uri + 5, incoming, err);
	else if (!strncmp(uri, "exec:", 5))
		return err_set(err, ENOTSUP,
		               "vmm starts no programs of a monitor's choice; use unix: "
		               "and let socat start it, or file:");
	else
		return err_usage(err,
		                 "unknown migration protocol: %s; known are "
		                 "tcp:HOST:PORT, unix:PATH, fd:NUMBER, file:PATH",
		                 uri);
	if (ret < 0 || c->fd < 0)
		return ret;
	c->answers = !fstat(c->fd, &st) && S_ISSOCK(st.st_mode);
	fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
	return 0;
}

/* ---- life ---- */

bool channel_find_crc(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & bit_SSE4_2;
}

struct channel *channel_open(const char *uri, int fd, bool incoming, bool quick,
                             struct err *err)
{
	struct channel *c = calloc(1, sizeof(*c));

	if (!c) {
		if (fd >= 0)
			close(fd);
		err_sys(err, ENOMEM, "%s", uri);
		return NULL;
	}
	c->fd = fd;
	c->has_crc = channel_find_crc();
	for (unsigned i = 0; i < INET_MAX; i++)
		c->listen[i] = -1;
	c->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->uri = strdup(uri);
	if (c->cancel >= 0 && c->uri && open_uri(c, incoming, quick, err) >= 0)
		return c;
	err_sys(err, errno ? errno : ENOMEM, "cannot prepare");
	if (!err->usage)
		err_prefix(err, "%s", uri);
	channel_free(c);
	return NULL;
}

static void close_servers(struct channel *c)
{
	for (unsigned i = 0; i < INET_MAX; i++) {
		if (c->listen[i] >= 0)
			close(c->listen[i]);
		c->listen[i] = -1;
	}
	if (c->path)
		unlink(c->path);
	free(c->path);
	c->path = NULL;
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	close_servers(c);
	channel_close(c);
	if (c->cancel >= 0)
		close(c->cancel);
	free(c->uri);
	free(c);
}

void channel_close(struct channel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void channel_cancel(struct channel *c)
{
	const uint64_t one = 1;

	__atomic_store_n(&c->cancelled, true, __ATOMIC_RELAXED);
	if (write(c->cancel, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

/* ---- waiting ---- */

/* Until one of fds[1] on is ready, or ms are over (0, -1: never). fds[0] is the
 * eventfd's. */
static int wait_for(struct channel *c, struct pollfd *fds, unsigned count, int ms)
{
	int ret;

	fds[0] = (struct pollfd){ .fd = c->cancel, .events = POLLIN };
	do
		ret = poll(fds, count, ms);
	while (ret < 0 && errno == EINTR);
	return fds[0].revents ? -ECANCELED : ret < 0 ? -errno : ret;
}

bool channel_is_cancelled(const struct channel *c)
{
	return __atomic_load_n(&c->cancelled, __ATOMIC_RELAXED);
}

int channel_pause(struct channel *c, unsigned ms)
{
	struct pollfd fds[1];

	return wait_for(c, fds, 1, ms);
}

static int wait_io(struct channel *c, short events)
{
	struct pollfd fds[2] = { [1] = { .fd = c->fd, .events = events } };
	int ret = wait_for(c, fds, 2, -1);

	return ret < 0 ? ret : 0;
}

static int accept_one(struct channel *c, struct err *err)
{
	struct pollfd fds[1 + INET_MAX];

	for (;;) {
		int ret;

		for (unsigned i = 0; i < INET_MAX; i++)
			fds[i + 1] =
				(struct pollfd){ .fd = c->listen[i], .events = POLLIN };
		ret = wait_for(c, fds, 1 + INET_MAX, -1);
		if (ret < 0)
			return ret;
		for (unsigned i = 0; i < INET_MAX && c->fd < 0; i++)
			if (fds[i + 1].revents)
				c->fd = accept4(c->listen[i], NULL, NULL,
				                SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (c->fd >= 0)
			return 0;
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
			return err_sys(err, errno, "cannot accept a connection");
	}
}

static int connect_one(struct channel *c, struct err *err)
{
	int code = EADDRNOTAVAIL;

	for (; c->next < c->addresses.count; c->next++) {
		socklen_t len = sizeof(code);
		int ret;

		c->fd = inet_connect(&c->addresses.addr[c->next]);
		if (c->fd < 0) {
			code = -c->fd;
			continue;
		}
		ret = wait_io(c, POLLOUT);
		if (ret < 0)
			return ret;
		if (!getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &len) && !code)
			return 0;
		close(c->fd);
		c->fd = -1;
	}
	return err_sys(err, code, "cannot connect");
}

/* What is flushed shall go at once; and that the other host is gone shall be known while
 * a guest waits for it, but not because it is slow. Fails on Unix sockets. */
static void tune(int fd)
{
	static const struct {
		int level, name, value;
	} rows[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 20 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 5 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 8 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 60000 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		setsockopt(fd, rows[i].level, rows[i].name, &rows[i].value, sizeof(int));
}

int channel_meet(struct channel *c, struct err *err)
{
	int ret = 0;

	if (c->pending)
		ret = c->listen[0] >= 0 ? accept_one(c, err) : connect_one(c, err);
	if (c->pending && ret >= 0) {
		c->answers = true;
		tune(c->fd);
	}
	close_servers(c);
	if (ret < 0)
		err_prefix(err, "%s", c->uri);
	return ret;
}

/* ---- data ---- */

static int failed(struct channel *c, int code, const char *what, struct err *err)
{
	return code == -ECANCELED ? code
	                          : err_sys(err, -code, "%s: cannot %s", c->uri, what);
}

static int do_io(struct channel *c, void *data, size_t len, bool write, struct err *err)
{
	int ret = c->io(c, data, len, write);

	return ret < 0 ? failed(c, ret, write ? "write" : "read", err) : 0;
}

/* Waits when nothing goes (n is what a call returned, -1 with errno). Bytes, or -errno
 * with a sentence. */
static ssize_t went(struct channel *c, ssize_t n, bool write, struct err *err)
{
	int ret = n < 0 ? -errno : 0;

	if (ret == -EAGAIN)
		ret = wait_io(c, write ? POLLOUT : POLLIN);
	else if (ret == -EINTR)
		ret = 0;
	if (ret < 0)
		return failed(c, ret, write ? "write" : "read", err);
	return n < 0 ? 0 : n;
}

/* What is kept back, and this. */
static int write_all(struct channel *c, const void *data, size_t len, struct err *err)
{
	struct iovec iov[2] = { { c->out, c->out_len }, { (void *)data, len } };

	c->out_len = 0;
	while (iov[0].iov_len || iov[1].iov_len) {
		/* Without a signal when nobody reads: that is ignored here. */
		ssize_t n = went(c, writev(c->fd, iov, 2), true, err);

		if (n < 0)
			return n;
		__atomic_fetch_add(&c->sent, n, __ATOMIC_RELAXED);
		for (unsigned i = 0; i < 2; i++) {
			size_t part = iov[i].iov_len;

			if (part > (size_t)n)
				part = n;
			iov[i].iov_base = (char *)iov[i].iov_base + part;
			iov[i].iov_len -= part;
			n -= part;
		}
	}
	return 0;
}

int channel_write(struct channel *c, const void *data, size_t len, struct err *err)
{
	if (c->io)
		return do_io(c, (void *)data, len, true, err);
	if (c->out_len + len > sizeof(c->out))
		return write_all(c, data, len, err);
	memcpy(c->out + c->out_len, data, len);
	c->out_len += len;
	return 0;
}

int channel_flush(struct channel *c, struct err *err)
{
	return write_all(c, c->out, 0, err);
}

int channel_read(struct channel *c, void *data, size_t len, struct err *err)
{
	char *p = data;
	int ret;

	if (c->io)
		return do_io(c, data, len, false, err);
	ret = channel_flush(c, err);
	while (ret >= 0 && len) {
		size_t part = c->in_len - c->in_at;
		struct iovec iov[2] = { { p, len }, { c->in, sizeof(c->in) } };
		ssize_t n;

		if (part) {
			part = part < len ? part : len;
			memcpy(p, c->in + c->in_at, part);
			c->in_at += part;
		} else {
			n = readv(c->fd, iov, 2);
			if (!n)
				return err_set(err, ECONNRESET, "%s: %s", c->uri,
				               c->answers ? "the other side is gone"
				                          : "it ends too early");
			n = went(c, n, false, err);
			if (n < 0)
				return n;
			part = (size_t)n < len ? (size_t)n : len;
			c->in_at = 0;
			c->in_len = n - part;
		}
		p += part;
		len -= part;
	}
	return ret;
}

int channel_sync(struct channel *c, struct err *err)
{
	int ret = channel_flush(c, err);

	/* -EINVAL: a pipe. */
	if (ret >= 0 && !c->answers && fdatasync(c->fd) < 0 && errno != EINVAL)
		return err_sys(err, errno, "%s: cannot be made durable", c->uri);
	return ret;
}
