// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The graphics card through its ports, windows and BARs, as a VGA BIOS and drivers use
 * it; what it makes of them is compared pixel by pixel with what the test worked out.
 */
#include "vmm/legacy/vga.h"
#include "common/bytes.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"
#include "vmm/display/display.h"
#include "vmm/pci/pci.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WINDOW 0xa0000
#define TEXT   0xb8000
#define MMIO   0xc0000000u

static struct board b;
static struct pci_device *pdev;

static void set(uint16_t port, uint8_t index, uint8_t value)
{
	outb(&b, port, index);
	outb(&b, port + 1, value);
}

static uint8_t get(uint16_t port, uint8_t index)
{
	outb(&b, port, index);
	return inb(&b, port + 1);
}

static void attr(uint8_t index, uint8_t value)
{
	inb(&b, 0x3da);
	outb(&b, 0x3c0, index);
	outb(&b, 0x3c0, value);
	outb(&b, 0x3c0, 0x20);
}

static void vbe(uint16_t index, uint16_t value)
{
	board_out(&b, 0x1ce, index, 2);
	board_out(&b, 0x1cf, value, 2);
}

static uint16_t vbe_get(uint16_t index)
{
	board_out(&b, 0x1ce, index, 2);
	return board_in(&b, 0x1cf, 2);
}

static void poke(uint64_t addr, uint64_t value, unsigned len)
{
	mem_access(b.vm.mem, MEM_MMIO, addr, &value, len, true);
}

static uint64_t peek(uint64_t addr, unsigned len)
{
	uint64_t value = 0;

	mem_access(b.vm.mem, MEM_MMIO, addr, &value, len, false);
	return value;
}

static void draw(void)
{
	struct err err = { 0 };

	tap_ok(!display_capture(b.vm.display, &err), "drawn");
}

static uint32_t pixel(unsigned x, unsigned y)
{
	const struct surface *s = display_surface(b.vm.display);

	return s->pixels[y * s->width + x];
}

/* Colour i is i times 0x040404, and sixteen colours are the first sixteen. */
static void set_palette(void)
{
	outb(&b, 0x3c8, 0);
	for (unsigned i = 0; i < 256; i++)
		for (unsigned c = 0; c < 3; c++)
			outb(&b, 0x3c9, i & 0x3f);
	for (unsigned i = 0; i < 16; i++)
		attr(i, i);
	attr(0x12, 0x0f);
}

static uint32_t gray(unsigned i)
{
	unsigned v = (i & 0x3f) << 2 | (i & 0x3f) >> 4;

	return v << 16 | v << 8 | v;
}

/* ---- registers ---- */

static void test_registers(void)
{
	outb(&b, 0x3c2, 0x63);
	tap_eq(inb(&b, 0x3cc), 0x63, "miscellaneous output");
	tap_eq(get(0x3c4, 2), 0, "sequencer: reset to 0");
	set(0x3c4, 2, 0xff);
	tap_eq(get(0x3c4, 2), 0x0f, "sequencer: the map mask has four bits");
	set(0x3ce, 8, 0xa5);
	tap_eq(get(0x3ce, 8), 0xa5, "graphics controller");
	set(0x3d4, 0x11, 0x80);
	set(0x3d4, 1, 0x4f);
	set(0x3d4, 7, 0xff);
	tap_eq(get(0x3d4, 1), 0, "CRTC: protected");
	tap_eq(get(0x3d4, 7), 0x10, "CRTC: but for the bit of line compare");
	set(0x3d4, 0x11, 0);
	set(0x3d4, 1, 0x4f);
	tap_eq(get(0x3d4, 1), 0x4f, "CRTC: not protected");
	tap_eq(inb(&b, 0x3b5), 0xff, "no monochrome CRTC");
	outb(&b, 0x3c2, 0x62);
	tap_eq(inb(&b, 0x3d5), 0xff, "no colour CRTC");
	tap_eq(get(0x3b4, 1), 0x4f, "it answers at 0x3b4");
	outb(&b, 0x3c2, 0x63);
	tap_ok((inb(&b, 0x3da) ^ inb(&b, 0x3da)) == 9,
	       "both edges of a retrace are seen");
	outb(&b, 0x3c0, 0x05);
	outb(&b, 0x3c0, 0x2a);
	outb(&b, 0x3c0, 0x05);
	tap_eq(inb(&b, 0x3c1), 0x2a, "attribute controller");
	outb(&b, 0x3c8, 10);
	for (unsigned i = 0; i < 6; i++)
		outb(&b, 0x3c9, 0x11 + i);
	outb(&b, 0x3c7, 11);
	tap_eq(inb(&b, 0x3c7), 3, "DAC: state");
	tap_eq(inb(&b, 0x3c9), 0x14, "DAC: red");
	tap_eq(inb(&b, 0x3c9), 0x15, "DAC: green");
	tap_eq(inb(&b, 0x3c9), 0x16, "DAC: blue");
}

