/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -smbios says: the texts that replace those of the board's SMBIOS tables. */
#ifndef VMM_MACHINE_SMBIOS_TEXT_H
#define VMM_MACHINE_SMBIOS_TEXT_H

#include "vmm/machine/config.h"

enum smbios_text {
	BIOS_VENDOR,
	BIOS_VERSION,
	BIOS_DATE,
	SYSTEM_MANUFACTURER,
	SYSTEM_PRODUCT,
	SYSTEM_VERSION,
	SYSTEM_SERIAL,
	SYSTEM_SKU,
	SYSTEM_FAMILY,
	BOARD_MANUFACTURER,
	BOARD_PRODUCT,
	BOARD_VERSION,
	BOARD_SERIAL,
	BOARD_ASSET,
	BOARD_LOCATION,
	CHASSIS_MANUFACTURER,
	CHASSIS_VERSION,
	CHASSIS_SERIAL,
	CHASSIS_ASSET,
	CHASSIS_SKU,
	CPU_SOCKET,
	CPU_MANUFACTURER,
	CPU_VERSION,
	CPU_SERIAL,
	CPU_ASSET,
	CPU_PART,
	MEMORY_LOCATION,
	MEMORY_BANK,
	MEMORY_MANUFACTURER,
	MEMORY_SERIAL,
	MEMORY_ASSET,
	MEMORY_PART,
	SMBIOS_TEXTS
};

#define SMBIOS_TEXT_MAX   (32 << 10) /* bytes of all texts; the tables have 64 KiB */
#define SMBIOS_PREFIX_MAX 64         /* of a name that gets a number */

struct smbios_texts {
	char *text[SMBIOS_TEXTS]; /* NULL: the board's own */
	char *release_text;       /* type 0: "MAJOR.MINOR" */
	uint8_t release[2];       /* as numbers; 0, 0: not given */
	char *uuid;               /* type 1, or NULL */
	bool uefi;
	uint16_t max_speed, current_speed, memory_speed; /* 0: not told */
	struct str_list oem;                             /* type 11, in order */
	bool board;                                      /* type 2 was given */
	size_t bytes;                                    /* of all texts */
};

/* Takes one -smbios; several of them add up. *texts is NULL before the first. -errno with
 * a sentence. */
int smbios_texts_parse(struct smbios_texts **texts, const char *arg, struct err *err);
/* Accepts NULL. */
void smbios_texts_free(struct smbios_texts *texts);

#endif
