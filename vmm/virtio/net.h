/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net-pci: a network card on a -netdev. net.c is the device with its
 * configuration, net-data.c moves frames, net-vhost.c lets the kernel do that,
 * net-filter.c is the control queue and the filter that it sets. Machine lock everywhere,
 * queues in the loop's thread.
 */
#ifndef VMM_VIRTIO_NET_H
#define VMM_VIRTIO_NET_H

#include "common/cleanup.h"
#include "vmm/net/card.h"
#include "vmm/virtio/pci.h"

#include <linux/virtio_net.h>

#define NET_MAC_MAX  64 /* addresses of one table; with more, all are taken */
#define NET_VLAN_MAX 4096

/* Of a card with one pair of queues; each further pair comes before the control queue. */
enum { NET_RX, NET_TX, NET_CTRL, NET_QUEUES };

/* 5.1.6.5.2: addresses that the driver wants to hear. */
struct net_mac_table {
	uint32_t len; /* bytes in use */
	bool overflow;
	uint8_t macs[NET_MAC_MAX * NET_MAC_LEN];
};

/* A frame with its header in front, aligned for it: of a back end that has none the
 * longest frame comes behind room for one. */
struct net_buffer {
	uint8_t data[NET_HDR_LEN + NET_FRAME_MAX];
};

struct vhost;

/* A receive and a transmit queue, on a queue of the netdev. */
struct net_pair {
	struct virtio_net *net;
	struct netdev *nd;
	unsigned index;
	struct vhost *vhost; /* NULL: frames pass through this program */
	struct virtq_elem *held[VIRTQUEUE_MAX_SIZE]; /* receive buffers, not yet enough */
	unsigned held_count;
	uint64_t held_room;
	size_t rx_len; /* of a frame in rx that waits for buffers, its header included */
	struct net_buffer rx;
};

struct virtio_net {
	struct virtio_pci vpci;
	/* properties */
	char *netdev, *mac_opt, *romfile;
	uint16_t rx_size, tx_size, mtu;
	bool csum, tso, guest_csum, guest_tso, mrg_rxbuf, ctrl_vq, announce_opt, mq;
	uint32_t bootindex, vectors;
	/* state */
	uint8_t mac[NET_MAC_LEN];
	bool promisc, allmulti, alluni, nomulti, nouni, nobcast;
	struct net_mac_table uni, multi;
	uint8_t vlans[NET_VLAN_MAX / 8];
	uint64_t guest_offloads; /* features of the receive side that are in use */
	uint16_t active;         /* pairs that the driver uses */
	/* not state */
	struct netdev *nd;
	uint8_t own_mac[NET_MAC_LEN]; /* after a reset */
	bool loading;                 /* a state was loaded: it says what is in use */
	bool announce;                /* asks the driver to tell the network of itself */
	struct net_pair *pairs;
	size_t pairs_size;
	unsigned pair_count;
	bool vhost_failed; /* not again before a reset */
	bool filter_asked; /* since it was last said that it changed */
	struct mem_watcher watcher;
	struct net_buffer tx;
	struct ratelimit warned;
};

extern const struct device_class virtio_net_pci_class;

static inline struct virtio_net *to_net(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_net, vpci.vdev);
}

/* Bytes of the header as the driver has it. */
static inline size_t net_header_len(const struct virtio_device *vdev)
{
	return virtio_has(vdev, VIRTIO_F_VERSION_1) ||
	                       virtio_has(vdev, VIRTIO_NET_F_MRG_RXBUF)
	               ? sizeof(struct virtio_net_hdr_mrg_rxbuf)
	               : sizeof(struct virtio_net_hdr);
}

/* net-data.c: frames to the guest, frames from it; buffers go back to the ring. */
void net_receive(struct net_pair *pair);
void net_transmit(struct net_pair *pair);
void net_release(struct net_pair *pair);

/* net-vhost.c: opens vhost for the netdev's descriptors, if it has any, and takes away
 * features that the kernel lacks; closes it. */
void net_vhost_open(struct virtio_net *net);
void net_vhost_close(struct virtio_net *net);
/* The kernel serves the data queues, from now on if need be. */
bool net_vhost_serves(struct virtio_net *net);
/* This program does, or nobody. Idempotent. */
void net_vhost_stop(struct virtio_net *net);

/* net.c: the driver uses so many pairs, at most pair_count. */
void net_use_pairs(struct virtio_net *net, unsigned pairs);

/* net-filter.c */
void net_control(struct virtio_net *net, struct virtqueue *vq);
bool net_accepts(struct virtio_net *net, const uint8_t *frame, size_t len);
void net_filter_reset(struct virtio_net *net);
/* All that were negotiated are in use. */
void net_start_offloads(struct virtio_net *net);
/* Tells the back end what the driver's receive side understands. */
void net_apply_offloads(struct virtio_net *net);
void net_get_filter(struct virtio_net *net, struct net_rx_filter *out);

#endif
