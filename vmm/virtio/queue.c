// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Split virtqueues, device side (virtio 1.2, 2.7; event index 2.7.10, indirect 2.7.5.3).
 *
 * The rings are guest memory that changes at any time: each descriptor is copied once and
 * only the copy is looked at. A walk takes at most as many segments as the largest ring
 * that the device offers, so loops end; every segment goes through dma_iov(). What the
 * driver may not do (an index beyond the ring, more chains in flight than entries, a
 * readable segment behind a writable one …) breaks the device, which the driver sees as
 * DEVICE_NEEDS_RESET; requests in flight stay valid and are pushed as ever.
 *
 * Each request's segments start inside its own structure; longer lists use a slot of
 * memory behind the pool, which costs only address space until a long chain comes. Free
 * requests are reused last in, first out, for the same reason.
 */
#include "vmm/virtio/queue.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/mem/mem.h"
#include "vmm/virtio/virtio.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define DESC_SIZE     sizeof(struct vring_desc)
#define USED_HEAD     4 /* flags, idx */
#define AVAIL_HEAD    4
#define IOV_SPARE     4 /* segments that lie across two blocks of RAM */
#define IOV_SLOTS(vq) ((vq)->max_size + IOV_SPARE)
#define SERVE_ROUNDS  16

/* ---- ring memory: little-endian words that the other side reads and writes ---- */

static uint16_t load16(const void *p)
{
	return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
}

static void store16(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, v, __ATOMIC_RELAXED);
}

/* The driver's index; its ring entries are visible once this is. */
static uint16_t load_avail_idx(const struct virtqueue *vq)
{
	return __atomic_load_n((const uint16_t *)(vq->avail_ring + 2), __ATOMIC_ACQUIRE);
}

/* A private copy, read exactly once. An indirect table may lie at any address. */
static struct vring_desc load_desc(const uint8_t *table, unsigned i)
{
	struct vring_desc d;

	memcpy(&d, table + i * DESC_SIZE, sizeof(d));
	atomic_signal_fence(memory_order_seq_cst);
	return d;
}

static uint8_t *used_event(const struct virtqueue *vq)
{
	return vq->avail_ring + AVAIL_HEAD + 2 * vq->size;
}

static uint8_t *avail_event(const struct virtqueue *vq)
{
	return vq->used_ring + USED_HEAD + 8 * vq->size;
}

static uint64_t used_len(const struct virtqueue *vq)
{
	return USED_HEAD + 8ull * vq->size + 2;
}

static void mark_used_ring(struct virtqueue *vq)
{
	dma_dirty(virtio_mem(vq->vdev), vq->used, used_len(vq));
}

/* ---- life ---- */

void virtqueue_init(struct virtqueue *vq, struct virtio_device *vdev, uint16_t index,
                    uint16_t max_size, uint32_t elem_size)
{
	vq->vdev = vdev;
	vq->index = index;
	vq->max_size = max_size;
	vq->elem_size = align_up(elem_size, 64);
	virtqueue_reset(vq);
}

void virtqueue_free(struct virtqueue *vq)
{
	if (vq->pool)
		munmap(vq->pool, vq->pool_len);
	vq->pool = NULL;
	vq->pool_size = 0;
}

void virtqueue_unmap(struct virtqueue *vq)
{
	vq->mapped = false;
	vq->desc_ring = vq->avail_ring = vq->used_ring = NULL;
}

void virtqueue_reset(struct virtqueue *vq)
{
	virtqueue_unmap(vq);
	vq->size = vq->max_size;
	vq->vector = VIRTQUEUE_NO_VECTOR;
	vq->ready = false;
	vq->desc = vq->avail = vq->used = 0;
	vq->last_avail = vq->used_idx = 0;
	vq->in_flight = 0;
	vq->free = NULL;
	vq->pool_touched = 0;
}

static void *map_ring(const struct virtqueue *vq, uint64_t gpa, uint64_t len,
                      unsigned align, bool writable)
{
	if (gpa & (align - 1))
		return NULL;
	return dma_map(virtio_mem(vq->vdev), gpa, len, writable);
}

