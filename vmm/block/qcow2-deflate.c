// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compressed clusters: raw deflate (RFC 1951) with a window of at most one cluster.
 *
 * Decoding is our own, as no library can be loaded any more once the sandbox is closed,
 * and is made to survive any input: every read and every copy is checked. It runs in a
 * thread of the pool, on memory that belongs to the transfer.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/block/iov.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <string.h>

/* ---- bits ---- */

struct inflate {
	const uint8_t *in, *in_end;
	uint8_t *out, *out_start, *out_end;
	uint64_t bits;
	unsigned count;   /* of valid bits */
	unsigned missing; /* bytes of zeros that were read behind the end */
};

static void refill(struct inflate *s)
{
	while (s->count <= 56) {
		if (s->in < s->in_end)
			s->bits |= (uint64_t)*s->in++ << s->count;
		else
			s->missing++;
		s->count += 8;
	}
}

/* At most 32. */
static unsigned take(struct inflate *s, unsigned n)
{
	unsigned v;

	if (s->count < n)
		refill(s);
	v = s->bits & ((1ull << n) - 1);
	s->bits >>= n;
	s->count -= n;
	return v;
}

/* ---- codes ---- */

enum { MAX_BITS = 15, FAST_BITS = 9, LITERALS = 288, DISTANCES = 32 };

struct code {
	uint16_t fast[1 << FAST_BITS]; /* length << 12 … symbol, 0: longer, or none */
	uint16_t count[MAX_BITS + 1], symbols[LITERALS];
};

static unsigned reverse(unsigned v, unsigned bits)
{
	unsigned r = 0;

	while (bits--) {
		r = r << 1 | (v & 1);
		v >>= 1;
	}
	return r;
}

/* Codes by their lengths (3.2.2). -EIO: more than there can be. */
static int make_code(struct code *c, const uint8_t *lengths, unsigned n)
{
	unsigned offsets[MAX_BITS + 2] = { 0 }, next[MAX_BITS + 2] = { 0 }, code = 0;
	int left = 1;

	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < n; i++)
		c->count[lengths[i]]++;
	c->count[0] = 0;
	for (unsigned len = 1; len <= MAX_BITS; len++) {
		left = 2 * left - c->count[len];
		if (left < 0)
			return -EIO;
		offsets[len + 1] = offsets[len] + c->count[len];
		next[len] = code;
		code = (code + c->count[len]) << 1;
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned len = lengths[i], first;

		if (!len)
			continue;
		c->symbols[offsets[len]++] = i;
		first = reverse(next[len]++, len);
		for (; len <= FAST_BITS && first < 1 << FAST_BITS; first += 1 << len)
			c->fast[first] = len << 12 | i;
	}
	return 0;
}

/* -EIO: no such code. */
static int decode(struct inflate *s, const struct code *c)
{
	unsigned fast, code = 0, first = 0, index = 0;
	uint64_t bits;

	if (s->count < MAX_BITS)
		refill(s);
	fast = c->fast[s->bits & ((1 << FAST_BITS) - 1)];
	if (fast) {
		take(s, fast >> 12);
		return fast & 0xfff;
	}
	bits = s->bits;
	for (unsigned len = 1; len <= MAX_BITS; len++, bits >>= 1) {
		code |= bits & 1;
		if (code - first < c->count[len] && code >= first) {
			take(s, len);
			return c->symbols[index + code - first];
		}
		index += c->count[len];
		first = (first + c->count[len]) << 1;
		code <<= 1;
	}
	return -EIO;
}

/* ---- blocks ---- */

static int copy_back(struct inflate *s, unsigned len, unsigned distance)
{
	if (distance > s->out - s->out_start || len > s->out_end - s->out)
		return -EIO;
	/* They may overlap, and repeat then. */
	for (const uint8_t *from = s->out - distance; len; len--)
		*s->out++ = *from++;
	return 0;
}

