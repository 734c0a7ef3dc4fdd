// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registers of a USB 3 host controller (xHCI 1.0, chapter 5) and its ports, laid out
 * as in QEMU's qemu-xhci: one interrupter, an event ring of one segment. Ports 1 to p2
 * are USB 2's, on which all devices are; those of USB 3 behind them stay empty.
 *
 * Nothing runs by itself: work begins with a doorbell, or with what a device has to say.
 * Context for the guest's power management is not saved (USBSTS.SRE tells), so that its
 * driver sets the controller up again.
 */
#include "vmm/usb/xhci.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"

#include <errno.h>

enum {
	/* Where the groups of registers are. */
	OPERATIONAL = 0x40,
	PORTS = 0x440,
	RUNTIME = 0x1000,
	INTERRUPTER = 0x1020,
	DOORBELLS = 0x2000,
	MMIO_SIZE = 0x3000,
	MSIX_TABLE = 0x3000,
	MSIX_PBA = 0x3800,
	BAR_SIZE = 0x4000,

	/* Operational registers (5.4). */
	USBCMD = 0x00,
	USBSTS = 0x04,
	PAGESIZE = 0x08,
	DNCTRL = 0x14,
	CRCR = 0x18,
	DCBAAP = 0x30,
	CONFIG = 0x38,

	CRCR_STOP = 1 << 1,
	CRCR_ABORT = 1 << 2,
	CRCR_RUNNING = 1 << 3,
	CMD_KEPT = XHCI_RUN | XHCI_INTE | 1 << 3 | 1 << 10,
	STS_CLEARED = 1 << 2 | XHCI_EVENT | XHCI_PORT_CHANGE | XHCI_RESTORE_ERROR,

	/* Of an interrupter (5.5.2). */
	IMAN = 0x00,
	IMOD = 0x04,
	ERSTSZ = 0x08,
	ERSTBA = 0x10,
	ERDP = 0x18,

	/* PORTSC (5.4.8) */
	PORT_CONNECTED = 1 << 0,
	PORT_ENABLED = 1 << 1,
	PORT_RESET = 1 << 4,
	PORT_LINK = 15 << 5,
	PORT_POWER = 1 << 9,
	PORT_HIGH_SPEED = 3 << 10,
	PORT_STROBE = 1 << 16, /* the write sets PORT_LINK */
	PORT_CSC = 1 << 17,
	PORT_PRC = 1 << 21,
	PORT_PLC = 1 << 22,
	PORT_CHANGES = 0x7f << 17,
	PORT_KEPT = 3 << 14 | 7 << 25, /* indicators, what wakes */

	LINK_U0 = 0 << 5,
	LINK_U3 = 3 << 5,
	LINK_RX_DETECT = 5 << 5,
	LINK_POLLING = 7 << 5,
	LINK_RESUME = 15 << 5,

	MFINDEX_NS = 125000,
};

void xhci_update_irq(struct xhci *x)
{
	bool on =
		x->usbcmd & XHCI_INTE && x->iman & XHCI_PENDING && x->iman & XHCI_ENABLE;

	if (on && pci_msix_enabled(&x->pci)) {
		x->iman &= ~XHCI_PENDING;
		pci_msix_notify(&x->pci, 0);
		on = false;
	}
	pci_intx_set(&x->pci, on);
}

/* ---- ports ---- */

static unsigned port_count(const struct xhci *x)
{
	return x->p2 + x->p3;
}

static void port_changed(struct xhci *x, unsigned port, uint32_t change)
{
	uint32_t *portsc = &x->portsc[port - 1];

	if (*portsc & change)
		return;
	*portsc |= change;
	if (x->usbsts & XHCI_HALTED)
		return;
	x->usbsts |= XHCI_PORT_CHANGE;
	if (x->awake)
		xhci_event(x, (uint64_t)port << 24, CC_SUCCESS << 24,
		           TRB_PORT_EVENT << 10);
}

static uint32_t idle_port(const struct xhci *x, unsigned port)
{
	return PORT_POWER | (port <= x->bus.ports && x->bus.devices[port - 1]
	                             ? PORT_CONNECTED | PORT_HIGH_SPEED | LINK_POLLING
	                             : LINK_RX_DETECT);
}

