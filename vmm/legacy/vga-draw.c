// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From registers and framebuffer to pixels: VBE modes, planar, CGA and 256-colour modes.
 * Text is drawn by vga-text.c.
 *
 * Every mode but VBE's with a byte or more is read in words of four interleaved planes,
 * each of which makes eight pixels. A line is drawn only if its pages were written or a
 * register that shows has changed, and is damage only where pixels differ. Addresses are
 * cut to the memory's size. Machine lock.
 */
#include "vmm/legacy/vga-core.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/legacy/vga-text.h"

#define PAGE_BITS 12

/* ---- colours ---- */

static uint32_t dac_color(const struct vga *vga, unsigned index)
{
	const uint8_t *rgb = vga->palette + 3 * (index & vga->pel_mask);
	bool wide = vga->vbe[VBE_ENABLE] & VBE_8BIT_DAC;
	uint32_t color = 0;

	for (unsigned i = 0; i < 3; i++) {
		unsigned six = rgb[i] & 0x3f;

		color = color << 8 | (wide ? rgb[i] : six << 2 | six >> 4);
	}
	return color;
}

uint32_t vga_attr_color(const struct vga *vga, unsigned index)
{
	unsigned pixel = vga->attr[index & vga->attr[AT_PLANES] & 15];

	if (vga->attr[AT_MODE] & AT_P5_P4)
		pixel = (pixel & 0x0f) | (vga->attr[AT_COLOR_SELECT] & 0x0f) << 4;
	else
		pixel = (pixel & 0x3f) | (vga->attr[AT_COLOR_SELECT] & 0x0c) << 4;
	return dac_color(vga, pixel);
}

/* ---- eight pixels of a word ---- */

static void planar_word(const uint32_t *colors, uint32_t word, uint32_t *out)
{
	for (unsigned bit = 8; bit--; out++)
		*out = colors[(word >> bit & 1) | (word >> (bit + 7) & 2) |
		              (word >> (bit + 14) & 4) | (word >> (bit + 21) & 8)];
}

/* Two bits a pixel, four pixels in plane 0, then four in plane 1. */
static void cga_word(const uint32_t *colors, uint32_t word, uint32_t *out)
{
	for (unsigned i = 0; i < 8; i++)
		*out++ = colors[word >> ((i & 4) * 2 + 6 - 2 * (i & 3)) & 3];
}

/* A byte a pixel, each two clocks wide. */
static void packed_word(const uint32_t *colors, uint32_t word, uint32_t *out)
{
	for (unsigned i = 0; i < 8; i++)
		*out++ = colors[word >> (i / 2 * 8) & 0xff];
}

/* ---- lines of VBE modes ---- */

static void vbe_line(const struct vga *vga, const uint8_t *in, unsigned width,
                     uint32_t *out)
{
	unsigned bpp = vga->vbe[VBE_BPP];

	for (unsigned x = 0; x < width; x++) {
		unsigned v;

		switch (bpp) {
		case 8:
			out[x] = vga->colors[in[x]];
			break;
		case 15:
			v = ld16(in + 2 * x);
			out[x] = (v >> 7 & 0xf8) << 16 | (v >> 2 & 0xf8) << 8 |
			         (v << 3 & 0xf8);
			out[x] |= out[x] >> 5 & 0x070707;
			break;
		case 16:
			v = ld16(in + 2 * x);
			out[x] = (v >> 8 & 0xf8) << 16 | (v >> 3 & 0xfc) << 8 |
			         (v << 3 & 0xf8);
			out[x] |= (out[x] >> 5 & 0x070007) | (out[x] >> 6 & 0x000300);
			break;
		case 24:
			out[x] = in[3 * x] | in[3 * x + 1] << 8 | in[3 * x + 2] << 16;
			break;
		default:
			out[x] = ld32(in + 4 * x) & 0xffffff;
		}
	}
}

/* ---- a whole picture ---- */

