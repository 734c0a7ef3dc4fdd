// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two tables of verdicts on captured hosts. The first has what other tools get wrong on
 * such hosts, one row or more for each defect; the second says how a goal weighs a
 * finding. Run from the top of the tree.
 */
#include "common/cleanup.h"
#include "probe/decide.h"
#include "probe/report.h"
#include "tests/tap.h"

#include <stdio.h>
#include <string.h>

#define ROOTS "tests/roots"

struct row {
	const char *what; /* the tool's mistake, or the goal */
	const char *host, *id;
	enum check_status status;
	const char *says; /* in value, remedy or source */
};

static const struct row mistakes[] = {
	{ "1: fine for a user who is denied", "no-permission", "kvm.access", CHECK_FAIL,
	  "usermod" },
	{ "2: fine without the module", "modules-not-loaded", "kvm.node", CHECK_FAIL,
	  "does not exist" },
	{ "3: blind to the firmware's lock, since the kernel clears the flag",
	  "intel-bios-locked", "cpu.firmware", CHECK_FAIL, "firmware has switched" },
	{ "3: without the register, by CPUID", "amd-bios-locked-user", "cpu.firmware",
	  CHECK_FAIL, "the CPU has SVM" },
	{ "3: the CPU is not blamed", "intel-bios-locked", "cpu.virt", CHECK_PASS,
	  "VMX" },
	{ "3: an unlocked register is no fault", "nx-filtered", "cpu.firmware",
	  CHECK_PASS, "not switched off" },
	{ "4: the manual names another source", "intel-bios-locked", "cpu.firmware",
	  CHECK_FAIL, "MSR 3a" },
	{ "5: an AMD CPU with VT-d", "rig-amd", "iommu.table", CHECK_PASS, "DMAR" },
	{ "5: and its groups", "rig-amd", "iommu.groups", CHECK_PASS, "enabled" },
	{ "6: silent about interrupt remapping", "no-irq-remap", "iommu.irq", CHECK_WARN,
	  "not given to guests" },
	{ "7: flags beyond 1023 bytes", "amd-epyc-sev", "cpu.flags", CHECK_PASS,
	  "on all 8 CPUs" },
	{ "8: N is not 1", "amd-epyc-sev", "security.encrypt", CHECK_NOTE,
	  "KVM does not use it" },
	{ "8: Y is", "amd-epyc-sev-on", "security.encrypt", CHECK_PASS,
	  "KVM offers SEV SEV-ES" },
	{ "11: a module by its prefix", "modules-not-loaded", "module.kvm", CHECK_FAIL,
	  "kvm is not loaded" },
	{ "11: a module that is built in", "builtin-kvm", "module.vendor", CHECK_PASS,
	  "built in" },
	{ "12: controllers that version 2 does not have", "amd-epyc-sev", "limits.cgroup",
	  CHECK_PASS, "version 2: cpuset cpu io memory hugetlb pids rdma misc" },
	{ "12: one that is switched off", "cgroup-no-memory", "limits.cgroup", CHECK_WARN,
	  "without memory" },
	{ "13: the container hides the machine", "docker-in-vm", "nested.host",
	  CHECK_NOTE, "KVM" },
	{ "13: nor the machine the container", "docker-in-vm", "container.inside",
	  CHECK_NOTE, "docker" },
	{ "14: EPT passes without kvm_intel", "modules-not-loaded", "module.slat",
	  CHECK_SKIP, "no such parameter" },
	{ "14: swap of any name", "amd-epyc-sev", "security.swap", CHECK_NOTE,
	  "swapped out" },
	{ "14: 5.9 and 5.10", "old-kernel-5-10", "kvm.kernel", CHECK_PASS, "5.10" },
	{ "14: 4.18", "old-kernel-4-18", "kvm.kernel", CHECK_WARN, "older" },
	{ 0 },
};

