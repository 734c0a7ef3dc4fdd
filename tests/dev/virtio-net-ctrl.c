// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-net's control queue (virtio 1.2, 5.1.6.5), the filter that it sets, link state,
 * announcement and address; and netdevs that cannot be used.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/dev/virtio-net-lib.h"
#include "tests/tap.h"
#include "vmm/virtio/net.h"

#include <errno.h>
#include <string.h>

static const uint8_t own[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

struct ctrl_test {
	struct card c;
	uint64_t at;
};

/* Sends a command; the answer, or 0xee when there is none. */
static uint8_t command(struct ctrl_test *t, uint8_t class, uint8_t cmd, const void *data,
                       size_t len)
{
	uint8_t *p = guest_ptr(t->c.g, t->at);

	p[0] = class;
	p[1] = cmd;
	memcpy(p + 2, data, len);
	p[2000] = 0xee;
	vqueue_do(&t->c.ctrl,
	          (struct vseg[]){ { t->at, 2 + len, false }, { t->at + 2000, 1, true } },
	          2);
	return p[2000];
}

static bool set_byte(struct ctrl_test *t, uint8_t cmd, uint8_t on)
{
	return command(t, VIRTIO_NET_CTRL_RX, cmd, &on, 1) == VIRTIO_NET_OK;
}

/* Does a frame to this address arrive? */
static bool hears_frame(struct ctrl_test *t, const uint8_t *frame, size_t len)
{
	struct virtio_net *net = (struct virtio_net *)t->c.d.dev;
	uint64_t dropped = net_stats(net->nd)->rx_dropped;

	vqueue_add(&t->c.rx, &(struct vseg){ t->at + 3000, 1000, true }, 1);
	vqueue_notify(&t->c.rx);
	card_say_bytes(&t->c, frame, len);
	board_settle(&t->c.g->board);
	return vqueue_reap(&t->c.rx) == 1 && net_stats(net->nd)->rx_dropped == dropped;
}

static bool hears(struct ctrl_test *t, const uint8_t *mac)
{
	uint8_t frame[60] = { 0 };

	memcpy(frame, mac, 6);
	return hears_frame(t, frame, sizeof(frame));
}

static bool hears_vlan(struct ctrl_test *t, unsigned vid)
{
	uint8_t frame[64] = { 0 };

	memcpy(frame, own, 6);
	frame[12] = 0x81;
	frame[14] = 0xe0 | vid >> 8; /* with a priority */
	frame[15] = vid;
	return hears_frame(t, frame, sizeof(frame));
}

static void open_test(struct ctrl_test *t, struct guest *g)
{
	card_open(&t->c, g, "", false, ALL);
	t->at = guest_alloc(g, 8192);
}

/* ---- the filter ---- */

static void test_modes(struct guest *g)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
			     multi[6] = { 0x33, 0x33, 0, 0, 0, 1 },
			     other[6] = { 0x52, 0x54, 0, 0, 0, 1 };
	struct ctrl_test t;

	open_test(&t, g);
	tap_ok(hears(&t, own) && hears(&t, all) && hears(&t, multi) && hears(&t, other),
	       "a driver that asks for nothing hears everything");
	tap_ok(set_byte(&t, VIRTIO_NET_CTRL_RX_PROMISC, 0), "promiscuous off");
	tap_ok(hears(&t, own) && hears(&t, all), "own address and broadcast are heard");
	tap_ok(!hears(&t, multi) && !hears(&t, other), "others are not");
	tap_ok(set_byte(&t, VIRTIO_NET_CTRL_RX_ALLMULTI, 1) && hears(&t, multi) &&
	               !hears(&t, other),
	       "all multicast");
	tap_ok(set_byte(&t, VIRTIO_NET_CTRL_RX_NOMULTI, 1) && !hears(&t, multi) &&
	               hears(&t, all),
	       "no multicast");
	tap_ok(set_byte(&t, VIRTIO_NET_CTRL_RX_ALLUNI, 1) && hears(&t, other),
	       "all unicast");
	tap_ok(set_byte(&t, VIRTIO_NET_CTRL_RX_NOUNI, 1) && !hears(&t, own),
	       "no unicast");
	tap_ok(set_byte(&t, VIRTIO_NET_CTRL_RX_NOBCAST, 1) && !hears(&t, all),
	       "no broadcast");
	tap_ok(!set_byte(&t, 6, 1), "a mode that there is not is refused");
	tap_eq(command(&t, VIRTIO_NET_CTRL_RX, 0, "", 0), VIRTIO_NET_ERR,
	       "so is a mode without a value");
	card_close(&t.c);
}

