// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The USB 3 host controller and the devices on it, driven through rings in
 * memory as the specification has them (xHCI 1.0): registers, ports, commands,
 * control transfers, reports, what waits and what is told; hostile rings and
 * contexts; unplugging; state.
 */
#include "tests/dev/usb-lib.h"
#include "tests/tap.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/dev/pci-lib.h"
#include "vmm/display/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { EP_IN = USB_EP1_IN, CONNECTED = 1, PORT_ON = 2, CSC = 1 << 17, PRC = 1 << 21 };

/* ---- registers and ports ---- */

static void test_registers(void)
{
	struct usb_host h;

	host_init(&h, "p2=3,p3=2");
	tap_eq(ld32(h.x->pci.config), 0x000d1b36, "the function is 1b36:000d");
	tap_eq(ld32(h.x->pci.config + 8) >> 8, 0x0c0330, "of the class of xHCI");
	tap_eq(host_get(&h, 0), 0x01000040, "version 1.0");
	tap_eq(host_get(&h, 4), 5u << 24 | 1 << 8 | XHCI_SLOTS,
	       "slots, interrupters, ports");
	tap_eq(mem_in(&h.b, 0xc0000002, 2), 0x100, "half of a register");
	tap_eq(host_get(&h, 0x10) >> 16, 8, "extended capabilities follow");
	tap_eq(host_get(&h, 0x20), 0x02000402, "the protocol of USB 2");
	tap_eq(host_get(&h, 0x28), 3 << 8 | 1, "has the first ports");
	tap_eq(host_get(&h, 0x30), 0x03000002, "that of USB 3");
	tap_eq(host_get(&h, 0x38), 2 << 8 | 4, "has those behind");
	tap_eq(host_get(&h, R_STS), 1, "it is halted");
	tap_eq(host_port(&h, 1), 0x2a0, "a port without a device");
	tap_eq(host_port(&h, 6), 0, "there is no port behind the last");
	host_set(&h, R_DCBAAP, 0x12345678);
	host_set(&h, R_DCBAAP + 4, 7);
	tap_eq(host_get(&h, R_DCBAAP), 0x12345640, "pointers are aligned");
	tap_eq(host_get(&h, R_DCBAAP + 4), 7, "and have 64 bits");
	host_set(&h, R_CMD, XHCI_RESET);
	tap_eq(host_get(&h, R_DCBAAP), 0, "a reset clears them");
	host_free(&h);
	host_init(&h, "p3=0");
	tap_eq(host_get(&h, 0x20), 0x02000002, "p3=0 has one protocol");
	tap_eq(host_get(&h, 0x30), 0, "only");
	host_free(&h);
}

static void test_ports(void)
{
	struct usb_host h;
	struct trb event;
	struct usb_device *usb;

	host_init(&h, "");
	host_add(&h, &usb_tablet_class, "port=2");
	host_start(&h, 64);
	tap_eq(host_port(&h, 2) & (CONNECTED | PORT_ON | CSC), CONNECTED | CSC,
	       "a device is connected, its port is not enabled");
	tap_eq(host_port(&h, 2) >> 10 & 15, 3, "it is of high speed");
	host_set(&h, R_PORTSC + 16, CSC | 1 << 9);
	tap_eq(host_port(&h, 2) & CSC, 0, "a change is cleared by a 1");
	host_set(&h, R_PORTSC + 16, 1 << 4 | 1 << 9);
	tap_eq(host_port(&h, 2) & (PORT_ON | PRC | 15 << 5), PORT_ON | PRC,
	       "a reset enables it");
	tap_ok(host_event(&h, &event) && event.control >> 10 == TRB_PORT_EVENT &&
	               event.param >> 24 == 2,
	       "and is told");
	usb = host_add(&h, &usb_mouse_class, "");
	tap_eq(usb->port, 1, "a device without a port gets the first that is free");
	tap_ok(host_event(&h, &event) && event.param >> 24 == 1, "its coming is told");
	device_destroy(&usb->dev);
	tap_ok(!host_event(&h, &event), "one change is told once");
	tap_eq(host_port(&h, 1) & (CONNECTED | CSC), CSC, "it is gone");
	host_set(&h, R_PORTSC, 1 << 4 | 1 << 9);
	tap_eq(host_port(&h, 1) & PORT_ON, 0, "an empty port cannot be enabled");
	host_free(&h);
}

