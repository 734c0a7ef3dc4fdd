/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-serial-pci and the ports on it: virtconsole (a console, hvc0 in Linux) and
 * virtserialport (a named byte channel). console.c is the device with its control queues,
 * console-port.c the data of the ports and their device classes. Machine lock everywhere.
 */
#ifndef VMM_VIRTIO_CONSOLE_H
#define VMM_VIRTIO_CONSOLE_H

#include "vmm/chardev/chardev.h"
#include "vmm/virtio/pci.h"

#define CONSOLE_MAX_PORTS 31

extern const struct device_class virtio_serial_pci_class, virtconsole_class,
	virtserialport_class;

/* Control messages that the driver still has to get, in this order. */
enum console_pending {
	CONSOLE_TELL_REMOVE = 1 << 0,
	CONSOLE_TELL_ADD = 1 << 1,
	CONSOLE_TELL_CONSOLE = 1 << 2,
	CONSOLE_TELL_NAME = 1 << 3,
};

/* The place of a port; it stays when the port's device goes. */
struct console_port {
	struct virtio_console *bus;
	struct console_device *owner; /* the device in this place, or NULL */
	struct chardev *chr;          /* its host end, or NULL */
	bool host_open;               /* somebody is there on the host */
	struct virtq_elem *rx, *tx;   /* chains that wait for data, for room */
	/* state */
	bool present, is_console;
	bool ready;           /* the driver has set the port up */
	bool guest_connected; /* a program in the guest has it open */
	bool told_open;       /* what the driver knows of host_open */
	uint8_t pending;      /* enum console_pending */
	uint32_t tx_done;     /* bytes of the first chain that the host end took */
};

struct virtio_console {
	struct virtio_pci vpci;
	uint32_t max_ports; /* property */
	bool driver_ready;  /* state */
	struct console_port ports[CONSOLE_MAX_PORTS];
};

/* A port's device. */
struct console_device {
	struct device dev;
	char *chardev, *name, *nr_opt, *bus_opt;
	struct console_port *port;
};

/* 5.3.2: receive and transmit queue of a port. */
struct virtqueue *console_rx(struct console_port *port);
struct virtqueue *console_tx(struct console_port *port);
unsigned console_nr(const struct console_port *port);
bool console_multiport(const struct virtio_console *bus);

/* Sends what the driver still has to be told, as far as it has room. */
void console_tell(struct virtio_console *bus);
/* The driver gave buffers to receive into; it sent data. */
void console_port_rx(struct console_port *port);
void console_port_tx(struct console_port *port);
/* Gives held chains back to the rings. */
void console_port_drain(struct console_port *port);
/* The device goes before its ports. */
void console_port_orphan(struct console_port *port);

#endif