/* ---- planes ---- */

static void planar(uint8_t mode, uint8_t map)
{
	set(0x3c4, 2, map);
	set(0x3c4, 4, 0x06);
	set(0x3ce, 0, 0);
	set(0x3ce, 1, 0);
	set(0x3ce, 3, 0);
	set(0x3ce, 5, mode);
	set(0x3ce, 6, 0x05);
	set(0x3ce, 8, 0xff);
}

/* The four planes of one byte, plane 0 lowest. */
static uint32_t planes(uint32_t offset)
{
	uint32_t all = 0;

	for (unsigned p = 4; p--;) {
		set(0x3ce, 4, p);
		all = all << 8 | peek(WINDOW + offset, 1);
	}
	return all;
}

static void test_write_modes(void)
{
	planar(0, 0x0f);
	poke(WINDOW, 0x5a, 1);
	tap_eq(planes(0), 0x5a5a5a5a, "mode 0: into all planes");
	planar(0, 0x05);
	poke(WINDOW, 0xff, 1);
	tap_eq(planes(0), 0x5aff5aff, "mode 0: the map mask");
	planar(0, 0x0f);
	set(0x3ce, 0, 0x03);
	set(0x3ce, 1, 0x09);
	poke(WINDOW, 0x0f, 1);
	tap_eq(planes(0), 0x000f0fff, "mode 0: set/reset where it is enabled");
	planar(0, 0x0f);
	set(0x3ce, 3, 0x18 | 4);
	set(0x3ce, 8, 0x3c);
	peek(WINDOW, 1);
	poke(WINDOW, 0xf0, 1);
	tap_eq(planes(0), 0x0c0303f3, "mode 0: rotated, XOR with the latches, masked");
	planar(1, 0x0f);
	peek(WINDOW, 1);
	poke(WINDOW + 1, 0, 1);
	tap_eq(planes(1), 0x0c0303f3, "mode 1: the latches");
	planar(2, 0x0f);
	set(0x3ce, 8, 0x0f);
	peek(WINDOW, 1);
	poke(WINDOW, 0x0a, 1);
	tap_eq(planes(0), 0x0f000ff0, "mode 2: a colour, masked");
	planar(3, 0x0f);
	set(0x3ce, 0, 0x06);
	set(0x3ce, 8, 0xf0);
	peek(WINDOW, 1);
	poke(WINDOW, 0x3c, 1);
	tap_eq(planes(0), 0x0f303fc0, "mode 3: set/reset where data and mask are set");
	planar(0x08, 0x0f);
	set(0x3ce, 2, 0x02);
	set(0x3ce, 7, 0x0f);
	tap_eq(peek(WINDOW, 1), 0x00, "read mode 1: nothing has colour 2");
	set(0x3ce, 2, 0x0a);
	tap_eq(peek(WINDOW, 1), 0x0f, "read mode 1: where colour 10 is");
	set(0x3ce, 7, 0x01);
	tap_eq(peek(WINDOW, 1), 0x3f, "read mode 1: planes that do not matter");
}

