/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The KVM guests of this host: every process that has a VM open, whatever its name. */
#ifndef TUNE_GUESTS_H
#define TUNE_GUESTS_H

#include "probe/sysroot.h"

#include <stdint.h>
#include <sys/types.h>

struct guest {
	uint64_t pid;
	char name[32];  /* of the process */
	unsigned vms;   /* descriptors of VMs */
	uint64_t bytes; /* of memory, in RAM and swapped out */
	bool has_ksm;
	uint64_t merged; /* pages of it that KSM merged */
	bool has_profit;
	int64_t profit; /* bytes that merging it saved, less what that costs */
};

struct guests {
	struct guest *list;
	unsigned count;
	unsigned unreadable; /* processes of others, which may or may not be guests */
	uint64_t bytes;      /* of all guests */
};

/* Walks /proc. 0, -ENOMEM or the error of reading /proc; guests_free() in both cases. */
int guests_gather(const struct sysroot *root, struct guests *guests);
void guests_free(struct guests *guests);

#endif
