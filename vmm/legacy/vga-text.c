// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text modes: a cell is a character in plane 0 and its attribute in plane 1, fonts of 32
 * bytes a glyph are in plane 2 (IBM PS/2 Hardware Interface Technical Reference,
 * "Alphanumeric Modes"). Only cells that differ from what was drawn are drawn again; the
 * cursor and blinking characters are, when their phase changes. On a screen where nothing
 * else moves the cursor takes as long as characters do: each change costs vmm, its helper
 * and the viewer, and nobody looks for it there. Machine lock.
 */
#include "vmm/legacy/vga-text.h"

#include "vmm/core/vm.h"

#define CURSOR_NS 266666667ull /* half a period; characters blink half as fast */
#define CHARS_NS  (2 * CURSOR_NS)
#define UNTOLD_NS 1000000000ull /* for writes that nobody was told of yet */
#define BLINKING  0x8000        /* in a cell */

struct text {
	unsigned columns, rows, cell_width, cell_height, dot; /* dot: pixels of a dot */
	uint32_t start, pitch;
	uint32_t fonts[2]; /* by attribute bit 3, in bytes of plane 2 */
	uint32_t colors[16];
	bool blink;
};

static unsigned low(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static uint32_t font_offset(unsigned select)
{
	return (select & 3) * 0x4000 + (select & 4 ? 0x2000 : 0);
}

static void read_mode(const struct vga *vga, struct text *t)
{
	const uint8_t *cr = vga->cr;
	unsigned fonts = vga->seq[SEQ_FONTS];

	t->dot = vga->seq[SEQ_CLOCKING] & SEQ_HALF_CLOCK ? 2 : 1;
	t->cell_width = (vga->seq[SEQ_CLOCKING] & SEQ_8_DOTS ? 8 : 9) * t->dot;
	t->cell_height = 1 + (cr[CR_MAX_SCAN] & 0x1f);
	t->columns = low(1u + cr[CR_HDISPLAY], DISPLAY_MAX_WIDTH / t->cell_width);
	t->rows = low(vga_lines(vga), DISPLAY_MAX_HEIGHT) / t->cell_height;
	if (!t->rows)
		t->rows = 1;
	t->start = (cr[CR_START_HI] << 8 | cr[CR_START_LO]) * 4;
	t->pitch = cr[CR_OFFSET] * 8;
	t->fonts[1] = font_offset((fonts >> 2 & 3) | (fonts >> 3 & 4));
	t->fonts[0] = font_offset((fonts & 3) | (fonts >> 2 & 4));
	t->blink = vga->attr[AT_MODE] & AT_BLINK;
	for (unsigned i = 0; i < 16; i++)
		t->colors[i] = vga_attr_color(vga, i);
}

static uint16_t cell_at(const struct vga *vga, const struct text *t, unsigned row,
                        unsigned column)
{
	uint32_t at = (t->start + row * t->pitch + column * 4) & (vga->vram_size - 4);

	return vga->vram[at] | vga->vram[at + 1] << 8;
}

/* The dots of a glyph's line, leftmost in bit 8. */
static unsigned dots(const struct vga *vga, const struct text *t, uint16_t cell,
                     unsigned line)
{
	uint32_t at = t->fonts[cell >> 11 & 1] + (cell & 0xff) * 32 + line;
	unsigned eight = vga->vram[(at * 4 + 2) & (vga->vram_size - 1)] << 1;

	/* Box-drawing characters touch the next one. */
	if (vga->attr[AT_MODE] & AT_LINE_GFX && (cell & 0xe0) == 0xc0)
		eight |= eight >> 1 & 1;
	return eight;
}

static bool on_cursor(const struct vga *vga, unsigned line)
{
	return line >= (vga->cr[CR_CURSOR_START] & 0x1fu) &&
	       line <= (vga->cr[CR_CURSOR_END] & 0x1fu);
}

/* Lines of a cell. */
struct lines {
	unsigned first, end;
};

/* The lines that look different now; first == end: none. */
static struct lines draw_cell(const struct vga *vga, const struct text *t, unsigned row,
                              unsigned column, uint16_t cell, bool cursor)
{
	const struct surface *s = display_surface(vga->pci.dev.vm->display);
	uint32_t fg = t->colors[cell >> 8 & 15];
	uint32_t bg = t->colors[cell >> 12 & (t->blink ? 7 : 15)];
	struct lines changed = { 0, 0 };

	if (t->blink && cell & BLINKING && vga->blink_off)
		fg = bg;
	for (unsigned y = 0; y < t->cell_height; y++) {
		uint32_t *out = s->pixels +
		                (size_t)(row * t->cell_height + y) * s->width +
		                column * t->cell_width;
		unsigned bits = dots(vga, t, cell, y);
		uint32_t differs = 0;

		if (cursor && on_cursor(vga, y)) {
			bits = 0x1ff;
			fg = t->colors[cell >> 8 & 15];
		}
		for (unsigned x = 0; x < t->cell_width; x++) {
			uint32_t color = bits >> (8 - x / t->dot) & 1 ? fg : bg;

			differs |= out[x] ^ color;
			out[x] = color;
		}
		if (differs)
			changed =
				(struct lines){ changed.end ? changed.first : y, y + 1 };
	}
	return changed;
}

/* The cell where the cursor is. */
static uint32_t find_cursor(const struct vga *vga, const struct text *t)
{
	uint32_t at = (vga->cr[CR_CURSOR_HI] << 8 | vga->cr[CR_CURSOR_LO]) * 4 - t->start;
	unsigned row = t->pitch ? at / t->pitch : 0;
	unsigned column = (t->pitch ? at % t->pitch : at) / 4;

	if (vga->cr[CR_CURSOR_START] & 0x20 || column >= t->columns || row >= t->rows)
		return UINT32_MAX;
	return row * t->columns + column;
}

/* Damage is what differs: of a single cell its lines, as a cursor is but two of them. */
static void draw_row(struct vga *vga, const struct text *t, unsigned row, bool all,
                     bool blinked, uint32_t cursor)
{
	const struct lines all_lines = { 0, t->cell_height };
	unsigned first = t->columns, end = 0;
	struct lines lines = all_lines;

	for (unsigned column = 0; column < t->columns; column++) {
		uint16_t cell = cell_at(vga, t, row, column);
		uint32_t index = row * t->columns + column;
		bool known = index < VGA_CELLS && vga->cells[index] == cell;
		struct lines changed;

		vga->blinks |= t->blink && cell & BLINKING;
		if (known && !all && !(blinked && cell & BLINKING) &&
		    (cursor == vga->cursor || (index != cursor && index != vga->cursor)))
			continue;
		if (index < VGA_CELLS)
			vga->cells[index] = cell;
		changed = draw_cell(vga, t, row, column, cell, index == cursor);
		if (!changed.end)
			continue;
		lines = first == t->columns ? changed : all_lines;
		first = low(first, column);
		end = column + 1;
	}
	if (first < end)
		display_damage(vga->pci.dev.vm->display, first * t->cell_width,
		               row * t->cell_height + lines.first,
		               (end - first) * t->cell_width, lines.end - lines.first);
}

void vga_draw_text(struct vga *vga, bool all)
{
	uint64_t now = loop_now();
	bool blink_off = now / CHARS_NS & 1, blinked = blink_off != vga->blink_off;
	struct text t;
	uint32_t cursor;

	if (now >= vga->cursor_due) {
		vga->cursor_off = !vga->cursor_off;
		vga->cursor_due = (now / CURSOR_NS + 1) * CURSOR_NS;
	}
	read_mode(vga, &t);
	display_resize(vga->pci.dev.vm->display, t.columns * t.cell_width,
	               t.rows * t.cell_height);
	cursor = find_cursor(vga, &t);
	vga->blinks = cursor != UINT32_MAX;
	vga->blink_off = blink_off;
	if (vga->cursor_off)
		cursor = UINT32_MAX;
	for (unsigned row = 0; row < t.rows; row++)
		draw_row(vga, &t, row, all, blinked && t.blink, cursor);
	vga->cursor = cursor;
}

uint64_t vga_text_due(const struct vga *vga)
{
	uint64_t now = loop_now();

	return vga->blinks ? (now / CHARS_NS + 1) * CHARS_NS : now + UNTOLD_NS;
}

/* ---- as text ---- */

/* Code page 437: what its glyphs mean. */
static const uint16_t low_glyphs[32] = {
	0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022,
	0x25d8, 0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c,
	0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8,
	0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};
static const uint16_t high_glyphs[129] = {
	0x2302, 0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea,
	0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6,
	0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3,
	0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa,
	0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591,
	0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551,
	0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500,
	0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c,
	0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a,
	0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393,
	0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e,
	0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7,
	0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

static void add_glyph(struct strbuf *out, uint8_t c)
{
	unsigned u = c < 32 ? low_glyphs[c] : c < 127 ? c : high_glyphs[c - 127];

	if (u < 0x80) {
		strbuf_addc(out, u);
	} else if (u < 0x800) {
		strbuf_addc(out, 0xc0 | u >> 6);
		strbuf_addc(out, 0x80 | (u & 0x3f));
	} else {
		strbuf_addc(out, 0xe0 | u >> 12);
		strbuf_addc(out, 0x80 | (u >> 6 & 0x3f));
		strbuf_addc(out, 0x80 | (u & 0x3f));
	}
}

bool vga_text(void *opaque, struct strbuf *out)
{
	struct vga *vga = opaque;
	struct text t;

	if (vga->vbe[VBE_ENABLE] & VBE_ENABLED || vga->gr[GR_MISC] & 1)
		return false;
	read_mode(vga, &t);
	for (unsigned row = 0; row < t.rows; row++) {
		unsigned end = t.columns;

		while (end && (cell_at(vga, &t, row, end - 1) & 0xff) % 32 == 0 &&
		       (cell_at(vga, &t, row, end - 1) & 0xff) <= 32)
			end--;
		for (unsigned column = 0; column < end; column++)
			add_glyph(out, cell_at(vga, &t, row, column));
		strbuf_addc(out, '\n');
	}
	return true;
}
