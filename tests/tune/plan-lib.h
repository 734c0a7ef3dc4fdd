/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts made by hand, for tests of what is decided from them. */
#ifndef TESTS_TUNE_PLAN_LIB_H
#define TESTS_TUNE_PLAN_LIB_H

#include "tune/plan.h"

/* A host where every knob is present and writable: 16 GiB of RAM, 12 available, 2 GiB of
 * swap, 4 committed, one NUMA node. facts_free_all() releases it. */
void host_facts(struct tune_facts *facts);
/* Sets what a knob's file says. */
void host_set(struct tune_facts *facts, const char *knob, const char *raw);
struct setting *host_find(struct tune_facts *facts, const char *knob);

struct planned {
	struct profile profile;
	struct plan plan;
	struct err err;
	int ret;
};

/* Plans a profile's text. planned_free() afterwards. */
void plan_text(struct planned *p, const struct tune_facts *facts, const char *text);
/* Plans one "name=value" of a command line. */
void plan_word(struct planned *p, const struct tune_facts *facts, const char *word);
void planned_free(struct planned *p);
/* The row of a knob; one of zeroes, with a diagnostic, when the plan has none. */
const struct plan_row *row_of(const struct planned *p, const char *knob);

#endif
