// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Landlock rules (Documentation/userspace-api/landlock.rst).
 *
 * They are derived from the descriptors that are open when the machine is built, and not
 * from options: what was opened is what was named, whoever named it. Rules only allow;
 * so "all but the system's own" is each folder of the root without those.
 */
#include "common/landlock.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define OPEN_FILES       "/proc/self/fd"

/* Of kernels that are newer than the headers may be: ABI 3 and 5. */
#define ACCESS_TRUNCATE  (1ull << 14)
#define ACCESS_IOCTL_DEV (1ull << 15)

#define FILE_READ        LANDLOCK_ACCESS_FS_READ_FILE
#define FILE_CHANGE      (FILE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)
#define DEVICE           (FILE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_IOCTL_DEV)
#define FILE_RIGHTS      (FILE_CHANGE | ACCESS_IOCTL_DEV)
#define FOLDER_READ      (FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR)
#define FOLDER_REMOVE    LANDLOCK_ACCESS_FS_REMOVE_FILE
#define FOLDER_CHANGE                                                              \
	(FOLDER_READ | FILE_CHANGE | FOLDER_REMOVE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER)

/* Not for a monitor to read unless something in it was opened by name: what configures
 * the system, holds its secrets, or is a window into the kernel and other processes. */
static const char *const system_folders[] = { "proc", "sys",  "dev", "etc",
	                                      "boot", "root", "run" };

struct rules {
	int fd;
	uint64_t handled;
};

/* Whatever cannot be had a rule is not reachable, which is what happens to it then. */
static void allow_fd(const struct rules *r, int fd, uint64_t access)
{
	const struct landlock_path_beneath_attr attr = {
		.allowed_access = access & r->handled,
		.parent_fd = fd,
	};

	syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
}

static void allow(const struct rules *r, int dirfd, const char *path, uint64_t access)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	/* Rights that only folders have cannot be given to a file. */
	allow_fd(r, fd, S_ISDIR(st.st_mode) ? access : access & FILE_RIGHTS);
}

/* The folder that a file is in; not the root, which holds everything. */
static void allow_folder_of(const struct rules *r, const char *path, uint64_t access)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	if (slash == path)
		return;
	if (!slash)
		strcpy(folder, ".");
	else
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	allow(r, AT_FDCWD, folder, access);
}

/* ---- what is open ---- */

static void allow_socket(const struct rules *r, int fd)
{
	struct sockaddr_un addr = { 0 };
	socklen_t len = sizeof(addr) - 1;

	if (!getsockname(fd, (struct sockaddr *)&addr, &len) &&
	    addr.sun_family == AF_UNIX && *addr.sun_path)
		allow_folder_of(r, addr.sun_path, FOLDER_REMOVE);
}

/* What was opened to be read lets nothing be written. */
static void allow_file(const struct rules *r, int fd)
{
	bool reads = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
	char link[32], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), OPEN_FILES "/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	allow_fd(r, fd, (reads ? FILE_READ : FILE_CHANGE) | ACCESS_IOCTL_DEV);
	path[n > 0 ? n : 0] = '\0';
	/* Where a caller's messages go is no place for anything else. */
	if (fd > STDERR_FILENO && *path == '/' && strncmp(path, "/dev/", 5) &&
	    strncmp(path, "/proc/", 6))
		allow_folder_of(r, path, reads ? FOLDER_READ : FOLDER_CHANGE);
}

/* How many descriptors there are. */
static unsigned count_open(void)
{
	struct dirent *entry;
	unsigned count = 0;
	struct stat st;
	DIR *dir;

	/* Since Linux 6.2; a folder's list takes thirty times as long. */
	if (!stat(OPEN_FILES, &st) && st.st_size)
		return st.st_size;
	dir = opendir(OPEN_FILES);
	while (dir && (entry = readdir(dir)))
		count += *entry->d_name != '.';
	if (dir)
		closedir(dir);
	return dir ? count - 1 : 0; /* without its own */
}

static void allow_open(const struct rules *r, bool files)
{
	unsigned left = count_open();

	for (int fd = 0; left; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			continue;
		left--;
		if (S_ISSOCK(st.st_mode))
			allow_socket(r, fd);
		else if (files && fd != r->fd &&
		         (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) ||
		          S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
			allow_file(r, fd);
	}
}

/* ---- what a monitor may reach ---- */

static bool is_system(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(system_folders); i++)
		if (!strcmp(name, system_folders[i]))
			return true;
	return false;
}

static void allow_reading(const struct rules *r)
{
	DIR *dir = opendir("/");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && *entry->d_name != '.' &&
		    !is_system(entry->d_name))
			allow(r, dirfd(dir), entry->d_name, FOLDER_READ);
	if (dir)
		closedir(dir);
}

static void allow_monitor(const struct rules *r)
{
	static const struct {
		const char *path;
		uint64_t access;
	} more[] = {
		{ "/tmp", FOLDER_CHANGE },
		{ "/var/tmp", FOLDER_CHANGE },
		/* chardev-add pty, and devices that are added later */
		{ "/dev/ptmx", DEVICE },
		{ "/dev/pts", DEVICE },
		{ "/dev/net/tun", DEVICE },
		{ "/dev/vhost-net", DEVICE },
		{ "/dev/vfio", DEVICE },
		/* names of hosts */
		{ "/etc/hosts", FILE_READ },
		{ "/etc/resolv.conf", FILE_READ },
		{ "/etc/nsswitch.conf", FILE_READ },
		{ "/etc/host.conf", FILE_READ },
		{ "/etc/gai.conf", FILE_READ },
	};
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	const char *home = getenv("HOME"), *name = home ? strrchr(home, '/') : NULL;

	allow_reading(r);
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++)
		allow(r, AT_FDCWD, more[i].path, more[i].access);
	if (cwd && strcmp(cwd, "/"))
		allow(r, AT_FDCWD, cwd, FOLDER_CHANGE);
	/* libvirt gives each machine such a folder of its own, for what it asks for. */
	if (name && !strncmp(name, "/domain-", 8))
		allow(r, AT_FDCWD, home, FOLDER_CHANGE);
}

/* ---- all ---- */

static uint64_t rights_of(int abi)
{
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* those of ABI 1 */

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= ACCESS_TRUNCATE;
	if (abi >= 5)
		rights |= ACCESS_IOCTL_DEV;
	return rights;
}

int landlock_confine(const struct landlock_paths *paths, int *abi, struct err *err)
{
	struct landlock_ruleset_attr attr;
	struct rules r;
	int ret = 0;

	*abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	               LANDLOCK_CREATE_RULESET_VERSION);
	if (*abi < 0)
		return errno == EOPNOTSUPP ? -EOPNOTSUPP : -ENOSYS;
	attr = (struct landlock_ruleset_attr){ .handled_access_fs = rights_of(*abi) };
	r.handled = attr.handled_access_fs;
	r.fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (r.fd < 0)
		return err_sys(err, errno, "Landlock");
	allow_open(&r, paths->files);
	if (paths->pidfile)
		allow_folder_of(&r, paths->pidfile, FOLDER_REMOVE);
	for (unsigned i = 0; paths->readable && paths->readable[i]; i++)
		allow(&r, AT_FDCWD, paths->readable[i], FOLDER_READ);
	if (paths->files)
		allow_monitor(&r);
	if (syscall(SYS_landlock_restrict_self, r.fd, 0) < 0)
		ret = err_sys(err, errno, "Landlock");
	close(r.fd);
	return ret;
}
