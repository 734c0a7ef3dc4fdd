// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Device regions and the dispatch of vCPU accesses.
 *
 * Guests may program BARs to overlap; the region of higher priority answers, then the one
 * mapped later. After each change the set of regions is flattened into a sorted array of
 * ranges without overlaps, so that a lookup is one binary search. All of this runs under
 * the machine lock.
 */
#include "vmm/mem/internal.h"

#include "common/bytes.h"
#include "common/log.h"
#include "vmm/kvm/kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the flat view ---- */

static bool wins(const struct region *a, const struct region *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->serial > b->serial;
}

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static struct region *winner_at(const struct mem_map *map, uint64_t addr)
{
	struct region *best = NULL;

	for (unsigned i = 0; i < map->count; i++) {
		struct region *r = map->regions[i];

		if (addr - r->base < r->size && (!best || wins(r, best)))
			best = r;
	}
	return best;
}

/* Between two neighbouring edges the winner does not change. */
static int flatten(struct mem_map *map)
{
	unsigned edges = 0, count = 0;
	uint64_t *edge = calloc(2 * map->count + 1, sizeof(*edge));
	struct flat_range *flat = calloc(2 * map->count + 1, sizeof(*flat));

	if (!edge || !flat) {
		free(edge);
		free(flat);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < map->count; i++) {
		edge[edges++] = map->regions[i]->base;
		edge[edges++] = map->regions[i]->base + map->regions[i]->size;
	}
	qsort(edge, edges, sizeof(*edge), cmp_u64);
	for (unsigned i = 0; i + 1 < edges; i++) {
		struct region *r = edge[i] < edge[i + 1] ? winner_at(map, edge[i]) : NULL;

		if (!r)
			continue;
		if (count && flat[count - 1].region == r &&
		    flat[count - 1].last + 1 == edge[i])
			flat[count - 1].last = edge[i + 1] - 1;
		else
			flat[count++] =
				(struct flat_range){ edge[i], edge[i + 1] - 1, r };
	}
	free(edge);
	free(map->flat);
	map->flat = flat;
	map->flat_count = count;
	return 0;
}

