// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing knobs. Three of them need more than a write: pairs of which one is 0, NUMA
 * merging of KSM (which the kernel refuses to change while pages are shared), and pools
 * of huge pages (which the kernel fills as far as it can, and says nothing).
 */
#include "tune/restore.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "tune/facts.h"
#include "tune/hostfile.h"

#include <errno.h>
#include <string.h>

#define KSM_RUN     "sys/kernel/mm/ksm/run"
#define KSM_SHARING "sys/kernel/mm/ksm/pages_sharing"
#define COMPACT     "proc/sys/vm/compact_memory"

enum { FILL_TRIES = 4 };

static int read_raw(const struct sysroot *root, const char *path, char **raw)
{
	return sysroot_read(root, path, HOSTFILE_MAX, raw);
}

/* ---- huge pages ---- */

/* Again, after compaction, as long as that gets more pages. */
static int fill_pool(const struct sysroot *root, const char *path, const char *text)
{
	uint64_t want = 0, got = 0, before;
	char digits[24];
	int ret = 0;

	snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(text, "\n"), text);
	opt_parse_u64(digits, &want);
	for (unsigned i = 0; i < FILL_TRIES && !ret; i++) {
		before = got;
		ret = hostfile_set(root, path, text);
		if (!ret)
			ret = facts_number(root, path, &got);
		if (got >= want || (i && got <= before))
			break;
		/* Not every kernel has it, and it is a help, not a need. */
		if (!ret && root->live)
			hostfile_set(root, COMPACT, "1\n");
	}
	return ret;
}

static int pool_short(const struct knob *knob, const char *got, const char *want,
                      struct err *err)
{
	if (strstr(knob->name, "1G"))
		return err_set(
			err, ENOMEM,
			"%s: the kernel found memory for %s of %s pages: 1 GiB in one "
			"piece is rarely left after the boot; reserve them on the "
			"kernel command line: hugepagesz=1G hugepages=%s",
			knob->name, got, want, want);
	return err_set(
		err, ENOMEM,
		"%s: the kernel found memory for %s of %s pages, also after "
		"compaction; ask for fewer, or for 'kvm-tune persist' and a reboot",
		knob->name, got, want);
}

/* ---- KSM ---- */

/* With pages shared, the kernel says EBUSY: split them, write, and go on as before. */
static int write_unmerged(const struct sysroot *root, const char *path, const char *value)
{
	_cleanup_free_ char *run = NULL;
	struct memory memory;
	uint64_t sharing = 0;
	int ret = read_raw(root, KSM_RUN, &run), back;

	if (!ret)
		ret = facts_number(root, KSM_SHARING, &sharing);
	if (!ret)
		ret = memory_read(root, &memory, NULL);
	if (!ret && sharing * sysconf(_SC_PAGESIZE) > memory.available)
		ret = -ENOMEM;
	if (!ret)
		ret = hostfile_set(root, KSM_RUN, "2\n");
	if (ret < 0)
		return ret;
	ret = hostfile_set(root, path, value);
	back = hostfile_set(root, KSM_RUN, run);
	return ret < 0 ? ret : back;
}

/* ---- any knob ---- */

static int set(const struct sysroot *root, const struct knob *knob, const char *path,
               const char *text)
{
	int ret;

	if (!strncmp(knob->name, "hugepages.", 10))
		return fill_pool(root, path, text);
	ret = hostfile_set(root, path, text);
	if (ret == -EBUSY && !strcmp(knob->name, "ksm.merge_across_nodes"))
		ret = write_unmerged(root, path, text);
	return ret;
}

int knob_write(const struct sysroot *root, const struct knob *knob, const char *path,
               const char *value, struct err *err)
{
	_cleanup_free_ char *raw = NULL;
	char text[KNOB_VALUE_MAX + 2], now[KNOB_VALUE_MAX] = "";
	int ret;

	if (knob->kind == KNOB_BOOL)
		value = knob_same(knob, value, "1") ? "1" : "0";
	snprintf(text, sizeof(text), "%s\n", value);
	ret = set(root, knob, path, text);
	if ((ret == -EACCES || ret == -EPERM) && geteuid())
		return err_set(err, -ret, "cannot set %s: only root may; use sudo",
		               knob->name);
	if (ret == -EINVAL)
		return err_set(err, EINVAL, "the kernel refuses %s as %s", value,
		               knob->name);
	if (ret < 0)
		return err_sys(err, -ret, "cannot set %s to %s (/%s)", knob->name, value,
		               path);
	ret = read_raw(root, path, &raw);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read back %s (/%s)", knob->name, path);
	knob_value(knob, raw, now, sizeof(now));
	if (knob_same(knob, now, value))
		return 0;
	if (!strncmp(knob->name, "hugepages.", 10))
		return pool_short(knob, now, value, err);
	return err_set(err, EIO, "%s was set to %s but reads back as %s (/%s)",
	               knob->name, value, now, path);
}

/* ---- many of them ---- */

static bool is_zero(const char *raw)
{
	return raw[0] == '0' && (!raw[1] || raw[1] == '\n');
}

static const struct saved *pair_of(const struct saved *saved, unsigned count,
                                   const struct knob *knob)
{
	for (unsigned i = 0; i < count; i++)
		if (knob->pair && !strcmp(saved[i].knob->name, knob->pair))
			return &saved[i];
	return NULL;
}

/* An amount of 0 cannot be written (EINVAL) or would take the ratio away; a ratio of 0
 * beside an amount would take the amount away. */
static bool other_restores(const struct saved *saved, unsigned count,
                           const struct saved *one)
{
	const struct saved *pair = pair_of(saved, count, one->knob);

	return pair && is_zero(one->raw) &&
	       (strstr(one->knob->name, "bytes") || !is_zero(pair->raw));
}

static bool reads_as_saved(const struct sysroot *root, const struct saved *saved)
{
	_cleanup_free_ char *raw = NULL;

	return !read_raw(root, saved->path, &raw) && !strcmp(raw, saved->raw);
}

void restore_all(const struct sysroot *root, const struct saved *saved, unsigned count)
{
	for (unsigned i = count; i--;) {
		const struct saved *one = &saved[i];
		const struct saved *pair = pair_of(saved, count, one->knob);
		char word[KNOB_VALUE_MAX];

		if (other_restores(saved, count, one) ||
		    (reads_as_saved(root, one) && (!pair || reads_as_saved(root, pair))))
			continue;
		knob_value(one->knob, one->raw, word, sizeof(word));
		set(root, one->knob, one->path,
		    one->knob->kind == KNOB_CHOICE ? word : one->raw);
	}
}

int restore_check(const struct sysroot *root, const struct saved *saved, struct err *err)
{
	_cleanup_free_ char *raw = NULL;
	char now[KNOB_VALUE_MAX] = "", want[KNOB_VALUE_MAX];
	int ret = read_raw(root, saved->path, &raw);

	if (ret == -ENOENT)
		return ret;
	if (!ret && !strcmp(raw, saved->raw))
		return 0;
	knob_value(saved->knob, raw ? raw : "", now, sizeof(now));
	knob_value(saved->knob, saved->raw, want, sizeof(want));
	if (ret < 0)
		return err_sys(err, -ret, "cannot restore %s (/%s)", saved->knob->name,
		               saved->path);
	return err_set(err, EIO, "%s is still %s and was %s before kvm-tune (/%s)%s",
	               saved->knob->name, now, want, saved->path,
	               geteuid() ? "; only root can restore it" : "");
}
