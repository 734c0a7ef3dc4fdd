// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events. Of those that a guest can cause at will only so many a second reach a client,
 * as in QEMU; what comes beyond is replaced by what comes after it, and the last is sent
 * when the second is over: a guest cannot fill a slow reader's queue, so that it would
 * lose the events of others, and the last state is always told. Each device has its own
 * count.
 */
#include "vmm/monitor/session.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/monitor/gdb.h"

#include <string.h>

#define SECOND 1000000000ull

/* How many a second; `key` is the member that names the device. BALLOON_CHANGE has a
 * limit of its own, and NIC_RX_FILTER_CHANGED waits for a query. */
static const struct limited {
	const char *name, *key;
	unsigned count;
} limited[] = {
	{ "RTC_CHANGE", "qom-path", 1 },    { "WATCHDOG", "", 1 },
	{ "DEVICE_TRAY_MOVED", "id", 8 },   { "GUEST_PANICKED", "", 8 },
	{ "BLOCK_IO_ERROR", "device", 64 },
};

/* Events of one kind and one device in this second. */
struct event_limit {
	struct event_limit *next;
	struct monitors *set;
	const struct limited *event;
	char *whose;
	struct loop_timer timer; /* the end of the second */
	unsigned count;
	json_t *pending; /* the last that was not sent, or NULL */
};

/* "outer.inner" is a member of an object inside. */
static void set_member(json_t *object, const char *name, json_t *value)
{
	const char *dot = strchr(name, '.');
	char outer[32];

	if (!dot) {
		json_object_set_new(object, name, value);
		return;
	}
	snprintf(outer, sizeof(outer), "%.*s", (int)(dot - name), name);
	if (!json_object_get(object, outer))
		json_object_set_new(object, outer, json_object());
	json_object_set_new(json_object_get(object, outer), dot + 1, value);
}

static json_t *event_object(const char *name, const struct vm_event_field *f)
{
	struct timespec now;
	json_t *data = f ? json_object() : NULL;

	for (; f && f->name; f++)
		set_member(data, f->name,
		           f->kind == VM_EVENT_STR    ? mon_text(f->str)
		           : f->kind == VM_EVENT_BOOL ? json_boolean(f->num)
		                                      : json_integer(f->num));
	clock_gettime(CLOCK_REALTIME, &now);
	return json_pack("{s:s, s:{s:I, s:I}, s:o*}", "event", name, "timestamp",
	                 "seconds", (json_int_t)now.tv_sec, "microseconds",
	                 (json_int_t)now.tv_nsec / 1000, "data", data);
}

/* ---- limits ---- */

static void free_limit(struct event_limit *limit)
{
	struct event_limit **p = &limit->set->limits;

	while (*p != limit)
		p = &(*p)->next;
	*p = limit->next;
	loop_timer_disarm(&limit->timer);
	json_decref(limit->pending);
	free(limit->whose);
	free(limit);
}

static void second_is_over(void *opaque)
{
	struct event_limit *limit = opaque;

	if (!limit->pending) {
		free_limit(limit);
		return;
	}
	monitors_send(limit->set, limit->pending);
	json_decref(limit->pending);
	limit->pending = NULL;
	limit->count = 1;
	loop_timer_arm(&limit->timer, loop_now() + SECOND);
}

static const struct limited *find_limited(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(limited); i++)
		if (!strcmp(limited[i].name, name))
			return &limited[i];
	return NULL;
}

static const char *owner(const struct limited *event, const struct vm_event_field *f)
{
	for (; f && f->name; f++)
		if (!strcmp(f->name, event->key))
			return f->str;
	return "";
}

/* NULL: there is no memory, and the event is not limited. */
static struct event_limit *find_limit(struct monitors *set, const struct limited *event,
                                      const char *whose)
{
	struct event_limit *limit;

	for (limit = set->limits; limit; limit = limit->next)
		if (limit->event == event && !strcmp(limit->whose, whose))
			return limit;
	limit = calloc(1, sizeof(*limit));
	if (!limit || !(limit->whose = strdup(whose))) {
		free(limit);
		return NULL;
	}
	limit->set = set;
	limit->event = event;
	limit->next = set->limits;
	set->limits = limit;
	loop_timer_init(set->vm->loop, &limit->timer, second_is_over, limit);
	loop_timer_arm(&limit->timer, loop_now() + SECOND);
	return limit;
}

/* Whether it has to wait; then it is owned here. */
static bool hold_back(struct monitors *set, const struct vm_event_field *fields,
                      const char *name, json_t *object)
{
	const struct limited *event = find_limited(name);
	struct event_limit *limit =
		event ? find_limit(set, event, owner(event, fields)) : NULL;

	if (!limit || limit->count++ < event->count)
		return false;
	json_decref(limit->pending);
	limit->pending = object;
	return true;
}

void monitors_forget_events(struct monitors *set)
{
	while (set->limits)
		free_limit(set->limits);
}

void monitors_event(void *opaque, const char *name, const struct vm_event_field *fields)
{
	struct monitors *set = opaque;
	json_t *event;

	if (set->gdb && !strcmp(name, "STOP"))
		gdb_stopped(set->gdb);
	/* Mostly nobody listens. */
	if (!monitors_any_listens(set))
		return;
	event = event_object(name, fields);
	if (!event || hold_back(set, fields, name, event))
		return;
	monitors_send(set, event);
	json_decref(event);
}
