// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The data path of virtio-net (virtio 1.2, 5.1.6.2 to 5.1.6.4).
 *
 * A transmitted frame goes to the back end from guest memory, but its header is copied
 * and checked first: the back end sees only what was negotiated. A received frame is
 * copied from where the back end has it, or lies in a buffer of the device until the
 * driver has given enough of its own; those are held meanwhile, all of them for one
 * frame, and go back to the ring when the machine stops. Frames never wait anywhere else:
 * a guest that gives no buffers stops the reading.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/block/iov.h"
#include "vmm/virtio/net.h"

#include <errno.h>
#include <string.h>

#define ETH_HEAD    14
#define RX_BATCH    256 /* frames of one callback */
#define TX_SEGMENTS 64  /* of a frame; more are copied into one */

/* ---- receive ---- */

/* 5.1.6.4: the driver understands the header. What was on its way when the driver changed
 * its mind, or comes from a peer that does not care, it may not. */
static bool header_fits(const struct virtio_net *net, const uint8_t *header)
{
	static const uint8_t types[] = {
		[VIRTIO_NET_HDR_GSO_TCPV4] = VIRTIO_NET_F_GUEST_TSO4,
		[VIRTIO_NET_HDR_GSO_TCPV6] = VIRTIO_NET_F_GUEST_TSO6,
	};
	uint64_t taken = net->guest_offloads;
	uint8_t flags = header[0], type = header[1];

	if (flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	    !(taken >> VIRTIO_NET_F_GUEST_CSUM & 1))
		return false;
	if (type & VIRTIO_NET_HDR_GSO_ECN && !(taken >> VIRTIO_NET_F_GUEST_ECN & 1))
		return false;
	type &= ~VIRTIO_NET_HDR_GSO_ECN;
	return !type ||
	       (type < ARRAY_SIZE(types) && types[type] && taken >> types[type] & 1);
}

/* The next frame that the guest wants: its header in pair->rx, the rest at *data, as
 * net_take() has it. False: there is none. */
static bool fetch(struct net_pair *pair, uint8_t **data)
{
	struct virtio_net *net = pair->net;
	size_t head = net_has_header(pair->nd) ? 0 : NET_HDR_LEN;
	uint8_t *frame;
	ssize_t n = net_take(pair->nd, pair->rx.data + head, &frame);

	if (n < 0)
		return false;
	n += head;
	*data = frame + NET_HDR_LEN - head;
	if (n >= NET_HDR_LEN && !head && frame != pair->rx.data)
		memcpy(pair->rx.data, frame, NET_HDR_LEN);
	if (n < NET_HDR_LEN + ETH_HEAD || !net_link_up(pair->nd) ||
	    (!head && !header_fits(net, pair->rx.data)) ||
	    !net_accepts(net, *data, n - NET_HDR_LEN)) {
		net_stats(pair->nd)->rx_dropped++;
		return true;
	}
	if (head)
		memset(pair->rx.data, 0, NET_HDR_LEN);
	pair->rx_len = n;
	return true;
}

/* The frame waits for buffers, where it lies in no one else's way. */
static void keep(struct net_pair *pair, const uint8_t *data)
{
	uint8_t *own = pair->rx.data + NET_HDR_LEN;

	if (data != own)
		memcpy(own, data, pair->rx_len - NET_HDR_LEN);
}

/* Bytes that the frame needs in the driver's buffers. */
static size_t needed(struct net_pair *pair)
{
	return pair->rx_len - NET_HDR_LEN + net_header_len(&pair->net->vpci.vdev);
}

static bool mergeable(const struct virtio_net *net)
{
	return virtio_has(&net->vpci.vdev, VIRTIO_NET_F_MRG_RXBUF);
}

/* Takes buffers until the frame fits; false: the driver has to give more first, and
 * notifies then. */
