/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of mem/ share: RAM (ram.c) and regions (region.c). */
#ifndef VMM_MEM_INTERNAL_H
#define VMM_MEM_INTERNAL_H

#include "common/log.h"
#include "vmm/mem/mem.h"

/* One stretch of a space that one region answers. */
struct flat_range {
	uint64_t start, last; /* inclusive */
	struct region *region;
};

struct mem_map {
	struct region **regions; /* everything mapped */
	unsigned count;
	struct flat_range *flat; /* sorted, without overlaps */
	unsigned flat_count;
};

struct mem {
	struct kvm_vm *kvm;
	struct ram_block ram[MEM_MAX_RAM];
	unsigned ram_count;
	struct mem_map maps[MEM_SPACES];
	unsigned serial; /* of the latest mem_map() */
	struct ratelimit event_limit;
};

#endif
