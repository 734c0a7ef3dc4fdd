/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host does with the disks behind a PCI function. */
#ifndef PASSTHROUGH_DISK_H
#define PASSTHROUGH_DISK_H

#include "passthrough/findings.h"
#include "passthrough/pcidev.h"

/* Adds a finding for every use: mounts in any mount namespace that this user may see,
 * swap, device mapper, RAID, ZFS, anything else the kernel calls in use (asked only as
 * root), and a warning for what lies on a disk unused. */
void disk_check(const struct sysroot *root, const struct pci_function *f,
                struct findings *findings);

/* The part that is tested alone: the mount points of device number "8:1" or of the node
 * source in mountinfo text; calls visit for each. */
void disk_mounts(const char *mountinfo, const char *number, const char *source,
                 void (*visit)(void *data, const char *where), void *data);

#endif
