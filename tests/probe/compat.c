// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Comparing hosts: which guests can move, what stops them, what differs; and reports that
 * someone else wrote. Also the formats for other programs. Run from the top of the tree.
 */
#include "probe/compat.h"

#include "common/cleanup.h"
#include "probe/decide.h"
#include "probe/export.h"
#include "tests/probe/dir-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char dir[128];

static struct report *report_of(const char *host)
{
	struct gather_options options = { .trial = true };
	struct report *report = calloc(1, sizeof(*report));
	struct sysroot root;
	struct err err = { 0 };
	char path[160];

	snprintf(path, sizeof(path), "tests/roots/%s", host);
	if (!tap_ok(!sysroot_open(&root, path, &err) &&
	                    !facts_gather(&root, &options, &report->facts, &err),
	            "%s can be read", host))
		tap_diag("%s", err.text);
	sysroot_close(&root);
	report_judge(report);
	return report;
}

/* -cpu text from a to b: the answer, and a word of the reason. */
static void moves(const struct facts *a, const struct facts *b, const char *text,
                  int want, const char *why)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct err err = { 0 };

	tap_eq(compat_migrate(a, b, text, &out, &err), want, "-cpu %s, %s to %s",
	       text ? text : "(default)", a->cpu.model, b->cpu.model);
	tap_has(out.data ? out.data : "", why, "says '%s'", why);
}

/* Cascade Lake has AVX-512, Skylake-Client has not. */
static void test_moves(const struct facts *big, const struct facts *small,
                       const struct facts *amd)
{
	struct facts odd = *small;

	moves(big, big, NULL, COMPAT_YES, "yes");
	moves(big, small, NULL, COMPAT_NO, "lacks CPUID.07H:EBX.avx512f");
	moves(big, small, "host,-avx512f", COMPAT_NO, "pku");
	moves(small, big, "Skylake-Client-v3", COMPAT_YES, "yes");
	moves(small, big, "Skylake-Client-v4", COMPAT_NO, "lacks CPUID.0DH:EAX.xsaves");
	moves(big, small, "Skylake-Client-v4", COMPAT_YES, "yes");
	moves(big, small, "Cascadelake-Server-v4", COMPAT_NO, "avx512f");
	moves(big, small, "Skylake-Client-v4,+avx512f", COMPAT_NO, "no, 1 things");
	/* What the first host lacks, the guest does not have. */
	moves(small, small, "Cascadelake-Server-v4", COMPAT_YES, "yes");
	moves(big, amd, "kvm64", COMPAT_NO,
	      "vendors differ: GenuineIntel and AuthenticAMD");
	odd.kvm.tsc_khz = small->kvm.tsc_khz + 100000;
	moves(small, &odd, "Skylake-Client-v4", COMPAT_YES, "yes");
	for (unsigned i = 0; i < KVM_CAP_COUNT; i++)
		odd.kvm.cap[i] = 0;
	moves(small, &odd, "Skylake-Client-v4", COMPAT_NO, "the TSC runs at");
	moves(&odd, small, "Skylake-Client-v4", COMPAT_YES, "yes");
	odd = *small;
	odd.cpu.phys_bits = 36;
	moves(small, &odd, NULL, COMPAT_NO, "36 bits instead of 39");
	moves(small, &odd, "Skylake-Client-v4", COMPAT_YES, "yes");
	odd.kvm.vm_err = EBUSY;
	moves(small, &odd, "Skylake-Client-v4", COMPAT_NO, "KVM does not work there");
	odd.kvm.features_err = FACT_UNTRIED;
	moves(small, &odd, "kvm64", COMPAT_UNKNOWN, "without access to /dev/kvm");
}

static void test_words(const struct facts *f)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct err err = { 0 };

	tap_ok(compat_migrate(f, f, "Skylake-Clint", &out, &err) < 0, "a wrong model");
	tap_has(err.text, "did you mean 'Skylake-Client'", "the nearest one");
	err_clear(&err);
	tap_ok(compat_migrate(f, f, "host,+avx513f", &out, &err) < 0, "a wrong feature");
	tap_has(err.text, "avx512f", "the nearest one");
}

static void test_models(const struct facts *big, const struct facts *small,
                        const struct facts *amd)
{
	tap_str(compat_best_model(big)->name, "Cascadelake-Server", "the best of one");
	tap_str(compat_common_model(big, small)->name, "Skylake-Client", "of two");
	tap_ok(!strncmp(compat_best_model(amd)->name, "EPYC-Milan", 10), "of an AMD CPU");
	tap_ok(!compat_model_fits(small, cpu_model_find("EPYC")),
	       "svm is not everything");
	tap_ok(!compat_model_fits(small, cpu_model_find("host")), "host is no model");
}

static void test_diff(const struct facts *a, const struct facts *b)
{
	_cleanup_strbuf_ struct strbuf out = { 0 }, none = { 0 };
	struct facts same = *a;

	strcpy(same.host.boot_id, "another boot");
	same.memory.available /= 2;
	tap_eq(compat_diff(a, &same, &none), 0, "two reports of one host");
	tap_ok(compat_diff(a, b, &out) > 10, "two hosts");
	tap_has(out.data, "cpu.model: \"Intel(R) Xeon(R)", "a field of both");
	tap_has(out.data, "features.7.0:ebx: ", "feature words");
}

