// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-net (virtio 1.2, 5.1): the device around the data path and the filter: features,
 * configuration, link, address, life.
 *
 * Checksum and segmentation offloads are offered only where the back end passes them on.
 * After its state was loaded somewhere the device asks the driver to announce itself, so
 * that switches learn where it is now. Machine lock.
 */
#include "vmm/virtio/net.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <string.h>

#define CLASS_ETHERNET 0x020000
#define VECTORS        4 /* three queues and the configuration */
#define CTRL_SIZE      64
#define MTU_MIN        68 /* 5.1.4.1 */

/* ---- virtio ---- */

static void kick(struct virtio_device *vdev, struct virtqueue *vq)
{
	static void (*const serve[])(struct virtio_net * net) = {
		[NET_RX] = net_receive,
		[NET_TX] = net_transmit,
		[NET_CTRL] = net_control,
	};

	serve[vq->index](to_net(vdev));
}

static void get_config(struct virtio_device *vdev, uint8_t *config)
{
	struct virtio_net *net = to_net(vdev);
	struct virtio_net_config c = {
		.status = (net_link_up(net->nd) ? VIRTIO_NET_S_LINK_UP : 0) |
		          (net->announce ? VIRTIO_NET_S_ANNOUNCE : 0),
		.max_virtqueue_pairs = 1,
		.mtu = net->mtu,
	};

	memcpy(c.mac, net->mac, NET_MAC_LEN);
	memcpy(config, &c, vdev->ops->config_len);
}

/* Legacy drivers set their address here (5.1.4.2). */
static void set_config(struct virtio_device *vdev, unsigned offset, uint64_t value,
                       unsigned size)
{
	struct virtio_net *net = to_net(vdev);

	if (virtio_has(vdev, VIRTIO_F_VERSION_1) ||
	    virtio_has(vdev, VIRTIO_NET_F_CTRL_MAC_ADDR) || offset + size > NET_MAC_LEN)
		return;
	stn(net->mac + offset, size, value);
}

static void start(struct virtio_device *vdev)
{
	struct virtio_net *net = to_net(vdev);

	if (net->loading)
		net_apply_offloads(net);
	else
		net_start_offloads(net);
}

static void drain(struct virtio_device *vdev)
{
	net_release(to_net(vdev));
}

static void reset(struct virtio_device *vdev)
{
	struct virtio_net *net = to_net(vdev);

	net->announce = false;
	net->rx_len = 0;
	net_filter_reset(net);
	net_apply_offloads(net);
	net_want_input(net->nd, false);
}

static const struct virtio_ops net_ops = {
	.device_id = VIRTIO_ID_NET,
	.config_len = offsetof(struct virtio_net_config, speed),
	.get_config = get_config,
	.set_config = set_config,
	.start = start,
	.kick = kick,
	.drain = drain,
	.reset = reset,
};

static uint64_t features(const struct virtio_net *net)
{
	uint64_t f = 1ull << VIRTIO_NET_F_MAC | 1ull << VIRTIO_NET_F_STATUS;
	bool offloads = net_has_header(net->nd);

	if (net->mrg_rxbuf)
		f |= 1ull << VIRTIO_NET_F_MRG_RXBUF;
	if (net->mtu)
		f |= 1ull << VIRTIO_NET_F_MTU;
	if (net->ctrl_vq)
		f |= 1ull << VIRTIO_NET_F_CTRL_VQ | 1ull << VIRTIO_NET_F_CTRL_RX |
		     1ull << VIRTIO_NET_F_CTRL_RX_EXTRA | 1ull << VIRTIO_NET_F_CTRL_VLAN |
		     1ull << VIRTIO_NET_F_CTRL_MAC_ADDR;
	if (net->ctrl_vq && net->announce_opt)
		f |= 1ull << VIRTIO_NET_F_GUEST_ANNOUNCE;
	if (!offloads)
		return f;
	if (net->csum)
		f |= 1ull << VIRTIO_NET_F_CSUM;
	if (net->csum && net->tso)
		f |= 1ull << VIRTIO_NET_F_HOST_TSO4 | 1ull << VIRTIO_NET_F_HOST_TSO6 |
		     1ull << VIRTIO_NET_F_HOST_ECN;
	if (net->guest_csum)
		f |= 1ull << VIRTIO_NET_F_GUEST_CSUM;
	if (net->guest_csum && net->guest_tso)
		f |= 1ull << VIRTIO_NET_F_GUEST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO6 |
		     1ull << VIRTIO_NET_F_GUEST_ECN;
	if (net->ctrl_vq)
		f |= 1ull << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS;
	return f;
}

