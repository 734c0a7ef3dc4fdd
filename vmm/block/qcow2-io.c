// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests on a qcow2 image.
 *
 * A request is cut into runs that are mapped alike; each run becomes one transfer of the
 * file or the backing file, and all of them are under way together. One that changes how
 * its range is mapped has it for itself ("exclusive"): it waits for those that were there
 * before or are under way, and those behind it wait for it. So no transfer goes to a
 * cluster that another request gives away meanwhile.
 *
 * Requests that wait, for a range or for a table, are parked and start over at the byte
 * they had come to.
 */
#include "common/cleanup.h"
#include "vmm/block/iov.h"
#include "vmm/block/qcow2-int.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static_assert(sizeof(struct qcow2_req) <= sizeof(((struct block_req *)0)->scratch),
              "the scratch space of a block request is too small");

static void run(struct qcow2_req *qr);

static struct block_req *to_req(struct qcow2_req *qr)
{
	return (struct block_req *)((char *)qr - offsetof(struct block_req, scratch));
}

int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t offset)
{
	log_guest(&q->node.warned, "%s: the image is corrupt: %s at %#llx; %s",
	          q->node.path, what, (unsigned long long)offset,
	          q->node.readonly ? "repair it: vmm-img check -r all"
	                           : "no more writes; repair it: vmm-img check -r all");
	if (q->node.readonly || q->info.corrupt)
		return -EIO;
	q->info.corrupt = true;
	if (q->info.version >= 3) {
		q->header.incompatible |= QCOW2_CORRUPT;
		q->header_dirty = true;
		qcow2_commit(q, NULL);
	}
	return -EIO;
}

/* ---- transfers ---- */

struct qcow2_sub *qcow2_sub_new(struct qcow2 *q, struct qcow2_req *parent,
                                void (*done)(struct qcow2_sub *sub, int ret))
{
	struct qcow2_sub *sub = q->idle_subs;

	if (sub)
		q->idle_subs = sub->next;
	else
		sub = malloc(sizeof(*sub));
	if (!sub)
		return NULL;
	sub->q = q;
	sub->parent = parent;
	sub->done = done;
	sub->opaque = NULL;
	sub->many = NULL;
	sub->req.iov = NULL;
	sub->req.iov_count = 0;
	sub->req.may_unmap = false;
	sub->req.durable = parent && to_req(parent)->durable;
	return sub;
}

void qcow2_sub_free(struct qcow2_sub *sub)
{
	free(sub->many);
	sub->next = sub->q->idle_subs;
	sub->q->idle_subs = sub;
}

static void sub_done(struct block_req *req, int ret)
{
	struct qcow2_sub *sub = container_of(req, struct qcow2_sub, req);

	sub->q->work--;
	sub->done(sub, ret);
}

void qcow2_sub_submit(struct qcow2_sub *sub, struct block_node *node, enum block_op op,
                      uint64_t offset, void *buf, uint64_t len)
{
	struct block_req *req = &sub->req;

	if (buf) {
		sub->one = (struct iovec){ buf, len };
		req->iov = &sub->one;
		req->iov_count = 1;
	}
	req->op = op;
	req->offset = offset;
	req->len = len;
	req->done = sub_done;
	sub->q->work++;
	block_submit_below(node, req);
}

static void part_transferred(struct qcow2_sub *sub, int ret)
{
	struct qcow2_req *qr = sub->parent;

	qcow2_sub_free(sub);
	qcow2_part_done(qr, ret);
}

