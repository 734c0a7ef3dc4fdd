// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The classes "scsi-hd" and "scsi-cd": their properties, their place on a bus, their
 * image and their life. Machine lock.
 */
#include "vmm/scsi/core.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ANY UINT32_MAX

/* ---- resets ---- */

void scsi_set_wce(struct scsi_device *d, bool on)
{
	d->wce = on;
	block_set_write_cache(d->node, on);
}

void scsi_device_reset(struct scsi_device *d, uint8_t ua)
{
	bool on = d->write_cache == OPT_TRI_AUTO ? d->info.write_cache
	                                         : d->write_cache == OPT_TRI_ON;

	scsi_set_wce(d, on);
	cd_set_sense(&d->cd, SENSE_NONE);
	d->cd.event = 0;
	d->cd.tray_locked = d->cd.changed = false;
	d->ua = ua;
}

/* ---- its place ---- */

/* A bus is named after its controller: ID.0, or scsi.N for the Nth without an id. */
static bool is_named(const struct scsi_bus *bus, const char *name)
{
	const char *id = bus->dev->id;
	char own[80];
	unsigned n = 0;

	if (id) {
		snprintf(own, sizeof(own), "%s.0", id);
		return !strcmp(name, own) || !strcmp(name, id);
	}
	for (const struct scsi_bus *b = bus->dev->vm->scsi_buses; b != bus; b = b->next)
		n += !b->dev->id;
	snprintf(own, sizeof(own), "scsi.%u", n);
	return !strcmp(name, own);
}

static struct scsi_bus *find_bus(const struct scsi_device *d, struct err *err)
{
	struct scsi_bus *bus = d->dev.vm->scsi_buses;

	while (bus && d->bus_name && !is_named(bus, d->bus_name))
		bus = bus->next;
	if (!bus && d->bus_name)
		err_usage(err,
		          "there is no bus '%s'; -device virtio-scsi-pci,id=ID has ID.0",
		          d->bus_name);
	else if (!bus)
		err_usage(err, "it needs a bus; put -device virtio-scsi-pci before it");
	return bus;
}

static int choose_place(struct scsi_device *d, const struct scsi_bus *bus,
                        struct err *err)
{
	bool any_target = d->id == ANY;

	if (d->channel || (!any_target && d->id > SCSI_MAX_TARGET) ||
	    (d->lun != ANY && d->lun > SCSI_MAX_LUN))
		return err_usage(err,
		                 "there is no place channel=%u,scsi-id=%d,lun=%d; there "
		                 "are 0,%u,%u and below",
		                 d->channel, (int)d->id, (int)d->lun, SCSI_MAX_TARGET,
		                 SCSI_MAX_LUN);
	if (any_target) {
		if (d->lun == ANY)
			d->lun = 0;
		for (d->id = 0; d->id < SCSI_MAX_TARGET; d->id++)
			if (!scsi_has_unit(bus, d->id, d->lun))
				break;
	} else if (d->lun == ANY) {
		for (d->lun = 0; d->lun < SCSI_MAX_LUN; d->lun++)
			if (!scsi_has_unit(bus, d->id, d->lun))
				break;
	}
	if (scsi_has_unit(bus, d->id, d->lun))
		return err_set(err, EBUSY, "scsi-id=%u,lun=%u is taken", d->id, d->lun);
	return 0;
}

/* ---- its image ---- */

static void batch_done(void *opaque)
{
	struct scsi_device *d = opaque;

	if (d->bus)
		d->bus->ops->batch_done(d->bus);
}

/* The tray is what cd_attach() gave to the node. */
static void tray_batch_done(void *opaque)
{
	batch_done(container_of((struct cd_drive *)opaque, struct scsi_device, cd));
}

static void resized(void *opaque)
{
	struct scsi_device *d = opaque;
	struct block_info info;

	block_get_info(d->node, &info);
	d->info.length = info.length;
	d->ua |= UA_CAPACITY;
	if (d->bus)
		d->bus->ops->event(d->bus, d, SCSI_CAPACITY);
}

