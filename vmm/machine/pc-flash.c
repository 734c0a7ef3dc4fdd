// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -drive if=pflash: the firmware in a flash chip (unit 0) and, if it is UEFI that keeps
 * variables, a second chip for these (unit 1). The first ends at 4 GiB, the second lies
 * below it. Runs once, after the RAM is there.
 */
#include "vmm/machine/internal.h"

#include "common/cleanup.h"
#include "vmm/block/block.h"
#include "vmm/legacy/flash.h"
#include "vmm/machine/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNITS   2
#define NO_UNIT UINT32_MAX

struct flash_opts {
	char *interface;
	uint32_t unit;
};

#define FIELD(f) .offset = offsetof(struct flash_opts, f)

static const struct opt_desc flash_options[] = {
	{ .name = "if", .type = OPT_STR, FIELD(interface) },
	{ .name = "unit", .type = OPT_U32, FIELD(unit) },
	OPT_ALIAS_ROW("index", "unit"),
	{ .name = NULL },
};

bool pc_drive_is_flash(const char *drive)
{
	struct opt_list opts = { 0 };
	const char *interface;
	bool flash;

	/* What is wrong with it is told by whoever opens it. */
	opt_list_parse(&opts, drive, "file", NULL);
	interface = opt_list_get(&opts, "if");
	flash = interface && !strcmp(interface, "pflash");
	opt_list_free(&opts);
	return flash;
}

bool pc_has_flash(const struct vm_config *config)
{
	for (unsigned i = 0; i < config->drives.count; i++)
		if (pc_drive_is_flash(config->drives.items[i]))
			return true;
	return false;
}

/* The chips' images by unit. */
struct chips {
	char *ids[UNITS];
	uint64_t sizes[UNITS];
};

static int choose_unit(const struct chips *chips, uint32_t *unit, struct err *err)
{
	for (unsigned i = 0; i < UNITS && *unit == NO_UNIT; i++)
		if (!chips->ids[i])
			*unit = i;
	if (*unit >= UNITS)
		return err_usage(err, "if=pflash has the units 0, for code, and 1, for "
		                      "variables");
	return chips->ids[*unit]
	               ? err_usage(err,
	                           "two drives are flash unit %u; give one of them "
	                           "the other unit=",
	                           *unit)
	               : 0;
}

static int check_file(const struct opt_list *opts, struct err *err)
{
	const char *file = opt_list_get(opts, "file");

	if (!file || !access(file, F_OK) || errno != ENOENT)
		return 0;
	return err_set(
		err, ENOENT,
		"there is no flash image %s; UEFI firmware is in the Debian package "
		"ovmf, as /usr/share/OVMF/OVMF_CODE_4M.fd and, to be copied for "
		"each guest, OVMF_VARS_4M.fd",
		file);
}

static int open_chip(struct pc *pc, struct opt_list *opts, struct chips *chips,
                     struct err *err)
{
	static const struct opt_desc *const tables[] = { flash_options, block_options,
		                                         NULL };
	struct flash_opts flash = { .unit = NO_UNIT };
	int ret = opts_check_keys(tables, opts, NULL, err);
	struct block_info info;
	struct block_node *node;
	char id[16];

	if (ret >= 0)
		ret = opts_take(flash_options, opts, &flash, NULL, err);
	opts_free(flash_options, &flash);
	if (ret >= 0)
		ret = choose_unit(chips, &flash.unit, err);
	if (ret >= 0)
		ret = check_file(opts, err);
	if (ret >= 0)
		ret = pc_default_snapshot(pc, opts, err);
	if (ret < 0)
		return ret;
	snprintf(id, sizeof(id), "pflash%u", flash.unit);
	if (!opt_list_get(opts, "id") && opt_list_add(opts, "id", id) < 0)
		return err_sys(err, ENOMEM, "flash");
	node = block_open(pc->vm.blocks, opts, err);
	if (!node)
		return -err->code;
	block_get_info(node, &info);
	chips->sizes[flash.unit] = info.length;
	chips->ids[flash.unit] = strdup(info.id);
	return chips->ids[flash.unit] ? 0 : err_sys(err, ENOMEM, "flash");
}

static int open_chips(struct pc *pc, struct chips *chips, struct err *err)
{
	const struct str_list *drives = &pc->config->drives;
	int ret = 0;

	for (unsigned i = 0; i < drives->count && ret >= 0; i++) {
		struct opt_list opts = { 0 };

		if (!pc_drive_is_flash(drives->items[i]))
			continue;
		ret = opt_list_parse(&opts, drives->items[i], "file", err);
		if (ret >= 0)
			ret = open_chip(pc, &opts, chips, err);
		opt_list_free(&opts);
	}
	if (ret >= 0 && !chips->ids[0])
		ret = err_usage(err, "variables alone start nothing; add the firmware's "
		                     "code as if=pflash,unit=0,readonly=on");
	return ret;
}

static struct device *add_chip(struct pc *pc, const char *id, unsigned unit,
                               uint64_t base, struct err *err)
{
	struct opt_list opts = { 0 };
	struct device *dev = NULL;
	char number[24];

	snprintf(number, sizeof(number), "0x%llx", (unsigned long long)base);
	if (opt_list_add(&opts, "drive", id) < 0 ||
	    opt_list_add(&opts, "unit", unit ? "1" : "0") < 0 ||
	    opt_list_add(&opts, "base", number) < 0)
		err_sys(err, ENOMEM, "flash");
	else
		dev = device_create(&pc->vm, &flash_class, &opts, err);
	opt_list_free(&opts);
	return dev;
}

static int add_chips(struct pc *pc, const struct chips *chips, struct err *err)
{
	uint64_t top = LAYOUT_4G;

	for (unsigned i = 0; i < UNITS && chips->ids[i]; i++) {
		struct device *dev;

		if (chips->sizes[i] > top - LAYOUT_FIRMWARE)
			return err_set(err, EFBIG,
			               "the flash images have more than 16 MiB together");
		top -= chips->sizes[i];
		dev = add_chip(pc, chips->ids[i], i, top, err);
		if (!dev)
			return -err->code;
		if (!i)
			pc->flash = dev;
	}
	return 0;
}

int pc_add_flash(struct pc *pc, struct err *err)
{
	struct chips chips = { 0 };
	int ret = open_chips(pc, &chips, err);

	if (ret >= 0)
		ret = add_chips(pc, &chips, err);
	for (unsigned i = 0; i < UNITS; i++)
		free(chips.ids[i]);
	err_prefix(err, "-drive if=pflash");
	return ret;
}
