// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Our files for the next boots. Invariant: a file is the header and one line for each
 * entry, and nothing else, so that writing it again from the same entries gives the same
 * bytes, and no entries are no file.
 */
#include "tune/persist.h"

#include "common/cleanup.h"
#include "tune/apply.h"
#include "tune/hostfile.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define HEADER \
	"# Written by kvm-tune: 'kvm-tune persist' and 'kvm-tune unpersist' change it.\n"
#define WANTS "etc/systemd/system/multi-user.target.wants/kvm-tune.service"

static const char *const files[STORE_COUNT] = {
	[STORE_SYSCTL] = "etc/sysctl.d/90-kvmkit.conf",
	[STORE_MODULE] = "etc/modprobe.d/kvmkit.conf",
	[STORE_TMPFILE] = "etc/tmpfiles.d/kvmkit.conf",
	[STORE_BOOT] = BOOT_PROFILE,
};

const char *persist_file(enum knob_store store)
{
	return files[store];
}

/* ---- entries ---- */

int persist_load(const struct sysroot *root, struct bootconf *own, struct err *err)
{
	*own = (struct bootconf){ 0 };
	for (unsigned store = 0; store < STORE_COUNT; store++) {
		_cleanup_free_ char *head = NULL;
		int ret = sysroot_read_head(root, files[store], strlen(HEADER), &head);

		if (ret == -ENOENT)
			continue;
		if (ret < 0)
			return err_sys(err, -ret, "cannot read /%s", files[store]);
		if (strcmp(head, HEADER))
			return err_set(
				err, EEXIST,
				"/%s was not written by kvm-tune; it was left as it "
				"is: move it away",
				files[store]);
		if (bootconf_file(root, store, files[store], own) < 0)
			return err_sys(err, ENOMEM, "cannot read /%s", files[store]);
	}
	return 0;
}

static struct boot_entry *find(const struct bootconf *own, enum knob_store store,
                               const char *key)
{
	for (unsigned i = 0; i < own->count; i++)
		if (own->entries[i].store == store && !strcmp(own->entries[i].key, key))
			return &own->entries[i];
	return NULL;
}

const char *persist_get(const struct bootconf *own, enum knob_store store,
                        const char *key)
{
	const struct boot_entry *entry = find(own, store, key);

	return entry ? entry->value : NULL;
}

static void drop(struct bootconf *own, struct boot_entry *entry)
{
	if (!entry)
		return;
	own->count--;
	memmove(entry, entry + 1, (char *)&own->entries[own->count] - (char *)entry);
}