struct mode {
	unsigned width, height;
	uint32_t start, pitch; /* bytes of interleaved planes */
	unsigned repeat;       /* scan lines that one line of memory makes */
	unsigned split;        /* the scan line from which memory begins at 0 again */
	unsigned double_dots;  /* 1: pixels are two wide */
	void (*word)(const uint32_t *colors, uint32_t word, uint32_t *out);
};

static unsigned low(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void vbe_mode(const struct vga *vga, struct mode *m)
{
	const uint16_t *r = vga->vbe;

	*m = (struct mode){
		.width = r[VBE_XRES],
		.height = r[VBE_YRES],
		.pitch = vga_vbe_pitch(vga),
		.repeat = 1,
		.split = UINT32_MAX,
	};
	m->start = r[VBE_Y_OFFSET] * m->pitch;
	if (r[VBE_BPP] == 4) {
		m->start += r[VBE_X_OFFSET] / 8 * 4;
		m->word = planar_word;
	} else {
		m->start += r[VBE_X_OFFSET] * ((r[VBE_BPP] + 7u) / 8);
	}
}

unsigned vga_lines(const struct vga *vga)
{
	unsigned over = vga->cr[CR_OVERFLOW];

	return 1 + (vga->cr[CR_VDISPLAY_END] | (over & 0x02) << 7 | (over & 0x40) << 3);
}

static void legacy_mode(const struct vga *vga, struct mode *m)
{
	static void (*const words[])(const uint32_t *, uint32_t,
	                             uint32_t *) = { planar_word, cga_word, packed_word,
		                                     packed_word };
	const uint8_t *cr = vga->cr;

	*m = (struct mode){
		.double_dots = vga->seq[SEQ_CLOCKING] & SEQ_HALF_CLOCK ? 1 : 0,
		.height = low(vga_lines(vga), DISPLAY_MAX_HEIGHT),
		.start = (cr[CR_START_HI] << 8 | cr[CR_START_LO]) * 4,
		.pitch = cr[CR_OFFSET] * 8,
		.repeat = (1 + (cr[CR_MAX_SCAN] & 0x1f)) << (cr[CR_MAX_SCAN] >> 7),
		.split = cr[CR_LINE_COMPARE] | (cr[CR_OVERFLOW] & 0x10) << 4 |
		         (cr[CR_MAX_SCAN] & 0x40) << 3,
		.word = words[vga->gr[GR_MODE] >> 5 & 3],
	};
	m->width = low((1u + cr[CR_HDISPLAY]) * 8 << m->double_dots, DISPLAY_MAX_WIDTH);
}

/* Where a scan line's memory begins. */
static uint32_t line_address(const struct vga *vga, const struct mode *m, unsigned y)
{
	uint32_t start = y > m->split ? 0 : m->start, at;
	unsigned row = y > m->split ? y - m->split - 1 : y, bank_bit;

	at = start + row / m->repeat * m->pitch;
	if (!m->word || vga->vbe[VBE_ENABLE] & VBE_ENABLED || vga->cr[CR_MODE] & 1)
		return at;
	/* As on a CGA, odd scan lines of a character row have memory of their own. */
	bank_bit = vga->cr[CR_MODE] & 0x40 ? 15 : 14;
	return (at & ~(1u << bank_bit)) | (row % m->repeat & 1) << bank_bit;
}

static bool was_written(const struct vga *vga, uint32_t at, uint32_t len)
{
	uint32_t mask = (vga->vram_size - 1) >> PAGE_BITS;

	for (uint32_t p = at >> PAGE_BITS; p <= (at + len - 1) >> PAGE_BITS; p++)
		if (vga->dirty[(p & mask) / 64] >> (p & mask) % 64 & 1)
			return true;
	return false;
}

static void draw_words(const struct vga *vga, const struct mode *m, uint32_t at,
                       const uint32_t *colors, uint32_t *line)
{
	uint32_t eight[8];

	for (unsigned x = 0; x < m->width; at += 4) {
		m->word(colors, ld32(vga->vram + (at & (vga->vram_size - 4))), eight);
		for (unsigned i = 0; i < 8u << m->double_dots && x < m->width; i++)
			line[x++] = eight[i >> m->double_dots];
	}
}

/* Damage is what differs. */
static void show_line(struct display *display, unsigned y, const uint32_t *line)
{
	const struct surface *s = display_surface(display);
	uint32_t *row = s->pixels + (size_t)y * s->width;
	unsigned first = 0, end = s->width;

	while (first < end && row[first] == line[first])
		first++;
	while (end > first && row[end - 1] == line[end - 1])
		end--;
	if (first == end)
		return;
	memcpy(row + first, line + first, (end - first) * sizeof(*row));
	display_damage(display, first, y, end - first, 1);
}

static void draw_graphics(struct vga *vga, bool all)
{
	struct display *display = vga->pci.dev.vm->display;
	bool vbe = vga->vbe[VBE_ENABLE] & VBE_ENABLED;
	uint32_t line[DISPLAY_MAX_WIDTH], sixteen[16];
	const uint32_t *colors = vga->colors;
	struct mode m;

	if (vbe)
		vbe_mode(vga, &m);
	else
		legacy_mode(vga, &m);
	display_resize(display, m.width, m.height);
	for (unsigned i = 0; i < 256 && all; i++)
		vga->colors[i] = dac_color(vga, i);
	for (unsigned i = 0; i < 16; i++)
		sixteen[i] = vga_attr_color(vga, i);
	if (m.word && m.word != packed_word)
		colors = sixteen;
	for (unsigned y = 0; y < m.height; y++) {
		uint32_t at = line_address(vga, &m, y);
		uint32_t bytes = m.word ? m.width / 2 + 4
		                        : m.width * ((vga->vbe[VBE_BPP] + 7u) / 8);

		if (!all && !was_written(vga, at, bytes))
			continue;
		if (m.word)
			draw_words(vga, &m, at, colors, line);
		else
			vbe_line(vga, vga->vram + at, m.width, line);
		show_line(display, y, line);
	}
}

/* False: what was written cannot be known. */
static bool take_written(struct vga *vga)
{
	return vga->block->dirty &&
	       mem_take_dirty(vga->pci.dev.vm->mem, vga->block, vga->dirty) >= 0;
}

static void draw_blank(struct vga *vga)
{
	struct display *display = vga->pci.dev.vm->display;
	const struct surface *s = display_surface(display);

	memset(s->pixels, 0, (size_t)s->width * s->height * 4);
	display_damage(display, 0, 0, s->width, s->height);
}

static bool is_blank(const struct vga *vga)
{
	return !(vga->attr_index & 0x20) || vga->seq[SEQ_CLOCKING] & SEQ_SCREEN_OFF;
}

void vga_refresh(void *opaque, bool full)
{
	struct vga *vga = opaque;
	bool vbe, all;

	mem_flush(vga->pci.dev.vm->mem);
	vbe = vga->vbe[VBE_ENABLE] & VBE_ENABLED;
	all = full || vga->redraw;
	vga->redraw = vga->blinks = false;
	if (!vbe && is_blank(vga)) {
		if (all)
			draw_blank(vga);
	} else if (vbe || vga->gr[GR_MISC] & 1) {
		bool known = take_written(vga);

		draw_graphics(vga, all || !known);
	} else {
		vga_draw_text(vga, all);
	}
}

/* A linear framebuffer is memory to the guest. What is written to a VGA's window comes
 * here; its memory may be written past that, but that is nobody's habit. */
uint64_t vga_due(void *opaque)
{
	const struct vga *vga = opaque;

	return vga->vbe[VBE_ENABLE] & VBE_ENABLED ? 0 : vga_text_due(vga);
}

void vga_watch(void *opaque, bool on)
{
	struct vga *vga = opaque;

	/* Without a log each refresh draws everything. */
	mem_log_dirty(vga->pci.dev.vm->mem, vga->block, on);
	vga->redraw = true;
}