static void test_runt(struct guest *g)
{
	uint8_t runt[13] = { 0 };
	struct ctrl_test t;

	memcpy(runt, own, sizeof(own));
	open_test(&t, g);
	tap_ok(!hears_frame(&t, runt, sizeof(runt)), "13 bytes are no frame");
	tap_ok(hears(&t, own), "the next one gets the buffer");
	card_close(&t.c);
}

/* Tables of `uni` and `multi` addresses, numbered in their last bytes. */
static size_t make_tables(uint8_t *p, uint32_t uni, uint32_t multi)
{
	size_t at = 0;

	for (unsigned i = 0; i < 2; i++) {
		uint32_t count = i ? multi : uni;

		st32(p + at, count);
		at += 4;
		for (uint32_t n = 0; n < count; n++, at += 6) {
			const uint8_t mac[6] = { i ? 0x33 : 0x02, 0, 0, 0, n >> 8, n };

			memcpy(p + at, mac, 6);
		}
	}
	return at;
}

static void test_tables(struct guest *g)
{
	static const uint8_t u1[6] = { 2, 0, 0, 0, 0, 1 }, u9[6] = { 2, 0, 0, 0, 0, 9 },
			     m1[6] = { 0x33, 0, 0, 0, 0, 1 },
			     m9[6] = { 0x33, 0, 0, 0, 0, 9 };
	uint8_t p[1800];
	struct ctrl_test t;
	size_t len;

	open_test(&t, g);
	set_byte(&t, VIRTIO_NET_CTRL_RX_PROMISC, 0);
	len = make_tables(p, 2, 3);
	tap_eq(command(&t, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, p, len),
	       VIRTIO_NET_OK, "tables of 2 and 3 addresses");
	tap_ok(hears(&t, u1) && hears(&t, m1) && !hears(&t, u9) && !hears(&t, m9),
	       "those are heard and no others");
	tap_eq(command(&t, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, p,
	               len - 1),
	       VIRTIO_NET_ERR, "a table that is cut short is refused");
	st32(p, UINT32_MAX);
	tap_eq(command(&t, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, p, len),
	       VIRTIO_NET_ERR, "so is one of 2^32 - 1 entries");
	st32(p, 2863311531u); /* times 6 is 2 in 32 bits */
	tap_eq(command(&t, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, p, len),
	       VIRTIO_NET_ERR, "so is one whose size wraps around");
	tap_ok(hears(&t, u1) && !hears(&t, u9), "the old tables are still there");
	len = make_tables(p, 1, 100);
	tap_eq(command(&t, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, p, len),
	       VIRTIO_NET_OK, "a table that is too long is accepted");
	tap_ok(hears(&t, (const uint8_t[]){ 0x33, 9, 9, 9, 9, 9 }) && !hears(&t, u1),
	       "and all of that kind are heard");
	card_close(&t.c);
}

