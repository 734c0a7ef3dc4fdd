// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-blk with requests in flight: several queues, each request answered exactly once,
 * reset and stop in the middle of I/O, resize.
 */
#include "common/cleanup.h"
#include "tests/dev/virtio-disk-lib.h"
#include "tests/tap.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/pci.h"

#include <string.h>
#include <unistd.h>

#define ALL       UINT64_MAX
#define NO_VECTOR VIRTIO_MSI_NO_VECTOR
#define SLOTS     64

/* One slot of guest memory: header, status, and data of 4 KiB. */
static uint64_t slot(struct disk *k, unsigned i)
{
	return k->data + i * 8192;
}

static uint16_t submit(struct disk *k, struct vqueue *q, unsigned i, uint32_t type,
                       uint64_t sector)
{
	uint64_t at = slot(k, i);

	disk_header(k, at, type, sector);
	*(uint8_t *)guest_ptr(&k->g, at + 16) = 0xff;
	return vqueue_add(q,
	                  (struct vseg[]){ { at, 16, false },
	                                   { at + 4096, 4096, !(type & 1) },
	                                   { at + 16, 1, true } },
	                  3);
}

static uint8_t status(struct disk *k, unsigned i)
{
	return *(uint8_t *)guest_ptr(&k->g, slot(k, i) + 16);
}

static struct virtio_device *vdev(struct disk *k)
{
	return &((struct virtio_pci *)k->d.dev)->vdev;
}

/* One round of the loop: the notification is served, no completion is collected yet. */
static unsigned start_io(struct disk *k, struct vqueue *q, unsigned count, uint32_t type)
{
	for (unsigned i = 0; i < count; i++)
		submit(k, q, i, type, i * 8);
	vqueue_notify(q);
	loop_run_once(k->g.board.vm.loop, 0);
	return vdev(k)->queues[q->index].in_flight;
}

/* ---- many at once ---- */

static void test_load(const char *drive)
{
	struct disk k;
	bool right = true;
	unsigned rounds = 40;

	disk_init(&k, drive, "");
	disk_start(&k, ALL);
	for (unsigned round = 0; round < rounds && right; round++) {
		for (unsigned i = 0; i < SLOTS; i++) {
			uint8_t *data = guest_ptr(&k.g, slot(&k, i) + 4096);

			if (round & 1)
				memset(data, 0, 4096);
			else
				disk_fill(data, 4096, round / 2 + i);
			submit(&k, &k.q, i,
			       round & 1 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT,
			       (i * 37 % SLOTS) * 8);
		}
		vqueue_notify(&k.q);
		right &= vqueue_wait_all(&k.q);
		for (unsigned i = 0; i < SLOTS; i++)
			right &= !status(&k, i) &&
			         disk_holds(guest_ptr(&k.g, slot(&k, i) + 4096), 4096,
			                    round / 2 + i);
	}
	tap_ok(right, "%s: %u batches of %u requests, all right", drive, rounds, SLOTS);
	tap_ok(!k.q.wrong && vqueue_used_idx(&k.q) == rounds * SLOTS,
	       "%s: each answered exactly once", drive);
	disk_free(&k);
}

static void test_queues(void)
{
	struct vqueue q[4];
	struct disk k;
	unsigned done = 0;
	uint32_t data;

	disk_init(&k, "aio=threads", "num-queues=4");
	vdrv_msix_enable(&k.d, true);
	vdrv_negotiate(&k.d, ALL);
	tap_eq(k.d.vectors, 5, "four queues: five vectors");
	for (unsigned i = 0; i < 4; i++)
		vqueue_init(&q[i], &k.d, i, 16 << i, i + 1);
	vdrv_ready(&k.d);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned n = 0; n < 5; n++)
			submit(&k, &q[i], i * 5 + n, VIRTIO_BLK_T_IN, i * 100 + n * 8);
	for (unsigned i = 4; i--;)
		vqueue_notify(&q[i]);
	for (unsigned i = 0; i < 4; i++)
		done += vqueue_wait_all(&q[i]) && !q[i].wrong &&
		        vqueue_used_idx(&q[i]) == 5;
	tap_eq(done, 4, "each queue answers its own requests");
	board_settle(&k.g.board);
	for (unsigned i = 0; i < 4; i++) {
		vdrv_msis(&k.d, NULL);
		vqueue_used_event(&q[i], vqueue_used_idx(&q[i]));
		submit(&k, &q[i], 0, VIRTIO_BLK_T_IN, 0);
		vqueue_notify(&q[i]);
		vqueue_wait_all(&q[i]);
		board_settle(&k.g.board);
		tap_ok(vdrv_msis(&k.d, &data) == 1 && data == MSI_DATA + 1 + i,
		       "queue %u interrupts with its own vector", i);
	}
	disk_free(&k);
}

/* ---- reset and stop in the middle ---- */

