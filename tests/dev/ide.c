// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * IDE disks as ATA/ATAPI-6 and the bus master's programming interface describe them:
 * registers, identification, PIO, DMA with every shape of descriptors, resets, state.
 */
#include "tests/dev/ide-lib.h"

#include "common/bytes.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

enum { SECTORS = 4000 };

static struct ide_board board;
static uint8_t data[64 << 10];

static uint8_t error(struct ide_board *ib)
{
	return inb(&ib->b, ib->base + 1);
}

static bool is_image(const uint8_t *p, uint64_t offset, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		if (p[i] != ide_image_byte(offset + i))
			return false;
	return true;
}

static void test_presence(struct ide_board *ib)
{
	struct board *b = &ib->b;

	tap_eq(pci_config_read(ib->pci, 0, 4), 0x70108086, "the PIIX3's IDE function");
	tap_eq(pci_config_read(ib->pci, 8, 4), 0x01018000, "with a bus master");
	tap_eq(pci_config_read(ib->pci, 0x40, 4), 0x80008000, "both channels decode");
	tap_eq(inb(b, 0x1f7), 0x50, "a disk is ready");
	tap_eq(inb(b, 0x1f2) | inb(b, 0x1f3) << 8 | inb(b, 0x1f4) << 16 |
	               inb(b, 0x1f5) << 24,
	       0x00000101, "and has a disk's signature");
	outb(b, 0x1f2, 0x55);
	outb(b, 0x1f3, 0xaa);
	tap_eq(inb(b, 0x1f2) << 8 | inb(b, 0x1f3), 0x55aa, "registers keep values");
	ide_select(ib, 0, 1);
	tap_eq(inb(b, 0x1f7), 0, "no slave: status 0");
	outb(b, 0x1f2, 0x55);
	tap_eq(inb(b, 0x1f2), 0, "and no registers");
	outb(b, 0x1f7, 0xec);
	tap_eq(inb(b, 0x3f6), 0, "nor commands");
	ide_select(ib, 1, 0);
	tap_eq(inb(b, 0x177), 0, "an empty channel: status 0");
	ide_select(ib, 0, 0);
	tap_eq(inb(b, 0x1f2), 0x55, "writes reach both drives whichever is selected");
}

static void test_identify(struct ide_board *ib)
{
	uint8_t id[512];

	tap_eq(ide_command(ib, 0xec, 0, 0) & 0x89, IDE_DRQ, "IDENTIFY DEVICE");
	tap_ok(board_irq(&ib->b, 14), "interrupts");
	ide_read_data(ib, id, 510);
	tap_eq(inb(&ib->b, 0x1f7) & 0x89, IDE_DRQ, "data until the last word");
	tap_ok(!board_irq(&ib->b, 14), "the status register acknowledges");
	ide_read_data(ib, id + 510, 2);
	tap_eq(inb(&ib->b, 0x1f7), 0x50, "then it is ready");
	tap_eq(ld16(id), 0x0040, "a fixed disk");
	tap_eq(ld16(id + 2) << 16 | ld16(id + 6) << 8 | ld16(id + 12),
	       3 << 16 | 16 << 8 | 63, "3 cylinders, 16 heads, 63 sectors");
	tap_ok(!memcmp(id + 54, "VKKMTIH RADDSI K", 16), "the model, byte-swapped");
	tap_ok(!memcmp(id + 20, "BA  ", 4), "the serial number");
	tap_eq(ld16(id + 94) & 0xff, 16, "blocks of at most 16 sectors");
	tap_eq(ld16(id + 98) & 0x0300, 0x0300, "LBA and DMA");
	tap_eq(ld32(id + 120), SECTORS, "sectors in 28 bits");
	tap_eq(ld64(id + 200), SECTORS, "and in 48");
	tap_eq(ld16(id + 164), 0x4021, "SMART and a write cache");
	tap_eq(ld16(id + 166), 0x7400, "48 bits, FLUSH CACHE, FLUSH CACHE EXT");
	tap_eq(ld16(id + 170), 0x4020, "the cache is on, SMART is off");
}

static uint16_t identify_word(struct ide_board *ib, unsigned word)
{
	uint8_t id[512];

	ide_command(ib, 0xec, 0, 0);
	ide_read_data(ib, id, 512);
	return ld16(id + 2 * word);
}

