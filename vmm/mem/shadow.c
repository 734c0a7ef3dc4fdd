// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shadow RAM: the RAM below 1 MiB that a chip set shows to processors, protects, or hides
 * behind the firmware's ROM, in parts of 16 KiB.
 *
 * KVM has one slot for each run of parts that look alike, made anew when one changes; DMA
 * always reaches the RAM. What no slot can do (writes below a ROM, reads of nothing) ends
 * in the region's ops, as does everything on boards without KVM. What vCPUs wrote is
 * collected before a slot goes. Machine lock.
 */
#include "vmm/mem/internal.h"

#include "vmm/kvm/kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE          (MEM_SHADOW_PARTS * MEM_SHADOW_PART)
#define PAGES_OF_PART (MEM_SHADOW_PART / 4096)
#define FIRST_SLOT    MEM_MAX_RAM

/* One word holds a dirty bit for each page. */
_Static_assert(MEM_SHADOW_PARTS *PAGES_OF_PART == 64, "the dirty bitmap is one word");

enum look { NOTHING, ROM, PROTECTED, WRITABLE };

struct run {
	uint8_t first, count, look; /* count 0: none */
};

struct shadow {
	struct mem *mem;
	struct ram_block *block;
	const uint8_t *rom; /* what lies behind the parts from rom_first on */
	unsigned rom_first;
	uint8_t access[MEM_SHADOW_PARTS];
	struct run runs[MEM_SHADOW_PARTS]; /* by first part: the slots that KVM has */
	struct region region;
};

static enum look look_of(const struct shadow *s, unsigned part)
{
	if (s->access[part] & MEM_SHADOW_READ)
		return s->access[part] & MEM_SHADOW_WRITE ? WRITABLE : PROTECTED;
	return part >= s->rom_first ? ROM : NOTHING;
}

static const uint8_t *rom_at(const struct shadow *s, uint64_t offset)
{
	return s->rom + (offset - s->rom_first * (uint64_t)MEM_SHADOW_PART);
}

/* ---- KVM's slots ---- */

static int set_slot(const struct shadow *s, const struct run *run, bool on)
{
	uint64_t offset = run->first * (uint64_t)MEM_SHADOW_PART;
	const uint8_t *host =
		run->look == ROM ? rom_at(s, offset) : s->block->host + offset;
	unsigned flags = (run->look == WRITABLE ? 0 : KVM_SLOT_READONLY) |
	                 (s->block->dirty && run->look == WRITABLE ? KVM_SLOT_LOG : 0);

	return kvm_set_memory(
		s->mem->kvm, FIRST_SLOT + run->first, s->block->gpa + offset,
		on ? run->count * (uint64_t)MEM_SHADOW_PART : 0, (void *)host, flags);
}

bool shadow_has(const struct shadow *s, const struct ram_block *block)
{
	return s && s->block == block;
}

int shadow_take_dirty(struct shadow *s, uint64_t *bitmap)
{
	int ret = 0;

	for (unsigned i = 0; i < MEM_SHADOW_PARTS && ret >= 0; i++) {
		uint64_t word = 0;

		if (!s->runs[i].count || s->runs[i].look != WRITABLE)
			continue;
		ret = kvm_take_dirty(s->mem->kvm, FIRST_SLOT + i, &word);
		*bitmap |= word << i * PAGES_OF_PART;
	}
	return ret;
}

int shadow_log_dirty(struct shadow *s)
{
	int ret = 0;

	for (unsigned i = 0; i < MEM_SHADOW_PARTS && ret >= 0; i++)
		if (s->runs[i].count && s->runs[i].look == WRITABLE)
			ret = set_slot(s, &s->runs[i], true);
	return ret;
}

static void find_runs(const struct shadow *s, struct run *runs)
{
	unsigned first = 0;

	for (unsigned i = 0; i < MEM_SHADOW_PARTS; i++) {
		enum look look = look_of(s, i);

		runs[i] = (struct run){ 0 };
		if (!i || look != look_of(s, i - 1))
			first = i;
		if (look != NOTHING)
			runs[first] = (struct run){ first, i - first + 1, look };
	}
}

