// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CD-ROM drives as ATA/ATAPI-6 and MMC-3 describe them: packets, answers, sense data,
 * reads by PIO and DMA, raw sectors, tables of contents, tray and change of medium.
 */
#include "tests/dev/ide-lib.h"

#include "common/bytes.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SECTORS = 100 /* of 2048 bytes */, EVENT_LEN = 100 };

static struct ide_board board;
static struct device *drive;
static uint8_t data[256 << 10];

/* Sends a packet with a byte count limit; returns the status when it was taken. */
static uint8_t send(struct ide_board *ib, const uint8_t *cdb, uint16_t limit, bool dma)
{
	struct board *b = &ib->b;

	outb(b, ib->base + 6, ib->unit & 0xb0);
	outb(b, ib->base + 1, dma);
	outb(b, ib->base + 4, limit);
	outb(b, ib->base + 5, limit >> 8);
	outb(b, ib->base + 7, 0xa0);
	if (ide_wait(ib) != 0x58 || inb(b, ib->base + 2) != 1)
		return 0xff; /* no DRQ, or not for a command */
	ide_write_data(ib, cdb, 12);
	return dma ? 0 : ide_wait(ib);
}

/* Sends a packet and reads all of its answer into data; returns the bytes, or -status. */
static int run(struct ide_board *ib, const uint8_t *cdb, uint16_t limit)
{
	uint8_t status = send(ib, cdb, limit, false);
	int got = 0;

	while (status & IDE_DRQ) {
		unsigned len = inb(&ib->b, ib->base + 4) | inb(&ib->b, ib->base + 5) << 8;

		if (inb(&ib->b, ib->base + 2) != 2 || !len || len > limit)
			return -1000;
		inb(&ib->b, ib->base + 7);
		ide_read_data(ib, data + got, len);
		got += len;
		status = ide_wait(ib);
	}
	if (inb(&ib->b, ib->base + 2) != 3 || !board_irq(&ib->b, ib->irq))
		return -1001;
	inb(&ib->b, ib->base + 7);
	return status & IDE_ERR ? -status : got;
}

#define PACKET(...) ((const uint8_t[12]){ __VA_ARGS__ })

/* Key, code and qualifier. */
static uint32_t sense(struct ide_board *ib)
{
	int len = run(ib, PACKET(0x03, 0, 0, 0, 18), 0x800);

	return len == 18 ? (uint32_t)data[2] << 16 | data[12] << 8 | data[13]
	                 : 0xffffffff;
}

static bool is_image(const uint8_t *p, uint64_t offset, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		if (p[i] != ide_image_byte(offset + i))
			return false;
	return true;
}

