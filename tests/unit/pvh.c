// SPDX-License-Identifier: GPL-2.0-or-later
/* ELF kernels with a PVH note, 32- and 64-bit, and the built-in guest. */
#include "common/bytes.h"
#include "tests/tap.h"
#include "tests/unit/boot-lib.h"
#include "vmm/guest/demo.h"

#include <elf.h>
#include <stdio.h>

enum {
	CODE = 0x200, /* in the file */
	NOTE = 0x180,
	SIZE = 0x300,
	BASE = 0x200000, /* of the code in memory */
	BSS = 0x3000,
};

static uint8_t image[SIZE];

static Elf64_Phdr *ph64(unsigned i)
{
	return (Elf64_Phdr *)(image + sizeof(Elf64_Ehdr)) + i;
}

static void make_note(uint32_t type, uint32_t desc_len)
{
	st32(image + NOTE, 4);
	st32(image + NOTE + 4, 5);
	st32(image + NOTE + 8, 99); /* another note first, with padding */
	memcpy(image + NOTE + 12, "ABC", 4);
	st32(image + NOTE + 24, 4);
	st32(image + NOTE + 28, desc_len);
	st32(image + NOTE + 32, type);
	memcpy(image + NOTE + 36, "Xen", 4);
	st64(image + NOTE + 40, BASE + 0x10);
}

static void make_image64(void)
{
	memset(image, 0, sizeof(image));
	*(Elf64_Ehdr *)image = (Elf64_Ehdr){
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	*ph64(0) = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_offset = CODE,
		.p_vaddr = 0xffffffff81000000,
		.p_paddr = BASE,
		.p_filesz = SIZE - CODE,
		.p_memsz = BSS,
	};
	*ph64(1) = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = NOTE, .p_filesz = 48 };
	make_note(18, 8);
	memset(image + CODE, 0x5a, SIZE - CODE);
}

static void make_image32(void)
{
	Elf32_Phdr *ph = (Elf32_Phdr *)(image + sizeof(Elf32_Ehdr));

	memset(image, 0, sizeof(image));
	*(Elf32_Ehdr *)image = (Elf32_Ehdr){
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_phoff = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 2,
	};
	ph[0] = (Elf32_Phdr){ .p_type = PT_LOAD,
		              .p_offset = CODE,
		              .p_paddr = BASE,
		              .p_filesz = SIZE - CODE,
		              .p_memsz = BSS };
	ph[1] = (Elf32_Phdr){ .p_type = PT_NOTE, .p_offset = NOTE, .p_filesz = 44 };
	make_note(18, 4);
	memset(image + CODE, 0x5a, SIZE - CODE);
}

static const char *kernel_file(void)
{
	return file_make("vmlinux", image, sizeof(image));
}

static void test_start_info(void)
{
	struct board board = board_new(16);
	struct boot_opts opts = { .kernel = kernel_file(), .append = "hello" };
	struct boot_entry entry;
	struct err err = { 0 };
	uint8_t *info, *mods, *map;
	char list[300];

	snprintf(list, sizeof(list), "%s first args,%s", file_make("m1", "one", 3),
	         file_make("m2", "two", 3));
	opts.initrd = list;
	board.env.rsdp = 0xe0000;
	memset(board_at(&board, BASE, BSS), 0xee, BSS);
	board.env.fresh = false;
	tap_eq(boot_try(&board, &opts, &entry, &err), 0, "a 64-bit PVH kernel loads");
	tap_eq(entry.mode, BOOT_PROT32, "it starts in protected mode");
	tap_eq(entry.rip, BASE + 0x10, "at the note's address");
	tap_eq(board_at(&board, BASE, 1)[0], 0x5a, "its segment is in place");
	tap_eq(board_at(&board, BASE + BSS - 1, 1)[0], 0, "and its bss is cleared");
	info = board_at(&board, entry.rbx, 56);
	tap_eq(ld32(info), 0x336ec578, "start info magic");
	tap_eq(ld32(info + 4), 1, "version 1");
	tap_eq(ld32(info + 12), 2, "two modules");
	tap_eq(ld64(info + 32), 0xe0000, "RSDP");
	tap_str((char *)board_at(&board, ld64(info + 24), 6), "hello", "command line");
	tap_eq(ld32(info + 48), 5, "memory map entries");
	map = board_at(&board, ld64(info + 40), 5 * 24);
	tap_eq(ld64(map + 3 * 24), LAYOUT_1M, "RAM from 1 MiB");
	tap_eq(ld64(map + 3 * 24 + 8), 15 << 20, "to the end");
	tap_eq(ld32(map + 3 * 24 + 16), 1, "is usable");
	mods = board_at(&board, ld64(info + 16), 64);
	tap_ok(!memcmp(board_at(&board, ld64(mods), 3), "one", 3), "first module");
	tap_eq(ld64(mods + 8), 3, "its size");
	tap_str((char *)board_at(&board, ld64(mods + 16), 11), "first args",
	        "its arguments");
	tap_ok(!memcmp(board_at(&board, ld64(mods + 32), 3), "two", 3), "second module");
	board_free(&board);
}

