// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices, drives and networks that come and go while the machine runs. */
#include "common/cleanup.h"
#include "vmm/block/block.h"
#include "vmm/core/catalog.h"
#include "vmm/core/vm.h"
#include "vmm/machine/control.h"
#include "vmm/monitor/jsonopts.h"
#include "vmm/monitor/tables.h"
#include "vmm/net/net.h"

#include <errno.h>
#include <string.h>

#define START_MS 10000 /* for the helper of a network */

/* The human monitor's "args", as on the command line, or QMP's members. */
static int collect(const json_t *args, const char *implied, struct opt_list *opts,
                   struct err *err)
{
	const char *text = mon_str(args, "args", NULL);

	return text ? opt_list_parse(opts, text, implied, err)
	            : jsonopts_flatten(opts, args, err);
}

/* ---- devices ---- */

static int run_device_add(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = collect(args, "driver", &opts, err);

	(void)result;
	if (ret >= 0)
		ret = pc_device_add(ctx->pc, &opts, NULL, err);
	opt_list_free(&opts);
	return ret;
}

static int run_device_del(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	(void)result;
	return pc_device_del(ctx->pc, mon_str(args, "id", ""), err);
}

/* ---- objects ---- */

static int run_object_add(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = collect(args, "qom-type", &opts, err);

	(void)result;
	if (ret >= 0)
		ret = pc_object_add(ctx->pc, &opts, err);
	opt_list_free(&opts);
	return ret;
}

static int run_object_del(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	(void)result;
	return pc_object_del(ctx->pc, mon_str(args, "id", ""), err);
}

/* ---- networks ---- */

static int add_netdev(struct mon_ctx *ctx, const json_t *args, struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = collect(args, "type", &opts, err);

	ctx->ticket = net_ticket(ctx->vm->nets);
	if (ret >= 0)
		ret = net_add(ctx->vm->nets, &opts, ctx->ticket, err);
	opt_list_free(&opts);
	return ret;
}

/* A helper that starts is waited for, while the machine goes on. */
static int run_netdev_add(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	int ret = ctx->deadline ? net_added(ctx->vm->nets, ctx->ticket, false, err)
	                        : add_netdev(ctx, args, err);

	(void)result;
	if (ret == -EAGAIN)
		ret = mon_later(ctx, START_MS);
	return ret == -ETIMEDOUT && !err->code
	               ? net_added(ctx->vm->nets, ctx->ticket, true, err)
	               : ret;
}

static int run_netdev_del(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	const char *id = mon_str(args, "id", "");
	struct netdev *nd = net_find(ctx->vm->nets, id);

	(void)result;
	if (!nd)
		return err_set(err, ENODEV, "Device '%s' not found", id);
	net_remove(nd);
	return 0;
}

/* ---- drives ---- */

/* "[-n] [[DOMAIN:]BUS:]SLOT OPTIONS", or the options alone. */
static int run_drive_add(struct mon_ctx *ctx, const json_t *args, json_t **result,
                         struct err *err)
{
	const char *first = mon_str(args, "pci_addr", ""),
		   *text = mon_str(args, "opts", NULL);
	const char *colon = strrchr(first, ':');
	struct opt_list opts = { 0 };
	struct device *added = NULL;
	int ret = opt_list_parse(&opts, text ? text : first, "file", err);

	if (!text || !strcmp(first, "auto") || !strcmp(first, "0"))
		first = NULL;
	else if (colon)
		first = colon + 1;
	if (ret >= 0)
		ret = pc_drive_add(ctx->pc, first, &opts, &added, err);
	opt_list_free(&opts);
	if (ret >= 0)
		*result = added ? json_sprintf("OK %s\n", added->path)
		                : json_string("OK\n");
	return ret;
}

static int run_blockdev_add(struct mon_ctx *ctx, const json_t *args, json_t **result,
                            struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = jsonopts_flatten(&opts, args, err);

	(void)result;
	if (ret >= 0 && !block_add_node(ctx->vm->blocks, &opts, err))
		ret = -err->code;
	opt_list_free(&opts);
	return ret;
}

static int delete_node(struct block_node *node, const char *name, struct err *err)
{
	if (block_user(node))
		return err_set(err, EBUSY, "Node %s is in use by %s", name,
		               block_user(node));
	block_remove(node);
	return 0;
}

static int run_blockdev_del(struct mon_ctx *ctx, const json_t *args, json_t **result,
                            struct err *err)
{
	const char *name = mon_str(args, "node-name", "");
	struct block_node *node = block_find(ctx->vm->blocks, name);

	(void)result;
	return node ? delete_node(node, name, err)
	            : err_set(err, ENOENT, "Failed to find node with node-name='%s'",
	                      name);
}

