// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mode pages of a SCSI unit (SPC-5, 6.13 and 6.14, SBC-4, 6.5): error recovery,
 * caching, control. One bit can be changed: whether the write cache is on.
 */
#include "vmm/scsi/core.h"

#include "common/cleanup.h"
#include "vmm/block/iov.h"

enum {
	CURRENT = 0,
	CHANGEABLE = 1,
	SAVED = 3,
	PAGE_CACHING = 0x08,
	PAGE_ALL = 0x3f,
	SUBPAGES = 0xff, /* all */
	WCE = 0x04,
	PAGE_MAX = 64,  /* bytes of all pages of a unit, and more */
	LIST_MAX = 256, /* bytes of a parameter list */
};

static uint8_t *put_pages(const struct scsi_device *d, uint8_t control, uint8_t page,
                          uint8_t *p)
{
	static const uint8_t all[][3] = {
		{ 0x01, 10, 0x80 }, /* writes that fail are tried elsewhere */
		{ PAGE_CACHING, 18, 0 },
		{ 0x0a, 10, 0 },
	};

	if (d->type == SCSI_TYPE_CD)
		return cd_mode_pages(&d->cd, control, page, p);
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		unsigned len = 2 + all[i][1];

		if (page != PAGE_ALL && page != all[i][0])
			continue;
		memset(p, 0, len);
		memcpy(p, all[i], control == CHANGEABLE ? 2 : 3);
		if (all[i][0] == PAGE_CACHING && (control == CURRENT ? d->wce : true))
			p[2] |= WCE;
		p += len;
	}
	return p;
}

/* The medium's size, and that of a block. */
static uint8_t *put_descriptor(const struct scsi_device *d, uint8_t *p)
{
	uint64_t blocks = scsi_blocks(d);

	scsi_put32(p, blocks > 0xffffff ? 0xffffff : blocks);
	scsi_put32(p + 4, d->block_size);
	return p + 8;
}

int scsi_mode_sense(struct scsi_req *req, uint8_t *b)
{
	enum { NO_DESCRIPTOR = 0x08, WRITE_PROTECTED = 0x80, DPOFUA = 0x10 };
	const struct scsi_device *d = req->dev;
	bool six = req->cdb[0] == SCSI_MODE_SENSE_6, disk = d->type == SCSI_TYPE_DISK;
	uint8_t control = req->cdb[2] >> 6, page = req->cdb[2] & 0x3f;
	uint8_t *p = b + (six ? 4 : 8), *first = p;

	if (control == SAVED)
		return scsi_fail(req, SENSE_SAVING);
	if (req->cdb[3] && (page != PAGE_ALL || req->cdb[3] != SUBPAGES))
		return scsi_fail(req, SENSE_FIELD);
	memset(b, 0, 8);
	if (disk && !(req->cdb[1] & NO_DESCRIPTOR))
		first = put_descriptor(d, p);
	b[six ? 3 : 7] = first - p;
	b[six ? 1 : 2] = disk ? 0 : cd_medium_type(&d->cd);
	b[six ? 2 : 3] =
		disk ? (d->info.readonly ? WRITE_PROTECTED : 0) | (d->dpofua ? DPOFUA : 0)
		     : 0;
	p = put_pages(d, control, page, first);
	if (p == first)
		return scsi_fail(req, SENSE_FIELD);
	if (six)
		b[0] = p - b - 1;
	else
		scsi_put16(b, p - b - 2);
	return p - b;
}

/* What is to be changed must be what can be. */
static bool check_page(const struct scsi_device *d, const uint8_t *p, unsigned len)
{
	uint8_t now[PAGE_MAX], mask[PAGE_MAX];

	if (*p >> 6 & 1 || (*p & PAGE_ALL) == PAGE_ALL ||
	    put_pages(d, CURRENT, *p & PAGE_ALL, now) != now + len)
		return false;
	put_pages(d, CHANGEABLE, *p & PAGE_ALL, mask);
	for (unsigned i = 2; i < len; i++)
		if ((p[i] ^ now[i]) & ~mask[i])
			return false;
	return true;
}

/* Everything is looked at before anything is changed. */
static uint32_t check_list(const struct scsi_device *d, const uint8_t *b, unsigned len,
                           bool six, bool *wce)
{
	unsigned at = six ? 4 : 8, descriptor;

	if (len < at)
		return SENSE_LIST_LENGTH;
	descriptor = six ? b[3] : scsi_get16(b + 6);
	if (descriptor && descriptor != 8)
		return SENSE_LIST_FIELD;
	if (len < at + descriptor)
		return SENSE_LIST_LENGTH;
	if (descriptor && (scsi_get32(b + at + 4) & 0xffffff) != d->block_size)
		return SENSE_LIST_FIELD;
	at += descriptor;
	while (at < len) {
		unsigned size = len - at < 2 ? UINT32_MAX : 2u + b[at + 1];

		if (size > len - at)
			return SENSE_LIST_LENGTH;
		if (!check_page(d, b + at, size))
			return SENSE_LIST_FIELD;
		if ((b[at] & PAGE_ALL) == PAGE_CACHING)
			*wce = b[at + 2] & WCE;
		at += size;
	}
	return SENSE_NONE;
}

int scsi_mode_select(struct scsi_req *req, uint8_t *b)
{
	enum { SAVE = 0x01, PAGE_FORMAT = 0x10 };
	struct scsi_device *d = req->dev;
	bool six = req->cdb[0] == SCSI_MODE_SELECT_6, wce = d->wce;
	unsigned len = six ? req->cdb[4] : scsi_get16(req->cdb + 7);
	uint32_t sense;

	if ((req->cdb[1] & (SAVE | PAGE_FORMAT)) != PAGE_FORMAT)
		return scsi_fail(req, SENSE_FIELD);
	if (!len)
		return 0;
	if (len > req->out_len)
		return scsi_overrun(req);
	if (len > LIST_MAX)
		return scsi_fail(req, SENSE_LIST_LENGTH);
	iov_to_buf(req->out, req->out_count, 0, b, len);
	sense = check_list(d, b, len, six, &wce);
	if (sense)
		return scsi_fail(req, sense);
	req->moved = len;
	if (wce == d->wce)
		return 0;
	scsi_set_wce(d, wce);
	/* What was written before is not durable yet. */
	return wce ? 0 : scsi_flush(req, b);
}
