// SPDX-License-Identifier: GPL-2.0-or-later
/* Plans: what is done, what is left, what is refused and with which number. */
#include "tests/tune/plan-lib.h"

#include "tests/tap.h"

#include <errno.h>
#include <string.h>

#define GIB (1ull << 30)

static struct tune_facts facts;
static struct planned p;

static void expect(const char *knob, enum plan_action action, const char *note,
                   const char *what)
{
	const struct plan_row *row = row_of(&p, knob);

	tap_ok(row->action == action && strstr(row->note, note),
	       "%s (action %d, note '%s')", what, row->action, row->note);
}

static void test_single(void)
{
	plan_text(&p, &facts, "vm.swappiness = 10 ; because");
	expect("vm.swappiness", PLAN_SET, "", "another value is set");
	tap_eq(p.plan.count, 1, "nothing else");
	tap_str(p.plan.rows[0].value, "10", "to this value");
	tap_str(p.plan.rows[0].want->why, "because", "with its reason");
	planned_free(&p);
	plan_text(&p, &facts, "vm.swappiness = 060");
	expect("vm.swappiness", PLAN_KEEP, "", "the same value is kept");
	planned_free(&p);
	plan_text(&p, &facts, "vm.swappiness = 10\nvm.swappiness = 20");
	tap_str(row_of(&p, "vm.swappiness")->value, "20", "the last wish wins");
	planned_free(&p);
	plan_text(&p, &facts, "vm.swappiness = >=30");
	expect("vm.swappiness", PLAN_KEEP, "higher already", "at least: never lowered");
	planned_free(&p);
	plan_text(&p, &facts, "vm.swappiness = >=80");
	expect("vm.swappiness", PLAN_SET, "", "but raised");
	planned_free(&p);
	plan_text(&p, &facts, "kernel.numa_balancing = 1 if numa");
	tap_eq(p.plan.count, 0, "if numa: not with one node");
	planned_free(&p);
	facts.nodes = 2;
	plan_text(&p, &facts, "kernel.numa_balancing = 1 if numa");
	expect("kernel.numa_balancing", PLAN_SET, "", "with two");
	planned_free(&p);
	facts.nodes = 1;
	plan_text(&p, &facts, "block.scheduler = bfq");
	expect("block.scheduler", PLAN_ABSENT, "offers: [none] mq-deadline",
	       "a word that this kernel does not know");
	planned_free(&p);
	plan_text(&p, &facts, "block.scheduler = mq-deadline");
	expect("block.scheduler", PLAN_SET, "", "one that it knows");
	planned_free(&p);
}

static void test_modules(void)
{
	struct setting *s = host_find(&facts, "kvm_intel.nested");

	s->writable = false;
	plan_word(&p, &facts, "kvm_intel.nested=1");
	expect("kvm_intel.nested", PLAN_BOOT, "read-only while", "a loaded module");
	planned_free(&p);
	s->module = MODULE_BUILTIN;
	plan_word(&p, &facts, "kvm_intel.nested=1");
	expect("kvm_intel.nested", PLAN_ABSENT,
	       "kvm_intel.nested=1 to the kernel command", "a built-in one");
	planned_free(&p);
	s->present = false;
	s->module = MODULE_NONE;
	plan_word(&p, &facts, "kvm_intel.nested=1");
	expect("kvm_intel.nested", PLAN_BOOT, "when kvm_intel is loaded",
	       "one that is not loaded, named");
	planned_free(&p);
	plan_text(&p, &facts, "kvm_intel.nested = 1");
	expect("kvm_intel.nested", PLAN_ABSENT, "kvm_intel is not loaded",
	       "one that is not loaded, of a profile");
	planned_free(&p);
	s->module = MODULE_LOADED;
	plan_word(&p, &facts, "kvm_intel.nested=1");
	expect("kvm_intel.nested", PLAN_ABSENT, "no such parameter",
	       "a parameter of newer ones");
	planned_free(&p);
	s->present = s->writable = true;
	s = host_find(&facts, "vm.stat_interval");
	s->writable = false;
	plan_word(&p, &facts, "vm.stat_interval=5");
	expect("vm.stat_interval", PLAN_REFUSE, "read-only",
	       "anything else that is read-only");
	planned_free(&p);
	s->writable = true;
}