static void test_features(struct ide_board *ib)
{
	outb(&ib->b, ib->base + 1, 0x82);
	tap_eq(ide_command(ib, 0xef, 0, 0), 0x50, "SET FEATURES: write cache off");
	tap_eq(identify_word(ib, 85) & 0x20, 0, "IDENTIFY says so");
	outb(&ib->b, ib->base + 1, 0x02);
	ide_command(ib, 0xef, 0, 0);
	tap_eq(identify_word(ib, 85) & 0x20, 0x20, "and on again");
	outb(&ib->b, ib->base + 1, 0x03);
	tap_eq(ide_command(ib, 0xef, 0, 0x22), 0x50, "multiword DMA mode 2");
	tap_eq(identify_word(ib, 63), 0x0407, "is selected");
	outb(&ib->b, ib->base + 1, 0x03);
	tap_eq(ide_command(ib, 0xef, 0, 0x33), 0x51, "a mode that is none");
	outb(&ib->b, ib->base + 1, 0x77);
	tap_eq(ide_command(ib, 0xef, 0, 0), 0x51, "a feature that is none");
	tap_eq(error(ib), 0x04, "is aborted");
	tap_eq(ide_command(ib, 0x01, 0, 0), 0x51, "so is an unknown command");
	tap_eq(ide_command(ib, 0xe7, 0, 0), 0x50, "FLUSH CACHE");
	tap_eq(ide_command(ib, 0xea, 0, 0), 0x50, "FLUSH CACHE EXT");
	ide_command(ib, 0xe5, 0, 0);
	tap_eq(inb(&ib->b, ib->base + 2), 0xff, "CHECK POWER MODE: active");
	outb(&ib->b, ib->base + 1, 0xda);
	tap_eq(ide_command(ib, 0xb0, 0xc24f00, 0), 0x51, "SMART is off");
	outb(&ib->b, ib->base + 1, 0xd8);
	tap_eq(ide_command(ib, 0xb0, 0xc24f00, 0), 0x50, "then on");
	outb(&ib->b, ib->base + 1, 0xda);
	ide_command(ib, 0xb0, 0xc24f00, 0);
	tap_eq(inb(&ib->b, ib->base + 4) | inb(&ib->b, ib->base + 5) << 8, 0xc24f,
	       "and all is well");
	tap_eq(identify_word(ib, 85) & 1, 1, "IDENTIFY shows it");
	ide_command(ib, 0xf8, 0, 0);
	tap_eq(inb(&ib->b, ib->base + 3) | inb(&ib->b, ib->base + 4) << 8, SECTORS - 1,
	       "READ NATIVE MAX ADDRESS");
}

/* Reads count sectors by `command`, whose DRQ blocks have `block` sectors. */
static bool pio_read(struct ide_board *ib, uint8_t command, uint32_t lba, unsigned count,
                     unsigned block)
{
	unsigned edges = board_edges(&ib->b, ib->irq), blocks = 0;

	ide_command(ib, command, lba, count);
	for (unsigned done = 0; done < count; blocks++) {
		unsigned n = count - done < block ? count - done : block;

		if ((ide_wait(ib) & 0x89) != IDE_DRQ)
			return false;
		inb(&ib->b, ib->base + 7);
		ide_read_data(ib, data + done * 512, n * 512);
		done += n;
	}
	return ide_wait(ib) == 0x50 && is_image(data, lba * 512ull, count * 512) &&
	       board_edges(&ib->b, ib->irq) - edges == blocks;
}

