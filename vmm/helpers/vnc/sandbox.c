// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sandbox of both processes: system calls that work on descriptors which are there
 * already, on memory, of which there is a limit, and on time. Others fail with EPERM,
 * which the libraries take as any failure.
 */
#include "vmm/helpers/vnc/sandbox.h"

#include "common/cleanup.h"
#include "common/confine.h"

#include <errno.h>
#include <sys/syscall.h>

/* Some with conditions, below. */
static const uint16_t allowed[] = {
	SYS_read,         SYS_write,         SYS_readv,          SYS_writev,
	SYS_recvfrom,     SYS_sendto,        SYS_recvmsg,        SYS_sendmsg,
	SYS_poll,         SYS_ppoll,         SYS_select,         SYS_pselect6,
	SYS_close,        SYS_shutdown,      SYS_fcntl,          SYS_getsockopt,
	SYS_setsockopt,   SYS_getpeername,   SYS_getsockname,    SYS_mmap,
	SYS_munmap,       SYS_mremap,        SYS_madvise,        SYS_brk,
	SYS_futex,        SYS_clock_gettime, SYS_gettimeofday,   SYS_getrandom,
	SYS_rt_sigreturn, SYS_rt_sigaction,  SYS_rt_sigprocmask, SYS_restart_syscall,
	SYS_exit,         SYS_exit_group,    SYS_getrlimit,      SYS_prlimit64,
	SYS_sigaltstack,  SYS_getpid,        SYS_uname,
};

static const uint16_t of_front[] = { SYS_accept4, SYS_socketpair };

/* What clients can make it keep: updates that wait for them, state of encodings. */
static const uint64_t max_memory[] = {
	[SANDBOX_FRONT] = 512ull << 20,
	[SANDBOX_PAINTER] = 256ull << 20,
};

int sandbox_enter(enum sandbox_kind kind, struct err *err)
{
	struct bpf_rules rules = { .count = 0 };
	static struct bpf_program filter;
	const struct confine_plan plan = { .filter = &filter,
		                           .memory = max_memory[kind] };

	bpf_add_list(&rules, allowed, ARRAY_SIZE(allowed), SECCOMP_RET_ALLOW);
	confine_allow_own(&rules);
	if (kind == SANDBOX_FRONT)
		bpf_add_list(&rules, of_front, ARRAY_SIZE(of_front), SECCOMP_RET_ALLOW);
	bpf_build(&filter, &rules, SECCOMP_RET_ERRNO | EPERM);
	return confine(&plan, err);
}
