/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts of hugetlbfs, through which programs other than vmm take pages from a pool. */
#ifndef TUNE_MOUNT_H
#define TUNE_MOUNT_H

#include "common/journal.h"
#include "common/strbuf.h"
#include "probe/sysroot.h"

#include <stdint.h>

/* Where pages of this size are mounted, cut to len; "" when nowhere. */
void mount_find(const struct sysroot *root, uint64_t size, char *buf, size_t len);
/* Mounts pages of this size on the directory `dir` (with its leading slash), made when it
 * is missing, and sets *mounted; 0 without doing anything when they are mounted there
 * already. The running host only. The journal learns of it first. */
int mount_hugepages(const struct sysroot *root, struct journal *journal, const char *dir,
                    uint64_t size, bool *mounted, struct err *err);
/* Takes back what mount_hugepages() just did. */
void mount_take_back(const struct sysroot *root, struct journal *journal,
                     const char *dir);
/* Takes back a mount of ours; `made`: its directory too. 0 when it is gone. */
int mount_undo(const struct sysroot *root, const char *dir, bool made, struct strbuf *out,
               struct err *err);

#endif
