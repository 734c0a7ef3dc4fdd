// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sandbox from inside: a child enters it as vmm does, tries what an intruder would
 * try, and tells what it got: an error, or its end by SIGSYS with a line that names the
 * call. And what must go on working does.
 */
#include "vmm/main/sandbox.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

extern void __asan_init(void) __attribute__((weak));

enum { ENDED = -1 }; /* by SIGSYS */

#define OUTSIDE_TMP    "/tmp/kvmkit-sandbox-test"
#define OUTSIDE_SYSTEM "/usr/share/kvmkit-sandbox-test"

static char folder[4096];    /* the working one is below */
static char said[4096];      /* by the last child */
static char parent_comm[40]; /* of this process */

/* What fn() returned in a confined child: 0, an errno, or ENDED. */
static int confined(const struct sandbox_needs *needs, long (*fn)(void))
{
	int status = 0, log = memfd_create("log", MFD_CLOEXEC);
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct err err = { 0 };

		alarm(60); /* what hangs is wrong, too */
		dup2(log, STDERR_FILENO);
		if (sandbox_enter(needs, &err) < 0) {
			dprintf(STDERR_FILENO, "%s\n", err.text);
			_exit(255);
		}
		errno = 0;
		_exit(fn() < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	said[fd_pread(log, said, sizeof(said) - 1, 0)] = '\0';
	close(log);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return ENDED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1000 - WTERMSIG(status);
}

/* ---- what is tried ---- */

static long opens(const char *path, int flags)
{
	return syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

#define TRY(name, call)            \
	static long name(void)     \
	{                          \
		return (long)call; \
	}

static const struct clone_args clone_args = { .exit_signal = SIGCHLD };

TRY(shadow, opens("/etc/shadow", O_RDONLY))
TRY(passwd, opens("/etc/passwd", O_RDONLY))
TRY(root_file, opens("/root/.profile", O_RDONLY))
TRY(make_file, opens(OUTSIDE_TMP, O_WRONLY | O_CREAT))
TRY(own_memory, opens("/proc/self/mem", O_RDWR))
TRY(null_device, opens("/dev/null", O_RDWR))
TRY(other_device, opens("/dev/zero", O_RDONLY))
TRY(kernel_setting, opens("/proc/sys/kernel/core_pattern", O_WRONLY))
TRY(inet_socket, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
TRY(unix_socket, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
TRY(raw_socket, socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0))
TRY(netlink_socket, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0))
TRY(make_executable, mprotect((void *)((uintptr_t)make_file & ~4095ul), 4096,
                              PROT_READ | PROT_WRITE | PROT_EXEC))
TRY(map_executable, -(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                           -1, 0) == MAP_FAILED))
TRY(make_process, syscall(SYS_fork))
TRY(clone_process, syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0))
TRY(clone_share, syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0))
TRY(clone_new, syscall(SYS_clone3, &clone_args, sizeof(clone_args)))
TRY(kill_parent, kill(getppid(), 0))
TRY(signal_other, syscall(SYS_tgkill, getppid(), getppid(), 0))
TRY(own_signal, fcntl(STDERR_FILENO, F_SETOWN, getppid()))
TRY(choose_signal, fcntl(STDERR_FILENO, F_SETSIG, SIGKILL))
TRY(type_for_user, ioctl(STDERR_FILENO, TIOCSTI, "x"))
TRY(make_dumpable, prctl(PR_SET_DUMPABLE, 1))
TRY(own_policy,
    syscall(SYS_sched_setscheduler, getpid(), SCHED_BATCH, &(struct sched_param){ 0 }))
TRY(other_policy,
    syscall(SYS_sched_setscheduler, getppid(), SCHED_BATCH, &(struct sched_param){ 0 }))
TRY(limit_others, syscall(SYS_prlimit64, getppid(), RLIMIT_CORE, NULL, NULL))
TRY(newest_call, syscall(500))
TRY(new_ring, syscall(SYS_io_uring_setup, 1, said))
TRY(rename_file, rename("a", "b"))
TRY(connects, connect(-1, NULL, 0))
TRY(inet6_socket,
    -(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 && errno != EAFNOSUPPORT))

TRY(exec, syscall(SYS_execve, "/bin/true", NULL, NULL))
TRY(exec_fd, syscall(SYS_execveat, 0, "", NULL, NULL, AT_EMPTY_PATH))
TRY(trace, ptrace(PTRACE_ATTACH, getppid(), 0, 0))
TRY(read_other, syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0))
TRY(become_root, syscall(SYS_setuid, 0))
TRY(new_namespace, syscall(SYS_unshare, 0x10000000))
TRY(other_root, syscall(SYS_chroot, "/"))
TRY(mount_it, syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL))
TRY(load_bpf, syscall(SYS_bpf, 0, NULL, 0))
TRY(hold_process, syscall(SYS_pidfd_open, getppid(), 0))
TRY(x32_call, syscall(0x40000000 + SYS_getpid))

