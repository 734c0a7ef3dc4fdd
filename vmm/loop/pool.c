// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pool of threads for blocking calls.
 *
 * Two lists under one leaf mutex: jobs to run and jobs that have finished. A worker that
 * finishes a job while the second list is empty signals an eventfd, which the loop
 * watches. Workers block all signals: those belong to the main thread and the vCPUs.
 */
#include "vmm/loop/pool.h"

#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_SIZE (128 * 1024)

struct job_list {
	struct pool_job *head, **tail;
};

struct pool {
	struct loop *loop;
	struct loop_fd event;
	pthread_mutex_t lock;
	pthread_cond_t wanted; /* a job came, or `stop` */
	struct job_list todo, finished;
	unsigned in_flight; /* the loop's thread only */
	unsigned idle, count, max;
	bool stop;
	pthread_t threads[];
};

static void push(struct job_list *list, struct pool_job *job)
{
	job->next = NULL;
	*list->tail = job;
	list->tail = &job->next;
}

static struct pool_job *take_all(struct job_list *list)
{
	struct pool_job *head = list->head;

	list->head = NULL;
	list->tail = &list->head;
	return head;
}

static struct pool_job *take_first(struct job_list *list)
{
	struct pool_job *job = list->head;

	list->head = job->next;
	if (!list->head)
		list->tail = &list->head;
	return job;
}

/* The lock is held. */
static void finish(struct pool *pool, struct pool_job *job)
{
	uint64_t one = 1;

	if (!pool->finished.head && write(pool->event.fd, &one, sizeof(one)) < 0 &&
	    errno != EAGAIN)
		log_error("pool: eventfd: %s", strerror(errno));
	push(&pool->finished, job);
}

static void *worker(void *opaque)
{
	struct pool *pool = opaque;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct pool_job *job;

		while (!pool->todo.head && !pool->stop) {
			pool->idle++;
			pthread_cond_wait(&pool->wanted, &pool->lock);
			pool->idle--;
		}
		if (pool->stop)
			break;
		job = take_first(&pool->todo);
		pthread_mutex_unlock(&pool->lock);
		job->ret = job->run(job);
		pthread_mutex_lock(&pool->lock);
		finish(pool, job);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static int start_thread(struct pool *pool)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int ret;

	sigfillset(&all);
	sigdelset(&all, SIGSYS); /* a refusal of the sandbox, to be told */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&pool->threads[pool->count], &attr, worker, pool);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (!ret)
		pool->count++;
	return -ret;
}

bool pool_reap(struct pool *pool)
{
	struct pool_job *job, *next;
	uint64_t count;

	pthread_mutex_lock(&pool->lock);
	job = take_all(&pool->finished);
	if (read(pool->event.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("pool: eventfd: %s", strerror(errno));
	pthread_mutex_unlock(&pool->lock);
	if (!job)
		return false;
	for (; job; job = next) {
		next = job->next;
		pool->in_flight--;
		job->done(job, job->ret);
	}
	return true;
}

static void on_event(void *opaque, uint32_t events)
{
	pool_reap(opaque);
}

void pool_submit(struct pool *pool, struct pool_job *job)
{
	bool threadless;

	pthread_mutex_lock(&pool->lock);
	pool->in_flight++;
	push(&pool->todo, job);
	if (pool->idle)
		pthread_cond_signal(&pool->wanted);
	else if (pool->count < pool->max && start_thread(pool) < 0 && !pool->count)
		log_warn("no thread can be started for block I/O: the guest will stall "
		         "while the host's disk works");
	threadless = !pool->count;
	if (threadless)
		take_all(&pool->todo);
	pthread_mutex_unlock(&pool->lock);
	if (!threadless)
		return;
	job->ret = job->run(job);
	pthread_mutex_lock(&pool->lock);
	finish(pool, job);
	pthread_mutex_unlock(&pool->lock);
}

unsigned pool_in_flight(const struct pool *pool)
{
	return pool->in_flight;
}

int pool_fd(const struct pool *pool)
{
	return pool->event.fd;
}

struct pool *pool_new(struct loop *loop, unsigned threads, struct err *err)
{
	struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
	int fd = pool ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	int ret;

	if (fd < 0) {
		err_sys(err, pool ? errno : ENOMEM, "threads for blocking calls");
		free(pool);
		return NULL;
	}
	pool->loop = loop;
	pool->max = threads;
	pool->todo.tail = &pool->todo.head;
	pool->finished.tail = &pool->finished.head;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wanted, NULL);
	ret = loop_add(loop, &pool->event, fd, EPOLLIN, on_event, pool);
	if (ret < 0) {
		err_sys(err, -ret, "threads for blocking calls");
		pool_free(pool);
		return NULL;
	}
	return pool;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->wanted);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i], NULL);
	loop_remove(pool->loop, &pool->event);
	close(pool->event.fd);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->wanted);
	free(pool);
}