/* The range that holds addr, or NULL; *next is then where the following range starts. */
static const struct flat_range *lookup(const struct mem_map *map, uint64_t addr,
                                       uint64_t *next)
{
	unsigned lo = 0, hi = map->flat_count;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (map->flat[mid].last < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	*next = UINT64_MAX;
	if (lo == map->flat_count)
		return NULL;
	if (map->flat[lo].start <= addr)
		return &map->flat[lo];
	*next = map->flat[lo].start;
	return NULL;
}

/* ---- eventfds ---- */

/* Tells KVM about an event of a mapped region. KVM may refuse one because a guest has put
 * two BARs in one place, or because it has no room: slower, but right, for the write then
 * exits and is signalled by signal_event(). */
static void set_event(struct region *region, const struct region_event *e, bool add)
{
	struct mem *mem = region->mem;
	int ret;

	if (!mem || !mem->kvm)
		return;
	ret = kvm_ioeventfd(mem->kvm, e->fd, region->base + e->offset, e->size,
	                    e->match ? &e->value : NULL, region->space == MEM_PIO, add);
	if (ret < 0 && add)
		log_guest(&mem->event_limit, "%s: ioeventfd at 0x%llx: %s", region->name,
		          (unsigned long long)(region->base + e->offset), strerror(-ret));
}

static bool same_event(const struct region_event *a, const struct region_event *b)
{
	return a->offset == b->offset && a->size == b->size && a->match == b->match &&
	       a->value == b->value && a->fd == b->fd;
}

int region_add_event(struct region *region, const struct region_event *event)
{
	struct region_event *events =
		realloc(region->events, (region->event_count + 1) * sizeof(*events));

	if (!events)
		return -ENOMEM;
	region->events = events;
	events[region->event_count++] = *event;
	set_event(region, event, true);
	return 0;
}

void region_remove_event(struct region *region, const struct region_event *event)
{
	for (unsigned i = 0; i < region->event_count; i++) {
		if (!same_event(&region->events[i], event))
			continue;
		set_event(region, event, false);
		region->events[i] = region->events[--region->event_count];
		return;
	}
}

void region_free(struct region *region)
{
	free(region->events);
	region->events = NULL;
	region->event_count = 0;
}

/* Without KVM (or when KVM has not taken the write) the event is signalled here. */
static bool signal_event(struct region *region, uint64_t offset, uint64_t value,
                         unsigned size)
{
	for (unsigned i = 0; i < region->event_count; i++) {
		const struct region_event *e = &region->events[i];
		uint64_t one = 1;

		if (e->offset != offset || (e->size && e->size != size) ||
		    (e->match && e->value != value))
			continue;
		if (write(e->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
			log_error("%s: eventfd: errno %d", region->name, errno);
		return true;
	}
	return false;
}

/* ---- writes that KVM collects ---- */

/* A KVM that cannot leaves the guest for each of them. */
static void collect(struct region *region, bool on)
{
	struct kvm_vm *kvm = region->mem->kvm;
	int ret;

	if (!region->collects || !kvm)
		return;
	if (!on)
		mem_flush(region->mem);
	ret = kvm_collect_writes(kvm, region->base, region->size, on);
	if (ret < 0)
		log_debug(LOG_C_KVM, "%s: writes are not collected: %s", region->name,
		          strerror(-ret));
}

/* ---- memory of devices, where KVM does not serve it ---- */

static uint64_t ram_read(void *opaque, uint64_t offset, unsigned size)
{
	return ldn(((const struct region *)opaque)->ram->host + offset, size);
}

static void ram_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct ram_block *block = ((struct region *)opaque)->ram;

	if (block->readonly)
		return;
	stn(block->host + offset, size, value);
	mem_mark_dirty(block, offset, size);
}

static const struct region_ops ram_ops = { .read = ram_read, .write = ram_write };

static void place_ram(struct region *region)
{
	if (!region->ops) {
		region->ops = &ram_ops;
		region->opaque = region;
	}
	if (ram_place(region->mem, region->ram, region->base) < 0)
		log_debug(LOG_C_PCI, "%s at 0x%llx overlaps RAM: each access will exit",
		          region->name, (unsigned long long)region->base);
}

void mem_show_ram(struct region *region, bool on)
{
	if (region->mem && on != (region->ram->gpa != MEM_NOWHERE))
		ram_place(region->mem, region->ram, on ? region->base : MEM_NOWHERE);
}

/* ---- mapping ---- */

int mem_map(struct mem *mem, enum mem_space space, struct region *region, uint64_t base)
{
	struct mem_map *map = &mem->maps[space];
	uint64_t limit = space == MEM_PIO ? 0x10000 : UINT64_MAX;
	struct region **regions;
	int ret;

	if (region->mem)
		return -EBUSY;
	if (!region->size || base >= limit || region->size > limit - base)
		return -EINVAL;
	regions = realloc(map->regions, (map->count + 1) * sizeof(*regions));
	if (!regions)
		return -ENOMEM;
	map->regions = regions;
	region->mem = mem;
	region->space = space;
	region->base = base;
	region->serial = ++mem->serial;
	regions[map->count++] = region;
	ret = flatten(map);
	if (ret < 0) {
		map->count--;
		region->mem = NULL;
		return ret;
	}
	for (unsigned i = 0; i < region->event_count; i++)
		set_event(region, &region->events[i], true);
	collect(region, true);
	if (region->ram)
		place_ram(region);
	return 0;
}

void mem_unmap(struct region *region)
{
	struct mem_map *map;

	if (!region->mem)
		return;
	map = &region->mem->maps[region->space];
	if (region->ram)
		ram_place(region->mem, region->ram, MEM_NOWHERE);
	for (unsigned i = 0; i < region->event_count; i++)
		set_event(region, &region->events[i], false);
	collect(region, false);
	for (unsigned i = 0; i < map->count; i++) {
		if (map->regions[i] == region) {
			map->regions[i] = map->regions[--map->count];
			break;
		}
	}
	region->mem = NULL;
	if (flatten(map) < 0) {
		/* The old view would call into the region that goes away: drop all of it.
		 */
		log_error("out of memory while unmapping %s", region->name);
		map->flat_count = 0;
	}
}

/* ---- dispatch ---- */

static void read_region(struct region *r, uint64_t offset, uint8_t *data, unsigned len,
                        unsigned max)
{
	while (len) {
		unsigned size = len > max ? max : len;
		uint64_t value;

		while (!is_power_of_2(size))
			size--;
		value = r->ops->read ? r->ops->read(r->opaque, offset, size) : UINT64_MAX;
		stn(data, size, value);
		data += size;
		offset += size;
		len -= size;
	}
}

static void write_region(struct region *r, uint64_t offset, const uint8_t *data,
                         unsigned len, unsigned max)
{
	while (len) {
		unsigned size = len > max ? max : len;
		uint64_t value;

		while (!is_power_of_2(size))
			size--;
		value = ldn(data, size);
		if (!signal_event(r, offset, value, size) && r->ops->write)
			r->ops->write(r->opaque, offset, value, size);
		data += size;
		offset += size;
		len -= size;
	}
}

static void unassigned(enum mem_space space, uint64_t addr, void *data, unsigned len,
                       bool is_write)
{
	if (!is_write)
		memset(data, 0xff, len);
	log_debug(LOG_C_UNIMP, "%s of %u bytes at %s 0x%llx: nothing is there",
	          is_write ? "write" : "read", len, space == MEM_PIO ? "port" : "address",
	          (unsigned long long)addr);
}

/* An access belongs to the region that answers its first byte, as far as that region
 * reaches, even where a smaller one lies over its inside: a double word at 0xcf8 is the
 * PCI address register's, although 0xcf9 alone is the reset register. */
static void access_now(struct mem *mem, enum mem_space space, uint64_t addr, void *data,
                       unsigned len, bool is_write)
{
	while (len) {
		uint64_t next;
		const struct flat_range *range = lookup(&mem->maps[space], addr, &next);
		unsigned part = len;

		if (!range) {
			/* At the very end of the address space nothing follows. */
			if (next > addr && part > next - addr)
				part = next - addr;
			unassigned(space, addr, data, part, is_write);
		} else {
			struct region *r = range->region;
			uint64_t room = r->size - (addr - r->base);
			unsigned max = r->ops->max_size ? r->ops->max_size
			                                : (space == MEM_PIO ? 4 : 8);

			if (part > room)
				part = room;
			if (is_write)
				write_region(r, addr - r->base, data, part, max);
			else
				read_region(r, addr - r->base, data, part, max);
		}
		addr += part;
		data = (uint8_t *)data + part;
		len -= part;
	}
}

void mem_flush(struct mem *mem)
{
	struct kvm_write write;

	/* Others may go on writing: only what is there now. */
	for (unsigned n = 0; mem->kvm && n < KVM_COLLECT_MAX; n++) {
		if (!kvm_take_write(mem->kvm, &write))
			return;
		access_now(mem, MEM_MMIO, write.addr, write.data, write.len, true);
	}
}

void mem_access(struct mem *mem, enum mem_space space, uint64_t addr, void *data,
                unsigned len, bool is_write)
{
	mem_flush(mem);
	access_now(mem, space, addr, data, len, is_write);
}

void mem_access_repeat(struct mem *mem, enum mem_space space, uint64_t addr, void *data,
                       unsigned len, unsigned count, bool is_write)
{
	uint8_t *p = data;

	mem_flush(mem);
	while (count) {
		/* Anew each time: an access may have moved the region. */
		uint64_t next;
		const struct flat_range *range =
			count > 1 ? lookup(&mem->maps[space], addr, &next) : NULL;
		struct region *r = range ? range->region : NULL;
		unsigned done = 0;

		if (r && r->ops->repeat)
			done = r->ops->repeat(r->opaque, addr - r->base, p, len, count,
			                      is_write);
		if (!done) {
			access_now(mem, space, addr, p, len, is_write);
			done = 1;
		}
		p += (size_t)done * len;
		count -= done;
	}
}

/* Regions of devices first, then RAM, as the map of processors puts it. */
void mem_dump(struct mem *mem, struct strbuf *out)
{
	static const char *const heads[] = {
		"address-space: I/O\n"
		"  0000000000000000-000000000000ffff (prio 0, i/o): io\n",
		"\naddress-space: memory\n"
		"  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n"
	};

	for (unsigned s = 0; s < MEM_SPACES; s++) {
		strbuf_adds(out, heads[s]);
		for (unsigned i = 0; i < mem->maps[s].flat_count; i++) {
			const struct flat_range *r = &mem->maps[s].flat[i];

			strbuf_addf(out, "    %016llx-%016llx (prio %d, i/o): %s\n",
			            (unsigned long long)r->start,
			            (unsigned long long)r->last, r->region->priority,
			            r->region->name);
		}
	}
	for (unsigned i = 0; i < mem->ram_count; i++) {
		const struct ram_block *b = &mem->ram[i];

		if (shadow_has(mem->shadow, b))
			shadow_dump(mem->shadow, out);
		if (b->gpa == MEM_NOWHERE || shadow_has(mem->shadow, b))
			continue;
		strbuf_addf(out, "    %016llx-%016llx (prio 0, %s): %s\n",
		            (unsigned long long)b->gpa,
		            (unsigned long long)(b->gpa + b->size - 1),
		            b->readonly ? "rom" : "ram", b->name);
	}
}
