/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map that a guest is told, in address order. */
#ifndef VMM_MACHINE_E820_H
#define VMM_MACHINE_E820_H

#include <stdbool.h>
#include <stdint.h>

enum e820_type { E820_RAM = 1, E820_RESERVED = 2 };

struct e820_range {
	uint64_t addr, size;
	uint32_t type;
};

#define E820_MAX 16

struct e820_map {
	struct e820_range ranges[E820_MAX];
	unsigned count;
};

/* low_top: end of the RAM below 4 GiB (at least 1 MiB, at most LAYOUT_LOW_RAM_MAX);
 * high_size: bytes of RAM from 4 GiB on. */
void e820_build(struct e820_map *map, uint64_t low_top, uint64_t high_size);
/* True when [addr, addr + len) lies in one RAM range. */
bool e820_is_ram(const struct e820_map *map, uint64_t addr, uint64_t len);

#endif
