// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The class "ide-cd": a CD-ROM drive with packet commands (ATA/ATAPI-6 chapter 9.8 and
 * INCITS 333, "MMC-3", for the packets). The medium is one track of 2048-byte sectors: an
 * ISO image or the host's own drive, of CD or DVD size.
 *
 * A packet is looked up in one table, which also says whether it needs a medium and
 * whether it may report that the medium was changed. Answers are built in the buffer and
 * cut to the length that the guest allows. Runs under the machine lock.
 */
#include "vmm/legacy/ide-core.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"

#include <errno.h>

enum {
	CD_SECTOR = 2048,
	RAW_SECTOR = 2352,
	RAW_DATA = 16,   /* sync pattern and header before the data */
	LEAD_IN = 150,   /* sectors before address 0 in minutes, seconds, frames */
	MAX_CD = 360000, /* sectors; a larger medium is a DVD */

	FEATURE_DMA = 0x01,
	FEATURE_OVERLAP = 0x02,

	PROFILE_CD = 0x0008,
	PROFILE_DVD = 0x0010,
};

enum sense {
	SENSE_NONE = 0x000000,
	SENSE_NO_MEDIUM = 0x023a01, /* key, code, qualifier */
	SENSE_TRAY_OPEN = 0x023a02,
	SENSE_READ_ERROR = 0x031100,
	SENSE_HARDWARE = 0x044400,
	SENSE_OPCODE = 0x052000,
	SENSE_RANGE = 0x052100,
	SENSE_FIELD = 0x052400,
	SENSE_SAVING = 0x053900,
	SENSE_LOCKED = 0x055302,
	SENSE_CHANGED = 0x062800,
};

enum media_event { EVENT_NONE, EVENT_EJECT, EVENT_NEW, EVENT_REMOVED };

static bool has_medium(const struct ide_drive *d)
{
	return d->info.length && !d->tray_open;
}

static uint32_t medium_sectors(const struct ide_drive *d)
{
	return has_medium(d) ? d->info.length / CD_SECTOR : 0;
}

static uint16_t be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
	st16(p, __builtin_bswap16(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	st32(p, __builtin_bswap32(v));
}

/* An address as the four bytes of a table of contents. */
static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
	uint32_t frames = lba + LEAD_IN;

	put32(p, lba);
	if (!msf)
		return;
	p[0] = 0;
	p[1] = frames / 75 / 60;
	p[2] = frames / 75 % 60;
	p[3] = frames % 75;
}

/* ---- ends of a command ---- */

static void set_sense(struct ide_drive *d, enum sense sense)
{
	d->sense_key = sense >> 16;
	d->asc = sense >> 8;
	d->ascq = sense;
}

static void good(struct ide_drive *d)
{
	set_sense(d, SENSE_NONE);
	d->regs[REG_COUNT][0] = REASON_COD | REASON_IO;
	ide_done(d, 0);
}

static void fail(struct ide_drive *d, enum sense sense)
{
	set_sense(d, sense);
	d->regs[REG_COUNT][0] = REASON_COD | REASON_IO;
	ide_done(d, d->sense_key << 4 | (d->sense_key == 5 ? ERROR_ABRT : 0));
}

/* Bytes of a DRQ block: the guest's limit, which is even unless all fits. */
static uint32_t byte_limit(const struct ide_drive *d, uint32_t len)
{
	uint32_t limit = d->regs[REG_LBA1][0] | d->regs[REG_LBA2][0] << 8;

	if (!limit || limit == 0xffff)
		limit = 0xfffe;
	return limit < len && limit > 1 ? limit & ~1u : limit;
}

static enum ide_phase data_phase(const struct ide_drive *d)
{
	return d->regs[REG_FEATURE][0] & FEATURE_DMA ? IDE_DMA_IN : IDE_PIO_IN;
}

/* Sends `len` bytes of the buffer, at most as many as the guest allows. */
static void reply(struct ide_drive *d, uint32_t len, uint32_t allowed)
{
	if (len > allowed)
		len = allowed;
	if (!len)
		good(d);
	else
		ide_start_buffer(d, data_phase(d), len, byte_limit(d, len));
}

