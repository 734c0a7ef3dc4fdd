// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "info mem" and "info tlb" on page tables of all modes, made by hand, and on hostile
 * ones: tables that lead to themselves, or nowhere. The expected lines of the 4-level
 * tables are what QEMU 7.2 prints of the same.
 */
#include "vmm/monitor/paging.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	MEMORY = 64 << 10,
	ROOT = 0x1000,
	PG = 1u << 31,
	PSE = 1 << 4,
	PAE = 1 << 5,
	LA57 = 1 << 12,
	LMA = 1 << 10,
};

struct bench {
	uint8_t memory[MEMORY];
	unsigned reads;
};

static int read_memory(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct bench *b = opaque;

	b->reads++;
	if (gpa > MEMORY || len > MEMORY - gpa)
		return -EFAULT;
	memcpy(buf, b->memory + gpa, len);
	return 0;
}

static void set32(struct bench *b, unsigned table, unsigned index, uint32_t entry)
{
	st32(b->memory + table + index * 4, entry);
}

static void set64(struct bench *b, unsigned table, unsigned index, uint64_t entry)
{
	st64(b->memory + table + index * 8, entry);
}

static char *list(struct bench *b, uint32_t cr0, uint32_t cr4, uint32_t efer,
                  enum paging_view view, uint64_t from)
{
	struct strbuf out = { 0 };
	const struct paging p = { .cr0 = cr0,
		                  .cr3 = ROOT,
		                  .cr4 = cr4,
		                  .efer = efer,
		                  .read = read_memory,
		                  .opaque = b };

	b->reads = 0;
	strbuf_adds(&out, "");
	paging_list(&p, view, from, "info x", &out);
	return strbuf_take(&out);
}

static void check(struct bench *b, uint32_t cr4, uint32_t efer, const char *what,
                  const char *ranges, const char *pages)
{
	_cleanup_free_ char *mem = list(b, PG, cr4, efer, PAGING_RANGES, 0);
	_cleanup_free_ char *tlb = list(b, PG, cr4, efer, PAGING_PAGES, 0);

	tap_str(mem, ranges, "%s: ranges", what);
	tap_str(tlb, pages, "%s: pages", what);
}

static void test_off(struct bench *b)
{
	_cleanup_free_ char *text = list(b, 1, 0, 0, PAGING_PAGES, 0);

	tap_str(text, "PG disabled\n", "without paging");
}

static void test_32(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	set32(b, ROOT, 0, 0x2007);
	set32(b, ROOT, 1, 0x0040e0e7); /* a page at 0x700400000, if pages may be large */
	set32(b, ROOT, 1023, 0x2001);
	set32(b, 0x2000, 0, 0x5067);
	set32(b, 0x2000, 1, 0x6003);
	set32(b, 0x2000, 1023, 0x7185);
	check(b, PSE, 0, "32-bit",
	      "0000000000000000-0000000000001000 0000000000001000 urw\n"
	      "0000000000001000-0000000000002000 0000000000001000 -rw\n"
	      "00000000003ff000-0000000000400000 0000000000001000 ur-\n"
	      "0000000000400000-0000000000800000 0000000000400000 urw\n"
	      "00000000ffc00000-00000000ffc02000 0000000000002000 -r-\n"
	      "00000000fffff000-0000000100000000 0000000000001000 -r-\n",
	      "0000000000000000: 0000000000005000 ---DA--UW\n"
	      "0000000000001000: 0000000000006000 --------W\n"
	      "00000000003ff000: 0000000000007000 -G-----U-\n"
	      "0000000000400000: 0000000700400000 --PDA--UW\n"
	      "00000000ffc00000: 0000000000005000 ---DA--UW\n"
	      "00000000ffc01000: 0000000000006000 --------W\n"
	      "00000000fffff000: 0000000000007000 -G-----U-\n");
	/* Without PSE the bit says nothing, and the entry leads to a table. */
	set32(b, ROOT, 1, 0x20e7);
	check(b, 0, 0, "32-bit without PSE",
	      "0000000000000000-0000000000001000 0000000000001000 urw\n"
	      "0000000000001000-0000000000002000 0000000000001000 -rw\n"
	      "00000000003ff000-0000000000400000 0000000000001000 ur-\n"
	      "0000000000400000-0000000000401000 0000000000001000 urw\n"
	      "0000000000401000-0000000000402000 0000000000001000 -rw\n"
	      "00000000007ff000-0000000000800000 0000000000001000 ur-\n"
	      "00000000ffc00000-00000000ffc02000 0000000000002000 -r-\n"
	      "00000000fffff000-0000000100000000 0000000000001000 -r-\n",
	      "0000000000000000: 0000000000005000 ---DA--UW\n"
	      "0000000000001000: 0000000000006000 --------W\n"
	      "00000000003ff000: 0000000000007000 -G-----U-\n"
	      "0000000000400000: 0000000000005000 ---DA--UW\n"
	      "0000000000401000: 0000000000006000 --------W\n"
	      "00000000007ff000: 0000000000007000 -G-----U-\n"
	      "00000000ffc00000: 0000000000005000 ---DA--UW\n"
	      "00000000ffc01000: 0000000000006000 --------W\n"
	      "00000000fffff000: 0000000000007000 -G-----U-\n");
}

