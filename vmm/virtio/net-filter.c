// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control queue of virtio-net (virtio 1.2, 5.1.6.5) and what it sets: which frames
 * the guest hears, its address, receive offloads. A command that is malformed or was not
 * negotiated is answered with VIRTIO_NET_ERR and changes nothing.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/block/iov.h"
#include "vmm/core/vm.h"
#include "vmm/virtio/net.h"

#include <net/ethernet.h>
#include <string.h>

#define HEAD sizeof(struct virtio_net_ctrl_hdr)
#define GUEST_OFFLOADS                                                       \
	(1ull << VIRTIO_NET_F_GUEST_CSUM | 1ull << VIRTIO_NET_F_GUEST_TSO4 | \
	 1ull << VIRTIO_NET_F_GUEST_TSO6 | 1ull << VIRTIO_NET_F_GUEST_ECN)

/* ---- the filter ---- */

void net_filter_reset(struct virtio_net *net)
{
	memcpy(net->mac, net->own_mac, NET_MAC_LEN);
	/* A driver that never asks hears everything. */
	net->promisc = true;
	net->allmulti = net->alluni = net->nomulti = net->nouni = net->nobcast = false;
	net->uni = net->multi = (struct net_mac_table){ 0 };
	memset(net->vlans, 0, sizeof(net->vlans));
	net->guest_offloads = 0;
}

void net_start_offloads(struct virtio_net *net)
{
	const struct virtio_device *vdev = &net->vpci.vdev;

	net->guest_offloads = vdev->features & vdev->host_features & GUEST_OFFLOADS;
	net_apply_offloads(net);
}

static bool in_table(const struct net_mac_table *table, const uint8_t *mac)
{
	if (table->overflow)
		return true;
	for (uint32_t at = 0; at < table->len; at += NET_MAC_LEN)
		if (!memcmp(table->macs + at, mac, NET_MAC_LEN))
			return true;
	return false;
}

static bool vlan_ok(struct virtio_net *net, const uint8_t *frame, size_t len)
{
	unsigned vid;

	if (!virtio_has(&net->vpci.vdev, VIRTIO_NET_F_CTRL_VLAN) || len < 18 ||
	    (frame[12] << 8 | frame[13]) != ETHERTYPE_VLAN)
		return true;
	vid = (frame[14] << 8 | frame[15]) & (NET_VLAN_MAX - 1);
	return net->vlans[vid / 8] >> (vid % 8) & 1;
}

bool net_accepts(struct virtio_net *net, const uint8_t *frame, size_t len)
{
	if (net->promisc)
		return true;
	if (!vlan_ok(net, frame, len))
		return false;
	if (net_is_broadcast(frame))
		return !net->nobcast;
	if (frame[0] & 1)
		return !net->nomulti && (net->allmulti || in_table(&net->multi, frame));
	return !net->nouni && (net->alluni || !memcmp(frame, net->mac, NET_MAC_LEN) ||
	                       in_table(&net->uni, frame));
}

void net_get_filter(struct virtio_net *net, struct net_rx_filter *out)
{
	bool vlan = virtio_has(&net->vpci.vdev, VIRTIO_NET_F_CTRL_VLAN);

	*out = (struct net_rx_filter){
		.promiscuous = net->promisc,
		.broadcast = !net->nobcast,
		.unicast = net->nouni    ? NET_RX_NONE
		           : net->alluni ? NET_RX_ALL
		                         : NET_RX_NORMAL,
		.multicast = net->nomulti    ? NET_RX_NONE
		             : net->allmulti ? NET_RX_ALL
		                             : NET_RX_NORMAL,
		.vlan = vlan ? NET_RX_NORMAL : NET_RX_ALL,
		.unicast_overflow = net->uni.overflow,
		.multicast_overflow = net->multi.overflow,
		.unicast_table = net->uni.macs,
		.unicast_count = net->uni.len / NET_MAC_LEN,
		.multicast_table = net->multi.macs,
		.multicast_count = net->multi.len / NET_MAC_LEN,
		.vlans = net->vlans,
	};
	net->filter_asked = true;
}

