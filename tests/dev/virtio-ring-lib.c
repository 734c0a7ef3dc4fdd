// SPDX-License-Identifier: GPL-2.0-or-later
/* The driver's side of a split ring (virtio 1.2, 2.7), for device tests. */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/dev/virtio-lib.h"
#include "tests/tap.h"

#include <string.h>

#define WAIT_MS 60000

/* ---- ring memory ---- */

static uint8_t *at(struct vqueue *q, uint64_t gpa)
{
	return guest_ptr(q->drv->g, gpa);
}

void vqueue_put_desc(struct vqueue *q, unsigned i, uint64_t gpa, uint32_t len,
                     uint16_t flags, uint16_t next)
{
	uint8_t *d = at(q, q->desc) + 16 * i;

	st64(d, gpa);
	st32(d + 8, len);
	st16(d + 12, flags);
	st16(d + 14, next);
}

void vqueue_put_avail(struct vqueue *q, uint16_t head)
{
	uint8_t *avail = at(q, q->avail);

	st16(avail + 4 + 2 * (q->avail_idx & (q->size - 1)), head);
	q->avail_idx++;
	__atomic_store_n((uint16_t *)(avail + 2), q->avail_idx, __ATOMIC_RELEASE);
}

void vqueue_no_interrupt(struct vqueue *q, bool on)
{
	st16(at(q, q->avail), on ? VRING_AVAIL_F_NO_INTERRUPT : 0);
}

void vqueue_used_event(struct vqueue *q, uint16_t index)
{
	st16(at(q, q->avail) + 4 + 2 * q->size, index);
}

uint16_t vqueue_used_flags(struct vqueue *q)
{
	return ld16(at(q, q->used));
}

uint16_t vqueue_avail_event(struct vqueue *q)
{
	return ld16(at(q, q->used) + 4 + 8 * q->size);
}

uint16_t vqueue_used_idx(struct vqueue *q)
{
	return __atomic_load_n((uint16_t *)(at(q, q->used) + 2), __ATOMIC_ACQUIRE);
}

/* ---- set-up ---- */

static void set_up_modern(struct vqueue *q, uint16_t size, uint16_t vector)
{
	struct vdrv *d = q->drv;

	vdrv_set(d, COMMON(queue_select), q->index, 2);
	q->size = vdrv_get(d, COMMON(queue_size), 2);
	if (size) {
		q->size = size;
		vdrv_set(d, COMMON(queue_size), size, 2);
	}
	q->desc = guest_alloc(d->g, 16 * q->size);
	q->avail = guest_alloc(d->g, 6 + 2 * q->size);
	q->used = guest_alloc(d->g, 6 + 8 * q->size);
	vdrv_set(d, COMMON(queue_desc_lo), q->desc, 4);
	vdrv_set(d, COMMON(queue_desc_hi), q->desc >> 32, 4);
	vdrv_set(d, COMMON(queue_avail_lo), q->avail, 4);
	vdrv_set(d, COMMON(queue_avail_hi), q->avail >> 32, 4);
	vdrv_set(d, COMMON(queue_used_lo), q->used, 4);
	vdrv_set(d, COMMON(queue_used_hi), q->used >> 32, 4);
	vdrv_set(d, COMMON(queue_msix_vector), vector, 2);
	vdrv_set(d, COMMON(queue_enable), 1, 2);
}

/* Descriptors and available ring together, the used ring on the next page. */
static void set_up_legacy(struct vqueue *q, uint16_t vector)
{
	struct vdrv *d = q->drv;
	struct board *b = &d->g->board;
	uint64_t head;

	board_out(b, d->io + VIRTIO_PCI_QUEUE_SEL, q->index, 2);
	q->size = board_in(b, d->io + VIRTIO_PCI_QUEUE_NUM, 2);
	head = align_up(16 * q->size + 6 + 2 * q->size, 4096);
	q->desc = guest_alloc(d->g, head + 6 + 8 * q->size);
	q->avail = q->desc + 16 * q->size;
	q->used = q->desc + head;
	if (d->msix_on)
		board_out(b, d->io + VIRTIO_MSI_QUEUE_VECTOR, vector, 2);
	board_out(b, d->io + VIRTIO_PCI_QUEUE_PFN, q->desc / 4096, 4);
}

/* First in, first out: what was completed can be looked at for a while. */
static void give_desc(struct vqueue *q, uint16_t i)
{
	q->free[(q->free_first + q->free_count++) % q->size] = i;
}

void vqueue_forget(struct vqueue *q)
{
	q->free_count = q->waiting = q->wrong = 0;
	q->avail_idx = q->used_idx = 0;
	memset(q->chains, 0, sizeof(q->chains));
	q->free_first = 0;
	for (unsigned i = 0; i < q->size; i++)
		give_desc(q, i);
}