static long call_32(void)
{
	long ret;

	/* 20: getpid of the 32-bit table. */
	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20l) : "memory");
	return ret;
}

/* ---- what goes on ---- */

static void *thread(void *opaque)
{
	*(int *)opaque = prctl(PR_SET_NAME, "worker") == 0 &&
	                 opens("/etc/passwd", O_RDONLY) < 0 && errno == EACCES;
	return NULL;
}

static long works(void)
{
	void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	               -1, 0);
	int pair[2], ok = 0;
	pthread_t id;
	char byte;

	if (p == MAP_FAILED || madvise(p, 1 << 20, MADV_DONTNEED) < 0 ||
	    pthread_create(&id, NULL, thread, &ok) || pthread_join(id, NULL) || !ok ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
	    write(pair[0], "x", 1) != 1 || read(pair[1], &byte, 1) != 1 ||
	    memfd_create("x", MFD_CLOEXEC) < 0 || raise(SIGURG) < 0)
		return -1;
	return 0;
}

/* ---- files and a monitor ---- */

TRY(read_here, opens("mine", O_RDONLY))
TRY(write_here, opens("new", O_WRONLY | O_CREAT))
TRY(write_shared, -(opens("/tmp", O_WRONLY | O_TMPFILE) < 0))
TRY(read_there, opens("../there/theirs", O_RDONLY))
TRY(write_there, opens("../there/theirs", O_WRONLY))
TRY(cut_there, opens("../there/theirs", O_RDONLY | O_TRUNC))
TRY(make_there, opens("../there/new", O_WRONLY | O_CREAT))
TRY(remove_there, unlink("../there/theirs"))
TRY(write_named, opens("../named/new", O_WRONLY | O_CREAT))
TRY(write_beside_read, opens("../read/new", O_WRONLY | O_CREAT))
TRY(read_beside_read, opens("../read/one", O_RDONLY))
TRY(write_read, opens("../read/kernel", O_WRONLY))
TRY(write_by_socket, opens("../socket/new", O_WRONLY | O_CREAT))
TRY(write_by_stdin, opens("../stdin/new", O_WRONLY | O_CREAT))
TRY(parents_comm, opens(parent_comm, O_RDONLY))
TRY(remove_here, unlink("mine"))
TRY(remove_new, unlink("new"))
TRY(remove_disk, unlink("../named/disk"))
TRY(write_system, opens(OUTSIDE_SYSTEM, O_WRONLY | O_CREAT))
TRY(read_system, opens("/usr/share/common-licenses/GPL-2", O_RDONLY))
TRY(make_device, mknod("device", S_IFIFO | 0600, 0))
TRY(remove_socket, unlink("../socket/s"))

struct attempt {
	const char *what;
	long (*fn)(void);
	int want;
};

#define ATTEMPT(fn, want)     \
	{                     \
#fn, fn, want \
	}

static void attempts(const struct sandbox_needs *needs, const struct attempt *list,
                     const char *where)
{
	for (; list->fn; list++)
		tap_eq(confined(needs, list->fn), list->want, "%s: %s", where,
		       list->what);
}

static const struct attempt without_monitor[] = {
	ATTEMPT(works, 0),
	ATTEMPT(shadow, EACCES),
	ATTEMPT(passwd, EACCES),
	ATTEMPT(root_file, EACCES),
	ATTEMPT(make_file, EACCES),
	ATTEMPT(null_device, EACCES),
	ATTEMPT(own_memory, EACCES),
	ATTEMPT(read_here, EACCES),
	ATTEMPT(rename_file, EACCES),
	ATTEMPT(inet_socket, EACCES),
	ATTEMPT(unix_socket, EACCES),
	ATTEMPT(new_ring, EACCES),
	ATTEMPT(remove_there, EACCES),
	ATTEMPT(remove_here, EACCES),
	ATTEMPT(remove_disk, EACCES),
	ATTEMPT(remove_socket, 0),
	ATTEMPT(connects, EACCES),
	{ 0 },
};

static const struct attempt with_monitor[] = {
	ATTEMPT(works, 0),
	ATTEMPT(shadow, EACCES),
	ATTEMPT(root_file, EACCES),
	ATTEMPT(own_memory, EACCES),
	ATTEMPT(other_device, EACCES),
	ATTEMPT(kernel_setting, EACCES),
	ATTEMPT(read_here, 0),
	ATTEMPT(write_here, 0),
	ATTEMPT(remove_new, 0),
	ATTEMPT(write_shared, 0),
	ATTEMPT(write_named, 0),
	ATTEMPT(read_there, 0),
	ATTEMPT(write_there, EACCES),
	ATTEMPT(cut_there, EACCES),
	ATTEMPT(make_there, EACCES),
	ATTEMPT(remove_there, EACCES),
	ATTEMPT(read_beside_read, 0),
	ATTEMPT(write_beside_read, EACCES),
	ATTEMPT(write_read, EACCES),
	ATTEMPT(write_by_socket, EACCES),
	ATTEMPT(write_by_stdin, EACCES),
	ATTEMPT(parents_comm, EACCES),
	ATTEMPT(read_system, 0),
	ATTEMPT(write_system, EACCES),
	ATTEMPT(inet_socket, 0),
	ATTEMPT(inet6_socket, 0),
	ATTEMPT(unix_socket, 0),
	ATTEMPT(connects, EBADF),
	{ 0 },
};

