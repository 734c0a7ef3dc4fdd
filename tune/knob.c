// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of knobs. Its order is the order in which they are applied: what KSM needs
 * before it runs comes before ksm.run. Ranges are the kernel's own where it refuses what
 * is outside (Documentation/admin-guide/sysctl/vm.rst, mm/ksm.rst,
 * virt/kvm/halt-polling.rst), and narrower where it would accept what cannot be meant.
 */
#include "tune/knob.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#define S(name)   "proc/sys/" name
#define KSM(name) "sys/kernel/mm/ksm/" name
#define MOD(m, p) "sys/module/" m "/parameters/" p

/* name, path, range, counterpart, why, risk */
#define SYSCTL(n, p, lo, hi, pr, w, r)                                     \
	{                                                                  \
		n, S(p), KNOB_NUMBER, STORE_SYSCTL, lo, hi, NULL, pr, w, r \
	}
#define KSM_NUMBER(n, lo, hi, w, r)                                                    \
	{                                                                              \
		"ksm." n, KSM(n), KNOB_NUMBER, STORE_TMPFILE, lo, hi, NULL, NULL, w, r \
	}
#define PARAM(m, n, lo, hi, w, r)                                                       \
	{                                                                               \
		m "." n, MOD(m, n), KNOB_NUMBER, STORE_MODULE, lo, hi, NULL, NULL, w, r \
	}
#define FLAG(m, n, w, r)                                                            \
	{                                                                           \
		m "." n, MOD(m, n), KNOB_BOOL, STORE_MODULE, 0, 1, NULL, NULL, w, r \
	}

#define U31 0x7fffffffu