static int run_drive_del(struct mon_ctx *ctx, const json_t *args, json_t **result,
                         struct err *err)
{
	const char *id = mon_str(args, "id", "");
	struct block_node *node = block_find(ctx->vm->blocks, id);
	struct block_info info;

	(void)result;
	if (!node)
		return err_set(err, ENODEV, "Device '%s' not found", id);
	block_get_info(node, &info);
	/* Of blockdev-add: other nodes may use it. */
	if (info.no_drive)
		return delete_node(node, id, err);
	block_remove(node);
	return 0;
}

/* ---- the table ---- */

void mon_propose_drivers(struct vm *vm, void (*add)(void *opaque, const char *value),
                         void *opaque)
{
	(void)vm;
	for (const struct device_class *const *c = device_catalog; *c; c++)
		if (device_class_hotplugs(*c))
			add(opaque, (*c)->name);
}

void mon_propose_devices(struct vm *vm, void (*add)(void *opaque, const char *value),
                         void *opaque)
{
	for (const struct device *dev = vm->devices; dev; dev = dev->next)
		if (dev->id && device_class_hotplugs(dev->cls))
			add(opaque, dev->id);
}

static const struct mon_arg device_args[] = {
	{ "driver", MON_STR, false, 0, 0, 0 },
	{ "bus", MON_STR, true, 0, 0, 0 },
	{ "id", MON_STR, true, 0, 0, 0 },
	{ "...", MON_OTHERS, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg hmp_device_args[] = {
	{ "args", MON_REST, false, 0, 0, MON_PROPOSE_DRIVERS },
	{ .name = NULL },
};

static const struct mon_arg object_args[] = {
	{ "qom-type", MON_STR, false, 0, 0, 0 },
	{ "id", MON_STR, false, 0, 0, 0 },
	{ "...", MON_OTHERS, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg object_del_args[] = {
	{ "id", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg device_del_args[] = {
	{ "id", MON_STR, false, 0, 0, MON_PROPOSE_DEVICES },
	{ .name = NULL },
};

static const struct mon_arg netdev_args[] = {
	{ "type", MON_STR, false, 0, 0, 0 },
	{ "id", MON_STR, false, 0, 0, 0 },
	{ "...", MON_OTHERS, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg hmp_args[] = {
	{ "args", MON_REST, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg netdev_del_args[] = {
	{ "id", MON_STR, false, 0, 0, MON_PROPOSE_NETS },
	{ .name = NULL },
};

static const struct mon_arg drive_args[] = {
	{ "node", MON_FLAG, true, 'n', 0, 0 },
	{ "pci_addr", MON_STR, false, 0, 0, 0 },
	{ "opts", MON_REST, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg drive_del_args[] = {
	{ "id", MON_STR, false, 0, 0, MON_PROPOSE_DRIVES },
	{ .name = NULL },
};

static const struct mon_arg blockdev_args[] = {
	{ "driver", MON_STR, false, 0, 0, 0 },
	{ "node-name", MON_STR, true, 0, 0, 0 },
	{ "...", MON_OTHERS, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg blockdev_del_args[] = {
	{ "node-name", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_hotplug_commands[] = {
	{ "device_add", NULL, "a new device", device_args, NULL, run_device_add, NULL },
	{ NULL, "device_add", "a new device; args as for -device", hmp_device_args, NULL,
	  run_device_add, NULL },
	{ "device_del", "device_del", "ask the guest to let go of a device",
	  device_del_args, NULL, run_device_del, NULL },
	{ "object-add", NULL, "a new object", object_args, NULL, run_object_add, NULL },
	{ NULL, "object_add", "a new object; args as for -object", hmp_args, NULL,
	  run_object_add, NULL },
	{ "object-del", "object_del", "drop an object that nothing uses", object_del_args,
	  NULL, run_object_del, NULL },
	{ "netdev_add", NULL, "a new network", netdev_args, NULL, run_netdev_add, NULL },
	{ NULL, "netdev_add", "a new network; args as for -netdev", hmp_args, NULL,
	  run_netdev_add, NULL },
	{ "netdev_del", "netdev_del", "close a network; its card loses the link",
	  netdev_del_args, NULL, run_netdev_del, NULL },
	{ NULL, "drive_add",
	  "[slot] options: a new drive; as for -drive, if=none, if=virtio or if=scsi",
	  drive_args, NULL, run_drive_add, NULL },
	{ NULL, "drive_del", "close a drive; its device gets errors from then on",
	  drive_del_args, NULL, run_drive_del, NULL },
	{ "blockdev-add", NULL, "a new image, which no device uses yet", blockdev_args,
	  NULL, run_blockdev_add, NULL },
	{ "blockdev-del", NULL, "close an image that no device uses", blockdev_del_args,
	  NULL, run_blockdev_del, NULL },
	{ .help = NULL },
};
