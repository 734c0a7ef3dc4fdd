/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts and wishes in, changes out: what would be done to each file, and why not. Pure:
 * it reads and writes nothing. */
#ifndef TUNE_PLAN_H
#define TUNE_PLAN_H

#include "tune/facts.h"
#include "tune/profile.h"

enum plan_action {
	PLAN_KEEP,   /* it is so already */
	PLAN_SET,    /* write it now */
	PLAN_BOOT,   /* this kernel takes it only when the module is loaded: modprobe.d */
	PLAN_ABSENT, /* this host has no such knob, or not this choice; note says which */
	PLAN_REFUSE, /* it would do harm; note says which */
};

struct plan_row {
	const struct setting *setting;
	const struct want *want;
	enum plan_action action;
	char value[KNOB_VALUE_MAX]; /* what is written */
	char note[320];
};

struct plan {
	struct plan_row *rows; /* in the order in which they are applied */
	unsigned count;
};

/* Rows for every setting that the profile names; the last of several wishes wins. A
 * profile that names both of a pair is refused with a sentence. plan_free() in both
 * cases; the plan points into both inputs. */
int plan_make(const struct profile *profile, const struct tune_facts *facts,
              struct plan *plan, struct err *err);
void plan_free(struct plan *plan);

/* The first row with this action, or NULL. */
const struct plan_row *plan_first(const struct plan *plan, enum plan_action action);
/* The row of a setting, or NULL. */
const struct plan_row *plan_of(const struct plan *plan, const struct setting *setting);

/* CommitLimit as the kernel computes it, for a ratio or, unless 0, an amount in kB. */
uint64_t plan_commit_limit(const struct memory *memory, uint64_t page, uint64_t ratio,
                           uint64_t kbytes);
/* Bytes of memory that must stay available when huge pages are taken. */
uint64_t plan_reserve(const struct memory *memory);
/* CommitLimit after the plan, and the overcommit mode it sets. */
uint64_t plan_limit_after(const struct plan *plan, const struct tune_facts *facts,
                          uint64_t *mode);

#endif
