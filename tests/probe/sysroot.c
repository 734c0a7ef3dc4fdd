// SPDX-License-Identifier: GPL-2.0-or-later
/* A captured root cannot lead outside, block, or fill memory. */
#include "probe/sysroot.h"

#include "common/cleanup.h"
#include "tests/probe/dir-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void put(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f))
		tap_ok(false, "cannot write %s", path);
}

static void link_to(const char *dir, const char *name, const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (symlink(target, path) < 0)
		tap_ok(false, "cannot link %s", path);
}

static int read_one(const struct sysroot *root, const char *path, size_t max)
{
	_cleanup_free_ char *text = NULL;

	return sysroot_read(root, path, max, &text);
}

static void test_paths(const struct sysroot *root)
{
	char line[32];
	struct stat st;

	tap_eq(sysroot_line(root, "file", line, sizeof(line)), 0, "a file");
	tap_str(line, "first", "its first line");
	tap_eq(sysroot_line(root, "file", line, 4), 0, "a short buffer");
	tap_str(line, "fir", "cuts");
	tap_eq(sysroot_line(root, "absolute", line, sizeof(line)), 0, "an absolute link");
	tap_str(line, "first", "stays in the root");
	tap_eq(sysroot_line(root, "up", line, sizeof(line)), 0, "a link with ..");
	tap_str(line, "first", "stays in the root, too");
	tap_eq(sysroot_line(root, "../../../../file", line, sizeof(line)), 0,
	       "a path with ..");
	tap_eq(sysroot_line(root, "outside", line, sizeof(line)), -ENOENT,
	       "nothing of this host is seen");
	tap_eq(sysroot_line(root, "loop", line, sizeof(line)), -ELOOP, "a loop");
	tap_ok(!sysroot_stat(root, "absolute", &st) && S_ISREG(st.st_mode),
	       "stat follows");
	tap_ok(sysroot_exists(root, "file") && !sysroot_exists(root, "none"), "exists");
}

static void test_values(const struct sysroot *root)
{
	char buf[16];
	uint64_t v;

	tap_ok(!sysroot_number(root, "number", &v) && v == 0x30000, "a number");
	tap_eq(sysroot_small(root, "number"), 0x30000, "a small one");
	v = 7;
	tap_ok(sysroot_number(root, "beyond", &v) == -ERANGE && v == 7,
	       "beyond what JSON can say: nothing is set");
	tap_ok(sysroot_number(root, "far", &v) == -ERANGE && v == 7, "beyond 64 bits");
	tap_eq(sysroot_small(root, "beyond"), -1, "no small one");
	tap_eq(sysroot_small(root, "yes"), 1, "Y");
	tap_eq(sysroot_small(root, "file"), -1, "text");
	tap_eq(sysroot_small(root, "none"), -1, "no file");
	tap_eq(sysroot_choice(root, "choice", buf, sizeof(buf)), 0, "a choice");
	tap_str(buf, "two", "the word in brackets");
	sysroot_choice(root, "choice", buf, 3);
	tap_str(buf, "tw", "is cut");
	sysroot_choice(root, "file", buf, sizeof(buf));
	tap_str(buf, "first", "or the line");
	tap_eq(sysroot_link_name(root, "outside", buf, sizeof(buf)), 0, "a link");
	tap_str(buf, "status", "the end of its target, which is not followed");
	tap_ok(sysroot_link_name(root, "file", buf, sizeof(buf)) < 0 && !*buf, "no link");
	tap_eq(sysroot_access(root, "file", 0), -ENOTSUP, "no permissions of a capture");
}

static void test_kinds(const struct sysroot *root)
{
	_cleanup_free_ char *text = NULL;

	tap_eq(read_one(root, "fifo", 100), -EINVAL, "a FIFO is not opened");
	tap_eq(read_one(root, "dir", 100), -EISDIR, "a directory is no file");
	tap_eq(sysroot_open_node(root, "file", O_RDONLY), -ENOTSUP,
	       "no devices of a capture");
	tap_eq(read_one(root, "long", 9999), -EFBIG, "a file beyond the limit");
	tap_eq(read_one(root, "long", 10000), 0, "a file at the limit");
	tap_eq(sysroot_read_head(root, "long", 5000, &text), 0,
	       "the head of a long file");
	tap_eq(text ? strlen(text) : 0, 5000, "is cut");
}

