// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linux bzImage (Documentation/arch/x86/boot.rst).
 *
 * The set-up code of the image is skipped: the protected-mode part is loaded where the
 * kernel prefers to run, and entered through the 64-bit entry (protocol 2.12 with
 * XLF_KERNEL_64) or, for older and 32-bit kernels, the 32-bit one. The "zero page"
 * carries the header, the memory map, the RSDP's address, command line and initrd. The
 * kernel decompresses itself inside [load address, + init_size), so the initrd stays
 * outside of that range. Called from boot_open() and boot_load().
 */
#include "vmm/machine/linuxboot.h"

#include "common/bytes.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum {
	HDR = offsetof(struct boot_params, hdr), /* in the file, too */
	SECTOR = 512,
	BOOT_FLAG = 0xaa55,
	MAGIC = 0x53726448, /* "HdrS" */
	ENTRY64 = 0x200,    /* from the load address */
	LOADER_UNKNOWN = 0xff,
	EGA_256K = 3, /* INT 10h, AH=12h, BL=10h: colours, 256 KiB */
	/* protocol versions */
	V_CMDLINE = 0x202,     /* cmd_line_ptr */
	V_INITRD_MAX = 0x203,  /* initrd_addr_max */
	V_SYSSIZE = 0x204,     /* 32-bit syssize */
	V_RELOCATABLE = 0x205, /* relocatable_kernel, kernel_alignment */
	V_CMDLINE_SIZE = 0x206,
	V_INIT_SIZE = 0x20a, /* pref_address, init_size */
	V_ENTRY64 = 0x20c,   /* xloadflags */
	V_RSDP = 0x20e,      /* acpi_rsdp_addr */
};

/* Where the protected-mode part lies in the file. */
static uint64_t payload_offset(const struct setup_header *h)
{
	return ((h->setup_sects ? h->setup_sects : 4) + 1) * SECTOR;
}

/* Bytes of it; what follows (a signature) stays in the file. */
static uint64_t payload_len(const struct setup_header *h, const struct loader_file *file)
{
	uint64_t left = file->size - payload_offset(h), len = h->syssize * 16ull;

	/* Counted in 16 bytes, of which the last need not be there to the end. */
	return h->version < V_SYSSIZE || !len || len - left < 16 ? left : len;
}

static int check(const struct boot_source *src, struct err *err)
{
	const struct setup_header *h = &src->linux_header;
	const struct loader_file *file = &src->kernel;
	size_t max = h->version >= V_CMDLINE_SIZE ? h->cmdline_size : 255;

	if (h->version < V_CMDLINE || !(h->loadflags & LOADED_HIGH))
		return err_set(
			err, ENOTSUP,
			"the kernel %s is too old (boot protocol %u.%02u, at least "
			"2.02 and a bzImage are needed)",
			file->path, h->version >> 8, h->version & 0xff);
	if (payload_offset(h) >= file->size ||
	    payload_len(h, file) > file->size - payload_offset(h) ||
	    payload_len(h, file) <= ENTRY64)
		return err_set(
			err, EINVAL,
			"the kernel %s is truncated: its header promises %llu "
			"bytes, the file has %llu; copy it again",
			file->path,
			(unsigned long long)(payload_offset(h) + h->syssize * 16ull),
			(unsigned long long)file->size);
	if (strlen(src->cmdline) > max)
		return err_set(err, E2BIG,
		               "the command line has %zu characters, the kernel %s takes "
		               "at most %zu; shorten -append",
		               strlen(src->cmdline), file->path, max);
	return 0;
}

static int linuxboot_probe(struct boot_source *src, const uint8_t *head, size_t len,
                           struct err *err)
{
	struct setup_header *h = &src->linux_header;
	size_t end;
	int ret;

	if (len < HDR + offsetof(struct setup_header, realmode_swtch) ||
	    ld32(head + HDR + offsetof(struct setup_header, header)) != MAGIC ||
	    ld16(head + HDR + offsetof(struct setup_header, boot_flag)) != BOOT_FLAG)
		return 0;
	/* The jump over the header tells its length: newer fields are absent in old
	 * kernels, where code follows. */
	end = HDR + offsetof(struct setup_header, header) + head[0x201];
	if (end > HDR + sizeof(*h))
		end = HDR + sizeof(*h);
	memset(h, 0, sizeof(*h));
	memcpy(h, head + HDR, end - HDR);
	ret = check(src, err);
	return ret < 0 ? ret : 1;
}

