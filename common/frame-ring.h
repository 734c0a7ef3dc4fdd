/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared memory in which one process leaves large frames for another, which is told where
 * by a socket (common/frames.h): a copy into the kernel and one out of it are saved.
 *
 * The writer is not trusted. The reader maps the frames to read only, its size is sealed,
 * and of what lies there the reader believes nothing but what it has copied. One thread
 * on each side.
 */
#ifndef COMMON_FRAME_RING_H
#define COMMON_FRAME_RING_H

#include "common/err.h"

#include <stdatomic.h>
#include <stdint.h>

#define FRAME_RING_SIZE (256u << 10) /* bytes of frames; a power of two */

struct frame_ring {
	uint8_t *data;           /* NULL: there is none */
	_Atomic uint32_t *taken; /* the writer may use what lies before; rising bytes */
	uint32_t head;           /* the writer's: where the next frame will lie */
};

/* The reader's side, of zeroed memory. The descriptor for the writer, which is the
 * caller's, or -errno with a sentence. */
int frame_ring_create(struct frame_ring *ring, struct err *err);
/* The writer's side of such a descriptor, which stays the caller's. 0 or -errno. */
int frame_ring_open(struct frame_ring *ring, int fd);
/* Accepts zeroed memory. */
void frame_ring_close(struct frame_ring *ring);

/* The writer: size bytes that nobody reads, for the next frame; NULL: there is no room.
 */
uint8_t *frame_ring_room(struct frame_ring *ring, uint32_t size);
/* There is a frame of size bytes in that room: the place to tell the reader. */
uint32_t frame_ring_put(struct frame_ring *ring, uint32_t size);

/* The reader: the frame there, or NULL: no frame can be there. */
uint8_t *frame_ring_at(const struct frame_ring *ring, uint32_t place, uint32_t size);
/* It does not need that frame any more, nor what came before. */
void frame_ring_take(struct frame_ring *ring, uint32_t place, uint32_t size);

#endif
