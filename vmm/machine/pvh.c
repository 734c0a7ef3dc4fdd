// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The x86/HVM direct boot ABI, "PVH" (xen/docs/misc/pvh.pandoc; start_info.h version 1).
 *
 * The kernel starts in 32-bit protected mode without paging at the address in its note,
 * EBX pointing to the start info: modules, command line, RSDP and memory map. The
 * built-in demo guest is a flat image that is entered in the same way. Called from
 * boot_open() and boot_load().
 */
#include "vmm/machine/pvh.h"

#include "vmm/guest/demo.h"
#include "vmm/machine/loader-elf.h"

#include <errno.h>

enum { START_MAGIC = 0x336ec578, START_VERSION = 1 };

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

struct start_module {
	uint64_t paddr, size, cmdline, reserved;
};

struct start_memmap {
	uint64_t addr, size;
	uint32_t type, reserved;
};

static int pvh_probe(struct boot_source *src, const uint8_t *head, size_t len,
                     struct err *err)
{
	const struct loader_image *image = &src->image;
	int ret;

	if (!elf_recognize(head, len))
		return 0;
	ret = elf_parse(&src->kernel, &src->image, err);
	if (ret < 0)
		return ret;
	if (!image->has_pvh)
		return err_set(err, ENOTSUP,
		               "the kernel %s is an ELF file without a PVH entry note; "
		               "build Linux with CONFIG_PVH=y, or use its bzImage",
		               src->kernel.path);
	for (unsigned i = 0; i < image->count; i++)
		if (image->pvh_entry - image->segments[i].gpa <
		            image->segments[i].mem_len &&
		    image->pvh_entry <= UINT32_MAX)
			return 1;
	return err_set(
		err, EINVAL,
		"the kernel %s is damaged: its PVH entry point 0x%llx is in none of "
		"its segments below 4 GiB; build it again",
		src->kernel.path, (unsigned long long)image->pvh_entry);
}

static int add_modules(struct loader *ld, struct start_info *info, struct err *err)
{
	struct boot_source *src = ld->src;
	struct start_module *list;
	uint64_t base, len;
	uint32_t gpa;
	int ret;

	if (!src->module_count)
		return 0;
	ret = loader_place_modules(ld, ld->env->low_top, &base, &len, err);
	if (ret < 0)
		return ret;
	list = loader_area(ld, sizeof(*list) * src->module_count, 8, &gpa);
	if (!list)
		return loader_area_full(ld, err);
	info->modlist = gpa;
	info->nr_modules = src->module_count;
	for (unsigned i = 0; i < src->module_count; i++) {
		list[i].paddr = src->modules[i].gpa;
		list[i].size = src->modules[i].file.size;
		list[i].cmdline = loader_string(ld, src->modules[i].args);
		if (!list[i].cmdline)
			return loader_area_full(ld, err);
	}
	return 0;
}

static int add_memmap(struct loader *ld, struct start_info *info, struct err *err)
{
	uint32_t gpa;
	struct start_memmap *map =
		loader_area(ld, sizeof(*map) * ld->e820.count, 8, &gpa);

	if (!map)
		return loader_area_full(ld, err);
	info->memmap = gpa;
	info->memmap_entries = ld->e820.count;
	for (unsigned i = 0; i < ld->e820.count; i++) {
		map[i].addr = ld->e820.ranges[i].addr;
		map[i].size = ld->e820.ranges[i].size;
		map[i].type = ld->e820.ranges[i].type;
	}
	return 0;
}

/* Builds the start info for an image that is in RAM already. */
static int start(struct loader *ld, uint64_t rip, struct boot_entry *entry,
                 struct err *err)
{
	uint32_t gpa;
	struct start_info *info = loader_area(ld, sizeof(*info), 8, &gpa);
	int ret;

	if (!info)
		return loader_area_full(ld, err);
	info->magic = START_MAGIC;
	info->version = START_VERSION;
	info->rsdp = ld->env->rsdp;
	info->cmdline = loader_string(ld, ld->src->cmdline);
	if (!info->cmdline)
		return loader_area_full(ld, err);
	ret = add_modules(ld, info, err);
	if (!ret)
		ret = add_memmap(ld, info, err);
	if (ret < 0)
		return ret;
	entry->mode = BOOT_PROT32;
	entry->rip = rip;
	entry->rbx = gpa;
	return loader_finish(ld, entry, err);
}

static int pvh_load(struct loader *ld, struct boot_entry *entry, struct err *err)
{
	int ret = loader_load_image(ld, err);

	return ret < 0 ? ret : start(ld, ld->src->image.pvh_entry, entry, err);
}

static int pvh_demo_load(struct loader *ld, struct boot_entry *entry, struct err *err)
{
	size_t len = demo_guest_end - demo_guest;
	int ret = loader_claim(ld, DEMO_BASE, DEMO_ROOM, err);

	if (ret < 0)
		return ret;
	ret = dma_write(ld->mem, DEMO_BASE, demo_guest, len);
	if (ret < 0)
		return err_set(err, -ret, "no RAM for the built-in guest at 0x%x",
		               DEMO_BASE);
	return start(ld, DEMO_BASE, entry, err);
}

const struct boot_format pvh_format = {
	.name = "PVH ELF",
	.probe = pvh_probe,
	.load = pvh_load,
};

const struct boot_format pvh_demo_format = {
	.name = "built-in demo",
	.load = pvh_demo_load,
};