/* Once, until somebody asks what it is now. */
static void tell_filter(struct virtio_net *net)
{
	const struct device *dev = &net->vpci.pci.dev;
	const struct vm_event_field fields[] = {
		{ "name", VM_EVENT_STR, dev->id, 0 },
		{ "path", VM_EVENT_STR, dev->path, 0 },
		{ 0 },
	};

	if (net->filter_asked)
		vm_emit(dev->vm, "NIC_RX_FILTER_CHANGED", dev->id ? fields : fields + 1);
	net->filter_asked = false;
}

/* ---- offloads ---- */

void net_apply_offloads(struct virtio_net *net)
{
	static const struct {
		unsigned feature, offload;
	} map[] = {
		{ VIRTIO_NET_F_GUEST_CSUM, NET_OFFLOAD_CSUM },
		{ VIRTIO_NET_F_GUEST_TSO4, NET_OFFLOAD_TSO4 },
		{ VIRTIO_NET_F_GUEST_TSO6, NET_OFFLOAD_TSO6 },
		{ VIRTIO_NET_F_GUEST_ECN, NET_OFFLOAD_ECN },
	};
	unsigned offloads = 0;

	if (!net_has_header(net->nd))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(map); i++)
		if (net->guest_offloads >> map[i].feature & 1)
			offloads |= map[i].offload;
	net_set_offload(net->nd, offloads);
}

/* ---- commands ---- */

/* A command's data: out bytes behind the two of its class and number. */
struct command {
	const struct virtq_elem *elem;
	uint64_t len;
};

/* Copies n bytes at an offset of the data; false when they are not there. */
static bool get(const struct command *c, uint64_t at, void *buf, size_t n)
{
	if (at > c->len || c->len - at < n)
		return false;
	iov_to_buf(c->elem->iov, c->elem->out_count, HEAD + at, buf, n);
	return true;
}

static bool set_mode(struct virtio_net *net, uint8_t cmd, const struct command *c)
{
	bool *const modes[] = { &net->promisc, &net->allmulti, &net->alluni,
		                &net->nomulti, &net->nouni,    &net->nobcast };
	uint8_t on;

	if (cmd >= ARRAY_SIZE(modes) || !get(c, 0, &on, 1))
		return false;
	if (cmd > VIRTIO_NET_CTRL_RX_ALLMULTI &&
	    !virtio_has(&net->vpci.vdev, VIRTIO_NET_F_CTRL_RX_EXTRA))
		return false;
	*modes[cmd] = on;
	return true;
}

/* *at moves behind the table. */
static bool get_table(const struct command *c, uint64_t *at, struct net_mac_table *table)
{
	uint32_t entries;
	uint64_t bytes;

	*table = (struct net_mac_table){ 0 };
	if (!get(c, *at, &entries, sizeof(entries)))
		return false;
	bytes = (uint64_t)entries * NET_MAC_LEN;
	*at += sizeof(entries);
	if (bytes > c->len - *at)
		return false;
	table->overflow = entries > NET_MAC_MAX;
	if (!table->overflow) {
		table->len = bytes;
		get(c, *at, table->macs, bytes);
	}
	*at += bytes;
	return true;
}

static bool set_mac(struct virtio_net *net, uint8_t cmd, const struct command *c)
{
	struct net_mac_table uni, multi;
	uint64_t at = 0;

	if (cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET)
		return virtio_has(&net->vpci.vdev, VIRTIO_NET_F_CTRL_MAC_ADDR) &&
		       get(c, 0, net->mac, NET_MAC_LEN);
	if (cmd != VIRTIO_NET_CTRL_MAC_TABLE_SET || !get_table(c, &at, &uni) ||
	    !get_table(c, &at, &multi))
		return false;
	net->uni = uni;
	net->multi = multi;
	return true;
}

