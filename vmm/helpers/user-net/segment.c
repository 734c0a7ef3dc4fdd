// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packets that are too large for the guest (segment.h): TCP segmentation in software, for
 * guests that do not do it themselves, and IPv4 fragmentation (RFC 791, 2.3). And the
 * reason why they are: the MSS option (RFC 9293, 3.7.1) is changed in the guest's SYN.
 * Sums are changed by the difference, so that one that was wrong stays so.
 */
#include "vmm/helpers/user-net/segment.h"

#include "common/cleanup.h"
#include "common/csum.h"

#include <string.h>

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_MSS_LEN = 4,
	MSS_MIN = 536, /* with less, something is special there */
	FRAGMENT_NOT = 0x4000,
	FRAGMENT_MORE = 0x2000,
};

/* ---- packets ---- */

bool packet_find_tcp(const uint8_t *ether, size_t size, struct tcp_parts *p)
{
	const uint8_t *ip = ether + ETHER_HDR_LEN;

	if (size < ETHER_HDR_LEN + IP4_HEAD + TCP_HEAD)
		return false;
	p->six = is_ip6(ether);
	p->l4 = ETHER_HDR_LEN + (p->six ? IP6_HEAD : IP4_HEAD);
	if (size < p->l4 + TCP_HEAD)
		return false;
	if (p->six) {
		p->end = p->l4 + be16(ip + IP6_LEN);
		if (ip[IP6_NEXT] != IPPROTO_TCP)
			return false;
	} else {
		p->end = ETHER_HDR_LEN + be16(ip + IP4_LEN);
		if (be16(ether + 12) != ETHERTYPE_IP || ip[0] != 0x45 ||
		    be16(ip + IP4_FRAGMENT) & ~FRAGMENT_NOT ||
		    ip[IP4_PROTOCOL] != IPPROTO_TCP)
			return false;
	}
	p->data = p->l4 + (ether[p->l4 + TCP_OFFSET] >> 4) * 4;
	return p->data >= p->l4 + TCP_HEAD && p->data <= p->end && p->end <= size;
}

static void sum_ip4(uint8_t *ip)
{
	st16(ip + IP4_SUM, 0);
	st16(ip + IP4_SUM, ~csum_fold(csum_add(ip, IP4_HEAD, 0)));
}

void packet_set_len(uint8_t *ether, size_t len)
{
	uint8_t *ip = ether + ETHER_HDR_LEN;

	if (is_ip6(ether)) {
		set_be16(ip + IP6_LEN, len - IP6_HEAD);
		return;
	}
	set_be16(ip + IP4_LEN, len);
	sum_ip4(ip);
}

uint16_t packet_pseudo_sum(const uint8_t *ether, size_t tcp_len)
{
	bool six = is_ip6(ether);
	const uint8_t *addresses =
		ether + ETHER_HDR_LEN + (six ? IP6_ADDRESSES : IP4_ADDRESSES);
	uint64_t sum = htons(IPPROTO_TCP) + htons(tcp_len);

	return csum_fold(csum_add(addresses, six ? 32 : 8, sum));
}

/* ---- the MSS ---- */

/* The option's value, in the TCP header from `at` to `end`; NULL: there is none. */
static uint8_t *find_mss(uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != OPTION_END) {
		if (*at == OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return NULL;
		if (at[0] == OPTION_MSS)
			return at[1] == OPTION_MSS_LEN ? at + 2 : NULL;
		at += at[1];
	}
	return NULL;
}

unsigned segment_offer(uint8_t *ether, size_t size)
{
	struct tcp_parts p;
	uint8_t *value, *words, *sum;
	uint16_t before;
	unsigned mss;

	if (!packet_find_tcp(ether, size, &p) || !(ether[p.l4 + TCP_FLAGS] & TCP_SYN))
		return 0;
	value = find_mss(ether + p.l4 + TCP_HEAD, ether + p.data);
	mss = value ? be16(value) : 0;
	if (mss < MSS_MIN)
		return 0;
	if (mss > SEGMENT_MAX)
		return mss;
	/* The words that it lies in: two, when an odd number of bytes is before it. */
	words = ether + p.l4 + ((value - ether - p.l4) & ~1);
	sum = ether + p.l4 + TCP_SUM;
	before = csum_fold(csum_add(words, 4, 0));
	set_be16(value, mss * (SEGMENT_MAX / mss));
	st16(sum, ~csum_fold((uint64_t)(uint16_t)~ld16(sum) + (uint16_t)~before +
	                     csum_fold(csum_add(words, 4, 0))));
	return mss;
}

