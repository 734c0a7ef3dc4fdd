// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What all USB devices have in common: their port, control transfers and the standard
 * requests (USB 2.0, chapter 9). Addresses are given by the controller. A request for
 * data is answered when it arrives, one that brings data when its status is asked for.
 */
#include "vmm/usb/usb.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* Type and request in one number. */
	GET_STATUS = 0x8000,
	GET_INTERFACE_STATUS = 0x8100,
	GET_ENDPOINT_STATUS = 0x8200,
	CLEAR_FEATURE = 0x0001,
	CLEAR_ENDPOINT_FEATURE = 0x0201,
	SET_FEATURE = 0x0003,
	SET_ENDPOINT_FEATURE = 0x0203,
	GET_DESCRIPTOR = 0x8006,
	GET_CONFIGURATION = 0x8008,
	SET_CONFIGURATION = 0x0009,
	GET_INTERFACE = 0x810a,
	SET_INTERFACE = 0x010b,

	FEATURE_HALT = 0,
	FEATURE_WAKEUP = 1,

	DESC_DEVICE = 1,
	DESC_CONFIG = 2,
	DESC_STRING = 3,
	DESC_QUALIFIER = 6,

	STRING_VENDOR = 1,
	STRING_PRODUCT = 2,
	STRING_SERIAL = 3,
};

/* ---- the bus ---- */

void usb_bus_init(struct usb_bus *bus)
{
	struct usb_bus **p = &bus->dev->vm->usb_buses;

	while (*p)
		p = &(*p)->next;
	*p = bus;
}

void usb_bus_free(struct usb_bus *bus)
{
	if (!bus->dev)
		return;
	for (struct usb_bus **p = &bus->dev->vm->usb_buses; *p; p = &(*p)->next) {
		if (*p == bus) {
			*p = bus->next;
			break;
		}
	}
	for (unsigned i = 0; i < bus->ports; i++)
		if (bus->devices[i])
			bus->devices[i]->bus = NULL;
}

/* A bus is named after its controller: ID.0, or usb-bus.N for the Nth without an id. */
static bool is_named(const struct usb_bus *bus, const char *name)
{
	const char *id = bus->dev->id;
	char own[80];
	unsigned n = 0;

	for (const struct usb_bus *b = bus->dev->vm->usb_buses; b != bus; b = b->next)
		n += !b->dev->id;
	snprintf(own, sizeof(own), "%s.%u", id ? id : "usb-bus", id ? 0 : n);
	return !strcmp(name, own) || (id && !strcmp(name, id));
}

static struct usb_bus *find_bus(const struct usb_device *usb, struct err *err)
{
	struct usb_bus *bus = usb->dev.vm->usb_buses;

	while (bus && usb->bus_opt && !is_named(bus, usb->bus_opt))
		bus = bus->next;
	if (!bus && usb->bus_opt)
		err_usage(err, "there is no bus '%s'; -device qemu-xhci,id=ID has ID.0",
		          usb->bus_opt);
	else if (!bus)
		err_usage(err, "it needs a bus; put -usb or -device qemu-xhci before it");
	return bus;
}

static int find_port(const struct usb_device *usb, const struct usb_bus *bus,
                     struct err *err)
{
	uint64_t port = 1;

	if (usb->port_opt) {
		if (opt_parse_u64(usb->port_opt, &port) < 0 || !port || port > bus->ports)
			return err_usage(err,
			                 "there is no port '%s'; the bus has ports 1 to "
			                 "%u, and no hubs",
			                 usb->port_opt, bus->ports);
		if (bus->devices[port - 1])
			return err_usage(err, "port %u is taken by %s", (unsigned)port,
			                 bus->devices[port - 1]->dev.cls->name);
		return port;
	}
	while (port <= bus->ports && bus->devices[port - 1])
		port++;
	return port <= bus->ports
	               ? (int)port
	               : err_usage(err,
	                           "all %u ports are taken; another qemu-xhci has "
	                           "more, or p2=15",
	                           bus->ports);
}

