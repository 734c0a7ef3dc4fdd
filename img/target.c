// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * New files come to be without a name (O_TMPFILE), so that nothing is left of one that
 * was not finished, however the process ended. File systems without that get a hidden
 * file beside the final one, which only a killed process leaves.
 */
#include "img/target.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what is there ---- */

static int lock_old(struct target *t, struct err *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(t->old, F_OFD_SETLK, &lock) || (errno != EAGAIN && errno != EACCES))
		return 0;
	return err_set(err, EBUSY,
	               "%s is in use by another process, perhaps a guest; stop that, or "
	               "give another name",
	               t->name);
}

static int look_at_old(struct target *t, struct stat *st, struct err *err)
{
	/* Before the open: a FIFO would block it. */
	if (stat(t->path, st) < 0)
		return errno == ENOENT
		               ? 0
		               : err_sys(err, errno, "cannot look at %s", t->name);
	if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		return err_set(err, EINVAL,
		               "%s is neither a regular file nor a block device; give "
		               "another name",
		               t->name);
	t->old = open(t->path, O_RDWR | O_CLOEXEC | O_NOCTTY |
	                               (S_ISBLK(st->st_mode) ? O_EXCL : 0));
	if (t->old < 0)
		return err_sys(err, errno, "cannot write to %s", t->name);
	if (S_ISBLK(st->st_mode) && ioctl(t->old, BLKGETSIZE64, &t->device) < 0)
		return err_sys(err, errno, "cannot read the size of %s", t->name);
	return lock_old(t, err);
}

/* ---- the new one ---- */

/* "DIR/" of a path, or "./". */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, slash - path + 1) : strdup("./");
}

static int make_named(struct target *t, const char *folder)
{
	const char *slash = strrchr(t->path, '/');
	const char *base = slash ? slash + 1 : t->path;

	/* A part of a long name is enough. */
	if (asprintf(&t->temp, "%s.%.200s.XXXXXX", folder, base) < 0) {
		t->temp = NULL;
		return -ENOMEM;
	}
	t->fd = mkostemp(t->temp, O_CLOEXEC);
	if (t->fd >= 0)
		return 0;
	free(t->temp);
	t->temp = NULL;
	return -errno;
}

static int make_new(struct target *t, const struct stat *old, struct err *err)
{
	_cleanup_free_ char *folder = folder_of(t->path);
	int ret = 0;

	if (!folder)
		return err_sys(err, ENOMEM, "%s", t->name);
	if (!access("/proc/self/fd", X_OK))
		t->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (t->fd < 0)
		ret = make_named(t, folder);
	if (ret < 0)
		return err_sys(err, -ret, "cannot make %s: a new file in %s", t->name,
		               folder);
	/* The owner may be somebody else's guest; only root can keep it. */
	if (t->old >= 0 && fchown(t->fd, old->st_uid, old->st_gid) < 0)
		ret = 0;
	if (t->old >= 0)
		ret = fchmod(t->fd, old->st_mode & 07777);
	else
		ret = fchmod(t->fd, 0644 & ~umask(umask(0)));
	return ret < 0 ? err_sys(err, errno, "cannot make %s", t->name) : 0;
}

int target_open(struct target *t, const char *name, struct err *err)
{
	struct stat st = { 0 };
	int ret;

	*t = (struct target){ .name = name, .fd = -1, .old = -1 };
	t->path = realpath(name, NULL);
	if (!t->path && errno == ENOENT)
		t->path = strdup(name);
	if (!t->path)
		return err_sys(err, errno, "cannot make %s", name);
	ret = look_at_old(t, &st, err);
	if (ret < 0 || !t->device)
		return ret < 0 ? ret : make_new(t, &st, err);
	t->fd = fcntl(t->old, F_DUPFD_CLOEXEC, 0);
	return t->fd < 0 ? err_sys(err, errno, "%s", name) : 0;
}

const char *target_path(const struct target *t, char *buf, unsigned size)
{
	if (t->temp || t->device)
		return t->temp ? t->temp : t->path;
	snprintf(buf, size, "/proc/self/fd/%d", t->fd);
	return buf;
}

/* The new file gets the name `to`, which is free. */
static int link_as(struct target *t, const char *to)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", t->fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, to, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* A name of its own, from which it can replace a file at once. */
static int name_it(struct target *t)
{
	_cleanup_free_ char *folder = folder_of(t->path);
	int ret = -EEXIST;

	for (unsigned i = 0; folder && ret == -EEXIST && i < 1000; i++) {
		free(t->temp);
		if (asprintf(&t->temp, "%s.vmm-img.%d.%u", folder, getpid(), i) < 0)
			t->temp = NULL;
		ret = t->temp ? link_as(t, t->temp) : -ENOMEM;
	}
	if (ret < 0) {
		free(t->temp);
		t->temp = NULL;
	}
	return folder ? ret : -ENOMEM;
}

int target_finish(struct target *t, struct err *err)
{
	int ret = 0;

	if (t->device)
		return 0;
	/* What is replaced must not be lost for something that is not on the disk yet. */
	if (t->old >= 0 && fsync(t->fd) < 0)
		ret = -errno;
	if (!ret && t->old < 0 && !t->temp) {
		ret = link_as(t, t->path);
	} else if (!ret) {
		if (!t->temp)
			ret = name_it(t);
		if (!ret && rename(t->temp, t->path) < 0)
			ret = -errno;
		if (!ret) {
			free(t->temp);
			t->temp = NULL;
		}
	}
	return ret < 0 ? err_sys(err, -ret, "cannot give %s its name", t->name) : 0;
}

void target_close(struct target *t)
{
	if (t->temp)
		unlink(t->temp);
	free(t->temp);
	free(t->path);
	if (t->fd >= 0)
		close(t->fd);
	if (t->old >= 0)
		close(t->old);
}
