// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command ring's commands (xHCI 1.0, 4.6): slots, contexts and the states of
 * endpoints. Contexts are the guest's memory; what counts of them is copied when the
 * guest says so, and nothing that it writes there later is believed.
 */
#include "vmm/usb/xhci.h"

#include "common/bytes.h"
#include "vmm/core/vm.h"

/* Of a slot context (6.2.2), by its words. */
enum {
	SLOT_ROUTE = 0xfffff, /* of the first */
	SLOT_ENTRIES = 0x1fu << 27,
	SLOT_LATENCY = 0xffff,      /* of the second; above it the port */
	SLOT_TARGET = 0x3ffu << 22, /* of the third */
	EP_PACKET = 0xffffu << 16,  /* of an endpoint context's second (6.2.3) */
	A_SLOT = 1 << 0,            /* flags of an input control context (6.2.5.1) */
	A_EP0 = 1 << 1,
};

struct context {
	uint32_t words[XHCI_CONTEXT / 4];
};

static bool get(struct xhci *x, uint64_t at, struct context *c)
{
	return dma_read(x->pci.dev.vm->mem, at, c, sizeof(*c)) >= 0;
}

static bool put(struct xhci *x, uint64_t at, const struct context *c)
{
	return dma_write(x->pci.dev.vm->mem, at, c, sizeof(*c)) >= 0;
}

/* Takes bits of a word of one context into another. */
static bool merge(struct xhci *x, uint64_t to, uint64_t from, unsigned word,
                  uint32_t mask)
{
	struct context new, own;

	if (!get(x, from, &new) || !get(x, to, &own))
		return false;
	own.words[word] = (own.words[word] & ~mask) | (new.words[word] & mask);
	return put(x, to, &own);
}

/* The guest's view of a slot's state. */
static bool put_state(struct xhci *x, unsigned n)
{
	const struct xhci_slot *slot = &x->slots[n];
	struct context c;

	if (!get(x, slot->context, &c))
		return false;
	c.words[3] = (uint32_t)slot->state << 27 | (slot->state > SLOT_DEFAULT ? n : 0);
	return put(x, slot->context, &c);
}

/* An endpoint as its input context describes it. */
static bool start_ep(struct xhci *x, struct xhci_slot *slot, unsigned ep, uint64_t input)
{
	struct context c;
	struct xhci_ep *e = &slot->eps[ep];

	if (!get(x, input + (ep + 1) * XHCI_CONTEXT, &c))
		return false;
	e->state = EP_RUNNING;
	e->ring.dequeue = ((uint64_t)c.words[3] << 32 | c.words[2]) & ~15ull;
	e->ring.cycle = c.words[2] & 1;
	c.words[0] = (c.words[0] & ~7u) | EP_RUNNING;
	return put(x, slot->context + ep * XHCI_CONTEXT, &c);
}

static void stop_ep(struct xhci *x, struct xhci_slot *slot, unsigned ep)
{
	if (slot->eps[ep].state == EP_DISABLED)
		return;
	slot->eps[ep].state = EP_DISABLED;
	xhci_put_ep(x, slot, ep);
}

static enum xhci_code enable_slot(struct xhci *x, unsigned *n)
{
	unsigned most = x->config & 0xff;

	for (*n = 1; *n <= XHCI_SLOTS && *n <= most; ++*n) {
		if (x->slots[*n].enabled)
			continue;
		x->slots[*n] = (struct xhci_slot){ .enabled = true };
		return CC_SUCCESS;
	}
	*n = 0;
	return CC_NO_SLOTS;
}

static bool port_taken(const struct xhci *x, unsigned port)
{
	for (unsigned n = 1; n <= XHCI_SLOTS; n++)
		if (x->slots[n].port == port)
			return true;
	return false;
}

/* 4.6.5. The device learns its address, which is the slot's number. */
static enum xhci_code address_device(struct xhci *x, unsigned n,
                                     const struct xhci_trb *trb)
{
	struct xhci_slot *slot = &x->slots[n];
	bool block = trb->control & TRB_BLOCK_ADDRESS;
	uint64_t input = trb->param & ~15ull, context;
	struct context control, c;
	unsigned port;

	if (slot->state > (block ? SLOT_ENABLED : SLOT_DEFAULT))
		return CC_CONTEXT_STATE_ERROR;
	if (dma_read(x->pci.dev.vm->mem, x->dcbaap + n * 8, &context, 8) < 0 ||
	    !get(x, input, &control) || control.words[0] ||
	    control.words[1] != (A_SLOT | A_EP0) || !get(x, input + XHCI_CONTEXT, &c))
		return CC_PARAMETER_ERROR;
	port = c.words[1] >> 16 & 0xff;
	if (c.words[0] & SLOT_ROUTE || !port || port > x->bus.ports ||
	    !x->bus.devices[port - 1] || (slot->port != port && port_taken(x, port)))
		return CC_TRANSACTION_ERROR;
	slot->context = context & ~63ull;
	if (!put(x, slot->context, &c) || !start_ep(x, slot, USB_EP0, input))
		return CC_PARAMETER_ERROR;
	slot->port = port;
	slot->state = block ? SLOT_DEFAULT : SLOT_ADDRESSED;
	x->bus.devices[port - 1]->addr = block ? 0 : n;
	return put_state(x, n) ? CC_SUCCESS : CC_PARAMETER_ERROR;
}