static void atapi_finish(struct ide_drive *d, enum ide_phase phase, int ret)
{
	(void)phase;
	if (ret == -EFAULT)
		fail(d, SENSE_HARDWARE);
	else if (ret == -ENOMEDIUM)
		fail(d, d->tray_open ? SENSE_TRAY_OPEN : SENSE_NO_MEDIUM);
	else if (ret < 0)
		fail(d, SENSE_READ_ERROR);
	else
		good(d);
}

/* ---- what it is ---- */

static void inquiry(struct ide_drive *d, const uint8_t *cdb)
{
	uint8_t *b = d->buf;

	if (cdb[1] & 1 || cdb[2]) { /* vital product data: none */
		fail(d, SENSE_FIELD);
		return;
	}
	memset(b, ' ', 36);
	memcpy(b, "\x05\x80\x00\x21\x1f\x00\x00\x00", 8); /* CD-ROM, removable, ATAPI */
	memcpy(b + 8, "KVMKIT", 6);
	memcpy(b + 16, "virtual CD-ROM", 14);
	memcpy(b + 32, "1", 1);
	reply(d, 36, be16(cdb + 3));
}

static void request_sense(struct ide_drive *d, const uint8_t *cdb)
{
	uint8_t *b = d->buf;

	if (d->changed && !d->sense_key) {
		d->changed = false;
		set_sense(d, SENSE_CHANGED);
	}
	memset(b, 0, 18);
	b[0] = 0x70;
	b[2] = d->sense_key;
	b[7] = 10;
	b[12] = d->asc;
	b[13] = d->ascq;
	reply(d, 18, cdb[4]);
}

static void test_unit_ready(struct ide_drive *d, const uint8_t *cdb)
{
	(void)cdb;
	good(d);
}

static void read_capacity(struct ide_drive *d, const uint8_t *cdb)
{
	(void)cdb;
	put32(d->buf, medium_sectors(d) - 1);
	put32(d->buf + 4, CD_SECTOR);
	reply(d, 8, 8);
}

static uint16_t profile(const struct ide_drive *d)
{
	if (!has_medium(d))
		return 0;
	return medium_sectors(d) > MAX_CD ? PROFILE_DVD : PROFILE_CD;
}

/* One feature of GET CONFIGURATION with a payload that is filled by the caller. */
static uint8_t *feature(uint8_t *at, uint16_t code, uint8_t flags, uint8_t len)
{
	memset(at, 0, 4 + len);
	put16(at, code);
	at[2] = flags;
	at[3] = len;
	return at + 4 + len;
}

static void get_configuration(struct ide_drive *d, const uint8_t *cdb)
{
	enum { CURRENT = 1, PERSISTENT = 2, VERSION_1 = 4, ATAPI = 2 };
	static const uint16_t codes[] = { 0x0000, 0x0001, 0x0003, 0x0010, 0x001e };
	static const uint8_t lens[] = { 8, 8, 4, 8, 4 };
	uint16_t first = be16(cdb + 2), current = profile(d);
	uint8_t how = cdb[1] & 3, *b = d->buf, *p = b + 8;

	if (how == 3) {
		fail(d, SENSE_FIELD);
		return;
	}
	memset(b, 0, 8);
	put16(b + 6, current);
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
			put16(data, PROFILE_DVD);
			data[2] = current == PROFILE_DVD;
			put16(data + 4, PROFILE_CD);
			data[6] = current == PROFILE_CD;
			break;
		case 0x0001: /* core */
			put32(data, ATAPI);
			break;
		case 0x0003: /* removable: a tray that locks and ejects */
			data[0] = 0x29;
			break;
		case 0x0010: /* random reads */
			put32(data, CD_SECTOR);
			put16(data + 4, 1);
			break;
		}
	}
	put32(b, p - b - 4);
	reply(d, p - b, be16(cdb + 7));
}

/* ---- MODE SENSE ---- */

static const uint8_t page_recovery[8] = { 0x01, 6, 0, 5 };
static const uint8_t page_audio[16] = { 0x0e, 14, 4, 0, 0, 0, 0, 75, 1, 255, 2, 255 };
/* Reads CD-R, DVD-ROM; multi-session, mode 2; locks, ejects, has a tray; 706 kB/s. */
static const uint8_t page_capabilities[22] = { 0x2a, 20,   0x0b, 0x00, 0x70, 0x00,
	                                       0x29, 0x00, 0x02, 0xc2, 0x00, 0x02,
	                                       0x02, 0x00, 0x02, 0xc2 };

