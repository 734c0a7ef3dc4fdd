// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reports about knobs. Values come from the host's files: control characters in them are
 * shown as '?'.
 */
#include "tune/report.h"

#include "common/opts.h"
#include "common/version.h"
#include "tune/size.h"

#include <string.h>

#define GIB (1ull << 30)

enum { VALUE_WIDTH = 24 };

/* ---- what is known about a setting ---- */

/* Its value before kvm-tune first changed it; "" when it did not. */
static void original(const struct report *r, const struct setting *s, char *buf,
                     size_t size)
{
	const struct journal_record *record = journal_find(r->journal, s->path);

	buf[0] = '\0';
	if (record && record->value)
		knob_value(s->knob, record->value, buf, size);
}

static const char *at_boot(const struct report *r, const struct setting *s)
{
	const struct boot_entry *entry = bootconf_find(r->boot, s->knob, s->path);

	if (!entry)
		return "default";
	/* The counterpart is set: this one will read 0. */
	if (entry->store == STORE_SYSCTL && s->knob->pair &&
	    !strcmp(entry->key, s->knob->pair))
		return "0";
	return entry->value;
}

static const struct plan_row *advice(const struct report *r, const struct setting *s)
{
	return r->plan ? plan_of(r->plan, s) : NULL;
}

/* ---- the table ---- */