static void test_pio_read(struct ide_board *ib)
{
	tap_ok(pio_read(ib, 0x20, 7, 3, 1),
	       "READ SECTORS: a block and an interrupt each");
	tap_eq(ide_command(ib, 0xc4, 7, 3), 0x51, "no READ MULTIPLE before SET MULTIPLE");
	tap_eq(ide_command(ib, 0xc6, 0, 3), 0x51, "which takes no 3");
	tap_eq(ide_command(ib, 0xc6, 0, 32), 0x51, "nor 32");
	tap_eq(ide_command(ib, 0xc6, 0, 4), 0x50, "but 4");
	tap_ok(pio_read(ib, 0xc4, 100, 10, 4), "READ MULTIPLE, a short block last");
	ide_command(ib, 0x20, 0, 0);
	for (unsigned i = 0; i < 256; i++) {
		ide_wait(ib);
		ide_read_data(ib, data + i % 2 * 512, 512);
	}
	tap_ok(ide_wait(ib) == 0x50 && is_image(data + 512, 255 * 512, 512),
	       "count 0 is 256 sectors, more than the buffer takes");
	tap_eq(ide_command_ext(ib, 0x24, SECTORS - 1, 1) & 0x89, IDE_DRQ, "48 bits");
	ide_read_data(ib, data, 512);
	tap_ok(is_image(data, (SECTORS - 1) * 512ull, 512), "the last sector");
	outb(&ib->b, ib->control, 0x80);
	tap_eq(inb(&ib->b, ib->base + 3), 0, "HOB shows what was written before");
	tap_eq(ide_command(ib, 0x20, SECTORS - 1, 2), 0x51, "beyond the end");
	tap_eq(error(ib), 0x10, "is no address");
	tap_eq(ide_command_ext(ib, 0x24, 1ull << 40, 1), 0x51, "nor is this one");
	tap_eq(ide_command(ib, 0x40, 5, 5), 0x50, "READ VERIFY SECTORS");
	tap_eq(ide_command(ib, 0x40, SECTORS, 1), 0x51, "checks the address");
	ib->unit = 0xa0;
	tap_eq(ide_command(ib, 0x20, 1 << 24 | 1 << 8 | 5, 1) & 0x89, IDE_DRQ,
	       "CHS 1/1/5");
	ide_read_data(ib, data, 512);
	tap_ok(is_image(data, ((1 * 16 + 1) * 63 + 4) * 512, 512),
	       "is where it should be");
	tap_eq(ide_command(ib, 0x20, 0, 1), 0x51, "there is no sector 0");
	ib->unit = 0xe0;
}

static void test_pio_write(struct ide_board *ib)
{
	for (unsigned i = 0; i < 5 * 512; i++)
		data[i] = ide_image_byte(300 * 512 + i);
	tap_eq(ide_command(ib, 0x30, 20, 2), 0x58, "WRITE SECTORS wants data");
	tap_ok(!board_irq(&ib->b, 14), "without an interrupt for the first");
	ide_write_data(ib, data, 512);
	tap_ok(ide_wait(ib) == 0x58 && board_irq(&ib->b, 14), "but for the second");
	ide_write_data(ib, data + 512, 512);
	tap_eq(ide_wait(ib), 0x50, "and is done");
	tap_ok(board_irq(&ib->b, 14), "which it tells");
	ide_command(ib, 0xc5, 22, 3);
	ide_write_data(ib, data + 1024, 3 * 512);
	tap_eq(ide_wait(ib), 0x50, "WRITE MULTIPLE");
	memset(data, 0, sizeof(data));
	ide_command(ib, 0xc4, 20, 5);
	ide_read_data(ib, data, 4 * 512);
	ide_wait(ib);
	ide_read_data(ib, data + 4 * 512, 512);
	tap_ok(is_image(data, 300 * 512, 5 * 512), "all of it is on the disk");
}

/* A string instruction at the data port. */
static void string(struct ide_board *ib, void *buf, unsigned size, unsigned count,
                   bool is_write)
{
	vm_lock(&ib->b.vm);
	mem_access_repeat(ib->b.vm.mem, MEM_PIO, ib->base, buf, size, count, is_write);
	vm_unlock(&ib->b.vm);
}

static void test_strings(struct ide_board *ib)
{
	unsigned edges;

	memset(data, 0x55, sizeof(data));
	ide_command(ib, 0xc4, 40, 4);
	string(ib, data, 2, 601, false);
	string(ib, data + 1202, 2, 423, false);
	tap_ok(ide_wait(ib) == 0x50 && is_image(data, 40 * 512, 4 * 512) &&
	               data[4 * 512] == 0x55,
	       "strings of words read a block");
	ide_command(ib, 0x20, 41, 2);
	edges = board_edges(&ib->b, ib->irq);
	memset(data, 0x55, sizeof(data));
	string(ib, data, 2, 1, false);
	string(ib, data + 2, 4, 128, false);
	tap_ok(is_image(data, 41 * 512, 512) && !data[512] && !data[513],
	       "a double word at the end of a block has zeros");
	tap_eq(board_edges(&ib->b, ib->irq) - edges, 0, "the next interrupt waits for");
	inb(&ib->b, ib->base + 7);
	string(ib, data + 512, 4, 140, false);
	tap_ok(ide_wait(ib) == 0x50 && is_image(data, 41 * 512, 1024) && !data[1024] &&
	               !data[1071] && data[1072] == 0x55,
	       "the status; behind the last block nothing is there");
	for (unsigned i = 0; i < 3 * 512; i++)
		data[i] = ide_image_byte(500 * 512 + i);
	ide_command(ib, 0xc5, 60, 3);
	string(ib, data, 2, 700, true);
	string(ib, data + 1400, 4, 34, true);
	tap_eq(ide_wait(ib), 0x50, "strings write a block");
	memset(data, 0, sizeof(data));
	ide_command(ib, 0xc4, 60, 3);
	string(ib, data, 4, 384, false);
	tap_ok(is_image(data, 500 * 512, 3 * 512), "and it is on the disk");
}

