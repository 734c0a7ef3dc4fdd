// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Character devices: the registry, creation from options, and the calls of front ends.
 * (Short forms: shortform.c; shared ones: mux.c)
 *
 * Nothing is buffered here: a write goes to the host at once or is refused, so that what
 * was taken survives the end of the process. Descriptors are watched only while somebody
 * waits for them: input while the front end has room, output after a write was cut short.
 * Front ends run in vCPU threads too; changes of what is watched are therefore posted to
 * the loop, and only when something changes (a front end that never ran out of room and a
 * back end that never filled up cost no wake-up).
 */
#include "common/log.h"
#include "vmm/chardev/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

static const struct chardev_ops *const backends[] = {
	&chardev_file_ops,   &chardev_null_ops,    &chardev_pipe_ops,
	&chardev_pty_ops,    &chardev_ringbuf_ops, &chardev_serial_ops,
	&chardev_socket_ops, &chardev_stdio_ops,
};

/* ---- registry ---- */

struct chardev_registry *chardev_registry_new(struct loop *loop)
{
	struct chardev_registry *reg = calloc(1, sizeof(*reg));

	if (!reg)
		return NULL;
	reg->loop = loop;
	signal(SIGPIPE, SIG_IGN);
	return reg;
}

static void destroy(struct chardev *chr)
{
	chr->ops->close(chr);
	if (chr->log_fd >= 0)
		close(chr->log_fd);
	if (chr->passed >= 0)
		close(chr->passed);
	loop_cancel(chr->reg->loop, &chr->work);
	opts_free(chr->ops->opts, chr);
	free(chr->mux);
	free(chr->desc);
	free(chr);
}

void chardev_registry_free(struct chardev_registry *reg)
{
	if (!reg)
		return;
	while (reg->first) {
		struct chardev *chr = reg->first;

		reg->first = chr->next;
		destroy(chr);
	}
	free(reg);
}

void chardev_registry_start(struct chardev_registry *reg)
{
	reg->running = true;
}

void chardev_registry_set_quit(struct chardev_registry *reg, void (*fn)(void *opaque),
                               void *opaque)
{
	reg->quit = fn;
	reg->quit_opaque = opaque;
}

struct chardev *chardev_find(struct chardev_registry *reg, const char *id)
{
	for (struct chardev *chr = reg->first; chr; chr = chr->next)
		if (!strcmp(chr->id, id))
			return chr;
	return NULL;
}

struct chardev *chardev_next(struct chardev_registry *reg, struct chardev *chr)
{
	return chr ? chr->next : reg->first;
}

bool chardev_is_attached(const struct chardev *chr)
{
	for (unsigned i = 0; i < CHARDEV_FRONTS; i++)
		if (chr->slots[i].attached)
			return true;
	return false;
}

bool chardev_wants_monitor(const struct chardev *chr)
{
	return chr->wants_monitor;
}

bool chardev_is_exposed(const struct chardev *chr)
{
	return chr->exposed;
}

const char *chardev_id(const struct chardev *chr)
{
	return chr->id;
}

const char *chardev_describe(const struct chardev *chr)
{
	return chr->desc ? chr->desc : chr->ops->name;
}

void chardev_set_desc(struct chardev *chr, const char *fmt, ...)
{
	struct strbuf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	free(chr->desc);
	chr->desc = strbuf_take(&text);
}

/* ---- creation ---- */

static const struct chardev_ops *find_ops(const char *name, struct err *err)
{
	const char *names[ARRAY_SIZE(backends) + 1] = { NULL };
	const char *near;

	for (unsigned i = 0; i < ARRAY_SIZE(backends); i++) {
		if (!strcmp(backends[i]->name, name) ||
		    (backends[i]->alias && !strcmp(backends[i]->alias, name)))
			return backends[i];
		names[i] = backends[i]->name;
	}
	near = opt_nearest(name, names);
	if (near)
		err_usage(err, "unknown back end '%s', did you mean '%s'?", name, near);
	else
		err_usage(err, "unknown back end '%s'; -chardev help lists them", name);
	return NULL;
}

