// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What GDB's packets ask for (its manual, "Packets", "General Query Packets"): a table of
 * their names. A name that is not in it gets the empty answer, as the protocol wants. A
 * packet is bytes of a stranger: every number is checked, and lengths are bounded by what
 * an answer can hold.
 */
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/machine/control.h"
#include "vmm/mem/mem.h"
#include "vmm/monitor/gdb-session.h"
#include "vmm/monitor/gdb.h"
#include "vmm/monitor/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_READ (GDB_PACKET / 2) /* bytes, each two digits */

/* ---- numbers and bytes ---- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads a hexadecimal number of at most 16 digits at *p and moves *p behind it. */
static bool take_hex(const char **p, uint64_t *value)
{
	const char *start = *p;

	*value = 0;
	while (digit(**p) >= 0 && *p - start < 16)
		*value = *value << 4 | digit(*(*p)++);
	return *p != start;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

/* "A,B" */
static bool take_pair(const char **p, uint64_t *a, uint64_t *b)
{
	return take_hex(p, a) && take_char(p, ',') && take_hex(p, b);
}

static void add_hex(struct strbuf *out, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		strbuf_addf(out, "%02x", p[i]);
}

/* Exactly len bytes from 2 * len digits. */
static bool parse_bytes(const char *text, uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int high = digit(text[2 * i]),
		    low = high < 0 ? -1 : digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		data[i] = high << 4 | low;
	}
	return true;
}

static void add_error(struct strbuf *out, int ret)
{
	strbuf_addf(out, "E%02x", -ret & 0xff);
}

static void add_ok(struct strbuf *out, int ret)
{
	if (ret < 0)
		add_error(out, ret);
	else
		strbuf_adds(out, "OK");
}

/* ---- stops ---- */

/* The numbers are GDB's own names for signals. */
static unsigned signal_of(enum vm_runstate state)
{
	static const uint8_t signals[] = {
		[VM_PRELAUNCH] = 5,      [VM_DEBUG] = 5,          /* SIGTRAP */
		[VM_PAUSED] = 2,         [VM_RUNNING] = 2,        /* SIGINT */
		[VM_INMIGRATE] = 2,      [VM_FINISH_MIGRATE] = 2, /* the same */
		[VM_POSTMIGRATE] = 2,    [VM_SHUTDOWN] = 3,       /* SIGQUIT */
		[VM_INTERNAL_ERROR] = 6, [VM_GUEST_PANICKED] = 6, /* SIGABRT */
		[VM_WATCHDOG] = 14,                               /* SIGALRM */
	};

	return signals[state];
}

static void add_why(const struct gdb *gdb, const struct pc_debug_stop *stop,
                    struct strbuf *out)
{
	static const char *const watch[] = {
		[PC_WATCH_WRITE] = "watch", [PC_WATCH_ACCESS] = "awatch"
	};

	if (!stop->hit)
		return;
	if (stop->kind >= PC_WATCH_WRITE)
		strbuf_addf(out, "%s:%" PRIx64 ";", watch[stop->kind], stop->addr);
	else if (stop->kind == PC_BREAK_HARDWARE && gdb->hwbreak)
		strbuf_adds(out, "hwbreak:;");
	else if (gdb->swbreak)
		strbuf_adds(out, "swbreak:;");
}

void gdb_add_stop(struct gdb *gdb, struct strbuf *out)
{
	const struct vm *vm = gdb->ctx.vm;
	struct pc_debug_stop stop = { .cpu = gdb->cpu };
	bool why = pc_debug_stopped(gdb->ctx.pc, &stop);

	gdb->cpu = gdb->run_cpu = stop.cpu;
	if (vm->runstate == VM_SHUTDOWN && !vm->no_shutdown) {
		strbuf_addf(out, "W%02x", vm->exit_status & 0xff);
		return;
	}
	strbuf_addf(out, "T%02xthread:%x;", signal_of(vm->runstate), stop.cpu + 1);
	if (why)
		add_why(gdb, &stop, out);
}

static bool pk_why(struct gdb *gdb, const char *args, struct strbuf *out)
{
	(void)args;
	gdb_add_stop(gdb, out);
	return true;
}

/* ---- registers ---- */

static bool pk_get_all(struct gdb *gdb, const char *args, struct strbuf *out)
{
	uint8_t image[DEBUG_IMAGE_MAX];
	int ret = pc_debug_registers(gdb->ctx.pc, gdb->cpu, image);

	(void)args;
	if (ret < 0)
		add_error(out, ret);
	else
		add_hex(out, image, ret);
	return true;
}

