/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving up what a process needs no more, before it meets bytes of others: capabilities,
 * paths (Landlock), system calls (seccomp). For good, and for every thread that is
 * started from then on; there are none yet.
 */
#ifndef COMMON_CONFINE_H
#define COMMON_CONFINE_H

#include "common/bpf.h"
#include "common/landlock.h"

struct confine_plan {
	struct landlock_paths paths;
	uint32_t keep;   /* capabilities that root keeps, 1 << CAP_… */
	uint64_t memory; /* bytes of data that the process may have; 0: no limit */
	/* Of system calls; those that are answered with a signal end the process, with a
	 * line that names the call. */
	const struct bpf_program *filter;
};

/* What the kernel lacks of Landlock is told in the log; no seccomp is an error. Under
 * AddressSanitizer and valgrind, which need more, nothing happens, which is logged, too.
 * -errno with a sentence. */
int confine(const struct confine_plan *plan, struct err *err);

/* Allows, of two calls that act on other processes as well, what acts on this one:
 * fcntl() that does not say to whom a descriptor's signals go (of any kind, to all
 * processes of this user), and limits. Others fail with EPERM. */
void confine_allow_own(struct bpf_rules *rules);

#endif
