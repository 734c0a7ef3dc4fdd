/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which thread goes first while a guest sends in bulk. On a host without a CPU to spare
 * each notification of the guest would take the CPU from the vCPU that makes it, so that
 * a batch of frames is one of one frame, with two switches and an acknowledgement each.
 * While frames come in bulk the main thread is SCHED_BATCH, whose wake-ups take the CPU
 * from nobody (sched(7)): it runs when the vCPU has nothing more to send.
 *
 * Only bulk is worth that: a single frame would wait for the guest to go to sleep.
 * Machine lock.
 */
#ifndef VMM_NET_BULK_H
#define VMM_NET_BULK_H

#include "vmm/loop/loop.h"

struct bulk {
	struct loop *loop; /* NULL: not in use yet */
	struct loop_timer timer;
	size_t bytes;          /* of this batch */
	unsigned large, small; /* batches in a row; large ones since the last look */
	bool on;
};

/* A batch of frames begins, is sent, and ends. */
void bulk_begin(struct bulk *b);
void bulk_sent(struct bulk *b, size_t bytes);
void bulk_end(struct bulk *b, struct loop *loop);
/* Accepts zeroed memory. */
void bulk_stop(struct bulk *b);

#endif
