// SPDX-License-Identifier: GPL-2.0-or-later
/* A look inside: registers, guest memory, the memory map, the log. */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/opts.h"
#include "vmm/core/vm.h"
#include "vmm/machine/control.h"
#include "vmm/mem/mem.h"
#include "vmm/monitor/paging.h"
#include "vmm/monitor/readline.h"
#include "vmm/monitor/tables.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

static int run_registers(struct mon_ctx *ctx, const json_t *args, json_t **result,
                         struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	bool all = mon_bool(args, "all", false);
	int64_t one = mon_int(args, "vcpu", ctx->cpu);

	if (one < 0 || one >= pc_cpu_count(ctx->pc))
		return err_usage(err, "CPU#%lld not available", (long long)one);
	for (unsigned i = 0; i < pc_cpu_count(ctx->pc); i++)
		if (all || i == one) {
			strbuf_addc(&out, '\n');
			pc_cpu_dump(ctx->pc, i, &out);
		}
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

static int run_cpu(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	int64_t index = mon_int(args, "index", 0);

	(void)result;
	if (index < 0 || index >= pc_cpu_count(ctx->pc))
		return err_usage(err, "there is no CPU %lld; there are %u",
		                 (long long)index, pc_cpu_count(ctx->pc));
	ctx->cpu = index;
	return 0;
}

static int run_mtree(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	(void)args;
	(void)err;
	mem_dump(ctx->vm->mem, &out);
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

/* ---- xp and print ---- */

#define INSTRUCTION_MAX 15 /* bytes */

struct format {
	unsigned count, size;
	char letter;
};

static int parse_format(const char *text, struct format *f, struct err *err)
{
	const char *p = text + (*text == '/');
	_cleanup_free_ char *digits = strndup(p, strspn(p, "0123456789"));
	uint64_t count = 1;

	*f = (struct format){ .size = 4, .letter = 'x' };
	if (!digits || (*digits && opt_parse_u64(digits, &count) < 0) || !count ||
	    count > 4096)
		return err_usage(err, "%s: a count from 1 to 4096", text);
	f->count = count;
	for (p += strlen(digits); *p; p++) {
		static const char sizes[] = "bhwg";
		const char *size = strchr(sizes, *p);

		if (size)
			f->size = 1u << (size - sizes);
		else if (strchr("xduoci", *p))
			f->letter = *p;
		else
			return err_usage(err,
			                 "%s: '%c' is neither a size (b h w g) nor a "
			                 "format (x d u o c i)",
			                 text, *p);
	}
	if (f->letter == 'c' || f->letter == 'i')
		f->size = 1;
	if (f->letter == 'i')
		f->count *= INSTRUCTION_MAX;
	return 0;
}

static void add_value(struct strbuf *out, const struct format *f, uint64_t value)
{
	unsigned bits = f->size * 8;
	int64_t sign = (int64_t)(value << (64 - bits)) >> (64 - bits);

	switch (f->letter) {
	case 'd':
		strbuf_addf(out, "%*" PRId64, bits / 3 + 2, sign);
		break;
	case 'u':
		strbuf_addf(out, "%*" PRIu64, bits / 3 + 2, value);
		break;
	case 'o':
		strbuf_addf(out, "%#*" PRIo64, bits / 3 + 2, value);
		break;
	case 'c':
		if (isprint((int)value))
			strbuf_addf(out, "'%c'", (int)value);
		else
			strbuf_addf(out, "'\\x%02x'", (int)value);
		break;
	default:
		strbuf_addf(out, "0x%0*" PRIx64, bits / 4, value);
	}
}

/* `have` bytes could be read. */
static void add_memory(struct strbuf *out, const struct format *f, uint64_t addr,
                       const uint8_t *data, size_t have)
{
	unsigned per_line = f->letter == 'c' ? 8 : 16 / f->size;

	for (unsigned i = 0; i < f->count; i++, data += f->size, have -= f->size) {
		uint8_t value[8] = { 0 };

		if (i % per_line == 0)
			strbuf_addf(out, "%s%016" PRIx64 ":", i ? "\n" : "",
			            addr + i * f->size);
		if (have < f->size) {
			strbuf_adds(out, " Cannot access memory");
			break;
		}
		memcpy(value, data, f->size);
		strbuf_addc(out, ' ');
		add_value(out, f, ld64(value));
	}
	strbuf_addc(out, '\n');
}

static size_t read_physical(struct mon_ctx *ctx, uint64_t addr, uint8_t *data,
                            const struct format *f)
{
	size_t done = 0;

	while (done < f->count * f->size &&
	       dma_read(ctx->vm->mem, addr + done, data + done, f->size) >= 0)
		done += f->size;
	return done;
}

static int dump_memory(struct mon_ctx *ctx, const json_t *args, bool is_virtual,
                       json_t **result, struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	_cleanup_free_ uint8_t *data = NULL;
	uint64_t addr = mon_int(args, "addr", 0);
	struct format f;
	size_t have;
	int ret = parse_format(mon_str(args, "fmt", "/x"), &f, err);

	if (ret < 0)
		return ret;
	data = calloc(f.count, f.size);
	if (!data)
		return err_sys(err, ENOMEM, "fmt");
	/* A disassembler would be larger than the rest: there are the bytes of as many
	 * instructions, for another program. */
	if (f.letter == 'i')
		strbuf_addf(&out,
		            "0x%016" PRIx64 ": Asm output not supported on this "
		            "arch; the bytes:\n",
		            addr);
	have = is_virtual ? pc_cpu_read(ctx->pc, ctx->cpu, addr, data, f.count * f.size)
	                  : read_physical(ctx, addr, data, &f);
	add_memory(&out, &f, addr, data, have);
	*result = mon_text(out.data);
	return 0;
}

static int run_xp(struct mon_ctx *ctx, const json_t *args, json_t **result,
                  struct err *err)
{
	return dump_memory(ctx, args, false, result, err);
}

static int run_x(struct mon_ctx *ctx, const json_t *args, json_t **result,
                 struct err *err)
{
	return dump_memory(ctx, args, true, result, err);
}

static int run_gva2gpa(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	uint64_t gpa;

	(void)err;
	if (pc_cpu_translate(ctx->pc, ctx->cpu, mon_int(args, "addr", 0), &gpa) < 0)
		strbuf_adds(&out, "Unmapped\n");
	else
		strbuf_addf(&out, "gpa: %#" PRIx64 "\n", gpa);
	*result = mon_text(out.data);
	return 0;
}

static int read_table(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	return dma_read(opaque, gpa, buf, len);
}

/* The guest goes on meanwhile: tables that it changes under our eyes look changed. */
static int list_pages(struct mon_ctx *ctx, const json_t *args, enum paging_view view,
                      const char *command, json_t **result, struct err *err)
{
	static const char *const names[] = { "cr0", "cr3", "cr4", "efer" };
	_cleanup_strbuf_ struct strbuf out = { 0 };
	uint64_t values[ARRAY_SIZE(names)];
	int ret = pc_cpu_registers(ctx->pc, ctx->cpu, names, values, ARRAY_SIZE(names));
	const struct paging p = { .cr0 = values[0],
		                  .cr3 = values[1],
		                  .cr4 = values[2],
		                  .efer = values[3],
		                  .read = read_table,
		                  .opaque = ctx->vm->mem };

	if (ret < 0)
		return err_sys(err, -ret, "KVM cannot read the registers");
	paging_list(&p, view, mon_int(args, "addr", 0), command, &out);
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

static int run_mem(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	return list_pages(ctx, args, PAGING_RANGES, "info mem", result, err);
}

static int run_tlb(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	return list_pages(ctx, args, PAGING_PAGES, "info tlb", result, err);
}

/* Where this process keeps the guest's memory helps nobody but an attacker. */
static int run_gpa2hva(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	(void)ctx;
	(void)args;
	(void)result;
	return err_set(err, EPERM,
	               "the host's addresses of guest memory are not told; use "
	               "xp to look at it, pmemsave to copy it");
}

static int run_print(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct format f;
	int ret = parse_format(mon_str(args, "fmt", "/x"), &f, err);

	(void)ctx;
	if (ret < 0)
		return ret;
	f.size = 8;
	switch (f.letter) {
	case 'd':
		strbuf_addf(&out, "%" PRId64 "\n", mon_int(args, "val", 0));
		break;
	case 'u':
		strbuf_addf(&out, "%" PRIu64 "\n", (uint64_t)mon_int(args, "val", 0));
		break;
	case 'o':
		strbuf_addf(&out, "%#" PRIo64 "\n", (uint64_t)mon_int(args, "val", 0));
		break;
	default:
		strbuf_addf(&out, "%#" PRIx64 "\n", (uint64_t)mon_int(args, "val", 0));
	}
	*result = mon_text(out.data);
	return 0;
}

/* ---- the log ---- */

static int run_logfile(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	(void)ctx;
	(void)result;
	return log_open(mon_str(args, "filename", ""), err);
}

/* The classes of the log are what can be traced. */
static int run_trace_events(struct mon_ctx *ctx, const json_t *args, json_t **result,
                            struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	const char *pattern = mon_str(args, "name", "*");

	(void)ctx;
	(void)err;
	for (unsigned i = 0; log_class_name(i); i++)
		if (!fnmatch(pattern, log_class_name(i), 0))
			strbuf_addf(&out, "%s : state %d\n", log_class_name(i),
			            log_enabled(1u << i));
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

static int run_trace_event(struct mon_ctx *ctx, const json_t *args, json_t **result,
                           struct err *err)
{
	const char *name = mon_str(args, "name", "");

	(void)ctx;
	(void)result;
	return mon_bool(args, "option", false) ? log_enable(name, err)
	                                       : log_disable(name, err);
}

static int run_history(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	(void)args;
	(void)err;
	for (unsigned i = 0; ctx->readline && i < ctx->readline->history_count; i++)
		strbuf_addf(&out, "%u: '%s'\n", i, ctx->readline->history[i]);
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

static int run_log(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	(void)ctx;
	(void)result;
	return log_enable(mon_str(args, "items", ""), err);
}

static const struct mon_arg registers_args[] = {
	{ "all", MON_FLAG, true, 'a', 0, 0 },
	{ "vcpu", MON_INT, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg cpu_args[] = {
	{ "index", MON_INT, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg xp_args[] = {
	{ "fmt", MON_FORMAT, true, 0, 0, 0 },
	{ "addr", MON_INT, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg addr_args[] = {
	{ "addr", MON_INT, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg from_args[] = {
	{ "addr", MON_INT, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg logfile_args[] = {
	{ "filename", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg print_args[] = {
	{ "fmt", MON_FORMAT, true, 0, 0, 0 },
	{ "val", MON_INT, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg log_args[] = {
	{ "items", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

void mon_propose_events(struct vm *vm, void (*add)(void *opaque, const char *value),
                        void *opaque)
{
	(void)vm;
	for (unsigned i = 0; log_class_name(i); i++)
		add(opaque, log_class_name(i));
}

static const struct mon_arg trace_events_args[] = {
	{ "name", MON_STR, true, 0, 0, MON_PROPOSE_EVENTS },
	{ .name = NULL },
};

static const struct mon_arg trace_event_args[] = {
	{ "name", MON_STR, false, 0, 0, MON_PROPOSE_EVENTS },
	{ "option", MON_BOOL, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_debug_commands[] = {
	{ NULL, "info registers", "CPU registers; -a: of all CPUs", registers_args, NULL,
	  run_registers, NULL },
	{ NULL, "cpu", "the CPU that 'info registers' shows", cpu_args, NULL, run_cpu,
	  NULL },
	{ NULL, "info mtree", "the memory map", NULL, NULL, run_mtree, NULL },
	{ NULL, "xp", "guest-physical memory; fmt: count, x d u o c, b h w g", xp_args,
	  NULL, run_xp, NULL },
	{ NULL, "x", "memory at a virtual address of the CPU that 'cpu' chose", xp_args,
	  NULL, run_x, NULL },
	{ NULL, "info mem", "what the page tables map, with its rights; from addr on",
	  from_args, NULL, run_mem, NULL },
	{ NULL, "info tlb", "each page that they map, with its flags; from addr on",
	  from_args, NULL, run_tlb, NULL },
	{ NULL, "gva2gpa", "the physical address of a virtual one", addr_args, NULL,
	  run_gva2gpa, NULL },
	{ NULL, "gpa2hva|gpa2hpa", "not told: addresses of the host", addr_args, NULL,
	  run_gpa2hva, NULL },
	{ NULL, "print|p", "a number in another format", print_args, NULL, run_print,
	  NULL },
	{ NULL, "logfile", "write the log to another file", logfile_args, NULL,
	  run_logfile, NULL },
	{ NULL, "info trace-events", "the classes of the log, and which are on",
	  trace_events_args, NULL, run_trace_events, NULL },
	{ NULL, "trace-event", "turn a class of the log on or off", trace_event_args,
	  NULL, run_trace_event, NULL },
	{ NULL, "info history", "lines that were typed", NULL, NULL, run_history, NULL },
	{ NULL, "log", "log more: the classes of -d; none: no more", log_args, NULL,
	  run_log, NULL },
	{ .help = NULL },
};