static void apply(struct shadow *s)
{
	struct run runs[MEM_SHADOW_PARTS];
	bool same[MEM_SHADOW_PARTS];

	if (!s->mem->kvm)
		return;
	find_runs(s, runs);
	if (s->block->dirty)
		shadow_take_dirty(s, s->block->dirty);
	for (unsigned i = 0; i < MEM_SHADOW_PARTS; i++) {
		same[i] = !memcmp(&runs[i], &s->runs[i], sizeof(runs[i]));
		if (!same[i] && s->runs[i].count)
			set_slot(s, &s->runs[i], false);
	}
	for (unsigned i = 0; i < MEM_SHADOW_PARTS; i++) {
		if (same[i])
			continue;
		s->runs[i] = runs[i];
		if (!runs[i].count || set_slot(s, &runs[i], true) >= 0)
			continue;
		log_error("KVM refuses %u KiB of RAM at part %u of %s",
		          runs[i].count * MEM_SHADOW_PART >> 10, i, s->block->name);
		s->runs[i].count = 0;
	}
}

void shadow_dump(const struct shadow *s, struct strbuf *out)
{
	static const char *const kinds[] = { "i/o", "rom", "rom", "ram" };
	static const char *const notes[] = { "", " (ROM)", " (read-only)", "" };
	struct run runs[MEM_SHADOW_PARTS];

	find_runs(s, runs);
	for (unsigned i = 0; i < MEM_SHADOW_PARTS; i++) {
		uint64_t at = s->block->gpa + i * (uint64_t)MEM_SHADOW_PART;
		uint64_t len = runs[i].count * (uint64_t)MEM_SHADOW_PART;

		if (len)
			strbuf_addf(out, "    %016llx-%016llx (prio 1, %s): %s%s\n",
			            (unsigned long long)at,
			            (unsigned long long)(at + len - 1),
			            kinds[runs[i].look], s->block->name,
			            notes[runs[i].look]);
	}
}

/* ---- where KVM has no slot ---- */

static uint64_t shadow_read(void *opaque, uint64_t offset, unsigned size)
{
	const struct shadow *s = opaque;

	(void)size;
	switch (look_of(s, offset / MEM_SHADOW_PART)) {
	case NOTHING:
		return 0xff;
	case ROM:
		return *rom_at(s, offset);
	default:
		return s->block->host[offset];
	}
}

static void shadow_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct shadow *s = opaque;

	(void)size;
	if (!(s->access[offset / MEM_SHADOW_PART] & MEM_SHADOW_WRITE))
		return;
	s->block->host[offset] = value;
	mem_mark_dirty(s->block, offset, 1);
}

static const struct region_ops shadow_ops = {
	.read = shadow_read,
	.write = shadow_write,
	.max_size = 1,
};

/* ---- for the board ---- */

int mem_add_shadow(struct mem *mem, const char *name, uint64_t gpa, void *host,
                   unsigned access, struct err *err)
{
	struct shadow *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return err_sys(err, ENOMEM, "shadow RAM");
	s->block = ram_new(mem, name, gpa, SIZE, host, false, err);
	if (!s->block) {
		free(s);
		return -err->code;
	}
	/* Who may write to it changes from part to part. */
	s->block->device = true;
	ram_publish(mem);
	s->mem = mem;
	s->rom_first = MEM_SHADOW_PARTS;
	memset(s->access, access, sizeof(s->access));
	s->region = (struct region){
		.name = name,
		.size = SIZE,
		.ops = &shadow_ops,
		.opaque = s,
		.priority = -1,
	};
	mem->shadow = s;
	apply(s);
	ret = mem_map(mem, MEM_MMIO, &s->region, gpa);
	return ret < 0 ? err_sys(err, -ret, "cannot map the shadow RAM") : 0;
}

void mem_set_shadow_rom(struct mem *mem, const uint8_t *rom, uint64_t size)
{
	struct shadow *s = mem->shadow;

	s->rom = rom;
	s->rom_first = MEM_SHADOW_PARTS - size / MEM_SHADOW_PART;
	apply(s);
}

void mem_set_shadow(struct mem *mem, const uint8_t access[MEM_SHADOW_PARTS])
{
	struct shadow *s = mem->shadow;

	if (!s || !memcmp(s->access, access, sizeof(s->access)))
		return;
	memcpy(s->access, access, sizeof(s->access));
	apply(s);
}
