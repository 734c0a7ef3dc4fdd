// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registers of the VGA (IBM PS/2 Hardware Interface Technical Reference, "Video
 * Subsystem") and Bochs' VBE extension (QEMU's docs/specs/standard-vga).
 *
 * Each index register is kept inside its array when it is written, and the VBE
 * dimensions inside the limits, so that no reader has to check. Registers of timing are
 * kept and mean nothing. Machine lock.
 */
#include "vmm/legacy/vga-core.h"

#include "common/bytes.h"
#include "common/cleanup.h"

enum port { /* from 0x3c0 */
	    PORT_ATTR,
	    PORT_ATTR_READ,
	    PORT_MISC, /* read: input status 0 */
	    PORT_SEQ_INDEX = 4,
	    PORT_SEQ,
	    PORT_PEL_MASK,
	    PORT_DAC_READ, /* read: state */
	    PORT_DAC_WRITE,
	    PORT_DAC,
	    PORT_FEATURE_READ,
	    PORT_MISC_READ = 12,
	    PORT_GR_INDEX = 14,
	    PORT_GR,
	    PORT_CR_INDEX = 20,
	    PORT_CR,
	    PORT_STATUS1 = 26, /* write: feature control */
};

#define MISC_COLOR     0x01
#define STATUS1_BLANK  0x01
#define STATUS1_VSYNC  0x08
#define ATTR_INDEX     0x1f
#define CR_PROTECT     0x80
#define CR_PROTECT_END 7
#define CR7_UNLOCKED   0x10 /* the bit of line compare is never protected */
#define DAC_READING    3
#define VBE_ID_FIRST   0xb0c0
#define VBE_ID_LAST    0xb0c5

static const uint8_t seq_mask[8] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0 };
static const uint8_t gr_mask[16] = {
	0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff
};
static const uint8_t attr_mask[AT_COUNT] = {
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
};

/* A register that decides what the screen looks like. */
static void put(struct vga *vga, uint8_t *reg, uint8_t value)
{
	vga->redraw |= *reg != value;
	*reg = value;
}

/* ---- attribute controller and DAC ---- */

static void write_attr(struct vga *vga, uint8_t value)
{
	unsigned index = vga->attr_index & ATTR_INDEX;

	if (!vga->attr_data)
		put(vga, &vga->attr_index, value & 0x3f);
	else if (index < AT_COUNT)
		put(vga, &vga->attr[index], value & attr_mask[index]);
	vga->attr_data = !vga->attr_data;
}

static uint8_t read_dac(struct vga *vga)
{
	uint8_t value = vga->palette[vga->dac_read * 3 + vga->dac_sub];

	if (++vga->dac_sub == 3) {
		vga->dac_sub = 0;
		vga->dac_read++;
	}
	return value;
}

/* A colour changes with its third byte. */
static void write_dac(struct vga *vga, uint8_t value)
{
	vga->dac_cache[vga->dac_sub] = value;
	if (++vga->dac_sub < 3)
		return;
	memcpy(vga->palette + vga->dac_write * 3, vga->dac_cache, 3);
	vga->redraw = true;
	vga->dac_sub = 0;
	vga->dac_write++;
}

/* ---- CRT controller: at 0x3d4 or 0x3b4 ---- */

static void write_crtc(struct vga *vga, uint8_t value)
{
	unsigned index = vga->cr_index;

	if (index >= CR_COUNT)
		return;
	if (vga->cr[CR_VSYNC_END] & CR_PROTECT && index <= CR_PROTECT_END) {
		if (index != CR_OVERFLOW)
			return;
		value = (vga->cr[index] & ~CR7_UNLOCKED) | (value & CR7_UNLOCKED);
	}
	/* The cursor is looked at each time. */
	if (index == CR_CURSOR_START || index == CR_CURSOR_END || index == CR_CURSOR_HI ||
	    index == CR_CURSOR_LO)
		vga->cr[index] = value;
	else
		put(vga, &vga->cr[index], value);
}