/* ---- TCP ---- */

/* What one piece, that begins `at` bytes behind the data's start, says otherwise than the
 * whole. */
static void change_tcp(uint8_t *tcp, size_t at, bool last)
{
	uint16_t urgent = be16(tcp + TCP_URGENT);

	st32(tcp + TCP_SEQ, htonl(ntohl(ld32(tcp + TCP_SEQ)) + at));
	if (!last)
		tcp[TCP_FLAGS] &= ~(TCP_FIN | TCP_PSH);
	if (!(tcp[TCP_FLAGS] & TCP_URG))
		return;
	if (urgent <= at)
		tcp[TCP_FLAGS] &= ~TCP_URG;
	set_be16(tcp + TCP_URGENT, urgent > at ? urgent - at : 0);
}

int segment_cut(const uint8_t *ether, const struct tcp_parts *p, unsigned mss,
                segment_fn *fn, void *opaque)
{
	size_t len = p->end - p->data, part;
	uint8_t piece[PACKET_HEAD + SEGMENT_MAX];
	uint8_t *tcp = piece + p->l4;
	int ret = 0;

	for (size_t at = 0; at < len && ret >= 0; at += part) {
		size_t tcp_len;

		part = len - at < mss ? len - at : mss;
		tcp_len = p->data - p->l4 + part;
		memcpy(piece, ether, p->data);
		memcpy(piece + p->data, ether + p->data + at, part);
		change_tcp(tcp, at, at + part == len);
		packet_set_len(piece, p->data - ETHER_HDR_LEN + part);
		st16(tcp + TCP_SUM, packet_pseudo_sum(piece, tcp_len));
		st16(tcp + TCP_SUM, ~csum_fold(csum_add(tcp, tcp_len, 0)));
		ret = fn(opaque, piece, p->data + part);
	}
	return ret;
}

/* ---- all else ---- */

int segment_fragment(const uint8_t *ether, size_t size, segment_fn *fn, void *opaque)
{
	const uint8_t *ip = ether + ETHER_HDR_LEN, *data = ip + IP4_HEAD;
	uint8_t piece[ETHER_HDR_LEN + SEGMENT_MTU];
	uint8_t *to = piece + ETHER_HDR_LEN;
	size_t len, part;
	uint16_t place;
	int ret = 0;

	if (size <= ETHER_HDR_LEN + SEGMENT_MTU || be16(ether + 12) != ETHERTYPE_IP ||
	    ip[0] != 0x45 || be16(ip + IP4_LEN) <= SEGMENT_MTU ||
	    be16(ip + IP4_LEN) > size - ETHER_HDR_LEN)
		return fn(opaque, ether, size);
	place = be16(ip + IP4_FRAGMENT);
	if (place & FRAGMENT_NOT)
		return 0;
	len = be16(ip + IP4_LEN) - IP4_HEAD;
	for (size_t at = 0; at < len && ret >= 0; at += part) {
		part = (SEGMENT_MTU - IP4_HEAD) & ~7;
		part = len - at < part ? len - at : part;
		memcpy(piece, ether, ETHER_HDR_LEN + IP4_HEAD);
		memcpy(to + IP4_HEAD, data + at, part);
		set_be16(to + IP4_FRAGMENT,
		         (place + at / 8) | (at + part < len ? FRAGMENT_MORE : 0));
		packet_set_len(piece, IP4_HEAD + part);
		ret = fn(opaque, piece, ETHER_HDR_LEN + IP4_HEAD + part);
	}
	return ret;
}
