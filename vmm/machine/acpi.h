/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI tables of the board, written into guest RAM at LAYOUT_ACPI. */
#ifndef VMM_MACHINE_ACPI_H
#define VMM_MACHINE_ACPI_H

#include "common/err.h"
#include "vmm/machine/layout.h"

#include <stdbool.h>
#include <stdint.h>

struct mem;

struct acpi_config {
	const uint32_t *apic_ids; /* of the vCPUs, in their order */
	unsigned cpu_count;
	unsigned serial_ports;      /* bit n: COM(n+1) is there */
	bool keyboard;              /* a keyboard controller with PS/2 devices */
	uint16_t pvpanic_port;      /* of the panic device; 0: none */
	bool vga;                   /* a VGA-compatible display */
	struct layout_window pci64; /* for 64-bit BARs; size 0: none */
};

/* Builds and writes all tables; *rsdp is the address to pass to a guest. Called before
 * vCPUs run, and again at each reset, because guests may write over the tables. */
int acpi_write(struct mem *mem, const struct acpi_config *cfg, uint64_t *rsdp,
               struct err *err);

#endif
