// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Disk images: what there is, what was read and written, another size.
 *
 * A drive has a name that the user gave (-drive id=), and its image one by which
 * blockdev-… commands know it. Images that came without a drive (blockdev-add) are drives
 * of no name once a device has them, and nodes alone before.
 */
#include "common/cleanup.h"
#include "vmm/block/qcow2.h"
#include "vmm/core/vm.h"
#include "vmm/loop/loop.h"
#include "vmm/migrate/snapshot.h"
#include "vmm/monitor/tables.h"
#include "vmm/virtio/blk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void mon_propose_drives(struct vm *vm, void (*add)(void *opaque, const char *value),
                        void *opaque)
{
	struct block_node *node = NULL;
	struct block_info info;

	while ((node = block_next(vm->blocks, node))) {
		block_get_info(node, &info);
		add(opaque, info.id);
	}
}

static const char *drive_name(const struct block_info *info)
{
	return info->no_drive ? "" : info->id;
}

/* A device has it, or may get it by the drive's name. */
static bool is_drive(const struct block_node *node, const struct block_info *info)
{
	return !info->no_drive || (block_user(node) && !info->below);
}

/* ---- what there is ---- */

json_t *mon_snapshot_info(const struct qcow2_snapshot *s)
{
	json_t *info =
		json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "id", mon_text(s->id),
	                  "name", mon_text(s->name), "vm-state-size",
	                  (json_int_t)s->vm_state_size, "date-sec",
	                  (json_int_t)s->date_sec, "date-nsec", (json_int_t)s->date_nsec,
	                  "vm-clock-sec", (json_int_t)(s->vm_clock / 1000000000),
	                  "vm-clock-nsec", (json_int_t)(s->vm_clock % 1000000000));

	if (s->icount != UINT64_MAX)
		json_object_set_new(info, "icount", json_integer(s->icount));
	return info;
}

static void add_qcow2(json_t *image, const struct block_node *node)
{
	const struct qcow2_snapshot *s;
	struct qcow2_info q;
	json_t *data;

	qcow2_get_info(node, &q);
	data = json_pack("{s:s, s:s, s:i}", "compat", q.version == 3 ? "1.1" : "0.10",
	                 "compression-type",
	                 q.compression == QCOW2_ZSTD ? "zstd" : "zlib", "refcount-bits",
	                 (int)q.refcount_bits);
	if (q.version == 3) {
		json_object_set_new(data, "lazy-refcounts",
		                    json_boolean(q.lazy_refcounts));
		json_object_set_new(data, "corrupt", json_boolean(q.corrupt));
		json_object_set_new(data, "extended-l2", json_false());
	}
	json_object_set_new(image, "cluster-size", json_integer(q.cluster_size));
	json_object_set_new(image, "dirty-flag", json_boolean(q.dirty));
	json_object_set_new(image, "format-specific",
	                    json_pack("{s:s, s:o}", "type", "qcow2", "data", data));
	if (q.backing_file) {
		json_object_set_new(image, "backing-filename", mon_text(q.backing_file));
		json_object_set_new(image, "full-backing-filename",
		                    mon_text(q.backing_file));
	}
	if (q.backing_format)
		json_object_set_new(image, "backing-filename-format",
		                    mon_text(q.backing_format));
	for (unsigned i = 0; (s = qcow2_snapshot_at(node, i)); i++) {
		if (!i)
			json_object_set_new(image, "snapshots", json_array());
		json_array_append_new(json_object_get(image, "snapshots"),
		                      mon_snapshot_info(s));
	}
}

static json_t *image_info(const struct block_node *node)
{
	struct block_node *qcow2 = qcow2_find((struct block_node *)node),
			  *below = block_backing(node);
	int64_t allocated = block_allocated(node);
	struct block_info info;
	json_t *image;

	block_get_info(node, &info);
	image = json_pack("{s:o, s:s, s:I, s:b}", "filename", mon_text(info.path),
	                  "format", info.format, "virtual-size", (json_int_t)info.length,
	                  "dirty-flag", 0);
	if (allocated >= 0)
		json_object_set_new(image, "actual-size", json_integer(allocated));
	if (qcow2)
		add_qcow2(image, qcow2);
	if (below) {
		block_get_info(below, &info);
		json_object_set_new(image, "full-backing-filename", mon_text(info.path));
		json_object_set_new(image, "backing-image", image_info(below));
	}
	return image;
}

