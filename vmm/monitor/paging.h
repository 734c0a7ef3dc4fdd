/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's page tables as text, in the layouts of QEMU's "info mem" and "info tlb"
 * (SDM volume 3, 4.3 to 4.5: 32-bit, PAE, 4-level and 5-level paging, with large pages).
 *
 * Page tables are the guest's: they may lead anywhere, and back to themselves. One call
 * reads at most PAGING_TABLES tables and writes at most PAGING_LINES lines; what is left
 * begins at an address that the last line tells. No thread of its own, no lock.
 */
#ifndef VMM_MONITOR_PAGING_H
#define VMM_MONITOR_PAGING_H

#include "common/strbuf.h"

#include <stddef.h>
#include <stdint.h>

enum {
	PAGING_TABLES = 8192, /* some ten milliseconds */
	PAGING_LINES = 16384, /* less than the output that a monitor may owe its client */
};

struct paging {
	uint64_t cr0, cr3, cr4, efer;
	/* Reads guest-physical memory: 0, or -errno where there is none. */
	int (*read)(void *opaque, uint64_t gpa, void *buf, size_t len);
	void *opaque;
};

enum paging_view {
	PAGING_RANGES, /* "info mem": ranges of equal rights */
	PAGING_PAGES,  /* "info tlb": each page with its flags */
};

/* Appends what is mapped from the virtual address on. command is named where the rest is
 * to be asked for ("info mem"). */
void paging_list(const struct paging *p, enum paging_view view, uint64_t from,
                 const char *command, struct strbuf *out);

#endif
