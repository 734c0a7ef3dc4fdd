// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The class "ide-hd": a disk that speaks ATA (ATA/ATAPI-6, T13/1410D; word and command
 * numbers below are its chapter 8).
 *
 * One table says for each opcode what it does and how its address is read. Addresses and
 * counts are compared with the disk before anything starts. Runs under the machine lock.
 */
#include "vmm/legacy/ide-core.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"

#include <errno.h>

enum {
	/* how a command of the table works */
	EXT = 1 << 0, /* 48-bit address */
	DMA = 1 << 1,
	WRITE = 1 << 2,
	MULTI = 1 << 3, /* blocks of several sectors */
	FUA = 1 << 4,   /* on stable storage when it completes */

	MAX_CYLINDERS = 16383,
	DEFAULT_HEADS = 16,
	DEFAULT_SECTORS = 63,
	MAX_LBA28 = 0xfffffff,
};

static uint64_t total_sectors(const struct ide_drive *d)
{
	return d->info.length / IDE_SECTOR;
}

/* ---- addresses ---- */

static uint8_t reg(const struct ide_drive *d, unsigned r)
{
	return d->regs[r][0];
}

/* The address in the registers; false when it is none. */
static bool get_lba(const struct ide_drive *d, unsigned flags, uint64_t *lba)
{
	uint32_t low = reg(d, REG_LBA0) | reg(d, REG_LBA1) << 8 | reg(d, REG_LBA2) << 16;

	if (flags & EXT) {
		uint64_t high = d->regs[REG_LBA0][1] | d->regs[REG_LBA1][1] << 8 |
		                d->regs[REG_LBA2][1] << 16;

		*lba = high << 24 | low;
	} else if (d->device & DEVICE_LBA) {
		*lba = (d->device & 0xfu) << 24 | low;
	} else {
		*lba = ((uint64_t)(low >> 8) * d->heads + (d->device & 0xf)) *
		               d->sectors +
		       reg(d, REG_LBA0) - 1;
		return reg(d, REG_LBA0) && reg(d, REG_LBA0) <= d->sectors &&
		       (d->device & 0xf) < d->heads;
	}
	return true;
}

static uint32_t get_count(const struct ide_drive *d, unsigned flags)
{
	uint32_t count = reg(d, REG_COUNT);

	if (flags & EXT)
		count |= d->regs[REG_COUNT][1] << 8;
	return count ? count : flags & EXT ? 0x10000 : 0x100;
}

static void set_lba(struct ide_drive *d, uint64_t lba, bool ext)
{
	for (unsigned i = 0; i < 3; i++) {
		d->regs[REG_LBA0 + i][0] = lba >> (8 * i);
		if (ext)
			d->regs[REG_LBA0 + i][1] = lba >> (24 + 8 * i);
	}
	if (!ext)
		d->device = (d->device & 0xf0) | (lba >> 24 & 0xf);
}

/* Reads address and count; ends the command when they are not on the disk. */
static bool get_range(struct ide_drive *d, unsigned flags, uint64_t *lba, uint32_t *count)
{
	*count = get_count(d, flags);
	if (get_lba(d, flags, lba) && *lba < total_sectors(d) &&
	    *count <= total_sectors(d) - *lba)
		return true;
	ide_done(d, ERROR_IDNF);
	return false;
}

/* ---- data ---- */

static void cmd_transfer(struct ide_drive *d, unsigned flags)
{
	enum ide_phase phase = flags & DMA ? (flags & WRITE ? IDE_DMA_OUT : IDE_DMA_IN)
	                                   : (flags & WRITE ? IDE_PIO_OUT : IDE_PIO_IN);
	uint32_t count, block = flags & MULTI ? d->multiple : 1;
	uint64_t lba;

	if (!block || (flags & WRITE && d->info.readonly))
		ide_done(d, ERROR_ABRT);
	else if (get_range(d, flags, &lba, &count))
		ide_start_media(d, phase, lba * IDE_SECTOR, count * IDE_SECTOR,
		                block * IDE_SECTOR);
}

static void cmd_verify(struct ide_drive *d, unsigned flags)
{
	uint32_t count;
	uint64_t lba;

	if (get_range(d, flags, &lba, &count))
		ide_done(d, 0);
}

static void cmd_flush(struct ide_drive *d, unsigned flags)
{
	(void)flags;
	ide_flush(d);
}

/* ---- IDENTIFY DEVICE ---- */

static uint16_t cylinders(const struct ide_drive *d)
{
	uint64_t n = total_sectors(d) / (DEFAULT_HEADS * DEFAULT_SECTORS);

	return n > MAX_CYLINDERS ? MAX_CYLINDERS : n ? n : 1;
}

