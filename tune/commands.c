// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each command does. Those that change something open the journal first, so that
 * facts are read, planned and applied while no other kvm-tune can change them.
 */
#include "tune/commands.h"

#include "common/cleanup.h"
#include "tune/auto.h"
#include "tune/ksm.h"
#include "tune/mount.h"
#include "tune/persist.h"
#include "tune/watch.h"

#include <errno.h>
#include <string.h>

static void put_json(struct session *s, json_t *json)
{
	_cleanup_free_ char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

	json_decref(json);
	if (!text)
		s->out.failed = true;
	strbuf_adds(&s->out, text ? text : "");
	strbuf_addc(&s->out, '\n');
}

static bool is_assignment(const char *word)
{
	return strchr(word, '=');
}

/* ---- changing ---- */

/* A knob that was asked for by name must be there. */
static int check_named(const struct plan *plan, struct err *err)
{
	const struct plan_row *row = plan_first(plan, PLAN_ABSENT);

	return row ? err_set(err, ENOENT, "cannot set %s to %s: %s", row->setting->name,
	                     row->value, row->note)
	           : 0;
}

static bool touches_commit(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->count; i++)
		if (!strncmp(plan->rows[i].setting->knob->name, "vm.overcommit_", 14))
			return true;
	return false;
}

static void preview_json(struct session *s, const struct plan *plan)
{
	struct report report = session_report(s, plan);
	json_t *list = json_array();

	for (unsigned i = 0; i < plan->count; i++)
		json_array_append_new(
			list, report_setting_json(&report, plan->rows[i].setting));
	put_json(s, json_pack("{s:o, s:o}", "settings", list, "commit",
	                      report_commit_json(&report, &s->pools, s->cli->fit)));
}

static int preview(struct session *s, const struct plan *plan, struct err *err)
{
	const struct plan_row *bad = plan_first(plan, PLAN_REFUSE);
	struct report report = session_report(s, plan);
	int ret = 0;

	if (!s->cli->json)
		apply_preview(plan, &s->out);
	if (!s->cli->json && (touches_commit(plan) || s->cli->fit))
		report_commit(&report, &s->pools, s->cli->fit, &s->out);
	if (bad)
		ret = err_set(err, EPERM, "%s: %s", bad->setting->name, bad->note);
	else if (s->cli->persist)
		ret = persist_plan(&s->root, plan, true, &s->out, err);
	if (s->cli->json) {
		strbuf_free(&s->out);
		preview_json(s, plan);
	}
	return ret;
}

/* Whether it could be kept is known before it is set, but for a disk that fills up. */
static int set_and_keep(struct session *s, const struct plan *plan, struct err *err)
{
	_cleanup_strbuf_ struct strbuf unused = { 0 };
	int ret = 0;

	if (s->cli->persist)
		ret = persist_plan(&s->root, plan, true, &unused, err);
	if (!ret)
		ret = apply_plan(&s->root, &s->journal, &s->facts, plan, &s->out, err);
	if (ret < 0 || !s->cli->persist)
		return ret;
	ret = persist_plan(&s->root, plan, false, &s->out, err);
	err_prefix(err, "set, but not kept for the next boots");
	return ret;
}

/* Plans, then shows or does it. named: the knobs were named one by one, not by a profile.
 */
static int change(struct session *s, const struct profile *profile, bool named,
                  struct err *err)
{
	struct report report;
	struct plan plan;
	bool commit;
	int ret = plan_make(profile, &s->facts, &plan, err);

	if (!ret && named)
		ret = check_named(&plan, err);
	if (!ret && s->cli->dry_run) {
		ret = preview(s, &plan, err);
		plan_free(&plan);
		return ret;
	}
	if (!ret)
		ret = set_and_keep(s, &plan, err);
	commit = touches_commit(&plan);
	plan_free(&plan);
	if (!ret)
		ret = session_refresh(s, err);
	if (ret < 0)
		return ret;
	report = session_report(s, NULL);
	/* What is set now is the whole answer to a program. */
	if (s->cli->json)
		strbuf_free(&s->out);
	else if (commit || s->cli->fit)
		report_commit(&report, &s->pools, s->cli->fit, &s->out);
	session_hand_off(s, named ? NULL : profile->name);
	return 0;
}

static int open_to_change(struct session *s, const struct cli *cli, struct err *err)
{
	return session_open(s, cli, !cli->dry_run, err);
}

/* ---- sysctl, param ---- */

static bool in_store(const struct knob *knob, enum command command)
{
	return knob->store == (command == CMD_SYSCTL ? STORE_SYSCTL : STORE_MODULE);
}

