// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-serial (virtio 1.2, 5.3): the device that ports live on, and its control queues.
 *
 * What the driver must learn about a port is kept as bits of that port until the control
 * queue has room, so that nothing is lost and nothing grows. A driver that does not know
 * about several ports uses port 0 only. Machine lock.
 */
#include "vmm/virtio/console.h"

#include "common/cleanup.h"
#include "vmm/block/iov.h"

#include <errno.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <string.h>

#define CLASS_COMMUNICATION 0x078000
#define PORT_QUEUE          128
#define CONTROL_QUEUE       32
#define CONTROL_RX          2
#define CONTROL_TX          3
#define CONTROL_ROUNDS      64

static struct virtio_console *to_bus(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_console, vpci.vdev);
}

unsigned console_nr(const struct console_port *port)
{
	return port - port->bus->ports;
}

static unsigned rx_index(unsigned nr)
{
	return nr ? 2 * nr + 2 : 0;
}

struct virtqueue *console_rx(struct console_port *port)
{
	return &port->bus->vpci.vdev.queues[rx_index(console_nr(port))];
}

struct virtqueue *console_tx(struct console_port *port)
{
	return &port->bus->vpci.vdev.queues[rx_index(console_nr(port)) + 1];
}

bool console_multiport(const struct virtio_console *bus)
{
	return virtio_has(&bus->vpci.vdev, VIRTIO_CONSOLE_F_MULTIPORT);
}

/* ---- control messages to the driver ---- */

/* False when the driver has no buffer for it now. */
static bool send(struct console_port *port, uint16_t event, uint16_t value,
                 const char *text)
{
	struct virtqueue *vq = &port->bus->vpci.vdev.queues[CONTROL_RX];
	struct virtio_console_control msg = {
		.id = console_nr(port),
		.event = event,
		.value = value,
	};
	struct virtq_elem *elem = virtqueue_pop(vq);
	size_t written;

	if (!elem)
		return false;
	written = iov_from_buf(virtq_in(elem), elem->in_count, 0, &msg, sizeof(msg));
	if (text)
		written += iov_from_buf(virtq_in(elem), elem->in_count, written, text,
		                        strlen(text) + 1);
	virtqueue_push(vq, elem, written);
	return true;
}

