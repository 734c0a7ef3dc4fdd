// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Snapshots of disks while the machine runs: images that are put above others, snapshots
 * inside qcow2 images, several at once, and the way back.
 */
#include "common/cleanup.h"
#include "vmm/block/qcow2.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/chips.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* ---- which disk ---- */

static struct block_node *find(struct mon_ctx *ctx, const char *device, const char *name,
                               struct err *err)
{
	struct block_node *node = block_find(ctx->vm->blocks, *device ? device : name);

	if (!node)
		err_set(err, ENODEV, "Cannot find device='%s' nor node-name='%s'", device,
		        name);
	return node;
}

/* ---- images above ---- */

/* What is done, or can still be taken back: an image to be put above a node, or a
 * snapshot inside of one. */
struct action {
	struct block_node *node, *new;
	bool ours; /* the image came with the command */
	const char *name;
};

typedef int prepare_fn(struct mon_ctx *ctx, const json_t *args, struct action *a,
                       struct err *err);

static int prepare_file(struct mon_ctx *ctx, const json_t *args, struct action *a,
                        struct err *err)
{
	const char *mode = mon_str(args, "mode", "absolute-paths"),
		   *name = mon_str(args, "node-name", "");
	const struct block_above how = {
		.file = mon_str(args, "snapshot-file", ""),
		.format = mon_str(args, "format", NULL),
		.node_name = mon_str(args, "snapshot-node-name", NULL),
		.existing = !strcmp(mode, "existing"),
	};
	struct block_node *node = find(ctx, mon_str(args, "device", ""), name, err);

	if (!node)
		return -err->code;
	if (!how.existing && strcmp(mode, "absolute-paths"))
		return err_usage(err, "Parameter 'mode' does not accept value '%s'",
		                 mode);
	if (*name && !how.node_name)
		return err_usage(err, "New overlay node-name missing");
	if (how.node_name && block_find(ctx->vm->blocks, how.node_name))
		return err_usage(err, "New overlay node-name already in use");
	if (block_may_put_above(node, err) < 0)
		return -err->code;
	*a = (struct action){ node, block_new_above(node, &how, err), true, NULL };
	return a->new ? 0 : -err->code;
}

static int prepare_node(struct mon_ctx *ctx, const json_t *args, struct action *a,
                        struct err *err)
{
	*a = (struct action){ .node = find(ctx, "", mon_str(args, "node", ""), err) };
	if (a->node)
		a->new = find(ctx, "", mon_str(args, "overlay", ""), err);
	if (!a->new)
		return -err->code;
	return block_may_put_above(a->node, err);
}

/* Puts it there, or takes it back. */
static int finish(struct action *a, bool put, struct err *err)
{
	int ret = !put ? -ECANCELED : a->new ? block_put_above(a->node, a->new, err) : 0;

	if (ret < 0 && a->ours)
		block_close(a->new);
	if (ret < 0 && a->name)
		qcow2_snapshot_delete(a->node, a->name, NULL);
	return ret;
}

static int run_one(struct mon_ctx *ctx, const json_t *args, prepare_fn *prepare,
                   struct err *err)
{
	struct action a = { 0 };
	int ret = prepare(ctx, args, &a, err);

	return ret < 0 ? ret : finish(&a, true, err);
}

static int run_file(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	(void)result;
	return run_one(ctx, args, prepare_file, err);
}

static int run_node(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	(void)result;
	return run_one(ctx, args, prepare_node, err);
}

static int run_hmp_file(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	const char *format = mon_str(args, "format", "qcow2"),
		   *file = mon_str(args, "snapshot-file", NULL);
	json_t *all;
	int ret;

	if (!file)
		return err_usage(err, "Parameter 'snapshot-file' is missing");
	all = json_pack("{s:s, s:s, s:s, s:s}", "device", mon_str(args, "device", ""),
	                "snapshot-file", file, "format", format, "mode",
	                mon_bool(args, "reuse", false) ? "existing" : "absolute-paths");
	ret = all ? run_file(ctx, all, result, err) : err_sys(err, ENOMEM, "%s", file);
	json_decref(all);
	return ret;
}

/* ---- inside of images ---- */

/* The qcow2 image of a disk; NULL with a sentence. */
static struct block_node *find_qcow2(struct mon_ctx *ctx, const json_t *args,
                                     struct err *err)
{
	const char *device = mon_str(args, "device", "");
	struct block_node *node = find(ctx, device, device, err), *image;
	struct block_info info;

