// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Apply and undo. The order is: originals into the journal, writes, read back; on any
 * failure the writes of this run are taken back, and the records that it added are
 * dropped. Invariant: a knob differs from its original only while the journal holds the
 * original, at every instant at which the program may be killed.
 */
#include "tune/apply.h"

#include "common/cleanup.h"
#include "tune/hostfile.h"
#include "tune/mount.h"
#include "tune/persist.h"
#include "tune/restore.h"

#include <errno.h>
#include <string.h>

int tune_journal_open(const struct sysroot *root, bool writer, struct journal *journal,
                      struct err *err)
{
	const char *dir = JOURNAL_DIR;
	int fd;

	*journal = (struct journal){ .dirfd = -1, .fd = -1 };
	fd = sysroot_open_dir(root, dir + 1, writer);
	if (fd == -ENOENT && !writer)
		return 0;
	if (fd < 0)
		fd = err_sys(err, -fd, "cannot open the directory %s", dir);
	else
		fd = journal_open(journal, fd, dir, TUNE_JOURNAL, writer, err);
	if (writer && (fd == -EACCES || fd == -EROFS || (fd == -EPERM && geteuid())))
		err_hint(
			err,
			"only root may change the host: use sudo, or look with --dry-run");
	return fd;
}

/* "hugepages.2M" of "hugepages.2M.node", else the knob's own name. */
static void pool_name(const struct knob *knob, char *buf, size_t size)
{
	size_t len = strlen(knob->name);

	snprintf(buf, size, "%s", knob->name);
	if (len > 5 && !strcmp(buf + len - 5, ".node"))
		buf[len - 5] = '\0';
}

/* ---- apply ---- */

static int save_setting(struct journal *journal, const struct setting *s, struct err *err)
{
	return s && s->raw ? journal_save(journal, s->path, s->raw, err) : 0;
}

/* A pool of huge pages is the sum of what its nodes hold, so that writing either changes
 * both. The sum comes last: undo then restores it first, and after it each node's share.
 */
static int save_pools(struct journal *journal, const struct tune_facts *facts,
                      const struct knob *knob, struct err *err)
{
	char name[64], node[80];
	int ret = 0;

	pool_name(knob, name, sizeof(name));
	snprintf(node, sizeof(node), "%s.node", name);
	for (unsigned i = 0; i < facts->count && !ret; i++)
		if (!strcmp(facts->settings[i].knob->name, node))
			ret = save_setting(journal, &facts->settings[i], err);
	return ret ? ret : save_setting(journal, tune_facts_find(facts, name), err);
}

/* What a write to this knob changes besides it: its counterpart; the scan rate, which
 * KSM's advisor takes over; other pools. */
static int save_related(struct journal *journal, const struct tune_facts *facts,
                        const struct knob *knob, struct err *err)
{
	int ret = 0;

	if (knob->pair)
		ret = save_setting(journal, tune_facts_find(facts, knob->pair), err);
	if (!strcmp(knob->name, "ksm.advisor_mode"))
		ret = save_setting(journal, tune_facts_find(facts, "ksm.pages_to_scan"),
		                   err);
	if (!strncmp(knob->name, "hugepages.", 10))
		ret = save_pools(journal, facts, knob, err);
	return ret;
}

static int save_boot(struct journal *journal, const struct bootconf *own,
                     const struct knob *knob, struct err *err)
{
	char key[KNOB_VALUE_MAX];

	snprintf(key, sizeof(key), KEY_BOOT "%s", knob->name);
	return journal_save(journal, key, persist_get(own, STORE_MODULE, knob->name),
	                    err);
}

static int save_all(struct journal *journal, const struct plan *plan,
                    const struct tune_facts *facts, const struct bootconf *own,
                    struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < plan->count && !ret; i++) {
		const struct plan_row *row = &plan->rows[i];

		if (row->action == PLAN_BOOT)
			ret = save_boot(journal, own, row->setting->knob, err);
		if (row->action != PLAN_SET)
			continue;
		ret = save_related(journal, facts, row->setting->knob, err);
		if (!ret)
			ret = save_setting(journal, row->setting, err);
	}
	return ret;
}

