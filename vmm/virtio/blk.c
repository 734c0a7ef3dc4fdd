// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-blk (virtio 1.2, 5.2): a disk on a block node.
 *
 * A notification pops everything that is there, submits it, and enters the kernel once;
 * completions are collected by the block layer, and each queue is flushed once per batch.
 * Whatever the driver asks for is answered: OK, IOERR, or UNSUPP for what was not
 * offered. Only a chain without room for that answer breaks the device. Runs in the
 * loop's thread.
 */
#include "vmm/virtio/blk.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/block/block.h"
#include "vmm/block/iov.h"
#include "vmm/core/vm.h"
#include "vmm/virtio/pci.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <string.h>

#define SECTOR             512
#define CLASS_STORAGE_SCSI 0x010000
#define RANGE_MAX_SECTORS  (INT32_MAX / SECTOR) /* of one discard or write-zeroes */

struct virtio_blk {
	struct virtio_pci vpci;
	/* properties */
	char *drive, *serial, *iothread;
	uint16_t num_queues, queue_size;
	uint32_t logical_block_size, physical_block_size, min_io_size, opt_io_size;
	bool discard, write_zeroes, config_wce;
	int write_cache; /* enum opt_tri */
	uint32_t bootindex;
	/* state */
	bool wce; /* the write cache, as the driver sees it */
	/* not state */
	struct block_node *node;
	struct block_info info;
};

struct blk_req {
	struct virtq_elem elem;
	struct block_req breq;
	struct virtio_blk *blk;
	uint8_t *status;   /* in guest memory: the last writable byte */
	uint32_t data_len; /* bytes that a successful request writes before it */
};

static struct virtio_blk *to_blk(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_blk, vpci.vdev);
}

/* ---- completion ---- */

static void finish(struct blk_req *req, uint8_t status)
{
	struct virtqueue *vq = req->elem.vq;
	uint32_t written = status == VIRTIO_BLK_S_OK ? req->data_len + 1 : 1;

	*req->status = status;
	/* parse() took it from the last segment. */
	virtq_in(&req->elem)[req->elem.in_count - 1].iov_len++;
	virtqueue_push(vq, req, written);
}

