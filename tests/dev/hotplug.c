// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PCI hot-plug through its registers, as ACPI methods and as hostile guests use them;
 * what is in flight when a device goes; drives that are removed under their device.
 */
#include "tests/dev/virtio-disk-lib.h"
#include "tests/tap.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/legacy/e1000.h"
#include "vmm/legacy/pcihp.h"
#include "vmm/legacy/piix.h"
#include "vmm/legacy/pm.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/console.h"
#include "vmm/virtio/rng.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { UP = PCIHP_BASE, DOWN = UP + 4, EJECT = UP + 8, CAN = UP + 12, BUS = UP + 16 };
enum { READS = 64 };

/* The events of the machine, as text. */
static char events[400];

static void note_event(void *opaque, const char *name,
                       const struct vm_event_field *fields)
{
	size_t used = strlen(events);

	snprintf(events + used, sizeof(events) - used, "%s %s;", name,
	         fields ? fields[0].str : "");
}

static const char *take_events(void)
{
	static char taken[sizeof(events)];

	memcpy(taken, events, sizeof(taken));
	*events = '\0';
	return taken;
}

static uint32_t in(struct board *b, uint16_t port)
{
	return board_in(b, port, 4);
}

static struct device *start(struct board *b)
{
	struct device *pm = board_add(b, &pm_class, "addr=1.3"), *hp;

	hp = board_add(b, &pcihp_class, "");
	board_add(b, &i440fx_class, "addr=0");
	outb(b, PM_SMI_PORT, PM_SMI_ENABLE);
	outb(b, PM_GPE_BASE + 2, 1 << PCIHP_GPE);
	b->vm.on_event = note_event;
	tap_ok(pm && pcihp_find(&b->vm) == hp, "a board with hot-plug");
	return hp;
}

/* The guest acknowledges the event, as its kernel does before it runs the method. */
static bool heard(struct board *b)
{
	bool level = board_irq(b, PM_SCI);

	outb(b, PM_GPE_BASE, 0xff);
	return level && !board_irq(b, PM_SCI);
}

static struct pci_device *plug(struct board *b, struct device *hp, const char *opts)
{
	struct device *dev = board_add(b, &virtio_rng_pci_class, opts);

	pcihp_plugged(hp, (struct pci_device *)dev);
	return (struct pci_device *)dev;
}

static void test_plug(struct board *b, struct device *hp)
{
	struct pci_device *rng;
	struct err err = { 0 };

	tap_eq(in(b, UP) | in(b, DOWN) | in(b, EJECT), 0, "nothing to tell");
	tap_eq(in(b, CAN), 0xfffffffc,
	       "all slots but those of the chip set can be emptied");
	rng = plug(b, hp, "addr=5,id=r");
	tap_ok(heard(b), "the event");
	tap_eq(in(b, UP), 1 << 5, "tells of slot 5");
	tap_eq(in(b, UP), 0, "once");
	tap_eq(pcihp_request(hp, rng, &err), 0, "asked to let go");
	tap_ok(heard(b), "the event");
	tap_eq(in(b, DOWN), 1 << 5, "tells which slot");
	tap_eq(in(b, DOWN), 1 << 5, "until it is empty");
	tap_eq(pcihp_request(hp, rng, &err), -EBUSY, "not asked twice");
	tap_has(err.text, "r is already in the process of unplug", "which is told");
	tap_str(take_events(), "", "the device is still there");
	board_out(b, EJECT, 1 << 5, 4);
	tap_str(take_events(), "DEVICE_DELETED /machine/peripheral/r;", "it goes");
	tap_eq(in(b, DOWN), 0, "and so does the wish");
	tap_ok(!device_find(&b->vm, "r") && !pci_find(b->vm.pci, PCI_DEVFN(5, 0)),
	       "nothing of it is left");
	plug(b, hp, "addr=5,id=r");
	tap_ok(heard(b) && in(b, UP) == 1 << 5, "the slot can be filled again");
	board_out(b, EJECT, 1 << 5, 4);
	tap_str(take_events(), "DEVICE_DELETED /machine/peripheral/r;",
	        "a guest may eject unasked");
}

