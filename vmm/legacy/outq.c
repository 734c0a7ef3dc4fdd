// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Output of byte-wide ports, collected into few writes and never held back.
 *
 * A byte after a quiet millisecond is written at once: keys are echoed without delay and
 * without a timer. Bytes that follow within that millisecond are collected and written at
 * a line feed, when 240 are there, or when the millisecond is over. So a line of console
 * output costs two system calls instead of eighty, and whatever a guest printed reaches
 * the host at most a millisecond later, also when the guest is dead by then: the timer
 * belongs to the main loop. Quiesce, reset and the end of the machine flush.
 *
 * The queue is `stalled` from a short write until all of it was written. The guest sees a
 * full transmitter then; a room of OUTQ_BURST bytes is kept for what it may write before
 * it looks. Callers hold the machine lock.
 */
#include "vmm/legacy/outq.h"

#include <string.h>

#define COLLECT_NS 1000000u
#define CLOSE_MS   500 /* how long a full back end may delay the end of the machine */

static void drop_front(struct outq *q, size_t count)
{
	q->len -= count;
	memmove(q->data, q->data + count, q->len);
}

void outq_flush(struct outq *q)
{
	size_t done;

	if (!q->len || q->stalled)
		return;
	done = chardev_write(q->chr, q->data, q->len);
	drop_front(q, done);
	q->stalled = q->len;
	q->next_write = loop_now() + COLLECT_NS;
}

static void collected_enough(void *opaque)
{
	outq_flush(opaque);
}

void outq_init(struct outq *q, struct loop *loop, struct chardev *chr)
{
	*q = (struct outq){ .chr = chr };
	loop_timer_init(loop, &q->timer, collected_enough, q);
}

bool outq_put(struct outq *q, uint8_t byte)
{
	if (!q->chr)
		return true;
	if (q->len == OUTQ_SIZE)
		return false;
	q->data[q->len++] = byte;
	if (q->stalled)
		return true;
	if (byte == '\n' || q->len >= OUTQ_SIZE - OUTQ_BURST ||
	    (q->len == 1 && loop_now() >= q->next_write))
		outq_flush(q);
	else if (!q->timer.deadline)
		loop_timer_arm(&q->timer, q->next_write);
	return true;
}

bool outq_writable(struct outq *q)
{
	q->stalled = false;
	outq_flush(q);
	return !q->stalled;
}

void outq_close(struct outq *q)
{
	loop_timer_disarm(&q->timer);
	if (q->len)
		chardev_write_wait(q->chr, q->data, q->len, CLOSE_MS);
	q->len = 0;
}

void outq_post_load(struct outq *q)
{
	if (!q->chr)
		q->len = 0;
	q->stalled = q->len;
}

static const struct state_field outq_fields[] = {
	STATE_VBYTES_F(struct outq, data, len),
	STATE_END_F,
};

const struct state_desc outq_state = {
	.name = "outq",
	.version = 1,
	.fields = outq_fields,
};
