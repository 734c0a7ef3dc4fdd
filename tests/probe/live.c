// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * This machine, whatever it is: the verdict agrees with the CPU, and the micro-guest
 * really runs wherever /dev/kvm can be opened.
 */
#include "probe/cpuid.h"
#include "probe/decide.h"
#include "probe/report.h"
#include "probe/trial.h"
#include "tests/probe/schema-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void test_trial(const struct facts *f)
{
	const struct trial_facts *t = &f->trial;
	sigset_t set;

	tap_eq(f->kvm.api, 12, "API version");
	if (!tap_eq(t->state, TRIAL_OK, "the micro-guest ran"))
		tap_diag("%s", t->why);
	tap_ok(t->exit_ns > 100 && t->exit_ns < 100000000, "exit: %llu ns",
	       (unsigned long long)t->exit_ns);
	tap_ok(t->real_rate > 10000 && t->long_rate > 10000 && t->priv_rate > 10000,
	       "rates: real %llu, long %llu, privileged %llu, native %llu",
	       (unsigned long long)t->real_rate, (unsigned long long)t->long_rate,
	       (unsigned long long)t->priv_rate, (unsigned long long)t->native_rate);
	sigprocmask(SIG_SETMASK, NULL, &set);
	tap_ok(!sigismember(&set, SIGALRM), "the signal mask is as it was");
}

/* CPUID is read here a second time, apart from the facts. */
static void test_backend(const struct facts *f, const struct sysroot *root)
{
	struct cpuid_table t;
	struct err err = { 0 };
	bool vmx, svm;

	cpuid_gather(root, &t, &err);
	vmx = cpuid_reg(&t, 1, ECX) >> 5 & 1;
	svm = cpuid_reg(&t, 0x80000001, ECX) >> 2 & 1;
	tap_ok(f->cpu.vmx == vmx && f->cpu.svm == svm, "vmx %d, svm %d", vmx, svm);
	if (!vmx && !svm)
		tap_ok(backend_of(f) == BACKEND_SOFTWARE && !hardware_of(f),
		       "KVM without vmx and svm is software");
	else
		tap_ok(hardware_of(f) == (speed_of(f) != SPEED_INTERPRETED),
		       "hardware is what does not interpret");
}

static void test_median(void)
{
	uint64_t odd[] = { 9, 1, 5 }, even[] = { 8, 2, 4, 6 };

	tap_eq(trial_median(odd, 3), 5, "median of three");
	tap_eq(trial_median(even, 4), 5, "median of four");
}

/* A file that is no /dev/kvm: a fact with a reason, no crash. */
static void test_no_kvm(const struct sysroot *root)
{
	struct trial_facts t;
	int fd = sysroot_open_node(root, "dev/null", 0);

	trial_run(fd, &t);
	tap_eq(t.state, TRIAL_FAILED, "a trial on something else fails");
	tap_has(t.why, "KVM_CREATE_VM", "and says where");
	close(fd);
}

int main(void)
{
	struct gather_options options = { .trial = true };
	struct report *report = calloc(1, sizeof(*report));
	struct sysroot root;
	struct err err = { 0 };
	char why[256];
	json_t *schema = load_json("docs/host.schema.json"), *json;

	tap_eq(sysroot_open(&root, NULL, &err), 0, "the live root");
	tap_eq(facts_gather(&root, &options, &report->facts, &err), 0, "facts");
	report_judge(report);
	json = report_json(report);
	if (!tap_ok(schema_valid(schema, json, why), "the report fits the schema"))
		tap_diag("%s", why);
	tap_ok(report->facts.cpu.cpus > 0 && *report->facts.host.kernel,
	       "CPU and kernel");
	if (!report->facts.kvm.open_err) {
		test_trial(&report->facts);
		test_backend(&report->facts, &root);
	} else {
		tap_skip("the micro-guest", "this user cannot open /dev/kvm");
		tap_ok(!hardware_of(&report->facts),
		       "no hardware for who cannot open it");
	}
	test_median();
	test_no_kvm(&root);
	json_decref(json);
	json_decref(schema);
	sysroot_close(&root);
	free(report);
	return tap_done();
}