static void test_planar_picture(void)
{
	set(0x3c4, 1, 0x01);
	set(0x3d4, 1, 79);
	set(0x3d4, 7, 0x02);
	set(0x3d4, 9, 0x40);
	set(0x3d4, 0x12, 0xdf);
	set(0x3d4, 0x13, 40);
	set(0x3d4, 0x17, 0xe3);
	set(0x3d4, 0x18, 0xff);
	set_palette();
	planar(2, 0x0f);
	for (unsigned y = 0; y < 480; y++)
		for (unsigned x = 0; x < 80; x++)
			poke(WINDOW + y * 80 + x, x + y, 1);
	draw();
	tap_eq(display_surface(b.vm.display)->width, 640, "mode 12h: width");
	tap_eq(display_surface(b.vm.display)->height, 480, "mode 12h: height");
	tap_eq(pixel(0, 0), gray(0), "mode 12h: the first pixel");
	tap_eq(pixel(8, 0), gray(1), "mode 12h: the next byte's");
	tap_eq(pixel(639, 479), gray((79 + 479) & 15), "mode 12h: the last pixel");
}

static void test_mode_13(void)
{
	planar(0, 0x0f);
	set(0x3c4, 4, 0x0e);
	set(0x3ce, 5, 0x40);
	set(0x3d4, 7, 0x10);
	set(0x3d4, 9, 0x41);
	set(0x3d4, 0x12, 0x8f);
	set(0x3d4, 7, 0x12);
	set(0x3d4, 0x12, 0x8f);
	for (unsigned y = 0; y < 200; y++)
		for (unsigned x = 0; x < 320; x++)
			poke(WINDOW + y * 320 + x, x ^ y, 1);
	draw();
	tap_eq(display_surface(b.vm.display)->height, 400, "mode 13h: lines twice");
	tap_eq(pixel(2, 0), gray(1), "mode 13h: pixels twice as wide");
	tap_eq(pixel(3, 1), gray(1), "mode 13h: and as high");
	tap_eq(pixel(638, 398), gray(319 ^ 199), "mode 13h: the last pixel");
	tap_eq(peek(WINDOW + 321, 1), 1 ^ 1, "mode 13h: reads back");
}

/* ---- text ---- */

static void test_text(void)
{
	const struct surface *s = display_surface(b.vm.display);
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct err err = { 0 };
	bool right = true;

	/* A glyph 'A' of rows 0x80, 0x81, …; 0xc4 has its last dot set. */
	planar(0, 0x04);
	set(0x3ce, 5, 0x00);
	for (unsigned i = 0; i < 16; i++) {
		poke(WINDOW + 'A' * 32 + i, 0x80 + i, 1);
		poke(WINDOW + 0xc4 * 32 + i, 0x01, 1);
	}
	set(0x3c4, 1, 0x00);
	set(0x3c4, 2, 0x03);
	set(0x3c4, 3, 0x00);
	set(0x3c4, 4, 0x02);
	set(0x3ce, 5, 0x10);
	set(0x3ce, 6, 0x0e);
	set(0x3d4, 9, 0x4f);
	set(0x3d4, 0x0a, 0x20);
	set(0x3d4, 0x0c, 0);
	set(0x3d4, 0x0d, 0);
	attr(0x10, 0x0c);
	set_palette();
	for (unsigned i = 0; i < 2000; i++)
		poke(TEXT + 2 * i, 0x0700 | ' ', 2);
	poke(TEXT + 160 * 24 + 2 * 79, 0x1e00 | 'A', 2);
	poke(TEXT, 0x07c4, 2);
	poke(TEXT + 2, 0x07, 1);
	tap_eq(peek(TEXT + 160 * 24 + 158, 2), 0x1e41, "text: cells read back");
	draw();
	tap_eq(s->width, 720, "text: 80 columns of 9");
	tap_eq(s->height, 400, "text: 25 rows of 16");
	for (unsigned y = 0; y < 16; y++)
		for (unsigned x = 0; x < 9; x++) {
			bool dot = x < 8 && (0x80 + y) >> (7 - x) & 1;

			right &= pixel(79 * 9 + x, 24 * 16 + y) == gray(dot ? 14 : 1);
		}
	tap_ok(right, "text: the glyph in its colours");
	tap_eq(pixel(7, 0), gray(7), "text: the last dot of a line");
	tap_eq(pixel(8, 0), gray(7), "text: which is drawn on into the ninth");
	tap_ok(!display_text(b.vm.display, &text, &err), "text: as text");
	tap_ok(!strncmp(text.data, "\xe2\x94\x80\xe2\x80\xa2\n\n", 8),
	       "text: in UTF-8, blanks at the end left out");
	tap_has(text.data, " A\n", "text: the last cell");
	set(0x3d4, 0x0a, 0x0d);
	set(0x3d4, 0x0b, 0x0e);
	set(0x3d4, 0x0f, 80);
	set(0x3c4, 1, 0x20);
	draw();
	tap_eq(pixel(79 * 9, 24 * 16), 0, "the screen is off: black");
	set(0x3c4, 1, 0x01);
	draw();
	tap_eq(s->width, 640, "text: 80 columns of 8");
}

