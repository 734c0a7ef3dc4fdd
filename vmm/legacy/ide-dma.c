// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bus master of a channel (Intel, "Programming Interface for Bus Master IDE
 * Controller", 1.0): command, status and descriptor table, and the walk along the table.
 *
 * A descriptor is 8 bytes: address, count (0: 64 KiB) and the mark of the last one.
 * Whatever it says is checked when memory is touched; what is not there ends the command
 * with the error bit. A table that ends before the command does stops the bus master
 * without an interrupt, as on the chip. Machine lock.
 */
#include "vmm/legacy/ide-core.h"

#include "common/bytes.h"
#include "vmm/core/vm.h"

#include <errno.h>

enum {
	BM_COMMAND = 0,
	BM_STATUS = 2,
	BM_TABLE = 4,
	BM_TABLE_END = 8,
	BM_CHANNEL = 8, /* bytes of one channel's registers */

	COMMAND_START = 0x01,
	COMMAND_TO_MEMORY = 0x08,

	BM_ACTIVE = 0x01,
	BM_ERROR = 0x02,
	BM_IRQ = 0x04,
	BM_CAPABLE = 0x60, /* stored for the drivers: DMA works on drives 0 and 1 */

	DESCRIPTOR = 8,
	DESCRIPTOR_LAST = 0x8000,
};

/* ---- along the table ---- */

/* Makes the cursor stand on memory. 0, -ENODATA at the end of the table, or -EFAULT. */
static int next_segment(struct ide_channel *ch)
{
	struct ide_cursor *c = &ch->cursor;
	struct pci_device *pdev = &ch->ide->pci;
	uint8_t raw[DESCRIPTOR];

	if (c->left)
		return 0;
	if (c->last)
		return -ENODATA;
	if (!(pdev->config[PCI_COMMAND] & PCI_COMMAND_MASTER) ||
	    dma_read(pdev->dev.vm->mem, c->entry, raw, sizeof(raw)) < 0)
		return -EFAULT;
	c->entry += DESCRIPTOR;
	c->addr = ld32(raw) & ~1u;
	c->left = ld16(raw + 4) & ~1u;
	if (!c->left)
		c->left = 0x10000;
	c->last = ld16(raw + 6) & DESCRIPTOR_LAST;
	return 0;
}

static uint32_t step(struct ide_cursor *c, uint32_t want)
{
	uint32_t len = c->left < want ? c->left : want;

	c->addr += len;
	c->left -= len;
	return len;
}

uint32_t ide_dma_gather(struct ide_drive *d, uint32_t want)
{
	struct ide_channel *ch = d->channel;
	struct ide_cursor start = ch->cursor, *c = &ch->cursor;
	struct mem *mem = ch->ide->pci.dev.vm->mem;
	bool write = d->phase == IDE_DMA_IN, ok = true;
	uint32_t total = 0;

	d->iov_count = 0;
	/* One slot is left for a segment that a border between blocks of RAM cuts. */
	while (total < want && d->iov_count < IDE_IOV - 1) {
		unsigned from = d->iov_count;
		uint32_t gpa, len;

		ok = !next_segment(ch);
		if (!ok)
			break;
		gpa = c->addr;
		len = step(c, want - total);
		ok = !dma_iov(mem, gpa, len, write, d->iov, IDE_IOV, &d->iov_count);
		if (!ok)
			break;
		for (; from < d->iov_count; gpa += d->iov[from++].iov_len)
			d->gpas[from] = gpa;
		total += len;
	}
	if (ok && total % IDE_SECTOR == 0)
		return total;
	*c = start;
	d->iov_count = 0;
	return 0;
}