static void cell(struct strbuf *out, const char *text, int width)
{
	int used = 0;

	for (; *text && used < VALUE_WIDTH; text++, used++)
		strbuf_addc(out,
		            (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
	strbuf_addf(out, "%*s  ", used < width ? width - used : 0, "");
}

static void table_row(const struct report *r, const struct setting *s, const char *name,
                      struct strbuf *out)
{
	const struct plan_row *row = advice(r, s);
	char before[KNOB_VALUE_MAX];

	original(r, s, before, sizeof(before));
	strbuf_addf(out, "%-30s ", name);
	cell(out, s->raw ? s->now : "?", 12);
	cell(out, *before ? before : "-", 10);
	cell(out, at_boot(r, s), 10);
	if (r->plan)
		cell(out, row ? row->value : "-", 12);
	strbuf_adds(out, row && *row->want->why ? row->want->why : s->knob->why);
	strbuf_addf(out, " (risk: %s)", s->knob->risk);
	if (row && *row->note)
		strbuf_addf(out, "; %s", row->note);
	strbuf_addc(out, '\n');
}

/* True when the files of one knob, from first on, all say the same. */
static unsigned same_run(const struct report *r, unsigned first)
{
	const struct tune_facts *f = r->facts;
	unsigned n = 1;

	while (first + n < f->count &&
	       f->settings[first + n].knob == f->settings[first].knob)
		n++;
	for (unsigned i = 1; i < n; i++) {
		const struct setting *a = &f->settings[first], *b = a + i;

		if (strcmp(a->now, b->now) || strcmp(at_boot(r, a), at_boot(r, b)) ||
		    !journal_find(r->journal, a->path) !=
		            !journal_find(r->journal, b->path))
			return 1;
	}
	return n;
}

void report_table(const struct report *r, struct strbuf *out)
{
	unsigned step;

	strbuf_addf(out, "%-30s %-12s  %-10s  %-10s  %s%s\n", "KNOB", "NOW", "BEFORE",
	            "AT BOOT", r->plan ? "RECOMMENDED   " : "", "WHY (RISK)");
	for (unsigned i = 0; i < r->facts->count; i += step) {
		const struct setting *s = &r->facts->settings[i];
		char name[96];

		step = same_run(r, i);
		if (!s->present && !advice(r, s))
			continue;
		if (step > 1)
			snprintf(name, sizeof(name), "%s[all %u]", s->knob->name, step);
		else
			snprintf(name, sizeof(name), "%s", s->name);
		table_row(r, s, name, out);
	}
}

/* ---- one setting ---- */

void report_setting(const struct report *r, const struct setting *s, struct strbuf *out)
{
	const struct boot_entry *entry = bootconf_find(r->boot, s->knob, s->path);
	char before[KNOB_VALUE_MAX];

	original(r, s, before, sizeof(before));
	strbuf_addf(out, "%s = ", s->name);
	cell(out,
	     !s->present ? "(not on this host)"
	     : s->raw    ? s->now
	                 : "(unreadable)",
	     0);
	if (*before)
		strbuf_addf(out, "before kvm-tune: %s  ", before);
	if (entry)
		strbuf_addf(out, "at boot: %s (%s%s line %u)", at_boot(r, s),
		            strchr(entry->file, '/') ? "/" : "", entry->file,
		            entry->line);
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = 0;
	strbuf_addf(out, "\n    %s; risk: %s\n", s->knob->why, s->knob->risk);
	if (s->present && !s->writable && s->knob->store == STORE_MODULE)
		strbuf_adds(out, "    read-only while the module is loaded: set through "
		                 "modprobe.d\n");
}

static uint64_t limit_after(const struct report *r, uint64_t *mode)
{
	static const struct plan nothing;

	return plan_limit_after(r->plan ? r->plan : &nothing, r->facts, mode);
}

struct room {
	uint64_t by_commit, in_ram, in_pools;
};

static struct room room_for(const struct report *r, const struct pools *pools,
                            uint64_t fit)
{
	const struct memory *m = &r->facts->memory;
	struct room room = { .in_ram = m->available / fit };
	uint64_t mode, limit = limit_after(r, &mode);

	if (limit > m->committed)
		room.by_commit = (limit - m->committed) / fit;
	for (unsigned i = 0; i < pools->count; i++)
		if (pools->list[i].node < 0)
			room.in_pools += pools->list[i].free * pools->list[i].size / fit;
	return room;
}

void report_commit(const struct report *r, const struct pools *pools, uint64_t fit,
                   struct strbuf *out)
{
	const struct memory *m = &r->facts->memory;
	uint64_t mode, limit = limit_after(r, &mode);
	char now[SIZE_TEXT], then[SIZE_TEXT], committed[SIZE_TEXT], size[SIZE_TEXT];
	struct room room;

	size_text(m->commit_limit, now);
	size_text(limit, then);
	size_text(m->committed, committed);
	strbuf_addf(
		out,
		"CommitLimit: %s now, %s after (swap + RAM without huge pages x ratio); "
		"%s committed; mode %llu %s it\n",
		now, then, committed, (unsigned long long)mode,
		mode == 2 ? "enforces" : "does not enforce");
	if (!fit)
		return;
	room = room_for(r, pools, fit);
	size_text(fit, size);
	strbuf_addf(
		out,
		"guests of %s that still fit: %llu by CommitLimit%s, %llu in available RAM "
		"without swapping, %llu in free huge pages\n",
		size, (unsigned long long)room.by_commit,
		mode == 2 ? "" : " (not enforced)", (unsigned long long)room.in_ram,
		(unsigned long long)room.in_pools);
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *text)
{
	json_t *value = text && *text ? json_string(text) : NULL;

	return value ? value : json_null();
}

static const char *action_name(const struct plan_row *row)
{
	static const char *const names[] = { "keep", "set", "boot", "absent", "refuse" };

	return row ? names[row->action] : NULL;
}

json_t *report_setting_json(const struct report *r, const struct setting *s)
{
	const struct boot_entry *entry = bootconf_find(r->boot, s->knob, s->path);
	const struct plan_row *row = advice(r, s);
	char before[KNOB_VALUE_MAX];

	original(r, s, before, sizeof(before));
	return json_pack(
		"{s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s}",
		"knob", s->name, "path", s->path, "present", (int)s->present, "writable",
		(int)s->writable, "now", text_or_null(s->raw ? s->now : NULL), "before",
		text_or_null(before), "at_boot",
		entry ? text_or_null(at_boot(r, s)) : json_null(), "at_boot_file",
		text_or_null(entry ? entry->file : NULL), "recommended",
		text_or_null(row ? row->value : NULL), "action",
		text_or_null(action_name(row)), "note",
		text_or_null(row ? row->note : NULL), "why",
		row && *row->want->why ? row->want->why : s->knob->why, "risk",
		s->knob->risk);
}

json_t *report_commit_json(const struct report *r, const struct pools *pools,
                           uint64_t fit)
{
	const struct memory *m = &r->facts->memory;
	uint64_t mode, limit = limit_after(r, &mode);
	struct room room = { 0 };
	json_t *json;

	if (fit)
		room = room_for(r, pools, fit);
	json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "mode", (json_int_t)mode,
	                 "limit", (json_int_t)m->commit_limit, "limit_after",
	                 (json_int_t)limit, "committed", (json_int_t)m->committed,
	                 "total", (json_int_t)m->total, "available",
	                 (json_int_t)m->available);
	if (fit)
		json_object_set_new(json, "fit",
		                    json_pack("{s:I, s:I, s:I, s:I}", "size",
		                              (json_int_t)fit, "by_commit_limit",
		                              (json_int_t)room.by_commit, "in_ram",
		                              (json_int_t)room.in_ram, "in_huge_pages",
		                              (json_int_t)room.in_pools));
	return json;
}

static json_t *changed(const struct report *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->facts->count; i++) {
		const struct setting *s = &r->facts->settings[i];
		char before[KNOB_VALUE_MAX];

		if (!s->raw || !journal_find(r->journal, s->path))
			continue;
		original(r, s, before, sizeof(before));
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "knob",
		                                      s->name, "path", s->path, "before",
		                                      before, "now", s->now));
	}
	return list;
}

static json_t *word_of(const struct report *r, const char *knob)
{
	const struct setting *s = tune_facts_find(r->facts, knob);

	return text_or_null(s && s->raw ? s->now : NULL);
}

static json_t *number_of(const struct report *r, const char *knob)
{
	const struct setting *s = tune_facts_find(r->facts, knob);

	return s && s->raw ? json_integer(tune_facts_number(r->facts, knob))
	                   : json_null();
}

json_t *report_tuning(const struct report *r, const struct pools *pools,
                      const char *profile)
{
	return json_pack("{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version",
	                 TUNING_VERSION, "program", "kvm-tune", "program_version",
	                 KVMKIT_VERSION, "profile", text_or_null(profile), "changed",
	                 changed(r), "commit", report_commit_json(r, pools, 0), "ksm_run",
	                 number_of(r, "ksm.run"), "thp", word_of(r, "thp.enabled"),
	                 "halt_poll_ns", number_of(r, "kvm.halt_poll_ns"), "hugepages",
	                 pools_json(pools));
}
