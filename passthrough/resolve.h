/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what a user calls a device to the address of its PCI function. */
#ifndef PASSTHROUGH_RESOLVE_H
#define PASSTHROUGH_RESOLVE_H

#include "common/err.h"
#include "passthrough/address.h"
#include "probe/sysroot.h"

#include <stddef.h>

/* word: an address in any form, a network interface (eth0), a disk or partition (sda,
 * /dev/nvme0n1p1, /dev/disk/by-id/...), a controller (nvme0), a card (card0). -ENODEV
 * with a sentence when there is no such thing or it is no PCI device; -EMLINK when a disk
 * is reached through several functions. */
int resolve_device(const struct sysroot *root, const char *word,
                   struct pci_address *address, struct err *err);

/* Where sysfs keeps a member of a class ("net", "eth0"): its path from the root, without
 * leading dots. 0 or -errno. */
int class_path(const struct sysroot *root, const char *class, const char *name,
               char *path, size_t size);

/* The NVMe controllers behind a namespace of a multipath subsystem, whose path in sysfs
 * shows no PCI function. Calls visit for each controller's path. */
void nvme_subsystem_paths(const struct sysroot *root, const char *path,
                          void (*visit)(void *data, const char *path), void *data);

#endif