/* Where the rings are; -errno with a sentence when they cannot be there. */
static int find_rings(const struct virtqueue *vq, uint8_t *rings[3], struct err *err)
{
	if (!is_power_of_2(vq->size) || vq->size > vq->max_size)
		return err_set(err, EINVAL,
		               "queue %u has %u entries; a power of 2 up to %u "
		               "is possible",
		               vq->index, vq->size, vq->max_size);
	rings[0] = map_ring(vq, vq->desc, vq->size * DESC_SIZE, 16, false);
	rings[1] = map_ring(vq, vq->avail, AVAIL_HEAD + 2 * vq->size + 2, 2, false);
	rings[2] = map_ring(vq, vq->used, used_len(vq), 4, true);
	if (rings[0] && rings[1] && rings[2])
		return 0;
	return err_set(err, EFAULT,
	               "the rings of queue %u are misaligned or not in RAM "
	               "(0x%llx, 0x%llx, 0x%llx)",
	               vq->index, (unsigned long long)vq->desc,
	               (unsigned long long)vq->avail, (unsigned long long)vq->used);
}

int virtqueue_map(struct virtqueue *vq, struct err *err)
{
	uint8_t *rings[3];
	int ret = find_rings(vq, rings, err);

	if (ret < 0)
		return ret;
	vq->desc_ring = rings[0];
	vq->avail_ring = rings[1];
	vq->used_ring = rings[2];
	vq->event_idx = virtio_has(vq->vdev, VIRTIO_RING_F_EVENT_IDX);
	vq->indirect = virtio_has(vq->vdev, VIRTIO_RING_F_INDIRECT_DESC);
	vq->signalled_valid = false;
	vq->used_flags = 0;
	vq->seen_avail = vq->last_avail;
	vq->published = vq->used_idx;
	vq->mapped = true;
	return 0;
}

/* ---- pool ---- */

/* With the first chain, because many queues of a device may never see one. */
static int alloc_pool(struct virtqueue *vq)
{
	size_t iovs = IOV_SLOTS(vq) * sizeof(struct iovec);
	size_t len = vq->max_size * (vq->elem_size + iovs);
	void *p;

	p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	vq->pool = p;
	vq->pool_len = len;
	vq->pool_size = vq->max_size;
	return 0;
}

static struct virtq_elem *take_elem(struct virtqueue *vq)
{
	struct virtq_elem *elem = vq->free;

	if (elem) {
		vq->free = elem->next;
	} else if (vq->pool_touched < vq->pool_size) {
		elem = (struct virtq_elem *)(vq->pool + vq->pool_touched * vq->elem_size);
		elem->slot = vq->pool_touched++;
		elem->vq = vq;
	}
	return elem;
}

static void give_elem(struct virtqueue *vq, struct virtq_elem *elem)
{
	elem->next = vq->free;
	vq->free = elem;
}

static struct iovec *long_iov(struct virtqueue *vq, const struct virtq_elem *elem)
{
	struct iovec *base = (struct iovec *)(vq->pool + vq->pool_size * vq->elem_size);

	return base + (size_t)elem->slot * IOV_SLOTS(vq);
}

/* ---- pop ---- */

static int add_segment(struct virtqueue *vq, struct virtq_elem *elem,
                       const struct vring_desc *d)
{
	bool writable = d->flags & VRING_DESC_F_WRITE;
	unsigned before = elem->out_count + elem->in_count, count = before;
	unsigned cap = elem->iov == elem->inline_iov ? VIRTQ_INLINE_IOV : IOV_SLOTS(vq);
	int ret;

	if (!writable && elem->in_count)
		return virtio_break(vq->vdev,
		                    "queue %u: a readable segment behind a "
		                    "writable one",
		                    vq->index);
	ret = dma_iov(virtio_mem(vq->vdev), d->addr, d->len, writable, elem->iov, cap,
	              &count);
	if (ret == -ENOBUFS && cap == VIRTQ_INLINE_IOV) {
		elem->iov = long_iov(vq, elem);
		memcpy(elem->iov, elem->inline_iov, before * sizeof(struct iovec));
		count = before;
		ret = dma_iov(virtio_mem(vq->vdev), d->addr, d->len, writable, elem->iov,
		              IOV_SLOTS(vq), &count);
	}
	if (ret < 0)
		return virtio_break(vq->vdev,
		                    "queue %u: a segment of %u bytes at 0x%llx "
		                    "is not in %sRAM",
		                    vq->index, d->len, (unsigned long long)d->addr,
		                    writable ? "writable " : "");
	if (writable) {
		elem->in_count += count - before;
		elem->in_len += d->len;
	} else {
		elem->out_count += count - before;
		elem->out_len += d->len;
	}
	return 0;
}