static void test_identity(struct ide_board *ib)
{
	struct board *b = &ib->b;

	tap_eq(inb(b, ib->base + 7), 0, "a packet device is not ready for ATA");
	tap_eq(inb(b, ib->base + 4) | inb(b, ib->base + 5) << 8, 0xeb14, "its signature");
	tap_eq(ide_command(ib, 0xec, 0, 0) & 0x09, IDE_ERR, "it is no disk");
	tap_eq(inb(b, ib->base + 4) | inb(b, ib->base + 5) << 8, 0xeb14, "as it tells");
	tap_eq(ide_command(ib, 0x28, 0, 0) & IDE_ERR, IDE_ERR, "nor has disk commands");
	tap_eq(ide_command(ib, 0xa1, 0, 0) & 0x89, IDE_DRQ, "IDENTIFY PACKET DEVICE");
	ide_read_data(ib, data, 512);
	tap_eq(ld16(data), 0x85c0, "CD-ROM, removable, 12-byte packets");
	tap_ok(!memcmp(data + 54, "VKKMTID DVR-MO  ", 16), "the model");
	tap_eq(ide_command(ib, 0x08, 0, 0), 0, "DEVICE RESET");
	tap_eq(inb(b, ib->base + 2) | inb(b, ib->base + 4) << 8 |
	               inb(b, ib->base + 5) << 16,
	       0xeb1401, "shows the signature");
	outb(b, ib->base + 1, 2);
	outb(b, ib->base + 7, 0xa0);
	tap_eq(ide_wait(ib) & IDE_ERR, IDE_ERR, "no overlapped packets");
	tap_eq(run(ib, PACKET(0x12, 0, 0, 0, 96), 0x800), 36, "INQUIRY");
	tap_ok(!memcmp(data, "\x05\x80\x00\x21\x1f", 5) &&
	               !memcmp(data + 8, "KVMKIT  virtual CD-ROM  1   ", 28),
	       "says who it is");
	tap_eq(run(ib, PACKET(0x12, 0, 0, 0, 5), 0x800), 5, "the answer is cut");
	tap_eq(run(ib, PACKET(0x12, 1, 0x80, 0, 96), 0x800), -0x51,
	       "no serial number page");
	tap_eq(sense(ib), 0x052400, "INVALID FIELD IN CDB");
	tap_eq(sense(ib), 0, "which is told once");
	tap_eq(run(ib, PACKET(0xff), 0x800), -0x51, "an unknown packet");
	tap_eq(inb(b, ib->base + 1), 0x54, "is an illegal request");
	tap_eq(sense(ib), 0x052000, "INVALID COMMAND OPERATION CODE");
}

static void test_read(struct ide_board *ib)
{
	tap_eq(run(ib, PACKET(0x00), 0), 0, "TEST UNIT READY");
	tap_eq(run(ib, PACKET(0x25), 0x800), 8, "READ CAPACITY");
	tap_ok(!memcmp(data, "\0\0\0\x63\0\0\x08\0", 8), "last sector, size");
	tap_eq(run(ib, PACKET(0x28, 0, 0, 0, 0, 10, 0, 0, 3), 0x800), 3 * 2048,
	       "READ(10)");
	tap_ok(is_image(data, 10 * 2048, 3 * 2048), "gives the sectors");
	tap_eq(run(ib, PACKET(0x28, 0, 0, 0, 0, 10, 0, 0, 3), 1000), 3 * 2048,
	       "in blocks of any length");
	tap_ok(is_image(data, 10 * 2048, 3 * 2048), "as well");
	tap_eq(run(ib, PACKET(0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 100), 0xfffe), 100 * 2048,
	       "READ(12) of everything");
	tap_ok(is_image(data, 0, 100 * 2048), "which is more than the buffer takes");
	tap_eq(run(ib, PACKET(0x28, 0, 0, 0, 0, 100, 0, 0, 1), 0x800), -0x51,
	       "behind the end");
	tap_eq(sense(ib), 0x052100, "LOGICAL BLOCK ADDRESS OUT OF RANGE");
	tap_eq(run(ib, PACKET(0xa8, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), 0x800), -0x51,
	       "and so is 2^32 - 1");
	tap_eq(run(ib, PACKET(0x28, 0, 0, 0, 0, 100, 0, 0, 0), 0x800), 0,
	       "no sectors at the end are fine");
}

static void test_read_dma(struct ide_board *ib)
{
	ide_descriptor(ib, 0, IDE_DATA, 4096, false);
	ide_descriptor(ib, 1, IDE_DATA + 4096, 2048, true);
	send(ib, PACKET(0x28, 0, 0, 0, 0, 40, 0, 0, 3), 0, true);
	tap_eq(ide_run_dma(ib, true), 0x04, "READ(10) by DMA");
	ide_stop_dma(ib);
	tap_eq(inb(&ib->b, ib->base + 2), 3, "ends with its status");
	tap_ok(is_image(ib->ram + IDE_DATA, 40 * 2048, 3 * 2048), "and the data");
	ide_descriptor(ib, 0, IDE_DATA, 36, true);
	send(ib, PACKET(0x12, 0, 0, 0, 36), 0, true);
	tap_eq(ide_run_dma(ib, true), 0x04, "INQUIRY by DMA");
	ide_stop_dma(ib);
	tap_ok(!memcmp(ib->ram + IDE_DATA + 8, "KVMKIT  ", 8), "arrives");
	ide_descriptor(ib, 0, IDE_RAM, 2048, true);
	send(ib, PACKET(0x28, 0, 0, 0, 0, 40, 0, 0, 1), 0, true);
	tap_eq(ide_run_dma(ib, true) & 3, 2, "memory that is not there");
	ide_stop_dma(ib);
	tap_eq(sense(ib), 0x044400, "INTERNAL TARGET FAILURE");
}