void vqueue_init(struct vqueue *q, struct vdrv *d, unsigned index, uint16_t size,
                 uint16_t vector)
{
	memset(q, 0, sizeof(*q));
	q->drv = d;
	q->index = index;
	if (d->legacy)
		set_up_legacy(q, vector);
	else
		set_up_modern(q, size, vector);
	if (!q->size || q->size > ARRAY_SIZE(q->free)) {
		tap_diag("queue %u has %u entries", index, q->size);
		exit(1);
	}
	vqueue_forget(q);
}

/* ---- chains ---- */

static uint16_t take_desc(struct vqueue *q)
{
	if (!q->free_count) {
		tap_diag("queue %u has no descriptor left", q->index);
		exit(1);
	}
	q->free_count--;
	return q->free[q->free_first++ % q->size];
}

static void start_chain(struct vqueue *q, uint16_t head, uint16_t count)
{
	q->chains[head] = (struct vring_chain){ .waiting = true, .count = count };
	q->waiting++;
	vqueue_put_avail(q, head);
}

static uint16_t seg_flags(const struct vseg *seg, bool last)
{
	return (seg->write ? VRING_DESC_F_WRITE : 0) | (last ? 0 : VRING_DESC_F_NEXT);
}

uint16_t vqueue_add(struct vqueue *q, const struct vseg *segs, unsigned count)
{
	uint16_t head = take_desc(q), i = head;

	for (unsigned n = 0; n < count; n++) {
		bool last = n + 1 == count;

		q->next[i] = last ? 0 : take_desc(q);
		vqueue_put_desc(q, i, segs[n].gpa, segs[n].len, seg_flags(&segs[n], last),
		                q->next[i]);
		i = q->next[i];
	}
	start_chain(q, head, count);
	return head;
}

uint16_t vqueue_add_indirect(struct vqueue *q, const struct vseg *segs, unsigned count)
{
	uint16_t head = take_desc(q);
	uint64_t table = guest_alloc(q->drv->g, 16 * count);

	for (unsigned n = 0; n < count; n++) {
		uint8_t *d = at(q, table) + 16 * n;

		st64(d, segs[n].gpa);
		st32(d + 8, segs[n].len);
		st16(d + 12, seg_flags(&segs[n], n + 1 == count));
		st16(d + 14, n + 1);
	}
	vqueue_put_desc(q, head, table, 16 * count, VRING_DESC_F_INDIRECT, 0);
	start_chain(q, head, 1);
	return head;
}

void vqueue_notify(struct vqueue *q)
{
	struct vdrv *d = q->drv;

	if (d->legacy) {
		board_out(&d->g->board, d->io + VIRTIO_PCI_QUEUE_NOTIFY, q->index, 2);
		return;
	}
	vdrv_set(d, COMMON(queue_select), q->index, 2);
	mmio_out(d->g,
	         d->notify + d->notify_step * vdrv_get(d, COMMON(queue_notify_off), 2),
	         q->index, 2);
}

bool vqueue_wants_notify(struct vqueue *q, uint16_t old)
{
	if (q->drv->features & 1ull << VIRTIO_RING_F_EVENT_IDX)
		return vring_need_event(vqueue_avail_event(q), q->avail_idx, old);
	return !(vqueue_used_flags(q) & VRING_USED_F_NO_NOTIFY);
}

/* ---- completion ---- */

static void complete(struct vqueue *q, uint32_t id, uint32_t len)
{
	struct vring_chain *chain = id < q->size ? &q->chains[id] : NULL;

	if (!chain || !chain->waiting) {
		q->wrong++;
		return;
	}
	chain->waiting = false;
	chain->len = len;
	q->waiting--;
	for (uint16_t i = id, n = chain->count; n--; i = q->next[i])
		give_desc(q, i);
}

unsigned vqueue_reap(struct vqueue *q)
{
	unsigned count = 0;

	for (; q->used_idx != vqueue_used_idx(q); q->used_idx++, count++) {
		uint8_t *entry = at(q, q->used) + 4 + 8 * (q->used_idx & (q->size - 1));

		complete(q, ld32(entry), ld32(entry + 4));
	}
	return count;
}

static bool all_done(void *opaque)
{
	struct vqueue *q = opaque;

	vqueue_reap(q);
	return !q->waiting;
}

bool vqueue_wait_all(struct vqueue *q)
{
	return board_until(&q->drv->g->board, all_done, q, WAIT_MS);
}

struct wait_one {
	struct vqueue *q;
	uint16_t head;
};

static bool one_done(void *opaque)
{
	struct wait_one *w = opaque;

	vqueue_reap(w->q);
	return !w->q->chains[w->head].waiting;
}

bool vqueue_wait(struct vqueue *q, uint16_t head, uint32_t *len)
{
	struct wait_one w = { q, head };
	bool ok = board_until(&q->drv->g->board, one_done, &w, WAIT_MS);

	*len = q->chains[head].len;
	return ok;
}

uint32_t vqueue_do(struct vqueue *q, const struct vseg *segs, unsigned count)
{
	uint16_t head = vqueue_add(q, segs, count);
	uint32_t len;

	vqueue_notify(q);
	return vqueue_wait(q, head, &len) ? len : UINT32_MAX;
}
