// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Multiboot specification 0.6.96.
 *
 * The header is found by its magic number in the first 8 KiB. The kernel starts in 32-bit
 * protected mode with EAX = 0x2badb002 and EBX pointing to the boot information: memory
 * sizes and map, command line (file name first), modules, loader name. Modules lie on
 * page boundaries behind the kernel, whether or not it asks for that. A wish for a video
 * mode is ignored: flag 12 of the boot information stays clear. Called from boot_open()
 * and boot_load().
 */
#include "vmm/machine/multiboot.h"

#include "common/bytes.h"
#include "common/log.h"
#include "vmm/machine/loader-elf.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	HEADER_MAGIC = 0x1badb002,
	BOOT_MAGIC = 0x2badb002,
	/* header flags */
	WANT_PAGE_ALIGN = 1 << 0,
	WANT_MEMINFO = 1 << 1,
	WANT_VIDEO = 1 << 2,
	MANDATORY = 0xffff, /* a loader that does not know one of these must refuse */
	HAS_ADDRESSES = 1 << 16,
	/* info flags */
	INFO_MEMORY = 1 << 0,
	INFO_BOOTDEV = 1 << 1,
	INFO_CMDLINE = 1 << 2,
	INFO_MODS = 1 << 3,
	INFO_MMAP = 1 << 6,
	INFO_LOADER = 1 << 9,
};

struct mb_header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

struct mb_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
	uint32_t mods_count, mods_addr, syms[4];
	uint32_t mmap_length, mmap_addr, drives_length, drives_addr;
	uint32_t config_table, boot_loader_name, apm_table;
};

struct mb_module {
	uint32_t start, end, string, reserved;
};

struct mb_mmap {
	uint32_t size; /* of what follows */
	uint64_t addr, len;
	uint32_t type;
} __attribute__((packed));

/* Offset of a valid header, or -1. */
static long find_header(const uint8_t *head, size_t len)
{
	for (size_t at = 0; at + 12 <= len; at += 4)
		if (ld32(head + at) == HEADER_MAGIC &&
		    !(ld32(head + at) + ld32(head + at + 4) + ld32(head + at + 8)))
			return at;
	return -1;
}

/* "a.out kludge": one segment, its place in memory told by the header. */
static int flat_image(struct boot_source *src, const struct mb_header *h, uint64_t at,
                      struct err *err)
{
	struct loader_image *image = &src->image;
	const struct loader_file *file = &src->kernel;
	uint64_t before = (uint64_t)h->header_addr - h->load_addr, offset = at - before;
	uint64_t file_len = file->size - offset, mem_len;

	if (h->header_addr < h->load_addr || before > at ||
	    (h->load_end_addr && h->load_end_addr <= h->load_addr) ||
	    (h->bss_end_addr && h->bss_end_addr < h->load_end_addr))
		return err_set(err, EINVAL,
		               "the kernel %s is damaged: the addresses in its multiboot "
		               "header contradict each other; build it again",
		               file->path);
	if (h->load_end_addr)
		file_len = h->load_end_addr - h->load_addr;
	mem_len = file_len;
	if (h->bss_end_addr > h->load_addr + file_len)
		mem_len = h->bss_end_addr - h->load_addr;
	*image = (struct loader_image){
		.machine = EM_386,
		.count = 1,
		.entry = h->entry_addr,
		.segments[0] = {
			.gpa = h->load_addr,
			.mem_len = mem_len,
			.offset = offset,
			.file_len = file_len,
		},
	};
	return loader_check_image(image, file, err);
}

static int multiboot_probe(struct boot_source *src, const uint8_t *head, size_t len,
                           struct err *err)
{
	struct mb_header h = { 0 };
	long at = find_header(head, len);
	uint32_t unknown;
	int ret;

	if (at < 0)
		return 0;
	memcpy(&h, head + at, len - at < sizeof(h) ? len - at : sizeof(h));
	src->multiboot_flags = h.flags;
	unknown = h.flags & MANDATORY & ~(WANT_PAGE_ALIGN | WANT_MEMINFO | WANT_VIDEO);
	if (unknown)
		return err_set(
			err, ENOTSUP,
			"the multiboot kernel %s demands features that this loader "
			"does not have (flags 0x%x)",
			src->kernel.path, unknown);
	if (h.flags & HAS_ADDRESSES) {
		if (len - at < sizeof(h))
			return err_set(err, EINVAL,
			               "the multiboot header of the kernel %s is "
			               "truncated; copy or build it again",
			               src->kernel.path);
		ret = flat_image(src, &h, at, err);
	} else if (elf_recognize(head, len)) {
		ret = elf_parse(&src->kernel, &src->image, err);
	} else {
		ret = err_set(
			err, EINVAL,
			"the multiboot kernel %s is neither ELF nor does its header "
			"give load addresses (flag 16)",
			src->kernel.path);
	}
	if (ret < 0)
		return ret;
	if (src->image.is64)
		return err_set(
			err, ENOTSUP,
			"the multiboot kernel %s is a 64-bit ELF file; convert it: "
			"objcopy -I elf64-x86-64 -O elf32-i386",
			src->kernel.path);
	return 1;
}