/* What is below, by its name in the image. */
static void add_backing(json_t *inserted, const struct block_node *node)
{
	struct block_node *qcow2 = qcow2_find((struct block_node *)node);
	unsigned depth = 0;
	struct qcow2_info info;
	struct block_info below;

	for (const struct block_node *b = node; (b = block_backing(b));)
		depth++;
	if (!depth)
		return;
	qcow2_get_info(qcow2, &info);
	block_get_info(block_backing(node), &below);
	json_object_set_new(inserted, "backing_file",
	                    mon_text(info.backing_file ? info.backing_file : below.path));
	json_object_set_new(inserted, "backing_file_depth", json_integer(depth));
}

static json_t *inserted_info(const struct block_node *node, const struct block_info *info)
{
	static const char *const none[] = {
		"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr", "write_threshold"
	};
	bool direct = info->cache == BLOCK_NONE || info->cache == BLOCK_DIRECTSYNC;
	json_t *inserted = json_pack(
		"{s:o, s:s, s:s, s:b, s:i, s:b, s:s, s:{s:b, s:b, s:b}, s:o}", "file",
		mon_text(info->path), "node-name", info->node_name, "drv", info->format,
		"ro", info->readonly, "backing_file_depth", 0, "encrypted", 0,
		"detect_zeroes", info->detect_zeroes, "cache", "writeback",
		info->write_cache, "direct", direct, "no-flush",
		info->cache == BLOCK_UNSAFE, "image", image_info(node));

	for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
		json_object_set_new(inserted, none[i], json_integer(0));
	add_backing(inserted, node);
	return inserted;
}

/* As QEMU names it: a virtio disk is a back end inside of its PCI function. */
static json_t *qdev_of(struct mon_ctx *ctx, const char *user)
{
	char path[DEVICE_QOM_PATH + 16];

	for (const struct device *d = ctx->vm->devices; d; d = d->next) {
		if (d->cls != &virtio_blk_pci_class)
			continue;
		device_show_name(d, path, sizeof(path));
		if (strcmp(path, user))
			continue;
		device_qom_path(d, path, DEVICE_QOM_PATH);
		strcat(path, "/virtio-backend");
		return mon_text(path);
	}
	return mon_text(user);
}

static json_t *drive_info(struct mon_ctx *ctx, const struct block_node *node,
                          const struct block_info *info)
{
	const char *user = block_user(node);
	json_t *entry =
		json_pack("{s:s, s:s, s:b, s:b}", "device", drive_name(info), "type",
	                  "unknown", "removable", block_is_removable(node), "locked",
	                  block_tray_is_locked(node));

	if (block_is_removable(node))
		json_object_set_new(entry, "tray_open",
		                    json_boolean(block_tray_is_open(node)));
	if (info->path)
		json_object_set_new(entry, "inserted", inserted_info(node, info));
	if (user) {
		json_object_set_new(entry, "qdev", qdev_of(ctx, user));
		json_object_set_new(entry, "io-status", json_string("ok"));
	}
	return entry;
}

static int run_block(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	struct block_node *node = NULL;
	struct block_info info;

	(void)args;
	(void)err;
	*result = json_array();
	while ((node = block_next(ctx->vm->blocks, node))) {
		block_get_info(node, &info);
		if (is_drive(node, &info))
			json_array_append_new(*result, drive_info(ctx, node, &info));
	}
	return 0;
}

static int run_nodes(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	struct block_node *node = NULL;
	struct block_info info;

	(void)args;
	(void)err;
	*result = json_array();
	while ((node = block_next(ctx->vm->blocks, node))) {
		block_get_info(node, &info);
		if (info.path)
			json_array_append_new(*result, inserted_info(node, &info));
	}
	return 0;
}

/* ---- the same for people ---- */

/* Three digits and a unit of 1024, as qemu-img prints sizes. */
static void print_size(struct strbuf *out, const char *what, int64_t bytes)
{
	static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
	double value = bytes;
	unsigned unit = 0;

	for (; value >= 1000 && unit < ARRAY_SIZE(units) - 1; unit++)
		value /= 1024;
	strbuf_addf(out, "%s: %.3g %sB", what, value, units[unit]);
}

