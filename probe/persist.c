// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files that kvm-check owns. Invariant: a file is replaced or removed only while it is,
 * to the byte, what was written; both are checked before the first is touched.
 */
#include "probe/persist.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MARK "# Written by kvm-check --persist, removed by kvm-check --unpersist; sum "

static const char *const places[] = { "modules-load.d", "modprobe.d" };

enum { FILE_MAX = 65536, PATH_SIZE = 512 };

static void path_of(const char *etc, unsigned place, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%s/kvmkit.conf", etc, places[place]);
}

static void head_line(const char *body, char head[120])
{
	snprintf(head, 120, MARK "%08x\n", state_crc32c(0, body, strlen(body)));
}

/* 1: ours and intact, 0: not there, or -errno with a sentence. */
static int ours(const char *path, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	char head[120];
	size_t len;
	int ret;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0
		                       : err_sys(err, errno, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EEXIST, "%s is no regular file; move it away", path);
	ret = fd_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read %s", path);
	if (strncmp(text, MARK, strlen(MARK)))
		return err_set(
			err, EEXIST,
			"%s was not written by kvm-check; move it away, or edit it "
			"by hand",
			path);
	len = strcspn(text, "\n");
	head_line(text + len + (text[len] == '\n'), head);
	if (strncmp(text, head, strlen(head)))
		return err_set(err, EEXIST,
		               "%s was edited since kvm-check wrote it; move it away to "
		               "let kvm-check go on",
		               path);
	return 1;
}

static int check_both(const char *etc, struct err *err)
{
	char path[PATH_SIZE];
	int ret = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(places) && ret >= 0; i++) {
		path_of(etc, i, path);
		ret = ours(path, err);
	}
	return ret < 0 ? ret : 0;
}

static int fill(int fd, const char *head, const char *body)
{
	int ret = fd_write(fd, head, strlen(head));

	if (!ret)
		ret = fd_write(fd, body, strlen(body));
	if (!ret && (fchmod(fd, 0644) < 0 || fsync(fd) < 0))
		ret = -errno;
	return ret;
}

static int write_one(const char *path, const char *body, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char head[120], temporary[PATH_SIZE + 8];
	int ret;

	head_line(body, head);
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot write %s", path);
	ret = fill(fd, head, body);
	if (!ret && rename(temporary, path) < 0)
		ret = -errno;
	if (ret < 0) {
		unlink(temporary);
		return err_sys(err, -ret, "cannot write %s", path);
	}
	return 0;
}

static int remove_one(const char *path, struct err *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, errno, "cannot remove %s", path);
	return 0;
}

static void add_name(struct strbuf *done, const char *path)
{
	strbuf_addf(done, "%s%s", done->len ? ", " : "", path);
}

int persist_write(const char *etc, const char *modules, const char *options,
                  struct strbuf *done, struct err *err)
{
	const char *body[] = { modules, options };
	int ret = check_both(etc, err);

	for (unsigned i = 0; i < ARRAY_SIZE(places) && !ret; i++) {
		char path[PATH_SIZE];

		path_of(etc, i, path);
		if (*body[i])
			ret = write_one(path, body[i], err);
		else
			ret = remove_one(path, err);
		if (!ret && *body[i])
			add_name(done, path);
	}
	return ret;
}

int persist_remove(const char *etc, struct strbuf *done, struct err *err)
{
	int ret = check_both(etc, err);

	for (unsigned i = 0; i < ARRAY_SIZE(places) && !ret; i++) {
		char path[PATH_SIZE];
		struct stat st;

		path_of(etc, i, path);
		if (lstat(path, &st) < 0)
			continue;
		ret = remove_one(path, err);
		if (!ret)
			add_name(done, path);
	}
	return ret;
}