static const struct row goals[] = {
	{ "secure", "amd-epyc-sev", "security.encrypt", CHECK_NOTE, "" },
	{ "secure", "intel-server-numa", "security.ksm", CHECK_WARN, "echo 2" },
	{ "secure", "intel-server-numa", "security.l1tf", CHECK_WARN, "nosmt" },
	{ "secure", "itlb-never", "security.mds", CHECK_WARN,
	  "zypper install ucode-intel" },
	{ "secure", "itlb-never", "security.itlb", CHECK_WARN, "nx_huge_pages" },
	{ "secure", "vfio-unsafe", "vfio.unsafe", CHECK_FAIL, "any interrupt" },
	{ "secure", "vfio-unsafe", "vfio.noiommu", CHECK_FAIL, "tainted" },
	{ "secure", "intel-laptop-arch", "kvm.mode", CHECK_WARN, "udev" },
	{ "dense", "intel-server-numa", "memory.ksm", CHECK_PASS, "1024.0 MiB" },
	{ "dense", "intel-ok", "limits.cgroup", CHECK_SKIP, "" },
	{ "dense", "amd-epyc-sev", "memory.ksm", CHECK_WARN, "echo 1" },
	{ "dense", "commit-limit", "memory.swap", CHECK_WARN, "swapon" },
	{ "dense", "commit-limit", "memory.thp", CHECK_PASS, "pool of huge pages" },
	{ "passthrough", "no-iommu", "iommu.table", CHECK_FAIL, "VT-d" },
	{ "passthrough", "iommu-off-cmdline", "iommu.groups", CHECK_FAIL, "iommu=off" },
	{ "passthrough", "no-irq-remap", "iommu.irq", CHECK_FAIL, "" },
	{ "passthrough", "passthrough-divided", "vfio.viable", CHECK_FAIL,
	  "kvm-assign bind --group 0000:01:01.0" },
	{ "passthrough", "passthrough-divided", "vfio.reserved", CHECK_WARN, "HPE" },
	{ "passthrough", "passthrough-divided", "vfio.power", CHECK_WARN,
	  "d3cold_allowed" },
	{ "passthrough", "passthrough-divided", "vfio.groups", CHECK_WARN, "ACS" },
	{ "passthrough", "passthrough-divided", "vfio.boot_vga", CHECK_WARN, "i915" },
	{ "passthrough", "intel-laptop-arch", "limits.memlock", CHECK_WARN,
	  "LimitMEMLOCK=infinity" },
	{ "lowlatency", "intel-laptop-arch", "power.governor", CHECK_WARN,
	  "performance" },
	{ "lowlatency", "intel-laptop-arch", "time.split_lock", CHECK_WARN,
	  "split_lock_mitigate = 0" },
	{ "lowlatency", "intel-server-numa", "numa.balancing", CHECK_WARN,
	  "kernel.numa_balancing = 0" },
	{ "lowlatency", "amd-epyc-sev", "module.apic", CHECK_WARN, "avic=1" },
	{ "lowlatency", "amd-epyc-sev-on", "module.apic", CHECK_PASS, "" },
	{ "migration", "rig-amd", "kvm.tsc_scaling", CHECK_WARN, "no TSC scaling" },
	{ "migration", "intel-server-numa", "kvm.models", CHECK_PASS,
	  "Cascadelake-Server-v4" },
	{ "guest", "tsc-unstable", "time.clocksource", CHECK_WARN, "hpet" },
	{ "guest", "intel-laptop-arch", "time.split_lock", CHECK_NOTE, "" },
	{ 0 },
};

/* No line of the table is asked for something that its goal does not know. */
static const struct row absent[] = {
	{ "guest", "no-iommu", "iommu.table", CHECK_PASS, NULL },
	{ "dense", "amd-ok", "security.ksm", CHECK_PASS, NULL },
	{ "secure", "amd-ok", "memory.ksm", CHECK_PASS, NULL },
	{ "migration", "amd-ok", "vfio.groups", CHECK_PASS, NULL },
	{ 0 },
};

static bool judge(const char *host, unsigned goal, struct report *report)
{
	struct gather_options options = { .trial = true };
	struct sysroot root;
	struct err err = { 0 };
	char path[256];
	int ret;

	snprintf(path, sizeof(path), ROOTS "/%s", host);
	ret = sysroot_open(&root, path, &err);
	if (!ret) {
		ret = facts_gather(&root, &options, &report->facts, &err);
		sysroot_close(&root);
	}
	report->goals = 1u << goal;
	report_judge(report);
	return tap_eq(ret, 0, "%s can be read", host);
}

static const struct result *find(const struct report *report, const char *id)
{
	for (unsigned i = 0; i < report->count; i++)
		if (!strcmp(report->results[i].check->id, id))
			return &report->results[i];
	return NULL;
}

static void test_row(const struct row *row, unsigned goal)
{
	_cleanup_free_ struct report *report = calloc(1, sizeof(*report));
	const struct result *r;
	char text[1200];

	if (!judge(row->host, goal, report))
		return;
	r = find(report, row->id);
	if (!row->says) {
		tap_ok(!r, "%s: %s is not asked on %s", row->what, row->id, row->host);
		return;
	}
	if (!tap_ok(r != NULL, "%s: %s is asked on %s", row->what, row->id, row->host))
		return;
	tap_str(check_status_name(r->status), check_status_name(row->status),
	        "%s: %s on %s", row->what, row->id, row->host);
	snprintf(text, sizeof(text), "%s => %s <= %s", r->value, r->remedy,
	         r->check->source);
	tap_has(text, row->says, "%s: %s says '%s'", row->what, row->id, row->says);
}

/* Several goals: the strictest counts. */
static void test_several(void)
{
	_cleanup_free_ struct report *report = calloc(1, sizeof(*report));

	if (!judge("intel-server-numa", GOAL_DENSE, report))
		return;
	report->goals = 1u << GOAL_DENSE | 1u << GOAL_SECURE;
	report_judge(report);
	tap_eq(find(report, "memory.ksm")->status, CHECK_PASS, "dense wants KSM");
	tap_eq(find(report, "security.ksm")->status, CHECK_WARN, "secure does not");
	tap_eq(find(report, "kvm.mode")->status, CHECK_PASS, "one of them is enough");
	tap_ok(!find(report, "vfio.groups"), "none of them assigns devices");
}

/* Every goal runs the checks without which no guest runs. */
static void test_basics(void)
{
	for (unsigned g = 0; g < GOAL_COUNT; g++) {
		tap_ok(check_judged(check_find("kvm.access"), 1u << g),
		       "%s needs /dev/kvm", goal_names[g]);
		tap_ok(goal_find(goal_names[g]) == (int)g, "%s is found by name",
		       goal_names[g]);
	}
	for (const struct check *c = checks; c->id; c++)
		if (!check_asked(c, 1u << GOAL_ALL))
			tap_ok(false, "%s is part of all", c->id);
}

int main(void)
{
	for (const struct row *row = mistakes; row->what; row++)
		test_row(row, GOAL_ALL);
	for (const struct row *row = goals; row->what; row++)
		test_row(row, goal_find(row->what));
	for (const struct row *row = absent; row->what; row++)
		test_row(row, goal_find(row->what));
	test_several();
	test_basics();
	return tap_done();
}