static void test_32(void)
{
	struct board board = board_new(16);
	struct boot_opts opts;
	struct boot_entry entry;
	struct err err = { 0 };

	make_image32();
	opts = (struct boot_opts){ .kernel = kernel_file() };
	tap_eq(boot_try(&board, &opts, &entry, &err), 0, "a 32-bit PVH kernel loads");
	tap_eq(entry.rip, BASE + 0x10, "at the note's address");
	boot_refuses_cuts(image, sizeof(image), "a cut ELF32");
	boot_survives_changes(&board, image, sizeof(image), CODE, 4000, "ELF32");
	make_image64();
	board_free(&board);
}

struct damage {
	const char *what, *part;
	void (*apply)(void);
	bool at_load;
};

static Elf64_Ehdr *eh64(void)
{
	return (Elf64_Ehdr *)image;
}

static void no_note(void)
{
	make_note(17, 8);
}

static void other_cpu(void)
{
	eh64()->e_machine = EM_AARCH64;
}

static void object_file(void)
{
	eh64()->e_type = ET_REL;
}

static void many_headers(void)
{
	eh64()->e_phnum = 65535;
}

static void far_headers(void)
{
	eh64()->e_phoff = UINT64_MAX - 8;
}

static void no_load(void)
{
	ph64(0)->p_type = PT_NULL;
}

static void file_larger(void)
{
	ph64(0)->p_memsz = 1;
}

static void wraps(void)
{
	ph64(0)->p_paddr = UINT64_MAX - 0x100;
}

static void offset_wraps(void)
{
	ph64(0)->p_offset = UINT64_MAX - 0x10;
}

static void overlap(void)
{
	*ph64(1) = *ph64(0);
	ph64(1)->p_paddr += BSS - 1;
}

static void outside_entry(void)
{
	st64(image + NOTE + 40, BASE + BSS);
}

static void huge_bss(void)
{
	ph64(0)->p_memsz = 1 << 30;
}

static void over_tables(void)
{
	ph64(0)->p_paddr = LAYOUT_ACPI;
	st64(image + NOTE + 40, LAYOUT_ACPI);
}

static void over_loader(void)
{
	ph64(0)->p_paddr = LAYOUT_BOOT_END - 1;
	st64(image + NOTE + 40, LAYOUT_BOOT_END);
}

static void over_pci(void)
{
	ph64(0)->p_paddr = 0xfee00000;
	st64(image + NOTE + 40, 0xfee00000);
}

static void test_damaged(void)
{
	static const struct damage damages[] = {
		{ "without PVH note", "CONFIG_PVH", no_note, false },
		{ "for another CPU", "not for x86", other_cpu, false },
		{ "object file", "link it first", object_file, false },
		{ "65535 program headers", "more than 64", many_headers, false },
		{ "program headers beyond the file", "truncated", far_headers, false },
		{ "no PT_LOAD", "nothing to load", no_load, false },
		{ "more in the file than in memory", "make no sense", file_larger,
		  false },
		{ "segment that wraps", "make no sense", wraps, false },
		{ "file offset that wraps", "truncated", offset_wraps, false },
		{ "overlapping segments", "overlap at", overlap, false },
		{ "entry outside of all segments", "in none of", outside_entry, false },
		{ "bss beyond RAM", "give it more with -m", huge_bss, true },
		{ "segment over the tables", "no free RAM", over_tables, true },
		{ "segment over boot information", "loader needs", over_loader, true },
		{ "segment over the local APIC", "no free RAM", over_pci, true },
	};
	struct board board = board_new(16);

	board.env.high_size = 1 << 30;
	for (unsigned i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct boot_opts opts;

		make_image64();
		damages[i].apply();
		opts = (struct boot_opts){ .kernel = kernel_file() };
		if (damages[i].at_load)
			load_refuses(&board, &opts, damages[i].part, damages[i].what);
		else
			boot_refuses(&opts, damages[i].part, damages[i].what);
	}
	make_image64();
	boot_refuses_cuts(image, sizeof(image), "a cut ELF64");
	boot_survives_changes(&board, image, sizeof(image), CODE, 4000, "ELF64");
	board_free(&board);
}

static void test_demo(void)
{
	struct board board = board_new(2), tiny = board_new(1);
	struct boot_opts opts = { 0 };
	struct boot_entry entry;
	struct err err = { 0 };

	tap_eq(boot_try(&board, &opts, &entry, &err), 0, "the built-in guest loads");
	tap_eq(entry.rip, DEMO_BASE, "at its address");
	tap_ok(!memcmp(board_at(&board, DEMO_BASE, 16), demo_guest, 16), "as built");
	tap_ok(demo_guest_end - demo_guest < 0x4000, "below its own buffers");
	load_refuses(&tiny, &opts, "-m", "a guest of 1 MiB");
	board_free(&board);
	board_free(&tiny);
}

int main(void)
{
	make_image64();
	test_start_info();
	test_32();
	test_damaged();
	test_demo();
	file_remove_all();
	return tap_done();
}
