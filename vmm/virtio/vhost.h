/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queues of a virtio device that the host's kernel serves (vhost: <linux/vhost.h>).
 *
 * While it runs, the driver's notifications reach the kernel through the queue's eventfd
 * and its interrupts KVM through the vector's, and this program sees neither. It stops
 * before anybody looks at the queues: in the device's drain(). Machine lock.
 */
#ifndef VMM_VIRTIO_VHOST_H
#define VMM_VIRTIO_VHOST_H

#include "vmm/virtio/virtio.h"

struct vhost;

/* The ioctls that this makes, for the seccomp filter. */
extern const uint32_t vhost_requests[];
extern const unsigned vhost_request_count;

/* Over fd of a vhost device (borrowed), for `count` queues of vdev from `first`. NULL
 * with a sentence. */
struct vhost *vhost_new(struct virtio_device *vdev, int fd, unsigned first,
                        unsigned count, struct err *err);
/* Stopped. Accepts NULL. */
void vhost_free(struct vhost *vhost);
/* Features that the kernel has. */
uint64_t vhost_features(const struct vhost *vhost);
bool vhost_running(const struct vhost *vhost);
/* Lets the kernel serve the queues, which are mapped, with the packets of backend: the
 * descriptor of a tap. 0, or -errno: this program serves them. */
int vhost_start(struct vhost *vhost, int backend);
/* On return nothing is in flight, and the queues are where the kernel left them.
 * Idempotent. */
void vhost_stop(struct vhost *vhost);

#endif
