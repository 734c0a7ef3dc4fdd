// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A disk whose loop runs in a thread of its own while this one, as a vCPU does, writes
 * registers under the machine lock: notifications, resets in the middle of I/O, stops.
 * The drain of a reset then waits here for what the loop's thread has submitted.
 */
#include "common/cleanup.h"
#include "tests/dev/virtio-disk-lib.h"
#include "tests/tap.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define ALL      UINT64_MAX
#define ROUNDS   90
#define REQUESTS 64

static void *run_loop(void *loop)
{
	loop_run(loop);
	return NULL;
}

static uint64_t slot(struct disk *k, unsigned i)
{
	return k->data + i * 8192;
}

static void submit_all(struct disk *k, unsigned round)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		uint64_t at = slot(k, i);
		bool in = (i + round) & 1;

		disk_header(k, at, in ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, i * 8);
		*(uint8_t *)guest_ptr(&k->g, at + 16) = 0xff;
		vqueue_add(&k->q,
		           (struct vseg[]){ { at, 16, false },
		                            { at + 4096, 4096, in },
		                            { at + 16, 1, true } },
		           3);
		if (i % 16 == 15)
			vqueue_notify(&k->q);
	}
}

/* Until at most `left` requests wait; the loop's thread does the work. */
static bool until_left(struct disk *k, unsigned left)
{
	uint64_t end = loop_now() + 60000000000ull;

	while (k->q.waiting > left && loop_now() < end) {
		if (!vqueue_reap(&k->q))
			sched_yield();
	}
	return k->q.waiting <= left;
}

static bool all_ok(struct disk *k)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		if (*(uint8_t *)guest_ptr(&k->g, slot(k, i) + 16))
			return false;
	return true;
}

static bool one_round(struct disk *k, unsigned round)
{
	struct vm *vm = &k->g.board.vm;
	bool right;

	disk_start(k, ALL);
	submit_all(k, round);
	if (round % 3 == 0) {
		/* Reset at once, then with a part of the answers there. */
		right = round % 2 || until_left(k, REQUESTS / 2);
		vdrv_set_status(&k->d, 0);
		return right && !vdrv_status(&k->d) && !k->q.wrong;
	}
	if (round % 3 == 1) {
		vm_lock(vm);
		devices_quiesce(vm);
		vm_unlock(vm);
		vm_lock(vm);
		devices_resume(vm);
		vm_unlock(vm);
	}
	return until_left(k, 0) && !k->q.wrong && all_ok(k);
}

static void test_disk(const char *drive)
{
	unsigned right = 0;
	pthread_t thread;
	struct disk k;

	disk_init(&k, drive, "");
	if (pthread_create(&thread, NULL, run_loop, k.g.board.vm.loop)) {
		tap_ok(false, "a thread for the loop");
		return;
	}
	for (unsigned round = 0; round < ROUNDS; round++)
		right += one_round(&k, round);
	tap_eq(right, ROUNDS, "%s: requests, resets and stops from another thread",
	       drive);
	loop_quit(k.g.board.vm.loop);
	pthread_join(thread, NULL);
	disk_free(&k);
}

int main(void)
{
	/* A reset that waits for ever ends the program, and the test with it. */
	alarm(300);
	test_disk("aio=threads");
	test_disk("aio=auto");
	test_disk("cache=none");
	test_disk("cache=none,aio=threads");
	return tap_done();
}
