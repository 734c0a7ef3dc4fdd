// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What disks and CD-ROM drives share: the way of data between medium, buffer and guest,
 * and the life of a drive.
 *
 * PIO goes through the buffer, up to 64 KiB of medium at a time, in DRQ blocks. DMA goes
 * between medium and guest memory directly; where the guest's descriptors cut sectors
 * into pieces, through the buffer. Every step ends in request_done(), which starts the
 * next one or calls ops->finish(): a step may complete before the call that started it
 * returns, so that nothing follows such a call. Runs under the machine lock.
 */
#include "vmm/legacy/ide-core.h"

#include "vmm/core/vm.h"

#include <errno.h>
#include <string.h>

static bool is_dma(uint8_t phase)
{
	return phase == IDE_DMA_IN || phase == IDE_DMA_OUT;
}

/* ---- ends ---- */

void ide_done(struct ide_drive *d, uint8_t error)
{
	d->phase = IDE_IDLE;
	d->error = error;
	d->status = STATUS_GOOD | (error ? STATUS_ERR : 0);
	ide_raise(d);
}

/* ret: 0 or what failed; memory_failed: it was the guest's descriptors. */
static void end_transfer(struct ide_drive *d, int ret, bool memory_failed)
{
	enum ide_phase phase = d->phase;

	d->phase = IDE_IDLE;
	d->status = STATUS_GOOD;
	if (is_dma(phase))
		ide_dma_end(d->channel, memory_failed);
	d->ops->finish(d, phase, ret);
}

/* The table of descriptors was too short: no interrupt tells of it. */
static void end_short(struct ide_drive *d)
{
	d->phase = IDE_IDLE;
	d->status = STATUS_GOOD;
	ide_dma_end(d->channel, false);
}

/* ---- requests ---- */

static void request_done(struct block_req *req, int ret);

static void submit(struct ide_drive *d, enum block_op op, uint32_t len)
{
	d->status = STATUS_BSY;
	d->chunk = len;
	d->in_flight = true;
	d->req = (struct block_req){
		.op = op,
		.offset = d->pos,
		.len = len,
		.iov = d->iov,
		.iov_count = d->iov_count,
		.done = request_done,
		.opaque = d,
	};
	block_submit(d->node, &d->req);
	block_kick(d->node);
}

/* Between the medium and buf[at, at + len). */
static void submit_buffer(struct ide_drive *d, enum block_op op, uint32_t at,
                          uint32_t len)
{
	d->direct = false;
	d->iov[0] = (struct iovec){ d->buf + at, len };
	d->iov_count = 1;
	submit(d, op, len);
}

/* Reads as much as the buffer takes. Raw sectors grow, and are expanded from its end. */
static void fill(struct ide_drive *d)
{
	enum { DATA = 2048, RAW = 2352 };
	uint32_t max = d->raw ? IDE_BUF / RAW * DATA : IDE_BUF;
	uint32_t len = d->left < max ? d->left : max;

	submit_buffer(d, BLOCK_READ, d->raw ? IDE_BUF - len : 0, len);
}

void ide_flush(struct ide_drive *d)
{
	d->phase = IDE_IDLE;
	d->iov_count = 0;
	submit(d, BLOCK_FLUSH, 0);
}

/* ---- PIO ---- */

/* Offers the next block of the buffer. */
static void offer_block(struct ide_drive *d)
{
	uint32_t len = d->buf_len - d->buf_pos;

	if (len > d->block)
		len = d->block;
	d->drq_end = d->buf_pos + len;
	d->status = STATUS_GOOD | STATUS_DRQ;
	if (d->ops->packet) {
		d->regs[REG_COUNT][0] = REASON_IO;
		d->regs[REG_LBA1][0] = len;
		d->regs[REG_LBA2][0] = len >> 8;
	}
	ide_raise(d);
}

static void block_was_read(struct ide_drive *d)
{
	d->status &= ~STATUS_DRQ;
	if (d->buf_pos < d->buf_len)
		offer_block(d);
	else if (d->media && d->left)
		fill(d);
	else
		end_transfer(d, 0, false);
}

/* Asks for the next data, as much as the buffer takes. */
static void collect(struct ide_drive *d, uint32_t len)
{
	d->buf_pos = 0;
	d->buf_len = len < IDE_BUF ? len : IDE_BUF;
	d->drq_end = d->buf_len < d->block ? d->buf_len : d->block;
	d->status = STATUS_GOOD | STATUS_DRQ;
}

