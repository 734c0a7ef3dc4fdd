// SPDX-License-Identifier: GPL-2.0-or-later
/* Multiboot 1 kernels: ELF and flat ones, the boot information, what is refused. */
#include "common/bytes.h"
#include "tests/tap.h"
#include "tests/unit/boot-lib.h"

#include <elf.h>
#include <stdio.h>

enum {
	HEADER = 0x80,
	CODE = 0x100,
	SIZE = 0x180,
	BASE = 0x400000,
	MAGIC = 0x1badb002,
	HAS_ADDRESSES = 1 << 16,
};

static uint8_t image[SIZE];

static void set_header(uint32_t flags)
{
	st32(image + HEADER, MAGIC);
	st32(image + HEADER + 4, flags);
	st32(image + HEADER + 8, -(MAGIC + flags));
}

static void set_addresses(uint32_t header, uint32_t load, uint32_t load_end,
                          uint32_t bss_end, uint32_t entry)
{
	st32(image + HEADER + 12, header);
	st32(image + HEADER + 16, load);
	st32(image + HEADER + 20, load_end);
	st32(image + HEADER + 24, bss_end);
	st32(image + HEADER + 28, entry);
}

static void make_flat(void)
{
	for (unsigned i = 0; i < SIZE; i++)
		image[i] = i;
	set_header(3 | HAS_ADDRESSES);
	set_addresses(BASE + HEADER, BASE, BASE + SIZE, BASE + 0x2000, BASE + CODE);
}

static void make_elf(void)
{
	memset(image, 0, sizeof(image));
	*(Elf32_Ehdr *)image = (Elf32_Ehdr){
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_entry = 0xc0000004,
		.e_phoff = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 1,
	};
	*(Elf32_Phdr *)(image + sizeof(Elf32_Ehdr)) = (Elf32_Phdr){
		.p_type = PT_LOAD,
		.p_offset = CODE,
		.p_vaddr = 0xc0000000,
		.p_paddr = BASE,
		.p_filesz = SIZE - CODE,
		.p_memsz = SIZE - CODE,
	};
	set_header(0);
	memset(image + CODE, 0xc3, SIZE - CODE);
}

static const char *kernel_file(void)
{
	return file_make("mb", image, sizeof(image));
}

static void test_info(void)
{
	struct board board = board_new(16);
	struct boot_opts opts;
	struct boot_entry entry;
	struct err err = { 0 };
	char list[300], first[200], line[200];
	uint8_t *info, *mods, *map;

	make_flat();
	snprintf(first, sizeof(first), "%s arg1 arg2", file_make("m1", "one", 3));
	snprintf(list, sizeof(list), "%s,%s", first, file_make("m2", "two", 3));
	opts = (struct boot_opts){ .kernel = kernel_file(),
		                   .initrd = list,
		                   .append = "a b" };
	board.env.high_size = 1ull << 30;
	memset(board_at(&board, BASE, 0x2000), 0xee, 0x2000);
	board.env.fresh = false;
	tap_eq(boot_try(&board, &opts, &entry, &err), 0, "a flat kernel loads");
	tap_eq(entry.mode, BOOT_PROT32, "it starts in protected mode");
	tap_eq(entry.rax, 0x2badb002, "EAX is the magic number");
	tap_eq(entry.rip, BASE + CODE, "at the header's entry");
	tap_ok(!memcmp(board_at(&board, BASE, SIZE), image, SIZE), "it is in place");
	tap_eq(board_at(&board, BASE + 0x1fff, 1)[0], 0, "its bss is cleared");

	info = board_at(&board, entry.rbx, 88);
	tap_eq(ld32(info), 0x24f, "information given");
	tap_eq(ld32(info + 4), 639, "KiB of conventional memory");
	tap_eq(ld32(info + 8), 15 << 10, "KiB from 1 MiB on");
	snprintf(line, sizeof(line), "%s a b", opts.kernel);
	tap_str((char *)board_at(&board, ld32(info + 16), 1), line, "command line");
	tap_str((char *)board_at(&board, ld32(info + 64), 1), "kvmkit", "loader's name");
	tap_eq(ld32(info + 20), 2, "two modules");
	mods = board_at(&board, ld32(info + 24), 32);
	tap_eq(ld32(mods), BASE + 0x2000, "the first follows the kernel");
	tap_eq(ld32(mods + 4), BASE + 0x2003, "its end");
	tap_str((char *)board_at(&board, ld32(mods + 8), 1), first, "its line");
	tap_eq(ld32(mods + 16), BASE + 0x3000, "the second is on the next page");
	tap_ok(!memcmp(board_at(&board, ld32(mods + 16), 3), "two", 3), "its content");
	tap_eq(ld32(info + 44), 6 * 24, "memory map");
	map = board_at(&board, ld32(info + 48), 6 * 24);
	tap_eq(ld32(map), 20, "size of an entry");
	tap_eq(ld64(map + 5 * 24 + 4), LAYOUT_4G, "memory above 4 GiB");
	tap_eq(ld64(map + 5 * 24 + 12), 1 << 30, "its size");
	tap_eq(ld32(map + 5 * 24 + 20), 1, "its type");
	board_free(&board);
}

