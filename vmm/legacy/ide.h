/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The classes "piix3-ide" (controller), "ide-hd" (disk) and "ide-cd" (CD-ROM drive).
 * Machine lock everywhere.
 */
#ifndef VMM_LEGACY_IDE_H
#define VMM_LEGACY_IDE_H

#include "vmm/core/device.h"

#define IDE_CHANNELS 2
#define IDE_UNITS    2 /* master, slave */

extern const struct device_class piix3_ide_class, ide_hd_class, ide_cd_class;

struct ide_place {
	uint8_t devfn; /* of the controller */
	uint8_t channel, unit;
};

/* Where the drive is; false when dev is none. */
bool ide_find_place(const struct device *dev, struct ide_place *place);

#endif
