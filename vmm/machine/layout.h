/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things are on the board: guest-physical addresses, ports and interrupt lines.
 *
 * The loader, the ACPI and SMBIOS tables, the DSDT (dsdt.asl repeats the numbers it
 * needs) and the devices agree through this file. The port map follows the PIIX3/PIIX4
 * with QEMU's bases, so that stock firmware finds what it expects.
 */
#ifndef VMM_MACHINE_LAYOUT_H
#define VMM_MACHINE_LAYOUT_H

#include <stdint.h>

#define LAYOUT_PAGE         0x1000ull

/* ---- memory ---- */

/* RAM blocks: [0, LOW_END), [HIGH_LEGACY, 1M), [1M, low_top), [4 GiB, 4 GiB + high_size).
 */
#define LAYOUT_LOW_END      0x000a0000ull /* the VGA window follows */
#define LAYOUT_EBDA         0x0009fc00ull /* reserved in the e820 map, up to LOW_END */
#define LAYOUT_HIGH_LEGACY  0x000c0000ull /* RAM again after the VGA window */
#define LAYOUT_ACPI         0x000e0000ull /* tables; the RSDP is the first thing here */
#define LAYOUT_ACPI_SIZE    0x00010000ull
#define LAYOUT_SMBIOS       0x000f0000ull /* entry points, then the structures */
#define LAYOUT_SMBIOS_SIZE  0x00010000ull
#define LAYOUT_1M           0x00100000ull
#define LAYOUT_LOW_RAM_MAX  0xc0000000ull /* the most RAM below 4 GiB */
#define LAYOUT_4G           0x100000000ull

/* PCI memory BARs below 4 GiB: [MMIO, MMIO_END). */
#define LAYOUT_PCI_MMIO     0xc0000000ull
#define LAYOUT_PCI_MMIO_END 0xfec00000ull
#define LAYOUT_PCI_FIRST \
	0x80000000ull /* where firmware may put them, if there is no RAM */
#define LAYOUT_IOAPIC       0xfec00000ull
#define LAYOUT_HPET         0xfed00000ull
#define LAYOUT_LAPIC        0xfee00000ull
/* Pages that KVM needs on Intel hosts without unrestricted guests. */
#define LAYOUT_KVM_IDENTITY 0xfeffc000ull
#define LAYOUT_KVM_TSS      0xfeffd000ull
#define LAYOUT_KVM_END      0xff000000ull
#define LAYOUT_FIRMWARE     0xff000000ull /* flash, up to 4 GiB */

/*
 * What a direct boot puts into conventional memory. Guest images may not be loaded over
 * it. Linux' decompressor borrows the two pages below LAYOUT_EBDA, so they stay free.
 */
#define LAYOUT_BOOT         0x00090000ull
#define LAYOUT_BOOT_END     0x0009c000ull

/* ---- ports ---- */

#define LAYOUT_PM_BASE      0x0600 /* PIIX4 PM I/O space, 64 ports */
#define LAYOUT_PM1_EVT      (LAYOUT_PM_BASE + 0)
#define LAYOUT_PM1_CNT      (LAYOUT_PM_BASE + 4)
#define LAYOUT_PM_TMR       (LAYOUT_PM_BASE + 8)
#define LAYOUT_GPE0         0xafe0 /* 4 ports: 2 of status, 2 of enable */
#define LAYOUT_SMI_CMD      0x00b2
#define LAYOUT_ACPI_ENABLE  0xf1 /* written to SMI_CMD: sets SCI_EN */
#define LAYOUT_ACPI_DISABLE 0xf0
#define LAYOUT_RESET        0x0cf9
#define LAYOUT_RESET_VALUE  0x06
#define LAYOUT_DEBUGCON     0x00e9
#define LAYOUT_COM1         0x03f8
#define LAYOUT_COM2         0x02f8
#define LAYOUT_COM3         0x03e8
#define LAYOUT_COM4         0x02e8

/* PM1_CNT: SLP_TYP is bits 10-12, SLP_EN is bit 13. */
#define LAYOUT_SLP_TYP_S5   0
#define LAYOUT_SLP_EN       0x2000

/* ---- interrupts and functions ---- */

#define LAYOUT_SCI          9
/* PIRQA-D; the DSDT's link devices and PIIX3's PIRQRC registers start with these. */
#define LAYOUT_PIRQ_GSIS       \
	{                      \
		10, 10, 11, 11 \
	}
#define LAYOUT_PIIX3_SLOT 1    /* 00:01.0 the ISA bridge, 00:01.3 power management */
#define LAYOUT_PIRQRC     0x60 /* in the ISA bridge's config space, one byte each */

/* ---- the 64-bit PCI window ---- */

struct layout_window {
	uint64_t base, size; /* size 0: there is none */
};

/*
 * Where 64-bit BARs may go above 4 GiB. phys_bits: the guest's physical address width;
 * ram_end: the end of its highest RAM. The top quarter of at most 39 bits of addresses,
 * or, where RAM is there already, the next place behind it.
 */
static inline struct layout_window layout_pci64(unsigned phys_bits, uint64_t ram_end)
{
	uint64_t top, size, base;

	if (phys_bits < 36)
		return (struct layout_window){ 0, 0 };
	if (phys_bits > 52)
		phys_bits = 52;
	top = 1ull << phys_bits;
	size = 1ull << ((phys_bits < 39 ? phys_bits : 39) - 2);
	base = (1ull << (phys_bits < 39 ? phys_bits : 39)) - size;
	if (base < ram_end)
		base = (ram_end + size - 1) / size * size;
	/* AMD keeps HyperTransport's addresses just below 1 TiB. */
	if (base < 0x10000000000ull && base + size > 0xfd00000000ull)
		base = 0x10000000000ull;
	if (base > top || size > top - base)
		return (struct layout_window){ 0, 0 };
	return (struct layout_window){ base, size };
}

#endif
