// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copying disks. Slots with a buffer each read ahead, are searched for zeros, and write
 * what is left, in the order of their offsets unless that is not wished. Only the main
 * loop starts reads and compressed writes, which may block; the rest runs as requests
 * complete. Threads compress, a slot each.
 */
#include "img/copy.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "img/extent.h"
#include "img/progress.h"
#include "vmm/block/qcow2-pack.h"
#include "vmm/loop/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER    (1u << 20)
#define ZERO_STEP (1u << 30) /* bytes that are zeroed at once */
#define ALL_ZERO  UINT32_MAX

struct slot {
	struct copy *c;
	enum { IDLE, READING, READY, WRITING } state;
	bool zeros;                        /* nothing is read: it becomes zeros */
	uint64_t number, start, len, done; /* done: bytes that are written or left out */
	uint8_t *buf;
	struct iovec iov;
	struct block_req req;
	/* compressed: each unit in its place, and its size; 0: it does not get smaller */
	struct pool_job job;
	uint8_t *packed;
	uint32_t *sizes;
};

struct copy {
	struct session *s;
	const struct copy_opts *o;
	struct err *err;
	struct slot *slots;
	uint64_t length, pos; /* of the disk; what is before pos has a slot, or had one */
	uint64_t unit;        /* all slots begin at a multiple of it */
	uint64_t buffer;
	uint64_t number, writing; /* of the next slot; of the next one to be written */
	unsigned busy;            /* slots that are not idle */
	uint64_t completions;
	int ret; /* the first error: nothing is started from then on */
	struct extent e;
	uint64_t finished; /* bytes, for the progress */
	struct progress progress;
	struct pool *pool; /* compresses */
	struct qcow2_packer packer;
};

typedef unsigned long long ull;

static void fail(struct copy *c, int ret, const char *what, const char *name, uint64_t at)
{
	if (!c->ret)
		c->ret = err_sys(c->err, -ret, "cannot %s %s at %llu", what, name,
		                 (ull)at);
}

static bool is_zero(const uint8_t *buf, uint64_t len)
{
	return !buf[0] && !memcmp(buf, buf + 1, len - 1);
}

/* ---- writing ---- */

static void slot_end(struct slot *slot)
{
	struct copy *c = slot->c;

	slot->state = IDLE;
	c->busy--;
	c->finished += slot->len;
	progress_at(&c->progress, c->finished);
}

/* The bytes from slot->done on that are zeros, or are not, alike; never 0. */
static uint64_t run_length(const struct slot *slot, bool *zero)
{
	const struct copy *c = slot->c;
	uint64_t at = slot->done, step;

	*zero = false;
	if (slot->zeros || c->o->fill) {
		*zero = slot->zeros;
		return slot->len - at;
	}
	for (; at < slot->len; at += step) {
		bool z;

		step = slot->len - at < c->unit ? slot->len - at : c->unit;
		z = is_zero(slot->buf + at, step);
		if (at == slot->done)
			*zero = z;
		else if (z != *zero)
			break;
	}
	return at - slot->done;
}

static void write_next(struct slot *slot);

static void write_done(struct block_req *req, int ret)
{
	struct slot *slot = req->opaque;

	slot->c->completions++;
	if (ret < 0)
		fail(slot->c, ret, "write", slot->c->o->to_name, req->offset);
	slot->done = req->offset + req->len - slot->start;
	write_next(slot);
}

static void write_next(struct slot *slot)
{
	struct copy *c = slot->c;
	uint64_t len = 0;
	bool zero = true;

	while (slot->done < slot->len && !c->ret) {
		len = run_length(slot, &zero);
		if (!zero || !c->o->to_is_zero)
			break;
		slot->done += len;
	}
	if (slot->done >= slot->len || c->ret) {
		slot_end(slot);
		return;
	}
	slot->iov = (struct iovec){ slot->buf + slot->done, len };
	slot->req = (struct block_req){
		.op = zero ? BLOCK_WRITE_ZEROES : BLOCK_WRITE,
		.offset = slot->start + slot->done,
		.len = len,
		.iov = zero ? NULL : &slot->iov,
		.iov_count = !zero,
		.may_unmap = !c->o->fill,
		.done = write_done,
		.opaque = slot,
	};
	block_submit(c->o->to, &slot->req);
}

