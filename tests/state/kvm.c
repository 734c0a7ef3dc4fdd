// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vCPU registers and in-kernel chips against the KVM of this host: what is written is
 * read back, a reset returns to power-on, a section loads into another vCPU, and a
 * refusal says what KVM refused.
 */
#include "tests/state/kvm-lib.h"
#include "tests/tap.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/chips.h"
#include "vmm/kvm/kvm.h"
#include "vmm/kvm/shadow.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/loop/loop.h"
#include "vmm/machine/kvmstate.h"

#include <fcntl.h>
#include <string.h>

#define MSR_TSC    0x10
#define MSR_LSTAR  0xc0000082
#define VCPUS      KVM_BOARD_VCPUS
#define APIC_SPIV  0xf
#define APIC_LVTT  0x32
#define APIC_TMICT 0x38

struct board {
	struct kvm_board kvm;
	struct device *cpu[VCPUS], *chips;
	struct shadow_host host;
};

static struct vcpu_shadow a, b;
static struct chips_shadow ca, cb;

static bool board_init(struct board *board, struct err *err)
{
	*board = (struct board){ 0 };
	return kvm_board_init(&board->kvm, err);
}

static void board_free(struct board *board)
{
	kvm_board_free(&board->kvm);
}

static struct shadow_msr *find_msr(struct vcpu_shadow *s, uint32_t index)
{
	for (unsigned i = 0; i < s->msrs.count; i++)
		if (s->msrs.entries[i].index == index)
			return &s->msrs.entries[i];
	return NULL;
}

/* The TSC moves while a vCPU stands still; and SVM has one kind of interrupt shadow,
 * which KVM shows as both kinds of VMX. */
static void level_out(struct vcpu_shadow *s)
{
	find_msr(s, MSR_TSC)->value = 0;
	s->events.interrupt_shadow = !!s->events.interrupt_shadow;
}

static bool same(const struct vcpu_shadow *x, const struct vcpu_shadow *y,
                 const char *what)
{
	struct vcpu_shadow tx = *x, ty = *y;
	struct err err = { 0 };
	bool ok;

	level_out(&tx);
	level_out(&ty);
	ok = state_compare(&vcpu_shadow_state, &tx, &ty, &err) >= 0;
	tap_ok(ok, "%s", what);
	if (!ok)
		tap_diag("%s", err.text);
	return ok;
}

static bool done(int ret, const struct err *err, const char *what)
{
	bool ok = ret >= 0;

	tap_ok(ok, "%s", what);
	if (!ok)
		tap_diag("%s", err->text);
	return ok;
}

/* Registers as a guest might leave them: long mode off, but nothing as at power-on. */
static void scramble(struct vcpu_shadow *s)
{
	uint64_t *regs = &s->regs.rax;

	for (unsigned i = 0; i < 16; i++)
		regs[i] = 0x1111111111111111ull * (i + 1);
	s->regs.rip = 0x7c00;
	s->regs.rflags = 0x246;
	s->sregs.cs.selector = 0x10;
	s->sregs.cs.base = 0x100;
	s->sregs.gdt.base = 0x5000;
	s->sregs.gdt.limit = 0x37;
	s->sregs.cr2 = 0xdeadb000;
	s->sregs.cr8 = 5;
	s->debug_addr[1] = 0x1234;
	s->dr7 = 0x401;
	s->lapic[APIC_SPIV] = 0x1ff;
	s->lapic[8] = s->lapic[10] =
		0x50; /* task priority (CR8 too), and so the current */
	s->lapic[APIC_LVTT] = 0x10020;
	s->events.nmi_masked = 1;
	s->events.interrupt_shadow = 1;
	s->xsave[32] = 0x55;  /* ST0 */
	s->xsave[160] = 0xaa; /* XMM0 */
	s->xsave[512] |= 3;
	find_msr(s, MSR_LSTAR)->value = 0xffffffff81000000ull;
}