static int check_store(const struct knob *knob, enum command command, struct err *err)
{
	if (in_store(knob, command))
		return 0;
	return err_usage(err, "%s is no %s; use kvm-tune %s", knob->name,
	                 command == CMD_SYSCTL ? "sysctl" : "parameter of a KVM module",
	                 knob->store == STORE_SYSCTL       ? "sysctl"
	                 : knob->store == STORE_MODULE     ? "param"
	                 : !strncmp(knob->name, "ksm.", 4) ? "ksm"
	                 : !strncmp(knob->name, "hugepages.", 10)
	                         ? "hugepages"
	                         : "persist or a profile");
}

/* All words are checked before the host is looked at. */
static int parse_words(const struct cli *cli, struct profile *profile, bool *chosen,
                       struct err *err)
{
	for (unsigned i = 0; i < cli->word_count; i++) {
		const char *word = cli->words[i];
		const struct knob *knob;
		int ret = 0;

		if (is_assignment(word)) {
			ret = profile_add(profile, word, err);
			knob = ret ? NULL : profile->wants[profile->count - 1].knob;
		} else {
			knob = knob_find(word, err);
		}
		if (!knob)
			return ret ? ret : -EINVAL;
		ret = check_store(knob, cli->command, err);
		if (ret < 0)
			return ret;
		chosen[knob - knobs] |= !is_assignment(word) || cli->json;
	}
	return 0;
}

/* assigned: something was set, and the commit limit told, already. */
static void tell_settings(struct session *s, const bool *chosen, bool assigned)
{
	struct report report = session_report(s, NULL);
	bool all = !s->cli->word_count;
	json_t *list = json_array();

	for (unsigned i = 0; i < s->facts.count; i++) {
		const struct setting *setting = &s->facts.settings[i];

		if (all ? !in_store(setting->knob, s->cli->command) || !setting->present
		        : !chosen[setting->knob - knobs])
			continue;
		if (s->cli->json)
			json_array_append_new(list,
			                      report_setting_json(&report, setting));
		else
			report_setting(&report, setting, &s->out);
	}
	if (s->cli->json)
		put_json(s,
		         json_pack("{s:o, s:o}", "settings", list, "commit",
		                   report_commit_json(&report, &s->pools, s->cli->fit)));
	else
		json_decref(list);
	if (!s->cli->json && s->cli->command == CMD_SYSCTL && !assigned)
		report_commit(&report, &s->pools, s->cli->fit, &s->out);
}

static int run_settings(const struct cli *cli, struct session *s, struct err *err)
{
	struct profile profile = { 0 };
	_cleanup_free_ bool *chosen = NULL;
	unsigned knob_count = 0;
	int ret;

	while (knobs[knob_count].name)
		knob_count++;
	chosen = calloc(knob_count + 1, sizeof(*chosen));
	ret = chosen ? parse_words(cli, &profile, chosen, err) : -ENOMEM;
	if (!ret)
		ret = profile.count ? open_to_change(s, cli, err)
		                    : session_open(s, cli, false, err);
	if (!ret && profile.count)
		ret = change(s, &profile, true, err);
	/* What was only named is shown, also beside what was set. */
	if (!ret && !(cli->json && cli->dry_run && profile.count))
		tell_settings(s, chosen, profile.count);
	if (!ret && !cli->json && !s->out.len)
		strbuf_adds(&s->out, "nothing to change\n");
	profile_free(&profile);
	return ret;
}

/* ---- ksm ---- */

static int ksm_status(struct session *s, struct err *err)
{
	struct ksm_status status;
	struct guests guests;
	int ret = ksm_read(&s->root, &status, err);

	if (!ret && guests_gather(&s->root, &guests) < 0)
		ret = err_set(err, EIO, "cannot look for guests in /proc");
	if (ret < 0)
		return ret;
	if (s->cli->json)
		put_json(s, ksm_json(&status, &guests));
	else
		ksm_text(&status, &guests, &s->out);
	guests_free(&guests);
	return 0;
}

static int ksm_set(const struct cli *cli, struct session *s, const char *assignment,
                   struct err *err)
{
	struct profile profile = { 0 };
	int ret = profile_add(&profile, assignment, err);

	if (!ret)
		ret = open_to_change(s, cli, err);
	if (!ret)
		ret = change(s, &profile, true, err);
	if (!ret && !cli->dry_run)
		ret = ksm_status(s, err);
	profile_free(&profile);
	return ret;
}

static int ksm_live(const struct cli *cli, struct session *s, bool watch, struct err *err)
{
	struct auto_limits limits = { cli->threshold };
	int ret = sysroot_open(&s->root, cli->root, err);

	if (ret < 0)
		return ret;
	return watch ? watch_run(&s->root, cli->interval, cli->count, err)
	             : auto_run(&s->root, &limits, cli->interval, cli->count, err);
}