static void test_hostile(struct board *b, struct device *hp)
{
	struct err err = { 0 };

	board_out(b, EJECT, 0xffffffff, 4);
	tap_str(take_events(), "", "ejecting everything ejects nothing");
	tap_ok(pci_find(b->vm.pci, 0) && pci_find(b->vm.pci, PCI_DEVFN(1, 3)),
	       "of the chip set");
	plug(b, hp, "addr=6");
	plug(b, hp, "addr=1f");
	board_out(b, EJECT, 0x40, 1);
	board_out(b, EJECT, 0x40, 2);
	board_out(b, EJECT - 1, 0x4000, 4);
	tap_eq(board_in(b, UP, 1), 0xff, "bytes do not answer");
	tap_eq(board_in(b, UP + 1, 2), 0xffff, "nor words");
	board_out(b, BUS, 7, 4);
	board_out(b, EJECT, 0xffffffff, 4);
	tap_eq(in(b, UP) | in(b, DOWN) | in(b, CAN), 0, "there is no other bus");
	board_out(b, BUS, 0, 4);
	tap_str(take_events(), "", "none of this ejects a thing");
	tap_eq(in(b, UP), 1u << 6 | 1u << 31, "both slots are told");
	board_out(b, UP, 0xffffffff, 4);
	board_out(b, DOWN, 0xffffffff, 4);
	board_out(b, CAN, 0xffffffff, 4);
	tap_eq(in(b, DOWN), 0, "only one register is written");
	board_out(b, EJECT, 0xffffffff, 4);
	tap_str(take_events(),
	        "DEVICE_DELETED pci/00:06.0/virtio-rng-pci;"
	        "DEVICE_DELETED pci/00:1f.0/virtio-rng-pci;",
	        "all that can go at once");
	/* A slot that the chip set shares with something. */
	tap_eq(pcihp_request(hp, plug(b, hp, "addr=1.5"), &err), -EBUSY,
	       "a function beside the chip set cannot go");
}

static void test_functions(struct board *b, struct device *hp)
{
	heard(b);
	plug(b, hp, "addr=8.3");
	tap_eq(in(b, UP), 0, "a function waits for function 0");
	plug(b, hp, "addr=8,multifunction=on");
	tap_eq(in(b, UP), 1 << 8, "which shows the slot");
	board_out(b, EJECT, 1 << 8, 4);
	tap_str(take_events(),
	        "DEVICE_DELETED pci/00:08.0/virtio-rng-pci;"
	        "DEVICE_DELETED pci/00:08.3/virtio-rng-pci;",
	        "and they go together");
}

static void test_children(struct board *b)
{
	board_add(b, &virtio_serial_pci_class, "addr=9,id=bus");
	board_add(b, &virtserialport_class, "bus=bus.0,id=port");
	board_out(b, EJECT, 1 << 9, 4);
	tap_str(take_events(),
	        "DEVICE_DELETED /machine/peripheral/port;"
	        "DEVICE_DELETED /machine/peripheral/bus;",
	        "a bus takes its ports along");
	tap_ok(!device_find(&b->vm, "port"), "which are gone");
}

static void test_reset(struct board *b, struct device *hp)
{
	struct err err = { 0 };

	pcihp_request(hp, plug(b, hp, "addr=a,id=x"), &err);
	plug(b, hp, "addr=b,id=y");
	devices_quiesce(&b->vm);
	devices_reset(&b->vm);
	devices_resume(&b->vm);
	tap_str(take_events(), "DEVICE_DELETED /machine/peripheral/x;",
	        "a reset empties what was to be emptied");
	tap_eq(in(b, UP) | in(b, DOWN), 0, "and there is nothing to tell");
	tap_ok(device_find(&b->vm, "y") != NULL, "the others stay");
}

