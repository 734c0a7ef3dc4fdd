// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -drive and its short forms: an image is opened, and unless if=none says that a -device
 * will use it, a disk or CD-ROM drive of the wanted interface is created for it.
 *
 * IDE has four places, index 0 to 3: -hda to -hdd are disks there, -cdrom is index 2.
 * Drives without an index take the places that no option names, in their order. SCSI
 * drives are targets of controllers that are made for them, SCSI_UNITS on each.
 */
#include "vmm/machine/internal.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "vmm/block/block.h"
#include "vmm/core/catalog.h"
#include "vmm/legacy/ide.h"
#include "vmm/machine/control.h"
#include "vmm/scsi/scsi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum disk_interface { DISK_IDE, DISK_SCSI, DISK_VIRTIO, DISK_PFLASH, DISK_NONE };
enum disk_media { MEDIA_DISK, MEDIA_CDROM };

#define PLACES           (IDE_CHANNELS * IDE_UNITS)
#define CDROM_INDEX      2
#define CDROM_INDEX_TEXT "2"
#define NO_INDEX         UINT32_MAX
#define SCSI_UNITS       7 /* of a bus, as in QEMU */
#define SCSI_BUSES       16

#define NO_PLACE         .index = NO_INDEX, .bus = NO_INDEX, .unit = NO_INDEX

/* The guest's side of a drive; the image's is block_options. */
struct disk_opts {
	int interface;
	int media;
	uint32_t index; /* NO_INDEX: any */
	uint32_t bus, unit;
	bool boot;
	char *serial;
};

static const char *const interfaces[] = {
	"ide", "scsi", "virtio", "pflash", "none", NULL
};
static const char *const media[] = { "disk", "cdrom", NULL };

#define FIELD(f) .offset = offsetof(struct disk_opts, f)

static const struct opt_desc disk_options[] = {
	{ .name = "if",
	  .type = OPT_ENUM,
	  FIELD(interface),
	  OPT_CHOICES(interfaces, DISK_IDE),
	  .help = "how the guest sees it; pflash: as firmware; none: only through a "
	          "-device" },
	{ .name = "media",
	  .type = OPT_ENUM,
	  FIELD(media),
	  OPT_CHOICES(media, MEDIA_DISK),
	  .help = "what it is" },
	{ .name = "index",
	  .type = OPT_U32,
	  FIELD(index),
	  .help = "place on IDE or SCSI (the first that is free); of flash 0 or 1" },
	{ .name = "bus",
	  .type = OPT_U32,
	  FIELD(bus),
	  .max = SCSI_BUSES - 1,
	  .help = "with unit, in place of index: which bus" },
	{ .name = "unit",
	  .type = OPT_U32,
	  FIELD(unit),
	  .max = SCSI_UNITS - 1,
	  .help = "which place there" },
	{ .name = "boot",
	  .type = OPT_BOOL,
	  FIELD(boot),
	  .help = "accepted; -boot and bootindex= say what is booted" },
	{ .name = "serial",
	  .type = OPT_STR,
	  FIELD(serial),
	  .help = "serial number that the guest reads" },
	{ .name = NULL },
};

void pc_drive_help(struct strbuf *out)
{
	strbuf_adds(out, "-drive options:\n");
	opts_help(disk_options, out);
	opts_help(block_options, out);
}

/* Bus and unit become an index, which must be a place. */
static int check_place(struct disk_opts *disk, struct err *err)
{
	bool scsi = disk->interface == DISK_SCSI;
	unsigned units = scsi ? SCSI_UNITS : IDE_UNITS,
		 places = units * (scsi ? SCSI_BUSES : IDE_CHANNELS);

	if (!scsi && disk->interface != DISK_IDE)
		disk->index = disk->bus = disk->unit = NO_INDEX;
	if (disk->bus != NO_INDEX || disk->unit != NO_INDEX) {
		if (disk->index != NO_INDEX)
			return err_usage(err, "give index=, or bus= and unit=, not both");
		if (disk->bus == NO_INDEX)
			disk->bus = 0;
		if (disk->unit == NO_INDEX)
			disk->unit = 0;
		disk->index =
			disk->unit < units ? disk->bus * units + disk->unit : places;
	}
	if (disk->index != NO_INDEX && disk->index >= places)
		return err_usage(err,
		                 "index=%u is no place; %s has 0 to %u, units 0 to %u of "
		                 "each bus",
		                 disk->index, scsi ? "SCSI" : "IDE", places - 1,
		                 units - 1);
	return 0;
}

