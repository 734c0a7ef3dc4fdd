// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest RAM of the board: how much, from where, and where in the map. It is -m's, or of
 * the -object that -machine memory-backend= names; -mem-path and -mem-prealloc are short
 * for such an object. Objects that no option names are checked and else left alone, as
 * programs that start machines define more than they use.
 */
#include "vmm/machine/internal.h"

#include "common/cleanup.h"
#include "vmm/machine/layout.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>

/* How many times its own memory a host may promise to one guest. Sparse guests and KSM
 * make several times useful; a hundred times is a typing error. */
#define MAX_OVERCOMMIT 8

static int check_size(uint64_t ram, struct err *err)
{
	struct sysinfo info;
	uint64_t host;

	if (sysinfo(&info) < 0)
		return 0; /* nothing to compare with: the allocation itself decides */
	host = ((uint64_t)info.totalram + info.totalswap) * info.mem_unit;
	if (ram / MAX_OVERCOMMIT <= host)
		return 0;
	return err_set(
		err, ENOMEM,
		"-m %lluM is more than %d times this host's memory and swap (%lluM); choose a "
		"smaller size",
		(unsigned long long)ram >> 20, MAX_OVERCOMMIT,
		(unsigned long long)host >> 20);
}

/* -m, with -mem-path and -mem-prealloc. */
static int describe_plain(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;

	pc->plain_ram = (struct mem_backend){
		.kind = config->mem_path ? MEM_BACKEND_FILE : MEM_BACKEND_RAM,
		.size = config->ram,
		.prealloc = config->mem_prealloc,
		.merge = !config->no_mem_merge,
		.dump = config->dump_core,
	};
	if (config->mem_path && !(pc->plain_ram.path = strdup(config->mem_path)))
		return err_sys(err, ENOMEM, "-mem-path");
	pc->ram_backend = &pc->plain_ram;
	return 0;
}

/* -machine memory-backend=ID */
static int use_object(struct pc *pc, const char *id, struct err *err)
{
	const struct vm_config *config = pc->config;
	struct mem_backend *b = pc_find_memory(pc, id);

	if (!b)
		return err_usage(
			err,
			"-machine memory-backend=%s: there is no such object; "
			"define it with -object memory-backend-ram,id=%s,size=SIZE",
			id, id);
	if (config->mem_path)
		return err_usage(err, "-mem-path and -machine memory-backend= are two "
		                      "places for one memory; choose one");
	if (config->ram_given && b->size != config->ram)
		return err_usage(err,
		                 "-m %lluM is not the size of memory-backend=%s (%lluM)",
		                 (unsigned long long)config->ram >> 20, id,
		                 (unsigned long long)b->size >> 20);
	if (config->mem_prealloc)
		b->prealloc = true;
	if (config->no_mem_merge)
		b->merge = false;
	pc->ram_backend = b;
	return 0;
}

static int map_ram(struct pc *pc, struct err *err)
{
	const char *id = pc->config->memory_backend;
	int ret = id ? use_object(pc, id, err) : describe_plain(pc, err);

	if (ret >= 0)
		ret = check_size(pc->ram_backend->size, err);
	if (ret < 0)
		return ret;
	pc->ram = mem_backend_map(pc->ram_backend, err);
	if (pc->ram)
		return 0;
	if (id)
		err_prefix(err, "-object %s,id=%s",
		           mem_backend_kind_name(pc->ram_backend->kind), id);
	else if (pc->config->mem_path)
		err_prefix(err, "-mem-path %s", pc->config->mem_path);
	return -err->code;
}

/* Firmware finds its ROM there, a kernel without firmware what that would have left. */
static unsigned shadow_access(const struct pc *pc)
{
	return pc->vm.firmware ? 0 : MEM_SHADOW_READ | MEM_SHADOW_WRITE;
}

int pc_add_ram(struct pc *pc, struct err *err)
{
	struct mem *mem = pc->vm.mem;
	int ret = map_ram(pc, err);
	uint64_t ram;

	if (ret < 0)
		return ret;
	ram = pc->vm.ram_size = pc->ram_backend->size;
	pc->low_size = ram < LAYOUT_LOW_RAM_MAX ? ram : LAYOUT_LOW_RAM_MAX;
	pc->high_size = ram - pc->low_size;
	/* The VGA window is a hole, so that its memory goes unused. */
	ret = mem_add_ram(mem, "pc.ram.low", 0, LAYOUT_LOW_END, pc->ram, false, err);
	if (ret >= 0 && pc->low_size >= LAYOUT_1M)
		ret = mem_add_shadow(mem, "pc.ram.shadow", LAYOUT_HIGH_LEGACY,
		                     pc->ram + LAYOUT_HIGH_LEGACY, shadow_access(pc),
		                     err);
	if (ret >= 0 && pc->low_size > LAYOUT_1M)
		ret = mem_add_ram(mem, "pc.ram", LAYOUT_1M, pc->low_size - LAYOUT_1M,
		                  pc->ram + LAYOUT_1M, false, err);
	if (ret >= 0 && pc->high_size)
		ret = mem_add_ram(mem, "pc.ram.high", LAYOUT_4G, pc->high_size,
		                  pc->ram + pc->low_size, false, err);
	if (pc->ram_backend->share)
		mem_set_shared(mem, pc->ram, ram);
	return ret < 0 ? ret : pc_map_firmware(pc, err);
}

void pc_free_ram(struct pc *pc)
{
	if (pc->ram)
		mem_backend_unmap(pc->ram_backend, pc->ram);
	mem_backend_free(&pc->plain_ram);
}