static void test_commit(void)
{
	uint64_t mode;

	tap_eq(plan_commit_limit(&(struct memory){ .total = 2976904ull * 1024 }, 4096, 50,
	                         0),
	       1488452ull * 1024, "CommitLimit of a ratio, as a kernel printed it");
	tap_eq(plan_commit_limit(&(struct memory){ .total = 2976904ull * 1024,
	                                           .hugetlb = 400ull * 2048 * 1024 },
	                         4096, 50, 0),
	       1078852ull * 1024, "less huge pages");
	tap_eq(plan_commit_limit(&(struct memory){ .total = GIB, .swap_total = GIB },
	                         4096, 50, 4096),
	       GIB + 4096 * 1024, "of an amount, plus swap");
	plan_word(&p, &facts, "vm.overcommit_memory=2");
	expect("vm.overcommit_memory", PLAN_SET, "", "mode 2 with room");
	tap_eq(plan_limit_after(&p.plan, &facts, &mode), 10 * GIB,
	       "the limit it will have");
	tap_eq(mode, 2, "and the mode");
	planned_free(&p);
	facts.memory.committed = 10 * GIB;
	plan_word(&p, &facts, "vm.overcommit_memory=2");
	expect("vm.overcommit_memory", PLAN_SET, "", "exactly at the limit");
	planned_free(&p);
	facts.memory.committed = 10 * GIB + 4096;
	plan_word(&p, &facts, "vm.overcommit_memory=2");
	expect("vm.overcommit_memory", PLAN_REFUSE,
	       "10240 MiB (CommitLimit) but 10240 MiB are committed", "one page more");
	planned_free(&p);
	plan_text(&p, &facts, "vm.overcommit_ratio = 60\nvm.overcommit_memory = 2");
	expect("vm.overcommit_memory", PLAN_SET, "",
	       "with a higher ratio in the same plan");
	planned_free(&p);
	plan_word(&p, &facts, "vm.overcommit_memory=1");
	expect("vm.overcommit_memory", PLAN_SET, "", "mode 1 has no limit");
	planned_free(&p);
	host_set(&facts, "vm.overcommit_memory", "2\n");
	facts.memory.committed = 4 * GIB;
	plan_word(&p, &facts, "vm.overcommit_ratio=10");
	expect("vm.overcommit_ratio", PLAN_REFUSE, "3686 MiB (CommitLimit)",
	       "a ratio too low for the mode that is on");
	planned_free(&p);
	plan_word(&p, &facts, "vm.overcommit_kbytes=1024");
	expect("vm.overcommit_kbytes", PLAN_REFUSE, "2049 MiB", "or an amount");
	planned_free(&p);
	facts.memory.committed = 9 * GIB;
	plan_word(&p, &facts, "hugepages.2M=2048");
	expect("hugepages.2M", PLAN_REFUSE, "8192 MiB (CommitLimit)",
	       "huge pages that take what is committed");
	planned_free(&p);
	facts.memory.committed = 4 * GIB;
	host_set(&facts, "vm.overcommit_memory", "0\n");
	plan_text(&p, &facts, "vm.dirty_ratio = 1\nvm.dirty_bytes = 9999");
	tap_ok(p.ret == -EINVAL && p.err.usage, "both of a pair");
	tap_has(p.err.text, "vm.dirty_ratio and vm.dirty_bytes exclude each other",
	        "says so");
	planned_free(&p);
}

static void test_memory(void)
{
	tap_eq(plan_reserve(&(struct memory){ .total = 4 * GIB }), GIB, "keep 1 GiB");
	tap_eq(plan_reserve(&(struct memory){ .total = 100 * GIB }), 10 * GIB,
	       "or a tenth");
	/* 12 GiB available, a tenth of 16 stays: 10.4 GiB are 5324 pages of 2 MiB. */
	plan_word(&p, &facts, "hugepages.2M=5324");
	expect("hugepages.2M", PLAN_SET, "", "as many as fit");
	planned_free(&p);
	plan_word(&p, &facts, "hugepages.2M=5325");
	expect("hugepages.2M", PLAN_REFUSE, "at most 5324 fit", "one more");
	planned_free(&p);
	facts.memory.total = 8 * GIB;
	facts.memory.available = 5 * GIB;
	plan_word(&p, &facts, "hugepages.2M=2048");
	expect("hugepages.2M", PLAN_SET, "", "exactly what is left beside 1 GiB");
	planned_free(&p);
	plan_word(&p, &facts, "hugepages.2M=2049");
	expect("hugepages.2M", PLAN_REFUSE, "at most 2048 fit", "and not one more");
	planned_free(&p);
	facts.memory.total = 16 * GIB;
	facts.memory.available = 12 * GIB;
	plan_text(&p, &facts, "hugepages.2M = 3000\nhugepages.1G = 5");
	expect("hugepages.1G", PLAN_REFUSE, "fit", "sizes count together");
	planned_free(&p);
	host_set(&facts, "hugepages.2M", "5000\n");
	plan_word(&p, &facts, "hugepages.2M=4000");
	expect("hugepages.2M", PLAN_SET, "", "fewer always fit");
	planned_free(&p);
	plan_word(&p, &facts, "hugepages.2M=10324");
	expect("hugepages.2M", PLAN_SET, "", "what the pool has is not taken again");
	planned_free(&p);
	host_set(&facts, "hugepages.2M", "0\n");
	plan_word(&p, &facts, "hugepages.2M.node=4097");
	expect("hugepages.2M.node", PLAN_REFUSE, "node 0 has 8192 MiB",
	       "more than a node has");
	planned_free(&p);
}

