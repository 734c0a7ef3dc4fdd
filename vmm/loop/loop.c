// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The event loop: epoll for descriptors, one timerfd for all timers, one eventfd for work
 * that other threads post.
 *
 * Timers live in a binary heap guarded by a leaf mutex, because vCPU threads arm them
 * while the loop waits; the timerfd always holds the earliest deadline, so arming needs
 * no wake-up of the loop. A descriptor that is removed inside a callback is erased from
 * the batch that epoll_wait() returned, so that no callback runs for it afterwards.
 */
#include "vmm/loop/loop.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#define BATCH 32

struct loop {
	pthread_mutex_t *lock; /* held around callbacks; may be NULL */
	int epfd;
	bool quit;
	struct epoll_event batch[BATCH];
	int batch_count;

	struct loop_fd wake_fd; /* eventfd: posted work, quit */
	pthread_mutex_t work_lock;
	struct loop_work *work_head, **work_tail;

	struct loop_fd timer_fd;
	pthread_mutex_t timer_lock;
	struct loop_timer **heap;
	unsigned timer_count, timer_cap;
	uint64_t programmed; /* what the timerfd is set to; 0: disarmed */
};

uint64_t loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- timers ---- */

static void heap_put(struct loop *loop, unsigned i, struct loop_timer *timer)
{
	loop->heap[i] = timer;
	timer->index = i;
}

