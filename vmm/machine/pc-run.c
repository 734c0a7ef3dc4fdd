// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The machine's life after construction: run, reset, end. Requests are acted on between
 * two rounds of the main loop, when the machine lock is free, so that vCPUs can be waited
 * for.
 */
#include "vmm/machine/internal.h"

#include "common/log.h"
#include "vmm/block/block.h"
#include "vmm/chardev/chardev.h"
#include "vmm/legacy/pm.h"
#include "vmm/machine/control.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BARK_NS 1000000000u

static void on_signal(void *opaque, uint32_t events)
{
	struct pc *pc = opaque;
	struct signalfd_siginfo info;

	(void)events;
	if (read(pc->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	log_info("terminating on signal %u from pid %u", info.ssi_signo, info.ssi_pid);
	/* -no-shutdown keeps a machine whose guest ended, not one that its owner ends. */
	pc->vm.no_shutdown = false;
	pc_request(pc, VM_REQ_SHUTDOWN, "host-signal");
}

/* From here on these signals end the machine in good order instead of killing the
 * process. */
static int watch_signals(struct pc *pc, struct err *err)
{
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pc->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (pc->signal_fd < 0)
		return err_sys(err, errno, "cannot watch signals");
	ret = loop_add(pc->vm.loop, &pc->signal_watch, pc->signal_fd, EPOLLIN, on_signal,
	               pc);
	return ret < 0 ? err_sys(err, -ret, "cannot watch signals") : 0;
}

static void on_quit_key(void *opaque)
{
	struct pc *pc = opaque;

	pc->vm.no_shutdown = false;
	pc_request(pc, VM_REQ_SHUTDOWN, "host-ui");
}

/* ---- run states; the machine lock is free ---- */

static void halt(struct pc *pc, enum vm_runstate state)
{
	struct vm *vm = &pc->vm;
	bool running = vm->runstate == VM_RUNNING;

	vcpus_pause(pc->vcpus);
	vm_lock(vm);
	if (running)
		devices_quiesce(vm);
	vm->runstate = state;
	if (running)
		vm_emit(vm, "STOP", NULL);
	vm_unlock(vm);
}

static int go(struct pc *pc, struct err *err)
{
	struct vm *vm = &pc->vm;

	vm_lock(vm);
	devices_resume(vm);
	vm->runstate = VM_RUNNING;
	vm_emit(vm, "RESUME", NULL);
	vm_unlock(vm);
	return vcpus_run(pc->vcpus, err);
}

static int reset(struct pc *pc, struct err *err)
{
	struct vm *vm = &pc->vm;
	bool running = vm->runstate == VM_RUNNING;
	int ret;

	/* Between two hosts there is no machine that could be reset. */
	if (vm->runstate == VM_INMIGRATE || vm->runstate == VM_FINISH_MIGRATE)
		return 0;
	vcpus_pause(pc->vcpus);
	vm_lock(vm);
	if (running)
		devices_quiesce(vm);
	devices_reset(vm);
	ret = pc_boot(pc, err);
	if (running)
		devices_resume(vm);
	else
		vm->runstate = VM_PRELAUNCH;
	vm_unlock(vm);
	return ret < 0 || !running ? ret : vcpus_run(pc->vcpus, err);
}

/* ---- requests ---- */

/* What QMP's events say about who wanted it: the host's cause, or the guest's. */
static void emit(struct pc *pc, const char *event, const char *guest_cause)
{
	const struct vm_event_field fields[] = {
		{ "guest", VM_EVENT_BOOL, .num = !pc->cause },
		{ "reason", VM_EVENT_STR, .str = pc->cause ? pc->cause : guest_cause },
		{ .name = NULL },
	};

	vm_lock(&pc->vm);
	vm_emit(&pc->vm, event, fields);
	vm_unlock(&pc->vm);
}

static bool shut_down(struct pc *pc, const char *guest_cause, int *status)
{
	emit(pc, "SHUTDOWN", guest_cause);
	halt(pc, VM_SHUTDOWN);
	*status = pc->vm.exit_status;
	return !pc->vm.no_shutdown;
}

/* The vCPUs are stopped. */
static void log_registers(struct pc *pc)
{
	for (unsigned i = 0; i < vcpus_count(pc->vcpus); i++)
		vcpu_log(pc->vcpus, i);
}

/* True when the machine ends. */
static bool panicked(struct pc *pc)
{
	static const char *const names[] = { "poweroff", "pause", "poweroff", "run" };
	enum panic_action action = pc->panic;
	const struct vm_event_field fields[] = {
		{ "action", VM_EVENT_STR, .str = names[action] },
		{ .name = NULL },
	};

	if (action != PANIC_NONE)
		halt(pc, VM_GUEST_PANICKED);
	vm_lock(&pc->vm);
	vm_emit(&pc->vm, "GUEST_PANICKED", fields);
	vm_unlock(&pc->vm);
	if (action == PANIC_NONE) {
		/* It may do so all the time. */
		log_guest(&pc->panics, "the guest's kernel panicked");
		return false;
	}
	log_error("the guest's kernel panicked");
	log_registers(pc);
	return action == PANIC_SHUTDOWN || action == PANIC_EXIT_FAILURE;
}

/* True when the machine ends. */
static bool restart(struct pc *pc, int *status)
{
	struct err err = { 0 };

	if (pc->vm.no_reboot)
		return shut_down(pc, "guest-reset", status);
	emit(pc, "RESET", "guest-reset");
	if (reset(pc, &err) >= 0)
		return false;
	log_error("reset: %s", err.text);
	*status = 1;
	return true;
}

/* A guest may let it bark all the time: it is told once a second. */
static void tell_bark(struct pc *pc)
{
	const struct vm_event_field fields[] = {
		{ "action", VM_EVENT_STR, .str = watchdog_words[pc->watchdog] },
		{ .name = NULL },
	};
	uint64_t now = loop_now();

	if (pc->barked && now - pc->barked < BARK_NS)
		return;
	pc->barked = now;
	vm_lock(&pc->vm);
	vm_emit(&pc->vm, "WATCHDOG", fields);
	vm_unlock(&pc->vm);
	if (pc->watchdog == WATCHDOG_DEBUG)
		log_warn("watchdog: timer fired");
}

/* True when the machine ends. */
static bool barked(struct pc *pc, int *status)
{
	tell_bark(pc);
	switch (pc->watchdog) {
	case WATCHDOG_RESET:
		return restart(pc, status);
	case WATCHDOG_SHUTDOWN:
		vm_lock(&pc->vm);
		pc_power_button(pc);
		vm_unlock(&pc->vm);
		return false;
	case WATCHDOG_POWEROFF:
		shut_down(pc, "guest-shutdown", status);
		return true;
	case WATCHDOG_PAUSE:
		halt(pc, VM_WATCHDOG);
		return false;
	case WATCHDOG_INJECT_NMI:
		vm_lock(&pc->vm);
		pc_nmi(pc, -1);
		vm_unlock(&pc->vm);
		return false;
	default:
		return false;
	}
}

/* The vCPUs stopped at the request. */
static void go_on(struct pc *pc)
{
	struct vm *vm = &pc->vm;

	vm_lock(vm);
	if (!__atomic_load_n(&vm->requests, __ATOMIC_ACQUIRE))
		vcpus_release(pc->vcpus);
	vm_unlock(vm);
}

/* True when the machine ends. */
static bool act(struct pc *pc, unsigned requests, int *status)
{
	struct vm *vm = &pc->vm;
	const char *reason = __atomic_exchange_n(&vm->reason, NULL, __ATOMIC_ACQ_REL);
	bool end = false;

	log_debug(LOG_C_KVM, "request 0x%x: %s", requests, reason ? reason : "?");
	/* What does not end it may come with something that does. */
	if (requests & VM_REQ_PANIC && pc->panic == PANIC_NONE) {
		panicked(pc);
		requests &= ~(unsigned)VM_REQ_PANIC;
	}
	if (requests & VM_REQ_ERROR) {
		halt(pc, VM_INTERNAL_ERROR);
		*status = 1;
		end = true;
	} else if (requests & VM_REQ_PANIC) {
		end = panicked(pc);
		*status = 1;
	} else if (requests & VM_REQ_SHUTDOWN) {
		end = shut_down(pc, "guest-shutdown", status);
	} else if (requests & VM_REQ_RESET) {
		end = restart(pc, status);
	} else if (requests & VM_REQ_WATCHDOG) {
		end = barked(pc, status);
	} else if (requests & VM_REQ_BROKEN &&
	           (vm->runstate == VM_RUNNING || vm->runstate == VM_PAUSED)) {
		halt(pc, VM_INTERNAL_ERROR);
	}
	/* A reset forgets what vCPUs met before. */
	if ((requests & (VM_REQ_DEBUG | VM_REQ_RESET)) == VM_REQ_DEBUG &&
	    vm->runstate == VM_RUNNING && !pc_debug_pass(pc))
		halt(pc, VM_DEBUG);
	pc->cause = NULL;
	if (!end && vm->runstate == VM_RUNNING)
		go_on(pc);
	return end;
}

int pc_start(struct pc *pc, struct err *err)
{
	int ret = watch_signals(pc, err);

	chardev_registry_set_quit(pc->vm.chardevs, on_quit_key, pc);
	chardev_registry_start(pc->vm.chardevs);
	pc->wait = pc->config->paused || pc->config->no_board;
	if (pc->config->incoming)
		pc->vm.runstate = VM_INMIGRATE;
	if (ret < 0 || pc->config->incoming)
		return ret;
	return pc->wait ? vcpus_start_paused(pc->vcpus, err) : go(pc, err);
}

int pc_run(struct pc *pc)
{
	struct vm *vm = &pc->vm;
	int status = 1;
	unsigned requests;

	do {
		loop_run(vm->loop);
		requests = __atomic_exchange_n(&vm->requests, 0, __ATOMIC_ACQ_REL);
	} while (!act(pc, requests, &status));
	vcpus_pause(pc->vcpus);
	return status;
}

/* ---- for monitors ---- */

void pc_request(struct pc *pc, enum vm_request request, const char *cause)
{
	pc->cause = cause;
	vm_request(&pc->vm, request, cause);
}

void pc_halt(struct pc *pc, enum vm_runstate state)
{
	vm_unlock(&pc->vm);
	halt(pc, state);
	vm_lock(&pc->vm);
}

void pc_stop(struct pc *pc)
{
	if (pc->vm.runstate == VM_INMIGRATE)
		pc->wait = true;
	if (pc->vm.runstate == VM_RUNNING)
		pc_halt(pc, VM_PAUSED);
}

static bool needs_reset(const struct vm *vm)
{
	return vm->runstate == VM_SHUTDOWN || vm->runstate == VM_INTERNAL_ERROR ||
	       vm->runstate == VM_GUEST_PANICKED;
}

int pc_resume(struct pc *pc, struct err *err)
{
	int ret;

	if (pc->vm.runstate == VM_RUNNING)
		return 0;
	if (pc->config->no_board)
		return err_set(err, ENOTSUP, "-machine none never runs; use -machine pc");
	if (needs_reset(&pc->vm))
		return err_set(
			err, EINVAL,
			"Resetting the Virtual Machine is required (system_reset)");
	if (pc->vm.runstate == VM_FINISH_MIGRATE)
		return err_set(err, EBUSY, "Migration is not finalized yet");
	if (pc->vm.runstate == VM_INMIGRATE) {
		pc->wait = false;
		return 0;
	}
	/* The disks are this machine's again, unless another has them. */
	ret = block_registry_take(pc->vm.blocks, err);
	if (ret < 0)
		return ret;
	pc->wait = false;
	vm_unlock(&pc->vm);
	ret = go(pc, err);
	vm_lock(&pc->vm);
	return ret;
}

int pc_go_on(struct pc *pc, enum vm_runstate was, struct err *err)
{
	pc->vm.runstate = was == VM_RUNNING ? VM_PAUSED : was;
	return was == VM_RUNNING ? pc_resume(pc, err)
	                         : block_registry_take(pc->vm.blocks, err);
}

int pc_came_in(struct pc *pc, enum vm_runstate was, struct err *err)
{
	return pc_go_on(pc, was == VM_RUNNING && pc->wait ? VM_PAUSED : was, err);
}

int pc_cont(struct pc *pc, struct err *err)
{
	if (pc->vm.runstate != VM_RUNNING)
		pc_debug_thaw(pc);
	return pc_resume(pc, err);
}

void pc_set_panic(struct pc *pc, unsigned action)
{
	pc->panic = action;
}

void pc_set_watchdog(struct pc *pc, unsigned action)
{
	pc->watchdog = action;
}

void pc_power_button(struct pc *pc)
{
	vm_emit(&pc->vm, "POWERDOWN", NULL);
	for (struct device *dev = pc->vm.devices; dev; dev = dev->next)
		if (dev->cls == &pm_class)
			pm_power_button(dev);
}
