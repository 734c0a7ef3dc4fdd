/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads for calls that block: a job's `run` is called in some thread of the pool, its
 * `done` in the loop's thread. Threads start when they are first needed and stay.
 */
#ifndef VMM_LOOP_POOL_H
#define VMM_LOOP_POOL_H

#include "vmm/loop/loop.h"

struct pool;

/* Embed it; it must stay valid until done runs. */
struct pool_job {
	struct pool_job *next;
	int (*run)(struct pool_job *job); /* must not touch anything of the machine */
	void (*done)(struct pool_job *job, int ret);
	int ret;
};

/* At most `threads` of them. NULL with err set on failure; no thread is started yet. */
struct pool *pool_new(struct loop *loop, unsigned threads, struct err *err);
/* Waits for running jobs and drops the others: pool_wait() until it is idle before. */
void pool_free(struct pool *pool);

/* The loop's thread (or under its lock). When no thread can be started at all, the job
 * runs here and now; its done still comes later. */
void pool_submit(struct pool *pool, struct pool_job *job);
/* Runs `done` of the jobs that have finished; true if there were any. */
bool pool_reap(struct pool *pool);
/* Jobs whose done has not run yet. */
unsigned pool_in_flight(const struct pool *pool);
/* Readable while pool_reap() has something to do. */
int pool_fd(const struct pool *pool);

#endif
