// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back ends "tap" and "bridge": a network interface of the host, of one queue or
 * several (Documentation/networking/tuntap).
 *
 * Frames carry a virtio-net header, so that checksums and segmentation pass between guest
 * and host undone; the kernel checks the header of each frame that it is given. A tap
 * made here goes away with it, unless it was made persistent.
 */
#include "common/log.h"
#include "vmm/net/tap.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

#define STR(key, field, text)                                                        \
	{                                                                            \
		.name = key, .type = OPT_STR, .offset = offsetof(struct tap, field), \
		.help = text                                                         \
	}

static const struct opt_desc tap_opts[] = {
	NET_OPTS(struct tap, nd),
	STR("ifname", ifname,
	    "the interface; created if there is none (default: tap0, tap1 ...)"),
	STR("script", script,
	    "program that brings it up; no: none (default: /etc/qemu-ifup, if it is "
	    "there)"),
	STR("downscript", downscript, "the same for the end (default: /etc/qemu-ifdown)"),
	STR("fd", fd_opt, "number of an inherited descriptor of an open tap"),
	STR("fds", fds, "several of them, one a queue: 3:4"),
	STR("helper", helper, "program that makes a tap in bridge br and passes it on"),
	{ .name = "br",
	  .type = OPT_STR,
	  .offset = offsetof(struct tap, br),
	  .def = "br0",
	  .help = "helper=: the bridge" },
	{ .name = "queues",
	  .type = OPT_U32,
	  .offset = offsetof(struct tap, queues),
	  .def = "1",
	  .min = 1,
	  .max = NET_MAX_QUEUES,
	  .help = "pairs of queues, for a card with mq=on" },
	{ .name = "vhost",
	  .type = OPT_TRI,
	  .offset = offsetof(struct tap, vhost),
	  .def = "auto",
	  .help = "on: the kernel moves the frames (auto: if vhostfd is given)" },
	STR("vhostfd", vhostfd, "number of an inherited descriptor of /dev/vhost-net"),
	STR("vhostfds", vhostfds, "several of them, one a queue"),
	{ .name = "vhostforce",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct tap, vhostforce),
	  .def = "off",
	  .help = "no start without vhost" },
	{ .name = NULL },
};

static const struct opt_desc bridge_opts[] = {
	NET_OPTS(struct tap, nd),
	{ .name = "br",
	  .type = OPT_STR,
	  .offset = offsetof(struct tap, br),
	  .def = "br0",
	  .help = "the bridge" },
	STR("helper", helper,
	    "QEMU's helper, which makes a tap in it (default: "
	    "/usr/lib/qemu/qemu-bridge-helper)"),
	{ .name = NULL },
};

/* ---- life ---- */

static int use_queue(struct tap *tap, struct err *err)
{
	int len = NET_HDR_LEN;

	if (ioctl(tap->fd, TUNSETVNETHDRSZ, &len) < 0 ||
	    ioctl(tap->fd, TUNSETOFFLOAD, 0) < 0)
		return err_sys(err, errno, "offloads");
	tap->nd.header = true;
	net_use_fd(&tap->nd, tap->fd);
	return 0;
}

static int use_queues(struct tap *tap, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < tap->queues && ret >= 0; i++)
		ret = use_queue((struct tap *)net_queue(&tap->nd, i), err);
	err_prefix(err, "interface %s", tap->name);
	tap->header_len = NET_HDR_LEN;
	return ret;
}

static int open_bridged(struct tap *tap, struct err *err)
{
	int ret = tap_open_bridge(tap, err);

	tap->queues = 1;
	if (ret >= 0)
		ret = use_queues(tap, err);
	net_set_desc(&tap->nd, "helper=%s,br=%s", tap->helper ? tap->helper : "",
	             tap->br);
	return ret;
}

