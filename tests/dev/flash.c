// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The flash chip as firmware drives it: what tells it from RAM and ROM, its query
 * structure, every command and what goes wrong with them, and that the image has in the
 * end what the chip has.
 */
#include "vmm/legacy/flash.h"
#include "common/bytes.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"
#include "vmm/block/block.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BASE   0xffff0000u
#define SIZE   0x8000u
#define BLOCK  FLASH_BLOCK
#define STATUS 0x70
#define ARRAY  0xff

static struct board b;
static char path[160];

static void wr(uint32_t at, uint8_t value)
{
	uint64_t v = value;

	vm_lock(&b.vm);
	mem_access(b.vm.mem, MEM_MMIO, BASE + at, &v, 1, true);
	vm_unlock(&b.vm);
}

static uint8_t rd(uint32_t at)
{
	uint64_t v = 0;

	vm_lock(&b.vm);
	mem_access(b.vm.mem, MEM_MMIO, BASE + at, &v, 1, false);
	vm_unlock(&b.vm);
	return v;
}

static uint8_t status(void)
{
	wr(0, STATUS);
	return rd(0);
}

static void clear(void)
{
	wr(0, 0x50);
}

static void make_image(size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (size_t i = 0; i < size; i++) {
		uint8_t byte = i / 256 ^ i;

		if (write(fd, &byte, 1) != 1)
			tap_diag("no room for the image");
	}
	close(fd);
}

static uint8_t image_byte(uint32_t at)
{
	uint8_t byte = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (pread(fd, &byte, 1, at) != 1)
		tap_diag("the image ends before %u", at);
	close(fd);
	return byte;
}

static bool add_drive(const char *id, const char *options)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct opt_list opts = { 0 };
	struct err err = { 0 };
	bool ok;

	strbuf_addf(&text, "file=%s,id=%s,format=raw%s", path, id, options);
	ok = opt_list_parse(&opts, text.data, NULL, &err) >= 0 &&
	     block_open(b.vm.blocks, &opts, &err);
	if (!ok)
		tap_diag("%s", err.text);
	opt_list_free(&opts);
	return ok;
}

/* What OVMF does to learn what it has before it. */
static void test_detection(void)
{
	uint8_t before = rd(7);

	wr(7, 0x50);
	tap_eq(rd(7), before, "CLEAR STATUS changes nothing, as it would in RAM");
	wr(7, STATUS);
	tap_eq(rd(7), 0, "the status is 0: no ROM, no RAM");
	wr(7, ARRAY);
	tap_eq(rd(7), before, "READ ARRAY");
	tap_eq(rd(0x1234), (uint8_t)(0x12 ^ 0x34), "the content is the image's");
}

static void test_query(void)
{
	wr(0x55, 0x98);
	tap_ok(rd(0x10) == 'Q' && rd(0x11) == 'R' && rd(0x12) == 'Y', "QUERY: QRY");
	tap_eq(rd(0x13) | rd(0x14) << 8, 1, "the command set is Intel's");
	tap_eq(rd(0x15) | rd(0x16) << 8, 0x31, "whose table is at 0x31");
	tap_ok(rd(0x31) == 'P' && rd(0x32) == 'R' && rd(0x33) == 'I', "PRI");
	tap_eq(rd(0x27), 15, "32 KiB");
	tap_eq(rd(0x28), 0, "a bus of 8 bits");
	tap_eq(rd(0x2a), 8, "a buffer of 256 bytes");
	tap_eq(rd(0x2c), 1, "one region of blocks");
	tap_eq(rd(0x2d) | rd(0x2e) << 8, SIZE / BLOCK - 1, "8 blocks");
	tap_eq(rd(0x2f) | rd(0x30) << 8, BLOCK / 256, "of 4 KiB");
	tap_eq(rd(0x0f), 0, "nothing before");
	tap_eq(rd(0xff), 0, "nor behind");
	wr(0, 0x90);
	tap_eq(rd(0), 0x89, "READ ID: the manufacturer is Intel");
	tap_eq(rd(BLOCK + 2), 0, "no block is locked");
	wr(0, 0xf0);
	tap_eq(rd(0x101), 0, "the other command sets' reset reads the array");
}

