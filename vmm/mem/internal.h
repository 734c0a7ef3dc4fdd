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

/* Where a device's memory is; MEM_NOWHERE takes it away. It stays nowhere when there is
 * other RAM, or KVM refuses: -errno, and the region's ops do. */
int ram_place(struct mem *mem, struct ram_block *block, uint64_t gpa);
/* Checks and fills the next block; it counts from ram_publish() on. NULL with a sentence.
 */
struct ram_block *ram_new(struct mem *mem, const char *name, uint64_t gpa, uint64_t size,
                          void *host, bool readonly, struct err *err);
void ram_publish(struct mem *mem);

/* shadow.c: the slots of its block. */
struct shadow;
int shadow_log_dirty(struct shadow *s);
/* The lines of `info mtree`. */
void shadow_dump(const struct shadow *s, struct strbuf *out);
int shadow_take_dirty(struct shadow *s, uint64_t *bitmap);
bool shadow_has(const struct shadow *s, const struct ram_block *block);

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
	struct shadow *shadow; /* or NULL */
	struct mem_map maps[MEM_SPACES];
	unsigned serial; /* of the latest mem_map() */
	unsigned pins;
	struct ratelimit event_limit;
	struct mem_watcher *watchers;
};

#endif
