// SPDX-License-Identifier: GPL-2.0-or-later
/* Hand-made facts. */
#include "tests/tune/plan-lib.h"

#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB (1ull << 30)

struct setting *host_find(struct tune_facts *facts, const char *knob)
{
	for (unsigned i = 0; i < facts->count; i++)
		if (!strcmp(facts->settings[i].knob->name, knob))
			return &facts->settings[i];
	tap_ok(false, "no knob %s", knob);
	return &facts->settings[0];
}

void host_set(struct tune_facts *facts, const char *knob, const char *raw)
{
	struct setting *s = host_find(facts, knob);

	free(s->raw);
	s->raw = strdup(raw);
	knob_value(s->knob, raw, s->now, sizeof(s->now));
}

void host_facts(struct tune_facts *facts)
{
	*facts = (struct tune_facts){ .nodes = 1, .page = 4096 };
	facts->node[0] = (struct node_memory){ 0, 8 * GIB };
	facts->memory = (struct memory){ .total = 16 * GIB,
		                         .available = 12 * GIB,
		                         .swap_total = 2 * GIB,
		                         .swap_free = 2 * GIB,
		                         .commit_limit = 10 * GIB,
		                         .committed = 4 * GIB };
	for (const struct knob *k = knobs; k->name; k++)
		facts->count++;
	facts->settings = calloc(facts->count, sizeof(*facts->settings));
	for (unsigned i = 0; i < facts->count; i++) {
		struct setting *s = &facts->settings[i];
		const char *star = strchr(knobs[i].path, '*');

		*s = (struct setting){ .knob = &knobs[i],
			               .present = true,
			               .writable = true };
		if (knobs[i].store == STORE_MODULE)
			s->module = MODULE_LOADED;
		snprintf(s->path, sizeof(s->path), "%.*s%s%s",
		         (int)(star ? star - knobs[i].path : (long)strlen(knobs[i].path)),
		         knobs[i].path, star ? "0" : "", star ? star + 1 : "");
		snprintf(s->name, sizeof(s->name), "%s", knobs[i].name);
		host_set(facts, knobs[i].name, "0\n");
	}
	host_set(facts, "vm.swappiness", "60\n");
	host_set(facts, "vm.overcommit_ratio", "50\n");
	host_set(facts, "thp.enabled", "always [madvise] never\n");
	host_set(facts, "ksm.advisor_mode", "[none] scan-time\n");
	host_set(facts, "block.scheduler", "[none] mq-deadline\n");
}

void plan_text(struct planned *p, const struct tune_facts *facts, const char *text)
{
	*p = (struct planned){ 0 };
	p->ret = profile_parse(text, "test", &p->profile, &p->err);
	if (!p->ret)
		p->ret = plan_make(&p->profile, facts, &p->plan, &p->err);
}

void plan_word(struct planned *p, const struct tune_facts *facts, const char *word)
{
	*p = (struct planned){ 0 };
	p->ret = profile_add(&p->profile, word, &p->err);
	if (!p->ret)
		p->ret = plan_make(&p->profile, facts, &p->plan, &p->err);
}

void planned_free(struct planned *p)
{
	plan_free(&p->plan);
	profile_free(&p->profile);
}

const struct plan_row *row_of(const struct planned *p, const char *knob)
{
	static const struct plan_row none = { .action = PLAN_REFUSE, .note = "no row" };

	for (unsigned i = 0; i < p->plan.count; i++)
		if (!strcmp(p->plan.rows[i].setting->knob->name, knob))
			return &p->plan.rows[i];
	tap_diag("no row for %s: %s", knob, p->err.text);
	return &none;
}
