// SPDX-License-Identifier: GPL-2.0-or-later
/* Asks vmm-vnc about keyboard layouts, before the machine starts. Main thread. */
#include "vmm/display/layout.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#define HELPER "vmm-vnc"

extern char **environ;

/* Its exit status, or -errno; out: all that it says. */
static int ask(char **argv, char *out, size_t size)
{
	_cleanup_free_ char *path = helper_find(HELPER);
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

int layout_check(const char *name, struct err *err)
{
	char *argv[] = { HELPER, "--layout", (char *)name, NULL };
	char text[512];
	int ret = ask(argv, text, sizeof(text));

	if (!ret || ret == -ENOENT)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return ret == 2 ? err_usage(err, "-k: %s", text)
	                : err_set(err, EIO, "-k %s: " HELPER " cannot tell: %s", name,
	                          ret < 0 ? strerror(-ret) : text);
}

int layout_help(struct strbuf *out, struct err *err)
{
	char *argv[] = { HELPER, "--layouts", NULL };
	char text[4096];
	int ret = ask(argv, text, sizeof(text));

	if (ret)
		return err_set(err, ret < 0 ? -ret : EIO,
		               "-k: " HELPER ", which knows them, is not there");
	strbuf_adds(out, text);
	return 0;
}
