// SPDX-License-Identifier: GPL-2.0-or-later
/* Whole reads and writes on file descriptors. */
#include "common/fdio.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

void fd_reserve_std(void)
{
	struct pollfd std[] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };
	const int flags = O_PATH; /* for programs that this one starts, too */

	/* One call that tells of all three; open() takes the lowest number. A descriptor
	 * that only names a folder cannot be read or written, as a closed one cannot. */
	if (poll(std, ARRAY_SIZE(std), 0) <= 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(std); i++)
		if (std[i].revents & POLLNVAL && open("/", flags) != std[i].fd)
			_exit(EXIT_FAILURE);
}

ssize_t fd_read(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += n;
	}
	return done;
}

ssize_t fd_pread(int fd, void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += n;
	}
	return done;
}

int fd_write(int fd, const void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += n;
	}
	return 0;
}

int fd_print(const struct strbuf *text, struct err *err)
{
	int ret = text->failed ? -ENOMEM : 0;

	if (!ret && text->len)
		ret = fd_write(STDOUT_FILENO, text->data, text->len);
	if (ret < 0) {
		err_sys(err, -ret, "cannot print");
		if (err)
			err->output = true;
	}
	return ret;
}

int fd_pwrite(int fd, const void *buf, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n =
			pwrite(fd, (const char *)buf + done, len - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += n;
	}
	return 0;
}

int fd_read_file(int dirfd, const char *path, size_t max, char **text, size_t *len)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *buf = NULL;
	size_t cap = 4096, done = 0;

	if (fd < 0)
		return -errno;
	/* Files in /proc and /sys have no size: read until the end. */
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
		if (done < cap)
			break;
		if (done > max)
			return -EFBIG;
		cap *= 2;
	}
	if (done > max)
		return -EFBIG;
	buf[done] = '\0';
	*text = buf;
	buf = NULL;
	if (len)
		*len = done;
	return 0;
}

int fd_open_regular(const char *path, const char *what, uint64_t *size, struct err *err)
{
	/* O_NONBLOCK: a FIFO must not block the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int ret;

	/* In these words kvm-unit-tests' runner looks for it. */
	if (fd < 0)
		return err_sys(err, errno, "could not open %s %s", what, path);
	if (fstat(fd, &st) < 0)
		ret = err_sys(err, errno, "cannot look at the %s %s", what, path);
	else if (S_ISDIR(st.st_mode))
		ret = err_set(err, EISDIR, "the %s %s is a directory, not a file", what,
		              path);
	else if (!S_ISREG(st.st_mode))
		ret = err_set(err, EINVAL, "the %s %s is not a regular file", what, path);
	else
		ret = 0;
	if (ret < 0) {
		close(fd);
		return ret;
	}
	*size = st.st_size;
	return fd;
}
