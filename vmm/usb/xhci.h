/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the USB 3 host controller (xHCI 1.0; section numbers are its): xhci.c has the
 * registers and ports, xhci-ring.c events and transfers, xhci-cmd.c the command ring.
 * Machine lock everywhere.
 */
#ifndef VMM_USB_XHCI_H
#define VMM_USB_XHCI_H

#include "vmm/loop/loop.h"
#include "vmm/pci/pci.h"
#include "vmm/usb/usb.h"

enum {
	XHCI_SLOTS = 32, /* devices that the guest can address, numbered from 1 */
	XHCI_PORTS = 2 * USB_PORTS,
	XHCI_CONTEXT = 32, /* bytes of one (6.2) */
	XHCI_TRB = 16,     /* bytes of a transfer request block (4.11) */
	XHCI_TD = 512,     /* of them in one transfer, at most */
	XHCI_LINKS = 16,   /* links that are followed to find one */

	XHCI_RUN = 1 << 0, /* USBCMD (5.4.1) */
	XHCI_RESET = 1 << 1,
	XHCI_INTE = 1 << 2,
	XHCI_SAVE = 1 << 8,
	XHCI_RESTORE = 1 << 9,

	XHCI_HALTED = 1 << 0, /* USBSTS (5.4.2) */
	XHCI_EVENT = 1 << 3,
	XHCI_PORT_CHANGE = 1 << 4,
	XHCI_RESTORE_ERROR = 1 << 10,

	XHCI_PENDING = 1 << 0, /* IMAN (5.5.2.1) */
	XHCI_ENABLE = 1 << 1,
	XHCI_BUSY = 1 << 3, /* ERDP (5.5.2.3.3) */
};

/* TRB types (6.4.6). */
enum xhci_type {
	TRB_NORMAL = 1,
	TRB_SETUP = 2,
	TRB_DATA = 3,
	TRB_STATUS = 4,
	TRB_LINK = 6,
	TRB_EVENT_DATA = 7,
	TRB_NOOP = 8,
	TRB_ENABLE_SLOT = 9,
	TRB_DISABLE_SLOT,
	TRB_ADDRESS_DEVICE,
	TRB_CONFIGURE_EP,
	TRB_EVALUATE,
	TRB_RESET_EP,
	TRB_STOP_EP,
	TRB_SET_DEQUEUE,
	TRB_RESET_DEVICE,
	TRB_COMMAND_NOOP = 23,
	TRB_TRANSFER_EVENT = 32,
	TRB_COMMAND_EVENT = 33,
	TRB_PORT_EVENT = 34,
};

/* Completion codes (6.4.5). */
enum xhci_code {
	CC_SUCCESS = 1,
	CC_TRANSACTION_ERROR = 4,
	CC_TRB_ERROR = 5,
	CC_STALL = 6,
	CC_NO_SLOTS = 9,
	CC_SLOT_NOT_ENABLED = 11,
	CC_EP_NOT_ENABLED = 12,
	CC_SHORT_PACKET = 13,
	CC_PARAMETER_ERROR = 17,
	CC_CONTEXT_STATE_ERROR = 19,
	CC_RING_STOPPED = 24,
	CC_STOPPED = 26,
};

/* Bits of a TRB's last word (6.4). */
enum {
	TRB_CYCLE = 1 << 0,
	TRB_TOGGLE = 1 << 1,  /* of a link */
	TRB_SHORT = 1 << 2,   /* tell of a short packet */
	TRB_IS_DATA = 1 << 2, /* of an event */
	TRB_CHAIN = 1 << 4,
	TRB_IOC = 1 << 5,
	TRB_IMMEDIATE = 1 << 6,
	TRB_BLOCK_ADDRESS = 1 << 9, /* of Address Device */
	TRB_DECONFIGURE = 1 << 9,   /* of Configure Endpoint */
	TRB_IN = 1 << 16,
};

