// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sandbox of vmm-user-net. The libraries open files to read only (TFTP, resolv.conf),
 * which the filter holds them to; Landlock holds them to those folders.
 */
#include "vmm/helpers/user-net/sandbox.h"

#include "common/cleanup.h"
#include "common/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define RESOLV_CONF "/etc/resolv.conf"

/* Some with conditions, below. */
static const uint16_t allowed[] = {
	SYS_accept,
	SYS_accept4,
	SYS_bind,
	SYS_brk,
	SYS_clock_gettime,
	SYS_close,
	SYS_connect,
	SYS_exit,
	SYS_exit_group,
	SYS_fcntl,
	SYS_fstat,
	SYS_futex,
	SYS_getpeername,
	SYS_getpid,
	SYS_getrandom,
	SYS_getsockname,
	SYS_getsockopt,
	SYS_gettimeofday,
	SYS_gettid,
	SYS_ioctl,
	SYS_listen,
	SYS_lseek,
	SYS_madvise,
	SYS_mmap,
	SYS_mremap,
	SYS_munmap,
	SYS_newfstatat,
	SYS_poll,
	SYS_ppoll,
	SYS_pread64,
	SYS_read,
	SYS_readv,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_restart_syscall,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sendmsg,
	SYS_sendto,
	SYS_setsockopt,
	SYS_shutdown,
	SYS_socket,
	SYS_stat,
	SYS_time,
	SYS_write,
	SYS_writev,
};

/* Often a link, and replaced as a whole: its folder. */
static char *resolver_folder(void)
{
	char *path = realpath(RESOLV_CONF, NULL);

	if (path)
		*strrchr(path, '/') = '\0';
	return path;
}

int sandbox_enter(const char *tftp, bool unix_sockets, struct err *err)
{
	static const uint32_t change[] = { O_WRONLY | O_RDWR | O_CREAT };
	/* The last one is what connects to services of this user. */
	static const uint32_t families[] = { AF_INET, AF_INET6, AF_UNIX };
	/* What waits in a socket; the number of an interface in a name server's address.
	 */
	static const uint32_t requests[] = { FIONREAD, SIOCGIFINDEX };
	_cleanup_free_ char *resolver = resolver_folder();
	const char *const readable[] = { resolver ? resolver : RESOLV_CONF, tftp, NULL };
	struct bpf_rules rules = { .count = 0 };
	static struct bpf_program filter;
	const struct confine_plan plan = {
		.paths = { .readable = readable },
		/* Forwarded ports below 1024, pings, a TFTP folder of somebody else. */
		.keep = 1u << CAP_NET_BIND_SERVICE | 1u << CAP_NET_RAW |
		        1u << CAP_DAC_READ_SEARCH,
		.filter = &filter,
	};

	bpf_add_list(&rules, allowed, ARRAY_SIZE(allowed), SECCOMP_RET_ALLOW);
	bpf_add_check(&rules, SYS_openat, BPF_HAS_NONE, 2, change, 1,
	              SECCOMP_RET_ERRNO | EPERM);
	bpf_add_check(&rules, SYS_socket, BPF_ANY_OF, 0, families,
	              ARRAY_SIZE(families) - !unix_sockets, SECCOMP_RET_ERRNO | EPERM);
	bpf_add_check(&rules, SYS_ioctl, BPF_ANY_OF, 1, requests, ARRAY_SIZE(requests),
	              SECCOMP_RET_ERRNO | EPERM);
	confine_allow_own(&rules);
	bpf_build(&filter, &rules, SECCOMP_RET_ERRNO | EPERM);
	return confine(&plan, err);
}
