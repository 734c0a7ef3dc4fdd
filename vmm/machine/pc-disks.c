// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -drive and its short forms: an image is opened, and unless if=none says that a -device
 * will use it, a disk or CD-ROM drive of the wanted interface is created for it.
 *
 * IDE has four places, index 0 to 3: -hda to -hdd are disks there, -cdrom is index 2.
 * Drives without an index take the places that no option names, in their order.
 */
#include "vmm/machine/internal.h"

#include "common/cleanup.h"
#include "common/strbuf.h"
#include "vmm/block/block.h"
#include "vmm/core/catalog.h"
#include "vmm/legacy/ide.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum disk_interface { DISK_IDE, DISK_VIRTIO, DISK_NONE };

#define PLACES      (IDE_CHANNELS * IDE_UNITS)
#define CDROM_INDEX 2

static const char *const interfaces[] = {
	[DISK_IDE] = "ide", [DISK_VIRTIO] = "virtio", [DISK_NONE] = "none"
};

/* What the guest side of one -drive is. */
struct disk {
	enum disk_interface interface;
	bool cdrom;
	int index; /* on IDE, -1: any */
	const char *serial;
};

static int interface_of(const char *name, struct err *err)
{
	for (unsigned i = 0; name && i < ARRAY_SIZE(interfaces); i++)
		if (!strcmp(name, interfaces[i]))
			return i;
	return name ? err_usage(err,
	                        "if=%s is not supported; use if=ide, if=virtio, or "
	                        "if=none with -device",
	                        name)
	            : DISK_IDE;
}

/* Takes the keys of the guest side out of opts. */
static int take_disk(struct opt_list *opts, struct disk *disk, struct err *err)
{
	const char *media = opt_list_take(opts, "media"),
		   *index = opt_list_take(opts, "index"),
		   *boot = opt_list_take(opts, "boot");
	int interface = interface_of(opt_list_take(opts, "if"), err);
	uint64_t n = 0;
	bool ignored;

	if (interface < 0)
		return interface;
	*disk = (struct disk){
		.interface = interface,
		.cdrom = media && !strcmp(media, "cdrom"),
		.index = -1,
		.serial = opt_list_take(opts, "serial"),
	};
	if (media && !disk->cdrom && strcmp(media, "disk"))
		return err_usage(err, "media=%s is not supported; use disk or cdrom",
		                 media);
	if (disk->cdrom && interface == DISK_VIRTIO)
		return err_usage(err, "media=cdrom needs if=ide");
	/* All drives can be booted from; the order is -boot's. */
	if (boot && opt_parse_bool(boot, &ignored) < 0)
		return err_usage(err, "boot=%s is neither on nor off", boot);
	if (!index)
		return 0;
	if (opt_parse_u64(index, &n) < 0 || (interface == DISK_IDE && n >= PLACES))
		return err_usage(err, "index=%s is no place; IDE has 0 to %u", index,
		                 PLACES - 1);
	disk->index = interface == DISK_IDE ? (int)n : -1;
	return 0;
}

/* A value inside option text: commas are doubled. */
static void add_value(struct strbuf *out, const char *key, const char *value)
{
	strbuf_addf(out, "%s%s=", out->len ? "," : "", key);
	for (; *value; value++)
		strbuf_addf(out, *value == ',' ? ",," : "%c", *value);
}

static int add_disk(struct pc *pc, const struct disk *disk, const char *drive,
                    struct err *err)
{
	const char *name = disk->interface == DISK_VIRTIO ? "virtio-blk-pci"
	                   : disk->cdrom                  ? "ide-cd"
	                                                  : "ide-hd";
	_cleanup_strbuf_ struct strbuf opts = { 0 };

	if (drive)
		add_value(&opts, "drive", drive);
	if (disk->serial)
		add_value(&opts, "serial", disk->serial);
	if (disk->interface == DISK_IDE)
		strbuf_addf(&opts, "%sbus=ide.%u,unit=%u", opts.len ? "," : "",
		            disk->index / IDE_UNITS, disk->index % IDE_UNITS);
	if (opts.failed)
		return err_sys(err, ENOMEM, "disk");
	if (!device_create_simple(&pc->vm, catalog_find(name), opts.data, err))
		return -err->code;
	return 0;
}

/* Gives a drive without an index its place; a place is a bit of *taken. */
static int find_place(struct disk *disk, unsigned *taken, struct err *err)
{
	for (unsigned i = 0; i < PLACES && disk->index < 0; i++) {
		if (*taken & 1u << i)
			continue;
		*taken |= 1u << i;
		disk->index = i;
	}
	return disk->index >= 0
	               ? 0
	               : err_usage(err, "the %u places of IDE are taken; use if=virtio",
	                           PLACES);
}

static void make_id(const struct disk *disk, unsigned n, char *id, size_t size)
{
	if (disk->interface == DISK_IDE)
		snprintf(id, size, "ide%u-%s%u", disk->index / IDE_UNITS,
		         disk->cdrom ? "cd" : "hd", disk->index % IDE_UNITS);
	else
		snprintf(id, size, "%s%u", interfaces[disk->interface], n);
}

static int add_drive(struct pc *pc, struct opt_list *opts, unsigned n, unsigned *taken,
                     struct err *err)
{
	struct disk disk;
	char id[32];
	struct block_info info;
	struct block_node *node;
	int ret = take_disk(opts, &disk, err);

	if (ret >= 0 && disk.interface == DISK_IDE)
		ret = find_place(&disk, taken, err);
	if (ret < 0)
		return ret;
	if (disk.cdrom && disk.interface == DISK_IDE && !opt_list_get(opts, "file"))
		return add_disk(pc, &disk, NULL, err);
	make_id(&disk, n, id, sizeof(id));
	if ((!opt_list_get(opts, "id") && opt_list_add(opts, "id", id) < 0) ||
	    (disk.cdrom && opt_list_add(opts, "readonly", "on") < 0))
		return err_sys(err, ENOMEM, "-drive");
	node = block_open(pc->vm.blocks, opts, err);
	if (!node) {
		err_prefix(err, "-drive");
		return -err->code;
	}
	if (disk.interface == DISK_NONE)
		return 0;
	block_get_info(node, &info);
	return add_disk(pc, &disk, info.id, err);
}

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
		struct disk disk = { .index = -1 };

		ret = opt_list_parse(&opts, config->drives.items[i], "file", err);
		if (ret >= 0)
			ret = take_disk(&opts, &disk, err);
		if (ret >= 0 && disk.index >= 0)
			ret = claim(taken, disk.index, "-drive", err);
		err_prefix(err, "-drive %s", config->drives.items[i]);
		opt_list_free(&opts);
	}
	return ret;
}

int pc_add_disks(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;
	unsigned taken = 0;
	int ret = claim_all(config, &taken, err);

	for (unsigned i = 0; i < CONFIG_DISKS && ret >= 0; i++)
		if (config->disks[i])
			ret = add_short(pc, config->disks[i], i, false, &taken, err);
	if (ret >= 0 && config->cdrom)
		ret = add_short(pc, config->cdrom, CDROM_INDEX, true, &taken, err);
	for (unsigned i = 0; i < config->drives.count && ret >= 0; i++) {
		struct opt_list opts = { 0 };

		ret = opt_list_parse(&opts, config->drives.items[i], "file", err);
		if (ret >= 0)
			ret = add_drive(pc, &opts, i, &taken, err);
		err_prefix(err, "-drive %s", config->drives.items[i]);
		opt_list_free(&opts);
	}
	return ret;
}
