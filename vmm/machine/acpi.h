/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI tables of the board: written into guest RAM at LAYOUT_ACPI, or for firmware.
 */
#ifndef VMM_MACHINE_ACPI_H
#define VMM_MACHINE_ACPI_H

#include "common/err.h"
#include "vmm/machine/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem;

struct acpi_config {
	const uint32_t *apic_ids; /* of the vCPUs, in their order */
	unsigned cpu_count;
	unsigned serial_ports;      /* bit n: COM(n+1) is there */
	bool keyboard;              /* a keyboard controller with PS/2 devices */
	uint16_t pvpanic_port;      /* of the panic device; 0: none */
	bool fw_cfg;                /* the firmware configuration device */
	bool vga;                   /* a VGA-compatible display */
	uint32_t pci32;             /* where the window for 32-bit BARs begins */
	bool hotplug;               /* devices on the PCI bus may come and go … */
	uint32_t fixed_slots;       /* … but not those of these slots */
	struct layout_window pci64; /* for 64-bit BARs; size 0: none */
};

/* A place in the block whose value depends on the tables' final addresses: a pointer to
 * one, or the checksum byte over [start, start + len). Offsets from the block's start. */
struct acpi_fixup {
	uint32_t at;
	uint32_t pointer_size; /* 0: a checksum */
	uint32_t start, len;
};

enum {
	ACPI_RSDP_LEN = 36,  /* the RSDP is at the start of the block */
	ACPI_TABLES_AT = 64, /* where the first table is, the FACS */
	ACPI_FIXUPS = 32,    /* more than there are */
};

struct acpi_blob {
	uint8_t *data; /* the caller frees it */
	size_t len;
	struct acpi_fixup fixups[ACPI_FIXUPS];
	unsigned fixup_count;
};

/* Builds all tables for the address `base` of the block. */
int acpi_build(struct acpi_blob *blob, const struct acpi_config *cfg, uint32_t base,
               struct err *err);

/* Builds and writes all tables; *rsdp is the address to pass to a guest. Called before
 * vCPUs run, and again at each reset, because guests may write over the tables. */
int acpi_write(struct mem *mem, const struct acpi_config *cfg, uint64_t *rsdp,
               struct err *err);

#endif
