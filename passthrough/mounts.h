/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounted file systems, in every mount namespace that this user may see. */
#ifndef PASSTHROUGH_MOUNTS_H
#define PASSTHROUGH_MOUNTS_H

#include "passthrough/findings.h"
#include "probe/sysroot.h"

#include <stddef.h>

/* What to look for: a device number ("8:1") or a source ("/dev/sda1", the tag of a shared
 * folder), and with type only file systems of that type. NULL: any type; NULL number and
 * source: every file system of the type. */
struct mount_match {
	const char *number, *source, *type;
};

/* Adds a finding "WHAT is mounted on PLACE" for every place; one that a system runs from
 * cannot be forced. How many there were, the same in two namespaces counting twice. */
unsigned mounts_check(const struct sysroot *root, const struct mount_match *match,
                      const char *what, struct findings *findings);

/* The n-th blank-separated word of a line, from 0; its length in *len. NULL: none. */
const char *line_word(const char *line, unsigned n, size_t *len);

#endif
