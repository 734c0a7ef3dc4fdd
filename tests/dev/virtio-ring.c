// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Split rings as a device sees them (virtio 1.2, 2.7): broken ones, which must end in
 * DEVICE_NEEDS_RESET and never in a lost request; suppression of interrupts and
 * notifications by flags and by index.
 */
#include "common/cleanup.h"
#include "tests/dev/virtio-disk-lib.h"
#include "tests/tap.h"
#include "vmm/virtio/pci.h"

#include <string.h>

#define ALL       UINT64_MAX
#define EVENT_IDX (1ull << VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT  (1ull << VIRTIO_RING_F_INDIRECT_DESC)
enum { N = VRING_DESC_F_NEXT, W = VRING_DESC_F_WRITE, I = VRING_DESC_F_INDIRECT };

static struct virtio_device *vdev(struct disk *k)
{
	return &((struct virtio_pci *)k->d.dev)->vdev;
}

static unsigned in_flight(struct disk *k)
{
	unsigned count = 0;

	for (unsigned i = 0; i < vdev(k)->queue_count; i++)
		count += vdev(k)->queues[i].in_flight;
	return count;
}

/* ---- broken rings ---- */

struct raw_desc {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags, next;
};

static void put_table(struct disk *k, uint64_t gpa, const struct raw_desc *descs,
                      unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct vring_desc d = { descs[i].gpa, descs[i].len, descs[i].flags,
			                descs[i].next };

		memcpy((uint8_t *)guest_ptr(&k->g, gpa) + i * sizeof(d), &d, sizeof(d));
	}
}

/* A good request first, then the bad chain, then one that must not be served. */
static void expect_break(struct disk *k, const char *what, const struct raw_desc *descs,
                         unsigned count)
{
	struct vseg good[] = { { k->header, 16, false },
		               { k->data, 512, true },
		               { k->status, 1, true } };

	disk_start(k, ALL);
	disk_header(k, k->header, VIRTIO_BLK_T_IN, 1);
	vqueue_add(&k->q, good, 3); /* takes descriptors 0, 1, 2 */
	for (unsigned i = 0; i < count; i++)
		vqueue_put_desc(&k->q, 100 + i, descs[i].gpa, descs[i].len,
		                descs[i].flags, descs[i].next);
	vqueue_put_avail(&k->q, 100);
	vqueue_add(&k->q, good, 3);
	vdrv_isr(&k->d);
	vqueue_notify(&k->q);
	board_settle(&k->g.board);
	vqueue_reap(&k->q);
	tap_ok(vdrv_status(&k->d) & VIRTIO_CONFIG_S_NEEDS_RESET, "%s: needs a reset",
	       what);
	tap_eq(vdrv_isr(&k->d) & 2, 2, "%s: configuration interrupt", what);
	vdev(k)->ops->drain(vdev(k));
	board_settle(&k->g.board);
	vqueue_reap(&k->q);
	tap_ok(k->q.waiting == 1 && !k->q.wrong && !in_flight(k),
	       "%s: what came before is completed, what came behind is not", what);
}

static void test_broken_chains(struct disk *k)
{
	uint64_t table = guest_alloc(&k->g, 65536), d = k->data;
	const struct {
		const char *what;
		struct raw_desc descs[3];
	} cases[] = {
		{ "a chain that is a circle", { { d, 16, N, 101 }, { d, 16, N, 100 } } },
		{ "a circle of empty segments", { { d, 0, N, 101 }, { d, 0, N, 100 } } },
		{ "a chain that leaves the table", { { d, 16, N, 256 } } },
		{ "a readable segment behind a writable one",
		  { { d, 16, N | W, 101 }, { d, 16, 0, 0 } } },
		{ "a segment outside RAM", { { GUEST_HOLE, 16, 0, 0 } } },
		{ "a segment that leaves RAM", { { GUEST_RAM - 8, 16, 0, 0 } } },
		{ "a segment that wraps around", { { UINT64_MAX - 7, 16, 0, 0 } } },
		{ "a segment of 4 GiB", { { d, UINT32_MAX, 0, 0 } } },
		{ "a writable segment in ROM", { { GUEST_ROM, 16, W, 0 } } },
		{ "an empty indirect table", { { table, 0, I, 0 } } },
		{ "an indirect table of half an entry", { { table, 24, I, 0 } } },
		{ "an indirect table with a next", { { table + 128, 16, I | N, 101 } } },
		{ "an indirect table outside RAM", { { GUEST_HOLE, 16, I, 0 } } },
		{ "an indirect table across two blocks",
		  { { GUEST_SPLIT - 16, 32, I, 0 } } },
		{ "an indirect table in an indirect table", { { table, 32, I, 0 } } },
		{ "an indirect chain that leaves its table",
		  { { table + 64, 32, I, 0 } } },
		{ "an indirect chain longer than the ring",
		  { { table + 4096, 257 * 16, I, 0 } } },
	};
	struct raw_desc longest[257];

	put_table(k, table, (struct raw_desc[]){ { table + 16, 16, I, 0 } }, 1);
	put_table(k, table + 64, (struct raw_desc[]){ { d, 16, N, 2 } }, 1);
	put_table(k, table + 128, (struct raw_desc[]){ { d, 16, 0, 0 } }, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(longest); i++)
		longest[i] = (struct raw_desc){ d, 16, i < 256 ? N : 0, i + 1 };
	put_table(k, table + 4096, longest, ARRAY_SIZE(longest));
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		expect_break(k, cases[i].what, cases[i].descs,
		             ARRAY_SIZE(cases[i].descs));
}

