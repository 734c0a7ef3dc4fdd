// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -daemonize, -pidfile and -runas. The child of -daemonize holds one end of a pipe and
 * writes a byte when the machine is set up: an end without a byte means that it died, and
 * the parent then reports its status as its own. The few file descriptors live as long as
 * the process.
 */
#include "common/process.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "common/opts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_for_child(pid_t child, int fd)
{
	int status;
	char byte;

	if (fd_read(fd, &byte, 1) == 1)
		_exit(EXIT_SUCCESS);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	log_error("the process in the background died of signal %d", WTERMSIG(status));
	_exit(EXIT_FAILURE);
}

int process_daemonize(struct daemon *daemon, struct err *err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int pipe[2];
	pid_t child;

	if (null < 0 || pipe2(pipe, O_CLOEXEC) < 0)
		return err_sys(err, errno, "-daemonize");
	child = fork();
	if (child < 0) {
		int code = errno;

		close(pipe[0]);
		close(pipe[1]);
		return err_sys(err, code, "-daemonize");
	}
	if (child) {
		close(pipe[1]);
		wait_for_child(child, pipe[0]);
	}
	close(pipe[0]);
	setsid();
	*daemon = (struct daemon){ pipe[1], null };
	return 0;
}

void process_ready(const struct daemon *daemon)
{
	if (daemon->ready < 0)
		return;
	/* dup2() leaves them open for programs that this one starts. */
	for (int std = 0; std <= STDERR_FILENO; std++)
		dup2(daemon->null, std);
	if (daemon->null > STDERR_FILENO)
		close(daemon->null);
	/* A parent that was killed meanwhile waits no more, which is no harm. */
	fd_write(daemon->ready, "", 1);
	close(daemon->ready);
}

int process_lock_memory(struct err *err)
{
	return mlockall(MCL_CURRENT | MCL_FUTURE) < 0
	               ? err_sys(err, errno,
	                         "-overcommit mem-lock=on: cannot lock memory (the limit "
	                         "is ulimit -l)")
	               : 0;
}

/* ---- -pidfile ---- */

int process_write_pidfile(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	char text[24];
	int len = snprintf(text, sizeof(text), "%d\n", getpid());

	if (fd < 0)
		return err_sys(err, errno, "-pidfile: cannot open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int code = errno;

		close(fd);
		return code == EWOULDBLOCK
		               ? err_set(err, EBUSY,
		                         "-pidfile: %s belongs to a vmm that runs; choose "
		                         "another file",
		                         path)
		               : err_sys(err, code, "-pidfile: cannot lock %s", path);
	}
	/* The descriptor stays open, and with it the lock. */
	if (ftruncate(fd, 0) < 0 || fd_pwrite(fd, text, len, 0) < 0) {
		err_sys(err, errno, "-pidfile: cannot write %s", path);
		close(fd);
		return -err->code;
	}
	return fd;
}

void process_remove_pidfile(const char *path, int fd)
{
	struct stat ours, now;

	if (fd < 0)
		return;
	if (fstat(fd, &ours) == 0 && lstat(path, &now) == 0 &&
	    ours.st_ino == now.st_ino && ours.st_dev == now.st_dev)
		unlink(path);
}

/* ---- what the caller had open ---- */

unsigned process_find_fds(const char *text, int *fds, unsigned count, unsigned max)
{
	for (const char *at = text; (at = strstr(at, "fd")); at++) {
		const char *number = at + 2 + (at[2] == 's');

		if (*number != '=' && *number != '/' && *number != ':')
			continue;
		do {
			size_t len = strspn(number + 1, "0123456789");
			char digits[12];
			uint64_t fd;

			if (!len || len >= sizeof(digits))
				break;
			snprintf(digits, sizeof(digits), "%.*s", (int)len, number + 1);
			if (opt_parse_u64(digits, &fd) >= 0 && fd < INT32_MAX &&
			    count < max)
				fds[count++] = fd;
			number += 1 + len;
		} while (*number == ':');
	}
	return count;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static bool is_in(const int *fds, unsigned count, int fd)
{
	for (unsigned i = 0; i < count; i++)
		if (fds[i] == fd)
			return true;
	return false;
}

unsigned process_list_inherited(const int *keep, unsigned count, int *fds, unsigned max)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned found = 0;
	uint64_t fd;

	while (dir && found < max && (entry = readdir(dir)))
		if (opt_parse_u64(entry->d_name, &fd) >= 0 && fd > STDERR_FILENO &&
		    (int)fd != dirfd(dir) && !is_in(keep, count, fd) &&
		    fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0)
			fds[found++] = fd;
	if (dir)
		closedir(dir);
	return found;
}

void process_close_inherited(int *keep, unsigned count)
{
	int next = STDERR_FILENO + 1;

	qsort(keep, count, sizeof(*keep), compare);
	for (unsigned i = 0; i < count; i++) {
		if (keep[i] > next)
			syscall(SYS_close_range, next, keep[i] - 1, 0);
		if (keep[i] >= next)
			next = keep[i] + 1;
	}
	/* Linux before 5.9 has no such call: they stay open. */
	syscall(SYS_close_range, next, ~0u, 0);
}

/* ---- -runas ---- */

static int set_ids(const char *name, uid_t uid, gid_t gid, struct err *err)
{
	if ((name ? initgroups(name, gid) : setgroups(1, &gid)) < 0 || setgid(gid) < 0 ||
	    setuid(uid) < 0)
		return err_sys(err, errno, "cannot become %s", name ? name : "that user");
	if (uid && setuid(0) == 0)
		return err_set(err, EPERM, "the way back to root is still open");
	return 0;
}

int process_become(const char *user, struct err *err)
{
	const char *colon = strchr(user, ':');
	_cleanup_free_ char *first = strndup(user, strcspn(user, ":"));
	const struct passwd *pw;
	uint64_t uid, gid;

	if (!first)
		return err_sys(err, ENOMEM, "user %s", user);
	if (colon && opt_parse_u64(first, &uid) >= 0 &&
	    opt_parse_u64(colon + 1, &gid) >= 0 && uid < UINT32_MAX && gid < UINT32_MAX)
		return set_ids(NULL, uid, gid, err);
	pw = colon ? NULL : getpwnam(user);
	if (!pw)
		return err_usage(
			err, "there is no user '%s'; give a name, or numbers as UID:GID",
			user);
	return set_ids(pw->pw_name, pw->pw_uid, pw->pw_gid, err);
}
