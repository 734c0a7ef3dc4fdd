// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Planning. Each row is first what its own file allows; then the rules that look at
 * several rows together, or at memory, may turn a change into a refusal. A refusal says
 * what number stands against it and what would fit.
 */
#include "tune/plan.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define GIB (1ull << 30)

__attribute__((format(printf, 3, 4))) static void say(struct plan_row *row,
                                                      enum plan_action action,
                                                      const char *fmt, ...)
{
	va_list ap;

	row->action = action;
	va_start(ap, fmt);
	vsnprintf(row->note, sizeof(row->note), fmt, ap);
	va_end(ap);
}

static unsigned long long mib(uint64_t bytes)
{
	return bytes >> 20;
}

/* ---- lookups ---- */

const struct plan_row *plan_first(const struct plan *plan, enum plan_action action)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (plan->rows[i].action == action)
			return &plan->rows[i];
	return NULL;
}

const struct plan_row *plan_of(const struct plan *plan, const struct setting *setting)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (plan->rows[i].setting == setting)
			return &plan->rows[i];
	return NULL;
}

static struct plan_row *changing(const struct plan *plan, const char *name)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (plan->rows[i].action == PLAN_SET &&
		    !strcmp(plan->rows[i].setting->knob->name, name))
			return &plan->rows[i];
	return NULL;
}

/* What the knob will be after the plan. */
static uint64_t after(const struct plan *plan, const struct tune_facts *facts,
                      const char *name)
{
	const struct plan_row *row = changing(plan, name);
	uint64_t value = tune_facts_number(facts, name);

	if (row)
		opt_parse_u64(row->value, &value);
	return value;
}

/* ---- memory ---- */

uint64_t plan_commit_limit(const struct memory *memory, uint64_t page, uint64_t ratio,
                           uint64_t kbytes)
{
	uint64_t pages = (memory->total - memory->hugetlb) / page;
	uint64_t allowed = kbytes ? kbytes * 1024 / page : pages * ratio / 100;

	return allowed * page + memory->swap_total;
}

uint64_t plan_reserve(const struct memory *memory)
{
	return memory->total / 10 > GIB ? memory->total / 10 : GIB;
}

static uint64_t page_size_of(const struct knob *knob)
{
	if (strncmp(knob->name, "hugepages.", 10))
		return 0;
	return strstr(knob->name, "1G") ? GIB : GIB / 512;
}

/* How many bytes a row takes from (or, below zero, gives back to) free memory. */
static int64_t taken(const struct plan_row *row)
{
	uint64_t now = 0, then = 0, size = page_size_of(row->setting->knob);

	if (!size || row->action != PLAN_SET)
		return 0;
	opt_parse_u64(row->setting->now, &now);
	opt_parse_u64(row->value, &then);
	return ((int64_t)then - (int64_t)now) * (int64_t)size;
}

static int64_t taken_by_all(const struct plan *plan)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < plan->count; i++)
		sum += taken(&plan->rows[i]);
	return sum;
}

uint64_t plan_limit_after(const struct plan *plan, const struct tune_facts *facts,
                          uint64_t *mode)
{
	const struct plan_row *ratio = changing(plan, "vm.overcommit_ratio");
	struct memory memory = facts->memory;
	uint64_t kbytes = after(plan, facts, "vm.overcommit_kbytes");

	memory.hugetlb += taken_by_all(plan);
	*mode = after(plan, facts, "vm.overcommit_memory");
	/* Writing the ratio makes the amount 0. */
	return plan_commit_limit(&memory, facts->page,
	                         after(plan, facts, "vm.overcommit_ratio"),
	                         ratio ? 0 : kbytes);
}

/* ---- rules ---- */

