// SPDX-License-Identifier: GPL-2.0-or-later
/* Extents of a chain of images, from those of each; see the header. */
#include "img/extent.h"

#define STEP (1ull << 30) /* bytes that are asked for at once */

int extent_at(struct block_node *image, uint64_t start, uint64_t len, struct extent *e)
{
	struct block_extent one = { .where = BLOCK_BACKING };
	struct block_info info;
	int ret = 0;

	*e = (struct extent){ .start = start, .node = image };
	for (;; e->depth++, e->node = block_backing(e->node)) {
		block_get_info(e->node, &info);
		/* A backing file may be shorter: zeros are behind it. */
		if (start >= info.length) {
			one.where = BLOCK_HOLE;
			break;
		}
		if (len > info.length - start)
			len = info.length - start;
		ret = block_map(e->node, start, len, &one);
		if (ret < 0)
			return ret;
		len = one.len;
		if (one.where != BLOCK_BACKING || !block_backing(e->node))
			break;
	}
	e->len = len;
	e->data = one.where == BLOCK_DATA || one.where == BLOCK_COMPRESSED;
	e->zero = !e->data;
	e->present = one.where != BLOCK_HOLE && one.where != BLOCK_BACKING;
	e->has_offset = one.has_offset;
	e->offset = one.offset;
	return 0;
}

static bool alike(const struct extent *a, const struct extent *b)
{
	return a->data == b->data && a->zero == b->zero && a->present == b->present &&
	       a->depth == b->depth && a->has_offset == b->has_offset &&
	       (!a->has_offset || a->offset + a->len == b->offset);
}

int extent_merged(struct block_node *image, uint64_t start, struct extent *e)
{
	struct block_info info;
	struct extent more;
	int ret;

	block_get_info(image, &info);
	ret = extent_at(image, start, info.length - start, e);
	while (ret >= 0 && e->start + e->len < info.length) {
		uint64_t at = e->start + e->len;

		ret = extent_at(image, at,
		                info.length - at < STEP ? info.length - at : STEP, &more);
		if (ret < 0 || !alike(e, &more))
			break;
		e->len += more.len;
	}
	return ret;
}
