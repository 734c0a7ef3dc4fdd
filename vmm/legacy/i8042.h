/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The class "i8042": keyboard controller at ports 0x60 and 0x64. */
#ifndef VMM_LEGACY_I8042_H
#define VMM_LEGACY_I8042_H

#include "vmm/core/device.h"

extern const struct device_class i8042_class;

/* What a BIOS does at the start of a machine that has none: keys are told as scan codes
 * of set 1, the mouse is off. dev is an i8042_class, after its reset; machine lock, or
 * before vCPUs run. */
void i8042_set_up(struct device *dev);

#endif
