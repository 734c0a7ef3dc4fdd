// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory (Documentation/filesystems/proc.rst "meminfo", admin-guide/mm/hugetlbpage.rst,
 * ksm.rst, numa_memory_policy.rst). Pools of huge pages are read back per node: a request
 * that the kernel could not fulfil is silent.
 */
#include "probe/memory.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "probe/cmdline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HUGE_2M "hugepages-2048kB"
#define HUGE_1G "hugepages-1048576kB"

int memory_line(const char *text, const char *name, uint64_t *value)
{
	size_t n = strlen(name);
	uint64_t number;

	for (const char *at = text; (at = strstr(at, name)); at += n) {
		char digits[24];

		/* In a node's file the name stands behind "Node 0 ". */
		if ((at != text && at[-1] != '\n' && at[-1] != ' ') || at[n] != ':')
			continue;
		/* Sizes of 2^49 KiB and beyond are no memory. */
		if (sscanf(at + n + 1, " %20[0-9]", digits) != 1 ||
		    opt_parse_u64(digits, &number) < 0 || number >> 49)
			return -EINVAL;
		*value = number;
		return 0;
	}
	return -ENOENT;
}

static void gather_meminfo(const struct sysroot *root, struct memory_facts *memory)
{
	const struct {
		const char *name;
		uint64_t *value;
	} lines[] = {
		{ "MemTotal", &memory->total },
		{ "MemAvailable", &memory->available },
		{ "CommitLimit", &memory->commit_limit },
		{ "Committed_AS", &memory->committed },
		{ "SwapTotal", &memory->swap_total },
	};
	_cleanup_free_ char *text = NULL;

	if (sysroot_read_head(root, "proc/meminfo", 65536, &text) < 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++)
		memory_line(text, lines[i].name, lines[i].value);
}

static uint64_t number_or_0(const struct sysroot *root, const char *path)
{
	uint64_t value = 0;

	sysroot_number(root, path, &value);
	return value;
}

/* hugepages= counts pages of the size that hugepagesz= before it names; without one, of
 * default_hugepagesz=. A list per node ("0:2,1:2") adds up. */
static void gather_asked(const char *cmdline, struct memory_facts *memory)
{
	char size[16], count[48];
	bool giga;

	if (!cmdline_value(cmdline, "hugepages", false, count, sizeof(count)))
		return;
	if (!cmdline_value(cmdline, "hugepagesz", false, size, sizeof(size)))
		cmdline_value(cmdline, "default_hugepagesz", false, size, sizeof(size));
	giga = !strcmp(size, "1G");
	for (const char *p = count; *p; p += strspn(p, ",")) {
		const char *colon;
		char word[24];
		size_t len = strcspn(p, ",");
		uint64_t v = 0;

		snprintf(word, sizeof(word), "%.*s", (int)(len < 23 ? len : 23), p);
		colon = strchr(word, ':');
		if (!opt_parse_u64(colon ? colon + 1 : word, &v) && v < UINT32_MAX)
			memory->huge_asked += v;
		p += len;
	}
	if (memory->huge_asked > (giga ? memory->huge_1g : memory->huge_2m))
		memory->huge_lacking =
			memory->huge_asked - (giga ? memory->huge_1g : memory->huge_2m);
}

static void gather_huge(const struct sysroot *root, const char *cmdline,
                        struct memory_facts *memory)
{
	_cleanup_free_ char *mounts = NULL;

	memory->huge_2m =
		number_or_0(root, "sys/kernel/mm/hugepages/" HUGE_2M "/nr_hugepages");
	memory->huge_1g =
		number_or_0(root, "sys/kernel/mm/hugepages/" HUGE_1G "/nr_hugepages");
	memory->huge_2m_free =
		number_or_0(root, "sys/kernel/mm/hugepages/" HUGE_2M "/free_hugepages");
	memory->huge_1g_free =
		number_or_0(root, "sys/kernel/mm/hugepages/" HUGE_1G "/free_hugepages");
	gather_asked(cmdline, memory);
	if (!sysroot_read_head(root, "proc/self/mounts", 1 << 20, &mounts))
		memory->hugetlbfs = strstr(mounts, " hugetlbfs ") != NULL;
}

static void gather_ksm(const struct sysroot *root, struct memory_facts *memory)
{
	memory->ksm = sysroot_small(root, "sys/kernel/mm/ksm/run");
	memory->ksm_sharing = number_or_0(root, "sys/kernel/mm/ksm/pages_sharing");
	memory->ksm_merge_nodes =
		sysroot_small(root, "sys/kernel/mm/ksm/merge_across_nodes");
}

/* ---- NUMA ---- */

struct pool_range {
	uint64_t min, max;
};

static void count_pool(const struct sysroot *root, const char *node, const char *pool,
                       struct pool_range *range)
{
	char path[512];
	uint64_t v;

	snprintf(path, sizeof(path),
	         "sys/devices/system/node/%s/hugepages/%s/nr_hugepages", node, pool);
	v = number_or_0(root, path);
	if (v < range->min)
		range->min = v;
	if (v > range->max)
		range->max = v;
}

static void one_node(const struct sysroot *root, const char *node,
                     struct numa_facts *numa, struct pool_range pools[2])
{
	_cleanup_free_ char *text = NULL;
	uint64_t total = 0;
	char path[512];

	numa->nodes++;
	snprintf(path, sizeof(path), "sys/devices/system/node/%s/meminfo", node);
	if (!sysroot_read_head(root, path, 65536, &text))
		memory_line(text, "MemTotal", &total);
	if (!total) {
		numa->memory_less++;
		return;
	}
	if (total > numa->largest)
		numa->largest = total;
	if (!numa->smallest || total < numa->smallest)
		numa->smallest = total;
	count_pool(root, node, HUGE_2M, &pools[0]);
	count_pool(root, node, HUGE_1G, &pools[1]);
}

static void gather_numa(const struct sysroot *root, struct numa_facts *numa)
{
	struct pool_range pools[2] = { { UINT64_MAX, 0 }, { UINT64_MAX, 0 } };
	struct names names;

	sysroot_list(root, "sys/devices/system/node", &names);
	for (unsigned i = 0; i < names.count; i++) {
		const char *name = names.name[i];

		if (!strncmp(name, "node", 4) && name[4] >= '0' && name[4] <= '9')
			one_node(root, name, numa, pools);
	}
	names_free(&names);
	for (unsigned i = 0; i < ARRAY_SIZE(pools); i++)
		numa->huge_uneven |= pools[i].max && !pools[i].min;
	numa->balancing = sysroot_small(root, "proc/sys/kernel/numa_balancing");
}

void memory_gather(const struct sysroot *root, const char *cmdline,
                   struct memory_facts *memory, struct numa_facts *numa)
{
	struct names names;

	gather_meminfo(root, memory);
	memory->overcommit = sysroot_small(root, "proc/sys/vm/overcommit_memory");
	sysroot_choice(root, "sys/kernel/mm/transparent_hugepage/enabled", memory->thp,
	               sizeof(memory->thp));
	gather_huge(root, cmdline, memory);
	gather_ksm(root, memory);
	sysroot_list(root, "sys/bus/nd/devices", &names);
	for (unsigned i = 0; i < names.count; i++)
		memory->nvdimms += !strncmp(names.name[i], "nmem", 4);
	names_free(&names);
	gather_numa(root, numa);
}
