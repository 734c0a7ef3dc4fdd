// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A ring of frames in shared memory (frame-ring.h). Places count up and wrap at 2^32; a
 * frame is in one piece, so that one which would reach beyond the end begins at the
 * start.
 */
#include "common/frame-ring.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNTER_SIZE 4096u /* a page for `taken`, which the reader writes */
#define ALIGN        64u

static int map_counter(struct frame_ring *ring, int fd)
{
	void *at = mmap(NULL, COUNTER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	ring->taken = at;
	return 0;
}

static int map_both(struct frame_ring *ring, int fd, int prot)
{
	int ret = map_counter(ring, fd);
	void *at;

	if (ret < 0)
		return ret;
	at = mmap(NULL, FRAME_RING_SIZE, prot, MAP_SHARED, fd, COUNTER_SIZE);
	if (at == MAP_FAILED) {
		ret = -errno;
		munmap(ring->taken, COUNTER_SIZE);
		return ret;
	}
	ring->data = at;
	return 0;
}

int frame_ring_create(struct frame_ring *ring, struct err *err)
{
	int fd = memfd_create("frames", MFD_CLOEXEC | MFD_ALLOW_SEALING), ret = 0;

	if (fd < 0)
		return err_sys(err, errno, "memory for frames");
	if (ftruncate(fd, COUNTER_SIZE + FRAME_RING_SIZE) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		ret = -errno;
	if (ret >= 0)
		ret = map_both(ring, fd, PROT_READ);
	if (ret >= 0)
		return fd;
	close(fd);
	return err_sys(err, -ret, "memory for frames");
}

int frame_ring_open(struct frame_ring *ring, int fd)
{
	return map_both(ring, fd, PROT_READ | PROT_WRITE);
}

void frame_ring_close(struct frame_ring *ring)
{
	if (!ring->data)
		return;
	munmap(ring->data, FRAME_RING_SIZE);
	munmap(ring->taken, COUNTER_SIZE);
	*ring = (struct frame_ring){ 0 };
}

uint8_t *frame_ring_room(struct frame_ring *ring, uint32_t size)
{
	uint32_t at, used;

	if (!ring->data)
		return NULL;
	at = ring->head % FRAME_RING_SIZE;
	if (FRAME_RING_SIZE - at < size) {
		ring->head += FRAME_RING_SIZE - at;
		at = 0;
	}
	used = ring->head - atomic_load_explicit(ring->taken, memory_order_acquire);
	return used > FRAME_RING_SIZE || FRAME_RING_SIZE - used < size ? NULL
	                                                               : ring->data + at;
}

uint32_t frame_ring_put(struct frame_ring *ring, uint32_t size)
{
	uint32_t place = ring->head;

	ring->head += (size + ALIGN - 1) & ~(ALIGN - 1);
	return place;
}

uint8_t *frame_ring_at(const struct frame_ring *ring, uint32_t place, uint32_t size)
{
	uint32_t at = place % FRAME_RING_SIZE;

	return ring->data && FRAME_RING_SIZE - at >= size ? ring->data + at : NULL;
}

void frame_ring_take(struct frame_ring *ring, uint32_t place, uint32_t size)
{
	atomic_store_explicit(ring->taken, place + ((size + ALIGN - 1) & ~(ALIGN - 1)),
	                      memory_order_release);
}
