// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest memory and regions on a board without KVM: bounds of DMA up to the end of the
 * address space, the dirty bitmap, overlapping regions, split accesses, ioeventfds.
 */
#include "tests/tap.h"

#include "vmm/mem/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#define PAGE 4096ull
#define LOW  (16 * PAGE)
#define GAP  (32 * PAGE) /* the second block: 16 pages read-write, then 4 read-only */

static struct mem *mem;
static uint8_t *low, *high, *rom;

static void *alloc(uint64_t size)
{
	struct err err = { 0 };
	void *p = mem_alloc(size, &err);

	if (!p) {
		tap_diag("%s", err.text);
		exit(1);
	}
	return p;
}

static void set_up(void)
{
	struct err err = { 0 };

	mem = mem_new(NULL, &err);
	low = alloc(LOW);
	high = alloc(16 * PAGE);
	rom = alloc(4 * PAGE);
	tap_eq(mem_add_ram(mem, "low", 0, LOW, low, false, &err), 0, "low RAM");
	tap_eq(mem_add_ram(mem, "high", GAP, 16 * PAGE, high, false, &err), 0, "more");
	tap_eq(mem_add_ram(mem, "rom", GAP + 16 * PAGE, 4 * PAGE, rom, true, &err), 0,
	       "ROM behind it");
}

static void tear_down(void)
{
	mem_free(mem);
	mem_free(NULL);
	munmap(low, LOW);
	munmap(high, 16 * PAGE);
	munmap(rom, 4 * PAGE);
}

static void refused(uint64_t gpa, uint64_t size, const char *part, const char *what)
{
	struct err err = { 0 };

	tap_ok(mem_add_ram(mem, "bad", gpa, size, low, false, &err) < 0, "%s", what);
	tap_has(err.text, part, "with a sentence");
}

static void test_add_ram(void)
{
	refused(LOW - PAGE, PAGE, "overlaps low", "a block inside another");
	refused(LOW - PAGE, 2 * PAGE, "overlaps low", "across its end");
	refused(0, 1ull << 40, "overlaps low", "around it");
	refused(GAP - PAGE, 2 * PAGE, "overlaps high", "across a start");
	refused(1ull << 32, 0, "whole pages", "an empty block");
	refused(1ull << 32, 100, "whole pages", "a part of a page");
	refused((1ull << 32) + 1, PAGE, "whole pages", "an odd address");
	refused(UINT64_MAX - PAGE + 1, 2 * PAGE, "whole pages", "beyond the end");
	tap_str(mem_ram(mem, 1)->name, "high", "blocks by index");
	tap_ok(!mem_ram(mem, 3), "none after the last");
}

static void test_dma_bounds(void)
{
	static const struct {
		uint64_t gpa, len;
		bool ok, writable;
		const char *what;
	} cases[] = {
		{ 0, 16, true, true, "the first bytes" },
		{ LOW - 16, 16, true, true, "the last bytes of a block" },
		{ LOW - 16, 17, false, false, "one byte past it" },
		{ LOW, 1, false, false, "the first byte of the hole" },
		{ GAP - 1, 2, false, false, "across the start of a block" },
		{ GAP + 16 * PAGE - 8, 16, true, false, "from RAM into ROM" },
		{ GAP + 20 * PAGE - 8, 8, true, false, "the end of ROM" },
		{ GAP + 20 * PAGE - 8, 9, false, false, "past the end of ROM" },
		{ 1ull << 63, 8, false, false, "far away" },
		{ UINT64_MAX, 1, false, false, "the last byte there is" },
		{ UINT64_MAX - 7, 16, false, false, "around the end of the space" },
		{ LOW - 8, 0, true, true, "nothing" },
		{ UINT64_MAX, 0, true, true, "nothing at the end" },
	};
	uint8_t buf[32];

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t gpa = cases[i].gpa, len = cases[i].len;

		memset(buf, 0xcc, sizeof(buf));
		tap_eq(dma_read(mem, gpa, buf, len),
		       (uint64_t)(cases[i].ok ? 0 : -EFAULT), "read %s", cases[i].what);
		tap_eq(buf[len], 0xcc, "reads no more than asked for");
		tap_eq(dma_write(mem, gpa, buf, len),
		       (uint64_t)(cases[i].writable ? 0 : -EFAULT), "write %s",
		       cases[i].what);
		tap_eq(dma_set(mem, gpa, 1, len),
		       (uint64_t)(cases[i].writable ? 0 : -EFAULT), "set %s",
		       cases[i].what);
	}
	tap_eq(dma_read(mem, 16, buf, SIZE_MAX), (uint64_t)-EFAULT, "the longest read");
	tap_eq(dma_read(mem, 16, buf, SIZE_MAX - 15), (uint64_t)-EFAULT,
	       "one that comes round to its start");
	memset(low, 0, LOW);
	tap_ok(dma_write(mem, LOW - 4, "12345678", 8) < 0 && !low[LOW - 4],
	       "a refused write writes nothing");
}