static bool send_pending(struct console_port *port, enum console_pending what)
{
	const char *name = port->owner ? port->owner->name : NULL;

	switch (what) {
	case CONSOLE_TELL_REMOVE:
		return send(port, VIRTIO_CONSOLE_PORT_REMOVE, 1, NULL);
	case CONSOLE_TELL_ADD:
		return send(port, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
	case CONSOLE_TELL_CONSOLE:
		return send(port, VIRTIO_CONSOLE_CONSOLE_PORT, 1, NULL);
	case CONSOLE_TELL_NAME:
		return !name || send(port, VIRTIO_CONSOLE_PORT_NAME, 1, name);
	}
	return true;
}

static bool tell_port(struct console_port *port)
{
	for (unsigned bit = CONSOLE_TELL_REMOVE; bit <= CONSOLE_TELL_NAME; bit <<= 1) {
		if (!(port->pending & bit))
			continue;
		if (!send_pending(port, bit))
			return false;
		port->pending &= ~bit;
	}
	if (port->ready && port->told_open != port->host_open) {
		if (!send(port, VIRTIO_CONSOLE_PORT_OPEN, port->host_open, NULL))
			return false;
		port->told_open = port->host_open;
	}
	return true;
}

void console_tell(struct virtio_console *bus)
{
	struct virtio_device *vdev = &bus->vpci.vdev;
	struct virtqueue *vq = &vdev->queues[CONTROL_RX];
	bool all = true;

	if (!bus->driver_ready || !virtio_running(vdev) || !vq->mapped)
		return;
	for (unsigned i = 0; i < bus->max_ports && all; i++)
		all = tell_port(&bus->ports[i]);
	virtqueue_flush(vq);
	/* A buffer that came just now has to be used, or nobody would look again. */
	if (virtqueue_enable_notify(vq) && !all)
		vdev->transport->wake(vdev, vq);
}

/* ---- control messages from the driver ---- */

static void port_ready(struct console_port *port, bool ok)
{
	port->ready = ok;
	port->told_open = false;
	if (!ok)
		return;
	if (port->is_console)
		port->pending |= CONSOLE_TELL_CONSOLE;
	port->pending |= CONSOLE_TELL_NAME;
}

static void device_ready(struct virtio_console *bus, bool ok)
{
	bus->driver_ready = ok;
	for (unsigned i = 0; i < bus->max_ports; i++)
		bus->ports[i].pending =
			ok && bus->ports[i].present ? CONSOLE_TELL_ADD : 0;
}

static void handle(struct virtio_console *bus, const struct virtio_console_control *msg)
{
	struct console_port *port = &bus->ports[msg->id % CONSOLE_MAX_PORTS];

	if (msg->event == VIRTIO_CONSOLE_DEVICE_READY) {
		device_ready(bus, msg->value);
		return;
	}
	if (msg->id >= bus->max_ports || !port->present)
		return;
	if (msg->event == VIRTIO_CONSOLE_PORT_READY) {
		port_ready(port, msg->value);
	} else if (msg->event == VIRTIO_CONSOLE_PORT_OPEN) {
		port->guest_connected = msg->value;
		console_port_rx(port);
	}
}

static void control_tx(struct virtio_console *bus, struct virtqueue *vq)
{
	struct virtio_device *vdev = &bus->vpci.vdev;
	struct virtio_console_control msg;
	unsigned left = CONTROL_ROUNDS;
	struct virtq_elem *elem;

	while (left && (elem = virtqueue_pop(vq))) {
		if (iov_to_buf(elem->iov, elem->out_count, 0, &msg, sizeof(msg)) ==
		    sizeof(msg))
			handle(bus, &msg);
		virtqueue_push(vq, elem, 0);
		left--;
	}
	virtqueue_flush(vq);
	if (virtqueue_enable_notify(vq))
		vdev->transport->wake(vdev, vq);
	console_tell(bus);
}

/* ---- the device ---- */

/* Of a data queue. */
static struct console_port *port_of(struct virtio_console *bus,
                                    const struct virtqueue *vq)
{
	return &bus->ports[vq->index < CONTROL_RX ? 0 : (vq->index - 2) / 2];
}

static void kick(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct virtio_console *bus = to_bus(vdev);

	if (vq->index == CONTROL_RX)
		console_tell(bus);
	else if (vq->index == CONTROL_TX)
		control_tx(bus, vq);
	else if (vq->index & 1)
		console_port_tx(port_of(bus, vq));
	else
		console_port_rx(port_of(bus, vq));
}

static void drain(struct virtio_device *vdev)
{
	struct virtio_console *bus = to_bus(vdev);

	for (unsigned i = 0; i < bus->max_ports; i++)
		console_port_drain(&bus->ports[i]);
}

static void reset(struct virtio_device *vdev)
{
	struct virtio_console *bus = to_bus(vdev);

	bus->driver_ready = false;
	for (unsigned i = 0; i < bus->max_ports; i++) {
		struct console_port *port = &bus->ports[i];

		port->ready = port->guest_connected = port->told_open = false;
		port->pending = 0;
		port->tx_done = 0;
	}
}

/* A chain that was half sent is gone with its ring. */
static void forget(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct console_port *port = port_of(to_bus(vdev), vq);

	if (vq == console_tx(port))
		port->tx_done = 0;
}

static void get_config(struct virtio_device *vdev, uint8_t *config)
{
	struct virtio_console_config c = { .max_nr_ports = to_bus(vdev)->max_ports };

	memcpy(config, &c, sizeof(c));
}

/* 5.3.4: a character of a guest that has no queues yet, or none any more. */
static void set_config(struct virtio_device *vdev, unsigned offset, uint64_t value,
                       unsigned size)
{
	struct console_port *port = &to_bus(vdev)->ports[0];
	uint8_t byte = value;

	if (offset == offsetof(struct virtio_console_config, emerg_wr) && port->chr)
		chardev_write(port->chr, &byte, 1);
}

static const struct virtio_ops console_ops = {
	.device_id = VIRTIO_ID_CONSOLE,
	.config_len = sizeof(struct virtio_console_config),
	.get_config = get_config,
	.set_config = set_config,
	.kick = kick,
	.drain = drain,
	.reset = reset,
	.forget = forget,
};

static int bus_realize(struct device *dev, struct err *err)
{
	struct virtio_console *bus = (struct virtio_console *)dev;
	struct virtio_device *vdev = &bus->vpci.vdev;

	for (unsigned i = 0; i < CONSOLE_MAX_PORTS; i++)
		bus->ports[i].bus = bus;
	virtio_init(vdev, dev, &console_ops);
	for (unsigned i = 0; i < 2 * bus->max_ports + 2; i++)
		virtio_add_queue(vdev, i / 2 == 1 ? CONTROL_QUEUE : PORT_QUEUE,
		                 sizeof(struct virtq_elem));
	vdev->host_features = 1ull << VIRTIO_CONSOLE_F_EMERG_WRITE;
	if (bus->max_ports > 1)
		vdev->host_features |= 1ull << VIRTIO_CONSOLE_F_MULTIPORT;
	return virtio_pci_realize(&bus->vpci, CLASS_COMMUNICATION, bus->max_ports + 1,
	                          err);
}

static void bus_unrealize(struct device *dev)
{
	struct virtio_console *bus = (struct virtio_console *)dev;

	for (unsigned i = 0; i < CONSOLE_MAX_PORTS; i++)
		console_port_orphan(&bus->ports[i]);
	virtio_pci_unrealize(&bus->vpci);
}

static const struct opt_desc bus_props[] = {
	VIRTIO_PCI_PROPS(struct virtio_console, vpci),
	{ .name = "max_ports",
	  .type = OPT_U32,
	  .offset = offsetof(struct virtio_console, max_ports),
	  .def = "31",
	  .min = 1,
	  .max = CONSOLE_MAX_PORTS,
	  .help = "ports that fit" },
	{ .name = NULL },
};

/* ---- state ---- */

static const struct state_field port_fields[] = {
	STATE_BOOL_F(struct console_port, present),
	STATE_BOOL_F(struct console_port, is_console),
	STATE_BOOL_F(struct console_port, ready),
	STATE_BOOL_F(struct console_port, guest_connected),
	STATE_BOOL_F(struct console_port, told_open),
	STATE_U8_F(struct console_port, pending),
	STATE_U32_F(struct console_port, tx_done),
	STATE_END_F,
};

static const struct state_desc port_state = {
	.name = "virtio-serial-port",
	.version = 1,
	.fields = port_fields,
};

static int validate(const void *obj, struct err *err)
{
	const struct virtio_console *bus = obj;

	for (unsigned i = 0; i < CONSOLE_MAX_PORTS; i++) {
		const struct console_port *port = &bus->ports[i];
		const struct console_port *self = &port->bus->ports[i];

		if (port->present != !!self->owner ||
		    (port->present && port->is_console != self->is_console))
			return err_set(err, EINVAL,
			               "port %u is not the same there and here", i);
	}
	return virtio_pci_validate(obj, err);
}

static const struct state_field bus_fields[] = {
	STATE_STRUCT_F(struct virtio_console, vpci, &virtio_pci_state),
	STATE_BOOL_F(struct virtio_console, driver_ready),
	STATE_STRUCT_ARRAY(struct virtio_console, ports, CONSOLE_MAX_PORTS, &port_state),
	STATE_END_F,
};

static const struct state_desc bus_state = {
	.name = "virtio-serial-pci",
	.version = 1,
	.fields = bus_fields,
	.pre_save = virtio_pci_pre_save,
	.validate = validate,
	.post_load = virtio_pci_post_load,
};

const struct device_class virtio_serial_pci_class = {
	.name = "virtio-serial-pci",
	.alias = "virtio-serial",
	.bus = "pci",
	.help = "bus for virtconsole and virtserialport",
	.size = sizeof(struct virtio_console),
	.props = bus_props,
	.state = &bus_state,
	.realize = bus_realize,
	.reset = virtio_pci_reset,
	.quiesce = virtio_pci_quiesce,
	.resume = virtio_pci_resume,
	.unrealize = bus_unrealize,
};