static int coded_block(struct inflate *s, const struct code *literals,
                       const struct code *distances)
{
	static const uint16_t len_base[] = { 3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
		                             15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
		                             67, 83, 99, 115, 131, 163, 195, 227, 258 };
	static const uint8_t len_bits[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
		                            2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };

	while (!s->missing || s->missing <= 8) {
		int symbol = decode(s, literals);
		unsigned len, bits, distance;

		if (symbol < 0 || symbol == 256)
			return symbol < 0 ? symbol : 0;
		if (symbol < 256) {
			if (s->out == s->out_end)
				return -EIO;
			*s->out++ = symbol;
			continue;
		}
		symbol -= 257;
		if (symbol >= (int)ARRAY_SIZE(len_base))
			return -EIO;
		len = len_base[symbol] + take(s, len_bits[symbol]);
		symbol = decode(s, distances);
		if (symbol < 0 || symbol >= 30)
			return -EIO;
		/* 1, 2, 3, 4, 5, 7, 9, 13 … (3.2.5) */
		bits = symbol < 4 ? 0 : symbol / 2 - 1;
		distance = symbol < 4 ? symbol + 1 : ((2 + (symbol & 1)) << bits) + 1;
		if (copy_back(s, len, distance + take(s, bits)) < 0)
			return -EIO;
	}
	return -EIO;
}

static int stored_block(struct inflate *s)
{
	unsigned len;

	take(s, s->count & 7);
	len = take(s, 16);
	if (len != (take(s, 16) ^ 0xffff))
		return -EIO;
	for (; len; len--) {
		if (s->out == s->out_end || s->missing > 8)
			return -EIO;
		*s->out++ = take(s, 8);
	}
	return 0;
}

struct codes {
	struct code literals, distances;
	uint8_t lengths[LITERALS + DISTANCES];
};

static int fixed_block(struct inflate *s, struct codes *c)
{
	for (unsigned i = 0; i < LITERALS; i++)
		c->lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	memset(c->lengths + LITERALS, 5, DISTANCES);
	make_code(&c->literals, c->lengths, LITERALS);
	make_code(&c->distances, c->lengths + LITERALS, DISTANCES);
	return coded_block(s, &c->literals, &c->distances);
}

/* The lengths of both codes, coded themselves (3.2.7). */
static int read_lengths(struct inflate *s, struct codes *c, unsigned total)
{
	for (unsigned i = 0; i < total;) {
		int symbol = decode(s, &c->literals);
		unsigned repeat = 1;
		uint8_t value = symbol;

		if (symbol < 0 || (symbol == 16 && !i))
			return -EIO;
		if (symbol >= 16) {
			value = symbol == 16 ? c->lengths[i - 1] : 0;
			repeat = symbol == 16   ? 3 + take(s, 2)
			         : symbol == 17 ? 3 + take(s, 3)
			                        : 11 + take(s, 7);
		}
		if (repeat > total - i)
			return -EIO;
		memset(c->lengths + i, value, repeat);
		i += repeat;
	}
	return 0;
}

static int dynamic_block(struct inflate *s, struct codes *c)
{
	static const uint8_t order[] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
		                         11, 4,  12, 3, 13, 2, 14, 1, 15 };
	unsigned literals = take(s, 5) + 257, distances = take(s, 5) + 1,
		 count = take(s, 4) + 4;
	uint8_t lengths[ARRAY_SIZE(order)] = { 0 };

	if (literals > 286)
		return -EIO;
	for (unsigned i = 0; i < count; i++)
		lengths[order[i]] = take(s, 3);
	if (make_code(&c->literals, lengths, ARRAY_SIZE(order)) < 0 ||
	    read_lengths(s, c, literals + distances) < 0 ||
	    make_code(&c->distances, c->lengths + literals, distances) < 0 ||
	    make_code(&c->literals, c->lengths, literals) < 0)
		return -EIO;
	return coded_block(s, &c->literals, &c->distances);
}

