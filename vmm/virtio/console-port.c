// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ports of virtio-serial: data between the rings and a chardev, and the device
 * classes virtconsole and virtserialport.
 *
 * Both directions push back. Towards the guest, one chain is taken from the ring and its
 * size is what the chardev may deliver; with no chain, or nobody in the guest to read, it
 * may deliver nothing. Towards the host, a chain that the chardev did not take whole
 * stays with the port, with the count of what was taken, until the chardev has room. Both
 * chains go back to the ring for a reset or a save. Machine lock.
 */
#include "vmm/virtio/console.h"

#include "common/cleanup.h"
#include "vmm/block/iov.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <string.h>

#define TX_QUOTA (256 * 1024) /* bytes of one callback */

/* ---- towards the guest ---- */

/* Takes a chain that data can go into; false when the driver has given none. Chains
 * without room come back empty, at most a ring of them at a time. */
static bool hold_rx(struct console_port *port)
{
	struct virtqueue *vq = console_rx(port);
	unsigned left = vq->size;

	while (!port->rx && left) {
		port->rx = virtqueue_pop(vq);
		if (!port->rx && !virtqueue_enable_notify(vq))
			return false;
		if (port->rx && !port->rx->in_len) {
			virtqueue_push(vq, port->rx, 0);
			virtqueue_flush(vq);
			port->rx = NULL;
			left--;
		}
	}
	if (!port->rx)
		vq->vdev->transport->wake(vq->vdev, vq);
	virtqueue_disable_notify(vq);
	return port->rx;
}

static size_t can_read(void *opaque)
{
	struct console_port *port = opaque;
	struct virtio_console *bus = port->bus;

	if (!console_rx(port)->mapped || !virtio_running(&bus->vpci.vdev))
		return 0;
	if (console_multiport(bus) && !port->guest_connected)
		return 0;
	return hold_rx(port) ? port->rx->in_len : 0;
}

static void deliver(void *opaque, const uint8_t *data, size_t len)
{
	struct console_port *port = opaque;
	struct virtqueue *vq = console_rx(port);

	while (len && can_read(port)) {
		struct virtq_elem *elem = port->rx;
		size_t n = iov_from_buf(virtq_in(elem), elem->in_count, 0, data, len);

		port->rx = NULL;
		virtqueue_push(vq, elem, n);
		data += n;
		len -= n;
	}
	virtqueue_flush(vq);
}

void console_port_rx(struct console_port *port)
{
	if (port->chr)
		chardev_accept_input(port->chr);
}

/* ---- towards the host ---- */

/* Writes what is left of the held chain; false when the chardev took only a part. */
static bool write_chain(struct console_port *port)
{
	struct virtq_elem *elem = port->tx;
	uint64_t skip = port->tx_done;

	for (unsigned i = 0; i < elem->out_count && port->chr; i++) {
		struct iovec *iov = &elem->iov[i];
		size_t taken;

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		taken = chardev_write(port->chr, (uint8_t *)iov->iov_base + skip,
		                      iov->iov_len - skip);
		port->tx_done += taken;
		if (taken < iov->iov_len - skip)
			return false;
		skip = 0;
	}
	return true;
}

void console_port_tx(struct console_port *port)
{
	struct virtio_device *vdev = &port->bus->vpci.vdev;
	struct virtqueue *vq = console_tx(port);
	uint64_t sent = 0;

	if (!vq->mapped || !virtio_running(vdev))
		return;
	virtqueue_disable_notify(vq);
	for (;;) {
		if (!port->tx && sent < TX_QUOTA)
			port->tx = virtqueue_pop(vq);
		if (!port->tx && sent < TX_QUOTA && virtqueue_enable_notify(vq))
			continue;
		if (!port->tx || !write_chain(port))
			break;
		sent += port->tx->out_len + 1;
		virtqueue_push(vq, port->tx, 0);
		port->tx = NULL;
		port->tx_done = 0;
	}
	virtqueue_flush(vq);
	if (sent >= TX_QUOTA)
		vdev->transport->wake(vdev, vq);
}

static void writable(void *opaque)
{
	console_port_tx(opaque);
}

static void opened(void *opaque, bool open)
{
	struct console_port *port = opaque;

	port->host_open = open;
	console_tell(port->bus);
}

void console_port_drain(struct console_port *port)
{
	if (port->rx)
		virtqueue_unpop(console_rx(port), port->rx);
	if (port->tx)
		virtqueue_unpop(console_tx(port), port->tx);
	port->rx = port->tx = NULL;
}

/* ---- device classes ---- */

static bool is_console(const struct console_device *cdev)
{
	return cdev->dev.cls == &virtconsole_class;
}

/* bus=ID or bus=ID.0 names one; without it the first that has room. */
static bool is_wanted(const struct console_device *cdev, const struct device *dev)
{
	const char *name = cdev->bus_opt;
	size_t len;

	if (dev->cls != &virtio_serial_pci_class)
		return false;
	if (!name)
		return true;
	len = dev->id ? strlen(dev->id) : 0;
	return len && !strncmp(name, dev->id, len) &&
	       (!name[len] || !strcmp(name + len, ".0"));
}

/* Port 0 belongs to a console: drivers that know one port only take it for that. */
static struct console_port *free_port(const struct console_device *cdev,
                                      struct virtio_console *bus)
{
	for (unsigned i = is_console(cdev) ? 0 : 1; i < bus->max_ports; i++)
		if (!bus->ports[i].present)
			return &bus->ports[i];
	return NULL;
}

