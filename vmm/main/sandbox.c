// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The system calls of a process that runs a guest.
 *
 * Three answers. Allowed: what works on descriptors that are there, on memory and on
 * time. An error: what a library may try and can do without, or what only a process with
 * a monitor needs. The end of the process: all else, first of all what nobody but an
 * intruder calls here (execve, ptrace, setuid ...). A number that this list has not heard
 * of gets ENOSYS, as on an older kernel: a newer C library then does what it did there.
 *
 * Memory that is mapped executable, or made so, is refused: code stays what it was at the
 * start. A thread may be created, a process not.
 */
#include "vmm/main/sandbox.h"

#include "common/cleanup.h"
#include "common/confine.h"
#include "vmm/kvm/requests.h"
#include "vmm/pci/vfio.h"
#include "vmm/virtio/vhost.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define FAIL(code)       (SECCOMP_RET_ERRNO | (code))
#define MAX_IOCTLS       160

#define CALLS(name, ...) static const uint16_t name[] = { __VA_ARGS__ }

/* What is there already. */
CALLS(on_descriptors, SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64,
      SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_preadv2, SYS_pwritev2, SYS_lseek,
      SYS_close, SYS_close_range, SYS_dup, SYS_dup2, SYS_dup3, SYS_fcntl, SYS_flock,
      SYS_fstat, SYS_fsync, SYS_fdatasync, SYS_sync_file_range, SYS_ftruncate,
      SYS_fallocate, SYS_fadvise64, SYS_readahead, SYS_copy_file_range, SYS_sendfile,
      SYS_splice, SYS_fstatfs, SYS_getdents64, SYS_inotify_init1, SYS_inotify_add_watch,
      SYS_inotify_rm_watch, SYS_pipe2, SYS_eventfd2, SYS_memfd_create, SYS_timerfd_create,
      SYS_timerfd_settime, SYS_timerfd_gettime, SYS_signalfd4, SYS_epoll_create1,
      SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_poll,
      SYS_ppoll, SYS_select, SYS_pselect6, SYS_io_uring_enter, SYS_io_uring_register);

/* That are there, or have only this process at both ends. */
CALLS(on_sockets, SYS_socketpair, SYS_accept, SYS_accept4, SYS_recvfrom, SYS_recvmsg,
      SYS_recvmmsg, SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_shutdown, SYS_getsockname,
      SYS_getpeername, SYS_getsockopt, SYS_setsockopt);

/* Landlock keeps names; looking is no harm, and removing is its matter, too. */
CALLS(on_names, SYS_stat, SYS_lstat, SYS_newfstatat, SYS_statx, SYS_statfs, SYS_access,
      SYS_faccessat, SYS_faccessat2, SYS_readlink, SYS_readlinkat, SYS_getcwd, SYS_unlink,
      SYS_unlinkat, SYS_umask);

CALLS(on_memory, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_msync, SYS_mincore,
      SYS_mlock, SYS_mlock2, SYS_munlock, SYS_mlockall, SYS_munlockall, SYS_mbind,
      SYS_get_mempolicy);

/* Threads, signals, time. */
CALLS(on_threads, SYS_futex, SYS_futex_waitv, SYS_set_robust_list, SYS_get_robust_list,
      SYS_rseq, SYS_membarrier, SYS_sched_yield, SYS_sched_getaffinity,
      SYS_sched_getparam, SYS_sched_getscheduler, SYS_getcpu, SYS_rt_sigaction,
      SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigtimedwait,
      SYS_sigaltstack, SYS_restart_syscall, SYS_pidfd_send_signal, SYS_wait4, SYS_waitid,
      SYS_exit, SYS_exit_group, SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep,
      SYS_nanosleep, SYS_gettimeofday, SYS_time, SYS_times, SYS_getrusage);

/* Who and where we are. */
CALLS(on_self, SYS_gettid, SYS_getpid, SYS_getppid, SYS_getpgrp, SYS_getpgid, SYS_getsid,
      SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getresuid, SYS_getresgid,
      SYS_getgroups, SYS_uname, SYS_sysinfo, SYS_getrlimit, SYS_getrandom,
      SYS_getpriority);

/* For a monitor's commands. Without one they fail, which the C library can live with. */
CALLS(files, SYS_open, SYS_openat, SYS_openat2, SYS_creat, SYS_mkdir, SYS_rename,
      SYS_renameat, SYS_renameat2, SYS_fchmod, SYS_bind, SYS_listen, SYS_io_uring_setup);

CALLS(sockets, SYS_connect);

/* What libraries try, and what a process that is told "no" goes on after. */
CALLS(refused, SYS_fork, SYS_vfork, SYS_kill, SYS_tkill, SYS_sched_setaffinity,
      SYS_setrlimit, SYS_setpriority, SYS_sched_setparam, SYS_ioprio_set);

CALLS(closed, SYS_chmod, SYS_fchmodat, SYS_truncate, SYS_chdir, SYS_symlink, SYS_link,
      SYS_linkat);

/* ---- ioctls ---- */

#define REQUESTS(name, ...) static const uint32_t name[] = { __VA_ARGS__ }