int usb_realize(struct usb_device *usb, const struct usb_ops *ops, struct err *err)
{
	struct usb_bus *bus = find_bus(usb, err);
	int port = bus ? find_port(usb, bus, err) : -EINVAL;

	if (port < 0)
		return port;
	usb->ops = ops;
	usb->bus = bus;
	usb->port = port;
	bus->devices[port - 1] = usb;
	device_set_path(&usb->dev, "%s/%d", bus->dev->path, port);
	bus->changed(bus, port);
	return 0;
}

void usb_unrealize(struct usb_device *usb)
{
	struct usb_bus *bus = usb->bus;

	if (!bus)
		return;
	bus->devices[usb->port - 1] = NULL;
	usb->bus = NULL;
	bus->changed(bus, usb->port);
}

void usb_wake(struct usb_device *usb, unsigned ep)
{
	if (usb->bus)
		usb->bus->wake(usb->bus, usb, ep);
}

static void set_config(struct usb_device *usb, uint8_t config)
{
	usb->config = config;
	usb->halted = 0;
	usb->ops->configured(usb);
}

void usb_reset(struct usb_device *usb)
{
	memset(usb->setup, 0, sizeof(usb->setup));
	memset(usb->data, 0, sizeof(usb->data));
	usb->data_len = usb->data_pos = 0;
	usb->addr = 0;
	usb->failed = usb->remote_wakeup = false;
	set_config(usb, 0);
}

/* ---- descriptors (9.6) ---- */

static int put_string(struct usb_device *usb, const char *text)
{
	unsigned n = 2;

	for (; *text && n < 254; text++, n += 2)
		st16(usb->data + n, (uint8_t)*text);
	usb->data[0] = n;
	usb->data[1] = DESC_STRING;
	return n;
}

/* As in QEMU with the place of the device, so that two have different names. */
static int put_serial(struct usb_device *usb)
{
	char text[64];

	if (usb->serial)
		return put_string(usb, usb->serial);
	/* The path of a PCI function is "pci/BB:SS.F/NAME". */
	snprintf(text, sizeof(text), "%s-0000:%.7s-%u", usb->ops->serial,
	         usb->bus ? usb->bus->dev->path + 4 : "", usb->port);
	return put_string(usb, text);
}

static int put_device(struct usb_device *usb, uint8_t type)
{
	bool device = type == DESC_DEVICE;
	uint8_t *d = usb->data;

	memset(d, 0, 18);
	d[0] = device ? 18 : 10;
	d[1] = type;
	st16(d + 2, 0x200);
	d[7] = 64; /* bytes of a packet */
	if (!device) {
		d[8] = 1;
		return 10;
	}
	st16(d + 8, usb->ops->vendor);
	st16(d + 10, usb->ops->product);
	d[14] = STRING_VENDOR;
	d[15] = STRING_PRODUCT;
	d[16] = STRING_SERIAL;
	d[17] = 1; /* configurations */
	return 18;
}

static int get_descriptor(struct usb_device *usb, const struct usb_setup *setup)
{
	uint8_t index = setup->value;

	switch (setup->value >> 8) {
	case DESC_DEVICE:
	case DESC_QUALIFIER:
		return put_device(usb, setup->value >> 8);
	case DESC_CONFIG:
		if (index)
			return USB_STALL;
		memcpy(usb->data, usb->ops->config, usb->ops->config_len);
		return usb->ops->config_len;
	case DESC_STRING:
		if (!index) {
			st32(usb->data,
			     0x0409 << 16 | DESC_STRING << 8 | 4); /* English */
			return 4;
		}
		return index == STRING_VENDOR    ? put_string(usb, "QEMU")
		       : index == STRING_PRODUCT ? put_string(usb, usb->ops->product_name)
		       : index == STRING_SERIAL  ? put_serial(usb)
		                                 : USB_STALL;
	}
	return USB_STALL;
}

/* ---- requests (9.4) ---- */

static int set_feature(struct usb_device *usb, const struct usb_setup *setup)
{
	bool on = setup->request == (SET_FEATURE & 0xff);
	unsigned ep = (setup->index & 15) * 2 + (setup->index >> 7 & 1);

	if (!setup->type) {
		if (setup->value != FEATURE_WAKEUP)
			return USB_STALL;
		usb->remote_wakeup = on;
		return 0;
	}
	if (setup->value != FEATURE_HALT || ep >= USB_EPS)
		return USB_STALL;
	usb->halted &= ~(1 << ep);
	usb->halted |= on << ep;
	return 0;
}