static const struct {
	const char *name;
	const char *assignment; /* NULL: nothing is set */
	bool live, watch;
} ksm_words[] = {
	{ "status", NULL, false, false },     { "on", "ksm.run=1", false, false },
	{ "off", "ksm.run=0", false, false }, { "unmerge", "ksm.run=2", false, false },
	{ "watch", NULL, true, true },        { "auto", NULL, true, false },
};

static int run_ksm(const struct cli *cli, struct session *s, struct err *err)
{
	const char *word = cli->word_count ? cli->words[0] : "status";
	unsigned i = 0;
	int ret;

	while (i < ARRAY_SIZE(ksm_words) && strcmp(ksm_words[i].name, word))
		i++;
	if (i == ARRAY_SIZE(ksm_words) || cli->word_count > 1)
		return err_usage(err,
		                 "kvm-tune ksm takes one of status, on, off, unmerge, "
		                 "watch, auto; not '%.60s'",
		                 cli->word_count > 1 ? cli->words[1] : word);
	if (ksm_words[i].live && (cli->json || cli->dry_run || cli->persist))
		return err_usage(err,
		                 "--json, --dry-run and --persist have no meaning for "
		                 "kvm-tune ksm %s",
		                 word);
	if (ksm_words[i].live)
		return ksm_live(cli, s, ksm_words[i].watch, err);
	if (ksm_words[i].assignment)
		return ksm_set(cli, s, ksm_words[i].assignment, err);
	ret = session_open(s, cli, false, err);
	return ret ? ret : ksm_status(s, err);
}

/* ---- huge pages ---- */

/* The mount comes first, because it is easily taken back when there are not enough pages.
 */
static int mount_and_change(struct session *s, const struct profile *profile,
                            uint64_t size, struct err *err)
{
	bool mounted = false;
	int ret = 0;

	if (s->cli->mount && s->cli->dry_run)
		strbuf_addf(&s->out, "+ hugetlbfs on %s\n", s->cli->mount);
	else if (s->cli->mount)
		ret = mount_hugepages(&s->root, &s->journal, s->cli->mount, size,
		                      &mounted, err);
	if (ret < 0)
		return ret;
	ret = change(s, profile, true, err);
	if (ret < 0 && mounted)
		mount_take_back(&s->root, &s->journal, s->cli->mount);
	if (!ret && mounted)
		strbuf_addf(&s->out, "%s: mounted\n", s->cli->mount);
	return ret;
}

static int run_hugepages(const struct cli *cli, struct session *s, struct err *err)
{
	struct profile profile = { 0 };
	uint64_t size = 0;
	int ret;

	if (cli->mount && cli->word_count != 1)
		return err_usage(err, "--mount goes with one size, such as 2M=512");
	if (cli->mount && cli->root)
		return err_usage(err, "--mount works on the running host only");
	if (cli->node >= 0 && !cli->word_count)
		return err_usage(err, "--node goes with a size, such as 2M=512");
	ret = cli->word_count ? open_to_change(s, cli, err)
	                      : session_open(s, cli, false, err);
	for (unsigned i = 0; i < cli->word_count && !ret; i++)
		ret = hugepage_wish(&profile, &s->facts, cli->words[i], cli->node, &size,
		                    err);
	if (!ret && profile.count)
		ret = mount_and_change(s, &profile, size, err);
	profile_free(&profile);
	if (ret < 0 || cli->dry_run)
		return ret;
	if (cli->json)
		put_json(s, pools_json(&s->pools));
	else
		pools_text(&s->pools, &s->out);
	return 0;
}

/* ---- show, apply, undo ---- */

static int one_profile(const struct cli *cli, bool needed, struct err *err)
{
	if (cli->word_count > 1 || (needed && !cli->word_count))
		return err_usage(err, "%s one profile; kvm-tune profiles lists them",
		                 needed ? "give" : "give at most");
	return 0;
}

static int run_show(const struct cli *cli, struct session *s, struct err *err)
{
	struct profile profile = { 0 };
	struct plan plan = { 0 };
	struct report report;
	json_t *list;
	int ret = one_profile(cli, false, err);

	if (!ret)
		ret = session_open(s, cli, false, err);
	if (!ret && cli->word_count)
		ret = profile_load(&s->root, cli->words[0], &profile, err);
	if (!ret && cli->word_count)
		ret = plan_make(&profile, &s->facts, &plan, err);
	if (!ret) {
		report = session_report(s, cli->word_count ? &plan : NULL);
		if (cli->json) {
			list = json_array();
			for (unsigned i = 0; i < s->facts.count; i++)
				json_array_append_new(
					list, report_setting_json(&report,
				                                  &s->facts.settings[i]));
			put_json(s, list);
		} else {
			report_table(&report, &s->out);
		}
	}
	plan_free(&plan);
	profile_free(&profile);
	return ret;
}