static int write_all(const struct sysroot *root, const struct plan *plan,
                     struct strbuf *out, struct err *err)
{
	for (unsigned i = 0; i < plan->count; i++) {
		const struct plan_row *row = &plan->rows[i];
		int ret;

		if (row->action != PLAN_SET)
			continue;
		ret = knob_write(root, row->setting->knob, row->setting->path, row->value,
		                 err);
		if (ret < 0)
			return ret;
		strbuf_addf(out, "%s: %s -> %s\n", row->setting->name, row->setting->now,
		            row->value);
	}
	return 0;
}

static int write_boot(const struct sysroot *root, const struct plan *plan,
                      struct bootconf *own, struct strbuf *out, struct err *err)
{
	for (unsigned i = 0; i < plan->count; i++) {
		const struct plan_row *row = &plan->rows[i];
		const struct knob *knob = row->setting->knob;

		if (row->action != PLAN_BOOT)
			continue;
		if (persist_set(own, STORE_MODULE, knob, knob->name, row->value) < 0)
			return err_sys(err, ENOMEM, "cannot keep %s", knob->name);
		strbuf_addf(out, "%s: %s in /%s; %s\n", row->setting->name, row->value,
		            persist_file(STORE_MODULE), row->note);
	}
	return plan_first(plan, PLAN_BOOT) ? persist_store(root, own, NULL, err) : 0;
}

/* Back to what was before this run: every file that it may have written. */
static int roll_back(const struct sysroot *root, struct journal *journal, unsigned before,
                     const struct tune_facts *facts)
{
	_cleanup_free_ struct saved *saved = calloc(facts->count + 1, sizeof(*saved));
	unsigned count = 0;
	int ret = saved ? 0 : -ENOMEM;

	for (unsigned i = 0; i < facts->count && saved; i++)
		if (journal_find(journal, facts->settings[i].path) &&
		    facts->settings[i].raw)
			saved[count++] = (struct saved){ facts->settings[i].knob,
				                         facts->settings[i].path,
				                         facts->settings[i].raw };
	restore_all(root, saved, count);
	for (unsigned i = 0; i < count && !ret; i++)
		ret = restore_check(root, &saved[i], NULL);
	while (!ret && journal->count > before)
		ret = journal_drop(journal, journal->records[journal->count - 1].key,
		                   NULL);
	return ret;
}

int apply_plan(const struct sysroot *root, struct journal *journal,
               const struct tune_facts *facts, const struct plan *plan,
               struct strbuf *out, struct err *err)
{
	const struct plan_row *bad = plan_first(plan, PLAN_REFUSE);
	unsigned before = journal->count;
	struct bootconf own = { 0 };
	int ret;

	if (bad)
		return err_set(err, EPERM, "%s: %s; nothing was changed",
		               bad->setting->name, bad->note);
	/* Our files matter only where one of them will change. */
	ret = plan_first(plan, PLAN_BOOT) ? persist_load(root, &own, err) : 0;
	if (!ret)
		ret = save_all(journal, plan, facts, &own, err);
	if (!ret)
		ret = write_all(root, plan, out, err);
	if (!ret)
		ret = write_boot(root, plan, &own, out, err);
	bootconf_free(&own);
	if (ret < 0) {
		err_hint(err,
		         roll_back(root, journal, before, facts) < 0
		                 ? "not everything could be taken back: run kvm-tune undo"
		                 : "nothing was changed");
		/* The lines are about what is no more. */
		strbuf_free(out);
	}
	return ret;
}

