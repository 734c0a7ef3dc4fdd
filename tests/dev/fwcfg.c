// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fw_cfg as QEMU's docs/specs/fw_cfg.rst describes it: selector and data port, directory,
 * DMA with all its control bits, and descriptors that a hostile guest would write.
 */
#include "vmm/legacy/fwcfg.h"

#include "common/bytes.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SELECT = 0x510,
	DATA = 0x511,
	DMA_HIGH = 0x514,
	DMA_LOW = 0x518,

	ERROR = 1,
	READ = 2,
	SKIP = 4,
	CHOOSE = 8,
	WRITE = 16,

	RAM_SIZE = 64 << 10,
	DESC = 0x1000,
	BUFFER = 0x2000,
};

static uint8_t ram[RAM_SIZE] __attribute__((aligned(4096)));

static void *text(const char *s)
{
	return strdup(s);
}

static const char *read_port(struct board *b, uint16_t key, unsigned len)
{
	static char out[256];

	board_out(b, SELECT, key, 2);
	for (unsigned i = 0; i < len; i++)
		out[i] = inb(b, DATA);
	out[len] = '\0';
	return out;
}

static void put_descriptor(uint32_t control, uint32_t len, uint64_t address)
{
	st32(ram + DESC, __builtin_bswap32(control));
	st32(ram + DESC + 4, __builtin_bswap32(len));
	st64(ram + DESC + 8, __builtin_bswap64(address));
}

/* The answer in the descriptor. */
static uint32_t dma(struct board *b, uint32_t control, uint32_t len, uint64_t address)
{
	put_descriptor(control, len, address);
	board_out(b, DMA_HIGH, 0, 4);
	board_out(b, DMA_LOW, __builtin_bswap32(DESC), 4);
	return __builtin_bswap32(ld32(ram + DESC));
}

static void test_ports(struct board *b)
{
	tap_str(read_port(b, FWCFG_SIGNATURE, 4), "QEMU", "the signature");
	tap_eq(inb(b, DATA), 0, "behind the end there is 0");
	tap_eq(read_port(b, FWCFG_ID, 4)[0], 3, "ports and DMA are there");
	tap_eq(board_in(b, DMA_HIGH, 4), 0x554d4551, "the DMA port starts with QEMU");
	tap_eq(board_in(b, DMA_LOW, 4), 0x47464320, "and ends with CFG");
	tap_eq(read_port(b, 0x8003, 1)[0], 0, "a key of the architecture is empty");
	tap_eq(read_port(b, 0x3fff, 1)[0], 0, "and so is one that never was");
	board_out(b, SELECT, FWCFG_SIGNATURE, 2);
	outb(b, DATA, 'X');
	tap_eq(inb(b, DATA), 'Q', "a write to the data port is dropped");
	board_out(b, SELECT, FWCFG_SIGNATURE, 2);
	tap_eq(board_in(b, SELECT, 2), 0, "the data port is one byte wide");
}

static void test_files(struct board *b, struct device *dev)
{
	const uint8_t *entry;
	struct err err = { 0 };
	const char *dir;

	tap_eq(fwcfg_set_file(dev, "etc/one", text("first"), 5, &err), 0, "a file");
	tap_eq(fwcfg_set_file(dev, "opt/two", text("second"), 6, &err), 0, "another");
	tap_ok(fwcfg_has_file(dev, "opt/two") && !fwcfg_has_file(dev, "opt"),
	       "they are found by their whole name");
	dir = read_port(b, FWCFG_FILE_DIR, 4 + 2 * 64);
	tap_eq(__builtin_bswap32(ld32(dir)), 2, "the directory counts them");
	entry = (const uint8_t *)dir + 4 + 64;
	tap_eq(__builtin_bswap32(ld32(entry)), 6, "a size");
	tap_eq(__builtin_bswap16(ld16(entry + 4)), 0x21, "a key");
	tap_str((const char *)entry + 8, "opt/two", "and a name");
	tap_str(read_port(b, 0x21, 6), "second", "the key leads to the content");
	tap_eq(fwcfg_set_file(dev, "etc/one", text("1st"), 3, &err), 0, "a replacement");
	tap_str(read_port(b, 0x20, 3), "1st", "has the same key");
	tap_eq(__builtin_bswap32(ld32(read_port(b, FWCFG_FILE_DIR, 8) + 4)), 3,
	       "and its own size");
	tap_ok(fwcfg_set_file(dev, "", text("x"), 1, &err) == -EINVAL,
	       "a file without a name is refused");
	for (unsigned i = 0; i < FWCFG_FILES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "opt/many%u", i);
		err_clear(&err);
		fwcfg_set_file(dev, name, text("x"), 1, &err);
	}
	tap_has(err.text, "at most", "there is a limit to their number");
}

