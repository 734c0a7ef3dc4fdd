/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the loaders of all kernel formats share: the opened files, the way from a file
 * into guest RAM, the area of LAYOUT_BOOT for boot information, and module placement.
 * Internal to the loaders; others use boot.h.
 */
#ifndef VMM_MACHINE_LOADER_H
#define VMM_MACHINE_LOADER_H

#include "vmm/machine/boot.h"
#include "vmm/machine/e820.h"
#include "vmm/machine/layout.h"
#include "vmm/mem/mem.h"

#include <asm/bootparam.h>
#include <stddef.h>
#include <sys/types.h>

#define LOADER_HEAD         8192 /* bytes of a kernel file in which its format shows */
#define LOADER_MAX_SEGMENTS 64

struct loader_file {
	const char *what; /* "kernel" or "initrd": for sentences */
	char *path;
	int fd;
	uint64_t size;
};

struct boot_module {
	struct loader_file file;
	char *text; /* the whole word: file name and arguments */
	char *args; /* in text: behind the file name, "" if there are none */
	uint64_t gpa;
};

struct loader_segment {
	uint64_t gpa, mem_len;
	uint64_t offset, file_len; /* file_len <= mem_len; the rest is zero */
};

/* A kernel that consists of segments: ELF, or multiboot's a.out addresses. */
struct loader_image {
	uint16_t machine; /* EM_* */
	bool is64;
	unsigned count;
	struct loader_segment segments[LOADER_MAX_SEGMENTS];
	uint64_t entry; /* physical; multiboot */
	bool has_pvh;
	uint64_t pvh_entry;
};

struct boot_format;

struct boot_source {
	const struct boot_format *format;
	struct loader_file kernel; /* path NULL: the demo guest */
	char *cmdline;             /* never NULL */
	struct boot_module modules[BOOT_MAX_MODULES];
	unsigned module_count;
	struct setup_header linux_header; /* bzImage */
	struct loader_image image;        /* ELF and multiboot */
	uint32_t multiboot_flags;
};

/* One boot_load(). */
struct loader {
	struct boot_source *src;
	struct mem *mem;
	const struct boot_env *env;
	struct e820_map e820;
	uint64_t image_end; /* behind the highest byte claimed so far */
	size_t area_used;
	uint8_t area[LAYOUT_BOOT_END - LAYOUT_BOOT]; /* written by loader_finish() */
};

struct boot_format {
	const char *name;
	/* head: the first `len` bytes of the kernel, zero-filled to LOADER_HEAD.
	 * 1: this format, src is filled; 0: another format; or -errno with a sentence. */
	int (*probe)(struct boot_source *src, const uint8_t *head, size_t len,
	             struct err *err);
	int (*load)(struct loader *ld, struct boot_entry *entry, struct err *err);
};

/* Reads [offset, offset + len) of the file, which must be inside it; a short file is an
 * error that says so. */
int loader_pread(const struct loader_file *file, void *buf, size_t len, uint64_t offset,
                 struct err *err);
/* The same straight into guest RAM; the range must have been claimed. */
int loader_read(struct loader *ld, const struct loader_file *file, uint64_t offset,
                uint64_t gpa, uint64_t len, struct err *err);
/* Checks that the kernel may occupy [gpa, gpa + len): RAM of the guest, outside the
 * loader's own area. */
int loader_claim(struct loader *ld, uint64_t gpa, uint64_t len, struct err *err);
/* Claims, reads and zero-fills all segments of the source's image. */
int loader_load_image(struct loader *ld, struct err *err);
/* Sanity of a parsed image: inside its file, no overlap, no wrap-around. */
int loader_check_image(const struct loader_image *image, const struct loader_file *file,
                       struct err *err);

/*
 * Puts the modules page by page behind each other: as high as possible below `limit`, or,
 * with limit 0, right behind the kernel. *base is the first one's address and *len runs
 * to the end of the last one; the gaps are cleared.
 */
int loader_place_modules(struct loader *ld, uint64_t limit, uint64_t *base, uint64_t *len,
                         struct err *err);

/* Zeroed room in the boot area, or NULL when it is full; *gpa is its address. */
void *loader_area(struct loader *ld, size_t len, size_t align, uint32_t *gpa);
/* A copy of a string in the boot area: its GPA, or 0 when the area is full. */
uint32_t loader_string(struct loader *ld, const char *text);
/* Adds GDT and page tables for the entry's mode, writes the area to RAM. */
int loader_finish(struct loader *ld, struct boot_entry *entry, struct err *err);
/* The sentence for a full boot area. Returns -E2BIG. */
int loader_area_full(const struct loader *ld, struct err *err);

#endif