static void test_vcpu_round_trip(struct board *board)
{
	int fd = vcpu_fd(board->kvm.vcpus, 0);
	struct err err = { 0 };

	if (!done(shadow_host_init(&board->host, board->kvm.vm.kvm, fd, &err), &err,
	          "KVM says which registers it keeps"))
		return;
	tap_ok(board->host.msr_count > 10, "%u MSRs", board->host.msr_count);
	tap_eq(board->host.msrs[0], MSR_TSC, "the TSC is the first of them");
	done(vcpu_shadow_read(&board->host, fd, &a, &err), &err, "power-on is read");
	done(vcpu_shadow_write(&board->host, fd, &a, 0, &err), &err, "and written");
	done(vcpu_shadow_read(&board->host, fd, &b, &err), &err, "and read");
	same(&a, &b, "power-on survives write and read");
	tap_eq(a.mp_state, 0, "the boot processor is runnable");
	tap_eq(a.sregs.cs.base + a.regs.rip, 0xfffffff0, "it starts at the reset vector");

	scramble(&b);
	done(vcpu_shadow_write(&board->host, fd, &b, 0, &err), &err,
	     "a used state is written");
	memset(&a, 0x5a, sizeof(a));
	done(vcpu_shadow_read(&board->host, fd, &a, &err), &err, "and read");
	same(&a, &b, "a used state survives write and read");
}

static void test_tsc(struct board *board)
{
	int fd = vcpu_fd(board->kvm.vcpus, 0);
	struct err err = { 0 };
	uint64_t kept;

	vcpu_shadow_read(&board->host, fd, &a, &err);
	find_msr(&a, MSR_TSC)->value = 1ull << 60;
	done(vcpu_shadow_write(&board->host, fd, &a, 0, &err), &err, "the TSC is set");
	vcpu_shadow_read(&board->host, fd, &b, &err);
	kept = find_msr(&b, MSR_TSC)->value;
	if (kept < 1ull << 60) {
		tap_skip("a load moves the TSC, a reset does not",
		         "this KVM shows the host's TSC whatever is written");
		return;
	}
	tap_ok(kept - (1ull << 60) < 1ull << 40, "a load moves the TSC");
	find_msr(&b, MSR_TSC)->value = 1000;
	vcpu_shadow_write(&board->host, fd, &b, VCPU_SHADOW_SYNC_TSC, &err);
	vcpu_shadow_read(&board->host, fd, &b, &err);
	tap_ok(find_msr(&b, MSR_TSC)->value >= kept, "a reset does not");
	/* What one vCPU's guest wrote to its own counter ends with the reset. */
	find_msr(&a, MSR_TSC)->value = 1ull << 61;
	vcpu_shadow_write(&board->host, fd, &a, 0, &err);
	for (unsigned i = 0; i < 2; i++)
		vcpu_shadow_write(&board->host, vcpu_fd(board->kvm.vcpus, i), &b,
		                  VCPU_SHADOW_SYNC_TSC, &err);
	vcpu_shadow_read(&board->host, fd, &a, &err);
	vcpu_shadow_read(&board->host, vcpu_fd(board->kvm.vcpus, 1), &b, &err);
	tap_ok(find_msr(&b, MSR_TSC)->value - find_msr(&a, MSR_TSC)->value < 1ull << 40,
	       "after a reset the vCPUs' counters are in step");
}

static void test_refusals(struct board *board)
{
	int fd = vcpu_fd(board->kvm.vcpus, 0),
	    null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err err = { 0 };

	vcpu_shadow_read(&board->host, fd, &a, &err);
	b = a;
	b.sregs.cr4 = ~0ull;
	tap_ok(vcpu_shadow_write(&board->host, fd, &b, 0, &err) < 0, "impossible CR4");
	tap_has(err.text, "special registers", "the sentence names them");
	b = a;
	b.msrs.entries[b.msrs.count++] = (struct shadow_msr){ 0x12345678, 0, 1 };
	err_clear(&err);
	tap_ok(vcpu_shadow_write(&board->host, fd, &b, 0, &err) < 0, "unknown MSR");
	tap_has(err.text, "MSR 0x12345678", "the sentence names it");
	b.msrs.entries[b.msrs.count - 1].value = 0;
	err_clear(&err);
	done(vcpu_shadow_write(&board->host, fd, &b, 0, &err), &err,
	     "an unknown MSR that was never set is no obstacle");
	b = a;
	b.xsave_len = SHADOW_MAX_XSAVE;
	err_clear(&err);
	if (board->host.xsave_size < SHADOW_MAX_XSAVE)
		tap_ok(vcpu_shadow_write(&board->host, fd, &b, 0, &err) < 0,
		       "more extended registers than the host has");
	err_clear(&err);
	tap_ok(vcpu_shadow_read(&board->host, null, &b, &err) < 0, "not a vCPU");
	tap_has(err.text, "run state", "the sentence names the first thing read");
	err_clear(&err);
	vcpu_shadow_write(&board->host, fd, &a, 0, &err);
	close(null);
}