static void mode_sense(struct ide_drive *d, const uint8_t *cdb)
{
	static const struct {
		const uint8_t *data;
		uint8_t len;
	} pages[] = {
		{ page_recovery, sizeof(page_recovery) },
		{ page_audio, sizeof(page_audio) },
		{ page_capabilities, sizeof(page_capabilities) },
	};
	enum { CHANGEABLE = 1, SAVED = 3, ALL = 0x3f };
	uint8_t control = cdb[2] >> 6, wanted = cdb[2] & 0x3f, *b = d->buf, *p = b + 8;

	if (control == SAVED) {
		fail(d, SENSE_SAVING);
		return;
	}
	memset(b, 0, 8);
	b[2] = d->tray_open ? 0x71 : has_medium(d) ? 0x01 : 0x70; /* medium type */
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		if (wanted != ALL && wanted != pages[i].data[0])
			continue;
		memcpy(p, pages[i].data, pages[i].len);
		if (control == CHANGEABLE)
			memset(p + 2, 0, pages[i].len - 2);
		else if (pages[i].data[0] == 0x2a && d->tray_locked)
			p[6] |= 0x02;
		p += pages[i].len;
	}
	if (p == b + 8) {
		fail(d, SENSE_FIELD);
		return;
	}
	put16(b, p - b - 2);
	reply(d, p - b, be16(cdb + 7));
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

static void read_toc(struct ide_drive *d, const uint8_t *cdb)
{
	enum { DATA_TRACK = 0x14, LEAD_OUT = 0xaa };
	bool msf = cdb[1] & 2;
	/* Old drivers put the format into the control byte. */
	uint8_t format = cdb[2] & 0xf ? cdb[2] & 0xf : cdb[9] >> 6, first = cdb[6];
	uint8_t *b = d->buf, *p = b + 4;

	b[2] = b[3] = 1; /* first and last track, or session */
	if (format == 0 && (first <= 1 || first == LEAD_OUT)) {
		if (first <= 1)
			p = toc_track(p, DATA_TRACK, 1, 0, msf);
		p = toc_track(p, DATA_TRACK, LEAD_OUT, medium_sectors(d), msf);
	} else if (format == 1) {
		p = toc_track(p, DATA_TRACK, 1, 0, msf);
	} else if (format == 2) {
		p = toc_raw(p, 0xa0, 0, 1);
		p = toc_raw(p, 0xa1, 0, 1);
		p = toc_raw(p, 0xa2, medium_sectors(d), 0);
		p = toc_raw(p, 1, 0, 0);
	} else {
		fail(d, SENSE_FIELD);
		return;
	}
	put16(b, p - b - 2);
	reply(d, p - b, be16(cdb + 7));
}

static void read_disc_information(struct ide_drive *d, const uint8_t *cdb)
{
	uint8_t *b = d->buf;

	memset(b, 0, 34);
	put16(b, 32);
	b[2] = 0x0e; /* finalized */
	b[3] = b[4] = b[5] = b[6] = 1;
	b[7] = 0x20; /* unrestricted use */
	reply(d, 34, be16(cdb + 7));
}

/* ---- reading ---- */

static void start_read(struct ide_drive *d, uint32_t lba, uint32_t count, bool raw)
{
	uint32_t len = raw ? RAW_SECTOR : CD_SECTOR;

	if (lba > medium_sectors(d) || count > medium_sectors(d) - lba) {
		fail(d, SENSE_RANGE);
	} else if (!count) {
		good(d);
	} else if (count > UINT32_MAX / RAW_SECTOR) {
		fail(d, SENSE_FIELD);
	} else {
		set_sense(d, SENSE_NONE);
		d->raw = raw;
		ide_start_media(d, data_phase(d), (uint64_t)lba * CD_SECTOR,
		                count * CD_SECTOR, byte_limit(d, count * len));
	}
}

static void read_10(struct ide_drive *d, const uint8_t *cdb)
{
	start_read(d, be32(cdb + 2), be16(cdb + 7), false);
}