static void selected(void *opaque)
{
	struct err err = { 0 };

	fwcfg_set_file(opaque, "opt/two", text("looked"), 6, &err);
}

static void test_select(struct board *b, struct device *dev)
{
	fwcfg_on_select(dev, "opt/two", selected, dev);
	tap_str(read_port(b, 0x20, 3), "1st", "another file is as it was");
	tap_str(read_port(b, 0x21, 6), "looked",
	        "a file that is made when it is selected");
	fwcfg_on_select(dev, "none", selected, dev);
	fwcfg_set_file(dev, "opt/two", text("second"), 6, NULL);
	tap_str(read_port(b, 0x21, 6), "second", "and no more");
}

static void test_dma(struct board *b)
{
	memset(ram, 0xee, sizeof(ram));
	tap_eq(dma(b, READ | CHOOSE | 0x21 << 16, 6, BUFFER), 0, "select and read");
	tap_ok(!memcmp(ram + BUFFER, "second\xee", 7), "gives the file and no more");
	tap_eq(dma(b, CHOOSE | 0x21 << 16, 0, 0), 0, "select alone");
	tap_eq(dma(b, SKIP, 2, 0), 0, "skip");
	tap_eq(dma(b, READ, 8, BUFFER), 0, "read across the end");
	tap_ok(!memcmp(ram + BUFFER, "cond\0\0\0\0\xee", 9), "is filled with 0");
	tap_eq(inb(b, DATA), 0, "the data port goes on where DMA ended");
	tap_eq(dma(b, READ | SKIP | CHOOSE | 0x21 << 16, 2, BUFFER), 0, "read wins");
	tap_ok(!memcmp(ram + BUFFER, "se", 2), "over skip");
	tap_eq(dma(b, WRITE | CHOOSE | 0x21 << 16, 6, BUFFER), ERROR, "writes fail");
	tap_str(read_port(b, 0x21, 6), "second", "and change nothing");
	tap_eq(dma(b, READ | CHOOSE | 0x3f00u << 16, 4, BUFFER), 0, "an unknown key");
	tap_ok(!memcmp(ram + BUFFER, "\0\0\0\0", 4), "reads 0");
}

static void test_hostile(struct board *b)
{
	tap_eq(dma(b, READ | CHOOSE | 0x21 << 16, 6, RAM_SIZE - 2), ERROR,
	       "a buffer that leaves RAM");
	tap_eq(dma(b, READ | CHOOSE | 0x21 << 16, 6, UINT64_MAX - 2), ERROR,
	       "or wraps around");
	tap_eq(dma(b, READ | CHOOSE | 0x21 << 16, UINT32_MAX, BUFFER), ERROR,
	       "a length beyond RAM");
	tap_eq(dma(b, SKIP | CHOOSE | 0x21 << 16, UINT32_MAX, 0), 0, "a long skip");
	tap_eq(dma(b, SKIP, UINT32_MAX, 0), 0, "and another");
	tap_eq(inb(b, DATA), 0, "stop at the end");
	put_descriptor(READ, 4, BUFFER);
	board_out(b, DMA_HIGH, 0x01000000, 4);
	board_out(b, DMA_LOW, __builtin_bswap32(DESC), 4);
	tap_eq(__builtin_bswap32(ld32(ram + DESC)), READ,
	       "a descriptor above 4 GiB is not the one below");
	board_out(b, DMA_LOW, __builtin_bswap32(DESC), 4);
	tap_eq(ld32(ram + DESC), 0, "the high half was used up");
	board_out(b, DMA_LOW, __builtin_bswap32(RAM_SIZE - 8), 4);
	tap_eq(__builtin_bswap32(ld32(ram + RAM_SIZE - 8)), ERROR,
	       "a descriptor half outside gets the answer alone");
	board_out(b, DMA_LOW, __builtin_bswap32(RAM_SIZE - 2), 4);
	tap_eq(ram[RAM_SIZE - 2], 0xee, "and one without room for it nothing");
	board_out(b, DMA_LOW, DESC, 2);
	tap_eq(inb(b, DATA), 0, "a 16-bit write to the DMA port does nothing");
	/* On top of itself: the answer comes last. */
	tap_eq(dma(b, READ | CHOOSE | 0x21 << 16, 6, DESC), 0,
	       "a read over its own descriptor");
}

