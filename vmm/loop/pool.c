// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Worker threads. Two lists under one mutex: jobs to run, jobs that ran. A worker that
 * ends a job writes the loop's eventfd only when the list of ended jobs was empty, so a
 * burst costs one wake-up.
 */
#include "vmm/loop/pool.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

struct job_list {
	struct pool_job *head, **tail;
};

struct pool {
	struct loop *loop;
	struct loop_fd event;
	pthread_mutex_t lock;
	pthread_cond_t work, ended;
	struct job_list todo, finished;
	unsigned outstanding; /* the loop's thread only */
	unsigned idle, threads;
	pthread_t thread[POOL_MAX_THREADS];
	bool quit;
};

static void list_add(struct job_list *list, struct pool_job *job)
{
	job->next = NULL;
	*list->tail = job;
	list->tail = &job->next;
}

static struct pool_job *list_take(struct job_list *list)
{
	struct pool_job *job = list->head;

	if (job) {
		list->head = job->next;
		if (!list->head)
			list->tail = &list->head;
	}
	return job;
}

static void finish(struct pool *pool, struct pool_job *job)
{
	uint64_t one = 1;
	bool first = !pool->finished.head;

	list_add(&pool->finished, job);
	pthread_cond_signal(&pool->ended);
	if (first && write(pool->event.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("eventfd: %s", strerror(errno));
}

static void *worker(void *opaque)
{
	struct pool *pool = opaque;

	pthread_setname_np(pthread_self(), "worker");
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct pool_job *job = list_take(&pool->todo);

		if (job) {
			pthread_mutex_unlock(&pool->lock);
			job->run(job);
			pthread_mutex_lock(&pool->lock);
			finish(pool, job);
		} else if (pool->quit) {
			break;
		} else {
			pool->idle++;
			pthread_cond_wait(&pool->work, &pool->lock);
			pool->idle--;
		}
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Reports what has ended. The lock is held at entry and at return. */
static void reap(struct pool *pool)
{
	struct pool_job *job;

	while ((job = list_take(&pool->finished))) {
		pthread_mutex_unlock(&pool->lock);
		pool->outstanding--;
		job->done(job);
		pthread_mutex_lock(&pool->lock);
	}
}

static void on_event(void *opaque, uint32_t events)
{
	struct pool *pool = opaque;
	uint64_t count;

	(void)events;
	if (read(pool->event.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("eventfd: %s", strerror(errno));
	pthread_mutex_lock(&pool->lock);
	reap(pool);
	pthread_mutex_unlock(&pool->lock);
}

bool pool_wait(struct pool *pool)
{
	if (!pool || !pool->outstanding)
		return false;
	pthread_mutex_lock(&pool->lock);
	while (!pool->finished.head)
		pthread_cond_wait(&pool->ended, &pool->lock);
	reap(pool);
	pthread_mutex_unlock(&pool->lock);
	return true;
}

struct pool *pool_new(struct loop *loop, struct err *err)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int ret;

	if (!pool || fd < 0) {
		err_sys(err, pool ? errno : ENOMEM, "cannot create a thread pool");
		free(pool);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	pool->loop = loop;
	pool->todo.tail = &pool->todo.head;
	pool->finished.tail = &pool->finished.head;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->ended, NULL);
	ret = loop_add(loop, &pool->event, fd, EPOLLIN, on_event, pool);
	if (ret < 0) {
		err_sys(err, -ret, "cannot watch a thread pool");
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
	pool->quit = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	loop_remove(pool->loop, &pool->event);
	close(pool->event.fd);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->ended);
	free(pool);
}

/* Signals belong to other threads. Called with the lock held. */
static void start_thread(struct pool *pool)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&pool->thread[pool->threads], NULL, worker, pool) == 0)
		pool->threads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void pool_submit(struct pool *pool, struct pool_job *job)
{
	bool here;

	pool->outstanding++;
	pthread_mutex_lock(&pool->lock);
	if (!pool->idle && pool->threads < POOL_MAX_THREADS)
		start_thread(pool);
	here = !pool->threads;
	if (!here) {
		list_add(&pool->todo, job);
		pthread_cond_signal(&pool->work);
	}
	pthread_mutex_unlock(&pool->lock);
	if (!here)
		return;
	job->run(job);
	pthread_mutex_lock(&pool->lock);
	finish(pool, job);
	pthread_mutex_unlock(&pool->lock);
}