int inflate_raw(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	_cleanup_free_ struct codes *c = malloc(sizeof(*c));
	struct inflate s = { in, in + in_len, out, out, out + out_len, 0, 0, 0 };
	bool last = false;

	if (!c)
		return -ENOMEM;
	/* What follows the last byte is nobody's: the length is known to the sector only.
	 */
	while (!last && s.out < s.out_end && s.missing <= 8) {
		int ret = -EIO;

		last = take(&s, 1);
		switch (take(&s, 2)) {
		case 0:
			ret = stored_block(&s);
			break;
		case 1:
			ret = fixed_block(&s, c);
			break;
		case 2:
			ret = dynamic_block(&s, c);
			break;
		}
		if (ret < 0)
			return ret;
	}
	return s.out == s.out_end ? 0 : -EIO;
}

/* ---- clusters ---- */

struct job {
	struct pool_job job;
	struct qcow2_req *qr;
	uint64_t pos, len;     /* of the disk; within one cluster */
	uint32_t in_len, skip; /* in from its sector on */
	uint8_t *in, *out;
};

static struct block_req *to_req(struct qcow2_req *qr)
{
	return (struct block_req *)((char *)qr - offsetof(struct block_req, scratch));
}

static void free_job(struct job *job)
{
	if (!job)
		return;
	free(job->in);
	free(job->out);
	free(job);
}

static void end(struct job *job, int ret)
{
	struct qcow2_req *qr = job->qr;
	struct qcow2 *q = qr->q;

	if (ret >= 0)
		iov_from_buf(to_req(qr)->iov, to_req(qr)->iov_count, job->pos - qr->start,
		             job->out + (job->pos & (q->cluster_size - 1)), job->len);
	q->buffered -= q->cluster_size;
	free_job(job);
	qcow2_part_done(qr, ret);
	qcow2_wake(q, QCOW2_PARK_TABLE);
}

static int run(struct pool_job *pool_job)
{
	struct job *job = container_of(pool_job, struct job, job);

	return inflate_raw(job->in + job->skip, job->in_len, job->out,
	                   job->qr->q->cluster_size);
}

static void ran(struct pool_job *pool_job, int ret)
{
	struct job *job = container_of(pool_job, struct job, job);
	struct qcow2 *q = job->qr->q;

	q->work--;
	if (ret == -EIO)
		log_guest(&q->node.warned,
		          "%s: the compressed cluster at %#llx is damaged", q->node.path,
		          (unsigned long long)align_down(job->pos, q->cluster_size));
	end(job, ret);
	block_pool_ran(q->node.reg);
}

static void loaded(struct qcow2_sub *sub, int ret)
{
	struct job *job = sub->opaque;
	struct qcow2 *q = sub->q;

	qcow2_sub_free(sub);
	if (ret < 0) {
		end(job, ret);
		return;
	}
	job->job = (struct pool_job){ .run = run, .done = ran };
	q->work++;
	pool_submit(aio_pool(block_aio(q->node.reg)), &job->job);
}

int qcow2_step_deflated(struct qcow2_req *qr, const struct qcow2_run *r)
{
	struct qcow2 *q = qr->q;
	struct qcow2_sub *sub;
	struct job *job;
	uint64_t offset;
	uint32_t len;

	if (q->buffered > QCOW2_MAX_BUFFERED)
		return -EAGAIN;
	sub = qcow2_sub_new(q, NULL, loaded);
	job = sub ? calloc(1, sizeof(*job)) : NULL;
	qcow2_deflated(q, r->entry, &offset, &len);
	if (job) {
		job->in_len = len;
		/* From the sector that it begins in. */
		job->skip = offset & 511;
		len += job->skip;
		job->in = malloc(len);
		job->out = malloc(q->cluster_size);
	}
	if (!job || !job->in || !job->out) {
		if (sub)
			qcow2_sub_free(sub);
		free_job(job);
		return -ENOMEM;
	}
	q->buffered += q->cluster_size;
	job->qr = qr;
	job->pos = qr->pos;
	job->len = r->len;
	sub->opaque = job;
	qr->pending++;
	qr->pos += r->len;
	qcow2_sub_submit(sub, q->node.child, BLOCK_READ, offset & ~511ull, job->in, len);
	return 0;
}
