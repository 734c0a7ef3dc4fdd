// SPDX-License-Identifier: GPL-2.0-or-later
/* The undo journal: what was saved first is what comes back, whatever the end of the file
 * looks like after a crash, and nothing comes out of a file that is not as written. */
#include "common/journal.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[128];

static int open_it(struct journal *j, bool writer, struct err *err)
{
	err_clear(err);
	return journal_open(j, open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir,
	                    "t.journal", writer, err);
}

static char *text_of(size_t *len)
{
	char path[160], *text = NULL;

	snprintf(path, sizeof(path), "%s/t.journal", dir);
	return fd_read_file(AT_FDCWD, path, JOURNAL_MAX, &text, len) ? NULL : text;
}

static void put(const char *text, size_t len)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/t.journal", dir);
	f = fopen(path, "we");
	if (!f || fwrite(text, 1, len, f) != len || fclose(f))
		tap_ok(false, "cannot write %s", path);
}

static void test_round_trip(void)
{
	const char *odd = "a b\n%c\x7f\xff=-";
	struct err err = { 0 };
	struct journal j;

	tap_eq(open_it(&j, false, &err), 0, "a reader needs no file");
	tap_eq(j.count, 0, "and finds no records");
	journal_close(&j);
	tap_eq(open_it(&j, true, &err), 0, "a writer makes it");
	tap_eq(journal_save(&j, "first", "10", &err), 0, "saved");
	tap_eq(journal_save(&j, odd, odd, &err), 0, "any bytes");
	tap_eq(journal_save(&j, "gone", NULL, &err), 0, "absent");
	tap_eq(journal_save(&j, "empty", "", &err), 0, "empty");
	tap_eq(journal_save(&j, "first", "99", &err), 0, "saved again");
	tap_str(journal_find(&j, "first")->value, "10", "the original stays");
	journal_close(&j);
	tap_eq(open_it(&j, true, &err), 0, "opened again");
	tap_eq(j.count, 4, "all are there");
	tap_eq(journal_save(&j, "first", "98", &err), 0, "and once more");
	tap_str(j.records[0].value, "10", "the original stays over runs");
	tap_str(j.records[1].key, odd, "key");
	tap_str(j.records[1].value, odd, "value");
	tap_ok(!j.records[2].value, "absent is not empty");
	tap_str(j.records[3].value, "", "empty is not absent");
	tap_eq(journal_drop(&j, odd, &err), 0, "dropped");
	tap_eq(journal_drop(&j, "unknown", &err), 0, "no record, nothing to drop");
	journal_close(&j);
	open_it(&j, true, &err);
	tap_eq(j.count, 3, "stays dropped");
	tap_ok(!journal_find(&j, odd), "that one");
	tap_eq(journal_save(&j, odd, "new", &err), 0, "may be saved anew");
	while (j.count)
		journal_drop(&j, j.records[j.count - 1].key, &err);
	journal_close(&j);
	tap_ok(!text_of(NULL), "without records there is no file");
}

/* Cut anywhere, the file still gives a prefix of what was saved. */
static void test_cut(void)
{
	_cleanup_free_ char *text = NULL;
	unsigned before = 0, bad = 0;
	struct err err = { 0 };
	struct journal j;
	size_t len = 0;

	open_it(&j, true, &err);
	journal_save(&j, "a", "1", &err);
	journal_save(&j, "b", "2", &err);
	journal_close(&j);
	text = text_of(&len);
	for (size_t cut = 0; text && cut <= len; cut++) {
		put(text, cut);
		if (open_it(&j, true, &err) < 0 || j.count < before ||
		    j.count > before + 1)
			bad++;
		before = j.count;
		/* What is written next does not run into the rest of the cut line. */
		if (journal_save(&j, "next", "3", &err) < 0)
			bad++;
		journal_close(&j);
		if (open_it(&j, false, &err) < 0 || j.count != before + 1)
			bad++;
		journal_close(&j);
	}
	tap_eq(bad, 0, "all %zu cuts", len + 1);
	tap_eq(before, 2, "the whole file gives both");
}

/* Any other change to any byte is noticed. */
static void test_damage(void)
{
	_cleanup_free_ char *text = NULL;
	unsigned unnoticed = 0;
	struct err err = { 0 };
	struct journal j;
	size_t len = 0;

	put("", 0);
	open_it(&j, true, &err);
	journal_save(&j, "key", "value", &err);
	journal_save(&j, "other", NULL, &err);
	journal_drop(&j, "key", &err);
	journal_close(&j);
	text = text_of(&len);
	for (size_t at = 0; text && at + 1 < len; at++) {
		text[at] ^= 1;
		put(text, len);
		if (open_it(&j, true, &err) != -EBADMSG) {
			tap_diag("byte %zu", at);
			unnoticed++;
			journal_close(&j);
		}
		text[at] ^= 1;
	}
	tap_eq(unnoticed, 0, "%zu damaged bytes", len - 1);
	put("junk\n", 5);
	tap_eq(open_it(&j, true, &err), -EBADMSG, "another file");
	tap_has(err.text, "t.journal is damaged in line 1", "is named");
	_cleanup_free_ char *left = text_of(&len);
	tap_str(left, "junk\n", "and left as it is");
}

static void test_trust(void)
{
	char path[160];
	struct err err = { 0 };
	struct journal j;

	snprintf(path, sizeof(path), "%s/t.journal", dir);
	put("", 0);
	chmod(path, 0666);
	tap_eq(open_it(&j, true, &err), -EPERM, "a file that all may write");
	chmod(path, 0644);
	chmod(dir, 0777);
	tap_eq(open_it(&j, true, &err), -EPERM, "a directory that all may write");
	chmod(dir, 0700);
	unlink(path);
	tap_ok(!symlink("/dev/null", path), "a link");
	tap_eq(open_it(&j, true, &err), -ELOOP, "is not followed");
	unlink(path);
}

static void test_lock(void)
{
	int ready[2], go[2], status = 0;
	struct err err = { 0 };
	struct journal j;
	char byte = 0, pid_text[32];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		return (void)tap_ok(false, "cannot make pipes");
	pid = fork();
	if (!pid) {
		int ret = open_it(&j, true, &err);

		ret = ret ? ret : journal_save(&j, "held", "1", &err);
		if (fd_write(ready[1], &byte, 1) < 0 || fd_read(go[0], &byte, 1) != 1)
			ret = -EIO;
		_exit(ret < 0);
	}
	tap_eq(fd_read(ready[0], &byte, 1), 1, "another process holds it");
	snprintf(pid_text, sizeof(pid_text), "process %d;", (int)pid);
	tap_eq(open_it(&j, true, &err), -EBUSY, "no second writer");
	tap_has(err.text, pid_text, "the holder is named");
	tap_eq(open_it(&j, false, &err), 0, "a reader is let in");
	tap_eq(j.count, 1, "and sees what is saved");
	journal_close(&j);
	tap_eq(fd_write(go[1], &byte, 1), 0, "it ends without closing");
	waitpid(pid, &status, 0);
	tap_eq(status, 0, "its journal was fine");
	tap_eq(open_it(&j, true, &err), 0, "the lock died with it");
	tap_eq(j.count, 1, "the record did not");
	journal_close(&j);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int main(void)
{
	const char *top = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%.100s/kvmkit-test-XXXXXX",
	         top && *top ? top : P_tmpdir);
	if (!mkdtemp(dir))
		return 1;
	test_round_trip();
	test_cut();
	test_damage();
	test_trust();
	test_lock();
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