static void test_dma_data(void)
{
	char buf[16];

	memcpy(high + 16 * PAGE - 4, "abcd", 4);
	memcpy(rom, "efgh", 4);
	dma_read(mem, GAP + 16 * PAGE - 4, buf, 8);
	buf[8] = '\0';
	tap_str(buf, "abcdefgh", "a read across two blocks");
	dma_write(mem, 100, "hello", 5);
	tap_ok(!memcmp(low + 100, "hello", 5), "a write");
	dma_set(mem, 101, 'x', 3);
	tap_ok(!memcmp(low + 100, "hxxxo", 5), "a fill");
}

static void test_dma_map(void)
{
	struct iovec iov[3];
	unsigned count = 0;

	tap_ok(dma_map(mem, 8, LOW - 8, true) == low + 8, "map to the end of a block");
	tap_ok(!dma_map(mem, 8, LOW - 7, true), "one byte more");
	tap_ok(!dma_map(mem, 8, UINT64_MAX - 3, true), "a length that wraps");
	tap_ok(!dma_map(mem, GAP + 16 * PAGE - 8, 16, false), "two blocks");
	tap_ok(!dma_map(mem, GAP + 16 * PAGE, 8, true), "ROM for writing");
	tap_ok(dma_map(mem, GAP + 16 * PAGE, 8, false) == rom, "ROM for reading");
	tap_eq(dma_iov(mem, GAP + 16 * PAGE - 8, 24, false, iov, 3, &count), 0,
	       "vector across two blocks");
	tap_ok(count == 2 && iov[0].iov_base == high + 16 * PAGE - 8 &&
	               iov[0].iov_len == 8 && iov[1].iov_base == rom &&
	               iov[1].iov_len == 16,
	       "has both parts");
	tap_eq(dma_iov(mem, GAP + 16 * PAGE - 8, 24, false, iov, 3, &count),
	       (uint64_t)-ENOBUFS, "a full vector");
	count = 0;
	tap_eq(dma_iov(mem, GAP + 16 * PAGE - 8, 24, true, iov, 3, &count),
	       (uint64_t)-EFAULT, "ROM in a vector for writing");
	count = 0;
	tap_eq(dma_iov(mem, LOW - 8, 16, true, iov, 3, &count), (uint64_t)-EFAULT,
	       "a hole in a vector");
	count = 0;
	tap_eq(dma_iov(mem, 0, UINT64_MAX, false, iov, 3, &count), (uint64_t)-EFAULT,
	       "the longest vector");
}

static void test_dirty(void)
{
	uint64_t bits[1] = { 0 }, rom_bits[1] = { 0 };

	dma_write(mem, 0, "x", 1);
	mem->ram[1].dirty = bits;
	mem->ram[2].dirty = rom_bits;
	dma_write(mem, GAP + PAGE - 1, "xy", 2);
	tap_eq(bits[0], 3, "a write of two bytes marks two pages");
	dma_set(mem, GAP + 4 * PAGE, 0, PAGE);
	tap_eq(bits[0], 0x13, "a page is one page");
	dma_dirty(mem, GAP + 15 * PAGE + 1, PAGE);
	tap_eq(bits[0], 0x8013, "marks go on");
	tap_eq(rom_bits[0], 1, "into the next block");
	bits[0] = 0;
	dma_dirty(mem, GAP, 0);
	dma_write(mem, GAP, "", 0);
	dma_dirty(mem, UINT64_MAX - 4, 100);
	dma_write(mem, GAP + 16 * PAGE - 1, "xy", 2);
	tap_eq(bits[0], 0, "nothing is nothing, and refused writes mark nothing");
	mem->ram[1].dirty = mem->ram[2].dirty = NULL;
}