static int add_modules(struct loader *ld, struct mb_info *info, struct err *err)
{
	struct boot_source *src = ld->src;
	struct mb_module *list;
	uint64_t base, len;
	uint32_t gpa;
	int ret = loader_place_modules(ld, 0, &base, &len, err);

	if (ret < 0 || !src->module_count)
		return ret;
	list = loader_area(ld, sizeof(*list) * src->module_count, 4, &gpa);
	if (!list)
		return loader_area_full(ld, err);
	info->flags |= INFO_MODS;
	info->mods_addr = gpa;
	info->mods_count = src->module_count;
	for (unsigned i = 0; i < src->module_count; i++) {
		const struct boot_module *m = &src->modules[i];

		list[i].start = m->gpa;
		list[i].end = m->gpa + m->file.size;
		list[i].string = loader_string(ld, m->text);
		if (!list[i].string)
			return loader_area_full(ld, err);
	}
	return 0;
}

static int add_memory(struct loader *ld, struct mb_info *info, struct err *err)
{
	uint32_t gpa;
	struct mb_mmap *map = loader_area(ld, sizeof(*map) * ld->e820.count, 4, &gpa);

	if (!map)
		return loader_area_full(ld, err);
	info->flags |= INFO_MEMORY | INFO_MMAP;
	info->mem_lower = LAYOUT_EBDA >> 10;
	info->mem_upper = (ld->env->low_top - LAYOUT_1M) >> 10;
	info->mmap_addr = gpa;
	info->mmap_length = sizeof(*map) * ld->e820.count;
	for (unsigned i = 0; i < ld->e820.count; i++)
		map[i] = (struct mb_mmap){
			.size = sizeof(*map) - sizeof(map->size),
			.addr = ld->e820.ranges[i].addr,
			.len = ld->e820.ranges[i].size,
			.type = ld->e820.ranges[i].type,
		};
	return 0;
}

/* The file's name, as argv[0], and the arguments. */
static int add_cmdline(struct loader *ld, struct mb_info *info, struct err *err)
{
	const char *path = ld->src->kernel.path, *args = ld->src->cmdline;
	size_t len = strlen(path) + strlen(args) + 2;
	char *text = loader_area(ld, len, 1, &info->cmdline);

	if (!text)
		return loader_area_full(ld, err);
	snprintf(text, len, "%s%s%s", path, *args ? " " : "", args);
	info->boot_loader_name = loader_string(ld, "kvmkit");
	if (!info->boot_loader_name)
		return loader_area_full(ld, err);
	info->flags |= INFO_CMDLINE | INFO_LOADER;
	return 0;
}

static int multiboot_load(struct loader *ld, struct boot_entry *entry, struct err *err)
{
	struct mb_info *info;
	uint32_t gpa;
	int ret = loader_load_image(ld, err);

	if (ret < 0)
		return ret;
	if (ld->src->multiboot_flags & WANT_VIDEO)
		log_debug(LOG_C_BOOT, "the kernel's wish for a video mode is ignored");
	info = loader_area(ld, sizeof(*info), 4, &gpa);
	if (!info)
		return loader_area_full(ld, err);
	info->flags = INFO_BOOTDEV;
	info->boot_device = 0x8000ffff; /* the first disk, no partition */
	ret = add_cmdline(ld, info, err);
	if (!ret)
		ret = add_memory(ld, info, err);
	if (!ret)
		ret = add_modules(ld, info, err);
	if (ret < 0)
		return ret;
	entry->mode = BOOT_PROT32;
	entry->rip = ld->src->image.entry;
	entry->rax = BOOT_MAGIC;
	entry->rbx = gpa;
	return loader_finish(ld, entry, err);
}

const struct boot_format multiboot_format = {
	.name = "multiboot",
	.probe = multiboot_probe,
	.load = multiboot_load,
};