/* ---- what does not fit into one slice ---- */

enum { SLICE = 1 << 20, LARGE_AT = 2 << 20, FILE_LEN = SLICE + 5, LARGE = 3 * SLICE + 7 };

static uint8_t large[8 << 20] __attribute__((aligned(4096)));

/* Starts to read a file and the zeros behind it. */
static void start(struct board *b, uint32_t descriptor)
{
	memset(large + LARGE_AT, 0xee, LARGE + 1);
	st32(large + descriptor, __builtin_bswap32(READ | CHOOSE | 0x20 << 16));
	st32(large + descriptor + 4, __builtin_bswap32(LARGE));
	st64(large + descriptor + 8, __builtin_bswap64(LARGE_AT));
	board_out(b, DMA_LOW, __builtin_bswap32(descriptor), 4);
}

static bool is_pending(uint32_t descriptor)
{
	return ld32(large + descriptor) == __builtin_bswap32(READ | CHOOSE | 0x20 << 16);
}

static unsigned moved(void)
{
	unsigned n = LARGE;

	while (n && large[LARGE_AT + n - 1] == 0xee)
		n--;
	return n;
}

static bool is_complete(void)
{
	unsigned bad = large[LARGE_AT + LARGE] != 0xee;

	for (unsigned i = 0; i < LARGE; i++)
		bad += large[LARGE_AT + i] != (i < FILE_LEN ? i % 100 : 0);
	return !bad;
}

static void test_long(void)
{
	uint8_t *file = malloc(FILE_LEN);
	struct device *dev;
	struct board b;

	for (unsigned i = 0; file && i < FILE_LEN; i++)
		file[i] = i % 100;
	board_init(&b, false);
	mem_add_ram(b.vm.mem, "ram", 0, sizeof(large), large, false, NULL);
	dev = board_add(&b, &fwcfg_class, "");
	fwcfg_set_file(dev, "etc/large", file, FILE_LEN, NULL);
	start(&b, DESC);
	tap_eq(moved(), SLICE, "a long transfer gives the lock back after a slice");
	tap_ok(is_pending(DESC), "without an answer");
	for (unsigned rounds = 2; rounds <= 3; rounds++) {
		loop_run_once(b.vm.loop, 0);
		tap_eq(moved(), rounds * SLICE, "and goes on, a slice each time");
	}
	loop_run_once(b.vm.loop, 0);
	tap_ok(is_complete(), "to its end");
	tap_eq(ld32(large + DESC), 0, "then there is an answer");
	start(&b, DESC);
	start(&b, DESC + 16);
	tap_eq(ld32(large + DESC), __builtin_bswap32(ERROR), "another one ends it");
	dev->cls->quiesce(dev);
	tap_ok(is_complete() && !is_pending(DESC + 16), "quiesced: it has ended");
	start(&b, DESC);
	devices_reset(&b.vm);
	while (loop_run_once(b.vm.loop, 0))
		;
	tap_eq(moved(), SLICE, "a reset ends it where it is");
	tap_ok(is_pending(DESC), "without an answer: that is another machine's memory");
	start(&b, DESC);
	board_free(&b);
}

static void test_state(struct board *b, struct device *dev)
{
	struct board c;
	struct device *copy;
	struct err err = { 0 };

	board_init(&c, false);
	copy = board_add(&c, &fwcfg_class, "");
	fwcfg_set_file(copy, "etc/one", text("1st"), 3, &err);
	board_out(b, SELECT, 0x20, 2);
	inb(b, DATA);
	board_out(b, DMA_HIGH, 0x12345678, 4);
	tap_ok(board_copy_state(dev, copy), "state is copied in the middle of a file");
	tap_eq(inb(&c, DATA), 's', "which goes on from there");
	devices_reset(&b->vm);
	tap_eq(inb(b, DATA), 'Q', "reset selects the signature");
	board_free(&c);
}

int main(void)
{
	struct board b;
	struct device *dev;

	board_init(&b, false);
	mem_add_ram(b.vm.mem, "ram", 0, sizeof(ram), ram, false, NULL);
	dev = board_add(&b, &fwcfg_class, "");
	test_ports(&b);
	test_files(&b, dev);
	test_select(&b, dev);
	test_dma(&b);
	test_hostile(&b);
	test_long();
	test_state(&b, dev);
	board_free(&b);
	return tap_done();
}