static void test_program(void)
{
	wr(0x300, 0x40);
	wr(0x300, 0xf1);
	tap_eq(rd(0x300), 0x80, "after a byte the status is: ready");
	wr(0, ARRAY);
	tap_eq(rd(0x300), 0x01, "bits were cleared, none was set");
	wr(0x301, 0x10);
	wr(0x301, 0x00);
	wr(0, ARRAY);
	tap_eq(rd(0x301), 0, "the other command for a byte");
	tap_eq(rd(0x302), 0x01, "its neighbour is as it was");
	wr(BLOCK + 5, 0x20);
	wr(BLOCK + 5, 0xd0);
	tap_eq(rd(0), 0x80, "ERASE, confirmed: ready");
	wr(0, ARRAY);
	tap_ok(rd(BLOCK) == 0xff && rd(2 * BLOCK - 1) == 0xff, "the block is erased");
	tap_ok(rd(BLOCK - 1) == 0xf0 && rd(2 * BLOCK) == 0x20, "and only that");
}

static void test_buffer(void)
{
	clear();
	wr(BLOCK + 0x240, 0xe8);
	tap_eq(rd(0), 0x80, "the buffer is there");
	wr(BLOCK + 0x240, 2);
	for (unsigned i = 0; i < 3; i++)
		wr(BLOCK + 0x241 + i, 0x10 + i);
	wr(BLOCK + 0x240, 0xd0);
	tap_eq(rd(0), 0x80, "and written");
	wr(0, ARRAY);
	tap_ok(rd(BLOCK + 0x241) == 0x10 && rd(BLOCK + 0x243) == 0x12, "three bytes");
	tap_ok(rd(BLOCK + 0x240) == 0xff && rd(BLOCK + 0x244) == 0xff, "and no more");
	clear();
	wr(BLOCK, 0xe8);
	wr(BLOCK, 1);
	wr(BLOCK + 0xff, 1);
	wr(BLOCK + 0x100, 1);
	tap_eq(status(), 0xb0, "data beyond the buffer: not in sequence");
	wr(0, ARRAY);
	tap_ok(rd(BLOCK + 0xff) == 0xff && rd(BLOCK + 0x100) == 0xff,
	       "nothing is written");
	clear();
	wr(BLOCK, 0xe8);
	wr(BLOCK, 0);
	wr(BLOCK, 0x55);
	wr(BLOCK, 0x00);
	tap_eq(status(), 0xb0, "a buffer that is not confirmed");
	wr(0, ARRAY);
	tap_eq(rd(BLOCK), 0xff, "is not written");
}

static void test_sequences(void)
{
	clear();
	wr(0, 0x20);
	wr(0, 0x00);
	tap_eq(status(), 0xb0, "an ERASE that is not confirmed");
	clear();
	tap_eq(status(), 0, "CLEAR STATUS");
	wr(0, 0x20);
	wr(0, ARRAY);
	tap_eq(rd(0x0a), 0x0a, "READ ARRAY instead of the confirmation reads the array");
	clear();
	wr(0, 0x60);
	wr(0, 0x01);
	tap_eq(rd(0), 0x80, "blocks can be locked, as far as one looks");
	wr(0, 0x60);
	wr(0, 0x77);
	tap_eq(status(), 0xb0, "with the right words");
	wr(0, 0x33);
	tap_eq(rd(0x0b), 0x0b, "an unknown command reads the array");
}

static void test_image(struct device *flash)
{
	vm_lock(&b.vm);
	flash->cls->quiesce(flash);
	vm_unlock(&b.vm);
	tap_eq(image_byte(0x300), 0x01, "the image has the byte");
	tap_eq(image_byte(BLOCK + 0x242), 0x11, "the buffer");
	tap_eq(image_byte(BLOCK), 0xff, "the erased block");
	tap_eq(image_byte(SIZE - 1), 0x80, "and the rest");
}