static int attach_disk(struct scsi_device *d, struct err *err)
{
	struct block_node *node;
	char name[DEVICE_QOM_PATH];
	int ret;

	node = block_want(d->dev.vm->blocks, d->drive, err);
	if (!node)
		return -err->code;
	device_show_name(&d->dev, name, sizeof(name));
	ret = block_attach(node, &d->node, name, resized, d, err);
	if (ret < 0)
		return ret;
	d->node = node;
	block_get_info(node, &d->info);
	block_set_batch_done(node, batch_done);
	return 0;
}

static int attach_tray(struct scsi_device *d, struct err *err)
{
	char name[32];
	int ret;

	snprintf(name, sizeof(name), "scsi0-cd%u", d->id);
	ret = cd_attach(&d->cd, d->drive, name, err);
	d->node = d->cd.node;
	if (ret >= 0)
		block_set_batch_done(d->node, tray_batch_done);
	return ret;
}

/* ---- life ---- */

static int check_props(struct scsi_device *d, struct err *err)
{
	bool cd = d->type == SCSI_TYPE_CD;

	if (!d->block_size)
		d->block_size = cd ? CD_SECTOR : 512;
	if (!d->physical_size)
		d->physical_size = d->block_size;
	if (cd && d->block_size != CD_SECTOR)
		return err_usage(err,
		                 "logical_block_size=%u: sectors of a CD have %u bytes",
		                 d->block_size, CD_SECTOR);
	if (!is_power_of_2(d->block_size) || d->block_size < 512 ||
	    !is_power_of_2(d->physical_size) || d->physical_size < d->block_size)
		return err_usage(err,
		                 "logical_block_size=%u,physical_block_size=%u: they are "
		                 "powers of 2, the second not below the first",
		                 d->block_size, d->physical_size);
	if (d->serial && strlen(d->serial) > SCSI_SERIAL)
		return err_usage(err, "serial=%s has more than %u characters", d->serial,
		                 SCSI_SERIAL);
	if (d->device_id && strlen(d->device_id) > SCSI_ID)
		return err_usage(err, "device_id=%s has more than %u characters",
		                 d->device_id, SCSI_ID);
	return 0;
}

static int scsi_realize(struct device *dev, struct err *err)
{
	struct scsi_device *d = (struct scsi_device *)dev;
	struct scsi_bus *bus = find_bus(d, err);
	int ret;

	if (!bus)
		return -EINVAL;
	if (dev->cls == &scsi_cd_class) {
		d->type = SCSI_TYPE_CD;
		d->removable = true;
	}
	d->cd.dev = dev;
	d->cd.info = &d->info;
	ret = check_props(d, err);
	if (ret >= 0)
		ret = choose_place(d, bus, err);
	if (ret >= 0)
		ret = d->type == SCSI_TYPE_CD || (d->removable && d->drive)
		              ? attach_tray(d, err)
		              : attach_disk(d, err);
	if (ret < 0)
		return ret;
	if (!d->removable && !scsi_blocks(d))
		return err_set(err, EINVAL,
		               "drive '%s' is smaller than one block of %u bytes",
		               d->drive, d->block_size);
	device_set_path(dev, "%s/%u.%u", bus->dev->path, d->id, d->lun);
	scsi_bus_add(bus, d);
	return 0;
}

static void scsi_reset(struct device *dev)
{
	scsi_device_reset((struct scsi_device *)dev, UA_POWER_ON);
}

static void scsi_quiesce(struct device *dev)
{
	struct scsi_device *d = (struct scsi_device *)dev;

	if (d->node)
		block_drain(d->node);
}

static void scsi_unrealize(struct device *dev)
{
	struct scsi_device *d = (struct scsi_device *)dev;

	scsi_bus_remove(d);
	if (d->node) {
		block_set_write_cache(d->node, d->info.write_cache);
		if (dev->unplugged)
			block_release(d->node);
		else
			block_detach(d->node);
	}
	free(d->pattern);
}

/* ---- state ---- */

static int validate(const void *obj, struct err *err)
{
	const struct scsi_device *d = obj;

	if (d->ua & ~UA_ALL)
		return err_set(err, EINVAL, "its unit attentions 0x%x make no sense",
		               d->ua);
	return 0;
}