static void test_broken_indexes(struct disk *k)
{
	static const struct {
		const char *what;
		uint16_t head, jump;
	} cases[] = {
		{ "a head beyond the ring", 256, 0 },
		{ "the largest head", 65535, 0 },
		{ "an available index that jumps", 0, 256 },
		{ "an available index that goes back", 0, 65534 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		disk_start(k, ALL);
		for (uint16_t n = 0; n < cases[i].jump; n++)
			vqueue_put_avail(&k->q, 0);
		vqueue_put_avail(&k->q, cases[i].head);
		vqueue_notify(&k->q);
		board_settle(&k->g.board);
		tap_ok(vdrv_status(&k->d) & VIRTIO_CONFIG_S_NEEDS_RESET &&
		               !vqueue_used_idx(&k->q) && !in_flight(k),
		       "%s: needs a reset, nothing is used", cases[i].what);
	}
	disk_start(k, ~INDIRECT);
	vqueue_put_desc(&k->q, 0, k->data, 16, I, 0);
	vqueue_put_avail(&k->q, 0);
	vqueue_notify(&k->q);
	board_settle(&k->g.board);
	tap_ok(vdrv_status(&k->d) & VIRTIO_CONFIG_S_NEEDS_RESET,
	       "an indirect table that was not negotiated: needs a reset");
}

/* A driver may use one descriptor in two chains, or make a chain available twice; that
 * harms itself only, and each entry is answered. */
static void test_twice(struct disk *k)
{
	disk_start(k, ALL);
	disk_header(k, k->header, VIRTIO_BLK_T_IN, 2);
	vqueue_put_desc(&k->q, 0, k->header, 16, N, 1);
	vqueue_put_desc(&k->q, 1, k->data, 512, N | W, 2);
	vqueue_put_desc(&k->q, 2, k->status, 1, W, 0);
	for (unsigned i = 0; i < 256; i++)
		vqueue_put_avail(&k->q, 0);
	vqueue_notify(&k->q);
	board_settle(&k->g.board);
	vdev(k)->ops->drain(vdev(k));
	tap_eq(vqueue_used_idx(&k->q), 256, "one chain 256 times: 256 answers");
	tap_ok(!(vdrv_status(&k->d) & VIRTIO_CONFIG_S_NEEDS_RESET), "and nothing broke");
}

/* ---- indirect ---- */

static void test_indirect(struct disk *k)
{
	uint64_t table = guest_alloc(&k->g, 4096) + 8; /* any alignment will do */
	uint8_t *status = guest_ptr(&k->g, k->status);

	disk_start(k, ALL);
	disk_header(k, k->header, VIRTIO_BLK_T_IN, 3);
	/* The header direct, the rest behind it indirect, the write flag of the table
	 * ignored (2.7.5.3.2). */
	put_table(
		k, table,
		(struct raw_desc[]){ { k->data, 512, N | W, 1 }, { k->status, 1, W, 0 } },
		2);
	vqueue_put_desc(&k->q, 0, k->header, 16, N, 1);
	vqueue_put_desc(&k->q, 1, table, 32, I | W, 0);
	*status = 0xff;
	vqueue_put_avail(&k->q, 0);
	vqueue_notify(&k->q);
	board_settle(&k->g.board);
	vdev(k)->ops->drain(vdev(k));
	tap_ok(vqueue_used_idx(&k->q) == 1 && !*status,
	       "a table behind a direct segment, with a write flag");
	/* ROM may be read from. */
	disk_start(k, ALL);
	memcpy(k->g.rom, guest_ptr(&k->g, k->header), 16);
	*status = 0xff;
	vqueue_do(&k->q,
	          (struct vseg[]){ { GUEST_ROM, 16, false },
	                           { k->data, 512, true },
	                           { k->status, 1, true } },
	          3);
	tap_eq(*status, VIRTIO_BLK_S_OK, "a header in ROM");
}

/* ---- suppression ---- */

static void test_interrupt_index(struct disk *k)
{
	disk_start(k, ALL);
	tap_ok(k->d.features & EVENT_IDX, "event index");
	disk_do(k, VIRTIO_BLK_T_IN, 0, 512, true);
	tap_eq(vdrv_isr(&k->d), 1, "the first completion interrupts");
	vqueue_used_event(&k->q, 3);
	for (unsigned i = 2; i <= 6; i++) {
		disk_do(k, VIRTIO_BLK_T_IN, 0, 512, true);
		tap_eq(vdrv_isr(&k->d), i == 4, "completion %u: %s", i,
		       i == 4 ? "passes index 3, interrupt" : "no interrupt");
	}
	/* A batch that passes the index somewhere in its middle. */
	vqueue_used_event(&k->q, 8);
	for (unsigned i = 0; i < 5; i++)
		vqueue_add(&k->q,
		           (struct vseg[]){ { k->header, 16, false },
		                            { k->data + 4096 * i, 512, true },
		                            { k->data + 8192 * (i + 10), 1, true } },
		           3);
	vqueue_notify(&k->q);
	vqueue_wait_all(&k->q);
	tap_eq(vdrv_isr(&k->d), 1, "a batch that passes it interrupts");
	vqueue_used_event(&k->q, vqueue_used_idx(&k->q) - 2);
	disk_do(k, VIRTIO_BLK_T_IN, 0, 512, true);
	tap_eq(vdrv_isr(&k->d), 0, "an index that was passed before does not");
	/* Around the end of 16 bits. */
	vqueue_used_event(&k->q, 2);
	while (vqueue_used_idx(&k->q) != 2)
		if (disk_do(k, VIRTIO_BLK_T_IN, 0, 0, true))
			break;
	tap_eq(vdrv_isr(&k->d), 0, "65,000 completions later: no interrupt yet");
	disk_do(k, VIRTIO_BLK_T_IN, 0, 0, true);
	tap_eq(vdrv_isr(&k->d), 1, "then the index wraps around and is passed");
}

static void test_notifications(struct disk *k)
{
	disk_start(k, ALL);
	disk_do(k, VIRTIO_BLK_T_IN, 0, 512, true);
	tap_eq(vqueue_avail_event(&k->q), 1, "the device asks for the next notification");
	tap_ok(!vqueue_wants_notify(&k->q, 0), "and for none of what it has seen");
	disk_start(k, ~EVENT_IDX);
	disk_do(k, VIRTIO_BLK_T_IN, 0, 512, true);
	tap_eq(vqueue_used_flags(&k->q), 0, "without the index: notifications are on");
	vqueue_no_interrupt(&k->q, true);
	vdrv_isr(&k->d);
	disk_do(k, VIRTIO_BLK_T_IN, 0, 512, true);
	tap_eq(vdrv_isr(&k->d), 0, "NO_INTERRUPT is heeded");
}

/* The driver adds while the device works and notifies only when asked: nothing may stay
 * behind. The transport's interrupt is the moment between the last look at the ring and
 * the request for notifications. */
static struct disk *racing;
static unsigned races;
static struct virtio_transport race_transport;
static const struct virtio_transport *real_transport;

static void race(struct virtio_device *v, struct virtqueue *vq)
{
	uint16_t old = racing->q.avail_idx;

	real_transport->interrupt(v, vq);
	if (!races)
		return;
	races--;
	vqueue_reap(&racing->q);
	vqueue_add(&racing->q,
	           (struct vseg[]){ { racing->header, 16, false },
	                            { racing->data, 512, true },
	                            { racing->status, 1, true } },
	           3);
	if (vqueue_wants_notify(&racing->q, old))
		vqueue_notify(&racing->q);
}

static void test_race(struct disk *k, uint64_t features, const char *what)
{
	disk_start(k, features);
	racing = k;
	races = 50;
	real_transport = vdev(k)->transport;
	race_transport = *real_transport;
	race_transport.interrupt = race;
	vdev(k)->transport = &race_transport;
	vqueue_used_event(&k->q, 0);
	for (unsigned i = 0; i < 60 && races; i++) {
		vqueue_used_event(&k->q, vqueue_used_idx(&k->q));
		disk_do(k, VIRTIO_BLK_T_IN, 0, 512, true);
	}
	tap_ok(vqueue_wait_all(&k->q) && !k->q.wrong,
	       "%s: what is added while the device stops looking is served", what);
	vdev(k)->transport = real_transport;
}

int main(void)
{
	struct disk k;

	disk_init(&k, "", "");
	test_broken_chains(&k);
	test_broken_indexes(&k);
	test_twice(&k);
	test_indirect(&k);
	test_interrupt_index(&k);
	test_notifications(&k);
	test_race(&k, ALL, "event index");
	test_race(&k, ~EVENT_IDX, "flags");
	disk_free(&k);
	return tap_done();
}