static void read_12(struct ide_drive *d, const uint8_t *cdb)
{
	start_read(d, be32(cdb + 2), be32(cdb + 6), false);
}

/* Byte 9 says which fields of a sector are wanted: the data, everything, or nothing. */
static void read_cd(struct ide_drive *d, const uint8_t *cdb)
{
	enum { NOTHING = 0x00, DATA = 0x10, ALL = 0xf8 };
	uint32_t count = (uint32_t)cdb[6] << 16 | be16(cdb + 7);
	uint8_t fields = cdb[9] & 0xf8;

	if (fields == NOTHING)
		good(d);
	else if ((fields != DATA && fields != ALL) || cdb[10])
		fail(d, SENSE_FIELD);
	else
		start_read(d, be32(cdb + 2), count, fields == ALL);
}

static uint8_t bcd(uint8_t v)
{
	return v / 10 << 4 | v % 10;
}

/* Sync pattern, header, data; the error correction codes, which no image has, are 0. */
static uint32_t expand(struct ide_drive *d, uint32_t len)
{
	uint32_t count = len / CD_SECTOR, lba = d->pos / CD_SECTOR - count;
	const uint8_t *from = d->buf + IDE_BUF - len;
	uint8_t *p = d->buf, msf[4];

	for (uint32_t i = 0; i < count; i++, p += RAW_SECTOR, from += CD_SECTOR) {
		memmove(p + RAW_DATA, from, CD_SECTOR);
		memset(p, 0xff, 12);
		p[0] = p[11] = 0;
		put_address(msf, lba + i, true);
		for (unsigned j = 0; j < 3; j++)
			p[12 + j] = bcd(msf[1 + j]);
		p[15] = 1; /* mode */
		memset(p + RAW_DATA + CD_SECTOR, 0, RAW_SECTOR - RAW_DATA - CD_SECTOR);
	}
	return count * RAW_SECTOR;
}

/* ---- tray and medium ---- */

/* Both the guest and the host move it. */
static void move_tray(struct ide_drive *d, bool open)
{
	char name[DEVICE_QOM_PATH];
	const struct vm_event_field fields[] = {
		{ "device", VM_EVENT_STR, .str = d->info.id ? d->info.id : "" },
		{ "id", VM_EVENT_STR, .str = name },
		{ "tray-open", VM_EVENT_BOOL, .num = open },
		{ .name = NULL },
	};

	if (open == d->tray_open)
		return;
	/* What was put in while it was open is seen from now on. */
	if (!open && d->node)
		block_get_info(d->node, &d->info);
	d->tray_open = open;
	d->event = has_medium(d) ? EVENT_NEW : EVENT_REMOVED;
	d->changed |= has_medium(d);
	device_show_name(&d->dev, name, sizeof(name));
	vm_emit(d->dev.vm, "DEVICE_TRAY_MOVED", fields);
}

static bool tray_is_open(void *opaque)
{
	return ((const struct ide_drive *)opaque)->tray_open;
}

static bool tray_is_locked(void *opaque)
{
	return ((const struct ide_drive *)opaque)->tray_locked;
}

static void request_medium(void *opaque, bool force)
{
	struct ide_drive *d = opaque;

	d->event = EVENT_EJECT;
	if (force)
		d->tray_locked = false;
}

static void host_moves_tray(void *opaque, bool open)
{
	move_tray(opaque, open);
}

static const struct block_tray cd_tray = {
	.is_open = tray_is_open,
	.is_locked = tray_is_locked,
	.request = request_medium,
	.move = host_moves_tray,
};

static void start_stop(struct ide_drive *d, const uint8_t *cdb)
{
	enum { START = 1, LOAD_EJECT = 2 };
	bool open = !(cdb[4] & START);

	if (cdb[4] & LOAD_EJECT) {
		if (open && d->tray_locked) {
			fail(d, SENSE_LOCKED);
			return;
		}
		move_tray(d, open);
	}
	good(d);
}

static void prevent_removal(struct ide_drive *d, const uint8_t *cdb)
{
	d->tray_locked = cdb[4] & 1;
	good(d);
}

