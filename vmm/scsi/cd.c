// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CD-ROM drives (INCITS 333, "MMC-3"). The medium is one track of 2048-byte sectors: an
 * ISO image or the host's own drive, of CD or DVD size.
 *
 * A command is looked up in one table, which also says whether it needs a medium, whether
 * it may report that the medium was changed, and where it says how long its answer may
 * be. Answers are built in the caller's buffer; reads are the caller's. Runs under the
 * machine lock.
 */
#include "vmm/scsi/cd.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"

#include <errno.h>

enum {
	RAW_DATA = 16,   /* sync pattern and header before the data */
	LEAD_IN = 150,   /* sectors before address 0 in minutes, seconds, frames */
	MAX_CD = 360000, /* sectors; a larger medium is a DVD */

	PROFILE_CD = 0x0008,
	PROFILE_DVD = 0x0010,
};

enum media_event { EVENT_NONE, EVENT_EJECT, EVENT_NEW, EVENT_REMOVED };

static uint32_t medium_sectors(const struct cd_drive *cd)
{
	return cd_has_medium(cd) ? cd->info->length / CD_SECTOR : 0;
}

/* An address as the four bytes of a table of contents. */
static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
	uint32_t frames = lba + LEAD_IN;

	scsi_put32(p, lba);
	if (!msf)
		return;
	p[0] = 0;
	p[1] = frames / 75 / 60;
	p[2] = frames / 75 % 60;
	p[3] = frames % 75;
}

void cd_set_sense(struct cd_drive *cd, uint32_t sense)
{
	cd->sense_key = sense >> 16;
	cd->asc = sense >> 8;
	cd->ascq = sense;
}

uint32_t cd_no_medium(const struct cd_drive *cd)
{
	return cd->tray_open ? SENSE_NO_MEDIUM_OPEN : SENSE_NO_MEDIUM_CLOSED;
}

/* ---- ends of a command; each handler's last word ---- */

static enum cd_action fail(struct cd_drive *cd, uint32_t sense)
{
	cd_set_sense(cd, sense);
	return CD_FAILED;
}

static enum cd_action reply(struct cd_result *r, uint32_t len)
{
	r->len = len;
	return CD_ANSWERED;
}

static enum cd_action nothing(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
                              struct cd_result *r)
{
	return reply(r, 0);
}

/* ---- what it is ---- */

static enum cd_action request_sense(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
                                    struct cd_result *r)
{
	if (cd->changed && !cd->sense_key) {
		cd->changed = false;
		cd_set_sense(cd, SENSE_CHANGED);
	}
	scsi_put_sense(b, cd->sense_key << 16 | cd->asc << 8 | cd->ascq);
	return reply(r, SCSI_SENSE_LEN);
}

static enum cd_action read_capacity(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
                                    struct cd_result *r)
{
	scsi_put32(b, medium_sectors(cd) - 1);
	scsi_put32(b + 4, CD_SECTOR);
	return reply(r, 8);
}

static uint16_t profile(const struct cd_drive *cd)
{
	if (!cd_has_medium(cd))
		return 0;
	return medium_sectors(cd) > MAX_CD ? PROFILE_DVD : PROFILE_CD;
}

/* One feature of GET CONFIGURATION with a payload that is filled by the caller. */
static uint8_t *feature(uint8_t *at, uint16_t code, uint8_t flags, uint8_t len)
{
	memset(at, 0, 4 + len);
	scsi_put16(at, code);
	at[2] = flags;
	at[3] = len;
	return at + 4 + len;
}

