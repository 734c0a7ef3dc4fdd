// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text, summary and JSON of a report. Text from a captured host may hold anything: what
 * goes to a terminal is stripped of control characters at one place, report_line().
 */
#include "probe/report.h"

#include "common/version.h"
#include "probe/decide.h"
#include "probe/factfield.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ID_WIDTH = 17 };

void report_judge(struct report *report)
{
	if (!report->goals)
		report->goals = 1u << GOAL_ALL;
	report->count = checks_run(&report->facts, report->goals, report->results);
}

static enum check_status worst(const struct report *report)
{
	return checks_verdict(report->results, report->count);
}

const char *report_verdict(const struct report *report)
{
	return worst(report) == CHECK_PASS ? "ok" : check_status_name(worst(report));
}

/* Adds printable text only: UTF-8 stays, control characters do not. */
void report_line(const char *text, struct strbuf *out)
{
	for (; *text; text++)
		strbuf_addc(out,
		            (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

/* ---- text ---- */

static const struct {
	const char *label, *colour;
} looks[] = {
	[CHECK_PASS] = { "pass", "\033[32m" }, [CHECK_NOTE] = { "note", "\033[36m" },
	[CHECK_WARN] = { "WARN", "\033[33m" }, [CHECK_FAIL] = { "FAIL", "\033[31m" },
	[CHECK_SKIP] = { "skip", "\033[2m" },
};

static void text_goals(unsigned goals, struct strbuf *out)
{
	if (goals == 1u << GOAL_ALL)
		return;
	strbuf_adds(out, "for:");
	for (unsigned g = 0; g < GOAL_COUNT; g++)
		if (goals >> g & 1)
			strbuf_addf(out, " %s", goal_names[g]);
	strbuf_addc(out, '\n');
}

static void text_head(const struct report *report, struct strbuf *out)
{
	const struct facts *f = &report->facts;
	const char *parts[] = { f->host.os_name, f->host.kernel, f->cpu.model };
	bool first = true;

	for (unsigned i = 0; i < 3; i++) {
		if (!*parts[i])
			continue;
		strbuf_adds(out, first ? "" : ", ");
		strbuf_adds(out, i == 1 ? "Linux " : "");
		report_line(parts[i], out);
		first = false;
	}
	strbuf_adds(out, first ? "unknown host\n" : "\n");
	text_goals(report->goals, out);
	strbuf_addc(out, '\n');
}

/* A note that would be more for another goal names it. */
static void text_other_goals(const struct result *r, unsigned goals, struct strbuf *out)
{
	bool first = true;

	if (r->status != CHECK_NOTE || check_judged(r->check, goals))
		return;
	for (unsigned g = 0; g < GOAL_ALL; g++) {
		if (!check_judged(r->check, 1u << g))
			continue;
		strbuf_addf(out, "%s%s", first ? " [" : " ", goal_names[g]);
		first = false;
	}
	strbuf_adds(out, first ? "" : "]");
}

static void text_check(const struct result *r, unsigned goals, bool colour,
                       struct strbuf *out)
{
	strbuf_addf(out, "%s%s%s  %-*s ", colour ? looks[r->status].colour : "",
	            looks[r->status].label, colour ? "\033[0m" : "", ID_WIDTH,
	            r->check->id);
	report_line(r->value, out);
	text_other_goals(r, goals, out);
	strbuf_addc(out, '\n');
	if (!*r->remedy)
		return;
	strbuf_addf(out, "%*s=> ", ID_WIDTH + 7, "");
	report_line(r->remedy, out);
	strbuf_addc(out, '\n');
}

static void text_verdict(const struct report *report, struct strbuf *out)
{
	unsigned seen[CHECK_SKIP + 1] = { 0 };

	for (unsigned i = 0; i < report->count; i++)
		seen[report->results[i].status]++;
	strbuf_addf(out,
	            "\nverdict: %s; backend %s, hardware %s; %u failed, %u warnings, %u "
	            "notes, %u passed, %u skipped\n",
	            report_verdict(report), backend_name(backend_of(&report->facts)),
	            hardware_of(&report->facts) ? "yes" : "no", seen[CHECK_FAIL],
	            seen[CHECK_WARN], seen[CHECK_NOTE], seen[CHECK_PASS],
	            seen[CHECK_SKIP]);
}

/* ---- what root would add ---- */

unsigned report_root_adds(const struct report *report,
                          const char *adds[REPORT_ROOT_ADDS_MAX])
{
	const struct facts *f = &report->facts;
	bool intel = vendor_module(f) == MODULE_KVM_INTEL;
	unsigned n = 0;

	if (!f->host.live || f->user.uid <= 0)
		return 0;
	if (f->cpu.msr_err > 0 && has_virt(f))
		adds[n++] =
			intel ? "read the register with which firmware locks VMX (MSR 3a)"
			      : "read the register with which firmware locks SVM (MSR "
				"c0010114)";
	if (f->cpu.xd_disabled < 0 && intel)
		adds[n++] = "read whether firmware filters no-execute pages (MSR 1a0)";
	if (!*f->power.preempt)
		adds[n++] = "read the kernel's preemption mode";
	adds[n++] = "load modules (--load) and leave host.json for vmm";
	return n;
}

static void text_root_adds(const struct report *report, struct strbuf *out)
{
	const char *adds[REPORT_ROOT_ADDS_MAX];
	unsigned n = report_root_adds(report, adds);

	for (unsigned i = 0; i < n; i++)
		strbuf_addf(out, "%s%s", i ? "; " : "as root it would also: ", adds[i]);
	strbuf_adds(out, n ? "\n" : "");
}

void report_text(const struct report *report, const struct text_options *options,
                 struct strbuf *out)
{
	const char *category = "";

	if (!options->quiet)
		text_head(report, out);
	for (unsigned i = 0; i < report->count; i++) {
		const struct result *r = &report->results[i];

		if (options->quiet && r->status == CHECK_PASS)
			continue;
		if (!options->quiet && i && strcmp(category, r->check->category))
			strbuf_addc(out, '\n');
		category = r->check->category;
		text_check(r, report->goals, options->colour, out);
	}
	if (options->quiet)
		return;
	text_verdict(report, out);
	text_root_adds(report, out);
}

/* ---- summary ---- */

/* The first failure, or the first warning where nothing failed; -1: neither. */
static int first_cause(const struct report *report)
{
	enum check_status status = worst(report);

	for (unsigned i = 0; i < report->count && status != CHECK_PASS; i++)
		if (report->results[i].status == status)
			return i;
	return -1;
}

static void summary_speed(const struct trial_facts *t, struct strbuf *out)
{
	if (t->state != TRIAL_OK) {
		strbuf_adds(out, "speed     not measured\n");
		return;
	}
	strbuf_addf(out,
	            "speed     %.1f M instructions/s in a guest, %.1f M outside; %.2f us "
	            "per exit\n",
	            t->long_rate / 1e6, t->native_rate / 1e6, t->exit_ns / 1e3);
}

void report_summary(const struct report *report, struct strbuf *out)
{
	const struct facts *f = &report->facts;
	int cause = first_cause(report);
	/* Whoever may not open the node does not know. */
	bool vendor =
		backend_of(f) == BACKEND_KVM_INTEL || backend_of(f) == BACKEND_KVM_AMD;
	const char *no = vendor && f->kvm.open_err == EACCES ? "unknown" : "no";

	strbuf_addf(out, "backend   %s%s\n", backend_name(backend_of(f)),
	            backend_of(f) == BACKEND_SOFTWARE && module_present(f, MODULE_KVM_PVM)
	                    ? " (kvm_pvm)"
	                    : "");
	strbuf_addf(out, "hardware  %s\n", hardware_of(f) ? "yes" : no);
	summary_speed(&f->trial, out);
	strbuf_addf(out, "iommu     %s\n", f->iommu.groups ? "yes" : "no");
	strbuf_addf(out, "verdict   %s", report_verdict(report));
	if (cause >= 0) {
		strbuf_addf(out, ": %s: ", report->results[cause].check->id);
		report_line(report->results[cause].value, out);
		if (*report->results[cause].remedy) {
			strbuf_adds(out, "\nremedy    ");
			report_line(report->results[cause].remedy, out);
		}
	}
	strbuf_addc(out, '\n');
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *text)
{
	json_t *value = *text ? json_string(text) : NULL;

	return value ? value : json_null();
}

static json_t *json_check(const struct result *r)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:o}", "id", r->check->id, "category",
	                 r->check->category, "status", check_status_name(r->status),
	                 "value", text_or_null(r->value), "source", r->check->source,
	                 "remedy", text_or_null(r->remedy));
}

json_t *report_json(const struct report *report)
{
	const struct facts *f = &report->facts;
	bool measured = f->trial.state == TRIAL_OK;
	json_t *list = json_array(), *goals = json_array(), *root = json_array();
	const char *adds[REPORT_ROOT_ADDS_MAX];
	unsigned n = report_root_adds(report, adds);

	for (unsigned g = 0; g < GOAL_COUNT; g++)
		if (report->goals >> g & 1)
			json_array_append_new(goals, json_string(goal_names[g]));
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(root, json_string(adds[i]));

	for (unsigned i = 0; i < report->count; i++)
		json_array_append_new(list, json_check(&report->results[i]));
	return json_pack(
		"{s:i, s:s, s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "version",
		REPORT_VERSION, "program", "kvm-check", "program_version", KVMKIT_VERSION,
		"backend", backend_name(backend_of(f)), "hardware", hardware_of(f),
		"verdict", report_verdict(report), "exit_ns",
		measured ? json_integer(f->trial.exit_ns) : json_null(),
		"instructions_per_s",
		measured ? json_integer(f->trial.long_rate) : json_null(), "goals", goals,
		"root_adds", root, "checks", list, "facts", facts_to_json(f));
}
