// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Breakpoints and steps for a debugger. A breakpoint in a kernel is one of the
 * processor's as long as there are free ones: it needs no memory that is mapped already,
 * survives the loading of that kernel, and works on a KVM without hardware. Others are an
 * int3, written into guest RAM and remembered by its physical address, so that it can be
 * taken away whatever the page tables say later. An int3 that is not in the list is the
 * guest's own: its kernel uses them too.
 */
#include "vmm/machine/debug.h"

#include "common/log.h"
#include "vmm/kvm/inspect.h"
#include "vmm/machine/control.h"
#include "vmm/machine/internal.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE      4096u
#define INT3      0xcc
#define DR6_STEP  (1u << 14)
#define CR0_PG    (1u << 31)
#define MAX_INT3S 4096u /* what a debugger may want at once */

struct breakpoint {
	struct breakpoint *next;
	enum pc_break kind; /* as it was asked for */
	uint64_t addr, len;
	bool hardware;
	uint64_t gpa;  /* of the int3 */
	uint8_t saved; /* what it took the place of */
};

/* ---- the list ---- */

static struct breakpoint *find(struct pc *pc, enum pc_break kind, uint64_t addr,
                               uint64_t len)
{
	struct breakpoint *b = pc->debug.points;

	while (b && (b->kind != kind || b->addr != addr || b->len != len))
		b = b->next;
	return b;
}

static unsigned count(const struct pc *pc, bool hardware)
{
	unsigned n = 0;

	for (const struct breakpoint *b = pc->debug.points; b; b = b->next)
		n += b->hardware == hardware;
	return n;
}

static int arm_software(struct pc *pc, unsigned cpu, struct breakpoint *b)
{
	const uint8_t code = INT3;

	if (count(pc, false) == MAX_INT3S)
		return -ENOSPC;
	if (inspect_translate(vcpu_fd(pc->vcpus, cpu), b->addr, &b->gpa) < 0 ||
	    dma_read(pc->vm.mem, b->gpa, &b->saved, 1) < 0)
		return -EFAULT;
	return dma_write(pc->vm.mem, b->gpa, &code, 1) < 0 ? -EFAULT : 0;
}

/* One that was asked for as an int3 becomes one. False: none can. */
static bool free_register(struct pc *pc, unsigned cpu)
{
	for (struct breakpoint *b = pc->debug.points; b; b = b->next) {
		if (!b->hardware || b->kind != PC_BREAK_SOFTWARE ||
		    arm_software(pc, cpu, b) < 0)
			continue;
		b->hardware = false;
		return true;
	}
	return false;
}

/* SDM volume 3, 17.2.5: a watchpoint's length is a power of two, and it is aligned. */
static int arm_hardware(struct pc *pc, unsigned cpu, struct breakpoint *b)
{
	bool execute = b->kind == PC_BREAK_SOFTWARE || b->kind == PC_BREAK_HARDWARE;

	if (b->kind == PC_WATCH_READ)
		return -ENOTSUP;
	if (!execute &&
	    (!b->len || b->len > 8 || (b->len & (b->len - 1)) || b->addr % b->len))
		return -EINVAL;
	if (count(pc, true) == DEBUG_POINTS &&
	    (b->kind == PC_BREAK_SOFTWARE || !free_register(pc, cpu)))
		return -ENOSPC;
	b->hardware = true;
	return 0;
}

/* An address means the same to whatever runs: in the upper half, or without paging. */
static bool is_global(struct pc *pc, unsigned cpu, uint64_t addr)
{
	uint64_t cr0 = 0;

	return addr >> 63 ||
	       (inspect_register(vcpu_fd(pc->vcpus, cpu), "cr0", &cr0) == 0 &&
	        !(cr0 & CR0_PG));
}

static int arm(struct pc *pc, unsigned cpu, struct breakpoint *b)
{
	int ret;

	if (b->kind != PC_BREAK_SOFTWARE)
		return arm_hardware(pc, cpu, b);
	if (is_global(pc, cpu, b->addr) && arm_hardware(pc, cpu, b) == 0)
		return 0;
	ret = arm_software(pc, cpu, b);
	return ret == -EFAULT ? arm_hardware(pc, cpu, b) : ret;
}

/* A guest that wrote something else there keeps that. */
static void disarm(struct pc *pc, const struct breakpoint *b)
{
	uint8_t now;

	if (!b->hardware && dma_read(pc->vm.mem, b->gpa, &now, 1) >= 0 && now == INT3)
		dma_write(pc->vm.mem, b->gpa, &b->saved, 1);
}

int pc_debug_insert(struct pc *pc, unsigned cpu, enum pc_break kind, uint64_t addr,
                    uint64_t len)
{
	struct breakpoint *b;
	int ret;

	if (find(pc, kind, addr, len))
		return 0;
	b = malloc(sizeof(*b));
	if (!b)
		return -ENOMEM;
	*b = (struct breakpoint){ .kind = kind, .addr = addr, .len = len };
	ret = arm(pc, cpu, b);
	if (ret < 0) {
		free(b);
		return ret;
	}
	b->next = pc->debug.points;
	pc->debug.points = b;
	return 0;
}

int pc_debug_remove(struct pc *pc, enum pc_break kind, uint64_t addr, uint64_t len)
{
	struct breakpoint *b = find(pc, kind, addr, len), **at = &pc->debug.points;

	if (!b)
		return -ENOENT;
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	disarm(pc, b);
	free(b);
	return 0;
}

/* ---- going on ---- */