const struct knob knobs[] = {
	SYSCTL("vm.swappiness", "vm/swappiness", 0, 200, NULL,
	       "how readily guest RAM is swapped out in favour of the page cache",
	       "0: the OOM killer comes before swap does"),
	SYSCTL("vm.overcommit_ratio", "vm/overcommit_ratio", 0, 10000,
	       "vm.overcommit_kbytes", "percent of RAM that mode 2 lets programs commit",
	       "below 100 some RAM can never be given to guests"),
	SYSCTL("vm.overcommit_kbytes", "vm/overcommit_kbytes", 0, UINT64_MAX >> 11,
	       "vm.overcommit_ratio", "the same as an amount instead of a percentage",
	       "replaces the ratio"),
	SYSCTL("vm.overcommit_memory", "vm/overcommit_memory", 0, 2, NULL,
	       "0 refuses only absurd sizes, 1 refuses nothing, 2 refuses beyond CommitLimit",
	       "1: the OOM killer may end a guest; 2: a guest may fail to start"),
	SYSCTL("vm.dirty_ratio", "vm/dirty_ratio", 0, 100, "vm.dirty_bytes",
	       "percent of memory with unwritten data before writers must wait",
	       "high: long stalls when it is written back"),
	SYSCTL("vm.dirty_bytes", "vm/dirty_bytes", 8192, UINT64_MAX >> 1,
	       "vm.dirty_ratio", "the same as an amount", "replaces the ratio"),
	SYSCTL("vm.dirty_background_ratio", "vm/dirty_background_ratio", 0, 100,
	       "vm.dirty_background_bytes",
	       "percent of memory with unwritten data before writing starts",
	       "low: more and smaller writes"),
	SYSCTL("vm.dirty_background_bytes", "vm/dirty_background_bytes", 1,
	       UINT64_MAX >> 1, "vm.dirty_background_ratio", "the same as an amount",
	       "replaces the ratio"),
	SYSCTL("vm.zone_reclaim_mode", "vm/zone_reclaim_mode", 0, 7, NULL,
	       "reclaim on the near node before memory of a far one is taken",
	       "guests larger than a node stall"),
	SYSCTL("vm.compaction_proactiveness", "vm/compaction_proactiveness", 0, 100, NULL,
	       "background work that makes huge pages available", "jitter"),
	SYSCTL("vm.stat_interval", "vm/stat_interval", 1, 3600, NULL,
	       "seconds between the per-CPU timers that fold statistics",
	       "stale counters"),
	SYSCTL("vm.max_map_count", "vm/max_map_count", 65530, U31, NULL,
	       "mappings of one process: large guests with many devices need more",
	       "none"),
	SYSCTL("vm.nr_overcommit_hugepages", "vm/nr_overcommit_hugepages", 0, U31, NULL,
	       "huge pages that may be made beyond the pool when a guest asks",
	       "they come from free memory"),
	SYSCTL("kernel.numa_balancing", "kernel/numa_balancing", 0, 3, NULL,
	       "move pages to the node that uses them", "page faults in pinned guests"),
	SYSCTL("kernel.split_lock_mitigate", "kernel/split_lock_mitigate", 0, 1, NULL,
	       "slow down programs whose locked accesses cross a cache line",
	       "0: such a guest slows down the whole host"),
	SYSCTL("net.core.somaxconn", "net/core/somaxconn", 16, 65535, NULL,
	       "connections waiting to be accepted", "none"),
	{ "thp.enabled", "sys/kernel/mm/transparent_hugepage/enabled", KNOB_CHOICE,
	  STORE_TMPFILE, 0, 0, "always madvise never", NULL,
	  "huge pages for guest RAM without a pool: fewer TLB misses",
	  "always: latency spikes while they are made" },
	{ "thp.defrag", "sys/kernel/mm/transparent_hugepage/defrag", KNOB_CHOICE,
	  STORE_TMPFILE, 0, 0, "always defer defer+madvise madvise never", NULL,
	  "who makes room for a huge page: the program that faults, or the background",
	  "always: faults wait" },
	KSM_NUMBER("merge_across_nodes", 0, 1, "share pages between NUMA nodes",
	           "1: memory of a far node; a change unmerges everything first"),
	KSM_NUMBER("use_zero_pages", 0, 1,
	           "merge empty pages with the kernel's zero page",
	           "0: empty pages share one that KSM keeps"),
	{ "ksm.advisor_mode", KSM("advisor_mode"), KNOB_CHOICE, STORE_TMPFILE, 0, 0,
	  "none scan-time", NULL, "the kernel sets the scan rate itself", "none" },
	KSM_NUMBER("pages_to_scan", 1, 1000000,
	           "pages that ksmd looks at before it sleeps", "CPU time of ksmd"),
	KSM_NUMBER("sleep_millisecs", 1, 3600000, "how long ksmd sleeps",
	           "low: ksmd takes a whole CPU"),
	KSM_NUMBER(
		"run", 0, 2,
		"merge equal pages of guests: 1 on, 0 off (merged ones stay), 2 unmerge",
		"on: CPU time, and a guest can find out what others hold; 2: needs memory"),
	PARAM("kvm", "halt_poll_ns", 0, 10000000,
	      "how long an idle vCPU polls before its thread sleeps",
	      "idle guests use CPU; 0: wake-ups take longer"),
	PARAM("kvm", "halt_poll_ns_grow", 0, 1000,
	      "factor by which polling grows when a wake-up came soon after it",
	      "0: polling stays off after it was given up"),
	PARAM("kvm", "halt_poll_ns_shrink", 0, 1000,
	      "divisor by which polling shrinks when it was in vain; 0: to nothing",
	      "idle guests use CPU for longer"),
	PARAM("kvm", "min_timer_period_us", 0, 1000000,
	      "shortest period of a guest's timer", "low: a guest can load a CPU"),
	FLAG("kvm", "kvmclock_periodic_sync", "correct guests' clocks every 5 minutes",
	     "N: clocks of old guests may drift"),
	FLAG("kvm", "ignore_msrs", "unknown MSRs read as 0 instead of a fault",
	     "Y: guests miss errors they should see"),
	FLAG("kvm", "enable_vmware_backdoor", "the I/O port of another hypervisor",
	     "Y: more code that a guest can reach"),
	FLAG("kvm", "mitigate_smt_rsb", "flush return predictions between CPU threads",
	     "N: a guest may learn secrets on some AMD CPUs"),
	FLAG("kvm", "nx_huge_pages",
	     "split huge pages of guest code, on CPUs with the itlb_multihit bug",
	     "N on such a CPU: a guest can halt the host; Y on others: slower guests"),
	FLAG("kvm", "enable_virt_at_load",
	     "KVM takes the CPU's virtualization when it is loaded, not with the first guest",
	     "Y: another hypervisor cannot start; N: the first guest starts later"),
	FLAG("kvm_intel", "nested", "guests can run guests",
	     "more code a guest can reach"),
	FLAG("kvm_amd", "nested", "guests can run guests", "more code a guest can reach"),
	FLAG("kvm_amd", "avic", "interrupts reach vCPUs without an exit",
	     "not with nested guests on every CPU"),
	FLAG("kvm_intel", "enable_apicv", "interrupts reach vCPUs without an exit",
	     "none"),
	PARAM("kvm_intel", "ple_gap", 0, 1000000,
	      "notice vCPUs that spin on a lock; 0 with pinned vCPUs",
	      "0 on a crowded host: spinning wastes CPU"),
	FLAG("vfio_iommu_type1", "allow_unsafe_interrupts",
	     "pass devices through without interrupt remapping",
	     "Y: a guest can inject interrupts into the host"),
	{ "hugepages.2M", "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
	  KNOB_NUMBER, STORE_BOOT, 0, U31, NULL, NULL,
	  "pool of 2 MiB pages for guest RAM", "the memory is gone for everything else" },
	{ "hugepages.1G", "sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages",
	  KNOB_NUMBER, STORE_BOOT, 0, U31, NULL, NULL,
	  "pool of 1 GiB pages for guest RAM", "the memory is gone for everything else" },
	{ "hugepages.2M.node",
	  "sys/devices/system/node/node*/hugepages/hugepages-2048kB/nr_hugepages",
	  KNOB_NUMBER, STORE_BOOT, 0, U31, NULL, NULL, "the same on one NUMA node",
	  "the memory is gone for everything else" },
	{ "hugepages.1G.node",
	  "sys/devices/system/node/node*/hugepages/hugepages-1048576kB/nr_hugepages",
	  KNOB_NUMBER, STORE_BOOT, 0, U31, NULL, NULL, "the same on one NUMA node",
	  "the memory is gone for everything else" },
	{ "block.scheduler", "sys/block/*/queue/scheduler", KNOB_CHOICE, STORE_BOOT, 0, 0,
	  NULL, NULL, "order of disk requests", "none" },
	{ "block.read_ahead_kb", "sys/block/*/queue/read_ahead_kb", KNOB_NUMBER,
	  STORE_BOOT, 0, 1048576, NULL, NULL, "how far sequential reads run ahead",
	  "wasted reads of random access" },
	{ "cpu.governor", "sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
	  KNOB_WORD, STORE_BOOT, 0, 0,
	  "performance powersave ondemand conservative schedutil userspace", NULL,
	  "how the CPU's frequency follows its load", "power" },
	{ "cpu.boost", "sys/devices/system/cpu/cpufreq/boost", KNOB_NUMBER, STORE_BOOT, 0,
	  1, NULL, NULL, "frequencies above the nominal one", "power" },
	{ "cpu.min_perf_pct", "sys/devices/system/cpu/intel_pstate/min_perf_pct",
	  KNOB_NUMBER, STORE_BOOT, 0, 100, NULL, NULL, "lowest performance in percent",
	  "power" },
	{ "cpu.resume_latency_us",
	  "sys/devices/system/cpu/cpu*/power/pm_qos_resume_latency_us", KNOB_NUMBER,
	  STORE_BOOT, 0, 1000000, NULL, NULL,
	  "no idle state that takes longer to leave; 0: any", "power, less boost" },
	{ 0 },
};

