/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The class "port92": fast A20 gate and fast reset at port 0x92. */
#ifndef VMM_LEGACY_PORT92_H
#define VMM_LEGACY_PORT92_H

#include "vmm/core/device.h"

extern const struct device_class port92_class;

#endif
