/* SPDX-License-Identifier: GPL-2.0-or-later */
/* e1000: Intel's gigabit network card, for guests without virtio. */
#ifndef VMM_LEGACY_E1000_H
#define VMM_LEGACY_E1000_H

#include "vmm/core/device.h"

extern const struct device_class e1000_class;

#endif
