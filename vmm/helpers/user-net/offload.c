// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Offloads of the user network (virtio 1.2, 5.1.6.2 and 5.1.6.4).
 *
 * What the guest sends unsegmented is one large packet to libslirp, whose work is per
 * packet and not per byte. The other way libslirp makes segments of the guest's MSS; the
 * ones of a round that continue each other are joined again, as a card with large receive
 * offload does, with their size told, so that a guest that forwards can cut them the same
 * way. Only plain segments are joined: no flag but ACK and PSH, nothing that differs but
 * the number and the data.
 */
#include "vmm/helpers/user-net/offload.h"

#include "common/bytes.h"
#include "common/csum.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stddef.h>

enum {
	IP4_HEAD = 20, /* without options; others are left alone */
	IP4_LEN = 2,
	IP4_ID = 4,
	IP4_FRAGMENT = 6,
	IP4_PROTOCOL = 9,
	IP4_SUM = 10,
	IP4_ADDRESSES = 12,
	IP6_HEAD = 40,
	IP6_LEN = 4,
	IP6_NEXT = 6,
	IP6_ADDRESSES = 8,
	TCP_SEQ = 4,
	TCP_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_SUM = 16,
	TCP_HEAD = 20,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	IP_MAX = 65535,
};

static uint16_t be16(const uint8_t *p)
{
	return ntohs(ld16(p));
}

static void set_be16(uint8_t *p, uint16_t v)
{
	st16(p, htons(v));
}

static bool is_ip6(const uint8_t *ether)
{
	return be16(ether + 12) == ETHERTYPE_IPV6;
}

/* The IP header tells this length, of its packet. */
static void set_ip_len(uint8_t *ether, size_t len)
{
	uint8_t *ip = ether + ETHER_HDR_LEN;

	if (is_ip6(ether)) {
		set_be16(ip + IP6_LEN, len - IP6_HEAD);
		return;
	}
	set_be16(ip + IP4_LEN, len);
	st16(ip + IP4_SUM, 0);
	st16(ip + IP4_SUM, ~csum_fold(csum_add(ip, IP4_HEAD, 0)));
}

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
		set_ip_len(ether, size - ETHER_HDR_LEN);
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

/* ---- to the guest ---- */

/* Where the parts of a plain TCP segment with data are, and its length without padding;
 * false: it is none, or the guest takes no joined ones of this kind. */
static bool find_parts(const struct joiner *j, const uint8_t *ether, size_t size,
                       unsigned *l4, unsigned *data, size_t *end)
{
	const uint8_t *ip = ether + ETHER_HDR_LEN;

	if (size < ETHER_HDR_LEN + IP6_HEAD + TCP_HEAD || size > FRAMES_MAX)
		return false;
	if (is_ip6(ether)) {
		*l4 = ETHER_HDR_LEN + IP6_HEAD;
		*end = *l4 + be16(ip + IP6_LEN);
		if (!(j->offloads & NETPROTO_TSO6) || ip[IP6_NEXT] != IPPROTO_TCP)
			return false;
	} else {
		*l4 = ETHER_HDR_LEN + IP4_HEAD;
		*end = ETHER_HDR_LEN + be16(ip + IP4_LEN);
		if (!(j->offloads & NETPROTO_TSO4) || be16(ether + 12) != ETHERTYPE_IP ||
		    ip[0] != 0x45 || be16(ip + IP4_FRAGMENT) & 0x3fff ||
		    ip[IP4_PROTOCOL] != IPPROTO_TCP)
			return false;
	}
	*data = *l4 + (ether[*l4 + TCP_OFFSET] >> 4) * 4;
	return (ether[*l4 + TCP_FLAGS] & ~TCP_PSH) == TCP_ACK &&
	       *data >= *l4 + TCP_HEAD && *data < *end && *end <= size;
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
static bool continues(const struct joiner *j, const uint8_t *ether, unsigned l4,
                      unsigned data, size_t end)
{
	uint32_t next = sequence(j->frame, j->l4) + j->size - j->data;
	uint8_t head[JOINER_HEAD];

	if (!j->size || j->data != data || end - data > j->segment_size ||
	    j->size + end - data > IP_MAX || sequence(ether, l4) != next)
		return false;
	take_head(ether, l4, data, head);
	return !memcmp(head, j->head, data);
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

/* Several segments are one packet whose sum is left to be done. */
static void finish_joined(struct joiner *j, struct virtio_net_hdr_v1 *hdr)
{
	uint8_t *ether = j->frame;
	bool six = is_ip6(ether);
	const uint8_t *addresses =
		ether + ETHER_HDR_LEN + (six ? IP6_ADDRESSES : IP4_ADDRESSES);
	uint64_t sum = htons(IPPROTO_TCP) + htons(j->size - j->l4);

	set_ip_len(ether, j->size - ETHER_HDR_LEN);
	st16(ether + j->l4 + TCP_SUM, csum_fold(csum_add(addresses, six ? 32 : 8, sum)));
	*hdr = (struct virtio_net_hdr_v1){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = six ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = j->data,
		.gso_size = j->segment_size,
		.csum_start = j->l4,
		.csum_offset = TCP_SUM,
	};
}

int joiner_flush(struct joiner *j)
{
	struct virtio_net_hdr_v1 hdr = plain_header(j);
	size_t size = j->size;

	if (!size)
		return 0;
	if (j->segments > 1)
		finish_joined(j, &hdr);
	j->size = 0;
	return send_frame(j, &hdr, j->frame, size);
}

static void join(struct joiner *j, const uint8_t *ether, unsigned data, size_t end)
{
	uint8_t *to = j->frame;

	memcpy(to + j->size, ether + data, end - data);
	to[j->l4 + TCP_FLAGS] |= ether[j->l4 + TCP_FLAGS];
	j->size += end - data;
	j->segments++;
}

static void begin(struct joiner *j, const uint8_t *ether, unsigned l4, unsigned data,
                  size_t end)
{
	memcpy(j->frame, ether, end);
	j->size = end;
	j->l4 = l4;
	j->data = data;
	j->segments = 1;
	j->segment_size = end - data;
	take_head(ether, l4, data, j->head);
}

int joiner_add(struct joiner *j, const void *frame, size_t size)
{
	struct virtio_net_hdr_v1 hdr;
	const uint8_t *ether = frame;
	unsigned l4, data;
	size_t end;
	int ret;

	if (!find_parts(j, ether, size, &l4, &data, &end)) {
		ret = joiner_flush(j);
		hdr = plain_header(j);
		return ret < 0 ? ret : send_frame(j, &hdr, frame, size);
	}
	if (continues(j, ether, l4, data, end)) {
		join(j, ether, data, end);
	} else {
		ret = joiner_flush(j);
		if (ret < 0)
			return ret;
		begin(j, ether, l4, data, end);
	}
	/* Nothing follows a shorter one, and what is pushed is wanted now. */
	return end - data < j->segment_size || ether[l4 + TCP_FLAGS] & TCP_PSH
	               ? joiner_flush(j)
	               : 0;
}