static enum cd_action get_configuration(struct cd_drive *cd, const uint8_t *cdb,
                                        uint8_t *b, struct cd_result *r)
{
	enum { CURRENT = 1, PERSISTENT = 2, VERSION_1 = 4, ATAPI = 2, SCSI = 1 };
	static const uint16_t codes[] = { 0x0000, 0x0001, 0x0003, 0x0010, 0x001e };
	static const uint8_t lens[] = { 8, 8, 4, 8, 4 };
	uint16_t first = scsi_get16(cdb + 2), current = profile(cd);
	uint8_t how = cdb[1] & 3, *p = b + 8;

	if (how == 3)
		return fail(cd, SENSE_FIELD);
	memset(b, 0, 8);
	scsi_put16(b + 6, current);
	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		uint8_t *data = p + 4;
		bool on = codes[i] < 0x10 || current;

		if (how == 2 ? codes[i] != first : codes[i] < first || (how == 1 && !on))
			continue;
		p = feature(p, codes[i],
		            on | (codes[i] < 0x10 ? PERSISTENT : 0) |
		                    (codes[i] == 1 ? VERSION_1 : 0),
		            lens[i]);
		switch (codes[i]) {
		case 0x0000: /* profiles */
			scsi_put16(data, PROFILE_DVD);
			data[2] = current == PROFILE_DVD;
			scsi_put16(data + 4, PROFILE_CD);
			data[6] = current == PROFILE_CD;
			break;
		case 0x0001: /* core: how it is connected */
			scsi_put32(data,
			           strcmp(cd->dev->cls->bus, "SCSI") ? ATAPI : SCSI);
			break;
		case 0x0003: /* removable: a tray that locks and ejects */
			data[0] = 0x29;
			break;
		case 0x0010: /* random reads */
			scsi_put32(data, CD_SECTOR);
			scsi_put16(data + 4, 1);
			break;
		}
	}
	scsi_put32(b, p - b - 4);
	return reply(r, p - b);
}

/* ---- MODE SENSE ---- */

static const uint8_t page_recovery[8] = { 0x01, 6, 0, 5 };
static const uint8_t page_audio[16] = { 0x0e, 14, 4, 0, 0, 0, 0, 75, 1, 255, 2, 255 };
/* Reads CD-R, DVD-ROM; multi-session, mode 2; locks, ejects, has a tray; 706 kB/s. */
static const uint8_t page_capabilities[22] = { 0x2a, 20,   0x0b, 0x00, 0x70, 0x00,
	                                       0x29, 0x00, 0x02, 0xc2, 0x00, 0x02,
	                                       0x02, 0x00, 0x02, 0xc2 };

uint8_t *cd_mode_pages(const struct cd_drive *cd, uint8_t control, uint8_t page,
                       uint8_t *p)
{
	static const struct {
		const uint8_t *data;
		uint8_t len;
	} pages[] = {
		{ page_recovery, sizeof(page_recovery) },
		{ page_audio, sizeof(page_audio) },
		{ page_capabilities, sizeof(page_capabilities) },
	};
	enum { CHANGEABLE = 1, ALL = 0x3f };

	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		if (page != ALL && page != pages[i].data[0])
			continue;
		memcpy(p, pages[i].data, pages[i].len);
		if (control == CHANGEABLE)
			memset(p + 2, 0, pages[i].len - 2);
		else if (pages[i].data[0] == 0x2a && cd->tray_locked)
			p[6] |= 0x02;
		p += pages[i].len;
	}
	return p;
}

uint8_t cd_medium_type(const struct cd_drive *cd)
{
	return cd->tray_open ? 0x71 : cd_has_medium(cd) ? 0x01 : 0x70;
}

static enum cd_action mode_sense(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
                                 struct cd_result *r)
{
	enum { SAVED = 3 };
	uint8_t control = cdb[2] >> 6, *end;

	if (control == SAVED)
		return fail(cd, SENSE_SAVING);
	memset(b, 0, 8);
	b[2] = cd_medium_type(cd);
	end = cd_mode_pages(cd, control, cdb[2] & 0x3f, b + 8);
	if (end == b + 8)
		return fail(cd, SENSE_FIELD);
	scsi_put16(b, end - b - 2);
	return reply(r, end - b);
}

/* ---- table of contents ---- */

static uint8_t *toc_track(uint8_t *p, uint8_t control, uint8_t number, uint32_t lba,
                          bool msf)
{
	p[0] = 0;
	p[1] = control;
	p[2] = number;
	p[3] = 0;
	put_address(p + 4, lba, msf);
	return p + 8;
}

