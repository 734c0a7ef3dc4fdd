// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-net (virtio 1.2, 5.1): frames both ways through a socket, with both headers,
 * merged buffers, offloads, a peer that does not read and a driver that gives no buffers.
 * The control queue and the link are in virtio-net-ctrl.c.
 */
#include "common/cleanup.h"
#include "common/frames.h"
#include "tests/dev/virtio-lib.h"
#include "tests/dev/virtio-net-lib.h"
#include "tests/tap.h"
#include "vmm/virtio/pci.h"

#include <string.h>

static uint8_t got[FRAMES_MAX];

/* ---- transmit ---- */

static void test_transmit(struct guest *g, bool legacy)
{
	const char *what = legacy ? "legacy" : "modern";
	struct card c;
	size_t head = legacy ? 10 : 12;
	uint64_t at = guest_alloc(g, 8192);

	card_open(&c, g, "", legacy, ~MRG);
	card_fill(guest_ptr(g, at), 2000);
	memset(guest_ptr(g, at), 0, head);
	vqueue_do(&c.tx, &(struct vseg){ at, head + 60, false }, 1);
	tap_eq(card_hear(&c, got), 60, "%s: a frame in one segment", what);
	tap_ok(!memcmp(got, (uint8_t *)guest_ptr(g, at) + head, 60), "with its bytes");
	vqueue_do(&c.tx,
	          (struct vseg[]){ { at, 4, false },
	                           { at + 4, head, false },
	                           { at + 100, 100, false },
	                           { at + 300, 0, false },
	                           { at + 400, 1, false } },
	          5);
	tap_eq(card_hear(&c, got), 4 + 101, "%s: in pieces, the header too", what);
	tap_ok(!memcmp(got, (uint8_t *)guest_ptr(g, at) + head, 4) &&
	               !memcmp(got + 4, (uint8_t *)guest_ptr(g, at) + 100, 100) &&
	               got[104] == ((uint8_t *)guest_ptr(g, at))[400],
	       "in their order");
	tap_eq(c.tx.wrong + c.tx.waiting, 0, "each chain came back once");
	card_close(&c);
}

/* More segments than go to the back end as they are. */
static void test_many_segments(struct guest *g)
{
	uint64_t at = guest_alloc(g, 4096);
	struct vseg segs[200];
	struct card c;
	bool same = true;

	card_open(&c, g, "", false, ALL);
	card_fill(guest_ptr(g, at), 4096);
	memset(guest_ptr(g, at), 0, 12);
	segs[0] = (struct vseg){ at, 12, false };
	for (unsigned i = 1; i < 200; i++)
		segs[i] = (struct vseg){ at + 10 * i + 2, 5, false };
	vqueue_do(&c.tx, segs, 200);
	tap_eq(card_hear(&c, got), 199 * 5, "a frame in 199 segments");
	for (unsigned i = 0; i < 199 * 5; i++)
		same &= got[i] ==
		        ((uint8_t *)guest_ptr(g, at))[10 * (i / 5 + 1) + 2 + i % 5];
	tap_ok(same, "with its bytes");
	card_close(&c);
}

/* The peer does not read: chains stay with the device, and nothing spins. */
static void test_full(struct guest *g)
{
	uint64_t at = guest_alloc(g, 65536);
	unsigned seen = 0, back;
	struct card c;

	card_open(&c, g, "", false, ALL);
	memset(guest_ptr(g, at), 0, 12);
	for (unsigned i = 0; i < 100; i++)
		vqueue_add(&c.tx, &(struct vseg){ at, 12 + 9000, false }, 1);
	vqueue_notify(&c.tx);
	board_settle(&g->board);
	back = vqueue_reap(&c.tx);
	tap_ok(back > 0 && back < 100, "%u of 100 frames fit into the socket", back);
	tap_eq(board_wakeups(&g->board, 20), 0, "then the device waits");
	c.d.dev->cls->quiesce(c.d.dev);
	tap_eq(((struct virtio_pci *)c.d.dev)->vdev.queues[1].in_flight, 0,
	       "nothing is in flight when the machine stops");
	c.d.dev->cls->resume(c.d.dev);
	while (seen < 100 && card_hear(&c, got) == 9000)
		seen++;
	tap_eq(seen, 100, "when the peer reads all of them arrive");
	vqueue_reap(&c.tx);
	tap_eq(c.tx.waiting + c.tx.wrong, 0, "and every chain comes back once");
	card_close(&c);
}

