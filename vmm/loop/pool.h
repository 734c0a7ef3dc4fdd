/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads for calls that block, on behalf of one loop: jobs run in a worker, their ends
 * are reported in the loop's thread.
 */
#ifndef VMM_LOOP_POOL_H
#define VMM_LOOP_POOL_H

#include "vmm/loop/loop.h"

struct pool;

/* Embed it. run() is called in a worker, then done() in the loop's thread (or in
 * pool_wait()). */
struct pool_job {
	struct pool_job *next;
	void (*run)(struct pool_job *job);
	void (*done)(struct pool_job *job);
};

#define POOL_MAX_THREADS 16

/* Threads are started when jobs need them. NULL with err set on failure. */
struct pool *pool_new(struct loop *loop, struct err *err);
/* No job may be outstanding. Accepts NULL. */
void pool_free(struct pool *pool);
/* The loop's thread. Runs the job itself when no thread can be started. */
void pool_submit(struct pool *pool, struct pool_job *job);
/* Waits until at least one job has ended, and reports all that have. False when none is
 * outstanding. The loop's thread. */
bool pool_wait(struct pool *pool);

#endif