static void test_vlan_and_mac(struct guest *g)
{
	static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };
	uint16_t vid = 0xabc, beyond = 4096;
	struct ctrl_test t;

	open_test(&t, g);
	set_byte(&t, VIRTIO_NET_CTRL_RX_PROMISC, 0);
	tap_ok(!hears_vlan(&t, 0xabc), "no VLAN is heard at first");
	tap_eq(command(&t, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &vid, 2),
	       VIRTIO_NET_OK, "add a VLAN");
	tap_ok(hears_vlan(&t, 0xabc) && !hears_vlan(&t, 0xabd), "it is heard, alone");
	tap_eq(command(&t, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &beyond, 2),
	       VIRTIO_NET_ERR, "VLAN 4096 is refused");
	command(&t, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, &vid, 2);
	tap_ok(!hears_vlan(&t, 0xabc), "and removed again");
	tap_eq(command(&t, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 6),
	       VIRTIO_NET_OK, "another address");
	tap_ok(hears(&t, mac) && !hears(&t, own), "is heard instead");
	tap_eq(vdrv_config(&t.c.d, 5, 1), 5, "and in the configuration");
	tap_eq(command(&t, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 5),
	       VIRTIO_NET_ERR, "five bytes are no address");
	tap_eq(command(&t, 77, 0, "", 0), VIRTIO_NET_ERR, "an unknown class");
	tap_eq(command(&t, VIRTIO_NET_CTRL_MQ, 0, "\1", 2), VIRTIO_NET_ERR,
	       "more queues, which were not offered");
	tap_eq(command(&t, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, "\0\0\0\0\0\0\0\0", 8),
	       VIRTIO_NET_ERR, "offloads, which were not offered");
	vqueue_do(&t.c.ctrl, &(struct vseg){ t.at, 1, false }, 1);
	vqueue_do(&t.c.ctrl, &(struct vseg){ t.at, 1, true }, 1);
	tap_eq(*(uint8_t *)guest_ptr(g, t.at), VIRTIO_NET_ERR,
	       "half a command, none at all");
	tap_eq(t.c.ctrl.wrong + t.c.ctrl.waiting, 0, "each came back once");
	vdrv_set_status(&t.c.d, 0);
	tap_eq(vdrv_config(&t.c.d, 5, 1), own[5], "a reset brings the address back");
	card_close(&t.c);
}

/* ---- link and announcement ---- */

static void test_link(struct guest *g)
{
	struct netdev *nd;
	uint8_t buf[FRAMES_MAX];
	struct ctrl_test t;

	open_test(&t, g);
	nd = net_find(g->board.vm.nets, "n");
	tap_eq(vdrv_config(&t.c.d, 6, 2), VIRTIO_NET_S_LINK_UP, "the link is up");
	vdrv_isr(&t.c.d);
	net_set_link(nd, false);
	tap_eq(vdrv_config(&t.c.d, 6, 2), 0, "set_link off");
	tap_eq(vdrv_isr(&t.c.d), VIRTIO_PCI_ISR_CONFIG, "is an interrupt");
	net_set_link(nd, false);
	tap_eq(vdrv_isr(&t.c.d), 0, "once");
	memset(guest_ptr(g, t.at), 0, 100);
	vqueue_do(&t.c.tx, &(struct vseg){ t.at, 12 + 60, false }, 1);
	tap_ok(!hears(&t, own), "frames to the guest are lost");
	net_set_link(nd, true);
	vqueue_do(&t.c.tx, &(struct vseg){ t.at, 12 + 61, false }, 1);
	tap_eq(card_hear(&t.c, buf), 61, "so are those from it, until the link is up");
	vdrv_isr(&t.c.d);
	close(t.c.fd);
	t.c.fd = -1;
	vqueue_add(&t.c.rx, &(struct vseg){ t.at, 1000, true }, 1);
	vqueue_notify(&t.c.rx);
	board_settle(&g->board);
	tap_eq(vdrv_config(&t.c.d, 6, 2), 0, "a peer that goes takes the link down");
	tap_ok(vdrv_isr(&t.c.d) & VIRTIO_PCI_ISR_CONFIG, "with an interrupt");
	tap_eq(board_wakeups(&g->board, 20), 0, "and without spinning");
	card_close(&t.c);
}

