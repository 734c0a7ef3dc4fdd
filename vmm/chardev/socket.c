// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The addresses of the back end "socket": Unix paths here, TCP in inet.c. Loop's thread.
 */
#include "vmm/chardev/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { ALLOW_INSECURE = 1 };

/* It is this chardev's from now on. A monitor cannot name descriptors: those that are
 * open then are other things'. */
static int take_given(struct sock *s, struct err *err)
{
	int type = 0, listens = 0, value = -1;
	socklen_t len = sizeof(int);
	uint64_t fd;

	if (s->path || s->inet.host || s->inet.port)
		return err_usage(err,
		                 "fd= is a socket already: no path=, host= or port=");
	if (s->chr.reg->running)
		return err_usage(err, "fd= is for the command line");
	if (opt_parse_u64(s->fd_text, &fd) < 0 || fd <= STDERR_FILENO || fd > INT32_MAX)
		return err_usage(err, "fd=%s is not the number of a descriptor",
		                 s->fd_text);
	value = fd;
	if (getsockopt(value, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_STREAM ||
	    getsockopt(value, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0)
		return err_usage(err,
		                 "fd=%d is no stream socket that this process was "
		                 "started with",
		                 value);
	if (!listens != !s->server)
		return err_usage(
			err, "fd=%d %s for clients; with server=%s it must be the other",
			value, listens ? "waits" : "does not wait",
			s->server ? "on" : "off");
	fcntl(value, F_SETFD, FD_CLOEXEC);
	fcntl(value, F_SETFL, fcntl(value, F_GETFL) | O_NONBLOCK);
	s->given = value;
	return 0;
}

/* A monitor there can be used by whoever reaches the address that it is bound to. */
static int find_given(struct sock *s, struct err *err)
{
	struct inet_addresses *list = &s->addresses;
	socklen_t len = sizeof(list->addr[0]);
	int ret = take_given(s, err);

	if (ret < 0)
		return ret;
	if (getsockname(s->given, (struct sockaddr *)&list->addr[0], &len) < 0)
		return err_sys(err, errno, "fd=%d", s->given);
	if (list->addr[0].ss_family != AF_UNIX) {
		list->count = 1;
		s->chr.exposed =
			s->server && s->allow != ALLOW_INSECURE && !inet_is_local(list);
	}
	return 0;
}

int sock_find(struct sock *s, struct err *err)
{
	int ret;

	if (s->fd_text)
		return find_given(s, err);
	if (s->path && (s->inet.host || s->inet.port))
		return err_usage(err,
		                 "path= is for Unix sockets, host= and port= are for "
		                 "TCP; give one of them");
	if (!s->path && !s->inet.port)
		return err_usage(err, "path= is missing, or port=: which socket?");
	if (s->path && !*s->path)
		return err_usage(err, "path= is empty: which socket?");
	if (s->path && strlen(s->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(err, ENAMETOOLONG,
		               "the socket path is longer than %zu bytes; use a shorter "
		               "one",
		               sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	if (s->path)
		return 0;
	ret = inet_resolve(&s->inet, s->server, s->chr.reg->running ? INET_QUICK_MS : 0,
	                   &s->addresses, err);
	s->chr.exposed = s->allow != ALLOW_INSECURE && !inet_is_local(&s->addresses);
	return ret;
}

static struct sockaddr_un unix_address(const struct sock *s)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, s->path, strlen(s->path));
	return addr;
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

static int listen_unix(struct sock *s, struct err *err)
{
	struct sockaddr_un addr = unix_address(s);
	int ret = remove_stale(s->path, err), fd;
	struct stat st;

	if (ret < 0)
		return ret;
	fd = s->listen_fd[0] =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	/* Whoever connects controls the guest, or all of vmm: the owner alone. Linux
	 * takes the mode of the new file from the socket. */
	if (fchmod(fd, 0600) < 0)
		return err_sys(err, errno, "cannot protect the socket");
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
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
	return listen(fd, 1) < 0 ? err_sys(err, errno, "cannot listen on %s", s->path)
	                         : 0;
}

int sock_listen(struct sock *s, struct err *err)
{
	if (s->fd_text) {
		s->listen_fd[0] = s->given;
		s->given = -1;
		return 0;
	}
	return s->path ? listen_unix(s, err)
	               : inet_listen(&s->inet, &s->addresses, s->listen_fd, err);
}

int sock_connect(struct sock *s, unsigned n)
{
	struct sockaddr_un addr;
	int fd;

	if (!s->path)
		return s->addresses.count
		               ? inet_connect(&s->addresses.addr[n % s->addresses.count])
		               : -EADDRNOTAVAIL;
	addr = unix_address(s);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int code = errno;

		close(fd);
		return -code;
	}
	return fd;
}

void sock_forget(struct sock *s)
{
	struct stat st;

	/* Another server may have taken the path over. */
	if (s->bound && lstat(s->path, &st) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		unlink(s->path);
}

void sock_where(const struct sock *s, struct strbuf *out)
{
	if (s->path)
		strbuf_adds(out, s->path);
	else if (s->fd_text && !s->addresses.count)
		strbuf_addf(out, "fd=%s", s->fd_text);
	else if (s->addresses.count)
		inet_show(&s->addresses.addr[0], out);
	else
		strbuf_addf(out, "%s:%s", s->inet.host ? s->inet.host : "", s->inet.port);
}

void sock_describe(const struct sock *s, struct strbuf *out)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	bool is_unix = s->path || (s->fd_text && !s->addresses.count);

	strbuf_adds(out, is_unix ? "unix:" : s->use_telnet ? "telnet:" : "tcp:");
	sock_where(s, out);
	strbuf_adds(out, s->server ? ",server=on" : "");
	if (is_unix || s->fd < 0 ||
	    getpeername(s->fd, (struct sockaddr *)&peer, &len) < 0)
		return;
	strbuf_adds(out, " <-> ");
	inet_show(&peer, out);
}
