// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vCPU threads: enter the guest, hand exits to the machine, park when asked.
 *
 * To take a vCPU out of the guest another thread sets immediate_exit in its run area and
 * sends it a signal: if the vCPU has not entered yet the flag makes KVM_RUN return at
 * once, else the signal does. Before it parks a vCPU enters once more with the flag set,
 * so that the instruction whose exit was just handled is completed and its registers are
 * true.
 */
#include "vmm/kvm/vcpu.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/kvm/internal.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#define KICK_SIGNAL SIGUSR1

struct vcpu {
	struct vcpus *set;
	unsigned index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	int tid;     /* the kernel's; written by the thread itself */
	bool parked; /* guarded by set->lock */
	bool ended;  /* an event was reported: stays parked until the next vcpus_run() */
	bool frozen; /* stays parked whatever the others do; written while all are */
	bool debug_exit;
	struct vcpu_debug_exit debug;
};

struct vcpus {
	struct kvm_vm *kvm;
	const struct vcpu_ops *ops;
	void *opaque;
	size_t run_size;
	pthread_mutex_t lock;
	pthread_cond_t parked, go;
	bool pause, quit; /* what the threads should do */
	bool hold;        /* no further instruction until vcpus_run(), vcpus_release() */
	unsigned generation; /* of vcpus_run() */
	unsigned count;
	struct vcpu cpu[];
};

/* ---- exits ---- */

static void report(struct vcpu *vcpu, enum vcpu_event event, const char *reason)
{
	vcpu->ended = true;
	vcpu->set->ops->event(vcpu->set->opaque, event, reason);
}

static void log_dump(struct vcpu *vcpu, enum log_level level)
{
	struct strbuf dump = { 0 };
	char *text, *line, *rest;

	vcpu_dump(vcpu->set, vcpu->index, VCPU_DUMP_CODE, &dump);
	text = strbuf_take(&dump);
	for (line = text; line && *line; line = rest) {
		rest = strchr(line, '\n');
		if (rest)
			*rest++ = '\0';
		log_write(level, "%s", line);
	}
	free(text);
}

static void fail(struct vcpu *vcpu, const char *reason)
{
	log_dump(vcpu, LOG_ERROR);
	report(vcpu, VCPU_EVENT_ERROR, reason);
}

static void exit_io(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	vcpu->set->ops->access(vcpu->set->opaque, true, run->io.port,
	                       (uint8_t *)run + run->io.data_offset, run->io.size,
	                       run->io.count, run->io.direction == KVM_EXIT_IO_OUT);
}

static void exit_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	vcpu->set->ops->access(vcpu->set->opaque, false, run->mmio.phys_addr,
	                       run->mmio.data, run->mmio.len, 1, run->mmio.is_write);
}

/* The usual last resort of a kernel that wants a reset, so that it is worth a dump only
 * to somebody who looks for it. On AMD hosts KVM has reset the registers by now. */
static void exit_shutdown(struct vcpu *vcpu)
{
	if (log_enabled(LOG_C_KVM)) {
		log_write(LOG_DEBUG, "triple fault");
		log_dump(vcpu, LOG_DEBUG);
	}
	report(vcpu, VCPU_EVENT_RESET, "triple fault");
}

static void exit_system_event(struct vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_RESET:
		report(vcpu, VCPU_EVENT_RESET, "paravirtual reset call");
		break;
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		report(vcpu, VCPU_EVENT_SHUTDOWN, "paravirtual shutdown call");
		break;
	default:
		fail(vcpu, "the guest's kernel reports a crash");
	}
}

