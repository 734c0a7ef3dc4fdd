// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control and the event queue of virtio-scsi (virtio 1.2, 5.6.6.2 and 5.6.6.3).
 *
 * Commands cannot be taken back from the host: a task management function waits until
 * those that it is about are answered, so that none of them comes after it. An event that
 * finds no room is told with the next that does, as one that was missed. Loop's thread,
 * machine lock.
 */
#include "vmm/virtio/scsi.h"

#include "common/cleanup.h"
#include "vmm/block/iov.h"

#include <linux/virtio_scsi.h>
#include <string.h>

/* FUNCTION_COMPLETE has no name there. */
enum { FUNCTION_COMPLETE = 0 };

/* ---- task management ---- */

static uint8_t manage(struct virtio_scsi *s, uint32_t subtype, const uint8_t *lun)
{
	unsigned target, unit;
	bool reset = false;

	if (!virtio_scsi_lun(lun, &target, &unit))
		return VIRTIO_SCSI_S_BAD_TARGET;
	switch (subtype) {
	case VIRTIO_SCSI_T_TMF_I_T_NEXUS_RESET:
		return scsi_settle(&s->bus, target, SCSI_ALL_LUNS, true)
		               ? FUNCTION_COMPLETE
		               : VIRTIO_SCSI_S_BAD_TARGET;
	case VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET:
		reset = true;
		break;
	case VIRTIO_SCSI_T_TMF_ABORT_TASK:
	case VIRTIO_SCSI_T_TMF_ABORT_TASK_SET:
	case VIRTIO_SCSI_T_TMF_CLEAR_TASK_SET:
	case VIRTIO_SCSI_T_TMF_QUERY_TASK:
	case VIRTIO_SCSI_T_TMF_QUERY_TASK_SET:
		break;
	default: /* ACA is not supported */
		return VIRTIO_SCSI_S_FUNCTION_REJECTED;
	}
	if (scsi_settle(&s->bus, target, unit, reset))
		return FUNCTION_COMPLETE;
	return scsi_has_unit(&s->bus, target, SCSI_ALL_LUNS) ? VIRTIO_SCSI_S_INCORRECT_LUN
	                                                     : VIRTIO_SCSI_S_BAD_TARGET;
}

/* Writes the response and returns its length; 0: the chain holds no request, or has no
 * room. */
static uint32_t control(struct virtio_scsi *s, struct virtq_elem *elem)
{
	struct virtio_scsi_ctrl_tmf_req tmf = { 0 };
	struct virtio_scsi_ctrl_an_resp an = { 0 }; /* no such events: none happened */
	struct iovec *in = virtq_in(elem);
	uint8_t response;

	iov_to_buf(elem->iov, elem->out_count, 0, &tmf, sizeof(tmf));
	switch (tmf.type) {
	case VIRTIO_SCSI_T_TMF:
		if (elem->out_len < sizeof(tmf) || elem->in_len < sizeof(response))
			return 0;
		response = manage(s, tmf.subtype, tmf.lun);
		return iov_from_buf(in, elem->in_count, 0, &response, sizeof(response));
	case VIRTIO_SCSI_T_AN_QUERY:
	case VIRTIO_SCSI_T_AN_SUBSCRIBE:
		if (elem->out_len < sizeof(struct virtio_scsi_ctrl_an_req) ||
		    elem->in_len < sizeof(an))
			return 0;
		return iov_from_buf(in, elem->in_count, 0, &an, sizeof(an));
	default:
		return 0;
	}
}

void virtio_scsi_control(struct virtio_scsi *s, struct virtqueue *vq)
{
	struct virtio_device *vdev = &s->vpci.vdev;
	unsigned left = vq->size;
	struct virtq_elem *elem;

	while (left-- && (elem = virtqueue_pop(vq))) {
		uint32_t len = control(s, elem);

		if (!len)
			virtio_break(vdev, "queue %u: no request, or no room to answer",
			             vq->index);
		virtqueue_push(vq, elem, len);
	}
	virtqueue_flush(vq);
	if (virtqueue_enable_notify(vq))
		vdev->transport->wake(vdev, vq);
}

/* ---- events ---- */

static void send(struct virtio_scsi *s, const struct virtio_scsi_event *event)
{
	struct virtio_device *vdev = &s->vpci.vdev;
	struct virtqueue *vq = &vdev->queues[SCSI_QUEUE_EVENT];
	struct virtio_scsi_event e = *event;
	struct virtq_elem *elem = NULL;

	/* A driver that comes later looks for itself. */
	if (!(vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) || vdev->resetting)
		return;
	if (vq->mapped && virtio_running(vdev)) {
		do
			elem = virtqueue_pop(vq);
		while (!elem && !vdev->broken && virtqueue_enable_notify(vq));
	}
	if (!elem) {
		s->missed = true;
		return;
	}
	if (elem->in_len < sizeof(e))
		virtio_break(vdev, "queue %u: no room for an event", vq->index);
	if (s->missed)
		e.event |= VIRTIO_SCSI_T_EVENTS_MISSED;
	s->missed = false;
	virtqueue_push(vq, elem,
	               iov_from_buf(virtq_in(elem), elem->in_count, 0, &e, sizeof(e)));
	virtqueue_flush(vq);
}

void virtio_scsi_room(struct virtio_scsi *s)
{
	const struct virtio_scsi_event none = { .event = VIRTIO_SCSI_T_NO_EVENT };

	if (s->missed)
		send(s, &none);
}

void virtio_scsi_event(struct scsi_bus *bus, const struct scsi_device *dev,
                       enum scsi_event event)
{
	static const struct {
		uint8_t feature, event;
		uint16_t reason;
	} events[] = {
		[SCSI_PLUGGED] = { VIRTIO_SCSI_F_HOTPLUG, VIRTIO_SCSI_T_TRANSPORT_RESET,
		                   VIRTIO_SCSI_EVT_RESET_RESCAN },
		[SCSI_UNPLUGGED] = { VIRTIO_SCSI_F_HOTPLUG, VIRTIO_SCSI_T_TRANSPORT_RESET,
		                     VIRTIO_SCSI_EVT_RESET_REMOVED },
		/* The code, and above it the qualifier. */
		[SCSI_CAPACITY] = { VIRTIO_SCSI_F_CHANGE, VIRTIO_SCSI_T_PARAM_CHANGE,
		                    (SENSE_CAPACITY_CHANGED & 0xff) << 8 |
		                            (SENSE_CAPACITY_CHANGED >> 8 & 0xff) },
	};
	struct virtio_scsi *s = container_of(bus, struct virtio_scsi, bus);
	struct virtio_scsi_event e = { .event = events[event].event,
		                       .reason = events[event].reason };
	struct scsi_place place;

	if (!virtio_has(&s->vpci.vdev, events[event].feature))
		return;
	scsi_device_place(dev, &place);
	e.lun[0] = 1;
	e.lun[1] = place.target;
	/* As every driver reads it: flat, but for the first 256 units. */
	scsi_put16(e.lun + 2, place.lun > 0xff ? place.lun | 0x4000 : place.lun);
	send(s, &e);
}