static void test_state(struct board *b, struct device *hp)
{
	struct board c;
	struct device *copy;
	struct err err = { 0 };

	board_init(&c, true);
	copy = board_add(&c, &pcihp_class, "");
	pcihp_request(hp, (struct pci_device *)device_find(&b->vm, "y"), &err);
	plug(b, hp, "addr=c");
	tap_ok(board_copy_state(hp, copy), "save, load, compare");
	tap_eq(in(&c, UP), 1 << 12, "what was not told yet");
	tap_eq(in(&c, DOWN), 1 << 11, "and what was asked for");
	board_free(&c);
}

/* ---- disks ---- */

/* Many reads, which are popped and on their way; threads take their time. */
static void start_reads(struct disk *k, uint64_t *status)
{
	uint64_t header = guest_alloc(&k->g, 16);

	*status = guest_alloc(&k->g, READS);
	disk_header(k, header, VIRTIO_BLK_T_IN, 0);
	memset(guest_ptr(&k->g, *status), 0xff, READS);
	for (unsigned i = 0; i < READS; i++) {
		const struct vseg segs[] = { { header, 16, false },
			                     { k->data, 65536, true },
			                     { *status + i, 1, true } };

		vqueue_add(&k->q, segs, 3);
	}
	vqueue_notify(&k->q);
	loop_run_once(k->g.board.vm.loop, 0);
}

static void check_reads(struct disk *k, uint64_t status)
{
	unsigned good = 0;

	tap_eq(vqueue_reap(&k->q), READS, "every request was completed");
	for (unsigned i = 0; i < READS; i++)
		good += !*((uint8_t *)guest_ptr(&k->g, status) + i);
	tap_eq(good, READS, "and none with an error");
}

static void test_in_flight(void)
{
	static struct disk k;
	struct board *b = &k.g.board;
	struct pci_device *pdev;
	uint64_t status;

	disk_init(&k, "aio=threads", "id=v");
	start(b);
	pdev = (struct pci_device *)device_find(&b->vm, "v");
	block_set_auto_close(k.node);
	disk_start(&k, 1ull << VIRTIO_F_VERSION_1);
	start_reads(&k, &status);
	board_out(b, EJECT, 1u << PCI_SLOT_OF(pdev->devfn), 4);
	tap_str(take_events(), "DEVICE_DELETED /machine/peripheral/v;",
	        "a disk goes amid its work");
	check_reads(&k, status);
	tap_ok(!block_find(b->vm.blocks, "d0"), "its drive went with it");
	board_settle(b);
	disk_free(&k);
}

static void test_drive_removed(void)
{
	static struct disk k;
	struct board *b = &k.g.board;
	struct err err = { 0 };
	uint64_t status;

	disk_init(&k, "aio=threads", "id=v");
	start(b);
	disk_start(&k, 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_BLK_F_FLUSH);
	tap_eq(disk_do(&k, VIRTIO_BLK_T_IN, 8, 512, true), 0, "a disk is read");
	start_reads(&k, &status);
	block_remove(k.node);
	check_reads(&k, status);
	tap_ok(!block_find(b->vm.blocks, "d0"), "its drive is removed");
	tap_eq(disk_do(&k, VIRTIO_BLK_T_IN, 8, 512, true), VIRTIO_BLK_S_IOERR,
	       "reads fail now");
	tap_eq(disk_do(&k, VIRTIO_BLK_T_OUT, 8, 512, false), VIRTIO_BLK_S_IOERR,
	       "writes");
	tap_eq(disk_do(&k, VIRTIO_BLK_T_FLUSH, 0, 0, false), VIRTIO_BLK_S_IOERR,
	       "and flushes");
	tap_ok(guest_drive(&k.g, "id=d0,format=raw,file=/proc/self/exe,readonly=on"),
	       "the name is free");
	tap_ok(!device_create_simple(&b->vm, &virtio_blk_pci_class, "drive=d0,id=v",
	                             &err),
	       "that of the device is not");
	board_out(b, EJECT, 0xfffffffc, 4);
	tap_str(take_events(), "DEVICE_DELETED /machine/peripheral/v;",
	        "until it is gone");
	disk_free(&k);
}

