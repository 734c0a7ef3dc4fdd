// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The source of a move, in its own thread: memory again and again while the guest runs,
 * until what is left fits the limit of the downtime; then the guest stops, its devices
 * complete what they have, and the rest follows. Whatever fails before the far end was
 * told to run it, the guest goes on here; after that, it may run there, and stays stopped
 * here until somebody has looked.
 */
#include "vmm/migrate/internal.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/block/block.h"
#include "vmm/machine/control.h"
#include "vmm/migrate/config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND_NS 1000000000ull
#define SLICE_NS  (SECOND_NS / 10) /* in which the limit of the bandwidth is kept */
#define AGAIN_MS  10
#define TRIES     4            /* passes in vain */
#define FEW       (256u << 10) /* bytes of memory for which no pass is worth it */
#define RETAKES   3000         /* of disks that a process which ends still has */

/* ---- in the main loop ---- */

static int describe(struct migration *m, struct err *err)
{
	config_describe(m->pc, &m->config);
	m->ram = ram_source_new(m->vm, false, err);
	if (!m->ram)
		return -err->code;
	m->vm->moving = true;
	return m->config.failed ? err_sys(err, ENOMEM, "migration") : 0;
}

static int activate(struct migration *m, struct err *err)
{
	(void)err;
	m->setup = loop_now() - m->began;
	if (m->status == MIGRATION_SETUP)
		migration_set_status(m, MIGRATION_ACTIVE);
	return 0;
}

/* The machine that stopped is the one that the far end was told of. */
static int check_config(struct migration *m, struct err *err)
{
	_cleanup_strbuf_ struct strbuf now = { 0 };
	int ret;

	config_describe(m->pc, &now);
	ret = now.failed ? err_sys(err, ENOMEM, "migration")
	                 : config_compare(m->config.data, now.data, true, err);
	err_prefix(err, "the machine changed while it moved");
	return ret;
}

static int go_on(struct migration *m, struct err *err)
{
	return pc_go_on(m->pc, m->was, err);
}

static int stop(struct migration *m, struct err *err)
{
	struct vm *vm = m->vm;
	bool asked = __atomic_load_n(&vm->requests, __ATOMIC_ACQUIRE);
	int ret;

	/* A reset that the guest asked for is this side's matter. */
	if (asked)
		return -EAGAIN;
	m->was = vm->runstate;
	m->stopped = loop_now();
	m->precopied = __atomic_load_n(&m->channel->sent, __ATOMIC_RELAXED);
	pc_halt(m->pc, VM_FINISH_MIGRATE);
	if (__atomic_load_n(&vm->requests, __ATOMIC_ACQUIRE)) {
		ret = go_on(m, err);
		return ret < 0 ? ret : -EAGAIN;
	}
	if (m->status == MIGRATION_ACTIVE)
		migration_set_status(m, MIGRATION_DEVICE);
	ret = check_config(m, err);
	return ret < 0 ? ret : states_save(vm, &m->states, err);
}

static int give(struct migration *m, struct err *err)
{
	return block_registry_give(m->vm->blocks, err);
}

static int complete(struct migration *m, struct err *err)
{
	(void)err;
	m->downtime = loop_now() - m->stopped;
	m->vm->runstate = VM_POSTMIGRATE;
	log_info("the machine moved to %s", m->channel->uri);
	migration_end(m, MIGRATION_COMPLETED, NULL);
	return 0;
}

/* -EBUSY: a process that ends still has a disk. */
static int resume(struct migration *m, struct err *err)
{
	int ret = 0;

	if (m->vm->runstate == VM_FINISH_MIGRATE)
		ret = go_on(m, err);
	if (ret < 0)
		m->vm->runstate = VM_FINISH_MIGRATE;
	return ret;
}

static int give_up(struct migration *m, struct err *err)
{
	/* The disks are elsewhere: "cont" takes them when they are free. */
	if (m->vm->runstate == VM_FINISH_MIGRATE)
		m->vm->runstate = VM_POSTMIGRATE;
	if (err->code)
		log_error("migration: %s", err->text);
	migration_end(m, err->code ? MIGRATION_FAILED : MIGRATION_CANCELLED,
	              err->code ? err : NULL);
	return 0;
}

