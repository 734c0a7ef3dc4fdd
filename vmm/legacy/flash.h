/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The class "cfi.pflash01": a flash chip on a -drive, with firmware or its variables. The
 * board makes it, at an address below 4 GiB. Machine lock, or before vCPUs run.
 */
#ifndef VMM_LEGACY_FLASH_H
#define VMM_LEGACY_FLASH_H

#include "vmm/core/device.h"

#define FLASH_BLOCK 4096u /* what an erase command clears */

extern const struct device_class flash_class;

/* The content, for the life of the device. */
const uint8_t *flash_bytes(const struct device *flash, uint64_t *size);

#endif
