// SPDX-License-Identifier: GPL-2.0-or-later
/* The driver of an xHCI controller. */
#include "tests/dev/usb-lib.h"

#include "common/bytes.h"
#include "tests/dev/pci-lib.h"
#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BAR 0xc0000000u

void host_init(struct usb_host *h, const char *opts)
{
	struct err err = { 0 };

	*h = (struct usb_host){ .ram = mem_alloc(USB_RAM, &err) };
	board_init(&h->b, true);
	if (!h->ram ||
	    mem_add_ram(h->b.vm.mem, "ram", 0, USB_RAM, h->ram, false, &err) < 0) {
		tap_diag("%s", err.text);
		exit(1);
	}
	h->x = (struct xhci *)board_add(&h->b, &xhci_class, opts);
	pci_config_write(&h->x->pci, PCI_BASE_ADDRESS_0, BAR, 4);
	pci_config_write(&h->x->pci, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
	                 2);
}

void host_free(struct usb_host *h)
{
	board_free(&h->b);
	munmap(h->ram, USB_RAM);
}

uint32_t host_get(struct usb_host *h, unsigned reg)
{
	return mem_in(&h->b, BAR + reg, 4);
}

void host_set(struct usb_host *h, unsigned reg, uint32_t value)
{
	mem_out(&h->b, BAR + reg, value, 4);
	board_settle(&h->b);
}

void host_start(struct usb_host *h, unsigned events)
{
	memset(h->ram, 0, BUFFER);
	h->event_len = events;
	h->event_at = 0;
	h->event_cycle = true;
	h->commands = (struct host_ring){ COMMANDS, 0, true };
	st64(h->ram + ERST, EVENTS);
	st32(h->ram + ERST + 8, events);
	host_set(h, R_CMD, XHCI_RESET);
	host_set(h, R_CONFIG, XHCI_SLOTS);
	host_set(h, R_DCBAAP, DCBAA);
	host_set(h, R_CRCR, COMMANDS | 1);
	host_set(h, R_ERSTSZ, 1);
	host_set(h, R_ERDP, EVENTS);
	host_set(h, R_ERSTBA, ERST);
	host_set(h, R_IMAN, XHCI_ENABLE);
	host_set(h, R_CMD, XHCI_RUN | XHCI_INTE);
}

bool host_event(struct usb_host *h, struct trb *event)
{
	const uint8_t *raw = h->ram + EVENTS + h->event_at * 16;

	*event = (struct trb){ ld64(raw), ld32(raw + 8), ld32(raw + 12) };
	if ((event->control & 1) != h->event_cycle)
		return false;
	if (++h->event_at == h->event_len) {
		h->event_at = 0;
		h->event_cycle = !h->event_cycle;
	}
	host_set(h, R_ERDP, (EVENTS + h->event_at * 16) | XHCI_BUSY);
	return true;
}

bool host_event_of(struct usb_host *h, enum xhci_type type, struct trb *event)
{
	while (host_event(h, event))
		if ((event->control >> 10 & 63) == type)
			return true;
	return false;
}

static void write_trb(uint8_t *at, uint64_t param, uint32_t status, uint32_t control)
{
	st64(at, param);
	st32(at + 8, status);
	st32(at + 12, control);
}

uint64_t host_put(struct usb_host *h, struct host_ring *ring, uint64_t param,
                  uint32_t status, uint32_t control)
{
	uint64_t at;

	if (ring->at == RING_LEN - 1) {
		write_trb(h->ram + ring->base + ring->at * 16, ring->base, 0,
		          TRB_LINK << 10 | TRB_TOGGLE | (control & TRB_CHAIN) |
		                  ring->cycle);
		ring->at = 0;
		ring->cycle = !ring->cycle;
	}
	at = ring->base + ring->at++ * 16;
	write_trb(h->ram + at, param, status, control | ring->cycle);
	return at;
}

unsigned host_command(struct usb_host *h, enum xhci_type type, uint64_t param,
                      uint32_t control, unsigned *slot)
{
	uint64_t at = host_put(h, &h->commands, param, 0, control | type << 10);
	struct trb event;

	host_set(h, R_DOORBELL, 0);
	while (host_event_of(h, TRB_COMMAND_EVENT, &event)) {
		if (event.param != at)
			continue;
		if (slot)
			*slot = event.control >> 24;
		return event.status >> 24;
	}
	return 0;
}

static struct host_ring *new_ring(struct usb_host *h, unsigned slot, unsigned ep)
{
	struct host_ring *ring = &h->rings[slot][ep];

	*ring = (struct host_ring){ RINGS + slot * 0x2000 + ep * 0x400, 0, true };
	memset(h->ram + ring->base, 0, 0x400);
	return ring;
}

