/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network back ends (-netdev): where the frames of a guest's network card go and come
 * from.
 *
 * A netdev has at most one front end, the card. The front end pulls: it is told that
 * frames wait, and takes them when it has room, so that a guest that reads slowly holds
 * the sender up and not this program's memory. A back end that is full says so and tells
 * when it is not any more. Everything runs under the lock of the registry's loop (the
 * machine lock), callbacks in its thread.
 */
#ifndef VMM_NET_NET_H
#define VMM_NET_NET_H

#include "common/err.h"
#include "common/opts.h"
#include "vmm/loop/loop.h"

#include <sys/types.h>
#include <sys/uio.h>

#define NET_HDR_LEN    12             /* of struct virtio_net_hdr_v1 */
#define NET_FRAME_MAX  (65536 + 4096) /* bytes of a frame, its header included */
#define NET_MAX_QUEUES 16

struct netdev;
struct net_registry;
struct spawner;

enum net_rx { NET_RX_NONE, NET_RX_NORMAL, NET_RX_ALL };

/* Which frames a card hears. The tables are the card's. */
struct net_rx_filter {
	bool promiscuous, broadcast, unicast_overflow, multicast_overflow;
	enum net_rx unicast, multicast, vlan;
	const uint8_t *unicast_table, *multicast_table; /* 6 bytes an address */
	unsigned unicast_count, multicast_count;
	const uint8_t *vlans; /* one bit for each of 4096; of NET_RX_NORMAL */
};

/* What a front end is told. */
struct net_front {
	void (*readable)(void *opaque);    /* net_recv() may have a frame */
	void (*writable)(void *opaque);    /* after -EAGAIN of net_send() */
	void (*link)(void *opaque);        /* net_link_up() changed */
	const char *(*name)(void *opaque); /* its id, or NULL */
	const uint8_t *(*mac)(void *opaque);
	void *opaque;
	const char *model;      /* of the card, static */
	const uint8_t *own_mac; /* the one it was made with, or NULL */
	/* Has the guest announce itself; NULL: it cannot. */
	void (*announce)(void *opaque);
	/* What it hears; NULL: everything. */
	void (*rx_filter)(void *opaque, struct net_rx_filter *out);
};

/* What the front end's reader of frames understands: for net_set_offload(). */
enum net_offload {
	NET_OFFLOAD_CSUM = 1 << 0, /* checksums that are left to be done */
	NET_OFFLOAD_TSO4 = 1 << 1,
	NET_OFFLOAD_TSO6 = 1 << 2,
	NET_OFFLOAD_ECN = 1 << 3,
};

struct net_stats {
	uint64_t rx_frames, rx_bytes, rx_dropped; /* towards the guest */
	uint64_t tx_frames, tx_bytes, tx_dropped;
};

struct net_registry *net_registry_new(struct loop *loop);
/* Who starts the programs of back ends; without one this process does. Before the first
 * netdev. */
void net_registry_use_spawner(struct net_registry *reg, struct spawner *spawner);
/* The other side of a -netdev stream. */
struct net_peer {
	const char *type;        /* "unix" or "inet" */
	const char *path;        /* unix; "" when it has no name */
	const char *host, *port; /* inet: numbers */
};
/* fn hears of each peer of such a netdev that came, or went (NULL). */
void net_registry_on_peer(struct net_registry *reg,
                          void (*fn)(void *opaque, const char *id,
                                     const struct net_peer *peer),
                          void *opaque);
/* Closes every netdev; their front ends are gone. Accepts NULL. */
void net_registry_free(struct net_registry *reg);

/* -netdev TYPE,id=ID,…: the type is the value of the key "type". NULL with a sentence. */
struct netdev *net_create(struct net_registry *reg, struct opt_list *opts,
                          struct err *err);
/* Waits until what the back ends started is there. -errno with a sentence when one of
 * them failed. Before the guest runs; no netdev that is made later makes anybody wait. */
int net_registry_ready(struct net_registry *reg, struct err *err);
/* A number that stands for who waits for something. */
uint64_t net_ticket(struct net_registry *reg);
/* netdev_add: both of these for a machine that runs, without waiting. 0, -EAGAIN: see
 * net_added(), or -errno with a sentence. */
int net_add(struct net_registry *reg, struct opt_list *opts, uint64_t ticket,
            struct err *err);
/* Whether the netdev of that ticket is there now, with the same answers. One that is not
 * going to be is removed. give_up: it is removed if it is not there yet. */
int net_added(struct net_registry *reg, uint64_t ticket, bool give_up, struct err *err);
/* Has fn called when one of those may be answered, or net_answer(); at the top of a
 * callback of the loop, where nothing may be removed. fn NULL: no more. */
void net_registry_on_progress(struct net_registry *reg, void (*fn)(void *opaque),
                              void *opaque);