/* ---- text as a BIOS leaves it ---- */

#define GLYPHS_AT 0x123

/* A ROM of len bytes with a font behind some code: the glyphs that it is known by, then
 * line n of glyph c is c + n. */
static char rom_path[96];

static void make_rom(size_t len)
{
	static const uint8_t faces[] = {
		0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e,
		0,    0,    0,    0,    0,    0,    0x7e, 0xff, 0xdb, 0xff,
		0xff, 0xc3, 0xe7, 0xff, 0xff, 0x7e, 0,    0,    0,    0,
	};
	uint8_t rom[8192] = { 0x55, 0xaa };
	FILE *file;

	for (unsigned c = 3; c < 256; c++)
		for (unsigned n = 0; n < 16; n++)
			rom[GLYPHS_AT + 16 * c + n] = c + n;
	memcpy(rom + GLYPHS_AT + 18, faces, sizeof(faces));
	snprintf(rom_path, sizeof(rom_path), "%s/rom", b.dir);
	file = fopen(rom_path, "we");
	if (!file || fwrite(rom, 1, len, file) != len || fclose(file))
		tap_ok(false, "%s cannot be written", rom_path);
}

static struct device *add_with_rom(struct board *board, size_t len)
{
	char opts[128];
	struct device *dev;

	make_rom(len);
	snprintf(opts, sizeof(opts), "romfile=%s", rom_path);
	dev = board_add(board, &vga_class, opts);
	unlink(rom_path);
	return dev;
}

static void test_text_mode(void)
{
	const struct surface *s = display_surface(b.vm.display);
	struct device *dev = add_with_rom(&b, 8192), *other;
	struct board second;
	uint64_t fb;
	bool right = true;

	pdev = (struct pci_device *)dev;
	tap_eq(pci_bus_assign(b.vm.pci, MMIO, 0xfec00000u, &(struct err){ 0 }), 0,
	       "a card whose ROM has a font");
	fb = pdev->bars[0].addr;
	poke(fb + 4 * (0x41 * 32 + 16) + 2, 0x99, 1);
	poke(fb + 3, 0x77, 1);
	tap_ok(vga_set_text_mode(dev), "text mode without a BIOS");
	tap_eq(inb(&b, 0x3cc), 0x67, "its registers");
	tap_eq(get(0x3d4, 0x13), 0x28, "of each controller");
	tap_eq(peek(TEXT, 4), 0x07200720, "an empty screen");
	tap_eq(peek(TEXT + 0x7ffe, 2), 0x0720, "up to the end of the window");
	tap_eq(peek(fb + 3, 1), 0x77, "plane 3 is as it was");
	tap_eq(peek(fb + 4 * (0x41 * 32 + 16) + 2, 1), 0x99,
	       "and lines that the font does not have");
	poke(TEXT + 160 * 24 + 2 * 79, 0x1e41, 2);
	draw();
	tap_ok(s->width == 720 && s->height == 400, "720 by 400 pixels");
	for (unsigned y = 0; y < 16; y++)
		for (unsigned x = 0; x < 9; x++) {
			bool dot = x < 8 && (0x41 + y) >> (7 - x) & 1;

			right &= pixel(79 * 9 + x, 24 * 16 + y) ==
			         (dot ? 0xffff55 : 0x0000aa);
		}
	tap_ok(right, "the ROM's glyph, yellow on blue");
	poke(TEXT, 0x06db, 2);
	draw();
	tap_eq(pixel(8, 0), 0xaa5500, "brown");

	board_init(&second, true);
	second.vm.display = display_new(second.vm.loop, &(struct err){ 0 });
	other = board_add(&second, &vga_class, "romfile=");
	tap_ok(board_copy_state(dev, other), "its state loads and compares");
	dev->cls->reset(dev);
	tap_eq(inb(&b, 0x3cc), 0, "a reset leaves nothing of it");
	tap_ok(!vga_set_text_mode(other), "without a ROM there is no font");
	devices_destroy(&second.vm);
	display_free(second.vm.display);
	board_free(&second);
	device_destroy(dev);
	dev = add_with_rom(&b, GLYPHS_AT + 4096);
	tap_ok(vga_set_text_mode(dev), "a font at the end of a ROM");
	device_destroy(dev);
	dev = add_with_rom(&b, 4096 - 1);
	tap_ok(!vga_set_text_mode(dev), "a font that a ROM cuts off is none");
	device_destroy(dev);
}

