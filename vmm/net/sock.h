/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the back ends "stream", "dgram" and "socket": back-sock.c (their
 * options), sock-stream.c, sock-dgram.c. Same lock as net.h. */
#ifndef VMM_NET_SOCK_H
#define VMM_NET_SOCK_H

#include "common/inet.h"
#include "vmm/net/link.h"

#include <sys/stat.h>
#include <sys/un.h>

enum sock_addr_type { SOCK_ADDR_UNIX, SOCK_ADDR_INET, SOCK_ADDR_FD };

struct sock_addr {
	int type;   /* enum sock_addr_type; SOCK_ADDR_UNIX when nothing is said */
	char *path; /* unix */
	char *str;  /* fd */
	struct inet inet;
};

struct net_sock {
	struct net_link link; /* first */
	/* options; of "dgram", addr is the remote side */
	struct sock_addr addr, local;
	bool server;
	uint32_t reconnect; /* s between two attempts; 0: one attempt */
	char *fd, *listen, *connect, *mcast, *udp, *localaddr; /* of "socket" */
	/* stream */
	struct inet_addresses addresses;
	unsigned next; /* address to connect to */
	int listen_fd[INET_MAX], connecting;
	struct loop_fd listen_watch[INET_MAX], connect_watch;
	struct loop_timer retry;
	bool listening; /* listen_fd are watched */
	/* dgram */
	int dgram_fd; /* -1: none, frames go through the link */
	struct sockaddr_storage peer;
	socklen_t peer_len; /* 0: it is connected */
	/* the Unix socket that we bound, to remove only our own */
	char *bound;
	dev_t dev;
	ino_t ino;
};

/* Connects, listens or takes an inherited socket, as addr and server say. -errno with a
 * sentence. */
int sock_stream_open(struct net_sock *s, struct err *err);
/* Between local and addr; a multicast group when addr is one. -errno with a sentence. */
int sock_dgram_open(struct net_sock *s, struct err *err);
/* The peer of a stream has gone; the link is closed already. */
void sock_lost(struct net_link *link);
/* Accepts what is half open. */
void sock_close(struct netdev *nd);

/* "[HOST]:PORT" to addr, of type inet. -EINVAL with a sentence that names the key. */
int sock_parse_inet(struct sock_addr *addr, const char *key, const char *text,
                    struct err *err);
/* An inherited socket of this type (SOCK_STREAM, SOCK_DGRAM), duplicated; -errno with a
 * sentence. */
int sock_inherit(const char *number, int type, struct err *err);
/* Binds a Unix socket that only its owner may use. -errno with a sentence. */
int sock_bind_unix(struct net_sock *s, int fd, const char *path, struct err *err);
/* Fills a Unix address. -EINVAL with a sentence that names the key. */
int sock_unix_addr(const char *key, const char *path, struct sockaddr_un *addr,
                   struct err *err);

#endif
