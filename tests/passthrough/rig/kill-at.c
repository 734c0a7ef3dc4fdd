// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preloaded into kvm-assign: ends it with SIGKILL before its n-th change of anything that
 * lasts (KILL_AT=n). Children count with their parent, which dies with them.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static long *counter, limit;
static pid_t program;

__attribute__((constructor)) static void start(void)
{
	const char *at = getenv("KILL_AT");

	while (at && *at)
		limit = limit * 10 + *at++ - '0';
	program = getpid();
	counter = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE,
	               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void count(void)
{
	if (!limit || __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST) != limit)
		return;
	kill(program, SIGKILL);
	kill(getpid(), SIGKILL);
}

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

ssize_t write(int fd, const void *buf, size_t len)
{
	ssize_t (*real)(int, const void *, size_t) = next("write");

	if (fd > STDERR_FILENO)
		count();
	return real(fd, buf, len);
}

int fsync(int fd)
{
	int (*real)(int) = next("fsync");

	count();
	return real(fd);
}

int fdatasync(int fd)
{
	int (*real)(int) = next("fdatasync");

	count();
	return real(fd);
}

int renameat(int from, const char *old, int to, const char *new)
{
	int (*real)(int, const char *, int, const char *) = next("renameat");

	count();
	return real(from, old, to, new);
}

int unlinkat(int dir, const char *path, int flags)
{
	int (*real)(int, const char *, int) = next("unlinkat");

	count();
	return real(dir, path, flags);
}
