// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-scsi (virtio 1.2, 5.6): a SCSI controller. Data goes one way in a command, and
 * there is no protection information (neither INOUT nor T10_PI is offered).
 *
 * A notification pops everything that is there, submits it, and enters the kernel once;
 * completions are collected by the block layer, and each queue is flushed once per batch.
 * Whatever the driver asks for is answered; only a chain without a whole header or
 * without room for a whole response breaks the device. Runs in the loop's thread.
 */
#include "vmm/virtio/scsi.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/block/iov.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_scsi.h>
#include <stddef.h>
#include <string.h>

#define CLASS_STORAGE_SCSI 0x010000
#define MAX_QUEUES         (VIRTIO_MAX_QUEUES - SCSI_QUEUE_REQUEST)
#define CDB_MAX            255 /* what a driver may choose */
#define SENSE_MAX          252

enum {
	REQUEST_HEAD = offsetof(struct virtio_scsi_cmd_req, cdb),
	RESPONSE_HEAD = offsetof(struct virtio_scsi_cmd_resp, sense),
};

struct scsi_cmd {
	struct virtq_elem elem;
	struct scsi_req req;
	unsigned first; /* segment that data comes into; `cut` bytes before it are not */
	size_t cut;
	uint64_t data; /* bytes of data that there is room for, either way */
};

static struct virtio_scsi *to_scsi(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_scsi, vpci.vdev);
}

/* ---- completion ---- */

static uint32_t at_most(uint64_t n, uint32_t max)
{
	return n < max ? n : max;
}

static void respond(struct scsi_cmd *cmd, uint8_t response)
{
	struct virtqueue *vq = cmd->elem.vq;
	const struct virtio_scsi *s = to_scsi(vq->vdev);
	struct iovec *in = virtq_in(&cmd->elem);
	uint32_t head = RESPONSE_HEAD + s->sense_size;
	const struct scsi_req *req = &cmd->req;
	struct virtio_scsi_cmd_resp resp = { .response = response };
	uint64_t moved = response == VIRTIO_SCSI_S_OK ? req->moved : 0;

	/* parse() cut the response off the first segment of the data. */
	if (cmd->cut) {
		in[cmd->first].iov_base = (uint8_t *)in[cmd->first].iov_base - cmd->cut;
		in[cmd->first].iov_len += cmd->cut;
	}
	resp.resid = at_most(cmd->data - moved, UINT32_MAX);
	if (response == VIRTIO_SCSI_S_OK) {
		resp.status = req->status;
		if (req->sense) {
			scsi_put_sense(resp.sense, req->sense);
			resp.sense_len = at_most(s->sense_size, SCSI_SENSE_LEN);
		}
	}
	iov_from_buf(in, cmd->elem.in_count, 0, &resp, at_most(head, sizeof(resp)));
	virtqueue_push(vq, cmd, at_most(head + (req->in_len ? moved : 0), UINT32_MAX));
}

static void command_done(struct scsi_req *req)
{
	respond(container_of(req, struct scsi_cmd, req),
	        req->overrun ? VIRTIO_SCSI_S_OVERRUN : VIRTIO_SCSI_S_OK);
}

/* One interrupt for a batch of completions. */
static void batch_done(struct scsi_bus *bus)
{
	struct virtio_device *vdev =
		&container_of(bus, struct virtio_scsi, bus)->vpci.vdev;

	for (unsigned i = SCSI_QUEUE_REQUEST; i < vdev->queue_count; i++)
		virtqueue_flush(&vdev->queues[i]);
}

/* ---- requests ---- */

/* 5.6.6.1: a byte 1, the target, a unit in the flat or the peripheral format. */
bool virtio_scsi_lun(const uint8_t *lun, unsigned *target, unsigned *unit)
{
	*target = lun[1];
	*unit = scsi_get16(lun + 2) & SCSI_MAX_LUN;
	return lun[0] == 1 && (!lun[2] || lun[2] >> 6 == 1);
}

/* Finds the header and where data begins; the chain must hold header and response. */
static bool parse(struct virtio_scsi *s, struct scsi_cmd *cmd,
                  struct virtio_scsi_cmd_req *hdr)
{
	struct virtq_elem *elem = &cmd->elem;
	struct scsi_req *req = &cmd->req;
	uint32_t out = REQUEST_HEAD + s->cdb_size, in = RESPONSE_HEAD + s->sense_size;
	unsigned n;