static void test_read_cd(struct ide_board *ib)
{
	static const uint8_t head[16] = { 0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		                          0xff, 0xff, 0xff, 0,    0x00, 0x02, 0x31, 1 };
	bool ok = true;

	tap_eq(run(ib, PACKET(0xbe, 0, 0, 0, 0, 31, 0, 0, 2, 0x10), 0x800), 4096,
	       "READ CD: data");
	tap_ok(is_image(data, 31 * 2048, 4096), "are the sectors");
	tap_eq(run(ib, PACKET(0xbe, 0, 0, 0, 0, 31, 0, 0, 60, 0xf8), 2352), 60 * 2352,
	       "READ CD: whole sectors");
	tap_ok(!memcmp(data, head, 16), "sync pattern, 00:02:31, mode 1");
	for (unsigned i = 0; i < 60; i++)
		ok &= is_image(data + i * 2352 + 16, (31 + i) * 2048, 2048);
	tap_ok(ok, "with the data in each");
	tap_eq(run(ib, PACKET(0xbe, 0, 0, 0, 0, 31, 0, 0, 2, 0), 0x800), 0,
	       "no field, no data");
	tap_eq(run(ib, PACKET(0xbe, 0, 0, 0, 0, 31, 0, 0, 2, 0x40), 0x800), -0x51,
	       "headers alone are not had");
	for (unsigned i = 0; i < 3; i++)
		ide_descriptor(ib, i, IDE_DATA + i * 1568, 1568, i == 2);
	send(ib, PACKET(0xbe, 0, 0, 0, 0, 31, 0, 0, 2, 0xf8), 0, true);
	tap_eq(ide_run_dma(ib, true), 0x04, "whole sectors by DMA");
	ide_stop_dma(ib);
	tap_ok(!memcmp(ib->ram + IDE_DATA, head, 16) &&
	               is_image(ib->ram + IDE_DATA + 2352 + 16, 32 * 2048, 2048),
	       "are the same");
	tap_eq(run(ib, PACKET(0x28, 0, 0, 0, 0, 1, 0, 0, 1), 0x800), 2048,
	       "the next read is not raw");
}

