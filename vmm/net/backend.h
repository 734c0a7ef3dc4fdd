/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between net.c and the back ends. A back end's structure starts with struct netdev and
 * has one descriptor for frames at a time, which net.c watches; see net.h for the lock.
 */
#ifndef VMM_NET_BACKEND_H
#define VMM_NET_BACKEND_H

#include "common/cleanup.h"
#include "vmm/net/net.h"

struct net_ops {
	const char *name, *help;
	size_t size;
	const struct opt_desc *opts;
	/* Sees all pairs before the table does; NULL: the table says it all. */
	int (*take)(struct netdev *nd, struct opt_list *opts, struct err *err);
	/* Options are set. On failure close() is called. */
	int (*open)(struct netdev *nd, struct err *err);
	/* 0, -EAGAIN (not with wait) or -errno with a sentence; NULL: always. */
	int (*ready)(struct netdev *nd, bool wait, struct err *err);
	/* As net_take() and net_send(); other errors of send() count as a lost frame. A
	 * send() that keeps a part of the frame sets want_out. */
	ssize_t (*take_frame)(struct netdev *nd, uint8_t *buf, uint8_t **frame);
	int (*send)(struct netdev *nd, const struct iovec *iov, unsigned count);
	/* The descriptor takes data: 0 when nothing is left; NULL: nothing ever is. */
	int (*flush)(struct netdev *nd);
	void (*cork)(struct netdev *nd, bool on); /* as net_cork(); NULL: nothing waits */
	/* The other side has gone, while nobody reads what it sent: closes the
	 * descriptor. NULL: that is found out by reading. */
	void (*gone)(struct netdev *nd);
	void (*set_offload)(struct netdev *nd, unsigned offloads);
	/* net_enable_queue(), net_set_header(); NULL where there is no such thing. */
	int (*enable)(struct netdev *nd, bool on);
	void (*set_header)(struct netdev *nd, int len);
	/* net_command() and its sibling; both or none. */
	int (*command)(struct netdev *nd, const char *command, uint64_t ticket,
	               struct err *err);
	int (*answer)(struct netdev *nd, uint64_t ticket, struct strbuf *answer,
	              struct err *err);
	/* Accepts a half-open back end. Each queue is closed by itself, the first last.
	 */
	void (*close)(struct netdev *nd);
};

struct netdev {
	const struct net_ops *ops;
	struct net_registry *reg;
	struct netdev *next;
	char *id, *desc;
	uint64_t ticket;      /* of net_add() */
	struct netdev *first; /* itself, or the one that it is a queue of */
	struct netdev *queue; /* the next queue */
	unsigned index;       /* among the queues */
	struct net_front front;
	char card[40]; /* what the front end is called when it has no id */
	bool opened, attached;
	bool removed;   /* closed, and waits for its front end to go */
	bool header;    /* frames carry a virtio-net header */
	bool carrier;   /* the other side is there */
	bool unplugged; /* set_link off */
	bool disabled;  /* net_enable_queue() */
	bool ends;      /* the descriptor is a connection, whose end gone() hears of */
	bool want_in, want_out;
	struct net_stats stats;
	int fd;       /* to watch, or -1 */
	int vhost_fd; /* -1: none; the back end's */
	struct loop_fd watch;
	uint32_t events; /* what it is watched for */
};

struct net_registry {
	struct loop *loop;
	struct spawner *spawner;
	struct netdev *first;
	bool running;     /* the machine does: nothing waits any more */
	bool ending;      /* and now it has */
	bool confined;    /* in the sandbox */
	uint64_t tickets; /* given so far */
	void (*progress)(void *opaque);
	void *progress_opaque;
	struct net_reap *reaps; /* processes that are ending */
	struct announcement *announcements;
	void (*on_peer)(void *opaque, const char *id, const struct net_peer *peer);
	void *peer_opaque;
};

#define NET_OPTS(object, member)                                                      \
	{                                                                             \
		.name = "id", .type = OPT_STR, .offset = offsetof(object, member.id), \
		.help = "how -device refers to it"                                    \
	}

/* The back end has another descriptor now (-1: none), and with it a carrier or not. The
 * old one is still open. */
void net_use_fd(struct netdev *nd, int fd);
/* Something that somebody may wait for has happened. */
void net_progress(struct net_registry *reg);
/* Takes over a process that ends soon, or is killed if it does not. Before the machine
 * runs, and at its end, this waits. */
struct spawned;
void net_reap(struct net_registry *reg, struct spawned *child);
/* Kills those that have not ended yet. */
void net_reap_all(struct net_registry *reg);
/* announce.c: ends all that are under way */
void net_announce_stop(struct net_registry *reg);
/* One more queue of nd, the last, zeroed but for struct netdev. 0 or -errno. */
int net_add_queue(struct netdev *nd, struct err *err);
void net_set_desc(struct netdev *nd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

extern const struct net_ops net_tap_ops, net_bridge_ops, net_stream_ops, net_dgram_ops,
	net_socket_ops, net_user_ops;

#endif
