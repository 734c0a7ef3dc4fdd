/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI devices as assignable things, summed up: groups, resets, drivers, VFIO. */
#ifndef PROBE_PCIDEV_H
#define PROBE_PCIDEV_H

#include "probe/facts.h"

/* Fills vfio (zeroed by the caller). kernel: the release; ids: modules_facts.vfio_ids. */
void vfio_gather(const struct sysroot *root, const char *kernel, const char *ids,
                 struct vfio_facts *vfio);

#endif
