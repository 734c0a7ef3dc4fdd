/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text modes of the graphics card. Machine lock. */
#ifndef VMM_LEGACY_VGA_TEXT_H
#define VMM_LEGACY_VGA_TEXT_H

#include "vmm/legacy/vga-core.h"

/* Draws the cells that changed since the last call, or all. */
void vga_draw_text(struct vga *vga, bool all);
/* When the cursor or blinking characters that were drawn change on a still screen; else
 * in a second, as the guest's writes to the window are collected (mem_flush()). */
uint64_t vga_text_due(const struct vga *vga);
/* vga-draw.c: the colour of one of 16 attribute values, and the visible scan lines. */
uint32_t vga_attr_color(const struct vga *vga, unsigned index);
unsigned vga_lines(const struct vga *vga);

#endif
