// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registry of network back ends, and what all of them share: one front end each, the
 * watch on the descriptor, link state, counters.
 *
 * The descriptor is watched only for what somebody waits for: a front end without room
 * for frames causes no wake-ups, and neither does a peer that has gone.
 */
#include "vmm/net/net.h"

#include "common/lazy.h"
#include "common/log.h"
#include "vmm/net/backend.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const struct net_ops *const types[] = {
	&net_user_ops,   &net_tap_ops, &net_bridge_ops, &net_stream_ops, &net_dgram_ops,
	&net_socket_ops, NULL
};

/* ---- registry ---- */

struct net_registry *net_registry_new(struct loop *loop)
{
	struct net_registry *reg = calloc(1, sizeof(*reg));

	if (!reg)
		return NULL;
	reg->loop = loop;
	return reg;
}

void net_registry_on_peer(struct net_registry *reg,
                          void (*fn)(void *opaque, const char *id,
                                     const struct net_peer *peer),
                          void *opaque)
{
	reg->on_peer = fn;
	reg->peer_opaque = opaque;
}

static void close_netdev(struct netdev *nd)
{
	for (struct netdev *queue = nd->queue; queue; queue = queue->queue) {
		net_use_fd(queue, -1);
		if (nd->opened)
			nd->ops->close(queue);
	}
	net_use_fd(nd, -1);
	if (nd->opened)
		nd->ops->close(nd);
	nd->opened = false;
}

static void free_netdev(struct netdev *nd)
{
	struct netdev *queue;

	close_netdev(nd);
	while ((queue = nd->queue)) {
		nd->queue = queue->queue;
		free(queue);
	}
	opts_free(nd->ops->opts, nd);
	free(nd->desc);
	lazy_free(nd, nd->ops->size);
}

/* Of a netdev that was removed: once no queue has a front end any more. */
static void free_unused(struct netdev *nd)
{
	for (const struct netdev *queue = nd; queue; queue = queue->queue)
		if (queue->attached)
			return;
	free_netdev(nd);
}

void net_registry_use_spawner(struct net_registry *reg, struct spawner *spawner)
{
	reg->spawner = spawner;
}

void net_registry_confine(struct net_registry *reg)
{
	reg->confined = true;
}

void net_registry_free(struct net_registry *reg)
{
	if (!reg)
		return;
	net_announce_stop(reg);
	reg->ending = true;
	while (reg->first) {
		struct netdev *nd = reg->first;

		reg->first = nd->next;
		free_netdev(nd);
	}
	net_reap_all(reg);
	free(reg);
}

struct netdev *net_find(struct net_registry *reg, const char *id)
{
	for (struct netdev *nd = reg->first; nd; nd = nd->next)
		if (!strcmp(nd->id, id))
			return nd;
	return NULL;
}

struct netdev *net_next(struct net_registry *reg, struct netdev *nd)
{
	return nd ? nd->next : reg->first;
}

static const struct net_ops *find_type(const char *name)
{
	for (const struct net_ops *const *t = types; *t; t++)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}

bool net_is_type(const char *name)
{
	return find_type(name);
}

void net_help(const char *name, struct strbuf *out)
{
	strbuf_adds(out, "Available netdev backend types:\n");
	for (const struct net_ops *const *t = types; *t; t++) {
		if (name && strcmp(name, (*t)->name))
			continue;
		strbuf_addf(out, "%s: %s\n", (*t)->name, (*t)->help);
		opts_help((*t)->opts, out);
	}
}