static void test_tables(struct ide_board *ib)
{
	static const uint8_t toc[] = { 0, 18, 1, 1,    0,    0x14, 1, 0, 0, 0,
		                       0, 0,  0, 0x14, 0xaa, 0,    0, 0, 0, 100 };
	static const uint8_t msf[] = { 0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 3, 25 };

	tap_eq(run(ib, PACKET(0x43, 0, 0, 0, 0, 0, 0, 1, 0), 0x800), 20, "READ TOC");
	tap_ok(!memcmp(data, toc, sizeof(toc)), "one data track and the lead-out");
	tap_eq(run(ib, PACKET(0x43, 2, 0, 0, 0, 0, 0xaa, 1, 0), 0x800), 12,
	       "from lead-out");
	tap_ok(!memcmp(data, msf, sizeof(msf)), "in minutes, seconds, frames");
	tap_eq(run(ib, PACKET(0x43, 0, 1, 0, 0, 0, 0, 1, 0), 0x800), 12, "sessions");
	tap_eq(run(ib, PACKET(0x43, 0, 0, 0, 0, 0, 0, 1, 0, 0x40), 0x800), 12,
	       "the old place of the format");
	tap_eq(run(ib, PACKET(0x43, 0, 2, 0, 0, 0, 0, 1, 0), 0x800), 4 + 4 * 11, "raw");
	tap_eq((uint32_t)data[4 + 2 * 11 + 3] << 24 | data[4 + 2 * 11 + 8] << 16 |
	               data[4 + 2 * 11 + 9] << 8 | data[4 + 2 * 11 + 10],
	       0xa2000319, "with the lead-out");
	tap_eq(run(ib, PACKET(0x43, 0, 5, 0, 0, 0, 0, 1, 0), 0x800), -0x51, "no CD-TEXT");
	tap_eq(run(ib, PACKET(0x51, 0, 0, 0, 0, 0, 0, 0, 34), 0x800), 34,
	       "READ DISC INFO");
	tap_eq(data[2], 0x0e, "a finalized disc");
	tap_eq(run(ib, PACKET(0x5a, 0, 0x2a, 0, 0, 0, 0, 1, 0), 0x800), 30, "MODE SENSE");
	tap_ok(data[1] == 28 && data[2] == 1 && data[8] == 0x2a && data[14] == 0x29,
	       "capabilities: a tray that locks and ejects");
	tap_eq(run(ib, PACKET(0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 0), 0x800), 8 + 8 + 16 + 22,
	       "all pages");
	tap_eq(run(ib, PACKET(0x5a, 0, 0xea, 0, 0, 0, 0, 1, 0), 0x800), -0x51,
	       "no saved ones");
	tap_eq(sense(ib), 0x053900, "SAVING PARAMETERS NOT SUPPORTED");
	tap_eq(run(ib, PACKET(0x46, 0, 0, 0, 0, 0, 0, 1, 0), 0x800), 60,
	       "GET CONFIGURATION");
	tap_ok(data[3] == 56 && data[7] == 8 && data[14] == 0, "profile CD-ROM");
	tap_eq(run(ib, PACKET(0x46, 2, 0, 3, 0, 0, 0, 1, 0), 0x800), 16, "one feature");
	tap_eq(data[9] << 8 | data[12], 0x0329, "removable medium");
}