struct xhci_trb {
	uint64_t param;
	uint32_t status, control;
	uint64_t addr; /* where it was */
};

static inline enum xhci_type xhci_type(const struct xhci_trb *trb)
{
	return trb->control >> 10 & 63;
}

/* Where the controller reads next, and the cycle bit of what is there for it. */
struct xhci_ring {
	uint64_t dequeue;
	bool cycle;
};

enum xhci_ep_state {
	EP_DISABLED,
	EP_RUNNING,
	EP_HALTED,
	EP_STOPPED,
	EP_ERROR,
	EP_STATES
};

struct xhci_ep {
	uint8_t state; /* enum xhci_ep_state */
	struct xhci_ring ring;
};

enum xhci_slot_state { SLOT_ENABLED, SLOT_DEFAULT, SLOT_ADDRESSED, SLOT_CONFIGURED };

struct xhci_slot {
	bool enabled;
	uint8_t state;    /* enum xhci_slot_state; SLOT_ENABLED: the guest's context does
	                     not count */
	uint8_t port;     /* from 1; 0: none */
	uint64_t context; /* the output device context's address */
	struct xhci_ep eps[USB_EPS]; /* by number; 0 is not used */
	uint8_t kicked;              /* not state: 1 << number: look at its ring */
};

struct xhci {
	struct pci_device pci;
	/* properties */
	uint32_t p2, p3;
	int msix; /* enum opt_tri */
	/* state */
	uint32_t usbcmd, usbsts, dnctrl, config;
	uint64_t dcbaap;
	struct xhci_ring commands;
	uint32_t portsc[XHCI_PORTS];
	uint32_t iman, imod;
	uint32_t erst_size;
	uint64_t erst_base, erdp;
	uint64_t event_base; /* the one segment of the event ring */
	uint32_t event_size, event_index;
	bool event_cycle;
	struct xhci_slot slots[XHCI_SLOTS + 1]; /* 0 is not used */
	/* not state */
	struct usb_bus bus;
	struct region mmio;
	bool awake;      /* the machine runs */
	bool busy;       /* xhci_run() is under way */
	bool starved;    /* work waits until the event ring has room */
	uint64_t kicked; /* bit 0: the command ring; others: a slot */
	struct loop_timer more;
	/* the transfer under way */
	unsigned td_count;
	struct xhci_trb td[XHCI_TD];
};

/* xhci.c: after a change of what interrupts depend on. */
void xhci_update_irq(struct xhci *x);

/* xhci-ring.c */

/* Reads what is next on a ring, and moves on. 1; 0: nothing is there; -EINVAL: the ring
 * is not in memory, or a circle of links. */
int xhci_fetch(struct xhci *x, struct xhci_ring *ring, struct xhci_trb *trb);
/* The first entry of the event ring's table is read, and the ring is empty. */
void xhci_event_start(struct xhci *x);
/* Events that the ring has room for. */
unsigned xhci_event_room(const struct xhci *x);
/* An event, if there is room: its TRB without cycle. */
void xhci_event(struct xhci *x, uint64_t param, uint32_t status, uint32_t control);
/* The guest took events out. */
void xhci_events_taken(struct xhci *x);
/* An endpoint, with 0 and 0 the command ring, may have something to do; xhci_run() does
 * it. */
void xhci_kick(struct xhci *x, unsigned slot, unsigned ep);
void xhci_kick_all(struct xhci *x);
/* Works until nothing is left to do, or until it was a lot: then it goes on later. */
void xhci_run(struct xhci *x);
/* Writes an endpoint's state into the guest's context. */
void xhci_put_ep(struct xhci *x, const struct xhci_slot *slot, unsigned ep);
/* A transfer that waits is told to the guest as stopped. */
void xhci_tell_stopped(struct xhci *x, unsigned slot, unsigned ep);

/* xhci-cmd.c: one command, which is answered by an event. */
void xhci_command(struct xhci *x, const struct xhci_trb *trb);

#endif
