// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Formats with rules of their own: label values of Prometheus are escaped; labels of
 * Kubernetes have at most 63 characters of [A-Za-z0-9_.-] and begin and end with a letter
 * or digit.
 */
#include "probe/export.h"

#include "cpu/cpumodel.h"
#include "probe/compat.h"
#include "probe/decide.h"
#include "probe/param.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- Prometheus ---- */

static void put_label(struct strbuf *out, const char *name, const char *value)
{
	strbuf_addf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			strbuf_addc(out, '\\');
		if (*value == '\n')
			strbuf_adds(out, "\\n");
		else
			strbuf_addc(out, *value);
	}
	strbuf_addc(out, '"');
}

static void head(struct strbuf *out, const char *name, const char *help)
{
	strbuf_addf(out, "# HELP kvmkit_%s %s\n# TYPE kvmkit_%s gauge\n", name, help,
	            name);
}

static void gauge(struct strbuf *out, const char *name, const char *help, double value)
{
	head(out, name, help);
	strbuf_addf(out, "kvmkit_%s %.9g\n", name, value);
}

void export_prometheus(const struct report *report, struct strbuf *out)
{
	const struct facts *f = &report->facts;

	head(out, "host_info", "What this host is.");
	strbuf_adds(out, "kvmkit_host_info{");
	put_label(out, "kernel", f->host.kernel);
	strbuf_addc(out, ',');
	put_label(out, "cpu", f->cpu.model);
	strbuf_addc(out, ',');
	put_label(out, "backend", backend_name(backend_of(f)));
	strbuf_adds(out, "} 1\n");
	gauge(out, "ok", "1 when no check failed.",
	      checks_verdict(report->results, report->count) != CHECK_FAIL);
	gauge(out, "hardware", "1 when guests run on the CPU's virtualization.",
	      hardware_of(f));
	if (f->trial.state == TRIAL_OK) {
		gauge(out, "exit_seconds",
		      "Median round trip of a VM exit to user space.",
		      f->trial.exit_ns / 1e9);
		gauge(out, "guest_instructions_per_second",
		      "Of a loop in a long-mode guest.", f->trial.long_rate);
	}
	head(out, "check_status", "0 pass, 1 note, 2 warning, 3 failure, 4 skipped.");
	for (unsigned i = 0; i < report->count; i++) {
		const struct result *r = &report->results[i];

		strbuf_adds(out, "kvmkit_check_status{");
		put_label(out, "id", r->check->id);
		strbuf_addc(out, ',');
		put_label(out, "category", r->check->category);
		strbuf_addf(out, "} %d\n", (int)r->status);
	}
}

/* ---- node-feature-discovery ---- */

/* Makes text a label value: other characters become '-', the ends are trimmed. */
static void label(char out[64], const char *text)
{
	size_t len = 0;

	for (; *text && len < 63; text++) {
		bool fine = isalnum((unsigned char)*text) || strchr("_.-", *text);

		if (len || isalnum((unsigned char)*text))
			out[len++] = fine ? *text : '-';
	}
	while (len && !isalnum((unsigned char)out[len - 1]))
		len--;
	out[len] = '\0';
}

static void feature(struct strbuf *out, const char *name, const char *value)
{
	char text[64];

	label(text, value);
	strbuf_addf(out, "kvmkit-%s=%s\n", name, text);
}

static void flag(struct strbuf *out, const char *name, bool value)
{
	feature(out, name, value ? "true" : "false");
}

static void export_models(const struct facts *f, struct strbuf *out)
{
	for (const struct cpu_model *m = cpu_models; m->name; m++) {
		char name[48];

		if (!compat_model_fits(f, m))
			continue;
		snprintf(name, sizeof(name), "cpu-model.%.28s-v%u", m->name, m->version);
		flag(out, name, true);
	}
}

void export_nfd(const struct report *report, struct strbuf *out)
{
	const struct facts *f = &report->facts;

	feature(out, "verdict", report_verdict(report));
	feature(out, "backend", backend_name(backend_of(f)));
	feature(out, "cpu-vendor", f->cpu.vendor);
	flag(out, "hardware", hardware_of(f));
	flag(out, "nested-host", f->cpu.hypervisor);
	flag(out, "nested-guests", f->modules.nested == 1);
	flag(out, "iommu", f->iommu.groups > 0);
	flag(out, "interrupt-remapping", f->iommu.groups && f->iommu.irq_remap == 1);
	flag(out, "hugepages-1g", f->memory.huge_1g > 0);
	flag(out, "sriov", f->vfio.sriov_capable > 0);
	flag(out, "sev", param_switch(&f->params, PARAM_kvm_amd_sev) == 1);
	for (unsigned i = 0; i < report->count; i++) {
		const struct result *r = &report->results[i];
		char name[48];

		snprintf(name, sizeof(name), "check.%.32s", r->check->id);
		if (r->status != CHECK_SKIP)
			feature(out, name, check_status_name(r->status));
	}
	export_models(f, out);
}
