// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The event loop: order of timers, work from other threads, and removal of descriptors,
 * timers and work at the worst moments, by callbacks and by a thread that holds the lock.
 */
#include "tests/tap.h"

#include "vmm/loop/loop.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

static struct loop *new_loop(pthread_mutex_t *lock)
{
	struct err err = { 0 };
	struct loop *loop = loop_new(lock, &err);

	if (!loop) {
		tap_diag("%s", err.text);
		exit(1);
	}
	return loop;
}

static int new_event(uint64_t value)
{
	return eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void signal_event(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		tap_diag("eventfd: errno %d", errno);
}

/* What happened, one letter each. */
static char story[256];
static unsigned told;

static void tell(char c)
{
	if (told + 1 < sizeof(story))
		story[told++] = c;
	story[told] = '\0';
}

static void forget(void)
{
	told = 0;
	story[0] = '\0';
}

/* ---- timers ---- */

struct alarm {
	struct loop_timer timer;
	char name;
	struct alarm *disarms; /* when it fires */
	unsigned rearm;        /* how often its callback arms it for the past */
};

static void ring(void *opaque)
{
	struct alarm *alarm = opaque;

	tell(alarm->name);
	if (alarm->disarms)
		loop_timer_disarm(&alarm->disarms->timer);
	if (alarm->rearm) {
		alarm->rearm--;
		loop_timer_arm(&alarm->timer, 1);
	}
}

static void alarm_init(struct loop *loop, struct alarm *alarm, char name)
{
	*alarm = (struct alarm){ .name = name };
	loop_timer_init(loop, &alarm->timer, ring, alarm);
}

static void run_until(struct loop *loop, unsigned letters)
{
	uint64_t end = loop_now() + 60000000000ull;

	while (told < letters && loop_now() < end)
		loop_run_once(loop, 1000);
}

static void test_timer_order(void)
{
	struct loop *loop = new_loop(NULL);
	struct alarm alarms[26];
	uint64_t base = loop_now() + 1000000;

	forget();
	for (unsigned i = 0; i < 26; i++)
		alarm_init(loop, &alarms[i], 'a' + i);
	/* 7 and 26 have no common factor: each once, in a mixed order. */
	for (unsigned i = 0; i < 26; i++)
		loop_timer_arm(&alarms[i * 7 % 26].timer, base + i * 7 % 26 * 20000);
	run_until(loop, 26);
	tap_str(story, "abcdefghijklmnopqrstuvwxyz", "timers fire in order");
	tap_ok(loop_now() >= base + 25 * 20000, "not too early");
	tap_eq(alarms[0].timer.deadline, 0, "and are unarmed afterwards");
	tap_ok(!loop_run_once(loop, 0), "nothing is left");
	loop_free(loop);
}

static void test_timer_changes(void)
{
	struct loop *loop = new_loop(NULL);
	struct alarm a, b, c;
	uint64_t now = loop_now();

	forget();
	alarm_init(loop, &a, 'a');
	alarm_init(loop, &b, 'b');
	alarm_init(loop, &c, 'c');
	loop_timer_arm(&a.timer, now + 3600000000000ull);
	loop_timer_arm(&b.timer, now + 2000000);
	loop_timer_arm(&c.timer, now + 1000000);
	loop_timer_arm(&a.timer, now + 3000000);
	loop_timer_disarm(&c.timer);
	run_until(loop, 2);
	tap_str(story, "ba", "a later arm replaces, a disarmed timer is silent");

	forget();
	loop_timer_arm(&a.timer, 0);
	run_until(loop, 1);
	tap_str(story, "a", "time 0 is the past, not \"off\"");

	forget();
	loop_timer_arm(&a.timer, 1);
	loop_timer_arm(&b.timer, 2);
	a.disarms = &b;
	run_until(loop, 1);
	loop_run_once(loop, 0);
	tap_str(story, "a", "a callback disarms a timer that is due as well");
	loop_timer_disarm(&b.timer);
	loop_timer_disarm(&(struct loop_timer){ 0 });
	tap_ok(true, "disarming what is not armed is fine");
	loop_free(loop);
}

struct mixed {
	struct loop_timer timer;
	uint64_t deadline; /* 0: disarmed */
};

static uint64_t last_deadline;
static unsigned fired, disordered;

static void check_order(void *opaque)
{
	struct mixed *m = opaque;

	fired++;
	disordered += m->deadline < last_deadline || !m->deadline;
	last_deadline = m->deadline;
}

/* Armed, moved and disarmed at random, all in the past, they fire in order. */
static void test_timer_heap(void)
{
	enum { COUNT = 97, CHANGES = 3000 };
	static struct mixed timers[COUNT];
	struct loop *loop = new_loop(NULL);
	unsigned armed = 0;
	uint32_t random = 12345;

	for (unsigned i = 0; i < COUNT; i++)
		loop_timer_init(loop, &timers[i].timer, check_order, &timers[i]);
	for (unsigned i = 0; i < CHANGES; i++) {
		struct mixed *m = &timers[(random >> 8) % COUNT];

		random = random * 1103515245 + 12345;
		m->deadline = random & 0x10000 ? 1 + (random >> 20) : 0;
		if (m->deadline)
			loop_timer_arm(&m->timer, m->deadline);
		else
			loop_timer_disarm(&m->timer);
	}
	for (unsigned i = 0; i < COUNT; i++)
		armed += timers[i].deadline != 0;
	fired = disordered = 0;
	last_deadline = 0;
	loop_run_once(loop, 1000);
	tap_eq(fired, armed, "%u of %u timers fire in one round", armed, COUNT);
	tap_eq(disordered, 0, "in order");
	loop_free(loop);
}

/* The timerfd is not reprogrammed on disarm; arming the same deadline again must work in
 * each of the states that leaves behind. */
static void test_timer_same_deadline(void)
{
	struct loop *loop = new_loop(NULL);
	struct alarm a;
	uint64_t at = loop_now() + 5000000;

	forget();
	alarm_init(loop, &a, 'a');
	loop_timer_arm(&a.timer, at);
	loop_timer_disarm(&a.timer);
	loop_timer_arm(&a.timer, at);
	run_until(loop, 1);
	tap_str(story, "a", "armed, disarmed and armed for one deadline");
	at = loop_now() + 2000000;
	loop_timer_arm(&a.timer, at);
	loop_timer_disarm(&a.timer);
	loop_run_once(loop, 100); /* the timerfd fires for nothing */
	loop_timer_arm(&a.timer, at);
	run_until(loop, 2);
	tap_str(story, "aa", "armed again after the wake-up for nothing");
	loop_free(loop);
}

static void on_event(void *opaque, uint32_t events)
{
	const char *name = opaque;

	(void)events;
	tell(*name);
}

static void test_timer_starvation(void)
{
	struct loop *loop = new_loop(NULL);
	struct loop_fd lfd = { 0 };
	struct alarm a, b;
	int fd = new_event(1);

	forget();
	alarm_init(loop, &a, 'a');
	alarm_init(loop, &b, 'b');
	a.rearm = 3;
	loop_timer_arm(&a.timer, 1);
	loop_timer_arm(&b.timer, 2);
	run_until(loop, 2);
	tap_str(story, "ab", "a timer that arms itself for the past lets others run");
	loop_add(loop, &lfd, fd, EPOLLIN, on_event, "f");
	loop_run_once(loop, 1000);
	loop_run_once(loop, 1000);
	tap_ok(strchr(story, 'f'), "descriptors too");
	run_until(loop, 6);
	loop_remove(loop, &lfd);
	close(fd);
	loop_free(loop);
}

/* ---- descriptors ---- */

struct watch {
	struct loop_fd lfd;
	struct loop *loop;
	int fd;
	char name;
	struct watch *removes; /* when it runs */
	bool adds_again;       /* and watches the removed one's descriptor anew */
};

static void on_watch(void *opaque, uint32_t events)
{
	struct watch *w = opaque;
	uint64_t value;

	(void)events;
	tell(w->name);
	if (read(w->fd, &value, sizeof(value)) < 0 && errno != EAGAIN)
		tap_diag("read: errno %d", errno);
	if (!w->removes)
		return;
	loop_remove(w->loop, &w->removes->lfd);
	if (w->adds_again)
		loop_add(w->loop, &w->removes->lfd, w->removes->fd, EPOLLIN, on_watch,
		         w->removes);
}

static void watch_init(struct loop *loop, struct watch *w, char name)
{
	*w = (struct watch){ .loop = loop, .name = name, .fd = new_event(0) };
	tap_eq(loop_add(loop, &w->lfd, w->fd, EPOLLIN, on_watch, w), 0, "watch %c", name);
}

static void watch_free(struct watch *w)
{
	loop_remove(w->loop, &w->lfd);
	close(w->fd);
}

static void test_remove_in_callback(void)
{
	struct loop *loop = new_loop(NULL);
	struct watch a, b;

	watch_init(loop, &a, 'a');
	watch_init(loop, &b, 'b');
	a.removes = &b;
	b.removes = &a;
	forget();
	signal_event(a.fd);
	signal_event(b.fd);
	loop_run_once(loop, 1000);
	loop_run_once(loop, 0);
	tap_eq(told, 1, "of two that remove each other one runs");
	watch_free(&a);
	watch_free(&b);

	watch_init(loop, &a, 'a');
	watch_init(loop, &b, 'b');
	a.removes = &a;
	forget();
	signal_event(a.fd);
	loop_run_once(loop, 1000);
	signal_event(a.fd);
	tap_ok(!loop_run_once(loop, 0), "one that removed itself is gone");
	tap_str(story, "a", "it ran once");
	tap_ok(!a.lfd.active, "and says so");
	watch_free(&a);
	watch_free(&b);
	loop_free(loop);
}

static void test_add_again_in_callback(void)
{
	struct loop *loop = new_loop(NULL);
	struct watch a, b;

	watch_init(loop, &a, 'a');
	watch_init(loop, &b, 'b');
	a.removes = &b;
	a.adds_again = true;
	b.removes = &a;
	b.adds_again = true;
	forget();
	signal_event(a.fd);
	signal_event(b.fd);
	loop_run_once(loop, 1000);
	tap_eq(told, 1, "one that was removed and added does not run in this round");
	loop_run_once(loop, 1000);
	tap_eq(told, 2, "but in the next: nothing is lost");
	watch_free(&a);
	watch_free(&b);
	loop_free(loop);
}

static void test_modify(void)
{
	struct loop *loop = new_loop(NULL);
	struct loop_fd lfd = { 0 };
	struct watch a;

	watch_init(loop, &a, 'a');
	forget();
	signal_event(a.fd);
	loop_modify(loop, &a.lfd, 0);
	tap_ok(!loop_run_once(loop, 0), "no events wanted, none come");
	loop_modify(loop, &a.lfd, EPOLLIN);
	tap_ok(loop_run_once(loop, 1000) && told == 1, "wanted again");
	watch_free(&a);
	loop_modify(loop, &a.lfd, EPOLLIN);
	loop_remove(loop, &a.lfd);
	tap_ok(true, "after removal both are ignored");
	tap_eq(loop_add(loop, &lfd, 9999, EPOLLIN, on_watch, NULL), (uint64_t)-EBADF,
	       "a bad descriptor is refused");
	tap_ok(!lfd.active, "and not watched");
	loop_free(loop);
}

static void test_many(void)
{
	enum { COUNT = 200 };
	static struct watch w[COUNT];
	struct loop *loop = new_loop(NULL);
	unsigned bad = 0;

	for (unsigned i = 0; i < COUNT; i++) {
		w[i] = (struct watch){ .loop = loop, .name = 'x', .fd = new_event(1) };
		bad += loop_add(loop, &w[i].lfd, w[i].fd, EPOLLIN, on_watch, &w[i]) < 0;
	}
	forget();
	for (unsigned i = 0; i < COUNT && told < COUNT; i++)
		loop_run_once(loop, 0);
	tap_eq(told, COUNT, "200 descriptors are served in some rounds");
	for (unsigned i = 0; i < COUNT; i++)
		watch_free(&w[i]);
	tap_eq(bad, 0, "all could be added");
	loop_free(loop);
}

/* ---- with a lock and other threads ---- */

struct machine {
	pthread_mutex_t lock;
	struct loop *loop;
	struct watch *watch;
	int sync[2];
	unsigned count;
};

/* Holds the lock until the loop's thread waits for it with the event in its hands, and
 * takes the descriptor away then. */
static void *remove_under_lock(void *opaque)
{
	struct machine *m = opaque;
	char c = 0;

	pthread_mutex_lock(&m->lock);
	signal_event(m->watch->fd);
	if (read(m->sync[0], &c, 1) != 1)
		tap_diag("pipe: errno %d", errno);
	loop_remove(m->loop, &m->watch->lfd);
	memset(&m->watch->lfd, 0x5a, sizeof(m->watch->lfd));
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

static void *run_one_round(void *opaque)
{
	struct machine *m = opaque;

	loop_run_once(m->loop, 10000);
	return NULL;
}

/* The loop's thread consumed the event's edge: it is past epoll_wait(). */
static bool wait_for_epoll(pthread_t thread, clockid_t clock)
{
	struct timespec last = { 0 }, now;

	(void)thread;
	for (unsigned same = 0; same < 20;) {
		if (clock_gettime(clock, &now) != 0)
			return false;
		same = now.tv_nsec == last.tv_nsec && now.tv_sec == last.tv_sec ? same + 1
		                                                                : 0;
		last = now;
		poll(NULL, 0, 1);
	}
	return true;
}

static void test_remove_by_other_thread(void)
{
	struct machine m = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct watch w;
	pthread_t runner, remover;
	clockid_t clock;

	m.loop = new_loop(&m.lock);
	m.watch = &w;
	watch_init(m.loop, &w, 'w');
	if (pipe2(m.sync, O_CLOEXEC))
		tap_diag("pipe: errno %d", errno);
	forget();
	pthread_create(&remover, NULL, remove_under_lock, &m);
	pthread_create(&runner, NULL, run_one_round, &m);
	pthread_getcpuclockid(runner, &clock);
	/* Nobody can see that a thread waits for a mutex but from its standing still. */
	tap_ok(wait_for_epoll(runner, clock), "the loop's thread came to rest");
	if (write(m.sync[1], "", 1) != 1)
		tap_diag("pipe: errno %d", errno);
	pthread_join(remover, NULL);
	loop_quit(m.loop); /* wakes a thread that was only slow to start */
	pthread_join(runner, NULL);
	tap_str(story, "", "what a vCPU removed meanwhile does not run");
	close(w.fd);
	close(m.sync[0]);
	close(m.sync[1]);
	loop_free(m.loop);
}

/* ---- posted work ---- */

struct job {
	struct loop_work work;
	struct loop *loop;
	char name;
	unsigned again;
	struct job *cancels;
	unsigned runs;
};

static void do_job(void *opaque)
{
	struct job *job = opaque;

	job->runs++;
	if (job->name)
		tell(job->name);
	if (job->cancels)
		loop_cancel(job->loop, &job->cancels->work);
	if (job->again) {
		job->again--;
		loop_post(job->loop, &job->work);
	}
}

static void job_init(struct loop *loop, struct job *job, char name)
{
	*job = (struct job){ .loop = loop, .name = name };
	job->work = (struct loop_work){ .fn = do_job, .opaque = job };
}

static void test_post(void)
{
	struct loop *loop = new_loop(NULL);
	struct job a, b;

	job_init(loop, &a, 'a');
	job_init(loop, &b, 'b');
	forget();
	loop_post(loop, &a.work);
	loop_post(loop, &b.work);
	loop_post(loop, &a.work);
	loop_run_once(loop, 1000);
	tap_str(story, "ab", "in order; a queued one runs once");
	a.again = 2;
	loop_post(loop, &a.work);
	loop_run_once(loop, 1000);
	tap_str(story, "aba", "work that posts itself waits for the next round");
	run_until(loop, 5);
	tap_str(story, "abaaa", "and comes");
	tap_ok(!loop_run_once(loop, 0), "nothing is left");
	loop_free(loop);
}

static void test_cancel(void)
{
	struct loop *loop = new_loop(NULL);
	struct job a, b, c;

	job_init(loop, &a, 'a');
	job_init(loop, &b, 'b');
	job_init(loop, &c, 'c');
	forget();
	loop_post(loop, &a.work);
	loop_post(loop, &b.work);
	loop_cancel(loop, &b.work);
	loop_post(loop, &c.work);
	loop_run_once(loop, 1000);
	tap_str(story, "ac", "a cancelled work does not run, those around it do");
	forget();
	a.cancels = &b;
	loop_post(loop, &a.work);
	loop_post(loop, &b.work);
	loop_post(loop, &c.work);
	loop_run_once(loop, 1000);
	tap_str(story, "ac", "even when the round has begun");
	loop_cancel(loop, &b.work);
	loop_post(loop, &b.work);
	loop_run_once(loop, 1000);
	tap_str(story, "acb", "it can be posted again");
	loop_free(loop);
}

enum { POSTS = 20000 };

static struct job shared_job;

static void *post_often(void *opaque)
{
	unsigned *count = opaque;

	for (unsigned i = 0; i < POSTS; i++) {
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
		loop_post(shared_job.loop, &shared_job.work);
	}
	loop_quit(shared_job.loop);
	return NULL;
}

static void test_post_from_thread(void)
{
	struct loop *loop = new_loop(NULL);
	unsigned count = 0;
	pthread_t thread;

	job_init(loop, &shared_job, 0);
	pthread_create(&thread, NULL, post_often, &count);
	loop_run(loop);
	pthread_join(thread, NULL);
	while (loop_run_once(loop, 0))
		continue;
	tap_ok(shared_job.runs >= 1 && shared_job.runs <= POSTS,
	       "%u posts from another thread, %u runs", count, shared_job.runs);
	tap_ok(!shared_job.work.queued, "the last post was served");
	loop_free(loop);
}

static void *arm_under_lock(void *opaque)
{
	struct machine *m = opaque;
	struct alarm *alarm = (struct alarm *)m->watch;

	pthread_mutex_lock(&m->lock);
	loop_timer_arm(&alarm->timer, loop_now() + 1000000);
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

static void test_arm_from_thread(void)
{
	struct machine m = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct alarm alarm;
	pthread_t thread;

	m.loop = new_loop(&m.lock);
	alarm_init(m.loop, &alarm, 't');
	m.watch = (struct watch *)&alarm;
	forget();
	pthread_create(&thread, NULL, arm_under_lock, &m);
	run_until(m.loop, 1);
	pthread_join(thread, NULL);
	tap_str(story, "t", "a vCPU arms a timer while the loop waits");
	tap_eq(pthread_mutex_trylock(&m.lock), 0, "the lock is free between rounds");
	pthread_mutex_unlock(&m.lock);
	loop_free(m.loop);
}

static void test_quit(void)
{
	struct loop *loop = new_loop(NULL);
	struct loop_fd watch = { 0 };
	int fd = new_event(1);

	loop_quit(loop);
	loop_run(loop);
	tap_ok(true, "a quit before the run is not lost");
	loop_quit(loop);
	loop_quit(loop);
	loop_run(loop);
	tap_ok(true, "and works again");
	forget();
	loop_add(loop, &watch, fd, EPOLLIN, on_event, "e");
	loop_quit(loop);
	loop_run(loop);
	tap_str(story, "e", "who quits all the time keeps nobody out");
	loop_remove(loop, &watch);
	close(fd);
	loop_free(loop);
	loop_free(NULL);
}

int main(void)
{
	test_timer_order();
	test_timer_changes();
	test_timer_heap();
	test_timer_same_deadline();
	test_timer_starvation();
	test_remove_in_callback();
	test_add_again_in_callback();
	test_modify();
	test_many();
	test_remove_by_other_thread();
	test_post();
	test_cancel();
	test_post_from_thread();
	test_arm_from_thread();
	test_quit();
	return tap_done();
}
