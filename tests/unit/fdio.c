// SPDX-License-Identifier: GPL-2.0-or-later
/* common/fdio: short counts, signals, limits, and files that are not what was asked. */
#include "common/fdio.h"
#include "common/cleanup.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#define BIG (1 << 20)

struct writer {
	int fd;
	const char *data;
	int ret;
};

static void *write_all(void *opaque)
{
	struct writer *w = opaque;

	w->ret = fd_write(w->fd, w->data, BIG);
	close(w->fd);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A pipe holds 64 KiB: both ends see short counts; signals interrupt the reader. */
static void test_pipe(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	_cleanup_free_ char *data = malloc(BIG), *got = malloc(BIG + 100);
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { 0 };
	struct writer w = { .data = data };
	pthread_t thread;
	ssize_t len;
	int fds[2];

	sigaction(SIGALRM, &act, NULL);
	for (int i = 0; i < BIG; i++)
		data[i] = i * 7 + i / 256;
	if (!tap_ok(!pipe2(fds, O_CLOEXEC), "a pipe"))
		return;
	w.fd = fds[1];
	pthread_create(&thread, NULL, write_all, &w);
	setitimer(ITIMER_REAL, &often, NULL);
	len = fd_read(fds[0], got, BIG + 100);
	setitimer(ITIMER_REAL, &never, NULL);
	pthread_join(thread, NULL);
	tap_eq(len, BIG, "everything until the end");
	tap_eq(w.ret, 0, "everything was written");
	tap_ok(!memcmp(data, got, BIG), "unchanged");
	tap_eq(fd_read(fds[0], got, 10), 0, "then the end");
	close(fds[0]);
}

static void test_errors(void)
{
	char byte = 0;
	int fds[2];

	tap_eq(fd_read(-1, &byte, 1), -EBADF, "read without a file");
	tap_eq(fd_pread(-1, &byte, 1, 0), -EBADF, "pread without a file");
	tap_eq(fd_write(-1, &byte, 1), -EBADF, "write without a file");
	tap_eq(fd_pwrite(-1, &byte, 1, 0), -EBADF, "pwrite without a file");
	tap_eq(fd_write(-1, &byte, 0), 0, "nothing to write never fails");
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return;
	tap_eq(fd_read(fds[0], &byte, 1), -EAGAIN, "an empty non-blocking pipe");
	tap_eq(fd_pread(fds[0], &byte, 1, 0), -ESPIPE, "a pipe has no offsets");
	close(fds[0]);
	tap_eq(fd_write(fds[1], &byte, 1), -EPIPE, "nobody reads");
	close(fds[1]);
}

static void test_offsets(void)
{
	_cleanup_close_ int fd = memfd_create("fdio", MFD_CLOEXEC);
	char got[16] = "";

	tap_eq(fd_pwrite(fd, "hello", 5, 3), 0, "write at an offset");
	tap_eq(fd_pread(fd, got, sizeof(got), 3), 5, "read until the end");
	tap_ok(!memcmp(got, "hello", 5), "the same");
	tap_eq(fd_pread(fd, got, 2, 0), 2, "a hole");
	tap_ok(!got[0] && !got[1], "reads as zeros");
	tap_eq(fd_pread(fd, got, 1, 100), 0, "behind the end");
	tap_eq(lseek(fd, 0, SEEK_CUR), 0, "the file's own position stays");
}

/* Files around the sizes at which the buffer grows, and around the limit. */
static void test_read_file(const char *dir)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 8192, 100000 };
	_cleanup_close_ int dirfd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_close_ int fd =
			openat(dirfd, "f", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		_cleanup_free_ char *data = malloc(sizes[i] + 1), *text = NULL;
		_cleanup_free_ char *none = NULL;
		size_t len = 1;

		memset(data, 'q', sizes[i]);
		fd_write(fd, data, sizes[i]);
		tap_eq(fd_read_file(dirfd, "f", sizes[i], &text, &len), 0,
		       "a file of %zu bytes, as many allowed", sizes[i]);
		tap_ok(len == sizes[i] && strlen(text) == len, "whole and terminated");
		if (sizes[i])
			tap_eq(fd_read_file(dirfd, "f", sizes[i] - 1, &none, NULL),
			       -EFBIG, "one byte less allowed");
		tap_ok(!none, "nothing is handed out then");
	}
	unlinkat(dirfd, "f", 0);
}

static void test_read_file_odd(const char *dir)
{
	_cleanup_free_ char *text = NULL, *version = NULL;

	tap_eq(fd_read_file(AT_FDCWD, dir, 100, &text, NULL), -EISDIR, "a folder");
	tap_eq(fd_read_file(AT_FDCWD, "/nonexistent", 100, &text, NULL), -ENOENT,
	       "no such file");
	tap_ok(!text, "nothing is handed out");
	tap_eq(fd_read_file(AT_FDCWD, "/proc/version", 4096, &version, NULL), 0,
	       "a file without a size");
	tap_has(version, "Linux version", "is read to its end");
	tap_eq(fd_read_file(AT_FDCWD, "/dev/zero", 10000, &text, NULL), -EFBIG,
	       "a file without an end");
}

static void test_open_regular(const char *dir)
{
	struct err err = { 0 };
	uint64_t size = 0;
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/k", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fd_write(fd, "12345", 5);
	close(fd);
	fd = fd_open_regular(path, "kernel", &size, &err);
	tap_ok(fd >= 0 && size == 5, "a file and its length");
	tap_ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "close-on-exec");
	close(fd);
	unlink(path);
	tap_eq(fd_open_regular(path, "kernel", &size, &err), -ENOENT, "no file");
	tap_has(err.text, "could not open kernel /", "named");
	err_clear(&err);
	tap_eq(fd_open_regular(dir, "initrd", &size, &err), -EISDIR, "a folder");
	tap_has(err.text, "is a directory, not a file", "said");
	err_clear(&err);
	tap_eq(fd_open_regular("/dev/null", "initrd", &size, &err), -EINVAL, "a device");
	tap_str(err.text, "the initrd /dev/null is not a regular file", "said");
	/* Opening a FIFO to read it waits for a writer, which never comes. */
	mkfifo(path, 0600);
	tap_eq(fd_open_regular(path, "kernel", &size, NULL), -EINVAL, "a FIFO");
	unlink(path);
}

/* In a child, whose standard descriptors are `closed`, a set of bits: the number of the
 * next file, or of a descriptor that can be written though it was closed. */
static int next_file(unsigned closed)
{
	int status = -1, fd;
	pid_t child = fork();

	if (!child) {
		for (int i = 0; i < 3; i++)
			if (closed >> i & 1)
				close(i);
		fd_reserve_std();
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int i = 0; i < 3; i++)
			if (closed >> i & 1 && (write(i, "x", 1) >= 0 || errno != EBADF))
				fd = i;
		_exit(fd);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status)
	               ? WEXITSTATUS(status)
	               : -1;
}

static void test_reserve_std(void)
{
	int usual = next_file(0);

	tap_ok(usual > 2, "a file's number where all is open");
	for (unsigned closed = 1; closed < 8; closed++)
		tap_eq(next_file(closed), usual, "the same, and no writing, where not");
}

int main(void)
{
	char dir[] = "/tmp/fdio-XXXXXX";

	signal(SIGPIPE, SIG_IGN);
	test_reserve_std();
	test_pipe();
	test_errors();
	test_offsets();
	if (tap_ok(mkdtemp(dir), "a scratch folder")) {
		test_read_file(dir);
		test_read_file_odd(dir);
		test_open_regular(dir);
		rmdir(dir);
	}
	return tap_done();
}
