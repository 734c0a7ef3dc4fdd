// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes of back ends that are to end. Who removes a network of a machine that runs
 * does not wait for them: the loop sees their end, or has them killed.
 */
#include "common/spawn.h"
#include "vmm/net/backend.h"

#include <poll.h>

enum {
	WAIT_MS = 5000, /* before the machine runs */
	STOP_MS = 250,  /* afterwards */
};

struct net_reap {
	struct net_reap *next;
	struct net_registry *reg;
	struct spawned child;
	struct loop_fd watch;
	struct loop_timer timer;
};

static void end_now(struct spawned *child, int wait_ms)
{
	struct pollfd pfd = { .fd = child->pidfd, .events = POLLIN };

	if (poll(&pfd, 1, wait_ms) <= 0)
		spawn_kill(child);
	spawn_wait(child);
}

static void drop(struct net_reap *r)
{
	struct net_reap **p = &r->reg->reaps;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	loop_remove(r->reg->loop, &r->watch);
	loop_timer_disarm(&r->timer);
	spawn_wait(&r->child);
	free(r);
}

static void ended(void *opaque, uint32_t events)
{
	(void)events;
	drop(opaque);
}

static void too_late(void *opaque)
{
	struct net_reap *r = opaque;

	spawn_kill(&r->child);
}

void net_reap(struct net_registry *reg, struct spawned *child)
{
	struct net_reap *r = reg->running && !reg->ending ? calloc(1, sizeof(*r)) : NULL;

	if (!r || loop_add(reg->loop, &r->watch, child->pidfd, EPOLLIN, ended, r) < 0) {
		free(r);
		end_now(child, reg->running ? STOP_MS : WAIT_MS);
		return;
	}
	r->reg = reg;
	r->child = *child;
	r->next = reg->reaps;
	reg->reaps = r;
	loop_timer_init(reg->loop, &r->timer, too_late, r);
	loop_timer_arm(&r->timer, loop_now() + STOP_MS * 1000000ull);
	*child = (struct spawned){ .pid = 0, .pidfd = -1 };
}

void net_reap_all(struct net_registry *reg)
{
	while (reg->reaps) {
		spawn_kill(&reg->reaps->child);
		drop(reg->reaps);
	}
}
