// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rings (xHCI 1.0, 4.9): events to the guest, and transfers from it.
 *
 * A transfer stays on its ring until it is done: a device without data leaves it there,
 * and the endpoint is looked at again when the device says so. So nothing of a transfer
 * is state. The event ring has one segment; while it is nearly full no work is begun, and
 * it goes on when the guest takes events out.
 */
#include "vmm/usb/xhci.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"

#include <errno.h>

#define BUDGET     4096 /* TRBs of one xhci_run() */
#define SPARE      2 /* events that there must be room for beyond those of a transfer */
#define MAX_EVENTS 4096

static struct mem *mem_of(const struct xhci *x)
{
	return x->pci.dev.vm->mem;
}

int xhci_fetch(struct xhci *x, struct xhci_ring *ring, struct xhci_trb *trb)
{
	for (unsigned i = 0; i <= XHCI_LINKS; i++) {
		uint8_t raw[XHCI_TRB];

		if (dma_read(mem_of(x), ring->dequeue, raw, sizeof(raw)) < 0)
			return -EINVAL;
		*trb = (struct xhci_trb){ ld64(raw), ld32(raw + 8), ld32(raw + 12),
			                  ring->dequeue };
		if ((trb->control & TRB_CYCLE) != ring->cycle)
			return 0;
		if (xhci_type(trb) != TRB_LINK) {
			ring->dequeue += XHCI_TRB;
			return 1;
		}
		ring->dequeue = trb->param & ~15ull;
		ring->cycle ^= !!(trb->control & TRB_TOGGLE);
	}
	return -EINVAL;
}

/* ---- events (4.9.4) ---- */

void xhci_event_start(struct xhci *x)
{
	uint8_t entry[16] = { 0 };

	x->event_index = x->event_size = 0;
	x->event_cycle = true;
	if (x->erst_size && !dma_read(mem_of(x), x->erst_base, entry, sizeof(entry)))
		x->event_size = ld16(entry + 8);
	x->event_base = ld64(entry) & ~63ull;
	/* 16 to 4096 (6.5). */
	if (x->event_size < 16 || x->event_size > MAX_EVENTS)
		x->event_size = 0;
}

/* Where the guest reads next; without a valid place the ring is full. */
static unsigned guest_index(const struct xhci *x)
{
	uint64_t at = ((x->erdp & ~15ull) - x->event_base) / XHCI_TRB;

	return at < x->event_size ? at : (x->event_index + 1) % x->event_size;
}

unsigned xhci_event_room(const struct xhci *x)
{
	unsigned used;

	if (!x->event_size)
		return 0;
	used = (x->event_index + x->event_size - guest_index(x)) % x->event_size;
	return x->event_size - 1 - used;
}

static void raise(struct xhci *x)
{
	x->usbsts |= XHCI_EVENT;
	if (x->erdp & XHCI_BUSY)
		return;
	x->erdp |= XHCI_BUSY;
	x->iman |= XHCI_PENDING;
	xhci_update_irq(x);
}

void xhci_event(struct xhci *x, uint64_t param, uint32_t status, uint32_t control)
{
	uint64_t at = x->event_base + x->event_index * XHCI_TRB;
	uint8_t raw[XHCI_TRB];

	if (!xhci_event_room(x))
		return;
	st64(raw, param);
	st32(raw + 8, status);
	st32(raw + 12, control | x->event_cycle);
	/* The half with the cycle bit last. */
	dma_write(mem_of(x), at, raw, 8);
	dma_write(mem_of(x), at + 8, raw + 8, 8);
	if (++x->event_index == x->event_size) {
		x->event_index = 0;
		x->event_cycle = !x->event_cycle;
	}
	raise(x);
}

void xhci_events_taken(struct xhci *x)
{
	if (!(x->erdp & XHCI_BUSY) && x->event_size && guest_index(x) != x->event_index)
		raise(x);
	if (x->starved)
		xhci_kick_all(x);
}

/* ---- endpoints ---- */

void xhci_put_ep(struct xhci *x, const struct xhci_slot *slot, unsigned ep)
{
	const struct xhci_ep *e = &slot->eps[ep];
	uint64_t at = slot->context + ep * XHCI_CONTEXT;
	uint8_t c[16];

	if (dma_read(mem_of(x), at, c, sizeof(c)) < 0)
		return;
	c[0] = (c[0] & ~7) | e->state;
	st64(c + 8, e->ring.dequeue | e->ring.cycle);
	dma_write(mem_of(x), at, c, sizeof(c));
}

static void transfer_event(struct xhci *x, unsigned slot, unsigned ep, uint64_t param,
                           enum xhci_code code, uint32_t len, uint32_t flags)
{
	xhci_event(x, param, code << 24 | (len & 0xffffff),
	           slot << 24 | ep << 16 | TRB_TRANSFER_EVENT << 10 | flags);
}

