// SPDX-License-Identifier: GPL-2.0-or-later
/* bzImage: what is placed where, which entry is taken, and what is refused. */
#include "common/bytes.h"
#include "tests/tap.h"
#include "tests/unit/boot-lib.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	HDR = 0x1f1,
	SETUP = 2 * 512, /* setup_sects 1 */
	PAYLOAD = 8192,
	SIZE = SETUP + PAYLOAD,
	PREF = 0x1000000,
	INIT_SIZE = 0x300000,
};

static uint8_t image[SIZE];

static struct setup_header *header(void)
{
	return (struct setup_header *)(image + HDR);
}

/* A 64-bit kernel of protocol 2.15 whose payload is a pattern. */
static void make_image(void)
{
	struct setup_header *h = header();

	memset(image, 0, sizeof(image));
	for (unsigned i = 0; i < PAYLOAD; i++)
		image[SETUP + i] = i * 7 + (i >> 8);
	image[0x1ef] = 0xff; /* the sentinel, which must not be copied */
	h->setup_sects = 1;
	h->syssize = PAYLOAD / 16;
	h->boot_flag = 0xaa55;
	h->jump = 0x6aeb;
	h->header = 0x53726448;
	h->version = 0x20f;
	h->loadflags = LOADED_HIGH;
	h->code32_start = 0x100000;
	h->initrd_addr_max = 0x7fffffff;
	h->kernel_alignment = 0x200000;
	h->relocatable_kernel = 1;
	h->xloadflags = XLF_KERNEL_64;
	h->cmdline_size = 2047;
	h->pref_address = PREF;
	h->init_size = INIT_SIZE;
}

static const char *kernel_file(void)
{
	return file_make("bzImage", image, sizeof(image));
}

static const struct boot_params *params(struct board *board,
                                        const struct boot_entry *entry)
{
	return (const void *)board_at(board, entry->rsi, sizeof(struct boot_params));
}

static void test_entry64(void)
{
	struct board board = board_new(64);
	struct boot_opts opts = { .kernel = kernel_file(), .append = "console=ttyS0 a" };
	const struct boot_params *bp;
	struct boot_entry entry;
	struct err err = { 0 };
	uint8_t *gdt, *table;

	board.env.rsdp = 0xe0000;
	board.env.high_size = 1ull << 32;
	tap_eq(boot_try(&board, &opts, &entry, &err), 0, "a 64-bit kernel loads");
	tap_eq(entry.mode, BOOT_LONG64, "it starts in long mode");
	tap_eq(entry.rip, PREF + 0x200, "at the 64-bit entry");
	tap_ok(!memcmp(board_at(&board, PREF, PAYLOAD), image + SETUP, PAYLOAD),
	       "the payload is at its preferred address");
	bp = params(&board, &entry);
	tap_eq(bp->sentinel, 0, "the zero page holds the header only");
	tap_eq(bp->hdr.type_of_loader, 0xff, "type_of_loader");
	tap_eq(bp->hdr.code32_start, PREF, "code32_start");
	tap_eq(bp->acpi_rsdp_addr, 0xe0000, "acpi_rsdp_addr");
	tap_str((char *)board_at(&board, bp->hdr.cmd_line_ptr, 16), "console=ttyS0 a",
	        "command line");
	tap_eq(bp->e820_entries, 6, "memory map entries");
	tap_eq(bp->e820_table[5].addr, 1ull << 32, "memory above 4 GiB is told");
	tap_eq(bp->hdr.ramdisk_size, 0, "no initrd");
	tap_eq(bp->screen_info.orig_video_lines, 0, "no screen");
	board.env.text_screen = true;
	boot_try(&board, &opts, &entry, &err);
	bp = params(&board, &entry);
	tap_ok(bp->screen_info.orig_video_mode == 3 &&
	               bp->screen_info.orig_video_cols == 80 &&
	               bp->screen_info.orig_video_lines == 25 &&
	               bp->screen_info.orig_video_isVGA == 1,
	       "a VGA in text mode");

	gdt = board_at(&board, entry.gdt_base, entry.gdt_limit + 1);
	tap_eq(ld64(gdt + BOOT_CS), 0x00af9b000000ffff, "code segment");
	tap_eq(ld64(gdt + BOOT_DS), 0x00cf93000000ffff, "data segment");
	tap_eq(ld64(gdt + BOOT_TR), 0x00008b0000000067, "task state segment");
	table = board_at(&board, entry.cr3, 4096);
	table = board_at(&board, ld64(table) & ~0xfffull, 4096);
	tap_eq(ld64(table + 4 * 8), 0, "4 GiB are mapped, not more");
	table = board_at(&board, ld64(table + 3 * 8) & ~0xfffull, 4096);
	tap_eq(ld64(table + 511 * 8), 0xffe00083, "the last 2 MiB page is identity");
	board_free(&board);
}