/* The table that an indirect descriptor points to; NULL breaks the device. */
static const uint8_t *map_table(struct virtqueue *vq, const struct vring_desc *d,
                                bool nested, unsigned *entries)
{
	const uint8_t *table;

	*entries = d->len / DESC_SIZE;
	if (!vq->indirect || nested || d->flags & VRING_DESC_F_NEXT || !d->len ||
	    d->len % DESC_SIZE) {
		virtio_break(vq->vdev,
		             "queue %u: an indirect descriptor%s (flags 0x%x, %u "
		             "bytes)",
		             vq->index,
		             !vq->indirect ? " that was not negotiated"
		             : nested      ? " inside an indirect table"
		                           : " that is malformed",
		             d->flags, d->len);
		return NULL;
	}
	table = dma_map(virtio_mem(vq->vdev), d->addr, d->len, false);
	if (!table)
		virtio_break(vq->vdev,
		             "queue %u: an indirect table of %u bytes at 0x%llx "
		             "is not in RAM",
		             vq->index, d->len, (unsigned long long)d->addr);
	return table;
}

static int walk_chain(struct virtqueue *vq, struct virtq_elem *elem)
{
	const uint8_t *table = vq->desc_ring;
	unsigned entries = vq->size, next = elem->head, left = vq->max_size;
	bool indirect = false;

	for (;;) {
		struct vring_desc d;
		int ret;

		if (next >= entries || !left--)
			return virtio_break(vq->vdev, "queue %u: a chain %s", vq->index,
			                    next >= entries ? "leaves its table"
			                                    : "is longer than the ring");
		d = load_desc(table, next);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			table = map_table(vq, &d, indirect, &entries);
			if (!table)
				return -EINVAL;
			indirect = true;
			next = 0;
			left++;
			continue;
		}
		ret = add_segment(vq, elem, &d);
		if (ret < 0 || !(d.flags & VRING_DESC_F_NEXT))
			return ret;
		next = d.next;
	}
}

bool virtqueue_has_work(struct virtqueue *vq)
{
	if (!vq->mapped || virtio_broken(vq->vdev))
		return false;
	if (vq->seen_avail != vq->last_avail)
		return true;
	vq->seen_avail = load_avail_idx(vq);
	if ((uint16_t)(vq->seen_avail - vq->last_avail) > vq->size) {
		virtio_break(vq->vdev,
		             "queue %u: the available index jumped from %u to %u",
		             vq->index, vq->last_avail, vq->seen_avail);
		return false;
	}
	return vq->seen_avail != vq->last_avail;
}

void *virtqueue_pop(struct virtqueue *vq)
{
	struct virtq_elem *elem;

	if (!virtqueue_has_work(vq))
		return NULL;
	if (!vq->pool && alloc_pool(vq) < 0) {
		virtio_break(vq->vdev, "queue %u: out of memory", vq->index);
		return NULL;
	}
	elem = vq->in_flight < vq->size ? take_elem(vq) : NULL;
	if (!elem) {
		virtio_break(vq->vdev, "queue %u: more chains in flight than entries",
		             vq->index);
		return NULL;
	}
	elem->head = load16(vq->avail_ring + AVAIL_HEAD +
	                    2 * (vq->last_avail & (vq->size - 1)));
	elem->iov = elem->inline_iov;
	elem->out_count = elem->in_count = 0;
	elem->out_len = elem->in_len = 0;
	elem->next = NULL;
	if (walk_chain(vq, elem) < 0) {
		give_elem(vq, elem);
		return NULL;
	}
	vq->last_avail++;
	vq->in_flight++;
	return elem;
}

void virtqueue_unpop(struct virtqueue *vq, void *opaque)
{
	give_elem(vq, opaque);
	vq->last_avail--;
	vq->seen_avail = vq->last_avail; /* read the driver's index again */
	vq->in_flight--;
}

/* ---- push ---- */

/* User space wrote to the writable segments; the table of RAM blocks tells which pages
 * that are. Nothing to do while nobody logs. */
static void mark_written(struct virtqueue *vq, struct virtq_elem *elem)
{
	struct mem *mem = virtio_mem(vq->vdev);
	const struct ram_block *block;

	for (unsigned b = 0; (block = mem_ram(mem, b)); b++) {
		if (!block->dirty)
			continue;
		for (unsigned i = 0; i < elem->in_count; i++) {
			const struct iovec *iov = &virtq_in(elem)[i];
			uint64_t offset = (uint8_t *)iov->iov_base - block->host;

			if (offset < block->size)
				dma_dirty(mem, block->gpa + offset, iov->iov_len);
		}
	}
}

void virtqueue_push(struct virtqueue *vq, void *opaque, uint32_t written)
{
	struct virtq_elem *elem = opaque;
	uint8_t *entry = vq->used_ring + USED_HEAD + 8 * (vq->used_idx & (vq->size - 1));

	mark_written(vq, elem);
	st32(entry, elem->head);
	st32(entry + 4, written);
	vq->used_idx++;
	vq->in_flight--;
	give_elem(vq, elem);
}