void apply_preview(const struct plan *plan, struct strbuf *out)
{
	for (unsigned i = 0; i < plan->count; i++) {
		const struct plan_row *row = &plan->rows[i];
		const char *name = row->setting->name;

		if (row->action == PLAN_SET)
			strbuf_addf(out, "- %s = %s\n+ %s = %s\n", name,
			            row->setting->now, name, row->value);
		else if (row->action == PLAN_BOOT)
			strbuf_addf(out, "- %s = %s\n+ %s = %s (in /%s; %s)\n", name,
			            row->setting->now, name, row->value,
			            persist_file(STORE_MODULE), row->note);
		else if (row->action == PLAN_REFUSE)
			strbuf_addf(out, "! %s = %s: %s\n", name, row->value, row->note);
		else if (row->action == PLAN_ABSENT)
			strbuf_addf(out, "  %s: skipped, %s\n", name, row->note);
		else
			strbuf_addf(out, "  %s = %s\n", name, row->setting->now);
	}
}

/* ---- undo ---- */

struct undo {
	struct saved *saved; /* knobs, in the order in which they were saved */
	const char **keys;   /* the others */
	unsigned knobs, others;
};

/* What was saved together is undone together: a pair, a pool and its nodes. */
static bool chosen(const struct knob *knob, const char *const *names, unsigned count)
{
	char pool[KNOB_VALUE_MAX];

	pool_name(knob, pool, sizeof(pool));
	for (unsigned i = 0; i < count; i++) {
		size_t len = strlen(pool);

		if (!strcmp(names[i], knob->name) ||
		    (knob->pair && !strcmp(names[i], knob->pair)) ||
		    (!strncmp(names[i], pool, len) &&
		     (!names[i][len] || !strcmp(names[i] + len, ".node"))))
			return true;
	}
	return !count;
}

static bool chosen_other(const char *name, const char *const *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return !count;
}

static int collect(const struct journal *journal, const char *const *names,
                   unsigned count, struct undo *undo, struct err *err)
{
	*undo = (struct undo){ calloc(journal->count + 1, sizeof(*undo->saved)),
		               calloc(journal->count + 1, sizeof(*undo->keys)), 0, 0 };
	if (!undo->saved || !undo->keys)
		return err_sys(err, ENOMEM, "cannot undo");
	for (unsigned i = 0; i < journal->count; i++) {
		const struct journal_record *r = &journal->records[i];
		const struct knob *knob = knob_of_path(r->key);

		if (knob && r->value) {
			if (chosen(knob, names, count))
				undo->saved[undo->knobs++] =
					(struct saved){ knob, r->key, r->value };
		} else if (!strncmp(r->key, KEY_BOOT, strlen(KEY_BOOT)) ||
		           !strncmp(r->key, KEY_MOUNT, strlen(KEY_MOUNT))) {
			if (chosen_other(strchr(r->key, ':') + 1, names, count))
				undo->keys[undo->others++] = r->key;
		} else {
			return err_set(err, EBADMSG,
			               "the journal %s names %.100s, which is no knob of "
			               "this kvm-tune; nothing was changed",
			               journal->where, r->key);
		}
	}
	return 0;
}

static int undo_boot(const struct sysroot *root, const char *key, const char *value,
                     struct strbuf *out, struct err *err)
{
	const struct knob *knob = knob_find(key + strlen(KEY_BOOT), err);
	struct bootconf own = { 0 };
	int ret = knob ? persist_load(root, &own, err) : -EINVAL;

	if (!ret && persist_set(&own, STORE_MODULE, knob, knob->name, value) < 0)
		ret = err_sys(err, ENOMEM, "cannot undo");
	if (!ret)
		ret = persist_store(root, &own, NULL, err);
	if (!ret)
		strbuf_addf(out, "%s: %s %s /%s\n", knob->name, value ? value : "removed",
		            value ? "in" : "from", persist_file(STORE_MODULE));
	bootconf_free(&own);
	return ret;
}

static int undo_other(const struct sysroot *root, struct journal *journal,
                      const char *key, struct strbuf *out, struct err *err)
{
	_cleanup_free_ char *copy = strdup(key);
	const struct journal_record *r = journal_find(journal, key);
	int ret;

	if (!copy)
		return err_sys(err, ENOMEM, "cannot undo");
	ret = strncmp(key, KEY_MOUNT, strlen(KEY_MOUNT))
	              ? undo_boot(root, key, r->value, out, err)
	              : mount_undo(root, key + strlen(KEY_MOUNT),
	                           r->value && !strcmp(r->value, "made"), out, err);
	return ret < 0 ? ret : journal_drop(journal, copy, err);
}

