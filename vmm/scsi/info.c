// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a SCSI unit says of itself: INQUIRY with the pages of vital product data (SPC-5,
 * 6.7 and 7.7; SBC-4, 6.6), and its capacity (SBC-4, 5.20 and 5.21).
 */
#include "vmm/scsi/core.h"

#include "common/cleanup.h"

/* Padded with blanks, and cut. */
static void put_text(uint8_t *p, unsigned size, const char *text)
{
	memset(p, ' ', size);
	memcpy(p, text, strnlen(text, size));
}

static const char *or_else(const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

/* ---- vital product data: each writes behind the 4 bytes of the header ---- */

static unsigned page_serial(const struct scsi_device *d, uint8_t *p)
{
	const char *serial = or_else(d->serial, "");

	memcpy(p, serial, strlen(serial));
	return strlen(serial);
}

/* A name in ASCII, and a worldwide one where it has been given one. */
static unsigned page_ids(const struct scsi_device *d, uint8_t *p)
{
	enum { BINARY = 1, ASCII = 2, VENDOR_SPECIFIC = 0, NAA = 3 };
	const char *id = or_else(d->device_id, or_else(d->serial, or_else(d->drive, "")));
	unsigned len = strnlen(id, SCSI_ID), at = 0;

	if (len) {
		p[0] = ASCII;
		p[1] = VENDOR_SPECIFIC;
		p[3] = len;
		memcpy(p + 4, id, len);
		at = 4 + len;
	}
	if (d->wwn) {
		p[at] = BINARY;
		p[at + 1] = NAA;
		p[at + 3] = 8;
		scsi_put64(p + at + 4, d->wwn);
		at += 12;
	}
	return at;
}

static unsigned page_limits(const struct scsi_device *d, uint8_t *p)
{
	enum { LEN = 0x3c, WSNZ = 1 };
	uint8_t *b = p - 4; /* the standard counts from the page's start */

	b[4] = WSNZ;
	scsi_put16(b + 6, d->min_io / d->block_size);
	scsi_put32(b + 12, d->opt_io / d->block_size);
	scsi_put32(b + 20, SCSI_MAX_UNMAP / d->block_size);
	scsi_put32(b + 24, SCSI_MAX_UNMAPS);
	scsi_put32(b + 28, d->physical_size / d->block_size);
	scsi_put64(b + 36, SCSI_MAX_SAME);
	return LEN;
}

static unsigned page_medium(const struct scsi_device *d, uint8_t *p)
{
	scsi_put16(p, d->rotation_rate);
	return 0x3c;
}

/* Blocks can be given back by every way there is; what is read then is not promised. */
static unsigned page_provisioning(const struct scsi_device *d, uint8_t *p)
{
	enum { LBPU = 0x80, LBPWS = 0x40, LBPWS10 = 0x20, THIN = 2 };

	p[1] = LBPU | LBPWS | LBPWS10;
	p[2] = THIN;
	return 4;
}

static const struct page {
	uint8_t code;
	bool disk;
	unsigned (*fn)(const struct scsi_device *d, uint8_t *p);
} pages[] = {
	{ 0x00, false, NULL },       { 0x80, false, page_serial },
	{ 0x83, false, page_ids },   { 0xb0, true, page_limits },
	{ 0xb1, true, page_medium }, { 0xb2, true, page_provisioning },
};

static bool has_page(const struct scsi_device *d, const struct page *page)
{
	return (!page->disk || d->type == SCSI_TYPE_DISK) &&
	       (page->fn != page_serial || d->serial);
}

static int product_data(struct scsi_req *req, uint8_t *b)
{
	const struct scsi_device *d = req->dev;
	unsigned len = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		if (!has_page(d, &pages[i]))
			continue;
		if (!req->cdb[2]) {
			b[4 + len++] = pages[i].code;
		} else if (pages[i].code == req->cdb[2]) {
			len = pages[i].fn(d, b + 4);
			break;
		} else if (i == ARRAY_SIZE(pages) - 1) {
			return scsi_fail(req, SENSE_FIELD);
		}
	}
	b[0] = d->type;
	b[1] = req->cdb[2];
	scsi_put16(b + 2, len);
	return 4 + len;
}

int scsi_inquiry(struct scsi_req *req, uint8_t *b)
{
	enum {
		LEN = 36,
		REMOVABLE = 0x80,
		SPC_3 = 5,
		HISUP = 0x10,
		FORMAT = 2,
		CMDQUE = 2
	};
	const struct scsi_device *d = req->dev;

	memset(b, 0, SCSI_ANSWER);
	if (req->cdb[1] & 1)
		return product_data(req, b);
	if (req->cdb[2])
		return scsi_fail(req, SENSE_FIELD);
	b[0] = d->type;
	b[1] = d->removable ? REMOVABLE : 0;
	b[2] = SPC_3;
	b[3] = HISUP | FORMAT;
	b[4] = LEN - 5;
	b[7] = CMDQUE;
	put_text(b + 8, 8, or_else(d->vendor, "KVMKIT"));
	put_text(b + 16, 16,
	         or_else(d->product,
	                 d->type == SCSI_TYPE_CD ? "virtual CD-ROM" : "virtual disk"));
	put_text(b + 32, 4, or_else(d->version, "1"));
	return LEN;
}

/* ---- capacity ---- */

int scsi_capacity_10(struct scsi_req *req, uint8_t *b)
{
	uint64_t last = scsi_blocks(req->dev) - 1;

	/* An address needs PMI, which is obsolete. */
	if (scsi_get32(req->cdb + 2) || req->cdb[8] & 1)
		return scsi_fail(req, SENSE_FIELD);
	scsi_put32(b, last > UINT32_MAX ? UINT32_MAX : last);
	scsi_put32(b + 4, req->dev->block_size);
	return 8;
}

int scsi_service_action_16(struct scsi_req *req, uint8_t *b)
{
	enum { READ_CAPACITY_16 = 0x10, LEN = 32, LBPME = 0x80 };
	const struct scsi_device *d = req->dev;

	if ((req->cdb[1] & 0x1f) != READ_CAPACITY_16)
		return scsi_fail(req, SENSE_FIELD);
	memset(b, 0, LEN);
	scsi_put64(b, scsi_blocks(d) - 1);
	scsi_put32(b + 8, d->block_size);
	b[13] = __builtin_ctz(d->physical_size) - __builtin_ctz(d->block_size);
	b[14] = d->type == SCSI_TYPE_DISK ? LBPME : 0;
	return LEN;
}