static void test_tray(struct ide_board *ib)
{
	struct board *b = &ib->b;
	struct err err = { 0 };

	tap_eq(run(ib, PACKET(0x1e, 0, 0, 0, 1), 0), 0, "PREVENT MEDIUM REMOVAL");
	tap_eq(run(ib, PACKET(0x1b, 0, 0, 0, 2), 0), -0x51, "the tray is locked");
	tap_eq(sense(ib), 0x055302, "MEDIUM REMOVAL PREVENTED");
	tap_eq(block_open_tray(block_find(b->vm.blocks, "cd"), false, &err), -EBUSY,
	       "for the host, too");
	tap_has(err.text, "'cd' is locked", "which is told");
	tap_ok(block_tray_is_locked(block_find(b->vm.blocks, "cd")), "and can be seen");
	tap_eq(run(ib, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 0x800), 8,
	       "GET EVENT STATUS");
	tap_ok(!memcmp(data, "\0\x06\x04\x10\x01\x02", 6), "the guest hears of the wish");
	run(ib, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 0x800);
	tap_eq(data[4], 0, "once");
	tap_eq(run(ib, PACKET(0x1e), 0), 0, "ALLOW MEDIUM REMOVAL");
	tap_eq(run(ib, PACKET(0x1b, 0, 0, 0, 2), 0), 0, "the guest opens the tray");
	tap_eq(run(ib, PACKET(0x00), 0), -0x51, "then there is nothing to read");
	tap_eq(sense(ib), 0x023a02, "MEDIUM NOT PRESENT, TRAY OPEN");
	run(ib, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 0x800);
	tap_eq(data[4] << 8 | data[5], 0x0301, "removed, open");
	devices_quiesce(&b->vm);
	devices_reset(&b->vm);
	ide_select(ib, 1, 0);
	pci_config_write(ib->pci, PCI_BASE_ADDRESS_4, IDE_BM, 4);
	pci_config_write(ib->pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
	tap_eq(run(ib, PACKET(0x00), 0), -0x51, "a reset does not close it");
	tap_eq(run(ib, PACKET(0x1b, 0, 0, 0, 3), 0), 0, "the guest closes it");
	tap_eq(run(ib, PACKET(0x12, 0, 0, 0, 36), 0x800), 36, "INQUIRY tells no change");
	tap_eq(run(ib, PACKET(0x00), 0), -0x51, "others do");
	tap_eq(sense(ib), 0x062800, "MEDIUM MAY HAVE CHANGED");
	tap_eq(run(ib, PACKET(0x00), 0), 0, "once");
}

/* What happened to the tray, as monitors are told. */
static void note_event(void *opaque, const char *name,
                       const struct vm_event_field *fields)
{
	snprintf(opaque, EVENT_LEN, "%s %s %s %d", name, fields[0].str, fields[1].str,
	         (int)fields[2].num);
}

static void test_change(struct ide_board *ib)
{
	struct block_node *cd = block_find(ib->b.vm.blocks, "cd"), *second;
	struct block_info info;
	struct err err = { 0 };
	char event[EVENT_LEN] = "";

	ib->b.vm.on_event = note_event;
	ib->b.vm.event_opaque = event;
	ide_image(ib, "second", 4 * 7, ",readonly=on");
	second = block_find(ib->b.vm.blocks, "second");
	tap_ok(block_is_removable(cd) && !block_is_removable(second),
	       "a drive, an image");
	tap_eq(block_remove_medium(cd, &err), -EBUSY, "nothing leaves a closed tray");
	tap_eq(block_open_tray(cd, false, &err), 0, "the host opens it");
	tap_str(event, "DEVICE_TRAY_MOVED cd /machine/peripheral-anon/device[0] 1",
	        "which is told");
	tap_eq(run(ib, PACKET(0x25), 0x800), -0x51, "no capacity");
	tap_eq(sense(ib), 0x023a02, "while it is open");
	tap_eq(block_insert_medium(cd, second, &err), -EBUSY, "no room for a second one");
	tap_eq(block_remove_medium(cd, &err), 0, "the medium is taken out");
	tap_eq(block_close_tray(cd, &err), 0, "the tray closed");
	tap_eq(run(ib, PACKET(0x25), 0x800), -0x51, "and no medium is there");
	tap_eq(sense(ib), 0x023a01, "as the guest is told");
	run(ib, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 0x800);
	tap_eq(data[4] << 8 | data[5], 0x0300, "removed, closed");
	tap_eq(block_open_tray(cd, false, &err), 0, "open again");
	tap_eq(block_insert_medium(cd, second, &err), 0, "and another put in");
	tap_str(block_user(second), "cd", "which is in use");
	tap_eq(block_close_tray(cd, &err), 0, "closed");
	tap_str(event, "DEVICE_TRAY_MOVED cd /machine/peripheral-anon/device[0] 0",
	        "which is told");
	tap_eq(run(ib, PACKET(0x25), 0x800), -0x51, "the guest is told");
	run(ib, PACKET(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 0x800);
	tap_eq(data[4] << 8 | data[5], 0x0202, "new, present");
	run(ib, PACKET(0x25), 0x800);
	tap_eq(data[3], 6, "the new capacity");
	block_get_info(cd, &info);
	tap_str(info.id, "cd", "the drive keeps its name");
	tap_str(info.format, "raw", "and shows what is in it");
	tap_eq(run(ib, PACKET(0x1e, 0, 0, 0, 1), 0), 0, "locked by the guest");
	tap_eq(block_open_tray(cd, true, &err), 0, "and forced by the host");
	tap_eq(block_remove_medium(cd, &err), 0, "taken out");
	tap_ok(!block_user(second), "which is free again");
	tap_eq(run(ib, PACKET(0x28, 0, 0, 0, 0, 1, 0, 0, 1), 0x800), -0x51, "no read");
	tap_eq(sense(ib), 0x023a02, "from an open tray");
	err_clear(&err);
	tap_eq(block_open_tray(second, false, &err), -EINVAL, "an image has no tray");
	tap_has(err.text, "'second' is not removable", "as is told");
	ib->b.vm.on_event = NULL;
	ide_image_remove(ib, "second");
}

/* A read whose medium goes in the middle ends with an error. */
static void test_removed(struct ide_board *ib)
{
	struct block_registry *blocks = ib->b.vm.blocks;
	struct block_node *cd = block_find(blocks, "cd");
	struct err err = { 0 };

	ide_image(ib, "third", 4 * 100, ",readonly=on");
	tap_eq(block_insert_medium(cd, block_find(blocks, "third"), &err), 0, "in again");
	block_close_tray(cd, &err);
	run(ib, PACKET(0x00), 0);
	send(ib, PACKET(0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 100), 0xfffe, false);
	tap_eq(block_open_tray(cd, false, &err), 0, "opened amid a long read");
	tap_eq(block_remove_medium(cd, &err), 0, "and emptied");
	for (unsigned i = 0; i < 200 && ide_wait(ib) & IDE_DRQ; i++)
		ide_read_data(ib, data, 2048);
	tap_ok(ide_wait(ib) & IDE_ERR, "the read ends with an error");
	tap_eq(sense(ib), 0x023a02, "that says why");
	ide_image_remove(ib, "third");
	block_remove(cd);
	tap_ok(!block_find(blocks, "cd"),
	       "a drive that is removed is not found any more");
	tap_eq(run(ib, PACKET(0x00), 0), -0x51, "the device is still there");
}

static void test_state(struct ide_board *ib)
{
	static struct ide_board other;
	struct device *copy;

	ide_board_init(&other);
	ide_image(&other, "cd", 4 * SECTORS, ",readonly=on");
	copy = board_add(&other.b, &ide_cd_class, "drive=cd,bus=ide.1");
	ide_select(&other, 1, 0);
	send(ib, PACKET(0x28, 0, 0, 0, 0, 2, 0, 0, 2), 0x800, false);
	tap_ok(board_copy_state(drive, copy), "a drive amid data");
	tap_ok(board_copy_state(&ib->pci->dev, &other.pci->dev), "and its controller");
	ide_read_data(&other, data, 2048);
	ide_wait(&other);
	ide_read_data(&other, data + 2048, 2048);
	tap_ok(is_image(data, 2 * 2048, 4096), "the rest comes from the other one");
	ide_image_remove(&other, "cd");
	ide_board_free(&other);
	ide_wait(ib);
	outb(&ib->b, ib->control, 4);
	outb(&ib->b, ib->control, 0);
}

int main(void)
{
	struct ide_board *ib = &board;
	struct device *empty;

	ide_board_init(ib);
	ide_image(ib, "cd", 4 * SECTORS, ",readonly=on");
	drive = board_add(&ib->b, &ide_cd_class, "drive=cd,bus=ide.1");
	empty = board_add(&ib->b, &ide_cd_class, "");
	tap_str(empty->path, "ide/0.0/ide-cd", "an empty drive takes the first place");
	tap_eq(run(ib, PACKET(0x00), 0), -0x51, "and has no medium");
	tap_eq(sense(ib), 0x023a01, "MEDIUM NOT PRESENT, TRAY CLOSED");
	ide_select(ib, 1, 0);
	test_identity(ib);
	test_read(ib);
	test_read_dma(ib);
	test_read_cd(ib);
	test_tables(ib);
	test_state(ib);
	test_tray(ib);
	test_change(ib);
	test_removed(ib);
	ide_image_remove(ib, "cd");
	ide_board_free(ib);
	return tap_done();
}