static int finish_knob(const struct sysroot *root, const struct saved *saved,
                       struct strbuf *out, struct err *err)
{
	char instance[48], value[KNOB_VALUE_MAX];
	int ret = restore_check(root, saved, err);

	if (ret < 0 && ret != -ENOENT)
		return ret;
	knob_instance(saved->knob, saved->path, instance, sizeof(instance));
	knob_value(saved->knob, saved->raw, value, sizeof(value));
	strbuf_addf(out, "%s%s%s%s: %s\n", saved->knob->name, *instance ? "[" : "",
	            instance, *instance ? "]" : "",
	            ret ? "is gone, nothing to restore" : value);
	return 0;
}

/* The first error is told; what follows it is tried all the same. */
static void note(int *ret, int one)
{
	if (!*ret)
		*ret = one;
}

static int undo_others(const struct sysroot *root, struct journal *journal,
                       const struct undo *undo, struct strbuf *out, struct err *err)
{
	int ret = 0;

	for (unsigned i = undo->others; i--;) {
		_cleanup_free_ char *key = strdup(undo->keys[i]);

		note(&ret, key ? undo_other(root, journal, key, out, err)
		               : err_sys(err, ENOMEM, "cannot undo"));
	}
	return ret;
}

static int undo_knobs(const struct sysroot *root, struct journal *journal,
                      const struct undo *undo, struct strbuf *out, struct err *err)
{
	int ret = 0, one;

	restore_all(root, undo->saved, undo->knobs);
	/* All are checked before a record goes: a pair is good together or not at all. */
	for (unsigned i = undo->knobs; i--;) {
		one = finish_knob(root, &undo->saved[i], out, err);
		undo->saved[i].raw = one < 0 ? NULL : undo->saved[i].raw;
		note(&ret, one);
	}
	for (unsigned i = undo->knobs; i--;) {
		_cleanup_free_ char *path = strdup(undo->saved[i].path);

		if (undo->saved[i].raw)
			note(&ret, path ? journal_drop(journal, path, err)
			                : err_sys(err, ENOMEM, "cannot undo"));
	}
	return ret;
}

int apply_undo(const struct sysroot *root, struct journal *journal,
               const char *const *names, unsigned count, struct strbuf *out,
               struct err *err)
{
	struct undo undo;
	int ret = collect(journal, names, count, &undo, err);

	if (!ret) {
		/* The mounts first: they may hold pages of the pools. */
		note(&ret, undo_others(root, journal, &undo, out, err));
		note(&ret, undo_knobs(root, journal, &undo, out, err));
	}
	free(undo.saved);
	free(undo.keys);
	return ret;
}

int apply_undo_preview(const struct sysroot *root, const struct journal *journal,
                       const char *const *names, unsigned count, struct strbuf *out,
                       struct err *err)
{
	struct undo undo;
	int ret = collect(journal, names, count, &undo, err);

	for (unsigned i = undo.others; i-- && !ret;)
		strbuf_addf(out, "- %s\n", undo.keys[i]);
	for (unsigned i = undo.knobs; i-- && !ret;) {
		const struct saved *s = &undo.saved[i];
		_cleanup_free_ char *raw = NULL;
		char now[KNOB_VALUE_MAX] = "?", then[KNOB_VALUE_MAX];

		if (!sysroot_read(root, s->path, HOSTFILE_MAX, &raw))
			knob_value(s->knob, raw, now, sizeof(now));
		knob_value(s->knob, s->raw, then, sizeof(then));
		strbuf_addf(out, "- /%s = %s\n+ /%s = %s\n", s->path, now, s->path, then);
	}
	free(undo.saved);
	free(undo.keys);
	return ret;
}