static const struct attempt always[] = {
	ATTEMPT(raw_socket, EACCES),
	ATTEMPT(netlink_socket, EACCES),
	ATTEMPT(make_executable, EACCES),
	ATTEMPT(map_executable, EACCES),
	ATTEMPT(make_process, EPERM),
	ATTEMPT(clone_process, EPERM),
	ATTEMPT(clone_share, EPERM),
	ATTEMPT(clone_new, ENOSYS),
	ATTEMPT(newest_call, ENOSYS),
	ATTEMPT(kill_parent, EPERM),
	ATTEMPT(signal_other, EPERM),
	ATTEMPT(own_signal, EPERM),
	ATTEMPT(choose_signal, EPERM),
	ATTEMPT(type_for_user, EPERM),
	ATTEMPT(make_dumpable, EINVAL),
	ATTEMPT(own_policy, 0),
	ATTEMPT(other_policy, EPERM),
	ATTEMPT(limit_others, EPERM),
	ATTEMPT(exec, ENDED),
	ATTEMPT(exec_fd, ENDED),
	ATTEMPT(trace, ENDED),
	ATTEMPT(read_other, ENDED),
	ATTEMPT(become_root, ENDED),
	ATTEMPT(new_namespace, ENDED),
	ATTEMPT(other_root, ENDED),
	ATTEMPT(mount_it, ENDED),
	ATTEMPT(load_bpf, ENDED),
	ATTEMPT(hold_process, ENDED),
	ATTEMPT(make_device, ENDED),
	ATTEMPT(x32_call, ENDED),
	ATTEMPT(call_32, ENDED),
	{ 0 },
};

static const char *folder_tried;

TRY(list_folder, opens(folder_tried, O_RDONLY | O_DIRECTORY))

/* Where one of them is not there nothing of it can be reached. */
static void test_system_folders(const struct sandbox_needs *needs)
{
	static const char *const closed[] = { "/proc", "/sys",  "/dev", "/etc",
		                              "/boot", "/root", "/run" };

	for (unsigned i = 0; i < ARRAY_SIZE(closed); i++) {
		int ret;

		folder_tried = closed[i];
		ret = confined(needs, list_folder);
		tap_ok(ret == EACCES || ret == ENOENT, "a monitor does not see %s",
		       closed[i]);
	}
}

static long number_tried;

TRY(call_number, syscall(number_tried, -1, -1, -1, -1, -1, -1))

/* Calls whose arguments do not matter. */
static void test_numbers(const struct sandbox_needs *needs)
{
	static const struct {
		long number;
		int want;
	} calls[] = {
		{ SYS_tkill, EPERM },
		{ SYS_sched_setaffinity, EPERM },
		{ SYS_sched_setscheduler, EPERM },
		{ SYS_sched_setparam, EPERM },
		{ SYS_setrlimit, EPERM },
		{ SYS_setpriority, EPERM },
		{ SYS_ioprio_set, EPERM },
		{ SYS_chmod, EACCES },
		{ SYS_fchmodat, EACCES },
		{ SYS_truncate, EACCES },
		{ SYS_chdir, EACCES },
		{ SYS_symlink, EACCES },
		{ SYS_link, EACCES },
		{ SYS_linkat, EACCES },
		{ SYS_mknod, ENDED },
		{ SYS_chown, ENDED },
		{ SYS_setgid, ENDED },
		{ SYS_capset, ENDED },
		{ SYS_seccomp, ENDED },
		{ SYS_userfaultfd, ENDED },
		{ SYS_perf_event_open, ENDED },
		{ SYS_add_key, ENDED },
		{ SYS_open_by_handle_at, ENDED },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		number_tried = calls[i].number;
		tap_eq(confined(needs, call_number), calls[i].want, "system call %ld",
		       number_tried);
	}
}

static void test_message(const struct sandbox_needs *needs)
{
	confined(needs, exec);
	tap_has(said, "refused system call 59 (execve)", "the end names the call");
	tap_has(said, "-sandbox off", "and the way around");
	confined(needs, load_bpf);
	tap_has(said, "(bpf)", "another one");
}

