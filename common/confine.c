// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The steps of confinement: capabilities, no_new_privs, Landlock, seccomp, in that order,
 * as each takes away what the one before still needs.
 *
 * A refused call that the filter answers with a signal ends the process with a line that
 * names it. The handler runs inside the call that was made, so that it may take locks.
 */
#include "common/confine.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "common/terminal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- a refused call ---- */

/* Of what is refused most of all. */
#define NAME(call)                \
	{                         \
		SYS_##call, #call \
	}

static const struct {
	uint16_t nr;
	const char *name;
} call_names[] = {
	NAME(execve),     NAME(execveat),  NAME(ptrace),     NAME(process_vm_readv),
	NAME(setuid),     NAME(setgid),    NAME(setreuid),   NAME(process_vm_writev),
	NAME(setresuid),  NAME(setresgid), NAME(mount),      NAME(umount2),
	NAME(unshare),    NAME(setns),     NAME(chroot),     NAME(bpf),
	NAME(kexec_load), NAME(keyctl),    NAME(reboot),     NAME(perf_event_open),
	NAME(chown),      NAME(mknod),     NAME(rmdir),      NAME(userfaultfd),
	NAME(shmget),     NAME(setsid),    NAME(pidfd_open),
};

static const char *call_name(unsigned nr)
{
	for (unsigned i = 0; i < ARRAY_SIZE(call_names); i++)
		if (call_names[i].nr == nr)
			return call_names[i].name;
	return NULL;
}

static void on_refused(int sig, siginfo_t *info, void *context)
{
	unsigned nr = info->si_syscall;
	const char *name = call_name(nr);

	(void)context;
	terminal_restore();
	log_error(
		"the sandbox refused system call %u%s%s%s: this process was taken over, or "
		"vmm has a defect; it ends. -sandbox off runs without",
		nr, name ? " (" : "", name ? name : "", name ? ")" : "");
	signal(sig, SIG_DFL);
	raise(sig);
}

static void watch_refusals(void)
{
	struct sigaction action = {
		.sa_sigaction = on_refused,
		/* So that the signal of raise() comes at once. */
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigaction(SIGSYS, &action, NULL);
}

/* ---- the steps ---- */

/* Root without them is a user who owns much. */
static int drop_capabilities(uint32_t keep, struct err *err)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return err_sys(err, errno, "capabilities");
	if (!data[0].permitted && !data[1].permitted)
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted &= i ? 0 : keep;
		data[i].effective &= i ? 0 : keep;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) < 0 ? err_sys(err, errno, "capabilities")
	                                            : 0;
}

static int confine_paths(const struct landlock_paths *paths, struct err *err)
{
	struct err own = { 0 }, *why = err ? err : &own;
	int abi = 0, ret = landlock_confine(paths, &abi, why);

	if (ret >= 0)
		log_debug(LOG_C_SANDBOX, "Landlock, ABI %d", abi);
	else if (!why->code)
		log_debug(LOG_C_SANDBOX,
		          "this kernel has no Landlock (%s): paths are kept by "
		          "permissions alone; kvm-check says what to do",
		          ret == -EOPNOTSUPP ? "disabled at boot" : "not built in");
	return why->code ? ret : 0;
}

static int filter_calls(const struct bpf_program *filter, struct err *err)
{
	/* Guests have speculation settings of their own; without the flag, kernels before
	 * 5.16 would slow down all of this process for the filter's sake. */
	const unsigned flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	const struct sock_fprog prog = { filter->len,
		                         (struct sock_filter *)filter->code };

	if (filter->failed)
		return err_set(err, E2BIG, "the seccomp filter does not fit");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog) < 0)
		return err_sys(err, errno, "this kernel takes no seccomp filter");
	log_debug(LOG_C_SANDBOX, "seccomp: %u instructions", filter->len);
	return 0;
}

/* Of a build with sanitizers, which trace this process at its end, and more. */
extern void __asan_init(void) __attribute__((weak));

/* Its own process, of its own accord: a debugger of memory. */
static bool in_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

/* Threads that the kernel runs for this process, of vhost and of io_uring, make no system
 * calls. */
static bool is_kernels(int tasks, const char *number)
{
	_cleanup_free_ char *name = NULL;
	char path[300];

	snprintf(path, sizeof(path), "%s/comm", number);
	return fd_read_file(tasks, path, 64, &name, NULL) >= 0 &&
	       (!strncmp(name, "vhost-", 6) || !strncmp(name, "iou-", 4));
}

static bool has_threads(void)
{
	unsigned count = 0;
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	/* Its own name, the parent's, and one for each thread. */
	if (stat("/proc/self/task", &st) < 0 || st.st_nlink <= 3)
		return false;
	dir = opendir("/proc/self/task");
	while (dir && (entry = readdir(dir)))
		count += *entry->d_name != '.' && !is_kernels(dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
	return count > 1;
}

void confine_allow_own(struct bpf_rules *rules)
{
	static const uint32_t commands[] = { F_DUPFD,     F_GETFD,      F_SETFD,
		                             F_GETFL,     F_SETFL,      F_GETLK,
		                             F_SETLK,     F_SETLKW,     F_OFD_GETLK,
		                             F_OFD_SETLK, F_OFD_SETLKW, F_DUPFD_CLOEXEC,
		                             F_ADD_SEALS, F_GET_SEALS };
	static const uint32_t self[] = { 0 };

	bpf_add_check(rules, SYS_fcntl, BPF_ANY_OF, 1, commands, ARRAY_SIZE(commands),
	              SECCOMP_RET_ERRNO | EPERM);
	bpf_add_check(rules, SYS_prlimit64, BPF_ANY_OF, 0, self, 1,
	              SECCOMP_RET_ERRNO | EPERM);
}

int confine(const struct confine_plan *plan, struct err *err)
{
	const struct rlimit memory = { plan->memory, plan->memory };
	int ret;

	if (__asan_init || in_valgrind()) {
		log_debug(LOG_C_SANDBOX, "off: %s needs more than it allows",
		          __asan_init ? "AddressSanitizer" : "valgrind");
		return 0;
	}
	if (has_threads())
		return err_set(err, EBUSY, "a thread is outside of the sandbox already");
	ret = drop_capabilities(plan->keep, err);
	watch_refusals();
	if (ret >= 0 && plan->memory && setrlimit(RLIMIT_DATA, &memory) < 0)
		ret = err_sys(err, errno, "limit of memory");
	if (ret >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		ret = err_sys(err, errno, "no_new_privs");
	if (ret >= 0)
		ret = confine_paths(&plan->paths, err);
	return ret < 0 ? ret : filter_calls(plan->filter, err);
}
