/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One boot of the benchmark's guest under a VMM, and what it cost. */
#ifndef BENCH_GUEST_RUN_H
#define BENCH_GUEST_RUN_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

enum guest_metric {
	GUEST_EXITS,      /* VM exits until the guest's first process runs */
	GUEST_OWN_EXITS,  /* of these, not by interrupts that the host had to take */
	GUEST_CPU,        /* CPU seconds of the VMM, guest included, until then */
	GUEST_WALL,       /* seconds since its execve */
	GUEST_IDLE_EXITS, /* VM exits per idle second */
	GUEST_DIRTY,      /* kB private dirty beyond guest RAM, idle */
	GUEST_PSS,        /* kB proportional set size beyond guest RAM, idle */
	GUEST_READ_4K,    /* requests per second */
	GUEST_WRITE_4K,
	GUEST_READ_1M, /* MB per second */
	GUEST_WRITE_1M,
	GUEST_VIEWED,    /* % of a CPU, idle with a VNC client, helpers included */
	GUEST_CD_READ,   /* MB per second */
	GUEST_BOOT_WALL, /* seconds from the execve to the boot sector */
	GUEST_BOOT_CPU,  /* CPU seconds of the VMM until then */
	GUEST_BIOS_DISK, /* MB per second through the BIOS */
	GUEST_BIOS_CD,
	GUEST_BIOS_CPU, /* CPU seconds of the VMM for both */
	GUEST_METRICS
};

/*
 * Boots argv (whose standard output is the guest's console), reads the marks of
 * bench/guest/init and ends it. A metric that the guest did not give stays NAN. -ESRCH
 * when the VMM ended before the guest was done, -ETIMEDOUT after limit_s seconds.
 * vnc: the UNIX socket where a client shall look while the guest is idle, or NULL.
 * Only one VM may run on the machine: exits are those that KVM counts in debugfs.
 */
int guest_run(char *const argv[], unsigned ram_mib, unsigned limit_s, const char *vnc,
              double metrics[GUEST_METRICS], struct err *err);

#endif