/* virtio 1.2, 2.7.7 and 2.7.10: does the driver want an interrupt for old … new? */
static bool wants_interrupt(struct virtqueue *vq, uint16_t old, uint16_t new)
{
	bool first = !vq->signalled_valid;

	vq->signalled_valid = true;
	if (vq->event_idx)
		return first || vring_need_event(load16(used_event(vq)), new, old);
	return !(load16(vq->avail_ring) & VRING_AVAIL_F_NO_INTERRUPT);
}

void virtqueue_flush(struct virtqueue *vq)
{
	uint16_t old = vq->published, new = vq->used_idx;

	if (!vq->mapped || old == new)
		return;
	vq->published = new;
	__atomic_store_n((uint16_t *)(vq->used_ring + 2), new, __ATOMIC_RELEASE);
	mark_used_ring(vq);
	/* The index must be visible before the driver's wish is read, or both sides could
	 * miss each other. */
	atomic_thread_fence(memory_order_seq_cst);
	if (wants_interrupt(vq, old, new))
		virtio_interrupt(vq->vdev, vq);
}

void virtqueue_resync(struct virtqueue *vq, uint16_t last_avail)
{
	vq->last_avail = vq->seen_avail = last_avail;
	vq->used_idx = vq->published = load16(vq->used_ring + 2);
	vq->used_flags = load16(vq->used_ring);
	vq->signalled_valid = false;
}

/* ---- notification suppression ---- */

void virtqueue_disable_notify(struct virtqueue *vq)
{
	/* With the event index the driver has passed the last one: it stays quiet. */
	if (!vq->mapped || vq->event_idx)
		return;
	vq->used_flags |= VRING_USED_F_NO_NOTIFY;
	store16(vq->used_ring, vq->used_flags);
	mark_used_ring(vq);
}

bool virtqueue_enable_notify(struct virtqueue *vq)
{
	if (!vq->mapped)
		return false;
	if (vq->event_idx) {
		store16(avail_event(vq), vq->last_avail);
	} else {
		vq->used_flags &= ~VRING_USED_F_NO_NOTIFY;
		store16(vq->used_ring, vq->used_flags);
	}
	mark_used_ring(vq);
	atomic_thread_fence(memory_order_seq_cst);
	return virtqueue_has_work(vq);
}

/* ---- requests ---- */

void virtqueue_serve(struct virtqueue *vq,
                     bool (*one)(struct virtio_device *vdev, void *elem),
                     void (*submit)(struct virtio_device *vdev))
{
	struct virtio_device *vdev = vq->vdev;
	unsigned rounds = SERVE_ROUNDS;
	void *elem;

	do {
		/* What is answered at once makes room for more: a round is one ring. */
		unsigned left = vq->size;

		if (!rounds--) {
			/* The driver adds faster than this empties: others first. */
			vdev->transport->wake(vdev, vq);
			return;
		}
		virtqueue_disable_notify(vq);
		while (left-- && (elem = virtqueue_pop(vq))) {
			if (one(vdev, elem))
				continue;
			virtio_break(vdev,
			             "queue %u: a request without header or room for "
			             "the answer",
			             vq->index);
			virtqueue_push(vq, elem, 0);
		}
		submit(vdev);
		virtqueue_flush(vq);
	} while (virtqueue_enable_notify(vq));
}

/* ---- state ---- */

static const struct state_field queue_fields[] = {
	STATE_U16_F(struct virtqueue, size),
	STATE_U16_F(struct virtqueue, vector),
	STATE_BOOL_F(struct virtqueue, ready),
	STATE_U64_F(struct virtqueue, desc),
	STATE_U64_F(struct virtqueue, avail),
	STATE_U64_F(struct virtqueue, used),
	STATE_U16_F(struct virtqueue, last_avail),
	STATE_U16_F(struct virtqueue, used_idx),
	STATE_END_F,
};

const struct state_desc virtqueue_state = {
	.name = "virtqueue",
	.version = 1,
	.fields = queue_fields,
};

int virtqueue_validate(const struct virtqueue *vq, bool served, struct err *err)
{
	uint8_t *rings[3];

	if (!is_power_of_2(vq->size) || vq->size > vq->max_size)
		return err_set(err, EINVAL,
		               "queue %u has %u entries, this one at most %u", vq->index,
		               vq->size, vq->max_size);
	return served && vq->ready ? find_rings(vq, rings, err) : 0;
}