static int check_id(struct chardev_registry *reg, const struct chardev *chr,
                    struct err *err)
{
	if (!chr->id)
		return err_usage(err, "%s needs a name; add id=NAME to its options",
		                 chr->ops->name);
	if (!*chr->id || strlen(chr->id) > 63 ||
	    strspn(chr->id, "-._abcdefghijklmnopqrstuvwxyz"
	                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(chr->id))
		return err_usage(err,
		                 "id '%s' is not valid; use letters, digits, '-', '.' "
		                 "and '_'",
		                 chr->id);
	if (chardev_find(reg, chr->id))
		return err_usage(err,
		                 "id '%s' is taken by another chardev; choose another id",
		                 chr->id);
	return 0;
}

static void run_update(void *opaque)
{
	struct chardev *chr = opaque;

	if (chr->ops->update)
		chr->ops->update(chr);
}

static int set_up(struct chardev *chr, struct opt_list *opts, struct err *err)
{
	int ret = opts_apply(chr->ops->opts, opts, chr, chr->ops->name, err);

	return ret < 0 ? ret : check_id(chr->reg, chr, err);
}

/* Not waiting for a reader, if it is a FIFO: it is a copy. */
static int open_log(struct chardev *chr, struct err *err)
{
	if (!chr->logfile)
		return 0;
	chr->log_fd = open(chr->logfile,
	                   O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
	                           (chr->logappend ? O_APPEND : O_TRUNC),
	                   0666);
	return chr->log_fd < 0 ? err_sys(err, errno, "cannot open logfile=%s for writing",
	                                 chr->logfile)
	                       : 0;
}

static int start(struct chardev *chr, struct err *err)
{
	int ret = open_log(chr, err);

	if (ret >= 0)
		ret = chr->ops->open(chr, err);
	if (ret >= 0 && chr->mux_mode == OPT_TRI_ON && !chr->mux &&
	    chardev_enable_keys(chr, false) < 0)
		ret = err_sys(err, ENOMEM, "mux");
	return ret;
}

/* What points to chr in the list; NULL: the end. */
static struct chardev **link_to(struct chardev_registry *reg, const struct chardev *chr)
{
	struct chardev **link = &reg->first;

	while (*link != chr)
		link = &(*link)->next;
	return link;
}

struct chardev *chardev_create(struct chardev_registry *reg, struct opt_list *opts,
                               struct err *err)
{
	const char *name = opt_list_take(opts, "backend");
	const struct chardev_ops *ops;
	struct chardev *chr;

	if (!name) {
		err_usage(err, "the back end is missing; -chardev help lists them");
		return NULL;
	}
	ops = find_ops(name, err);
	chr = ops ? calloc(1, ops->size) : NULL;
	if (!chr) {
		err_sys(err, ENOMEM, "chardev %s", name);
		return NULL;
	}
	chr->ops = ops;
	chr->reg = reg;
	chr->out_fd = chr->log_fd = chr->passed = -1;
	chr->work = (struct loop_work){ .fn = run_update, .opaque = chr };
	if (set_up(chr, opts, err) < 0) {
		opts_free(ops->opts, chr);
		free(chr);
		return NULL;
	}
	if (start(chr, err) < 0) {
		destroy(chr);
		return NULL;
	}
	*link_to(reg, NULL) = chr;
	return chr;
}

int chardev_remove(struct chardev *chr, struct err *err)
{
	if (chardev_is_attached(chr))
		return err_set(err, EBUSY, "Chardev '%s' is busy", chr->id);
	*link_to(chr->reg, chr) = chr->next;
	destroy(chr);
	return 0;
}

/* The only front end of one that is not shared, if it can be moved. */
static const struct chardev_front *movable(struct chardev *chr, struct err *err)
{
	const struct chardev_slot *slot = &chr->slots[0];

	if (chr->mux_mode == OPT_TRI_ON)
		err_set(err, EBUSY, "chardev '%s' has mux=on and cannot be changed",
		        chr->id);
	else if (slot->attached && !slot->front.moved)
		err_set(err, EBUSY,
		        "what uses chardev '%s' cannot go on with another one", chr->id);
	else
		return &slot->front;
	return NULL;
}

struct chardev *chardev_change(struct chardev *chr, struct opt_list *opts,
                               struct err *err)
{
	const struct chardev_front *front = movable(chr, err);
	bool attached = chr->slots[0].attached;
	struct chardev **link = link_to(chr->reg, chr), *new = NULL;

