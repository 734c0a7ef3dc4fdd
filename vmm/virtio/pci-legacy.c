// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The legacy register layout in I/O BAR 0 (virtio 1.2, 4.1.4.10) of transitional devices:
 * what drivers of virtio 0.9 and simple boot loaders use.
 *
 * Features are final as they are written, rings are one block of pages whose layout
 * follows from the queue size, and the device's configuration moves by four bytes while
 * MSI-X is enabled. Machine lock.
 */
#include "common/bytes.h"
#include "vmm/virtio/pci-regs.h"

#include <linux/virtio_pci.h>

#define QUEUE_PAGE (1u << VIRTIO_PCI_QUEUE_ADDR_SHIFT)

unsigned virtio_pci_legacy_size(const struct virtio_pci *vpci)
{
	return VIRTIO_PCI_CONFIG_OFF(true) + vpci->vdev.ops->config_len;
}

static unsigned config_at(const struct virtio_pci *vpci)
{
	return VIRTIO_PCI_CONFIG_OFF(pci_msix_enabled(&vpci->pci));
}

static uint64_t legacy_read(void *opaque, uint64_t offset, unsigned size)
{
	struct virtio_pci *vpci = opaque;
	struct virtio_device *vdev = &vpci->vdev;
	struct virtqueue *vq = virtio_pci_selected(vpci);

	if (offset >= config_at(vpci))
		return virtio_config_read(vdev, offset - config_at(vpci), size);
	switch (offset) {
	case VIRTIO_PCI_HOST_FEATURES:
		return (uint32_t)vdev->host_features;
	case VIRTIO_PCI_GUEST_FEATURES:
		return (uint32_t)vdev->features;
	case VIRTIO_PCI_QUEUE_PFN:
		return vq && vq->ready ? vq->desc / QUEUE_PAGE : 0;
	case VIRTIO_PCI_QUEUE_NUM:
		return vq ? vq->size : 0;
	case VIRTIO_PCI_QUEUE_SEL:
		return vpci->queue_select;
	case VIRTIO_PCI_STATUS:
		return vdev->status;
	case VIRTIO_PCI_ISR:
		return virtio_pci_take_isr(vpci);
	case VIRTIO_MSI_CONFIG_VECTOR:
		return vdev->config_vector;
	case VIRTIO_MSI_QUEUE_VECTOR:
		return vq ? vq->vector : VIRTQUEUE_NO_VECTOR;
	default:
		return 0;
	}
}

/* The ring of 2.7.2: descriptors, available ring, and the used ring on the next page. */
static void set_pfn(struct virtio_pci *vpci, struct virtqueue *vq, uint32_t pfn)
{
	uint16_t vector = vq->vector;

	if (vq->ready)
		virtio_queue_disable(&vpci->vdev, vq);
	vq->vector = vector;
	if (!pfn)
		return;
	vq->desc = (uint64_t)pfn * QUEUE_PAGE;
	vq->avail = vq->desc + sizeof(struct vring_desc) * vq->size;
	vq->used = align_up(vq->avail + 4 + 2 * vq->size + 2, QUEUE_PAGE);
	virtio_queue_enable(&vpci->vdev, vq);
}

static void legacy_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct virtio_pci *vpci = opaque;
	struct virtio_device *vdev = &vpci->vdev;
	struct virtqueue *vq = virtio_pci_selected(vpci);

	if (offset >= config_at(vpci)) {
		virtio_config_write(vdev, offset - config_at(vpci), value, size);
		return;
	}
	switch (offset) {
	case VIRTIO_PCI_GUEST_FEATURES:
		virtio_set_features(vdev, value & (uint32_t)vdev->host_features);
		break;
	case VIRTIO_PCI_QUEUE_PFN:
		if (vq)
			set_pfn(vpci, vq, value);
		break;
	case VIRTIO_PCI_QUEUE_SEL:
		vpci->queue_select = value;
		break;
	case VIRTIO_PCI_QUEUE_NOTIFY:
		virtio_pci_wake(vpci, value);
		break;
	case VIRTIO_PCI_STATUS:
		virtio_set_status(vdev, value);
		break;
	case VIRTIO_MSI_CONFIG_VECTOR:
		vdev->config_vector = virtio_pci_use_vector(vpci, value);
		break;
	case VIRTIO_MSI_QUEUE_VECTOR:
		if (vq)
			vq->vector = virtio_pci_use_vector(vpci, value);
		virtio_pci_vector_changed(vpci);
		break;
	}
}

const struct region_ops virtio_pci_legacy_ops = {
	.read = legacy_read,
	.write = legacy_write,
};
