// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of memory and NUMA. What is right depends on the goal: sharing pages makes room
 * on a dense host and leaks on a secure one, so such things are two checks, each wanted
 * by one goal.
 */
#include "probe/checks.h"
#include "probe/decide.h"

#include <string.h>

#define GIB (1024.0 * 1024) /* of KiB */

void check_memory_free(const struct facts *f, struct result *r)
{
	const struct memory_facts *m = &f->memory;

	if (!m->total)
		result_set(r, CHECK_SKIP, "/proc/meminfo could not be read");
	else if (m->available < 512 * 1024)
		result_set(r, CHECK_WARN, "only %.2f GiB of %.1f GiB are available",
		           m->available / GIB, m->total / GIB);
	else
		result_set(r, CHECK_PASS, "%.1f GiB of %.1f GiB are available",
		           m->available / GIB, m->total / GIB);
	if (r->status == CHECK_WARN)
		result_remedy(r,
		              "stop what uses memory: ps -eo rss,pid,comm --sort=-rss | "
		              "head");
}

void check_memory_overcommit(const struct facts *f, struct result *r)
{
	const struct memory_facts *m = &f->memory;
	uint64_t left =
		m->commit_limit > m->committed ? m->commit_limit - m->committed : 0;

	if (m->overcommit < 0) {
		result_set(r, CHECK_SKIP, "vm.overcommit_memory could not be read");
	} else if (m->overcommit < 2) {
		result_set(r, CHECK_PASS,
		           "vm.overcommit_memory=%d: guests may be promised "
		           "more than there is",
		           m->overcommit);
	} else if (left >= 1024 * 1024) {
		result_set(r, CHECK_PASS,
		           "vm.overcommit_memory=2: %.1f GiB can still be promised",
		           left / GIB);
	} else {
		result_set(r, CHECK_WARN,
		           "vm.overcommit_memory=2 and only %.2f GiB below CommitLimit: "
		           "a guest with more memory does not start",
		           left / GIB);
		remedy_sysctl("vm.overcommit_ratio", "90", r->remedy);
	}
}

void check_memory_swap(const struct facts *f, struct result *r)
{
	const struct memory_facts *m = &f->memory;

	if (!m->total)
		result_set(r, CHECK_SKIP, "/proc/meminfo could not be read");
	else if (m->swap_total)
		result_set(r, CHECK_PASS, "%.1f GiB", m->swap_total / GIB);
	else
		result_set(r, CHECK_WARN,
		           "no swap: guests that together need more than there is are "
		           "killed");
	if (r->status == CHECK_WARN)
		result_remedy(r, "sudo fallocate -l 8G /swapfile && sudo chmod 600 "
		                 "/swapfile && sudo mkswap /swapfile && sudo swapon "
		                 "/swapfile");
}

void check_security_swap(const struct facts *f, struct result *r)
{
	if (!f->memory.total)
		result_set(r, CHECK_SKIP, "/proc/meminfo could not be read");
	else if (!f->memory.swap_total)
		result_set(r, CHECK_PASS, "no swap: guest memory does not reach a disk");
	else
		result_set(
			r, CHECK_WARN,
			"guest memory may be swapped out: it stays on the disk after the "
			"guest's end");
	if (r->status == CHECK_WARN)
		result_remedy(r, "sudo swapoff -a, and remove it from /etc/fstab; or "
		                 "encrypt it");
}

void check_memory_ksm(const struct facts *f, struct result *r)
{
	const struct memory_facts *m = &f->memory;

	if (m->ksm < 0)
		result_set(r, CHECK_SKIP, "this kernel has no KSM");
	else if (m->ksm == 1)
		result_set(r, CHECK_PASS, "equal pages are shared, %.1f MiB saved",
		           m->ksm_sharing * 4 / 1024.0);
	else
		result_set(r, CHECK_WARN,
		           "KSM is off: equal pages of guests are kept several times");
	if (r->status == CHECK_WARN)
		result_remedy(r, "echo 1 | sudo tee /sys/kernel/mm/ksm/run");
}

void check_security_ksm(const struct facts *f, struct result *r)
{
	const struct memory_facts *m = &f->memory;

	if (m->ksm < 0)
		result_set(r, CHECK_PASS, "this kernel has no KSM");
	else if (m->ksm != 1 && !m->ksm_sharing)
		result_set(r, CHECK_PASS, "KSM is off");
	else
		result_set(
			r, CHECK_WARN,
			"KSM shares pages between guests: timing tells one what another "
			"has in memory");
	if (r->status == CHECK_WARN)
		result_remedy(r,
		              "echo 2 | sudo tee /sys/kernel/mm/ksm/run (unmerges; needs "
		              "the memory that was saved)");
}

void check_memory_thp(const struct facts *f, struct result *r)
{
	const struct memory_facts *m = &f->memory;

	if (!*m->thp)
		result_set(r, CHECK_SKIP, "this kernel has no transparent huge pages");
	else if (strcmp(m->thp, "never"))
		result_set(r, CHECK_PASS, "%s", m->thp);
	else if (m->huge_2m || m->huge_1g)
		result_set(r, CHECK_PASS, "never, but there is a pool of huge pages");
	else
		result_set(r, CHECK_WARN,
		           "never, and no pool of huge pages: guests pay for every TLB "
		           "miss");
	if (r->status == CHECK_WARN)
		result_remedy(r, "echo madvise | sudo tee "
		                 "/sys/kernel/mm/transparent_hugepage/enabled");
}

