/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chip set: classes "i440FX" (host bridge) and "PIIX3" (ISA bridge). */
#ifndef VMM_LEGACY_PIIX_H
#define VMM_LEGACY_PIIX_H

#include "vmm/core/device.h"

extern const struct device_class i440fx_class;
extern const struct device_class piix3_class;

/* Where PIRQ 0 (A) to 3 (D) leads now: a GSI, or UINT_MAX. For pci_bus_new(); opaque is
 * the ISA bridge, or NULL while there is none yet. */
unsigned piix3_irq_route(void *isa_bridge, unsigned pirq);

#endif