static void print_snapshots(const json_t *list, struct strbuf *out)
{
	size_t i;
	json_t *entry;

	strbuf_adds(out, "Snapshot list:\n" SNAPSHOT_HEAD);
	json_array_foreach(list, i, entry)
	{
		const struct qcow2_snapshot s = {
			.name = (char *)mon_str(entry, "name", ""),
			.vm_state_size = mon_int(entry, "vm-state-size", 0),
			.date_sec = mon_int(entry, "date-sec", 0),
			.vm_clock = mon_int(entry, "vm-clock-sec", 0) * 1000000000ull +
			            mon_int(entry, "vm-clock-nsec", 0),
		};

		snapshot_print(mon_str(entry, "id", ""), &s, out);
	}
}

static void print_specific(const json_t *data, struct strbuf *out)
{
	static const char *const rows[][2] = {
		{ "compat", "compat" },
		{ "compression-type", "compression type" },
		{ "lazy-refcounts", "lazy refcounts" },
		{ "refcount-bits", "refcount bits" },
		{ "corrupt", "corrupt" },
		{ "extended-l2", "extended l2" },
	};

	strbuf_adds(out, "Format specific information:\n");
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const json_t *value = json_object_get(data, rows[i][0]);

		if (json_is_string(value))
			strbuf_addf(out, "    %s: %s\n", rows[i][1],
			            json_string_value(value));
		else if (json_is_integer(value))
			strbuf_addf(out, "    %s: %lld\n", rows[i][1],
			            (long long)json_integer_value(value));
		else if (value)
			strbuf_addf(out, "    %s: %s\n", rows[i][1],
			            json_is_true(value) ? "true" : "false");
	}
}

static void print_image(const json_t *image, struct strbuf *out)
{
	const char *backing = mon_str(image, "backing-filename", NULL),
		   *full = mon_str(image, "full-backing-filename", ""),
		   *format = mon_str(image, "backing-filename-format", NULL);
	const json_t *specific = json_object_get(image, "format-specific"),
		     *snapshots = json_object_get(image, "snapshots");
	long long size = mon_int(image, "virtual-size", 0);

	strbuf_addf(out, "image: %s\nfile format: %s\n", mon_str(image, "filename", ""),
	            mon_str(image, "format", ""));
	print_size(out, "virtual size", size);
	strbuf_addf(out, " (%lld bytes)\n", size);
	if (json_object_get(image, "actual-size")) {
		print_size(out, "disk size", mon_int(image, "actual-size", 0));
		strbuf_addc(out, '\n');
	}
	if (specific)
		strbuf_addf(out, "cluster_size: %lld\n",
		            (long long)mon_int(image, "cluster-size", 0));
	if (mon_bool(image, "dirty-flag", false))
		strbuf_adds(out, "cleanly shut down: no\n");
	if (backing)
		strbuf_addf(out, "backing file: %s", backing);
	if (backing && strcmp(backing, full))
		strbuf_addf(out, " (actual path: %s)", full);
	if (backing)
		strbuf_addc(out, '\n');
	if (format)
		strbuf_addf(out, "backing file format: %s\n", format);
	if (snapshots)
		print_snapshots(snapshots, out);
	if (specific)
		print_specific(json_object_get(specific, "data"), out);
}

static void print_inserted(const json_t *in, bool verbose, struct strbuf *out)
{
	const json_t *cache = json_object_get(in, "cache");

	const char *backing = mon_str(in, "backing_file", NULL);

	strbuf_addf(out, "    Cache mode:       %s%s%s\n",
	            mon_bool(cache, "writeback", false) ? "writeback" : "writethrough",
	            mon_bool(cache, "direct", false) ? ", direct" : "",
	            mon_bool(cache, "no-flush", false) ? ", ignore flushes" : "");
	if (backing)
		strbuf_addf(out, "    Backing file:     %s (chain depth: %lld)\n",
		            backing, (long long)mon_int(in, "backing_file_depth", 0));
	if (verbose) {
		strbuf_adds(out, "\nImages:\n");
		for (const json_t *image = json_object_get(in, "image"); image;
		     image = json_object_get(image, "backing-image"))
			print_image(image, out);
	}
}

