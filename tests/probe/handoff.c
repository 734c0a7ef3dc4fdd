// SPDX-License-Identifier: GPL-2.0-or-later
/* Hand-off files: what is written comes back; what others could have written does not. */
#include "common/handoff.h"

#include "common/cleanup.h"
#include "tests/probe/dir-lib.h"
#include "tests/tap.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char dir[128], state[160], file[200];

static void put(const char *text, mode_t mode)
{
	FILE *f;

	unlink(file);
	f = fopen(file, "we");
	if (!f || fputs(text, f) < 0 || fclose(f) || chmod(file, mode) < 0)
		tap_ok(false, "cannot write %s", file);
}

static int read_it(struct err *err)
{
	json_t *json = NULL;
	int ret;

	err_clear(err);
	ret = handoff_read(state, "host.json", 1, &json, err);
	json_decref(json);
	return ret;
}

static void test_round_trip(void)
{
	json_t *json = json_pack("{s:i, s:s}", "version", 1, "text", "a\nb"),
	       *back = NULL;
	struct err err = { 0 };
	unsigned entries = 0;
	struct stat st;
	mode_t old = umask(077);
	DIR *d;

	tap_eq(handoff_write(state, "host.json", json, &err), 0,
	       "written, with its directory");
	tap_eq(handoff_write(state, "host.json", json, &err), 0, "and replaced");
	umask(old);
	tap_eq(handoff_read(state, "host.json", 1, &back, &err), 0, "read");
	tap_ok(json_equal(json, back), "the same");
	tap_ok(!stat(file, &st) && (st.st_mode & 0777) == 0644,
	       "mode 0644 whatever the umask");
	d = opendir(state);
	while (d && readdir(d))
		entries++;
	closedir(d);
	tap_eq(entries, 3, "no temporary file is left");
	json_decref(json);
	json_decref(back);
}

static void test_refusals(void)
{
	static char big[HANDOFF_MAX + 2];
	struct err err = { 0 };
	char target[200];

	put("{\"version\":1}", 0664);
	tap_eq(read_it(&err), -EPERM, "writable by the group");
	put("{\"version\":1}", 0602);
	tap_eq(read_it(&err), -EPERM, "writable by others");
	tap_has(err.text, file, "and named");
	put("{\"version\":2}", 0644);
	tap_eq(read_it(&err), -EPROTO, "another version");
	put("{\"version\":\"1\"}", 0644);
	tap_eq(read_it(&err), -EPROTO, "a version that is no number");
	put("{\"version\":1", 0644);
	tap_eq(read_it(&err), -EINVAL, "a cut file");
	put("{\"version\":1,\"version\":1}", 0644);
	tap_eq(read_it(&err), -EINVAL, "a key twice");
	put("[1]", 0644);
	tap_eq(read_it(&err), -EINVAL, "no object");
	put("", 0644);
	tap_eq(read_it(&err), -EINVAL, "an empty file");
	memset(big, ' ', HANDOFF_MAX + 1);
	put(big, 0644);
	tap_eq(read_it(&err), -EFBIG, "too big");
	put("{\"version\":1}", 0644);
	snprintf(target, sizeof(target), "%s/other", state);
	rename(file, target);
	if (symlink("other", file) < 0)
		tap_ok(false, "symlink");
	tap_eq(read_it(&err), -ELOOP, "a symbolic link");
	unlink(file);
	tap_eq(mkfifo(file, 0600), 0, "a FIFO");
	tap_eq(read_it(&err), -EPERM, "is refused without waiting");
	unlink(file);
	tap_eq(read_it(&err), -ENOENT, "no file");
	chmod(state, 0777);
	put("{\"version\":1}", 0644);
	tap_eq(read_it(&err), -EPERM, "a directory that others may write to");
	chmod(state, 0755);
	tap_eq(read_it(&err), 0, "and again a good one");
}

static void test_write_errors(void)
{
	json_t *json = json_pack("{s:i}", "version", 1);
	struct err err = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "%s/none/deeper", dir);
	tap_eq(handoff_write(path, "host.json", json, &err), -ENOENT,
	       "no parent directory");
	tap_has(err.text, path, "is named");
	err_clear(&err);
	tap_eq(handoff_write(file, "host.json", json, &err), -ENOTDIR,
	       "a file as directory");
	json_decref(json);
}

int main(void)
{
	if (!tap_ok(test_dir(dir), "a directory for the test"))
		return tap_done();
	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(file, sizeof(file), "%s/host.json", state);
	unsetenv("KVMKIT_STATE_DIR");
	tap_str(handoff_dir(NULL), HANDOFF_DIR, "the usual directory");
	setenv("KVMKIT_STATE_DIR", "/x", 1);
	tap_str(handoff_dir(NULL), "/x", "the environment's");
	tap_str(handoff_dir("/y"), "/y", "the option's");
	test_round_trip();
	test_refusals();
	test_write_errors();
	tap_ok(test_dir_remove(dir), "removed");
	return tap_done();
}
