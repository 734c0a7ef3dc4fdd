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
#include "common/lazy.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <string.h>

#define CLASS_ETHERNET 0x020000
#define CTRL_SIZE      64
#define MTU_MIN        68 /* 5.1.4.1 */

/* ---- virtio ---- */

/* 5.1.2: the control queue is behind all pairs that the driver knows of. */
static unsigned control_queue(const struct virtio_net *net)
{
	return virtio_has(&net->vpci.vdev, VIRTIO_NET_F_MQ) ? 2 * net->pair_count : 2;
}

static void kick(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct virtio_net *net = to_net(vdev);
	struct net_pair *pair = &net->pairs[vq->index / 2];

	if (vq->index == control_queue(net))
		net_control(net, vq);
	else if (vq->index >= 2 * net->active || net_vhost_serves(net))
		return;
	else if (vq->index % 2 == NET_RX)
		net_receive(pair);
	else
		net_transmit(pair);
}

static void get_config(struct virtio_device *vdev, uint8_t *config)
{
	struct virtio_net *net = to_net(vdev);
	struct virtio_net_config c = {
		.status = (net_link_up(net->nd) ? VIRTIO_NET_S_LINK_UP : 0) |
		          (net->announce ? VIRTIO_NET_S_ANNOUNCE : 0),
		.max_virtqueue_pairs = net->pair_count,
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
	struct virtio_net *net = to_net(vdev);

	net_vhost_stop(net);
	for (unsigned i = 0; i < net->pair_count; i++)
		net_release(&net->pairs[i]);
}

static void apply_pairs(struct virtio_net *net)
{
	for (unsigned i = 1; i < net->pair_count; i++) {
		net_want_input(net->pairs[i].nd, false);
		net_enable_queue(net->pairs[i].nd, i < net->active);
	}
}

void net_use_pairs(struct virtio_net *net, unsigned pairs)
{
	if (pairs == net->active)
		return;
	drain(&net->vpci.vdev);
	net->active = pairs;
	apply_pairs(net);
	virtio_restart(&net->vpci.vdev);
}

static void reset(struct virtio_device *vdev)
{
	struct virtio_net *net = to_net(vdev);

	net->announce = net->vhost_failed = false;
	net->active = 1;
	for (unsigned i = 0; i < net->pair_count; i++) {
		net->pairs[i].rx_len = 0;
		net_want_input(net->pairs[i].nd, false);
	}
	apply_pairs(net);
	net_filter_reset(net);
	net_apply_offloads(net);
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
	if (net->ctrl_vq && net->pair_count > 1)
		f |= 1ull << VIRTIO_NET_F_MQ;
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

static struct virtio_net *net_of(void *opaque)
{
	return ((struct net_pair *)opaque)->net;
}

static void link_changed(void *opaque)
{
	struct virtio_net *net = net_of(opaque);

	/* Without a link the kernel moves nothing. */
	if (net->pairs[0].vhost)
		virtio_restart(&net->vpci.vdev);
	if (!net->vpci.vdev.paused)
		virtio_config_changed(&net->vpci.vdev);
}

static const char *front_name(void *opaque)
{
	const struct device *dev = &net_of(opaque)->vpci.pci.dev;

	return dev->id;
}

static const uint8_t *front_mac(void *opaque)
{
	return net_of(opaque)->mac;
}

/* 5.1.6.5.4: the driver is asked, and says so when it did. */
static void front_announce(void *opaque)
{
	struct virtio_net *net = net_of(opaque);

	if (!virtio_has(&net->vpci.vdev, VIRTIO_NET_F_GUEST_ANNOUNCE))
		return;
	net->announce = true;
	virtio_config_changed(&net->vpci.vdev);
}

static void front_filter(void *opaque, struct net_rx_filter *out)
{
	net_get_filter(net_of(opaque), out);
}

static int attach_pair(struct virtio_net *net, unsigned i, struct netdev *nd,
                       struct err *err)
{
	struct net_pair *pair = &net->pairs[i];
	const struct net_front front = {
		.readable = readable,
		.writable = writable,
		.link = link_changed,
		.name = front_name,
		.mac = front_mac,
		.opaque = pair,
		.model = net->vpci.pci.dev.cls->name,
		.own_mac = net->own_mac,
		.announce = front_announce,
		.rx_filter = front_filter,
	};
	int ret = net_attach(nd, &front, err);

	if (ret < 0)
		return ret;
	pair->net = net;
	pair->nd = nd;
	pair->index = i;
	net->pair_count++;
	return 0;
}

static int attach(struct virtio_net *net, struct err *err)
{
	struct net_registry *nets = net->vpci.pci.dev.vm->nets;
	int ret = net_card_mac(nets, &net->mac_opt, net->own_mac, err);
	unsigned count;

	if (ret >= 0)
		ret = net_card_find(nets, net->netdev, &net->nd, err);
	if (ret < 0)
		return ret;
	count = net->mq ? net_queues(net->nd) : 1;
	net->pairs_size = count * sizeof(*net->pairs);
	net->pairs = lazy_alloc(net->pairs_size);
	if (!net->pairs)
		return err_sys(err, ENOMEM, "queues");
	for (unsigned i = 0; i < count && ret >= 0; i++)
		ret = attach_pair(net, i, net_queue(net->nd, i), err);
	/* Or the host would send frames there. */
	for (unsigned i = 1; ret >= 0 && i < net_queues(net->nd); i++)
		net_enable_queue(net_queue(net->nd, i), false);
	return ret;
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
	for (unsigned i = 0; i < net->pair_count; i++) {
		virtio_add_queue(vdev, net->rx_size, sizeof(struct virtq_elem));
		virtio_add_queue(vdev, net->tx_size, sizeof(struct virtq_elem));
	}
	if (net->ctrl_vq)
		virtio_add_queue(vdev, CTRL_SIZE, sizeof(struct virtq_elem));
	vdev->host_features = features(net);
	ret = virtio_pci_realize(&net->vpci, CLASS_ETHERNET,
	                         net->vectors ? net->vectors : 2 * net->pair_count + 2,
	                         err);
	if (ret < 0)
		return ret;
	net_vhost_open(net);
	return pci_rom_init(&net->vpci.pci, net->romfile, "efi-virtio.rom", "ipxe-qemu",
	                    err);
}

static void net_unrealize(struct device *dev)
{
	struct virtio_net *net = (struct virtio_net *)dev;

	net_vhost_close(net);
	virtio_pci_unrealize(&net->vpci);
	pci_rom_free(&net->vpci.pci);
	for (unsigned i = 0; i < net->pair_count; i++)
		net_detach(net->pairs[i].nd);
	lazy_free(net->pairs, net->pairs_size);
	net->pairs = NULL;
	net->pair_count = 0;
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
	NET_CARD_PROPS(struct virtio_net, netdev, mac_opt),
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
	{ .name = "mq",
	  .type = OPT_BOOL,
	  FIELD(mq),
	  .def = "off",
	  .help = "offer all queues of the netdev" },
	{ .name = "vectors",
	  .type = OPT_U32,
	  FIELD(vectors),
	  .def = "0",
	  .max = VIRTIO_MAX_QUEUES + 1,
	  .help = "MSI-X vectors (0: one for each queue and one)" },
	BOOTINDEX_PROP(struct virtio_net, bootindex),
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
	STATE_U16_F(struct virtio_net, active),
	STATE_END_F,
};

static int net_validate(const void *obj, struct err *err)
{
	const struct virtio_net *net = obj;
	uint64_t used = net->vpci.vdev.features & net->vpci.vdev.host_features;

	if (net->uni.len % NET_MAC_LEN || net->multi.len % NET_MAC_LEN)
		return err_set(err, EINVAL, "a table of addresses ends inside one");
	if (!net->active || net->active > net->pair_count)
		return err_set(err, EINVAL, "%u pairs of queues are in use, there are %u",
		               net->active, net->pair_count);
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

	for (unsigned i = 0; i < net->pair_count; i++)
		net->pairs[i].rx_len = 0;
	apply_pairs(net);
	net->announce = vdev->status & VIRTIO_CONFIG_S_DRIVER_OK &&
	                virtio_has(vdev, VIRTIO_NET_F_GUEST_ANNOUNCE);
	net->loading = true;
	ret = virtio_pci_post_load(obj, err);
	net->loading = false;
	return ret;
}

static const struct state_desc net_state = {
	.name = "virtio-net-pci",
	.version = 2,
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
