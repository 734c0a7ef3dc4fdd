// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Walking the table of checks, and weighing what they found for a goal.
 */
#include "probe/checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const goal_names[GOAL_COUNT + 1] = {
	[GOAL_GUEST] = "guest",
	[GOAL_PASSTHROUGH] = "passthrough",
	[GOAL_MIGRATION] = "migration",
	[GOAL_DENSE] = "dense",
	[GOAL_LOWLATENCY] = "lowlatency",
	[GOAL_SECURE] = "secure",
	[GOAL_ALL] = "all",
	[GOAL_COUNT] = NULL,
};

int goal_find(const char *name)
{
	for (int i = 0; i < GOAL_COUNT; i++)
		if (!strcmp(goal_names[i], name))
			return i;
	return -1;
}

/* From lenient to strict, as struct check says. */
static const char weights[] = ".nwfF";

static char weight_for(const struct check *check, unsigned goals)
{
	unsigned strictest = 0;

	for (unsigned g = 0; g < GOAL_COUNT; g++) {
		const char *at = strchr(weights, check->goals[g]);

		if (goals >> g & 1 && at && at - weights > strictest)
			strictest = at - weights;
	}
	return weights[strictest];
}

static void weigh(struct result *r, char weight)
{
	bool trouble = r->status == CHECK_WARN || r->status == CHECK_FAIL;

	/* What another goal would do about it is no advice for this one. */
	if (weight == 'n')
		r->remedy[0] = '\0';
	if (weight == 'n' && trouble)
		r->status = CHECK_NOTE;
	if (weight == 'w' && trouble)
		r->status = CHECK_WARN;
	if (weight == 'F' && trouble)
		r->status = CHECK_FAIL;
}

unsigned checks_run(const struct facts *f, unsigned goals,
                    struct result results[CHECKS_MAX])
{
	unsigned n = 0;

	for (const struct check *c = checks; c->id && n < CHECKS_MAX; c++) {
		char weight = weight_for(c, goals);

		if (weight == '.')
			continue;
		results[n] = (struct result){ .check = c, .status = CHECK_SKIP };
		c->run(f, &results[n]);
		weigh(&results[n++], weight);
	}
	return n;
}

enum check_status checks_verdict(const struct result *results, unsigned count)
{
	enum check_status worst = CHECK_PASS;

	for (unsigned i = 0; i < count; i++) {
		enum check_status s = results[i].status;

		if ((s == CHECK_WARN || s == CHECK_FAIL) && s > worst)
			worst = s;
	}
	return worst;
}

bool check_asked(const struct check *check, unsigned goals)
{
	return weight_for(check, goals) != '.';
}

bool check_judged(const struct check *check, unsigned goals)
{
	char weight = weight_for(check, goals);

	return weight != '.' && weight != 'n';
}

const struct check *check_find(const char *id)
{
	for (const struct check *c = checks; c->id; c++)
		if (!strcmp(c->id, id))
			return c;
	return NULL;
}

const char *check_status_name(enum check_status status)
{
	static const char *const names[] = {
		[CHECK_PASS] = "pass", [CHECK_NOTE] = "note", [CHECK_WARN] = "warn",
		[CHECK_FAIL] = "fail", [CHECK_SKIP] = "skip",
	};

	return names[status];
}

void result_set(struct result *r, enum check_status status, const char *fmt, ...)
{
	va_list ap;

	r->status = status;
	va_start(ap, fmt);
	vsnprintf(r->value, sizeof(r->value), fmt, ap);
	va_end(ap);
}

void result_remedy(struct result *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->remedy, sizeof(r->remedy), fmt, ap);
	va_end(ap);
}
