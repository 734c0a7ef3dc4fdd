/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Direct boot: a kernel file (or the built-in demo guest) is put into guest RAM and the
 * boot vCPU starts at its entry point, without firmware.
 *
 * Formats, by content: Linux bzImage (Documentation/arch/x86/boot.rst, protocol 2.02 and
 * later), multiboot 1, ELF with a PVH note. The files are opened, checked and kept open
 * by boot_open(), so that boot_load() works again at every reset of the machine, after
 * the process has given up its rights to open files.
 */
#ifndef VMM_MACHINE_BOOT_H
#define VMM_MACHINE_BOOT_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct boot_source;
struct mem;

/* All strings are the caller's, and are copied. */
struct boot_opts {
	const char *kernel; /* path; NULL: the demo guest */
	const char
		*initrd; /* comma list of "FILE[ ARGUMENTS]", ",," is a comma; or NULL */
	const char *append; /* the kernel's command line, or NULL */
};

#define BOOT_MAX_MODULES 32

struct boot_env {
	uint64_t low_top;   /* end of the RAM below 4 GiB */
	uint64_t high_size; /* bytes of RAM from 4 GiB on */
	uint64_t rsdp;      /* GPA of the ACPI RSDP, 0: none */
	bool fresh;         /* nothing ever wrote to guest RAM: it need not be cleared */
	bool text_screen;   /* a VGA is in text mode 3, its cursor in the upper left */
};

enum boot_mode {
	BOOT_LONG64, /* CR0.PE|PG, CR4.PAE, EFER.LME|LMA, cr3 set; CS is a 64-bit segment
	              */
	BOOT_PROT32, /* CR0.PE, flat 4 GiB segments, no paging */
	BOOT_REAL16, /* reset state, CS:IP from rip (CS base = rip & ~0xffff) */
};

/* Selectors in the GDT for LONG64 and PROT32. All data segments take BOOT_DS. */
#define BOOT_CS 0x10
#define BOOT_DS 0x18
#define BOOT_TR 0x20 /* 32-bit busy TSS, base 0, limit 0x67 */

/* The boot vCPU's registers; those not named are 0, RFLAGS is 2, interrupts are off. */
struct boot_entry {
	enum boot_mode mode;
	uint64_t rip, rsp, rax, rbx, rsi, rdi, rbp;
	uint64_t gdt_base;
	uint16_t gdt_limit;
	uint64_t cr3; /* LONG64: identity map of the first 4 GiB */
};

/*
 * Opens and checks the files of opts; reads headers only. NULL and a sentence on failure.
 * The result is released with boot_free().
 */
struct boot_source *boot_open(const struct boot_opts *opts, struct err *err);
/*
 * Writes kernel, modules and boot information into RAM and fills *entry. Machine lock, or
 * before vCPUs run. On failure guest RAM may be partly written.
 */
int boot_load(struct boot_source *src, struct mem *mem, const struct boot_env *env,
              struct boot_entry *entry, struct err *err);
void boot_free(struct boot_source *src);
/* "Linux bzImage", "PVH ELF", "multiboot" or "built-in demo": static text. */
const char *boot_format(const struct boot_source *src);

#endif