static void test_old_entries(void)
{
	struct board board = board_new(64);
	struct boot_opts opts;
	struct boot_entry entry;
	struct err err = { 0 };

	header()->xloadflags = 0;
	opts = (struct boot_opts){ .kernel = kernel_file() };
	boot_try(&board, &opts, &entry, &err);
	tap_eq(entry.mode, BOOT_PROT32, "a 32-bit kernel starts in protected mode");
	tap_eq(entry.rip, PREF, "at its first byte");
	tap_eq(ld64(board_at(&board, entry.gdt_base + BOOT_CS, 8)), 0x00cf9b000000ffff,
	       "with a 32-bit code segment");

	make_image();
	header()->relocatable_kernel = 0;
	opts.kernel = kernel_file();
	boot_try(&board, &opts, &entry, &err);
	tap_eq(entry.rip, 0x100200, "a kernel that is not relocatable is put at 1 MiB");

	header()->version = 0x204;
	image[0x201] = 0x1e; /* the header ends before cmd_line_ptr's successors */
	opts.kernel = kernel_file();
	tap_eq(boot_try(&board, &opts, &entry, &err), 0, "protocol 2.04 loads");
	tap_eq(entry.rip, 0x100000, "at 1 MiB");
	tap_eq(params(&board, &entry)->hdr.init_size, 0, "absent fields are zero");
	make_image();
	header()->version = 0x201;
	opts.kernel = kernel_file();
	boot_refuses(&opts, "too old", "protocol 2.01");
	make_image();
	header()->loadflags = 0;
	opts.kernel = kernel_file();
	boot_refuses(&opts, "too old", "a zImage");
	make_image();
	board_free(&board);
}

static void test_initrd(void)
{
	struct board board = board_new(64);
	struct boot_opts opts = { .kernel = kernel_file() };
	const struct boot_params *bp;
	struct boot_entry entry;
	struct err err = { 0 };
	char list[400];
	uint8_t *at;

	memset(board_at(&board, 60 << 20, 4 << 20), 0xaa, 4 << 20);
	board.env.fresh = false;
	snprintf(list, sizeof(list), "%s,%s", file_make("rd1", "first", 5),
	         file_make("rd2,,x", "second", 6));
	opts.initrd = list;
	/* The doubled comma is one comma of the name. */
	file_make("rd2,x", "second", 6);
	tap_eq(boot_try(&board, &opts, &entry, &err), 0, "two initrds load");
	bp = params(&board, &entry);
	tap_eq(bp->hdr.ramdisk_image, (64 << 20) - 8192, "as high as RAM allows");
	tap_eq(bp->hdr.ramdisk_size, 4096 + 6, "one range for both");
	at = board_at(&board, bp->hdr.ramdisk_image, 8192);
	tap_ok(!memcmp(at, "first", 5) && !memcmp(at + 4096, "second", 6),
	       "in the order given");
	tap_ok(!at[5] && !at[4095] && !at[4096 + 6] && !at[8191], "the gaps are zero");

	header()->initrd_addr_max = 0x2345678;
	opts.kernel = kernel_file();
	boot_try(&board, &opts, &entry, &err);
	tap_eq(params(&board, &entry)->hdr.ramdisk_image, 0x2343000,
	       "initrd_addr_max is obeyed");
	make_image();
	opts.kernel = kernel_file();

	opts.initrd = file_make("big", "x", 1);
	file_resize(opts.initrd, 40 << 20);
	tap_eq(boot_try(&board, &opts, &entry, &err), 0, "a large initrd loads");
	file_resize(opts.initrd, 46 << 20);
	load_refuses(&board, &opts, "does not fit", "an initrd that reaches the kernel");
	file_resize(opts.initrd, 1ull << 40);
	load_refuses(&board, &opts, "-m", "an initrd larger than RAM");
	board_free(&board);
}

