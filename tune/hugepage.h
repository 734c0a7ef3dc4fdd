/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pools of huge pages, as they are and as they are asked for. */
#ifndef TUNE_HUGEPAGE_H
#define TUNE_HUGEPAGE_H

#include "common/strbuf.h"
#include "tune/facts.h"
#include "tune/profile.h"

#include <jansson.h>

struct pool {
	uint64_t size; /* bytes of a page */
	int node;      /* -1: the whole host */
	uint64_t total, free, surplus;
	char mount[PATH_SIZE]; /* "": nowhere */
};

struct pools {
	struct pool *list;
	unsigned count;
};

/* All sizes of this kernel, of the host and, with several NUMA nodes, of each. 0 or
 * -ENOMEM; pools_free() in both cases. */
int pools_gather(const struct sysroot *root, unsigned nodes, struct pools *pools);
void pools_free(struct pools *pools);
void pools_text(const struct pools *pools, struct strbuf *out);
/* An array; the caller owns it. */
json_t *pools_json(const struct pools *pools);

/* Adds what "2M=512", "2M=1G" or "1G=max" asks for, of one node unless node is -1; *size
 * is the page's. A sentence of usage. */
int hugepage_wish(struct profile *profile, const struct tune_facts *facts,
                  const char *word, int node, uint64_t *size, struct err *err);

#endif
