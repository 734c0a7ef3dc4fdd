// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The event loop: epoll for descriptors, one timerfd for all timers, one eventfd for work
 * that other threads post.
 *
 * Timers live in a binary heap guarded by a leaf mutex, because vCPU threads arm them
 * while the loop waits; the timerfd always holds the earliest deadline, so arming needs
 * no wake-up of the loop. epoll is given a slot number and the slot's generation instead
 * of a pointer, so that no callback runs for a descriptor that was removed after
 * epoll_wait() returned, be it by another callback or, while this thread waited for the
 * lock, by a vCPU.
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

struct slot {
	struct loop_fd *lfd; /* NULL: free */
	uint32_t generation; /* counts removals */
};

struct loop {
	pthread_mutex_t *lock; /* held around callbacks; may be NULL */
	int epfd;
	bool quit;
	struct slot *slots;
	uint32_t slot_count;

	struct loop_fd wake_fd; /* eventfd: posted work, quit */
	pthread_mutex_t work_lock;
	struct loop_work *work_head, **work_tail;
	struct loop_work *running; /* taken by run_work(), not yet run */

	struct loop_fd timer_fd;
	pthread_mutex_t timer_lock;
	struct loop_timer **heap;
	unsigned timer_count, timer_cap;
	uint64_t programmed; /* what the timerfd is set to; 0: disarmed */
	uint64_t round;      /* time of the round of timers that runs now; 0: none */
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
	uint64_t now = loop_now();

	(void)events;
	pthread_mutex_lock(&loop->timer_lock);
	loop->round = now;
	while (loop->timer_count && loop->heap[0]->deadline <= now) {
		struct loop_timer *timer = loop->heap[0];

		heap_remove(loop, timer);
		pthread_mutex_unlock(&loop->timer_lock);
		timer->fn(timer->opaque);
		pthread_mutex_lock(&loop->timer_lock);
	}
	loop->round = 0;
	/* Setting it takes back that it is readable, and saves reading it. */
	loop->programmed = UINT64_MAX;
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
	/* A timer that its own callback arms for the past waits for the next round,
	 * behind those that are due already: no timer keeps the loop to itself. */
	if (deadline_ns <= loop->round)
		deadline_ns = loop->round + 1;
	timer->deadline = deadline_ns ? deadline_ns : 1;
	heap_put(loop, loop->timer_count++, timer);
	heap_up(loop, timer);
	if (!loop->round) /* which ends with that */
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
	struct loop_work *work;
	uint64_t count;

	(void)events;
	if (read(loop->wake_fd.fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("eventfd: %s", strerror(errno));
	pthread_mutex_lock(&loop->work_lock);
	loop->running = loop->work_head;
	loop->work_head = NULL;
	loop->work_tail = &loop->work_head;
	while (loop->running) {
		/* Once `queued` is clear the work may be posted again, or freed by its
		 * fn. */
		work = loop->running;
		loop->running = work->next;
		work->queued = false;
		pthread_mutex_unlock(&loop->work_lock);
		work->fn(work->opaque);
		pthread_mutex_lock(&loop->work_lock);
	}
	pthread_mutex_unlock(&loop->work_lock);
}

static bool unlink_work(struct loop_work **list, struct loop_work *work)
{
	while (*list && *list != work)
		list = &(*list)->next;
	if (!*list)
		return false;
	*list = work->next;
	return true;
}

void loop_cancel(struct loop *loop, struct loop_work *work)
{
	pthread_mutex_lock(&loop->work_lock);
	if (work->queued && !unlink_work(&loop->running, work)) {
		unlink_work(&loop->work_head, work);
		loop->work_tail = &loop->work_head;
		while (*loop->work_tail)
			loop->work_tail = &(*loop->work_tail)->next;
	}
	work->queued = false;
	pthread_mutex_unlock(&loop->work_lock);
}

/* ---- descriptors ---- */

static bool take_slot(struct loop *loop, struct loop_fd *lfd)
{
	struct slot *slots;
	uint32_t i = 0;

	while (i < loop->slot_count && loop->slots[i].lfd)
		i++;
	if (i == loop->slot_count) {
		slots = realloc(loop->slots, (i + 16) * sizeof(*slots));
		if (!slots)
			return false;
		memset(slots + i, 0, 16 * sizeof(*slots));
		loop->slots = slots;
		loop->slot_count += 16;
	}
	loop->slots[i].lfd = lfd;
	lfd->slot = i;
	return true;
}

static void free_slot(struct loop *loop, const struct loop_fd *lfd)
{
	loop->slots[lfd->slot].lfd = NULL;
	loop->slots[lfd->slot].generation++;
}

static uint64_t slot_key(const struct loop *loop, const struct loop_fd *lfd)
{
	return (uint64_t)loop->slots[lfd->slot].generation << 32 | lfd->slot;
}

/* NULL when the descriptor is gone. */
static struct loop_fd *find_slot(const struct loop *loop, uint64_t key)
{
	const struct slot *slot = &loop->slots[(uint32_t)key];

	return slot->generation == key >> 32 ? slot->lfd : NULL;
}

int loop_add(struct loop *loop, struct loop_fd *lfd, int fd, uint32_t events,
             void (*fn)(void *opaque, uint32_t events), void *opaque)
{
	struct epoll_event ev = { .events = events };
	int ret;

	if (!take_slot(loop, lfd))
		return -ENOMEM;
	lfd->fd = fd;
	lfd->fn = fn;
	lfd->opaque = opaque;
	ev.data.u64 = slot_key(loop, lfd);
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		ret = -errno;
		free_slot(loop, lfd);
		return ret;
	}
	lfd->active = true;
	return 0;
}

void loop_modify(struct loop *loop, struct loop_fd *lfd, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	if (!lfd->active)
		return;
	ev.data.u64 = slot_key(loop, lfd);
	if (epoll_ctl(loop->epfd, EPOLL_CTL_MOD, lfd->fd, &ev) < 0)
		log_error("epoll: fd %d: %s", lfd->fd, strerror(errno));
}

void loop_remove(struct loop *loop, struct loop_fd *lfd)
{
	if (!lfd->active)
		return;
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, lfd->fd, NULL);
	lfd->active = false;
	free_slot(loop, lfd);
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
	free(loop->slots);
	free(loop);
}

bool loop_run_once(struct loop *loop, int timeout_ms)
{
	struct epoll_event batch[BATCH];
	int count = epoll_wait(loop->epfd, batch, BATCH, timeout_ms);

	if (count <= 0) {
		if (count < 0 && errno != EINTR)
			log_error("epoll: %s", strerror(errno));
		return false;
	}
	if (loop->lock)
		pthread_mutex_lock(loop->lock);
	for (int i = 0; i < count; i++) {
		struct loop_fd *lfd = find_slot(loop, batch[i].data.u64);

		if (lfd)
			lfd->fn(lfd->opaque, batch[i].events);
	}
	if (loop->lock)
		pthread_mutex_unlock(loop->lock);
	return true;
}

void loop_run(struct loop *loop)
{
	/* At least one round: a guest that asks for a reset all the time must not keep
	 * its owner's signals and commands out. */
	do
		loop_run_once(loop, -1);
	while (!__atomic_load_n(&loop->quit, __ATOMIC_ACQUIRE));
	__atomic_store_n(&loop->quit, false, __ATOMIC_RELAXED);
}

void loop_quit(struct loop *loop)
{
	__atomic_store_n(&loop->quit, true, __ATOMIC_RELEASE);
	wake(loop);
}