/* What is refused, and how. */
static void refused(struct usb_host *h, const char *opts, const char *why)
{
	struct err err = { 0 };

	tap_ok(!device_create_simple(&h->b.vm, &usb_kbd_class, opts, &err) &&
	               strstr(err.text, why),
	       "%s: %s", opts, err.text);
	err_clear(&err);
}

static void test_places(void)
{
	struct usb_host h;
	struct err err = { 0 };

	host_init(&h, "id=u,p2=2");
	refused(&h, "bus=v.0", "no bus 'v.0'");
	refused(&h, "port=3", "ports 1 to 2");
	refused(&h, "port=1.2", "no hubs");
	tap_str(host_add(&h, &usb_kbd_class, "bus=u.0,port=2")->dev.path,
	        "pci/00:01.0/qemu-xhci/2", "its path");
	refused(&h, "port=2", "taken by usb-kbd");
	host_add(&h, &usb_kbd_class, "bus=u");
	refused(&h, "", "all 2 ports");
	host_free(&h);
	board_init(&h.b, true);
	refused(&h, "", "-device qemu-xhci before it");
	tap_ok(!device_create_simple(&h.b.vm, &xhci_class, "p2=16", &err), "p2=16: %s",
	       err.text);
	err_clear(&err);
	board_free(&h.b);
}

/* ---- commands and control transfers ---- */

static void test_commands(void)
{
	struct usb_host h;
	unsigned slot = 0, other = 0;
	uint8_t *context;

	host_init(&h, "");
	host_add(&h, &usb_tablet_class, "");
	host_start(&h, 64);
	tap_eq(host_command(&h, TRB_COMMAND_NOOP, 0, 0, NULL), CC_SUCCESS, "no-op");
	tap_eq(host_command(&h, 60, 0, 0, NULL), CC_TRB_ERROR, "no such command");
	tap_eq(host_command(&h, TRB_DISABLE_SLOT, 0, 1 << 24, NULL), CC_SLOT_NOT_ENABLED,
	       "no such slot");
	slot = host_address(&h, 1);
	tap_eq(slot, 1, "a device has slot 1");
	context = h.ram + CONTEXTS + 0x400;
	tap_eq(ld32(context + 12), 2u << 27 | 1, "and an address");
	tap_eq(h.x->bus.devices[0]->addr, 1, "which info usb shows");
	tap_eq(ld32(context + 0x20) & 7, 1, "endpoint 0 runs");
	tap_eq(host_command(&h, TRB_ADDRESS_DEVICE, INPUT, 1 << 24, NULL),
	       CC_CONTEXT_STATE_ERROR, "once is enough");
	host_command(&h, TRB_ENABLE_SLOT, 0, 0, &other);
	tap_eq(host_command(&h, TRB_ADDRESS_DEVICE, INPUT, other << 24, NULL),
	       CC_TRANSACTION_ERROR, "one device has one slot");
	st32(h.ram + INPUT + 0x24, 9 << 16);
	tap_eq(host_command(&h, TRB_ADDRESS_DEVICE, INPUT, other << 24, NULL),
	       CC_TRANSACTION_ERROR, "a port that does not exist");
	tap_eq(host_command(&h, TRB_DISABLE_SLOT, 0, other << 24, NULL), CC_SUCCESS,
	       "a slot is given back");
	tap_eq(host_command(&h, TRB_STOP_EP, 0, 1 << 24 | 3 << 16, NULL),
	       CC_EP_NOT_ENABLED, "an endpoint that is not there");
	tap_eq(host_command(&h, TRB_STOP_EP, 0, 1 << 24 | 1 << 16, NULL), CC_SUCCESS,
	       "one that is stops");
	tap_eq(ld32(context + 0x20) & 7, EP_STOPPED, "as its context tells");
	tap_eq(host_command(&h, TRB_STOP_EP, 0, 1 << 24 | 1 << 16, NULL),
	       CC_CONTEXT_STATE_ERROR, "but not twice");
	tap_eq(host_command(&h, TRB_RESET_EP, 0, 1 << 24 | 1 << 16, NULL),
	       CC_CONTEXT_STATE_ERROR, "only what is halted is reset");
	tap_eq(host_command(&h, TRB_RESET_DEVICE, 0, 1 << 24, NULL), CC_SUCCESS,
	       "a reset of the device");
	tap_eq(ld32(context + 12), 1u << 27, "takes its address");
	for (unsigned i = 0; i < 5; i++)
		host_command(&h, TRB_ENABLE_SLOT, 0, 0, &other);
	host_set(&h, R_CONFIG, 6);
	tap_eq(host_command(&h, TRB_ENABLE_SLOT, 0, 0, &other), CC_NO_SLOTS,
	       "not more slots than the driver wants");
	host_free(&h);
}