/* Takes the keys of the guest's side out of opts. */
static int take_disk(struct opt_list *opts, struct disk_opts *disk, struct err *err)
{
	int ret;

	*disk = (struct disk_opts){ NO_PLACE };
	ret = opts_take(disk_options, opts, disk, NULL, err);
	if (ret < 0)
		return ret;
	if (disk->media == MEDIA_CDROM && disk->interface == DISK_VIRTIO)
		return err_usage(err, "media=cdrom needs if=ide or if=scsi");
	return check_place(disk, err);
}

/* A value inside option text: commas are doubled. */
static void add_value(struct strbuf *out, const char *key, const char *value)
{
	strbuf_addf(out, "%s%s=", out->len ? "," : "", key);
	for (; *value; value++)
		strbuf_addf(out, *value == ',' ? ",," : "%c", *value);
}

static const char *class_of(const struct disk_opts *disk)
{
	bool cd = disk->media == MEDIA_CDROM;

	if (disk->interface == DISK_SCSI)
		return cd ? "scsi-cd" : "scsi-hd";
	return disk->interface == DISK_VIRTIO ? "virtio-blk-pci"
	       : cd                           ? "ide-cd"
	                                      : "ide-hd";
}

/* The nth controller of SCSI drives; those before it come with it. */
static struct scsi_bus *scsi_bus(struct pc *pc, unsigned n, struct err *err)
{
	struct scsi_bus **p = &pc->vm.scsi_buses;

	for (;; p = &(*p)->next) {
		if (!*p && !device_create_simple(&pc->vm, catalog_find("virtio-scsi-pci"),
		                                 "", err))
			return NULL;
		if (!n--)
			return *p;
	}
}

static int add_disk(struct pc *pc, const struct disk_opts *disk, const char *drive,
                    struct err *err)
{
	const char *name = class_of(disk);
	_cleanup_strbuf_ struct strbuf opts = { 0 };

	add_value(&opts, "drive", drive);
	if (disk->serial)
		add_value(&opts, "serial", disk->serial);
	if (disk->interface == DISK_IDE)
		strbuf_addf(&opts, "%sbus=ide.%u,unit=%u", opts.len ? "," : "",
		            disk->index / IDE_UNITS, disk->index % IDE_UNITS);
	if (disk->interface == DISK_SCSI)
		strbuf_addf(&opts, ",bus=scsi.%u,scsi-id=%u", disk->index / SCSI_UNITS,
		            disk->index % SCSI_UNITS);
	if (opts.failed)
		return err_sys(err, ENOMEM, "disk");
	if (!device_create_simple(&pc->vm, catalog_find(name), opts.data, err))
		return -err->code;
	return 0;
}

/* Gives a drive without an index its place; a place is a bit of *taken. */
static int find_place(struct disk_opts *disk, unsigned *taken, struct err *err)
{
	for (unsigned i = 0; i < PLACES && disk->index == NO_INDEX; i++) {
		if (*taken & 1u << i)
			continue;
		*taken |= 1u << i;
		disk->index = i;
	}
	return disk->index != NO_INDEX
	               ? 0
	               : err_usage(err, "the %u places of IDE are taken; use if=virtio",
	                           PLACES);
}