	if (elem->out_len < out || elem->in_len < in)
		return false;
	memset(hdr, 0, sizeof(*hdr));
	iov_to_buf(elem->iov, elem->out_count, 0, hdr, at_most(out, sizeof(*hdr)));
	memcpy(req->cdb, hdr->cdb, sizeof(req->cdb));
	n = iov_drop_front(elem->iov, elem->out_count, out);
	req->out = elem->iov + n;
	req->out_count = elem->out_count - n;
	req->out_len = elem->out_len - out;
	n = iov_drop_front(virtq_in(elem), elem->in_count, in);
	req->in = virtq_in(elem) + n;
	req->in_count = elem->in_count - n;
	req->in_len = elem->in_len - in;
	cmd->first = n;
	cmd->cut = in;
	while (n)
		cmd->cut -= virtq_in(elem)[--n].iov_len;
	cmd->data = req->in_len ? req->in_len : req->out_len;
	req->done = command_done;
	return true;
}

static void handle(struct virtio_scsi *s, struct scsi_cmd *cmd,
                   const struct virtio_scsi_cmd_req *hdr)
{
	unsigned target, unit;

	if (cmd->req.in_len && cmd->req.out_len)
		respond(cmd, VIRTIO_SCSI_S_FAILURE);
	else if (!virtio_scsi_lun(hdr->lun, &target, &unit) ||
	         !scsi_submit(&s->bus, target, unit, &cmd->req))
		respond(cmd, VIRTIO_SCSI_S_BAD_TARGET);
}

static bool take(struct virtio_device *vdev, void *elem)
{
	struct virtio_scsi *s = to_scsi(vdev);
	struct virtio_scsi_cmd_req hdr;
	struct scsi_cmd *cmd = elem;

	if (!parse(s, cmd, &hdr))
		return false;
	handle(s, cmd, &hdr);
	return true;
}

static void submit_all(struct virtio_device *vdev)
{
	scsi_kick(&to_scsi(vdev)->bus);
}

static void kick(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct virtio_scsi *s = to_scsi(vdev);

	if (vq->index == SCSI_QUEUE_CONTROL)
		virtio_scsi_control(s, vq);
	else if (vq->index == SCSI_QUEUE_EVENT)
		virtio_scsi_room(s);
	else
		virtqueue_serve(vq, take, submit_all);
}

static void drain(struct virtio_device *vdev)
{
	scsi_drain(&to_scsi(vdev)->bus);
}

/* ---- configuration ---- */

static void get_config(struct virtio_device *vdev, uint8_t *config)
{
	const struct virtio_scsi *s = to_scsi(vdev);
	struct virtio_scsi_config c = {
		.num_queues = s->num_queues,
		.seg_max = s->queue_size - 2,
		.max_sectors = s->max_sectors,
		.cmd_per_lun = s->cmd_per_lun,
		.event_info_size = sizeof(struct virtio_scsi_event),
		.sense_size = s->sense_size,
		.cdb_size = s->cdb_size,
		.max_channel = 0,
		.max_target = SCSI_MAX_TARGET,
		.max_lun = SCSI_MAX_LUN,
	};

	memcpy(config, &c, sizeof(c));
}

/* Both sizes are the driver's choice (5.6.4); others than these are left as they are. */
static void set_config(struct virtio_device *vdev, unsigned offset, uint64_t value,
                       unsigned size)
{
	struct virtio_scsi *s = to_scsi(vdev);

	if (size != 4)
		return;
	if (offset == offsetof(struct virtio_scsi_config, sense_size) &&
	    value <= SENSE_MAX)
		s->sense_size = value;
	if (offset == offsetof(struct virtio_scsi_config, cdb_size) && value <= CDB_MAX)
		s->cdb_size = value;
}

static void reset(struct virtio_device *vdev)
{
	struct virtio_scsi *s = to_scsi(vdev);

	s->sense_size = VIRTIO_SCSI_SENSE_DEFAULT_SIZE;
	s->cdb_size = VIRTIO_SCSI_CDB_DEFAULT_SIZE;
	s->missed = false;
	scsi_reset_units(&s->bus);
}

static const struct virtio_ops scsi_ops = {
	.device_id = VIRTIO_ID_SCSI,
	.config_len = sizeof(struct virtio_scsi_config),
	.get_config = get_config,
	.set_config = set_config,
	.kick = kick,
	.drain = drain,
	.reset = reset,
};

/* ---- the device class ---- */

static const struct scsi_bus_ops bus_ops = {
	.event = virtio_scsi_event,
	.batch_done = batch_done,
};

static int check_props(const struct virtio_scsi *s, struct err *err)
{
	if (s->iothread)
		return err_usage(err,
		                 "iothread=%s: disks are served by the main loop so far; "
		                 "drop the property",
		                 s->iothread);
	if (!is_power_of_2(s->queue_size))
		return err_usage(err, "virtqueue_size=%u is not a power of 2",
		                 s->queue_size);
	return 0;
}

