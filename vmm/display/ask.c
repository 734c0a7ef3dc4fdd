// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions to vmm-vnc on its command line. Main thread. */
#include "vmm/display/ask.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

int ask_helper(char **argv, char *out, size_t size)
{
	_cleanup_free_ char *path = helper_find(argv[0]);
	posix_spawn_file_actions_t actions;
	int pair[2], ret, status = 0;
	ssize_t n;
	pid_t pid;

	if (!path)
		return -ENOENT;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pair[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, pair[1], STDERR_FILENO);
	ret = -posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pair[1]);
	n = ret < 0 ? 0 : fd_read(pair[0], out, size - 1);
	out[n < 0 ? 0 : n] = '\0';
	close(pair[0]);
	if (ret < 0)
		return ret;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EPIPE;
}