/* ---- rows ---- */

const struct knob *knob_find(const char *name, struct err *err)
{
	const char *names[ARRAY_SIZE(knobs)] = { 0 }, *near;

	for (unsigned i = 0; knobs[i].name; i++) {
		if (!strcmp(knobs[i].name, name))
			return &knobs[i];
		names[i] = knobs[i].name;
	}
	near = opt_nearest(name, names);
	if (near)
		err_usage(err, "there is no knob '%.100s', did you mean '%s'?", name,
		          near);
	else
		err_usage(err, "there is no knob '%.100s'; kvm-tune show lists them",
		          name);
	return NULL;
}

const struct knob *knob_of_path(const char *path)
{
	for (const struct knob *knob = knobs; knob->name; knob++)
		if (!fnmatch(knob->path, path, FNM_PATHNAME | FNM_PERIOD))
			return knob;
	return NULL;
}

void knob_instance(const struct knob *knob, const char *path, char *buf, size_t size)
{
	const char *star = strchr(knob->path, '*'), *start = NULL, *end = NULL;

	if (star) {
		/* The whole component that holds the star: "node0", "sda". */
		start = path + (star - knob->path);
		while (start > path && start[-1] != '/')
			start--;
		end = strchrnul(start, '/');
	}
	snprintf(buf, size, "%.*s", (int)(end - start), start ? start : "");
}