static void get(struct usb_host *h, unsigned slot, uint16_t setup, uint16_t value,
                uint16_t len, const char *want, const char *what)
{
	unsigned code = host_control(h, slot, setup >> 8, setup, value, 0, &len);

	if (want)
		tap_str(code == CC_SUCCESS ? host_bytes(h, 0, len) : "failed", want, "%s",
		        what);
	else
		tap_eq(code, CC_STALL, "%s", what);
}

/* As a driver does after a stall. */
static void go_on(struct usb_host *h, unsigned slot, unsigned ep)
{
	struct host_ring *ring = &h->rings[slot][ep];
	uint32_t which = slot << 24 | ep << 16;

	tap_eq(host_command(h, TRB_RESET_EP, 0, which, NULL), CC_SUCCESS,
	       "a halted endpoint is reset");
	tap_eq(host_command(h, TRB_SET_DEQUEUE,
	                    (ring->base + ring->at * 16) | ring->cycle, which, NULL),
	       CC_SUCCESS, "and its ring goes on behind");
}

static void test_control(void)
{
	struct usb_host h;
	unsigned slot, left = 0;

	host_init(&h, "");
	host_add(&h, &usb_tablet_class, "serial=7");
	host_start(&h, 64);
	slot = host_address(&h, 1);
	get(&h, slot, 0x8006, 0x100, 18, "120100020000004027060100000001020301",
	    "the device descriptor");
	get(&h, slot, 0x8006, 0x100, 8, "1201000200000040", "the first bytes of it");
	host_put(&h, &h.rings[slot][1], 0x0004000001000680, 8,
	         TRB_SETUP << 10 | TRB_IMMEDIATE | 3 << 16);
	host_put(&h, &h.rings[slot][1], BUFFER, 64, TRB_DATA << 10 | TRB_IOC | TRB_IN);
	host_set(&h, R_DOORBELL + 4 * slot, 1);
	host_done(&h, slot, 1, &left);
	tap_eq(left, 60, "not more than was asked for");
	host_put(&h, &h.rings[slot][1], 0, 0, TRB_STATUS << 10);
	host_set(&h, R_DOORBELL + 4 * slot, 1);
	get(&h, slot, 0x8006, 0x200, 255,
	    "09022200010100a032"
	    "0904000001030000000921110100012248"
	    "0007058103080004",
	    "the configuration");
	get(&h, slot, 0x8006, 0x600, 64, "0a060002000000400100", "the qualifier");
	get(&h, slot, 0x8006, 0x300, 64, "04030904", "languages");
	get(&h, slot, 0x8006, 0x301, 64,
	    "0a0351004500"
	    "4d005500",
	    "the vendor");
	get(&h, slot, 0x8006, 0x303, 64, "04033700", "the serial number");
	get(&h, slot, 0x8106, 0x2100, 64, "092111010001224800", "the HID descriptor");
	get(&h, slot, 0x8008, 0, 1, "00", "no configuration");
	get(&h, slot, 0x8000, 0, 2, "0000", "status");
	get(&h, slot, 0x0009, 1, 0, "", "it is configured");
	get(&h, slot, 0x8008, 0, 1, "01", "which it tells");
	get(&h, slot, 0x0003, 1, 0, "", "it may wake the host");
	get(&h, slot, 0x8000, 0, 2, "0200", "and tells so");
	get(&h, slot, 0x0001, 1, 0, "", "or not");
	get(&h, slot, 0x210a, 0x500, 0, "", "an idle rate");
	get(&h, slot, 0xa102, 0, 1, "05", "is kept");
	get(&h, slot, 0x210b, 0, 0, "", "a protocol");
	get(&h, slot, 0xa103, 0, 1, "00", "as well");
	get(&h, slot, 0x8006, 0x304, 64, NULL, "no such string");
	go_on(&h, slot, 1);
	get(&h, slot, 0x0009, 2, 0, NULL, "no such configuration");
	go_on(&h, slot, 1);
	get(&h, slot, 0x2109, 0x200, 1, NULL, "a tablet has no lights");
	go_on(&h, slot, 1);
	get(&h, slot, 0x2109, 0x200, 0xffff, NULL, "nor room for 65535 bytes");
	go_on(&h, slot, 1);
	get(&h, slot, 0x8008, 0, 1, "01", "nothing of this breaks it");
	host_free(&h);
}

