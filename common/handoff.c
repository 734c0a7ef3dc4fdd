// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hand-off files. Invariant: the writer never leaves a partial file under the final name;
 * the reader checks what it opened, not the name (fstat after open), and never follows a
 * symbolic link in the last component nor blocks on a FIFO.
 */
#include "common/handoff.h"

#include "common/cleanup.h"
#include "common/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *handoff_dir(const char *option)
{
	const char *env = secure_getenv("KVMKIT_STATE_DIR");

	if (option)
		return option;
	return env && *env ? env : HANDOFF_DIR;
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- writing ---- */

static int write_text(int dirfd, const char *temp, const char *text)
{
	_cleanup_close_ int fd = -1;
	int ret;

	/* What is left of a run that was killed. */
	unlinkat(dirfd, temp, 0);
	fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	            0644);
	if (fd < 0)
		return -errno;
	/* Readable by all whatever the umask, so that vmm can run as anybody. */
	ret = fchmod(fd, 0644) < 0 ? -errno : fd_write(fd, text, strlen(text));
	if (!ret && fsync(fd) < 0)
		ret = -errno;
	return ret;
}

int handoff_write(const char *dir, const char *name, const json_t *object,
                  struct err *err)
{
	_cleanup_free_ char *text = json_dumps(object, JSON_INDENT(2));
	_cleanup_close_ int dirfd = -1;
	char temp[280];
	int ret;

	if (!text)
		return err_sys(err, ENOMEM, "cannot write %s/%s", dir, name);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_sys(err, errno, "cannot create the directory %s", dir);
	dirfd = open_dir(dir);
	if (dirfd < 0)
		return err_sys(err, -dirfd, "cannot open the directory %s", dir);
	snprintf(temp, sizeof(temp), ".%.200s.%d", name, (int)getpid());
	ret = write_text(dirfd, temp, text);
	if (!ret && renameat(dirfd, temp, dirfd, name) < 0)
		ret = -errno;
	if (ret < 0) {
		unlinkat(dirfd, temp, 0);
		return err_sys(err, -ret, "cannot write %s/%s", dir, name);
	}
	return 0;
}

/* ---- reading ---- */

/* Root's or this user's, and writable by its owner alone. */
static bool trusted(int fd, mode_t type, struct stat *st)
{
	return !fstat(fd, st) && (st->st_mode & S_IFMT) == type &&
	       (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & 022);
}

static int read_text(const char *dir, const char *name, char **text, size_t *len,
                     struct err *err)
{
	_cleanup_close_ int dirfd = open_dir(dir), fd = -1;
	struct stat st;
	ssize_t n;

	if (dirfd < 0)
		return err_sys(err, -dirfd, "cannot open the directory %s", dir);
	if (!trusted(dirfd, S_IFDIR, &st))
		return err_set(
			err, EPERM,
			"the directory %s is not trusted: others than root and you "
			"own it or may write to it; chmod go-w it or use another",
			dir);
	fd = openat(dirfd, name,
	            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s/%s", dir, name);
	if (!trusted(fd, S_IFREG, &st))
		return err_set(
			err, EPERM,
			"%s/%s is not trusted: it is no regular file, or others than "
			"root and you own it or may write to it; remove it",
			dir, name);
	if (st.st_size > HANDOFF_MAX)
		return err_sys(err, EFBIG, "cannot read %s/%s", dir, name);
	*text = malloc(st.st_size + 1);
	if (!*text)
		return err_sys(err, ENOMEM, "cannot read %s/%s", dir, name);
	n = fd_read(fd, *text, st.st_size);
	if (n < 0)
		return err_sys(err, -n, "cannot read %s/%s", dir, name);
	*len = n;
	return 0;
}

int handoff_read(const char *dir, const char *name, int version, json_t **object,
                 struct err *err)
{
	_cleanup_free_ char *text = NULL;
	const json_t *found;
	json_error_t where;
	size_t len = 0;
	json_t *json;
	int ret = read_text(dir, name, &text, &len, err);

	if (ret < 0)
		return ret;
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, EINVAL, "%s/%s is damaged (line %d: %s); remove it",
		               dir, name, json ? 1 : where.line,
		               json ? "no object" : where.text);
	}
	found = json_object_get(json, "version");
	if (!json_is_integer(found) || json_integer_value(found) != version) {
		json_decref(json);
		return err_set(
			err, EPROTO,
			"%s/%s has another version than %d; write it anew with the "
			"tool that made it",
			dir, name, version);
	}
	*object = json;
	return 0;
}
