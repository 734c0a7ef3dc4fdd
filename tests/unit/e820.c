// SPDX-License-Identifier: GPL-2.0-or-later
/* The memory map: sorted, without overlap, complete; and the 64-bit PCI window. */
#include "vmm/machine/e820.h"
#include "tests/tap.h"
#include "vmm/machine/layout.h"

static void check_map(uint64_t low_top, uint64_t high, const char *what)
{
	struct e820_map map;
	uint64_t ram = 0, end = 0;
	bool sorted = true;

	e820_build(&map, low_top, high);
	for (unsigned i = 0; i < map.count; i++) {
		const struct e820_range *r = &map.ranges[i];

		sorted &= r->addr >= end && r->size;
		end = r->addr + r->size;
		if (r->type == E820_RAM)
			ram += r->size;
	}
	tap_ok(sorted, "%s: ranges are sorted and apart", what);
	/* What lies between the EBDA and 1 MiB is not usable. */
	tap_eq(ram, low_top + high - (LAYOUT_1M - LAYOUT_EBDA), "%s: all RAM is told",
	       what);
}

int main(void)
{
	struct e820_map map;
	struct layout_window w;

	check_map(LAYOUT_1M, 0, "1 MiB");
	check_map(512 << 20, 0, "512 MiB");
	check_map(LAYOUT_LOW_RAM_MAX, 5ull << 30, "8 GiB");

	e820_build(&map, 64 << 20, 1ull << 30);
	tap_ok(e820_is_ram(&map, 0, LAYOUT_EBDA), "conventional memory is RAM");
	tap_ok(!e820_is_ram(&map, 0, LAYOUT_EBDA + 1), "the EBDA is not");
	tap_ok(!e820_is_ram(&map, LAYOUT_ACPI, 1), "the tables are not");
	tap_ok(e820_is_ram(&map, LAYOUT_1M, 63 << 20), "all from 1 MiB is");
	tap_ok(!e820_is_ram(&map, LAYOUT_1M, (63 << 20) + 1), "but not one byte more");
	tap_ok(e820_is_ram(&map, LAYOUT_4G, 1 << 30), "RAM above 4 GiB is");
	tap_ok(!e820_is_ram(&map, UINT64_MAX, 2), "a range that wraps is not");
	tap_ok(!e820_is_ram(&map, LAYOUT_1M, UINT64_MAX), "an endless range is not");

	w = layout_pci64(39, 8ull << 30);
	tap_ok(w.base == 384ull << 30 && w.size == 128ull << 30, "39 bits: top quarter");
	w = layout_pci64(48, 8ull << 30);
	tap_ok(w.base == 384ull << 30, "48 bits: the same place");
	w = layout_pci64(48, 1000ull << 30);
	tap_ok(w.base == 1ull << 40, "much RAM: behind it and HyperTransport's hole");
	w = layout_pci64(36, 60ull << 30);
	tap_ok(!w.size, "no window where RAM fills the space");
	w = layout_pci64(36, 32ull << 30);
	tap_ok(w.base + w.size == 1ull << 36, "36 bits: up to the top");
	tap_ok(!layout_pci64(32, 0).size, "no window with 32 bits");
	return tap_done();
}
