/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ethernet frames over a stream socket: each frame is preceded by its length, four bytes
 * in network order, as QEMU's stream sockets and passt have it.
 *
 * Between two programs of ours a large frame may lie in memory that they share
 * (common/frame-ring.h): of its length the highest bit is set then, and four bytes follow
 * that say where.
 *
 * The peer is not trusted: a length that no frame has ends the connection. Nothing here
 * blocks, and nothing is allocated after frames_init(). One thread at a time.
 */
#ifndef COMMON_FRAMES_H
#define COMMON_FRAMES_H

#include "common/frame-ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define FRAMES_MAX (65536 + 4096) /* bytes of the longest frame */

struct frames {
	int fd;
	uint8_t *in, *out;
	size_t in_start, in_len; /* bytes that were read, not yet taken */
	bool drained; /* the socket had less than there was room for: it is empty */
	size_t out_start, out_len, out_cap; /* bytes that the socket did not take yet */
	bool corked; /* more will be sent at once: frames wait for frames_flush() as long
	                as there is room; the user's to set and clear */
	struct frame_ring *ring; /* NULL: no frames lie in shared memory; the user's */
	uint32_t place, size;    /* the reader's frame there; size 0: none */
};

/* fd is a connected stream socket and stays the caller's. Up to out_cap bytes (0: as many
 * as one frame has) wait here when the socket is full. 0 or -ENOMEM. */
int frames_init(struct frames *f, int fd, size_t out_cap);
/* Accepts zeroed memory. */
void frames_free(struct frames *f);

/* The next frame, copied to buf of at least FRAMES_MAX bytes: its length; -EAGAIN when
 * the rest of it has not come; -EPIPE when the peer has gone, -EPROTO when it sent a
 * length that cannot be, or another -errno. After those there is nothing left to read.
 * -EAGAIN may be said of a socket that has become readable since it was last read: wait
 * for it with a poll that is level-triggered. */
ssize_t frames_recv(struct frames *f, void *buf);
/* The same without a copy: *frame is valid until the next call. In shared memory it may
 * change. */
ssize_t frames_next(struct frames *f, uint8_t **frame);
/* Sends one frame of 1 to FRAMES_MAX bytes: 0 when it is sent or waits here, -EAGAIN when
 * there is no room for it, -EMSGSIZE, or -errno when the connection is broken. */
int frames_send(struct frames *f, const struct iovec *iov, unsigned count);
/* The same for the frame of len bytes in the room of f->ring that was asked for last;
 * -EAGAIN: it still lies there. */
int frames_send_room(struct frames *f, uint32_t len);
/* Sends what waits: 0 when nothing is left, -EAGAIN, or -errno. */
int frames_flush(struct frames *f);

#endif
