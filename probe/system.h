/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the system gives a guest's process: device nodes, limits, cgroups, namespaces,
 * network and disks. */
#ifndef PROBE_SYSTEM_H
#define PROBE_SYSTEM_H

#include "probe/facts.h"

/* Nodes untried, limits unknown: what a captured host has until its kvm.json is read. */
void nodes_init(struct nodes_facts *nodes, struct limits_facts *limits);
/* Fills both for this process; nothing on a captured root. */
void nodes_gather(const struct sysroot *root, struct nodes_facts *nodes,
                  struct limits_facts *limits);
/* Fills system (zeroed by the caller). cmdline: kernel parameters. */
void system_gather(const struct sysroot *root, const char *cmdline,
                   struct system_facts *system);

/* The parts, for tests. Each appends to buf, which holds a string. */
/* Interfaces of /proc/net/route text that have a default route. */
void system_routes(const char *text, char *buf, size_t size);
/* Enabled and mounted controllers of /proc/cgroups text. */
void system_cgroups(const char *text, char *buf, size_t size);

#endif