static void test_dma(struct ide_board *ib)
{
	/* As while the machine is copied to another host. */
	struct ram_block *block = (struct ram_block *)mem_ram(ib->b.vm.mem, 0);
	uint64_t dirty[IDE_RAM / 4096 / 64] = { 0 };
	unsigned edges;

	ide_descriptor(ib, 0, IDE_DATA, 1024, false);
	ide_descriptor(ib, 1, IDE_DATA + 8192, 1024, true);
	outb(&ib->b, ib->base + 7, 0); /* NOP: clears the interrupt */
	ide_wait(ib);
	inb(&ib->b, ib->base + 7);
	outb(&ib->b, ib->base + 6, 0xe0);
	edges = board_edges(&ib->b, 14);
	outb(&ib->b, ib->base + 2, 4);
	outb(&ib->b, ib->base + 3, 50);
	outb(&ib->b, ib->base + 4, 0);
	outb(&ib->b, ib->base + 5, 0);
	outb(&ib->b, ib->base + 7, 0xc8);
	board_settle(&ib->b);
	block->dirty = dirty;
	tap_eq(inb(&ib->b, ib->control) & 0x80, 0x80,
	       "READ DMA waits for the bus master");
	tap_eq(ide_run_dma(ib, true), 0x04, "which ends with an interrupt");
	tap_eq(board_edges(&ib->b, 14) - edges, 1, "a single one");
	tap_ok(is_image(ib->ram + IDE_DATA, 50 * 512, 1024) &&
	               is_image(ib->ram + IDE_DATA + 8192, 52 * 512, 1024),
	       "memory has the sectors, in two places");
	block->dirty = NULL;
	tap_eq(dirty[0], 1ull << (IDE_DATA / 4096) | 1ull << (IDE_DATA / 4096 + 2),
	       "whose pages are marked as written");
	ide_stop_dma(ib);
	tap_eq(inb(&ib->b, IDE_BM + 2), 0x04, "the interrupt bit stays");
	outb(&ib->b, IDE_BM + 2, 0x64);
	tap_eq(inb(&ib->b, IDE_BM + 2), 0x60,
	       "until 1 is written; capable bits are kept");
	outb(&ib->b, IDE_BM + 2, 0);
	tap_eq(board_in(&ib->b, IDE_BM + 4, 4), IDE_TABLE, "the table's address");
}

/* Reads `count` sectors by DMA and gives the bus master's status. */
static uint8_t dma_read_sectors(struct ide_board *ib, uint32_t lba, unsigned count)
{
	uint8_t status;

	memset(ib->ram + IDE_DATA, 0, 0x20000);
	outb(&ib->b, ib->base + 6, 0xe0);
	outb(&ib->b, ib->base + 2, count);
	outb(&ib->b, ib->base + 3, lba);
	outb(&ib->b, ib->base + 4, lba >> 8);
	outb(&ib->b, ib->base + 5, 0);
	outb(&ib->b, ib->base + 7, 0xc8);
	status = ide_run_dma(ib, true);
	ide_stop_dma(ib);
	return status;
}

