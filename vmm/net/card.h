/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all models of network cards do alike: find their netdev and their address. Machine
 * lock. */
#ifndef VMM_NET_CARD_H
#define VMM_NET_CARD_H

#include "vmm/net/net.h"

#include <string.h>

#define NET_MAC_LEN 6

static inline bool net_is_broadcast(const uint8_t mac[NET_MAC_LEN])
{
	return !memcmp(mac, "\xff\xff\xff\xff\xff\xff", NET_MAC_LEN);
}

/* The rows of every card, for two members that are strings. */
#define NET_CARD_PROPS(object, netdev_member, mac_member)                               \
	{ .name = "netdev",                                                             \
	  .type = OPT_STR,                                                              \
	  .offset = offsetof(object, netdev_member),                                    \
	  .help = "id of the -netdev" },                                                \
	{                                                                               \
		.name = "mac", .type = OPT_STR, .offset = offsetof(object, mac_member), \
		.help = "its address (default: 52:54:00:12:34:56 and up)"               \
	}

/* The address that mac= gives (*text), or, without (NULL), the first of QEMU's range that
 * no card was given; *text is set to it. -errno with a sentence. */
int net_card_mac(struct net_registry *reg, char **text, uint8_t mac[NET_MAC_LEN],
                 struct err *err);
/* The netdev that netdev= names (NULL: a sentence that asks for it). */
int net_card_find(struct net_registry *reg, const char *id, struct netdev **nd,
                  struct err *err);
/* Makes front the front end of the netdev that netdev= names (NULL: a sentence that asks
 * for it). *nd is set on success only. */
int net_card_attach(struct net_registry *reg, const char *id,
                    const struct net_front *front, struct netdev **nd, struct err *err);

#endif