static void put(struct ide_drive *d, unsigned word, uint16_t value)
{
	st16(d->buf + 2 * word, value);
}

/* Words 82 to 87: what is there, and what is on. */
static void identify_features(struct ide_drive *d)
{
	enum { SMART = 1 << 0, CACHE = 1 << 5, NOP = 1 << 14 };
	enum { LBA48 = 1 << 10, FLUSH = 1 << 12, FLUSH_EXT = 1 << 13, VALID = 1 << 14 };
	enum { FUA_EXT = 1 << 6 };

	put(d, 82, SMART | CACHE | NOP);
	put(d, 83, LBA48 | FLUSH | FLUSH_EXT | VALID);
	put(d, 84, FUA_EXT | VALID);
	put(d, 85, (d->smart ? SMART : 0) | (d->write_cache ? CACHE : 0) | NOP);
	put(d, 86, LBA48 | FLUSH | FLUSH_EXT);
	put(d, 87, FUA_EXT | VALID);
}

static void cmd_identify(struct ide_drive *d, unsigned flags)
{
	enum { MODE_MULTIWORD = 0x20, MODE_ULTRA = 0x40 };
	uint64_t total = total_sectors(d);
	uint32_t chs = cylinders(d) * DEFAULT_HEADS * DEFAULT_SECTORS;
	uint8_t kind = d->mode & 0xf8, n = d->mode & 7;

	(void)flags;
	memset(d->buf, 0, IDE_SECTOR);
	put(d, 0, 0x0040); /* fixed */
	put(d, 1, cylinders(d));
	put(d, 3, DEFAULT_HEADS);
	put(d, 6, DEFAULT_SECTORS);
	ide_put_string(d->buf + 20, 10, d->serial ? d->serial : "");
	ide_put_string(d->buf + 46, 4, d->version);
	ide_put_string(d->buf + 54, 20, d->model);
	put(d, 47, 0x8000 | IDE_MAX_MULTIPLE);
	put(d, 49, 0x0f00); /* DMA, LBA, IORDY that may be disabled */
	put(d, 50, 0x4000);
	put(d, 53, 0x0007); /* words 54 to 58, 64 to 70 and 88 are valid */
	put(d, 54, cylinders(d));
	put(d, 55, d->heads);
	put(d, 56, d->sectors);
	st32(d->buf + 2 * 57, chs);
	put(d, 59, d->multiple ? 0x100 | d->multiple : 0);
	st32(d->buf + 2 * 60, total > MAX_LBA28 ? MAX_LBA28 : total);
	put(d, 63, 0x0007 | (kind == MODE_MULTIWORD ? 0x100 << n : 0));
	put(d, 64, 0x0003); /* PIO modes 3 and 4 */
	for (unsigned word = 65; word <= 68; word++)
		put(d, word, 120); /* ns of a cycle */
	put(d, 80, 0x0070);        /* ATA/ATAPI-4 to 6 */
	identify_features(d);
	put(d, 88, 0x003f | (kind == MODE_ULTRA ? 0x100 << n : 0));
	put(d, 93, d->unit ? 0x4b00 : 0x600b); /* how the reset found the unit */
	st64(d->buf + 2 * 100, total);
	put(d, 217, 1); /* does not rotate */
	ide_start_buffer(d, IDE_PIO_IN, IDE_SECTOR, IDE_SECTOR);
}

/* ---- settings ---- */

static void cmd_set_features(struct ide_drive *d, unsigned flags)
{
	uint8_t mode = reg(d, REG_COUNT);

	(void)flags;
	switch (reg(d, REG_FEATURE)) {
	case 0x02:
	case 0x82:
		d->write_cache = reg(d, REG_FEATURE) == 0x02;
		block_set_write_cache(d->node, d->write_cache);
		if (d->write_cache)
			ide_done(d, 0);
		else
			ide_flush(d);
		return;
	case 0x03: /* PIO, PIO with flow control, multiword DMA, ultra DMA */
		if (mode > 0x0c && (mode & ~7) != 0x20 && (mode & ~7) != 0x40)
			break;
		if (mode >= 0x20)
			d->mode = mode;
		ide_done(d, 0);
		return;
	case 0x55: /* read look-ahead, off and on */
	case 0xaa:
	case 0x66: /* keep settings over a soft reset, or not */
	case 0xcc:
		ide_done(d, 0);
		return;
	}
	ide_done(d, ERROR_ABRT);
}

static void cmd_set_multiple(struct ide_drive *d, unsigned flags)
{
	uint8_t n = reg(d, REG_COUNT);

	(void)flags;
	if (n > IDE_MAX_MULTIPLE || (n && !is_power_of_2(n))) {
		ide_done(d, ERROR_ABRT);
		return;
	}
	d->multiple = n;
	ide_done(d, 0);
}

