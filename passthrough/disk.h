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

#endif
