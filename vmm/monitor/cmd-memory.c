// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory and ports from outside the guest: where RAM comes from, what the blocks are,
 * copies and sums of them, single accesses to ports. */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/machine/control.h"
#include "vmm/mem/backend.h"
#include "vmm/mem/mem.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHUNK 4096

/* ---- where it comes from ---- */

static int run_memdev(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	const struct mem_backend *b = pc_ram_backend(ctx->pc);

	(void)args;
	(void)err;
	*result =
		json_pack("[{s:s, s:I, s:b, s:b, s:b, s:b, s:b, s:[], s:s}]", "id",
	                  b->id ? b->id : "pc.ram", "size", (json_int_t)b->size, "merge",
	                  b->merge, "dump", b->dump, "prealloc", b->prealloc, "share",
	                  b->share, "reserve", 0, "host-nodes", "policy", "default");
	return 0;
}

static void print_memdev(const json_t *result, struct strbuf *out)
{
	static const char *const flags[] = { "merge", "dump", "prealloc", "share",
		                             "reserve" };
	size_t i;
	json_t *dev;

	json_array_foreach(result, i, dev)
	{
		strbuf_addf(out, "memory backend: %s\n  size:  %lld\n",
		            mon_str(dev, "id", ""), (long long)mon_int(dev, "size", 0));
		for (unsigned f = 0; f < ARRAY_SIZE(flags); f++)
			strbuf_addf(out, "  %s: %s\n", flags[f],
			            mon_bool(dev, flags[f], false) ? "true" : "false");
		strbuf_addf(out, "  policy: %s\n  host nodes: \n\n",
		            mon_str(dev, "policy", ""));
	}
}

static int run_ramblock(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	const struct ram_block *block;

	(void)args;
	(void)err;
	strbuf_addf(&out, "%24s %8s  %18s %18s %18s\n", "Block Name", "PSize", "Offset",
	            "Used", "Total");
	for (unsigned i = 0; (block = mem_ram(ctx->vm->mem, i)); i++)
		strbuf_addf(&out,
		            "%24s    4 KiB  0x%016" PRIx64 " 0x%016" PRIx64
		            " 0x%016" PRIx64 "\n",
		            block->name, block->gpa, block->size, block->size);
	*result = mon_text(out.data);
	return 0;
}