/* ---- regions ---- */

static char story[512];

static uint64_t note_read(void *opaque, uint64_t offset, unsigned size)
{
	size_t len = strlen(story);

	snprintf(story + len, sizeof(story) - len, "%s r%u@%x;", (const char *)opaque,
	         size, (unsigned)offset);
	return 0x1122334455667788ull >> (offset & 7) * 8;
}

static void note_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	size_t len = strlen(story);

	snprintf(story + len, sizeof(story) - len, "%s w%u@%x=%llx;",
	         (const char *)opaque, size, (unsigned)offset, (unsigned long long)value);
}

static const struct region_ops ops = { .read = note_read, .write = note_write };
static const struct region_ops narrow_ops = { .read = note_read,
	                                      .write = note_write,
	                                      .max_size = 2 };
static const struct region_ops no_ops = { 0 };

static struct region make(const char *name, uint64_t size)
{
	return (struct region){
		.name = name, .size = size, .ops = &ops, .opaque = (void *)name
	};
}

static uint64_t get(enum mem_space space, uint64_t addr, unsigned len)
{
	uint8_t data[9] = { [8] = 0xcc };

	story[0] = '\0';
	mem_access(mem, space, addr, data, len, false);
	if (data[8] != 0xcc)
		tap_ok(false, "a read wrote past its buffer");
	return ld64(data);
}

static void put(enum mem_space space, uint64_t addr, uint64_t value, unsigned len)
{
	story[0] = '\0';
	mem_access(mem, space, addr, &value, len, true);
}

static void test_dispatch(void)
{
	struct region a = make("a", 16), n = make("n", 16);

	n.ops = &narrow_ops;
	tap_eq(get(MEM_MMIO, 0x1000, 4), 0xffffffff, "nothing reads all ones");
	tap_eq(mem_map(mem, MEM_MMIO, &a, 0x1000), 0, "mapped");
	tap_eq(mem_map(mem, MEM_MMIO, &a, 0x2000), (uint64_t)-EBUSY, "not twice");
	tap_eq(get(MEM_MMIO, 0x1000, 8), 0x1122334455667788, "8 bytes at once");
	tap_str(story, "a r8@0;", "as one access");
	get(MEM_MMIO, 0x1001, 4);
	tap_str(story, "a r4@1;", "alignment is the device's business");
	get(MEM_MMIO, 0x1000, 7);
	tap_str(story, "a r4@0;a r2@4;a r1@6;", "7 bytes are three accesses");
	put(MEM_MMIO, 0x1008, 0x11223344, 4);
	tap_str(story, "a w4@8=11223344;", "a write");
	tap_eq(get(MEM_MMIO, 0x100e, 4), 0xffff1122, "past the end nothing answers");
	tap_str(story, "a r2@e;", "and the device sees its part only");
	get(MEM_MMIO, 0xffe, 4);
	tap_str(story, "a r2@0;", "the same before its start");
	mem_map(mem, MEM_PIO, &n, 0x60);
	put(MEM_PIO, 0x60, 0x44332211, 4);
	tap_str(story, "n w2@0=2211;n w2@2=4433;", "wider than the device takes");
	tap_eq(get(MEM_PIO, 0x1000, 1), 0xff, "ports are another space");
	mem_unmap(&a);
	mem_unmap(&a);
	mem_unmap(&n);
	tap_eq(get(MEM_MMIO, 0x1000, 1), 0xff, "unmapped");
}

static void test_no_ops(void)
{
	struct region quiet = make("q", 4);

	quiet.ops = &no_ops;
	mem_map(mem, MEM_PIO, &quiet, 0x80);
	tap_eq(get(MEM_PIO, 0x80, 4), 0xffffffff, "a region without a read op");
	put(MEM_PIO, 0x80, 1, 4);
	tap_str(story, "", "and without a write op");
	mem_unmap(&quiet);
}

