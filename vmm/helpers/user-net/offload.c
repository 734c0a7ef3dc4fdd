// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Offloads of the user network (virtio 1.2, 5.1.6.2 and 5.1.6.4).
 *
 * What the guest sends unsegmented is one large packet to libslirp, whose work is per
 * packet and not per byte. The other way libslirp makes segments of several of the
 * guest's MSS (segment.h); the ones of a round that continue each other are joined, as a
 * card with large receive offload does, and the MSS is told, so that a guest that
 * forwards can cut them. One that takes no large frames gets them cut. Only plain
 * segments are joined: no flag but ACK and PSH, nothing that differs but the number and
 * the data.
 */
#include "vmm/helpers/user-net/offload.h"

#include "common/csum.h"

#include <errno.h>
#include <string.h>

#define IN_RING_LEAST 4096 /* bytes of a frame that another process is to look for */

/* ---- from the guest ---- */

/* A driver need not say the length of what will be cut. */
static bool fix_length(const struct virtio_net_hdr_v1 *hdr, uint8_t *ether, size_t size)
{
	bool six = (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV6;
	size_t head = six ? IP6_HEAD : IP4_HEAD;

	if (size < ETHER_HDR_LEN + head + TCP_HEAD || size - ETHER_HDR_LEN > IP_MAX ||
	    be16(ether + 12) != (six ? ETHERTYPE_IPV6 : ETHERTYPE_IP))
		return false;
	/* With options it is as the driver says. */
	if (six || ether[ETHER_HDR_LEN] == 0x45)
		packet_set_len(ether, size - ETHER_HDR_LEN);
	return true;
}

bool offload_finish(uint8_t *frame, size_t len)
{
	struct virtio_net_hdr_v1 hdr;
	uint8_t *ether = frame + NETPROTO_HEADER;
	size_t size = len - NETPROTO_HEADER, at;
	uint16_t sum;

	memcpy(&hdr, frame, sizeof(hdr));
	if (!(hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return hdr.gso_type == VIRTIO_NET_HDR_GSO_NONE;
	at = (size_t)hdr.csum_start + hdr.csum_offset;
	if (at + 2 > size || (hdr.gso_type && !fix_length(&hdr, ether, size)))
		return false;
	/* The sum of the pseudo header is there. 0 would mean none to UDP. */
	sum = ~csum_fold(csum_add(ether + hdr.csum_start, size - hdr.csum_start, 0));
	st16(ether + at, sum ? sum : 0xffff);
	return true;
}

int joiner_input(struct joiner *j, uint8_t *ether, size_t size, segment_fn *fn,
                 void *opaque)
{
	unsigned mss = segment_offer(ether, size);
	struct tcp_parts p;

	if (mss && (!j->mss[is_ip6(ether)] || mss < j->mss[is_ip6(ether)]))
		j->mss[is_ip6(ether)] = mss;
	/* Of IPv6 libslirp takes nothing above its MTU. */
	if (size > ETHER_HDR_LEN + SEGMENT_SLIRP_MTU &&
	    packet_find_tcp(ether, size, &p) && p.six)
		return segment_cut(ether, &p, SEGMENT_MAX, fn, opaque);
	return fn(opaque, ether, size);
}

/* ---- to the guest ---- */

/* Finds the parts of a plain TCP segment with data; false: it is none, or the guest takes
 * no joined ones of this kind. */
static bool find_parts(const struct joiner *j, const uint8_t *ether, size_t size,
                       struct tcp_parts *p)
{
	return size <= FRAMES_MAX && packet_find_tcp(ether, size, p) &&
	       j->offloads & (p->six ? NETPROTO_TSO6 : NETPROTO_TSO4) &&
	       (ether[p->l4 + TCP_FLAGS] & ~TCP_PSH) == TCP_ACK && p->data < p->end;
}

/* What the guest takes of one segment. Without a SYN yet: as its network has it. */
static unsigned segment_room(const struct joiner *j, bool six)
{
	unsigned head = TCP_HEAD + (six ? IP6_HEAD : IP4_HEAD);

	return j->mss[six] ? j->mss[six] : SEGMENT_MTU - head;
}

/* The headers without what may differ from one segment to the next: lengths, the number
 * of an IPv4 packet, sums, the place in the stream, PSH. */
static void take_head(const uint8_t *ether, unsigned l4, unsigned data, uint8_t *head)
{
	uint8_t *ip = head + ETHER_HDR_LEN, *tcp = head + l4;

	memcpy(head, ether, data);
	if (is_ip6(ether)) {
		st16(ip + IP6_LEN, 0);
	} else {
		st16(ip + IP4_LEN, 0);
		st16(ip + IP4_ID, 0);
		st16(ip + IP4_SUM, 0);
	}
	st32(tcp + TCP_SEQ, 0);
	tcp[TCP_FLAGS] &= ~TCP_PSH;
	st16(tcp + TCP_SUM, 0);
}

static uint32_t sequence(const uint8_t *ether, unsigned l4)
{
	return ntohl(ld32(ether + l4 + TCP_SEQ));
}

/* The segment goes on where the frame ends, and nothing else is different. */
static bool continues(const struct joiner *j, const uint8_t *ether,
                      const struct tcp_parts *p)
{
	size_t len = p->end - p->data;
	uint8_t head[PACKET_HEAD];
	uint32_t next;

	if (!j->size || j->data != p->data || len > j->segment_size ||
	    j->size + len > IP_MAX)
		return false;
	next = sequence(j->frame, j->l4) + j->size - j->data;
	if (sequence(ether, p->l4) != next)
		return false;
	take_head(ether, p->l4, p->data, head);
	return !memcmp(head, j->head, p->data);
}

static int send_frame(struct joiner *j, const struct virtio_net_hdr_v1 *hdr,
                      const void *ether, size_t size)
{
	const struct iovec iov[] = { { (void *)hdr, sizeof(*hdr) },
		                     { (void *)ether, size } };

	return frames_send(j->frames, iov, 2);
}

/* What libslirp sums up is right. */
static struct virtio_net_hdr_v1 plain_header(const struct joiner *j)
{
	return (struct virtio_net_hdr_v1){
		.flags = j->offloads & NETPROTO_CSUM ? VIRTIO_NET_HDR_F_DATA_VALID : 0,
	};
}

static int send_plain(void *opaque, const void *ether, size_t size)
{
	struct virtio_net_hdr_v1 hdr = plain_header(opaque);

	return send_frame(opaque, &hdr, ether, size);
}

/* A frame that is joined with no other. */
static int send_alone(struct joiner *j, const uint8_t *ether, size_t size)
{
	struct tcp_parts p;

	if (!packet_find_tcp(ether, size, &p))
		return segment_fragment(ether, size, send_plain, j);
	if (p.end - p.data > segment_room(j, p.six))
		return segment_cut(ether, &p, segment_room(j, p.six), send_plain, j);
	return send_plain(j, ether, size);
}

/* Several segments are one packet whose sum is left to be done. */
static void finish_joined(struct joiner *j, unsigned room, struct virtio_net_hdr_v1 *hdr)
{
	uint8_t *ether = j->frame;

	packet_set_len(ether, j->size - ETHER_HDR_LEN);
	st16(ether + j->l4 + TCP_SUM, packet_pseudo_sum(ether, j->size - j->l4));
	*hdr = (struct virtio_net_hdr_v1){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = is_ip6(ether) ? VIRTIO_NET_HDR_GSO_TCPV6
		                          : VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = j->data,
		.gso_size = j->segment_size < room ? j->segment_size : room,
		.csum_start = j->l4,
		.csum_offset = TCP_SUM,
	};
}

static bool in_own(const struct joiner *j)
{
	return j->frame == j->own + NETPROTO_HEADER;
}

int joiner_flush(struct joiner *j)
{
	struct virtio_net_hdr_v1 hdr = plain_header(j);
	size_t size = j->size;
	unsigned room;

	if (!size)
		return 0;
	room = segment_room(j, is_ip6(j->frame));
	if (j->segments > 1 || size - j->data > room)
		finish_joined(j, room, &hdr);
	j->size = 0;
	if (size < IN_RING_LEAST || in_own(j))
		return send_frame(j, &hdr, j->frame, size);
	memcpy(j->frame - sizeof(hdr), &hdr, sizeof(hdr));
	return frames_send_room(j->frames, sizeof(hdr) + size);
}

static void join(struct joiner *j, const uint8_t *ether, const struct tcp_parts *p)
{
	uint8_t *to = j->frame;

	memcpy(to + j->size, ether + p->data, p->end - p->data);
	to[j->l4 + TCP_FLAGS] |= ether[j->l4 + TCP_FLAGS];
	j->size += p->end - p->data;
	j->segments++;
}

static void begin(struct joiner *j, const uint8_t *ether, const struct tcp_parts *p)
{
	uint8_t *room =
		j->frames->ring ? frame_ring_room(j->frames->ring, FRAMES_MAX) : NULL;

	j->frame = (room ? room : j->own) + NETPROTO_HEADER;
	memcpy(j->frame, ether, p->end);
	j->size = p->end;
	j->l4 = p->l4;
	j->data = p->data;
	j->segments = 1;
	j->segment_size = p->end - p->data;
	take_head(ether, p->l4, p->data, j->head);
}

int joiner_add(struct joiner *j, const void *frame, size_t size)
{
	const uint8_t *ether = frame;
	struct tcp_parts p;
	int ret;

	if (!find_parts(j, ether, size, &p)) {
		ret = joiner_flush(j);
		return ret < 0 ? ret : send_alone(j, frame, size);
	}
	if (continues(j, ether, &p)) {
		join(j, ether, &p);
	} else {
		ret = joiner_flush(j);
		if (ret < 0)
			return ret;
		begin(j, ether, &p);
	}
	/* Nothing follows a shorter one, and what is pushed is wanted now. */
	return p.end - p.data < j->segment_size || ether[p.l4 + TCP_FLAGS] & TCP_PSH
	               ? joiner_flush(j)
	               : 0;
}
