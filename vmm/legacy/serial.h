/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The class "isa-serial": a 16550A serial port on the ISA bus. */
#ifndef VMM_LEGACY_SERIAL_H
#define VMM_LEGACY_SERIAL_H

#include "vmm/core/device.h"

#define SERIAL_PORTS 4 /* indices with an address and an interrupt of their own */

extern const struct device_class serial_class;

#endif