static const struct net_ops *choose_type(const char *name, struct err *err)
{
	const struct net_ops *ops = name ? find_type(name) : NULL;
	const char *names[ARRAY_SIZE(types)];
	const char *near;

	if (ops)
		return ops;
	if (!name) {
		err_usage(err, "it has no type; -netdev help lists them");
		return NULL;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
		names[i] = types[i] ? types[i]->name : NULL;
	near = opt_nearest(name, names);
	if (near)
		err_usage(err, "there is no type '%s', did you mean '%s'?", name, near);
	else
		err_usage(err, "there is no type '%s'; -netdev help lists them", name);
	return NULL;
}

/* On failure of the options there is nothing to close. */
static int configure(struct netdev *nd, struct opt_list *opts, struct err *err)
{
	int ret = nd->ops->take ? nd->ops->take(nd, opts, err) : 0;

	if (ret >= 0)
		ret = opts_apply(nd->ops->opts, opts, nd, NULL, err);
	if (ret >= 0 && (!nd->id || !*nd->id))
		return err_usage(err, "id= is missing: -device refers to it by its id");
	if (ret >= 0 && net_find(nd->reg, nd->id))
		return err_usage(err,
		                 "id '%s' is taken by another netdev; choose another",
		                 nd->id);
	return ret;
}

static void init_netdev(struct netdev *nd, const struct net_ops *ops,
                        struct net_registry *reg, struct netdev *first)
{
	nd->ops = ops;
	nd->reg = reg;
	nd->first = first;
	nd->fd = nd->vhost_fd = -1;
}

int net_add_queue(struct netdev *nd, struct err *err)
{
	struct netdev *queue = calloc(1, nd->ops->size), *last = nd;

	if (!queue)
		return err_sys(err, ENOMEM, "netdev");
	while (last->queue)
		last = last->queue;
	init_netdev(queue, nd->ops, nd->reg, nd);
	queue->id = nd->id;
	queue->index = last->index + 1;
	last->queue = queue;
	return 0;
}

struct netdev *net_queue(struct netdev *nd, unsigned n)
{
	while (n-- && nd)
		nd = nd->queue;
	return nd;
}

unsigned net_queues(const struct netdev *nd)
{
	unsigned n = 0;

	for (; nd; nd = nd->queue)
		n++;
	return n;
}

static int open_netdev(struct netdev *nd, struct err *err)
{
	nd->opened = true;
	return nd->ops->open(nd, err);
}

struct netdev *net_create(struct net_registry *reg, struct opt_list *opts,
                          struct err *err)
{
	const struct net_ops *ops = choose_type(opt_list_take(opts, "type"), err);
	struct netdev *nd = ops ? lazy_alloc(ops->size) : NULL;
	struct netdev **last = &reg->first;

	if (!nd) {
		if (ops)
			err_sys(err, ENOMEM, "netdev");
		return NULL;
	}
	init_netdev(nd, ops, reg, nd);
	if (configure(nd, opts, err) < 0 || open_netdev(nd, err) < 0) {
		free_netdev(nd);
		return NULL;
	}
	while (*last)
		last = &(*last)->next;
	*last = nd;
	return nd;
}

static int make_ready(struct netdev *nd, bool wait, struct err *err)
{
	return nd->ops->ready ? nd->ops->ready(nd, wait, err) : 0;
}

int net_registry_ready(struct net_registry *reg, struct err *err)
{
	for (struct netdev *nd = reg->first; nd; nd = nd->next) {
		int ret = make_ready(nd, true, err);

		if (ret < 0) {
			err_prefix(err, "-netdev %s,id=%s", nd->ops->name, nd->id);
			return ret;
		}
	}
	reg->running = true;
	return 0;
}

uint64_t net_ticket(struct net_registry *reg)
{
	return ++reg->tickets;
}

void net_registry_on_progress(struct net_registry *reg, void (*fn)(void *opaque),
                              void *opaque)
{
	reg->progress = fn;
	reg->progress_opaque = opaque;
}

void net_progress(struct net_registry *reg)
{
	if (reg->progress)
		reg->progress(reg->progress_opaque);
}

int net_add(struct net_registry *reg, struct opt_list *opts, uint64_t ticket,
            struct err *err)
{
	struct netdev *nd = net_create(reg, opts, err);

	if (!nd)
		return -err->code;
	nd->ticket = ticket;
	return net_added(reg, ticket, false, err);
}

int net_added(struct net_registry *reg, uint64_t ticket, bool give_up, struct err *err)
{
	struct netdev *nd = reg->first;
	int ret;

	while (nd && nd->ticket != ticket)
		nd = nd->next;
	if (!nd)
		return err_set(err, ENOENT, "it was removed before it was there");
	ret = make_ready(nd, false, err);
	if (ret == -EAGAIN && give_up)
		ret = err_set(err, ETIMEDOUT, "%s: its helper does not answer", nd->id);
	if (ret < 0 && ret != -EAGAIN)
		net_remove(nd);
	return ret;
}

void net_remove(struct netdev *nd)
{
	struct netdev **p = &nd->reg->first;

	while (*p != nd)
		p = &(*p)->next;
	*p = nd->next;
	close_netdev(nd);
	nd->removed = true;
	net_progress(nd->reg);
	free_unused(nd);
}

/* ---- description ---- */

const char *net_id(const struct netdev *nd)
{
	return nd->id;
}

const char *net_type(const struct netdev *nd)
{
	return nd->ops->name;
}

const char *net_describe(const struct netdev *nd)
{
	return nd->desc ? nd->desc : "";
}

struct net_stats *net_stats(struct netdev *nd)
{
	return &nd->first->stats;
}

void net_set_desc(struct netdev *nd, const char *fmt, ...)
{
	struct strbuf text = { 0 };
	va_list ap;

	strbuf_addf(&text, "type=%s,", nd->ops->name);
	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	free(nd->desc);
	nd->desc = strbuf_take(&text);
}

/* ---- the watch ---- */

static void ready(void *opaque, uint32_t events);

static void update_watch(struct netdev *nd)
{
	uint32_t events = (nd->want_in ? EPOLLIN : 0) | (nd->want_out ? EPOLLOUT : 0) |
	                  (nd->ops->gone && nd->ends ? EPOLLRDHUP : 0);
	int ret = 0;

	if (nd->fd < 0)
		events = 0;
	if (events == nd->events)
		return;
	if (!events)
		loop_remove(nd->reg->loop, &nd->watch);
	else if (!nd->events)
		ret = loop_add(nd->reg->loop, &nd->watch, nd->fd, events, ready, nd);
	else
		loop_modify(nd->reg->loop, &nd->watch, events);
	if (ret < 0) {
		log_error("netdev %s: cannot be watched: %s", nd->id, strerror(-ret));
		return;
	}
	nd->events = events;
}

static void ready(void *opaque, uint32_t events)
{
	struct netdev *nd = opaque;

	if (nd->want_out && events & (EPOLLOUT | EPOLLHUP | EPOLLERR) &&
	    (!nd->ops->flush || nd->ops->flush(nd) != -EAGAIN)) {
		nd->want_out = false;
		update_watch(nd);
		if (nd->attached)
			nd->front.writable(nd->front.opaque);
	}
	if (nd->want_in && nd->attached && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		nd->front.readable(nd->front.opaque);
	else if (!nd->want_in && nd->fd >= 0 && nd->ops->gone &&
	         events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		nd->ops->gone(nd);
}

static void tell_link(struct netdev *nd, bool before)
{
	if (nd->attached && net_link_up(nd) != before)
		nd->front.link(nd->front.opaque);
}

void net_use_fd(struct netdev *nd, int fd)
{
	bool before = net_link_up(nd);

	nd->carrier = false;
	if (nd->fd >= 0) {
		nd->fd = -1;
		update_watch(nd);
	}
	nd->fd = fd;
	nd->carrier = fd >= 0;
	update_watch(nd);
	tell_link(nd, before);
}

/* ---- the front end ---- */

/* The first number that no card of the model has. */
static void name_card(struct netdev *nd)
{
	bool taken = true;

	for (unsigned n = 0; taken; n++) {
		taken = false;
		snprintf(nd->card, sizeof(nd->card), "%s.%u",
		         nd->front.model ? nd->front.model : "", n);
		for (const struct netdev *o = nd->reg->first; o; o = o->next)
			taken |= o->attached && o != nd->first &&
			         !strcmp(o->card, nd->card);
	}
}

int net_attach(struct netdev *nd, const struct net_front *front, struct err *err)
{
	if (nd->attached)
		return err_set(err, EBUSY, "netdev '%s' is in use by another device",
		               nd->id);
	nd->front = *front;
	name_card(nd);
	nd->attached = true;
	return 0;
}

const char *net_card_name(const struct netdev *nd)
{
	const char *name = nd->front.name ? nd->front.name(nd->front.opaque) : NULL;

	return name ? name : nd->card;
}

void net_detach(struct netdev *nd)
{
	nd->attached = false;
	net_set_offload(nd, 0);
	net_want_input(nd, false);
	if (nd->first->removed)
		free_unused(nd->first);
}

const struct net_front *net_get_front(const struct netdev *nd)
{
	return nd->attached ? &nd->front : NULL;
}

bool net_has_header(const struct netdev *nd)
{
	return nd->header;
}

void net_set_offload(struct netdev *nd, unsigned offloads)
{
	if (!nd->opened || !nd->ops->set_offload)
		return;
	nd->ops->set_offload(nd, offloads);
	update_watch(nd);
}

void net_enable_queue(struct netdev *nd, bool on)
{
	int ret = 0;

	if (nd->index && nd->fd >= 0 && nd->ops->enable && nd->disabled == on)
		ret = nd->ops->enable(nd, on);
	nd->disabled = !on;
	if (ret < 0)
		log_warn("netdev %s: queue %u cannot be turned %s: %s", nd->id, nd->index,
		         on ? "on" : "off", strerror(-ret));
}

int net_vhost_fd(const struct netdev *nd)
{
	return nd->vhost_fd;
}

int net_packet_fd(const struct netdev *nd)
{
	return nd->fd;
}

void net_set_header(struct netdev *nd, int len)
{
	if (nd->fd >= 0 && nd->ops->set_header)
		nd->ops->set_header(nd, len);
}

void net_want_input(struct netdev *nd, bool on)
{
	nd->want_in = on;
	update_watch(nd);
}

ssize_t net_take(struct netdev *nd, uint8_t *buf, uint8_t **frame)
{
	ssize_t n;

	*frame = buf;
	n = nd->fd < 0 ? -EAGAIN : nd->ops->take_frame(nd, buf, frame);

	if (n < 0)
		return -EAGAIN;
	nd->first->stats.rx_frames++;
	nd->first->stats.rx_bytes += n;
	return n;
}

ssize_t net_recv(struct netdev *nd, void *buf)
{
	uint8_t *frame;
	ssize_t n = net_take(nd, buf, &frame);

	if (n > 0 && frame != buf)
		memcpy(buf, frame, n);
	return n;
}

int net_send(struct netdev *nd, const struct iovec *iov, unsigned count)
{
	int ret = net_link_up(nd) ? nd->ops->send(nd, iov, count) : -ENETDOWN;

	nd->want_out |= ret == -EAGAIN;
	update_watch(nd);
	if (ret == -EAGAIN)
		return ret;
	if (ret < 0) {
		nd->first->stats.tx_dropped++;
		return 0;
	}
	nd->first->stats.tx_frames++;
	for (unsigned i = 0; i < count; i++)
		nd->first->stats.tx_bytes += iov[i].iov_len;
	return 0;
}

void net_cork(struct netdev *nd, bool on)
{
	if (!nd->ops->cork)
		return;
	nd->ops->cork(nd, on);
	update_watch(nd);
}

bool net_link_up(const struct netdev *nd)
{
	return nd->carrier && !nd->first->unplugged;
}

void net_set_link(struct netdev *nd, bool up)
{
	bool before = net_link_up(nd);

	nd->unplugged = !up;
	tell_link(nd, before);
}

int net_command(struct netdev *nd, const char *command, uint64_t ticket, struct err *err)
{
	if (!nd->ops->command)
		return err_set(err, ENOTSUP, "netdev '%s' is not of type user", nd->id);
	return nd->ops->command(nd, command, ticket, err);
}

int net_answer(struct netdev *nd, uint64_t ticket, struct strbuf *answer, struct err *err)
{
	return nd->ops->answer ? nd->ops->answer(nd, ticket, answer, err) : -ENOENT;
}