int persist_set(struct bootconf *own, enum knob_store store, const struct knob *knob,
                const char *key, const char *value)
{
	struct boot_entry *entry = find(own, store, key), *grown;

	if (!value) {
		drop(own, entry);
		return 0;
	}
	if (knob->pair)
		drop(own, find(own, store, knob->pair));
	entry = find(own, store, key);
	if (!entry) {
		grown = realloc(own->entries, (own->count + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		own->entries = grown;
		entry = &grown[own->count++];
		*entry = (struct boot_entry){ .store = store };
		snprintf(entry->key, sizeof(entry->key), "%s", key);
	}
	if (knob->kind == KNOB_BOOL)
		value = knob_same(knob, value, "1") ? "1" : "0";
	snprintf(entry->value, sizeof(entry->value), "%s", value);
	return 0;
}

void persist_key(enum knob_store store, const struct knob *knob, const char *path,
                 bool whole, char *buf, size_t size)
{
	char instance[48];

	knob_instance(knob, path, instance, sizeof(instance));
	if (store == STORE_TMPFILE)
		snprintf(buf, size, "%s", path);
	else if (*instance && !whole)
		snprintf(buf, size, "%s[%s]", knob->name, instance);
	else
		snprintf(buf, size, "%s", knob->name);
}

/* ---- files ---- */

static void render(const struct boot_entry *entry, struct strbuf *out)
{
	const char *dot = strchr(entry->key, '.');

	if (entry->store == STORE_MODULE && dot)
		strbuf_addf(out, "options %.*s %s=%s\n", (int)(dot - entry->key),
		            entry->key, dot + 1, entry->value);
	else if (entry->store == STORE_TMPFILE)
		strbuf_addf(out, "w /%s - - - - %s\n", entry->key, entry->value);
	else
		strbuf_addf(out, "%s = %s\n", entry->key, entry->value);
}

static int remove_file(const struct sysroot *root, const char *path, struct err *err)
{
	int ret = sysroot_remove(root, path);

	/* Where nothing can be written the kernel does not look what is there. */
	if (ret == -EROFS && !sysroot_exists(root, path))
		return 0;
	return ret == -ENOENT || !ret ? 0 : err_sys(err, -ret, "cannot remove /%s", path);
}

static int replace_file(const struct sysroot *root, const char *path, const char *text,
                        struct err *err)
{
	int ret = sysroot_replace(root, path, text, 0644);

	return ret < 0 ? err_sys(err, -ret, "cannot write /%s", path) : 0;
}

/* The unit that was installed beside this program, else the usual place. */
static void unit_path(char *buf, size_t size)
{
	char exe[PATH_MAX], *tail = NULL;
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[len > 0 ? len : 0] = '\0';
	tail = strstr(exe, "/bin/kvm-tune");
	if (tail)
		*tail = '\0';
	snprintf(buf, size, "%.200s/lib/systemd/system/kvm-tune.service",
	         tail ? exe : "/usr/local");
}

/* Enables or disables the unit, as systemctl would. */
static int store_unit(const struct sysroot *root, bool wanted, struct strbuf *out,
                      struct err *err)
{
	char unit[256];

	if (!wanted)
		return remove_file(root, WANTS, err);
	unit_path(unit, sizeof(unit));
	if (out && !sysroot_exists(root, unit + 1))
		strbuf_addf(
			out,
			"note: %s is not installed, so /%s is not applied at boot; run "
			"'make install'\n",
			unit, BOOT_PROFILE);
	return hostfile_link(root, WANTS, unit, err);
}

int persist_store(const struct sysroot *root, const struct bootconf *own,
                  struct strbuf *out, struct err *err)
{
	for (unsigned store = 0; store < STORE_COUNT; store++) {
		_cleanup_strbuf_ struct strbuf text = { 0 };
		_cleanup_free_ char *old = NULL;
		unsigned count = 0;
		int ret;

		strbuf_adds(&text, HEADER);
		for (unsigned i = 0; i < own->count; i++)
			if (own->entries[i].store == store) {
				render(&own->entries[i], &text);
				count++;
			}
		if (text.failed)
			return err_sys(err, ENOMEM, "cannot write /%s", files[store]);
		ret = store == STORE_BOOT ? store_unit(root, count, out, err) : 0;
		if (!ret && !count)
			ret = remove_file(root, files[store], err);
		else if (!ret &&
		         (sysroot_read(root, files[store], HOSTFILE_MAX, &old) < 0 ||
		          strcmp(old, text.data)))
			ret = replace_file(root, files[store], text.data, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* ---- commands ---- */

/* The knob and the file that an entry of ours is about; path is cut to PATH_SIZE. */
static const struct knob *knob_of_entry(const struct boot_entry *entry, char *path)
{
	const struct knob *knob;
	char name[PATH_SIZE];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(entry->key, "["), entry->key);
	knob = entry->store == STORE_TMPFILE ? knob_of_path(entry->key)
	                                     : knob_find(name, NULL);
	if (knob)
		snprintf(path, PATH_SIZE, "%s",
		         entry->store == STORE_TMPFILE ? entry->key : knob->path);
	return knob;
}

/* Names the file that will be stronger than ours. */
static int warn_overridden(const struct sysroot *root, const struct bootconf *own,
                           struct strbuf *out, struct err *err)
{
	_cleanup_free_ char *cmdline = NULL;
	struct bootconf all;
	char path[PATH_SIZE];
	int ret = sysroot_read(root, "proc/cmdline", HOSTFILE_MAX, &cmdline);

	ret = bootconf_load(root, ret < 0 ? "" : cmdline, &all);
	for (unsigned i = 0; i < own->count && !ret; i++) {
		const struct boot_entry *mine = &own->entries[i], *wins;
		const struct knob *knob = knob_of_entry(mine, path);

		wins = knob ? bootconf_find(&all, knob, path) : NULL;
		if (wins && strcmp(wins->file, files[mine->store]) &&
		    wins->store != STORE_BOOT)
			strbuf_addf(
				out,
				"warning: %s%s line %u sets %s = %s, which is stronger "
				"than %s = %s in /%s\n",
				strchr(wins->file, '/') ? "/" : "", wins->file,
				wins->line, wins->key, wins->value, mine->key,
				mine->value, files[mine->store]);
	}
	bootconf_free(&all);
	return ret < 0 ? err_sys(err, -ret, "cannot read the boot configuration") : 0;
}

static void describe(const struct boot_entry *entry, char sign, struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };

	render(entry, &line);
	strbuf_addf(out, "/%s: %c %s", files[entry->store], sign,
	            line.failed ? "\n" : line.data);
}

/* Tells what differs between the files and the entries, and writes them unless dry_run.
 */
static int commit(const struct sysroot *root, const struct bootconf *own, bool dry_run,
                  struct strbuf *out, struct err *err)
{
	struct bootconf old;
	int ret = persist_load(root, &old, err);

	for (unsigned i = 0; i < old.count && !ret; i++) {
		const char *value =
			persist_get(own, old.entries[i].store, old.entries[i].key);

		if (!value || strcmp(value, old.entries[i].value))
			describe(&old.entries[i], '-', out);
	}
	for (unsigned i = 0; i < own->count && !ret; i++) {
		const char *value =
			persist_get(&old, own->entries[i].store, own->entries[i].key);

		if (!value || strcmp(value, own->entries[i].value))
			describe(&own->entries[i], '+', out);
	}
	bootconf_free(&old);
	if (!ret && !dry_run)
		ret = persist_store(root, own, out, err);
	return !ret && !dry_run ? warn_overridden(root, own, out, err) : ret;
}

int persist_plan(const struct sysroot *root, const struct plan *plan, bool dry_run,
                 struct strbuf *out, struct err *err)
{
	const struct plan_row *bad = plan_first(plan, PLAN_REFUSE);
	struct bootconf own = { 0 };
	char key[PATH_SIZE], value[KNOB_VALUE_MAX + 2];
	int ret;

	if (bad)
		return err_set(err, EPERM, "%s: %s", bad->setting->name, bad->note);
	ret = persist_load(root, &own, err);
	for (unsigned i = 0; i < plan->count && !ret; i++) {
		const struct plan_row *row = &plan->rows[i];
		const struct knob *knob = row->setting->knob;
		enum knob_store store = setting_store(row->setting);

		if (row->action == PLAN_ABSENT)
			continue;
		persist_key(store, knob, row->setting->path, !*row->want->instance, key,
		            sizeof(key));
		snprintf(value, sizeof(value), "%s%s",
		         row->want->at_least && store == STORE_BOOT ? ">=" : "",
		         row->action == PLAN_KEEP && store != STORE_BOOT
		                 ? row->setting->now
		                 : row->value);
		if (persist_set(&own, store, knob, key, value) < 0)
			ret = err_sys(err, ENOMEM, "cannot keep %s", row->setting->name);
	}
	if (!ret)
		ret = commit(root, &own, dry_run, out, err);
	bootconf_free(&own);
	return ret;
}

/* One changed knob at its value of now. Of a pair only the one that is not 0. */
static int keep(struct bootconf *own, const struct setting *s, struct err *err)
{
	enum knob_store store = setting_store(s);
	char key[PATH_SIZE];

	if (!s->raw || (s->knob->pair && !strcmp(s->now, "0")))
		return 0;
	persist_key(store, s->knob, s->path, false, key, sizeof(key));
	if (persist_set(own, store, s->knob, key, s->now) < 0)
		return err_sys(err, ENOMEM, "cannot keep %s", s->name);
	return 0;
}

int persist_journal(const struct sysroot *root, struct journal *journal,
                    const struct tune_facts *facts, bool dry_run, struct strbuf *out,
                    struct err *err)
{
	struct bootconf own = { 0 };
	int ret = persist_load(root, &own, err);

	for (unsigned i = 0; i < facts->count && !ret; i++)
		if (journal_find(journal, facts->settings[i].path))
			ret = keep(&own, &facts->settings[i], err);
	if (!ret)
		ret = commit(root, &own, dry_run, out, err);
	bootconf_free(&own);
	for (unsigned i = journal->count; i-- && !ret && !dry_run;)
		if (!strncmp(journal->records[i].key, KEY_BOOT, strlen(KEY_BOOT)))
			ret = journal_drop(journal, journal->records[i].key, err);
	return ret;
}

int persist_remove(const struct sysroot *root, const char *const *names, unsigned count,
                   bool dry_run, struct strbuf *out, struct err *err)
{
	struct bootconf own = { 0 };
	char path[PATH_SIZE];
	int ret = persist_load(root, &own, err);

	for (unsigned i = 0; i < count && !ret; i++)
		if (!knob_find(names[i], err))
			ret = -EINVAL;
	for (unsigned i = own.count; i-- && !ret;) {
		const struct knob *knob = knob_of_entry(&own.entries[i], path);
		bool chosen = !count;

		for (unsigned n = 0; n < count; n++)
			chosen |= knob && !strcmp(knob->name, names[n]);
		if (chosen)
			drop(&own, &own.entries[i]);
	}
	if (!ret)
		ret = commit(root, &own, dry_run, out, err);
	bootconf_free(&own);
	return ret;
}