/* ---- VBE ---- */

static void test_vbe(void)
{
	static const struct {
		unsigned bpp;
		uint32_t value, color;
	} depths[] = {
		{ 8, 0x21, 0x868686 },        { 15, 0x7c1f, 0xff00ff },
		{ 16, 0x07e0, 0x00ff00 },     { 24, 0x123456, 0x123456 },
		{ 32, 0xff123456, 0x123456 },
	};
	const struct surface *s = display_surface(b.vm.display);
	uint64_t fb = pdev->bars[0].addr;

	tap_eq(vbe_get(0), 0xb0c5, "VBE: version");
	tap_eq(vbe_get(10), 16 << 20 >> 16, "VBE: memory");
	vbe(4, 2);
	tap_eq(vbe_get(1), 2560, "VBE: the most columns");
	tap_eq(vbe_get(2), 1600, "VBE: the most rows");
	for (unsigned i = 0; i < 5; i++) {
		unsigned bytes = (depths[i].bpp + 7) / 8;

		vbe(4, 0);
		vbe(1, 800);
		vbe(2, 600);
		vbe(3, depths[i].bpp);
		vbe(4, 0x41);
		poke(fb + (599 * 800 + 799) * bytes, depths[i].value,
		     bytes > 2 ? 4 : bytes);
		draw();
		tap_eq(s->width, 800, "VBE %u bits: width", depths[i].bpp);
		tap_eq(pixel(799, 599), depths[i].color, "VBE %u bits: a pixel",
		       depths[i].bpp);
		tap_eq(pixel(798, 599), 0, "VBE %u bits: cleared", depths[i].bpp);
	}
	vbe(6, 1024);
	vbe(8, 224);
	vbe(9, 3);
	tap_eq(vbe_get(7), (16 << 20) / (1024 * 4), "VBE: virtual height");
	poke(fb + (3 * 1024 + 224) * 4, 0xabcdef, 4);
	draw();
	tap_eq(pixel(0, 0), 0xabcdef, "VBE: panned");
	vbe(8, 9999);
	tap_eq(vbe_get(8), 224, "VBE: not beyond the virtual width");
	vbe(5, 1);
	poke(WINDOW + 8, 0x77, 1);
	tap_eq(peek(fb + 65536 + 8, 1), 0x77, "VBE: the window shows a bank");
	vbe(4, 0);
	vbe(1, 2560);
	vbe(2, 1600);
	vbe(4, 0x41);
	draw();
	tap_eq(s->width, 2560, "VBE: 2560 columns");
	tap_eq(s->height, 1600, "VBE: 1600 rows");
	vbe(4, 0);
}

/* ---- BAR 2 ---- */

static bool prefers(uint64_t at, unsigned width, unsigned height)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < 128; i++)
		sum += peek(at + i, 1);
	return !sum && (peek(at + 56, 1) | (peek(at + 58, 1) & 0xf0) << 4) == width &&
	       (peek(at + 59, 1) | (peek(at + 61, 1) & 0xf0) << 4) == height;
}

static void test_wishes(uint64_t at)
{
	struct display *d = b.vm.display;

	tap_eq(display_most_pixels(d), (16 << 20) / 4, "wishes: as the memory");
	display_prefer(d, 1926, 1080);
	tap_ok(prefers(at, 1920, 1080), "a viewer's wish is in the EDID");
	display_prefer(d, 632, 480);
	display_prefer(d, 640, 479);
	display_prefer(d, 2568, 1000);
	display_prefer(d, 2560, 1601);
	display_prefer(d, 0x10000, 0x10000);
	tap_ok(prefers(at, 1920, 1080), "those out of limits are not");
}