static int scsi_realize(struct device *dev, struct err *err)
{
	struct virtio_scsi *s = (struct virtio_scsi *)dev;
	struct virtio_device *vdev = &s->vpci.vdev;
	int ret = check_props(s, err);

	if (ret < 0)
		return ret;
	virtio_init(vdev, dev, &scsi_ops);
	for (unsigned i = 0; i < SCSI_QUEUE_REQUEST; i++)
		virtio_add_queue(vdev, s->queue_size, sizeof(struct virtq_elem));
	for (unsigned i = 0; i < s->num_queues; i++)
		virtio_add_queue(vdev, s->queue_size, sizeof(struct scsi_cmd));
	if (s->hotplug)
		vdev->host_features |= 1ull << VIRTIO_SCSI_F_HOTPLUG;
	if (s->param_change)
		vdev->host_features |= 1ull << VIRTIO_SCSI_F_CHANGE;
	ret = virtio_pci_realize(&s->vpci, CLASS_STORAGE_SCSI, vdev->queue_count + 1,
	                         err);
	if (ret >= 0)
		scsi_bus_init(&s->bus, dev, &bus_ops);
	return ret;
}

static void scsi_unrealize(struct device *dev)
{
	struct virtio_scsi *s = (struct virtio_scsi *)dev;

	scsi_bus_free(&s->bus);
	virtio_pci_unrealize(&s->vpci);
}

#define FIELD(f) .offset = offsetof(struct virtio_scsi, f)

static const struct opt_desc scsi_props[] = {
	VIRTIO_PCI_PROPS(struct virtio_scsi, vpci),
	{ .name = "num_queues",
	  .type = OPT_U16,
	  FIELD(num_queues),
	  .def = "1",
	  .min = 1,
	  .max = MAX_QUEUES,
	  .help = "request queues" },
	{ .name = "virtqueue_size",
	  .type = OPT_U16,
	  FIELD(queue_size),
	  .def = "256",
	  .min = 4,
	  .max = VIRTQUEUE_MAX_SIZE,
	  .help = "entries of each queue" },
	{ .name = "max_sectors",
	  .type = OPT_U32,
	  FIELD(max_sectors),
	  .def = "65535",
	  .min = 1,
	  .help = "of one request",
	  .max = UINT32_MAX },
	{ .name = "cmd_per_lun",
	  .type = OPT_U32,
	  FIELD(cmd_per_lun),
	  .def = "128",
	  .min = 1,
	  .max = UINT32_MAX,
	  .help = "of a unit" },
	{ .name = "hotplug",
	  .type = OPT_BOOL,
	  FIELD(hotplug),
	  .def = "on",
	  .help = "tell of units" },
	{ .name = "param_change",
	  .type = OPT_BOOL,
	  FIELD(param_change),
	  .def = "on",
	  .help = "tell of sizes" },
	{ .name = "iothread",
	  .type = OPT_STR,
	  FIELD(iothread),
	  .help = "not supported yet" },
	{ .name = NULL },
};

static int scsi_validate(const void *obj, struct err *err)
{
	const struct virtio_scsi *s = obj;

	if (s->sense_size > SENSE_MAX || s->cdb_size > CDB_MAX)
		return err_set(err, EINVAL, "sense_size=%u and cdb_size=%u are too large",
		               s->sense_size, s->cdb_size);
	return virtio_pci_validate(obj, err);
}

static const struct state_field scsi_fields[] = {
	STATE_STRUCT_F(struct virtio_scsi, vpci, &virtio_pci_state),
	STATE_U32_F(struct virtio_scsi, sense_size),
	STATE_U32_F(struct virtio_scsi, cdb_size),
	STATE_BOOL_F(struct virtio_scsi, missed),
	STATE_END_F,
};

static const struct state_desc scsi_state = {
	.name = "virtio-scsi-pci",
	.version = 1,
	.fields = scsi_fields,
	.pre_save = virtio_pci_pre_save,
	.validate = scsi_validate,
	.post_load = virtio_pci_post_load,
};

const struct device_class virtio_scsi_pci_class = {
	.name = "virtio-scsi-pci",
	.alias = "virtio-scsi",
	.bus = "pci",
	.help = "SCSI controller for scsi-hd and scsi-cd",
	.size = sizeof(struct virtio_scsi),
	.props = scsi_props,
	.state = &scsi_state,
	.realize = scsi_realize,
	.reset = virtio_pci_reset,
	.quiesce = virtio_pci_quiesce,
	.resume = virtio_pci_resume,
	.unrealize = scsi_unrealize,
};
