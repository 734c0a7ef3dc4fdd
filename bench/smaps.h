/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a VMM beyond its guest's RAM. */
#ifndef BENCH_SMAPS_H
#define BENCH_SMAPS_H

#include <stdint.h>
#include <stdio.h>

struct smaps {
	uint64_t private_dirty_kb, pss_kb; /* of everything but the guest's RAM */
	uint64_t ram_kb;                   /* what was taken for the guest's RAM */
};

/*
 * Reads /proc/PID/smaps from `in`. The guest's RAM is the largest anonymous or memfd
 * mapping; while that has less than ram_kb, neighbours of the same kind count with it.
 * 0, or -EINVAL when it is no smaps file or has no such mapping, -ENOMEM.
 */
int smaps_read(FILE *in, uint64_t ram_kb, struct smaps *smaps);

#endif
