// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Announcing cards, after a move or when the user asks: as QEMU does, with an RARP
 * request (RFC 903) for the card's own address, which every switch learns from and nobody
 * answers. Several announcements may be under way, each with a name.
 */
#include "vmm/net/backend.h"

#include <errno.h>
#include <net/ethernet.h>
#include <stdlib.h>
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

/* ---- rounds ---- */

struct announcement {
	struct announcement *next;
	struct net_registry *reg;
	struct net_announce how; /* what is left of it; its strings are owned */
	struct loop_timer timer;
};

static void end(struct announcement *a)
{
	struct announcement **p = &a->reg->announcements;

	while (*p != a)
		p = &(*p)->next;
	*p = a->next;
	loop_timer_disarm(&a->timer);
	free((char *)a->how.id);
	free((char *)a->how.cards);
	free(a);
}

static bool is_meant(const struct announcement *a, const char *card)
{
	const char *p = a->how.cards;
	size_t len = strlen(card);

	while (p && *p) {
		size_t n = strcspn(p, ",");

		if (n == len && !strncmp(p, card, n))
			return true;
		p += n + (p[n] == ',');
	}
	return !a->how.cards;
}

static void next_round(void *opaque)
{
	struct announcement *a = opaque;
	struct net_announce *how = &a->how;

	for (struct netdev *nd = a->reg->first; nd; nd = nd->next)
		if (nd->attached && nd->front.mac && is_meant(a, net_card_name(nd)))
			announce(nd);
	if (!--how->rounds) {
		end(a);
		return;
	}
	loop_timer_arm(&a->timer, loop_now() + how->initial_ms * 1000000ull);
	how->initial_ms += how->step_ms;
	if (how->initial_ms > how->max_ms)
		how->initial_ms = how->max_ms;
}

/* ---- starting and ending ---- */

void net_announce_stop(struct net_registry *reg)
{
	while (reg->announcements)
		end(reg->announcements);
}

/* Ends that of the same id; how many others there are. */
static unsigned replace(struct net_registry *reg, const char *id)
{
	struct announcement *next;
	unsigned count = 0;

	for (struct announcement *a = reg->announcements; a; a = next) {
		next = a->next;
		if (!strcmp(a->how.id, id))
			end(a);
		else
			count++;
	}
	return count;
}

int net_announce(struct net_registry *reg, const struct net_announce *how,
                 struct err *err)
{
	const char *id = how->id ? how->id : "";
	struct announcement *a;

	if (replace(reg, id) >= NET_ANNOUNCES)
		return err_set(err, EBUSY,
		               "%d announcements are under way; try again when they are "
		               "over",
		               NET_ANNOUNCES);
	a = calloc(1, sizeof(*a));
	if (!a)
		return err_sys(err, ENOMEM, "announcement");
	a->reg = reg;
	a->how = *how;
	a->how.id = strdup(id);
	a->how.cards = how->cards ? strdup(how->cards) : NULL;
	a->next = reg->announcements;
	reg->announcements = a;
	loop_timer_init(reg->loop, &a->timer, next_round, a);
	if (!a->how.id || (how->cards && !a->how.cards)) {
		end(a);
		return err_sys(err, ENOMEM, "announcement");
	}
	loop_timer_arm(&a->timer, loop_now());
	return 0;
}
