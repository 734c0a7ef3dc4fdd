// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TCP addresses. A name may stand for several addresses ("localhost" for
 * 127.0.0.1 and ::1): a server listens on all of them, a client tries one after the
 * other. A lookup with a limit runs in a thread of its own, which nobody waits for
 * afterwards.
 */
#include "common/inet.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ipv4=on alone means IPv4 only, and so does ipv6=off. */
static int family_of(const struct inet *inet)
{
	bool four = inet->ipv4 == OPT_TRI_ON ||
	            (inet->ipv4 == OPT_TRI_AUTO && inet->ipv6 != OPT_TRI_ON);
	bool six = inet->ipv6 == OPT_TRI_ON ||
	           (inet->ipv6 == OPT_TRI_AUTO && inet->ipv4 != OPT_TRI_ON);

	return four && six ? AF_UNSPEC : four ? AF_INET : six ? AF_INET6 : -1;
}

static socklen_t length_of(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                   : sizeof(struct sockaddr_in);
}

static uint16_t *port_of(struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)addr)->sin6_port
	                                   : &((struct sockaddr_in *)addr)->sin_port;
}

static int check(const struct inet *inet, bool server, uint64_t *port, struct err *err)
{
	if (!inet->port || opt_parse_u64(inet->port, port) < 0 || *port > 65535 ||
	    (!*port && !server))
		return err_usage(err, "port=%s is no port; use a number up to 65535",
		                 inet->port ? inet->port : "");
	if (inet->to && (inet->to < *port || inet->to > 65535))
		return err_usage(err, "to=%u is not behind port=%s", inet->to,
		                 inet->port);
	if (family_of(inet) < 0)
		return err_usage(err, "ipv4=off and ipv6=off leave no address");
	return 0;
}

/* ---- names ---- */

/* Shared by the thread that looks up and the one that waits; the last one frees it. */
struct lookup {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished, given_up;
	char *host;
	struct addrinfo hints, *found;
	int ret;
};

static void free_lookup(struct lookup *l)
{
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->done);
	free(l->host);
	free(l);
}

static void *run_lookup(void *opaque)
{
	struct lookup *l = opaque;
	bool alone;

	l->ret = getaddrinfo(l->host, "0", &l->hints, &l->found);
	pthread_mutex_lock(&l->lock);
	l->finished = true;
	alone = l->given_up;
	pthread_cond_signal(&l->done);
	pthread_mutex_unlock(&l->lock);
	if (alone && !l->ret)
		freeaddrinfo(l->found);
	if (alone)
		free_lookup(l);
	return NULL;
}

static int start_lookup(struct lookup *l)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int ret;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, &attr, run_lookup, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return ret;
}

static void wait_for(struct lookup *l, unsigned ms)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += ms % 1000 * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	while (!l->finished && pthread_cond_clockwait(&l->done, &l->lock, CLOCK_MONOTONIC,
	                                              &end) != ETIMEDOUT)
		;
}

static int look_up_within(const char *host, const struct addrinfo *hints, unsigned ms,
                          struct addrinfo **found)
{
	struct lookup *l = calloc(1, sizeof(*l));
	bool finished;
	int ret = EAI_AGAIN;

	if (!l)
		return EAI_MEMORY;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->done, NULL);
	l->hints = *hints;
	l->host = strdup(host);
	if (!l->host || start_lookup(l)) {
		free_lookup(l);
		return EAI_MEMORY;
	}
	pthread_mutex_lock(&l->lock);
	wait_for(l, ms);
	finished = l->finished;
	l->given_up = true;
	if (finished) {
		*found = l->found;
		ret = l->ret;
	}
	pthread_mutex_unlock(&l->lock);
	if (finished)
		free_lookup(l);
	return ret;
}

static int look_up(const char *host, const struct addrinfo *hints, unsigned limit_ms,
                   struct addrinfo **found)
{
	struct addrinfo numeric = *hints;
	int ret;

	numeric.ai_flags |= AI_NUMERICHOST;
	ret = getaddrinfo(host, "0", &numeric, found);
	if (!ret || !host)
		return ret;
	return limit_ms ? look_up_within(host, hints, limit_ms, found)
	                : getaddrinfo(host, "0", hints, found);
}

