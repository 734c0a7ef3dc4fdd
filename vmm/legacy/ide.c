// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The IDE function of the PIIX3 (82371SB data sheet, 2.3 and chapter 5; ATA/ATAPI-6,
 * chapters 7 and 9, for the registers): two channels at the legacy ports and interrupts,
 * each with a master and a slave, and one bus master BAR.
 *
 * A write to the command block reaches both drives of a channel, a read comes from the
 * selected one; where no drive is, registers read 0, so that software does not wait for
 * one. The legacy ports always answer: the decode bits of IDETIM are stored, and set from
 * the start, as firmware leaves them. All functions run under the machine lock.
 */
#include "vmm/legacy/ide-core.h"

#include "common/bytes.h"
#include "vmm/core/vm.h"

#include <errno.h>

enum {
	CONFIG_IDETIM = 0x40, /* 2 bytes for each channel, then SIDETIM */
	CONFIG_IDETIM_END = 0x45,
	IDETIM_DECODE = 0x8000,

	REG_DATA = 0,
	REG_ERROR = 1, /* written: feature */
	REG_LBA_HIGH = 5,
	REG_DEVICE = 6,
	REG_STATUS = 7, /* written: command */

	CONTROL_NIEN = 0x02,
	CONTROL_SRST = 0x04,
	CONTROL_HOB = 0x80, /* reads return what was written before */

	COMMAND_DEVICE_RESET = 0x08,
	BM_BAR = 4,
	BM_SIZE = 16,
	BM_STATUS_IRQ = 0x04,
};

static const struct {
	uint16_t command, control;
	uint8_t irq;
} places[IDE_CHANNELS] = { { 0x1f0, 0x3f6, 14 }, { 0x170, 0x376, 15 } };

/* ---- interrupts ---- */

static void set_line(struct ide_channel *ch, bool level)
{
	ch->line = level;
	irqchip_set(ch->ide->pci.dev.vm->irqchip, places[ch->index].irq, level);
}

static bool is_wanted(const struct ide_channel *ch)
{
	return ch->pending && !(ch->control & CONTROL_NIEN);
}

/* Each look at a status register comes here. */
static void update_irq(struct ide_channel *ch)
{
	if (ch->line != is_wanted(ch))
		set_line(ch, !ch->line);
}

void ide_raise(struct ide_drive *d)
{
	struct ide_channel *ch = d->channel;

	ch->pending = true;
	if (!(ch->control & CONTROL_NIEN))
		ch->bm_status |= BM_STATUS_IRQ;
	update_irq(ch);
}

static void lower(struct ide_channel *ch)
{
	ch->pending = false;
	update_irq(ch);
}

/* ---- registers ---- */

static struct ide_drive *selected(struct ide_channel *ch)
{
	return ch->drives[ch->slave];
}

static uint8_t read_register(struct ide_drive *d, unsigned reg, bool previous)
{
	switch (reg) {
	case REG_ERROR:
		return previous ? d->regs[REG_FEATURE][1] : d->error;
	case REG_DEVICE:
		return d->device;
	case REG_STATUS:
		return d->status;
	default:
		return d->regs[reg - REG_ERROR][previous];
	}
}

static uint64_t command_read(void *opaque, uint64_t offset, unsigned size)
{
	struct ide_channel *ch = opaque;
	struct ide_drive *d = selected(ch);

	if (offset == REG_STATUS)
		lower(ch);
	if (!d)
		return 0;
	if (offset == REG_DATA) {
		uint32_t value = 0;

		ide_data(d, &value, size, 1, false);
		return value;
	}
	return read_register(d, offset, ch->control & CONTROL_HOB);
}

static void write_command(struct ide_channel *ch, uint8_t command)
{
	struct ide_drive *d = selected(ch);

	lower(ch);
	if (!d)
		return;
	if (command == COMMAND_DEVICE_RESET)
		ide_cancel(d);
	else if (d->status & (STATUS_BSY | STATUS_DRQ))
		return;
	d->command = command;
	d->error = 0;
	d->ops->command(d, command);
}

