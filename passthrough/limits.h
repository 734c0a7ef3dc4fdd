/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest with assigned devices needs from the limits of its user. */
#ifndef PASSTHROUGH_LIMITS_H
#define PASSTHROUGH_LIMITS_H

#include "probe/sysroot.h"

#include <stdbool.h>
#include <stdint.h>

/* Locked besides guest RAM: ROMs, video memory, tables. */
#define LIMITS_BESIDES (64ull << 20)

struct limits {
	uint64_t locked_soft, locked_hard; /* RLIMIT_MEMLOCK in bytes, UINT64_MAX none */
	bool exempt;                       /* CAP_IPC_LOCK: the limit does not count */
	uint64_t total, available;         /* memory of the host, 0 unknown */
	uint64_t entries; /* vfio_iommu_type1.dma_entry_limit, 0 unknown: not loaded */
	uint64_t maps;    /* vm.max_map_count, 0 unknown */
};

/* Of this process, on the host of root. */
void limits_read(const struct sysroot *root, struct limits *limits);

enum limits_verdict {
	LIMITS_FIT,
	LIMITS_RAISE_SOFT, /* the user can raise it: ulimit -l */
	LIMITS_RAISE_HARD, /* the administrator has to */
	LIMITS_NO_MEMORY,  /* the host has not that much */
};
/* ram: of the guest, in bytes. All of it is locked from the start of the guest. */
enum limits_verdict limits_judge(const struct limits *limits, uint64_t ram);

#endif