static void cmd_set_geometry(struct ide_drive *d, unsigned flags)
{
	(void)flags;
	if (!reg(d, REG_COUNT)) {
		ide_done(d, ERROR_ABRT);
		return;
	}
	d->heads = (d->device & 0xf) + 1;
	d->sectors = reg(d, REG_COUNT);
	ide_done(d, 0);
}

static void cmd_native_max(struct ide_drive *d, unsigned flags)
{
	uint64_t last = total_sectors(d) - 1;

	if (!(flags & EXT) && last > MAX_LBA28)
		last = MAX_LBA28;
	set_lba(d, last, flags & EXT);
	ide_done(d, 0);
}

static void cmd_power_mode(struct ide_drive *d, unsigned flags)
{
	(void)flags;
	d->regs[REG_COUNT][0] = 0xff; /* active or idle */
	ide_done(d, 0);
}

/* The signature of reset, and no error: for EXECUTE DEVICE DIAGNOSTIC, of both drives. */
static void cmd_diagnostic(struct ide_drive *d, unsigned flags)
{
	struct ide_channel *ch = d->channel;

	(void)flags;
	for (unsigned i = 0; i < IDE_UNITS; i++) {
		if (!ch->drives[i] || ch->drives[i]->in_flight)
			continue;
		ch->drives[i]->device = 0;
		ide_set_signature(ch->drives[i]);
	}
	ch->slave = false;
	ide_raise(d);
}

static void cmd_nothing(struct ide_drive *d, unsigned flags)
{
	(void)flags;
	ide_done(d, 0);
}

/* ---- SMART: enabled, disabled, and in good health ---- */

static void smart_data(struct ide_drive *d)
{
	uint8_t sum = 0;

	memset(d->buf, 0, IDE_SECTOR);
	d->buf[0] = 1; /* revision; no attributes follow */
	for (unsigned i = 0; i < IDE_SECTOR - 1; i++)
		sum += d->buf[i];
	d->buf[IDE_SECTOR - 1] = -sum;
	ide_start_buffer(d, IDE_PIO_IN, IDE_SECTOR, IDE_SECTOR);
}

static void cmd_smart(struct ide_drive *d, unsigned flags)
{
	uint8_t what = reg(d, REG_FEATURE);

	(void)flags;
	if (reg(d, REG_LBA1) != 0x4f || reg(d, REG_LBA2) != 0xc2 ||
	    (!d->smart && what != 0xd8)) {
		ide_done(d, ERROR_ABRT);
		return;
	}
	switch (what) {
	case 0xd0: /* values, thresholds */
	case 0xd1:
		smart_data(d);
		return;
	case 0xd8:
	case 0xd9:
		d->smart = what == 0xd8;
		break;
	case 0xd2: /* autosave */
	case 0xda: /* status: the registers stay as they are when all is well */
		break;
	default:
		ide_done(d, ERROR_ABRT);
		return;
	}
	ide_done(d, 0);
}

/* ---- the table ---- */

