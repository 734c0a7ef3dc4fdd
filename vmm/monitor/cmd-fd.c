// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptors that clients pass over a Unix socket together with a command, kept under a
 * name until another command uses or closes them.
 */
#include "common/cleanup.h"
#include "vmm/chardev/chardev.h"
#include "vmm/monitor/session.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct named_fd *find(struct monitors *set, const char *name)
{
	for (unsigned i = 0; i < set->fd_count; i++)
		if (!strcmp(set->fds[i].name, name))
			return &set->fds[i];
	return NULL;
}

/* Its descriptor. */
static int forget(struct monitors *set, struct named_fd *named)
{
	int fd = named->fd;

	free(named->name);
	*named = set->fds[--set->fd_count];
	return fd;
}

int mon_take_fd(struct monitors *set, const char *name, struct err *err)
{
	struct named_fd *named = find(set, name);

	if (named)
		return forget(set, named);
	return err_set(err, ENOENT, "File descriptor named '%s' has not been found",
	               name);
}

void mon_close_fds(struct monitors *set)
{
	while (set->fd_count)
		close(forget(set, &set->fds[0]));
}

/* Only this process gives numbers. */
static bool is_number(const char *name)
{
	return *name >= '0' && *name <= '9';
}

/* Takes fd over. */
static int keep(struct monitors *set, const char *name, int fd, struct err *err)
{
	struct named_fd *old = find(set, name);
	char *copy = strdup(name);

	if (old)
		close(forget(set, old));
	if (copy && set->fd_count < MONITOR_FDS) {
		set->fds[set->fd_count++] = (struct named_fd){ copy, fd };
		return 0;
	}
	close(fd);
	if (!copy)
		return err_sys(err, ENOMEM, "getfd");
	free(copy);
	return err_set(err, EMFILE, "%u descriptors are kept; closefd lets one go",
	               MONITOR_FDS);
}

int monitors_inherit(struct monitors *set, int fd, struct err *err)
{
	char name[12];

	snprintf(name, sizeof(name), "%d", fd);
	return keep(set, name, fd, err);
}

void mon_close_inherited(struct monitors *set)
{
	for (unsigned i = set->fd_count; i-- > 0;)
		if (is_number(set->fds[i].name))
			close(forget(set, &set->fds[i]));
}

static int run_getfd(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	const char *name = mon_str(args, "fdname", "");
	int fd = chardev_take_fd(ctx->chr);

	(void)result;
	if (fd < 0)
		return err_set(err, EINVAL, "No file descriptor supplied via SCM_RIGHTS");
	if (*name && !is_number(name))
		return keep(ctx->set, name, fd, err);
	close(fd);
	return err_usage(err, "Parameter 'fdname' expects a name not starting with a "
	                      "digit");
}

static int run_closefd(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	int fd = mon_take_fd(ctx->set, mon_str(args, "fdname", ""), err);

	(void)result;
	return fd < 0 ? fd : close(fd);
}

static const struct mon_arg fd_args[] = {
	{ "fdname", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_fd_commands[] = {
	{ "getfd", "getfd", "keep the descriptor that came with this command", fd_args,
	  NULL, run_getfd, NULL },
	{ "closefd", "closefd", "close what getfd kept", fd_args, NULL, run_closefd,
	  NULL },
	{ .help = NULL },
};
