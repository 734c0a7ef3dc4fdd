// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of knobs is consistent, and values are read, checked and compared as the
 * kernel does. */
#include "tune/knob.h"

#include "common/cleanup.h"
#include "tests/tap.h"

#include <string.h>

static const struct knob *get(const char *name)
{
	struct err err = { 0 };
	const struct knob *knob = knob_find(name, &err);

	if (!knob)
		tap_ok(false, "%s: %s", name, err.text);
	return knob;
}

static void test_table(void)
{
	unsigned bad = 0, count = 0;

	for (const struct knob *k = knobs; k->name; k++, count++) {
		char path[192], module[48];
		const char *star = strchr(k->path, '*');
		const struct knob *pair = k->pair ? knob_find(k->pair, NULL) : NULL;

		snprintf(path, sizeof(path), "%.*s%s%s",
		         (int)(star ? star - k->path : (long)strlen(k->path)), k->path,
		         star ? "7" : "", star ? star + 1 : "");
		/* A path leads back to its row, or undo would restore another knob. */
		if (knob_of_path(path) != k || *k->path == '/' || !*k->why || !*k->risk ||
		    k->min > k->max) {
			tap_diag("%s is not found by %s, or incomplete", k->name, path);
			bad++;
		}
		if (k->pair && (!pair || !pair->pair || strcmp(pair->pair, k->name))) {
			tap_diag("%s and its pair do not point to each other", k->name);
			bad++;
		}
		if (k->store == STORE_MODULE) {
			const char *parameter = knob_module(k, module, sizeof(module));

			snprintf(path, sizeof(path), "sys/module/%s/parameters/%s",
			         module, parameter);
			bad += strcmp(path, k->path) != 0;
		}
	}
	tap_eq(bad, 0, "all %u rows", count);
	tap_ok(!knob_of_path("proc/sys/vm/swappiness/x"), "a path below a knob is none");
	tap_ok(!knob_of_path("sys/block/a/b/queue/scheduler"), "'*' is one component");
	tap_ok(!knob_of_path("etc/passwd"), "nor is any other file");
}

static void test_names(void)
{
	struct err err = { 0 };
	char buf[48];

	tap_ok(!knob_find("vm.swapiness", &err), "a name with an error");
	tap_has(err.text, "did you mean 'vm.swappiness'", "the nearest one is named");
	tap_ok(err.usage, "an error of usage");
	knob_instance(get("block.scheduler"), "sys/block/sda/queue/scheduler", buf,
	              sizeof(buf));
	tap_str(buf, "sda", "which disk");
	knob_instance(get("hugepages.2M.node"),
	              "sys/devices/system/node/node12/hugepages/hugepages-2048kB/"
	              "nr_hugepages",
	              buf, sizeof(buf));
	tap_str(buf, "node12", "which node");
	knob_instance(get("ksm.run"), "sys/kernel/mm/ksm/run", buf, sizeof(buf));
	tap_str(buf, "", "one file: none");
}

static void test_check(void)
{
	static const struct {
		const char *knob, *value, *says; /* says NULL: accepted */
	} rows[] = {
		{ "vm.swappiness", "0", NULL },
		{ "vm.swappiness", "200", NULL },
		{ "vm.swappiness", "201", "0 to 200, not 201" },
		{ "vm.swappiness", "-1", "needs a number" },
		{ "vm.swappiness", "0x10", "needs a number" },
		{ "vm.swappiness", " 1", "needs a number" },
		{ "vm.swappiness", "", "needs a number" },
		{ "vm.swappiness", "1\n2", "needs a number" },
		{ "vm.swappiness", "010", NULL },
		{ "vm.swappiness", "99999999999999999999999", "needs a number" },
		{ "vm.overcommit_memory", "3", "0 to 2" },
		{ "vm.dirty_bytes", "0", "must be 8192 to" },
		{ "ksm.run", "3", "0 to 2" },
		{ "kvm_amd.nested", "Y", NULL },
		{ "kvm_amd.nested", "1", NULL },
		{ "kvm_amd.nested", "off", NULL },
		{ "kvm_amd.nested", "2", "on or off" },
		{ "thp.enabled", "never", NULL },
		{ "thp.enabled", "nev", "one of: always madvise never" },
		{ "thp.enabled", "always madvise", "needs one word" },
		{ "block.scheduler", "bfq", NULL },
		{ "block.scheduler", "a]b", "needs one word" },
		{ "cpu.governor", "fast", "must be one of" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { 0 };
		int ret = knob_check(get(rows[i].knob), rows[i].value, &err);

		tap_ok(!ret == !rows[i].says && (!ret || strstr(err.text, rows[i].says)),
		       "row %u, %s: %s", i, rows[i].knob, err.text);
	}
}

static void test_values(void)
{
	char buf[KNOB_VALUE_MAX];

	knob_value(get("thp.enabled"), "always [madvise] never\n", buf, sizeof(buf));
	tap_str(buf, "madvise", "the word in brackets");
	knob_value(get("vm.swappiness"), "60\n", buf, sizeof(buf));
	tap_str(buf, "60", "a number without its newline");
	knob_value(get("kvm_amd.nested"), "1\n", buf, sizeof(buf));
	tap_str(buf, "Y", "a flag that the kernel shows as a number");
	knob_value(get("thp.enabled"), "[broken", buf, sizeof(buf));
	tap_str(buf, "[broken", "half a bracket");
	tap_ok(knob_same(get("vm.swappiness"), "060", "60"), "the same number");
	tap_ok(!knob_same(get("vm.swappiness"), "6", "60"), "another number");
	tap_ok(knob_same(get("kvm_amd.nested"), "Y", "on"), "the same flag");
	tap_ok(!knob_same(get("kvm_amd.nested"), "N", "1"), "another flag");
}

int main(void)
{
	test_table();
	test_names();
	test_check();
	test_values();
	return tap_done();
}
