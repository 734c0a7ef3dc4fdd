/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Split virtqueues (virtio 1.2, 2.7): the device's side of one ring.
 *
 * A device embeds struct virtq_elem first in its own request structure and names the size
 * of that structure once; each queue then keeps a pool of as many requests as the ring
 * has entries, so that nothing is allocated per request. virtqueue_pop() hands out a
 * request whose whole chain was checked, virtqueue_push() takes it back,
 * virtqueue_flush() makes what was pushed visible and interrupts the driver if it wants
 * that.
 *
 * One thread at a time uses a queue: the loop that its device belongs to, or any thread
 * that holds the machine lock while that loop does not run.
 */
#ifndef VMM_VIRTIO_QUEUE_H
#define VMM_VIRTIO_QUEUE_H

#include "common/err.h"
#include "common/state.h"

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct virtio_device;

#define VIRTQUEUE_MAX_SIZE  1024
#define VIRTQ_INLINE_IOV    16     /* segments of a chain that need no extra memory */
#define VIRTQUEUE_NO_VECTOR 0xffff /* no MSI-X vector is assigned */

/* One popped chain. iov holds the readable segments first, then the writable ones; the
 * device may shorten them while it works, but restores the writable ones before the push:
 * they say which memory was written. */
struct virtq_elem {
	struct iovec *iov;
	uint16_t out_count, in_count; /* readable by the device, writable by it */
	uint16_t head;                /* descriptor index, the driver's handle */
	uint16_t slot;                /* place in the pool */
	uint64_t out_len, in_len;     /* bytes */
	struct virtqueue *vq;
	struct virtq_elem *next; /* for the device while popped, else for the pool */
	struct iovec inline_iov[VIRTQ_INLINE_IOV];
};

static inline struct iovec *virtq_in(struct virtq_elem *elem)
{
	return elem->iov + elem->out_count;
}

struct virtqueue {
	/* set by virtqueue_init() */
	struct virtio_device *vdev;
	uint16_t index;
	uint16_t max_size;
	uint32_t elem_size;
	/* state: what the driver set up, and how far both sides are */
	uint16_t size;
	uint16_t vector; /* MSI-X, or VIRTQUEUE_NO_VECTOR */
	bool ready;
	uint64_t desc, avail, used; /* guest-physical */
	uint16_t last_avail;        /* next entry of the available ring to pop */
	uint16_t used_idx;          /* next entry of the used ring to fill */
	/* derived while `mapped` */
	bool mapped;
	bool event_idx, indirect;
	bool signalled_valid; /* false: interrupt at the next flush whatever was asked */
	uint16_t seen_avail;  /* the driver's index when it was last read */
	uint16_t published;   /* used_idx as the driver sees it */
	uint16_t used_flags;
	uint16_t in_flight; /* popped, not yet pushed */
	const uint8_t *desc_ring;
	uint8_t *avail_ring, *used_ring;
	/* the pool: one mapping of `pool_size` requests, then their long segment lists */
	uint8_t *pool;
	size_t pool_len;
	uint16_t pool_size, pool_touched;
	struct virtq_elem *free;
};

/* max_size: power of 2, at most VIRTQUEUE_MAX_SIZE. elem_size: of the device's request
 * structure. vq is zeroed memory; nothing is allocated yet. */
void virtqueue_init(struct virtqueue *vq, struct virtio_device *vdev, uint16_t index,
                    uint16_t max_size, uint32_t elem_size);
/* Releases the pool. No request may be popped. */
void virtqueue_free(struct virtqueue *vq);
/* Back to the state after virtqueue_init(); keeps the pool. No request may be popped. */
void virtqueue_reset(struct virtqueue *vq);

/* Checks the addresses and maps the rings; the features of the device are final. -errno
 * with a sentence: bad size, misaligned or not in RAM. */
int virtqueue_map(struct virtqueue *vq, struct err *err);
void virtqueue_unmap(struct virtqueue *vq);

/*
 * The next chain, or NULL: the ring is empty, not mapped, or broken. A chain that is not
 * valid breaks the device (virtio_break()) and nothing is popped then.
 */
void *virtqueue_pop(struct virtqueue *vq);
/* Gives the last popped request back as if it had not been popped. Several go back last
 * first; none that was popped later is in flight or was pushed. */
void virtqueue_unpop(struct virtqueue *vq, void *elem);
/* Returns a chain to the driver, `written` bytes of its writable part are valid. The
 * request is invalid afterwards. Any order. */
void virtqueue_push(struct virtqueue *vq, void *elem, uint32_t written);
/* Publishes everything pushed, one interrupt at most. */
void virtqueue_flush(struct virtqueue *vq);
/* The driver has made something available that was not popped yet. */
bool virtqueue_has_work(struct virtqueue *vq);

/* Another one, the kernel, served the queue up to this entry of the available ring: goes
 * on from there. No request is popped. */
void virtqueue_resync(struct virtqueue *vq, uint16_t last_avail);

/* Asks the driver not to notify (a hint), while its entries are being popped anyway. */
void virtqueue_disable_notify(struct virtqueue *vq);
/* Asks for notifications again; true when entries came meanwhile and must be popped. */
bool virtqueue_enable_notify(struct virtqueue *vq);

/*
 * Serves a queue of requests: pops what is there, a ring at a time, and asks for
 * notifications again when it is empty. `one` takes each request, and answers it with a
 * push then or later; false when it has no header or no room for an answer, which breaks
 * the device. `submit` ends a round: what was begun is handed on.
 */
void virtqueue_serve(struct virtqueue *vq,
                     bool (*one)(struct virtio_device *vdev, void *elem),
                     void (*submit)(struct virtio_device *vdev));

/* Fields of the state table; no request in flight. */
extern const struct state_desc virtqueue_state;
/* After a load, before the mapping: what the fields must satisfy. served: the device is
 * not broken, so its rings must be where they say. */
int virtqueue_validate(const struct virtqueue *vq, bool served, struct err *err);

#endif