/* In some thread. */
static int run_compress(struct pool_job *job)
{
	struct slot *slot = container_of(job, struct slot, job);
	uint64_t unit = slot->c->unit;

	for (uint64_t at = 0; at < slot->len; at += unit) {
		uint64_t len = slot->len - at < unit ? slot->len - at : unit;

		slot->sizes[at / unit] = is_zero(slot->buf + at, len)
		                                 ? ALL_ZERO
		                                 : qcow2_deflate(slot->buf + at, len,
		                                                 unit, slot->packed + at);
	}
	return 0;
}

static void compress_done(struct pool_job *job, int ret)
{
	struct slot *slot = container_of(job, struct slot, job);

	(void)ret;
	slot->c->completions++;
	slot->state = READY;
}

/* Clusters one after another. */
static void write_compressed(struct slot *slot)
{
	struct copy *c = slot->c;
	uint64_t unit = c->unit;

	for (; slot->done < slot->len && !c->ret && !slot->zeros; slot->done += unit) {
		uint64_t left = slot->len - slot->done, at = slot->start + slot->done;
		uint32_t size = slot->sizes[slot->done / unit];
		int ret = 0;

		if (size == ALL_ZERO)
			continue;
		if (size)
			ret = qcow2_pack(&c->packer, c->o->to, at,
			                 slot->packed + slot->done, size);
		else
			ret = block_rw(c->o->to, BLOCK_WRITE, at, slot->buf + slot->done,
			               left < unit ? left : unit);
		if (ret < 0)
			fail(c, ret, "write", c->o->to_name, at);
	}
	slot_end(slot);
}

static void start_write(struct slot *slot)
{
	slot->state = WRITING;
	if (slot->c->o->compress)
		write_compressed(slot);
	else
		write_next(slot);
}

static struct slot *slot_by_number(struct copy *c, uint64_t number)
{
	for (unsigned i = 0; i < c->o->parallel; i++)
		if (c->slots[i].state != IDLE && c->slots[i].number == number)
			return &c->slots[i];
	return NULL;
}

static void write_in_order(struct copy *c)
{
	struct slot *slot;

	while ((slot = slot_by_number(c, c->writing)) && slot->state == READY) {
		c->writing++;
		start_write(slot);
	}
}

/* ---- reading ---- */

static void read_done(struct block_req *req, int ret)
{
	struct slot *slot = req->opaque;
	struct copy *c = slot->c;

	c->completions++;
	if (ret < 0)
		fail(c, ret, "read", c->o->from_name, req->offset);
	/* Compressed writes block, which a completion must not. */
	if (c->o->compress && !slot->zeros && !c->ret) {
		slot->job.run = run_compress;
		slot->job.done = compress_done;
		pool_submit(c->pool, &slot->job);
		return;
	}
	slot->state = READY;
	if (c->o->compress)
		return;
	if (c->o->unordered)
		start_write(slot);
	else
		write_in_order(c);
}

static bool left_out(const struct copy *c, const struct extent *e)
{
	if (c->o->only_top && (e->depth || !e->present))
		return true;
	return !e->data && c->o->to_is_zero && !c->o->fill;
}

/* What comes next, from c->pos on: its length, and whether it is to be read. 0: it was
 * left out. */
static uint64_t next_range(struct copy *c, bool *data)
{
	uint64_t end, max;
	int ret = 0;

	if (c->pos >= c->e.start + c->e.len)
		ret = extent_at(c->o->from, c->pos, c->length - c->pos, &c->e);
	if (ret < 0) {
		fail(c, ret, "read where the data is of", c->o->from_name, c->pos);
		return 0;
	}
	end = c->e.start + c->e.len;
	/* Whole units; where a unit is of both kinds, it is read. */
	if (end < c->length && align_down(end, c->unit) > c->pos && !c->e.data)
		end = align_down(end, c->unit);
	else if (end < c->length)
		end = align_up(end, c->unit);
	end = end < c->length ? end : c->length;
	*data = c->e.data || c->o->fill || end > c->e.start + c->e.len;
	if (end <= c->e.start + c->e.len && left_out(c, &c->e)) {
		c->finished += end - c->pos;
		c->pos = end;
		return 0;
	}
	max = *data ? c->buffer : ZERO_STEP;
	return end - c->pos < max ? end - c->pos : max;
}

