/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtio-net on a netdev whose other side is the test, with its driver. Failures of the
 * set-up end the program. */
#ifndef TESTS_DEV_VIRTIO_NET_LIB_H
#define TESTS_DEV_VIRTIO_NET_LIB_H

#include "common/frames.h"
#include "tests/dev/virtio-lib.h"

#include <linux/virtio_net.h>

#define ALL UINT64_MAX
#define MRG (1ull << VIRTIO_NET_F_MRG_RXBUF)

struct card {
	struct guest *g;
	struct vdrv d;
	struct vqueue rx, tx, ctrl;
	struct frames peer;
	int fd; /* the peer's */
};

/* A card with more properties, its driver with these features ready to go; the netdev "n"
 * is made anew each time. */
void card_open(struct card *c, struct guest *g, const char *opts, bool legacy,
               uint64_t features);
/* The same on a netdev whose frames have a header. */
void card_open_header(struct card *c, struct guest *g, uint64_t features);
void card_close(struct card *c);

/* Every byte depends on its place. */
void card_fill(uint8_t *p, size_t len);
/* p holds what card_say() sends. */
bool card_same(const uint8_t *p, size_t len);
/* The peer sends a frame of len bytes. */
void card_say(struct card *c, size_t len);
void card_say_bytes(struct card *c, const void *bytes, size_t len);
/* What the peer gets, running the loop: the length, -1 after a while without. */
ssize_t card_hear(struct card *c, uint8_t *buf);
/* The length of a received chain; UINT32_MAX: nothing came. */
uint32_t card_wait(struct card *c, uint16_t head);

#endif