static void get_event_status(struct ide_drive *d, const uint8_t *cdb)
{
	enum { POLLED = 1, CLASS_MEDIA = 4, NONE_AVAILABLE = 0x80 };
	uint8_t *b = d->buf;
	bool media = cdb[4] & 1 << CLASS_MEDIA;

	if (!(cdb[1] & POLLED)) {
		fail(d, SENSE_FIELD);
		return;
	}
	memset(b, 0, 8);
	put16(b, media ? 6 : 2);
	b[2] = media ? CLASS_MEDIA : NONE_AVAILABLE;
	b[3] = 1 << CLASS_MEDIA;
	b[4] = d->event;
	b[5] = (d->tray_open ? 1 : 0) | (has_medium(d) ? 2 : 0);
	if (media && be16(cdb + 7) > 4)
		d->event = EVENT_NONE;
	reply(d, media ? 8 : 4, be16(cdb + 7));
}

static void mechanism_status(struct ide_drive *d, const uint8_t *cdb)
{
	memset(d->buf, 0, 8);
	d->buf[1] = d->tray_open ? 0x10 : 0;
	reply(d, 8, be16(cdb + 8));
}

static void nothing(struct ide_drive *d, const uint8_t *cdb)
{
	(void)cdb;
	good(d);
}

/* ---- packets ---- */

enum { MEDIUM = 1, QUIET = 2 /* does not report a change */ };

static const struct {
	void (*fn)(struct ide_drive *d, const uint8_t *cdb);
	uint8_t flags;
} packets[256] = {
	[0x00] = { test_unit_ready, MEDIUM },
	[0x03] = { request_sense, QUIET },
	[0x12] = { inquiry, QUIET },
	[0x1b] = { start_stop, 0 },
	[0x1e] = { prevent_removal, 0 },
	[0x25] = { read_capacity, MEDIUM },
	[0x28] = { read_10, MEDIUM },
	[0x2b] = { nothing, MEDIUM }, /* SEEK */
	[0x35] = { nothing, 0 },      /* SYNCHRONIZE CACHE */
	[0x43] = { read_toc, MEDIUM },
	[0x46] = { get_configuration, QUIET },
	[0x4a] = { get_event_status, QUIET },
	[0x51] = { read_disc_information, MEDIUM },
	[0x5a] = { mode_sense, 0 },
	[0xa8] = { read_12, MEDIUM },
	[0xbb] = { nothing, 0 }, /* SET CD SPEED */
	[0xbd] = { mechanism_status, QUIET },
	[0xbe] = { read_cd, MEDIUM },
};

static void run_packet(struct ide_drive *d)
{
	uint8_t cdb[IDE_PACKET], flags;

	memcpy(cdb, d->buf, sizeof(cdb));
	flags = packets[cdb[0]].flags;
	if (!packets[cdb[0]].fn) {
		fail(d, SENSE_OPCODE);
	} else if (d->changed && !(flags & QUIET)) {
		d->changed = false;
		fail(d, SENSE_CHANGED);
	} else if (flags & MEDIUM && !has_medium(d)) {
		fail(d, d->tray_open ? SENSE_TRAY_OPEN : SENSE_NO_MEDIUM);
	} else {
		packets[cdb[0]].fn(d, cdb);
	}
}

/* ---- the few ATA commands ---- */

static void identify_packet(struct ide_drive *d)
{
	enum { MODE_MULTIWORD = 0x20, MODE_ULTRA = 0x40 };
	uint8_t *b = d->buf, kind = d->mode & 0xf8, n = d->mode & 7;

	memset(b, 0, IDE_SECTOR);
	st16(b, 0x85c0); /* ATAPI, CD-ROM, removable, 12-byte packets, answers at once */
	ide_put_string(b + 20, 10, d->serial ? d->serial : "");
	ide_put_string(b + 46, 4, d->version);
	ide_put_string(b + 54, 20, d->model);
	st16(b + 2 * 49, 0x0f00); /* DMA, LBA, IORDY */
	st16(b + 2 * 53, 0x0006);
	st16(b + 2 * 63, 0x0007 | (kind == MODE_MULTIWORD ? 0x100 << n : 0));
	st16(b + 2 * 64, 0x0003);
	for (unsigned word = 65; word <= 68; word++)
		st16(b + 2 * word, 120);
	st16(b + 2 * 80, 0x0070);
	st16(b + 2 * 82, 0x4210); /* NOP, DEVICE RESET, PACKET */
	st16(b + 2 * 83, 0x4000);
	st16(b + 2 * 84, 0x4000);
	st16(b + 2 * 85, 0x4210);
	st16(b + 2 * 87, 0x4000);
	st16(b + 2 * 88, 0x003f | (kind == MODE_ULTRA ? 0x100 << n : 0));
	ide_start_buffer(d, IDE_PIO_IN, IDE_SECTOR, IDE_SECTOR);
}

