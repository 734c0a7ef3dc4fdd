// SPDX-License-Identifier: GPL-2.0-or-later
/* Changing the host's files through sysroot, which keeps every path below the root. */
#include "tune/hostfile.h"

#include "common/cleanup.h"
#include "common/strbuf.h"
#include "tune/knob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* ---- what a captured tree does instead of a kernel ---- */

static int replace(const struct sysroot *root, const char *path, const char *text)
{
	struct stat st;
	int ret = sysroot_stat(root, path, &st);

	if (ret < 0)
		return ret;
	return S_ISREG(st.st_mode) ? sysroot_replace(root, path, text, st.st_mode & 0777)
	                           : -EINVAL;
}

static int move_brackets(const struct sysroot *root, const char *path, const char *word)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	_cleanup_free_ char *raw = NULL;
	size_t len = strcspn(word, "\n");
	int ret = sysroot_read(root, path, HOSTFILE_MAX, &raw);
	bool found = false;

	for (char *at = raw; !ret && *at;) {
		size_t span = strcspn(at, " \n"), skip = *at == '[';
		bool hit = span >= 2 * skip && span - 2 * skip == len &&
		           !memcmp(at + skip, word, len);

		strbuf_adds(&out, hit ? "[" : "");
		strbuf_add(&out, at + skip, span - 2 * skip);
		strbuf_adds(&out, hit ? "]" : "");
		found |= hit;
		at += span;
		for (; *at == ' ' || *at == '\n'; at++)
			strbuf_addc(&out, *at);
	}
	if (!ret && !found)
		ret = -EINVAL;
	if (!ret && out.failed)
		ret = -ENOMEM;
	return ret ? ret : replace(root, path, out.data);
}

static int mimic(const struct sysroot *root, const char *path, const char *text)
{
	const struct knob *knob = knob_of_path(path);
	const struct knob *pair = knob && knob->pair ? knob_find(knob->pair, NULL) : NULL;
	int ret;

	if (knob && knob->kind == KNOB_CHOICE)
		return move_brackets(root, path, text);
	ret = replace(root, path, text);
	if (!ret && pair && sysroot_exists(root, pair->path))
		ret = replace(root, pair->path, "0\n");
	return ret;
}

int hostfile_set(const struct sysroot *root, const char *path, const char *text)
{
	return root->live ? sysroot_write(root, path, text) : mimic(root, path, text);
}

/* ---- links ---- */

int hostfile_link(const struct sysroot *root, const char *path, const char *target,
                  struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = strndup(path, slash - path);
	_cleanup_close_ int dirfd = dir ? sysroot_open_dir(root, dir, true) : -ENOMEM;
	struct stat st;

	if (dirfd < 0)
		return err_sys(err, -dirfd, "cannot make the link /%s", path);
	if (!fstatat(dirfd, slash + 1, &st, AT_SYMLINK_NOFOLLOW)) {
		if (!S_ISLNK(st.st_mode))
			return err_set(err, EEXIST, "/%s is no link of ours; it was left",
			               path);
		unlinkat(dirfd, slash + 1, 0);
	}
	if (symlinkat(target, dirfd, slash + 1) < 0 || fsync(dirfd) < 0)
		return err_sys(err, errno, "cannot make the link /%s", path);
	return 0;
}
