/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-scsi-pci, the controller of a SCSI bus: scsi.c has the device with its request
 * queues, scsi-ctl.c the control and the event queue. Machine lock everywhere.
 */
#ifndef VMM_VIRTIO_SCSI_H
#define VMM_VIRTIO_SCSI_H

#include "vmm/scsi/scsi.h"
#include "vmm/virtio/pci.h"

extern const struct device_class virtio_scsi_pci_class;

/* virtio 1.2, 5.6.2 */
enum { SCSI_QUEUE_CONTROL, SCSI_QUEUE_EVENT, SCSI_QUEUE_REQUEST };

struct virtio_scsi {
	struct virtio_pci vpci;
	struct scsi_bus bus;
	/* properties */
	char *iothread;
	uint16_t num_queues, queue_size;
	uint32_t max_sectors, cmd_per_lun;
	bool hotplug, param_change;
	/* state: what the driver chose, and whether it missed an event */
	uint32_t sense_size, cdb_size;
	bool missed;
};

/* The target and unit of an address of 8 bytes; false: no unit can have it. */
bool virtio_scsi_lun(const uint8_t *lun, unsigned *target, unsigned *unit);
void virtio_scsi_control(struct virtio_scsi *s, struct virtqueue *vq);
/* The driver has given room for events. */
void virtio_scsi_room(struct virtio_scsi *s);
void virtio_scsi_event(struct scsi_bus *bus, const struct scsi_device *dev,
                       enum scsi_event event);

#endif
