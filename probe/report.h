/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report: one structure, printed as text, as a summary or as JSON. */
#ifndef PROBE_REPORT_H
#define PROBE_REPORT_H

#include "probe/checks.h"
#include "probe/facts.h"

#include "common/strbuf.h"

#include <jansson.h>

#define REPORT_VERSION 1 /* of the JSON; docs/host.schema.json */
#define REPORT_FILE    "host.json"

struct report {
	struct facts facts;
	unsigned goals; /* bits 1 << enum goal; 0 counts as "all" */
	unsigned count;
	struct result results[CHECKS_MAX];
};

struct text_options {
	bool colour; /* the output is a terminal that wants it */
	bool quiet;  /* only what is not pass */
};

/* What this report lacks because its user is not root, as "read ...", for a sentence.
 * Static storage; returns the number. */
#define REPORT_ROOT_ADDS_MAX 4
unsigned report_root_adds(const struct report *report,
                          const char *adds[REPORT_ROOT_ADDS_MAX]);

/* Runs the checks on report->facts. */
void report_judge(struct report *report);
/* The text report; control characters of the host's files are shown as '?'. */
void report_text(const struct report *report, const struct text_options *options,
                 struct strbuf *out);
/* Adds text of the host as a part of a line: UTF-8 stays, control characters become '?'.
 */
void report_line(const char *text, struct strbuf *out);
/* The few lines that decide what to do: backend, speed, verdict and its first cause. */
void report_summary(const struct report *report, struct strbuf *out);
/* The whole report as docs/host.schema.json describes it; NULL without memory. The caller
 * owns it. */
json_t *report_json(const struct report *report);
/* "ok", "warn" or "fail". */
const char *report_verdict(const struct report *report);

#endif