void check_memory_hugepages(const struct facts *f, struct result *r)
{
	const struct memory_facts *m = &f->memory;

	if (!m->total) {
		result_set(r, CHECK_SKIP, "/proc/meminfo could not be read");
	} else if (m->huge_lacking) {
		result_set(r, CHECK_WARN,
		           "the kernel was asked for %llu huge pages and got %llu fewer",
		           (unsigned long long)m->huge_asked,
		           (unsigned long long)m->huge_lacking);
		result_remedy(r,
		              "ask for fewer, or reserve them at boot: hugepages= before "
		              "memory is fragmented");
	} else if (!m->huge_2m && !m->huge_1g) {
		result_set(r, CHECK_NOTE, "no pool of huge pages");
	} else if (!m->hugetlbfs) {
		result_set(r, CHECK_WARN,
		           "%llu pages of 2 MiB and %llu of 1 GiB, but no hugetlbfs is "
		           "mounted",
		           (unsigned long long)m->huge_2m,
		           (unsigned long long)m->huge_1g);
		result_remedy(r,
		              "sudo mkdir -p /dev/hugepages && sudo mount -t hugetlbfs "
		              "hugetlbfs /dev/hugepages");
	} else {
		result_set(r, CHECK_PASS,
		           "%llu of 2 MiB (%llu free), %llu of 1 GiB (%llu "
		           "free)",
		           (unsigned long long)m->huge_2m,
		           (unsigned long long)m->huge_2m_free,
		           (unsigned long long)m->huge_1g,
		           (unsigned long long)m->huge_1g_free);
	}
}

void check_memory_huge_1g(const struct facts *f, struct result *r)
{
	if (!f->cpu.cpuid_known && !f->cpu.cpus)
		result_set(r, CHECK_SKIP,
		           "neither CPUID nor /proc/cpuinfo could be read");
	else if (f->cpu.pdpe1gb)
		result_set(r, CHECK_PASS, "the CPU has pages of 1 GiB");
	else
		result_set(r, CHECK_NOTE,
		           "the CPU has no pages of 1 GiB: use those of 2 MiB");
}

void check_memory_nvdimm(const struct facts *f, struct result *r)
{
	result_set(r, f->memory.nvdimms ? CHECK_NOTE : CHECK_PASS, "%u persistent DIMMs",
	           f->memory.nvdimms);
}

void check_numa_nodes(const struct facts *f, struct result *r)
{
	const struct numa_facts *n = &f->numa;

	if (!n->nodes) {
		result_set(r, CHECK_SKIP, "no nodes in /sys/devices/system/node");
	} else if (n->huge_uneven) {
		result_set(
			r, CHECK_WARN,
			"huge pages are on some of the %u nodes only: a guest pinned to "
			"another gets none",
			n->nodes);
		result_remedy(r, "set nr_hugepages of each node: "
		                 "/sys/devices/system/node/node*/hugepages/");
	} else if (n->memory_less) {
		result_set(r, CHECK_NOTE,
		           "%u of %u nodes have no memory: pin no guest there",
		           n->memory_less, n->nodes);
	} else if (n->nodes > 1) {
		result_set(r, CHECK_PASS,
		           "%u nodes; a guest above %.1f GiB spans several", n->nodes,
		           n->smallest / GIB);
	} else {
		result_set(r, CHECK_PASS, "one node");
	}
}

void check_numa_balancing(const struct facts *f, struct result *r)
{
	const struct numa_facts *n = &f->numa;

	if (n->nodes < 2 || n->balancing < 0)
		result_set(r, CHECK_SKIP, "needs several nodes");
	else if (!n->balancing)
		result_set(r, CHECK_PASS, "kernel.numa_balancing=0");
	else
		result_set(
			r, CHECK_WARN,
			"kernel.numa_balancing=%d: page faults of its scans delay pinned "
			"guests",
			n->balancing);
	if (r->status == CHECK_WARN)
		remedy_sysctl("kernel.numa_balancing", "0", r->remedy);
}

void check_numa_ksm(const struct facts *f, struct result *r)
{
	const struct memory_facts *m = &f->memory;

	if (f->numa.nodes < 2 || m->ksm != 1 || m->ksm_merge_nodes < 0)
		result_set(r, CHECK_SKIP, "needs several nodes and KSM");
	else if (!m->ksm_merge_nodes)
		result_set(r, CHECK_PASS, "merge_across_nodes=0");
	else
		result_set(
			r, CHECK_WARN,
			"merge_across_nodes=1: guests read shared pages from other nodes");
	if (r->status == CHECK_WARN)
		result_remedy(r, "cd /sys/kernel/mm/ksm && for v in run:2 "
		                 "merge_across_nodes:0 run:1; do echo ${v#*:} | sudo tee "
		                 "${v%%:*}; done");
}
