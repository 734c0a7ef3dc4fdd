// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Character devices: the registry, creation from options and from the short forms, and
 * the calls of front ends.
 *
 * Nothing is buffered here: a write goes to the host at once or is refused, so that what
 * was taken survives the end of the process. Descriptors are watched only while somebody
 * waits for them: input while the front end has room, output after a write was cut short.
 * Front ends run in vCPU threads too; changes of what is watched are therefore posted to
 * the loop, and only when something changes (a front end that never ran out of room and a
 * back end that never filled up cost no wake-up).
 */
#include "vmm/chardev/backend.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

static const struct chardev_ops *const backends[] = {
	&chardev_file_ops,   &chardev_null_ops,  &chardev_pty_ops,
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
	opts_free(chr->ops->opts, chr);
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
	return chr->attached;
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
		if (!strcmp(backends[i]->name, name))
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

struct chardev *chardev_create(struct chardev_registry *reg, struct opt_list *opts,
                               struct err *err)
{
	const char *name = opt_list_take(opts, "backend");
	const struct chardev_ops *ops;
	struct chardev *chr, **tail = &reg->first;

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
	chr->out_fd = -1;
	chr->work = (struct loop_work){ .fn = run_update, .opaque = chr };
	if (set_up(chr, opts, err) < 0) {
		opts_free(ops->opts, chr);
		free(chr);
		return NULL;
	}
	if (ops->open(chr, err) < 0) {
		destroy(chr);
		return NULL;
	}
	while (*tail)
		tail = &(*tail)->next;
	*tail = chr;
	return chr;
}

/* ---- short forms ---- */

/* How the text behind "NAME:" is read. */
enum short_rest { REST_NONE, REST_PATH, REST_OPTS };

static const struct short_form {
	const char *prefix, *backend, *fixed; /* fixed: options that come with the form */
	enum short_rest rest;
} short_forms[] = {
	{ "stdio", "stdio", "", REST_NONE },
	/* The monitor's key shares the terminal, and Ctrl-C belongs to the guest. */
	{ "mon:stdio", "stdio", "mux=on,signal=off", REST_NONE },
	{ "null", "null", "", REST_NONE },
	{ "pty", "pty", "", REST_NONE },
	{ "file:", "file", "", REST_PATH },
	{ "unix:", "socket", "", REST_OPTS },
};

static const struct short_form *find_short(const char *text, const char **rest)
{
	for (unsigned i = 0; i < ARRAY_SIZE(short_forms); i++) {
		const struct short_form *form = &short_forms[i];
		size_t len = strlen(form->prefix);

		if (strncmp(text, form->prefix, len))
			continue;
		if (form->rest == REST_NONE && text[len])
			continue;
		*rest = text + len;
		return form;
	}
	return NULL;
}

static int short_opts(struct opt_list *opts, const struct short_form *form,
                      const char *rest, const char *id, struct err *err)
{
	int ret = opt_list_parse(opts, form->fixed, NULL, err);

	if (ret >= 0 && form->rest == REST_PATH)
		ret = opt_list_add(opts, "path", rest);
	if (ret >= 0 && form->rest == REST_OPTS)
		ret = opt_list_parse(opts, rest, "path", err);
	/* Last, so that no option of the text can replace them. */
	if (ret >= 0)
		ret = opt_list_add(opts, "backend", form->backend);
	if (ret >= 0)
		ret = opt_list_add(opts, "id", id);
	return ret < 0 ? err_sys(err, -ret, "chardev") : 0;
}

struct chardev *chardev_create_short(struct chardev_registry *reg, const char *text,
                                     const char *id, struct err *err)
{
	const struct short_form *form;
	struct opt_list opts = { 0 };
	struct chardev *chr = NULL;
	const char *rest;

	if (!strncmp(text, "chardev:", 8)) {
		chr = chardev_find(reg, text + 8);
		if (!chr)
			err_usage(err,
			          "there is no chardev '%s'; define it with -chardev "
			          "BACKEND,id=%s",
			          text + 8, text + 8);
		return chr;
	}
	form = find_short(text, &rest);
	if (!form) {
		err_usage(err,
		          "'%s' is no character device; expected stdio, mon:stdio, null, "
		          "none, pty, file:PATH, unix:PATH or chardev:ID",
		          text);
		return NULL;
	}
	if (short_opts(&opts, form, rest, id, err) >= 0)
		chr = chardev_create(reg, &opts, err);
	opt_list_free(&opts);
	return chr;
}

void chardev_help(struct strbuf *out)
{
	strbuf_adds(out, "Character device back ends (-chardev NAME,id=ID,...):\n");
	for (unsigned i = 0; i < ARRAY_SIZE(backends); i++) {
		strbuf_addf(out, "%s: %s\n", backends[i]->name, backends[i]->help);
		opts_help(backends[i]->opts, out);
	}
}

/* ---- the front end's calls ---- */

int chardev_attach(struct chardev *chr, const struct chardev_front *front,
                   struct err *err)
{
	if (chr->attached)
		return err_set(err, EBUSY,
		               "chardev '%s' is already in use; each takes one device",
		               chr->id);
	chr->front = *front;
	chr->attached = true;
	if (chr->open && front->opened)
		front->opened(front->opaque, true);
	chardev_poke(chr);
	return 0;
}

void chardev_detach(struct chardev *chr)
{
	chr->attached = false;
	chr->front = (struct chardev_front){ 0 };
	chardev_poke(chr);
}

size_t chardev_write(struct chardev *chr, const void *data, size_t len)
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
	size_t room = 0;

	if (chr->attached && chr->front.can_read)
		room = chr->front.can_read(chr->front.opaque);
	chr->starved = !room;
	return room;
}

void chardev_deliver(struct chardev *chr, const void *data, size_t len)
{
	if (chr->attached && chr->front.read && len)
		chr->front.read(chr->front.opaque, data, len);
}

void chardev_unblock(struct chardev *chr)
{
	if (!chr->blocked)
		return;
	chr->blocked = false;
	if (chr->attached && chr->front.writable)
		chr->front.writable(chr->front.opaque);
}

void chardev_set_open(struct chardev *chr, bool open)
{
	if (chr->open == open)
		return;
	chr->open = open;
	if (chr->attached && chr->front.opened)
		chr->front.opened(chr->front.opaque, open);
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
