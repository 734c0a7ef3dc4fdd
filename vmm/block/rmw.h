/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that direct I/O cannot take as they are: offset, length or memory is not
 * aligned to what the file needs. They go one after another through an aligned buffer.
 */
#ifndef VMM_BLOCK_RMW_H
#define VMM_BLOCK_RMW_H

#include "vmm/block/node.h"

#define RMW_BUFFER (1u << 20) /* bytes; larger requests go in pieces */

struct rmw {
	struct aio *aio;
	int fd;
	unsigned aio_flags;
	uint32_t align;
	bool unmap;   /* zeroes may give space back if the request says so too */
	uint8_t *buf; /* RMW_BUFFER bytes and two blocks, from the first use on */
	struct block_req *head, **tail; /* the first one is being worked on */
	uint64_t done, start, end; /* of the first: bytes done; range in the buffer */
	bool waiting;              /* for a write of others to that range */
	/* Whether a write that does not go through here is under way in the range. */
	bool (*is_written)(struct rmw *rmw, uint64_t start, uint64_t end);
	struct iovec iov;
	struct aio_op op;
};

void rmw_init(struct rmw *rmw, struct aio *aio, int fd, unsigned aio_flags,
              uint32_t align, bool unmap,
              bool (*is_written)(struct rmw *rmw, uint64_t start, uint64_t end));
void rmw_free(struct rmw *rmw);
/* One of those writes has ended. */
void rmw_written(struct rmw *rmw);
/* Whether a write to the range must go through here, aligned as it may be. */
bool rmw_holds(const struct rmw *rmw, uint64_t offset, uint64_t len);
/* READ, WRITE or WRITE_ZEROES. Completes the request. */
void rmw_submit(struct rmw *rmw, struct block_req *req);

#endif