/* ---- the back end's view ---- */

static void readable(void *opaque)
{
	net_receive(opaque);
}

static void writable(void *opaque)
{
	net_transmit(opaque);
}

static void link_changed(void *opaque)
{
	struct virtio_net *net = opaque;

	if (!net->vpci.vdev.paused)
		virtio_config_changed(&net->vpci.vdev);
}

static const char *front_name(void *opaque)
{
	const struct device *dev = opaque;

	return dev->id ? dev->id : dev->path;
}

static const uint8_t *front_mac(void *opaque)
{
	return ((const struct virtio_net *)opaque)->mac;
}

static int attach(struct virtio_net *net, struct err *err)
{
	const struct net_front front = {
		.readable = readable,
		.writable = writable,
		.link = link_changed,
		.name = front_name,
		.mac = front_mac,
		.opaque = net,
		.model = net->vpci.pci.dev.cls->name,
		.own_mac = net->own_mac,
	};
	struct net_registry *nets = net->vpci.pci.dev.vm->nets;
	int ret = net_card_mac(nets, net->mac_opt, net->own_mac, err);

	return ret < 0 ? ret : net_card_attach(nets, net->netdev, &front, &net->nd, err);
}

/* ---- the device class ---- */

static int check_props(struct virtio_net *net, struct err *err)
{
	if (!is_power_of_2(net->rx_size) || !is_power_of_2(net->tx_size))
		return err_usage(err, "rx_queue_size and tx_queue_size must be powers of "
		                      "2");
	if (net->mtu && net->mtu < MTU_MIN)
		return err_usage(err, "host_mtu=%u is below %u", net->mtu, MTU_MIN);
	return 0;
}

static int net_realize(struct device *dev, struct err *err)
{
	struct virtio_net *net = (struct virtio_net *)dev;
	struct virtio_device *vdev = &net->vpci.vdev;
	int ret = check_props(net, err);

	if (ret >= 0)
		ret = attach(net, err);
	if (ret < 0)
		return ret;
	virtio_init(vdev, dev, &net_ops);
	virtio_add_queue(vdev, net->rx_size, sizeof(struct virtq_elem));
	virtio_add_queue(vdev, net->tx_size, sizeof(struct virtq_elem));
	if (net->ctrl_vq)
		virtio_add_queue(vdev, CTRL_SIZE, sizeof(struct virtq_elem));
	vdev->host_features = features(net);
	ret = virtio_pci_realize(&net->vpci, CLASS_ETHERNET, VECTORS, err);
	return ret < 0 ? ret
	               : pci_rom_init(&net->vpci.pci, net->romfile, "efi-virtio.rom",
	                              "ipxe-qemu", err);
}

static void net_unrealize(struct device *dev)
{
	struct virtio_net *net = (struct virtio_net *)dev;

	virtio_pci_unrealize(&net->vpci);
	pci_rom_free(&net->vpci.pci);
	if (net->nd)
		net_detach(net->nd);
}

