/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The class of the PCI bus itself, for the catalog. */
#ifndef VMM_PCI_HOST_H
#define VMM_PCI_HOST_H

#include "vmm/core/device.h"

extern const struct device_class pci_host_class;

#endif