/* The input context of a command: its flags, and endpoints. */
static void put_input(struct usb_host *h, unsigned slot, unsigned port, unsigned add)
{
	uint8_t *in = h->ram + INPUT;

	memset(in, 0, 0x400);
	st32(in + 4, add);
	st32(in + 0x20, 31u << 27);
	st32(in + 0x24, port << 16);
	for (unsigned ep = 1; ep < USB_EPS; ep++)
		if (add >> ep & 1) {
			st32(in + 0x20 * (ep + 1) + 4, 4 << 3 | 8 << 16);
			st64(in + 0x20 * (ep + 1) + 8, new_ring(h, slot, ep)->base | 1);
		}
}

unsigned host_address(struct usb_host *h, unsigned port)
{
	unsigned slot = 0;

	host_set(h, R_PORTSC + 16 * (port - 1), 1 << 4 | 1 << 9);
	if (host_command(h, TRB_ENABLE_SLOT, 0, 0, &slot) != CC_SUCCESS)
		return 0;
	st64(h->ram + DCBAA + 8 * slot, CONTEXTS + 0x400 * slot);
	put_input(h, slot, port, 3);
	return host_command(h, TRB_ADDRESS_DEVICE, INPUT, slot << 24, NULL) == CC_SUCCESS
	               ? slot
	               : 0;
}

unsigned host_configure(struct usb_host *h, unsigned port, unsigned eps)
{
	unsigned slot = host_address(h, port);
	uint16_t none = 0;

	put_input(h, slot, port, 1 | eps);
	if (!slot ||
	    host_command(h, TRB_CONFIGURE_EP, INPUT, slot << 24, NULL) != CC_SUCCESS ||
	    host_control(h, slot, 0, 9, 1, 0, &none) != CC_SUCCESS)
		return 0;
	return slot;
}

unsigned host_control(struct usb_host *h, unsigned slot, uint8_t type, uint8_t request,
                      uint16_t value, uint16_t index, uint16_t *len)
{
	struct host_ring *ring = &h->rings[slot][1];
	bool in = type & 0x80;
	unsigned code, left = 0;

	host_put(h, ring,
	         type | request << 8 | (uint32_t)value << 16 | (uint64_t)index << 32 |
	                 (uint64_t)*len << 48,
	         8, TRB_SETUP << 10 | TRB_IMMEDIATE | (*len ? 2 + in : 0) << 16);
	if (*len)
		host_put(h, ring, BUFFER, *len,
		         TRB_DATA << 10 | TRB_SHORT | (in ? TRB_IN : 0));
	host_put(h, ring, 0, 0, TRB_STATUS << 10 | TRB_IOC | (in && *len ? 0 : TRB_IN));
	host_set(h, R_DOORBELL + 4 * slot, 1);
	code = host_done(h, slot, 1, &left);
	if (code == CC_SHORT_PACKET) {
		*len -= left;
		code = host_done(h, slot, 1, &left);
	}
	return code;
}

void host_give(struct usb_host *h, unsigned slot, unsigned ep, unsigned offset,
               unsigned len, uint32_t flags)
{
	host_put(h, &h->rings[slot][ep], BUFFER + offset, len,
	         TRB_NORMAL << 10 | TRB_IOC | flags);
	host_set(h, R_DOORBELL + 4 * slot, ep);
}

unsigned host_done(struct usb_host *h, unsigned slot, unsigned ep, unsigned *left)
{
	struct trb event;

	while (host_event_of(h, TRB_TRANSFER_EVENT, &event)) {
		if (event.control >> 24 != slot || (event.control >> 16 & 31) != ep)
			continue;
		if (left)
			*left = event.status & 0xffffff;
		return event.status >> 24;
	}
	return 0;
}

struct usb_device *host_add(struct usb_host *h, const struct device_class *cls,
                            const char *opts)
{
	return (struct usb_device *)board_add(&h->b, cls, opts);
}

uint32_t host_port(struct usb_host *h, unsigned n)
{
	return host_get(h, R_PORTSC + 16 * (n - 1));
}

const char *host_bytes(struct usb_host *h, unsigned offset, unsigned len)
{
	static char text[400];

	text[0] = '\0';
	for (unsigned i = 0; i < len && i < 190; i++)
		snprintf(text + 2 * i, 3, "%02x", h->ram[BUFFER + offset + i]);
	return text;
}

void host_report(struct usb_host *h, unsigned slot, const char *want, const char *what)
{
	unsigned left = 0, code = host_done(h, slot, USB_EP1_IN, &left);

	if (want)
		tap_str(code ? host_bytes(h, 0, 8 - left) : "none", want, "%s", what);
	host_give(h, slot, USB_EP1_IN, 0, 8, 0);
}
