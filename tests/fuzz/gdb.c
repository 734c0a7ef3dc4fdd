// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: what a debugger sends, frames and packets, up to the machine, in whose
 * place is a small one here. Beyond "does not crash": each answer is one frame with the
 * right check sum; nothing outside of the machine's CPUs and registers is asked for; what
 * runs is not touched. (It includes the files under test, whose parts are static.)
 */
#define pc_cpu_count           fuzz_cpu_count
#define pc_cpu_read            fuzz_cpu_read
#define pc_stop                fuzz_stop
#define pc_cont                fuzz_cont
#define pc_request             fuzz_request
#define pc_debug_insert        fuzz_insert
#define pc_debug_remove        fuzz_remove
#define pc_debug_clear         fuzz_clear
#define pc_debug_registers     fuzz_registers
#define pc_debug_set_registers fuzz_set_registers
#define pc_debug_write         fuzz_write
#define pc_debug_run           fuzz_run
#define pc_debug_stopped       fuzz_stopped
#define dma_read               fuzz_dma_read
#define dma_write              fuzz_dma_write
#define hmp_run                fuzz_hmp
#define chardev_write          fuzz_chardev_write
#define chardev_accept_input   fuzz_accept_input
#define loop_post              fuzz_post
#define gdb_new                fuzz_gdb_new
#define gdb_free               fuzz_gdb_free
#define gdb_stopped            fuzz_gdb_stopped
#define gdb_let_go             fuzz_gdb_let_go
#define gdb_is_busy            fuzz_gdb_is_busy
#define gdb_send               fuzz_gdb_send
#define gdb_run                fuzz_gdb_run
#define gdb_add_stop           fuzz_gdb_add_stop
#include "vmm/monitor/gdb.c"
#include "vmm/monitor/gdb-packet.c"

#include "tests/fuzz/input-lib.h"

enum { CPUS = 3, MEMORY = 256 };

static struct vm vm;
static uint8_t memory[MEMORY];
static unsigned posted;

/* ---- the machine ---- */

static void standing(void)
{
	require(vm.runstate != VM_RUNNING);
}

unsigned pc_cpu_count(const struct pc *pc)
{
	(void)pc;
	return CPUS;
}

static size_t part(uint64_t addr, size_t len)
{
	size_t room = addr < MEMORY ? MEMORY - addr : 0;

	return len < room ? len : room;
}

size_t pc_cpu_read(struct pc *pc, unsigned index, uint64_t gva, void *buf, size_t len)
{
	standing();
	require(index < CPUS);
	memcpy(buf, memory + gva % MEMORY, part(gva, len));
	return part(gva, len);
}

size_t pc_debug_write(struct pc *pc, unsigned cpu, uint64_t gva, const void *buf,
                      size_t len)
{
	standing();
	require(cpu < CPUS);
	memcpy(memory + gva % MEMORY, buf, part(gva, len));
	return part(gva, len);
}

int dma_read(struct mem *mem, uint64_t gpa, void *buf, size_t len)
{
	(void)mem;
	return pc_cpu_read(NULL, 0, gpa, buf, len) == len ? 0 : -EFAULT;
}

int dma_write(struct mem *mem, uint64_t gpa, const void *buf, size_t len)
{
	(void)mem;
	return pc_debug_write(NULL, 0, gpa, buf, len) == len ? 0 : -EFAULT;
}

void pc_stop(struct pc *pc)
{
	(void)pc;
	vm.runstate = VM_PAUSED;
}

int pc_cont(struct pc *pc, struct err *err)
{
	(void)pc;
	(void)err;
	vm.runstate = VM_RUNNING;
	return 0;
}

void pc_request(struct pc *pc, enum vm_request request, const char *cause)
{
	(void)pc;
	require(request == VM_REQ_SHUTDOWN && cause);
}

int pc_debug_insert(struct pc *pc, unsigned cpu, enum pc_break kind, uint64_t addr,
                    uint64_t len)
{
	(void)addr;
	standing();
	require(cpu < CPUS && kind <= PC_WATCH_ACCESS);
	return kind == PC_WATCH_READ ? -ENOTSUP : len > 8 ? -EINVAL : 0;
}

int pc_debug_remove(struct pc *pc, enum pc_break kind, uint64_t addr, uint64_t len)
{
	return pc_debug_insert(pc, 0, kind, addr, len) < 0 ? -ENOENT : 0;
}

void pc_debug_clear(struct pc *pc)
{
	(void)pc;
	standing();
}

int pc_debug_registers(struct pc *pc, unsigned cpu, uint8_t image[DEBUG_IMAGE_MAX])
{
	const struct debug_register *r;
	size_t size = 0;

	(void)pc;
	standing();
	require(cpu < CPUS);
	for (unsigned i = 0; (r = debug_register(i)); i++)
		size += r->bits / 8;
	memset(image, 0x5a, size);
	return size;
}

int pc_debug_set_registers(struct pc *pc, unsigned cpu, const uint8_t *image)
{
	(void)pc;
	(void)image;
	standing();
	require(cpu < CPUS);
	return 0;
}

int pc_debug_run(struct pc *pc, const enum pc_debug_how *how, struct err *err)
{
	for (unsigned i = 0; i < CPUS; i++)
		require(how[i] <= PC_DEBUG_RUN);
	standing();
	return pc_cont(pc, err);
}

bool pc_debug_stopped(struct pc *pc, struct pc_debug_stop *stop)
{
	(void)pc;
	stop->cpu = 2;
	return vm.runstate == VM_DEBUG;
}

void hmp_run(struct mon_ctx *ctx, const char *line, struct strbuf *out)
{
	(void)ctx;
	strbuf_adds(out, line);
}

/* ---- the line ---- */

/* Whole frames, the server's own doing, and acknowledgements between them. */
size_t chardev_write(struct chardev *chr, const void *data, size_t len)
{
	const uint8_t *p = data, *end = p + len;

	(void)chr;
	while (p < end) {
		uint8_t sum = 0;
		char digits[3];

		if (*p == '+' || *p == '-') {
			p++;
			continue;
		}
		require(*p++ == '$');
		while (p < end && *p != '#') {
			require(*p != '$');
			sum += *p++;
		}
		require(end - p >= 3);
		snprintf(digits, sizeof(digits), "%02x", sum);
		require(!memcmp(p + 1, digits, 2));
		p += 3;
	}
	return len;
}

void chardev_accept_input(struct chardev *chr)
{
	(void)chr;
}

void loop_post(struct loop *loop, struct loop_work *w)
{
	(void)loop;
	(void)w;
	posted++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum vm_runstate states[] = { VM_PAUSED, VM_DEBUG, VM_SHUTDOWN };
	struct gdb *gdb = calloc(1, sizeof(*gdb));

	require(gdb);
	gdb->ctx.vm = &vm;
	vm.runstate = VM_PRELAUNCH;
	chr_opened(gdb, true);
	work(gdb);
	for (size_t i = 0; i < size; i++) {
		chr_read(gdb, data + i, 1);
		while (gdb->in_len)
			work(gdb);
		/* What runs comes to an end: one way or another. */
		if (vm.runstate == VM_RUNNING && data[i] % 2) {
			vm.runstate = states[data[i] / 2 % ARRAY_SIZE(states)];
			gdb_stopped(gdb);
		}
	}
	chr_opened(gdb, false);
	work(gdb);
	require(!gdb->waiting && !backlog(gdb));
	strbuf_free(&gdb->last);
	free(gdb);
	return 0;
}
