/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the PCI transport: capabilities and events (pci.c), the modern
 * register layout (pci-modern.c), the legacy one (pci-legacy.c). */
#ifndef VMM_VIRTIO_PCI_REGS_H
#define VMM_VIRTIO_PCI_REGS_H

#include "vmm/virtio/pci.h"

/* BAR 4, each structure on its own page. */
enum {
	VPCI_COMMON_AT = 0x0000,
	VPCI_ISR_AT = 0x1000,
	VPCI_DEVICE_AT = 0x2000,
	VPCI_NOTIFY_AT = 0x3000,
	VPCI_PART_SIZE = 0x1000,
	VPCI_BAR_SIZE = 0x4000,
	VPCI_NOTIFY_STEP = 4, /* notify_off_multiplier */
};
enum { VPCI_BAR_LEGACY = 0, VPCI_BAR_MSIX = 1, VPCI_BAR_MODERN = 4 };

extern const struct region_ops virtio_pci_common_ops, virtio_pci_isr_ops,
	virtio_pci_device_ops, virtio_pci_notify_ops, virtio_pci_legacy_ops;

/* The queue that queue_select names, or NULL. */
struct virtqueue *virtio_pci_selected(struct virtio_pci *vpci);
/* Reads the ISR status, which clears it and lowers INTx (4.1.4.5). */
uint8_t virtio_pci_take_isr(struct virtio_pci *vpci);
/* Prepares MSI-X vector v: v, or VIRTQUEUE_NO_VECTOR when it does not exist or cannot be
 * had; the driver reads the answer back (4.1.5.1.2). */
uint16_t virtio_pci_use_vector(struct virtio_pci *vpci, uint16_t v);
/* A queue's vector is another one now, or MSI-X was turned on or off. */
void virtio_pci_vector_changed(struct virtio_pci *vpci);
/* The loop kicks queue q soon, as if the driver had notified it. */
void virtio_pci_wake(struct virtio_pci *vpci, unsigned q);
/* Bytes of the legacy registers with the device's configuration behind them. */
unsigned virtio_pci_legacy_size(const struct virtio_pci *vpci);

#endif