static void write_register(struct ide_channel *ch, unsigned reg, uint8_t value)
{
	ch->control &= ~CONTROL_HOB;
	if (reg == REG_DEVICE)
		ch->slave = value & DEVICE_UNIT;
	for (unsigned i = 0; i < IDE_UNITS; i++) {
		struct ide_drive *d = ch->drives[i];

		if (!d)
			continue;
		if (reg == REG_DEVICE) {
			d->device = value;
			continue;
		}
		d->regs[reg - REG_ERROR][1] = d->regs[reg - REG_ERROR][0];
		d->regs[reg - REG_ERROR][0] = value;
	}
}

static void command_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct ide_channel *ch = opaque;

	if (offset == REG_DATA) {
		if (selected(ch))
			ide_data(selected(ch), &value, size, 1, true);
	} else if (offset == REG_STATUS) {
		write_command(ch, value);
	} else {
		write_register(ch, offset, value);
	}
}

/* Strings are how all drivers read and write data by PIO. */
static unsigned command_repeat(void *opaque, uint64_t offset, void *data, unsigned size,
                               unsigned count, bool is_write)
{
	struct ide_drive *d = selected(opaque);

	return offset == REG_DATA && d ? ide_data(d, data, size, count, is_write) : 0;
}

static uint64_t control_read(void *opaque, uint64_t offset, unsigned size)
{
	struct ide_drive *d = selected(opaque);

	(void)offset;
	(void)size;
	return d ? d->status : 0;
}

/* Software reset: both drives, as long as the bit is set and then once more to tell what
 * they are (ATA/ATAPI-6, 9.3). */
static void control_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct ide_channel *ch = opaque;
	bool was = ch->control & CONTROL_SRST, is = value & CONTROL_SRST;

	(void)offset;
	(void)size;
	ch->control = value & (CONTROL_NIEN | CONTROL_SRST | CONTROL_HOB);
	for (unsigned i = 0; i < IDE_UNITS && was != is; i++) {
		struct ide_drive *d = ch->drives[i];

		if (!d)
			continue;
		ide_cancel(d);
		d->device = 0;
		if (is)
			d->status = STATUS_BSY;
		else
			ide_set_signature(d);
	}
	if (was != is) {
		ch->slave = false;
		ch->pending = false;
	}
	update_irq(ch);
}

static const struct region_ops command_ops = {
	.read = command_read,
	.write = command_write,
	.repeat = command_repeat,
};
static const struct region_ops control_ops = {
	.read = control_read,
	.write = control_write,
	.max_size = 1,
};

/* ---- life ---- */

struct piix3_ide *ide_controller(struct vm *vm)
{
	for (struct device *dev = vm->devices; dev; dev = dev->next)
		if (dev->cls == &piix3_ide_class)
			return (struct piix3_ide *)dev;
	return NULL;
}

static int map_channel(struct piix3_ide *ide, unsigned index, struct err *err)
{
	struct ide_channel *ch = &ide->channels[index];
	struct mem *mem = ide->pci.dev.vm->mem;
	int ret;

	ch->ide = ide;
	ch->index = index;
	ch->command = (struct region){
		.name = "ide-command",
		.size = 8,
		.ops = &command_ops,
		.opaque = ch,
	};
	ch->control_region = (struct region){
		.name = "ide-control",
		.size = 1,
		.ops = &control_ops,
		.opaque = ch,
	};
	ret = mem_map(mem, MEM_PIO, &ch->command, places[index].command);
	if (ret >= 0)
		ret = mem_map(mem, MEM_PIO, &ch->control_region, places[index].control);
	return ret < 0 ? err_sys(err, -ret, "cannot map ports 0x%x",
	                         places[index].command)
	               : 0;
}

