/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory on its way: what is still to be sent, page by page, and what comes in.
 * Blocks are numbered in the order of mem_ram(), without those that are gone.
 */
#ifndef VMM_MIGRATE_RAM_H
#define VMM_MIGRATE_RAM_H

#include "vmm/mem/mem.h"
#include "vmm/migrate/stream.h"

struct vm;

struct ram_source;

struct ram_totals {
	uint64_t total;     /* bytes that the machine has */
	uint64_t remaining; /* bytes that were written since they were sent, or never sent
	                     */
	uint64_t zero, normal; /* pages sent, so far */
	uint64_t passes;
};

/* Everything is to be sent, and writes are noted from now on. Machine lock; held: all the
 * time, by who sends, too. NULL with a sentence. */
struct ram_source *ram_source_new(struct vm *vm, bool held, struct err *err);
/* Accepts NULL. Machine lock. */
void ram_source_free(struct ram_source *s);
/* What was written meanwhile is to be sent, too. Machine lock. -errno with a sentence. */
int ram_source_sync(struct ram_source *s, struct err *err);
/* Sends what is to be sent. paced is called between two records; an error of it ends the
 * pass. Without the machine lock, if it is not held. */
int ram_source_send(struct ram_source *s, struct channel *c,
                    int (*paced)(void *opaque, struct err *err), void *opaque,
                    struct err *err);
/* Any thread. */
void ram_source_totals(const struct ram_source *s, struct ram_totals *out);

/* Puts one record of pages in its place; nobody runs. */
int ram_load(struct mem *mem, struct channel *c, const struct record *r, struct err *err);

#endif