static void bus_changed(struct usb_bus *bus, unsigned port)
{
	struct xhci *x = container_of(bus, struct xhci, bus);
	uint32_t *portsc = &x->portsc[port - 1];

	/* Slots never speak with another device than that which they were made for. */
	for (unsigned n = 1; n <= XHCI_SLOTS; n++)
		if (x->slots[n].port == port)
			x->slots[n].port = 0;
	*portsc = idle_port(x, port) | (*portsc & (PORT_KEPT | PORT_CHANGES));
	port_changed(x, port, PORT_CSC);
}

static void set_link(struct xhci *x, unsigned port, uint32_t link)
{
	x->portsc[port - 1] = (x->portsc[port - 1] & ~PORT_LINK) | link;
}

static void bus_wake(struct usb_bus *bus, struct usb_device *usb, unsigned ep)
{
	struct xhci *x = container_of(bus, struct xhci, bus);

	if ((x->portsc[usb->port - 1] & PORT_LINK) == LINK_U3 && usb->remote_wakeup) {
		set_link(x, usb->port, LINK_RESUME);
		port_changed(x, usb->port, PORT_PLC);
	}
	for (unsigned n = 1; n <= XHCI_SLOTS; n++)
		if (x->slots[n].port == usb->port)
			xhci_kick(x, n, ep);
	xhci_run(x);
}

static void reset_port(struct xhci *x, unsigned port)
{
	if (!(x->portsc[port - 1] & PORT_CONNECTED))
		return;
	usb_reset(x->bus.devices[port - 1]);
	x->portsc[port - 1] |= PORT_ENABLED;
	set_link(x, port, LINK_U0);
	port_changed(x, port, PORT_PRC);
}

static void write_port(struct xhci *x, unsigned port, uint32_t value)
{
	uint32_t *portsc = &x->portsc[port - 1], link = value & PORT_LINK;
	uint32_t was = *portsc & PORT_LINK;

	*portsc &= ~(value & PORT_CHANGES) & ~PORT_KEPT;
	*portsc |= value & PORT_KEPT;
	if (value & PORT_ENABLED)
		*portsc &= ~PORT_ENABLED;
	if (value & PORT_RESET) {
		reset_port(x, port);
	} else if (value & PORT_STROBE && *portsc & PORT_ENABLED) {
		if (link == LINK_U3 || (link == LINK_RESUME && was == LINK_U3))
			set_link(x, port, link);
		if (link == LINK_U0 && was != LINK_U0) {
			set_link(x, port, link);
			port_changed(x, port, PORT_PLC);
		}
	}
}

/* ---- life of the controller ---- */

static void reset_registers(struct xhci *x)
{
	x->usbcmd = x->dnctrl = x->config = 0;
	x->usbsts = XHCI_HALTED;
	x->dcbaap = x->erst_base = x->erdp = x->event_base = 0;
	x->commands = (struct xhci_ring){ 0 };
	x->iman = x->erst_size = x->event_size = x->event_index = 0;
	x->imod = 4000;
	x->event_cycle = true;
	memset(x->slots, 0, sizeof(x->slots));
	x->kicked = 0;
	x->starved = false;
	loop_timer_disarm(&x->more);
	for (unsigned port = 1; port <= port_count(x); port++) {
		x->portsc[port - 1] = idle_port(x, port);
		if (x->portsc[port - 1] & PORT_CONNECTED)
			x->portsc[port - 1] |= PORT_CSC;
	}
	xhci_update_irq(x);
}

static void write_usbcmd(struct xhci *x, uint32_t value)
{
	bool runs = value & XHCI_RUN, ran = x->usbcmd & XHCI_RUN;

	if (value & XHCI_RESET) {
		reset_registers(x);
		return;
	}
	if (value & XHCI_RESTORE)
		x->usbsts |= XHCI_RESTORE_ERROR;
	x->usbcmd = value & CMD_KEPT;
	x->usbsts &= ~XHCI_HALTED;
	x->usbsts |= runs ? 0 : XHCI_HALTED;
	xhci_update_irq(x);
	if (runs && !ran)
		xhci_kick_all(x);
}

/* ---- registers ---- */

/* One half of a register of 64 bits. */
static uint64_t set_half(uint64_t was, unsigned offset, uint32_t value)
{
	return offset & 4 ? (was & UINT32_MAX) | (uint64_t)value << 32
	                  : (was & ~(uint64_t)UINT32_MAX) | value;
}

static uint32_t get_half(uint64_t value, unsigned offset)
{
	return value >> (offset & 4 ? 32 : 0);
}

