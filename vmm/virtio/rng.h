/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-rng-pci: random numbers for the guest. */
#ifndef VMM_VIRTIO_RNG_H
#define VMM_VIRTIO_RNG_H

#include "vmm/core/device.h"

extern const struct device_class virtio_rng_pci_class;

#endif