static bool pk_set_all(struct gdb *gdb, const char *args, struct strbuf *out)
{
	uint8_t image[DEBUG_IMAGE_MAX];
	int ret = pc_debug_registers(gdb->ctx.pc, gdb->cpu, image);

	/* What GDB leaves out at the end stays. */
	if (ret >= 0) {
		size_t len = strlen(args) / 2;

		ret = len <= (size_t)ret && parse_bytes(args, image, len) ? 0 : -EINVAL;
	}
	if (ret >= 0)
		ret = pc_debug_set_registers(gdb->ctx.pc, gdb->cpu, image);
	add_ok(out, ret);
	return true;
}

/* Where register n is in the image: its size, or 0 when there is none. */
static size_t find_register(uint64_t n, size_t *at)
{
	const struct debug_register *r;

	*at = 0;
	for (unsigned i = 0; (r = debug_register(i)); i++) {
		if (i == n)
			return r->bits / 8;
		*at += r->bits / 8;
	}
	return 0;
}

static bool pk_get_one(struct gdb *gdb, const char *args, struct strbuf *out)
{
	uint8_t image[DEBUG_IMAGE_MAX];
	uint64_t n;
	size_t at, size = take_hex(&args, &n) ? find_register(n, &at) : 0;
	int ret = size ? pc_debug_registers(gdb->ctx.pc, gdb->cpu, image) : -EINVAL;

	if (ret < 0)
		add_error(out, ret);
	else
		add_hex(out, image + at, size);
	return true;
}

static int set_register(struct gdb *gdb, uint64_t n, const char *digits)
{
	uint8_t image[DEBUG_IMAGE_MAX];
	size_t at, size = find_register(n, &at);
	int ret = size && strlen(digits) == 2 * size
	                  ? pc_debug_registers(gdb->ctx.pc, gdb->cpu, image)
	                  : -EINVAL;

	if (ret < 0)
		return ret;
	if (!parse_bytes(digits, image + at, size))
		return -EINVAL;
	return pc_debug_set_registers(gdb->ctx.pc, gdb->cpu, image);
}

static bool pk_set_one(struct gdb *gdb, const char *args, struct strbuf *out)
{
	uint64_t n;
	bool good = take_hex(&args, &n) && take_char(&args, '=');

	add_ok(out, good ? set_register(gdb, n, args) : -EINVAL);
	return true;
}

/* ---- memory ---- */

static size_t read_memory(struct gdb *gdb, uint64_t addr, void *buf, size_t len)
{
	if (!gdb->physical)
		return pc_cpu_read(gdb->ctx.pc, gdb->cpu, addr, buf, len);
	return dma_read(gdb->ctx.vm->mem, addr, buf, len) < 0 ? 0 : len;
}

static size_t write_memory(struct gdb *gdb, uint64_t addr, const void *buf, size_t len)
{
	if (!gdb->physical)
		return pc_debug_write(gdb->ctx.pc, gdb->cpu, addr, buf, len);
	return dma_write(gdb->ctx.vm->mem, addr, buf, len) < 0 ? 0 : len;
}

/* Less than it asked for is an answer, too. */
static bool pk_read(struct gdb *gdb, const char *args, struct strbuf *out)
{
	uint8_t data[MAX_READ];
	uint64_t addr, len;
	size_t n;

	if (!take_pair(&args, &addr, &len)) {
		add_error(out, -EINVAL);
		return true;
	}
	n = read_memory(gdb, addr, data, len < MAX_READ ? len : MAX_READ);
	if (!n && len)
		add_error(out, -EFAULT);
	else
		add_hex(out, data, n);
	return true;
}

static bool pk_write(struct gdb *gdb, const char *args, struct strbuf *out)
{
	uint8_t data[MAX_READ];
	uint64_t addr, len;
	bool good = take_pair(&args, &addr, &len) && take_char(&args, ':') &&
	            len <= MAX_READ && parse_bytes(args, data, len);

	add_ok(out, !good                                      ? -EINVAL
	            : write_memory(gdb, addr, data, len) < len ? -EFAULT
	                                                       : 0);
	return true;
}

/* The bytes as they are; the packet's escapes are undone. */
static bool pk_write_binary(struct gdb *gdb, const char *args, struct strbuf *out)
{
	const char *end = gdb->packet + gdb->len;
	uint64_t addr, len;
	bool good = take_pair(&args, &addr, &len) && take_char(&args, ':') &&
	            len == (uint64_t)(end - args);

	add_ok(out, !good                                      ? -EINVAL
	            : write_memory(gdb, addr, args, len) < len ? -EFAULT
	                                                       : 0);
	return true;
}