static void test_mmio(void)
{
	uint64_t at = pdev->bars[2].addr;
	uint8_t sum = 0;

	tap_eq(peek(at, 8), 0x00ffffffffffff00, "EDID: header");
	for (unsigned i = 0; i < 128; i++)
		sum += peek(at + i, 1);
	tap_eq(sum, 0, "EDID: checksum");
	tap_eq(peek(at + 56, 1) | (peek(at + 58, 1) & 0xf0) << 4, 1280, "EDID: width");
	tap_eq(peek(at + 59, 1) | (peek(at + 61, 1) & 0xf0) << 4, 800, "EDID: height");
	poke(at + 0x402, 0x67, 1);
	tap_eq(inb(&b, 0x3cc), 0x67, "ports at 0x400");
	poke(at + 0x502, 1024, 2);
	tap_eq(vbe_get(1), 1024, "VBE registers at 0x500");
	tap_eq(peek(at + 0x502, 2), 1024, "which read back");
	tap_eq(peek(at + 0x604, 4), 0x1e1e1e1e, "little-endian");
	test_wishes(at);
}

/* ---- the same without a VGA's past ---- */

static void test_bochs_display(void)
{
	const struct surface *s = display_surface(b.vm.display);
	struct device *dev = board_add(&b, &bochs_display_class, "vgamem=4M,xres=1024");
	struct err err = { 0 };
	uint64_t at, fb;

	pdev = (struct pci_device *)dev;
	tap_eq(pci_bus_assign(b.vm.pci, MMIO, 0xfec00000u, &err), 0, "bochs-display");
	at = pdev->bars[2].addr;
	fb = pdev->bars[0].addr;
	tap_eq(ld32(pdev->config + 8), 0x03800002, "its class: a display, no VGA");
	tap_ok(!pdev->bars[PCI_ROM_BAR].size, "it has no ROM");
	tap_ok(inb(&b, 0x3cc) == 0xff && peek(WINDOW, 1) == 0xff, "no ports, no window");
	poke(at + 0x402, 0x67, 1);
	tap_eq(peek(at + 0x40c, 1), 0, "nor their image in BAR 2");
	tap_eq(peek(at + 56, 1) | (peek(at + 58, 1) & 0xf0) << 4, 1024, "EDID");
	display_prefer(b.vm.display, 1280, 800);
	tap_ok(prefers(at, 1280, 800), "wishes");
	display_prefer(b.vm.display, 1280, 1024);
	tap_ok(prefers(at, 1280, 800), "but for which the memory suffices");
	tap_eq(peek(at + 0x500, 2), 0xb0c5, "VBE registers");
	tap_eq(peek(at + 0x514, 2), 4 << 20 >> 16, "memory");
	poke(fb, 0x123456, 4);
	draw();
	tap_eq(pixel(0, 0), 0, "the screen is blank");
	poke(at + 0x502, 640, 2);
	poke(at + 0x504, 480, 2);
	poke(at + 0x506, 32, 2);
	poke(at + 0x508, 0xc1, 2);
	draw();
	tap_ok(s->width == 640 && s->height == 480, "until there is a mode");
	tap_eq(pixel(0, 0), 0x123456, "which shows the memory");
	poke(fb + (479 * 640 + 639) * 4, 0xabcdef, 4);
	draw();
	tap_eq(pixel(639, 479), 0xabcdef, "to its last pixel");
	device_destroy(dev);
	dev = board_add(&b, &bochs_display_class, "edid=off");
	pdev = (struct pci_device *)dev;
	pci_bus_assign(b.vm.pci, MMIO, 0xfec00000u, &err);
	tap_eq(peek(pdev->bars[2].addr, 8), 0, "edid=off: there is none");
	tap_eq(display_most_pixels(b.vm.display), 0, "and no wish");
	device_destroy(dev);
	tap_ok(!device_create_simple(&b.vm, &bochs_display_class, "vgamem=3M", &err),
	       "3 MiB of memory");
	tap_has(err.text, "it has a power of 2", "are refused with a sentence");
}

/* ---- who looks ---- */

struct viewer {
	struct display_consumer consumer;
	unsigned updates, resized;
	struct display_rect last;
};

