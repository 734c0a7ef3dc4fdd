/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of the sandbox that knows paths: Landlock. */
#ifndef COMMON_LANDLOCK_H
#define COMMON_LANDLOCK_H

#include "common/err.h"

#include <stdbool.h>

struct landlock_paths {
	bool files;          /* what a monitor may open */
	const char *pidfile; /* to remove, or NULL */
	const char *const
		*readable; /* files and folders to read; ends with NULL; or NULL */
};

/*
 * From now on this thread, and those that it starts, reach by path
 * - to remove: the sockets that it listens on, and pidfile;
 * - to read: readable;
 * - with files: the files that are open, by their names, too; what is in their folders,
 *   in the working folder, in /tmp and /var/tmp, and in HOME where libvirt made it for
 * this machine; to read only, all else but what belongs to the system (/etc, /proc, /dev
 * ...). Nothing is executed. Open descriptors stay what they are. 0, -ENOSYS or
 * -EOPNOTSUPP without a sentence: the kernel has no Landlock; or -errno with one. *abi:
 * its version.
 */
int landlock_confine(const struct landlock_paths *paths, int *abi, struct err *err);

#endif