/* ---- the thread ---- */

struct pace {
	struct migration *m;
	uint64_t since, sent; /* the slice's begin */
};

/* No more bytes in a slice of time than the limit allows. */
static int keep_pace(void *opaque, struct err *err)
{
	struct pace *p = opaque;
	struct channel *c = p->m->channel;
	uint64_t limit = __atomic_load_n(&p->m->params.max_bandwidth, __ATOMIC_RELAXED);
	uint64_t now = loop_now(), passed = now - p->since;
	uint64_t sent = c->sent - p->sent;
	int ret = 0;

	(void)err;
	if (limit && sent > limit / 10 && passed < SLICE_NS) {
		ret = channel_pause(c, (SLICE_NS - passed) / 1000000 + 1);
		now = loop_now();
	}
	if (now - p->since >= SLICE_NS) {
		__atomic_store_n(&p->m->bandwidth, sent * SECOND_NS / (now - p->since),
		                 __ATOMIC_RELAXED);
		p->since = now;
		p->sent = c->sent;
	}
	if (ret >= 0 && channel_is_cancelled(c))
		ret = -ECANCELED;
	return ret;
}

static void tell_pass(struct migration *m)
{
	uint64_t now = loop_now();
	struct ram_totals t;

	ram_source_totals(m->ram, &t);
	/* After a whole pass all that is left was written meanwhile. */
	if (t.passes > 1)
		__atomic_store_n(&m->dirty_rate,
		                 t.remaining / STREAM_PAGE * 1000 /
		                         ((now - m->synced) / 1000000 + 1),
		                 __ATOMIC_RELAXED);
	m->synced = now;
	if (m->events)
		vm_emit(m->vm, "MIGRATION_PASS",
		        (const struct vm_event_field[]){
				{ "pass", VM_EVENT_INT, .num = t.passes },
				{ .name = NULL } });
}

static int sync_ram(struct migration *m, struct err *err)
{
	int ret;

	vm_lock(m->vm);
	ret = ram_source_sync(m->ram, err);
	if (ret >= 0)
		tell_pass(m);
	vm_unlock(m->vm);
	return ret;
}

/* ms that so many bytes of memory will take. */
static uint64_t expect(const struct migration *m, uint64_t bytes)
{
	return bytes / (m->rate / 1000 + 1);
}

/* What is left fits the limit of the downtime, and further passes do not leave much less.
 */
static bool suffices(struct migration *m, uint64_t last, unsigned *tries)
{
	uint64_t limit = __atomic_load_n(&m->params.downtime_limit, __ATOMIC_RELAXED);
	struct ram_totals t;

	ram_source_totals(m->ram, &t);
	__atomic_store_n(&m->expected, m->rate ? expect(m, t.remaining) : limit,
	                 __ATOMIC_RELAXED);
	if (t.passes < 2 || expect(m, t.remaining) > limit)
		return false;
	if (t.remaining > last - last / 4)
		++*tries;
	return t.remaining <= FEW || *tries > TRIES;
}

/* Each pass ends when the far end is done with it: so nothing of it is still under way
 * when the guest stops, and the rate is that of both ends. */
static int send_memory(struct migration *m, struct err *err)
{
	struct pace pace = { m, loop_now(), m->channel->sent };
	unsigned tries = 0;
	uint64_t last = 0;
	int ret;

	while ((ret = sync_ram(m, err)) >= 0 && !suffices(m, last, &tries)) {
		uint64_t begin = loop_now(), sent = m->channel->sent;
		struct ram_totals t;

		ram_source_totals(m->ram, &t);
		last = t.remaining;
		ret = ram_source_send(m->ram, m->channel, keep_pace, &pace, err);
		if (ret >= 0)
			ret = stream_sync(m->channel, err);
		if (ret < 0)
			return ret;
		m->rate = (m->channel->sent - sent) * 1000 /
		          ((loop_now() - begin) / 1000000 + 1);
	}
	return ret;
}