static void test_validate(void)
{
	struct err err = { 0 };

	b = a;
	tap_ok(vcpu_shadow_state.validate(&b, &err) >= 0, "what KVM says is valid");
	b.mp_state = 9;
	tap_ok(vcpu_shadow_state.validate(&b, NULL) < 0, "run state 9 is not");
	b = a;
	b.sregs.gs.dpl = 4;
	err_clear(&err);
	tap_ok(vcpu_shadow_state.validate(&b, &err) < 0, "nor is privilege level 4");
	tap_has(err.text, "gs", "the segment is named");
	b = a;
	b.events.exception_nr = 32;
	tap_ok(vcpu_shadow_state.validate(&b, NULL) < 0, "nor is exception 32");
	b = a;
	b.xsave_len = 100;
	tap_ok(vcpu_shadow_state.validate(&b, NULL) < 0, "nor are 100 bytes of XSAVE");
	b = a;
	b.sregs.flags = 2;
	tap_ok(vcpu_shadow_state.validate(&b, NULL) < 0, "nor are unknown flags");
}

/* ---- chips ---- */

static bool same_chips(const struct chips_shadow *x, const struct chips_shadow *y,
                       const char *what)
{
	struct chips_shadow tx = *x, ty = *y;
	struct err err = { 0 };
	bool ok;

	tx.clock = ty.clock = 0;
	ok = state_compare(&chips_shadow_state, &tx, &ty, &err) >= 0;
	tap_ok(ok, "%s", what);
	if (!ok)
		tap_diag("%s", err.text);
	return ok;
}

static void test_chips(struct board *board)
{
	struct kvm_vm *kvm = board->kvm.vm.kvm;
	struct err err = { 0 };

	done(chips_shadow_read(kvm, &ca, &err), &err, "chips are read");
	tap_ok(chips_shadow_state.validate(&ca, &err) >= 0, "and valid");
	done(chips_shadow_write(kvm, &ca, 0, &err), &err, "and written");
	chips_shadow_read(kvm, &cb, &err);
	same_chips(&ca, &cb, "they survive write and read");

	cb.pic[0].irq_base = 0x20;
	cb.pic[0].imr = 0xfb;
	cb.pic[1].irq_base = 0x28;
	cb.pic[1].elcr = 0x0c;
	cb.ioapic.id = 2;
	cb.ioapic.redirtbl[4] = 0x34;
	cb.ioapic.redirtbl[10] = 0x1a035;
	cb.pit[2].count = 1193;
	cb.pit[2].mode = 3;
	cb.pit[0].count = 65536;
	cb.pit[0].mode = 2;
	cb.pit_flags = 2;
	cb.clock = 5000000000000ull;
	done(chips_shadow_write(kvm, &cb, 0, &err), &err, "used chips are written");
	memset(&ca, 0x5a, sizeof(ca));
	done(chips_shadow_read(kvm, &ca, &err), &err, "and read");
	same_chips(&ca, &cb, "used chips survive write and read");
	tap_ok(ca.clock >= cb.clock && ca.clock - cb.clock < 60000000000ull,
	       "the clock went on from what was written");
	cb.clock = 1;
	chips_shadow_write(kvm, &cb, CHIPS_SHADOW_KEEP_CLOCK, &err);
	chips_shadow_read(kvm, &ca, &err);
	tap_ok(ca.clock >= 5000000000000ull, "a reset keeps the clock");
}

