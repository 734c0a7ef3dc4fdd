/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What makes guests late: clocks, idle states, frequencies, the kernel's preemption. */
#ifndef PROBE_POWER_H
#define PROBE_POWER_H

#include "probe/facts.h"

/* Fills power (zeroed by the caller). kernel: the release; cmdline: its parameters. */
void power_gather(const struct sysroot *root, const char *kernel, const char *cmdline,
                  struct power_facts *power);

#endif
