/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between frames with virtio-net headers (common/netproto.h) and libslirp, which knows
 * whole packets with checksums. One thread.
 */
#ifndef VMM_HELPERS_USER_NET_OFFLOAD_H
#define VMM_HELPERS_USER_NET_OFFLOAD_H

#include "common/frames.h"
#include "common/netproto.h"
#include "vmm/helpers/user-net/segment.h"

#include <stdbool.h>

/* A frame of the guest, its header in front, len bytes in all: computes what the guest
 * left undone. A segment that should be cut stays one, of up to 64 KiB: libslirp takes it
 * as it is. False: the frame is malformed. */
bool offload_finish(uint8_t *frame, size_t len);

/* Frames to the guest. Zeroed memory with `frames` set; the segments of a TCP connection
 * that follow each other become one frame, if the guest takes that. */
struct joiner {
	struct frames *frames;
	unsigned offloads; /* enum netproto_offload, what the guest takes */
	unsigned mss[2];   /* the least that it asked for, over IPv4 and IPv6; 0: none */
	/* The frame that may grow. */
	size_t size;       /* 0: there is none */
	unsigned l4, data; /* where TCP and where its data begin */
	unsigned segments, segment_size;
	uint8_t head[PACKET_HEAD]; /* as all segments have it */
	uint8_t *frame;            /* in the ring, or `own`; its header is before it */
	uint8_t own[FRAMES_MAX];
};

/* A frame of the guest's, complete, to fn, which is libslirp: remembers the MSS of a SYN,
 * and asks for segments of several. As fn. */
int joiner_input(struct joiner *j, uint8_t *ether, size_t size, segment_fn *fn,
                 void *opaque);
/* A frame of libslirp's, complete. As frames_send(), of this frame or the one before. */
int joiner_add(struct joiner *j, const void *frame, size_t size);
/* Sends the frame that may have grown. */
int joiner_flush(struct joiner *j);

#endif
