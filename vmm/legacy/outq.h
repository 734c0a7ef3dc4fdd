/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output of byte-wide ports (serial line, debug console), collected into few writes. */
#ifndef VMM_LEGACY_OUTQ_H
#define VMM_LEGACY_OUTQ_H

#include "common/state.h"
#include "vmm/chardev/chardev.h"
#include "vmm/loop/loop.h"

#define OUTQ_SIZE  256
#define OUTQ_BURST 16 /* bytes that a guest may write without asking again */

struct outq {
	uint8_t data[OUTQ_SIZE];
	uint32_t len;
	bool stalled;        /* the back end is full: the guest is told to wait */
	struct chardev *chr; /* NULL: output is dropped */
	struct loop_timer timer;
	uint64_t next_write; /* monotonic ns: from then on a byte is written at once */
};

/* chr may be NULL. Its front end's `writable` must call outq_writable(). */
void outq_init(struct outq *q, struct loop *loop, struct chardev *chr);
/* Takes one byte; while stalled and full it is lost (false). Machine lock. */
bool outq_put(struct outq *q, uint8_t byte);
/* Writes what was collected, as far as the back end takes it. */
void outq_flush(struct outq *q);
/* The back end takes data again: true when the queue is not stalled any more. */
bool outq_writable(struct outq *q);
/* Last words: waits a bounded time for a back end that is full. */
void outq_close(struct outq *q);

/* What has not been written yet. A loaded queue (outq_post_load() from the owner's
 * post_load) is stalled until outq_writable(). */
extern const struct state_desc outq_state;
void outq_post_load(struct outq *q);

#endif