static void test_chips_validate(void)
{
	struct err err = { 0 };

	cb = ca;
	cb.ioapic.base_address = 0x1000;
	tap_ok(chips_shadow_state.validate(&cb, &err) < 0, "an IOAPIC elsewhere");
	tap_has(err.text, "0x1000", "the sentence says where");
	cb = ca;
	cb.pit[1].count = 65537;
	tap_ok(chips_shadow_state.validate(&cb, NULL) < 0, "a count beyond 16 bits");
	cb = ca;
	cb.pit[1].mode = 7;
	tap_ok(chips_shadow_state.validate(&cb, NULL) < 0, "timer mode 7");
	cb = ca;
	cb.pic[1].priority_add = 8;
	tap_ok(chips_shadow_state.validate(&cb, NULL) < 0, "PIC priority 8");
	cb = ca;
	cb.pit_flags = 4;
	tap_ok(chips_shadow_state.validate(&cb, NULL) < 0, "unknown timer flags");
}

/* ---- as devices ---- */

static bool add_devices(struct board *board, struct err *err)
{
	for (unsigned i = 0; i < VCPUS; i++) {
		board->cpu[i] = kvmstate_add_vcpu(&board->kvm.vm, i,
		                                  vcpu_fd(board->kvm.vcpus, i), err);
		if (!board->cpu[i])
			return false;
	}
	board->chips = kvmstate_add_chips(&board->kvm.vm, err);
	return board->chips;
}

static void test_devices(struct board *board)
{
	struct err err = { 0 };
	int fd = vcpu_fd(board->kvm.vcpus, 0);

	vcpu_shadow_read(&board->host, fd, &a, &err);
	scramble(&a);
	if (!done(add_devices(board, &err) ? 0 : -1, &err, "devices are made"))
		return;
	tap_str(board->cpu[1]->path, "system/cpu@1", "path of a vCPU");
	tap_str(board->chips->path, "system/chips", "path of the chips");

	vcpu_shadow_read(&board->host, fd, &b, &err);
	done(vcpu_shadow_write(&board->host, fd, &a, 0, &err), &err, "the guest ran");
	devices_reset(&board->kvm.vm);
	memset(&a, 0x5a, sizeof(a));
	vcpu_shadow_read(&board->host, fd, &a, &err);
	same(&a, &b, "a reset goes back to power-on");
}

static void test_second_vcpu(struct board *board)
{
	struct err err = { 0 };
	int fd = vcpu_fd(board->kvm.vcpus, 1);

	vcpu_shadow_read(&board->host, fd, &a, &err);
	tap_eq(a.mp_state, 1, "the second processor waits for its start-up message");
	b = a;
	b.mp_state = 0;
	b.regs.rip = 0x1000;
	done(vcpu_shadow_write(&board->host, fd, &b, 0, &err), &err, "it was started");
	devices_reset(&board->kvm.vm);
	vcpu_shadow_read(&board->host, fd, &b, &err);
	same(&a, &b, "a reset makes it wait again");
}

static void test_sections(struct board *board)
{
	_cleanup_strbuf_ struct strbuf first = { 0 }, again = { 0 };
	struct device *cpu = board->cpu[0], *chips = board->chips;
	struct err err = { 0 };
	size_t used = 0;
	int fd = vcpu_fd(board->kvm.vcpus, 0);

	vcpu_shadow_read(&board->host, fd, &a, &err);
	scramble(&a);
	done(vcpu_shadow_write(&board->host, fd, &a, 0, &err), &err, "the guest ran");
	done(state_save(cpu->cls->state, cpu, cpu->path, &first, &err), &err, "saved");
	tap_diag("a vCPU's section has %zu bytes", first.len);
	devices_reset(&board->kvm.vm);
	done(state_load(cpu->cls->state, cpu, cpu->cls->size, cpu->path, first.data,
	                first.len, &used, &err),
	     &err, "loaded after a reset");
	tap_eq(used, first.len, "all of it");
	vcpu_shadow_read(&board->host, fd, &b, &err);
	same(&a, &b, "the registers are back");

	used = 0;
	done(state_save(chips->cls->state, chips, chips->path, &again, &err), &err,
	     "chips are saved");
	done(state_load(chips->cls->state, chips, chips->cls->size, chips->path,
	                again.data, again.len, &used, &err),
	     &err, "and loaded");
	devices_resume(&board->kvm.vm);
	devices_reset(&board->kvm.vm);
}

