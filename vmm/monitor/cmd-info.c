// SPDX-License-Identifier: GPL-2.0-or-later
/* What the machine is made of: name, processors, memory, character devices. */
#include "common/cleanup.h"
#include "vmm/chardev/chardev.h"
#include "vmm/core/device.h"
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

void mon_cpu_path(const struct vm *vm, unsigned cpu, char *path, size_t size)
{
	char own[32];

	snprintf(own, sizeof(own), "system/cpu@%u", cpu);
	snprintf(path, size, "%s", "");
	for (const struct device *dev = vm->devices; dev; dev = dev->next)
		if (!strcmp(dev->path, own))
			device_qom_path(dev, path, size);
}

static int run_cpus(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	UNUSED_ARGS;
	*result = json_array();
	for (unsigned i = 0; i < pc_cpu_count(ctx->pc); i++) {
		char path[DEVICE_QOM_PATH];

		mon_cpu_path(ctx->vm, i, path, sizeof(path));
		json_array_append_new(*result,
		                      json_pack("{s:i, s:i, s:s, s:s}", "cpu-index", i,
		                                "thread-id", pc_cpu_thread(ctx->pc, i),
		                                "qom-path", path, "target", "x86_64"));
	}
	return 0;
}

static int run_info_cpus(struct mon_ctx *ctx, const json_t *args, json_t **result,
                         struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	UNUSED_ARGS;
	for (unsigned i = 0; i < pc_cpu_count(ctx->pc); i++)
		strbuf_addf(&out, "%c CPU #%u: thread_id=%d\n", i == ctx->cpu ? '*' : ' ',
		            i, pc_cpu_thread(ctx->pc, i));
	*result = mon_text(out.data);
	return 0;
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
	{ "query-cpus-fast", NULL, "CPUs and the host threads that run them", NULL,
	  "[CpuInfoFast]", run_cpus, NULL },
	{ NULL, "info cpus", "CPUs and their host threads; *: the one that 'cpu' chose",
	  NULL, NULL, run_info_cpus, NULL },
	{ "query-memory-size-summary", "info memory_size_summary", "the guest's memory",
	  NULL, "MemoryInfo", run_memory, print_memory },
	{ "query-chardev", "info chardev", "character devices", NULL, "[ChardevInfo]",
	  run_chardev, print_chardev },
	{ .help = NULL },
};