static void test_pae(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	set64(b, ROOT, 0, 0x2001);
	set64(b, ROOT, 3, 0x2001);
	set64(b, ROOT, 4, 0x2001); /* there are four */
	set64(b, 0x2000, 0, 0x3007);
	set64(b, 0x2000, 511, 0x80000008002000e7);
	set64(b, 0x3000, 511, 0x8000000000004009);
	check(b, PAE, 0, "PAE",
	      "00000000001ff000-0000000000200000 0000000000001000 -r-\n"
	      "000000003fe00000-0000000040000000 0000000000200000 urw\n"
	      "00000000c01ff000-00000000c0200000 0000000000001000 -r-\n"
	      "00000000ffe00000-0000000100000000 0000000000200000 urw\n",
	      "00000000001ff000: 0000000000004000 X-----T--\n"
	      "000000003fe00000: 0000000800200000 X-PDA--UW\n"
	      "00000000c01ff000: 0000000000004000 X-----T--\n"
	      "00000000ffe00000: 0000000800200000 X-PDA--UW\n");
}

/* What QEMU was given, and what it said. */
static void test_4_levels(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	set64(b, ROOT, 0, 0x2003);
	set64(b, ROOT, 256, 0x2003);
	set64(b, 0x2000, 0, 0x3003);
	set64(b, 0x3000, 0, 0xa3);
	set64(b, 0x3000, 1, 0x200083);
	set64(b, 0x3000, 2, 0x4007);
	set64(b, 0x4000, 0, 0x8000000000005067);
	set64(b, 0x4000, 1, 0x6025);
	set64(b, 0x4000, 4, 0x7107);
	check(b, PAE, LMA, "4 levels",
	      "0000000000000000-0000000000401000 0000000000401000 -rw\n"
	      "0000000000401000-0000000000402000 0000000000001000 -r-\n"
	      "0000000000404000-0000000000405000 0000000000001000 -rw\n"
	      "ffff800000000000-ffff800000401000 0000000000401000 -rw\n"
	      "ffff800000401000-ffff800000402000 0000000000001000 -r-\n"
	      "ffff800000404000-ffff800000405000 0000000000001000 -rw\n",
	      "0000000000000000: 0000000000000000 --P-A---W\n"
	      "0000000000200000: 0000000000200000 --P-----W\n"
	      "0000000000400000: 0000000000005000 X--DA--UW\n"
	      "0000000000401000: 0000000000006000 ----A--U-\n"
	      "0000000000404000: 0000000000007000 -G-----UW\n"
	      "ffff800000000000: 0000000000000000 --P-A---W\n"
	      "ffff800000200000: 0000000000200000 --P-----W\n"
	      "ffff800000400000: 0000000000005000 X--DA--UW\n"
	      "ffff800000401000: 0000000000006000 ----A--U-\n"
	      "ffff800000404000: 0000000000007000 -G-----UW\n");
}

