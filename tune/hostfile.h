/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Setting the kernel's files, and the links in /etc, below a root. Paths have no leading
 * slash. */
#ifndef TUNE_HOSTFILE_H
#define TUNE_HOSTFILE_H

#include "probe/sysroot.h"

#define HOSTFILE_MAX (1024 * 1024)

/*
 * Writes text to a kernel file in one write(2): 0 or -errno as the kernel says. On a
 * captured root, which has no kernel, the file is changed as the kernel would change it:
 * the brackets move, and the counterpart of a knob becomes 0, so that a plan can be
 * rehearsed.
 */
int hostfile_set(const struct sysroot *root, const char *path, const char *text);
/* Makes a symbolic link, replacing one; another kind of file in its place is an error. */
int hostfile_link(const struct sysroot *root, const char *path, const char *target,
                  struct err *err);

#endif