/* What it has may be inherited, so that something is there to be dropped. */
static void raise_inheritable(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return;
	for (unsigned i = 0; i < 2; i++)
		data[i].inheritable = data[i].permitted;
	syscall(SYS_capset, &head, data);
}

/* What the kernel says of a confined process. */
static void test_status(const struct sandbox_needs *needs)
{
	_cleanup_free_ char *text = NULL;
	int go[2], status;
	char path[64], byte;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		return;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		raise_inheritable();
		if (sandbox_enter(needs, NULL) < 0 || write(go[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			poll(NULL, 0, -1);
	}
	close(go[1]);
	status = read(go[0], &byte, 1);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (tap_ok(status == 1, "it is confined") &&
	    fd_read_file(AT_FDCWD, path, 65536, &text, NULL) >= 0) {
		tap_has(text, "NoNewPrivs:\t1", "no new privileges");
		tap_has(text, "Seccomp:\t2", "a filter");
		tap_has(text, "CapInh:\t0000000000000000", "no capabilities to inherit");
		/* CAP_DAC_OVERRIDE and CAP_IPC_LOCK, if it had any. */
		tap_has(text,
		        geteuid() ? "CapPrm:\t0000000000000000"
		                  : "CapPrm:\t0000000000004002",
		        "root keeps two capabilities");
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(go[0]);
}

static void *waits(void *opaque)
{
	pause();
	return opaque;
}

static void test_threads(void)
{
	struct err err = { 0 };
	pthread_t id;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		pthread_create(&id, NULL, waits, NULL);
		_exit(sandbox_enter(&(struct sandbox_needs){ 0 }, &err) == -EBUSY ? 0
		                                                                  : 1);
	}
	waitpid(pid, &status, 0);
	tap_eq(status, 0, "a thread that would stay outside is an error");
}

/* ---- the folders ---- */

static void put(const char *path)
{
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* One that the sandbox does not give to everybody: beside this program, unless that is in
 * /tmp. */
static bool make_folder(void)
{
	const char *tries[] = { folder, "/var/lib/x", "/srv/x" };
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 40);

	folder[n > 0 ? n : 0] = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(tries); i++) {
		memmove(folder, tries[i], strlen(tries[i]) + 1);
		strcpy(strrchr(folder, '/'), "/sandbox.XXXXXX");
		if (strncmp(folder, "/tmp/", 5) && strncmp(folder, "/var/tmp/", 9) &&
		    mkdtemp(folder))
			return true;
	}
	return false;
}

/* Leaves open what vmm would have open: a disk, a file that is only read, a socket, a
 * device, and what the caller's messages come from. */
static bool make_folders(void)
{
	static const char *const folders[] = { "here", "there",  "named",
		                               "read", "socket", "stdin" };
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "../socket/s" };
	int fd;

	if (!make_folder() || chdir(folder) < 0)
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(folders); i++)
		mkdir(folders[i], 0700);
	put("here/mine");
	put("there/theirs");
	put("read/one");
	snprintf(parent_comm, sizeof(parent_comm), "/proc/%d/comm", getpid());
	close(STDIN_FILENO);
	if (open("stdin/words", O_RDWR | O_CREAT | O_CLOEXEC, 0600) != STDIN_FILENO ||
	    open("/dev/full", O_RDWR | O_CLOEXEC) < 0 ||
	    open("/proc/self/status", O_RDONLY | O_CLOEXEC) < 0)
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return open("named/disk", O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0 &&
	       open("read/kernel", O_RDONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 &&
	       chdir("here") == 0 &&
	       bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	       listen(fd, 1) == 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

static void clean_up(void)
{
	/* There only when something was not refused. */
	unlink(OUTSIDE_TMP);
	unlink(OUTSIDE_SYSTEM);
	if (chdir("/") < 0 || nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) < 0)
		tap_diag("%s stays behind", folder);
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0,
	               LANDLOCK_CREATE_RULESET_VERSION) >= 3;
}

int main(void)
{
	const struct sandbox_needs none = { 0 },
				   monitor = { .files = true, .sockets = true };

	if (__asan_init)
		tap_skip_all(
			"sanitizers need what the sandbox refuses; it is off with them");
	/* What a test runner left open would open folders. */
	syscall(SYS_close_range, 3, ~0u, 0);
	if (!make_folders())
		tap_ok(false, "folders in %s", folder);
	attempts(&none, always, "without a monitor");
	attempts(&monitor, always, "with a monitor");
	if (has_landlock()) {
		attempts(&monitor, with_monitor, "with a monitor");
		attempts(&none, without_monitor, "without a monitor");
		test_system_folders(&monitor);
	} else {
		tap_skip("paths", "this kernel has no Landlock, or one before ABI 3");
	}
	test_numbers(&none);
	test_message(&none);
	test_status(&none);
	test_threads();
	clean_up();
	return tap_done();
}