/* An image that takes no more writes: the chip's owner hears of it, the guest does not.
 */
static void test_failure(void)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char own[sizeof(path)];
	struct device *flash;

	memcpy(own, path, sizeof(own));
	tap_ok(fd >= 0 && !ftruncate(fd, SIZE), "another image");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	tap_ok(add_drive("sealed", ""), "is opened");
	flash = board_add(&b, &flash_class, "drive=sealed,base=0xfff00000,unit=1");
	tap_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0, "and sealed");
	vm_lock(&b.vm);
	for (unsigned i = 0; i < 3; i++) {
		mem_access(b.vm.mem, MEM_MMIO, 0xfff00000, &(uint64_t){ 0x20 }, 1, true);
		mem_access(b.vm.mem, MEM_MMIO, 0xfff00000, &(uint64_t){ 0xd0 }, 1, true);
	}
	flash->cls->quiesce(flash);
	block_remove(block_find(b.vm.blocks, "sealed"));
	mem_access(b.vm.mem, MEM_MMIO, 0xfff00000, &(uint64_t){ 0x20 }, 1, true);
	mem_access(b.vm.mem, MEM_MMIO, 0xfff00000, &(uint64_t){ 0xd0 }, 1, true);
	flash->cls->quiesce(flash);
	vm_unlock(&b.vm);
	device_destroy(flash);
	tap_ok(true, "writes that fail end, also when the drive was deleted");
	close(fd);
	memcpy(path, own, sizeof(own));
}

static void test_state(struct device *flash)
{
	struct board first = b;
	struct device *copy;

	clear();
	wr(0, 0xe8);
	wr(0, 1);
	wr(9, 8);
	board_init(&b, false);
	b.vm.blocks = block_registry_new(b.vm.loop);
	tap_ok(add_drive("copy", ",readonly=on,file.locking=off"), "the image again");
	copy = board_add(&b, &flash_class, "drive=copy,base=0xffff0000");
	tap_ok(board_copy_state(flash, copy), "a chip in the middle of a buffer");
	wr(10, 7);
	wr(0, 0xd0);
	tap_eq(rd(0), 0x92, "the copy goes on, and is protected as its image is");
	clear();
	wr(0, 0x20);
	wr(0, 0xd0);
	tap_eq(rd(0), 0xa2, "ERASE of a read-only image");
	board_free(&b);
	b = first;
	devices_reset(&b.vm);
	tap_eq(rd(0x0c), 0x0c, "a reset reads the array");
	tap_eq(status(), 0, "and clears the status");
}

static void refused(size_t size, const char *part, const char *what)
{
	struct err err = { 0 };
	char opts[80];

	make_image(size);
	snprintf(opts, sizeof(opts), "drive=%s,base=0xff000000", what);
	tap_ok(add_drive(what, ",file.locking=off") &&
	               !device_create_simple(&b.vm, &flash_class, opts, &err),
	       "an image of %zu bytes", size);
	tap_has(err.text, part, "is refused with a sentence");
}

int main(void)
{
	struct device *flash;

	board_init(&b, false);
	b.vm.blocks = block_registry_new(b.vm.loop);
	snprintf(path, sizeof(path), "%s/image", b.dir);
	make_image(SIZE);
	tap_ok(add_drive("d", ",file.locking=off"), "an image");
	flash = board_add(&b, &flash_class, "drive=d,base=0xffff0000");
	test_detection();
	test_query();
	test_program();
	test_buffer();
	test_sequences();
	test_image(flash);
	test_failure();
	test_state(flash);
	device_destroy(flash);
	refused(5000, "has not the size of a flash image", "odd");
	refused(4000, "has not the size of a flash image", "cut");
	refused(6 * 512, "has not the size of a flash image", "small");
	unlink(path);
	board_free(&b);
	return tap_done();
}