	if (!front)
		return NULL;
	if (opt_list_add(opts, "id", chr->id) < 0) {
		err_sys(err, ENOMEM, "chardev");
		return NULL;
	}
	/* Out of the list meanwhile: the new one has the same id. */
	*link = chr->next;
	new = chardev_create(chr->reg, opts, err);
	if (new &&new->mux_mode == OPT_TRI_ON) {
		err_usage(err, "a chardev cannot become one with mux=on");
		*link_to(new->reg, new) = new->next;
		destroy(new);
		new = NULL;
	}
	if (!new) {
		chr->next = *link;
		*link = chr;
		return NULL;
	}
	if (attached) {
		front->moved(front->opaque, new);
		chardev_attach(new, front, NULL);
		/* A write that the old one cut short goes on. */
		if (front->writable)
			front->writable(front->opaque);
	}
	destroy(chr);
	return new;
}

/* ---- help ---- */

void chardev_help(const char *name, struct strbuf *out)
{
	strbuf_adds(out, "Available chardev backend types (-chardev NAME,id=ID,...):\n");
	for (unsigned i = 0; i < ARRAY_SIZE(backends); i++) {
		if (name && strcmp(name, backends[i]->name))
			continue;
		strbuf_addf(out, "%s: %s\n", backends[i]->name, backends[i]->help);
		opts_help(backends[i]->opts, out);
	}
}

/* ---- the front end's calls ---- */

static struct chardev_slot *free_slot(struct chardev *chr, struct err *err)
{
	if (chardev_is_attached(chr) && chr->mux_mode != OPT_TRI_ON) {
		err_set(err, EBUSY,
		        "chardev '%s' is already in use; each takes one device, or "
		        "several with mux=on",
		        chr->id);
		return NULL;
	}
	for (unsigned i = 0; i < CHARDEV_FRONTS; i++)
		if (!chr->slots[i].attached)
			return &chr->slots[i];
	err_set(err, EBUSY,
	        "chardev '%s' is shared by %d already; there is no room for more",
	        chr->id, CHARDEV_FRONTS);
	return NULL;
}

int chardev_attach(struct chardev *chr, const struct chardev_front *front,
                   struct err *err)
{
	bool first = !chardev_is_attached(chr);
	struct chardev_slot *slot = free_slot(chr, err);

