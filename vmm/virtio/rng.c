// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-rng (virtio 1.2, 5.4): each buffer is filled from the host kernel's generator.
 *
 * A buffer may be of any size, the device says how much of it was filled (5.4.6.1): at
 * most CHUNK bytes, and a quota per wake-up of the loop, so that a guest cannot keep the
 * loop busy. With max-bytes the driver's buffers wait in the ring until the next period.
 * Nothing is held between callbacks, so there is nothing in flight to save.
 */
#include "vmm/virtio/rng.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/virtio/pci.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <sys/random.h>

#define CLASS_OTHERS 0x00ff00
#define QUEUE_SIZE   8
#define CHUNK        4096        /* bytes of one answer */
#define QUOTA        (64 * 1024) /* bytes of one callback */
#define RETRY_NS     100000000   /* until the host's generator is seeded */
#define MS           1000000ull

struct virtio_rng {
	struct virtio_pci vpci;
	/* properties */
	char *rng_object;
	uint64_t max_bytes; /* per period; 0: no limit */
	uint32_t period;    /* ms */
	/* not state */
	uint64_t spent; /* bytes in this period */
	struct loop_timer timer;
};

static struct virtio_rng *to_rng(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_rng, vpci.vdev);
}

/* Fills the buffer up to len bytes; the count, 0 while the host has no randomness. */
static size_t fill(struct virtq_elem *elem, size_t len)
{
	size_t done = 0;

	for (unsigned i = 0; i < elem->in_count && done < len; i++) {
		struct iovec *iov = &virtq_in(elem)[i];
		size_t part = iov->iov_len < len - done ? iov->iov_len : len - done;
		ssize_t n = getrandom(iov->iov_base, part, GRND_NONBLOCK);

		if (n <= 0)
			break;
		done += n;
		if ((size_t)n < part)
			break;
	}
	return done;
}

/* Bytes that may be given out in this callback. */
static uint64_t allowance(const struct virtio_rng *rng)
{
	uint64_t left;

	if (!rng->max_bytes)
		return QUOTA;
	left = rng->spent < rng->max_bytes ? rng->max_bytes - rng->spent : 0;
	return left < QUOTA ? left : QUOTA;
}

/* A period starts with its first byte, and its end serves what came meanwhile. */
static void spend(struct virtio_rng *rng, size_t bytes)
{
	rng->spent += bytes;
	if (rng->max_bytes && bytes && !rng->timer.deadline)
		loop_timer_arm(&rng->timer, loop_now() + rng->period * MS);
}

enum served { SERVED, EMPTY, STARVED };

/* One buffer. EMPTY: the driver has given none; STARVED: the timer tries again. */
static enum served serve(struct virtio_rng *rng, struct virtqueue *vq, uint64_t *left)
{
	struct virtq_elem *elem = virtqueue_pop(vq);
	size_t len = *left < CHUNK ? *left : CHUNK, n;

	if (!elem)
		return EMPTY;
	n = fill(elem, len);
	if (!n && elem->in_len) {
		virtqueue_unpop(vq, elem);
		loop_timer_arm(&rng->timer, loop_now() + RETRY_NS);
		return STARVED;
	}
	virtqueue_push(vq, elem, n);
	*left -= n;
	spend(rng, n);
	return SERVED;
}

static void kick(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct virtio_rng *rng = to_rng(vdev);
	uint64_t left = allowance(rng);
	unsigned buffers = QUEUE_SIZE; /* those of no size cost nothing of `left` */
	enum served last = SERVED;

	if (!left)
		return; /* until the next period */
	virtqueue_disable_notify(vq);
	while (left && buffers-- && last == SERVED)
		last = serve(rng, vq, &left);
	virtqueue_flush(vq);
	/* What came since the last look would not be notified any more. */
	if (virtqueue_enable_notify(vq) && last != STARVED)
		vdev->transport->wake(vdev, vq);
}

static void next_period(void *opaque)
{
	struct virtio_rng *rng = opaque;
	struct virtio_device *vdev = &rng->vpci.vdev;

	rng->spent = 0;
	virtio_kick(vdev, &vdev->queues[0]);
}

static void drain(struct virtio_device *vdev)
{
	loop_timer_disarm(&to_rng(vdev)->timer);
	to_rng(vdev)->spent = 0;
}

static const struct virtio_ops rng_ops = {
	.device_id = VIRTIO_ID_RNG,
	.kick = kick,
	.drain = drain,
};

/* ---- the device class ---- */

static int rng_realize(struct device *dev, struct err *err)
{
	struct virtio_rng *rng = (struct virtio_rng *)dev;

	if (rng->rng_object && !(dev->vm->has_object &&
	                         dev->vm->has_object(dev->vm, rng->rng_object, "rng-")))
		return err_usage(err,
		                 "rng=%s: there is no such object; define it with "
		                 "-object rng-builtin,id=%s",
		                 rng->rng_object, rng->rng_object);
	loop_timer_init(dev->vm->loop, &rng->timer, next_period, rng);
	virtio_init(&rng->vpci.vdev, dev, &rng_ops);
	virtio_add_queue(&rng->vpci.vdev, QUEUE_SIZE, sizeof(struct virtq_elem));
	return virtio_pci_realize(&rng->vpci, CLASS_OTHERS, 2, err);
}

static void rng_unrealize(struct device *dev)
{
	struct virtio_rng *rng = (struct virtio_rng *)dev;

	loop_timer_disarm(&rng->timer);
	virtio_pci_unrealize(&rng->vpci);
}

#define FIELD(f) .offset = offsetof(struct virtio_rng, f)

static const struct opt_desc rng_props[] = {
	VIRTIO_PCI_PROPS(struct virtio_rng, vpci),
	{ .name = "rng",
	  .type = OPT_STR,
	  FIELD(rng_object),
	  .help = "an -object rng-*; random numbers come from the kernel" },
	{ .name = "max-bytes",
	  .type = OPT_U64,
	  FIELD(max_bytes),
	  .def = "0",
	  .help = "bytes per period (0: no limit)" },
	{ .name = "period",
	  .type = OPT_U32,
	  FIELD(period),
	  .def = "1000",
	  .min = 1,
	  .max = UINT32_MAX,
	  .help = "length of a period in ms" },
	{ .name = NULL },
};

static const struct state_field rng_fields[] = {
	STATE_STRUCT_F(struct virtio_rng, vpci, &virtio_pci_state),
	STATE_END_F,
};

static const struct state_desc rng_state = {
	.name = "virtio-rng-pci",
	.version = 1,
	.fields = rng_fields,
	.pre_save = virtio_pci_pre_save,
	.validate = virtio_pci_validate,
	.post_load = virtio_pci_post_load,
};

const struct device_class virtio_rng_pci_class = {
	.name = "virtio-rng-pci",
	.alias = "virtio-rng",
	.bus = "pci",
	.help = "random numbers from the host",
	.size = sizeof(struct virtio_rng),
	.props = rng_props,
	.state = &rng_state,
	.realize = rng_realize,
	.reset = virtio_pci_reset,
	.quiesce = virtio_pci_quiesce,
	.resume = virtio_pci_resume,
	.unrealize = rng_unrealize,
};
