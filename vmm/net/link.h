/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netdev whose frames go through a connected stream socket (common/frames.h); what
 * back-stream.c and back-user.c share. Same lock as net.h. */
#ifndef VMM_NET_LINK_H
#define VMM_NET_LINK_H

#include "common/frames.h"
#include "vmm/net/backend.h"

struct net_link {
	struct netdev nd; /* first */
	struct frames frames;
	int fd; /* the connection, owned; -1: none */
	/* The peer has gone or broke the rules; the connection is closed already. */
	void (*lost)(struct net_link *link);
};

/* For struct net_ops, as they are. */
ssize_t net_link_take(struct netdev *nd, uint8_t *buf, uint8_t **frame);
int net_link_send(struct netdev *nd, const struct iovec *iov, unsigned count);
int net_link_flush(struct netdev *nd);
void net_link_cork(struct netdev *nd, bool on);
void net_link_gone(struct netdev *nd);

/* Takes fd over and brings the link up. 0 or -ENOMEM; fd is closed then. */
int net_link_use(struct net_link *link, int fd);
/* Closes the connection, if there is one; lost() is not called. */
void net_link_drop(struct net_link *link);

#endif
