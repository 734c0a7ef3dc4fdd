// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The commands of a SCSI unit that reach the medium (SBC-4, chapter 5).
 *
 * Each is one request to the block layer, or a chain of them: when one is done, req->more
 * starts the next, or ends the command. Data goes between the driver's segments and the
 * image. Completions run in the loop's thread.
 */
#include "vmm/scsi/core.h"

#include "common/cleanup.h"
#include "vmm/block/iov.h"

#include <errno.h>
#include <stdlib.h>

enum { PATTERN = 64 << 10 /* bytes that a WRITE SAME writes at a time */ };

/* ---- requests ---- */

static uint32_t sense_of(const struct scsi_device *d, enum block_op op, int ret)
{
	switch (ret) {
	case -ENOMEDIUM:
		return cd_no_medium(&d->cd);
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
		return SENSE_NO_SPACE;
	case -EROFS:
		return SENSE_PROTECTED;
	case -EINVAL: /* the medium has become shorter */
		return SENSE_RANGE;
	default:
		return op == BLOCK_READ ? SENSE_READ_ERROR : SENSE_WRITE_ERROR;
	}
}

static void step_done(struct block_req *breq, int ret)
{
	struct scsi_req *req = breq->opaque;

	if (ret < 0) {
		ret = scsi_fail(req, sense_of(req->dev, breq->op, ret));
	} else if (req->more) {
		ret = req->more(req);
		if (ret == SCSI_PENDING) {
			block_kick(req->dev->node);
			return;
		}
	}
	scsi_finish(req, ret < 0 ? ret : 0);
}

static int submit(struct scsi_req *req, enum block_op op, uint64_t offset, uint64_t len)
{
	struct block_req *breq = &req->breq;

	breq->op = op;
	breq->offset = offset;
	breq->len = len;
	breq->done = step_done;
	breq->opaque = req;
	block_submit(req->dev->node, breq);
	return SCSI_PENDING;
}

/* ---- which blocks ---- */

/* The first three bits of an operation code say how long a command is, and so where its
 * fields are (SPC-5, 4.2.5.1). */
static void get_range(const uint8_t *cdb, uint64_t *lba, uint32_t *count)
{
	switch (cdb[0] >> 5) {
	case 0:
		*lba = scsi_get32(cdb) & 0x1fffff;
		*count = cdb[4] ? cdb[4] : 256;
		break;
	case 4:
		*lba = scsi_get64(cdb + 2);
		*count = scsi_get32(cdb + 10);
		break;
	case 5:
		*lba = scsi_get32(cdb + 2);
		*count = scsi_get32(cdb + 6);
		break;
	default:
		*lba = scsi_get32(cdb + 2);
		*count = scsi_get16(cdb + 7);
	}
}

/* Bytes; SENSE_NONE when all is on the medium and may be used like that. */
static uint32_t check_range(const struct scsi_device *d, uint64_t lba, uint64_t count)
{
	uint64_t blocks = scsi_blocks(d);

	return lba > blocks || count > blocks - lba ? SENSE_RANGE : SENSE_NONE;
}

static uint32_t check(const struct scsi_req *req, uint64_t lba, uint32_t count,
                      bool write)
{
	if (write && req->dev->info.readonly)
		return SENSE_PROTECTED;
	/* Protection information was not offered. */
	if (req->cdb[0] >= 0x20 && req->cdb[1] & 0xe0)
		return SENSE_FIELD;
	return check_range(req->dev, lba, count);
}

/* ---- READ, WRITE ---- */

int scsi_read_blocks(struct scsi_req *req, uint64_t lba, uint32_t count)
{
	uint64_t size = req->dev->block_size, len = count * size;

	if (!len)
		return 0;
	if (len > req->in_len)
		return scsi_overrun(req);
	req->breq.iov = req->in;
	req->breq.iov_count = iov_keep_front(req->in, req->in_count, len);
	req->moved = len;
	return submit(req, BLOCK_READ, lba * size, len);
}

int scsi_read(struct scsi_req *req, uint8_t *b)
{
	uint64_t lba;
	uint32_t count, sense;

	get_range(req->cdb, &lba, &count);
	sense = check(req, lba, count, false);
	return sense ? scsi_fail(req, sense) : scsi_read_blocks(req, lba, count);
}

static int flush_behind(struct scsi_req *req)
{
	req->more = NULL;
	return submit(req, BLOCK_FLUSH, 0, 0);
}

/* It must be on the medium when the command ends. */
static bool is_forced(const uint8_t *cdb)
{
	enum { FUA = 0x08 };

	switch (cdb[0]) {
	case SCSI_WRITE_6:
		return false;
	case SCSI_WRITE_VERIFY_10:
	case SCSI_WRITE_VERIFY_12:
	case SCSI_WRITE_VERIFY_16:
		return true;
	default:
		return cdb[1] & FUA;
	}
}

int scsi_write(struct scsi_req *req, uint8_t *b)
{
	uint64_t lba, size = req->dev->block_size, len;
	uint32_t count, sense;

	get_range(req->cdb, &lba, &count);
	sense = check(req, lba, count, true);
	if (sense)
		return scsi_fail(req, sense);
	len = count * size;
	if (!len)
		return 0;
	if (len > req->out_len)
		return scsi_overrun(req);
	if (is_forced(req->cdb) && req->dev->wce)
		req->more = flush_behind;
	req->breq.iov = req->out;
	req->breq.iov_count = iov_keep_front(req->out, req->out_count, len);
	req->moved = len;
	return submit(req, BLOCK_WRITE, lba * size, len);
}

/* What is read is what was written: the range is all that can be wrong. Nor are there
 * data to compare with. */
