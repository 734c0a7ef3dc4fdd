/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The class "PIIX4_PM": ACPI power management function of the PIIX4 (8086:7113). */
#ifndef VMM_LEGACY_PM_H
#define VMM_LEGACY_PM_H

#include "vmm/core/device.h"

/* What the ACPI tables say about it. */
enum pm_address {
	PM_IO_BASE = 0x600, /* default of the register block; guests may move it */
	PM_IO_EVENT = 0,    /* PM1a event block: status, enable */
	PM_IO_CONTROL = 4,  /* PM1a control */
	PM_IO_TIMER = 8,    /* PM timer, 24 bits unless timer32=on */
	PM_IO_SIZE = 64,
	PM_GPE_BASE = 0xafe0, /* GPE0: 2 bytes of status, 2 bytes of enable */
	PM_GPE_SIZE = 4,
	PM_SMI_PORT = 0xb2, /* the ACPI enable and disable values go here */
	PM_SMI_ENABLE = 0xf1,
	PM_SMI_DISABLE = 0xf0,
	PM_SCI = 9,
	PM_SLEEP_S5 = 0, /* SLP_TYP values for \_S5 and \_S4; both end the machine */
	PM_SLEEP_S4 = 2,
};

extern const struct device_class pm_class;

/* Somebody pressed the power button: sets its status bit and, when the guest listens,
 * raises the SCI. Machine lock. */
void pm_power_button(struct device *pm);
/* The property acpi-root-pci-hotplug. */
bool pm_has_hotplug(const struct device *pm);
/* Raises general-purpose event `bit` (0 to 15). Machine lock. */
void pm_gpe_raise(struct device *pm, unsigned bit);

#endif
