// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The machine's life after construction: run, reset, end. Requests are acted on between
 * two rounds of the main loop, when the machine lock is free, so that vCPUs can be waited
 * for.
 */
#include "vmm/machine/internal.h"

#include "common/log.h"
#include "vmm/chardev/chardev.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

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
	vm_request(&pc->vm, VM_REQ_SHUTDOWN, "signal");
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
	vm_request(&pc->vm, VM_REQ_SHUTDOWN, "quit key");
}

static int reset(struct pc *pc, struct err *err)
{
	int ret;

	vcpus_pause(pc->vcpus);
	vm_lock(&pc->vm);
	devices_quiesce(&pc->vm);
	devices_reset(&pc->vm);
	devices_resume(&pc->vm);
	ret = pc_boot(pc, err);
	vm_unlock(&pc->vm);
	return ret < 0 ? ret : vcpus_run(pc->vcpus, err);
}

static void stop(struct pc *pc, enum vm_runstate state)
{
	vcpus_pause(pc->vcpus);
	pc->vm.runstate = state;
}

/* The vCPUs are stopped. */
static void log_registers(struct pc *pc)
{
	for (unsigned i = 0; i < vcpus_count(pc->vcpus); i++)
		vcpu_log(pc->vcpus, i);
}

/* True when the machine ends. */
static bool act(struct pc *pc, unsigned requests, int *status)
{
	struct vm *vm = &pc->vm;
	struct err err = { 0 };
	const char *reason = __atomic_exchange_n(&vm->reason, NULL, __ATOMIC_ACQ_REL);

	log_debug(LOG_C_KVM, "request 0x%x: %s", requests, reason ? reason : "?");
	if (requests & VM_REQ_ERROR) {
		stop(pc, VM_INTERNAL_ERROR);
		*status = 1;
		return true;
	}
	if (requests & VM_REQ_PANIC) {
		stop(pc, VM_GUEST_PANICKED);
		log_error("the guest's kernel panicked");
		log_registers(pc);
		*status = 1;
		return true;
	}
	if (requests & VM_REQ_SHUTDOWN || (requests & VM_REQ_RESET && vm->no_reboot)) {
		stop(pc, VM_SHUTDOWN);
		*status = vm->exit_status;
		return !vm->no_shutdown;
	}
	if (requests & VM_REQ_RESET && reset(pc, &err) < 0) {
		log_error("reset: %s", err.text);
		*status = 1;
		return true;
	}
	return false;
}

int pc_run(struct pc *pc)
{
	struct vm *vm = &pc->vm;
	struct err err = { 0 };
	int status = 1;
	unsigned requests;

	chardev_registry_set_quit(vm->chardevs, on_quit_key, pc);
	vm->runstate = VM_RUNNING;
	vm_lock(vm);
	devices_resume(vm);
	vm_unlock(vm);
	if (watch_signals(pc, &err) < 0 || vcpus_run(pc->vcpus, &err) < 0) {
		log_error("%s", err.text);
		return 1;
	}
	do {
		loop_run(vm->loop);
		requests = __atomic_exchange_n(&vm->requests, 0, __ATOMIC_ACQ_REL);
	} while (!act(pc, requests, &status));
	vcpus_pause(pc->vcpus);
	return status;
}
