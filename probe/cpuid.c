// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPUID as a table (Intel SDM vol. 2 "CPUID"; AMD APM vol. 3, appendix E). Only the
 * leaves that a check reads are executed: inside a virtual machine each one costs an
 * exit.
 */
#include "probe/cpuid.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const uint32_t wanted[] = {
	0x0,        0x1,        0x7,        0x40000000, 0x80000000,
	0x80000001, 0x80000002, 0x80000003, 0x80000004, 0x80000007,
	0x80000008, 0x8000000a, 0x8000001f,
};

/* A leaf above its range's maximum answers with another leaf's data on Intel. */
static bool in_range(const struct cpuid_table *table, uint32_t leaf)
{
	uint32_t base = leaf & 0xf0000000;

	if (base == 0x40000000)
		return cpuid_reg(table, 1, ECX) >> 31;
	return leaf == base || leaf <= cpuid_reg(table, base, EAX);
}

static void cpuid_live(struct cpuid_table *table)
{
	for (unsigned i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct cpuid_leaf *l = &table->leaf[table->count];

		if (!in_range(table, wanted[i]))
			continue;
		l->leaf = wanted[i];
		l->sub = 0;
		__cpuid_count(l->leaf, 0, l->reg[EAX], l->reg[EBX], l->reg[ECX],
		              l->reg[EDX]);
		table->count++;
	}
}

/* "   0x00000001 0x00: eax=0x00000000 ebx=... ecx=... edx=..." */
static int parse_line(const char *line, struct cpuid_leaf *l)
{
	char word[6][16];
	uint32_t *out[6] = { &l->leaf,     &l->sub,      &l->reg[EAX],
		             &l->reg[EBX], &l->reg[ECX], &l->reg[EDX] };

	if (sscanf(line,
	           " %15[0-9a-fx] %15[0-9a-fx]: eax=%15s ebx=%15s ecx=%15s edx=%15s",
	           word[0], word[1], word[2], word[3], word[4], word[5]) != 6)
		return -EINVAL;
	for (unsigned i = 0; i < 6; i++) {
		uint64_t v;

		if (opt_parse_u64(word[i], &v) < 0 || v > UINT32_MAX)
			return -EINVAL;
		*out[i] = v;
	}
	return 0;
}

int cpuid_parse(const char *text, struct cpuid_table *table, struct err *err)
{
	unsigned number = 0, cpu = 0;

	table->count = 0;
	for (const char *line = text; *line && cpu < 2; number++) {
		size_t len = strcspn(line, "\n");
		char copy[160];

		snprintf(copy, sizeof(copy), "%.*s", (int)(len < 159 ? len : 159), line);
		line += len + (line[len] == '\n');
		if (!strncmp(copy, "CPU", 3)) {
			cpu++;
			continue;
		}
		if (!copy[strspn(copy, " \t\r")] || copy[0] == '#')
			continue;
		if (table->count == CPUID_MAX)
			return err_set(err, EINVAL, "more than %d CPUID leaves",
			               CPUID_MAX);
		if (parse_line(copy, &table->leaf[table->count]) < 0)
			return err_set(err, EINVAL,
			               "line %u is not as `cpuid -r` prints it",
			               number + 1);
		table->count++;
	}
	return 0;
}

int cpuid_gather(const struct sysroot *root, struct cpuid_table *table, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int ret;

	table->count = 0;
	if (root->live) {
		cpuid_live(table);
		return 0;
	}
	ret = sysroot_read(root, "kvmkit/cpuid.txt", 256 * 1024, &text);
	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return err_sys(err, -ret, "cannot read kvmkit/cpuid.txt");
	ret = cpuid_parse(text, table, err);
	if (ret < 0)
		err_prefix(err, "kvmkit/cpuid.txt");
	return ret;
}

bool cpuid_has(const struct cpuid_table *table, uint32_t leaf)
{
	for (unsigned i = 0; i < table->count; i++)
		if (table->leaf[i].leaf == leaf)
			return true;
	return false;
}

uint32_t cpuid_reg(const struct cpuid_table *table, uint32_t leaf, unsigned reg)
{
	for (unsigned i = 0; i < table->count; i++)
		if (table->leaf[i].leaf == leaf && !table->leaf[i].sub)
			return table->leaf[i].reg[reg];
	return 0;
}
