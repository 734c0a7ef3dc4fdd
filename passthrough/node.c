// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nodes of groups. The kernel makes them with the first vfio device of a group; udev then
 * sets owner and mode by its rules, so a change of ours before that would be undone. With
 * udev we therefore wait for udev's own event, without it for the kernel's.
 */
#include "passthrough/node.h"

#include "common/opts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libudev.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 20 * 1000 };

int node_owner_parse(const char *text, struct node_owner *owner, struct err *err)
{
	const char *name = text + (*text == ':');
	const struct passwd *user = *text == ':' ? NULL : getpwnam(name);
	const struct group *group = user ? NULL : getgrnam(name);
	uint64_t id;

	*owner = (struct node_owner){ .set = true, .uid = -1, .gid = -1 };
	if (user)
		owner->uid = user->pw_uid;
	else if (group)
		owner->gid = group->gr_gid;
	else if (opt_parse_u64(name, &id) < 0 || id >= UINT32_MAX)
		return err_usage(err,
		                 "--owner: there is no user or group '%s'; write a user, "
		                 "or :group",
		                 name);
	else if (*text == ':')
		owner->gid = id;
	else
		owner->uid = id;
	return 0;
}

struct node_watch {
	struct udev *udev;
	struct udev_monitor *monitor;
};

struct node_watch *node_watch_open(const struct sysroot *root, struct err *err)
{
	struct node_watch *watch = calloc(1, sizeof(*watch));
	const char *source = sysroot_exists(root, "run/udev/control") ? "udev" : "kernel";

	if (watch)
		watch->udev = udev_new();
	if (watch && watch->udev)
		watch->monitor = udev_monitor_new_from_netlink(watch->udev, source);
	if (!watch || !watch->monitor ||
	    udev_monitor_filter_add_match_subsystem_devtype(watch->monitor, "vfio",
	                                                    NULL) < 0 ||
	    udev_monitor_enable_receiving(watch->monitor) < 0) {
		err_set(err, EIO, "cannot listen to %s's device events", source);
		node_watch_close(watch);
		return NULL;
	}
	return watch;
}

void node_watch_close(struct node_watch *watch)
{
	if (!watch)
		return;
	if (watch->monitor)
		udev_monitor_unref(watch->monitor);
	if (watch->udev)
		udev_unref(watch->udev);
	free(watch);
}

static void node_path(int group, char path[32])
{
	snprintf(path, 32, "dev/vfio/%d", group);
}

bool node_exists(const struct sysroot *root, int group)
{
	char path[32];

	node_path(group, path);
	return sysroot_exists(root, path);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes one event; true when it tells that the node was added. */
static bool is_added(struct node_watch *watch, int group)
{
	struct udev_device *device = udev_monitor_receive_device(watch->monitor);
	const char *action, *name;
	char number[16];
	bool added;

	if (!device)
		return false;
	snprintf(number, sizeof(number), "%d", group);
	action = udev_device_get_action(device);
	name = udev_device_get_sysname(device);
	added = action && name && !strcmp(action, "add") && !strcmp(name, number);
	udev_device_unref(device);
	return added;
}

int node_wait(struct node_watch *watch, const struct sysroot *root, int group,
              bool expected, struct err *err)
{
	struct pollfd event = { .fd = udev_monitor_get_fd(watch->monitor),
		                .events = POLLIN };
	int64_t end = now_ms() + WAIT_MS, left;
	bool added = expected;

	while (!added && (left = end - now_ms()) > 0)
		if (poll(&event, 1, left) > 0)
			added = is_added(watch, group);
	if (node_exists(root, group))
		return 0;
	return err_set(err, ENOENT,
	               "/dev/vfio/%d did not appear%s; is /dev a devtmpfs, or this a "
	               "container?",
	               group, added ? " although the kernel announced it" : "");
}

int node_give(const struct sysroot *root, int group, const struct node_owner *owner,
              struct err *err)
{
	mode_t mode = owner->gid == (gid_t)-1 ? 0600 : 0660;
	char path[32];

	if (!owner->set)
		return 0;
	node_path(group, path);
	if (fchownat(root->fd, path, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(root->fd, path, mode, 0) < 0)
		return err_sys(err, errno, "cannot give /%s to its owner", path);
	return 0;
}
