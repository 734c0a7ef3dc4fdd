// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where -vnc listens. A display without a host means the loopback address: a screen and a
 * keyboard are not for everybody on the network unless somebody says so. Main thread.
 */
#include "vmm/display/vnc-listen.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LOOPBACK "127.0.0.1"
#define BACKLOG  8

static int listen_unix(const char *path, struct vnc_address *address, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (!*path || strlen(path) >= sizeof(sun.sun_path))
		return err_usage(err, "-vnc: '%s' is no path for a socket", path);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	*address = (struct vnc_address){ .family = "unix" };
	snprintf(address->host, sizeof(address->host), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "-vnc: socket");
	unlink(path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		err_sys(err, errno, "-vnc: cannot listen on %s", path);
		close(fd);
		return -err->code;
	}
	return fd;
}

/* "HOST:D" in parts; the brackets of an IPv6 address are taken off. */
static int split(const char *display, char *host, size_t size, uint64_t *number,
                 struct err *err)
{
	const char *colon = strrchr(display, ':');
	size_t len = colon ? (size_t)(colon - display) : 0;

	if (!colon || opt_parse_u64(colon + 1, number) < 0 || *number > 59635)
		return err_usage(err,
		                 "-vnc: '%s' is not HOST:D, :D or unix:PATH, with D the "
		                 "number of the display: port 5900 + D",
		                 display);
	if (len >= 2 && display[0] == '[' && colon[-1] == ']') {
		display++;
		len -= 2;
	}
	snprintf(host, size, "%.*s", (int)len, display);
	if (!len)
		snprintf(host, size, "%s", LOOPBACK);
	return 0;
}

static int try_port(const char *host, const char *service, struct vnc_address *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *list;
	int fd, one = 1, ret = -EADDRNOTAVAIL;

	if (getaddrinfo(host, service, &hints, &list))
		return -EADDRNOTAVAIL;
	fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		ret = bind(fd, list->ai_addr, list->ai_addrlen) < 0 ||
		                      listen(fd, BACKLOG) < 0
		              ? -errno
		              : fd;
		if (ret < 0)
			close(fd);
	}
	address->family = list->ai_family == AF_INET6 ? "ipv6" : "ipv4";
	getnameinfo(list->ai_addr, list->ai_addrlen, address->host, sizeof(address->host),
	            NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(list);
	return ret;
}

int vnc_listen(const char *display, unsigned base, unsigned to,
               struct vnc_address *address, struct err *err)
{
	char host[128];
	uint64_t first;
	unsigned port;
	int fd;

	if (!strncmp(display, "unix:", 5))
		return listen_unix(display + 5, address, err);
	fd = split(display, host, sizeof(host), &first, err);
	if (fd < 0)
		return fd;
	port = base + first;
	do {
		*address = (struct vnc_address){ 0 };
		snprintf(address->service, sizeof(address->service), "%u", port);
		fd = try_port(host, address->service, address);
	} while (fd == -EADDRINUSE && port++ < base + to);
	if (fd == -EADDRINUSE)
		return err_set(
			err, EADDRINUSE,
			"-vnc %s: port %s of %s is in use; choose another display, "
			"or add to=N to try the next ones",
			display, address->service, host);
	if (fd < 0)
		return err_sys(err, -fd, "-vnc %s: cannot listen on port %s of %s",
		               display, address->service, host);
	return fd;
}
