// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The window from 0xa0000 to 0xbffff: how a processor's bytes reach the planes (IBM PS/2
 * Hardware Interface Technical Reference, "Graphics Controller Registers"; write modes 0
 * to 3, read modes 0 and 1, set/reset, bit mask, latches). vga-core.h says how the planes
 * lie. Every address is cut to the memory's size. Machine lock.
 */
#include "vmm/legacy/vga-core.h"

#include "common/bytes.h"

#define NOT_MAPPED UINT32_MAX

/* A bit for each plane to a byte for each. */
static uint32_t spread(unsigned planes)
{
	return (planes & 1 ? 0xff : 0) | (planes & 2 ? 0xff00 : 0) |
	       (planes & 4 ? 0xff0000 : 0) | (planes & 8 ? 0xff000000 : 0);
}

/* The offset in the mapped part of the window, banks included. */
static uint32_t decode(const struct vga *vga, uint32_t offset)
{
	switch (vga->gr[GR_MISC] >> 2 & 3) {
	case 0:
		return offset;
	case 1:
		return offset < 0x10000 ? offset + ((uint32_t)vga->vbe[VBE_BANK] << 16)
		                        : NOT_MAPPED;
	case 2:
		return offset - 0x10000 < 0x8000 ? offset - 0x10000 : NOT_MAPPED;
	default:
		return offset >= 0x18000 ? offset - 0x18000 : NOT_MAPPED;
	}
}

/* Where the byte of an address lies that selects its plane itself. */
static uint32_t odd_even(const struct vga *vga, uint32_t at, unsigned plane)
{
	return ((at & ~1u) << 1 | plane) & (vga->vram_size - 1);
}

static uint8_t read_planes(struct vga *vga, uint32_t at)
{
	uint32_t word, differs;

	memcpy(vga->latch, vga->vram + (at * 4 & (vga->vram_size - 4)), 4);
	if (!(vga->gr[GR_MODE] & 0x08))
		return vga->latch[vga->gr[GR_READ_MAP]];
	/* Read mode 1: a bit for each pixel that has the colour. */
	word = ld32(vga->latch);
	differs = (word ^ spread(vga->gr[GR_COLOR_COMPARE])) &
	          spread(vga->gr[GR_COLOR_DONT_CARE]);
	return ~(differs | differs >> 8 | differs >> 16 | differs >> 24);
}

static uint8_t read_byte(struct vga *vga, uint32_t offset)
{
	uint32_t at = decode(vga, offset);

	if (at == NOT_MAPPED)
		return 0xff;
	if (vga->seq[SEQ_MEMORY_MODE] & SEQ_CHAIN4)
		return vga->vram[at & (vga->vram_size - 1)];
	if (vga->gr[GR_MODE] & GR_ODD_EVEN)
		return vga
		        ->vram[odd_even(vga, at, (vga->gr[GR_READ_MAP] & 2) | (at & 1))];
	return read_planes(vga, at);
}

/* What write modes 0 to 3 put into the four planes, before the map mask. */
static uint32_t combine(const struct vga *vga, uint8_t value)
{
	unsigned rotate = vga->gr[GR_ROTATE] & 7;
	uint32_t latch = ld32(vga->latch), mask = vga->gr[GR_BIT_MASK] * 0x01010101u;
	uint32_t set = spread(vga->gr[GR_SET_RESET]), data, enable;
	uint8_t rotated = value >> rotate | value << (8 - rotate);

	switch (vga->gr[GR_MODE] & 3) {
	case 0:
		enable = spread(vga->gr[GR_ENABLE_SET_RESET]);
		data = (rotated * 0x01010101u & ~enable) | (set & enable);
		break;
	case 1:
		return latch;
	case 2:
		data = spread(value & 15);
		break;
	default:
		mask &= rotated * 0x01010101u;
		return (set & mask) | (latch & ~mask);
	}
	switch (vga->gr[GR_ROTATE] >> 3 & 3) {
	case 1:
		data &= latch;
		break;
	case 2:
		data |= latch;
		break;
	case 3:
		data ^= latch;
		break;
	}
	return (data & mask) | (latch & ~mask);
}

static void write_byte(struct vga *vga, uint32_t offset, uint8_t value)
{
	uint32_t at = decode(vga, offset), byte, mask;

	if (at == NOT_MAPPED)
		return;
	if (vga->seq[SEQ_MEMORY_MODE] & SEQ_CHAIN4) {
		byte = at & (vga->vram_size - 1);
		mask = 1u << (at & 3);
	} else if (!(vga->seq[SEQ_MEMORY_MODE] & SEQ_SEQUENTIAL)) {
		/* Planes 0 and 1, or 2 and 3, as the map mask says. */
		bool high = !(vga->seq[SEQ_MAP_MASK] & 3);

		byte = odd_even(vga, at, (high ? 2 : 0) | (at & 1));
		mask = 1u << (byte & 3);
	} else {
		byte = at * 4 & (vga->vram_size - 4);
		mask = spread(vga->seq[SEQ_MAP_MASK]);
		st32(vga->vram + byte,
		     (combine(vga, value) & mask) | (ld32(vga->vram + byte) & ~mask));
		mem_mark_dirty(vga->block, byte, 4);
		vga->redraw |= !(vga->gr[GR_MISC] & 1) && mask & 0xff0000; /* a font */
		return;
	}
	if (!(vga->seq[SEQ_MAP_MASK] & mask))
		return;
	vga->vram[byte] = value;
	mem_mark_dirty(vga->block, byte, 1);
}

static uint64_t window_read(void *opaque, uint64_t offset, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)read_byte(opaque, offset + i) << 8 * i;
	return value;
}

static void window_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		write_byte(opaque, offset + i, value >> 8 * i);
	vga_touch(opaque);
}

const struct region_ops vga_window_ops = { .read = window_read, .write = window_write };