static bool collect(struct net_pair *pair, struct virtqueue *vq)
{
	while (pair->held_room < needed(pair)) {
		struct virtq_elem *elem;

		if (pair->held_count &&
		    (!mergeable(pair->net) || pair->held_count == vq->size))
			return true; /* it will never fit */
		elem = virtqueue_pop(vq);
		if (!elem && !virtqueue_enable_notify(vq))
			return false;
		if (!elem)
			continue;
		pair->held[pair->held_count++] = elem;
		pair->held_room += elem->in_len;
	}
	return true;
}

/* How many of the held buffers the frame fills. */
static unsigned count_used(const struct net_pair *pair, size_t len)
{
	unsigned used = 0;

	for (size_t room = 0; room < len; used++)
		room += pair->held[used]->in_len;
	return used;
}

/* The part of the frame from byte `at` on, into one buffer; how much that was. */
static size_t fill(struct virtq_elem *elem, const uint8_t *header, size_t head,
                   const uint8_t *data, size_t len, size_t at)
{
	const struct iovec *in = virtq_in(elem);
	size_t n = 0;

	if (at < head)
		n = iov_from_buf(in, elem->in_count, 0, header + at, head - at);
	if (at + n >= head)
		n += iov_from_buf(in, elem->in_count, n, data + at + n - head,
		                  len - at - n);
	return n;
}

static void deliver(struct net_pair *pair, struct virtqueue *vq, const uint8_t *data)
{
	size_t head = net_header_len(&pair->net->vpci.vdev), len = needed(pair), at = 0;
	uint8_t *header = pair->rx.data; /* the shorter one is its start */
	unsigned used = count_used(pair, len);

	if (head == NET_HDR_LEN)
		st16(header + offsetof(struct virtio_net_hdr_mrg_rxbuf, num_buffers),
		     used);
	for (unsigned i = 0; i < used; i++) {
		struct virtq_elem *elem = pair->held[i];
		size_t n = fill(elem, header, head, data, len, at);

		pair->held_room -= elem->in_len;
		virtqueue_push(vq, elem, n);
		at += n;
	}
	pair->held_count -= used;
	memmove(pair->held, pair->held + used, pair->held_count * sizeof(pair->held[0]));
}

void net_receive(struct net_pair *pair)
{
	struct virtio_device *vdev = &pair->net->vpci.vdev;
	struct virtqueue *vq = &vdev->queues[2 * pair->index + NET_RX];
	uint8_t *data = pair->rx.data + NET_HDR_LEN;
	unsigned left = RX_BATCH;
	bool room = true;

	if (!vq->mapped || !virtio_running(vdev)) {
		net_want_input(pair->nd, false);
		return;
	}
	virtqueue_disable_notify(vq);
	while (room && left && (pair->rx_len || fetch(pair, &data))) {
		left--;
		if (!pair->rx_len)
			continue;
		room = collect(pair, vq);
		if (!room) {
			keep(pair, data);
			break;
		}
		if (pair->held_room >= needed(pair))
			deliver(pair, vq, data);
		else
			net_stats(pair->nd)->rx_dropped++;
		pair->rx_len = 0;
	}
	virtqueue_flush(vq);
	net_want_input(pair->nd, room);
	/* What was read already would not wake the loop again. */
	if (!left)
		vdev->transport->wake(vdev, vq);
}

void net_release(struct net_pair *pair)
{
	struct virtqueue *vq = &pair->net->vpci.vdev.queues[2 * pair->index + NET_RX];

	while (pair->held_count)
		virtqueue_unpop(vq, pair->held[--pair->held_count]);
	pair->held_room = 0;
}

/* ---- transmit ---- */

