/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports for test programs and firmware: the classes "isa-debug-exit" and
 * "isa-debugcon". */
#ifndef VMM_LEGACY_DEBUG_H
#define VMM_LEGACY_DEBUG_H

#include "vmm/core/device.h"

extern const struct device_class debug_exit_class;
extern const struct device_class debugcon_class;

#endif