/* "0" or "1" */
static bool pk_set_physical(struct gdb *gdb, const char *args, struct strbuf *out)
{
	bool good = (args[0] == '0' || args[0] == '1') && !args[1];

	if (good)
		gdb->physical = args[0] == '1';
	add_ok(out, good ? 0 : -EINVAL);
	return true;
}

static bool pk_get_physical(struct gdb *gdb, const char *args, struct strbuf *out)
{
	(void)args;
	strbuf_adds(out, gdb->physical ? "1" : "0");
	return true;
}

/* ---- breakpoints: "KIND,ADDR,LENGTH" ---- */

static bool take_point(const char *args, uint64_t *kind, uint64_t *addr, uint64_t *len)
{
	return take_hex(&args, kind) && take_char(&args, ',') &&
	       take_pair(&args, addr, len) && *kind <= PC_WATCH_ACCESS;
}

/* A kind that is not there gets the empty answer. */
static bool pk_insert(struct gdb *gdb, const char *args, struct strbuf *out)
{
	uint64_t kind, addr, len;
	int ret = take_point(args, &kind, &addr, &len)
	                  ? pc_debug_insert(gdb->ctx.pc, gdb->cpu, kind, addr, len)
	                  : -EINVAL;

	if (ret != -ENOTSUP)
		add_ok(out, ret);
	return true;
}

static bool pk_remove(struct gdb *gdb, const char *args, struct strbuf *out)
{
	uint64_t kind, addr, len;
	int ret = take_point(args, &kind, &addr, &len)
	                  ? pc_debug_remove(gdb->ctx.pc, kind, addr, len)
	                  : -EINVAL;

	/* To take away once more what is gone is no error. */
	add_ok(out, ret == -ENOENT ? 0 : ret);
	return true;
}

/* ---- going on ---- */

/* False: the answer is the next stop. */
static bool go(struct gdb *gdb, const enum pc_debug_how *how, struct strbuf *out)
{
	struct err err = { 0 };
	int ret;

	gdb->waiting = true;
	ret = pc_debug_run(gdb->ctx.pc, how, &err);
	if (ret >= 0)
		return false;
	gdb->waiting = false;
	add_error(out, ret);
	return true;
}

static enum pc_debug_how *all_cpus(const struct gdb *gdb, enum pc_debug_how how)
{
	unsigned count = pc_cpu_count(gdb->ctx.pc);
	enum pc_debug_how *all = calloc(count, sizeof(*all));

	for (unsigned i = 0; all && i < count; i++)
		all[i] = how;
	return all;
}

/* "c" and "s", from where it stands or from an address. A step is the one vCPU's; the
 * others run meanwhile, as QEMU does it. */
static bool resume(struct gdb *gdb, const char *args, bool step, struct strbuf *out)
{
	_cleanup_free_ enum pc_debug_how *how = all_cpus(gdb, PC_DEBUG_RUN);
	uint64_t pc;
	int ret = how ? 0 : -ENOMEM;

	if (ret >= 0 && take_hex(&args, &pc)) {
		_cleanup_strbuf_ struct strbuf digits = { 0 };

		add_hex(&digits, &pc, sizeof(pc));
		ret = digits.data ? set_register(gdb, 16, digits.data) : -ENOMEM;
	}
	if (ret < 0) {
		add_error(out, ret);
		return true;
	}
	if (step)
		how[gdb->run_cpu] = PC_DEBUG_STEP;
	return go(gdb, how, out);
}

static bool pk_continue(struct gdb *gdb, const char *args, struct strbuf *out)
{
	return resume(gdb, args, false, out);
}

static bool pk_step(struct gdb *gdb, const char *args, struct strbuf *out)
{
	return resume(gdb, args, true, out);
}

/* With a signal, of which a machine knows nothing: "SIG[;ADDR]". */
static const char *behind_signal(const char *args)
{
	const char *semicolon = strchr(args, ';');

	return semicolon ? semicolon + 1 : "";
}

static bool pk_continue_signal(struct gdb *gdb, const char *args, struct strbuf *out)
{
	return resume(gdb, behind_signal(args), false, out);
}

static bool pk_step_signal(struct gdb *gdb, const char *args, struct strbuf *out)
{
	return resume(gdb, behind_signal(args), true, out);
}

/* A thread: a number from 1, or -1 (all of them) and 0 (any). *cpu is -1 for these. */
static bool take_thread(const struct gdb *gdb, const char **p, int *cpu)
{
	uint64_t id;

	*cpu = -1;
	if (take_char(p, '-'))
		return take_char(p, '1');
	if (!take_hex(p, &id) || id > pc_cpu_count(gdb->ctx.pc))
		return false;
	*cpu = (int)id - 1;
	return true;
}

