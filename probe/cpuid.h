/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID leaves: from the instruction on the running host, from kvmkit/cpuid.txt on a
 * captured one (the lines of `cpuid -r`; the first CPU counts). */
#ifndef PROBE_CPUID_H
#define PROBE_CPUID_H

#include "common/err.h"
#include "probe/sysroot.h"

#include <stdbool.h>
#include <stdint.h>

enum { EAX, EBX, ECX, EDX };

struct cpuid_leaf {
	uint32_t leaf, sub;
	uint32_t reg[4];
};

#define CPUID_MAX 128
struct cpuid_table {
	unsigned count; /* 0: nothing is known */
	struct cpuid_leaf leaf[CPUID_MAX];
};

/* 0 (count may be 0: no capture), or -EINVAL with the line of a broken capture. */
int cpuid_gather(const struct sysroot *root, struct cpuid_table *table, struct err *err);
/* Parses the text of a capture; as cpuid_gather(). */
int cpuid_parse(const char *text, struct cpuid_table *table, struct err *err);
bool cpuid_has(const struct cpuid_table *table, uint32_t leaf);
/* A register of a leaf, subleaf 0; 0 when the leaf is not there. */
uint32_t cpuid_reg(const struct cpuid_table *table, uint32_t leaf, unsigned reg);

#endif