/* netdev_del: at once, and the id is free. A card that has it loses its link. */
void net_remove(struct netdev *nd);
struct netdev *net_find(struct net_registry *reg, const char *id);
/* The netdev after nd, or the first for NULL; NULL at the end. */
struct netdev *net_next(struct net_registry *reg, struct netdev *nd);
/* -netdev help, or NAME,help; and whether there is such a type. */
void net_help(const char *name, struct strbuf *out);
bool net_is_type(const char *name);
/* The helper of -netdev user is there. */
bool net_user_installed(void);
/* Agrees with the spawner that others may come later, with keys that net_user_admits(),
 * which is the spawner's `admit`. */
int net_user_allow(struct net_registry *reg, struct err *err);
bool net_user_admits(char *const *words);
/* The spawner's `open`: "tap", the name of an interface, and "multi" or "single" queue. A
 * new one; or, known, any: one that this process had before. */
int net_tap_serve(char *const *words, bool known);
/* This process may not open interfaces itself any more. */
void net_registry_confine(struct net_registry *reg);

const char *net_id(const struct netdev *nd);
const char *net_type(const struct netdev *nd);
/* "type=tap,ifname=tap0", for the user. */
const char *net_describe(const struct netdev *nd);
struct net_stats *net_stats(struct netdev *nd);
/* The front end, or NULL. */
const struct net_front *net_get_front(const struct netdev *nd);
/* Its id, or "virtio-net-pci.0": the model and which of it. */
const char *net_card_name(const struct netdev *nd);

/* A netdev of several queues has as many of these, the first of which stands for it; each
 * of them has a front end of its own, and frames of its own. NULL beyond the last. */
struct netdev *net_queue(struct netdev *nd, unsigned n);
unsigned net_queues(const struct netdev *nd);
/* The host's side uses a queue (but the first, which it always does) or leaves it alone.
 * Nobody wants its input while it does. */
void net_enable_queue(struct netdev *nd, bool on);

/* -EBUSY with a sentence when there is a front end already. front is copied. */
int net_attach(struct netdev *nd, const struct net_front *front, struct err *err);
void net_detach(struct netdev *nd);

/* Frames carry a struct virtio_net_hdr_v1 in front, in both directions, and checksums and
 * segmentation may be left to the other side. */
bool net_has_header(const struct netdev *nd);
/* For a front end whose frames the kernel moves: the descriptor of this queue's vhost
 * device, or -1; the descriptor of its packets; how long their headers are (NET_HDR_LEN
 * for everybody else). */
int net_vhost_fd(const struct netdev *nd);
int net_packet_fd(const struct netdev *nd);
void net_set_header(struct netdev *nd, int len);
/* enum net_offload; only of a netdev with headers. */
void net_set_offload(struct netdev *nd, unsigned offloads);

/* The next frame into buf of NET_FRAME_MAX bytes: its length, or -EAGAIN. */
ssize_t net_recv(struct netdev *nd, void *buf);
/* The same, but *frame may be elsewhere than in buf: valid until the next call or the
 * callback's end, and somebody may write there meanwhile. */
ssize_t net_take(struct netdev *nd, uint8_t *buf, uint8_t **frame);
/* Has `readable` called while frames wait. */
void net_want_input(struct netdev *nd, bool on);
/* Takes a frame: 0 when it was taken, or lost as frames are; -EAGAIN when the back end is
 * full: `writable` will be called. */
int net_send(struct netdev *nd, const struct iovec *iov, unsigned count);

/* Several calls of net_send() come: the back end may send their frames together when it
 * is turned off again. */
void net_cork(struct netdev *nd, bool on);

/* The back end has its other side, and nobody took the cable out. */
bool net_link_up(const struct netdev *nd);
void net_set_link(struct netdev *nd, bool up);

/* Has switches learn where the guests' addresses are: an RARP request for each card, and
 * what the guest itself says. At once, then `rounds` - 1 times. */
struct net_announce {
	unsigned initial_ms, max_ms, rounds,
		step_ms;   /* between them: initial + n * step */
	const char *id;    /* replaces the one of this id that is under way; NULL: "" */
	const char *cards; /* names with commas between them; NULL: all */
};
/* Copies it. -ENOMEM, or -EBUSY when NET_ANNOUNCES are under way, with a sentence. */
#define NET_ANNOUNCES 16
int net_announce(struct net_registry *reg, const struct net_announce *how,
                 struct err *err);

/* For -netdev user: gives its helper a command ("info", "hostfwd_add RULE",
 * "hostfwd_remove RULE"), and never waits. -ENOTSUP with a sentence for other types. */
int net_command(struct netdev *nd, const char *command, uint64_t ticket, struct err *err);
/* What it answered to that one: 0, -EAGAIN when it has not yet, -ENOENT without a
 * sentence when it was not asked or that is long ago, or -errno with the sentence of a
 * refusal. */
int net_answer(struct netdev *nd, uint64_t ticket, struct strbuf *answer,
               struct err *err);

#endif
