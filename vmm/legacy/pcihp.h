/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The class "acpi-pci-hotplug": the registers through which ACPI methods learn which
 * slots of the PCI bus were filled or shall be emptied (QEMU's acpi_pci_hotplug
 * interface). Machine lock everywhere.
 */
#ifndef VMM_LEGACY_PCIHP_H
#define VMM_LEGACY_PCIHP_H

#include "vmm/core/device.h"

struct pci_device;

/* What hotplug.asl says about it. */
enum pcihp_address {
	PCIHP_BASE = 0xae00,
	PCIHP_SIZE = 20,
	PCIHP_GPE = 1, /* the general-purpose event that says: look */
};

extern const struct device_class pcihp_class;

/* NULL: this machine's PCI bus is fixed. */
struct device *pcihp_find(struct vm *vm);
/* Tells the guest of a function that was added while it ran. It is shown with function 0
 * of its slot. */
void pcihp_plugged(struct device *hp, const struct pci_device *pdev);
/* Asks the guest to let go of the function's slot; when it has, or at the next reset, all
 * its functions are destroyed. -errno with a sentence: it was asked just now, or a
 * function of the slot belongs to the board. */
int pcihp_request(struct device *hp, const struct pci_device *pdev, struct err *err);

#endif
