// SPDX-License-Identifier: GPL-2.0-or-later
/* Cards and their netdevs (card.h). */
#include "vmm/net/card.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int parse_mac(const char *text, uint8_t mac[NET_MAC_LEN], struct err *err)
{
	unsigned v[NET_MAC_LEN];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4],
	           &v[5], &end) != NET_MAC_LEN ||
	    text[end] || strlen(text) != 17 ||
	    strspn(text, ":0123456789abcdefABCDEF") != 17)
		return err_usage(err, "mac=%s: must be like 52:54:00:12:34:56", text);
	if (v[0] & 1)
		return err_usage(
			err,
			"mac=%s is a multicast address (bit 0 of its first byte); "
			"use one like 52:54:00:12:34:56",
			text);
	for (unsigned i = 0; i < NET_MAC_LEN; i++)
		mac[i] = v[i];
	return 0;
}

static bool is_taken(struct net_registry *reg, const uint8_t mac[NET_MAC_LEN])
{
	struct netdev *nd = NULL;

	while (reg && (nd = net_next(reg, nd))) {
		const struct net_front *front = net_get_front(nd);

		if (front && front->own_mac && !memcmp(front->own_mac, mac, NET_MAC_LEN))
			return true;
	}
	return false;
}

int net_card_mac(struct net_registry *reg, char **text, uint8_t mac[NET_MAC_LEN],
                 struct err *err)
{
	static const uint8_t first[NET_MAC_LEN] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

	if (*text)
		return parse_mac(*text, mac, err);
	memcpy(mac, first, NET_MAC_LEN);
	while (is_taken(reg, mac))
		mac[5]++;
	/* Programs look for it in the property. */
	return asprintf(text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
	                mac[3], mac[4], mac[5]) < 0
	               ? err_sys(err, ENOMEM, "mac")
	               : 0;
}

int net_card_find(struct net_registry *reg, const char *id, struct netdev **nd,
                  struct err *err)
{
	if (!id)
		return err_usage(err, "it needs a network; add netdev=ID, and a -netdev "
		                      "user,id=ID");
	*nd = reg ? net_find(reg, id) : NULL;
	if (!*nd)
		return err_usage(err,
		                 "there is no netdev '%s'; define it with -netdev "
		                 "user,id=%s or -netdev tap,id=%s",
		                 id, id, id);
	return 0;
}

int net_card_attach(struct net_registry *reg, const char *id,
                    const struct net_front *front, struct netdev **nd, struct err *err)
{
	struct netdev *found;
	int ret = net_card_find(reg, id, &found, err);

	if (ret >= 0)
		ret = net_attach(found, front, err);
	if (ret >= 0)
		*nd = found;
	return ret;
}