static void test_formats(void)
{
	struct board board = board_new(16);
	struct boot_opts opts;
	struct boot_entry entry;
	struct err err = { 0 };

	make_elf();
	opts = (struct boot_opts){ .kernel = kernel_file() };
	tap_eq(boot_try(&board, &opts, &entry, &err), 0, "an ELF kernel loads");
	tap_eq(entry.rip, BASE + 4, "its entry is made physical");
	boot_refuses_cuts(image, sizeof(image), "a cut ELF");
	boot_survives_changes(&board, image, sizeof(image), CODE, 4000, "ELF");

	make_flat();
	set_addresses(BASE + HEADER, BASE + HEADER, 0, 0, BASE + CODE);
	opts.kernel = kernel_file();
	tap_eq(boot_try(&board, &opts, &entry, &err), 0, "load_end 0: the whole file");
	tap_ok(!memcmp(board_at(&board, BASE + HEADER, SIZE - HEADER), image + HEADER,
	               SIZE - HEADER),
	       "from the header on");
	make_flat();
	boot_refuses_cuts(image, sizeof(image), "a cut flat kernel");
	boot_survives_changes(&board, image, sizeof(image), CODE, 4000, "flat kernel");
	board_free(&board);
}

static void refuse_addresses(uint32_t header, uint32_t load, uint32_t load_end,
                             uint32_t bss_end, const char *part, const char *what)
{
	struct boot_opts opts;

	make_flat();
	set_addresses(header, load, load_end, bss_end, BASE);
	opts = (struct boot_opts){ .kernel = kernel_file() };
	boot_refuses(&opts, part, what);
}

static void test_refused(void)
{
	struct board board = board_new(16);
	struct boot_opts opts;
	char list[4000] = "";

	refuse_addresses(BASE, BASE + 1, 0, 0, "contradict", "load behind the header");
	refuse_addresses(BASE + HEADER + 1, BASE, 0, 0, "contradict",
	                 "load before the file");
	refuse_addresses(BASE + HEADER, BASE, BASE, 0, "contradict", "nothing to load");
	refuse_addresses(BASE + HEADER, BASE, BASE + SIZE, BASE + 1, "contradict",
	                 "bss end in the image");
	refuse_addresses(BASE + HEADER, BASE, BASE + SIZE + 1, 0, "truncated",
	                 "more than the file has");
	make_flat();
	set_addresses(HEADER, 0, SIZE, 0x100000, CODE);
	opts = (struct boot_opts){ .kernel = kernel_file() };
	load_refuses(&board, &opts, "no free RAM", "bss over the VGA window");
	make_flat();
	set_header(3 | HAS_ADDRESSES | 1 << 5);
	opts.kernel = kernel_file();
	boot_refuses(&opts, "0x20", "a mandatory feature nobody knows");
	make_elf();
	set_header(4);
	opts.kernel = kernel_file();
	tap_eq(boot_try(&board, &opts, &(struct boot_entry){ 0 }, NULL), 0,
	       "a wish for a video mode is ignored");
	make_elf();
	image[EI_CLASS] = ELFCLASS64;
	opts.kernel = kernel_file();
	boot_refuses(&opts, "ELF", "a 64-bit header over a 32-bit file");
	make_flat();
	set_header(0);
	opts.kernel = kernel_file();
	boot_refuses(&opts, "neither ELF", "neither ELF nor addresses");

	make_flat();
	opts.kernel = kernel_file();
	for (unsigned i = 0; i < BOOT_MAX_MODULES + 1; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
		         i ? "," : "", file_make("m1", "one", 3));
	opts.initrd = list;
	boot_refuses(&opts, "more than 32", "33 modules");
	board_free(&board);
}

int main(void)
{
	test_info();
	test_formats();
	test_refused();
	file_remove_all();
	return tap_done();
}