static uint64_t clock_now(struct board *board)
{
	struct err err = { 0 };
	uint64_t ns = 0;

	if (chips_clock_read(board->kvm.vm.kvm, &ns, &err) < 0)
		tap_diag("%s", err.text);
	return ns;
}

/* KVM's own clock is waited for, which goes on. */
static void test_clock(struct board *board)
{
	_cleanup_strbuf_ struct strbuf saved = { 0 };
	struct device *chips = board->chips;
	struct err err = { 0 };
	uint64_t before, later;
	size_t used = 0;

	before = clock_now(board);
	devices_quiesce(&board->kvm.vm);
	while (clock_now(board) < before + 300000000)
		;
	state_save(chips->cls->state, chips, chips->path, &saved, &err);
	devices_resume(&board->kvm.vm);
	later = clock_now(board);
	tap_ok(later >= before && later - before < 200000000,
	       "the paravirtual clock stands while the machine is stopped");
	while (clock_now(board) < later + 300000000)
		;
	devices_quiesce(&board->kvm.vm);
	done(state_load(chips->cls->state, chips, chips->cls->size, chips->path,
	                saved.data, saved.len, &used, &err),
	     &err, "chips are loaded while it is stopped");
	devices_resume(&board->kvm.vm);
	later = clock_now(board);
	tap_ok(later >= before && later - before < 200000000,
	       "and the clock goes on from when the state was saved");
}

static void test_without_kvm(void)
{
	struct vm vm = { 0 };
	struct err err = { 0 };

	tap_ok(!kvmstate_add_chips(&vm, &err), "no chips without KVM");
	tap_has(err.text, "KVM", "the sentence says so");
	err_clear(&err);
	tap_ok(!kvmstate_add_vcpu(&vm, 0, 0, &err) && !vm.devices,
	       "no vCPU without KVM, nothing is left behind");
}

/* How long a start-up waits for one vCPU. */
static void measure(struct board *board)
{
	int fd = vcpu_fd(board->kvm.vcpus, 0);
	struct err err = { 0 };
	uint64_t start = loop_now(), middle;

	for (unsigned i = 0; i < 100; i++)
		vcpu_shadow_read(&board->host, fd, &a, &err);
	middle = loop_now();
	for (unsigned i = 0; i < 100; i++)
		vcpu_shadow_write(&board->host, fd, &a, 0, &err);
	tap_diag("%u MSRs; one read %llu us, one write %llu us", board->host.msr_count,
	         (unsigned long long)(middle - start) / 100000,
	         (unsigned long long)(loop_now() - middle) / 100000);
}

int main(void)
{
	struct err err = { 0 };
	struct board board;

	test_without_kvm();
	if (access("/dev/kvm", R_OK | W_OK)) {
		tap_skip("registers and chips", "no access to /dev/kvm");
		return tap_done();
	}
	if (done(board_init(&board, &err) ? 0 : -1, &err, "a VM with two vCPUs")) {
		test_vcpu_round_trip(&board);
		test_tsc(&board);
		test_refusals(&board);
		test_validate();
		test_chips(&board);
		test_chips_validate();
		measure(&board);
	}
	board_free(&board);
	err_clear(&err);
	if (done(board_init(&board, &err) ? 0 : -1, &err, "a second VM")) {
		shadow_host_init(&board.host, board.kvm.vm.kvm,
		                 vcpu_fd(board.kvm.vcpus, 0), &err);
		test_devices(&board);
		test_second_vcpu(&board);
		test_sections(&board);
		test_clock(&board);
	}
	board_free(&board);
	return tap_done();
}