/* Chains and headers that no driver should send: the frame is dropped, no more. */
static void test_hostile(struct guest *g)
{
	static const struct {
		uint8_t flags, type;
		uint16_t hdr_len, gso, start, offset;
		const char *what;
	} bad[] = {
		{ 1, 0, 0, 0, 34, 16, "a checksum that was not negotiated" },
		{ 1, 1, 54, 1448, 34, 16, "segmentation that was not negotiated" },
		{ 0, 5, 0, 0, 0, 0, "a type that there is not" },
		{ 0, 0x80, 0, 0, 0, 0, "ECN of nothing" },
	};
	uint64_t at = guest_alloc(g, 8192), big = guest_alloc(g, 1 << 20);
	struct netdev *nd;
	struct card c;
	uint64_t dropped;

	card_open(&c, g, "", false, ALL);
	nd = net_find(g->board.vm.nets, "n");
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct virtio_net_hdr_v1 hdr = { .flags = bad[i].flags,
			                         .gso_type = bad[i].type,
			                         .hdr_len = bad[i].hdr_len,
			                         .gso_size = bad[i].gso,
			                         .csum_start = bad[i].start,
			                         .csum_offset = bad[i].offset };

		dropped = net_stats(nd)->tx_dropped;
		memcpy(guest_ptr(g, at), &hdr, 12);
		vqueue_do(&c.tx, &(struct vseg){ at, 12 + 60, false }, 1);
		tap_eq(net_stats(nd)->tx_dropped, dropped + 1, "dropped: %s",
		       bad[i].what);
	}
	memset(guest_ptr(g, at), 0, 12);
	dropped = net_stats(nd)->tx_dropped;
	vqueue_do(&c.tx, &(struct vseg){ at, 3, false }, 1);
	vqueue_do(&c.tx, &(struct vseg){ at, 12, false }, 1);
	vqueue_do(&c.tx, &(struct vseg){ at, 25, false }, 1);
	vqueue_do(&c.tx, &(struct vseg){ at, 64, true }, 1);
	vqueue_do(&c.tx, &(struct vseg){ big, 1 << 20, false }, 1);
	tap_eq(net_stats(nd)->tx_dropped, dropped + 5,
	       "dropped: no header, no frame, half an Ethernet header, nothing to read, "
	       "1 MiB");
	vqueue_do(&c.tx, &(struct vseg){ at, 12 + 61, false }, 1);
	tap_eq(card_hear(&c, got), 61, "the next frame is the first that is sent");
	tap_ok(!(vdrv_status(&c.d) & VIRTIO_CONFIG_S_NEEDS_RESET), "the device goes on");
	card_close(&c);
}

/* ---- receive ---- */

static void test_receive(struct guest *g, bool legacy)
{
	const char *what = legacy ? "legacy" : "modern";
	uint64_t at = guest_alloc(g, 8192);
	size_t head = legacy ? 10 : 12;
	uint8_t *p = guest_ptr(g, at);
	struct card c;
	uint16_t n;

	card_open(&c, g, "", legacy, ~MRG);
	memset(p, 0xee, 8192);
	n = vqueue_add(&c.rx,
	               (struct vseg[]){ { at, head, true }, { at + 100, 1600, true } },
	               2);
	vqueue_notify(&c.rx);
	card_say(&c, 1514);
	tap_eq(card_wait(&c, n), head + 1514, "%s: a frame arrives", what);
	tap_ok(card_same(p + 100, 1514) && p[100 + 1514] == 0xee, "with its bytes");
	tap_ok(!p[0] && !p[1] && p[head] == 0xee, "behind an empty header");
	if (!legacy)
		tap_eq(p[10] | p[11] << 8, 1, "which says: one buffer");
	/* Too small for the frame: it is dropped, and the buffer serves the next one. */
	memset(p, 0xee, 8192);
	n = vqueue_add(&c.rx, &(struct vseg){ at, head + 100, true }, 1);
	vqueue_notify(&c.rx);
	card_say(&c, 101);
	card_say(&c, 100);
	tap_eq(card_wait(&c, n), head + 100, "%s: a buffer is not overrun", what);
	tap_ok(p[head + 100] == 0xee, "nothing behind it is written");
	tap_eq(c.rx.wrong, 0, "each came back once");
	card_close(&c);
}