static void block_was_written(struct ide_drive *d)
{
	uint32_t rest = d->buf_len - d->buf_pos;

	if (rest) {
		d->drq_end = d->buf_pos + (rest < d->block ? rest : d->block);
		ide_raise(d);
	} else if (d->phase == IDE_PACKET_IN) {
		d->phase = IDE_IDLE;
		d->status = STATUS_GOOD;
		d->ops->packet(d);
	} else if (d->media) {
		submit_buffer(d, BLOCK_WRITE, 0, d->buf_len);
	} else {
		end_transfer(d, 0, false);
	}
}

unsigned ide_data(struct ide_drive *d, void *data, unsigned size, unsigned count,
                  bool is_write)
{
	uint32_t room = d->drq_end - d->buf_pos, len = size * count;
	bool ready = is_write ? d->phase == IDE_PIO_OUT || d->phase == IDE_PACKET_IN
	                      : d->phase == IDE_PIO_IN;

	if (!ready || !(d->status & STATUS_DRQ))
		return 0;
	if (len > room) {
		/* The last access may reach beyond the block. */
		count = (room + size - 1) / size;
		if (!is_write)
			memset(data, 0, size * count);
		len = room;
	}
	if (is_write)
		memcpy(d->buf + d->buf_pos, data, len);
	else
		memcpy(data, d->buf + d->buf_pos, len);
	d->buf_pos += len;
	if (d->buf_pos == d->drq_end && is_write)
		block_was_written(d);
	else if (d->buf_pos == d->drq_end)
		block_was_read(d);
	return count;
}

/* ---- DMA ---- */

/* What is in the buffer goes to guest memory. False when the command ended. */
static bool copy_in(struct ide_drive *d, uint32_t len)
{
	int64_t done = ide_dma_copy(d, len);

	if (done < 0)
		end_transfer(d, done, true);
	else if (done < len)
		end_short(d);
	return done == len;
}

static void dma_step(struct ide_drive *d)
{
	uint32_t len = d->left < IDE_BUF ? d->left : IDE_BUF, direct;
	int64_t done;

	if (!d->left) {
		end_transfer(d, 0, false);
		return;
	}
	direct = d->raw ? 0 : ide_dma_gather(d, d->left);
	d->direct = direct;
	if (direct) {
		submit(d, d->phase == IDE_DMA_IN ? BLOCK_READ : BLOCK_WRITE, direct);
	} else if (d->phase == IDE_DMA_IN) {
		fill(d);
	} else {
		done = ide_dma_copy(d, len);
		if (done < 0)
			end_transfer(d, done, true);
		else if (done < len)
			end_short(d);
		else
			submit_buffer(d, BLOCK_WRITE, 0, len);
	}
}

void ide_dma_go(struct ide_drive *d)
{
	if (d->in_flight)
		return;
	if (d->media)
		dma_step(d);
	else if (copy_in(d, d->buf_len))
		end_transfer(d, 0, false);
}

static void start_dma(struct ide_drive *d)
{
	d->status = STATUS_BSY;
	if (ide_dma_started(d->channel))
		ide_dma_go(d);
}

/* ---- progress ---- */

static void request_done(struct block_req *req, int ret)
{
	struct ide_drive *d = req->opaque;
	uint32_t len = d->chunk;

	d->in_flight = false;
	if (d->direct && req->op == BLOCK_READ)
		ide_dma_mark_dirty(d);
	if (d->cancelled)
		return;
	if (ret < 0 || req->op == BLOCK_FLUSH) {
		end_transfer(d, ret, false);
		return;
	}
	d->pos += len;
	d->left -= len;
	if (req->op == BLOCK_READ && !d->direct) {
		d->buf_pos = 0;
		d->buf_len = d->raw ? d->ops->expand(d, len) : len;
	}
	if (d->phase == IDE_PIO_IN) {
		offer_block(d);
	} else if (is_dma(d->phase)) {
		if (d->direct || d->phase == IDE_DMA_OUT || copy_in(d, d->buf_len))
			dma_step(d);
	} else if (d->left) {
		collect(d, d->left);
		ide_raise(d);
	} else {
		end_transfer(d, 0, false);
	}
}