static void exit_internal_error(struct vcpu *vcpu)
{
	static const char *const names[] = {
		[KVM_INTERNAL_ERROR_EMULATION] = "an instruction cannot be emulated",
		[KVM_INTERNAL_ERROR_SIMUL_EX] = "simultaneous exceptions",
		[KVM_INTERNAL_ERROR_DELIVERY_EV] = "an event could not be delivered",
		[KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "unexpected exit reason",
	};
	uint32_t sub = vcpu->run->internal.suberror;
	const char *name = sub < ARRAY_SIZE(names) && names[sub] ? names[sub] : "unknown";

	log_error("KVM internal error, suberror %u: %s", sub, name);
	fail(vcpu, "KVM internal error");
}

static void exit_fail_entry(struct vcpu *vcpu)
{
	log_error(
		"KVM: hardware refuses the guest state, reason 0x%llx",
		(unsigned long long)vcpu->run->fail_entry.hardware_entry_failure_reason);
	fail(vcpu, "KVM entry failed");
}

static void exit_debug(struct vcpu *vcpu)
{
	const struct kvm_debug_exit_arch *arch = &vcpu->run->debug.arch;

	vcpu->debug = (struct vcpu_debug_exit){ arch->exception, arch->pc, arch->dr6 };
	vcpu->debug_exit = true;
	report(vcpu, VCPU_EVENT_DEBUG, "the debugger");
}

static void exit_nothing(struct vcpu *vcpu)
{
	(void)vcpu;
}

static void (*const exit_handlers[])(struct vcpu *vcpu) = {
	[KVM_EXIT_IO] = exit_io,
	[KVM_EXIT_MMIO] = exit_mmio,
	[KVM_EXIT_SHUTDOWN] = exit_shutdown,
	[KVM_EXIT_SYSTEM_EVENT] = exit_system_event,
	[KVM_EXIT_INTERNAL_ERROR] = exit_internal_error,
	[KVM_EXIT_FAIL_ENTRY] = exit_fail_entry,
	[KVM_EXIT_DEBUG] = exit_debug,
	[KVM_EXIT_INTR] = exit_nothing,
	[KVM_EXIT_IRQ_WINDOW_OPEN] = exit_nothing,
};

static void handle_exit(struct vcpu *vcpu)
{
	uint32_t reason = vcpu->run->exit_reason;

	if (reason < ARRAY_SIZE(exit_handlers) && exit_handlers[reason]) {
		exit_handlers[reason](vcpu);
		return;
	}
	log_error("KVM: exit reason %u is not known here", reason);
	fail(vcpu, "unknown KVM exit");
}

/* ---- the thread ---- */

/* Runs the guest up to its next exit and handles that. False: a signal or the flag came
 * first. */
static bool enter(struct vcpu *vcpu)
{
	if (ioctl(vcpu->fd, KVM_RUN, 0) == 0) {
		handle_exit(vcpu);
		return true;
	}
	if (errno != EINTR && errno != EAGAIN) {
		log_error("KVM_RUN: %s", strerror(errno));
		fail(vcpu, "KVM_RUN failed");
	}
	return false;
}

/* Completes the instruction of the last exit. It may need more exits for that (a store
 * over a page boundary, a string of ports): each is handled, or its data would be lost.
 * The flag lets no further instruction begin, and then KVM answers -EINTR. */
static void complete_exit(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELAXED);
	while (!vcpu->ended && enter(vcpu))
		;
}

/* Waits while the set is paused. False when the thread shall end. */
static bool park(struct vcpu *vcpu)
{
	struct vcpus *set = vcpu->set;
	unsigned generation;
	bool quit;

	pthread_mutex_lock(&set->lock);
	generation = set->generation;
	while (!set->quit && (set->pause || set->hold || vcpu->frozen ||
	                      (vcpu->ended && generation == set->generation))) {
		if (!vcpu->parked) {
			pthread_mutex_unlock(&set->lock);
			complete_exit(vcpu);
			pthread_mutex_lock(&set->lock);
			vcpu->parked = true;
			pthread_cond_broadcast(&set->parked);
			continue;
		}
		pthread_cond_wait(&set->go, &set->lock);
	}
	vcpu->parked = false;
	vcpu->ended = false;
	vcpu->debug_exit = false;
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_RELAXED);
	quit = set->quit;
	pthread_mutex_unlock(&set->lock);
	return !quit;
}

