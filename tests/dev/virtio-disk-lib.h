/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest with one virtio-blk disk and requests to it, for device tests. */
#ifndef TESTS_DEV_VIRTIO_DISK_LIB_H
#define TESTS_DEV_VIRTIO_DISK_LIB_H

#include "tests/dev/virtio-lib.h"
#include "vmm/block/block.h"

#include <linux/virtio_blk.h>

#define DISK_SIZE (8ull << 20)
#define DISK_MAX  (1u << 20) /* bytes of data in one simple request */

struct disk {
	struct guest g;
	char path[96];
	struct block_node *node;
	struct vdrv d;
	struct vqueue q;
	uint64_t header, data, status; /* guest memory of the simple requests */
};

/* An image of DISK_SIZE bytes in which each sector starts with its number, a drive d0 on
 * it (`drive`: further -drive keys, may be empty), a virtio-blk-pci (`opts`: further
 * properties). */
void disk_init(struct disk *k, const char *drive, const char *opts);
void disk_free(struct disk *k);
/* Negotiates what is offered of `features`, sets queue 0 up, DRIVER_OK. */
void disk_start(struct disk *k, uint64_t features);
/* Puts a request header into guest memory. */
void disk_header(struct disk *k, uint64_t gpa, uint32_t type, uint64_t sector);
/* One request with header, `len` bytes at k->data (read by the device, or written by it)
 * and status in segments of their own; the status, or 0xff when none came. */
uint8_t disk_do(struct disk *k, uint32_t type, uint64_t sector, uint32_t len, bool in);
/* The same with segments of the caller's between header and status. */
uint8_t disk_segs(struct disk *k, uint32_t type, uint64_t sector, const struct vseg *segs,
                  unsigned count);
/* The image at this moment, as another process sees it. */
void disk_image(struct disk *k, uint64_t offset, void *buf, size_t len);
void *disk_data(struct disk *k);
/* Fills len bytes with a pattern that depends on seed; true when they hold it. */
void disk_fill(void *buf, size_t len, unsigned seed);
bool disk_holds(const void *buf, size_t len, unsigned seed);

#endif