static void test_ends(void)
{
	struct region a = make("a", 4), whole = make("w", UINT64_MAX);

	tap_eq(mem_map(mem, MEM_PIO, &a, 0xfffd), (uint64_t)-EINVAL,
	       "past the last port");
	tap_eq(mem_map(mem, MEM_PIO, &a, 0x10000), (uint64_t)-EINVAL, "far past it");
	tap_eq(mem_map(mem, MEM_PIO, &a, 0xfffc), 0, "the last ports");
	put(MEM_PIO, 0xfffe, 0xaabbccdd, 4);
	tap_str(story, "a w2@2=ccdd;", "an access past them is cut");
	mem_unmap(&a);
	tap_eq(mem_map(mem, MEM_MMIO, &a, UINT64_MAX - 3), (uint64_t)-EINVAL,
	       "a region never reaches the last byte");
	tap_eq(mem_map(mem, MEM_MMIO, &a, UINT64_MAX - 4), 0, "but the one before");
	get(MEM_MMIO, UINT64_MAX - 5, 4);
	tap_str(story, "a r2@0;a r1@2;", "answers there");
	tap_eq(get(MEM_MMIO, UINT64_MAX, 8), UINT64_MAX,
	       "an access around the end of the space ends");
	put(MEM_MMIO, UINT64_MAX - 1, 0x1234, 8);
	tap_str(story, "a w1@3=34;", "so does a write");
	mem_unmap(&a);
	tap_eq(mem_map(mem, MEM_MMIO, &whole, 0), 0, "the whole space");
	mem_unmap(&whole);
	a.size = 0;
	tap_eq(mem_map(mem, MEM_MMIO, &a, 0), (uint64_t)-EINVAL, "an empty region");
}

static void test_overlap(void)
{
	struct region a = make("a", 0x100), b = make("b", 0x100), c = make("c", 0x10);
	_cleanup_strbuf_ struct strbuf text = { 0 };

	mem_map(mem, MEM_MMIO, &a, 0x1000);
	mem_map(mem, MEM_MMIO, &b, 0x1080);
	get(MEM_MMIO, 0x1080, 1);
	tap_str(story, "b r1@0;", "the later one answers");
	get(MEM_MMIO, 0x107f, 1);
	tap_str(story, "a r1@7f;", "the earlier one where it is alone");
	c.priority = 1;
	mem_map(mem, MEM_MMIO, &c, 0x1040);
	mem_unmap(&a);
	mem_map(mem, MEM_MMIO, &a, 0x1000);
	get(MEM_MMIO, 0x1048, 1);
	tap_str(story, "c r1@8;", "priority beats being later");
	get(MEM_MMIO, 0x1090, 1);
	tap_str(story, "a r1@90;", "without one the later answers again");
	mem_dump(mem, &text);
	tap_has(text.data,
	        "    0000000000001000-000000000000103f (prio 0, i/o): a\n"
	        "    0000000000001040-000000000000104f (prio 1, i/o): c\n"
	        "    0000000000001050-00000000000010ff (prio 0, i/o): a\n"
	        "    0000000000001100-000000000000117f (prio 0, i/o): b\n",
	        "the flat view");
	tap_has(text.data, "0000000000030000-0000000000033fff (prio 0, rom): rom", "RAM");
	mem_unmap(&c);
	get(MEM_MMIO, 0x1040, 8);
	tap_str(story, "a r8@40;", "what was covered is back");
	mem_unmap(&a);
	get(MEM_MMIO, 0x1090, 1);
	tap_str(story, "b r1@10;", "here too");
	mem_unmap(&b);
}

/* Ports 0xcf8 to 0xcfb are one register of 32 bits, and 0xcf9 alone is another. */
static void test_inner_port(void)
{
	struct region address = make("address", 4), reset = make("reset", 1);

	reset.priority = 1;
	mem_map(mem, MEM_PIO, &address, 0xcf8);
	mem_map(mem, MEM_PIO, &reset, 0xcf9);
	put(MEM_PIO, 0xcf8, 0x80000000, 4);
	tap_str(story, "address w4@0=80000000;", "a double word is not torn");
	put(MEM_PIO, 0xcf9, 6, 1);
	tap_str(story, "reset w1@0=6;", "a byte inside is the other's");
	get(MEM_PIO, 0xcf9, 2);
	tap_str(story, "reset r1@0;address r1@2;", "behind it the first goes on");
	mem_unmap(&address);
	mem_unmap(&reset);
}