static int post_load(void *obj, struct err *err)
{
	struct scsi_device *d = obj;

	scsi_set_wce(d, d->wce);
	return 0;
}

static const struct state_field fields[] = {
	STATE_U8_F(struct scsi_device, ua),
	STATE_BOOL_F(struct scsi_device, wce),
	CD_STATE(struct scsi_device),
	STATE_END_F,
};

static const struct state_desc hd_state = {
	.name = "scsi-hd",
	.version = 1,
	.fields = fields,
	.validate = validate,
	.post_load = post_load,
};

static const struct state_desc cd_state = {
	.name = "scsi-cd",
	.version = 1,
	.fields = fields,
	.validate = validate,
	.post_load = post_load,
};

/* ---- the classes ---- */

#define ROW(key, kind, field, ...)                                         \
	{                                                                  \
		.name = key, .type = kind,                                 \
		.offset = offsetof(struct scsi_device, field), __VA_ARGS__ \
	}

#define HD_ONLY 3 /* the first rows */

static const struct opt_desc props[] = {
	ROW("removable", OPT_BOOL, removable, .def = "off", .help = "it has a tray"),
	ROW("dpofua", OPT_BOOL, dpofua, .def = "off", .help = "offer FUA"),
	ROW("rotation_rate", OPT_U16, rotation_rate, .def = "0",
	    .help = "1: it does not rotate; 0: not told"),
	ROW("drive", OPT_STR, drive, .help = "id of the -drive"),
	ROW("bus", OPT_STR, bus_name, .help = "ID.0 or scsi.N (the first)"),
	ROW("channel", OPT_U32, channel, .def = "0", .help = "0"),
	ROW("scsi-id", OPT_U32, id, .def = "0xffffffff",
	    .help = "target, to 255 (the first free)"),
	ROW("lun", OPT_U32, lun, .def = "0xffffffff",
	    .help = "unit, to 16383 (the first free)"),
	ROW("serial", OPT_STR, serial, .help = "serial number, 36 characters"),
	ROW("vendor", OPT_STR, vendor, .help = "8 characters"),
	ROW("product", OPT_STR, product, .help = "16 characters"),
	ROW("ver", OPT_STR, version, .help = "revision, 4 characters"),
	ROW("device_id", OPT_STR, device_id,
	    .help = "for by-id (the serial, or the drive's id)"),
	ROW("wwn", OPT_U64, wwn, .def = "0", .help = "worldwide name (NAA)"),
	ROW("logical_block_size", OPT_U32, block_size, .def = "0", .max = 32768,
	    .help = "512 and more; of a CD 2048"),
	ROW("physical_block_size", OPT_U32, physical_size, .def = "0", .max = 2097152,
	    .help = "unit without penalty (0: the logical one)"),
	ROW("min_io_size", OPT_U32, min_io, .def = "0", .max = 16777216,
	    .help = "preferred smallest request"),
	ROW("opt_io_size", OPT_U32, opt_io, .def = "0", .max = 1073741824,
	    .help = "preferred request"),
	ROW("write-cache", OPT_TRI, write_cache, .def = "auto",
	    .help = "auto: as cache= says"),
	BOOTINDEX_PROP(struct scsi_device, bootindex),
	{ .name = NULL },
};

const struct device_class scsi_hd_class = {
	.name = "scsi-hd",
	.bus = "SCSI",
	.help = "SCSI disk on a -drive",
	.size = sizeof(struct scsi_device),
	.props = props,
	.state = &hd_state,
	.realize = scsi_realize,
	.reset = scsi_reset,
	.quiesce = scsi_quiesce,
	.unrealize = scsi_unrealize,
};

const struct device_class scsi_cd_class = {
	.name = "scsi-cd",
	.bus = "SCSI",
	.help = "SCSI CD-ROM drive, empty without a -drive",
	.size = sizeof(struct scsi_device),
	.props = props + HD_ONLY,
	.state = &cd_state,
	.realize = scsi_realize,
	.reset = scsi_reset,
	.quiesce = scsi_quiesce,
	.unrealize = scsi_unrealize,
};