static void test_reset(struct disk *k)
{
	unsigned gsi = pci_intx_gsi(k->d.pdev), edges;
	uint8_t image[8];

	disk_start(k, ALL);
	memset(disk_data(k), 0x11, SLOTS * 8192);
	tap_eq(start_io(k, &k->q, SLOTS, VIRTIO_BLK_T_OUT), SLOTS, "%u writes in flight",
	       SLOTS);
	vdrv_isr(&k->d);
	edges = board_edges(&k->g.board, gsi);
	vdrv_set_status(&k->d, 0);
	tap_eq(vdev(k)->queues[0].in_flight, 0, "a reset waits for them");
	tap_eq(vdrv_status(&k->d), 0, "and is complete when the status reads 0");
	board_settle(&k->g.board);
	tap_ok(!vdrv_isr(&k->d) && board_edges(&k->g.board, gsi) == edges,
	       "no interrupt comes out of it");
	disk_image(k, (SLOTS - 1) * 4096, image, 8);
	tap_eq(image[0], 0x11, "what was in flight is done, not torn");
	disk_start(k, ALL);
	memset(disk_data(k), 0, SLOTS * 8192);
	start_io(k, &k->q, SLOTS, VIRTIO_BLK_T_IN);
	tap_ok(vqueue_wait_all(&k->q) && !k->q.wrong, "and the device works again");
	/* The rings of a reset queue are the driver's again. */
	start_io(k, &k->q, 8, VIRTIO_BLK_T_IN);
	vdrv_set_status(&k->d, 0);
	memset(guest_ptr(&k->g, k->q.used), 0xee, 4096);
	board_settle(&k->g.board);
	tap_eq(vqueue_used_idx(&k->q), 0xeeee, "and is not written to after a reset");
}

static void test_machine_reset(struct disk *k)
{
	disk_start(k, ALL);
	tap_eq(start_io(k, &k->q, 16, VIRTIO_BLK_T_IN), 16, "16 reads in flight");
	devices_quiesce(&k->g.board.vm);
	tap_eq(vdev(k)->queues[0].in_flight, 0, "quiesce waits for them");
	vqueue_reap(&k->q);
	tap_eq(k->q.waiting, 0, "and answers them");
	submit(k, &k->q, 0, VIRTIO_BLK_T_IN, 0);
	vqueue_notify(&k->q);
	board_settle(&k->g.board);
	tap_eq(vdev(k)->queues[0].in_flight, 0, "while stopped nothing starts");
	devices_resume(&k->g.board.vm);
	tap_ok(vqueue_wait_all(&k->q), "but after that");
	start_io(k, &k->q, 16, VIRTIO_BLK_T_IN);
	devices_reset(&k->g.board.vm);
	tap_eq(vdev(k)->queues[0].in_flight, 0, "a machine reset waits as well");
	vdrv_init(&k->d, &k->g, k->d.dev);
}

/* Bus mastering goes while requests are in flight: they are done when it is off. */
static void test_bus_master(struct disk *k)
{
	uint8_t devfn = k->d.pdev->devfn;
	uint16_t decode = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;

	disk_start(k, ALL);
	tap_eq(start_io(k, &k->q, 16, VIRTIO_BLK_T_IN), 16, "16 reads in flight");
	pci_out(&k->g, devfn, PCI_COMMAND, decode, 2);
	tap_eq(vdev(k)->queues[0].in_flight, 0,
	       "the end of bus mastering waits for them");
	pci_out(&k->g, devfn, PCI_COMMAND, decode | PCI_COMMAND_MASTER, 2);
	tap_ok(vqueue_wait_all(&k->q), "and answers them");
	vdrv_set_status(&k->d, 0);
}

/* What the device writes is in the dirty log, which does not see it otherwise. */
static void test_dirty(struct disk *k)
{
	struct ram_block *block = (struct ram_block *)mem_ram(k->g.board.vm.mem, 0);
	uint64_t last = k->data / 4096 + 3;

	disk_start(k, ALL);
	block->dirty = calloc(GUEST_SPLIT / 4096 / 64, sizeof(uint64_t));
	if (!block->dirty)
		return;
#define IS_DIRTY(gpa) (block->dirty[(gpa) / 4096 / 64] >> ((gpa) / 4096 % 64) & 1)
	tap_eq(disk_do(k, VIRTIO_BLK_T_IN, 0, 3 * 4096, true), 0,
	       "a read of three pages");
	tap_ok(IS_DIRTY(k->data) && IS_DIRTY(k->data + 4096) && IS_DIRTY(k->data + 8192),
	       "which are dirty");
	tap_ok(!IS_DIRTY(last * 4096), "the fourth is not");
	tap_ok(IS_DIRTY(k->status), "the status is");
	tap_ok(IS_DIRTY(k->q.used), "and the used ring");
	tap_ok(!IS_DIRTY(k->header) && !IS_DIRTY(k->q.desc) && !IS_DIRTY(k->q.avail),
	       "what the device only reads is not");
#undef IS_DIRTY
	free(block->dirty);
	block->dirty = NULL;
	vdrv_set_status(&k->d, 0);
}