static void test_bad_peer(struct guest *g)
{
	struct ctrl_test t;

	open_test(&t, g);
	vqueue_add(&t.c.rx, &(struct vseg){ t.at, 1000, true }, 1);
	vqueue_notify(&t.c.rx);
	tap_eq(write(t.c.fd, "\377\377\377\377", 4), 4, "a peer that sends nonsense");
	board_settle(&g->board);
	tap_eq(vdrv_config(&t.c.d, 6, 2), 0, "takes the link down");
	tap_ok(!(vdrv_status(&t.c.d) & VIRTIO_CONFIG_S_NEEDS_RESET),
	       "and not the device");
	card_close(&t.c);
}

static void test_announce(struct guest *g)
{
	_cleanup_strbuf_ struct strbuf section = { 0 };
	struct ctrl_test t;
	const struct state_desc *desc;
	struct err err = { 0 };
	size_t used = 0;

	open_test(&t, g);
	desc = t.c.d.dev->cls->state;
	tap_eq(command(&t, VIRTIO_NET_CTRL_ANNOUNCE, 0, "", 0), VIRTIO_NET_ERR,
	       "nothing to acknowledge");
	t.c.d.dev->cls->quiesce(t.c.d.dev);
	tap_eq(state_save(desc, t.c.d.dev, t.c.d.dev->path, &section, &err), 0, "save");
	tap_eq(state_load(desc, t.c.d.dev, t.c.d.dev->cls->size, t.c.d.dev->path,
	                  section.data, section.len, &used, &err),
	       0, "load %s", err.text);
	vdrv_isr(&t.c.d);
	t.c.d.dev->cls->resume(t.c.d.dev);
	tap_eq(vdrv_config(&t.c.d, 6, 2), VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE,
	       "a state that was loaded asks for an announcement");
	tap_ok(vdrv_isr(&t.c.d) & VIRTIO_PCI_ISR_CONFIG, "with an interrupt");
	tap_eq(command(&t, VIRTIO_NET_CTRL_ANNOUNCE, 0, "", 0), VIRTIO_NET_OK,
	       "the driver has done it");
	tap_eq(vdrv_config(&t.c.d, 6, 2), VIRTIO_NET_S_LINK_UP, "and is asked no more");
	card_close(&t.c);
}

/* ---- properties ---- */

static void test_refused(struct guest *g)
{
	static const struct {
		const char *opts, *says;
	} bad[] = {
		{ "", "it needs a network" },
		{ "netdev=x", "there is no netdev 'x'" },
		{ "netdev=n,mac=53:54:00:12:34:56", "multicast" },
		{ "netdev=n,mac=52:54:00:12:34", "must be like" },
		{ "netdev=n,mac=52:54:00:12:34:5g", "must be like" },
		{ "netdev=n,mac=52:54:00:12:34:567", "must be like" },
		{ "netdev=n,mac=5:54:000:12:34:56", "must be like" },
		{ "netdev=n,rx_queue_size=100", "powers of 2" },
		{ "netdev=n,host_mtu=10", "below 68" },
		{ "netdev=n", "in use" },
	};
	struct device *first, *second;
	int fds[2];

	net_registry_free(g->board.vm.nets);
	g->board.vm.nets = net_registry_new(g->board.vm.loop);
	fds[0] = board_net(&g->board, "n");
	fds[1] = board_net(&g->board, "m");
	first = board_add(&g->board, &virtio_net_pci_class, "netdev=n,host_mtu=1400");
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = { 0 };

		tap_ok(!device_create_simple(&g->board.vm, &virtio_net_pci_class,
		                             bad[i].opts, &err),
		       "refused: '%s'", bad[i].opts);
		tap_has(err.text, bad[i].says, "because: %s", err.text);
	}
	second = board_add(&g->board, &virtio_net_pci_class, "netdev=m");
	tap_eq(((struct virtio_net *)second)->mac[5], 0x57,
	       "the second card has the next address");
	device_destroy(second);
	device_destroy(first);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	struct guest g;

	guest_init(&g);
	test_modes(&g);
	test_runt(&g);
	test_tables(&g);
	test_vlan_and_mac(&g);
	test_link(&g);
	test_bad_peer(&g);
	test_announce(&g);
	test_refused(&g);
	guest_free(&g);
	return tap_done();
}