static void control(struct pc *pc, unsigned cpu, bool inject)
{
	const enum pc_debug_how *how = pc->debug.how;
	struct debug_control c = { .step = how && how[cpu] == PC_DEBUG_STEP,
		                   .inject = inject };
	int ret;

	for (const struct breakpoint *b = pc->debug.points; b; b = b->next) {
		c.software |= !b->hardware;
		if (b->hardware)
			c.points[c.count++] = (struct debug_point){
				.addr = b->addr,
				.kind = b->kind == PC_WATCH_WRITE    ? DEBUG_WRITE
				        : b->kind == PC_WATCH_ACCESS ? DEBUG_ACCESS
				                                     : DEBUG_EXECUTE,
				.len = b->kind >= PC_WATCH_WRITE ? b->len : 1,
			};
	}
	ret = debug_control(vcpu_fd(pc->vcpus, cpu), &c);
	if (ret < 0)
		log_error("KVM_SET_GUEST_DEBUG on vCPU %u: %s", cpu, strerror(-ret));
}

static void release(struct pc *pc)
{
	for (unsigned i = 0; i < pc_cpu_count(pc); i++) {
		vcpu_freeze(pc->vcpus, i, false);
		control(pc, i, false);
	}
}

void pc_debug_thaw(struct pc *pc)
{
	if (!pc->debug.how && !pc->debug.points)
		return;
	free(pc->debug.how);
	pc->debug.how = NULL;
	release(pc);
}

int pc_debug_run(struct pc *pc, const enum pc_debug_how *how, struct err *err)
{
	unsigned cpus = pc_cpu_count(pc);

	free(pc->debug.how);
	pc->debug.how = calloc(cpus, sizeof(*how));
	if (!pc->debug.how)
		return err_sys(err, ENOMEM, "debugger");
	memcpy(pc->debug.how, how, cpus * sizeof(*how));
	for (unsigned i = 0; i < cpus; i++) {
		vcpu_freeze(pc->vcpus, i, how[i] == PC_DEBUG_STAY);
		control(pc, i, false);
	}
	return pc_resume(pc, err);
}

static void forget_points(struct pc *pc)
{
	while (pc->debug.points) {
		struct breakpoint *b = pc->debug.points;

		pc->debug.points = b->next;
		disarm(pc, b);
		free(b);
	}
}

void pc_debug_clear(struct pc *pc)
{
	forget_points(pc);
	free(pc->debug.how);
	pc->debug.how = NULL;
	release(pc);
}

void pc_debug_free(struct pc *pc)
{
	forget_points(pc);
	free(pc->debug.how);
}

/* ---- what they met ---- */

static bool is_ours(const struct pc *pc, const struct vcpu_debug_exit *exit)
{
	const struct breakpoint *b = pc->debug.points;

	while (b && (b->hardware || b->addr != exit->pc))
		b = b->next;
	return b || exit->exception != 3;
}

bool pc_debug_pass(struct pc *pc)
{
	struct vcpu_debug_exit exit;
	struct err err = { 0 };
	bool pass = true;

	vcpus_pause(pc->vcpus);
	vm_lock(&pc->vm);
	for (unsigned i = 0; i < pc_cpu_count(pc); i++)
		if (vcpu_debug_exit(pc->vcpus, i, &exit) && is_ours(pc, &exit))
			pass = false;
	for (unsigned i = 0; i < pc_cpu_count(pc) && pass; i++)
		if (vcpu_debug_exit(pc->vcpus, i, &exit))
			control(pc, i, true);
	vm_unlock(&pc->vm);
	if (pass && vcpus_run(pc->vcpus, &err) < 0)
		log_error("%s", err.text);
	return pass;
}

/* DR6's low bits are the points that were met, in the order that control() gave them. */
static void name_point(const struct pc *pc, const struct vcpu_debug_exit *exit,
                       struct pc_debug_stop *stop)
{
	unsigned n = 0;

	for (const struct breakpoint *b = pc->debug.points; b; b = b->next) {
		if (!b->hardware || !(exit->dr6 & 1u << n++))
			continue;
		/* A processor may set the bit of a breakpoint that it steps off. */
		if (b->kind < PC_WATCH_WRITE && (exit->dr6 & DR6_STEP))
			continue;
		stop->hit = true;
		stop->kind = b->kind;
		stop->addr = b->addr;
		return;
	}
}

bool pc_debug_stopped(struct pc *pc, struct pc_debug_stop *stop)
{
	struct vcpu_debug_exit exit;

	for (unsigned i = 0; i < pc_cpu_count(pc); i++) {
		if (!vcpu_debug_exit(pc->vcpus, i, &exit))
			continue;
		*stop = (struct pc_debug_stop){ .cpu = i };
		if (exit.exception == 3)
			*stop = (struct pc_debug_stop){ i, PC_BREAK_SOFTWARE, true, 0 };
		else
			name_point(pc, &exit, stop);
		return true;
	}
	return false;
}

/* ---- registers and memory ---- */

int pc_debug_registers(struct pc *pc, unsigned cpu, uint8_t image[DEBUG_IMAGE_MAX])
{
	return debug_get(vcpu_fd(pc->vcpus, cpu), image);
}

int pc_debug_set_registers(struct pc *pc, unsigned cpu, const uint8_t *image)
{
	return debug_set(vcpu_fd(pc->vcpus, cpu), image);
}

size_t pc_debug_write(struct pc *pc, unsigned cpu, uint64_t gva, const void *buf,
                      size_t len)
{
	size_t done = 0;

	while (done < len) {
		size_t n = PAGE - (gva + done) % PAGE;
		uint64_t gpa;

		n = n < len - done ? n : len - done;
		if (inspect_translate(vcpu_fd(pc->vcpus, cpu), gva + done, &gpa) < 0 ||
		    dma_write(pc->vm.mem, gpa, (const char *)buf + done, n) < 0)
			break;
		done += n;
	}
	return done;
}