	if (!node)
		return NULL;
	block_get_info(node, &info);
	image = info.path ? qcow2_find(node) : NULL;
	if (!info.path)
		err_set(err, ENOMEDIUM, "Device '%s' has no medium", device);
	else if (info.readonly)
		err_set(err, EROFS, "Device '%s' is read only", device);
	else if (!image)
		err_set(err, ENOTSUP,
		        "Block format '%s' used by device '%s' does not support feature "
		        "'internal snapshots'",
		        info.format, device);
	else
		block_drain(node);
	return err->code ? NULL : image;
}

/* With that id, if there is one, and that name. */
static const struct qcow2_snapshot *find_snapshot(const struct block_node *image,
                                                  const char *id, const char *name)
{
	const struct qcow2_snapshot *s;

	for (unsigned i = 0; (s = qcow2_snapshot_at(image, i)); i++)
		if ((!id || !strcmp(s->id, id)) && (!name || !strcmp(s->name, name)))
			return s;
	return NULL;
}

static int prepare_inside(struct mon_ctx *ctx, const json_t *args, struct action *a,
                          struct err *err)
{
	struct qcow2_snapshot values = { .name = (char *)mon_str(args, "name", ""),
		                         .icount = UINT64_MAX };
	struct block_node *image = find_qcow2(ctx, args, err);
	struct timespec now;
	int ret;

	if (!image)
		return -err->code;
	if (!*values.name)
		return err_usage(err, "Name is empty");
	if (find_snapshot(image, NULL, values.name))
		return err_set(err, EEXIST,
		               "Snapshot with name '%s' already exists on device '%s'",
		               values.name, mon_str(args, "device", ""));
	clock_gettime(CLOCK_REALTIME, &now);
	values.date_sec = now.tv_sec;
	values.date_nsec = now.tv_nsec;
	ret = ctx->vm->kvm ? chips_clock_read(ctx->vm->kvm, &values.vm_clock, err) : 0;
	*a = (struct action){ .node = image, .name = values.name };
	return ret < 0 ? ret : qcow2_snapshot_create(image, &values, err);
}

static int run_inside(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	(void)result;
	return run_one(ctx, args, prepare_inside, err);
}

static int run_delete(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	const char *id = mon_str(args, "id", NULL), *name = mon_str(args, "name", NULL);
	struct block_node *image = find_qcow2(ctx, args, err);
	const struct qcow2_snapshot *s;

	if (!image)
		return -err->code;
	if (!id && !name)
		return err_usage(err, "Name or id must be provided");
	s = find_snapshot(image, id, name);
	if (!s)
		return err_set(err, ENOENT,
		               "Snapshot with id '%s' and name '%s' does not exist on "
		               "device '%s'",
		               id ? id : "NULL", name ? name : "NULL",
		               mon_str(args, "device", ""));
	*result = mon_snapshot_info(s);
	return qcow2_snapshot_delete(image, s->id, err);
}

/* ---- several at once ---- */

static const struct {
	const char *type;
	prepare_fn *prepare;
} actions[] = {
	{ "blockdev-snapshot-sync", prepare_file },
	{ "blockdev-snapshot", prepare_node },
	{ "blockdev-snapshot-internal-sync", prepare_inside },
};

static int prepare(struct mon_ctx *ctx, const json_t *action, struct action *a,
                   struct err *err)
{
	const char *type = json_string_value(json_object_get(action, "type"));
	const json_t *data = json_object_get(action, "data");
	unsigned i = 0;
	int ret;

	if (type && !strcmp(type, "abort"))
		return err_set(err, ECANCELED, "Transaction aborted using Abort action");
	while (i < ARRAY_SIZE(actions) && type && strcmp(type, actions[i].type))
		i++;
	if (!type || i == ARRAY_SIZE(actions) || !json_is_object(data))
		return err_usage(err,
		                 "Invalid parameter '%s'; actions are abort, "
		                 "blockdev-snapshot, blockdev-snapshot-sync and "
		                 "blockdev-snapshot-internal-sync, each with its data",
		                 type ? type : "type");
	ret = mon_check_args(mon_find_qmp(type), data, err);
	return ret < 0 ? ret : actions[i].prepare(ctx, data, a, err);
}

