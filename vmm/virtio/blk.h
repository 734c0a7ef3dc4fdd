/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-blk-pci: a disk. */
#ifndef VMM_VIRTIO_BLK_H
#define VMM_VIRTIO_BLK_H

#include "vmm/core/device.h"

extern const struct device_class virtio_blk_pci_class;

#endif
