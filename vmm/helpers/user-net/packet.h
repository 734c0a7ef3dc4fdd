/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets in Ethernet frames that the user network looks into: where the parts of TCP
 * over IPv4 and IPv6 are. Frames are of any alignment; the numbers in them are read with
 * care. */
#ifndef VMM_HELPERS_USER_NET_PACKET_H
#define VMM_HELPERS_USER_NET_PACKET_H

#include "common/bytes.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	TCP_URGENT = 18,
	TCP_HEAD = 20,
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	IP_MAX = 65535,
};

#define PACKET_HEAD (14 + 40 + 60) /* the longest Ethernet, IP and TCP headers */

/* Offsets in the frame. */
struct tcp_parts {
	bool six;
	unsigned l4, data; /* where TCP and where its data begin */
	size_t end;        /* of the packet; padding may follow */
};

static inline uint16_t be16(const uint8_t *p)
{
	return ntohs(ld16(p));
}

static inline void set_be16(uint8_t *p, uint16_t v)
{
	st16(p, htons(v));
}

static inline bool is_ip6(const uint8_t *ether)
{
	return be16(ether + 12) == ETHERTYPE_IPV6;
}

/* False: it is no TCP, a fragment, has options of IP's, or is not whole. */
bool packet_find_tcp(const uint8_t *ether, size_t size, struct tcp_parts *parts);
/* The IP header tells this length, of its packet. */
void packet_set_len(uint8_t *ether, size_t len);
/* The sum of a TCP pseudo header, folded and not inverted. */
uint16_t packet_pseudo_sum(const uint8_t *ether, size_t tcp_len);

#endif
