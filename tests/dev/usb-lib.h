/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver of an xHCI controller on a board without vCPUs, as the specification has it
 * (xHCI 1.0, chapter 4). Failures of the board itself end the program. */
#ifndef TESTS_DEV_USB_LIB_H
#define TESTS_DEV_USB_LIB_H

#include "tests/dev/legacy-lib.h"
#include "vmm/usb/xhci.h"

/* Guest memory. */
enum {
	USB_RAM = 1 << 20,
	DCBAA = 0x1000,
	COMMANDS = 0x2000, /* a ring */
	ERST = 0x3000,
	EVENTS = 0x4000,
	INPUT = 0x6000,    /* input context */
	CONTEXTS = 0x8000, /* 0x400 each */
	RINGS = 0x20000,   /* of slot N from N * 0x2000 on: of each endpoint 0x400 */
	BUFFER = 0xf0000,
	RING_LEN = 0x400 / 16,
};

/* Registers of operation and runtime. */
enum {
	R_CMD = 0x40,
	R_STS = 0x44,
	R_CRCR = 0x58,
	R_DCBAAP = 0x70,
	R_CONFIG = 0x78,
	R_PORTSC = 0x440,
	R_IMAN = 0x1020,
	R_ERSTSZ = 0x1028,
	R_ERSTBA = 0x1030,
	R_ERDP = 0x1038,
	R_DOORBELL = 0x2000,
};

struct trb {
	uint64_t param;
	uint32_t status, control;
};

/* A ring of the driver's: where it writes next. */
struct host_ring {
	uint64_t base;
	unsigned at;
	bool cycle;
};

struct usb_host {
	struct board b;
	uint8_t *ram;
	struct xhci *x;
	unsigned event_len, event_at;
	bool event_cycle;
	struct host_ring commands, rings[XHCI_SLOTS + 1][USB_EPS];
};

/* A board with the controller, whose BAR is placed. */
void host_init(struct usb_host *h, const char *opts);
void host_free(struct usb_host *h);
uint32_t host_get(struct usb_host *h, unsigned reg);
void host_set(struct usb_host *h, unsigned reg, uint32_t value);
/* Sets up rings and runs it; events: TRBs of the event ring. */
void host_start(struct usb_host *h, unsigned events);
/* The next event is taken out; false: there is none. */
bool host_event(struct usb_host *h, struct trb *event);
/* Events that are no such type are dropped. */
bool host_event_of(struct usb_host *h, enum xhci_type type, struct trb *event);
/* Puts a TRB on a ring, its address. */
uint64_t host_put(struct usb_host *h, struct host_ring *ring, uint64_t param,
                  uint32_t status, uint32_t control);
/* A command; its completion code. slot: NULL, or from the event. */
unsigned host_command(struct usb_host *h, enum xhci_type type, uint64_t param,
                      uint32_t control, unsigned *slot);
/* Resets the port, and gives its device a slot with an address: its number. 0: failed. */
unsigned host_address(struct usb_host *h, unsigned port);
/* The same for its endpoints in `eps` (1 << number), and sets the configuration. */
unsigned host_configure(struct usb_host *h, unsigned port, unsigned eps);
/* A request of the default endpoint: the completion code, and the data in BUFFER, whose
 * length is set. */
unsigned host_control(struct usb_host *h, unsigned slot, uint8_t type, uint8_t request,
                      uint16_t value, uint16_t index, uint16_t *len);
/* Gives an endpoint a buffer at BUFFER + offset; rings. */
void host_give(struct usb_host *h, unsigned slot, unsigned ep, unsigned offset,
               unsigned len, uint32_t flags);
/* The event of a transfer: its code and the bytes that were not moved, or 0. */
unsigned host_done(struct usb_host *h, unsigned slot, unsigned ep, unsigned *left);

/* A device, started. */
struct usb_device *host_add(struct usb_host *h, const struct device_class *cls,
                            const char *opts);
/* PORTSC, from 1. */
uint32_t host_port(struct usb_host *h, unsigned n);
/* Bytes at BUFFER + offset, in hexadecimal; of the last call. */
const char *host_bytes(struct usb_host *h, unsigned offset, unsigned len);
/* The report that came is `want` (NULL: any), in hexadecimal, or "none"; the endpoint
 * gets its buffer again. */
void host_report(struct usb_host *h, unsigned slot, const char *want, const char *what);

#endif