int scsi_verify(struct scsi_req *req, uint8_t *b)
{
	enum { BYTCHK = 0x06 };
	uint64_t lba;
	uint32_t count, sense;

	get_range(req->cdb, &lba, &count);
	sense = req->cdb[1] & BYTCHK ? SENSE_FIELD : check(req, lba, count, false);
	return sense ? scsi_fail(req, sense) : 0;
}

int scsi_flush(struct scsi_req *req, uint8_t *b)
{
	return submit(req, BLOCK_FLUSH, 0, 0);
}

/* ---- UNMAP ---- */

enum { UNMAP_HEADER = 8, UNMAP_ENTRY = 16 };

/* Entries are taken from the driver's memory one by one: each is checked as it is used.
 */
static int unmap_next(struct scsi_req *req)
{
	const struct scsi_device *d = req->dev;
	uint8_t entry[UNMAP_ENTRY];

	while (req->pos < req->end) {
		uint64_t lba, size = d->block_size;
		uint32_t count;

		iov_to_buf(req->out, req->out_count, req->pos, entry, sizeof(entry));
		req->pos += sizeof(entry);
		lba = scsi_get64(entry);
		count = scsi_get32(entry + 8);
		if (check_range(d, lba, count))
			return scsi_fail(req, SENSE_RANGE);
		if (count > SCSI_MAX_UNMAP / size)
			return scsi_fail(req, SENSE_LIST_FIELD);
		if (count)
			return submit(req, BLOCK_DISCARD, lba * size, count * size);
	}
	return 0;
}

int scsi_unmap(struct scsi_req *req, uint8_t *b)
{
	enum { ANCHOR = 1 };
	unsigned len = scsi_get16(req->cdb + 7), entries;

	if (req->dev->info.readonly)
		return scsi_fail(req, SENSE_PROTECTED);
	if (req->cdb[1] & ANCHOR)
		return scsi_fail(req, SENSE_FIELD);
	if (!len)
		return 0;
	if (len > req->out_len)
		return scsi_overrun(req);
	if (len < UNMAP_HEADER)
		return scsi_fail(req, SENSE_LIST_LENGTH);
	iov_to_buf(req->out, req->out_count, 0, b, UNMAP_HEADER);
	entries = scsi_get16(b + 2);
	if (entries > len - UNMAP_HEADER || entries % UNMAP_ENTRY)
		return scsi_fail(req, SENSE_LIST_LENGTH);
	if (entries / UNMAP_ENTRY > SCSI_MAX_UNMAPS)
		return scsi_fail(req, SENSE_LIST_FIELD);
	req->breq.iov = NULL;
	req->breq.iov_count = 0;
	req->moved = len;
	req->pos = UNMAP_HEADER;
	req->end = UNMAP_HEADER + entries;
	req->more = unmap_next;
	return unmap_next(req);
}

/* ---- WRITE SAME ---- */

static int same_next(struct scsi_req *req)
{
	uint64_t pos = req->pos, len = req->end - pos;

	if (!len)
		return 0;
	if (len > PATTERN)
		len = PATTERN;
	req->pos += len;
	req->one.iov_len = len;
	return submit(req, BLOCK_WRITE, pos, len);
}

/* One such command at a time has the buffer; others come again. */
static int write_pattern(struct scsi_req *req, uint64_t lba, uint32_t count)
{
	struct scsi_device *d = req->dev;
	uint32_t size = d->block_size;

	if (!d->pattern)
		d->pattern = malloc(PATTERN);
	if (!d->pattern || d->pattern_user) {
		req->status = SCSI_TASK_SET_FULL;
		return SCSI_FAILED;
	}
	d->pattern_user = req;
	iov_to_buf(req->out, req->out_count, 0, d->pattern, size);
	for (uint32_t at = size; at < PATTERN && at < count * size; at += size)
		memcpy(d->pattern + at, d->pattern, size);
	req->one.iov_base = d->pattern;
	req->breq.iov = &req->one;
	req->breq.iov_count = 1;
	req->pos = lba * size;
	req->end = req->pos + (uint64_t)count * size;
	req->more = same_next;
	return same_next(req);
}

static bool is_zero(const struct scsi_req *req)
{
	uint8_t part[256];

	for (uint32_t at = 0; at < req->dev->block_size; at += sizeof(part)) {
		iov_to_buf(req->out, req->out_count, at, part, sizeof(part));
		if (part[0] || memcmp(part, part + 1, sizeof(part) - 1))
			return false;
	}
	return true;
}

int scsi_write_same(struct scsi_req *req, uint8_t *b)
{
	enum { NO_DATA = 0x01, OBSOLETE = 0x06, UNMAP = 0x08, ANCHOR = 0x10 };
	uint64_t lba, size = req->dev->block_size;
	uint8_t flags = req->cdb[1];
	bool no_data = flags & NO_DATA;
	uint32_t count, sense;

	get_range(req->cdb, &lba, &count);
	sense = check(req, lba, count, true);
	if (sense)
		return scsi_fail(req, sense);
	if (!count || count > SCSI_MAX_SAME || flags & (OBSOLETE | ANCHOR) ||
	    (no_data && req->cdb[0] == SCSI_WRITE_SAME_10))
		return scsi_fail(req, SENSE_FIELD);
	if (!no_data && size > req->out_len)
		return scsi_overrun(req);
	req->moved = no_data ? 0 : size;
	if (!no_data && !is_zero(req))
		return write_pattern(req, lba, count);
	req->breq.iov = NULL;
	req->breq.iov_count = 0;
	req->breq.may_unmap = flags & UNMAP;
	return submit(req, BLOCK_WRITE_ZEROES, lba * size, count * size);
}
