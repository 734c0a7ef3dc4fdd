/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci-testdev: registers behind BARs for test programs such as kvm-unit-tests. */
#ifndef VMM_LEGACY_PCITESTDEV_H
#define VMM_LEGACY_PCITESTDEV_H

#include "vmm/core/device.h"

extern const struct device_class pci_testdev_class;

#endif