static void atapi_command(struct ide_drive *d, uint8_t command)
{
	uint8_t mode = d->regs[REG_COUNT][0];

	switch (command) {
	case 0x08: /* DEVICE RESET */
		ide_set_signature(d);
		return;
	case 0x90: /* EXECUTE DEVICE DIAGNOSTIC */
		ide_set_signature(d);
		ide_raise(d);
		return;
	case 0xa0: /* PACKET */
		if (d->regs[REG_FEATURE][0] & FEATURE_OVERLAP)
			break;
		d->regs[REG_COUNT][0] = REASON_COD;
		ide_start_collect(d, IDE_PACKET_IN, IDE_PACKET);
		return;
	case 0xa1: /* IDENTIFY PACKET DEVICE */
		identify_packet(d);
		return;
	case 0xef: /* SET FEATURES: transfer mode */
		if (d->regs[REG_FEATURE][0] != 0x03)
			break;
		if (mode >= 0x20)
			d->mode = mode;
		ide_done(d, 0);
		return;
	case 0xe0 ... 0xe3: /* STANDBY, IDLE */
	case 0xe6:
	case 0xe7: /* FLUSH CACHE */
		ide_done(d, 0);
		return;
	case 0xe5: /* CHECK POWER MODE */
		d->regs[REG_COUNT][0] = 0xff;
		ide_done(d, 0);
		return;
	case 0x20: /* READ SECTORS, IDENTIFY DEVICE: tell that this is no disk */
	case 0xec:
		ide_set_signature(d);
		break;
	}
	ide_done(d, ERROR_ABRT);
}

static const struct ide_ops atapi_ops = {
	.command = atapi_command,
	.packet = run_packet,
	.finish = atapi_finish,
	.expand = expand,
	.signature = 0xeb14,
	.reset_status = 0,
};

/* ---- the class ---- */

/* Its place among the drives of the machine, which stays when the medium goes. */
static struct block_node *own_drive(struct ide_drive *d, struct err *err)
{
	struct block_node *node;
	char id[16];

	if (!d->drive) {
		snprintf(id, sizeof(id), "ide%u-cd%u", d->channel->index, d->unit);
		return block_new_drive(d->dev.vm->blocks, d->dev.id ? d->dev.id : id,
		                       err);
	}
	node = ide_drive_find(d, err);
	return node ? block_make_removable(node, err) : NULL;
}

static int cd_realize(struct device *dev, struct err *err)
{
	struct ide_drive *d = (struct ide_drive *)dev;
	struct block_node *node;
	char name[DEVICE_QOM_PATH];
	int ret = ide_drive_realize(d, &atapi_ops, err);

	if (ret < 0)
		return ret;
	node = own_drive(d, err);
	if (!node)
		return -err->code;
	device_show_name(dev, name, sizeof(name));
	ret = block_attach_tray(node, name, &cd_tray, d, err);
	if (ret < 0)
		return ret;
	d->node = node;
	block_get_info(node, &d->info);
	return 0;
}

static const struct state_desc cd_state = {
	.name = "ide-cd",
	.version = 1,
	.fields = ide_drive_fields,
	.validate = ide_drive_validate,
	.post_load = ide_drive_post_load,
};

static const struct opt_desc cd_props[] = {
	IDE_DRIVE_PROPS("KVMKIT DVD-ROM"),
	{ .name = NULL },
};

const struct device_class ide_cd_class = {
	.name = "ide-cd",
	.bus = "IDE",
	.help = "IDE CD-ROM drive, empty without a -drive",
	.size = sizeof(struct ide_drive),
	.props = cd_props,
	.state = &cd_state,
	.realize = cd_realize,
	.reset = ide_drive_reset,
	.quiesce = ide_drive_quiesce,
	.unrealize = ide_drive_unrealize,
};