/* The next len bytes of the request are at `offset` of node. */
static int transfer(struct qcow2_req *qr, struct block_node *node, enum block_op op,
                    uint64_t offset, uint64_t len)
{
	struct block_req *req = to_req(qr);
	struct qcow2_sub *sub = qcow2_sub_new(qr->q, qr, part_transferred);

	if (!sub)
		return -ENOMEM;
	if (op <= BLOCK_WRITE && len == req->len) {
		sub->req.iov = req->iov;
		sub->req.iov_count = req->iov_count;
	} else if (op <= BLOCK_WRITE) {
		sub->many = calloc(req->iov_count, sizeof(*sub->many));
		if (!sub->many) {
			qcow2_sub_free(sub);
			return -ENOMEM;
		}
		sub->req.iov = sub->many;
		sub->req.iov_count = iov_cut(req->iov, req->iov_count,
		                             qr->pos - qr->start, len, sub->many);
	}
	sub->req.may_unmap = req->may_unmap;
	qr->pending++;
	qr->pos += len;
	qcow2_sub_submit(sub, node, op, offset, NULL, len);
	return 0;
}

int qcow2_step_place(struct qcow2_req *qr, enum block_op op, const struct qcow2_run *r)
{
	if (qcow2_is_metadata(qr->q, r->host, r->len))
		return qcow2_corrupt(qr->q, "data in the place of metadata", r->host);
	return transfer(qr, qr->q->node.child, op, r->host, r->len);
}

/* ---- reading ---- */

static int zero(struct qcow2_req *qr, uint64_t len)
{
	struct block_req *req = to_req(qr);

	iov_zero(req->iov, req->iov_count, qr->pos - qr->start, len);
	qr->pos += len;
	return 0;
}

uint64_t qcow2_backed(const struct qcow2 *q, uint64_t pos, uint64_t len)
{
	uint64_t end = q->backing ? q->backing->length : 0;

	/* Not the vmstate area. */
	if (end > q->node.length)
		end = q->node.length;
	if (pos >= end)
		return 0;
	return len < end - pos ? len : end - pos;
}

static int step_read(struct qcow2_req *qr)
{
	struct qcow2 *q = qr->q;
	struct qcow2_run r;
	uint64_t backed;
	int ret = qcow2_lookup(q, qr->pos, qr->end - qr->pos, &r);

	if (ret < 0)
		return ret;
	switch (r.state) {
	case QCOW2_DATA:
		return transfer(qr, q->node.child, BLOCK_READ, r.host, r.len);
	case QCOW2_DEFLATED:
		return qcow2_step_deflated(qr, &r);
	case QCOW2_UNALLOCATED:
		backed = qcow2_backed(q, qr->pos, r.len);
		if (backed)
			return transfer(qr, q->backing, BLOCK_READ, qr->pos, backed);
		/* fall through */
	default:
		return zero(qr, r.len);
	}
}

/* ---- ranges ---- */

static bool overlaps(const struct qcow2_req *a, const struct qcow2_req *b)
{
	uint64_t size = a->q->cluster_size;

	return align_down(a->start, size) < align_up(b->end, size) &&
	       align_down(b->start, size) < align_up(a->end, size);
}

static bool is_blocked(const struct qcow2_req *qr)
{
	bool earlier = true;

	if (!qr->link)
		return false;
	if (qr->exclusive && qr->pending)
		return true;
	for (const struct qcow2_req *other = qr->q->reqs; other; other = other->next) {
		if (other == qr)
			earlier = false;
		else if ((earlier || other->running || other->pending) &&
		         (other->exclusive || qr->exclusive) && overlaps(qr, other))
			return true;
	}
	return false;
}

static void append(struct qcow2_req *qr)
{
	qr->parked_next = NULL;
	*qr->q->parked_tail = qr;
	qr->q->parked_tail = &qr->parked_next;
}

static void park(struct qcow2_req *qr, enum qcow2_park reason)
{
	qr->parked = reason;
	qr->q->locked += reason == QCOW2_PARK_LOCK;
	append(qr);
}

void qcow2_wake(struct qcow2 *q, enum qcow2_park reason)
{
	struct qcow2_req *qr = q->parked, *next;

	q->parked = NULL;
	q->parked_tail = &q->parked;
	for (; qr; qr = next) {
		next = qr->parked_next;
		if (qr->parked != reason) {
			append(qr);
			continue;
		}
		q->locked -= reason == QCOW2_PARK_LOCK;
		qr->parked = QCOW2_PARK_NO;
		run(qr);
	}
	if (reason == QCOW2_PARK_TABLE)
		qcow2_commit_step(q);
}