static void test_reload(void)
{
	struct board board = board_new(64);
	struct boot_opts opts = { .kernel = kernel_file(), .append = "x" };
	struct err err = { 0 };
	struct boot_source *src = boot_open(&opts, &err);
	struct boot_entry first, second;

	tap_str(boot_format(src), "Linux bzImage", "the format is named");
	boot_load(src, board.mem, &board.env, &first, &err);
	memset(board_at(&board, PREF, PAYLOAD), 0xee, PAYLOAD);
	memset(board_at(&board, LAYOUT_BOOT, 0xc000), 0xee, 0xc000);
	board.env.fresh = false;
	tap_eq(boot_load(src, board.mem, &board.env, &second, &err), 0, "loads again");
	tap_ok(!memcmp(&first, &second, sizeof(first)), "to the same entry state");
	tap_ok(!memcmp(board_at(&board, PREF, PAYLOAD), image + SETUP, PAYLOAD),
	       "with the same payload");
	tap_eq(params(&board, &second)->sentinel, 0, "and a clean zero page");
	file_resize(opts.kernel, SIZE - 1);
	tap_eq(boot_load(src, board.mem, &board.env, &second, &err), (uint64_t)-EINVAL,
	       "a file that was cut meanwhile is refused");
	tap_has(err.text, "truncated", "as truncated");
	boot_free(src);
	board_free(&board);
}

/* As memtest86+ is: the header counts in 16 bytes, the file ends before the last. */
static void test_short_end(void)
{
	struct board board = board_new(64);
	struct boot_opts opts = { .kernel =
		                          file_make("short", image, sizeof(image) - 8) };
	struct boot_entry entry;
	struct err err = { 0 };
	struct boot_source *src = boot_open(&opts, &err);

	tap_ok(src && boot_load(src, board.mem, &board.env, &entry, &err) == 0,
	       "a file that ends within the last 16 bytes that its header counts");
	tap_ok(!memcmp(board_at(&board, PREF, PAYLOAD - 8), image + SETUP, PAYLOAD - 8),
	       "is loaded as far as it goes");
	boot_free(src);
	board_free(&board);
}

static void test_refused(void)
{
	struct board board = board_new(64);
	struct boot_opts opts = { .kernel = "/nonexistent/kernel" };
	char *longline = malloc(100000);

	boot_refuses(&opts, "No such file", "missing kernel");
	opts.kernel = file_dir();
	boot_refuses(&opts, "is a directory", "directory as kernel");
	opts.kernel = file_make("empty", "", 0);
	boot_refuses(&opts, "is empty", "empty kernel");
	opts.kernel = file_make("text", "#!/bin/sh\n", 10);
	boot_refuses(&opts, "no x86 bzImage", "a script as kernel");
	opts = (struct boot_opts){ .initrd = "x" };
	boot_refuses(&opts, "-kernel", "initrd without kernel");
	opts = (struct boot_opts){ .append = "x" };
	boot_refuses(&opts, "-kernel", "append without kernel");
	opts = (struct boot_opts){ .kernel = kernel_file(), .initrd = "/nonexistent/rd" };
	boot_refuses(&opts, "No such file", "missing initrd");
	opts.initrd = file_dir();
	boot_refuses(&opts, "is a directory", "directory as initrd");
	opts.initrd = file_make("empty", "", 0);
	boot_refuses(&opts, "is empty", "empty initrd");
	opts.initrd = NULL;

	memset(longline, 'a', 99999);
	longline[99999] = 0;
	opts.append = longline;
	boot_refuses(&opts, "at most 2047", "a long command line");
	header()->cmdline_size = 0xffffffff;
	opts.kernel = kernel_file();
	load_refuses(&board, &opts, "shorten -append", "a command line beyond our room");
	opts.append = NULL;
	free(longline);
	board_free(&board);
}

static void test_hostile_header(void)
{
	static const uint64_t addresses[] = { UINT64_MAX, UINT64_MAX - 4096, 1ull << 63,
		                              1ull << 32, 0xe0000000,        0x3fff000 };
	struct board board = board_new(64), small = board_new(16);
	struct boot_opts opts;

	for (unsigned i = 0; i < 6; i++) {
		make_image();
		header()->pref_address = addresses[i];
		opts = (struct boot_opts){ .kernel = kernel_file() };
		load_refuses(&board, &opts, "-m", "a preferred address outside RAM");
	}
	make_image();
	header()->init_size = 0xffffffff;
	opts.kernel = kernel_file();
	load_refuses(&board, &opts, "give it more with -m", "init_size beyond RAM");
	make_image();
	header()->syssize = 0xffffffff;
	opts.kernel = kernel_file();
	boot_refuses(&opts, "truncated", "syssize beyond the file");
	make_image();
	opts.kernel = kernel_file();
	load_refuses(&small, &opts, "-m", "a guest too small for the kernel");
	boot_refuses_cuts(image, sizeof(image) - 15, "a cut bzImage");
	boot_survives_changes(&board, image, sizeof(image), 0x280, 4000, "bzImage");
	board_free(&board);
	board_free(&small);
}

int main(void)
{
	make_image();
	test_entry64();
	test_old_entries();
	test_initrd();
	test_reload();
	make_image();
	test_short_end();
	test_refused();
	test_hostile_header();
	file_remove_all();
	return tap_done();
}