int inet_resolve(const struct inet *inet, bool server, unsigned limit_ms,
                 struct inet_addresses *out, struct err *err)
{
	const char *host = inet->host && *inet->host ? inet->host : NULL;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		                  .ai_flags = server ? AI_PASSIVE : 0 },
			*found = NULL;
	uint64_t port;
	int ret = check(inet, server, &port, err);

	if (ret < 0)
		return ret;
	hints.ai_family = family_of(inet);
	ret = look_up(host, &hints, limit_ms, &found);
	if (ret == EAI_AGAIN && limit_ms)
		return err_set(
			err, ETIMEDOUT,
			"the host '%s' is not found within %u ms; give its address", host,
			limit_ms);
	if (ret)
		return err_set(err, EHOSTUNREACH, "cannot find the host '%s': %s",
		               host ? host : "", gai_strerror(ret));
	out->count = 0;
	for (struct addrinfo *ai = found; ai && out->count < INET_MAX; ai = ai->ai_next) {
		struct sockaddr_storage *addr = &out->addr[out->count++];

		*addr = (struct sockaddr_storage){ 0 };
		memcpy(addr, ai->ai_addr,
		       ai->ai_addrlen < sizeof(*addr) ? ai->ai_addrlen : sizeof(*addr));
		*port_of(addr) = htons(port);
	}
	freeaddrinfo(found);
	return 0;
}

static bool is_local(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *four = (const struct sockaddr_in *)addr;

	if (addr->ss_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) &&
	        six->sin6_addr.s6_addr[12] == 127);
}

bool inet_is_local(const struct inet_addresses *list)
{
	for (unsigned i = 0; i < list->count; i++)
		if (!is_local(&list->addr[i]))
			return false;
	return true;
}

/* A listening socket, whose address is then in *addr; -errno. */
static int listen_on(struct sockaddr_storage *addr)
{
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, ret = 0;
	socklen_t len = length_of(addr);

	if (fd < 0)
		return -errno;
	/* The IPv4 addresses have a socket of their own. */
	if (addr->ss_family == AF_INET6)
		ret = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (ret >= 0)
		ret = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ret >= 0)
		ret = bind(fd, (struct sockaddr *)addr, len);
	if (ret >= 0)
		ret = listen(fd, 1);
	if (ret >= 0)
		ret = getsockname(fd, (struct sockaddr *)addr, &len);
	if (ret < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static void close_all(int *fds)
{
	for (unsigned i = 0; i < INET_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* Addresses that this host lacks are left out; any other failure is one of the port. */
static int listen_at(uint16_t port, const struct inet_addresses *from,
                     struct inet_addresses *to, int *fds)
{
	int code = -EADDRNOTAVAIL;

	to->count = 0;
	for (unsigned i = 0; i < from->count; i++) {
		struct sockaddr_storage addr = from->addr[i];
		int fd;

		*port_of(&addr) = htons(port);
		fd = listen_on(&addr);
		if (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT) {
			code = fd;
			continue;
		}
		if (fd < 0) {
			close_all(fds);
			return fd;
		}
		fds[to->count] = fd;
		to->addr[to->count++] = addr;
		/* Port 0: the kernel chose one, which is for all. */
		port = ntohs(*port_of(&addr));
	}
	return to->count ? 0 : code;
}

int inet_listen(const struct inet *inet, struct inet_addresses *list, int *fds,
                struct err *err)
{
	struct inet_addresses bound = { 0 };
	unsigned first = ntohs(*port_of(&list->addr[0])), port = first;
	int ret;

	do
		ret = listen_at(port, list, &bound, fds);
	while (ret == -EADDRINUSE && port++ < inet->to);
	if (ret == -EADDRINUSE && inet->to)
		return err_set(err, EADDRINUSE,
		               "all ports from %u to %u are in use; choose others", first,
		               inet->to);
	if (ret < 0) {
		_cleanup_strbuf_ struct strbuf name = { 0 };

		inet_show(&list->addr[0], &name);
		err_sys(err, -ret, "cannot listen on %s", name.data);
		err_hint(err, "choose another port or address");
		return ret;
	}
	*list = bound;
	return 0;
}

int inet_connect(const struct sockaddr_storage *addr)
{
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, length_of(addr)) < 0 &&
	    errno != EINPROGRESS) {
		int code = errno;

		close(fd);
		return -code;
	}
	return fd;
}

void inet_show(const struct sockaddr_storage *addr, struct strbuf *out)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo((const struct sockaddr *)addr, length_of(addr), host,
	                sizeof(host), port, sizeof(port),
	                NI_NUMERICHOST | NI_NUMERICSERV))
		strbuf_adds(out, "?");
	else if (addr->ss_family == AF_INET6)
		strbuf_addf(out, "[%s]:%s", host, port);
	else
		strbuf_addf(out, "%s:%s", host, port);
}
