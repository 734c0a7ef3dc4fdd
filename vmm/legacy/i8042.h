/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The class "i8042": keyboard controller at ports 0x60 and 0x64. */
#ifndef VMM_LEGACY_I8042_H
#define VMM_LEGACY_I8042_H

#include "vmm/core/device.h"

extern const struct device_class i8042_class;

#endif