/* ---- transfers ---- */

static void test_transfers(void)
{
	struct usb_host h;
	struct input *in;
	struct trb event;
	struct host_ring *ring;
	unsigned slot, left = 0;

	host_init(&h, "");
	in = h.b.vm.input;
	host_add(&h, &usb_tablet_class, "");
	host_start(&h, 64);
	slot = host_configure(&h, 1, 1 << EP_IN);
	ring = &h.rings[slot][EP_IN];
	host_give(&h, slot, EP_IN, 0, 3, TRB_CHAIN);
	tap_eq(host_done(&h, slot, EP_IN, NULL), 0, "half a transfer waits");
	input_point(in, 0x102, 0x304);
	host_give(&h, slot, EP_IN, 100, 8, 0);
	tap_eq(host_done(&h, slot, EP_IN, &left), CC_SUCCESS, "its first part is full");
	tap_eq(host_done(&h, slot, EP_IN, &left), CC_SHORT_PACKET, "its second is not");
	tap_eq(left, 5, "by so many bytes");
	tap_str(host_bytes(&h, 0, 3), "000201", "the data are in both:");
	tap_str(host_bytes(&h, 100, 3), "040300", "here, too");
	/* An event data TRB tells the sum. */
	host_put(&h, ring, BUFFER, 8, TRB_NORMAL << 10 | TRB_CHAIN);
	host_put(&h, ring, 0x1234567890, 0, TRB_EVENT_DATA << 10 | TRB_IOC);
	host_set(&h, R_DOORBELL + 4 * slot, EP_IN);
	input_point(in, 1, 2);
	tap_ok(host_event(&h, &event) && event.param == 0x1234567890 &&
	               (event.status & 0xffffff) == 6 && event.control & TRB_IS_DATA,
	       "event data");
	tap_eq(event.status >> 24, CC_SHORT_PACKET, "of a short packet");
	host_free(&h);
}