static void rule_commit(struct plan *plan, const struct tune_facts *facts)
{
	uint64_t mode, limit = plan_limit_after(plan, facts, &mode);

	if (mode != 2 || facts->memory.committed <= limit)
		return;
	for (unsigned i = 0; i < plan->count; i++) {
		struct plan_row *row = &plan->rows[i];

		/* Huge pages are no part of what mode 2 counts. */
		if (row->action == PLAN_SET &&
		    (!strncmp(row->setting->knob->name, "vm.overcommit_", 14) ||
		     taken(row) > 0))
			say(row, PLAN_REFUSE,
			    "mode 2 would allow %llu MiB (CommitLimit) but %llu MiB are "
			    "committed already, so every program would fail; raise "
			    "vm.overcommit_ratio or add swap first",
			    mib(limit), mib(facts->memory.committed));
	}
}

static void rule_unmerge(struct plan *plan, const struct tune_facts *facts)
{
	struct plan_row *run = changing(plan, "ksm.run");
	struct plan_row *nodes = changing(plan, "ksm.merge_across_nodes");
	uint64_t need = facts->ksm.sharing * facts->page;
	struct plan_row *const rows[] = { run && !strcmp(run->value, "2") ? run : NULL,
		                          nodes };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i] && need > facts->memory.available)
			say(rows[i], PLAN_REFUSE,
			    "unmerging needs %llu MiB and %llu MiB are available; stop "
			    "guests first",
			    mib(need), mib(facts->memory.available));
}

/* The kernel refuses a scan rate while its advisor chooses one. */
static void rule_advisor(struct plan *plan, const struct tune_facts *facts)
{
	const struct plan_row *mode = changing(plan, "ksm.advisor_mode");
	const struct setting *s = tune_facts_find(facts, "ksm.advisor_mode");
	struct plan_row *rate = changing(plan, "ksm.pages_to_scan");

	if (!rate || !s || !s->present || !strcmp(mode ? mode->value : s->now, "none"))
		return;
	say(rate, PLAN_KEEP, "the kernel's advisor chooses it");
}

static void rule_hugepages(struct plan *plan, const struct tune_facts *facts)
{
	uint64_t reserve = plan_reserve(&facts->memory), most = 0;
	int64_t sum = taken_by_all(plan);

	if (facts->memory.available > reserve)
		most = facts->memory.available - reserve;
	if (sum <= 0 || (uint64_t)sum <= most)
		return;
	for (unsigned i = 0; i < plan->count; i++) {
		struct plan_row *row = &plan->rows[i];
		uint64_t size = page_size_of(row->setting->knob), now = 0;

		if (taken(row) <= 0)
			continue;
		opt_parse_u64(row->setting->now, &now);
		say(row, PLAN_REFUSE,
		    "%s pages need %llu MiB more, and of %llu MiB available %llu MiB "
		    "stay free for everything else; at most %llu fit",
		    row->value, mib(taken(row)), mib(facts->memory.available),
		    mib(reserve), (unsigned long long)(now + most / size));
	}
}

static void rule_node(struct plan *plan, const struct tune_facts *facts)
{
	for (unsigned i = 0; i < plan->count; i++) {
		struct plan_row *row = &plan->rows[i];
		uint64_t size = page_size_of(row->setting->knob), now = 0;
		const struct node_memory *node =
			facts_node(facts, row->setting->knob, row->setting->path);

		if (!node || taken(row) <= 0 || (uint64_t)taken(row) <= node->available)
			continue;
		opt_parse_u64(row->setting->now, &now);
		say(row, PLAN_REFUSE,
		    "node %u has %llu MiB to give; at most %llu pages fit", node->id,
		    mib(node->available),
		    (unsigned long long)(now + node->available / size));
	}
}

static void (*const rules[])(struct plan *, const struct tune_facts *) = {
	rule_commit, rule_unmerge, rule_advisor, rule_hugepages, rule_node,
};

/* ---- one row ---- */

static bool offers(const char *raw, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = raw; (at = strstr(at, word)); at += len)
		if ((at == raw || strchr(" [", at[-1])) && strchr(" ]\n", at[len]))
			return true;
	return false;
}

