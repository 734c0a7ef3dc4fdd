// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -drive and its short forms: an image is opened, and unless if=none says that a -device
 * will use it, a disk of the wanted interface is created for it.
 */
#include "vmm/machine/internal.h"

#include "common/strbuf.h"
#include "vmm/block/block.h"
#include "vmm/core/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum disk_interface { DISK_VIRTIO, DISK_NONE };

/* The guest's side of a drive; the image's is block_options. */
struct disk_opts {
	int interface, media;
	uint32_t index;
	char *serial;
};

static const char *const interfaces[] = { "virtio", "none", NULL };
static const char *const media[] = { "disk", NULL };

static const struct opt_desc disk_options[] = {
	{ .name = "if",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct disk_opts, interface),
	  .def = "virtio",
	  .choices = interfaces,
	  .help = "how the guest sees it; none: only through a -device" },
	{ .name = "media",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct disk_opts, media),
	  .def = "disk",
	  .choices = media,
	  .help = "what it is" },
	{ .name = "index",
	  .type = OPT_U32,
	  .offset = offsetof(struct disk_opts, index),
	  .help = "accepted; the order of the options is the order of the disks" },
	{ .name = "serial",
	  .type = OPT_STR,
	  .offset = offsetof(struct disk_opts, serial),
	  .help = "serial number that the guest reads" },
	{ .name = NULL },
};

void pc_drive_help(struct strbuf *out)
{
	strbuf_adds(out, "-drive options:\n");
	opts_help(disk_options, out);
	opts_help(block_options, out);
}

/* A value inside option text: commas are doubled. */
static void add_value(struct strbuf *out, const char *key, const char *value)
{
	strbuf_addf(out, "%s%s=", out->len ? "," : "", key);
	for (; *value; value++)
		strbuf_addf(out, *value == ',' ? ",," : "%c", *value);
}

static int add_disk(struct pc *pc, const char *id, const char *serial, struct err *err)
{
	_cleanup_strbuf_ struct strbuf opts = { 0 };

	add_value(&opts, "drive", id);
	if (serial)
		add_value(&opts, "serial", serial);
	if (opts.failed)
		return err_sys(err, ENOMEM, "disk");
	if (!device_create_simple(&pc->vm, catalog_find("virtio-blk-pci"), opts.data,
	                          err))
		return -err->code;
	return 0;
}

static int add_drive(struct pc *pc, struct opt_list *opts, unsigned n, struct err *err)
{
	static const struct opt_desc *const tables[] = { disk_options, block_options,
		                                         NULL };
	struct disk_opts disk = { 0 };
	struct block_node *node = NULL;
	struct block_info info;
	char id[32];
	int ret = opts_check_keys(tables, opts, NULL, err);

	if (ret >= 0)
		ret = opts_take(disk_options, opts, &disk, NULL, err);
	if (ret >= 0 && !opt_list_get(opts, "id")) {
		snprintf(id, sizeof(id), "virtio%u", n);
		if (opt_list_add(opts, "id", id) < 0)
			ret = err_sys(err, ENOMEM, "disk");
	}
	if (ret >= 0)
		node = block_open(pc->vm.blocks, opts, err);
	if (node && disk.interface == DISK_VIRTIO) {
		block_get_info(node, &info);
		ret = add_disk(pc, info.id, disk.serial, err);
	}
	opts_free(disk_options, &disk);
	return node ? ret : -err->code;
}

static int add_short(struct pc *pc, unsigned disk, unsigned n, struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = opt_list_add(&opts, "file", pc->config->disks[disk]);

	ret = ret < 0 ? err_sys(err, -ret, "disk") : add_drive(pc, &opts, n, err);
	err_prefix(err, "-hd%c", 'a' + disk);
	opt_list_free(&opts);
	return ret;
}

int pc_add_disks(struct pc *pc, struct err *err)
{
	unsigned n = 0;
	int ret = 0;

	for (unsigned i = 0; i < CONFIG_DISKS && ret >= 0; i++)
		if (pc->config->disks[i])
			ret = add_short(pc, i, n++, err);
	for (unsigned i = 0; i < pc->config->drives.count && ret >= 0; i++) {
		struct opt_list opts = { 0 };

		ret = opt_list_parse(&opts, pc->config->drives.items[i], "file", err);
		if (ret >= 0)
			ret = add_drive(pc, &opts, n++, err);
		err_prefix(err, "-drive");
		opt_list_free(&opts);
	}
	return ret;
}