static void test_stopped(void)
{
	struct usb_host h;
	struct input *in;
	struct trb event;
	struct host_ring *ring;
	unsigned slot;

	host_init(&h, "");
	in = h.b.vm.input;
	host_add(&h, &usb_tablet_class, "");
	host_start(&h, 64);
	slot = host_configure(&h, 1, 1 << EP_IN);
	ring = &h.rings[slot][EP_IN];
	host_give(&h, slot, EP_IN, 0, 8, 0);
	host_put(&h, &h.commands, 0, 0, slot << 24 | EP_IN << 16 | TRB_STOP_EP << 10);
	host_set(&h, R_DOORBELL, 0);
	tap_ok(host_event(&h, &event) &&
	               event.control >> 10 ==
	                       (slot << 14 | EP_IN << 6 | TRB_TRANSFER_EVENT) &&
	               event.param == ring->base + (ring->at - 1) * 16 &&
	               event.status == (CC_STOPPED << 24 | 8),
	       "what waits is told as stopped");
	tap_ok(host_event(&h, &event) &&
	               event.control >> 10 == (slot << 14 | TRB_COMMAND_EVENT) &&
	               event.status == CC_SUCCESS << 24,
	       "then the command is done");
	input_point(in, 7, 7);
	tap_eq(host_done(&h, slot, EP_IN, NULL), 0, "a stopped endpoint tells nothing");
	tap_eq(ld64(h.ram + CONTEXTS + 0x400 * slot + 0x20 * EP_IN + 8),
	       (ring->base + (ring->at - 1) * 16) | ring->cycle,
	       "its context says where it stopped");
	host_set(&h, R_DOORBELL + 4 * slot, EP_IN);
	host_report(&h, slot, "000700070000", "a doorbell starts it again");
	for (unsigned i = 0; i < 3 * RING_LEN; i++) {
		input_point(in, i, i);
		if (host_done(&h, slot, EP_IN, NULL) != CC_SHORT_PACKET ||
		    ld16(h.ram + BUFFER + 1) != i)
			tap_ok(false, "report %u", i);
		host_give(&h, slot, EP_IN, 0, 8, 0);
	}
	tap_ok(true, "the ring goes round and round");
	host_free(&h);
}

static void test_full_ring(void)
{
	struct usb_host h;
	struct input *in;
	struct trb event;
	unsigned slot, n = 0, last = 0;

	host_init(&h, "");
	in = h.b.vm.input;
	host_add(&h, &usb_tablet_class, "");
	host_start(&h, 16);
	slot = host_configure(&h, 1, 1 << EP_IN);
	for (unsigned i = 0; i < 60; i++)
		host_put(&h, &h.rings[slot][EP_IN], BUFFER + 8 * i, 8,
		         TRB_NORMAL << 10 | TRB_IOC);
	host_set(&h, R_DOORBELL + 4 * slot, EP_IN);
	for (unsigned i = 1; i <= 20; i++)
		input_buttons(in, i & 1 ? 1 : 0), input_point(in, i, 0);
	for (unsigned i = 0; i < 16; i++)
		n += ld32(h.ram + EVENTS + 16 * i + 12) >> 10 == TRB_TRANSFER_EVENT;
	tap_ok(n < 16, "the event ring is not overrun");
	for (n = 0; host_event(&h, &event); n++)
		last = (event.param - h.rings[slot][EP_IN].base) / 16;
	tap_ok(n > 16, "and goes on when events are taken out: %u came", n);
	tap_eq(ld16(h.ram + BUFFER + 8 * last + 1), 20, "with the last position");
	host_free(&h);
}

static void test_interrupts(void)
{
	struct usb_host h;
	struct trb event;
	unsigned slot;

	host_init(&h, "msix=off");
	host_add(&h, &usb_tablet_class, "");
	host_start(&h, 64);
	tap_ok(!h.x->pci.intx_level, "the line is low");
	slot = host_configure(&h, 1, 1 << EP_IN);
	host_set(&h, R_IMAN, XHCI_PENDING | XHCI_ENABLE);
	tap_ok(!h.x->pci.intx_level, "and after the interrupt was acknowledged");
	host_give(&h, slot, EP_IN, 0, 8, 0);
	tap_ok(!h.x->pci.intx_level, "an endpoint that waits leaves it so");
	input_point(h.b.vm.input, 3, 3);
	tap_ok(h.x->pci.intx_level, "an event raises it");
	tap_eq(host_get(&h, R_STS) & XHCI_EVENT, XHCI_EVENT, "which the status tells");
	host_set(&h, R_IMAN, XHCI_PENDING | XHCI_ENABLE);
	tap_ok(!h.x->pci.intx_level, "acknowledged");
	host_give(&h, slot, EP_IN, 0, 8, 0);
	input_point(h.b.vm.input, 4, 4);
	tap_ok(!h.x->pci.intx_level, "while the driver is busy no other event raises it");
	host_set(&h, R_ERDP, (EVENTS + h.event_at * 16) | XHCI_BUSY);
	tap_ok(h.x->pci.intx_level, "it comes again while events are left");
	while (host_event(&h, &event))
		;
	host_set(&h, R_IMAN, XHCI_PENDING | XHCI_ENABLE);
	host_set(&h, R_ERDP, (EVENTS + h.event_at * 16) | XHCI_BUSY);
	tap_ok(!h.x->pci.intx_level, "and not when none is");
	host_set(&h, R_IMAN, 0);
	host_give(&h, slot, EP_IN, 0, 8, 0);
	input_point(h.b.vm.input, 5, 5);
	tap_ok(!h.x->pci.intx_level, "nor when the driver wants none");
	host_free(&h);
}

