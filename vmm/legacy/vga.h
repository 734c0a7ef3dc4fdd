/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The class "VGA": the standard graphics card of virtual PCs. */
#ifndef VMM_LEGACY_VGA_H
#define VMM_LEGACY_VGA_H

#include "vmm/core/device.h"

extern const struct device_class vga_class;
/* The same without what a VGA has beyond linear modes. */
extern const struct device_class bochs_display_class;

/*
 * What a VGA BIOS does at the start of a machine that has none: dev, a vga_class, shows
 * an empty screen in text mode 3 (80 by 25). False: the card's ROM has no font, so that
 * characters stay invisible until the guest loads one. After the device's reset; machine
 * lock, or before vCPUs run.
 */
bool vga_set_text_mode(struct device *dev);

#endif
