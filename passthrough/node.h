/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /dev/vfio/GROUP: waiting for it by event, and giving it to an owner. */
#ifndef PASSTHROUGH_NODE_H
#define PASSTHROUGH_NODE_H

#include "common/err.h"
#include "probe/sysroot.h"

#include <sys/types.h>

/* Who may use the nodes: a user or a group. */
struct node_owner {
	bool set;
	uid_t uid; /* -1: leave it */
	gid_t gid; /* -1: leave it */
};

/* "name" is a user, or else a group; ":name" a group; numbers work as well. -ENOENT with
 * a sentence for anybody else. */
int node_owner_parse(const char *text, struct node_owner *owner, struct err *err);

struct node_watch;

/* Starts to listen; to be called before the first device is bound. NULL with a sentence.
 */
struct node_watch *node_watch_open(const struct sysroot *root, struct err *err);
void node_watch_close(struct node_watch *watch);
/* Waits until the group's node is there and udev, where it runs, has set it up. expected:
 * the node was there before, so no event will tell. */
int node_wait(struct node_watch *watch, const struct sysroot *root, int group,
              bool expected, struct err *err);
bool node_exists(const struct sysroot *root, int group);
/* Gives the node to its owner: a user's is 0600, a group's 0660. */
int node_give(const struct sysroot *root, int group, const struct node_owner *owner,
              struct err *err);

#endif
