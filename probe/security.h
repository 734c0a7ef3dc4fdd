/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keeps guests apart from each other and from the host. */
#ifndef PROBE_SECURITY_H
#define PROBE_SECURITY_H

#include "probe/facts.h"

/* File names, by enum vulnerability. */
extern const char *const vulnerability_names[VULN_COUNT];

/* Fills security (zeroed by the caller). */
void security_gather(const struct sysroot *root, struct security_facts *security);

#endif