/* Format 2: an entry of the lead-in, always in minutes, seconds, frames. */
static uint8_t *toc_raw(uint8_t *p, uint8_t point, uint32_t lba, uint8_t minute)
{
	uint8_t address[4];

	put_address(address, lba, true);
	memset(p, 0, 11);
	p[0] = 1; /* session */
	p[1] = 0x14;
	p[3] = point;
	memcpy(p + 8, address + 1, 3);
	if (minute) {
		p[8] = minute;
		p[9] = p[10] = 0;
	}
	return p + 11;
}

static enum cd_action read_toc(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
                               struct cd_result *r)
{
	enum { DATA_TRACK = 0x14, LEAD_OUT = 0xaa };
	bool msf = cdb[1] & 2;
	/* Old drivers put the format into the control byte. */
	uint8_t format = cdb[2] & 0xf ? cdb[2] & 0xf : cdb[9] >> 6, first = cdb[6];
	uint8_t *p = b + 4;

	b[2] = b[3] = 1; /* first and last track, or session */
	if (format == 0 && (first <= 1 || first == LEAD_OUT)) {
		if (first <= 1)
			p = toc_track(p, DATA_TRACK, 1, 0, msf);
		p = toc_track(p, DATA_TRACK, LEAD_OUT, medium_sectors(cd), msf);
	} else if (format == 1) {
		p = toc_track(p, DATA_TRACK, 1, 0, msf);
	} else if (format == 2) {
		p = toc_raw(p, 0xa0, 0, 1);
		p = toc_raw(p, 0xa1, 0, 1);
		p = toc_raw(p, 0xa2, medium_sectors(cd), 0);
		p = toc_raw(p, 1, 0, 0);
	} else {
		return fail(cd, SENSE_FIELD);
	}
	scsi_put16(b, p - b - 2);
	return reply(r, p - b);
}

static enum cd_action read_disc_information(struct cd_drive *cd, const uint8_t *cdb,
                                            uint8_t *b, struct cd_result *r)
{
	memset(b, 0, 34);
	scsi_put16(b, 32);
	b[2] = 0x0e; /* finalized */
	b[3] = b[4] = b[5] = b[6] = 1;
	b[7] = 0x20; /* unrestricted use */
	return reply(r, 34);
}

/* ---- reading ---- */

static enum cd_action read_sectors(struct cd_drive *cd, uint32_t lba, uint32_t count,
                                   bool raw, struct cd_result *r)
{
	if (lba > medium_sectors(cd) || count > medium_sectors(cd) - lba)
		return fail(cd, SENSE_RANGE);
	if (!count)
		return reply(r, 0);
	if (count > UINT32_MAX / CD_RAW_SECTOR)
		return fail(cd, SENSE_FIELD);
	cd_set_sense(cd, SENSE_NONE);
	*r = (struct cd_result){ .lba = lba, .count = count, .raw = raw };
	return CD_WANTS_READ;
}

static enum cd_action read_10(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
                              struct cd_result *r)
{
	return read_sectors(cd, scsi_get32(cdb + 2), scsi_get16(cdb + 7), false, r);
}

static enum cd_action read_12(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
                              struct cd_result *r)
{
	return read_sectors(cd, scsi_get32(cdb + 2), scsi_get32(cdb + 6), false, r);
}

/* Byte 9 says which fields of a sector are wanted: the data, everything, or nothing. */
static enum cd_action read_cd(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
                              struct cd_result *r)
{
	enum { NOTHING = 0x00, DATA = 0x10, ALL = 0xf8 };
	uint32_t count = (uint32_t)cdb[6] << 16 | scsi_get16(cdb + 7);
	uint8_t fields = cdb[9] & 0xf8;

	if (fields == NOTHING)
		return reply(r, 0);
	if ((fields != DATA && fields != ALL) || cdb[10])
		return fail(cd, SENSE_FIELD);
	return read_sectors(cd, scsi_get32(cdb + 2), count, fields == ALL, r);
}