static void test_merge(struct guest *g)
{
	uint64_t at = guest_alloc(g, 16 * 4096);
	uint8_t *p = guest_ptr(g, at);
	struct virtqueue *vq;
	struct card c;
	uint16_t n[8];

	card_open(&c, g, "", false, ALL);
	vq = &((struct virtio_pci *)c.d.dev)->vdev.queues[0];
	for (unsigned i = 0; i < 2; i++)
		n[i] = vqueue_add(&c.rx, &(struct vseg){ at + 4096 * i, 1024, true }, 1);
	vqueue_notify(&c.rx);
	card_say(&c, 3000);
	card_say(&c, 64);
	board_settle(&g->board);
	tap_eq(vqueue_reap(&c.rx), 0, "3000 bytes wait for more than 2 KiB of buffers");
	tap_eq(board_wakeups(&g->board, 20), 0, "without spinning");
	c.d.dev->cls->quiesce(c.d.dev);
	tap_eq(vq->in_flight, 0, "a stop gives the buffers back");
	c.d.dev->cls->resume(c.d.dev);
	board_settle(&g->board);
	tap_eq(vqueue_reap(&c.rx), 0, "going on does not complete them");
	for (unsigned i = 2; i < 4; i++)
		n[i] = vqueue_add(&c.rx, &(struct vseg){ at + 4096 * i, 1024, true }, 1);
	tap_ok(vqueue_wants_notify(&c.rx, 2), "the device wants to hear of more");
	vqueue_notify(&c.rx);
	tap_eq(card_wait(&c, n[0]), 1024, "one more: the first is full");
	tap_eq(c.rx.chains[n[1]].len, 1024, "the second too");
	tap_eq(c.rx.chains[n[2]].len, 3000 + 12 - 2048, "the third has the rest");
	tap_eq(p[10] | p[11] << 8, 3, "the header says three");
	tap_ok(card_same(p + 12, 1012), "the frame starts behind it");
	tap_eq(card_wait(&c, n[3]), 64 + 12, "the fourth has the next frame");
	tap_eq(p[3 * 4096 + 10], 1, "alone");
	tap_eq(c.rx.wrong, 0, "each came back once");
	card_close(&c);
}

/* A ring full of tiny buffers never holds a large frame: it is dropped, smaller ones are
 * not. */
static void test_tiny_buffers(struct guest *g)
{
	uint64_t at = guest_alloc(g, 4096);
	struct card c;
	uint16_t n = 0;

	card_open(&c, g, "rx_queue_size=16", false, ALL);
	for (unsigned i = 0; i < 16; i++) {
		uint16_t m = vqueue_add(&c.rx, &(struct vseg){ at + 16 * i, 8, true }, 1);

		n = i ? n : m;
	}
	vqueue_notify(&c.rx);
	card_say(&c, 1514);
	card_say(&c, 60);
	tap_eq(card_wait(&c, n), 8, "72 bytes in buffers of 8");
	tap_eq(vqueue_reap(&c.rx) + 16 - c.rx.waiting, 9, "are nine buffers");
	tap_eq(net_stats(net_find(g->board.vm.nets, "n"))->rx_dropped, 1,
	       "one frame was dropped");
	card_close(&c);
}

/* More frames than one callback takes, from one read of the socket. */
static void test_burst(struct guest *g)
{
	uint64_t at = guest_alloc(g, 1 << 18);
	struct card c;

	card_open(&c, g, "rx_queue_size=1024", false, ALL);
	for (unsigned i = 0; i < 600; i++)
		vqueue_add(&c.rx, &(struct vseg){ at + 128 * i, 128, true }, 1);
	for (unsigned i = 0; i < 600; i++)
		card_say(&c, 60);
	vqueue_notify(&c.rx);
	while (frames_flush(&c.peer) < 0)
		board_settle(&g->board);
	tap_ok(vqueue_wait_all(&c.rx), "600 small frames arrive");
	card_close(&c);
}

