/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A board with an IDE controller for device tests: the test is the driver, with RAM for
 * descriptors and data, and images in files of its own.
 */
#ifndef TESTS_DEV_IDE_LIB_H
#define TESTS_DEV_IDE_LIB_H

#include "tests/dev/legacy-lib.h"
#include "vmm/block/block.h"
#include "vmm/legacy/ide.h"
#include "vmm/pci/pci.h"

enum {
	IDE_RAM = 1 << 20,
	IDE_TABLE = 0x1000, /* descriptors of the bus master */
	IDE_DATA = 0x10000,
	IDE_BM = 0xc000, /* ports of the bus master */

	IDE_BSY = 0x80,
	IDE_RDY = 0x40,
	IDE_DRQ = 0x08,
	IDE_ERR = 0x01,
};

struct ide_board {
	struct board b;
	uint8_t *ram;
	struct pci_device *pci; /* the controller */
	uint16_t base, control; /* ports of the channel under test */
	uint8_t unit;           /* 0xe0 or 0xf0 */
	unsigned irq;
};

/* The controller, its bus master at IDE_BM, RAM at 0; channel 0, unit 0 under test. */
void ide_board_init(struct ide_board *ib);
void ide_board_free(struct ide_board *ib);
/* A file with `sectors` of 512 bytes, each byte being the sector's number plus its own
 * place; opened as drive `id`. */
void ide_image(struct ide_board *ib, const char *id, unsigned sectors,
               const char *options);
uint8_t ide_image_byte(uint64_t offset);
/* Removes the file of ide_image(). */
void ide_image_remove(struct ide_board *ib, const char *id);
void ide_select(struct ide_board *ib, unsigned channel, unsigned unit);

/* Writes the registers (28-bit LBA) and the command, waits until it is not busy; returns
 * the status. */
uint8_t ide_command(struct ide_board *ib, uint8_t command, uint32_t lba, uint8_t count);
/* The same with 48 bits. */
uint8_t ide_command_ext(struct ide_board *ib, uint8_t command, uint64_t lba,
                        uint16_t count);
uint8_t ide_wait(struct ide_board *ib);
void ide_read_data(struct ide_board *ib, void *buf, unsigned len);
void ide_write_data(struct ide_board *ib, const void *buf, unsigned len);
/* Descriptor n: address, bytes, the last one. */
void ide_descriptor(struct ide_board *ib, unsigned n, uint32_t addr, uint32_t len,
                    bool last);
/* Starts the bus master for reading (to memory) or writing, and waits; returns its
 * status register. */
uint8_t ide_run_dma(struct ide_board *ib, bool to_memory);
void ide_stop_dma(struct ide_board *ib);

#endif
