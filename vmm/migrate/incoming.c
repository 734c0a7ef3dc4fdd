// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The destination of a move, in its own thread. What comes is checked as it comes: the
 * machine against this one before any memory, pages against the memory that is there, a
 * device's state by its table. Nothing runs before all of it is in place, and the source
 * said that it is ours. If anything fails this process ends, and says why to both sides.
 */
#include "vmm/migrate/internal.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/block/block.h"
#include "vmm/machine/control.h"
#include "vmm/migrate/config.h"
#include "vmm/net/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- in the main loop ---- */

static int compare_with(struct migration *m, bool disks, struct err *err)
{
	_cleanup_strbuf_ struct strbuf here = { 0 };

	config_describe(m->pc, &here);
	return here.failed ? err_sys(err, ENOMEM, "migration")
	                   : config_compare(m->config.data, here.data, disks, err);
}

static int compare(struct migration *m, struct err *err)
{
	m->vm->moving = true;
	migration_set_status(m, MIGRATION_ACTIVE);
	return compare_with(m, true, err);
}

static int load(struct migration *m, struct err *err)
{
	int ret = block_registry_take(m->vm->blocks, err);

	return ret < 0 ? ret : states_load(m->vm, &m->states, err);
}

/* As often as QEMU does, for switches that do not listen at first. */
static const struct net_announce announcement = { 50, 550, 5, 100, NULL, NULL };

static int run(struct migration *m, struct err *err)
{
	int ret;

	migration_end(m, MIGRATION_COMPLETED, NULL);
	ret = pc_came_in(m->pc, m->was, err);
	if (ret >= 0 && net_announce(m->vm->nets, &announcement, err) < 0)
		log_warn("the machine came in, and is not announced: %s", err->text);
	return ret;
}

/* What was begun is complete, and the disks are the source's again. */
static int let_go(struct migration *m, struct err *err)
{
	(void)err;
	return block_registry_give(m->vm->blocks, NULL);
}

static int give_up(struct migration *m, struct err *err)
{
	log_error("-incoming: %s", err->code ? err->text : "given up");
	migration_end(m, MIGRATION_FAILED, err);
	vm_request(m->vm, VM_REQ_ERROR, "the machine did not come in");
	return 0;
}

/* ---- the thread ---- */

static int read_config(struct migration *m, struct err *err)
{
	struct channel *c = m->channel;
	struct record r;
	_cleanup_free_ char *text = NULL;
	int ret = stream_read_header(c, err);

	if (ret >= 0)
		ret = stream_read(c, &r, err);
	if (ret < 0)
		return ret;
	if (r.type != REC_CONFIG || !r.len)
		return err_set(err, EINVAL,
		               "%s: the stream does not say what the machine is", c->uri);
	text = malloc(r.len);
	if (!text)
		return err_sys(err, ENOMEM, "%s", c->uri);
	ret = stream_read_payload(c, &r, text, err);
	if (ret < 0)
		return ret;
	strbuf_add(&m->config, text, r.len);
	return m->config.failed ? err_sys(err, ENOMEM, "%s", c->uri) : 0;
}

static int read_state(struct migration *m, const struct record *r, struct err *err)
{
	_cleanup_free_ void *payload = NULL;
	struct strbuf *grown;
	int ret;

	m->states.bytes += r->len;
	if (m->states.count == STREAM_DEVICES_MAX || m->states.bytes > STREAM_STATES_MAX)
		return err_set(err, E2BIG, "%s: the stream has too many devices",
		               m->channel->uri);
	grown = realloc(m->states.sections, (m->states.count + 1) * sizeof(*grown));
	if (grown)
		m->states.sections = grown;
	payload = malloc(r->len + 1);
	if (!grown || !payload)
		return err_sys(err, ENOMEM, "%s", m->channel->uri);
	ret = stream_read_payload(m->channel, r, payload, err);
	if (ret < 0)
		return ret;
	grown[m->states.count] = (struct strbuf){ 0 };
	strbuf_add(&grown[m->states.count++], payload, r->len);
	return grown[m->states.count - 1].failed
	               ? err_sys(err, ENOMEM, "%s", m->channel->uri)
	               : 0;
}

static int read_end(struct migration *m, const struct record *r, struct err *err)
{
	if (r->count != m->states.count || r->at >= VM_SAVE_VM)
		return err_set(err, EINVAL, "%s: the stream's end makes no sense",
		               m->channel->uri);
	m->was = r->at;
	return 0;
}

static int read_machine(struct migration *m, struct err *err)
{
	struct record r = { 0 };
	int ret = 0;

	while (ret >= 0 && r.type != REC_END) {
		ret = stream_read(m->channel, &r, err);
		if (ret < 0)
			return ret;
		if (r.type == REC_ZERO || r.type == REC_PAGES)
			ret = ram_load(m->vm->mem, m->channel, &r, err);
		else if (r.type == REC_STATE)
			ret = read_state(m, &r, err);
		else if (r.type == REC_SYNC)
			ret = stream_answer(m->channel, NULL, err);
		else if (r.type == REC_END)
			ret = read_end(m, &r, err);
		else
			ret = err_set(err, EINVAL,
			              "%s: the stream has a record out of turn (type %u)",
			              m->channel->uri, r.type);
	}
	return ret;
}

int incoming_read(struct migration *m, struct err *err)
{
	int ret = read_config(m, err);

	if (ret >= 0)
		ret = compare_with(m, false, err);
	return ret < 0 ? ret : read_machine(m, err);
}

static int take_in(struct migration *m, struct err *err)
{
	struct channel *c = m->channel;
	int ret = channel_meet(c, err);

	if (ret >= 0)
		ret = read_config(m, err);
	if (ret >= 0)
		ret = migration_call(m, compare, err);
	if (ret >= 0)
		ret = stream_answer(c, NULL, err);
	if (ret >= 0)
		ret = read_machine(m, err);
	if (ret >= 0)
		ret = migration_call(m, load, err);
	if (ret >= 0)
		ret = stream_answer(c, NULL, err);
	if (ret >= 0)
		ret = stream_await(c, REC_GO, err);
	if (ret >= 0)
		ret = migration_call(m, run, err);
	/* Who does not hear it looks here. */
	if (ret >= 0)
		stream_answer(c, NULL, NULL);
	return ret;
}

void *migration_destination(void *opaque)
{
	struct migration *m = opaque;
	struct err err = { 0 };
	int ret = take_in(m, &err);

	if (ret >= 0 || ret == -ECANCELED)
		return NULL;
	migration_call(m, let_go, NULL);
	if (m->channel->fd >= 0)
		stream_answer(m->channel, err.text, NULL);
	migration_call(m, give_up, &err);
	return NULL;
}