static int run_apply(const struct cli *cli, struct session *s, struct err *err)
{
	struct profile profile = { 0 };
	int ret = one_profile(cli, true, err);

	if (!ret)
		ret = open_to_change(s, cli, err);
	if (!ret)
		ret = profile_load(&s->root, cli->words[0], &profile, err);
	if (!ret)
		ret = change(s, &profile, false, err);
	profile_free(&profile);
	return ret;
}

/* Knobs by name; a path of a mount as well. */
static int check_names(const struct cli *cli, struct err *err)
{
	for (unsigned i = 0; i < cli->word_count; i++)
		if (cli->words[i][0] != '/' && !knob_find(cli->words[i], err))
			return -EINVAL;
	return 0;
}

static int run_undo(const struct cli *cli, struct session *s, struct err *err)
{
	int ret = check_names(cli, err);

	if (!ret)
		ret = open_to_change(s, cli, err);
	if (!ret && cli->dry_run)
		return apply_undo_preview(&s->root, &s->journal, cli->words,
		                          cli->word_count, &s->out, err);
	if (!ret)
		ret = apply_undo(&s->root, &s->journal, cli->words, cli->word_count,
		                 &s->out, err);
	if (!ret && !s->out.len)
		strbuf_adds(&s->out, "nothing to undo\n");
	if (!ret)
		ret = session_refresh(s, err);
	if (!ret)
		session_hand_off(s, NULL);
	return ret;
}

/* ---- persist ---- */

static int run_persist(const struct cli *cli, struct session *s, struct err *err)
{
	bool named = cli->word_count && is_assignment(cli->words[0]);
	struct profile profile = { 0 };
	struct plan plan = { 0 };
	int ret = 0;

	for (unsigned i = 0; i < cli->word_count && named && !ret; i++)
		ret = profile_add(&profile, cli->words[i], err);
	if (!ret && !named)
		ret = one_profile(cli, false, err);
	if (!ret)
		ret = open_to_change(s, cli, err);
	if (!ret && !cli->word_count) {
		ret = persist_journal(&s->root, &s->journal, &s->facts, cli->dry_run,
		                      &s->out, err);
	} else if (!ret) {
		if (!named)
			ret = profile_load(&s->root, cli->words[0], &profile, err);
		if (!ret)
			ret = plan_make(&profile, &s->facts, &plan, err);
		if (!ret && named)
			ret = check_named(&plan, err);
		if (!ret)
			ret = persist_plan(&s->root, &plan, cli->dry_run, &s->out, err);
	}
	if (!ret && !s->out.len)
		strbuf_adds(&s->out, "nothing to keep that is not kept already\n");
	/* What was to be kept and is not. */
	if (ret < 0 && !cli->dry_run)
		strbuf_free(&s->out);
	plan_free(&plan);
	profile_free(&profile);
	return ret;
}

static int run_unpersist(const struct cli *cli, struct session *s, struct err *err)
{
	int ret = open_to_change(s, cli, err);

	if (!ret)
		ret = persist_remove(&s->root, cli->words, cli->word_count, cli->dry_run,
		                     &s->out, err);
	if (!ret && !s->out.len)
		strbuf_adds(&s->out, "nothing was kept\n");
	return ret;
}

static int run_profiles(const struct cli *cli, struct session *s, struct err *err)
{
	int ret = cli->word_count ? err_usage(err, "kvm-tune profiles takes no words")
	                          : sysroot_open(&s->root, cli->root, err);

	return ret ? ret : profile_list(&s->root, &s->out, err);
}

/* ---- dispatch ---- */

static int (*const handlers[CMD_COUNT])(const struct cli *, struct session *,
                                        struct err *) = {
	[CMD_SHOW] = run_show,
	[CMD_SYSCTL] = run_settings,
	[CMD_KSM] = run_ksm,
	[CMD_HUGEPAGES] = run_hugepages,
	[CMD_PARAM] = run_settings,
	[CMD_APPLY] = run_apply,
	[CMD_UNDO] = run_undo,
	[CMD_PERSIST] = run_persist,
	[CMD_UNPERSIST] = run_unpersist,
	[CMD_PROFILES] = run_profiles,
};

int command_run(const struct cli *cli, struct session *s, struct err *err)
{
	*s = (struct session){ .cli = cli,
		               .root.fd = -1,
		               .journal = { .dirfd = -1, .fd = -1 } };
	return handlers[cli->command](cli, s, err);
}
