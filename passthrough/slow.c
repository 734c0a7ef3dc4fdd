// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Work in a child. Its result comes through a pipe, because a child that is stuck in the
 * kernel can be neither killed nor waited for: it becomes init's.
 */
#include "passthrough/slow.h"

#include "common/cleanup.h"
#include "common/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { WRITE_LIMIT_MS = 30 * 1000, READ_LIMIT_MS = 2 * 1000 };

struct answer {
	int ret;
	char line[256];
};

static void work(const struct sysroot *root, const char *path, const char *text, int out)
{
	struct answer answer = { 0 };

	if (text)
		answer.ret = sysroot_write(root, path, text);
	else
		answer.ret = sysroot_line(root, path, answer.line, sizeof(answer.line));
	_exit(fd_write(out, &answer, sizeof(answer)) < 0);
}

static int await(int in, pid_t child, int limit, struct answer *answer)
{
	struct pollfd event = { .fd = in, .events = POLLIN };
	int ready;

	do {
		ready = poll(&event, 1, limit);
	} while (ready < 0 && errno == EINTR);
	if (!ready) {
		kill(child, SIGKILL);
		return -ETIMEDOUT;
	}
	/* It wrote, or died: either way it ends now. */
	if (fd_read(in, answer, sizeof(*answer)) != sizeof(*answer))
		answer->ret = -EINTR;
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return answer->ret;
}

static int in_child(const struct sysroot *root, const char *path, const char *text,
                    int limit, struct answer *answer)
{
	_cleanup_close_ int in = -1;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	in = ends[0];
	child = fork();
	if (!child)
		work(root, path, text, ends[1]);
	close(ends[1]);
	return child < 0 ? -errno : await(in, child, limit, answer);
}

int slow_write(const struct sysroot *root, const char *path, const char *text)
{
	struct answer answer;

	return in_child(root, path, text, WRITE_LIMIT_MS, &answer);
}

int slow_line(const struct sysroot *root, const char *path, char *buf, size_t size)
{
	struct answer answer = { 0 };
	int ret = in_child(root, path, NULL, READ_LIMIT_MS, &answer);
	size_t len = strnlen(answer.line, size - 1);

	memcpy(buf, answer.line, ret < 0 ? 0 : len);
	buf[ret < 0 ? 0 : len] = '\0';
	return ret;
}
