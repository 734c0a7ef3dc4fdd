/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i6300esb: the watchdog timer of Intel's 6300ESB I/O controller. */
#ifndef VMM_LEGACY_I6300ESB_H
#define VMM_LEGACY_I6300ESB_H

#include "vmm/core/device.h"

extern const struct device_class i6300esb_class;

#endif