/* Chooses the load address, and claims all that the kernel uses until it has read the
 * memory map. */
static int place_kernel(struct loader *ld, uint64_t len, uint64_t *load, struct err *err)
{
	const struct setup_header *h = &ld->src->linux_header;
	bool has_init_size = h->version >= V_INIT_SIZE;
	uint64_t run = len;
	int ret;

	*load = LAYOUT_1M;
	if (has_init_size && h->relocatable_kernel && h->pref_address >= LAYOUT_1M) {
		*load = h->pref_address;
		if (is_power_of_2(h->kernel_alignment))
			*load = align_up(*load, h->kernel_alignment);
	}
	if (has_init_size && h->init_size > run)
		run = h->init_size;
	ret = loader_claim(ld, *load, run, err);
	/* A kernel that cannot run where it was loaded moves itself to pref_address. */
	if (!ret && has_init_size && !h->relocatable_kernel)
		ret = loader_claim(ld, h->pref_address, run, err);
	return ret;
}

static int place_initrd(struct loader *ld, struct setup_header *h, struct err *err)
{
	uint64_t max = h->version >= V_INITRD_MAX ? h->initrd_addr_max : 0x37ffffff;
	uint64_t base, len;
	int ret = loader_place_modules(ld, max + 1, &base, &len, err);

	h->ramdisk_image = base;
	h->ramdisk_size = len;
	return ret;
}

static void fill_e820(const struct loader *ld, struct boot_params *bp)
{
	for (unsigned i = 0; i < ld->e820.count; i++) {
		const struct e820_range *r = &ld->e820.ranges[i];

		bp->e820_table[i] = (struct boot_e820_entry){
			.addr = r->addr,
			.size = r->size,
			.type = r->type,
		};
	}
	bp->e820_entries = ld->e820.count;
}

/* What the set-up code would have asked the VGA BIOS: Linux' vgacon, and who else looks
 * for a screen, goes by that. */
static void fill_screen(struct boot_params *bp)
{
	bp->screen_info.orig_video_mode = 3;
	bp->screen_info.orig_video_cols = 80;
	bp->screen_info.orig_video_lines = 25;
	bp->screen_info.orig_video_points = 16;
	bp->screen_info.orig_video_isVGA = 1;
	bp->screen_info.orig_video_ega_bx = EGA_256K;
}

static int linuxboot_load(struct loader *ld, struct boot_entry *entry, struct err *err)
{
	const struct setup_header *h = &ld->src->linux_header;
	const struct loader_file *file = &ld->src->kernel;
	uint64_t load, len = payload_len(h, file);
	struct boot_params *bp;
	uint32_t bp_gpa;
	int ret = place_kernel(ld, len, &load, err);

	if (!ret)
		ret = loader_read(ld, file, payload_offset(h), load, len, err);
	if (ret < 0)
		return ret;
	bp = loader_area(ld, sizeof(*bp), LAYOUT_PAGE, &bp_gpa);
	if (!bp)
		return loader_area_full(ld, err);
	bp->hdr = *h;
	bp->hdr.type_of_loader = LOADER_UNKNOWN;
	bp->hdr.code32_start = load;
	bp->hdr.cmd_line_ptr = loader_string(ld, ld->src->cmdline);
	if (!bp->hdr.cmd_line_ptr)
		return loader_area_full(ld, err);
	if (h->version >= V_RSDP)
		bp->acpi_rsdp_addr = ld->env->rsdp;
	fill_e820(ld, bp);
	if (ld->env->text_screen)
		fill_screen(bp);
	ret = place_initrd(ld, &bp->hdr, err);
	if (ret < 0)
		return ret;
	entry->rsi = bp_gpa;
	if (h->version >= V_ENTRY64 && (h->xloadflags & XLF_KERNEL_64)) {
		entry->mode = BOOT_LONG64;
		entry->rip = load + ENTRY64;
	} else {
		entry->mode = BOOT_PROT32;
		entry->rip = load;
	}
	return loader_finish(ld, entry, err);
}

const struct boot_format linuxboot_format = {
	.name = "Linux bzImage",
	.probe = linuxboot_probe,
	.load = linuxboot_load,
};