static void on_update(void *opaque, const struct display_rect *rects, unsigned count,
                      bool resized)
{
	struct viewer *v = opaque;

	v->updates++;
	v->resized += resized;
	if (count)
		v->last = rects[count - 1];
}

static bool was_updated(void *opaque)
{
	return ((const struct viewer *)opaque)->updates;
}

static void test_damage(void)
{
	struct viewer v = { .consumer = { .update = on_update, .opaque = &v } };
	uint64_t fb = pdev->bars[0].addr;

	vbe(1, 640);
	vbe(2, 480);
	vbe(3, 32);
	vbe(4, 0x41);
	tap_eq(board_wakeups(&b, 120), 0, "nobody looks: nothing runs");
	display_add_consumer(b.vm.display, &v.consumer);
	tap_ok(board_until(&b, was_updated, &v, 60000) && v.resized == 1,
	       "a viewer gets the size");
	tap_eq(v.last.width, 640, "and everything");
	v.updates = 0;
	poke(fb + (100 * 640 + 30) * 4, 0x111111, 4);
	poke(fb + (101 * 640 + 50) * 4, 0x111111, 4);
	tap_ok(board_until(&b, was_updated, &v, 60000), "a write is noticed");
	tap_ok(v.last.x == 30 && v.last.width == 21 && v.last.y == 100 &&
	               v.last.height == 2,
	       "where it was: %u,%u %ux%u", v.last.x, v.last.y, v.last.width,
	       v.last.height);
	display_remove_consumer(b.vm.display, &v.consumer);
	v.updates = 0;
	poke(fb, 0x222222, 4);
	/* The clock that was set for the next refresh may still run out. */
	tap_ok(board_wakeups(&b, 300) <= 1, "the viewer is gone: the refreshing ends");
	tap_eq(v.updates, 0, "and it hears nothing");
	vbe(4, 0);
}

/* A text that stands still is looked at when its cursor blinks, or somebody writes. */
static void test_still_text(void)
{
	struct viewer v = { .consumer = { .update = on_update, .opaque = &v } };

	set(0x3c4, 2, 0x03);
	set(0x3c4, 4, 0x02);
	set(0x3ce, 5, 0x10);
	set(0x3ce, 6, 0x0e);
	set(0x3d4, 0x0a, 0x20);
	set_palette();
	poke(TEXT + 2 * 80, 0x0700 | ' ', 2);
	display_add_consumer(b.vm.display, &v.consumer);
	board_wakeups(&b, 1500);
	tap_ok(board_wakeups(&b, 1000) <= 2, "text without a cursor is left alone");
	v.updates = 0;
	poke(TEXT + 8, 0x7000 | 'A', 2);
	tap_ok(board_until(&b, was_updated, &v, 60000), "but for what is written");
	set(0x3d4, 0x0a, 0x0d);
	set(0x3d4, 0x0b, 0x0e);
	set(0x3d4, 0x0e, 0);
	set(0x3d4, 0x0f, 80);
	board_wakeups(&b, 1500);
	v.updates = 0;
	tap_ok(board_wakeups(&b, 2000) <= 5, "and a cursor that blinks");
	tap_ok(v.updates >= 2, "which is seen");
	tap_ok(v.last.x == 0 && v.last.width == 8 && v.last.y == 16 + 13 &&
	               v.last.height == 2,
	       "where it is, and nothing else: %u,%u %ux%u", v.last.x, v.last.y,
	       v.last.width, v.last.height);
	display_remove_consumer(b.vm.display, &v.consumer);
}

int main(void)
{
	struct err err = { 0 };
	struct device *dev;

	board_init(&b, true);
	b.vm.display = display_new(b.vm.loop, &err);
	dev = board_add(&b, &vga_class, "romfile=");
	pdev = (struct pci_device *)dev;
	if (pci_bus_assign(b.vm.pci, MMIO, 0xfec00000u, &err) < 0)
		tap_ok(false, "%s", err.text);
	test_registers();
	test_write_modes();
	test_planar_picture();
	test_mode_13();
	test_text();
	test_vbe();
	test_mmio();
	test_damage();
	test_still_text();
	device_destroy(dev);
	test_text_mode();
	test_bochs_display();
	devices_destroy(&b.vm);
	display_free(b.vm.display);
	board_free(&b);
	return tap_done();
}