static const struct ata_command {
	void (*fn)(struct ide_drive *d, unsigned flags);
	uint8_t first, last; /* operation codes */
	uint8_t flags;
} commands[] = {
	{ cmd_nothing, 0x10, 0x1f, 0 },  /* RECALIBRATE */
	{ cmd_transfer, 0x20, 0x20, 0 }, /* READ SECTORS */
	{ cmd_transfer, 0x21, 0x21, 0 },
	{ cmd_transfer, 0x24, 0x24, EXT },
	{ cmd_transfer, 0x25, 0x25, EXT | DMA }, /* READ DMA EXT */
	{ cmd_native_max, 0x27, 0x27, EXT },
	{ cmd_transfer, 0x29, 0x29, EXT | MULTI },
	{ cmd_transfer, 0x30, 0x30, WRITE },
	{ cmd_transfer, 0x31, 0x31, WRITE },
	{ cmd_transfer, 0x34, 0x34, EXT | WRITE },
	{ cmd_transfer, 0x35, 0x35, EXT | DMA | WRITE },
	{ cmd_transfer, 0x39, 0x39, EXT | MULTI | WRITE },
	{ cmd_transfer, 0x3d, 0x3d, EXT | DMA | WRITE | FUA },
	{ cmd_verify, 0x40, 0x40, 0 },
	{ cmd_verify, 0x41, 0x41, 0 },
	{ cmd_verify, 0x42, 0x42, EXT },
	{ cmd_nothing, 0x70, 0x7f, 0 }, /* SEEK */
	{ cmd_diagnostic, 0x90, 0x90, 0 },
	{ cmd_set_geometry, 0x91, 0x91, 0 },
	{ cmd_nothing, 0x94, 0x97, 0 }, /* the old opcodes of power management */
	{ cmd_power_mode, 0x98, 0x98, 0 },
	{ cmd_smart, 0xb0, 0xb0, 0 },
	{ cmd_transfer, 0xc4, 0xc4, MULTI },
	{ cmd_transfer, 0xc5, 0xc5, MULTI | WRITE },
	{ cmd_set_multiple, 0xc6, 0xc6, 0 },
	{ cmd_transfer, 0xc8, 0xc8, DMA },
	{ cmd_transfer, 0xc9, 0xc9, DMA },
	{ cmd_transfer, 0xca, 0xca, DMA | WRITE },
	{ cmd_transfer, 0xcb, 0xcb, DMA | WRITE },
	{ cmd_transfer, 0xce, 0xce, EXT | MULTI | WRITE | FUA },
	{ cmd_nothing, 0xe0, 0xe3, 0 }, /* STANDBY, IDLE */
	{ cmd_power_mode, 0xe5, 0xe5, 0 },
	{ cmd_nothing, 0xe6, 0xe6, 0 }, /* SLEEP */
	{ cmd_flush, 0xe7, 0xe7, 0 },
	{ cmd_flush, 0xea, 0xea, EXT },
	{ cmd_identify, 0xec, 0xec, 0 },
	{ cmd_set_features, 0xef, 0xef, 0 },
	{ cmd_native_max, 0xf8, 0xf8, 0 },
};

/* NULL: there is no such command. */
static const struct ata_command *find_command(uint8_t code)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		if (code >= commands[i].first && code <= commands[i].last)
			return &commands[i];
	return NULL;
}

static void ata_command(struct ide_drive *d, uint8_t command)
{
	const struct ata_command *cmd = find_command(command);

	if (cmd)
		cmd->fn(d, cmd->flags);
	else
		ide_done(d, ERROR_ABRT);
}

static void ata_finish(struct ide_drive *d, enum ide_phase phase, int ret)
{
	const struct ata_command *cmd = find_command(d->command);
	unsigned flags = cmd ? cmd->flags : 0;
	bool wrote = phase == IDE_PIO_OUT || phase == IDE_DMA_OUT;

	if (ret < 0) {
		if (phase != IDE_IDLE)
			set_lba(d, d->pos / IDE_SECTOR, flags & EXT);
		ide_done(d, ret == -EFAULT || wrote || phase == IDE_IDLE ? ERROR_ABRT
		                                                         : ERROR_UNC);
	} else if (flags & FUA && wrote) {
		ide_flush(d);
	} else if (phase != IDE_PIO_IN) {
		/* The last block of PIO data was its own end. */
		ide_done(d, 0);
	}
}

static const struct ide_ops ata_ops = {
	.command = ata_command,
	.finish = ata_finish,
	.signature = 0x0000,
	.reset_status = STATUS_GOOD,
};

/* ---- the class ---- */

static int hd_realize(struct device *dev, struct err *err)
{
	struct ide_drive *d = (struct ide_drive *)dev;
	struct block_node *node;
	int ret;

	node = block_want(dev->vm->blocks, d->drive, err);
	if (!node)
		return -EINVAL;
	ret = ide_drive_realize(d, &ata_ops, err);
	if (ret >= 0)
		ret = ide_drive_attach(d, node, err);
	if (ret >= 0 && !d->info.length)
		ret = err_set(err, EINVAL, "the disk %s is empty", d->info.path);
	return ret;
}

static void hd_reset(struct device *dev)
{
	struct ide_drive *d = (struct ide_drive *)dev;

	d->heads = DEFAULT_HEADS;
	d->sectors = DEFAULT_SECTORS;
	ide_drive_reset(dev);
}

static const struct state_desc hd_state = {
	.name = "ide-hd",
	.version = 1,
	.fields = ide_drive_fields,
	.validate = ide_drive_validate,
	.post_load = ide_drive_post_load,
};

static const struct opt_desc hd_props[] = {
	IDE_DRIVE_PROPS("KVMKIT HARDDISK"),
	{ .name = NULL },
};

const struct device_class ide_hd_class = {
	.name = "ide-hd",
	.bus = "IDE",
	.help = "IDE disk on a -drive",
	.size = sizeof(struct ide_drive),
	.props = hd_props,
	.state = &hd_state,
	.realize = hd_realize,
	.reset = hd_reset,
	.quiesce = ide_drive_quiesce,
	.unrealize = ide_drive_unrealize,
};
