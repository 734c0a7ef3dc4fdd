/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libslirp's work is per packet, so its network has a larger MTU than the guest's. Here
 * is what stands between the two: the guest is believed to take TCP segments of several
 * MSS, and what is too large for it is cut. One thread.
 */
#ifndef VMM_HELPERS_USER_NET_SEGMENT_H
#define VMM_HELPERS_USER_NET_SEGMENT_H

#include "vmm/helpers/user-net/packet.h"

/*
 * libslirp's MTU. It tells the guest that its buffer has room again when there is room
 * for two segments, in a window of 64 KiB: with a quarter of that each waits for the
 * other, with less libslirp has more to do.
 */
#define SEGMENT_SLIRP_MTU 8192
#define SEGMENT_MAX       (SEGMENT_SLIRP_MTU - IP6_HEAD - TCP_HEAD)
#define SEGMENT_MTU       1500 /* what the guest takes of all but TCP */

/* Takes a frame of these bytes; 0 or -errno. */
typedef int segment_fn(void *opaque, const void *ether, size_t size);

/* A frame of the guest's, complete: the MSS of a SYN becomes as many times that as
 * libslirp can send. The MSS as it was, or 0: there is none to speak of. */
unsigned segment_offer(uint8_t *ether, size_t size);
/* A TCP packet as packets of at most mss (1 to SEGMENT_MAX) bytes of data. What fn
 * refuses ends it, and is the answer. */
int segment_cut(const uint8_t *ether, const struct tcp_parts *parts, unsigned mss,
                segment_fn *fn, void *opaque);
/* An IPv4 packet as fragments for SEGMENT_MTU, or not at all if it must not be; other
 * frames as they are. */
int segment_fragment(const uint8_t *ether, size_t size, segment_fn *fn, void *opaque);

#endif
