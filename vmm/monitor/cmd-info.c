// SPDX-License-Identifier: GPL-2.0-or-later
/* What the machine is made of: name, processors, memory, images, character devices. */
#include "common/cleanup.h"
#include "vmm/block/block.h"
#include "vmm/chardev/chardev.h"
#include "vmm/machine/config.h"
#include "vmm/machine/control.h"
#include "vmm/mem/mem.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <string.h>

#define UNUSED_ARGS \
	(void)ctx;  \
	(void)args; \
	(void)err

/* ---- name, accelerator, processors ---- */

static int run_name(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	const char *name = pc_config(ctx->pc)->name;

	UNUSED_ARGS;
	*result = json_object();
	if (name)
		json_object_set_new(*result, "name", mon_text(name));
	return 0;
}

static void print_name(const json_t *result, struct strbuf *out)
{
	const char *name = mon_str(result, "name", NULL);

	if (name)
		strbuf_addf(out, "%s\n", name);
}

static int run_uuid(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	const uint8_t *uuid = pc_config(ctx->pc)->uuid;
	char text[37] = "";

	UNUSED_ARGS;
	for (unsigned i = 0; i < 16; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%02x",
		         i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	*result = json_pack("{s:s}", "UUID", text);
	return 0;
}

static void print_uuid(const json_t *result, struct strbuf *out)
{
	strbuf_addf(out, "%s\n", mon_str(result, "UUID", ""));
}

static int run_kvm(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	UNUSED_ARGS;
	*result = json_pack("{s:b, s:b}", "enabled", 1, "present", 1);
	return 0;
}

static void print_kvm(const json_t *result, struct strbuf *out)
{
	(void)result;
	strbuf_adds(out, "kvm support: enabled\n");
}

static int run_target(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	UNUSED_ARGS;
	*result = json_pack("{s:s}", "arch", "x86_64");
	return 0;
}

static int run_cpus(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	UNUSED_ARGS;
	*result = json_array();
	for (unsigned i = 0; i < pc_cpu_count(ctx->pc); i++)
		json_array_append_new(*result,
		                      json_pack("{s:i, s:i, s:s, s:s}", "cpu-index", i,
		                                "thread-id", pc_cpu_thread(ctx->pc, i),
		                                "qom-path", "", "target", "x86_64"));
	return 0;
}

static void print_cpus(const json_t *result, struct strbuf *out)
{
	size_t i;
	json_t *cpu;

	json_array_foreach(result, i, cpu)
		strbuf_addf(out, "%c CPU #%d: thread_id=%d\n", i ? ' ' : '*', (int)i,
	                    (int)mon_int(cpu, "thread-id", 0));
}

static int run_memory(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	UNUSED_ARGS;
	*result = json_pack("{s:I, s:i}", "base-memory", (json_int_t)ctx->vm->ram_size,
	                    "plugged-memory", 0);
	return 0;
}

static void print_memory(const json_t *result, struct strbuf *out)
{
	strbuf_addf(out, "base memory: %lld\nplugged memory: 0\n",
	            (long long)mon_int(result, "base-memory", 0));
}

/* ---- images ---- */

static json_t *image_info(const struct block_info *info)
{
	return json_pack(
		"{s:o, s:s, s:b, s:i, s:b, s:{s:b, s:b, s:b}, s:{s:o, s:s, s:I}}", "file",
		mon_text(info->path), "drv", info->format, "ro", info->readonly,
		"backing_file_depth", 0, "encrypted", 0, "cache", "writeback",
		info->write_cache, "direct",
		info->cache == BLOCK_NONE || info->cache == BLOCK_DIRECTSYNC, "no-flush",
		info->cache == BLOCK_UNSAFE, "image", "filename", mon_text(info->path),
		"format", info->format, "virtual-size", (json_int_t)info->length);
}

static int run_block(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	struct block_node *node = NULL;

	UNUSED_ARGS;
	*result = json_array();
	while ((node = block_next(ctx->vm->blocks, node))) {
		struct block_info info;
		const char *user = block_user(node);
		json_t *entry;

		block_get_info(node, &info);
		entry = json_pack("{s:s, s:s, s:b, s:b}", "device", info.id, "type",
		                  "unknown", "removable", block_is_removable(node),
		                  "locked", block_tray_is_locked(node));
		if (block_is_removable(node))
			json_object_set_new(entry, "tray_open",
			                    json_boolean(block_tray_is_open(node)));
		if (info.path)
			json_object_set_new(entry, "inserted", image_info(&info));
		if (user)
			json_object_set_new(entry, "qdev", mon_text(user));
		json_array_append_new(*result, entry);
	}
	return 0;
}

static void print_image(const json_t *entry, struct strbuf *out)
{
	const json_t *in = json_object_get(entry, "inserted"),
		     *cache = json_object_get(in, "cache");
	const char *user = mon_str(entry, "qdev", NULL);

	if (in)
		strbuf_addf(out, "%s: %s (%s%s)\n", mon_str(entry, "device", ""),
		            mon_str(in, "file", ""), mon_str(in, "drv", ""),
		            mon_bool(in, "ro", false) ? ", read-only" : "");
	else
		strbuf_addf(out, "%s: [not inserted]\n", mon_str(entry, "device", ""));
	if (user)
		strbuf_addf(out, "    Attached to:      %s\n", user);
	if (mon_bool(entry, "removable", false))
		strbuf_addf(out, "    Removable device: %slocked, tray %s\n",
		            mon_bool(entry, "locked", false) ? "" : "not ",
		            mon_bool(entry, "tray_open", false) ? "open" : "closed");
	if (in)
		strbuf_addf(out, "    Cache mode:       %s%s%s\n",
		            mon_bool(cache, "writeback", false) ? "writeback"
		                                                : "writethrough",
		            mon_bool(cache, "direct", false) ? ", direct" : "",
		            mon_bool(cache, "no-flush", false) ? ", ignore flushes" : "");
}

static void print_block(const json_t *result, struct strbuf *out)
{
	size_t i;
	json_t *entry;

	json_array_foreach(result, i, entry)
	{
		strbuf_adds(out, i ? "\n" : "");
		print_image(entry, out);
	}
	if (!i)
		strbuf_adds(out, "There are no disk images.\n");
}

static int run_blockstats(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	struct block_node *node = NULL;

	UNUSED_ARGS;
	*result = json_array();
	while ((node = block_next(ctx->vm->blocks, node))) {
		const struct block_stats *s = block_get_stats(node);
		struct block_info info;

		block_get_info(node, &info);
		json_array_append_new(
			*result,
			json_pack(
				"{s:s, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}}",
				"device", info.id, "stats", "rd_bytes",
				(json_int_t)s->bytes[BLOCK_READ], "wr_bytes",
				(json_int_t)s->bytes[BLOCK_WRITE], "rd_operations",
				(json_int_t)s->ops[BLOCK_READ], "wr_operations",
				(json_int_t)s->ops[BLOCK_WRITE], "flush_operations",
				(json_int_t)s->ops[BLOCK_FLUSH], "unmap_operations",
				(json_int_t)s->ops[BLOCK_DISCARD], "failed_rd_operations",
				(json_int_t)s->errors[BLOCK_READ], "failed_wr_operations",
				(json_int_t)s->errors[BLOCK_WRITE],
				"failed_flush_operations",
				(json_int_t)s->errors[BLOCK_FLUSH]));
	}
	return 0;
}

static void print_blockstats(const json_t *result, struct strbuf *out)
{
	static const char *const names[] = { "rd_bytes", "wr_bytes", "rd_operations",
		                             "wr_operations", "flush_operations" };
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

void mon_complete_drive(struct vm *vm, void (*add)(void *opaque, const char *value),
                        void *opaque)
{
	struct block_node *node = NULL;
	struct block_info info;

	while ((node = block_next(vm->blocks, node))) {
		block_get_info(node, &info);
		add(opaque, info.id);
	}
}

static const struct mon_arg resize_args[] = {
	{ "device", MON_STR, false, 0, NULL, mon_complete_drive },
	{ "size", MON_SIZE, false, 0, NULL, NULL },
	{ .name = NULL },
};

static int run_resize(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	const char *id = mon_str(args, "device", "");
	struct block_node *node = block_find(ctx->vm->blocks, id);
	int64_t size = mon_int(args, "size", 0);

	(void)result;
	if (!node)
		return err_set(err, ENODEV, "Cannot find device='%s' nor node-name=''",
		               id);
	if (size <= 0 || size & 511)
		return err_usage(err,
		                 "Parameter 'size' expects a multiple of 512 above 0");
	return block_resize(node, size, err);
}

/* ---- character devices ---- */

static int run_chardev(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	struct chardev *chr = NULL;

	UNUSED_ARGS;
	*result = json_array();
	while ((chr = chardev_next(ctx->vm->chardevs, chr)))
		json_array_append_new(
			*result, json_pack("{s:s, s:o, s:b}", "label", chardev_id(chr),
		                           "filename", mon_text(chardev_describe(chr)),
		                           "frontend-open", chardev_is_attached(chr)));
	return 0;
}

static void print_chardev(const json_t *result, struct strbuf *out)
{
	size_t i;
	json_t *entry;

	json_array_foreach(result, i, entry)
		strbuf_addf(out, "%s: filename=%s\n", mon_str(entry, "label", ""),
	                    mon_str(entry, "filename", ""));
}

const struct mon_command mon_info_commands[] = {
	{ "query-name", "info name", "the guest's name", NULL, "NameInfo", run_name,
	  print_name },
	{ "query-uuid", "info uuid", "the machine's UUID", NULL, "UuidInfo", run_uuid,
	  print_uuid },
	{ "query-kvm", "info kvm", "the accelerator", NULL, "KvmInfo", run_kvm,
	  print_kvm },
	{ "query-target", NULL, "the guest's architecture", NULL, "TargetInfo",
	  run_target, NULL },
	{ "query-cpus-fast", "info cpus", "CPUs and the host threads that run them", NULL,
	  "[CpuInfoFast]", run_cpus, print_cpus },
	{ "query-memory-size-summary", "info memory_size_summary", "the guest's memory",
	  NULL, "MemoryInfo", run_memory, print_memory },
	{ "query-block", "info block", "disk images", NULL, "[BlockInfo]", run_block,
	  print_block },
	{ "query-blockstats", "info blockstats", "what was read and written", NULL,
	  "[BlockStats]", run_blockstats, print_blockstats },
	{ "block_resize", "block_resize", "give a disk image another size", resize_args,
	  NULL, run_resize, NULL },
	{ "query-chardev", "info chardev", "character devices", NULL, "[ChardevInfo]",
	  run_chardev, print_chardev },
	{ .help = NULL },
};
