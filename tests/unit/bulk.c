// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm/net/bulk: the main thread's policy while a guest sends in bulk, and after it. */
#include "vmm/net/bulk.h"
#include "tests/tap.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

static void batches(struct bulk *b, struct loop *loop, unsigned count, size_t bytes)
{
	while (count--) {
		bulk_begin(b);
		bulk_sent(b, bytes - 1);
		bulk_sent(b, 1);
		bulk_end(b, loop);
	}
}

static int policy(void)
{
	return sched_getscheduler(getpid());
}

static void test_on(struct loop *loop)
{
	struct bulk b = { 0 };

	batches(&b, loop, 15, 16384);
	tap_eq(policy(), SCHED_OTHER, "15 large batches are no bulk");
	batches(&b, loop, 1, 16384);
	tap_eq(policy(), SCHED_BATCH, "16 are");
	batches(&b, loop, 3, 16383);
	batches(&b, loop, 1, 16384);
	batches(&b, loop, 3, 100);
	tap_eq(policy(), SCHED_BATCH, "three small ones do not end it");
	batches(&b, loop, 1, 100);
	tap_eq(policy(), SCHED_OTHER, "four do");
	batches(&b, loop, 15, 60000);
	batches(&b, loop, 4, 60);
	batches(&b, loop, 15, 60000);
	tap_eq(policy(), SCHED_OTHER, "and it begins anew");
	bulk_stop(&b);
}

static void test_silence(struct loop *loop)
{
	struct bulk b = { 0 };

	batches(&b, loop, 16, 60000);
	batches(&b, loop, 100, 60000);
	loop_run_once(loop, -1);
	tap_eq(policy(), SCHED_BATCH, "it goes on while there is bulk");
	loop_run_once(loop, -1);
	tap_eq(policy(), SCHED_OTHER, "and ends when the guest sends nothing");
	batches(&b, loop, 16, 60000);
	tap_eq(policy(), SCHED_BATCH, "it may come again");
	bulk_stop(&b);
	tap_eq(policy(), SCHED_OTHER, "a network that goes away ends it");
}

static void test_two(struct loop *loop)
{
	struct bulk a = { 0 }, b = { 0 };

	batches(&a, loop, 16, 60000);
	batches(&b, loop, 16, 60000);
	bulk_stop(&a);
	tap_eq(policy(), SCHED_BATCH, "of two networks one goes on");
	bulk_stop(&b);
	tap_eq(policy(), SCHED_OTHER, "until it ends, too");
}

/* As chrt and nice leave it. */
static void test_chosen(struct loop *loop)
{
	const struct sched_param none = { 0 };
	struct bulk b = { 0 };

	setpriority(PRIO_PROCESS, 0, -5);
	if (getpriority(PRIO_PROCESS, 0) == -5) {
		batches(&b, loop, 20, 60000);
		tap_eq(policy(), SCHED_OTHER, "a priority stays alone");
	} else {
		tap_skip("a priority stays alone", "to have one takes a privilege");
	}
	setpriority(PRIO_PROCESS, 0, 0);
	sched_setscheduler(0, SCHED_IDLE, &none);
	batches(&b, loop, 20, 60000);
	tap_eq(policy(), SCHED_IDLE, "and so does a policy");
	bulk_stop(&b);
}

int main(void)
{
	struct err err = { 0 };
	struct loop *loop;

	if (policy() != SCHED_OTHER || getpriority(PRIO_PROCESS, 0) < 0) {
		tap_skip("all", "this test itself has a scheduling priority");
		return tap_done();
	}
	loop = loop_new(NULL, &err);
	test_on(loop);
	test_silence(loop);
	test_two(loop);
	test_chosen(loop);
	loop_free(loop);
	return tap_done();
}
