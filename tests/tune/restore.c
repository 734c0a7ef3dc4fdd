// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing knobs back: halves of a pair, orders, what is gone. */
#include "tune/restore.h"

#include "tests/probe/dir-lib.h"
#include "tests/tap.h"
#include "tune/apply.h"
#include "tune/facts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[128];
static struct sysroot root;

static void put(const char *path, const char *text)
{
	if (sysroot_replace(&root, path, text, 0644) < 0)
		tap_ok(false, "cannot write %s", path);
}

static void reads(const char *path, const char *want, const char *what)
{
	char line[64];

	sysroot_line(&root, path, line, sizeof(line));
	tap_str(line, want, "%s", what);
}

static struct saved saved(const char *name, const char *raw)
{
	const struct knob *knob = knob_find(name, NULL);

	return (struct saved){ knob, knob->path, raw };
}

static void test_pairs(void)
{
	const struct saved pair[] = { saved("vm.dirty_ratio", "0\n"),
		                      saved("vm.dirty_bytes", "5000000\n") };
	const struct saved swapped[] = { pair[1], pair[0] };
	const struct saved none[] = { saved("vm.dirty_ratio", "20\n"),
		                      saved("vm.dirty_bytes", "0\n") };

	put(pair[0].path, "7\n");
	/* The amount cannot be written: its half must not make the ratio 0, either. */
	restore_all(&root, pair, 2);
	reads(pair[0].path, "7", "a ratio of 0 is not written on its own");
	put(pair[1].path, "0\n");
	restore_all(&root, pair, 2);
	reads(pair[1].path, "5000000", "an amount is restored");
	reads(pair[0].path, "0", "and the ratio is 0 by it");
	put(pair[1].path, "1\n");
	restore_all(&root, swapped, 2);
	reads(pair[1].path, "5000000", "in either order");
	restore_all(&root, none, 2);
	reads(pair[0].path, "20", "a ratio is restored");
	reads(pair[1].path, "0", "and the amount is 0 by it");
	put(pair[0].path, "0\n");
	restore_all(&root, none, 2);
	reads(pair[0].path, "20", "also when only the ratio differs");
}

static void test_order(void)
{
	const struct saved one = saved("vm.swappiness", "60\n");
	struct saved again[] = { one, one };
	struct err err = { 0 };

	again[1].raw = "61\n";
	put(one.path, "1\n");
	restore_all(&root, again, 2);
	reads(one.path, "60", "from the last to the first");
	tap_eq(restore_check(&root, &again[0], &err), 0, "as saved");
	tap_eq(restore_check(&root, &again[1], &err), -EIO, "not as saved");
	tap_has(err.text, "vm.swappiness is still 60 and was 61", "says both");
	sysroot_remove(&root, one.path);
	err_clear(&err);
	tap_eq(restore_check(&root, &one, &err), -ENOENT, "a file that is gone");
	tap_ok(!err.code, "is no error to tell");
}

static void test_write(void)
{
	const struct knob *thp = knob_find("thp.enabled", NULL);
	const struct knob *flag = knob_find("kvm.ignore_msrs", NULL);
	struct err err = { 0 };

	put(thp->path, "always [madvise] never\n");
	tap_eq(knob_write(&root, thp, thp->path, "never", &err), 0, "a choice");
	reads(thp->path, "always madvise [never]", "is made");
	put(flag->path, "N\n");
	tap_eq(knob_write(&root, flag, flag->path, "on", &err), 0, "a flag");
	reads(flag->path, "1", "is written as the kernel reads it");
	tap_eq(knob_write(&root, thp, thp->path, "often", &err), -EINVAL, "a bad choice");
	tap_has(err.text, "the kernel refuses often as thp.enabled", "is named");
}

/* What cannot be undone keeps its record and holds up nothing else. */
static void test_undo(void)
{
	const struct saved swappiness = saved("vm.swappiness", "60\n");
	const struct saved ratio = saved("vm.dirty_ratio", "20\n");
	const char *const knob[] = { "vm.swappiness" };
	char block[200];
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct err err = { 0 };
	struct journal j;

	put(swappiness.path, "5\n");
	put(ratio.path, "6\n");
	tap_eq(tune_journal_open(&root, true, &j, &err), 0, "a journal");
	journal_save(&j, ratio.path, ratio.raw, &err);
	journal_save(&j, "mount:/huge", "", &err);
	journal_save(&j, swappiness.path, swappiness.raw, &err);
	tap_eq(apply_undo(&root, &j, NULL, 0, &out, &err), -ENOTSUP,
	       "a mount is not undone");
	tap_has(err.text, "cannot unmount /huge", "which is told");
	reads(swappiness.path, "60", "what was saved after it is");
	reads(ratio.path, "20", "and what was saved before it");
	tap_eq(j.count, 1, "one record stays");
	tap_ok(journal_find(&j, "mount:/huge"), "that of the mount");
	/* A directory where the temporary file would be: the knob cannot be written. */
	snprintf(block, sizeof(block), "%s/proc/sys/vm/.swappiness.kvmkit", dir);
	put(swappiness.path, "5\n");
	journal_save(&j, swappiness.path, swappiness.raw, &err);
	tap_eq(mkdir(block, 0700), 0, "a knob that cannot be written");
	err_clear(&err);
	tap_ok(apply_undo(&root, &j, knob, 1, &out, &err) < 0, "is not undone");
	tap_has(err.text, "vm.swappiness is still 5 and was 60", "which is told");
	tap_ok(journal_find(&j, swappiness.path), "and keeps its record");
	rmdir(block);
	err_clear(&err);
	tap_eq(apply_undo(&root, &j, knob, 1, &out, &err), 0, "and is undone later");
	reads(swappiness.path, "60", "then it is");
	journal_save(&j, "etc/passwd", "x", &err);
	put(swappiness.path, "5\n");
	journal_save(&j, swappiness.path, swappiness.raw, &err);
	err_clear(&err);
	tap_eq(apply_undo(&root, &j, NULL, 0, &out, &err), -EBADMSG, "no knob of ours");
	tap_has(err.text, "names etc/passwd, which is no knob", "is told");
	reads(swappiness.path, "5", "before anything is written");
	journal_close(&j);
}

int main(void)
{
	struct err err = { 0 };

	if (!test_dir(dir))
		return 1;
	tap_eq(sysroot_open(&root, dir, &err), 0, "a root");
	test_pairs();
	test_order();
	test_write();
	test_undo();
	sysroot_close(&root);
	test_dir_remove(dir);
	return tap_done();
}
