// SPDX-License-Identifier: GPL-2.0-or-later
/* Bulk traffic and the main thread's scheduling policy (bulk.h). */
#include "vmm/net/bulk.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	LARGE = 16384, /* bytes of a batch; what a guest sends in answer has less */
	LARGE_ON = 16, /* of those in a row begin it */
	SMALL_OFF = 4, /* smaller ones in a row end it */
};

#define LOOK_NS 100000000ull

static unsigned users; /* how many are on; the policy is the process's */

/* Who gave this program a policy or a priority knows better. */
static bool set_policy(int from, int to)
{
	const struct sched_param none = { 0 };
	int main_thread = getpid();

	return sched_getscheduler(main_thread) == from &&
	       getpriority(PRIO_PROCESS, main_thread) >= 0 &&
	       sched_setscheduler(main_thread, to, &none) >= 0;
}

static void turn_off(struct bulk *b)
{
	loop_timer_disarm(&b->timer);
	b->on = false;
	if (!--users)
		set_policy(SCHED_BATCH, SCHED_OTHER);
}

/* The guest may have stopped sending. */
static void look(void *opaque)
{
	struct bulk *b = opaque;

	if (b->large < LARGE_ON) {
		turn_off(b);
		return;
	}
	b->large = 0;
	loop_timer_arm(&b->timer, loop_now() + LOOK_NS);
}

static void turn_on(struct bulk *b, struct loop *loop)
{
	if (!users && !set_policy(SCHED_OTHER, SCHED_BATCH))
		return;
	users++;
	if (!b->loop) {
		b->loop = loop;
		loop_timer_init(loop, &b->timer, look, b);
	}
	b->on = true;
	loop_timer_arm(&b->timer, loop_now() + LOOK_NS);
}

void bulk_begin(struct bulk *b)
{
	b->bytes = 0;
}

void bulk_sent(struct bulk *b, size_t bytes)
{
	b->bytes += bytes;
}

void bulk_end(struct bulk *b, struct loop *loop)
{
	if (b->bytes >= LARGE) {
		b->large++;
		b->small = 0;
		if (!b->on && b->large >= LARGE_ON) {
			b->large = 0;
			turn_on(b, loop);
		}
		return;
	}
	b->small++;
	if (b->small < SMALL_OFF)
		return;
	b->large = 0;
	if (b->on)
		turn_off(b);
}

void bulk_stop(struct bulk *b)
{
	if (b->on)
		turn_off(b);
}
