// SPDX-License-Identifier: GPL-2.0-or-later
/* The driver's side of IDE, for the tests of disks and CD-ROM drives. */
#include "tests/dev/ide-lib.h"

#include "common/bytes.h"
#include "tests/tap.h"
#include "vmm/legacy/piix.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	tap_diag("%s", what);
	exit(1);
}

void ide_board_init(struct ide_board *ib)
{
	struct err err = { 0 };

	board_init(&ib->b, true);
	ib->b.vm.blocks = block_registry_new(ib->b.vm.loop);
	ib->ram = mem_alloc(IDE_RAM, &err);
	must(ib->b.vm.blocks && ib->ram, "no board");
	mem_add_ram(ib->b.vm.mem, "ram", 0, IDE_RAM, ib->ram, false, &err);
	ib->b.isa_bridge = board_add(&ib->b, &piix3_class, "addr=1,pirqs=0x0b0b0a0a");
	ib->pci = (struct pci_device *)board_add(&ib->b, &piix3_ide_class, "addr=1.1");
	pci_config_write(ib->pci, PCI_BASE_ADDRESS_4, IDE_BM, 4);
	pci_config_write(ib->pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
	ide_select(ib, 0, 0);
}

void ide_board_free(struct ide_board *ib)
{
	board_free(&ib->b);
	munmap(ib->ram, IDE_RAM);
}

uint8_t ide_image_byte(uint64_t offset)
{
	return offset / 512 + offset % 512;
}

static void image_path(struct ide_board *ib, const char *id, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.img", ib->b.dir, id);
}

void ide_image(struct ide_board *ib, const char *id, unsigned sectors,
               const char *options)
{
	char path[160], text[320];
	struct opt_list opts = { 0 };
	struct err err = { 0 };
	uint8_t sector[512];
	int fd;

	image_path(ib, id, path, sizeof(path));
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0, "no image");
	for (uint64_t s = 0; s < sectors; s++) {
		for (unsigned i = 0; i < 512; i++)
			sector[i] = ide_image_byte(s * 512 + i);
		must(write(fd, sector, 512) == 512, "no room for the image");
	}
	close(fd);
	snprintf(text, sizeof(text), "file=%s,id=%s,format=raw%s", path, id, options);
	must(opt_list_parse(&opts, text, NULL, &err) >= 0 &&
	             block_open(ib->b.vm.blocks, &opts, &err),
	     err.text);
	opt_list_free(&opts);
}

void ide_image_remove(struct ide_board *ib, const char *id)
{
	char path[160];

	image_path(ib, id, path, sizeof(path));
	unlink(path);
}

void ide_select(struct ide_board *ib, unsigned channel, unsigned unit)
{
	ib->base = channel ? 0x170 : 0x1f0;
	ib->control = channel ? 0x376 : 0x3f6;
	ib->irq = channel ? 15 : 14;
	ib->unit = unit ? 0xf0 : 0xe0;
	outb(&ib->b, ib->base + 6, ib->unit);
}

static bool is_ready(void *opaque)
{
	struct ide_board *ib = opaque;

	return !(inb(&ib->b, ib->control) & IDE_BSY);
}

uint8_t ide_wait(struct ide_board *ib)
{
	must(board_until(&ib->b, is_ready, ib, 60000), "the drive stays busy");
	return inb(&ib->b, ib->control);
}

uint8_t ide_command(struct ide_board *ib, uint8_t command, uint32_t lba, uint8_t count)
{
	struct board *b = &ib->b;

	outb(b, ib->base + 6, ib->unit | (lba >> 24 & 0xf));
	outb(b, ib->base + 2, count);
	outb(b, ib->base + 3, lba);
	outb(b, ib->base + 4, lba >> 8);
	outb(b, ib->base + 5, lba >> 16);
	outb(b, ib->base + 7, command);
	return ide_wait(ib);
}

uint8_t ide_command_ext(struct ide_board *ib, uint8_t command, uint64_t lba,
                        uint16_t count)
{
	struct board *b = &ib->b;

	outb(b, ib->base + 2, count >> 8);
	for (unsigned i = 0; i < 3; i++)
		outb(b, ib->base + 3 + i, lba >> (24 + 8 * i));
	return ide_command(ib, command, lba & 0xffffff, count);
}

/* Words and double words in turn. */
void ide_read_data(struct ide_board *ib, void *buf, unsigned len)
{
	for (unsigned i = 0; i < len;) {
		unsigned size = len - i >= 4 && i % 8 == 0 ? 4 : 2;

		stn((uint8_t *)buf + i, size, board_in(&ib->b, ib->base, size));
		i += size;
	}
}

void ide_write_data(struct ide_board *ib, const void *buf, unsigned len)
{
	for (unsigned i = 0; i < len;) {
		unsigned size = len - i >= 4 && i % 8 == 0 ? 4 : 2;

		board_out(&ib->b, ib->base, ldn((const uint8_t *)buf + i, size), size);
		i += size;
	}
}

void ide_descriptor(struct ide_board *ib, unsigned n, uint32_t addr, uint32_t len,
                    bool last)
{
	st32(ib->ram + IDE_TABLE + 8 * n, addr);
	st16(ib->ram + IDE_TABLE + 8 * n + 4, len);
	st16(ib->ram + IDE_TABLE + 8 * n + 6, last ? 0x8000 : 0);
}

static uint16_t bm(const struct ide_board *ib)
{
	return IDE_BM + (ib->irq == 15 ? 8 : 0);
}

uint8_t ide_run_dma(struct ide_board *ib, bool to_memory)
{
	board_out(&ib->b, bm(ib) + 4, IDE_TABLE, 4);
	outb(&ib->b, bm(ib), to_memory ? 8 : 0);
	outb(&ib->b, bm(ib) + 2, 0x06);
	outb(&ib->b, bm(ib), to_memory ? 9 : 1);
	ide_wait(ib);
	return inb(&ib->b, bm(ib) + 2);
}

void ide_stop_dma(struct ide_board *ib)
{
	outb(&ib->b, bm(ib), 0);
}