static uint32_t read_capability(const struct xhci *x, unsigned offset)
{
	/* The last ones are "Supported Protocol" (7.2). */
	const uint32_t usb = 'U' | 'S' << 8 | 'B' << 16 | ' ' << 24;
	const uint32_t regs[OPERATIONAL / 4] = {
		OPERATIONAL | 0x100 << 16,
		XHCI_SLOTS | 1 << 8 | port_count(x) << 24,
		0xf,
		0,
		1 | 0x20 / 4 << 16, /* addresses of 64 bits, where the last ones are */
		DOORBELLS,
		RUNTIME,
		0,
		2 | (x->p3 ? 4 << 8 : 0) | 2 << 24,
		usb,
		1 | x->p2 << 8,
		0,
		2 | 3 << 24,
		usb,
		(x->p2 + 1) | x->p3 << 8,
		0,
	};

	return offset < 0x30 || x->p3 ? regs[offset / 4] : 0;
}

static uint32_t read_operational(const struct xhci *x, unsigned offset)
{
	switch (offset) {
	case USBCMD:
		return x->usbcmd;
	case USBSTS:
		return x->usbsts;
	case PAGESIZE:
		return 1;
	case DNCTRL:
		return x->dnctrl;
	case CRCR:
		return x->usbsts & XHCI_HALTED ? 0 : CRCR_RUNNING;
	case DCBAAP:
	case DCBAAP + 4:
		return get_half(x->dcbaap, offset);
	case CONFIG:
		return x->config;
	}
	return 0;
}

static uint32_t read_interrupter(const struct xhci *x, unsigned offset)
{
	switch (offset) {
	case IMAN:
		return x->iman;
	case IMOD:
		return x->imod;
	case ERSTSZ:
		return x->erst_size;
	case ERSTBA:
	case ERSTBA + 4:
		return get_half(x->erst_base, offset);
	case ERDP:
	case ERDP + 4:
		return get_half(x->erdp, offset);
	}
	return 0;
}

static uint32_t read_register(const struct xhci *x, unsigned offset)
{
	unsigned port = (offset - PORTS) / 16;

	if (offset < OPERATIONAL)
		return read_capability(x, offset);
	if (offset < PORTS)
		return read_operational(x, offset - OPERATIONAL);
	if (offset < RUNTIME)
		return port < port_count(x) && !(offset & 12) ? x->portsc[port] : 0;
	if (offset == RUNTIME)
		return loop_now() / MFINDEX_NS & 0x3fff;
	if (offset >= INTERRUPTER && offset < INTERRUPTER + 0x20)
		return read_interrupter(x, offset - INTERRUPTER);
	return 0;
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
	uint64_t value = read_register(opaque, offset & ~3ull);

	return value >> (offset & 3) * 8;
}

/* 5.4.5. The ring cannot be moved while it runs. */
static void write_crcr(struct xhci *x, unsigned offset, uint32_t value)
{
	if (offset == CRCR && value & (CRCR_STOP | CRCR_ABORT) &&
	    !(x->usbsts & XHCI_HALTED)) {
		xhci_event(x, x->commands.dequeue, CC_RING_STOPPED << 24,
		           TRB_COMMAND_EVENT << 10);
		return;
	}
	if (offset == CRCR)
		x->commands.cycle = value & 1;
	x->commands.dequeue = set_half(x->commands.dequeue, offset,
	                               offset == CRCR ? value & ~63u : value);
}

static void write_operational(struct xhci *x, unsigned offset, uint32_t value)
{
	switch (offset) {
	case USBCMD:
		write_usbcmd(x, value);
		break;
	case USBSTS:
		x->usbsts &= ~(value & STS_CLEARED);
		break;
	case DNCTRL:
		x->dnctrl = value & 0xffff;
		break;
	case CRCR:
	case CRCR + 4:
		write_crcr(x, offset, value);
		break;
	case DCBAAP:
	case DCBAAP + 4:
		x->dcbaap = set_half(x->dcbaap, offset, value) & ~63ull;
		break;
	case CONFIG:
		x->config = value & 0xff;
		break;
	}
}