/* ---- option ROMs, whose memory goes with the card ---- */

/* An e1000 with a ROM of zeros, which answers at gpa. */
static struct pci_device *add_rom(struct guest *g, const char *path, uint64_t gpa)
{
	char text[160], zeros[512] = "";
	_cleanup_fclose_ FILE *file = fopen(path, "we");
	struct pci_device *pdev;

	if (!file || fwrite(zeros, sizeof(zeros), 1, file) != 1 || fflush(file))
		tap_diag("%s cannot be written", path);
	snprintf(text, sizeof(text), "netdev=n,id=card,romfile=%s", path);
	pdev = (struct pci_device *)board_add(&g->board, &e1000_class, text);
	pci_out(g, pdev->devfn, PCI_ROM_ADDRESS, gpa | PCI_ROM_ADDRESS_ENABLE, 4);
	pci_out(g, pdev->devfn, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	return pdev;
}

static void put_ring(struct vdrv *d, uint64_t desc, uint64_t avail)
{
	vdrv_set(d, COMMON(queue_select), 0, 2);
	vdrv_set(d, COMMON(queue_size), 8, 2);
	vdrv_set(d, COMMON(queue_desc_lo), desc, 4);
	vdrv_set(d, COMMON(queue_avail_lo), avail, 4);
	vdrv_set(d, COMMON(queue_used_lo), guest_alloc(d->g, 4096), 4);
	vdrv_set(d, COMMON(queue_enable), 1, 2);
	vdrv_ready(d);
}

static void test_rom(void)
{
	enum { ROM = 0xe0000000u };
	static struct disk k;
	struct guest *g = &k.g;
	struct pci_device *card;
	char path[96];
	int fd;

	disk_init(&k, "", "id=v");
	start(&g->board);
	fd = board_net(&g->board, "n");
	snprintf(path, sizeof(path), "%s/rom", g->board.dir);
	card = add_rom(g, path, ROM);
	tap_eq(mmio_in(g, ROM, 4), 0, "a card's option ROM");
	vdrv_negotiate(&k.d, 1ull << VIRTIO_F_VERSION_1);
	put_ring(&k.d, ROM, ROM + 0x200);
	tap_ok(vdrv_status(&k.d) & VIRTIO_CONFIG_S_NEEDS_RESET,
	       "is no place for another device's ring");
	board_out(&g->board, EJECT, 1u << PCI_SLOT_OF(card->devfn), 4);
	tap_str(take_events(), "DEVICE_DELETED /machine/peripheral/card;",
	        "as it goes with the card");
	mmio_out(g, k.d.notify, 0, 2);
	board_settle(&g->board);
	disk_start(&k, 1ull << VIRTIO_F_VERSION_1);
	tap_eq(disk_do(&k, VIRTIO_BLK_T_IN, 8, 512, true), 0, "the disk works");
	add_rom(g, path, ROM);
	tap_eq(disk_segs(&k, VIRTIO_BLK_T_OUT, 8, &(struct vseg){ ROM, 512, false }, 1),
	       0xff, "nor is it a source of data, that may be under way then");
	unlink(path);
	close(fd);
	disk_free(&k);
}

int main(void)
{
	struct board b;
	struct device *hp;

	board_init(&b, true);
	hp = start(&b);
	test_plug(&b, hp);
	test_hostile(&b, hp);
	test_functions(&b, hp);
	test_children(&b);
	test_reset(&b, hp);
	test_state(&b, hp);
	board_free(&b);
	test_in_flight();
	test_drive_removed();
	test_rom();
	return tap_done();
}