/* entry: NULL for a node without a drive. */
static void print_drive(const json_t *entry, const json_t *in, bool verbose,
                        struct strbuf *out)
{
	const char *name = mon_str(entry, "device", ""),
		   *node = mon_str(in, "node-name", NULL),
		   *user = mon_str(entry, "qdev", NULL);

	if (*name && node)
		strbuf_addf(out, "%s (%s)", name, node);
	else
		strbuf_adds(out, *name ? name : node ? node : user ? user : "");
	if (in)
		strbuf_addf(out, ": %s (%s%s)\n", mon_str(in, "file", ""),
		            mon_str(in, "drv", ""),
		            mon_bool(in, "ro", false) ? ", read-only" : "");
	else
		strbuf_adds(out, ": [not inserted]\n");
	if (user)
		strbuf_addf(out, "    Attached to:      %s\n", user);
	if (mon_bool(entry, "removable", false))
		strbuf_addf(out, "    Removable device: %slocked, tray %s\n",
		            mon_bool(entry, "locked", false) ? "" : "not ",
		            mon_bool(entry, "tray_open", false) ? "open" : "closed");
	if (in)
		print_inserted(in, verbose, out);
}

/* Drives, or nodes; all, or the one of that name. How many were printed. */
static unsigned print_list(const json_t *list, bool nodes, const char *name, bool verbose,
                           struct strbuf *out)
{
	unsigned count = 0;
	size_t i;
	json_t *entry;

	json_array_foreach(list, i, entry)
	{
		const json_t *in = nodes ? entry : json_object_get(entry, "inserted");

		if (name &&
		    strcmp(name, mon_str(entry, nodes ? "node-name" : "device", "")))
			continue;
		strbuf_adds(out, count++ ? "\n" : "");
		print_drive(nodes ? NULL : entry, in, verbose, out);
	}
	return count;
}