static void write_interrupter(struct xhci *x, unsigned offset, uint32_t value)
{
	bool taken = value & XHCI_BUSY;

	switch (offset) {
	case IMAN:
		x->iman &= ~(value & XHCI_PENDING) & ~XHCI_ENABLE;
		x->iman |= value & XHCI_ENABLE;
		xhci_update_irq(x);
		break;
	case IMOD:
		x->imod = value;
		break;
	case ERSTSZ:
		x->erst_size = value & 0xffff;
		break;
	case ERSTBA:
	case ERSTBA + 4:
		x->erst_base = set_half(x->erst_base, offset, value) & ~63ull;
		/* Guests of 32 bits leave the upper half alone. */
		xhci_event_start(x);
		break;
	case ERDP:
		value = (value & ~(uint32_t)XHCI_BUSY) |
		        (taken ? 0 : x->erdp & XHCI_BUSY);
		/* fall through */
	case ERDP + 4:
		x->erdp = set_half(x->erdp, offset, value);
		if (offset == ERDP)
			xhci_events_taken(x);
		break;
	}
}

/* 5.6: a doorbell of a slot, or of the command ring. */
static void ring(struct xhci *x, unsigned slot, uint32_t value)
{
	unsigned ep = value & 0xff;
	struct xhci_ep *e;

	if (slot > XHCI_SLOTS || ep >= USB_EPS || x->usbsts & XHCI_HALTED || !slot != !ep)
		return;
	e = &x->slots[slot].eps[ep];
	if (e->state == EP_STOPPED) {
		e->state = EP_RUNNING;
		xhci_put_ep(x, &x->slots[slot], ep);
	}
	xhci_kick(x, slot, ep);
	xhci_run(x);
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct xhci *x = opaque;
	unsigned port = (offset - PORTS) / 16;

	if (size != 4 || offset & 3)
		return;
	if (offset >= DOORBELLS)
		ring(x, (offset - DOORBELLS) / 4, value);
	else if (offset >= INTERRUPTER)
		write_interrupter(x, offset - INTERRUPTER, value);
	else if (offset >= PORTS && port < port_count(x) && !(offset & 12))
		write_port(x, port + 1, value);
	else if (offset >= OPERATIONAL && offset < PORTS)
		write_operational(x, offset - OPERATIONAL, value);
}

static const struct region_ops mmio_ops = {
	.read = mmio_read,
	.write = mmio_write,
	.max_size = 4,
};

/* ---- life ---- */

static void go_on(void *opaque)
{
	xhci_run(opaque);
}

static int realize(struct device *dev, struct err *err)
{
	static const struct pci_id id = {
		.vendor = 0x1b36,
		.device = 0x000d,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = 0x0c0330,
		.revision = 1,
	};
	struct xhci *x = (struct xhci *)dev;
	int ret = pci_realize(&x->pci, &id, err);

	loop_timer_init(dev->vm->loop, &x->more, go_on, x);
	if (ret < 0)
		return ret;
	x->pci.config[0x60] = 0x30; /* USB 3.0 (5.2.3) */
	x->mmio = (struct region){
		.name = "xhci",
		.size = MMIO_SIZE,
		.ops = &mmio_ops,
		.opaque = x,
	};
	pci_bar_init(&x->pci, 0, PCI_BASE_ADDRESS_MEM_TYPE_64, BAR_SIZE);
	pci_bar_add(&x->pci, 0, 0, &x->mmio);
	x->pci.next_cap = 0x90;
	if (x->msix != OPT_TRI_OFF)
		ret = pci_msix_init(&x->pci, 1, MSIX_TABLE, MSIX_PBA, err);
	if (ret < 0)
		return ret;
	x->bus = (struct usb_bus){ dev, x->p2, bus_changed, bus_wake, { NULL }, NULL };
	usb_bus_init(&x->bus);
	x->awake = true;
	return 0;
}

static void reset(struct device *dev)
{
	struct xhci *x = (struct xhci *)dev;

	reset_registers(x);
	pci_reset(&x->pci);
}

static void quiesce(struct device *dev)
{
	struct xhci *x = (struct xhci *)dev;

	x->awake = false;
	loop_timer_disarm(&x->more);
}

static void resume(struct device *dev)
{
	struct xhci *x = (struct xhci *)dev;

	x->awake = true;
	xhci_kick_all(x);
}

static void unrealize(struct device *dev)
{
	struct xhci *x = (struct xhci *)dev;

	loop_timer_disarm(&x->more);
	usb_bus_free(&x->bus);
	pci_msix_free(&x->pci);
	pci_unrealize(&x->pci);
}

/* ---- state ---- */