const char *knob_module(const struct knob *knob, char *buf, size_t size)
{
	const char *dot = strchr(knob->name, '.');

	snprintf(buf, size, "%.*s", (int)(dot - knob->name), knob->name);
	return dot + 1;
}

/* ---- values ---- */

static bool word_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; len && (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

/* Decimal digits only, as the kernel's own decimal parser takes them. */
static int number(const char *text, uint64_t *value)
{
	while (text[0] == '0' && text[1])
		text++;
	if (!*text || text[strspn(text, "0123456789")])
		return -EINVAL;
	return opt_parse_u64(text, value);
}

/* As the kernel reads them: the first letter decides. */
static int boolean(const char *text, bool *on)
{
	static const char *const kernel[] = { "N", "Y", "0", "1" };

	for (unsigned i = 0; i < ARRAY_SIZE(kernel); i++) {
		if (!strcmp(text, kernel[i])) {
			*on = i & 1;
			return 0;
		}
	}
	return opt_parse_bool(text, on);
}

int knob_check(const struct knob *knob, const char *text, struct err *err)
{
	uint64_t value;
	bool on;

	if (strlen(text) >= KNOB_VALUE_MAX)
		return err_usage(err, "%s: the value is too long", knob->name);
	switch (knob->kind) {
	case KNOB_NUMBER:
		if (number(text, &value) < 0)
			return err_usage(err, "%s needs a number, not '%s'", knob->name,
			                 text);
		if (value < knob->min || value > knob->max)
			return err_usage(err, "%s must be %llu to %llu, not %s",
			                 knob->name, (unsigned long long)knob->min,
			                 (unsigned long long)knob->max, text);
		return 0;
	case KNOB_BOOL:
		if (boolean(text, &on) < 0)
			return err_usage(err, "%s must be on or off, not '%s'",
			                 knob->name, text);
		return 0;
	case KNOB_CHOICE:
	case KNOB_WORD:
		if (text[strcspn(text, " \t\n[]=,;#")] || !*text)
			return err_usage(err, "%s needs one word, not '%s'", knob->name,
			                 text);
		if (knob->choices && !word_in(knob->choices, text))
			return err_usage(err, "%s must be one of: %s; not '%s'",
			                 knob->name, knob->choices, text);
		return 0;
	}
	return 0;
}

void knob_value(const struct knob *knob, const char *raw, char *buf, size_t size)
{
	size_t len = strcspn(raw, "\n");
	const char *open = memchr(raw, '[', len);
	const char *close = open ? memchr(open, ']', raw + len - open) : NULL;
	bool on;

	if (knob->kind == KNOB_CHOICE && close) {
		raw = open + 1;
		len = close - raw;
	}
	snprintf(buf, size, "%.*s", (int)len, raw);
	if (knob->kind == KNOB_BOOL && !boolean(buf, &on))
		snprintf(buf, size, "%s", on ? "Y" : "N");
}

bool knob_same(const struct knob *knob, const char *a, const char *b)
{
	uint64_t x, y;
	bool on, other;

	if (knob->kind == KNOB_BOOL && !boolean(a, &on) && !boolean(b, &other))
		return on == other;
	if (knob->kind == KNOB_NUMBER && !number(a, &x) && !number(b, &y))
		return x == y;
	return !strcmp(a, b);
}