static int run_roms(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	const struct ram_block *block;

	(void)args;
	(void)err;
	for (unsigned i = 0; (block = mem_ram(ctx->vm->mem, i)); i++)
		if (block->readonly && block->gpa != MEM_NOWHERE)
			strbuf_addf(&out,
			            "addr=%016" PRIx64 " size=0x%06" PRIx64
			            " mem=rom name=\"%s\"\n",
			            block->gpa, block->size, block->name);
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

/* ---- copies and sums ---- */

static int bad_range(uint64_t addr, uint64_t size, struct err *err)
{
	return err_set(err, EINVAL,
	               "Invalid addr 0x%016" PRIx64 "/size %" PRIu64 " specified", addr,
	               size);
}

/* BSD's 16-bit sum. */
static int run_sum(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	uint64_t start = mon_int(args, "start", 0), size = mon_int(args, "size", 0);
	uint8_t buf[CHUNK];
	uint16_t sum = 0;
	char text[16];

	for (uint64_t at = start, left = size; left;) {
		size_t n = left < CHUNK ? left : CHUNK;

		if (dma_read(ctx->vm->mem, at, buf, n) < 0)
			return bad_range(at, left, err);
		for (size_t i = 0; i < n; i++)
			sum = (uint16_t)(sum >> 1 | sum << 15) + buf[i];
		at += n;
		left -= n;
	}
	snprintf(text, sizeof(text), "%05d\n", sum);
	*result = json_string(text);
	return 0;
}

static int read_memory(struct mon_ctx *ctx, int cpu, uint64_t addr, uint8_t *buf,
                       size_t n)
{
	if (cpu < 0)
		return dma_read(ctx->vm->mem, addr, buf, n);
	return pc_cpu_read(ctx->pc, cpu, addr, buf, n) == n ? 0 : -EFAULT;
}

/* cpu: whose virtual addresses; -1: physical ones. */
static int save(struct mon_ctx *ctx, const json_t *args, int cpu, struct err *err)
{
	const char *path = mon_str(args, "filename", "");
	uint64_t addr = mon_int(args, "val", 0), left = mon_int(args, "size", 0);
	_cleanup_fclose_ FILE *file = fopen(path, "we");
	uint8_t buf[CHUNK];

	if (!file)
		return err_sys(err, errno, "cannot write %s", path);
	while (left) {
		size_t n = left < sizeof(buf) ? left : sizeof(buf);

		if (read_memory(ctx, cpu, addr, buf, n) < 0)
			return bad_range(addr, left, err);
		if (fwrite(buf, n, 1, file) != 1)
			return err_sys(err, errno, "cannot write %s", path);
		addr += n;
		left -= n;
	}
	return fflush(file) ? err_sys(err, errno, "cannot write %s", path) : 0;
}

static int run_pmemsave(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	(void)result;
	return save(ctx, args, -1, err);
}

static int run_memsave(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	int64_t cpu = mon_int(args, "cpu-index", ctx->cpu);

	(void)result;
	if (cpu < 0 || cpu >= pc_cpu_count(ctx->pc))
		return err_usage(err, "Parameter 'cpu-index' expects a CPU number");
	return save(ctx, args, cpu, err);
}

/* ---- ports ---- */

/* The size that the format names: b, h or w. */
static int port_size(const json_t *args, unsigned *size, char *letter, struct err *err)
{
	const char *fmt = mon_str(args, "fmt", "/b");
	int64_t port = mon_int(args, "port", 0);

	*size = strchr(fmt, 'w') ? 4 : strchr(fmt, 'h') ? 2 : 1;
	*letter = *size == 4 ? 'l' : *size == 2 ? 'w' : 'b';
	return port < 0 || port > UINT16_MAX
	               ? err_usage(err, "there is no port 0x%llx", (long long)port)
	               : 0;
}

static int run_in(struct mon_ctx *ctx, const json_t *args, json_t **result,
                  struct err *err)
{
	uint16_t port = mon_int(args, "port", 0);
	uint8_t data[8] = { 0 };
	unsigned size;
	char letter, text[64];
	int ret = port_size(args, &size, &letter, err);

	if (ret < 0)
		return ret;
	mem_access(ctx->vm->mem, MEM_PIO, port, data, size, false);
	snprintf(text, sizeof(text), "port%c[0x%04x] = 0x%0*" PRIx64 "\n", letter, port,
	         size * 2, ld64(data));
	*result = json_string(text);
	return 0;
}

static int run_out(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	uint8_t data[8];
	unsigned size;
	char letter;
	int ret = port_size(args, &size, &letter, err);

	(void)result;
	if (ret < 0)
		return ret;
	st64(data, mon_int(args, "val", 0));
	mem_access(ctx->vm->mem, MEM_PIO, mon_int(args, "port", 0), data, size, true);
	return 0;
}

/* ---- the table ---- */

static const struct mon_arg sum_args[] = {
	{ "start", MON_INT, false, 0, 0, 0 },
	{ "size", MON_INT, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg pmemsave_args[] = {
	{ "val", MON_INT, false, 0, 0, 0 },
	{ "size", MON_INT, false, 0, 0, 0 },
	{ "filename", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg memsave_args[] = {
	{ "val", MON_INT, false, 0, 0, 0 },
	{ "size", MON_INT, false, 0, 0, 0 },
	{ "filename", MON_STR, false, 0, 0, 0 },
	{ "cpu-index", MON_INT, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg in_args[] = {
	{ "fmt", MON_FORMAT, true, 0, 0, 0 },
	{ "port", MON_INT, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg out_args[] = {
	{ "fmt", MON_FORMAT, true, 0, 0, 0 },
	{ "port", MON_INT, false, 0, 0, 0 },
	{ "val", MON_INT, false, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_memory_commands[] = {
	{ "query-memdev", "info memdev", "where guest RAM comes from", NULL, "[Memdev]",
	  run_memdev, print_memdev },
	{ NULL, "info ramblock", "blocks of guest memory", NULL, NULL, run_ramblock,
	  NULL },
	{ NULL, "info roms", "memory that the guest cannot write", NULL, NULL, run_roms,
	  NULL },
	{ NULL, "sum", "a checksum of guest-physical memory", sum_args, NULL, run_sum,
	  NULL },
	{ "pmemsave", "pmemsave", "guest-physical memory to a file", pmemsave_args, NULL,
	  run_pmemsave, NULL },
	{ "memsave", "memsave", "memory at a CPU's virtual address to a file",
	  memsave_args, NULL, run_memsave, NULL },
	{ NULL, "i", "read a port; fmt: b, h, w", in_args, NULL, run_in, NULL },
	{ NULL, "o", "write a port; fmt: b, h, w", out_args, NULL, run_out, NULL },
	{ .help = NULL },
};