/* A broken ring: what is in flight is answered all the same. */
static void test_break(struct disk *k)
{
	disk_start(k, ALL);
	tap_eq(start_io(k, &k->q, 16, VIRTIO_BLK_T_IN), 16, "16 reads in flight");
	vqueue_put_avail(&k->q, 9999);
	vqueue_notify(&k->q);
	loop_run_once(k->g.board.vm.loop, 0);
	tap_ok(vqueue_wait_all(&k->q) && !k->q.wrong,
	       "the ring breaks: they are answered all the same");
	tap_ok(vdrv_status(&k->d) & VIRTIO_CONFIG_S_NEEDS_RESET, "and a reset is needed");
	vdrv_set_status(&k->d, 0);
}

/* The device goes while it works. */
static void test_unplug(void)
{
	struct err err = { 0 };
	struct disk k;

	disk_init(&k, "aio=threads", "");
	disk_start(&k, ALL);
	tap_eq(start_io(&k, &k.q, 16, VIRTIO_BLK_T_IN), 16, "16 reads in flight");
	device_destroy(k.d.dev);
	vqueue_reap(&k.q);
	tap_eq(k.q.waiting, 0, "a device that is removed answers them first");
	board_settle(&k.g.board);
	tap_ok(!device_create_simple(&k.g.board.vm, &virtio_blk_pci_class,
	                             "drive=d0,addr=20", &err),
	       "one for a slot that is not there is refused");
	tap_str(err.text, "addr=20 is not a slot (0 to 1f) or slot.function", "why");
	vdrv_init(&k.d, &k.g, board_add(&k.g.board, &virtio_blk_pci_class, "drive=d0"));
	disk_start(&k, ALL);
	tap_eq(disk_do(&k, VIRTIO_BLK_T_IN, 0, 512, true), 0, "another takes its drive");
	disk_free(&k);
}

/* ---- resize ---- */

static void test_resize(struct disk *k)
{
	struct err err = { 0 };
	uint8_t generation;
	uint32_t data;

	vdrv_msix_enable(&k->d, true);
	vdrv_negotiate(&k->d, ALL);
	vdrv_config_vector(&k->d, 0);
	vqueue_init(&k->q, &k->d, 0, 0, 1);
	vdrv_ready(&k->d);
	generation = vdrv_get(&k->d, COMMON(config_generation), 1);
	vdrv_msis(&k->d, NULL);
	start_io(k, &k->q, 4, VIRTIO_BLK_T_IN);
	tap_eq(block_resize(k->node, 2 * DISK_SIZE, &err), 0,
	       "resize with I/O in flight");
	board_settle(&k->g.board);
	tap_ok(vqueue_wait_all(&k->q), "which is answered");
	tap_eq(vdrv_config(&k->d, 0, 8), 2 * DISK_SIZE / 512, "the capacity follows");
	tap_ok(vdrv_get(&k->d, COMMON(config_generation), 1) != generation,
	       "the generation changes");
	tap_ok(vdrv_msis(&k->d, &data) >= 1, "and there is an interrupt");
	tap_eq(disk_do(k, VIRTIO_BLK_T_OUT, DISK_SIZE / 512 + 5, 512, false), 0,
	       "what is new can be written");
	board_settle(&k->g.board);
	vdrv_msis(&k->d, NULL);
	tap_eq(block_resize(k->node, 0, &err), 0, "a look at an unchanged size");
	board_settle(&k->g.board);
	tap_eq(vdrv_msis(&k->d, NULL), 0, "tells nobody");
	if (truncate(k->path, DISK_SIZE) < 0)
		tap_diag("truncate failed");
	tap_eq(block_resize(k->node, 0, &err), 0, "the image was made shorter elsewhere");
	board_settle(&k->g.board);
	tap_eq(vdrv_msis(&k->d, &data), 1, "a look at it interrupts");
	tap_eq(data, MSI_DATA, "with the vector for changes");
	tap_eq(disk_do(k, VIRTIO_BLK_T_IN, DISK_SIZE / 512, 512, true),
	       VIRTIO_BLK_S_IOERR, "what went is behind the end");
	vdrv_msix_enable(&k->d, false);
	vdrv_set_status(&k->d, 0);
}

int main(void)
{
	struct disk k;

	test_load("aio=threads");
	test_load("aio=auto");
	test_load("cache=none");
	test_load("cache=directsync,aio=threads");
	test_queues();
	disk_init(&k, "aio=threads", "");
	test_reset(&k);
	test_machine_reset(&k);
	test_bus_master(&k);
	test_dirty(&k);
	test_break(&k);
	test_resize(&k);
	disk_free(&k);
	test_unplug();
	return tap_done();
}
