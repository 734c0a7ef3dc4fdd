/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the bytes of a disk are, in an image or in those below it. */
#ifndef IMG_EXTENT_H
#define IMG_EXTENT_H

#include "vmm/block/block.h"

struct extent {
	uint64_t start, len;
	/* As qemu-img map has them. data: it is stored, zero: it reads as zeros (neither
	 * or both never), present: an image says so. */
	bool data, zero, present, has_offset;
	unsigned depth;          /* 0: the image itself, 1: the one below */
	uint64_t offset;         /* in the file of */
	struct block_node *node; /* the image at that depth */
};

/* What holds from `start` on, for at most len bytes within the disk. Blocks. 0 or
 * -errno. */
int extent_at(struct block_node *image, uint64_t start, uint64_t len, struct extent *e);
/* The same as far as neighbours are alike, up to the end of the disk. */
int extent_merged(struct block_node *image, uint64_t start, struct extent *e);

#endif