static int ide_realize(struct device *dev, struct err *err)
{
	static const struct pci_id id = {
		.vendor = 0x8086,
		.device = 0x7010,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = 0x010180, /* legacy ports, with a bus master */
	};
	struct piix3_ide *ide = (struct piix3_ide *)dev;
	int ret = ide_controller(dev->vm) ? err_set(err, EBUSY, "there is one already")
	                                  : pci_realize(&ide->pci, &id, err);

	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < IDE_CHANNELS && ret >= 0; i++) {
		st16(ide->pci.config + CONFIG_IDETIM + 2 * i, IDETIM_DECODE);
		ret = map_channel(ide, i, err);
	}
	memset(ide->pci.wmask + CONFIG_IDETIM, 0xff, CONFIG_IDETIM_END - CONFIG_IDETIM);
	ide->bus_master = (struct region){
		.name = "ide-bus-master",
		.size = BM_SIZE,
		.ops = &ide_bus_master_ops,
		.opaque = ide,
	};
	pci_bar_init(&ide->pci, BM_BAR, PCI_BASE_ADDRESS_SPACE_IO, BM_SIZE);
	pci_bar_add(&ide->pci, BM_BAR, 0, &ide->bus_master);
	return ret;
}

static void ide_reset(struct device *dev)
{
	struct piix3_ide *ide = (struct piix3_ide *)dev;

	pci_reset(&ide->pci);
	for (unsigned i = 0; i < IDE_CHANNELS; i++) {
		struct ide_channel *ch = &ide->channels[i];

		ch->control = 0;
		ch->slave = false;
		ide_dma_reset(ch);
		lower(ch);
	}
}

static void ide_unrealize(struct device *dev)
{
	struct piix3_ide *ide = (struct piix3_ide *)dev;

	for (unsigned i = 0; i < IDE_CHANNELS; i++) {
		mem_unmap(&ide->channels[i].command);
		mem_unmap(&ide->channels[i].control_region);
	}
	pci_unrealize(&ide->pci);
}

static int ide_validate(const void *obj, struct err *err)
{
	return pci_device_state.validate(&((const struct piix3_ide *)obj)->pci, err);
}

static int ide_post_load(void *obj, struct err *err)
{
	struct piix3_ide *ide = obj;

	(void)err;
	pci_post_load(&ide->pci);
	for (unsigned i = 0; i < IDE_CHANNELS; i++)
		set_line(&ide->channels[i], is_wanted(&ide->channels[i]));
	return 0;
}

static const struct state_field channel_fields[] = {
	STATE_U8_F(struct ide_channel, control),
	STATE_BOOL_F(struct ide_channel, slave),
	STATE_BOOL_F(struct ide_channel, pending),
	STATE_U8_F(struct ide_channel, bm_command),
	STATE_U8_F(struct ide_channel, bm_status),
	STATE_U32_F(struct ide_channel, prd_table),
	STATE_END_F,
};

static const struct state_desc channel_state = {
	.name = "ide-channel",
	.version = 1,
	.fields = channel_fields,
};

static const struct state_field ide_fields[] = {
	STATE_STRUCT_F(struct piix3_ide, pci, &pci_device_state),
	STATE_STRUCT_ARRAY(struct piix3_ide, channels, IDE_CHANNELS, &channel_state),
	STATE_END_F,
};

static const struct state_desc ide_state = {
	.name = "piix3-ide",
	.version = 1,
	.fields = ide_fields,
	.validate = ide_validate,
	.post_load = ide_post_load,
};

static const struct opt_desc ide_props[] = {
	PCI_PROPS(struct piix3_ide, pci),
	{ .name = NULL },
};

const struct device_class piix3_ide_class = {
	.name = "piix3-ide",
	.bus = "pci",
	.help = "IDE controller with two channels",
	.internal = true,
	.size = sizeof(struct piix3_ide),
	.props = ide_props,
	.state = &ide_state,
	.realize = ide_realize,
	.reset = ide_reset,
	.unrealize = ide_unrealize,
};