static int run_info_block(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	const char *name = mon_str(args, "device", NULL);
	bool nodes = mon_bool(args, "nodes", false),
	     verbose = mon_bool(args, "verbose", false);
	_cleanup_strbuf_ struct strbuf out = { 0 };
	json_t *list = NULL;
	unsigned count = 0;

	if (!nodes) {
		run_block(ctx, args, &list, err);
		count = print_list(list, false, name, verbose, &out);
		json_decref(list);
	}
	if (nodes || (name && !count)) {
		run_nodes(ctx, args, &list, err);
		count = print_list(list, true, name, verbose, &out);
		json_decref(list);
	}
	if (name && !count)
		return err_set(err, ENODEV, "Device '%s' not found", name);
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

/* ---- what was read and written ---- */

enum { READS, WRITES, FLUSHES, UNMAPS, KINDS };

/* Zeroes are written, too. */
static void sum(const uint64_t *by_op, uint64_t kinds[KINDS])
{
	kinds[READS] = by_op[BLOCK_READ];
	kinds[WRITES] = by_op[BLOCK_WRITE] + by_op[BLOCK_WRITE_ZEROES];
	kinds[FLUSHES] = by_op[BLOCK_FLUSH];
	kinds[UNMAPS] = by_op[BLOCK_DISCARD];
}

static void add_counters(json_t *stats, const char *format, const uint64_t *by_op,
                         bool flushes)
{
	static const char *const names[KINDS] = { "rd", "wr", "flush", "unmap" };
	uint64_t kinds[KINDS] = { 0 };

	if (by_op)
		sum(by_op, kinds);
	for (unsigned k = 0; k < KINDS; k++) {
		char name[40];

		if (k == FLUSHES && !flushes)
			continue;
		snprintf(name, sizeof(name), format, names[k]);
		json_object_set_new(stats, name, json_integer(kinds[k]));
	}
}

static json_t *stats_info(const struct block_stats *s)
{
	json_t *stats = json_pack("{s:I, s:b, s:b, s:[]}", "wr_highest_offset",
	                          (json_int_t)s->highest_written, "account_invalid", 1,
	                          "account_failed", 1, "timed_stats");

	add_counters(stats, "%s_bytes", s->bytes, false);
	add_counters(stats, "%s_operations", s->ops, true);
	add_counters(stats, "%s_total_time_ns", s->time, true);
	add_counters(stats, "failed_%s_operations", s->errors, true);
	/* Such requests are among those that failed. */
	add_counters(stats, "invalid_%s_operations", NULL, true);
	add_counters(stats, "%s_merged", NULL, false);
	if (s->last)
		json_object_set_new(stats, "idle_time_ns",
		                    json_integer(loop_now() - s->last));
	return stats;
}

static int run_blockstats(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	bool nodes = mon_bool(args, "query-nodes", false);
	struct block_node *node = NULL;
	struct block_info info;

	(void)err;
	*result = json_array();
	while ((node = block_next(ctx->vm->blocks, node))) {
		const char *user = block_user(node);
		json_t *entry;

		block_get_info(node, &info);
		if (nodes ? !info.node_name : !is_drive(node, &info))
			continue;
		entry = json_pack("{s:o}", "stats", stats_info(block_get_stats(node)));
		if (info.node_name)
			json_object_set_new(entry, "node-name", mon_text(info.node_name));
		if (!nodes)
			json_object_set_new(entry, "device", mon_text(drive_name(&info)));
		if (!nodes && user)
			json_object_set_new(entry, "qdev", qdev_of(ctx, user));
		json_array_append_new(*result, entry);
	}
	return 0;
}

static void print_blockstats(const json_t *result, struct strbuf *out)
{
	static const char *const names[] = { "rd_bytes",         "wr_bytes",
		                             "rd_operations",    "wr_operations",
		                             "flush_operations", "wr_total_time_ns",
		                             "rd_total_time_ns", "flush_total_time_ns",
		                             "rd_merged",        "wr_merged",
		                             "idle_time_ns" };
	size_t i;
	json_t *entry;

	json_array_foreach(result, i, entry)
	{
		const json_t *stats = json_object_get(entry, "stats");

		strbuf_addf(out, "%s:", mon_str(entry, "device", ""));
		for (unsigned n = 0; n < ARRAY_SIZE(names); n++)
			strbuf_addf(out, " %s=%lld", names[n],
			            (long long)mon_int(stats, names[n], 0));
		strbuf_addc(out, '\n');
	}
}

/* ---- another size ---- */

static int run_resize(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	const char *id = mon_str(args, "device", ""),
		   *name = mon_str(args, "node-name", "");
	struct block_node *node = block_find(ctx->vm->blocks, *id ? id : name);
	int64_t size = mon_int(args, "size", 0);

	(void)result;
	if (!node)
		return err_set(err, ENODEV, "Cannot find device='%s' nor node-name='%s'",
		               id, name);
	if (size <= 0 || size & 511)
		return err_usage(err,
		                 "Parameter 'size' expects a multiple of 512 above 0");
	return block_resize(node, size, err);
}

/* ---- the table ---- */

static const struct mon_arg nodes_args[] = {
	{ "flat", MON_BOOL, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg block_args[] = {
	{ "nodes", MON_FLAG, true, 'n', 0, 0 },
	{ "verbose", MON_FLAG, true, 'v', 0, 0 },
	{ "device", MON_STR, true, 0, 0, MON_PROPOSE_DRIVES },
	{ .name = NULL },
};

static const struct mon_arg stats_args[] = {
	{ "query-nodes", MON_BOOL, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg resize_args[] = {
	{ "device", MON_STR, false, 0, 0, MON_PROPOSE_DRIVES },
	{ "size", MON_SIZE, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg qmp_resize_args[] = {
	{ "device", MON_STR, true, 0, 0, 0 },
	{ "node-name", MON_STR, true, 0, 0, 0 },
	{ "size", MON_SIZE, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_block_commands[] = {
	{ "query-block", NULL, "drives", NULL, "[BlockInfo]", run_block, NULL },
	{ "query-named-block-nodes", NULL, "images, those of no drive as well",
	  nodes_args, "[BlockDeviceInfo]", run_nodes, NULL },
	{ NULL, "info block", "drives and their images; -n: images, -v: more of them",
	  block_args, NULL, run_info_block, NULL },
	{ "query-blockstats", NULL, "what was read and written", stats_args,
	  "[BlockStats]", run_blockstats, NULL },
	{ NULL, "info blockstats", "what was read and written, and how long it took",
	  NULL, "[BlockStats]", run_blockstats, print_blockstats },
	{ "block_resize", NULL, "give a disk image another size", qmp_resize_args, NULL,
	  run_resize, NULL },
	{ NULL, "block_resize", "give a disk image another size", resize_args, NULL,
	  run_resize, NULL },
	{ .help = NULL },
};
