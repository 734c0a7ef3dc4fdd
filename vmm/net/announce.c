// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Announcing cards, after a move or when the user asks: as QEMU does, with an RARP
 * request (RFC 903) for the card's own address, which every switch learns from and nobody
 * answers.
 */
#include "vmm/net/backend.h"

#include <net/ethernet.h>
#include <string.h>

#define RARP_LEN 60

static void announce(struct netdev *nd)
{
	static const uint8_t request[] = {
		ETHERTYPE_REVARP >> 8, ETHERTYPE_REVARP & 0xff, 0, 1, 8, 0, 6, 4, 0, 3
	};
	uint8_t frame[NET_HDR_LEN + RARP_LEN] = { 0 }, *p = frame + NET_HDR_LEN;
	const uint8_t *mac = nd->front.mac(nd->front.opaque);
	struct iovec iov = { p, RARP_LEN };

	memset(p, 0xff, 6);
	memcpy(p + 6, mac, 6);
	memcpy(p + 12, request, sizeof(request));
	memcpy(p + 22, mac, 6); /* who asks, and about whom */
	memcpy(p + 32, mac, 6);
	if (nd->header)
		iov = (struct iovec){ frame, sizeof(frame) };
	net_send(nd, &iov, 1);
	if (nd->front.announce)
		nd->front.announce(nd->front.opaque);
}

static void next_round(void *opaque)
{
	struct net_registry *reg = opaque;
	struct net_announce *how = &reg->announce;

	for (struct netdev *nd = reg->first; nd; nd = nd->next)
		if (nd->attached && nd->front.mac)
			announce(nd);
	if (!--how->rounds)
		return;
	loop_timer_arm(&reg->announce_timer, loop_now() + how->initial_ms * 1000000ull);
	how->initial_ms += how->step_ms;
	if (how->initial_ms > how->max_ms)
		how->initial_ms = how->max_ms;
}

void net_announce_init(struct net_registry *reg)
{
	loop_timer_init(reg->loop, &reg->announce_timer, next_round, reg);
}

void net_announce_all(struct net_registry *reg, const struct net_announce *how)
{
	reg->announce = *how;
	loop_timer_arm(&reg->announce_timer, loop_now());
}
