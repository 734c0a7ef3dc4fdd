// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When the kernel moves the frames of a virtio-net (vhost.h): while its driver is ready,
 * the link is up and nobody logs writes to RAM; all active pairs of queues or none, since
 * they share the interface's header length. Otherwise net-data.c does, and so it is after
 * a failure until the next reset. The control queue is never the kernel's.
 */
#include "vmm/virtio/net.h"

#include "vmm/core/vm.h"
#include "vmm/virtio/vhost.h"

#include <errno.h>
#include <string.h>

static void restart(struct mem_watcher *watcher)
{
	struct virtio_net *net = container_of(watcher, struct virtio_net, watcher);

	virtio_restart(&net->vpci.vdev);
}

static void close_all(struct virtio_net *net)
{
	for (unsigned i = 0; i < net->pair_count; i++) {
		vhost_free(net->pairs[i].vhost);
		net->pairs[i].vhost = NULL;
	}
}

void net_vhost_open(struct virtio_net *net)
{
	const uint64_t ours =
		~(1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_RING_F_INDIRECT_DESC |
	          1ull << VIRTIO_RING_F_EVENT_IDX | 1ull << VIRTIO_F_VERSION_1);
	struct virtio_device *vdev = &net->vpci.vdev;
	struct err err = { 0 };

	for (unsigned i = 0; i < net->pair_count; i++) {
		struct net_pair *pair = &net->pairs[i];

		if (net_vhost_fd(pair->nd) < 0)
			break;
		pair->vhost = vhost_new(vdev, net_vhost_fd(pair->nd), 2 * i, 2, &err);
		if (!pair->vhost) {
			log_warn("%s: %s; frames pass through vmm", vdev->dev->path,
			         err.text);
			close_all(net);
			break;
		}
		vdev->host_features &= ours | vhost_features(pair->vhost);
	}
	if (!net->pairs[0].vhost)
		return;
	net->watcher.changed = restart;
	mem_watch(vdev->mem, &net->watcher);
}

void net_vhost_close(struct virtio_net *net)
{
	net_vhost_stop(net);
	if (net->watcher.changed)
		mem_unwatch(net->vpci.vdev.mem, &net->watcher);
	close_all(net);
}

void net_vhost_stop(struct virtio_net *net)
{
	bool ran = false;

	for (unsigned i = 0; i < net->pair_count; i++) {
		ran |= vhost_running(net->pairs[i].vhost);
		vhost_stop(net->pairs[i].vhost);
	}
	if (ran)
		net_set_header(net->nd, NET_HDR_LEN);
}

static bool can_start(const struct virtio_net *net)
{
	const struct virtio_device *vdev = &net->vpci.vdev;

	if (!net->pairs[0].vhost || net->vhost_failed || !net_link_up(net->nd) ||
	    !(vdev->status & VIRTIO_CONFIG_S_DRIVER_OK) || mem_is_logged(vdev->mem))
		return false;
	for (unsigned q = 0; q < 2u * net->active; q++)
		if (!vdev->queues[q].mapped)
			return false;
	return true;
}

static int start_pair(struct net_pair *pair)
{
	net_release(pair);
	net_want_input(pair->nd, false);
	/* A frame that waited for buffers is lost, as on any wire. */
	net_stats(pair->nd)->rx_dropped += !!pair->rx_len;
	pair->rx_len = 0;
	return vhost_start(pair->vhost, net_packet_fd(pair->nd));
}

bool net_vhost_serves(struct virtio_net *net)
{
	struct virtio_device *vdev = &net->vpci.vdev;
	int ret = 0;

	if (vhost_running(net->pairs[0].vhost))
		return true;
	if (!can_start(net))
		return false;
	net_set_header(net->nd, net_header_len(vdev));
	for (unsigned i = 0; i < net->active && ret >= 0; i++)
		ret = start_pair(&net->pairs[i]);
	if (ret >= 0)
		return true;
	log_warn("%s: vhost does not start: %s; frames pass through vmm", vdev->dev->path,
	         strerror(-ret));
	net->vhost_failed = true;
	net_vhost_stop(net);
	net_set_header(net->nd, NET_HDR_LEN);
	return false;
}