/* Of terminals, block devices, taps. */
REQUESTS(other_ioctls, TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGPGRP, TIOCGWINSZ, TIOCMGET,
         TIOCMSET, TIOCMBIS, TIOCMBIC, TCSBRK, TCFLSH, TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER,
         TIOCSBRK, TIOCCBRK, FIONREAD, FIONBIO, BLKGETSIZE64, BLKDISCARD, BLKZEROOUT,
         BLKROGET, BLKSSZGET, BLKPBSZGET, BLKIOMIN, TUNSETOFFLOAD, TUNGETIFF,
         TUNSETVNETHDRSZ, TUNSETQUEUE, BLKFLSBUF, BLKIOOPT);

/* ---- all ---- */

static void add_checks(struct bpf_rules *b, const uint32_t *ioctls, unsigned ioctl_count,
                       const uint32_t *pid, bool sockets)
{
	static const uint32_t exec[] = { PROT_EXEC };
	static const uint32_t thread[] = { CLONE_VM | CLONE_SIGHAND | CLONE_THREAD };
	static const uint32_t names[] = { PR_SET_NAME, PR_GET_NAME };
	static const uint32_t families[] = { AF_UNIX, AF_INET, AF_INET6 };

	bpf_add_check(b, SYS_ioctl, BPF_ANY_OF, 1, ioctls, ioctl_count, FAIL(EPERM));
	bpf_add_check(b, SYS_mmap, BPF_HAS_NONE, 2, exec, 1, FAIL(EACCES));
	bpf_add_check(b, SYS_mprotect, BPF_HAS_NONE, 2, exec, 1, FAIL(EACCES));
	bpf_add_check(b, SYS_clone, BPF_HAS_ALL, 0, thread, 1, FAIL(EPERM));
	bpf_add_check(b, SYS_prctl, BPF_ANY_OF, 0, names, ARRAY_SIZE(names),
	              FAIL(EINVAL));
	bpf_add_check(b, SYS_tgkill, BPF_ANY_OF, 0, pid, 1, FAIL(EPERM));
	/* The main thread's; a priority would take a privilege. */
	bpf_add_check(b, SYS_sched_setscheduler, BPF_ANY_OF, 0, pid, 1, FAIL(EPERM));
	confine_allow_own(b);
	if (sockets)
		bpf_add_check(b, SYS_socket, BPF_ANY_OF, 0, families,
		              ARRAY_SIZE(families), FAIL(EACCES));
	else
		bpf_add(b, SYS_socket, FAIL(EACCES));
}

static void build(struct bpf_program *p, const struct sandbox_needs *needs, int pid)
{
	const uint32_t self[] = { pid };
	uint32_t ioctls[MAX_IOCTLS];
	unsigned ioctl_count = 0;
	struct bpf_rules b = { .count = 0 };

	for (unsigned i = 0; i < kvm_request_count; i++)
		ioctls[ioctl_count++] = kvm_requests[i];
	for (unsigned i = 0; i < vhost_request_count; i++)
		ioctls[ioctl_count++] = vhost_requests[i];
	for (unsigned i = 0; i < vfio_request_count; i++)
		ioctls[ioctl_count++] = vfio_requests[i];
	for (unsigned i = 0; i < ARRAY_SIZE(other_ioctls); i++)
		ioctls[ioctl_count++] = other_ioctls[i];
	bpf_add_list(&b, on_descriptors, ARRAY_SIZE(on_descriptors), SECCOMP_RET_ALLOW);
	bpf_add_list(&b, on_sockets, ARRAY_SIZE(on_sockets), SECCOMP_RET_ALLOW);
	bpf_add_list(&b, on_names, ARRAY_SIZE(on_names), SECCOMP_RET_ALLOW);
	bpf_add_list(&b, on_memory, ARRAY_SIZE(on_memory), SECCOMP_RET_ALLOW);
	bpf_add_list(&b, on_threads, ARRAY_SIZE(on_threads), SECCOMP_RET_ALLOW);
	bpf_add_list(&b, on_self, ARRAY_SIZE(on_self), SECCOMP_RET_ALLOW);
	bpf_add_list(&b, files, ARRAY_SIZE(files),
	             needs->files ? SECCOMP_RET_ALLOW : FAIL(EACCES));
	bpf_add_list(&b, sockets, ARRAY_SIZE(sockets),
	             needs->sockets ? SECCOMP_RET_ALLOW : FAIL(EACCES));
	bpf_add_list(&b, refused, ARRAY_SIZE(refused), FAIL(EPERM));
	bpf_add_list(&b, closed, ARRAY_SIZE(closed), FAIL(EACCES));
	/* Its flags are in memory, which no filter sees; clone() is the answer then. */
	bpf_add(&b, SYS_clone3, FAIL(ENOSYS));
	add_checks(&b, ioctls, ioctl_count, self, needs->sockets);
	bpf_build(p, &b, SECCOMP_RET_TRAP);
}

/* Root keeps: to remove sockets in folders of others (what Landlock leaves of them) and
 * to open their images, and to lock memory later. */
int sandbox_enter(const struct sandbox_needs *needs, struct err *err)
{
	_cleanup_free_ struct bpf_program *filter = malloc(sizeof(*filter));
	const struct confine_plan plan = {
		.paths = { .files = needs->files, .pidfile = needs->pidfile },
		.keep = 1u << CAP_DAC_OVERRIDE | 1u << CAP_IPC_LOCK,
		.filter = filter,
	};

	if (!filter)
		return err_sys(err, ENOMEM, "-sandbox");
	build(filter, needs, getpid());
	if (confine(&plan, err) >= 0)
		return 0;
	err_prefix(err, "-sandbox");
	err_hint(err, "-sandbox off runs without");
	return -err->code;
}
