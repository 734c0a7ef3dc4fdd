// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records: a head of 24 bytes, little-endian, then the payload. The checksum is CRC-32C
 * over the head without it and the payload. Who sends the stream may be anybody: lengths
 * are bounded by what the type can have before anything is read.
 */
#include "vmm/migrate/stream.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/state.h"

#include <errno.h>
#include <string.h>

#define VERSION      2 /* 1 had no SYNC */
#define FLAG_ANSWERS 1u
#define HEAD         24
#define SUMMED       20

static const uint8_t magic[8] = "KVMKITMG";

/* The longest payload of each type. */
static const uint32_t longest[] = {
	[REC_CONFIG] = STREAM_CONFIG_MAX,
	[REC_PAGES] = STREAM_PAGES_MAX * STREAM_PAGE,
	/* a section with its names */
	[REC_STATE] = STATE_SECTION_MAX + 1024,
	[REC_REFUSED] = STREAM_REASON_MAX,
	[REC_SYNC] = 0,
};

/* ---- checksums ---- */

static __attribute__((target("sse4.2"))) uint32_t crc_by_instruction(uint32_t crc,
                                                                     const uint8_t *p,
                                                                     size_t len)
{
	uint64_t sum = ~crc;

	for (; len >= 8; len -= 8, p += 8)
		sum = __builtin_ia32_crc32di(sum, ld64(p));
	while (len--)
		sum = __builtin_ia32_crc32qi(sum, *p++);
	return ~sum;
}

static uint32_t add_crc(const struct channel *c, uint32_t crc, const void *data,
                        size_t len)
{
	return c->has_crc ? crc_by_instruction(crc, data, len)
	                  : state_crc32c(crc, data, len);
}

/* ---- records ---- */

int stream_write_header(struct channel *c, struct err *err)
{
	uint8_t head[STREAM_HEADER];

	memcpy(head, magic, sizeof(magic));
	st32(head + 8, VERSION);
	st32(head + 12, c->answers ? FLAG_ANSWERS : 0);
	return channel_write(c, head, sizeof(head), err);
}

int stream_read_header(struct channel *c, struct err *err)
{
	uint8_t head[STREAM_HEADER];
	int ret = channel_read(c, head, sizeof(head), err);

	if (ret < 0)
		return ret;
	if (memcmp(head, magic, sizeof(magic)))
		return err_set(err, EINVAL, "%s: what comes is no machine that vmm moves",
		               c->uri);
	if (!ld32(head + 8) || ld32(head + 8) > VERSION)
		return err_set(
			err, EINVAL,
			"%s: the stream has version %u, this vmm reads %u; use the "
			"same version on both sides",
			c->uri, ld32(head + 8), VERSION);
	c->answers &= ld32(head + 12) & FLAG_ANSWERS;
	return 0;
}

int stream_write(struct channel *c, const struct record *r, const void *payload,
                 struct err *err)
{
	uint8_t head[HEAD] = { r->type };
	uint32_t crc;
	int ret;

	st16(head + 2, r->index);
	st32(head + 4, r->count);
	st64(head + 8, r->at);
	st32(head + 16, r->len);
	crc = add_crc(c, add_crc(c, 0, head, SUMMED), payload, r->len);
	st32(head + SUMMED, crc);
	ret = channel_write(c, head, sizeof(head), err);
	return ret < 0 ? ret : channel_write(c, payload, r->len, err);
}

static int damaged(struct channel *c, struct err *err)
{
	return err_set(err, EINVAL, "%s: the stream is damaged (checksum)", c->uri);
}

int stream_read(struct channel *c, struct record *r, struct err *err)
{
	uint8_t head[HEAD];
	int ret = channel_read(c, head, sizeof(head), err);

	if (ret < 0)
		return ret;
	*r = (struct record){
		.type = head[0],
		.index = ld16(head + 2),
		.count = ld32(head + 4),
		.at = ld64(head + 8),
		.len = ld32(head + 16),
		.sum = ld32(head + SUMMED),
	};
	if (head[1] || r->type < REC_CONFIG || r->type > REC_SYNC ||
	    r->len > longest[r->type])
		return err_set(err, EINVAL,
		               "%s: the stream has a record that makes no "
		               "sense (type %u, %u bytes)",
		               c->uri, r->type, r->len);
	/* Those with a payload are checked with it. */
	if (!r->len && add_crc(c, 0, head, SUMMED) != r->sum)
		return damaged(c, err);
	return 0;
}

int stream_read_payload(struct channel *c, const struct record *r, void *payload,
                        struct err *err)
{
	uint8_t head[SUMMED] = { r->type };
	int ret = channel_read(c, payload, r->len, err);

	st16(head + 2, r->index);
	st32(head + 4, r->count);
	st64(head + 8, r->at);
	st32(head + 16, r->len);
	if (ret >= 0 &&
	    add_crc(c, add_crc(c, 0, head, SUMMED), payload, r->len) != r->sum)
		return damaged(c, err);
	return ret;
}

int stream_await(struct channel *c, enum record_type want, struct err *err)
{
	char reason[STREAM_REASON_MAX + 1] = "";
	struct record r;
	int ret;

	if (!c->answers)
		return 0;
	ret = stream_read(c, &r, err);
	if (ret >= 0 && r.type == REC_REFUSED) {
		ret = stream_read_payload(c, &r, reason, err);
		return ret < 0 ? ret : err_set(err, EREMOTEIO, "%s", reason);
	}
	if (ret >= 0 && r.type != want)
		return err_set(err, EINVAL, "%s: the other side answers out of turn",
		               c->uri);
	return ret;
}

int stream_sync(struct channel *c, struct err *err)
{
	const struct record r = { .type = REC_SYNC };
	int ret = c->answers ? stream_write(c, &r, "", err) : channel_flush(c, err);

	return ret < 0 ? ret : stream_await(c, REC_OK, err);
}

int stream_answer(struct channel *c, const char *reason, struct err *err)
{
	struct record r = { .type = reason ? REC_REFUSED : REC_OK };
	int ret;

	if (!c->answers)
		return 0;
	r.len = reason ? strnlen(reason, STREAM_REASON_MAX) : 0;
	ret = stream_write(c, &r, reason ? reason : "", err);
	return ret < 0 ? ret : channel_flush(c, err);
}
