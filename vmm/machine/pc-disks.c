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

static int interface_of(struct opt_list *opts, struct err *err)
{
	const char *name = opt_list_take(opts, "if"),
		   *media = opt_list_take(opts, "media");

	if (media && strcmp(media, "disk"))
		return err_usage(err, "media=%s is not supported; media=disk is", media);
	if (!name || !strcmp(name, "virtio"))
		return DISK_VIRTIO;
	if (!strcmp(name, "none"))
		return DISK_NONE;
	return err_usage(err,
	                 "if=%s is not supported; use if=virtio, or if=none with -device",
	                 name);
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
	int interface = interface_of(opts, err);
	const char *serial = opt_list_take(opts, "serial");
	char id[32];
	struct block_info info;
	struct block_node *node;

	if (interface < 0)
		return interface;
	opt_list_take(
		opts,
		"index"); /* the order on the command line is the order of the disks */
	if (!opt_list_get(opts, "id")) {
		snprintf(id, sizeof(id), "virtio%u", n);
		if (opt_list_add(opts, "id", id) < 0)
			return err_sys(err, ENOMEM, "-drive");
	}
	node = block_open(pc->vm.blocks, opts, err);
	if (!node) {
		err_prefix(err, "-drive");
		return -err->code;
	}
	if (interface == DISK_NONE)
		return 0;
	block_get_info(node, &info);
	return add_disk(pc, info.id, serial, err);
}

static int add_short(struct pc *pc, const char *path, unsigned n, struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = opt_list_add(&opts, "file", path);

	ret = ret < 0 ? err_sys(err, -ret, "-hd%c", 'a' + n)
	              : add_drive(pc, &opts, n, err);
	opt_list_free(&opts);
	return ret;
}

int pc_add_disks(struct pc *pc, struct err *err)
{
	unsigned n = 0;
	int ret = 0;

	for (unsigned i = 0; i < CONFIG_DISKS && ret >= 0; i++)
		if (pc->config->disks[i])
			ret = add_short(pc, pc->config->disks[i], n++, err);
	for (unsigned i = 0; i < pc->config->drives.count && ret >= 0; i++) {
		struct opt_list opts = { 0 };

		ret = opt_list_parse(&opts, pc->config->drives.items[i], "file", err);
		if (ret >= 0)
			ret = add_drive(pc, &opts, n++, err);
		err_prefix(err, "-drive %s", pc->config->drives.items[i]);
		opt_list_free(&opts);
	}
	return ret;
}
