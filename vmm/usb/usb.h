/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USB devices and the bus between them and their controller (USB 2.0).
 *
 * A controller owns a bus and moves data; a device answers control transfers (device.c,
 * with what its class adds) and transfers of its other endpoints. A device without data
 * says USB_NAK and tells with usb_wake() when that changes: nobody polls. Every device is
 * one of high speed with one configuration of one interface. Machine lock everywhere.
 */
#ifndef VMM_USB_USB_H
#define VMM_USB_USB_H

#include "vmm/core/device.h"

#define USB_PORTS   15  /* of a bus, at most */
#define USB_CONTROL 256 /* bytes of one control transfer's data, at most */

extern const struct device_class usb_kbd_class, usb_mouse_class, usb_tablet_class,
	xhci_class;

struct usb_bus;
struct usb_device;

enum { USB_NAK = -1, USB_STALL = -2 };

/* Endpoints by the number that xHCI has for them, too: 2 * number + (1 if it is IN). */
enum { USB_EP0 = 1, USB_EP1_IN = 3, USB_EP2_OUT = 4, USB_EPS = 6 };

/* Data of one transfer on its way between a device and the guest's memory. */
struct usb_xfer {
	uint32_t len, done;
	/* Moves the next n bytes; those beyond len are not moved. */
	void (*copy)(struct usb_xfer *xfer, void *buf, uint32_t n);
};

/* A control transfer's first packet (9.3). */
struct usb_setup {
	uint8_t type, request;
	uint16_t value, index, length;
};
#define USB_SETUP_IN 0x80 /* of type */

struct usb_ops {
	uint16_t vendor, product;
	const char *product_name, *serial;
	/* What GET_DESCRIPTOR of the configuration answers. */
	const uint8_t *config;
	uint8_t config_len;
	/* A request that is not a standard one, or that those leave to the interface. IN:
	 * writes to usb->data (USB_CONTROL bytes), and returns how many. OUT: they are
	 * there. USB_STALL: there is no such request. */
	int (*request)(struct usb_device *usb, const struct usb_setup *setup);
	/* A transfer of an endpoint other than 0, whose data xfer->copy() moves: 0,
	 * USB_NAK (nothing was moved) or USB_STALL. */
	int (*transfer)(struct usb_device *usb, unsigned ep, struct usb_xfer *xfer);
	/* The guest chose the configuration, or none; also by a reset. */
	void (*configured)(struct usb_device *usb);
};

struct usb_device {
	struct device dev;
	/* properties */
	char *bus_opt, *port_opt, *serial;
	/* not state */
	const struct usb_ops *ops;
	struct usb_bus *bus; /* NULL: not connected */
	unsigned port;       /* from 1 */
	/* state */
	uint8_t addr, config;
	bool remote_wakeup; /* the guest wants to be woken by it */
	uint8_t halted;     /* endpoints: 1 << number as above */
	/* the control transfer */
	uint8_t setup[8];
	bool failed;
	uint32_t data_len, data_pos;
	uint8_t data[USB_CONTROL];
};

#define USB_PROPS(object, member)                                                  \
	{ .name = "bus",                                                           \
	  .type = OPT_STR,                                                         \
	  .offset = offsetof(object, member.bus_opt),                              \
	  .help = "ID.0 or usb-bus.N (the first)" },                               \
		{ .name = "port",                                                  \
		  .type = OPT_STR,                                                 \
		  .offset = offsetof(object, member.port_opt),                     \
		  .help = "number of the port (the first that is free)" },         \
	{                                                                          \
		.name = "serial", .type = OPT_STR,                                 \
		.offset = offsetof(object, member.serial), .help = "serial number" \
	}

/* ---- for devices ---- */

/* Connects to a port, and sets the path. ops: static. */
int usb_realize(struct usb_device *usb, const struct usb_ops *ops, struct err *err);
/* Accepts one that is not connected. */
void usb_unrealize(struct usb_device *usb);
/* As after a reset of its port; for the class's reset, too. */
void usb_reset(struct usb_device *usb);
/* An endpoint that said USB_NAK may say something else now. */
void usb_wake(struct usb_device *usb, unsigned ep);
extern const struct state_desc usb_state;
int usb_validate(const struct usb_device *usb, struct err *err);

/* ---- for controllers ---- */

struct usb_bus {
	struct device *dev; /* the controller; NULL: the bus is not there */
	unsigned ports;
	/* A device came to the port, or left it. */
	void (*changed)(struct usb_bus *bus, unsigned port);
	void (*wake)(struct usb_bus *bus, struct usb_device *usb, unsigned ep);
	struct usb_device *devices[USB_PORTS];
	struct usb_bus *next; /* of the machine */
};

/* bus: zeroed but for its members above devices. */
void usb_bus_init(struct usb_bus *bus);
/* Accepts one that is not there. */
void usb_bus_free(struct usb_bus *bus);
/* The three stages of a control transfer (8.5.3). The first always succeeds. Others: 0 or
 * USB_STALL. */
void usb_control_setup(struct usb_device *usb, const uint8_t setup[8]);
int usb_control_data(struct usb_device *usb, bool in, struct usb_xfer *xfer);
int usb_control_status(struct usb_device *usb);

#endif
