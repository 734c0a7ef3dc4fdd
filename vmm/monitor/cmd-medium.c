// SPDX-License-Identifier: GPL-2.0-or-later
/* Media of drives that have a tray: out, in, and another one. */
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/block/block.h"
#include "vmm/core/vm.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- which drive ---- */

static struct block_node *find_user(struct block_registry *reg, const char *device)
{
	struct block_node *node = NULL;

	while ((node = block_next(reg, node)))
		if (block_user(node) && !strcmp(block_user(node), device))
			return node;
	return NULL;
}

/* "device" is the name of the drive, "id" that of the device that has it. */
static struct block_node *find_drive(struct mon_ctx *ctx, const json_t *args,
                                     struct err *err)
{
	const char *device = mon_str(args, "device", NULL),
		   *id = mon_str(args, "id", NULL);
	struct block_registry *reg = ctx->vm->blocks;
	struct block_node *node;

	if (!device == !id) {
		err_usage(err, "Need exactly one of 'device' and 'id'");
		return NULL;
	}
	node = device ? block_find(reg, device) : find_user(reg, id);
	if (!node)
		err_set(err, ENODEV, "Device '%s' not found", device ? device : id);
	return node;
}

/* ---- tray and medium ---- */

static int run_open(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	struct block_node *node = find_drive(ctx, args, err);

	(void)result;
	return node ? block_open_tray(node, mon_bool(args, "force", false), err)
	            : -err->code;
}

static int run_close(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	struct block_node *node = find_drive(ctx, args, err);

	(void)result;
	return node ? block_close_tray(node, err) : -err->code;
}

static int run_remove(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	struct block_node *node = find_drive(ctx, args, err);

	(void)result;
	return node ? block_remove_medium(node, err) : -err->code;
}

static int run_eject(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	int ret = run_open(ctx, args, result, err);

	return ret < 0 ? ret : run_remove(ctx, args, result, err);
}

static int run_insert(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	struct block_node *node = find_drive(ctx, args, err), *medium;
	const char *name = mon_str(args, "node-name", "");
	struct err note = { 0 };

	(void)result;
	if (!node)
		return -err->code;
	medium = block_find(ctx->vm->blocks, name);
	if (!medium || block_is_removable(medium))
		return err_set(err, ENOENT, "Node '%s' not found", name);
	if (block_check_cd(medium, &note) < 0)
		log_warn("%s", note.text);
	return block_insert_medium(node, medium, err);
}

/* ---- another one ---- */

/* note: what is wrong with a medium that is in nevertheless. */
static int change(struct mon_ctx *ctx, const json_t *args, const char *file,
                  const char *format, struct err *note, struct err *err)
{
	const char *mode = mon_str(args, "read-only-mode", "retain");
	struct block_node *node = find_drive(ctx, args, err);
	struct opt_list opts = { 0 };
	int ret = node ? 0 : -err->code;

	if (ret >= 0 && strcmp(mode, "retain") && strcmp(mode, "read-only") &&
	    strcmp(mode, "read-write"))
		ret = err_usage(err,
		                "Invalid parameter '%s'; use retain, read-only or "
		                "read-write",
		                mode);
	if (ret < 0)
		return ret;
	if (opt_list_add(&opts, "file", file) < 0 ||
	    opt_list_add(&opts, "readonly", strcmp(mode, "read-write") ? "on" : "off") <
	            0 ||
	    (format && opt_list_add(&opts, "format", format) < 0))
		ret = err_sys(err, ENOMEM, "medium");
	if (ret >= 0)
		ret = block_change_medium(node, &opts, mon_bool(args, "force", false),
		                          err);
	opt_list_free(&opts);
	if (ret >= 0)
		block_check_cd(node, note);
	return ret;
}

static int run_change(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	struct err note = { 0 };
	int ret = change(ctx, args, mon_str(args, "filename", ""),
	                 mon_str(args, "format", NULL), &note, err);

	(void)result;
	if (note.code)
		log_warn("%s", note.text);
	return ret;
}

/* "change vnc password [SECRET]" is the other thing that this command does. */
static int run_hmp_change(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	const char *target = mon_str(args, "target", ""),
		   *arg = mon_str(args, "arg", NULL);
	char text[sizeof(((struct err *)0)->text) + 16];
	struct err note = { 0 };
	int ret;

	if (!strcmp(mon_str(args, "device", ""), "vnc"))
		return mon_change_vnc(ctx, target, arg, err);
	ret = change(ctx, args, target, arg, &note, err);
	snprintf(text, sizeof(text), "Warning: %s\n", note.text);
	if (note.code)
		*result = mon_text(text);
	return ret;
}

/* ---- the table ---- */

static const struct mon_arg open_args[] = {
	{ "device", MON_STR, true, 0, 0, MON_PROPOSE_DRIVES },
	{ "id", MON_STR, true, 0, 0, 0 },
	{ "force", MON_FLAG, true, 'f', 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg close_args[] = {
	{ "device", MON_STR, true, 0, 0, 0 },
	{ "id", MON_STR, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg remove_args[] = {
	{ "id", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg insert_args[] = {
	{ "id", MON_STR, false, 0, 0, 0 },
	{ "node-name", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg medium_args[] = {
	{ "device", MON_STR, true, 0, 0, 0 },
	{ "id", MON_STR, true, 0, 0, 0 },
	{ "filename", MON_STR, false, 0, 0, 0 },
	{ "format", MON_STR, true, 0, 0, 0 },
	{ "force", MON_BOOL, true, 0, 0, 0 },
	{ "read-only-mode", MON_STR, true, 0, MON_OF_READ_ONLY_MODE, 0 },
	{ .name = NULL },
};

static const struct mon_arg change_args[] = {
	{ "force", MON_FLAG, true, 'f', 0, 0 },
	{ "device", MON_STR, false, 0, 0, MON_PROPOSE_DRIVES },
	{ "target", MON_STR, false, 0, 0, 0 },
	{ "arg", MON_STR, true, 0, 0, 0 },
	{ "read-only-mode", MON_STR, true, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_medium_commands[] = {
	{ "eject", "eject", "take the medium out of a drive; -f: although it is locked",
	  open_args, NULL, run_eject, NULL },
	{ NULL, "change",
	  "another medium for a drive: change [-f] drive file [format [read-only-mode]]; "
	  "or change vnc password [X]",
	  change_args, NULL, run_hmp_change, NULL },
	{ "blockdev-change-medium", NULL, "another medium for a drive", medium_args, NULL,
	  run_change, NULL },
	{ "blockdev-open-tray", NULL, "open the tray of a drive", open_args, NULL,
	  run_open, NULL },
	{ "blockdev-close-tray", NULL, "close the tray of a drive", close_args, NULL,
	  run_close, NULL },
	{ "blockdev-remove-medium", NULL, "take the medium out of an open tray",
	  remove_args, NULL, run_remove, NULL },
	{ "blockdev-insert-medium", NULL,
	  "put a node of blockdev-add's into an open tray", insert_args, NULL, run_insert,
	  NULL },
	{ .help = NULL },
};
