// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The modern register layout (virtio 1.2, 4.1.4): common configuration, notification, ISR
 * status, device-specific configuration.
 *
 * Drivers access each field with its own width (4.1.3.1); the 64-bit addresses as two
 * halves. Anything else reads 0 and is lost on write. Machine lock.
 */
#include "common/bytes.h"
#include "vmm/virtio/pci-regs.h"

#include <linux/virtio_pci.h>

/* ---- common configuration ---- */

static uint32_t half(uint64_t value, uint32_t select)
{
	return select < 2 ? value >> (32 * select) : 0;
}

static uint32_t read_queue(const struct virtqueue *vq, uint64_t offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return vq->size;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return vq->vector;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return vq->ready;
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return vq->index;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		return vq->desc;
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return vq->desc >> 32;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		return vq->avail;
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return vq->avail >> 32;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return vq->used;
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return vq->used >> 32;
	default:
		return 0;
	}
}

static uint64_t common_read(void *opaque, uint64_t offset, unsigned size)
{
	struct virtio_pci *vpci = opaque;
	struct virtio_device *vdev = &vpci->vdev;
	struct virtqueue *vq = virtio_pci_selected(vpci);

	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return vpci->device_feature_select;
	case VIRTIO_PCI_COMMON_DF:
		/* Meant for legacy drivers only (6.3). */
		return half(vdev->host_features & ~(1ull << VIRTIO_F_ANY_LAYOUT),
		            vpci->device_feature_select);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return vpci->driver_feature_select;
	case VIRTIO_PCI_COMMON_GF:
		return half(vdev->features, vpci->driver_feature_select);
	case VIRTIO_PCI_COMMON_MSIX:
		return vdev->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return vdev->queue_count;
	case VIRTIO_PCI_COMMON_STATUS:
		return vdev->status;
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return vdev->config_generation;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return vpci->queue_select;
	default:
		return vq ? read_queue(vq, offset) : 0;
	}
}

static void set_low(uint64_t *field, uint32_t value)
{
	*field = (*field & ~0xffffffffull) | value;
}

static void set_high(uint64_t *field, uint32_t value)
{
	*field = (*field & 0xffffffff) | (uint64_t)value << 32;
}

/* Addresses and size are fixed from the enable to the reset. */
static void write_queue_setup(struct virtqueue *vq, uint64_t offset, uint32_t value)
{
	if (vq->ready)
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		if (is_power_of_2(value) && value <= vq->max_size)
			vq->size = value;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		set_low(&vq->desc, value);
		break;
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		set_high(&vq->desc, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		set_low(&vq->avail, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		set_high(&vq->avail, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		set_low(&vq->used, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		set_high(&vq->used, value);
		break;
	}
}

static void write_queue(struct virtio_pci *vpci, struct virtqueue *vq, uint64_t offset,
                        uint32_t value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_MSIX:
		vq->vector = virtio_pci_use_vector(vpci, value);
		virtio_pci_vector_changed(vpci);
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		if (value == 1)
			virtio_queue_enable(&vpci->vdev, vq);
		break;
	default:
		write_queue_setup(vq, offset, value);
		break;
	}
}

static void write_features(struct virtio_pci *vpci, uint32_t value)
{
	uint64_t features = vpci->vdev.features;

	if (vpci->driver_feature_select == 0)
		set_low(&features, value);
	else if (vpci->driver_feature_select == 1)
		set_high(&features, value);
	virtio_set_features(&vpci->vdev, features);
}

static void common_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct virtio_pci *vpci = opaque;
	struct virtqueue *vq = virtio_pci_selected(vpci);

	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		vpci->device_feature_select = value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		vpci->driver_feature_select = value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		write_features(vpci, value);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		vpci->vdev.config_vector = virtio_pci_use_vector(vpci, value);
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		virtio_set_status(&vpci->vdev, value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		vpci->queue_select = value;
		break;
	default:
		if (vq)
			write_queue(vpci, vq, offset, value);
		break;
	}
}

const struct region_ops virtio_pci_common_ops = {
	.read = common_read,
	.write = common_write,
	.max_size = 4,
};

/* ---- ISR status ---- */

static uint64_t isr_read(void *opaque, uint64_t offset, unsigned size)
{
	return offset ? 0 : virtio_pci_take_isr(opaque);
}

const struct region_ops virtio_pci_isr_ops = { .read = isr_read };

/* ---- device-specific configuration ---- */

static uint64_t device_read(void *opaque, uint64_t offset, unsigned size)
{
	return virtio_config_read(&((struct virtio_pci *)opaque)->vdev, offset, size);
}

static void device_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	virtio_config_write(&((struct virtio_pci *)opaque)->vdev, offset, value, size);
}

const struct region_ops virtio_pci_device_ops = {
	.read = device_read,
	.write = device_write,
};

/* ---- notification ---- */

static uint64_t notify_read(void *opaque, uint64_t offset, unsigned size)
{
	return 0;
}

/* Reached only through configuration space, or when KVM could not take the eventfd. */
static void notify_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	virtio_pci_wake(opaque, offset / VPCI_NOTIFY_STEP);
}

const struct region_ops virtio_pci_notify_ops = {
	.read = notify_read,
	.write = notify_write,
};