/* A peer may send as much as a socket's frame can have. */
static void test_longest(struct guest *g)
{
	uint64_t at = guest_alloc(g, 1 << 17);
	struct card c;
	uint16_t n;

	card_open(&c, g, "", false, ALL);
	n = vqueue_add(&c.rx, &(struct vseg){ at, 1 << 17, true }, 1);
	vqueue_notify(&c.rx);
	card_say(&c, FRAMES_MAX);
	tap_eq(card_wait(&c, n), 12 + FRAMES_MAX, "the longest frame arrives");
	tap_ok(card_same((uint8_t *)guest_ptr(g, at) + 12, FRAMES_MAX), "with its bytes");
	card_close(&c);
}

/* ---- headers, where the back end has them ---- */

/* A driver that negotiated no offloads gets no frame that needs them. */
static void test_refused_header(struct guest *g, const struct virtio_net_hdr_v1 *hdr)
{
	uint64_t at = guest_alloc(g, 4096);
	struct netdev *nd;
	struct card c;
	uint16_t n;

	card_open_header(&c, g, 1ull << VIRTIO_F_VERSION_1);
	nd = net_find(g->board.vm.nets, "n");
	n = vqueue_add(&c.rx, &(struct vseg){ at, 4096, true }, 1);
	vqueue_notify(&c.rx);
	memset(got, 0, 200);
	memcpy(got, hdr, 12);
	card_say_bytes(&c, got, 200);
	got[1] = 0;
	card_say_bytes(&c, got, 200);
	memset(got, 0, 12);
	card_say_bytes(&c, got, 150);
	tap_eq(card_wait(&c, n), 150, "without offloads a plain frame arrives");
	tap_eq(net_stats(nd)->rx_dropped, 2, "and not those that leave work undone");
	card_close(&c);
}

static void test_offloads(struct guest *g)
{
	struct virtio_net_hdr_v1 hdr = { .flags = 0xff,
		                         .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		                         .hdr_len = 54,
		                         .gso_size = 1448,
		                         .csum_start = 34,
		                         .csum_offset = 16,
		                         .num_buffers = 7 };
	uint64_t at = guest_alloc(g, 1 << 17);
	struct netdev *nd;
	struct card c;
	uint16_t n;

	card_open_header(&c, g, ALL);
	nd = net_find(g->board.vm.nets, "n");
	memcpy(guest_ptr(g, at), &hdr, 12);
	vqueue_do(&c.tx, &(struct vseg){ at, 12 + 60000, false }, 1);
	tap_eq(card_hear(&c, got), 12 + 60000, "60000 bytes with their header");
	hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr.num_buffers = 0;
	tap_ok(!memcmp(got, &hdr, 12), "which has what the driver may say");
	hdr.csum_start = 1000;
	hdr.csum_offset = 65535;
	memcpy(guest_ptr(g, at), &hdr, 12);
	vqueue_do(&c.tx, &(struct vseg){ at, 12 + 60000, false }, 1);
	tap_eq(net_stats(nd)->tx_dropped, 1, "a checksum beyond the frame is dropped");
	hdr.csum_start = 34;
	hdr.csum_offset = 16;
	n = vqueue_add(&c.rx, &(struct vseg){ at, 70000, true }, 1);
	vqueue_notify(&c.rx);
	card_fill(got, 12 + 50000);
	hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	memcpy(got, &hdr, 12);
	card_say_bytes(&c, got, 12 + 50000);
	hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	memcpy(got, &hdr, 12);
	card_say_bytes(&c, got, 12 + 50000);
	tap_eq(card_wait(&c, n), 12 + 50000, "50000 bytes arrive with their header");
	tap_ok(!memcmp(guest_ptr(g, at), &hdr, 10), "which is the back end's");
	tap_eq(((uint8_t *)guest_ptr(g, at))[10], 1, "but for the count of buffers");
	tap_eq(net_stats(nd)->rx_dropped, 1, "what the driver does not take was dropped");
	card_close(&c);
	test_refused_header(g, &hdr);
}

int main(void)
{
	struct guest g;

	guest_init(&g);
	test_transmit(&g, false);
	test_transmit(&g, true);
	test_many_segments(&g);
	test_full(&g);
	test_hostile(&g);
	test_receive(&g, false);
	test_receive(&g, true);
	test_merge(&g);
	test_tiny_buffers(&g);
	test_burst(&g);
	test_longest(&g);
	test_offloads(&g);
	guest_free(&g);
	return tap_done();
}