void xhci_tell_stopped(struct xhci *x, unsigned slot, unsigned ep)
{
	struct xhci_ring ring = x->slots[slot].eps[ep].ring;
	struct xhci_trb trb;

	if (xhci_fetch(x, &ring, &trb) > 0)
		transfer_event(x, slot, ep, trb.addr, CC_STOPPED, trb.status & 0x1ffff,
		               0);
}

/* ---- one transfer ---- */

static bool has_data(const struct xhci_trb *trb)
{
	return xhci_type(trb) <= TRB_DATA;
}

static uint32_t length_of(const struct xhci_trb *trb)
{
	return has_data(trb) ? trb->status & 0x1ffff : 0;
}

struct transfer {
	struct usb_xfer xfer;
	struct xhci *x;
	bool in, fault;
	unsigned at; /* TRB, and the byte in it */
	uint32_t offset;
};

static void copy_part(struct transfer *t, const struct xhci_trb *trb, void *buf,
                      uint32_t n)
{
	struct mem *mem = mem_of(t->x);
	uint64_t gpa = trb->param + t->offset;

	if (trb->control & TRB_IMMEDIATE) {
		if (t->in || t->offset + n > sizeof(trb->param))
			t->fault = true;
		else
			memcpy(buf, (const uint8_t *)&trb->param + t->offset, n);
	} else if ((t->in ? dma_write(mem, gpa, buf, n) : dma_read(mem, gpa, buf, n)) <
	           0) {
		t->fault = true;
	}
}

static void copy(struct usb_xfer *xfer, void *buf, uint32_t n)
{
	struct transfer *t = container_of(xfer, struct transfer, xfer);

	while (n && t->at < t->x->td_count) {
		const struct xhci_trb *trb = &t->x->td[t->at];
		uint32_t part = length_of(trb) - t->offset;

		if (part > n)
			part = n;
		if (part)
			copy_part(t, trb, buf, part);
		buf = (uint8_t *)buf + part;
		n -= part;
		xfer->done += part;
		t->offset += part;
		if (t->offset == length_of(trb)) {
			t->at++;
			t->offset = 0;
		}
	}
}

/* Reads the TRBs of the next transfer. 1, 0 when it is not there yet, -EINVAL. */
static int collect(struct xhci *x, struct xhci_ring *ring)
{
	int ret;

	for (x->td_count = 0; x->td_count < XHCI_TD;) {
		ret = xhci_fetch(x, ring, &x->td[x->td_count]);
		if (ret <= 0)
			return ret;
		if (!(x->td[x->td_count++].control & TRB_CHAIN))
			return 1;
	}
	return -EINVAL;
}

static struct usb_device *device_of(struct xhci *x, const struct xhci_slot *slot)
{
	return slot->port ? x->bus.devices[slot->port - 1] : NULL;
}

/* 0, USB_NAK, USB_STALL; a TRB that makes no sense here is a fault. */
static int transact(struct xhci *x, struct usb_device *usb, unsigned ep,
                    struct transfer *t)
{
	const struct xhci_trb *trb = &x->td[0];
	enum xhci_type type = xhci_type(trb);
	uint8_t setup[8];

	if (type == TRB_NOOP || type == TRB_EVENT_DATA)
		return 0;
	if (ep != USB_EP0 && type == TRB_NORMAL) {
		t->in = ep & 1;
		return usb->halted >> ep & 1 ? USB_STALL
		                             : usb->ops->transfer(usb, ep, &t->xfer);
	}
	if (ep == USB_EP0 && type == TRB_SETUP && trb->control & TRB_IMMEDIATE) {
		st64(setup, trb->param);
		usb_control_setup(usb, setup);
		t->xfer.done = t->xfer.len;
		return 0;
	}
	t->in = trb->control & TRB_IN;
	if (ep == USB_EP0 && type == TRB_DATA)
		return usb_control_data(usb, t->in, &t->xfer);
	if (ep == USB_EP0 && type == TRB_STATUS)
		return usb_control_status(usb);
	t->fault = true;
	return 0;
}

/* Tells what the guest wants to be told of a transfer that is done (4.10.1), of which
 * `left` bytes were moved. */
static void report(struct xhci *x, unsigned slot, unsigned ep, uint32_t left)
{
	bool is_short = false, told = false;
	uint32_t sum = 0;

	for (unsigned i = 0; i < x->td_count && !told; i++) {
		const struct xhci_trb *trb = &x->td[i];
		uint32_t len = length_of(trb), part = len < left ? len : left;
		bool data = xhci_type(trb) == TRB_EVENT_DATA;

		is_short |= part < len;
		left -= part;
		sum += part;
		if (!(trb->control & TRB_IOC) && !(is_short && trb->control & TRB_SHORT))
			continue;
		transfer_event(x, slot, ep, data ? trb->param : trb->addr,
		               is_short ? CC_SHORT_PACKET : CC_SUCCESS,
		               data ? sum : len - part, data ? TRB_IS_DATA : 0);
		told = is_short;
		if (data)
			sum = 0;
	}
}