/* 5.1.6.2: what a header may say after this negotiation, of a frame of len bytes. */
static bool header_ok(struct virtio_device *vdev, const struct virtio_net_hdr *hdr,
                      uint64_t len)
{
	static const uint8_t types[] = {
		[VIRTIO_NET_HDR_GSO_TCPV4] = VIRTIO_NET_F_HOST_TSO4,
		[VIRTIO_NET_HDR_GSO_TCPV6] = VIRTIO_NET_F_HOST_TSO6,
	};
	uint8_t type = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;

	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	    (!virtio_has(vdev, VIRTIO_NET_F_CSUM) ||
	     (uint64_t)hdr->csum_start + hdr->csum_offset + 2 > len))
		return false;
	if (hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN &&
	    (!type || !virtio_has(vdev, VIRTIO_NET_F_HOST_ECN)))
		return false;
	if (!type)
		return true;
	return type < ARRAY_SIZE(types) && types[type] && virtio_has(vdev, types[type]) &&
	       hdr->gso_size && hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
}

/* The frame behind its header as a list for the back end, header first if it wants one.
 * iov[0] is free for that. The number of segments. */
static unsigned list_frame(struct virtio_net *net, struct virtq_elem *elem, size_t head,
                           struct iovec *iov)
{
	unsigned n = iov_slice(elem->iov, elem->out_count, head, iov + 1, TX_SEGMENTS);
	uint64_t len = elem->out_len - head, listed = 0;

	for (unsigned i = 1; i <= n; i++)
		listed += iov[i].iov_len;
	if (listed == len)
		return n;
	iov_to_buf(elem->iov, elem->out_count, head, net->tx.data, len);
	iov[1] = (struct iovec){ net->tx.data, len };
	return 1;
}

/* 0: the chain is done with, whatever became of the frame; -EAGAIN: not now. */
static int transmit_one(struct net_pair *pair, struct virtq_elem *elem)
{
	struct virtio_net *net = pair->net;
	struct virtio_device *vdev = &net->vpci.vdev;
	struct virtio_net_hdr_mrg_rxbuf hdr = { 0 };
	struct iovec iov[TX_SEGMENTS + 1];
	size_t head = net_header_len(vdev);
	bool with = net_has_header(pair->nd);
	unsigned n;

	if (elem->out_len < head + ETH_HEAD ||
	    elem->out_len - head > NET_FRAME_MAX - NET_HDR_LEN) {
		log_guest(&net->warned, "%s: a frame of %llu bytes is dropped",
		          vdev->dev->path, (unsigned long long)elem->out_len);
		net_stats(pair->nd)->tx_dropped++;
		return 0;
	}
	iov_to_buf(elem->iov, elem->out_count, 0, &hdr, head);
	hdr.num_buffers = 0;
	/* Only NEEDS_CSUM is the driver's to say. */
	hdr.hdr.flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (!header_ok(vdev, &hdr.hdr, elem->out_len - head)) {
		log_guest(&net->warned,
		          "%s: a frame with a bad header (flags %u, type %u) is dropped",
		          vdev->dev->path, hdr.hdr.flags, hdr.hdr.gso_type);
		net_stats(pair->nd)->tx_dropped++;
		return 0;
	}
	n = list_frame(net, elem, head, iov);
	iov[0] = (struct iovec){ &hdr, NET_HDR_LEN };
	return with ? net_send(pair->nd, iov, n + 1) : net_send(pair->nd, iov + 1, n);
}

void net_transmit(struct net_pair *pair)
{
	struct virtio_device *vdev = &pair->net->vpci.vdev;
	struct virtqueue *vq = &vdev->queues[2 * pair->index + NET_TX];
	struct virtq_elem *elem = NULL;
	unsigned left = vq->size;
	bool full = false;

	if (!vq->mapped || !virtio_running(vdev))
		return;
	virtqueue_disable_notify(vq);
	net_cork(pair->nd, true);
	while (!full && left-- && (elem = virtqueue_pop(vq))) {
		full = transmit_one(pair, elem) == -EAGAIN;
		if (full)
			virtqueue_unpop(vq, elem);
		else
			virtqueue_push(vq, elem, 0);
	}
	net_cork(pair->nd, false);
	virtqueue_flush(vq);
	/* While it is full `writable` comes, and no notification is needed. */
	if (!full && virtqueue_enable_notify(vq))
		vdev->transport->wake(vdev, vq);
}