static int put_byte(struct usb_device *usb, uint8_t value, int count)
{
	st16(usb->data, value);
	return count;
}

static int run_request(struct usb_device *usb)
{
	const uint8_t *s = usb->setup;
	struct usb_setup setup = { s[0], s[1], ld16(s + 2), ld16(s + 4), ld16(s + 6) };
	unsigned ep = (setup.index & 15) * 2 + (setup.index >> 7 & 1);

	switch (setup.type << 8 | setup.request) {
	case GET_STATUS:
		return put_byte(usb, usb->remote_wakeup << 1, 2);
	case GET_INTERFACE_STATUS:
		return put_byte(usb, 0, 2);
	case GET_ENDPOINT_STATUS:
		return put_byte(usb, ep < USB_EPS && usb->halted >> ep & 1, 2);
	case CLEAR_FEATURE:
	case SET_FEATURE:
	case CLEAR_ENDPOINT_FEATURE:
	case SET_ENDPOINT_FEATURE:
		return set_feature(usb, &setup);
	case GET_DESCRIPTOR:
		return get_descriptor(usb, &setup);
	case GET_CONFIGURATION:
		return put_byte(usb, usb->config, 1);
	case SET_CONFIGURATION:
		if (setup.value > 1)
			return USB_STALL;
		set_config(usb, setup.value);
		return 0;
	case GET_INTERFACE:
		return put_byte(usb, 0, 1);
	case SET_INTERFACE:
		return setup.value ? USB_STALL : 0;
	}
	return usb->ops->request(usb, &setup);
}

/* ---- control transfers ---- */

static uint16_t wanted(const struct usb_device *usb)
{
	return ld16(usb->setup + 6);
}

static bool is_in(const struct usb_device *usb)
{
	return usb->setup[0] & USB_SETUP_IN;
}

void usb_control_setup(struct usb_device *usb, const uint8_t setup[8])
{
	int ret = 0;

	memcpy(usb->setup, setup, sizeof(usb->setup));
	usb->data_len = usb->data_pos = 0;
	if (is_in(usb))
		ret = run_request(usb);
	usb->failed = ret < 0;
	if (ret > 0)
		usb->data_len = ret < wanted(usb) ? ret : wanted(usb);
}

int usb_control_data(struct usb_device *usb, bool in, struct usb_xfer *xfer)
{
	uint32_t end = in ? usb->data_len : wanted(usb), n;

	if (usb->failed || in != is_in(usb) || end > USB_CONTROL)
		return USB_STALL;
	n = end - usb->data_pos;
	if (n > xfer->len)
		n = xfer->len;
	xfer->copy(xfer, usb->data + usb->data_pos, n);
	usb->data_pos += n;
	return 0;
}

int usb_control_status(struct usb_device *usb)
{
	if (usb->failed || is_in(usb))
		return usb->failed ? USB_STALL : 0;
	usb->data_len = usb->data_pos;
	return run_request(usb) < 0 ? USB_STALL : 0;
}

/* ---- state ---- */

static const struct state_field fields[] = {
	STATE_U8_F(struct usb_device, addr),
	STATE_U8_F(struct usb_device, config),
	STATE_BOOL_F(struct usb_device, remote_wakeup),
	STATE_U8_F(struct usb_device, halted),
	STATE_BYTES_F(struct usb_device, setup),
	STATE_BOOL_F(struct usb_device, failed),
	STATE_U32_F(struct usb_device, data_len),
	STATE_U32_F(struct usb_device, data_pos),
	STATE_BYTES_F(struct usb_device, data),
	STATE_END_F,
};

const struct state_desc usb_state = {
	.name = "usb-device",
	.version = 1,
	.fields = fields,
};

int usb_validate(const struct usb_device *usb, struct err *err)
{
	uint32_t end = is_in(usb) ? usb->data_len : wanted(usb);

	if (usb->config > 1 || usb->data_len > USB_CONTROL ||
	    usb->data_pos > USB_CONTROL || (!usb->failed && usb->data_pos > end))
		return err_set(err, EINVAL, "its control transfer makes no sense");
	return 0;
}