static void test_descriptors(struct ide_board *ib)
{
	uint32_t at = IDE_DATA;

	for (unsigned i = 0; i < 512; i++, at += 2)
		ide_descriptor(ib, i, at, 2, i == 511);
	tap_eq(dma_read_sectors(ib, 9, 2), 0x04, "512 descriptors of 2 bytes");
	tap_ok(is_image(ib->ram + IDE_DATA, 9 * 512, 1024), "for two sectors");
	ide_descriptor(ib, 0, IDE_DATA, 0, true);
	tap_eq(dma_read_sectors(ib, 200, 128), 0x04, "count 0 means 64 KiB");
	tap_ok(is_image(ib->ram + IDE_DATA, 200 * 512, 0x10000), "all of them");
	ide_descriptor(ib, 0, IDE_DATA, 700, false);
	ide_descriptor(ib, 1, IDE_DATA + 700, 324, true);
	tap_eq(dma_read_sectors(ib, 9, 2), 0x04, "a sector across two descriptors");
	tap_ok(is_image(ib->ram + IDE_DATA, 9 * 512, 1024), "is whole");
	ide_descriptor(ib, 0, IDE_DATA, 8192, true);
	tap_eq(dma_read_sectors(ib, 9, 2), 0x04, "a table that is too long");
	ide_descriptor(ib, 0, IDE_DATA, 512, true);
	tap_eq(dma_read_sectors(ib, 9, 2) & 0x05, 0x00, "one too short: no interrupt");
	tap_ok(is_image(ib->ram + IDE_DATA, 9 * 512, 512), "but its part of the data");
	ide_descriptor(ib, 0, IDE_RAM - 512, 1024, true);
	tap_eq(dma_read_sectors(ib, 9, 2) & 0x03, 0x02, "memory that is not there");
	tap_eq(ide_wait(ib), 0x51, "fails the command");
	pci_config_write(ib->pci, PCI_COMMAND, PCI_COMMAND_IO, 2);
	ide_descriptor(ib, 0, IDE_DATA, 512, true);
	tap_eq(dma_read_sectors(ib, 9, 1) & 0x02, 0x02, "bus mastering is off");
	pci_config_write(ib->pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
}

static void test_dma_write(struct ide_board *ib)
{
	const struct block_stats *stats =
		block_get_stats(block_find(ib->b.vm.blocks, "a"));
	uint64_t flushes = stats->ops[BLOCK_FLUSH];

	for (unsigned i = 0; i < 1024; i++)
		ib->ram[IDE_DATA + i] = ide_image_byte(77 * 512 + i);
	ide_descriptor(ib, 0, IDE_DATA, 100, false);
	ide_descriptor(ib, 1, IDE_DATA + 100, 924, true);
	outb(&ib->b, ib->base + 2, 0);
	for (unsigned i = 0; i < 3; i++)
		outb(&ib->b, ib->base + 3 + i, 0);
	outb(&ib->b, ib->base + 2, 2);
	outb(&ib->b, ib->base + 3, 30);
	outb(&ib->b, ib->base + 4, 0);
	outb(&ib->b, ib->base + 5, 0);
	outb(&ib->b, ib->base + 7, 0x3d);
	tap_eq(ide_run_dma(ib, false), 0x04, "WRITE DMA FUA EXT");
	tap_eq(stats->ops[BLOCK_FLUSH] - flushes, 1, "reaches stable storage");
	ide_stop_dma(ib);
	memset(data, 0, sizeof(data));
	ide_command(ib, 0x20, 30, 2);
	ide_read_data(ib, data, 512);
	ide_wait(ib);
	ide_read_data(ib, data + 512, 512);
	tap_ok(is_image(data, 77 * 512, 1024), "is on the disk");
}

static void test_reset(struct ide_board *ib)
{
	struct board *b = &ib->b;

	outb(b, ib->control, 0x02);
	ide_command(ib, 0x20, 0, 1);
	tap_ok(!board_irq(b, 14), "nIEN holds interrupts back");
	outb(b, ib->control, 0);
	tap_ok(board_irq(b, 14), "until it is taken away");
	outb(b, ib->base + 7, 0xec);
	tap_eq(inb(b, ib->control) & 0x88, IDE_DRQ, "a command amid data is ignored");
	outb(b, ib->control, 0x04);
	tap_eq(inb(b, ib->control), 0x80, "SRST: busy");
	outb(b, ib->control, 0x00);
	tap_eq(inb(b, ib->control), 0x50, "then ready");
	tap_eq(error(ib), 0x01, "and sound");
	tap_eq(inb(b, ib->base + 2) | inb(b, ib->base + 3) << 8, 0x0101, "a disk");
	tap_ok(!board_irq(b, 14), "without an interrupt");
	outb(b, ib->base + 6, 0xe0);
	outb(b, ib->base + 2, 4);
	outb(b, ib->base + 7, 0x20);
	tap_eq(inb(b, ib->control), 0x80, "a request is in flight");
	outb(b, ib->control, 0x04);
	outb(b, ib->control, 0x00);
	board_settle(b);
	tap_eq(ide_wait(ib), 0x50, "SRST amid a request drops it");
	outb(b, ib->base + 6, 0xe0);
	outb(b, ib->base + 2, 4);
	ide_descriptor(ib, 0, IDE_DATA, 2048, true);
	outb(b, ib->base + 7, 0xc8);
	outb(b, IDE_BM + 2, 0x04);
	outb(b, IDE_BM, 9);
	tap_eq(inb(b, IDE_BM + 2), 1, "the bus master is active");
	outb(b, IDE_BM, 0);
	board_settle(b);
	tap_eq(inb(b, IDE_BM + 2), 0, "stopping it ends its command, uninterrupted");
	tap_eq(ide_wait(ib), 0x50, "and the drive's");
	tap_ok(!board_irq(b, 14), "of which nothing comes later");
	tap_eq(ide_command(ib, 0x90, 0, 0), 0x50, "EXECUTE DEVICE DIAGNOSTIC");
	tap_eq(error(ib), 0x01, "passes");
	devices_quiesce(&b->vm);
	devices_reset(&b->vm);
	tap_eq(ide_command(ib, 0xc4, 0, 1), 0x51, "reset forgets SET MULTIPLE");
}

static void test_readonly(struct ide_board *ib)
{
	struct err err = { 0 };

	ide_image(ib, "ro", 64, ",readonly=on");
	board_add(&ib->b, &ide_hd_class, "drive=ro,unit=1,bus=ide.1");
	ide_select(ib, 1, 1);
	tap_eq(ide_command(ib, 0x30, 0, 1), 0x51, "a read-only disk takes no data");
	tap_ok(pio_read(ib, 0x20, 5, 1, 1), "but gives it, on channel 1");
	tap_ok(!device_create_simple(&ib->b.vm, &ide_hd_class,
	                             "drive=ro,unit=1,bus=ide.1", &err),
	       "its place is taken");
	tap_has(err.text, "choose another bus=, unit=", "and that is said");
	err_clear(&err);
	tap_ok(!device_create_simple(&ib->b.vm, &ide_hd_class, "drive=ro,bus=ide.7",
	                             &err),
	       "there is no eighth bus");
	tap_has(err.text, "ide.0 and ide.1", "but two");
	err_clear(&err);
	tap_ok(!device_create_simple(&ib->b.vm, &ide_hd_class, "", &err), "no drive=");
	tap_has(err.text, "add drive=ID", "is explained");
	ide_image_remove(ib, "ro");
	ide_select(ib, 0, 0);
}

/* In the middle of a READ MULTIPLE: the other machine gives the rest. */
static void test_state(struct ide_board *ib, struct device *disk)
{
	static struct ide_board other;
	struct device *copy;

	ide_board_init(&other);
	ide_image(&other, "a", SECTORS, "");
	copy = board_add(&other.b, &ide_hd_class, "drive=a");
	ide_command(ib, 0xc6, 0, 2);
	ide_command(ib, 0xc4, 1000, 6);
	ide_read_data(ib, data, 512);
	tap_ok(board_copy_state(disk, copy), "a disk amid data");
	tap_ok(board_copy_state(&ib->pci->dev, &other.pci->dev), "and its controller");
	tap_ok(board_irq(&other.b, 14), "whose interrupt is there as well");
	ide_read_data(&other, data + 512, 512);
	for (unsigned i = 1; i < 3; i++) {
		ide_wait(&other);
		ide_read_data(&other, data + i * 1024, 1024);
	}
	tap_ok(is_image(data, 1000 * 512, 6 * 512), "the rest comes from the other one");
	tap_eq(ide_wait(&other), 0x50, "and ends there");
	ide_image_remove(&other, "a");
	ide_board_free(&other);
}

int main(void)
{
	struct ide_board *ib = &board;
	struct device *disk;

	ide_board_init(ib);
	/* Threads: what is in flight stays so until the loop runs. */
	ide_image(ib, "a", SECTORS, ",aio=threads");
	disk = board_add(&ib->b, &ide_hd_class, "drive=a,serial=AB");
	test_presence(ib);
	test_identify(ib);
	test_features(ib);
	test_pio_read(ib);
	test_pio_write(ib);
	test_strings(ib);
	test_dma(ib);
	test_descriptors(ib);
	test_dma_write(ib);
	test_reset(ib);
	test_readonly(ib);
	test_state(ib, disk);
	ide_image_remove(ib, "a");
	ide_board_free(ib);
	return tap_done();
}