static bool must_park(const struct vcpu *vcpu)
{
	return vcpu->ended || __atomic_load_n(&vcpu->set->pause, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&vcpu->set->hold, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&vcpu->set->quit, __ATOMIC_ACQUIRE);
}

static void *vcpu_main(void *opaque)
{
	struct vcpu *vcpu = opaque;
	char name[16];

	__atomic_store_n(&vcpu->tid, gettid(), __ATOMIC_RELAXED);
	snprintf(name, sizeof(name), "CPU %u/KVM", vcpu->index);
	pthread_setname_np(pthread_self(), name);
	while (park(vcpu)) {
		while (!must_park(vcpu))
			enter(vcpu);
	}
	return NULL;
}

static void on_kick(int sig)
{
	(void)sig; /* interrupting KVM_RUN is all that it is for */
}

static int start_thread(struct vcpu *vcpu, struct err *err)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	/* Everything but the kick and faults of our own is the main thread's. */
	sigfillset(&all);
	sigdelset(&all, KICK_SIGNAL);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGSYS); /* a refusal of the sandbox, to be told */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&vcpu->thread, &attr, vcpu_main, vcpu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (ret)
		return err_sys(err, ret, "cannot start the thread of vCPU %u",
		               vcpu->index);
	vcpu->started = true;
	return 0;
}

static int start_threads(struct vcpus *set, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < set->count && ret >= 0; i++)
		ret = set->cpu[i].started ? 0 : start_thread(&set->cpu[i], err);
	return ret;
}

int vcpus_start_paused(struct vcpus *set, struct err *err)
{
	int ret;

	__atomic_store_n(&set->pause, true, __ATOMIC_RELEASE);
	ret = start_threads(set, err);
	if (ret >= 0)
		vcpus_pause(set);
	return ret;
}

int vcpus_run(struct vcpus *set, struct err *err)
{
	int ret;

	pthread_mutex_lock(&set->lock);
	__atomic_store_n(&set->pause, false, __ATOMIC_RELEASE);
	__atomic_store_n(&set->hold, false, __ATOMIC_RELEASE);
	set->generation++;
	pthread_cond_broadcast(&set->go);
	pthread_mutex_unlock(&set->lock);
	ret = start_threads(set, err);
	if (ret >= 0)
		log_debug(LOG_C_KVM, "%u vCPUs run", set->count);
	return ret;
}

void vcpus_hold(struct vcpus *set)
{
	__atomic_store_n(&set->hold, true, __ATOMIC_RELEASE);
}

void vcpus_release(struct vcpus *set)
{
	pthread_mutex_lock(&set->lock);
	__atomic_store_n(&set->hold, false, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&set->go);
	pthread_mutex_unlock(&set->lock);
}

static void kick(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELEASE);
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}

void vcpus_pause(struct vcpus *set)
{
	pthread_mutex_lock(&set->lock);
	__atomic_store_n(&set->pause, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < set->count; i++)
		if (set->cpu[i].started && !set->cpu[i].parked)
			kick(&set->cpu[i]);
	for (unsigned i = 0; i < set->count; i++)
		while (set->cpu[i].started && !set->cpu[i].parked)
			pthread_cond_wait(&set->parked, &set->lock);
	pthread_mutex_unlock(&set->lock);
}

/* ---- life ---- */

static int create_one(struct vcpus *set, unsigned index, uint32_t apic_id,
                      struct err *err)
{
	struct vcpu *vcpu = &set->cpu[index];

	vcpu->set = set;
	vcpu->index = index;
	vcpu->fd = ioctl(kvm_vm_fd(set->kvm), KVM_CREATE_VCPU, (unsigned long)apic_id);
	if (vcpu->fd < 0)
		return err_sys(err, errno, "KVM cannot create vCPU %u", index);
	vcpu->run = mmap(NULL, set->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
	                 vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return err_sys(err, errno, "cannot map the run area of vCPU %u", index);
	}
	return 0;
}