/* 4.6.6 */
static enum xhci_code configure(struct xhci *x, unsigned n, const struct xhci_trb *trb)
{
	struct xhci_slot *slot = &x->slots[n];
	bool off = trb->control & TRB_DECONFIGURE;
	uint64_t input = trb->param & ~15ull;
	struct context control = { { 0 } };
	uint32_t drop, add;

	if (slot->state < SLOT_ADDRESSED)
		return CC_CONTEXT_STATE_ERROR;
	if (!off && !get(x, input, &control))
		return CC_PARAMETER_ERROR;
	drop = off ? ~3u : control.words[0];
	add = control.words[1];
	if (!off && (drop & 3 || (add & 3) != A_SLOT || add >> USB_EPS))
		return CC_PARAMETER_ERROR;
	for (unsigned ep = 2; ep < USB_EPS; ep++) {
		if (drop >> ep & 1)
			stop_ep(x, slot, ep);
		if (add >> ep & 1 && !start_ep(x, slot, ep, input))
			return CC_PARAMETER_ERROR;
	}
	if (!off && !merge(x, slot->context, input + XHCI_CONTEXT, 0, SLOT_ENTRIES))
		return CC_PARAMETER_ERROR;
	slot->state = off ? SLOT_ADDRESSED : SLOT_CONFIGURED;
	return put_state(x, n) ? CC_SUCCESS : CC_PARAMETER_ERROR;
}

/* 4.6.7 */
static enum xhci_code evaluate(struct xhci *x, unsigned n, const struct xhci_trb *trb)
{
	const struct xhci_slot *slot = &x->slots[n];
	uint64_t input = trb->param & ~15ull, first = input + XHCI_CONTEXT;
	struct context control;

	if (slot->state < SLOT_DEFAULT)
		return CC_CONTEXT_STATE_ERROR;
	if (!get(x, input, &control) || control.words[0])
		return CC_PARAMETER_ERROR;
	if (control.words[1] & A_SLOT &&
	    (!merge(x, slot->context, first, 1, SLOT_LATENCY) ||
	     !merge(x, slot->context, first, 2, SLOT_TARGET)))
		return CC_PARAMETER_ERROR;
	if (control.words[1] & A_EP0 &&
	    !merge(x, slot->context + XHCI_CONTEXT, first + XHCI_CONTEXT, 1, EP_PACKET))
		return CC_PARAMETER_ERROR;
	return CC_SUCCESS;
}

/* 4.6.8 to 4.6.10 */
static enum xhci_code change_ep(struct xhci *x, unsigned n, const struct xhci_trb *trb)
{
	unsigned ep = trb->control >> 16 & 31;
	struct xhci_slot *slot = &x->slots[n];
	struct xhci_ep *e = &slot->eps[ep < USB_EPS ? ep : 0];

	if (ep >= USB_EPS || e->state == EP_DISABLED)
		return CC_EP_NOT_ENABLED;
	switch (xhci_type(trb)) {
	case TRB_RESET_EP:
		if (e->state != EP_HALTED)
			return CC_CONTEXT_STATE_ERROR;
		break;
	case TRB_STOP_EP:
		if (e->state != EP_RUNNING)
			return CC_CONTEXT_STATE_ERROR;
		xhci_tell_stopped(x, n, ep);
		break;
	default:
		if (e->state != EP_STOPPED && e->state != EP_ERROR)
			return CC_CONTEXT_STATE_ERROR;
		e->ring.dequeue = trb->param & ~15ull;
		e->ring.cycle = trb->param & 1;
	}
	e->state = EP_STOPPED;
	xhci_put_ep(x, slot, ep);
	return CC_SUCCESS;
}

/* 4.6.11 */
static enum xhci_code reset_device(struct xhci *x, unsigned n)
{
	struct xhci_slot *slot = &x->slots[n];

	if (slot->state < SLOT_ADDRESSED)
		return CC_CONTEXT_STATE_ERROR;
	for (unsigned ep = 2; ep < USB_EPS; ep++)
		stop_ep(x, slot, ep);
	slot->state = SLOT_DEFAULT;
	put_state(x, n);
	return CC_SUCCESS;
}

static enum xhci_code run(struct xhci *x, unsigned *n, const struct xhci_trb *trb)
{
	enum xhci_type type = xhci_type(trb);

	if (type == TRB_COMMAND_NOOP)
		return CC_SUCCESS;
	if (type == TRB_ENABLE_SLOT)
		return enable_slot(x, n);
	if (type < TRB_ENABLE_SLOT || type > TRB_RESET_DEVICE)
		return CC_TRB_ERROR;
	if (!*n || *n > XHCI_SLOTS || !x->slots[*n].enabled)
		return CC_SLOT_NOT_ENABLED;
	switch (type) {
	case TRB_DISABLE_SLOT:
		x->slots[*n] = (struct xhci_slot){ 0 };
		return CC_SUCCESS;
	case TRB_ADDRESS_DEVICE:
		return address_device(x, *n, trb);
	case TRB_CONFIGURE_EP:
		return configure(x, *n, trb);
	case TRB_EVALUATE:
		return evaluate(x, *n, trb);
	case TRB_RESET_DEVICE:
		return reset_device(x, *n);
	default:
		return change_ep(x, *n, trb);
	}
}

void xhci_command(struct xhci *x, const struct xhci_trb *trb)
{
	unsigned n = trb->control >> 24;
	enum xhci_code code = run(x, &n, trb);

	xhci_event(x, trb->addr, code << 24, n << 24 | TRB_COMMAND_EVENT << 10);
}
