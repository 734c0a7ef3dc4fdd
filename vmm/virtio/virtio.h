/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio device without its transport (virtio 1.2, chapters 2 and 3): status, features,
 * queues, configuration generation.
 *
 * The transport (pci.c) drives it through the virtio_set_ and virtio_queue_ calls, under
 * the machine lock; the device model is called through struct virtio_ops. Queues are
 * served in the thread of `loop`.
 */
#ifndef VMM_VIRTIO_VIRTIO_H
#define VMM_VIRTIO_VIRTIO_H

#include "common/log.h"
#include "vmm/core/device.h"
#include "vmm/loop/loop.h"
#include "vmm/mem/mem.h"
#include "vmm/virtio/queue.h"

#include <linux/virtio_config.h>

#define VIRTIO_MAX_QUEUES 64
#define VIRTIO_CONFIG_MAX 256 /* bytes of device-specific configuration */

struct virtio_device;

/* A device model. Everything but device_id and kick may be NULL. */
struct virtio_ops {
	uint16_t device_id;  /* virtio 1.2, chapter 5 */
	uint16_t config_len; /* at most VIRTIO_CONFIG_MAX */
	/* Fills config_len zeroed bytes. */
	void (*get_config)(struct virtio_device *vdev, uint8_t *config);
	void (*set_config)(struct virtio_device *vdev, unsigned offset, uint64_t value,
	                   unsigned size);
	/* False refuses this set of features (each was offered). */
	bool (*check_features)(struct virtio_device *vdev, uint64_t features);
	/* The driver is ready (DRIVER_OK), or a state was loaded in which it is. Each
	 * queue is kicked afterwards. */
	void (*start)(struct virtio_device *vdev);
	/* The queue may have new entries. In the loop's thread. */
	void (*kick)(struct virtio_device *vdev, struct virtqueue *vq);
	/* On return no request is popped; requests in flight were waited for. */
	void (*drain)(struct virtio_device *vdev);
	/* After a drain: back to the state of a new device. */
	void (*reset)(struct virtio_device *vdev);
	/* After a drain: the driver took one queue away. */
	void (*forget)(struct virtio_device *vdev, struct virtqueue *vq);
};

struct virtio_transport {
	/* Interrupts for a queue or a configuration change. Queue: in the loop's thread.
	 */
	void (*interrupt)(struct virtio_device *vdev, struct virtqueue *vq);
	void (*config_interrupt)(struct virtio_device *vdev);
	/* Starts listening to the driver's notifications of a queue; stops. */
	int (*queue_start)(struct virtio_device *vdev, struct virtqueue *vq);
	void (*queue_stop)(struct virtio_device *vdev, struct virtqueue *vq);
	/* Lets the loop kick the queue soon, as if the driver had notified it. */
	void (*wake)(struct virtio_device *vdev, struct virtqueue *vq);
	void (*reset)(struct virtio_device *vdev);
	/* Lends the eventfds of a queue to the kernel: notifications by the driver, which
	 * are not listened to meanwhile, and interrupts (-1: the driver wants none). Both
	 * stay the transport's. Takes them back. */
	int (*lend)(struct virtio_device *vdev, struct virtqueue *vq, int *kick,
	            int *call);
	void (*reclaim)(struct virtio_device *vdev, struct virtqueue *vq);
};

struct virtio_device {
	const struct virtio_ops *ops;
	const struct virtio_transport *transport;
	struct device *dev;
	struct mem *mem;
	struct loop *loop;      /* serves the queues */
	uint64_t host_features; /* offered; final when realize ends */
	uint32_t queue_count;
	/* state */
	uint8_t status;
	uint8_t config_generation;
	uint16_t config_vector;
	uint64_t features; /* as the driver wrote them */
	bool broken; /* the driver broke the rules: nothing is served until a reset */
	struct virtqueue queues[VIRTIO_MAX_QUEUES];
	/* not state */
	bool paused;    /* between quiesce and resume */
	bool resetting; /* no interrupts: what completes now is not news */
	bool stalled;   /* the guest took the right to use its memory away */
	struct ratelimit warned;
};

/* vdev is zeroed memory inside dev. */
void virtio_init(struct virtio_device *vdev, struct device *dev,
                 const struct virtio_ops *ops);
/* Adds the next queue. See virtqueue_init(). */
struct virtqueue *virtio_add_queue(struct virtio_device *vdev, uint16_t max_size,
                                   uint32_t elem_size);
/* Accepts a device that virtio_init() never saw. */
void virtio_free(struct virtio_device *vdev);

static inline bool virtio_has(const struct virtio_device *vdev, unsigned feature)
{
	return (vdev->features & vdev->host_features) >> feature & 1;
}

static inline bool virtio_broken(const struct virtio_device *vdev)
{
	return vdev->broken;
}

static inline struct mem *virtio_mem(const struct virtio_device *vdev)
{
	return vdev->mem;
}

/* The driver runs and the device may touch its queues. */
bool virtio_running(const struct virtio_device *vdev);

/* The driver broke the rules: stops serving, sets DEVICE_NEEDS_RESET, tells the log.
 * Always -EINVAL. */
int virtio_break(struct virtio_device *vdev, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void virtio_interrupt(struct virtio_device *vdev, struct virtqueue *vq);
/* The configuration changed: new generation, interrupt. */
void virtio_config_changed(struct virtio_device *vdev);

/* ---- for transports and device classes; machine lock ---- */

/* What the device set up outside of this program is no longer so: drains, and kicks each
 * queue. */
void virtio_restart(struct virtio_device *vdev);
void virtio_set_status(struct virtio_device *vdev, uint8_t status);
/* The driver's features; ignored once they are final. */
void virtio_set_features(struct virtio_device *vdev, uint64_t features);
/* The driver set the queue up: maps it and starts listening. A bad ring breaks the
 * device. */
void virtio_queue_enable(struct virtio_device *vdev, struct virtqueue *vq);
/* Takes one queue away again (legacy drivers). */
void virtio_queue_disable(struct virtio_device *vdev, struct virtqueue *vq);
/* Serves a queue if the device runs. The loop's thread. */
void virtio_kick(struct virtio_device *vdev, struct virtqueue *vq);
/* Reads and writes the device-specific configuration; beyond its end reads give 0. */
uint64_t virtio_config_read(struct virtio_device *vdev, unsigned offset, unsigned size);
void virtio_config_write(struct virtio_device *vdev, unsigned offset, uint64_t value,
                         unsigned size);
/* On return of true no memory of the guest is touched any more, until false. A reset of
 * the device does not change it. */
void virtio_stall(struct virtio_device *vdev, bool stalled);
void virtio_reset(struct virtio_device *vdev);
void virtio_quiesce(struct virtio_device *vdev);
void virtio_resume(struct virtio_device *vdev);

/* State: the table, and the hooks that the table of a device class calls. */
extern const struct state_desc virtio_device_state;
int virtio_pre_save(struct virtio_device *vdev, struct err *err);
int virtio_validate(const struct virtio_device *vdev, struct err *err);
int virtio_post_load(struct virtio_device *vdev, struct err *err);

#endif