static bool set_vlan(struct virtio_net *net, uint8_t cmd, const struct command *c)
{
	uint16_t vid;

	if (cmd > VIRTIO_NET_CTRL_VLAN_DEL || !get(c, 0, &vid, sizeof(vid)) ||
	    vid >= NET_VLAN_MAX)
		return false;
	if (cmd == VIRTIO_NET_CTRL_VLAN_ADD)
		net->vlans[vid / 8] |= 1 << (vid % 8);
	else
		net->vlans[vid / 8] &= ~(1 << (vid % 8));
	return true;
}

static bool announced(struct virtio_net *net, uint8_t cmd, const struct command *c)
{
	bool asked = net->announce;

	if (cmd != VIRTIO_NET_CTRL_ANNOUNCE_ACK)
		return false;
	net->announce = false;
	return asked;
}

static bool set_offloads(struct virtio_net *net, uint8_t cmd, const struct command *c)
{
	uint64_t offloads;

	if (cmd != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET ||
	    !get(c, 0, &offloads, sizeof(offloads)) ||
	    offloads & ~(net->vpci.vdev.features & net->vpci.vdev.host_features &
	                 GUEST_OFFLOADS))
		return false;
	net->guest_offloads = offloads;
	net_apply_offloads(net);
	return true;
}

static bool set_pairs(struct virtio_net *net, uint8_t cmd, const struct command *c)
{
	uint16_t pairs;

	if (cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET || !get(c, 0, &pairs, sizeof(pairs)) ||
	    !pairs || pairs > net->pair_count)
		return false;
	net_use_pairs(net, pairs);
	return true;
}

static const struct {
	bool (*fn)(struct virtio_net *net, uint8_t cmd, const struct command *c);
	unsigned feature;
} classes[] = {
	[VIRTIO_NET_CTRL_RX] = { set_mode, VIRTIO_NET_F_CTRL_RX },
	[VIRTIO_NET_CTRL_MAC] = { set_mac, VIRTIO_NET_F_CTRL_VQ },
	[VIRTIO_NET_CTRL_VLAN] = { set_vlan, VIRTIO_NET_F_CTRL_VLAN },
	[VIRTIO_NET_CTRL_ANNOUNCE] = { announced, VIRTIO_NET_F_GUEST_ANNOUNCE },
	[VIRTIO_NET_CTRL_MQ] = { set_pairs, VIRTIO_NET_F_MQ },
	[VIRTIO_NET_CTRL_GUEST_OFFLOADS] = { set_offloads,
	                                     VIRTIO_NET_F_CTRL_GUEST_OFFLOADS },
};

static uint8_t run(struct virtio_net *net, const struct virtq_elem *elem)
{
	struct command c = { .elem = elem };
	struct virtio_net_ctrl_hdr hdr;

	if (elem->out_len < HEAD)
		return VIRTIO_NET_ERR;
	iov_to_buf(elem->iov, elem->out_count, 0, &hdr, HEAD);
	c.len = elem->out_len - HEAD;
	if (hdr.class >= ARRAY_SIZE(classes) || !classes[hdr.class].fn ||
	    !virtio_has(&net->vpci.vdev, classes[hdr.class].feature))
		return VIRTIO_NET_ERR;
	if (!classes[hdr.class].fn(net, hdr.cmd, &c))
		return VIRTIO_NET_ERR;
	if (hdr.class <= VIRTIO_NET_CTRL_VLAN)
		tell_filter(net);
	return VIRTIO_NET_OK;
}

void net_control(struct virtio_net *net, struct virtqueue *vq)
{
	struct virtio_device *vdev = &net->vpci.vdev;
	unsigned left = vq->size;
	struct virtq_elem *elem;

	virtqueue_disable_notify(vq);
	while (left-- && (elem = virtqueue_pop(vq))) {
		uint8_t ack = run(net, elem);

		virtqueue_push(vq, elem,
		               iov_from_buf(virtq_in(elem), elem->in_count, 0, &ack, 1));
	}
	virtqueue_flush(vq);
	if (virtqueue_enable_notify(vq))
		vdev->transport->wake(vdev, vq);
}