void ide_start_media(struct ide_drive *d, enum ide_phase phase, uint64_t pos,
                     uint32_t len, uint32_t block)
{
	d->phase = phase;
	d->media = true;
	d->pos = pos;
	d->left = len;
	d->block = block;
	d->buf_pos = d->buf_len = d->drq_end = 0;
	if (is_dma(phase))
		start_dma(d);
	else if (phase == IDE_PIO_IN)
		fill(d);
	else
		collect(d, len);
}

void ide_start_buffer(struct ide_drive *d, enum ide_phase phase, uint32_t len,
                      uint32_t block)
{
	d->phase = phase;
	d->media = false;
	d->left = 0;
	d->block = block;
	d->buf_pos = d->drq_end = 0;
	d->buf_len = len;
	if (is_dma(phase))
		start_dma(d);
	else
		offer_block(d);
}

void ide_start_collect(struct ide_drive *d, enum ide_phase phase, uint32_t len)
{
	d->phase = phase;
	d->media = false;
	d->left = 0;
	d->block = len;
	collect(d, len);
}

void ide_cancel(struct ide_drive *d)
{
	if (d->in_flight) {
		d->cancelled = true;
		block_drain(d->node);
		d->cancelled = false;
	}
	if (is_dma(d->phase))
		ide_dma_end(d->channel, false);
	d->phase = IDE_IDLE;
	d->status = d->ops->reset_status;
	d->left = d->buf_pos = d->buf_len = d->drq_end = 0;
}

/* ---- life ---- */

void ide_set_signature(struct ide_drive *d)
{
	d->regs[REG_COUNT][0] = 1;
	d->regs[REG_LBA0][0] = 1;
	d->regs[REG_LBA1][0] = d->ops->signature;
	d->regs[REG_LBA2][0] = d->ops->signature >> 8;
	d->device &= DEVICE_UNIT;
	d->error = 1; /* the diagnostic has passed */
	d->status = d->ops->reset_status;
}

void ide_put_string(uint8_t *at, unsigned words, const char *text)
{
	for (unsigned i = 0; i < words * 2; i++) {
		at[i ^ 1] = *text ? *text : ' ';
		text += *text != '\0';
	}
}

int ide_drive_attach(struct ide_drive *d, struct block_node *node, struct err *err)
{
	char name[DEVICE_QOM_PATH];
	int ret;

	device_show_name(&d->dev, name, sizeof(name));
	ret = block_attach(node, &d->node, name, NULL, d, err);
	if (ret < 0)
		return ret;
	d->node = node;
	block_get_info(node, &d->info);
	return 0;
}

void ide_drive_detach(struct ide_drive *d)
{
	if (!d->node)
		return;
	block_drain(d->node);
	block_set_write_cache(d->node, d->info.write_cache);
	block_detach(d->node);
	d->node = d->cd.node = NULL;
}

static int take_place(struct ide_drive *d, struct piix3_ide *ide, struct err *err)
{
	static const char *const names[IDE_CHANNELS] = { "ide.0", "ide.1" };
	bool known = !d->bus;

	for (unsigned i = 0; i < IDE_CHANNELS * IDE_UNITS; i++) {
		struct ide_channel *ch = &ide->channels[i / IDE_UNITS];
		unsigned unit = i % IDE_UNITS;

		if (d->bus && strcmp(d->bus, names[ch->index]))
			continue;
		known = true;
		if ((d->unit != UINT8_MAX && d->unit != unit) || ch->drives[unit])
			continue;
		d->unit = unit;
		d->channel = ch;
		ch->drives[unit] = d;
		device_set_path(&d->dev, "ide/%u.%u/%s", ch->index, unit,
		                d->dev.cls->name);
		return 0;
	}
	if (!known || (d->unit >= IDE_UNITS && d->unit != UINT8_MAX))
		return err_usage(err,
		                 "there is no place bus=%s,unit=%u; IDE has the "
		                 "buses ide.0 and ide.1 with the units 0 and 1",
		                 d->bus ? d->bus : "ide.0", d->unit);
	return err_set(err, EBUSY,
	               "its place on the IDE bus is taken; choose another bus=, unit= or "
	               "index=");
}