static uint8_t bcd(uint8_t v)
{
	return v / 10 << 4 | v % 10;
}

/* Sync pattern, header, data; the error correction codes, which no image has, are 0. */
void cd_expand(uint8_t *to, const uint8_t *from, uint32_t lba)
{
	uint8_t msf[4];

	memmove(to + RAW_DATA, from, CD_SECTOR);
	memset(to, 0xff, 12);
	to[0] = to[11] = 0;
	put_address(msf, lba, true);
	for (unsigned j = 0; j < 3; j++)
		to[12 + j] = bcd(msf[1 + j]);
	to[15] = 1; /* mode */
	memset(to + RAW_DATA + CD_SECTOR, 0, CD_RAW_SECTOR - RAW_DATA - CD_SECTOR);
}

/* ---- tray and medium ---- */

/* Both the guest and the host move it. */
static void move_tray(struct cd_drive *cd, bool open)
{
	char name[DEVICE_QOM_PATH];
	const struct vm_event_field fields[] = {
		{ "device", VM_EVENT_STR, .str = cd->info->id ? cd->info->id : "" },
		{ "id", VM_EVENT_STR, .str = name },
		{ "tray-open", VM_EVENT_BOOL, .num = open },
		{ .name = NULL },
	};

	if (open == cd->tray_open)
		return;
	/* What was put in while it was open is seen from now on. */
	if (!open && cd->node)
		block_get_info(cd->node, cd->info);
	cd->tray_open = open;
	cd->event = cd_has_medium(cd) ? EVENT_NEW : EVENT_REMOVED;
	cd->changed |= cd_has_medium(cd);
	device_show_name(cd->dev, name, sizeof(name));
	vm_emit(cd->dev->vm, "DEVICE_TRAY_MOVED", fields);
}

static bool tray_is_open(void *opaque)
{
	return ((const struct cd_drive *)opaque)->tray_open;
}

static bool tray_is_locked(void *opaque)
{
	return ((const struct cd_drive *)opaque)->tray_locked;
}

static void request_medium(void *opaque, bool force)
{
	struct cd_drive *cd = opaque;

	cd->event = EVENT_EJECT;
	if (force)
		cd->tray_locked = false;
}

static void host_moves_tray(void *opaque, bool open)
{
	move_tray(opaque, open);
}

const struct block_tray cd_tray = {
	.is_open = tray_is_open,
	.is_locked = tray_is_locked,
	.request = request_medium,
	.move = host_moves_tray,
};

static enum cd_action start_stop(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
                                 struct cd_result *r)
{
	enum { START = 1, LOAD_EJECT = 2 };
	bool open = !(cdb[4] & START);

	if (cdb[4] & LOAD_EJECT) {
		if (open && cd->tray_locked)
			return fail(cd, SENSE_LOCKED);
		move_tray(cd, open);
	}
	return reply(r, 0);
}

static enum cd_action prevent_removal(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
                                      struct cd_result *r)
{
	cd->tray_locked = cdb[4] & 1;
	return reply(r, 0);
}

static enum cd_action get_event_status(struct cd_drive *cd, const uint8_t *cdb,
                                       uint8_t *b, struct cd_result *r)
{
	enum { POLLED = 1, CLASS_MEDIA = 4, NONE_AVAILABLE = 0x80 };
	bool media = cdb[4] & 1 << CLASS_MEDIA;

	if (!(cdb[1] & POLLED))
		return fail(cd, SENSE_FIELD);
	memset(b, 0, 8);
	scsi_put16(b, media ? 6 : 2);
	b[2] = media ? CLASS_MEDIA : NONE_AVAILABLE;
	b[3] = 1 << CLASS_MEDIA;
	b[4] = cd->event;
	b[5] = (cd->tray_open ? 1 : 0) | (cd_has_medium(cd) ? 2 : 0);
	if (media && scsi_get16(cdb + 7) > 4)
		cd->event = EVENT_NONE;
	return reply(r, media ? 8 : 4);
}