static struct console_port *numbered_port(const struct console_device *cdev,
                                          struct virtio_console *bus, struct err *err)
{
	uint64_t nr;

	if (opt_parse_u64(cdev->nr_opt, &nr) < 0 || nr >= bus->max_ports) {
		err_usage(err, "nr=%s is no port of this bus (0 to %u)", cdev->nr_opt,
		          bus->max_ports - 1);
		return NULL;
	}
	if (!nr && !is_console(cdev)) {
		err_usage(err, "port 0 is kept for a virtconsole; use nr=1 or above");
		return NULL;
	}
	if (bus->ports[nr].present) {
		err_usage(err, "port %u is taken; choose another nr=", (unsigned)nr);
		return NULL;
	}
	return &bus->ports[nr];
}

static struct console_port *find_port(const struct console_device *cdev, struct err *err)
{
	bool any = false;

	for (struct device *dev = cdev->dev.vm->devices; dev; dev = dev->next) {
		struct virtio_console *bus = (struct virtio_console *)dev;
		struct console_port *port;

		if (!is_wanted(cdev, dev))
			continue;
		any = true;
		if (cdev->nr_opt)
			return numbered_port(cdev, bus, err);
		port = free_port(cdev, bus);
		if (port)
			return port;
	}
	if (any)
		err_usage(err,
		          "every port is taken; add another -device virtio-serial-pci");
	else if (cdev->bus_opt)
		err_usage(err,
		          "there is no bus '%s'; give a -device virtio-serial-pci that "
		          "id",
		          cdev->bus_opt);
	else
		err_usage(err, "it needs a bus; put -device virtio-serial-pci before it");
	return NULL;
}

static void moved(void *opaque, struct chardev *chr)
{
	((struct console_port *)opaque)->chr = chr;
}

static int attach_chardev(struct console_device *cdev, struct console_port *port,
                          struct err *err)
{
	struct chardev_front front = {
		.can_read = can_read,
		.read = deliver,
		.writable = writable,
		.opened = opened,
		.moved = moved,
		.opaque = port,
	};
	struct chardev *chr;
	int ret;

	if (!cdev->chardev)
		return 0;
	chr = cdev->dev.vm->chardevs ? chardev_find(cdev->dev.vm->chardevs, cdev->chardev)
	                             : NULL;
	if (!chr)
		return err_usage(err,
		                 "there is no chardev '%s'; define it with -chardev "
		                 "BACKEND,id=%s",
		                 cdev->chardev, cdev->chardev);
	port->chr = chr;
	ret = chardev_attach(chr, &front, err);
	if (ret < 0)
		port->chr = NULL;
	return ret;
}

static int port_realize(struct device *dev, struct err *err)
{
	struct console_device *cdev = (struct console_device *)dev;
	struct console_port *port = find_port(cdev, err);
	int ret;

	if (!port)
		return -EINVAL;
	ret = attach_chardev(cdev, port, err);
	if (ret < 0)
		return ret;
	cdev->port = port;
	port->owner = cdev;
	port->present = true;
	port->is_console = is_console(cdev);
	if (port->bus->driver_ready)
		port->pending |= CONSOLE_TELL_ADD;
	device_set_path(dev, "%s/%u", port->bus->vpci.pci.dev.path, console_nr(port));
	console_tell(port->bus);
	return 0;
}

void console_port_orphan(struct console_port *port)
{
	if (port->chr)
		chardev_detach(port->chr, port);
	port->chr = NULL;
	port->host_open = false;
	if (port->owner)
		port->owner->port = NULL;
	port->owner = NULL;
	port->present = port->is_console = false;
	port->ready = port->guest_connected = port->told_open = false;
}

static void port_unrealize(struct device *dev)
{
	struct console_port *port = ((struct console_device *)dev)->port;

	if (!port)
		return;
	console_port_drain(port);
	port->tx_done = 0;
	console_port_orphan(port);
	port->pending = port->bus->driver_ready ? CONSOLE_TELL_REMOVE : 0;
	console_tell(port->bus);
}

#define FIELD(f) .offset = offsetof(struct console_device, f)

static const struct opt_desc port_props[] = {
	{ .name = "chardev",
	  .type = OPT_STR,
	  FIELD(chardev),
	  .help = "id of the -chardev at the host's end" },
	{ .name = "name",
	  .type = OPT_STR,
	  FIELD(name),
	  .help = "name of the port in the guest" },
	{ .name = "nr",
	  .type = OPT_STR,
	  FIELD(nr_opt),
	  .help = "number of the port (the first free one)" },
	{ .name = "bus",
	  .type = OPT_STR,
	  FIELD(bus_opt),
	  .help = "id of the virtio-serial-pci" },
	{ .name = NULL },
};

const struct device_class virtconsole_class = {
	.name = "virtconsole",
	.bus = "virtio-serial",
	.help = "console of the guest (hvc0 in Linux)",
	.size = sizeof(struct console_device),
	.props = port_props,
	.realize = port_realize,
	.unrealize = port_unrealize,
};

const struct device_class virtserialport_class = {
	.name = "virtserialport",
	.bus = "virtio-serial",
	.help = "named byte channel between guest and host",
	.size = sizeof(struct console_device),
	.props = port_props,
	.realize = port_realize,
	.unrealize = port_unrealize,
};