static void test_list(const struct sysroot *root)
{
	struct names names;

	tap_eq(sysroot_list(root, "dir", &names), 0, "a directory");
	tap_ok(names.count == 3 && !strcmp(names.name[0], "a") &&
	               !strcmp(names.name[2], "c"),
	       "is sorted");
	names_free(&names);
	tap_eq(sysroot_list(root, "file", &names), -ENOTDIR, "no directory");
	tap_eq(names.count, 0, "no names");
}

static void test_links(const struct sysroot *root)
{
	char text[16];

	tap_eq(sysroot_link(root, "absolute", text, sizeof(text)), 0, "a link is read");
	tap_str(text, "/file", "not followed");
	tap_eq(sysroot_link(root, "absolute", text, 5), -ENAMETOOLONG,
	       "in a short buffer");
	tap_eq(sysroot_link(root, "file", text, sizeof(text)), -EINVAL,
	       "a file is no link");
	tap_eq(sysroot_link(root, "none", text, sizeof(text)), -ENOENT, "nor is nothing");
}

static void test_write(const struct sysroot *root)
{
	char line[32];
	struct stat st;

	tap_eq(sysroot_write(root, "file", "other\n"), 0, "a file is written");
	sysroot_line(root, "file", line, sizeof(line));
	tap_str(line, "other", "in place");
	tap_eq(sysroot_write(root, "new", "x"), -ENOENT, "nothing is created");
	tap_eq(sysroot_write(root, "fifo", "x"), -EINVAL, "a FIFO is not opened");
	tap_eq(sysroot_write(root, "outside", "x"), -ENOENT, "nor what is outside");
	tap_eq(sysroot_replace(root, "a/b/conf", "one\n", 0640), 0,
	       "a file with folders");
	tap_eq(sysroot_replace(root, "a/b/conf", "two\n", 0640), 0, "is replaced");
	sysroot_line(root, "a/b/conf", line, sizeof(line));
	tap_str(line, "two", "as a whole");
	tap_ok(!sysroot_stat(root, "a/b/conf", &st) && (st.st_mode & 0777) == 0640,
	       "with its mode");
	tap_eq(sysroot_replace(root, "etc/conf", "three", 0644), 0,
	       "a link to an outer folder");
	tap_eq(sysroot_line(root, "a/conf", line, sizeof(line)), 0, "leads inside");
	tap_eq(sysroot_remove(root, "a/b/conf"), 0, "a file is removed");
	tap_eq(sysroot_remove(root, "a/b/conf"), -ENOENT, "once");
}

int main(void)
{
	char dir[128], path[300];
	static char longer[10001];
	struct sysroot root;
	struct err err = { 0 };

	if (!tap_ok(test_dir(dir), "a directory for the test"))
		return tap_done();
	memset(longer, 'x', 10000);
	put(dir, "file", "first\nsecond\n");
	put(dir, "long", longer);
	link_to(dir, "absolute", "/file");
	link_to(dir, "up", "../../../../../../file");
	link_to(dir, "outside", "/proc/self/status");
	link_to(dir, "loop", "loop");
	link_to(dir, "etc", "/a");
	snprintf(path, sizeof(path), "%s/fifo", dir);
	tap_eq(mkfifo(path, 0600), 0, "a FIFO");
	snprintf(path, sizeof(path), "%s/dir", dir);
	tap_eq(mkdir(path, 0700), 0, "a directory");
	put(path, "c", "");
	put(path, "a", "");
	put(path, "b", "");
	tap_eq(sysroot_open(&root, dir, &err), 0, "a captured root");
	put(dir, "number", "0x30000 \n");
	put(dir, "yes", "Y\n");
	put(dir, "beyond", "9223372036854775808\n");
	put(dir, "far", "99999999999999999999999\n");
	put(dir, "choice", "one [two] three\n");
	test_paths(&root);
	test_values(&root);
	test_kinds(&root);
	test_list(&root);
	test_links(&root);
	test_write(&root);
	sysroot_close(&root);
	snprintf(path, sizeof(path), "%s/file", dir);
	tap_eq(sysroot_open(&root, path, &err), -ENOTDIR, "a file is no root");
	tap_has(err.text, path, "and named");
	tap_ok(test_dir_remove(dir), "removed");
	return tap_done();
}
