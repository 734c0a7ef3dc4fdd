// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs the micro-guest and times it. Every rate is the best of a few short batches,
 * bounded by time, and is compared by the checks with the same loop run outside any
 * guest: that ratio tells an interpreting KVM from a hardware one on any machine,
 * emulated ones too.
 *
 * Invariant: a guest that never exits is stopped by a timer. SIGALRM stays blocked in the
 * thread and is let through inside KVM_RUN only (KVM_SET_SIGNAL_MASK), so it cannot be
 * lost between a check and the ioctl, and no handler and no global state is needed.
 */
#include "probe/trial.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "probe/microguest.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

extern const char microguest_start[], microguest_end[];

enum {
	LIMIT_SECONDS = 5,         /* for the whole trial */
	BATCH_NS = 1000 * 1000,    /* a batch at least this long is precise enough */
	LOOP_NS = 8 * 1000 * 1000, /* no new batch of a loop after this */
	FIRST_COUNT = 256,
	CPUID_ENTRIES = 256,
	PING_BATCHES = 15,
	PING_BATCH = 32,
	PING_NS = 20 * 1000 * 1000,
};

struct trial {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *ram;
	struct err err;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + ts.tv_nsec;
}

/* ---- set-up ---- */

static int setup_memory(struct trial *t)
{
	struct kvm_userspace_memory_region slot = { .memory_size = MG_RAM };

	t->ram = mmap(NULL, MG_RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	              -1, 0);
	if (t->ram == MAP_FAILED)
		return err_sys(&t->err, errno, "cannot allocate guest memory");
	memcpy(t->ram + MG_LOAD, microguest_start, microguest_end - microguest_start);
	/* Identity map of the first 2 MiB, one large page. */
	st64(t->ram + MG_PML4, MG_PDPT | 3);
	st64(t->ram + MG_PDPT, MG_PD | 3);
	st64(t->ram + MG_PD, 0x83);
	slot.userspace_addr = (uintptr_t)t->ram;
	if (ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		return err_sys(&t->err, errno, "KVM_SET_USER_MEMORY_REGION");
	return 0;
}

/* Without CPUID the guest may not set EFER.LME. */
static int setup_cpuid(struct trial *t)
{
	_cleanup_free_ struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + CPUID_ENTRIES * sizeof(cpuid->entries[0]));

	if (!cpuid)
		return err_sys(&t->err, ENOMEM, "CPUID");
	cpuid->nent = CPUID_ENTRIES;
	if (ioctl(t->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return err_sys(&t->err, errno, "KVM_GET_SUPPORTED_CPUID");
	if (ioctl(t->vcpu, KVM_SET_CPUID2, cpuid) < 0)
		return err_sys(&t->err, errno, "KVM_SET_CPUID2");
	return 0;
}

static int setup_registers(struct trial *t)
{
	struct kvm_regs regs = { .rip = MG_LOAD, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(t->vcpu, KVM_GET_SREGS, &sregs) < 0)
		return err_sys(&t->err, errno, "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(t->vcpu, KVM_SET_SREGS, &sregs) < 0)
		return err_sys(&t->err, errno, "KVM_SET_SREGS");
	if (ioctl(t->vcpu, KVM_SET_REGS, &regs) < 0)
		return err_sys(&t->err, errno, "KVM_SET_REGS");
	return 0;
}

static int setup_vcpu(struct trial *t)
{
	int size = ioctl(t->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	t->vcpu = ioctl(t->vm, KVM_CREATE_VCPU, 0);
	if (t->vcpu < 0)
		return err_sys(&t->err, errno, "KVM_CREATE_VCPU");
	if (size < (int)sizeof(*t->run))
		return err_set(&t->err, EINVAL, "KVM_GET_VCPU_MMAP_SIZE answers %d",
		               size);
	t->run_size = size;
	t->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu, 0);
	if (t->run == MAP_FAILED)
		return err_sys(&t->err, errno, "cannot map the vCPU");
	return setup_cpuid(t) < 0 ? -1 : setup_registers(t);
}

static int setup(struct trial *t)
{
	uint64_t identity = 0xfffbc000;

	t->vm = ioctl(t->kvm, KVM_CREATE_VM, 0);
	if (t->vm < 0)
		return err_sys(&t->err, errno, "KVM_CREATE_VM");
	/* Intel CPUs without unrestricted guests run real mode with the help of these
	 * pages; others ignore them. */
	ioctl(t->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	ioctl(t->vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	return setup_memory(t) < 0 ? -1 : setup_vcpu(t);
}

static void teardown(struct trial *t)
{
	if (t->run != MAP_FAILED)
		munmap(t->run, t->run_size);
	if (t->ram != MAP_FAILED)
		munmap(t->ram, MG_RAM);
	if (t->vcpu >= 0)
		close(t->vcpu);
	if (t->vm >= 0)
		close(t->vm);
}

/* ---- the time limit ---- */

struct watchdog {
	sigset_t alarm, saved;
	timer_t timer;
	bool armed;
};

static int watchdog_start(struct watchdog *w, struct trial *t)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct itimerspec limit = { .it_value.tv_sec = LIMIT_SECONDS };
	uint8_t mask[sizeof(struct kvm_signal_mask) + 8];
	uint64_t blocked = 0;

	sigemptyset(&w->alarm);
	sigaddset(&w->alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &w->alarm, &w->saved);
	/* The kernel's signal set: bit n - 1; blocked inside KVM_RUN is what was before.
	 */
	for (int n = 1; n < 64; n++)
		if (n != SIGALRM && sigismember(&w->saved, n) == 1)
			blocked |= 1ull << (n - 1);
	st32(mask, 8);
	st64(mask + sizeof(struct kvm_signal_mask), blocked);
	if (ioctl(t->vcpu, KVM_SET_SIGNAL_MASK, mask) < 0)
		return err_sys(&t->err, errno, "KVM_SET_SIGNAL_MASK");
	if (timer_create(CLOCK_MONOTONIC, &event, &w->timer) < 0)
		return err_sys(&t->err, errno, "cannot create a timer");
	w->armed = true;
	if (timer_settime(w->timer, 0, &limit, NULL) < 0)
		return err_sys(&t->err, errno, "cannot set a timer");
	return 0;
}

static void watchdog_stop(struct watchdog *w)
{
	struct timespec none = { 0 };

	if (w->armed)
		timer_delete(w->timer);
	/* Consume it, or unblocking would end the process. */
	while (sigtimedwait(&w->alarm, NULL, &none) == SIGALRM)
		;
	sigprocmask(SIG_SETMASK, &w->saved, NULL);
}

static bool timed_out(void)
{
	sigset_t pending;

	return !sigpending(&pending) && sigismember(&pending, SIGALRM) == 1;
}

/* ---- running ---- */

static int odd_exit(struct trial *t)
{
	const struct kvm_run *run = t->run;
	struct kvm_regs regs = { 0 };

	ioctl(t->vcpu, KVM_GET_REGS, &regs);
	switch (run->exit_reason) {
	case KVM_EXIT_INTERNAL_ERROR:
		return err_set(&t->err, EIO,
		               "KVM internal error %u at guest address 0x%llx",
		               run->internal.suberror, regs.rip);
	case KVM_EXIT_FAIL_ENTRY:
		return err_set(&t->err, EIO,
		               "the CPU refused to enter the guest, reason 0x%llx",
		               run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_SHUTDOWN:
		return err_set(&t->err, EIO, "the guest shut down by a triple fault");
	default:
		return err_set(&t->err, EIO, "unexpected exit %u at guest address 0x%llx",
		               run->exit_reason, regs.rip);
	}
}

/* Runs up to the next exit, which has to be an access to this port. */
static int run_to(struct trial *t, unsigned port)
{
	while (ioctl(t->vcpu, KVM_RUN, 0) < 0) {
		if (errno != EINTR)
			return err_sys(&t->err, errno, "KVM_RUN");
		if (timed_out())
			return err_set(&t->err, ETIMEDOUT,
			               "the guest did not answer in %d seconds",
			               LIMIT_SECONDS);
	}
	if (t->run->exit_reason != KVM_EXIT_IO)
		return odd_exit(t);
	if (t->run->io.port != port)
		return err_set(&t->err, EIO, "the guest used port 0x%x instead of 0x%x",
		               t->run->io.port, port);
	return 0;
}

/* The answer to the read that the guest stopped at. */
static void reply(struct trial *t, uint32_t value)
{
	if (t->run->io.data_offset <= t->run_size - sizeof(value))
		st32((uint8_t *)t->run + t->run->io.data_offset, value);
}

/* Native iterations; the same two instructions as the guest's loop. */
static void native_loop(uint64_t count)
{
	__asm__ volatile("1: decq %0\n\tjnz 1b" : "+r"(count) : : "cc");
}

static uint64_t rate_of(uint64_t instructions, uint64_t ns)
{
	return (unsigned __int128)instructions * 1000000000u / (ns ? ns : 1);
}

/* Times batches of a loop, each four times the last until one is long enough, then a few
 * more. t NULL: the native loop. `instructions` is the number in one iteration. */
static int measure(struct trial *t, unsigned port, unsigned instructions, uint64_t *rate)
{
	uint64_t begin = now_ns(), count = FIRST_COUNT;
	unsigned good = 0;

	*rate = 0;
	if (t && run_to(t, port) < 0)
		return -1;
	while (good < 3 && count < 1u << 30) {
		uint64_t start = now_ns(), took, r;

		if (t) {
			reply(t, count);
			if (run_to(t, port + 1) < 0)
				return -1;
		} else {
			native_loop(count);
		}
		took = now_ns() - start;
		r = rate_of(count * instructions, took);
		if (r > *rate)
			*rate = r;
		if (took >= BATCH_NS)
			good++;
		else
			count *= 4;
		if (t && run_to(t, port) < 0)
			return -1;
		if (good && now_ns() - begin > LOOP_NS)
			break;
	}
	if (t)
		reply(t, 0);
	return 0;
}

static int check_sum(struct trial *t)
{
	uint32_t seed = 0x1234567;
	uint64_t want = seed;

	if (run_to(t, MG_SUM_SEED) < 0)
		return -1;
	reply(t, seed);
	if (run_to(t, MG_SUM_DONE) < 0)
		return -1;
	for (unsigned step = MG_SUM_STEPS; step; step--)
		want = want * 5 + step;
	if (ld64(t->ram + MG_RESULT) != want)
		return err_set(&t->err, EIO, "the guest computed a wrong result");
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t trial_median(uint64_t *v, unsigned count)
{
	qsort(v, count, sizeof(*v), by_value);
	return count & 1 ? v[count / 2] : (v[count / 2 - 1] + v[count / 2]) / 2;
}

/* Exits are timed in batches: where the clock is slow, reading it costs as much as one.
 */
static int measure_exit(struct trial *t, uint64_t *exit_ns)
{
	uint64_t took[PING_BATCHES], begin = now_ns();
	unsigned n = 0;

	while (n < PING_BATCHES && (n < 3 || now_ns() - begin < PING_NS)) {
		uint64_t start = now_ns();

		for (unsigned i = 0; i < PING_BATCH; i++)
			if (run_to(t, MG_PING) < 0)
				return -1;
		took[n++] = (now_ns() - start) / PING_BATCH;
	}
	*exit_ns = trial_median(took, n);
	return 0;
}

static int run_all(struct trial *t, struct trial_facts *out)
{
	if (measure(t, MG_REAL_COUNT, 2, &out->real_rate) < 0 ||
	    measure(t, MG_LONG_COUNT, 2, &out->long_rate) < 0 ||
	    measure(t, MG_PRIV_COUNT, 3, &out->priv_rate) < 0 || check_sum(t) < 0)
		return -1;
	measure(NULL, 0, 2, &out->native_rate);
	return measure_exit(t, &out->exit_ns);
}

void trial_run(int kvm_fd, struct trial_facts *out)
{
	struct trial t = {
		.kvm = kvm_fd, .vm = -1, .vcpu = -1, .run = MAP_FAILED, .ram = MAP_FAILED
	};
	struct watchdog dog = { 0 };
	uint64_t start = now_ns();
	int ret = setup(&t);

	*out = (struct trial_facts){ .state = TRIAL_FAILED };
	out->setup_ns = now_ns() - start;
	if (!ret) {
		ret = watchdog_start(&dog, &t);
		if (!ret)
			ret = run_all(&t, out);
		watchdog_stop(&dog);
	}
	if (ret < 0)
		snprintf(out->why, sizeof(out->why), "%.199s", t.err.text);
	else
		out->state = TRIAL_OK;
	teardown(&t);
}
