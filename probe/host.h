/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system around: kernel, distribution, container, and the user who asks. */
#ifndef PROBE_HOST_H
#define PROBE_HOST_H

#include "probe/facts.h"

/* Fills host (zeroed by the caller). */
void host_gather(const struct sysroot *root, struct host_facts *host);

/* Fills user. node_gid: the group of /dev/kvm, or -1. On a captured root only what
 * /etc/group and /etc/passwd say is added to what the capture gave. */
void user_gather(const struct sysroot *root, int64_t node_gid, struct user_facts *user);

/* The parts, for tests. */
/* Value of KEY=value or KEY="value" in os-release text; buf is "" when absent. */
void host_os_value(const char *text, const char *key, char *buf, size_t size);
/* Name of the container that cgroup paths tell of, or "". */
const char *host_container_of_cgroup(const char *text);
/* The name of group gid in /etc/group text; *member tells whether `user` is listed. */
bool user_group(const char *text, uint32_t gid, const char *user, char *name, size_t size,
                bool *member);

#endif
