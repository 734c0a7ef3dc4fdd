// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The helper's seccomp filter: a list of system calls that work on descriptors which are
 * there already, on memory and on time. Others fail with EPERM, which the library takes
 * as any failure.
 */
#include "vmm/helpers/vnc/sandbox.h"

#include "common/cleanup.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>

static const int allowed[] = {
	SCMP_SYS(read),         SCMP_SYS(write),          SCMP_SYS(readv),
	SCMP_SYS(writev),       SCMP_SYS(recvfrom),       SCMP_SYS(sendto),
	SCMP_SYS(recvmsg),      SCMP_SYS(sendmsg),        SCMP_SYS(poll),
	SCMP_SYS(ppoll),        SCMP_SYS(select),         SCMP_SYS(pselect6),
	SCMP_SYS(accept4),      SCMP_SYS(close),          SCMP_SYS(shutdown),
	SCMP_SYS(fcntl),        SCMP_SYS(getsockopt),     SCMP_SYS(setsockopt),
	SCMP_SYS(getpeername),  SCMP_SYS(getsockname),    SCMP_SYS(mmap),
	SCMP_SYS(munmap),       SCMP_SYS(mremap),         SCMP_SYS(madvise),
	SCMP_SYS(brk),          SCMP_SYS(futex),          SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),      SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),         SCMP_SYS(exit_group),     SCMP_SYS(getrlimit),
	SCMP_SYS(prlimit64),    SCMP_SYS(sigaltstack),    SCMP_SYS(getpid),
	SCMP_SYS(uname),
};

int sandbox_enter(struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret = ctx ? 0 : -ENOMEM;

	for (unsigned i = 0; i < ARRAY_SIZE(allowed) && ret >= 0; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (ret >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		ret = -errno;
	if (ret >= 0)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	return ret < 0 ? err_sys(err, -ret, "seccomp filter") : 0;
}