static uint8_t status_of(int ret)
{
	if (ret >= 0)
		return VIRTIO_BLK_S_OK;
	return ret == -ENOTSUP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

static void request_done(struct block_req *breq, int ret)
{
	struct blk_req *req = breq->opaque;

	finish(req, status_of(ret));
}

/* One interrupt for a batch of completions. */
static void batch_done(void *opaque)
{
	struct virtio_device *vdev = &((struct virtio_blk *)opaque)->vpci.vdev;

	for (unsigned i = 0; i < vdev->queue_count; i++)
		virtqueue_flush(&vdev->queues[i]);
}

/* ---- requests ---- */

static void submit(struct blk_req *req, enum block_op op, uint64_t sector, uint64_t len)
{
	struct block_req *breq = &req->breq;

	breq->op = op;
	/* A sector beyond any disk must not wrap around into it. */
	breq->offset =
		sector > UINT64_MAX / SECTOR ? UINT64_MAX & ~511ull : sector * SECTOR;
	breq->len = len;
	breq->done = request_done;
	breq->opaque = req;
	block_submit(req->blk->node, breq);
}

static void handle_read(struct blk_req *req, uint64_t sector)
{
	uint64_t len = req->elem.in_len - 1;

	if (len > UINT32_MAX - 1) {
		finish(req, VIRTIO_BLK_S_IOERR);
		return;
	}
	req->breq.iov = virtq_in(&req->elem);
	/* Mostly the status has a segment of its own, which is empty now. */
	req->breq.iov_count = req->elem.in_count;
	if (!req->breq.iov[req->breq.iov_count - 1].iov_len)
		req->breq.iov_count--;
	req->data_len = len;
	submit(req, BLOCK_READ, sector, len);
}

static void handle_write(struct blk_req *req, uint64_t sector)
{
	struct iovec *iov = req->elem.iov;
	unsigned dropped = iov_drop_front(iov, req->elem.out_count,
	                                  sizeof(struct virtio_blk_outhdr));

	req->breq.iov = iov + dropped;
	req->breq.iov_count = req->elem.out_count - dropped;
	submit(req, BLOCK_WRITE, sector,
	       req->elem.out_len - sizeof(struct virtio_blk_outhdr));
}

static void handle_flush(struct blk_req *req, uint64_t sector)
{
	submit(req, BLOCK_FLUSH, 0, 0);
}

static void handle_get_id(struct blk_req *req, uint64_t sector)
{
	char id[VIRTIO_BLK_ID_BYTES + 1] = { 0 };
	uint64_t room = req->elem.in_len - 1;

	strncpy(id, req->blk->serial ? req->blk->serial : "", VIRTIO_BLK_ID_BYTES);
	req->data_len = room < VIRTIO_BLK_ID_BYTES ? room : VIRTIO_BLK_ID_BYTES;
	iov_from_buf(virtq_in(&req->elem), req->elem.in_count, 0, id, req->data_len);
	finish(req, VIRTIO_BLK_S_OK);
}

/* 5.2.6.2: one segment, as the configuration says; reserved flags are not supported. */
static void handle_range(struct blk_req *req, enum block_op op, uint32_t known_flags)
{
	struct virtio_blk_discard_write_zeroes range;
	struct virtq_elem *elem = &req->elem;
	uint64_t len = elem->out_len - sizeof(struct virtio_blk_outhdr);

	iov_to_buf(elem->iov, elem->out_count, sizeof(struct virtio_blk_outhdr), &range,
	           sizeof(range));
	if (len != sizeof(range)) {
		finish(req, VIRTIO_BLK_S_IOERR);
	} else if (range.flags & ~known_flags) {
		finish(req, VIRTIO_BLK_S_UNSUPP);
	} else if (range.num_sectors > RANGE_MAX_SECTORS) {
		finish(req, VIRTIO_BLK_S_IOERR);
	} else {
		req->breq.may_unmap = range.flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
		submit(req, op, range.sector, (uint64_t)range.num_sectors * SECTOR);
	}
}

static void handle_discard(struct blk_req *req, uint64_t sector)
{
	handle_range(req, BLOCK_DISCARD, 0);
}

static void handle_write_zeroes(struct blk_req *req, uint64_t sector)
{
	handle_range(req, BLOCK_WRITE_ZEROES, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
}

static const struct {
	void (*fn)(struct blk_req *req, uint64_t sector);
	bool writes;
	uint8_t feature; /* must have been negotiated; 0: always there */
} handlers[] = {
	[VIRTIO_BLK_T_IN] = { .fn = handle_read },
	[VIRTIO_BLK_T_OUT] = { handle_write, .writes = true },
	[VIRTIO_BLK_T_FLUSH] = { .fn = handle_flush },
	[VIRTIO_BLK_T_GET_ID] = { .fn = handle_get_id },
	[VIRTIO_BLK_T_DISCARD] = { handle_discard, true, VIRTIO_BLK_F_DISCARD },
	[VIRTIO_BLK_T_WRITE_ZEROES] = { handle_write_zeroes, true,
	                                VIRTIO_BLK_F_WRITE_ZEROES },
};

static void handle(struct virtio_blk *blk, struct blk_req *req,
                   const struct virtio_blk_outhdr *hdr)
{
	uint32_t type = hdr->type;

	/* Legacy drivers may ask for a barrier; it was never offered. */
	if (!virtio_has(&blk->vpci.vdev, VIRTIO_F_VERSION_1))
		type &= ~VIRTIO_BLK_T_BARRIER;
	if (type >= ARRAY_SIZE(handlers) || !handlers[type].fn ||
	    (handlers[type].feature &&
	     !virtio_has(&blk->vpci.vdev, handlers[type].feature)))
		finish(req, VIRTIO_BLK_S_UNSUPP);
	else if (handlers[type].writes && blk->info.readonly)
		finish(req, VIRTIO_BLK_S_IOERR);
	else
		handlers[type].fn(req, hdr->sector);
}

/* Finds the header and the place of the status byte; the chain must hold both. */
static bool parse(struct virtio_blk *blk, struct blk_req *req,
                  struct virtio_blk_outhdr *hdr)
{
	struct virtq_elem *elem = &req->elem;
	struct iovec *last = virtq_in(elem) + elem->in_count - 1;

	req->blk = blk;
	req->data_len = 0;
	req->breq.may_unmap = false;
	req->breq.iov = NULL;
	req->breq.iov_count = 0;
	if (!elem->in_len || elem->out_len < sizeof(*hdr))
		return false;
	iov_to_buf(elem->iov, elem->out_count, 0, hdr, sizeof(*hdr));
	last->iov_len--;
	req->status = (uint8_t *)last->iov_base + last->iov_len;
	return true;
}

static bool take(struct virtio_device *vdev, void *elem)
{
	struct virtio_blk *blk = to_blk(vdev);
	struct virtio_blk_outhdr hdr;
	struct blk_req *req = elem;

	if (!parse(blk, req, &hdr))
		return false;
	handle(blk, req, &hdr);
	return true;
}

static void submit_all(struct virtio_device *vdev)
{
	block_kick(to_blk(vdev)->node);
}

static void kick(struct virtio_device *vdev, struct virtqueue *vq)
{
	virtqueue_serve(vq, take, submit_all);
}

static void drain(struct virtio_device *vdev)
{
	if (to_blk(vdev)->node)
		block_drain(to_blk(vdev)->node);
}

/* ---- configuration ---- */

static uint8_t block_exponent(const struct virtio_blk *blk)
{
	return __builtin_ctz(blk->physical_block_size) -
	       __builtin_ctz(blk->logical_block_size);
}

static void get_config(struct virtio_device *vdev, uint8_t *config)
{
	struct virtio_blk *blk = to_blk(vdev);
	uint32_t sectors = blk->logical_block_size / SECTOR;
	uint64_t cylinders = blk->info.length / SECTOR / (16 * 63);
	struct virtio_blk_config c = {
		.capacity = blk->info.length / SECTOR,
		.seg_max = blk->queue_size - 2,
		.geometry = { .cylinders = cylinders > 16383 ? 16383 : cylinders,
		              .heads = 16,
		              .sectors = 63 },
		.blk_size = blk->logical_block_size,
		.physical_block_exp = block_exponent(blk),
		.min_io_size = blk->min_io_size / blk->logical_block_size,
		.opt_io_size = blk->opt_io_size / blk->logical_block_size,
		.wce = blk->wce,
		.num_queues = blk->num_queues,
		.max_discard_sectors = RANGE_MAX_SECTORS,
		.max_discard_seg = 1,
		.discard_sector_alignment = sectors,
		.max_write_zeroes_sectors = RANGE_MAX_SECTORS,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = 1,
	};

	memcpy(config, &c, vdev->ops->config_len);
}

/* As the drive has it, unless the user says otherwise. */
static bool usual_wce(const struct virtio_blk *blk)
{
	return blk->write_cache == OPT_TRI_AUTO ? blk->info.write_cache
	                                        : blk->write_cache == OPT_TRI_ON;
}

static void set_wce(struct virtio_blk *blk, bool on)
{
	blk->wce = on;
	block_set_write_cache(blk->node, on);
}

/* The one field that a driver may write (5.2.5, 5.2.6.2). */
static void set_config(struct virtio_device *vdev, unsigned offset, uint64_t value,
                       unsigned size)
{
	if (offset == offsetof(struct virtio_blk_config, wce) && size == 1 &&
	    virtio_has(vdev, VIRTIO_BLK_F_CONFIG_WCE))
		set_wce(to_blk(vdev), value & 1);
}

/* A driver that will never flush gets a disk on which nothing needs to be flushed. */
static void start(struct virtio_device *vdev)
{
	struct virtio_blk *blk = to_blk(vdev);

	if (!virtio_has(vdev, VIRTIO_BLK_F_CONFIG_WCE))
		blk->wce = virtio_has(vdev, VIRTIO_BLK_F_FLUSH) && usual_wce(blk);
	block_set_write_cache(blk->node, blk->wce);
}

static void reset(struct virtio_device *vdev)
{
	struct virtio_blk *blk = to_blk(vdev);

	set_wce(blk, usual_wce(blk));
}

static void resized(void *opaque)
{
	struct virtio_blk *blk = opaque;
	struct block_info info;

	block_get_info(blk->node, &info);
	blk->info.length = info.length;
	virtio_config_changed(&blk->vpci.vdev);
}

static const struct virtio_ops blk_ops = {
	.device_id = VIRTIO_ID_BLOCK,
	.config_len = offsetof(struct virtio_blk_config, max_secure_erase_sectors),
	.get_config = get_config,
	.set_config = set_config,
	.start = start,
	.kick = kick,
	.drain = drain,
	.reset = reset,
};

static uint64_t features(const struct virtio_blk *blk)
{
	uint64_t f = 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_GEOMETRY |
	             1ull << VIRTIO_BLK_F_BLK_SIZE | 1ull << VIRTIO_BLK_F_TOPOLOGY |
	             1ull << VIRTIO_BLK_F_FLUSH;

	if (blk->info.readonly)
		f |= 1ull << VIRTIO_BLK_F_RO;
	if (blk->config_wce)
		f |= 1ull << VIRTIO_BLK_F_CONFIG_WCE;
	if (blk->num_queues > 1)
		f |= 1ull << VIRTIO_BLK_F_MQ;
	if (blk->discard && !blk->info.readonly)
		f |= 1ull << VIRTIO_BLK_F_DISCARD;
	if (blk->write_zeroes && !blk->info.readonly)
		f |= 1ull << VIRTIO_BLK_F_WRITE_ZEROES;
	return f;
}

/* ---- the device class ---- */

static int check_props(struct virtio_blk *blk, struct err *err)
{
	if (!blk->physical_block_size)
		blk->physical_block_size = blk->logical_block_size;
	if (blk->iothread)
		return err_usage(err,
		                 "iothread=%s: disks are served by the main loop "
		                 "so far; drop the property",
		                 blk->iothread);
	if (!is_power_of_2(blk->queue_size))
		return err_usage(err, "queue-size=%u is not a power of 2",
		                 blk->queue_size);
	if (!is_power_of_2(blk->logical_block_size) ||
	    !is_power_of_2(blk->physical_block_size))
		return err_usage(err, "block sizes must be powers of 2");
	if (blk->physical_block_size < blk->logical_block_size)
		return err_usage(err,
		                 "physical_block_size=%u is below logical_block_size=%u",
		                 blk->physical_block_size, blk->logical_block_size);
	if (blk->min_io_size % blk->logical_block_size ||
	    blk->opt_io_size % blk->logical_block_size)
		return err_usage(err,
		                 "min_io_size and opt_io_size must be multiples of "
		                 "logical_block_size=%u",
		                 blk->logical_block_size);
	return 0;
}

static int attach(struct virtio_blk *blk, struct err *err)
{
	struct device *dev = &blk->vpci.pci.dev;
	struct block_node *node;
	char name[DEVICE_QOM_PATH];
	int ret;

	node = block_want(dev->vm->blocks, blk->drive, err);
	if (!node)
		return -err->code;
	device_show_name(dev, name, sizeof(name));
	ret = block_attach(node, &blk->node, name, resized, blk, err);
	if (ret < 0)
		return ret;
	blk->node = node;
	block_get_info(node, &blk->info);
	block_set_batch_done(node, batch_done);
	return 0;
}

static int blk_realize(struct device *dev, struct err *err)
{
	struct virtio_blk *blk = (struct virtio_blk *)dev;
	struct virtio_device *vdev = &blk->vpci.vdev;
	int ret = check_props(blk, err);

	if (ret >= 0)
		ret = attach(blk, err);
	if (ret < 0)
		return ret;
	virtio_init(vdev, dev, &blk_ops);
	for (unsigned i = 0; i < blk->num_queues; i++)
		virtio_add_queue(vdev, blk->queue_size, sizeof(struct blk_req));
	vdev->host_features = features(blk);
	return virtio_pci_realize(&blk->vpci, CLASS_STORAGE_SCSI, blk->num_queues + 1,
	                          err);
}

static void blk_unrealize(struct device *dev)
{
	struct virtio_blk *blk = (struct virtio_blk *)dev;

	virtio_pci_unrealize(&blk->vpci);
	if (!blk->node)
		return;
	block_set_write_cache(blk->node, blk->info.write_cache);
	if (dev->unplugged)
		block_release(blk->node);
	else
		block_detach(blk->node);
}

#define FIELD(f) .offset = offsetof(struct virtio_blk, f)

static const struct opt_desc blk_props[] = {
	VIRTIO_PCI_PROPS(struct virtio_blk, vpci),
	{ .name = "drive", .type = OPT_STR, FIELD(drive), .help = "id of the -drive" },
	{ .name = "num-queues",
	  .type = OPT_U16,
	  FIELD(num_queues),
	  .def = "1",
	  .min = 1,
	  .max = VIRTIO_MAX_QUEUES,
	  .help = "request queues" },
	{ .name = "queue-size",
	  .type = OPT_U16,
	  FIELD(queue_size),
	  .def = "256",
	  .min = 4,
	  .max = VIRTQUEUE_MAX_SIZE,
	  .help = "entries of each queue" },
	{ .name = "serial",
	  .type = OPT_STR,
	  FIELD(serial),
	  .help = "serial number, 20 bytes" },
	{ .name = "logical_block_size",
	  .type = OPT_U32,
	  FIELD(logical_block_size),
	  .def = "512",
	  .min = 512,
	  .max = 32768,
	  .help = "smallest unit of a request" },
	{ .name = "physical_block_size",
	  .type = OPT_U32,
	  FIELD(physical_block_size),
	  .def = "0",
	  .max = 2097152,
	  .help = "unit without penalty (0: the logical one)" },
	{ .name = "min_io_size",
	  .type = OPT_U32,
	  FIELD(min_io_size),
	  .def = "0",
	  .max = 16777216,
	  .help = "preferred smallest request" },
	{ .name = "opt_io_size",
	  .type = OPT_U32,
	  FIELD(opt_io_size),
	  .def = "0",
	  .max = 1073741824,
	  .help = "preferred request" },
	{ .name = "discard",
	  .type = OPT_BOOL,
	  FIELD(discard),
	  .def = "on",
	  .help = "offer discard" },
	{ .name = "write-zeroes",
	  .type = OPT_BOOL,
	  FIELD(write_zeroes),
	  .def = "on",
	  .help = "offer write-zeroes" },
	{ .name = "config-wce",
	  .type = OPT_BOOL,
	  FIELD(config_wce),
	  .def = "on",
	  .help = "the guest may switch the write cache" },
	{ .name = "write-cache",
	  .type = OPT_TRI,
	  FIELD(write_cache),
	  .def = "auto",
	  .help = "off: every write is durable; auto: as cache= of the drive" },
	BOOTINDEX_PROP(struct virtio_blk, bootindex),
	{ .name = "iothread",
	  .type = OPT_STR,
	  FIELD(iothread),
	  .help = "not supported yet" },
	{ .name = NULL },
};

static const struct state_field blk_fields[] = {
	STATE_STRUCT_F(struct virtio_blk, vpci, &virtio_pci_state),
	STATE_BOOL_F(struct virtio_blk, wce),
	STATE_END_F,
};

static const struct state_desc blk_state = {
	.name = "virtio-blk-pci",
	.version = 1,
	.fields = blk_fields,
	.pre_save = virtio_pci_pre_save,
	.validate = virtio_pci_validate,
	.post_load = virtio_pci_post_load,
};

const struct device_class virtio_blk_pci_class = {
	.name = "virtio-blk-pci",
	.alias = "virtio-blk",
	.bus = "pci",
	.help = "disk on a -drive",
	.size = sizeof(struct virtio_blk),
	.props = blk_props,
	.state = &blk_state,
	.realize = blk_realize,
	.reset = virtio_pci_reset,
	.quiesce = virtio_pci_quiesce,
	.resume = virtio_pci_resume,
	.unrealize = blk_unrealize,
};