static int send_rest(struct migration *m, struct err *err)
{
	struct record r = { .type = REC_STATE };
	int ret = sync_ram(m, err);

	if (ret >= 0)
		ret = ram_source_send(m->ram, m->channel, NULL, NULL, err);
	for (unsigned i = 0; i < m->states.count && ret >= 0; i++) {
		r.len = m->states.sections[i].len;
		ret = stream_write(m->channel, &r, m->states.sections[i].data, err);
	}
	if (ret >= 0)
		ret = migration_call(m, give, err);
	r = (struct record){ .type = REC_END, .count = m->states.count, .at = m->was };
	if (ret >= 0)
		ret = stream_write(m->channel, &r, "", err);
	return ret < 0 ? ret : channel_sync(m->channel, err);
}

static int begin(struct migration *m, struct err *err)
{
	struct channel *c = m->channel;
	struct record r = { .type = REC_CONFIG };
	int ret = channel_meet(c, err);

	if (ret >= 0)
		ret = migration_call(m, describe, err);
	if (ret >= 0)
		ret = stream_write_header(c, err);
	r.len = m->config.len;
	if (ret >= 0 && r.len > STREAM_CONFIG_MAX)
		ret = err_set(err, E2BIG, "the machine has too many devices");
	if (ret >= 0)
		ret = stream_write(c, &r, m->config.data, err);
	if (ret >= 0)
		ret = stream_await(c, REC_OK, err);
	return ret < 0 ? ret : migration_call(m, activate, err);
}

static int move(struct migration *m, struct err *err)
{
	const struct record go = { .type = REC_GO };
	struct channel *c = m->channel;
	int ret = begin(m, err);

	if (ret >= 0)
		ret = send_memory(m, err);
	while (ret >= 0 && (ret = migration_call(m, stop, err)) == -EAGAIN)
		ret = channel_pause(c, AGAIN_MS);
	if (ret >= 0)
		ret = send_rest(m, err);
	if (ret >= 0)
		ret = stream_await(c, REC_OK, err);
	if (ret < 0 || !c->answers)
		return ret;
	ret = stream_write(c, &go, "", err);
	if (ret >= 0)
		ret = channel_flush(c, err);
	/* A part of it, or nothing, lets nobody run. */
	if (ret < 0)
		return ret;
	m->gone = true;
	return stream_await(c, REC_OK, err);
}

/* Nobody knows whether it runs there, so here it must not. */
static void explain(struct err *err)
{
	struct err why = *err;

	err_clear(err);
	err_set(err, EIO,
	        "the destination was told to run the machine, and did not say that it "
	        "does (%s): look there; if it does not, end it, and cont lets the "
	        "machine go on here",
	        why.code ? why.text : "cancelled too late");
}

/* A destination that refuses says why, and is gone before all is written. */
static void hear_why(struct migration *m, struct err *err)
{
	struct err said = { 0 };

	if ((err->code == EPIPE || err->code == ECONNRESET) &&
	    stream_await(m->channel, REC_OK, &said) == -EREMOTEIO)
		*err = said;
}

/* Until a process that ends has let go of the disks. */
static void go_on_here(struct migration *m, struct err *err)
{
	struct err late = { 0 };

	for (unsigned i = 0; i < RETAKES; i++) {
		err_clear(&late);
		if (migration_call(m, resume, &late) != -EBUSY)
			break;
		poll(NULL, 0, AGAIN_MS);
	}
	if (!late.code)
		return;
	err_set(err, ECANCELED, "cancelled"); /* if nothing else is why */
	err_hint(err, "it does not go on here: %s; cont tries again", late.text);
}

void *migration_source(void *opaque)
{
	struct migration *m = opaque;
	struct err err = { 0 };
	int ret = move(m, &err);

	if (ret >= 0) {
		migration_call(m, complete, &err);
		return NULL;
	}
	/* Its end is that of the connection for the far end, which lets go of the disks;
	 * what came before can be read. */
	shutdown(m->channel->fd, SHUT_RDWR);
	hear_why(m, &err);
	if (m->gone)
		explain(&err);
	else
		go_on_here(m, &err);
	migration_call(m, give_up, &err);
	return NULL;
}