static int find_target(struct pc *pc, struct disk_opts *disk, struct err *err)
{
	unsigned i = disk->index == NO_INDEX ? 0 : disk->index;

	for (; i < SCSI_UNITS * SCSI_BUSES; i++) {
		struct scsi_bus *bus = scsi_bus(pc, i / SCSI_UNITS, err);

		if (!bus)
			return -err->code;
		if (disk->index != NO_INDEX)
			return 0;
		if (!scsi_has_unit(bus, i % SCSI_UNITS, SCSI_ALL_LUNS)) {
			disk->index = i;
			return 0;
		}
	}
	return err_usage(err, "the %u places of SCSI are taken; use -device scsi-hd",
	                 SCSI_UNITS * SCSI_BUSES);
}

static void make_id(const struct disk_opts *disk, unsigned n, char *id, size_t size)
{
	bool scsi = disk->interface == DISK_SCSI;
	unsigned units = scsi ? SCSI_UNITS : IDE_UNITS;

	if (scsi || disk->interface == DISK_IDE)
		snprintf(id, size, "%s%u-%s%u", interfaces[disk->interface], n / units,
		         disk->media == MEDIA_CDROM ? "cd" : "hd", n % units);
	else
		snprintf(id, size, "%s%u", interfaces[disk->interface], n);
}

/* The guest is meant to start from a CD: it is asked for, or there is nothing else. */
static bool boots_cd(const struct pc *pc)
{
	const struct vm_config *config = pc->config;
	const struct boot_config *boot = &config->boot;
	const char *order = boot->once ? boot->once : boot->order;
	unsigned media = config->drives.count + (config->cdrom ? 1 : 0);

	for (unsigned i = 0; i < CONFIG_DISKS; i++)
		media += config->disks[i] ? 1 : 0;
	return pc->vm.firmware && !config->kernel &&
	       ((order && *order == 'd') || media == 1);
}

static void check_cd(const struct pc *pc, struct block_node *node)
{
	struct block_info info;
	struct err note = { 0 };

	block_get_info(node, &info);
	if (block_check_cd(node, &note) < 0)
		log_warn("%s", note.text);
	else if (pc->vm.runstate == VM_PRELAUNCH && boots_cd(pc) && !block_cd_boots(node))
		log_warn("the CD image %s has no boot record (El Torito): the firmware "
		         "cannot start from it; give an image that boots, or a disk",
		         info.path);
}

int pc_default_snapshot(struct pc *pc, struct opt_list *opts, struct err *err)
{
	if (pc->config->snapshot && !opt_list_get(opts, "snapshot") &&
	    opt_list_add(opts, "snapshot", "on") < 0)
		return err_sys(err, ENOMEM, "disk");
	return 0;
}

/* Opens what opts names: an image, or a CD-ROM drive without one. */
static struct block_node *open_node(struct pc *pc, const struct disk_opts *disk,
                                    struct opt_list *opts, struct err *err)
{
	struct block_node *node;

	if (disk->media == MEDIA_CDROM && !opt_list_get(opts, "file"))
		return block_new_drive(pc->vm.blocks, opt_list_take(opts, "id"), err);
	if (disk->media == MEDIA_CDROM && opt_list_add(opts, "readonly", "on") < 0) {
		err_sys(err, ENOMEM, "disk");
		return NULL;
	}
	node = block_open(pc->vm.blocks, opts, err);
	if (!node)
		return NULL;
	block_set_auto_close(node);
	if (disk->media == MEDIA_CDROM)
		check_cd(pc, node);
	return node;
}

/* Keys that no drive has are told before anything is opened. */
static int take_options(struct opt_list *opts, struct disk_opts *disk, struct err *err)
{
	static const struct opt_desc *const tables[] = { disk_options, block_options,
		                                         NULL };
	int ret = opts_check_keys(tables, opts, NULL, err);

	return ret < 0 ? ret : take_disk(opts, disk, err);
}

static int add_drive(struct pc *pc, struct opt_list *opts, unsigned n, unsigned *taken,
                     struct err *err)
{
	struct disk_opts disk = { 0 };
	struct block_node *node = NULL;
	struct block_info info;
	char id[32];
	int ret = take_options(opts, &disk, err);

