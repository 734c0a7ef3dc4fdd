/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The class "pvpanic": where a guest's kernel says that it panicked. */
#ifndef VMM_LEGACY_PVPANIC_H
#define VMM_LEGACY_PVPANIC_H

#include "vmm/core/device.h"

extern const struct device_class pvpanic_class;

/* The port of the machine's pvpanic, for the ACPI tables; 0: it has none. */
uint16_t pvpanic_port(struct vm *vm);

#endif