struct vcpus *vcpus_new(struct kvm_vm *kvm, unsigned count, const uint32_t *apic_ids,
                        const struct vcpu_ops *ops, void *opaque, struct err *err)
{
	struct vcpus *set = calloc(1, sizeof(*set) + count * sizeof(set->cpu[0]));
	struct sigaction sa = { .sa_handler = on_kick };
	int size = ioctl(kvm_fd(kvm), KVM_GET_VCPU_MMAP_SIZE, 0);

	if (!set || size < (int)sizeof(struct kvm_run)) {
		err_sys(err, set ? EPROTO : ENOMEM, "vCPUs");
		free(set);
		return NULL;
	}
	sigaction(KICK_SIGNAL, &sa, NULL);
	*set = (struct vcpus){
		.kvm = kvm,
		.ops = ops,
		.opaque = opaque,
		.run_size = size,
		.pause = true,
		.count = count,
	};
	pthread_mutex_init(&set->lock, NULL);
	pthread_cond_init(&set->parked, NULL);
	pthread_cond_init(&set->go, NULL);
	for (unsigned i = 0; i < count; i++)
		set->cpu[i].fd = -1;
	for (unsigned i = 0; i < count; i++) {
		if (create_one(set, i, apic_ids[i], err) < 0) {
			vcpus_free(set);
			return NULL;
		}
	}
	kvm_set_run_area(kvm, set->cpu[0].run, set->run_size);
	return set;
}

void vcpus_free(struct vcpus *set)
{
	if (!set)
		return;
	vcpus_pause(set);
	kvm_set_run_area(set->kvm, NULL, 0);
	pthread_mutex_lock(&set->lock);
	__atomic_store_n(&set->quit, true, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&set->go);
	pthread_mutex_unlock(&set->lock);
	for (unsigned i = 0; i < set->count; i++) {
		struct vcpu *vcpu = &set->cpu[i];

		if (vcpu->started)
			pthread_join(vcpu->thread, NULL);
		if (vcpu->run)
			munmap(vcpu->run, set->run_size);
		if (vcpu->fd >= 0)
			close(vcpu->fd);
	}
	pthread_mutex_destroy(&set->lock);
	pthread_cond_destroy(&set->parked);
	pthread_cond_destroy(&set->go);
	free(set);
}

unsigned vcpus_count(const struct vcpus *set)
{
	return set->count;
}

int vcpu_fd(const struct vcpus *set, unsigned index)
{
	return set->cpu[index].fd;
}

int vcpu_thread_id(const struct vcpus *set, unsigned index)
{
	return __atomic_load_n(&set->cpu[index].tid, __ATOMIC_RELAXED);
}

int vcpu_nmi(const struct vcpus *set, unsigned index)
{
	return ioctl(set->cpu[index].fd, KVM_NMI) < 0 ? -errno : 0;
}

bool vcpu_debug_exit(const struct vcpus *set, unsigned index,
                     struct vcpu_debug_exit *exit)
{
	*exit = set->cpu[index].debug;
	return set->cpu[index].debug_exit;
}

void vcpu_freeze(struct vcpus *set, unsigned index, bool frozen)
{
	pthread_mutex_lock(&set->lock);
	set->cpu[index].frozen = frozen;
	set->cpu[index].debug_exit = false;
	pthread_mutex_unlock(&set->lock);
}

void vcpu_dump(struct vcpus *set, unsigned index, enum vcpu_dump what, struct strbuf *out)
{
	vcpu_dump_fd(set->cpu[index].fd, index, what, set->ops->peek, set->opaque, out);
}

void vcpu_log(struct vcpus *set, unsigned index)
{
	log_dump(&set->cpu[index], LOG_ERROR);
}
