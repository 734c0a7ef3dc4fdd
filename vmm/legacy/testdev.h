/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pc-testdev: ports and memory for test programs such as kvm-unit-tests. */
#ifndef VMM_LEGACY_TESTDEV_H
#define VMM_LEGACY_TESTDEV_H

#include "vmm/core/device.h"

extern const struct device_class testdev_class;

#endif