	if (!slot)
		return -EBUSY;
	*slot = (struct chardev_slot){ .front = *front, .attached = true };
	if (first)
		chr->focus = slot - chr->slots;
	else if (front->focus)
		front->focus(front->opaque, false);
	if (chr->open && front->opened)
		front->opened(front->opaque, true);
	chardev_poke(chr);
	return 0;
}

void chardev_detach(struct chardev *chr, const void *opaque)
{
	for (unsigned i = 0; i < CHARDEV_FRONTS; i++) {
		if (!chr->slots[i].attached || chr->slots[i].front.opaque != opaque)
			continue;
		chr->slots[i] = (struct chardev_slot){ 0 };
		if (chr->mux)
			mux_forget(chr, i);
		if (chr->focus == i)
			mux_switch(chr);
	}
	chardev_poke(chr);
}

bool chardev_wants_fds(const struct chardev *chr)
{
	return chr->slots[0].attached && chr->slots[0].front.takes_fds;
}

int chardev_take_fd(struct chardev *chr)
{
	int fd = chr->passed;

	chr->passed = -1;
	return fd;
}

static void log_output(struct chardev *chr, const void *data, size_t len)
{
	ssize_t n = len ? chardev_fd_write(chr->log_fd, false, data, len) : 0;

	if (n < 0 && n != -EAGAIN && !chr->log_failed) {
		chr->log_failed = true;
		log_warn("chardev %s: cannot write to %s: %s; the log has a gap", chr->id,
		         chr->logfile, strerror(-n));
	}
}

static size_t write_some(struct chardev *chr, const void *data, size_t len)
{
	size_t done = 0;

	while (done < len && chr->open) {
		ssize_t n = chr->ops->write(chr, (const char *)data + done, len - done);

		if (n == -EAGAIN) {
			chr->blocked = true;
			chardev_poke(chr);
			return done;
		}
		if (n <= 0)
			break;
		done += n;
	}
	return len;
}

size_t chardev_write(struct chardev *chr, const void *data, size_t len)
{
	size_t done = write_some(chr, data, len);

	if (chr->log_fd >= 0)
		log_output(chr, data, done);
	return done;
}

size_t chardev_write_wait(struct chardev *chr, const void *data, size_t len,
                          unsigned timeout_ms)
{
	uint64_t end = loop_now() + timeout_ms * 1000000ull;
	size_t done = chardev_write(chr, data, len);

	while (done < len && chr->out_fd >= 0) {
		struct pollfd pfd = { .fd = chr->out_fd, .events = POLLOUT };
		uint64_t now = loop_now();

		if (now >= end || poll(&pfd, 1, (end - now) / 1000000 + 1) == 0)
			break;
		done += chardev_write(chr, (const char *)data + done, len - done);
	}
	return done;
}

void chardev_accept_input(struct chardev *chr)
{
	if (chr->starved)
		chardev_poke(chr);
}

/* ---- for the back ends ---- */

size_t chardev_room(struct chardev *chr)
{
	const struct chardev_slot *slot = &chr->slots[chr->focus];
	size_t room = 0;

	if (chr->mux)
		return mux_room(chr);
	if (slot->attached && slot->front.can_read)
		room = slot->front.can_read(slot->front.opaque);
	chr->starved = !room;
	return room;
}

bool chardev_busy(struct chardev *chr)
{
	bool busy = false;

	for (unsigned i = 0; i < ARRAY_SIZE(chr->slots); i++) {
		const struct chardev_slot *slot = &chr->slots[i];

		busy |= slot->attached && slot->front.busy &&
		        slot->front.busy(slot->front.opaque);
	}
	chr->starved |= busy;
	return busy;
}

void chardev_deliver(struct chardev *chr, const void *data, size_t len)
{
	const struct chardev_slot *slot = &chr->slots[chr->focus];

	if (chr->mux)
		mux_take(chr, data, len);
	else if (slot->attached && slot->front.read && len)
		slot->front.read(slot->front.opaque, data, len);
}

void chardev_unblock(struct chardev *chr)
{
	if (!chr->blocked)
		return;
	chr->blocked = false;
	for (unsigned i = 0; i < CHARDEV_FRONTS; i++)
		if (chr->slots[i].attached && chr->slots[i].front.writable)
			chr->slots[i].front.writable(chr->slots[i].front.opaque);
}

void chardev_set_open(struct chardev *chr, bool open)
{
	if (chr->open == open)
		return;
	chr->open = open;
	for (unsigned i = 0; i < CHARDEV_FRONTS; i++)
		if (chr->slots[i].attached && chr->slots[i].front.opened)
			chr->slots[i].front.opened(chr->slots[i].front.opaque, open);
	if (!open)
		chardev_unblock(chr);
}

void chardev_poke(struct chardev *chr)
{
	if (chr->ops->update)
		loop_post(chr->reg->loop, &chr->work);
}

int chardev_watch(struct chardev *chr, struct chardev_watch *watch, int fd,
                  uint32_t events, void (*fn)(void *opaque, uint32_t events))
{
	int ret = 0;

	if (!events) {
		chardev_unwatch(chr, watch);
		return 0;
	}
	if (!watch->lfd.active)
		ret = loop_add(chr->reg->loop, &watch->lfd, fd, events, fn, chr);
	else if (watch->events != events)
		loop_modify(chr->reg->loop, &watch->lfd, events);
	watch->events = events;
	return ret;
}

void chardev_unwatch(struct chardev *chr, struct chardev_watch *watch)
{
	loop_remove(chr->reg->loop, &watch->lfd);
	watch->events = 0;
}

ssize_t chardev_fd_write(int fd, bool socket, const void *data, size_t len)
{
	ssize_t n;

	do {
		n = socket ? send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL)
		           : write(fd, data, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t chardev_fd_read(int fd, bool socket, void *data, size_t len)
{
	ssize_t n;

	do {
		n = socket ? recv(fd, data, len, MSG_DONTWAIT) : read(fd, data, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}
