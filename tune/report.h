/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Knobs for people and programs: the table of show, what sysctl and param say, and the
 * hand-off to vmm. */
#ifndef TUNE_REPORT_H
#define TUNE_REPORT_H

#include "common/journal.h"
#include "common/strbuf.h"
#include "tune/bootconf.h"
#include "tune/hugepage.h"
#include "tune/plan.h"

#include <jansson.h>

#define TUNING_FILE    "tuning.json"
#define TUNING_VERSION 1 /* of the JSON; docs/tuning.schema.json */

struct report {
	const struct tune_facts *facts;
	const struct bootconf *boot;
	const struct journal *journal;
	const struct plan *plan; /* what a profile recommends; NULL: none was named */
};

/* The table: one line for each knob, or for each of its files where they differ. */
void report_table(const struct report *report, struct strbuf *out);
/* One setting with its meaning, as several lines. */
void report_setting(const struct report *report, const struct setting *setting,
                    struct strbuf *out);
/* CommitLimit now and after the plan, what is committed, and, unless fit is 0, how many
 * more guests of that size there is room for. */
void report_commit(const struct report *report, const struct pools *pools, uint64_t fit,
                   struct strbuf *out);

/* One setting, and all of them that `wanted` (NULL: all) accepts. The caller owns them.
 */
json_t *report_setting_json(const struct report *report, const struct setting *setting);
json_t *report_commit_json(const struct report *report, const struct pools *pools,
                           uint64_t fit);
/* tuning.json: what is set now, and what it was. profile may be NULL. */
json_t *report_tuning(const struct report *report, const struct pools *pools,
                      const char *profile);

#endif