static void test_from(struct bench *b)
{
	_cleanup_free_ char *mem = list(b, PG, PAE, LMA, PAGING_RANGES,
	                                0xffff800000401800),
			    *tlb = list(b, PG, PAE, LMA, PAGING_PAGES,
	                                0xffff800000401800),
			    *none = list(b, PG, PAE, LMA, PAGING_PAGES,
	                                 0xffff900000000000);

	tap_str(mem,
	        "ffff800000401000-ffff800000402000 0000000000001000 -r-\n"
	        "ffff800000404000-ffff800000405000 0000000000001000 -rw\n",
	        "from an address on: ranges");
	tap_str(tlb,
	        "ffff800000401000: 0000000000006000 ----A--U-\n"
	        "ffff800000404000: 0000000000007000 -G-----UW\n",
	        "from an address on: pages");
	tap_str(none, "", "behind the last one there is nothing");
}

static void test_5_levels(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	set64(b, ROOT, 0, 0x2007);
	set64(b, ROOT, 511, 0x2007);
	set64(b, 0x2000, 0, 0x3007);
	set64(b, 0x3000, 1, 0x1400000e7);
	set64(b, 0x3000, 2, 0xdead0000003); /* outside memory */
	check(b, PAE | LA57, LMA, "5 levels",
	      "0000000040000000-0000000080000000 0000000040000000 urw\n"
	      "ffff000040000000-ffff000080000000 0000000040000000 urw\n",
	      "0000000040000000: 0000000140000000 --PDA--UW\n"
	      "ffff000040000000: 0000000140000000 --PDA--UW\n");
}

/* ---- hostile tables ---- */

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Where the rest begins; 0: nothing was left. */
static uint64_t rest_of(const char *text)
{
	const char *more = strstr(text, "(there is more: info x 0x");
	unsigned long long address = 0;

	if (more)
		sscanf(more, "(there is more: info x %llx)\n", &address);
	return address;
}

/* Every table is the root, every entry leads to it: 2^36 pages. */
static void test_loop(struct bench *b, enum paging_view view, const char *what)
{
	uint64_t from = 0, last;

	memset(b, 0, sizeof(*b));
	for (unsigned i = 0; i < 512; i++)
		set64(b, ROOT, i, ROOT | (view == PAGING_RANGES && i & 1 ? 3 : 7));
	for (unsigned round = 0; round < 4; round++) {
		_cleanup_free_ char *text = list(b, PG, PAE, LMA, view, from);
		char begin[24];

		snprintf(begin, sizeof(begin), "%016llx", (unsigned long long)from);
		tap_ok(!strncmp(text, begin, 16), "%s %u: begins where it was asked to",
		       what, round);
		tap_ok(b->reads <= PAGING_TABLES, "%s %u: %u tables", what, round,
		       b->reads);
		tap_ok(count_lines(text) <= PAGING_LINES + 1, "%s %u: %u lines", what,
		       round, count_lines(text));
		last = from;
		from = rest_of(text);
		if (!tap_ok(from > last, "%s %u: goes on at %llx", what, round,
		            (unsigned long long)from))
			return;
	}
}

/* All of the address space in one range: only the number of tables ends it. */
static void test_flat_loop(struct bench *b)
{
	_cleanup_free_ char *text = NULL, *line = NULL;

	memset(b, 0, sizeof(*b));
	for (unsigned i = 0; i < 512; i++)
		set64(b, ROOT, i, ROOT | 7);
	text = list(b, PG, PAE, LMA, PAGING_RANGES, 0);
	tap_eq(b->reads, PAGING_TABLES, "one endless range: tables");
	tap_eq(count_lines(text), 2, "one endless range: what was seen, and a remark");
	if (asprintf(&line, "0000000000000000-%016llx ",
	             (unsigned long long)rest_of(text)) > 0)
		tap_has(text, line, "it ends where the rest begins");
}

int main(void)
{
	static struct bench b;

	test_off(&b);
	test_32(&b);
	test_pae(&b);
	test_4_levels(&b);
	test_from(&b);
	test_5_levels(&b);
	test_loop(&b, PAGING_RANGES, "a loop, as ranges");
	test_loop(&b, PAGING_PAGES, "a loop, as pages");
	test_flat_loop(&b);
	return tap_done();
}
