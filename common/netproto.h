/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vmm and its helper vmm-user-net pass through the socket for frames
 * (common/frames.h). Each frame has a struct virtio_net_hdr_v1 in front, as a tap's has,
 * so that checksums and segmentation may be left to the other side. From vmm also comes a
 * header alone, whose first byte says which of that the guest takes from now on; nothing,
 * at first. Frames that are on their way by then may still be of the kind before.
 */
#ifndef COMMON_NETPROTO_H
#define COMMON_NETPROTO_H

#include <linux/virtio_net.h>

#define NETPROTO_HEADER sizeof(struct virtio_net_hdr_v1)

enum netproto_offload {
	NETPROTO_CSUM = 1 << 0,
	NETPROTO_TSO4 = 1 << 1,
	NETPROTO_TSO6 = 1 << 2,
	NETPROTO_ECN = 1 << 3,
};

#endif
