/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event loop: one epoll set, timers and posted work, run by one thread.
 *
 * The main loop is given the machine lock, which it holds whenever a callback runs and
 * never while it waits. Loops of iothreads have no lock. A struct loop_fd, loop_timer or
 * loop_work belongs to exactly one loop. Other threads may call loop_post() and
 * loop_quit(), and, of the main loop and under the machine lock, all but the run
 * functions.
 */
#ifndef VMM_LOOP_LOOP_H
#define VMM_LOOP_LOOP_H

#include "common/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

/* A watched file descriptor; embed it, zero-initialized. */
struct loop_fd {
	int fd;
	bool active;
	uint32_t slot;                             /* the loop's */
	void (*fn)(void *opaque, uint32_t events); /* EPOLL* bits */
	void *opaque;
};

/* A one-shot timer; embed it, then loop_timer_init(). */
struct loop_timer {
	struct loop *loop;
	uint64_t deadline; /* CLOCK_MONOTONIC ns; 0 while not armed */
	unsigned index;    /* place in the loop's heap while armed */
	void (*fn)(void *opaque);
	void *opaque;
};

/* One piece of posted work; embed it. fn runs once per loop_post(), in the loop's thread.
 */
struct loop_work {
	struct loop_work *next;
	bool queued;
	void (*fn)(void *opaque);
	void *opaque;
};

/* lock may be NULL. NULL with err set on failure. */
struct loop *loop_new(pthread_mutex_t *lock, struct err *err);
void loop_free(struct loop *loop);

/* Runs callbacks until loop_quit(), those that are ready even if that was called before.
 * The caller must not hold the loop's lock. */
void loop_run(struct loop *loop);
/* One round: waits at most timeout_ms (-1: for ever, 0: not at all); true if anything
 * ran. Not from inside a callback. */
bool loop_run_once(struct loop *loop, int timeout_ms);
/* Makes loop_run() return. Any thread; not a signal handler. */
void loop_quit(struct loop *loop);

/* Watches fd. 0 or -errno (-EPERM: epoll cannot watch such a file). fd stays the
 * caller's. */
int loop_add(struct loop *loop, struct loop_fd *lfd, int fd, uint32_t events,
             void (*fn)(void *opaque, uint32_t events), void *opaque);
void loop_modify(struct loop *loop, struct loop_fd *lfd, uint32_t events);
/* Stops watching; on return fn will not run again. Idempotent. Before close(fd). */
void loop_remove(struct loop *loop, struct loop_fd *lfd);

void loop_timer_init(struct loop *loop, struct loop_timer *timer,
                     void (*fn)(void *opaque), void *opaque);
/* (Re)arms for the absolute time; in the past fires at once, but not again in the round
 * of timers that is running. Never fails. */
void loop_timer_arm(struct loop_timer *timer, uint64_t deadline_ns);
void loop_timer_disarm(struct loop_timer *timer);
/* CLOCK_MONOTONIC in ns. */
uint64_t loop_now(void);

/* Runs work->fn in the loop's thread soon; a work that is already queued runs once. Any
 * thread. */
void loop_post(struct loop *loop, struct loop_work *work);
/* On return fn will not run any more until the work is posted again. The loop's thread;
 * before the work's memory goes away. Idempotent. */
void loop_cancel(struct loop *loop, struct loop_work *work);

#endif