static enum cd_action mechanism_status(struct cd_drive *cd, const uint8_t *cdb,
                                       uint8_t *b, struct cd_result *r)
{
	memset(b, 0, 8);
	b[1] = cd->tray_open ? 0x10 : 0;
	return reply(r, 8);
}

/* ---- commands ---- */

enum {
	MEDIUM = 0x80, /* needs one */
	QUIET = 0x40,  /* does not report a change */
	LONG = 0x20,   /* where the length of the answer is, are two bytes */
	PLACE = 0x0f,  /* where that is; 0: nowhere */
};

static const struct command {
	enum cd_action (*fn)(struct cd_drive *cd, const uint8_t *cdb, uint8_t *b,
	                     struct cd_result *r);
	uint8_t opcode, flags;
} commands[] = {
	{ read_10, SCSI_READ_10, MEDIUM },
	{ read_12, SCSI_READ_12, MEDIUM },
	{ nothing, SCSI_TEST_UNIT_READY, MEDIUM },
	{ request_sense, SCSI_REQUEST_SENSE, QUIET | 4 },
	{ start_stop, SCSI_START_STOP_UNIT, 0 },
	{ prevent_removal, SCSI_PREVENT_ALLOW, 0 },
	{ read_capacity, SCSI_READ_CAPACITY_10, MEDIUM },
	{ nothing, SCSI_SEEK_10, MEDIUM },
	{ nothing, SCSI_SYNCHRONIZE_CACHE_10, 0 },
	{ read_toc, SCSI_READ_TOC, MEDIUM | LONG | 7 },
	{ get_configuration, SCSI_GET_CONFIGURATION, QUIET | LONG | 7 },
	{ get_event_status, SCSI_GET_EVENT_STATUS, QUIET | LONG | 7 },
	{ read_disc_information, SCSI_READ_DISC_INFORMATION, MEDIUM | LONG | 7 },
	{ mode_sense, SCSI_MODE_SENSE_10, LONG | 7 },
	{ nothing, SCSI_SET_CD_SPEED, 0 },
	{ mechanism_status, SCSI_MECHANISM_STATUS, QUIET | LONG | 8 },
	{ read_cd, SCSI_READ_CD, MEDIUM },
};

enum cd_action cd_run(struct cd_drive *cd, const uint8_t *cdb, uint8_t *buf,
                      struct cd_result *result, uint32_t *allowed)
{
	const struct command *cmd = commands;
	uint8_t at;

	while (cmd < commands + ARRAY_SIZE(commands) && cmd->opcode != cdb[0])
		cmd++;
	*allowed = UINT32_MAX;
	if (cmd == commands + ARRAY_SIZE(commands))
		return fail(cd, SENSE_OPCODE);
	if (cd->changed && !(cmd->flags & QUIET)) {
		cd->changed = false;
		return fail(cd, SENSE_CHANGED);
	}
	if (cmd->flags & MEDIUM && !cd_has_medium(cd))
		return fail(cd, cd_no_medium(cd));
	at = cmd->flags & PLACE;
	if (at)
		*allowed = cmd->flags & LONG ? scsi_get16(cdb + at) : cdb[at];
	return cmd->fn(cd, cdb, buf, result);
}

/* ---- life ---- */

int cd_attach(struct cd_drive *cd, const char *drive, const char *name, struct err *err)
{
	struct device *dev = cd->dev;
	struct block_node *node;
	char user[DEVICE_QOM_PATH];
	int ret;

	if (drive) {
		node = block_want(dev->vm->blocks, drive, err);
		node = node ? block_make_removable(node, err) : NULL;
	} else {
		/* Its place among the drives of the machine, and gone with it. */
		node = block_new_drive(dev->vm->blocks, dev->id ? dev->id : name, err);
		if (node)
			block_set_auto_close(node);
	}
	if (!node)
		return -err->code;
	device_show_name(dev, user, sizeof(user));
	ret = block_attach_tray(node, user, &cd_tray, cd, err);
	if (ret < 0)
		return ret;
	cd->node = node;
	block_get_info(node, cd->info);
	return 0;
}