static void test_ksm(void)
{
	plan_word(&p, &facts, "ksm.run=2");
	expect("ksm.run", PLAN_SET, "", "unmerge with memory");
	planned_free(&p);
	facts.ksm.sharing = 4ull << 20; /* pages: 16 GiB */
	plan_word(&p, &facts, "ksm.run=2");
	expect("ksm.run", PLAN_REFUSE, "needs 16384 MiB and 12288 MiB", "without");
	planned_free(&p);
	plan_word(&p, &facts, "ksm.merge_across_nodes=1");
	expect("ksm.merge_across_nodes", PLAN_REFUSE, "unmerging",
	       "which this needs, too");
	planned_free(&p);
	plan_word(&p, &facts, "ksm.run=1");
	expect("ksm.run", PLAN_SET, "", "on needs none");
	planned_free(&p);
	facts.ksm.sharing = 0;
	plan_text(&p, &facts, "ksm.pages_to_scan = 500\nksm.advisor_mode = scan-time");
	expect("ksm.pages_to_scan", PLAN_KEEP, "advisor", "the advisor chooses the rate");
	planned_free(&p);
	host_set(&facts, "ksm.advisor_mode", "none [scan-time]\n");
	plan_text(&p, &facts, "ksm.pages_to_scan = 500\nksm.advisor_mode = none");
	expect("ksm.pages_to_scan", PLAN_SET, "", "unless it is switched off");
	planned_free(&p);
	host_find(&facts, "ksm.advisor_mode")->present = false;
	plan_text(&p, &facts, "ksm.pages_to_scan = 500\nksm.advisor_mode = scan-time");
	expect("ksm.pages_to_scan", PLAN_SET, "", "or the kernel has none");
	expect("ksm.advisor_mode", PLAN_ABSENT, "no such knob", "which is passed over");
	planned_free(&p);
}

static void test_profiles(void)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "vm.swappiness 10",
		  "test line 1: 'vm.swappiness 10' is no 'knob = value'" },
		{ "\n# x\nvm.swapiness = 1", "test line 3: there is no knob" },
		{ "vm.swappiness = ten", "needs a number" },
		{ "vm.swappiness = 10 if sunny", "'if sunny' is no condition" },
		{ "vm.swappiness[sda] = 1", "is a single value" },
		{ "block.scheduler[sda = none", "is no name of a knob" },
		{ "block.scheduler[] = none", "is no name of a knob" },
		{ "block.scheduler = >=none", "is no number" },
		{ "= 3", "there is no knob ''" },
		{ "vm.swappiness >= 3", "write 'knob = >=value'" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		plan_text(&p, &facts, rows[i].text);
		tap_ok(p.ret < 0 && p.err.usage && strstr(p.err.text, rows[i].says), "%s",
		       p.err.text);
		planned_free(&p);
	}
	plan_text(&p, &facts,
	          "description = for tests\r\n\r\n  block.scheduler[0] = none\r\n");
	tap_str(p.profile.description, "for tests", "what it is for");
	tap_str(p.profile.wants[0].instance, "0", "for one file");
	tap_eq(p.plan.count, 1, "which is there");
	planned_free(&p);
	plan_text(&p, &facts, "block.scheduler[1] = none");
	tap_eq(p.plan.count, 0, "or not");
	planned_free(&p);
}

int main(void)
{
	host_facts(&facts);
	test_single();
	test_modules();
	test_commit();
	test_memory();
	test_ksm();
	test_profiles();
	tune_facts_free(&facts);
	return tap_done();
}