static uint8_t read_crtc_port(struct vga *vga, unsigned port)
{
	switch (port) {
	case PORT_CR_INDEX:
		return vga->cr_index;
	case PORT_CR:
		return vga->cr_index < CR_COUNT ? vga->cr[vga->cr_index] : 0;
	case PORT_STATUS1:
		/* Programs wait for both edges of the retrace: each look sees the other.
		 */
		vga->status1 ^= STATUS1_BLANK | STATUS1_VSYNC;
		vga->attr_data = false;
		return vga->status1;
	default:
		return 0xff;
	}
}

static void write_crtc_port(struct vga *vga, unsigned port, uint8_t value)
{
	switch (port) {
	case PORT_CR_INDEX:
		vga->cr_index = value;
		break;
	case PORT_CR:
		write_crtc(vga, value);
		break;
	case PORT_STATUS1:
		vga->feature = value & 0x08;
		break;
	}
}

/* ---- ports ---- */

/* Most of both controllers serve drawing, and do not show. */
static void write_seq(struct vga *vga, uint8_t value)
{
	unsigned index = vga->seq_index;

	value &= seq_mask[index];
	if (index == SEQ_CLOCKING || index == SEQ_FONTS)
		put(vga, &vga->seq[index], value);
	else
		vga->seq[index] = value;
}

static void write_gr(struct vga *vga, uint8_t value)
{
	unsigned index = vga->gr_index;

	value &= gr_mask[index];
	if (index == GR_MISC || (index == GR_MODE && (vga->gr[index] ^ value) & 0x60))
		vga->redraw = true;
	vga->gr[index] = value;
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
	struct vga *vga = opaque;
	unsigned index = vga->attr_index & ATTR_INDEX;

	(void)size;
	switch (offset) {
	case PORT_ATTR:
		return vga->attr_index;
	case PORT_ATTR_READ:
		return index < AT_COUNT ? vga->attr[index] : 0;
	case PORT_MISC:
		return 0;
	case PORT_SEQ_INDEX:
		return vga->seq_index;
	case PORT_SEQ:
		return vga->seq[vga->seq_index];
	case PORT_PEL_MASK:
		return vga->pel_mask;
	case PORT_DAC_READ:
		return vga->dac_state;
	case PORT_DAC_WRITE:
		return vga->dac_write;
	case PORT_DAC:
		return read_dac(vga);
	case PORT_FEATURE_READ:
		return vga->feature;
	case PORT_MISC_READ:
		return vga->misc;
	case PORT_GR_INDEX:
		return vga->gr_index;
	case PORT_GR:
		return vga->gr[vga->gr_index];
	}
	return vga->misc & MISC_COLOR ? read_crtc_port(vga, offset) : 0xff;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct vga *vga = opaque;

	(void)size;
	switch (offset) {
	case PORT_ATTR:
		write_attr(vga, value);
		break;
	case PORT_MISC:
		vga->misc = value & ~0x10;
		break;
	case PORT_SEQ_INDEX:
		vga->seq_index = value & 7;
		break;
	case PORT_SEQ:
		write_seq(vga, value);
		break;
	case PORT_PEL_MASK:
		put(vga, &vga->pel_mask, value);
		break;
	case PORT_DAC_READ:
		vga->dac_read = value;
		vga->dac_sub = 0;
		vga->dac_state = DAC_READING;
		break;
	case PORT_DAC_WRITE:
		vga->dac_write = value;
		vga->dac_sub = 0;
		vga->dac_state = 0;
		break;
	case PORT_DAC:
		write_dac(vga, value);
		break;
	case PORT_GR_INDEX:
		vga->gr_index = value & 15;
		break;
	case PORT_GR:
		write_gr(vga, value);
		break;
	default:
		if (vga->misc & MISC_COLOR)
			write_crtc_port(vga, offset, value);
	}
	vga_touch(vga);
}