static int tap_open(struct netdev *nd, struct err *err)
{
	struct tap *tap = (struct tap *)nd;
	int ret;

	tap->fd = -1;
	if (tap->helper && (tap->ifname || tap->script || tap->queues > 1))
		return err_usage(err, "helper= makes the interface; drop ifname=, "
		                      "script= and queues=");
	if (tap->helper && !tap->fd_opt && !tap->fds) {
		ret = open_bridged(tap, err);
		return ret < 0 ? ret : tap_open_vhost(tap, err);
	}
	ret = tap_open_all(tap, err);
	if (ret >= 0)
		ret = use_queues(tap, err);
	if (ret >= 0 && !tap->fd_opt && !tap->fds) {
		ret = tap_script_up(tap, err);
		tap->up = ret >= 0;
	}
	if (ret >= 0)
		ret = tap_open_vhost(tap, err);
	if (tap->fd_opt || tap->fds)
		net_set_desc(nd, "fd=%d", tap->fd);
	else
		net_set_desc(nd, "ifname=%s,script=%s,downscript=%s", tap->name,
		             tap->script ? tap->script : TAP_UP_SCRIPT,
		             tap->downscript ? tap->downscript : TAP_DOWN_SCRIPT);
	return ret;
}

static int bridge_open(struct netdev *nd, struct err *err)
{
	struct tap *tap = (struct tap *)nd;

	tap->fd = -1;
	return open_bridged(tap, err);
}

static void tap_close(struct netdev *nd)
{
	struct tap *tap = (struct tap *)nd;

	bulk_stop(&tap->bulk);
	if (tap->up)
		tap_script_down(tap);
	if (tap->fd >= 0)
		close(tap->fd);
	if (nd->vhost_fd >= 0)
		close(nd->vhost_fd);
}

/* ---- frames ---- */

static ssize_t tap_take(struct netdev *nd, uint8_t *buf, uint8_t **frame)
{
	ssize_t n = read(nd->fd, buf, NET_FRAME_MAX);

	return n < 0 ? -errno : n;
}

/* A full queue of the interface never shows here: the kernel drops then. */
static int tap_send(struct netdev *nd, const struct iovec *iov, unsigned count)
{
	ssize_t n = writev(nd->fd, iov, count);

	if (n < 0)
		return -errno;
	bulk_sent(&((struct tap *)nd)->bulk, n);
	return 0;
}

static void tap_cork(struct netdev *nd, bool on)
{
	struct bulk *bulk = &((struct tap *)nd)->bulk;

	if (on)
		bulk_begin(bulk);
	else
		bulk_end(bulk, nd->reg->loop);
}

static void tap_set_offload(struct netdev *nd, unsigned offloads)
{
	static const struct {
		unsigned net, tun;
	} map[] = {
		{ NET_OFFLOAD_CSUM, TUN_F_CSUM },
		{ NET_OFFLOAD_TSO4, TUN_F_TSO4 },
		{ NET_OFFLOAD_TSO6, TUN_F_TSO6 },
		{ NET_OFFLOAD_ECN, TUN_F_TSO_ECN },
	};
	unsigned tun = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(map); i++)
		tun |= offloads & map[i].net ? map[i].tun : 0;
	if (ioctl(nd->fd, TUNSETOFFLOAD, tun) < 0)
		log_warn("netdev %s: offloads 0x%x: %s", nd->id, tun, strerror(errno));
}

static void tap_set_header(struct netdev *nd, int len)
{
	struct tap *tap = (struct tap *)nd;

	if (len == tap->header_len)
		return;
	if (ioctl(nd->fd, TUNSETVNETHDRSZ, &len) < 0)
		log_warn("netdev %s: header of %d bytes: %s", nd->id, len,
		         strerror(errno));
	tap->header_len = len;
}

/* The kernel spreads frames over the queues that are attached. */
static int tap_enable(struct netdev *nd, bool on)
{
	struct ifreq ifr = { .ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

	return ioctl(nd->fd, TUNSETQUEUE, &ifr) < 0 ? -errno : 0;
}

#define TAP_FRAMES                                                    \
	.take_frame = tap_take, .send = tap_send, .cork = tap_cork,   \
	.set_offload = tap_set_offload, .set_header = tap_set_header, \
	.enable = tap_enable, .close = tap_close

const struct net_ops net_tap_ops = {
	.name = "tap",
	.help = "a network interface of the host",
	.size = sizeof(struct tap),
	.opts = tap_opts,
	.open = tap_open,
	TAP_FRAMES,
};

const struct net_ops net_bridge_ops = {
	.name = "bridge",
	.help = "an interface in a bridge of the host, made by QEMU's bridge helper",
	.size = sizeof(struct tap),
	.opts = bridge_opts,
	.open = bridge_open,
	TAP_FRAMES,
};