/* An endpoint that the guest halts in the device (USB 2.0, 9.4.5). */
static void test_halt(void)
{
	struct usb_host h;
	uint16_t len = 0;
	unsigned slot;

	host_init(&h, "");
	host_add(&h, &usb_tablet_class, "");
	host_start(&h, 64);
	slot = host_configure(&h, 1, 1 << EP_IN);
	host_control(&h, slot, 2, 3, 0, 0x81, &len);
	len = 2;
	host_control(&h, slot, 0x82, 0, 0, 0x81, &len);
	tap_str(host_bytes(&h, 0, 2), "0100", "an endpoint says that it is halted");
	host_give(&h, slot, EP_IN, 0, 8, 0);
	tap_eq(host_done(&h, slot, EP_IN, NULL), CC_STALL, "and is");
	len = 0;
	host_control(&h, slot, 2, 1, 0, 0x81, &len);
	go_on(&h, slot, EP_IN);
	host_give(&h, slot, EP_IN, 0, 8, 0);
	input_point(h.b.vm.input, 5, 5);
	host_report(&h, slot, "000500050000", "until it is told otherwise");
	host_set(&h, R_CMD, XHCI_INTE);
	input_point(h.b.vm.input, 6, 6);
	tap_eq(host_done(&h, slot, EP_IN, NULL), 0, "a halted controller does nothing");
	host_set(&h, R_CMD, XHCI_RUN | XHCI_INTE);
	host_report(&h, slot, "000600060000", "and goes on when it runs");
	host_command(&h, TRB_RESET_DEVICE, 0, slot << 24, NULL);
	tap_eq(host_command(&h, TRB_STOP_EP, 0, slot << 24 | EP_IN << 16, NULL),
	       CC_EP_NOT_ENABLED, "a reset of the device takes its endpoints");
	pci_config_write(&h.x->pci, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	host_set(&h, R_DOORBELL, 0);
	tap_eq(host_command(&h, TRB_COMMAND_NOOP, 0, 0, NULL), 0,
	       "one that is no bus master does nothing");
	host_free(&h);
}

/* ---- suspended, unplugged ---- */

static void test_unplugged(void)
{
	struct usb_host h;
	struct usb_device *usb;
	unsigned slot, next;

	host_init(&h, "");
	usb = host_add(&h, &usb_tablet_class, "");
	host_start(&h, 64);
	slot = host_configure(&h, 1, 1 << EP_IN);
	host_give(&h, slot, EP_IN, 0, 8, 0);
	device_destroy(&usb->dev);
	tap_eq(host_port(&h, 1) & (CONNECTED | CSC), CSC, "a device leaves its port");
	host_add(&h, &usb_kbd_class, "port=1");
	host_set(&h, R_DOORBELL + 4 * slot, EP_IN);
	tap_eq(host_done(&h, slot, EP_IN, NULL), CC_TRANSACTION_ERROR,
	       "its slot does not reach the next one");
	next = host_configure(&h, 1, 1 << EP_IN);
	tap_ok(next && next != slot, "that has its own");
	host_give(&h, next, EP_IN, 0, 8, 0);
	input_key(h.b.vm.input, 0x1e, true);
	host_report(&h, next, "0000040000000000", "and works");
	device_unplug(&h.x->pci.dev);
	tap_ok(!h.b.vm.usb_buses, "the controller leaves with what is on it");
	board_free(&h.b);
	munmap(h.ram, USB_RAM);
}

/* ---- hostile guests ---- */

static void test_hostile(void)
{
	struct usb_host h;
	unsigned slot, left = 0;
	uint64_t ring;

	host_init(&h, "");
	host_add(&h, &usb_tablet_class, "");
	host_start(&h, 64);
	slot = host_configure(&h, 1, 1 << EP_IN);
	ring = h.rings[slot][EP_IN].base;
	/* A link to itself. */
	st64(h.ram + ring, ring);
	st32(h.ram + ring + 12, TRB_LINK << 10 | 1);
	host_set(&h, R_DOORBELL + 4 * slot, EP_IN);
	tap_eq(host_done(&h, slot, EP_IN, NULL), CC_TRB_ERROR, "a ring of links only");
	tap_eq(host_command(&h, TRB_SET_DEQUEUE, (1ull << 62) | 1,
	                    slot << 24 | EP_IN << 16, NULL),
	       CC_SUCCESS, "a ring beyond all memory");
	host_set(&h, R_DOORBELL + 4 * slot, EP_IN);
	tap_eq(host_done(&h, slot, EP_IN, NULL), CC_TRB_ERROR, "is told when it is used");
	/* A transfer without an end, of the largest pieces. */
	for (unsigned i = 0; i < 63; i++) {
		st64(h.ram + ring + 16 * i, BUFFER);
		st32(h.ram + ring + 16 * i + 8, 0x1ffff);
		st32(h.ram + ring + 16 * i + 12, TRB_NORMAL << 10 | TRB_CHAIN | 1);
	}
	st32(h.ram + ring + 63 * 16 + 12, TRB_LINK << 10 | 1);
	st64(h.ram + ring + 63 * 16, ring);
	host_command(&h, TRB_SET_DEQUEUE, ring | 1, slot << 24 | EP_IN << 16, NULL);
	host_set(&h, R_DOORBELL + 4 * slot, EP_IN);
	tap_eq(host_done(&h, slot, EP_IN, NULL), CC_TRB_ERROR,
	       "a transfer without an end");
	/* A buffer that is not there. */
	st64(h.ram + ring, 1ull << 40);
	st32(h.ram + ring + 12, TRB_NORMAL << 10 | TRB_IOC | 1);
	st32(h.ram + ring + 28, 0);
	host_command(&h, TRB_SET_DEQUEUE, ring | 1, slot << 24 | EP_IN << 16, NULL);
	host_set(&h, R_DOORBELL + 4 * slot, EP_IN);
	input_point(h.b.vm.input, 1, 1);
	tap_eq(host_done(&h, slot, EP_IN, &left), CC_TRB_ERROR, "a buffer beyond memory");
	/* A control ring that never ends keeps nobody else from working. */
	ring = h.rings[slot][1].base;
	for (unsigned i = 0; i < 63; i++) {
		st64(h.ram + ring + 16 * i, 0x0002000000000080);
		st32(h.ram + ring + 16 * i + 8, 8);
		st32(h.ram + ring + 16 * i + 12, TRB_SETUP << 10 | TRB_IMMEDIATE | 1);
	}
	st32(h.ram + ring + 63 * 16 + 12, TRB_LINK << 10 | 1);
	st64(h.ram + ring + 63 * 16, ring);
	host_command(&h, TRB_STOP_EP, 0, slot << 24 | 1 << 16, NULL);
	host_command(&h, TRB_SET_DEQUEUE, ring | 1, slot << 24 | 1 << 16, NULL);
	mem_out(&h.b, 0xc0000000 + R_DOORBELL + 4 * slot, 1, 4);
	tap_ok(loop_run_once(h.b.vm.loop, 0), "an endless ring is worked on in pieces");
	tap_eq(host_get(&h, R_STS) & XHCI_HALTED, 0, "between which it answers");
	mem_out(&h.b, 0xc0000000 + R_CMD, XHCI_RESET, 4);
	board_settle(&h.b);
	tap_eq(board_wakeups(&h.b, 50), 0, "until a reset");
	host_free(&h);
}

static void test_bad_contexts(void)
{
	struct usb_host h;
	unsigned slot;

	host_init(&h, "");
	host_add(&h, &usb_tablet_class, "");
	host_start(&h, 64);
	host_command(&h, TRB_ENABLE_SLOT, 0, 0, &slot);
	tap_eq(host_command(&h, TRB_ADDRESS_DEVICE, 1ull << 40, slot << 24, NULL),
	       CC_PARAMETER_ERROR, "an input context beyond memory");
	tap_eq(host_command(&h, TRB_CONFIGURE_EP, INPUT, slot << 24, NULL),
	       CC_CONTEXT_STATE_ERROR, "a device without an address");
	host_command(&h, TRB_DISABLE_SLOT, 0, slot << 24, NULL);
	slot = host_address(&h, 1);
	st32(h.ram + INPUT + 4, 1 | 1u << 31);
	tap_eq(host_command(&h, TRB_CONFIGURE_EP, INPUT, slot << 24, NULL),
	       CC_PARAMETER_ERROR, "an endpoint that no device has");
	tap_eq(host_command(&h, TRB_STOP_EP, 0, slot << 24 | 31 << 16, NULL),
	       CC_EP_NOT_ENABLED, "and its ring");
	host_set(&h, R_DOORBELL + 4 * slot, 31);
	host_set(&h, R_DOORBELL + 4 * 255, 1);
	host_set(&h, R_DOORBELL, 3);
	tap_eq(host_command(&h, TRB_COMMAND_NOOP, 0, 0, NULL), CC_SUCCESS,
	       "doorbells of nobody");
	host_set(&h, R_ERDP, EVENTS - 16);
	tap_eq(host_command(&h, TRB_COMMAND_NOOP, 0, 0, NULL), 0,
	       "a driver that reads beside its event ring hears nothing");
	host_set(&h, R_ERDP, EVENTS + h.event_at * 16);
	st32(h.ram + ERST + 8, 8);
	host_set(&h, R_ERSTBA, ERST);
	tap_eq(host_command(&h, TRB_COMMAND_NOOP, 0, 0, NULL), 0,
	       "an event ring that is too short is none");
	host_free(&h);
}

/* ---- state ---- */

static void test_state(void)
{
	struct usb_host a, b;
	struct device *tablet, *other;
	unsigned slot;

	host_init(&a, "");
	tablet = &host_add(&a, &usb_tablet_class, "")->dev;
	host_start(&a, 64);
	slot = host_configure(&a, 1, 1 << EP_IN);
	host_give(&a, slot, EP_IN, 0, 8, 0);
	input_point(a.b.vm.input, 1, 1);
	tap_eq(host_done(&a, slot, EP_IN, NULL), CC_SHORT_PACKET,
	       "a report before the move");
	host_give(&a, slot, EP_IN, 0, 8, 0);
	devices_quiesce(&a.b.vm);
	input_point(a.b.vm.input, 2, 2);
	tap_eq(host_done(&a, slot, EP_IN, NULL), 0,
	       "a machine that stands writes nothing");
	input_buttons(a.b.vm.input, 1);
	host_init(&b, "");
	other = &host_add(&b, &usb_tablet_class, "")->dev;
	devices_quiesce(&b.b.vm);
	memcpy(b.ram, a.ram, USB_RAM);
	memcpy(b.rings, a.rings, sizeof(b.rings));
	b.event_at = a.event_at;
	b.event_len = a.event_len;
	b.event_cycle = a.event_cycle;
	b.commands = a.commands;
	tap_ok(board_copy_state(&a.x->pci.dev, &b.x->pci.dev), "the controller's state");
	tap_ok(board_copy_state(tablet, other), "the tablet's");
	devices_resume(&b.b.vm);
	host_report(&b, slot, "000200020000",
	            "what came while it stood is told elsewhere");
	host_report(&b, slot, "010200020000", "all of it");
	input_point(b.b.vm.input, 9, 9);
	host_report(&b, slot, "000900090000", "it goes on");
	host_free(&a);
	host_free(&b);
}

int main(void)
{
	test_registers();
	test_ports();
	test_places();
	test_commands();
	test_control();
	test_transfers();
	test_stopped();
	test_full_ring();
	test_interrupts();
	test_halt();
	test_unplugged();
	test_hostile();
	test_bad_contexts();
	test_state();
	return tap_done();
}