static void missing(struct plan_row *row)
{
	const struct setting *s = row->setting;
	char module[48];

	if (s->knob->store == STORE_MODULE)
		knob_module(s->knob, module, sizeof(module));
	if (s->knob->store == STORE_MODULE && s->module == MODULE_NONE &&
	    row->want->named)
		say(row, PLAN_BOOT, "in effect when %s is loaded", module);
	else if (s->knob->store == STORE_MODULE && s->module == MODULE_NONE)
		say(row, PLAN_ABSENT, "%s is not loaded", module);
	else if (s->knob->store == STORE_MODULE)
		say(row, PLAN_ABSENT, "%s of this kernel has no such parameter", module);
	else if (!strncmp(s->knob->name, "hugepages.1G", 12))
		say(row, PLAN_ABSENT,
		    "this CPU has no 1 GiB pages (no pdpe1gb in /proc/cpuinfo)");
	else
		say(row, PLAN_ABSENT, "this host has no such knob");
}

static void read_only(struct plan_row *row)
{
	const struct knob *knob = row->setting->knob;

	if (knob->store == STORE_MODULE && row->setting->module == MODULE_LOADED)
		say(row, PLAN_BOOT,
		    "read-only while the module is loaded; in effect after it was reloaded "
		    "with no guest running, or after the next boot");
	else if (knob->store == STORE_MODULE)
		say(row, PLAN_ABSENT,
		    "read-only and built into this kernel; add %s=%s to the kernel command "
		    "line",
		    knob->name, row->value);
	else
		say(row, PLAN_REFUSE, "read-only on this host");
}

static void decide(struct plan_row *row)
{
	const struct setting *s = row->setting;
	uint64_t now, least;

	snprintf(row->value, sizeof(row->value), "%s", row->want->value);
	if (!s->present) {
		missing(row);
	} else if (!s->raw) {
		say(row, PLAN_REFUSE,
		    "its value cannot be read, so it could not be restored");
	} else if (knob_same(s->knob, s->now, row->value)) {
		row->action = PLAN_KEEP;
	} else if (row->want->at_least && !opt_parse_u64(s->now, &now) &&
	           !opt_parse_u64(row->value, &least) && now > least) {
		say(row, PLAN_KEEP, "is higher already");
	} else if (s->knob->kind == KNOB_CHOICE && !offers(s->raw, row->value)) {
		say(row, PLAN_ABSENT, "this kernel offers: %.*s",
		    (int)strcspn(s->raw, "\n"), s->raw);
	} else if (s->writable) {
		row->action = PLAN_SET;
	} else {
		read_only(row);
	}
}

static int check_pairs(const struct profile *profile, struct err *err)
{
	for (unsigned i = 0; i < profile->count; i++)
		for (unsigned k = 0; k < i; k++)
			if (profile->wants[i].knob->pair &&
			    !strcmp(profile->wants[i].knob->pair,
			            profile->wants[k].knob->name))
				return err_usage(
					err,
					"%s and %s exclude each other: setting one "
					"makes the other 0; give one of them",
					profile->wants[k].knob->name,
					profile->wants[i].knob->name);
	return 0;
}

int plan_make(const struct profile *profile, const struct tune_facts *facts,
              struct plan *plan, struct err *err)
{
	int ret = check_pairs(profile, err);

	*plan = (struct plan){ 0 };
	if (ret < 0)
		return ret;
	plan->rows = calloc(facts->count + 1, sizeof(*plan->rows));
	if (!plan->rows)
		return err_sys(err, ENOMEM, "cannot plan");
	for (unsigned i = 0; i < facts->count; i++) {
		const struct setting *s = &facts->settings[i];
		struct plan_row *row = &plan->rows[plan->count];

		for (unsigned w = 0; w < profile->count; w++)
			if (want_matches(&profile->wants[w], s->knob, s->path) &&
			    (facts->nodes > 1 || !profile->wants[w].numa_only))
				row->want = &profile->wants[w];
		if (!row->want)
			continue;
		row->setting = s;
		decide(row);
		plan->count++;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(rules); i++)
		rules[i](plan, facts);
	return 0;
}

void plan_free(struct plan *plan)
{
	free(plan->rows);
	*plan = (struct plan){ 0 };
}
