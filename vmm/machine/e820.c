// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The memory map in the form of BIOS interrupt 15h, AX=E820h (ACPI 6.4, chapter 15).
 *
 * The EBDA and the pages with the ACPI and SMBIOS tables are RAM that the guest must not
 * use. What is neither RAM nor listed here is free for PCI. The ranges are sorted and do
 * not overlap.
 */
#include "vmm/machine/e820.h"

#include "vmm/machine/layout.h"

static void add(struct e820_map *map, uint64_t from, uint64_t to, enum e820_type type)
{
	if (to > from)
		map->ranges[map->count++] = (struct e820_range){ from, to - from, type };
}

void e820_build(struct e820_map *map, uint64_t low_top, uint64_t high_size)
{
	map->count = 0;
	add(map, 0, LAYOUT_EBDA, E820_RAM);
	add(map, LAYOUT_EBDA, LAYOUT_LOW_END, E820_RESERVED);
	add(map, LAYOUT_ACPI, LAYOUT_1M, E820_RESERVED);
	add(map, LAYOUT_1M, low_top, E820_RAM);
	add(map, LAYOUT_KVM_IDENTITY, LAYOUT_KVM_END, E820_RESERVED);
	add(map, LAYOUT_4G, LAYOUT_4G + high_size, E820_RAM);
}

bool e820_is_ram(const struct e820_map *map, uint64_t addr, uint64_t len)
{
	for (unsigned i = 0; i < map->count; i++) {
		const struct e820_range *r = &map->ranges[i];

		if (r->type == E820_RAM && addr >= r->addr && addr - r->addr <= r->size &&
		    len <= r->size - (addr - r->addr))
			return true;
	}
	return false;
}