	if (ret >= 0 && disk.interface == DISK_IDE)
		ret = find_place(&disk, taken, err);
	if (ret >= 0 && disk.interface == DISK_SCSI)
		ret = find_target(pc, &disk, err);
	make_id(&disk, disk.index == NO_INDEX ? n : disk.index, id, sizeof(id));
	if (ret >= 0 && !opt_list_get(opts, "id") && opt_list_add(opts, "id", id) < 0)
		ret = err_sys(err, ENOMEM, "disk");
	if (ret >= 0)
		ret = pc_default_snapshot(pc, opts, err);
	if (ret >= 0) {
		node = open_node(pc, &disk, opts, err);
		ret = node ? 0 : -err->code;
	}
	if (ret >= 0 && disk.interface != DISK_NONE) {
		block_get_info(node, &info);
		ret = add_disk(pc, &disk, info.id, err);
	}
	opts_free(disk_options, &disk);
	return ret;
}

/* ---- while the machine runs ---- */

static int plug_disk(struct pc *pc, const struct disk_opts *disk, const char *slot,
                     const char *drive, struct device **added, struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = opt_list_add(&opts, "driver", class_of(disk));

	if (ret >= 0)
		ret = opt_list_add(&opts, "drive", drive);
	/* A name for device_del. */
	if (ret >= 0 && !device_find(&pc->vm, drive))
		ret = opt_list_add(&opts, "id", drive);
	if (ret >= 0 && slot)
		ret = opt_list_add(&opts, "addr", slot);
	if (ret >= 0 && disk->serial)
		ret = opt_list_add(&opts, "serial", disk->serial);
	ret = ret < 0 ? err_sys(err, -ret, "disk") : pc_device_add(pc, &opts, added, err);
	opt_list_free(&opts);
	return ret;
}

int pc_drive_add(struct pc *pc, const char *slot, struct opt_list *opts,
                 struct device **added, struct err *err)
{
	struct disk_opts disk = { 0 };
	struct block_node *node = NULL;
	struct block_info info;
	char id[32];
	int ret = take_options(opts, &disk, err);

	if (ret >= 0 && disk.interface == DISK_IDE)
		ret = err_usage(err, "IDE disks cannot come to a machine that runs; use "
		                     "if=virtio, or if=none and device_add");
	for (unsigned n = 0; ret >= 0 && !opt_list_get(opts, "id"); n++) {
		make_id(&disk, n, id, sizeof(id));
		if (!block_find(pc->vm.blocks, id) && opt_list_add(opts, "id", id) < 0)
			ret = err_sys(err, ENOMEM, "disk");
	}
	if (ret >= 0) {
		node = open_node(pc, &disk, opts, err);
		ret = node ? 0 : -err->code;
	}
	if (ret >= 0 && disk.interface != DISK_NONE) {
		block_get_info(node, &info);
		ret = plug_disk(pc, &disk, slot, info.id, added, err);
		if (ret < 0)
			block_remove(node);
	}
	opts_free(disk_options, &disk);
	return ret;
}

/* ---- the command line ---- */

static int add_short(struct pc *pc, const char *path, unsigned index, bool cdrom,
                     unsigned *taken, struct err *err)
{
	struct opt_list opts = { 0 };
	char number[2] = { '0' + index, '\0' };
	int ret = opt_list_add(&opts, "file", path);

	if (!ret)
		ret = opt_list_add(&opts, "index", number);
	if (!ret && cdrom)
		ret = opt_list_add(&opts, "media", "cdrom");
	ret = ret < 0 ? err_sys(err, -ret, "disk")
	              : add_drive(pc, &opts, index, taken, err);
	if (cdrom)
		err_prefix(err, "-cdrom");
	else
		err_prefix(err, "-hd%c", 'a' + index);
	opt_list_free(&opts);
	return ret;
}

