/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where guest RAM comes from: anonymous memory, a file or a memfd, as -object
 * memory-backend-ram, -file and -memfd describe it. Main thread, before vCPUs run.
 */
#ifndef VMM_MEM_BACKEND_H
#define VMM_MEM_BACKEND_H

#include "common/err.h"
#include "common/opts.h"

enum mem_backend_kind { MEM_BACKEND_RAM, MEM_BACKEND_FILE, MEM_BACKEND_MEMFD };

struct mem_backend {
	enum mem_backend_kind kind;
	char *id;
	uint64_t size; /* bytes, whole pages; 0: not given */
	char *path;    /* MEM_BACKEND_FILE: a file, or a folder for one without a name */
	bool share;    /* other processes may see it */
	bool prealloc; /* all of it is there before the guest starts */
	bool merge;    /* the host may merge equal pages (KSM) */
	bool dump;     /* it is part of core dumps */
	bool discard;  /* the file loses its contents when the machine ends */
	bool hugetlb;  /* MEM_BACKEND_MEMFD: of huge pages, */
	uint64_t hugetlb_size; /* of this size; 0: the host's default */
	bool seal;             /* MEM_BACKEND_MEMFD: its size is fixed */
	int unused;            /* of keys with one possible value */
};

/* Keys of each kind, for -object TYPE,help and for opts_apply(). */
extern const struct opt_desc *const mem_backend_tables[];
/* By the name that -object has: -1 when there is none. */
int mem_backend_find_kind(const char *name);
const char *mem_backend_kind_name(enum mem_backend_kind kind);
/* Sets the kind's defaults and the pairs of list. mem_backend_free() is due in any case.
 */
int mem_backend_parse(struct mem_backend *backend, enum mem_backend_kind kind,
                      struct opt_list *list, struct err *err);
void mem_backend_free(struct mem_backend *backend);

/* Maps backend->size bytes, to be unmapped by the caller; NULL with a sentence. Huge-page
 * friendly, and populated lazily unless prealloc says otherwise. */
void *mem_backend_map(const struct mem_backend *backend, struct err *err);
/* The machine is gone: what discard asks for. `host` is still mapped. */
void mem_backend_unmap(const struct mem_backend *backend, void *host);

#endif
