// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One walk for all modes of paging: a mode is a row of levels, from the root to the pages
 * of 4 KiB. Tables outside RAM map nothing. Rights are those that all levels give.
 */
#include "vmm/monitor/paging.h"

#include "common/bytes.h"

#include <inttypes.h>
#include <stdbool.h>

enum {
	CR0_PG = 1u << 31,
	CR4_PSE = 1 << 4,
	CR4_PAE = 1 << 5,
	CR4_LA57 = 1 << 12,
	EFER_LMA = 1 << 10,

	ENTRY_PRESENT = 1 << 0,
	ENTRY_WRITE = 1 << 1,
	ENTRY_USER = 1 << 2,
	ENTRY_LARGE = 1 << 7,
	RIGHTS = ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER,

	TABLE = 4096,
	PAGE_SHIFT = 12,
};

#define ADDRESS 0x000ffffffffff000ull /* of a table or page, in an entry */

struct level {
	unsigned shift, bits; /* which bits of the address are the index */
	bool no_rights;       /* its entries have none to give */
	bool large;           /* its entries may be pages */
};

static const struct level levels_32[] = { { 22, 10, false, false },
	                                  { 12, 10, false, false } };
static const struct level levels_32_pse[] = { { 22, 10, false, true },
	                                      { 12, 10, false, false } };
static const struct level levels_pae[] = { { 30, 2, true, false },
	                                   { 21, 9, false, true },
	                                   { 12, 9, false, false } };
/* 4-level paging begins at the second. */
static const struct level levels_long[] = { { 48, 9, false, false },
	                                    { 39, 9, false, false },
	                                    { 30, 9, false, true },
	                                    { 21, 9, false, true },
	                                    { 12, 9, false, false } };

struct walk {
	const struct paging *p;
	enum paging_view view;
	struct strbuf *out;
	uint64_t from; /* what ends before it is not shown */
	uint64_t sign; /* the highest bit of addresses, which fills those above it */
	unsigned entry_size;    /* 4 or 8 */
	unsigned tables, lines; /* that may come yet */
	bool full;              /* the rest begins at `next` */
	uint64_t next;
	/* PAGING_RANGES: the one that is not written yet */
	uint64_t start;
	unsigned rights; /* 0: none */
};

static uint64_t canonical(const struct walk *w, uint64_t address)
{
	return address & w->sign ? address | -w->sign : address;
}

static bool stop(struct walk *w, uint64_t address)
{
	if (!w->full)
		w->next = address;
	w->full = true;
	return false;
}

/* ---- the two views ---- */

/* The rights change at this address. */
static bool set_rights(struct walk *w, uint64_t address, unsigned rights)
{
	if (rights == w->rights)
		return true;
	if (w->rights && !w->lines)
		return stop(w, w->start);
	if (w->rights) {
		w->lines--;
		strbuf_addf(w->out,
		            "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %cr%c\n",
		            canonical(w, w->start), canonical(w, address),
		            address - w->start, w->rights & ENTRY_USER ? 'u' : '-',
		            w->rights & ENTRY_WRITE ? 'w' : '-');
	}
	w->start = address;
	w->rights = rights;
	return true;
}

static bool add_page(struct walk *w, uint64_t address, uint64_t base, uint64_t entry)
{
	/* From the highest bit down. */
	static const struct {
		unsigned bit;
		char letter;
	} flags[] = { { 63, 'X' }, { 8, 'G' }, { 7, 'P' }, { 6, 'D' }, { 5, 'A' },
		      { 4, 'C' },  { 3, 'T' }, { 2, 'U' }, { 1, 'W' } };

	if (!w->lines)
		return stop(w, address);
	w->lines--;
	strbuf_addf(w->out, "%016" PRIx64 ": %016" PRIx64 " ", canonical(w, address),
	            base);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		strbuf_addc(w->out, entry >> flags[i].bit & 1 ? flags[i].letter : '-');
	strbuf_addc(w->out, '\n');
	return true;
}

/* ---- the walk ---- */

/* Above 4 GiB the base of a page of 4 MiB is in the bits that a smaller address leaves
 * free (PSE-36). */
static uint64_t page_base(const struct walk *w, const struct level *level, uint64_t entry)
{
	uint64_t base = entry & ADDRESS & -(1ull << level->shift);

	return w->entry_size == 4 && level->shift == 22 ? base | (entry & 0x1fe000) << 19
	                                                : base;
}

static bool add_leaf(struct walk *w, const struct level *level, uint64_t address,
                     uint64_t entry, unsigned rights)
{
	/* In a page of 4 KiB that bit means something else. */
	uint64_t flags =
		level->shift == PAGE_SHIFT ? entry & ~(uint64_t)ENTRY_LARGE : entry;

	return w->view == PAGING_RANGES
	               ? set_rights(w, address, rights)
	               : add_page(w, address, page_base(w, level, entry), flags);
}

/* False when it stopped. table: its guest-physical address. */
static bool walk_table(struct walk *w, const struct level *level, uint64_t table,
                       uint64_t address, unsigned rights)
{
	uint8_t entries[TABLE];
	unsigned count = 1u << level->bits;
	uint64_t size = 1ull << level->shift;

	if (!w->tables)
		return stop(w, address);
	w->tables--;
	if (w->p->read(w->p->opaque, table, entries, count * w->entry_size) < 0)
		return set_rights(w, address, 0);
	for (unsigned i = 0; i < count; i++, address += size) {
		const uint8_t *at = entries + i * w->entry_size;
		uint64_t entry = w->entry_size == 4 ? ld32(at) : ld64(at);
		unsigned given = rights & (level->no_rights ? RIGHTS : entry);
		bool leaf = level->shift == PAGE_SHIFT ||
		            (level->large && entry & ENTRY_LARGE);
		bool goes_on;

		if (address + size - 1 < w->from)
			continue;
		if (!(entry & ENTRY_PRESENT))
			goes_on = set_rights(w, address, 0);
		else if (leaf)
			goes_on = add_leaf(w, level, address, entry, given);
		else
			goes_on =
				walk_table(w, level + 1, entry & ADDRESS, address, given);
		if (!goes_on)
			return false;
	}
	return true;
}

void paging_list(const struct paging *p, enum paging_view view, uint64_t from,
                 const char *command, struct strbuf *out)
{
	struct walk w = { .p = p,
		          .view = view,
		          .out = out,
		          .entry_size = 8,
		          .tables = PAGING_TABLES,
		          .lines = PAGING_LINES };
	const struct level *root;
	uint64_t table = p->cr3 & ADDRESS, end;

	if (!(p->cr0 & CR0_PG)) {
		strbuf_adds(out, "PG disabled\n");
		return;
	}
	if (p->efer & EFER_LMA) {
		root = levels_long + !(p->cr4 & CR4_LA57);
	} else if (p->cr4 & CR4_PAE) {
		root = levels_pae;
		table = p->cr3 & 0xffffffe0;
	} else {
		root = p->cr4 & CR4_PSE ? levels_32_pse : levels_32;
		w.entry_size = 4;
	}
	end = 1ull << (root->shift + root->bits);
	w.sign = p->efer & EFER_LMA ? end >> 1 : 0;
	w.from = from & (end - 1);
	if (walk_table(&w, root, table, 0, RIGHTS))
		set_rights(&w, end, 0);
	if (!w.full)
		return;
	/* What was found of the last range, and where to go on. */
	if (w.rights && w.next > w.start) {
		w.lines += !w.lines;
		set_rights(&w, w.next, 0);
	}
	strbuf_addf(out, "(there is more: %s 0x%" PRIx64 ")\n", command,
	            canonical(&w, w.next));
}
