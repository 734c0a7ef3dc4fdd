/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory and its NUMA nodes: how much, who may promise it, huge pages, sharing. */
#ifndef PROBE_MEMORY_H
#define PROBE_MEMORY_H

#include "probe/facts.h"

/* Fills memory and numa (zeroed by the caller). cmdline: kernel parameters. */
void memory_gather(const struct sysroot *root, const char *cmdline,
                   struct memory_facts *memory, struct numa_facts *numa);

/* The number of a "Name:   123 kB" line; -ENOENT when there is none. */
int memory_line(const char *text, const char *name, uint64_t *value);

#endif