/* ---- the life of a request ---- */

static void finish(struct qcow2_req *qr)
{
	struct block_req *req = to_req(qr);
	struct qcow2 *q = qr->q;

	if (qr->link) {
		*qr->link = qr->next;
		if (qr->next)
			qr->next->link = qr->link;
		else
			q->reqs_tail = qr->link;
		qr->link = NULL;
		if (q->locked)
			block_call_soon(&q->node);
	}
	if (qr->changed && req->durable && !qr->ret)
		qcow2_commit(q, req);
	else if (qr->inside)
		block_complete_soon(req, qr->ret);
	else
		block_complete(req, qr->ret);
}

static void run(struct qcow2_req *qr)
{
	static int (*const steps[])(struct qcow2_req * qr) = {
		[BLOCK_READ] = step_read,
		[BLOCK_WRITE] = qcow2_step_write,
		[BLOCK_DISCARD] = qcow2_step_discard,
		[BLOCK_WRITE_ZEROES] = qcow2_step_zeroes,
	};
	struct block_req *req = to_req(qr);

	/* Parts that end at once do not end the request. */
	qr->busy = true;
	while (qr->pos < qr->end && !qr->ret && !qr->parked) {
		bool was_exclusive = qr->exclusive;
		int ret;

		if (!qr->running && is_blocked(qr)) {
			park(qr, QCOW2_PARK_LOCK);
			break;
		}
		qr->running = true;
		if (req->op != BLOCK_READ && qr->q->claims) {
			qcow2_commit(qr->q, NULL);
			park(qr, QCOW2_PARK_TABLE);
			break;
		}
		ret = req->op != BLOCK_READ && qr->q->info.corrupt ? -EIO
		                                                   : steps[req->op](qr);
		if (ret == -EAGAIN && qr->exclusive != was_exclusive) {
			qr->running = false;
			/* Those before it waited for it to come to rest. */
			if (qr->q->locked)
				block_call_soon(&qr->q->node);
		} else if (ret == -EAGAIN) {
			park(qr, QCOW2_PARK_TABLE);
		} else if (ret < 0) {
			qr->ret = ret;
		}
	}
	qr->busy = false;
	if (!qr->pending && !qr->parked)
		finish(qr);
}

void qcow2_part_done(struct qcow2_req *qr, int ret)
{
	if (ret < 0 && !qr->ret)
		qr->ret = ret;
	qr->pending--;
	if (qr->pending || qr->busy)
		return;
	if (!qr->parked)
		finish(qr);
	else if (qr->parked == QCOW2_PARK_LOCK)
		block_call_soon(&qr->q->node);
}

void qcow2_start(struct qcow2 *q, struct block_req *req, uint64_t base, bool inner)
{
	struct qcow2_req *qr = (struct qcow2_req *)req->scratch;

	*qr = (struct qcow2_req){
		.q = q,
		.start = base + req->offset,
		.pos = base + req->offset,
		.end = base + req->offset + req->len,
		.inside = true,
	};
	if (!inner) {
		qr->link = q->reqs_tail;
		*q->reqs_tail = qr;
		q->reqs_tail = &qr->next;
	}
	run(qr);
	qr->inside = false;
}

void qcow2_submit(struct block_node *node, struct block_req *req)
{
	struct qcow2 *q = to_qcow2(node);

	if (req->op == BLOCK_FLUSH)
		qcow2_commit(q, req);
	else
		qcow2_start(q, req, 0, false);
}

void qcow2_wait(struct qcow2 *q)
{
	block_wait(q->node.reg);
}

void qcow2_soon(struct block_node *node)
{
	struct qcow2 *q = to_qcow2(node);

	qcow2_wake(q, QCOW2_PARK_LOCK);
	qcow2_commit_step(q);
}
