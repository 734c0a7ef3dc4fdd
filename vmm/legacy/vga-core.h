/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files of the graphics card: its registers (vga-regs.c), the window at
 * 0xa0000 (vga-mem.c), drawing (vga-draw.c), and the PCI function around them (vga.c).
 *
 * The four planes lie interleaved in the framebuffer: byte n of plane p is at 4 * n + p.
 * So one 32-bit word holds what the hardware's latches hold, and the chained modes, where
 * the address selects the plane, are linear. Machine lock everywhere.
 */
#ifndef VMM_LEGACY_VGA_CORE_H
#define VMM_LEGACY_VGA_CORE_H

#include "vmm/display/display.h"
#include "vmm/pci/pci.h"

/* Bochs' VBE registers (QEMU's docs/specs/standard-vga). */
enum vbe_register {
	VBE_ID,
	VBE_XRES,
	VBE_YRES,
	VBE_BPP,
	VBE_ENABLE,
	VBE_BANK,
	VBE_VIRT_WIDTH,
	VBE_VIRT_HEIGHT,
	VBE_X_OFFSET,
	VBE_Y_OFFSET,
	VBE_MEMORY_64K,
	VBE_COUNT,
};

enum vbe_enable {
	VBE_ENABLED = 0x01,
	VBE_GETCAPS = 0x02,
	VBE_8BIT_DAC = 0x20,
	VBE_NOCLEARMEM = 0x80,
};

enum sequencer { SEQ_CLOCKING = 1, SEQ_MAP_MASK, SEQ_FONTS, SEQ_MEMORY_MODE };
#define SEQ_SCREEN_OFF 0x20 /* in CLOCKING */
#define SEQ_HALF_CLOCK 0x08
#define SEQ_8_DOTS     0x01
#define SEQ_CHAIN4     0x08 /* in MEMORY_MODE */
#define SEQ_SEQUENTIAL 0x04

enum graphics {
	GR_SET_RESET,
	GR_ENABLE_SET_RESET,
	GR_COLOR_COMPARE,
	GR_ROTATE,
	GR_READ_MAP,
	GR_MODE,
	GR_MISC,
	GR_COLOR_DONT_CARE,
	GR_BIT_MASK,
};
#define GR_ODD_EVEN 0x10 /* in MODE */

enum crtc {
	CR_HDISPLAY = 0x01,
	CR_OVERFLOW = 0x07,
	CR_MAX_SCAN = 0x09,
	CR_CURSOR_START = 0x0a,
	CR_CURSOR_END = 0x0b,
	CR_START_HI = 0x0c,
	CR_START_LO = 0x0d,
	CR_CURSOR_HI = 0x0e,
	CR_CURSOR_LO = 0x0f,
	CR_VSYNC_END = 0x11,
	CR_VDISPLAY_END = 0x12,
	CR_OFFSET = 0x13,
	CR_MODE = 0x17,
	CR_LINE_COMPARE = 0x18,
	CR_COUNT = 0x19,
};

enum attribute { AT_MODE = 0x10, AT_OVERSCAN, AT_PLANES, AT_PANNING, AT_COLOR_SELECT };
#define AT_COUNT    0x15
#define AT_LINE_GFX 0x04 /* in MODE */
#define AT_BLINK    0x08
#define AT_P5_P4    0x80

#define VGA_CELLS   (160 * 120) /* text cells that are remembered; larger screens: none */

struct vga {
	struct pci_device pci;
	/* properties */
	uint32_t vgamem_mb, xres, yres;
	bool has_edid;
	uint64_t vgamem; /* bytes, instead of vgamem_mb */
	char *romfile;
	/* state */
	uint8_t misc, feature, status1;
	uint8_t seq_index, seq[8];
	uint8_t gr_index, gr[16];
	uint8_t cr_index, cr[CR_COUNT];
	uint8_t attr_index, attr[AT_COUNT];
	bool attr_data; /* the next write to 0x3c0 is data */
	uint8_t pel_mask, dac_state, dac_read, dac_write, dac_sub, dac_cache[3];
	uint8_t palette[768];
	uint8_t latch[4];
	uint16_t vbe_index, vbe[VBE_COUNT];
	bool linear; /* it is a bochs-display: neither ports nor a window */
	/* memory */
	uint8_t *vram;
	uint32_t vram_size; /* a power of 2 */
	struct ram_block *block;
	struct region framebuffer, mmio, window, mono_ports, ports, vbe_ports;
	uint8_t edid[128]; /* of the monitor, which a reset of the card does not reach */
	/* what is on the surface */
	bool shown;  /* realize has connected it to the display */
	bool redraw; /* something other than pixels changed */
	bool blinks; /* the text that was drawn has a cursor or characters that do */
	uint32_t colors[256];
	uint32_t cursor;     /* the cell that shows it, or UINT32_MAX */
	bool blink_off;      /* characters that blink were drawn without their strokes */
	bool cursor_off;     /* so was the cursor … */
	uint64_t cursor_due; /* … until loop_now() is this */
	uint16_t cells[VGA_CELLS]; /* character, and attribute << 8 */
	uint64_t *dirty;
};

/* ---- vga.c ---- */

/* Something was written that may show. */
void vga_touch(const struct vga *vga);

/* ---- vga-regs.c ---- */

void vga_regs_reset(struct vga *vga);
extern const struct region_ops vga_port_ops; /* offset 0 is port 0x3c0 */
extern const struct region_ops vga_mono_ops; /* 0x3b0 */
extern const struct region_ops vga_vbe_ops;  /* 0x1ce */
uint16_t vga_vbe_read(struct vga *vga, unsigned index);
void vga_vbe_write(struct vga *vga, unsigned index, uint16_t value);
/* Brings the VBE registers to what the memory can show, if a mode is on; no change when
 * all of them were written through vga_vbe_write(). */
void vga_vbe_fit(struct vga *vga);
/* Bytes from one line to the next with the VBE registers as they are. */
uint32_t vga_vbe_pitch(const struct vga *vga);

/* ---- vga-mem.c ---- */

extern const struct region_ops vga_window_ops; /* 0xa0000 to 0xbffff */

/* ---- vga-draw.c ---- */

void vga_refresh(void *opaque, bool full);
uint64_t vga_due(void *opaque);
void vga_watch(void *opaque, bool on);
bool vga_text(void *opaque, struct strbuf *out);

/* ---- vga-edid.c ---- */

/* VESA E-EDID 1.4: a monitor of any size that prefers width × height at 60 Hz. */
void vga_edid_fill(uint8_t edid[128], unsigned width, unsigned height);

#endif
