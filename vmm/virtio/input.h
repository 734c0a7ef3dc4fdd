/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classes "virtio-keyboard-pci", "virtio-mouse-pci" and "virtio-tablet-pci". */
#ifndef VMM_VIRTIO_INPUT_H
#define VMM_VIRTIO_INPUT_H

#include "vmm/core/device.h"

extern const struct device_class virtio_keyboard_pci_class, virtio_mouse_pci_class,
	virtio_tablet_pci_class;

#endif