int64_t ide_dma_copy(struct ide_drive *d, uint32_t len)
{
	struct ide_channel *ch = d->channel;
	struct mem *mem = ch->ide->pci.dev.vm->mem;
	uint32_t done = 0;

	while (done < len) {
		int ret = next_segment(ch);
		uint32_t gpa = ch->cursor.addr, part;

		if (ret == -ENODATA)
			break;
		if (ret < 0)
			return ret;
		part = step(&ch->cursor, len - done);
		ret = d->phase == IDE_DMA_IN ? dma_write(mem, gpa, d->buf + done, part)
		                             : dma_read(mem, gpa, d->buf + done, part);
		if (ret < 0)
			return ret;
		done += part;
	}
	return done;
}

void ide_dma_mark_dirty(struct ide_drive *d)
{
	struct mem *mem = d->channel->ide->pci.dev.vm->mem;

	for (unsigned i = 0; i < d->iov_count; i++)
		dma_dirty(mem, d->gpas[i], d->iov[i].iov_len);
}

/* ---- registers ---- */

bool ide_dma_started(const struct ide_channel *ch)
{
	return ch->bm_command & COMMAND_START && ch->bm_status & BM_ACTIVE;
}

void ide_dma_end(struct ide_channel *ch, bool failed)
{
	ch->bm_status &= ~BM_ACTIVE;
	if (failed)
		ch->bm_status |= BM_ERROR;
}

void ide_dma_reset(struct ide_channel *ch)
{
	ch->bm_command = 0;
	ch->bm_status = 0;
	ch->prd_table = 0;
	ch->cursor = (struct ide_cursor){ 0 };
}

static bool wants_dma(const struct ide_drive *d)
{
	return d && (d->phase == IDE_DMA_IN || d->phase == IDE_DMA_OUT);
}

static void write_bm_command(struct ide_channel *ch, uint8_t value)
{
	bool was = ch->bm_command & COMMAND_START, is = value & COMMAND_START;

	ch->bm_command = value & (COMMAND_START | COMMAND_TO_MEMORY);
	if (was == is)
		return;
	if (was) {
		/* Stopping in the middle loses the rest of the command. */
		for (unsigned i = 0; i < IDE_UNITS && ch->bm_status & BM_ACTIVE; i++)
			if (wants_dma(ch->drives[i]))
				ide_cancel(ch->drives[i]);
		ch->bm_status &= ~BM_ACTIVE;
		return;
	}
	ch->bm_status |= BM_ACTIVE;
	ch->cursor = (struct ide_cursor){ .entry = ch->prd_table };
	for (unsigned i = 0; i < IDE_UNITS; i++)
		if (wants_dma(ch->drives[i]))
			ide_dma_go(ch->drives[i]);
}

static uint64_t bm_read(void *opaque, uint64_t offset, unsigned size)
{
	struct piix3_ide *ide = opaque;
	struct ide_channel *ch = &ide->channels[offset / BM_CHANNEL];
	uint8_t regs[BM_CHANNEL * 2] = { 0 };

	regs[BM_COMMAND] = ch->bm_command;
	regs[BM_STATUS] = ch->bm_status;
	st32(regs + BM_TABLE, ch->prd_table);
	return ldn(regs + offset % BM_CHANNEL, size);
}

static void write_byte(struct ide_channel *ch, unsigned reg, uint8_t value)
{
	unsigned shift = 8 * (reg - BM_TABLE);

	if (reg == BM_COMMAND) {
		write_bm_command(ch, value);
	} else if (reg == BM_STATUS) {
		ch->bm_status &= ~(value & (BM_ERROR | BM_IRQ));
		ch->bm_status = (ch->bm_status & ~BM_CAPABLE) | (value & BM_CAPABLE);
	} else if (reg >= BM_TABLE && reg < BM_TABLE_END) {
		ch->prd_table &= ~(0xffu << shift);
		ch->prd_table |= (uint32_t)value << shift & ~3u;
	}
}

static void bm_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct piix3_ide *ide = opaque;

	for (unsigned i = 0; i < size; i++, offset++)
		write_byte(&ide->channels[offset / BM_CHANNEL], offset % BM_CHANNEL,
		           value >> (8 * i));
}

const struct region_ops ide_bus_master_ops = { .read = bm_read, .write = bm_write };