/* ---- files ---- */

static int load_text(const char *text, struct err *err)
{
	_cleanup_free_ struct facts *facts = calloc(1, sizeof(*facts));
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/report.json", dir);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f))
		tap_ok(false, "cannot write %s", path);
	err_clear(err);
	return compat_load(path, facts, err);
}

static void test_load(const struct report *report)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "report.json, line 1" },
		{ "[]", "is no report of version 1" },
		{ "{\"version\":2,\"facts\":{}}", "is no report of version 1" },
		{ "{\"version\":1}", "is no report of version 1" },
		{ "{\"version\":1,\"facts\":{\"kvm\":{\"features\":{\"7.0:ebx\":-1}}}}",
		  "'kvm.features' has no valid value" },
		{ "{\"version\":1,\"facts\":{\"cpu\":{\"vendor\":\"a name that is too long\"}}}",
		  "'cpu.vendor' has no valid value" },
	};
	_cleanup_free_ struct facts *facts = calloc(1, sizeof(*facts));
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct err err = { 0 };
	json_t *json = report_json(report);
	char path[160];

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tap_ok(load_text(bad[i].text, &err) < 0, "refused: '%s'", bad[i].text);
		tap_has(err.text, bad[i].says, "says '%s'", bad[i].says);
	}
	snprintf(path, sizeof(path), "%s/report.json", dir);
	tap_eq(json_dump_file(json, path, 0), 0, "a report is written");
	err_clear(&err);
	tap_eq(compat_load(path, facts, &err), 0, "and read");
	tap_eq(compat_diff(&report->facts, facts, &out), 0, "nothing was lost: %s",
	       out.data ? out.data : "");
	tap_ok(compat_load("/nowhere/x.json", facts, &err) == -ENOENT, "no file");
	json_decref(json);
}

/* ---- other programs ---- */

static void test_prometheus(struct report *report)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	unsigned lines = 0, bad = 0;

	strcpy(report->facts.cpu.model, "a \"b\" \\ c");
	export_prometheus(report, &out);
	tap_has(out.data, "cpu=\"a \\\"b\\\" \\\\ c\"",
	        "quotes and backslashes are escaped");
	tap_has(out.data, "\nkvmkit_ok 1\n", "a host that is fine");
	tap_has(out.data, "\nkvmkit_check_status{id=\"kvm.access\",category=\"kvm\"} 0\n",
	        "a check that passed");
	tap_has(out.data, "\nkvmkit_exit_seconds 1.2e-06\n", "seconds");
	for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n")) {
		lines++;
		bad += strncmp(line, "# HELP kvmkit_", 14) &&
		       strncmp(line, "# TYPE kvmkit_", 14) && strncmp(line, "kvmkit_", 7);
	}
	tap_ok(lines > report->count && !bad, "%u lines of the format", lines);
}

/* Names and values as Kubernetes takes them. */
static bool label_ok(const char *text, size_t len)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_.-";

	return len <= 63 && strspn(text, set) >= len &&
	       (!len || (!strchr("_.-", text[0]) && !strchr("_.-", text[len - 1])));
}

static void test_nfd(struct report *report)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	unsigned bad = 0;

	strcpy(report->facts.cpu.vendor, " Shang/hai~.");
	export_nfd(report, &out);
	tap_has(out.data, "kvmkit-cpu-vendor=Shang-hai\n", "a value is made a label");
	tap_has(out.data, "kvmkit-hardware=true\n", "hardware");
	tap_has(out.data, "kvmkit-check.kvm.access=pass\n", "a check");
	tap_has(out.data, "kvmkit-cpu-model.Skylake-Client-v3=true\n", "a CPU model");
	tap_ok(!strstr(out.data, "cpu-model.EPYC") &&
	               !strstr(out.data, "cpu-model.Skylake-Client-v4"),
	       "not one that is incomplete");
	for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n")) {
		char *eq = strchr(line, '=');

		if (!eq || !label_ok(line, eq - line) ||
		    !label_ok(eq + 1, strlen(eq + 1))) {
			tap_diag("%s", line);
			bad++;
		}
	}
	tap_eq(bad, 0, "all lines are labels");
}

int main(void)
{
	struct report *big, *small, *amd;

	if (!tap_ok(test_dir(dir), "a directory for the test"))
		return tap_done();
	big = report_of("intel-server-numa");
	small = report_of("intel-laptop-arch");
	amd = report_of("amd-epyc-sev");
	test_moves(&big->facts, &small->facts, &amd->facts);
	test_words(&small->facts);
	test_models(&big->facts, &small->facts, &amd->facts);
	test_diff(&big->facts, &small->facts);
	test_load(big);
	test_nfd(big);
	test_prometheus(small);
	free(big);
	free(small);
	free(amd);
	tap_ok(test_dir_remove(dir), "removed");
	return tap_done();
}