/* One action of vCont, ";s:2" or ";C05": the first one that fits a thread is its. */
static bool take_action(const struct gdb *gdb, const char **p, enum pc_debug_how *how,
                        bool *set)
{
	uint64_t sig;
	int cpu = -1;
	char action;

	if (!take_char(p, ';') || !**p)
		return false;
	action = *(*p)++;
	if (!strchr("cCsS", action) ||
	    ((action == 'C' || action == 'S') && !take_hex(p, &sig)))
		return false;
	if (take_char(p, ':') && !take_thread(gdb, p, &cpu))
		return false;
	for (unsigned i = 0; i < pc_cpu_count(gdb->ctx.pc); i++) {
		if (set[i] || (cpu >= 0 && (unsigned)cpu != i))
			continue;
		set[i] = true;
		how[i] = action == 'c' || action == 'C' ? PC_DEBUG_RUN : PC_DEBUG_STEP;
	}
	return true;
}

static bool pk_vcont(struct gdb *gdb, const char *args, struct strbuf *out)
{
	_cleanup_free_ enum pc_debug_how *how = all_cpus(gdb, PC_DEBUG_STAY);
	_cleanup_free_ bool *set = calloc(pc_cpu_count(gdb->ctx.pc), sizeof(*set));
	bool good = how && set && *args;

	while (good && *args)
		good = take_action(gdb, &args, how, set);
	if (good)
		return go(gdb, how, out);
	add_error(out, -EINVAL);
	return true;
}

static bool pk_vcont_what(struct gdb *gdb, const char *args, struct strbuf *out)
{
	(void)gdb;
	(void)args;
	strbuf_adds(out, "vCont;c;C;s;S");
	return true;
}

static bool pk_detach(struct gdb *gdb, const char *args, struct strbuf *out)
{
	struct err err = { 0 };

	(void)args;
	pc_debug_clear(gdb->ctx.pc);
	add_ok(out, pc_cont(gdb->ctx.pc, &err));
	return true;
}

/* No answer: GDB goes at once. */
static bool pk_kill(struct gdb *gdb, const char *args, struct strbuf *out)
{
	(void)args;
	(void)out;
	gdb->ctx.vm->no_shutdown = false;
	pc_request(gdb->ctx.pc, VM_REQ_SHUTDOWN, "host-ui");
	return false;
}

/* ---- threads ---- */

/* "gTHREAD" for registers and memory, "cTHREAD" for steps. */
static bool pk_choose(struct gdb *gdb, const char *args, struct strbuf *out)
{
	char what = *args;
	int cpu;

	if ((what != 'g' && what != 'c') || (args++, !take_thread(gdb, &args, &cpu))) {
		add_error(out, -EINVAL);
		return true;
	}
	if (cpu >= 0 && what == 'g')
		gdb->cpu = cpu;
	else if (cpu >= 0)
		gdb->run_cpu = cpu;
	strbuf_adds(out, "OK");
	return true;
}

static bool pk_alive(struct gdb *gdb, const char *args, struct strbuf *out)
{
	int cpu;

	add_ok(out, take_thread(gdb, &args, &cpu) ? 0 : -EINVAL);
	return true;
}

static bool pk_current(struct gdb *gdb, const char *args, struct strbuf *out)
{
	(void)args;
	strbuf_addf(out, "QC%x", gdb->cpu + 1);
	return true;
}

static bool pk_next_threads(struct gdb *gdb, const char *args, struct strbuf *out)
{
	(void)args;
	if (gdb->next_thread >= pc_cpu_count(gdb->ctx.pc)) {
		strbuf_adds(out, "l");
		return true;
	}
	strbuf_addf(out, "m%x", ++gdb->next_thread);
	return true;
}

static bool pk_first_threads(struct gdb *gdb, const char *args, struct strbuf *out)
{
	gdb->next_thread = 0;
	return pk_next_threads(gdb, args, out);
}

static bool pk_thread_info(struct gdb *gdb, const char *args, struct strbuf *out)
{
	char text[32];
	int cpu;

	if (!take_thread(gdb, &args, &cpu) || cpu < 0) {
		add_error(out, -EINVAL);
		return true;
	}
	snprintf(text, sizeof(text), "CPU#%d", cpu);
	add_hex(out, text, strlen(text));
	return true;
}

/* ---- about this server ---- */