static void start_read(struct copy *c, struct slot *slot, uint64_t len, bool data)
{
	slot->number = c->number++;
	slot->start = c->pos;
	slot->len = len;
	slot->done = 0;
	slot->zeros = !data;
	slot->state = READING;
	c->pos += len;
	c->busy++;
	slot->iov = (struct iovec){ slot->buf, len };
	slot->req = (struct block_req){ .op = BLOCK_READ,
		                        .offset = slot->start,
		                        .len = len,
		                        .iov = &slot->iov,
		                        .iov_count = 1,
		                        .done = read_done,
		                        .opaque = slot };
	if (data)
		block_submit(c->o->from, &slot->req);
	else
		read_done(&slot->req, 0);
}

static void start_reads(struct copy *c)
{
	for (unsigned i = 0; i < c->o->parallel; i++) {
		struct slot *slot = &c->slots[i];
		uint64_t len = 0;
		bool data = false;

		while (slot->state == IDLE && c->pos < c->length && !c->ret && !len)
			len = next_range(c, &data);
		if (len && !c->ret)
			start_read(c, slot, len, data);
	}
}

/* What completes while requests are handed over may have led to more of them. */
static void start_all(struct copy *c)
{
	uint64_t before;

	do {
		before = c->completions;
		start_reads(c);
		if (c->o->compress)
			write_in_order(c);
		block_kick(c->o->to);
	} while (before != c->completions);
}

/* ---- all of it ---- */

static int make_slots(struct copy *c)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	c->slots = calloc(c->o->parallel, sizeof(*c->slots));
	if (!c->slots)
		return err_sys(c->err, ENOMEM, "cannot copy");
	for (unsigned i = 0; i < c->o->parallel; i++) {
		struct slot *slot = &c->slots[i];

		slot->c = c;
		if (posix_memalign((void **)&slot->buf, 4096, c->buffer))
			return err_sys(c->err, ENOMEM, "cannot copy");
		if (!c->o->compress)
			continue;
		slot->packed = malloc(c->buffer);
		slot->sizes = calloc(c->buffer / c->unit, sizeof(*slot->sizes));
		if (!slot->packed || !slot->sizes)
			return err_sys(c->err, ENOMEM, "cannot copy");
	}
	if (c->o->compress)
		c->pool = pool_new(c->s->loop, cpus > 0 && cpus < 16 ? cpus : 16, c->err);
	return c->o->compress && !c->pool ? -c->err->code : 0;
}

/* Nothing is under way any more. */
static void end(struct copy *c)
{
	block_drain(c->o->from);
	block_drain(c->o->to);
	while (c->pool && pool_in_flight(c->pool))
		loop_run_once(c->s->loop, -1);
	if (c->pool)
		pool_free(c->pool);
	for (unsigned i = 0; c->slots && i < c->o->parallel; i++) {
		free(c->slots[i].buf);
		free(c->slots[i].packed);
		free(c->slots[i].sizes);
	}
	free(c->slots);
}

int copy_run(struct session *s, const struct copy_opts *opts, struct err *err)
{
	struct copy c = { .s = s, .o = opts, .err = err };
	struct block_info info;

	block_get_info(opts->from, &info);
	c.length = info.length;
	c.unit = opts->sparse;
	c.buffer = c.unit > BUFFER ? c.unit : BUFFER;
	c.ret = make_slots(&c);
	progress_start(&c.progress, opts->progress, c.length);
	while (!c.ret && (c.pos < c.length || c.busy)) {
		start_all(&c);
		if (c.busy)
			loop_run_once(s->loop, -1);
		else if (!c.ret)
			progress_at(&c.progress, c.finished);
	}
	end(&c);
	progress_end(&c.progress, !c.ret);
	return c.ret;
}