int ide_drive_realize(struct ide_drive *d, const struct ide_ops *ops, struct err *err)
{
	struct piix3_ide *ide = ide_controller(d->dev.vm);

	d->ops = ops;
	if (!ide)
		return err_set(err, ENODEV, "this machine has no IDE controller");
	return take_place(d, ide, err);
}

void ide_drive_unrealize(struct device *dev)
{
	struct ide_drive *d = (struct ide_drive *)dev;

	ide_drive_detach(d);
	if (d->channel)
		d->channel->drives[d->unit] = NULL;
}

void ide_drive_reset(struct device *dev)
{
	struct ide_drive *d = (struct ide_drive *)dev;

	ide_cancel(d);
	memset(d->regs, 0, sizeof(d->regs));
	d->device = 0;
	d->command = d->multiple = d->mode = 0;
	d->pos = d->block = 0;
	d->media = d->raw = d->smart = false;
	cd_set_sense(&d->cd, SENSE_NONE);
	d->cd.event = 0;
	d->cd.tray_locked = d->cd.changed = false;
	d->write_cache = d->node && (d->cache == OPT_TRI_AUTO ? d->info.write_cache
	                                                      : d->cache == OPT_TRI_ON);
	if (d->node)
		block_set_write_cache(d->node, d->write_cache);
	ide_set_signature(d);
}

void ide_drive_quiesce(struct device *dev)
{
	struct ide_drive *d = (struct ide_drive *)dev;

	if (d->in_flight)
		block_drain(d->node);
}

bool ide_find_place(const struct device *dev, struct ide_place *place)
{
	const struct ide_drive *d = (const struct ide_drive *)dev;

	if (dev->cls != &ide_hd_class && dev->cls != &ide_cd_class)
		return false;
	*place = (struct ide_place){
		.devfn = d->channel->ide->pci.devfn,
		.channel = d->channel->index,
		.unit = d->unit,
	};
	return true;
}

/* ---- state ---- */

int ide_drive_validate(const void *obj, struct err *err)
{
	const struct ide_drive *d = obj;

	if (d->phase >= IDE_PHASES || d->buf_len > IDE_BUF || d->drq_end > d->buf_len ||
	    d->buf_pos > d->drq_end || d->multiple > IDE_MAX_MULTIPLE ||
	    d->pos % IDE_SECTOR || d->left % IDE_SECTOR)
		return err_set(err, EINVAL, "its transfer makes no sense");
	if (d->phase != IDE_IDLE && !is_dma(d->phase) && !d->block)
		return err_set(err, EINVAL, "its blocks have no length");
	if ((d->phase != IDE_IDLE && d->media && !d->info.length) ||
	    (d->raw && !d->ops->expand) || (d->phase == IDE_PACKET_IN && !d->ops->packet))
		return err_set(err, EINVAL, "its command is none of this drive");
	return 0;
}

int ide_drive_post_load(void *obj, struct err *err)
{
	struct ide_drive *d = obj;

	(void)err;
	if (d->node)
		block_set_write_cache(d->node, d->write_cache);
	return 0;
}

const struct state_field ide_drive_fields[] = {
	STATE_BYTES_F(struct ide_drive, regs),
	STATE_U8_F(struct ide_drive, device),
	STATE_U8_F(struct ide_drive, status),
	STATE_U8_F(struct ide_drive, error),
	STATE_U8_F(struct ide_drive, command),
	STATE_U8_F(struct ide_drive, phase),
	STATE_BOOL_F(struct ide_drive, media),
	STATE_U64_F(struct ide_drive, pos),
	STATE_U32_F(struct ide_drive, left),
	STATE_U32_F(struct ide_drive, block),
	STATE_U32_F(struct ide_drive, drq_end),
	STATE_U32_F(struct ide_drive, buf_pos),
	STATE_VBYTES_F(struct ide_drive, buf, buf_len),
	STATE_U8_F(struct ide_drive, multiple),
	STATE_U8_F(struct ide_drive, mode),
	STATE_U8_F(struct ide_drive, heads),
	STATE_U8_F(struct ide_drive, sectors),
	STATE_BOOL_F(struct ide_drive, write_cache),
	STATE_BOOL_F(struct ide_drive, smart),
	CD_STATE(struct ide_drive),
	STATE_BOOL_F(struct ide_drive, raw),
	STATE_END_F,
};