static void test_many_regions(void)
{
	enum { COUNT = 60 };
	static struct region r[COUNT];
	unsigned wrong = 0;

	for (unsigned i = 0; i < COUNT; i++) {
		r[i] = make("r", 0x30);
		wrong += mem_map(mem, MEM_MMIO, &r[i], i * 0x20) != 0;
	}
	/* Each covers the end of the one before. */
	for (unsigned i = 0; i < COUNT; i++) {
		char want[32];

		get(MEM_MMIO, i * 0x20 + 1, 1);
		snprintf(want, sizeof(want), "r r1@1;");
		wrong += strcmp(story, want) != 0;
	}
	for (unsigned i = 0; i < COUNT; i += 2)
		mem_unmap(&r[i]);
	for (unsigned i = 1; i + 1 < COUNT; i += 2) {
		get(MEM_MMIO, i * 0x20 + 0x21, 1);
		wrong += strcmp(story, "r r1@21;") != 0;
	}
	for (unsigned i = 0; i < COUNT; i++)
		mem_unmap(&r[i]);
	tap_eq(wrong, 0, "60 regions come and go");
	tap_eq(mem->maps[MEM_MMIO].flat_count, 0, "nothing is left");
}

/* ---- ioeventfds ---- */

static uint64_t rings(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void test_events(void)
{
	struct region a = make("a", 0x100);
	int any = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int match = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct region_event e_any = { .offset = 0x10, .fd = any };
	struct region_event e_match = {
		.offset = 0x20, .size = 2, .match = true, .value = 3, .fd = match
	};

	tap_eq(region_add_event(&a, &e_any), 0, "an event on an unmapped region");
	mem_map(mem, MEM_MMIO, &a, 0x1000);
	tap_eq(region_add_event(&a, &e_match), 0, "an event on a mapped one");
	put(MEM_MMIO, 0x1010, 5, 4);
	tap_str(story, "", "the write op does not run");
	tap_eq(rings(any), 1, "the event is signalled");
	put(MEM_MMIO, 0x1010, 5, 1);
	tap_eq(rings(any), 1, "whatever the size");
	put(MEM_MMIO, 0x1011, 5, 1);
	tap_str(story, "a w1@11=5;", "another offset is the device's");
	put(MEM_MMIO, 0x1020, 3, 2);
	tap_eq(rings(match), 1, "the matching value");
	put(MEM_MMIO, 0x1020, 4, 2);
	tap_str(story, "a w2@20=4;", "another value is the device's");
	put(MEM_MMIO, 0x1020, 3, 4);
	tap_str(story, "a w4@20=3;", "another size as well");
	get(MEM_MMIO, 0x1010, 4);
	tap_str(story, "a r4@10;", "reads are always");
	mem_unmap(&a);
	mem_map(mem, MEM_MMIO, &a, 0x2000);
	put(MEM_MMIO, 0x2010, 0, 2);
	tap_eq(rings(any), 1, "events move with the region");
	region_remove_event(&a, &e_any);
	region_remove_event(&a, &e_any);
	put(MEM_MMIO, 0x2010, 7, 2);
	tap_str(story, "a w2@10=7;", "a removed one is gone");
	put(MEM_MMIO, 0x2020, 3, 2);
	tap_eq(rings(match), 1, "the other is not");
	mem_unmap(&a);
	region_free(&a);
	close(any);
	close(match);
}

/* ---- memory of devices ---- */

/* The screen logs it already. */
static void test_two_logs(struct mem *mem, struct ram_block *block)
{
	uint64_t bits;

	tap_eq(mem_log(mem, block, MEM_LOG_MOVE, true), 0, "a second logger");
	mem_mark_dirty(block, PAGE, 1);
	mem_take_dirty(mem, block, &bits);
	tap_eq(bits, 2, "the first one is told");
	mem_mark_dirty(block, 2 * PAGE, 1);
	mem_take(mem, block, MEM_LOG_MOVE, &bits);
	tap_eq(bits, 6, "and the second, also of what the first took");
	mem_take(mem, block, MEM_LOG_MOVE, &bits);
	tap_eq(bits, 0, "once, too");
	mem_log_dirty(mem, block, false);
	mem_mark_dirty(block, 0, 1);
	mem_take(mem, block, MEM_LOG_MOVE, &bits);
	tap_eq(bits, 1, "the second one's log goes on");
	mem_log_dirty(mem, block, true);
	mem_mark_dirty(block, PAGE, 1);
	mem_take(mem, block, MEM_LOG_MOVE, &bits);
	mem_log(mem, block, MEM_LOG_MOVE, false);
	mem_take_dirty(mem, block, &bits);
	tap_eq(bits, 2, "what one took and left stays the other's");
	mem_log_dirty(mem, block, false);
	tap_ok(!block->dirty && !block->kept[0] && !block->kept[1], "nobody logs");
}

static void test_device_ram(void)
{
	static const struct region_ops other_ops = { 0 };
	uint8_t *host = aligned_alloc(PAGE, 4 * PAGE);
	struct region window = { .name = "window", .size = 4 * PAGE };
	struct region other = { .name = "other", .size = 8, .ops = &other_ops };
	uint64_t bits = 0, base = 1ull << 40;
	struct err err = { 0 };
	unsigned count = 0;
	struct iovec iov[2];

	memset(host, 0, 4 * PAGE);
	window.ram = mem_add_device_ram(mem, "device", 4 * PAGE, host, false, &err);
	tap_ok(window.ram, "device memory");
	tap_eq(dma_write(mem, 0xffffffffffff0000, "x", 1), (uint64_t)-EFAULT,
	       "nowhere yet");
	mem_map(mem, MEM_MMIO, &window, base);
	tap_eq(dma_write(mem, base + PAGE, "abc", 3), 0, "mapped: it is RAM");
	tap_eq(get(MEM_MMIO, base + PAGE, 4), 0x636261, "and answers accesses");
	tap_eq(dma_write(mem, base + 4 * PAGE - 1, "xy", 2), (uint64_t)-EFAULT,
	       "up to its end");
	tap_ok(!dma_map(mem, base, PAGE, false), "but nobody keeps its address,");
	tap_eq(dma_iov(mem, base, PAGE, true, iov, 1, &count), 0, "but for a transfer");
	window.ram->readonly = true;
	tap_eq(dma_iov(mem, base, PAGE, false, iov, 2, &count), (uint64_t)-EFAULT,
	       "which no card's ROM takes part in");
	window.ram->readonly = false;
	tap_eq(mem_log_dirty(mem, window.ram, true), 0, "logged");
	put(MEM_MMIO, base + 2 * PAGE, 1, 1);
	dma_write(mem, base + PAGE, "d", 1);
	mem_mark_dirty(window.ram, 4 * PAGE - 1, 1);
	tap_eq(mem_take_dirty(mem, window.ram, &bits), 0, "the log");
	tap_eq(bits, 0xe, "has what each way wrote");
	mem_take_dirty(mem, window.ram, &bits);
	tap_eq(bits, 0, "once");
	test_two_logs(mem, window.ram);
	mem_unmap(&window);
	tap_eq(dma_read(mem, base, &bits, 1), (uint64_t)-EFAULT, "unmapped: nowhere");
	mem_map(mem, MEM_MMIO, &window, LOW - PAGE);
	tap_eq(get(MEM_MMIO, LOW + PAGE - PAGE, 1), 'd', "over RAM: its region answers");
	mem_map(mem, MEM_MMIO, &other, LOW);
	mem_unmap(&other);
	bits = 0;
	dma_read(mem, LOW - PAGE + 1, &bits, 1);
	tap_ok(host[1] == 0 && bits == low[LOW - PAGE + 1], "but RAM stays RAM");
	mem_unmap(&window);
	window.ram->io = true;
	mem_map(mem, MEM_MMIO, &window, base);
	tap_eq(dma_read(mem, base, &bits, 1), (uint64_t)-EFAULT,
	       "a real function's registers are no RAM");
	mem_unmap(&window);
	mem_drop_ram(window.ram);
	free(host);
}

static void test_pins(void)
{
	low[PAGE] = 'p';
	mem_pin(mem, true);
	mem_discard(mem, low + PAGE, PAGE);
	tap_eq(low[PAGE], 'p', "no page is given back while devices know it");
	mem_pin(mem, false);
	mem_discard(mem, low + PAGE, PAGE);
	tap_eq(low[PAGE], 0, "but afterwards");
}

int main(void)
{
	set_up();
	test_add_ram();
	test_dma_bounds();
	test_dma_data();
	test_dma_map();
	test_dirty();
	test_dispatch();
	test_no_ops();
	test_ends();
	test_overlap();
	test_inner_port();
	test_many_regions();
	test_events();
	test_device_ram();
	test_pins();
	tear_down();
	return tap_done();
}