static int run_transaction(struct mon_ctx *ctx, const json_t *args, json_t **result,
                           struct err *err)
{
	const json_t *list = json_object_get(args, "actions");
	_cleanup_free_ struct action *done =
		calloc(json_array_size(list) + 1, sizeof(*done));
	size_t n = 0;
	int ret = done ? 0 : err_sys(err, ENOMEM, "transaction");

	(void)result;
	while (ret >= 0 && n < json_array_size(list)) {
		ret = prepare(ctx, json_array_get(list, n), &done[n], err);
		n += ret >= 0;
	}
	for (size_t i = 0; i < n; i++)
		if (finish(&done[i], ret >= 0, err) < 0 && ret >= 0)
			ret = -err->code;
	return ret;
}

/* ---- and back ---- */

static int commit(struct block_node *node, const char *name, struct err *err)
{
	int ret = block_commit(node, err);

	err_prefix(err, "'commit' error for '%s'", name);
	return ret;
}

static int run_commit(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	const char *device = mon_str(args, "device", "");
	struct block_registry *reg = ctx->vm->blocks;
	struct block_node *node = NULL;
	struct block_info info;
	int ret = 0;

	(void)result;
	if (strcmp(device, "all")) {
		node = block_find(reg, device);
		if (!node)
			return err_set(err, ENODEV, "Device '%s' not found", device);
		block_get_info(node, &info);
		return info.path ? commit(node, device, err)
		                 : err_set(err, ENOMEDIUM, "Device '%s' has no medium",
		                           device);
	}
	while (ret >= 0 && (node = block_next(reg, node))) {
		block_get_info(node, &info);
		if (!info.below && block_backing(node) && !info.readonly)
			ret = commit(node, "all", err);
	}
	return ret;
}

/* ---- the table ---- */

static const struct mon_arg file_args[] = {
	{ "device", MON_STR, true, 0, 0, 0 },
	{ "node-name", MON_STR, true, 0, 0, 0 },
	{ "snapshot-file", MON_STR, false, 0, 0, 0 },
	{ "snapshot-node-name", MON_STR, true, 0, 0, 0 },
	{ "format", MON_STR, true, 0, 0, 0 },
	{ "mode", MON_STR, true, 0, MON_OF_NEW_IMAGE_MODE, 0 },
	{ .name = NULL },
};

static const struct mon_arg hmp_file_args[] = {
	{ "reuse", MON_FLAG, true, 'n', 0, 0 },
	{ "device", MON_STR, false, 0, 0, MON_PROPOSE_DRIVES },
	{ "snapshot-file", MON_STR, true, 0, 0, 0 },
	{ "format", MON_STR, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg node_args[] = {
	{ "node", MON_STR, false, 0, 0, 0 },
	{ "overlay", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg commit_args[] = {
	{ "device", MON_STR, false, 0, 0, MON_PROPOSE_DRIVES },
	{ .name = NULL },
};

static const struct mon_arg inside_args[] = {
	{ "device", MON_STR, false, 0, 0, MON_PROPOSE_DRIVES },
	{ "name", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg delete_args[] = {
	{ "device", MON_STR, false, 0, 0, MON_PROPOSE_DRIVES },
	{ "name", MON_STR, true, 0, 0, 0 },
	{ "id", MON_STR, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg transaction_args[] = {
	{ "actions", MON_ANY, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_overlay_commands[] = {
	{ "blockdev-snapshot-sync", NULL,
	  "put a new image above that of a disk, which stays as it is from now on",
	  file_args, NULL, run_file, NULL },
	{ NULL, "snapshot_blkdev",
	  "put a new image above that of a disk; -n: the file is an image already",
	  hmp_file_args, NULL, run_hmp_file, NULL },
	{ "blockdev-snapshot", NULL, "put an image of blockdev-add's above another",
	  node_args, NULL, run_node, NULL },
	{ "blockdev-snapshot-internal-sync", "snapshot_blkdev_internal",
	  "keep what a disk holds now in a snapshot inside its image", inside_args, NULL,
	  run_inside, NULL },
	{ "blockdev-snapshot-delete-internal-sync", "snapshot_delete_blkdev_internal",
	  "delete a snapshot inside an image", delete_args, "SnapshotInfo", run_delete,
	  NULL },
	{ "transaction", NULL, "several snapshots at once, or none", transaction_args,
	  NULL, run_transaction, NULL },
	{ NULL, "commit",
	  "write what an image (-snapshot's, snapshot_blkdev's; or all) has to the one "
	  "below",
	  commit_args, NULL, run_commit, NULL },
	{ .help = NULL },
};