static bool pk_supported(struct gdb *gdb, const char *args, struct strbuf *out)
{
	gdb->swbreak = strstr(args, "swbreak+");
	gdb->hwbreak = strstr(args, "hwbreak+");
	strbuf_addf(out,
	            "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;"
	            "vContSupported+;swbreak+;hwbreak+",
	            GDB_PACKET);
	return true;
}

static bool pk_no_ack(struct gdb *gdb, const char *args, struct strbuf *out)
{
	(void)args;
	gdb->no_ack = true;
	strbuf_adds(out, "OK");
	return true;
}

static bool pk_attached(struct gdb *gdb, const char *args, struct strbuf *out)
{
	(void)gdb;
	(void)args;
	strbuf_adds(out, "1");
	return true;
}

/* A part of target.xml: "OFFSET,LENGTH"; 'l' says that it is the last one. */
static bool pk_target(struct gdb *gdb, const char *args, struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf xml = { 0 };
	uint64_t offset, len;

	(void)gdb;
	gdb_add_target(&xml);
	if (!take_pair(&args, &offset, &len) || offset > xml.len || xml.failed) {
		add_error(out, -EINVAL);
		return true;
	}
	len = len < MAX_READ ? len : MAX_READ;
	len = len < xml.len - offset ? len : xml.len - offset;
	strbuf_addc(out, offset + len < xml.len ? 'm' : 'l');
	strbuf_add(out, xml.data + offset, len);
	return true;
}

/* "monitor LINE": what it prints comes before the answer, in parts that fit a packet. */
static bool pk_monitor(struct gdb *gdb, const char *args, struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	char line[1024] = "";
	size_t len = strlen(args) / 2;

	if (len >= sizeof(line) || !parse_bytes(args, (uint8_t *)line, len)) {
		add_error(out, -EINVAL);
		return true;
	}
	gdb->busy = true;
	hmp_run(&gdb->ctx, line, &text);
	gdb->busy = false;
	for (size_t done = 0; done < text.len;) {
		_cleanup_strbuf_ struct strbuf part = { 0 };
		size_t n = text.len - done < 2048 ? text.len - done : 2048;

		strbuf_addc(&part, 'O');
		add_hex(&part, text.data + done, n);
		gdb_send(gdb, part.data, part.len);
		done += n;
	}
	strbuf_adds(out, "OK");
	return true;
}

/* ---- the table ---- */

/* Returns true when *out is the answer, false when none or a later one comes. */
typedef bool packet_fn(struct gdb *gdb, const char *args, struct strbuf *out);

static const struct {
	const char *name; /* how the packet begins */
	packet_fn *run;
	bool stopped; /* it wants a machine that stands */
} packets[] = {
	{ "?", pk_why, true },
	{ "g", pk_get_all, true },
	{ "G", pk_set_all, true },
	{ "p", pk_get_one, true },
	{ "P", pk_set_one, true },
	{ "m", pk_read, true },
	{ "M", pk_write, true },
	{ "X", pk_write_binary, true },
	{ "Z", pk_insert, true },
	{ "z", pk_remove, true },
	{ "vCont?", pk_vcont_what, false },
	{ "vCont", pk_vcont, true },
	{ "vKill", pk_kill, false },
	{ "c", pk_continue, true },
	{ "C", pk_continue_signal, true },
	{ "s", pk_step, true },
	{ "S", pk_step_signal, true },
	{ "D", pk_detach, true },
	{ "k", pk_kill, false },
	{ "H", pk_choose, false },
	{ "T", pk_alive, false },
	{ "qC", pk_current, false },
	{ "qfThreadInfo", pk_first_threads, false },
	{ "qsThreadInfo", pk_next_threads, false },
	{ "qThreadExtraInfo,", pk_thread_info, false },
	{ "qSupported", pk_supported, false },
	{ "QStartNoAckMode", pk_no_ack, false },
	{ "qAttached", pk_attached, false },
	{ "qXfer:features:read:target.xml:", pk_target, false },
	{ "qRcmd,", pk_monitor, false },
	{ "qqemu.PhyMemMode", pk_get_physical, false },
	{ "Qqemu.PhyMemMode:", pk_set_physical, false },
};

bool gdb_run(struct gdb *gdb, struct strbuf *out)
{
	for (unsigned i = 0; i < ARRAY_SIZE(packets); i++) {
		size_t len = strlen(packets[i].name);

		if (strncmp(gdb->packet, packets[i].name, len))
			continue;
		if (packets[i].stopped && gdb->ctx.vm->runstate == VM_RUNNING) {
			add_error(out, -EBUSY);
			return true;
		}
		return packets[i].run(gdb, gdb->packet + len, out);
	}
	return true;
}
