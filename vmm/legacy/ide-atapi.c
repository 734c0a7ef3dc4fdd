// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The class "ide-cd": a CD-ROM drive with packet commands (ATA/ATAPI-6 chapter 9.8). What
 * the packets mean is in vmm/scsi/cd.c; here is how they, their answers and their data
 * travel: answers are cut to the length that the guest allows. Runs under the machine
 * lock.
 */
#include "vmm/legacy/ide-core.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"

#include <errno.h>

enum {
	FEATURE_DMA = 0x01,
	FEATURE_OVERLAP = 0x02,
};

/* ---- ends of a command ---- */

static void good(struct ide_drive *d)
{
	cd_set_sense(&d->cd, SENSE_NONE);
	d->regs[REG_COUNT][0] = REASON_COD | REASON_IO;
	ide_done(d, 0);
}

/* The sense data says why. */
static void failed(struct ide_drive *d)
{
	uint8_t key = d->cd.sense_key;

	d->regs[REG_COUNT][0] = REASON_COD | REASON_IO;
	ide_done(d, key << 4 | (key == 5 ? ERROR_ABRT : 0));
}

static void fail(struct ide_drive *d, uint32_t sense)
{
	cd_set_sense(&d->cd, sense);
	failed(d);
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
		fail(d, cd_no_medium(&d->cd));
	else if (ret < 0)
		fail(d, SENSE_READ_ERROR);
	else
		good(d);
}

/* ---- packets ---- */

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
	reply(d, 36, scsi_get16(cdb + 3));
}

static uint32_t expand(struct ide_drive *d, uint32_t len)
{
	uint32_t count = len / CD_SECTOR, lba = d->pos / CD_SECTOR - count;
	const uint8_t *from = d->buf + IDE_BUF - len;

	for (uint32_t i = 0; i < count; i++)
		cd_expand(d->buf + i * CD_RAW_SECTOR, from + i * CD_SECTOR, lba + i);
	return count * CD_RAW_SECTOR;
}

static void start_read(struct ide_drive *d, const struct cd_result *r)
{
	uint32_t len = r->raw ? CD_RAW_SECTOR : CD_SECTOR;

	d->raw = r->raw;
	ide_start_media(d, data_phase(d), (uint64_t)r->lba * CD_SECTOR,
	                r->count * CD_SECTOR, byte_limit(d, r->count * len));
}

static void run_packet(struct ide_drive *d)
{
	uint8_t cdb[IDE_PACKET];
	struct cd_result result;
	uint32_t allowed;

	memcpy(cdb, d->buf, sizeof(cdb));
	if (cdb[0] == SCSI_INQUIRY) {
		inquiry(d, cdb);
		return;
	}
	switch (cd_run(&d->cd, cdb, d->buf, &result, &allowed)) {
	case CD_ANSWERED:
		reply(d, result.len, allowed);
		break;
	case CD_WANTS_READ:
		start_read(d, &result);
		break;
	case CD_FAILED:
		failed(d);
		break;
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

static int cd_realize(struct device *dev, struct err *err)
{
	struct ide_drive *d = (struct ide_drive *)dev;
	char id[16];
	int ret = ide_drive_realize(d, &atapi_ops, err);

	if (ret < 0)
		return ret;
	d->cd.dev = dev;
	d->cd.info = &d->info;
	snprintf(id, sizeof(id), "ide%u-cd%u", d->channel->index, d->unit);
	ret = cd_attach(&d->cd, d->drive, id, err);
	d->node = d->cd.node;
	return ret;
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