/* What happened to the link while nothing ran is news now, and so is a move. */
static void net_resume(struct device *dev)
{
	struct virtio_device *vdev = &((struct virtio_net *)dev)->vpci.vdev;
	bool was = vdev->paused;

	virtio_pci_resume(dev);
	if (was && vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		vdev->transport->config_interrupt(vdev);
}

#define FIELD(f) .offset = offsetof(struct virtio_net, f)
#define BOOL(key, f, text)                                                         \
	{                                                                          \
		.name = key, .type = OPT_BOOL, FIELD(f), .def = "on", .help = text \
	}

static const struct opt_desc net_props[] = {
	VIRTIO_PCI_PROPS(struct virtio_net, vpci),
	{ .name = "netdev", .type = OPT_STR, FIELD(netdev), .help = "id of the -netdev" },
	{ .name = "mac",
	  .type = OPT_STR,
	  FIELD(mac_opt),
	  .help = "its address (default: 52:54:00:12:34:56 and up)" },
	{ .name = "rx_queue_size",
	  .type = OPT_U16,
	  FIELD(rx_size),
	  .def = "256",
	  .min = 16,
	  .max = VIRTQUEUE_MAX_SIZE,
	  .help = "entries of the receive queue" },
	{ .name = "tx_queue_size",
	  .type = OPT_U16,
	  FIELD(tx_size),
	  .def = "256",
	  .min = 16,
	  .max = VIRTQUEUE_MAX_SIZE,
	  .help = "entries of the transmit queue" },
	{ .name = "host_mtu",
	  .type = OPT_U16,
	  FIELD(mtu),
	  .def = "0",
	  .help = "largest packet that the guest is told to send (0: it decides)" },
	BOOL("mrg_rxbuf", mrg_rxbuf, "offer mergeable receive buffers"),
	BOOL("csum", csum, "offer to compute checksums of sent frames"),
	BOOL("host_tso", tso, "offer to segment sent frames"),
	BOOL("guest_csum", guest_csum, "offer frames without checksum to the guest"),
	BOOL("guest_tso", guest_tso, "offer large frames to the guest"),
	BOOL("ctrl_vq", ctrl_vq, "offer the control queue: filter, VLAN, address"),
	BOOL("guest_announce", announce_opt, "ask the guest to announce itself"),
	PCI_ROM_PROP(struct virtio_net, romfile),
	{ .name = "bootindex",
	  .type = OPT_U32,
	  FIELD(bootindex),
	  .def = "0xffffffff",
	  .help = "place in the firmware's boot order" },
	{ .name = NULL },
};

static const struct state_field table_fields[] = {
	STATE_BOOL_F(struct net_mac_table, overflow),
	STATE_VBYTES_F(struct net_mac_table, macs, len),
	STATE_END_F,
};

static const struct state_desc table_state = {
	.name = "net-mac-table",
	.version = 1,
	.fields = table_fields,
};

static const struct state_field net_fields[] = {
	STATE_STRUCT_F(struct virtio_net, vpci, &virtio_pci_state),
	STATE_BYTES_F(struct virtio_net, mac),
	STATE_BOOL_F(struct virtio_net, promisc),
	STATE_BOOL_F(struct virtio_net, allmulti),
	STATE_BOOL_F(struct virtio_net, alluni),
	STATE_BOOL_F(struct virtio_net, nomulti),
	STATE_BOOL_F(struct virtio_net, nouni),
	STATE_BOOL_F(struct virtio_net, nobcast),
	STATE_STRUCT_F(struct virtio_net, uni, &table_state),
	STATE_STRUCT_F(struct virtio_net, multi, &table_state),
	STATE_BYTES_F(struct virtio_net, vlans),
	STATE_U64_F(struct virtio_net, guest_offloads),
	STATE_END_F,
};

static int net_validate(const void *obj, struct err *err)
{
	const struct virtio_net *net = obj;
	uint64_t used = net->vpci.vdev.features & net->vpci.vdev.host_features;

	if (net->uni.len % NET_MAC_LEN || net->multi.len % NET_MAC_LEN)
		return err_set(err, EINVAL, "a table of addresses ends inside one");
	if (net->guest_offloads & ~used)
		return err_set(err, EINVAL,
		               "receive offloads 0x%llx are in use that were not "
		               "negotiated",
		               (unsigned long long)(net->guest_offloads & ~used));
	return virtio_pci_validate(obj, err);
}

static int net_post_load(void *obj, struct err *err)
{
	struct virtio_net *net = obj;
	struct virtio_device *vdev = &net->vpci.vdev;
	int ret;

	net->rx_len = 0;
	net->announce = vdev->status & VIRTIO_CONFIG_S_DRIVER_OK &&
	                virtio_has(vdev, VIRTIO_NET_F_GUEST_ANNOUNCE);
	net->loading = true;
	ret = virtio_pci_post_load(obj, err);
	net->loading = false;
	return ret;
}

static const struct state_desc net_state = {
	.name = "virtio-net-pci",
	.version = 1,
	.fields = net_fields,
	.pre_save = virtio_pci_pre_save,
	.validate = net_validate,
	.post_load = net_post_load,
};

const struct device_class virtio_net_pci_class = {
	.name = "virtio-net-pci",
	.alias = "virtio-net",
	.bus = "pci",
	.help = "network card on a -netdev",
	.size = sizeof(struct virtio_net),
	.props = net_props,
	.state = &net_state,
	.realize = net_realize,
	.reset = virtio_pci_reset,
	.quiesce = virtio_pci_quiesce,
	.resume = net_resume,
	.unrealize = net_unrealize,
};
