// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * File access below one root. Invariant: on a captured root every path is resolved with
 * openat2(RESOLVE_IN_ROOT), and nothing but directories and regular files is ever opened,
 * so that a hostile tree can neither lead outside nor make a read block or have effects.
 * Kernels and sandboxes without openat2 still serve the live root, where "in root" means
 * nothing.
 */
#include "probe/sysroot.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/opts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

enum { RACES = 1000 };

static int open_in(const struct sysroot *root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	if (root->live) {
		fd = openat(root->fd, path, flags | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	/* EAGAIN: somewhere in the system something was renamed while ".." was resolved,
	 * so that the kernel cannot be sure of the result. It can at the next try, or the
	 * one after. */
	for (unsigned tries = 0; tries < RACES; tries++) {
		fd = syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : fd;
}

int sysroot_open(struct sysroot *root, const char *dir, struct err *err)
{
	struct stat st;

	root->live = !dir;
	root->fd = open(dir ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root->fd < 0)
		return err_sys(err, errno, "cannot open the host directory %s",
		               dir ? dir : "/");
	if (!root->live && sysroot_stat(root, ".", &st) == -ENOSYS) {
		sysroot_close(root);
		return err_set(err, ENOSYS,
		               "cannot read the captured host %s: this kernel has no "
		               "openat2; use Linux 5.6 or later",
		               dir);
	}
	return 0;
}

int sysroot_open_host(struct sysroot *root, const char *dir, struct err *err)
{
	int ret = sysroot_open(root, dir, err);

	if (ret < 0 || sysroot_exists(root, "proc") || sysroot_exists(root, "sys"))
		return ret;
	sysroot_close(root);
	return err_set(err, ENOENT,
	               "%s holds no captured host: it has neither proc nor sys; unpack "
	               "there what scripts/capture-root made",
	               dir ? dir : "/");
}

void sysroot_close(struct sysroot *root)
{
	if (root->fd >= 0)
		close(root->fd);
	root->fd = -1;
}

int sysroot_stat(const struct sysroot *root, const char *path, struct stat *st)
{
	_cleanup_close_ int fd = open_in(root, path, O_PATH);

	if (fd < 0)
		return fd;
	return fstat(fd, st) < 0 ? -errno : 0;
}

bool sysroot_exists(const struct sysroot *root, const char *path)
{
	struct stat st;

	return !sysroot_stat(root, path, &st);
}

static int open_regular(const struct sysroot *root, const char *path)
{
	struct stat st;
	int ret = sysroot_stat(root, path, &st);

	if (ret < 0)
		return ret;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	return open_in(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

/* Files in /proc and /sys have no length: read on until one byte more than max came. */
static int read_all(int fd, size_t max, char **text, bool *cut)
{
	_cleanup_free_ char *buf = NULL;
	size_t cap = max < 4096 ? max + 1 : 4096, done = 0;

	for (;;) {
		char *grown = realloc(buf, cap + 1);
		ssize_t n;

		if (!grown)
			return -ENOMEM;
		buf = grown;
		n = fd_read(fd, buf + done, cap - done);
		if (n < 0)
			return n;
		done += n;
		if (done < cap || done > max)
			break;
		cap = cap * 4 > max ? max + 1 : cap * 4;
	}
	*cut = done > max;
	if (*cut)
		done = max;
	buf[done] = '\0';
	*text = buf;
	buf = NULL;
	return 0;
}

int sysroot_read_head(const struct sysroot *root, const char *path, size_t max,
                      char **text)
{
	_cleanup_close_ int fd = open_regular(root, path);
	bool cut;

	return fd < 0 ? fd : read_all(fd, max, text, &cut);
}

int sysroot_read(const struct sysroot *root, const char *path, size_t max, char **text)
{
	_cleanup_close_ int fd = open_regular(root, path);
	_cleanup_free_ char *buf = NULL;
	bool cut = false;
	int ret;

	if (fd < 0)
		return fd;
	ret = read_all(fd, max, &buf, &cut);
	if (ret < 0)
		return ret;
	if (cut)
		return -EFBIG;
	*text = buf;
	buf = NULL;
	return 0;
}

int sysroot_line(const struct sysroot *root, const char *path, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int ret = sysroot_read_head(root, path, size - 1, &text);

	buf[0] = '\0';
	if (ret < 0)
		return ret;
	len = strcspn(text, "\n");
	memcpy(buf, text, len);
	buf[len] = '\0';
	return 0;
}

int sysroot_number(const struct sysroot *root, const char *path, uint64_t *value)
{
	char line[32];
	uint64_t number;
	int ret = sysroot_line(root, path, line, sizeof(line));

	line[strcspn(line, " \t\r")] = '\0';
	if (!ret)
		ret = opt_parse_u64(line, &number);
	if (ret < 0)
		return ret;
	if (number > INT64_MAX)
		return -ERANGE;
	*value = number;
	return 0;
}

int sysroot_small(const struct sysroot *root, const char *path)
{
	char line[32];
	uint64_t value;

	if (!sysroot_number(root, path, &value))
		return value <= INT_MAX ? (int)value : -1;
	if (sysroot_line(root, path, line, sizeof(line)) < 0)
		return -1;
	return !strcmp(line, "Y") ? 1 : !strcmp(line, "N") ? 0 : -1;
}

int sysroot_choice(const struct sysroot *root, const char *path, char *buf, size_t size)
{
	char line[256];
	int ret = sysroot_line(root, path, line, sizeof(line));
	const char *open = strchr(line, '[');
	const char *word = open ? open + 1 : line;
	size_t len = open ? strcspn(word, "]") : strlen(word);

	if (len >= size)
		len = size - 1;
	memcpy(buf, word, len);
	buf[len] = '\0';
	return ret;
}

int sysroot_link_name(const struct sysroot *root, const char *path, char *buf,
                      size_t size)
{
	_cleanup_close_ int fd = open_in(root, path, O_PATH | O_NOFOLLOW);
	char target[PATH_MAX];
	const char *name;
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	name = strrchr(target, '/');
	strncat(buf, name ? name + 1 : target, size - 1);
	return 0;
}

int sysroot_access(const struct sysroot *root, const char *path, int mode)
{
	if (!root->live)
		return -ENOTSUP;
	return faccessat(root->fd, path, mode, AT_EACCESS) < 0 ? -errno : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_add(struct names *names, const char *name)
{
	/* Grows when the count reaches a power of two. */
	if (!(names->count & (names->count - 1))) {
		size_t cap = names->count ? names->count * 2 : 1;
		char **grown = realloc(names->name, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		names->name = grown;
	}
	names->name[names->count] = strdup(name);
	return names->name[names->count] ? (names->count++, 0) : -ENOMEM;
}

int sysroot_list(const struct sysroot *root, const char *path, struct names *names)
{
	int fd = open_in(root, path, O_RDONLY | O_DIRECTORY);
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	*names = (struct names){ 0 };
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		ret = -errno;
		close(fd);
		return ret;
	}
	while (!ret && names->count < SYSROOT_NAMES_MAX && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			ret = names_add(names, entry->d_name);
	closedir(dir);
	if (names->count)
		qsort(names->name, names->count, sizeof(*names->name), by_name);
	return ret;
}

void names_free(struct names *names)
{
	for (unsigned i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct names){ 0 };
}

int sysroot_link(const struct sysroot *root, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = open_in(root, path, O_PATH | O_NOFOLLOW);
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", buf, size);
	/* What is no link is reported as a missing path. */
	if (n < 0)
		n = errno == ENOENT ? -EINVAL : -errno;
	else if ((size_t)n == size)
		n = -ENAMETOOLONG;
	buf[n < 0 ? 0 : n] = '\0';
	return n < 0 ? n : 0;
}

/* ---- writing ---- */

int sysroot_write(const struct sysroot *root, const char *path, const char *text)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	ssize_t n;
	int ret = sysroot_stat(root, path, &st);

	if (ret < 0)
		return ret;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	fd = open_in(root, path, O_WRONLY | O_NOCTTY);
	if (fd < 0)
		return fd;
	n = write(fd, text, strlen(text));
	if (n < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -EIO;
}

/* The folder that holds path; *name is the rest. With make, missing folders are created,
 * outermost first. */
static int open_parent(const struct sysroot *root, const char *path, bool make,
                       const char **name)
{
	const char *end = strrchr(path, '/');
	char prefix[512] = ".";
	int dir = -1;

	*name = end ? end + 1 : path;
	if (end && (size_t)(end - path) >= sizeof(prefix))
		return -ENAMETOOLONG;
	if (end)
		snprintf(prefix, sizeof(prefix), "%.*s", (int)(end - path), path);
	dir = open_in(root, prefix, O_PATH | O_DIRECTORY);
	if (dir == -ENOENT && make) {
		const char *last;
		_cleanup_close_ int up = open_parent(root, prefix, true, &last);

		if (up < 0)
			return up;
		if (mkdirat(up, last, 0755) < 0 && errno != EEXIST)
			return -errno;
		dir = open_in(root, prefix, O_PATH | O_DIRECTORY);
	}
	return dir;
}

enum { TEMP_SIZE = 300 };

/* The same in every run, so that what a killed one left is found. */
static void temp_name(const char *name, char temp[TEMP_SIZE])
{
	snprintf(temp, TEMP_SIZE, ".%.200s.kvmkit", name);
}

int sysroot_replace(const struct sysroot *root, const char *path, const char *text,
                    mode_t mode)
{
	_cleanup_close_ int dir = -1, sync = -1, fd = -1;
	const char *name;
	char temp[TEMP_SIZE];
	int ret;

	dir = open_parent(root, path, true, &name);
	if (dir < 0)
		return dir;
	temp_name(name, temp);
	/* What is left of a run that was killed. */
	unlinkat(dir, temp, 0);
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	            mode);
	if (fd < 0)
		return -errno;
	ret = fchmod(fd, mode) < 0 ? -errno : fd_write(fd, text, strlen(text));
	if (!ret && (fsync(fd) < 0 || renameat(dir, temp, dir, name) < 0))
		ret = -errno;
	if (ret < 0) {
		unlinkat(dir, temp, 0);
		return ret;
	}
	sync = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return sync < 0 || fsync(sync) < 0 ? -errno : 0;
}

int sysroot_remove(const struct sysroot *root, const char *path)
{
	const char *name;
	_cleanup_close_ int dir = open_parent(root, path, false, &name);
	char temp[TEMP_SIZE];

	if (dir < 0)
		return dir;
	temp_name(name, temp);
	unlinkat(dir, temp, 0);
	return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

int sysroot_open_dir(const struct sysroot *root, const char *path, bool make)
{
	char inside[512];
	const char *name;

	snprintf(inside, sizeof(inside), "%s/.", path);
	if (make) {
		_cleanup_close_ int dir = open_parent(root, inside, true, &name);

		if (dir < 0)
			return dir;
	}
	return open_in(root, inside, O_RDONLY | O_DIRECTORY);
}

int sysroot_open_node(const struct sysroot *root, const char *path, int flags)
{
	return root->live ? open_in(root, path, flags | O_NOCTTY) : -ENOTSUP;
}