/* The endpoint stops where it is, and the guest learns why. */
static void fail(struct xhci *x, unsigned slot, unsigned ep, enum xhci_code code,
                 const struct xhci_trb *trb)
{
	struct xhci_ep *e = &x->slots[slot].eps[ep];

	e->state = code == CC_TRB_ERROR ? EP_ERROR : EP_HALTED;
	xhci_put_ep(x, &x->slots[slot], ep);
	transfer_event(x, slot, ep, trb->addr, code, length_of(trb), 0);
}

static unsigned events_of(const struct xhci *x)
{
	unsigned n = SPARE;

	for (unsigned i = 0; i < x->td_count; i++)
		n += !!(x->td[i].control & (TRB_IOC | TRB_SHORT));
	/* More than there is ever room for waits for an empty ring. */
	return n < x->event_size ? n : x->event_size - 1;
}

/* There is room for so many events, or the work waits for it. */
static bool has_room(struct xhci *x, unsigned events)
{
	if (xhci_event_room(x) >= events)
		return true;
	x->starved = true;
	return false;
}

/* False: nothing is left to do, or there is no room to tell of it. */
static bool run_one(struct xhci *x, unsigned n, unsigned ep)
{
	struct xhci_slot *slot = &x->slots[n];
	struct xhci_ep *e = &slot->eps[ep];
	struct xhci_ring ring = e->ring;
	struct usb_device *usb = device_of(x, slot);
	struct transfer t = { .xfer = { .copy = copy }, .x = x };
	int ret;

	if (e->state != EP_RUNNING)
		return false;
	ret = collect(x, &ring);
	if (!ret)
		return false;
	if (!has_room(x, ret < 0 ? SPARE : events_of(x)))
		return false;
	if (ret < 0) {
		/* Where the ring is no ring. */
		fail(x, n, ep, CC_TRB_ERROR, &(struct xhci_trb){ .addr = ring.dequeue });
		return false;
	}
	for (unsigned i = 0; i < x->td_count; i++)
		t.xfer.len += length_of(&x->td[i]);
	ret = usb ? transact(x, usb, ep, &t) : 0;
	if (ret == USB_NAK)
		return false;
	if (!usb || t.fault || ret < 0) {
		fail(x, n, ep,
		     !usb      ? CC_TRANSACTION_ERROR
		     : t.fault ? CC_TRB_ERROR
		               : CC_STALL,
		     &x->td[0]);
		return false;
	}
	e->ring = ring;
	report(x, n, ep, t.xfer.done);
	return true;
}

/* ---- all of them ---- */

void xhci_kick(struct xhci *x, unsigned slot, unsigned ep)
{
	x->kicked |= 1ull << slot;
	x->slots[slot].kicked |= 1 << ep;
}

void xhci_kick_all(struct xhci *x)
{
	x->starved = false;
	xhci_kick(x, 0, 0);
	for (unsigned n = 1; n <= XHCI_SLOTS; n++)
		for (unsigned ep = USB_EP0; ep < USB_EPS; ep++)
			if (x->slots[n].eps[ep].state == EP_RUNNING)
				xhci_kick(x, n, ep);
	xhci_run(x);
}

static bool run_command(struct xhci *x)
{
	struct xhci_ring ring = x->commands;
	struct xhci_trb trb;

	/* A command may stop a transfer, and tell of both. */
	if (xhci_fetch(x, &ring, &trb) <= 0 || !has_room(x, SPARE))
		return false;
	x->commands = ring;
	x->td_count = 1;
	xhci_command(x, &trb);
	return true;
}

/* Works on one ring, of which more is done later when it is long. */
static void run_ring(struct xhci *x, unsigned slot, unsigned ep, unsigned *budget)
{
	x->slots[slot].kicked &= ~(1 << ep);
	while (slot ? run_one(x, slot, ep) : run_command(x)) {
		if (x->td_count < *budget) {
			*budget -= x->td_count;
			continue;
		}
		*budget = 0;
		xhci_kick(x, slot, ep);
		return;
	}
}

void xhci_run(struct xhci *x)
{
	unsigned budget = BUDGET;

	if (x->busy || !x->awake || x->usbsts & XHCI_HALTED ||
	    !(ld16(x->pci.config + PCI_COMMAND) & PCI_COMMAND_MASTER))
		return;
	x->busy = true;
	while (x->kicked && budget) {
		unsigned n = __builtin_ctzll(x->kicked);

		x->kicked &= ~(1ull << n);
		for (unsigned ep = 0; ep < USB_EPS && budget; ep++)
			if (x->slots[n].kicked >> ep & 1)
				run_ring(x, n, ep, &budget);
		if (x->slots[n].kicked)
			x->kicked |= 1ull << n;
	}
	x->busy = false;
	if (x->kicked)
		loop_timer_arm(&x->more, loop_now());
}