/* Notes the place that an option asks for. */
static int claim(unsigned *taken, unsigned index, const char *what, struct err *err)
{
	if (*taken & 1u << index)
		return err_usage(err, "%s: another disk has index=%u already", what,
		                 index);
	*taken |= 1u << index;
	return 0;
}

static int claim_all(const struct vm_config *config, unsigned *taken, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < CONFIG_DISKS && ret >= 0; i++)
		if (config->disks[i])
			ret = claim(taken, i, config->disks[i], err);
	if (ret >= 0 && config->cdrom)
		ret = claim(taken, CDROM_INDEX, "-cdrom", err);
	for (unsigned i = 0; i < config->drives.count && ret >= 0; i++) {
		struct opt_list opts = { 0 };
		struct disk_opts disk = { NO_PLACE };

		/* What is wrong with it is told when it is opened. */
		if (opt_list_parse(&opts, config->drives.items[i], "file", NULL) >= 0 &&
		    take_disk(&opts, &disk, NULL) >= 0 && disk.interface == DISK_IDE &&
		    disk.index != NO_INDEX)
			ret = claim(taken, disk.index, "-drive", err);
		opts_free(disk_options, &disk);
		opt_list_free(&opts);
	}
	return ret;
}

/* As in QEMU there is a drive for a CD that may come, unless something else is there; but
 * a guest that starts in its kernel is not made to look for it. */
static int add_default_cdrom(struct pc *pc, unsigned *taken, struct err *err)
{
	const struct vm_config *config = pc->config;
	struct opt_list opts = { 0 };
	int ret = 0;

	if (config->nodefaults || config->kernel || !pc->vm.firmware ||
	    *taken & 1u << CDROM_INDEX)
		return 0;
	for (unsigned i = 0; i < config->devices.count; i++)
		if (!strncmp(config->devices.items[i], "ide-", 4) ||
		    !strncmp(config->devices.items[i], "scsi-", 5))
			return 0;
	if (opt_list_add(&opts, "media", "cdrom") < 0 ||
	    opt_list_add(&opts, "index", CDROM_INDEX_TEXT) < 0)
		ret = err_sys(err, ENOMEM, "disk");
	if (ret >= 0)
		ret = add_drive(pc, &opts, 0, taken, err);
	opt_list_free(&opts);
	return ret;
}

/* Before all that may refer to them. */
static int add_blockdevs(struct pc *pc, struct err *err)
{
	const struct str_list *list = &pc->config->blockdevs;
	int ret = 0;

	for (unsigned i = 0; i < list->count && ret >= 0; i++) {
		struct opt_list opts = { 0 };

		ret = opt_list_parse(&opts, list->items[i], "driver", err);
		if (ret >= 0 && !block_add_node(pc->vm.blocks, &opts, err))
			ret = -err->code;
		err_prefix(err, "-blockdev %s", list->items[i]);
		opt_list_free(&opts);
	}
	return ret;
}

int pc_add_disks(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;
	unsigned taken = 0;
	int ret = claim_all(config, &taken, err);

	if (ret >= 0)
		ret = add_blockdevs(pc, err);
	for (unsigned i = 0; i < CONFIG_DISKS && ret >= 0; i++)
		if (config->disks[i])
			ret = add_short(pc, config->disks[i], i, false, &taken, err);
	if (ret >= 0 && config->cdrom)
		ret = add_short(pc, config->cdrom, CDROM_INDEX, true, &taken, err);
	for (unsigned i = 0; i < config->drives.count && ret >= 0; i++) {
		struct opt_list opts = { 0 };

		if (pc_drive_is_flash(config->drives.items[i]))
			continue;
		ret = opt_list_parse(&opts, config->drives.items[i], "file", err);
		if (ret >= 0)
			ret = add_drive(pc, &opts, i, &taken, err);
		err_prefix(err, "-drive");
		opt_list_free(&opts);
	}
	return ret < 0 ? ret : add_default_cdrom(pc, &taken, err);
}
