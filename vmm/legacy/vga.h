/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The class "VGA": the standard graphics card of virtual PCs. */
#ifndef VMM_LEGACY_VGA_H
#define VMM_LEGACY_VGA_H

#include "vmm/core/device.h"

extern const struct device_class vga_class;
/* The same without what a VGA has beyond linear modes. */
extern const struct device_class bochs_display_class;

#endif