/* 0x3b4 is to a monochrome screen what 0x3d4 is to one with colours. */
#define MONO_TO_PORT 0x10

static uint64_t mono_read(void *opaque, uint64_t offset, unsigned size)
{
	struct vga *vga = opaque;

	(void)size;
	return vga->misc & MISC_COLOR ? 0xff : read_crtc_port(vga, offset + MONO_TO_PORT);
}

static void mono_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct vga *vga = opaque;

	(void)size;
	if (!(vga->misc & MISC_COLOR))
		write_crtc_port(vga, offset + MONO_TO_PORT, value);
	vga_touch(vga);
}

const struct region_ops vga_port_ops = {
	.read = port_read,
	.write = port_write,
	.max_size = 1,
};
const struct region_ops vga_mono_ops = {
	.read = mono_read,
	.write = mono_write,
	.max_size = 1,
};

/* ---- VBE ---- */

uint32_t vga_vbe_pitch(const struct vga *vga)
{
	uint32_t width = vga->vbe[VBE_VIRT_WIDTH];

	/* 4 bits: four planes of one bit each */
	return vga->vbe[VBE_BPP] == 4 ? width / 2 : width * ((vga->vbe[VBE_BPP] + 7) / 8);
}

static bool is_depth(uint16_t bpp)
{
	return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

static unsigned clamp(unsigned value, unsigned low, unsigned high)
{
	return value < low ? low : value > high ? high : value;
}

/* Dimensions that the memory holds, and offsets that stay inside. */
void vga_vbe_fit(struct vga *vga)
{
	uint16_t *r = vga->vbe;
	uint32_t pitch, lines;

	if (!is_depth(r[VBE_BPP]))
		r[VBE_BPP] = 8;
	r[VBE_BANK] &= vga->vram_size / 65536 - 1;
	if (!(r[VBE_ENABLE] & VBE_ENABLED))
		return;
	r[VBE_XRES] = clamp(r[VBE_XRES], 8, DISPLAY_MAX_WIDTH) & ~7u;
	r[VBE_VIRT_WIDTH] = clamp(r[VBE_VIRT_WIDTH], r[VBE_XRES], 0xfff8) & ~7u;
	pitch = vga_vbe_pitch(vga);
	lines = vga->vram_size / pitch;
	r[VBE_VIRT_HEIGHT] = lines > UINT16_MAX ? UINT16_MAX : lines;
	r[VBE_YRES] = clamp(r[VBE_YRES], 1, clamp(lines, 1, DISPLAY_MAX_HEIGHT));
	r[VBE_X_OFFSET] = clamp(r[VBE_X_OFFSET], 0, r[VBE_VIRT_WIDTH] - r[VBE_XRES]);
	r[VBE_Y_OFFSET] = clamp(r[VBE_Y_OFFSET], 0, r[VBE_VIRT_HEIGHT] - r[VBE_YRES]);
}

/* The window at 0xa0000 is used with the mode: it must show 64 KiB of it, and 8 bits and
 * more lie linear. */
static void enter_vbe(struct vga *vga)
{
	uint16_t *r = vga->vbe;

	r[VBE_VIRT_WIDTH] = r[VBE_XRES];
	r[VBE_X_OFFSET] = r[VBE_Y_OFFSET] = 0;
	vga_vbe_fit(vga);
	vga->gr[GR_MISC] = (vga->gr[GR_MISC] & ~0x0c) | 0x05;
	vga->gr[GR_MODE] &= ~(0x60 | GR_ODD_EVEN);
	vga->seq[SEQ_MAP_MASK] = 0x0f;
	vga->seq[SEQ_MEMORY_MODE] = SEQ_SEQUENTIAL | 0x02;
	if (r[VBE_BPP] != 4) {
		vga->seq[SEQ_MEMORY_MODE] |= SEQ_CHAIN4;
		vga->gr[GR_MODE] |= 0x40;
	}
	if (r[VBE_ENABLE] & VBE_NOCLEARMEM)
		return;
	memset(vga->vram, 0, (size_t)vga_vbe_pitch(vga) * r[VBE_YRES]);
	mem_mark_dirty(vga->block, 0, (uint64_t)vga_vbe_pitch(vga) * r[VBE_YRES]);
}

static void write_enable(struct vga *vga, uint16_t value)
{
	bool was = vga->vbe[VBE_ENABLE] & VBE_ENABLED;

	vga->vbe[VBE_ENABLE] = value;
	vga->vbe[VBE_BANK] = 0;
	if (value & VBE_ENABLED && !was)
		enter_vbe(vga);
}

void vga_vbe_write(struct vga *vga, unsigned index, uint16_t value)
{
	vga->redraw = true;
	vga_touch(vga);
	switch (index) {
	case VBE_ID:
		if (value >= VBE_ID_FIRST && value <= VBE_ID_LAST)
			vga->vbe[index] = value;
		return;
	case VBE_BPP:
		value = value ? value : 8;
		if (is_depth(value))
			vga->vbe[index] = value;
		break;
	case VBE_ENABLE:
		write_enable(vga, value);
		return;
	case VBE_BANK:
		vga->vbe[index] = value & (vga->vram_size / 65536 - 1);
		return;
	case VBE_XRES:
	case VBE_YRES:
	case VBE_VIRT_WIDTH:
	case VBE_X_OFFSET:
	case VBE_Y_OFFSET:
		vga->vbe[index] = value;
		break;
	}
	vga_vbe_fit(vga);
}

uint16_t vga_vbe_read(struct vga *vga, unsigned index)
{
	if (index >= VBE_COUNT)
		return 0;
	if (vga->vbe[VBE_ENABLE] & VBE_GETCAPS) {
		if (index == VBE_XRES)
			return DISPLAY_MAX_WIDTH;
		if (index == VBE_YRES)
			return DISPLAY_MAX_HEIGHT;
		if (index == VBE_BPP)
			return 32;
	}
	return index == VBE_MEMORY_64K ? vga->vram_size / 65536 : vga->vbe[index];
}

/* The index at 0x1ce, the data at 0x1cf, in words; also at 0x1d0, where it is aligned. */
static uint64_t vbe_port_read(void *opaque, uint64_t offset, unsigned size)
{
	struct vga *vga = opaque;

	(void)size;
	return offset ? vga_vbe_read(vga, vga->vbe_index) : vga->vbe_index;
}

static void vbe_port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct vga *vga = opaque;

	if (size != 2)
		return;
	if (offset)
		vga_vbe_write(vga, vga->vbe_index, value);
	else
		vga->vbe_index = value;
}

const struct region_ops vga_vbe_ops = {
	.read = vbe_port_read,
	.write = vbe_port_write,
	.max_size = 2,
};

void vga_regs_reset(struct vga *vga)
{
	vga->misc = vga->feature = vga->status1 = 0;
	vga->seq_index = vga->gr_index = vga->cr_index = vga->attr_index = 0;
	memset(vga->seq, 0, sizeof(vga->seq));
	memset(vga->gr, 0, sizeof(vga->gr));
	memset(vga->cr, 0, sizeof(vga->cr));
	memset(vga->attr, 0, sizeof(vga->attr));
	memset(vga->palette, 0, sizeof(vga->palette));
	memset(vga->latch, 0, sizeof(vga->latch));
	memset(vga->dac_cache, 0, sizeof(vga->dac_cache));
	vga->attr_data = false;
	vga->pel_mask = 0xff;
	vga->dac_state = vga->dac_read = vga->dac_write = vga->dac_sub = 0;
	memset(vga->vbe, 0, sizeof(vga->vbe));
	vga->vbe[VBE_ID] = VBE_ID_LAST;
	vga->vbe[VBE_BPP] = 8;
	vga->vbe_index = 0;
	vga->redraw = true;
}
