// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One frame a datagram, as QEMU's "dgram", "socket,mcast=" and "socket,udp=" have it:
 * between two UDP or Unix addresses, or among all who joined a multicast group.
 *
 * A datagram that cannot be sent now is a frame lost, as on any wire. A UDP socket with
 * one peer is connected, so that the kernel drops what others send.
 */
#include "vmm/net/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static int bind_to(struct net_sock *s, const struct sockaddr_in *addr, struct err *err)
{
	int code;

	if (bind(s->dgram_fd, (const struct sockaddr *)addr, sizeof(*addr)) >= 0)
		return 0;
	code = errno;
	err_sys(err, code, "cannot bind %s:%u", inet_ntoa(addr->sin_addr),
	        ntohs(addr->sin_port));
	err_hint(err, "choose another port or address");
	return -code;
}

static int find(struct net_sock *s, const char *key, const struct inet *inet,
                struct sockaddr_in *addr, struct err *err)
{
	struct inet only = *inet;
	struct inet_addresses list;
	unsigned limit = s->link.nd.reg->running ? INET_QUICK_MS : 0;
	int ret;

	if (!inet->host || !inet->port)
		return err_usage(err, "%s.host= and %s.port= are both needed", key, key);
	only.ipv4 = OPT_TRI_ON;
	ret = inet_resolve(&only, false, limit, &list, err);
	if (ret >= 0)
		memcpy(addr, &list.addr[0], sizeof(*addr));
	return ret;
}

/* Every member, on this host too, hears what one says, and itself. */
static int join(struct net_sock *s, const struct sockaddr_in *group, struct err *err)
{
	struct ip_mreq req = { .imr_multiaddr = group->sin_addr };
	int on = 1, ret = 0;

	if (s->localaddr && inet_pton(AF_INET, s->localaddr, &req.imr_interface) != 1)
		return err_usage(err, "localaddr=%s is no IPv4 address", s->localaddr);
	if (s->local.inet.host &&
	    inet_pton(AF_INET, s->local.inet.host, &req.imr_interface) != 1)
		return err_usage(err, "local.host=%s is no IPv4 address",
		                 s->local.inet.host);
	if (setsockopt(s->dgram_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return err_sys(err, errno, "SO_REUSEADDR");
	ret = bind_to(s, group, err);
	if (ret < 0)
		return ret;
	if (setsockopt(s->dgram_fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof(req)) <
	            0 ||
	    setsockopt(s->dgram_fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)) < 0)
		return err_sys(err, errno, "cannot join the group %s",
		               inet_ntoa(group->sin_addr));
	if (req.imr_interface.s_addr &&
	    setsockopt(s->dgram_fd, IPPROTO_IP, IP_MULTICAST_IF, &req.imr_interface,
	               sizeof(req.imr_interface)) < 0)
		return err_sys(err, errno, "multicast through %s",
		               inet_ntoa(req.imr_interface));
	memcpy(&s->peer, group, sizeof(*group));
	s->peer_len = sizeof(*group);
	net_set_desc(&s->link.nd, "mcast=%s:%u", inet_ntoa(group->sin_addr),
	             ntohs(group->sin_port));
	return 0;
}

static int open_inet(struct net_sock *s, struct err *err)
{
	struct sockaddr_in to, from;
	char name[INET_ADDRSTRLEN];
	int ret = find(s, "remote", &s->addr.inet, &to, err);

	if (ret < 0)
		return ret;
	s->dgram_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->dgram_fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	if (IN_MULTICAST(ntohl(to.sin_addr.s_addr)))
		return join(s, &to, err);
	if (s->mcast)
		return err_usage(err,
		                 "mcast=%s is no multicast group (224.0.0.0 to "
		                 "239.255.255.255)",
		                 s->mcast);
	ret = find(s, "local", &s->local.inet, &from, err);
	if (ret >= 0)
		ret = bind_to(s, &from, err);
	if (ret >= 0 && connect(s->dgram_fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		ret = err_sys(err, errno, "cannot reach %s", inet_ntoa(to.sin_addr));
	inet_ntop(AF_INET, &from.sin_addr, name, sizeof(name));
	net_set_desc(&s->link.nd, "udp=%s:%u/%s:%u", name, ntohs(from.sin_port),
	             inet_ntoa(to.sin_addr), ntohs(to.sin_port));
	return ret;
}

static int open_unix(struct net_sock *s, struct err *err)
{
	struct sockaddr_un from, *to = (struct sockaddr_un *)&s->peer;
	int ret = sock_unix_addr("local", s->local.path, &from, err);

	if (ret >= 0)
		ret = sock_unix_addr("remote", s->addr.path, to, err);
	if (ret < 0)
		return ret;
	s->peer_len = sizeof(*to);
	s->dgram_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->dgram_fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	/* What another process left: a path that somebody reads from is connected to. */
	if (connect(s->dgram_fd, (struct sockaddr *)&from, sizeof(from)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(s->local.path);
	close(s->dgram_fd);
	s->dgram_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ret = sock_bind_unix(s, s->dgram_fd, s->local.path, err);
	net_set_desc(&s->link.nd, "udp=%s:%s", s->local.path, s->addr.path);
	return ret;
}

int sock_dgram_open(struct net_sock *s, struct err *err)
{
	int ret;

	if (s->local.type == SOCK_ADDR_FD && s->local.str) {
		s->dgram_fd = ret = sock_inherit(s->local.str, SOCK_DGRAM, err);
		net_set_desc(&s->link.nd, "fd=%s", s->local.str);
	} else {
		ret = s->addr.type == SOCK_ADDR_UNIX ? open_unix(s, err)
		                                     : open_inet(s, err);
	}
	if (ret >= 0)
		net_use_fd(&s->link.nd, s->dgram_fd);
	return ret < 0 ? ret : 0;
}
