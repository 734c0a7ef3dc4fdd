// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text mode 3 as a VGA BIOS leaves it, for guests that are started without one: 80 by 25
 * cells of 9 by 16, colours, an empty screen (IBM PS/2 Hardware Interface Technical
 * Reference, "Video Subsystem"; Ralf Brown's list, INT 10h).
 *
 * The characters are those of the VGA BIOS, which is the card's option ROM. Its font of
 * 16 lines is found by the first glyphs of code page 437, which have looked the same
 * since the IBM EGA. Machine lock.
 */
#include "vmm/legacy/vga.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/legacy/vga-core.h"

#define CELLS       16384 /* of the window at 0xb8000: 32 KiB */
#define BLANK       ' '
#define GRAY        0x07
#define FONT_LINES  16
#define FONT_ROOM   32 /* lines of a glyph in plane 2 */
#define GLYPHS      256
#define FONT_PLANE  2
#define EGA_COLORS  64
#define ATTR_SHOWS  0x20 /* in the index: the palette belongs to the screen */
#define MISC_MODE_3 0x67 /* colour, RAM on, 28 MHz, 400 lines */

static const uint8_t sequencer[] = { 0x03, 0x00, 0x03, 0x00, 0x02 };
static const uint8_t graphics[] = {
	0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x0f, 0xff
};
static const uint8_t crtc[CR_COUNT] = {
	0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
	0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
};
/* The 16 colours of a CGA among the 64 of an EGA: brown is darker than yellow is. */
static const uint8_t attributes[AT_COUNT] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
	0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00,
};

static void set_registers(struct vga *vga)
{
	vga_regs_reset(vga);
	vga->misc = MISC_MODE_3;
	memcpy(vga->seq, sequencer, sizeof(sequencer));
	memcpy(vga->gr, graphics, sizeof(graphics));
	memcpy(vga->cr, crtc, sizeof(crtc));
	memcpy(vga->attr, attributes, sizeof(attributes));
	vga->attr_index = ATTR_SHOWS;
}

/* Two bits for each of red, green and blue: the high ones are bits 2 to 0 of the colour's
 * number, the low ones bits 5 to 3. */
static void set_palette(struct vga *vga)
{
	for (unsigned i = 0; i < EGA_COLORS; i++)
		for (unsigned c = 0; c < 3; c++)
			vga->palette[3 * i + c] = (i >> (2 - c) & 1 ? 0x2a : 0) +
			                          (i >> (5 - c) & 1 ? 0x15 : 0);
}

/* A blank glyph, a face, and a face with the colours the other way round; NULL when the
 * card has no ROM, or one with another font. */
static const uint8_t *find_font(const struct vga *vga)
{
	static const uint8_t first[3 * FONT_LINES] = {
		[18] = 0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e,
		[34] = 0x7e, 0xff, 0xdb, 0xff, 0xff, 0xc3, 0xe7, 0xff, 0xff, 0x7e,
	};
	const struct ram_block *rom = vga->pci.rom.ram;
	const uint8_t *found;
	uint64_t size;

	if (!rom)
		return NULL;
	found = memmem(rom->host, rom->size, first, sizeof(first));
	size = found ? rom->size - (found - rom->host) : 0;
	return size >= GLYPHS * FONT_LINES ? found : NULL;
}

static void load_font(struct vga *vga, const uint8_t *font)
{
	for (unsigned i = 0; i < GLYPHS * FONT_LINES; i++) {
		unsigned at = i / FONT_LINES * FONT_ROOM + i % FONT_LINES;

		vga->vram[4 * at + FONT_PLANE] = font[i];
	}
}

bool vga_set_text_mode(struct device *dev)
{
	struct vga *vga = (struct vga *)dev;
	const uint8_t *font = find_font(vga);

	set_registers(vga);
	set_palette(vga);
	for (unsigned i = 0; i < CELLS; i++) {
		vga->vram[4 * i] = BLANK;
		vga->vram[4 * i + 1] = GRAY;
	}
	if (font)
		load_font(vga, font);
	mem_mark_dirty(vga->block, 0, 4 * CELLS);
	return font;
}
