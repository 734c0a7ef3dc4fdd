/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SMBIOS tables of the board: written into guest RAM at LAYOUT_SMBIOS, or for
 * firmware. */
#ifndef VMM_MACHINE_SMBIOS_H
#define VMM_MACHINE_SMBIOS_H

#include "common/err.h"
#include "vmm/machine/smbios-text.h"

#include <stddef.h>
#include <stdint.h>

struct mem;

struct smbios_config {
	uint8_t uuid[16]; /* in the text's order; all zero: none was given */
	unsigned sockets; /* each with */
	unsigned cores;   /* cores, each with */
	unsigned threads; /* threads */
	uint64_t low_top; /* end of the RAM below 4 GiB */
	const struct smbios_texts *texts; /* of the user, or NULL */
	uint64_t high_size;               /* bytes of RAM from 4 GiB on */
};

enum {
	SMBIOS_ANCHOR_LEN = 31,   /* the 32-bit entry point is at the start of the area */
	SMBIOS_STRUCTURES = 0x40, /* where the structures start */
};

/* The whole area as it lies at LAYOUT_SMBIOS, *len bytes, to be freed by the caller; NULL
 * with a sentence. */
uint8_t *smbios_build(const struct smbios_config *cfg, size_t *len, struct err *err);

/* Builds and writes entry points and structures. As acpi_write(), before vCPUs run and
 * at each reset. */
int smbios_write(struct mem *mem, const struct smbios_config *cfg, struct err *err);

#endif