static int validate(const void *obj, struct err *err)
{
	const struct xhci *x = obj;

	if (x->event_size > 4096 || (x->event_size && x->event_index >= x->event_size))
		return err_set(err, EINVAL, "its event ring makes no sense");
	for (unsigned n = 0; n <= XHCI_SLOTS; n++) {
		const struct xhci_slot *slot = &x->slots[n];

		if (slot->state > SLOT_CONFIGURED || slot->port > x->p2)
			return err_set(err, EINVAL, "slot %u makes no sense", n);
		for (unsigned ep = 0; ep < USB_EPS; ep++)
			if (slot->eps[ep].state >= EP_STATES)
				return err_set(err, EINVAL, "slot %u makes no sense", n);
	}
	return pci_device_state.validate(obj, err);
}

static int post_load(void *obj, struct err *err)
{
	struct xhci *x = obj;

	(void)err;
	pci_post_load(&x->pci);
	return 0;
}

static const struct state_field ring_fields[] = {
	STATE_U64_F(struct xhci_ring, dequeue),
	STATE_BOOL_F(struct xhci_ring, cycle),
	STATE_END_F,
};

static const struct state_desc ring_state = {
	.name = "xhci-ring",
	.version = 1,
	.fields = ring_fields,
};

static const struct state_field ep_fields[] = {
	STATE_U8_F(struct xhci_ep, state),
	STATE_STRUCT_F(struct xhci_ep, ring, &ring_state),
	STATE_END_F,
};

static const struct state_desc ep_state = {
	.name = "xhci-endpoint",
	.version = 1,
	.fields = ep_fields,
};

static const struct state_field slot_fields[] = {
	STATE_BOOL_F(struct xhci_slot, enabled),
	STATE_U8_F(struct xhci_slot, state),
	STATE_U8_F(struct xhci_slot, port),
	STATE_U64_F(struct xhci_slot, context),
	STATE_STRUCT_ARRAY(struct xhci_slot, eps, USB_EPS, &ep_state),
	STATE_END_F,
};

static const struct state_desc slot_state = {
	.name = "xhci-slot",
	.version = 1,
	.fields = slot_fields,
};

static const struct state_field fields[] = {
	STATE_STRUCT_F(struct xhci, pci, &pci_device_state),
	STATE_U32_F(struct xhci, usbcmd),
	STATE_U32_F(struct xhci, usbsts),
	STATE_U32_F(struct xhci, dnctrl),
	STATE_U32_F(struct xhci, config),
	STATE_U64_F(struct xhci, dcbaap),
	STATE_STRUCT_F(struct xhci, commands, &ring_state),
	STATE_U32_ARRAY(struct xhci, portsc, XHCI_PORTS),
	STATE_U32_F(struct xhci, iman),
	STATE_U32_F(struct xhci, imod),
	STATE_U32_F(struct xhci, erst_size),
	STATE_U64_F(struct xhci, erst_base),
	STATE_U64_F(struct xhci, erdp),
	STATE_U64_F(struct xhci, event_base),
	STATE_U32_F(struct xhci, event_size),
	STATE_U32_F(struct xhci, event_index),
	STATE_BOOL_F(struct xhci, event_cycle),
	STATE_STRUCT_ARRAY(struct xhci, slots, XHCI_SLOTS + 1, &slot_state),
	STATE_END_F,
};

static const struct state_desc state = {
	.name = "qemu-xhci",
	.version = 1,
	.fields = fields,
	.validate = validate,
	.post_load = post_load,
};

#define ROW(key, kind, ...)                                                       \
	{                                                                         \
		.name = #key, .type = kind, .offset = offsetof(struct xhci, key), \
		__VA_ARGS__                                                       \
	}

static const struct opt_desc props[] = {
	PCI_PROPS(struct xhci, pci),
	ROW(p2, OPT_U32, .def = "4", .min = 1, .max = USB_PORTS,
	    .help = "ports of USB 2"),
	ROW(p3, OPT_U32, .def = "4", .max = USB_PORTS, .help = "ports of USB 3, empty"),
	ROW(msix, OPT_TRI, .def = "auto", .help = "MSI-X (on); else INTx"),
	{ .name = NULL },
};

const struct device_class xhci_class = {
	.name = "qemu-xhci",
	.alias = "nec-usb-xhci|piix3-usb-uhci|piix4-usb-uhci|usb-ehci",
	.bus = "pci",
	.help = "USB controller",
	.size = sizeof(struct xhci),
	.props = props,
	.state = &state,
	.realize = realize,
	.reset = reset,
	.quiesce = quiesce,
	.resume = resume,
	.unrealize = unrealize,
};