static void heap_up(struct loop *loop, struct loop_timer *timer)
{
	unsigned i = timer->index;

	while (i && loop->heap[(i - 1) / 2]->deadline > timer->deadline) {
		heap_put(loop, i, loop->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(loop, i, timer);
}

static void heap_down(struct loop *loop, struct loop_timer *timer)
{
	unsigned i = timer->index;

	for (;;) {
		unsigned child = 2 * i + 1;

		if (child >= loop->timer_count)
			break;
		if (child + 1 < loop->timer_count &&
		    loop->heap[child + 1]->deadline < loop->heap[child]->deadline)
			child++;
		if (loop->heap[child]->deadline >= timer->deadline)
			break;
		heap_put(loop, i, loop->heap[child]);
		i = child;
	}
	heap_put(loop, i, timer);
}

static void heap_remove(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer *last = loop->heap[--loop->timer_count];
	unsigned i = timer->index;

	timer->deadline = 0;
	if (last == timer)
		return;
	heap_put(loop, i, last);
	heap_up(loop, last);
	heap_down(loop, last);
}

/* Sets the timerfd to the earliest deadline, if that changed. timer_lock is held. */
static void program_timerfd(struct loop *loop)
{
	uint64_t first = loop->timer_count ? loop->heap[0]->deadline : 0;
	struct itimerspec spec = {
		.it_value = { .tv_sec = first / 1000000000,
		              .tv_nsec = first % 1000000000 },
	};

	if (first == loop->programmed)
		return;
	loop->programmed = first;
	timerfd_settime(loop->timer_fd.fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void run_timers(void *opaque, uint32_t events)
{
	struct loop *loop = opaque;
	uint64_t count, now = loop_now();

	(void)events;
	if (read(loop->timer_fd.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("timerfd: %s", strerror(errno));
	pthread_mutex_lock(&loop->timer_lock);
	while (loop->timer_count && loop->heap[0]->deadline <= now) {
		struct loop_timer *timer = loop->heap[0];

		heap_remove(loop, timer);
		pthread_mutex_unlock(&loop->timer_lock);
		timer->fn(timer->opaque);
		pthread_mutex_lock(&loop->timer_lock);
	}
	program_timerfd(loop);
	pthread_mutex_unlock(&loop->timer_lock);
}

void loop_timer_init(struct loop *loop, struct loop_timer *timer,
                     void (*fn)(void *opaque), void *opaque)
{
	*timer = (struct loop_timer){ .loop = loop, .fn = fn, .opaque = opaque };
}

static bool heap_grow(struct loop *loop)
{
	unsigned cap = loop->timer_cap ? loop->timer_cap * 2 : 16;
	struct loop_timer **heap = realloc(loop->heap, cap * sizeof(*heap));

	if (!heap)
		return false;
	loop->heap = heap;
	loop->timer_cap = cap;
	return true;
}

void loop_timer_arm(struct loop_timer *timer, uint64_t deadline_ns)
{
	struct loop *loop = timer->loop;

	pthread_mutex_lock(&loop->timer_lock);
	if (timer->deadline) {
		heap_remove(loop, timer);
	} else if (loop->timer_count == loop->timer_cap && !heap_grow(loop)) {
		/* A device has a handful of timers: this is our own memory running out.
		 */
		log_error("out of memory for timers");
		abort();
	}
	timer->deadline = deadline_ns ? deadline_ns : 1;
	heap_put(loop, loop->timer_count++, timer);
	heap_up(loop, timer);
	program_timerfd(loop);
	pthread_mutex_unlock(&loop->timer_lock);
}

void loop_timer_disarm(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;

	if (!loop)
		return;
	pthread_mutex_lock(&loop->timer_lock);
	/* The timerfd may fire once for nothing: cheaper than reprogramming it each time.
	 */
	if (timer->deadline)
		heap_remove(loop, timer);
	pthread_mutex_unlock(&loop->timer_lock);
}

/* ---- posted work ---- */

static void wake(struct loop *loop)
{
	uint64_t one = 1;

	if (write(loop->wake_fd.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("eventfd: %s", strerror(errno));
}

void loop_post(struct loop *loop, struct loop_work *work)
{
	bool first;

	pthread_mutex_lock(&loop->work_lock);
	if (work->queued) {
		pthread_mutex_unlock(&loop->work_lock);
		return;
	}
	work->queued = true;
	work->next = NULL;
	first = !loop->work_head;
	*loop->work_tail = work;
	loop->work_tail = &work->next;
	pthread_mutex_unlock(&loop->work_lock);
	if (first)
		wake(loop);
}

static void run_work(void *opaque, uint32_t events)
{
	struct loop *loop = opaque;
	struct loop_work *work, *next;
	uint64_t count;

	(void)events;
	if (read(loop->wake_fd.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("eventfd: %s", strerror(errno));
	pthread_mutex_lock(&loop->work_lock);
	work = loop->work_head;
	loop->work_head = NULL;
	loop->work_tail = &loop->work_head;
	pthread_mutex_unlock(&loop->work_lock);
	for (; work; work = next) {
		/* Once `queued` is clear the work may be posted again, or freed by its
		 * fn. */
		next = work->next;
		pthread_mutex_lock(&loop->work_lock);
		work->queued = false;
		pthread_mutex_unlock(&loop->work_lock);
		work->fn(work->opaque);
	}
}

/* ---- descriptors ---- */

int loop_add(struct loop *loop, struct loop_fd *lfd, int fd, uint32_t events,
             void (*fn)(void *opaque, uint32_t events), void *opaque)
{
	struct epoll_event ev = { .events = events, .data.ptr = lfd };

	lfd->fd = fd;
	lfd->fn = fn;
	lfd->opaque = opaque;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	lfd->active = true;
	return 0;
}

void loop_modify(struct loop *loop, struct loop_fd *lfd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = lfd };

	if (lfd->active && epoll_ctl(loop->epfd, EPOLL_CTL_MOD, lfd->fd, &ev) < 0)
		log_error("epoll: fd %d: %s", lfd->fd, strerror(errno));
}

void loop_remove(struct loop *loop, struct loop_fd *lfd)
{
	if (!lfd->active)
		return;
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, lfd->fd, NULL);
	lfd->active = false;
	for (int i = 0; i < loop->batch_count; i++)
		if (loop->batch[i].data.ptr == lfd)
			loop->batch[i].data.ptr = NULL;
}

/* ---- life ---- */

static int add_own_fd(struct loop *loop, struct loop_fd *lfd, int fd,
                      void (*fn)(void *opaque, uint32_t events), struct err *err)
{
	int ret;

	lfd->fd = fd;
	if (fd < 0)
		return err_sys(err, errno, "cannot create an event descriptor");
	ret = loop_add(loop, lfd, fd, EPOLLIN, fn, loop);
	if (ret < 0)
		return err_sys(err, -ret, "cannot watch an event descriptor");
	return 0;
}

struct loop *loop_new(pthread_mutex_t *lock, struct err *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop) {
		err_sys(err, ENOMEM, "event loop");
		return NULL;
	}
	loop->lock = lock;
	loop->work_tail = &loop->work_head;
	loop->wake_fd.fd = loop->timer_fd.fd = -1;
	pthread_mutex_init(&loop->work_lock, NULL);
	pthread_mutex_init(&loop->timer_lock, NULL);
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd < 0) {
		err_sys(err, errno, "cannot create an epoll set");
		loop_free(loop);
		return NULL;
	}
	if (add_own_fd(loop, &loop->wake_fd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	               run_work, err) < 0 ||
	    add_own_fd(loop, &loop->timer_fd,
	               timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
	               run_timers, err) < 0) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	for (int i = 0; i < 3; i++) {
		int fd = (int[]){ loop->epfd, loop->wake_fd.fd, loop->timer_fd.fd }[i];

		if (fd >= 0)
			close(fd);
	}
	pthread_mutex_destroy(&loop->work_lock);
	pthread_mutex_destroy(&loop->timer_lock);
	free(loop->heap);
	free(loop);
}

bool loop_run_once(struct loop *loop, int timeout_ms)
{
	int count = epoll_wait(loop->epfd, loop->batch, BATCH, timeout_ms);

	if (count <= 0) {
		if (count < 0 && errno != EINTR)
			log_error("epoll: %s", strerror(errno));
		return false;
	}
	if (loop->lock)
		pthread_mutex_lock(loop->lock);
	loop->batch_count = count;
	for (int i = 0; i < count; i++) {
		struct loop_fd *lfd = loop->batch[i].data.ptr;

		if (lfd)
			lfd->fn(lfd->opaque, loop->batch[i].events);
	}
	loop->batch_count = 0;
	if (loop->lock)
		pthread_mutex_unlock(loop->lock);
	return true;
}

void loop_run(struct loop *loop)
{
	while (!__atomic_load_n(&loop->quit, __ATOMIC_ACQUIRE))
		loop_run_once(loop, -1);
	__atomic_store_n(&loop->quit, false, __ATOMIC_RELAXED);
}

void loop_quit(struct loop *loop)
{
	__atomic_store_n(&loop->quit, true, __ATOMIC_RELEASE);
	wake(loop);
}
