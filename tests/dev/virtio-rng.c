// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-rng (virtio 1.2, 5.4): bytes arrive, buffers of any shape, the rate limit, and
 * buffers that come at the worst moment.
 */
#include "common/cleanup.h"
#include "tests/dev/virtio-lib.h"
#include "tests/tap.h"
#include "vmm/virtio/pci.h"
#include "vmm/virtio/rng.h"

#include <string.h>

#define ALL       UINT64_MAX
#define EVENT_IDX (1ull << VIRTIO_RING_F_EVENT_IDX)

static void start(struct vdrv *d, struct guest *g, struct vqueue *q, const char *opts,
                  uint64_t features)
{
	vdrv_init(d, g, board_add(&g->board, &virtio_rng_pci_class, opts));
	vdrv_negotiate(d, features);
	vqueue_init(q, d, 0, 0, VIRTIO_MSI_NO_VECTOR);
	vdrv_ready(d);
}

static unsigned distinct(const uint8_t *p, size_t len)
{
	bool seen[256] = { false };
	unsigned count = 0;

	for (size_t i = 0; i < len; i++) {
		count += !seen[p[i]];
		seen[p[i]] = true;
	}
	return count;
}

static void test_bytes(struct guest *g)
{
	uint64_t at = guest_alloc(g, 65536);
	uint8_t *p = guest_ptr(g, at), first[64];
	struct vqueue q;
	struct vdrv d;
	uint32_t len;

	start(&d, g, &q, "", ALL);
	tap_eq(vqueue_do(&q, &(struct vseg){ at, 64, true }, 1), 64, "64 bytes");
	memcpy(first, p, 64);
	vqueue_do(&q, &(struct vseg){ at, 64, true }, 1);
	tap_ok(memcmp(first, p, 64), "that differ from the next 64");
	tap_eq(p[64], 0, "nothing behind them");
	len = vqueue_do(&q, &(struct vseg){ at, 65536, true }, 1);
	tap_ok(len > 0 && len <= 65536, "64 KiB: %u bytes are filled", len);
	tap_eq(distinct(p, len), 256, "with every value");
	tap_ok(len == 65536 || !p[len], "and the length says how far");
	memset(p, 0, 8192);
	len = vqueue_do(&q,
	                (struct vseg[]){ { at, 7, true },
	                                 { at + 100, 1, true },
	                                 { at + 1000, 500, true } },
	                3);
	tap_eq(len, 508, "a buffer in pieces");
	tap_ok(distinct(p + 1000, 500) > 100 && !p[7] && !p[101] && !p[1500],
	       "is filled in them only");
	tap_eq(vqueue_do(&q, &(struct vseg){ at, 16, false }, 1), 0,
	       "a buffer that cannot be written comes back empty");
	tap_eq(vqueue_do(&q, &(struct vseg){ at, 0, true }, 1), 0,
	       "so does one of no size");
	tap_eq(q.wrong, 0, "each came back once");
	device_destroy(d.dev);
}

/* ---- the rate ---- */

static void test_rate(struct guest *g)
{
	uint64_t at = guest_alloc(g, 4096);
	struct vqueue q;
	struct vdrv d;
	uint32_t len;
	uint16_t head;
	uint64_t began;

	/* A period that this test never sees the end of. */
	start(&d, g, &q, "max-bytes=100,period=4000000000", ALL);
	tap_eq(vqueue_do(&q, &(struct vseg){ at, 64, true }, 1), 64,
	       "limit 100: 64 bytes");
	tap_eq(vqueue_do(&q, &(struct vseg){ at, 64, true }, 1), 36, "then 36");
	vqueue_add(&q, &(struct vseg){ at, 64, true }, 1);
	vqueue_notify(&q);
	board_settle(&g->board);
	tap_eq(vqueue_reap(&q), 0, "then none");
	tap_eq(board_wakeups(&g->board, 20), 0, "without spinning");
	device_destroy(d.dev);
	start(&d, g, &q, "max-bytes=100,period=30", ALL);
	began = loop_now();
	vqueue_do(&q, &(struct vseg){ at, 100, true }, 1);
	head = vqueue_add(&q, &(struct vseg){ at, 64, true }, 1);
	vqueue_notify(&q);
	tap_ok(vqueue_wait(&q, head, &len) && len == 64,
	       "the next period serves what waits");
	tap_ok(loop_now() - began >= 25000000, "and not before it");
	vqueue_add(&q, &(struct vseg){ at, 100, true }, 1);
	vqueue_notify(&q);
	board_settle(&g->board);
	d.dev->cls->quiesce(d.dev);
	d.dev->cls->resume(d.dev);
	tap_ok(vqueue_wait_all(&q), "a stop in between loses no buffer");
	device_destroy(d.dev);
}

/* ---- the worst moment ---- */

/* The driver adds a buffer as the device interrupts: behind its last look at the ring and
 * before it asks for notifications. */
static struct vqueue *racing;
static unsigned races;
static struct virtio_transport race_transport;
static const struct virtio_transport *real_transport;
static uint64_t race_buffer;

static void race(struct virtio_device *v, struct virtqueue *vq)
{
	uint16_t old = racing->avail_idx;

	real_transport->interrupt(v, vq);
	if (!races)
		return;
	races--;
	vqueue_reap(racing);
	vqueue_add(racing, &(struct vseg){ race_buffer, 16, true }, 1);
	if (vqueue_wants_notify(racing, old))
		vqueue_notify(racing);
}

static void test_race(struct guest *g, uint64_t features, const char *what)
{
	struct virtio_device *v;
	struct vqueue q;
	struct vdrv d;

	start(&d, g, &q, "", features);
	v = &((struct virtio_pci *)d.dev)->vdev;
	race_buffer = guest_alloc(g, 4096);
	racing = &q;
	races = 10;
	real_transport = v->transport;
	race_transport = *real_transport;
	race_transport.interrupt = race;
	v->transport = &race_transport;
	vqueue_add(&q, &(struct vseg){ race_buffer, 16, true }, 1);
	vqueue_notify(&q);
	board_settle(&g->board);
	vqueue_reap(&q);
	tap_eq(q.waiting, 0, "%s: a buffer added at the worst moment is filled", what);
	v->transport = real_transport;
	device_destroy(d.dev);
}

int main(void)
{
	struct guest g;

	guest_init(&g);
	test_bytes(&g);
	test_rate(&g);
	test_race(&g, ~EVENT_IDX, "flags");
	test_race(&g, ALL, "event index");
	guest_free(&g);
	return tap_done();
}
