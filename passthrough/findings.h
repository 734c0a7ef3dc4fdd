/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What speaks against giving a function to a guest: a list of sentences with a named
 * reason each, so that a user can insist on one reason and no other. */
#ifndef PASSTHROUGH_FINDINGS_H
#define PASSTHROUGH_FINDINGS_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>

enum reason {
	REASON_BRIDGE,
	REASON_HELD,
	REASON_NO_IOMMU,
	REASON_ROOT_DISK,
	REASON_NOIOMMU_MODE,
	REASON_UNSAFE_INTERRUPTS,
	REASON_RMRR,
	REASON_SHARED_GROUP,
	REASON_HAS_VFS,
	REASON_BOOT_VGA,
	REASON_MOUNTED,
	REASON_SWAP,
	REASON_DM,
	REASON_MD,
	REASON_ZFS,
	REASON_CLAIMED,
	REASON_CONSOLE,
	REASON_DEFAULT_ROUTE,
	REASON_ROUTE,
	REASON_SSH,
	REASON_MASTER,
	REASON_UPPER,
	/* Never a refusal. */
	REASON_RESET,
	REASON_POWER,
	REASON_SIGNATURE,
	REASON_TWIN_IDS,
	REASON_SLOTS,
	REASON_COUNT
};

struct finding {
	enum reason reason;
	char text[400]; /* "nvme0n1p2 is mounted on /home" */
};

struct findings {
	unsigned count;
	bool failed; /* without memory: the list is not complete and must not be trusted
	              */
	struct finding *finding;
};

/* Which reasons the user insists on. */
struct forced {
	bool reason[REASON_COUNT];
};

const char *reason_name(enum reason reason);
/* True for reasons that refuse unless forced; the others only warn. */
bool reason_refuses(enum reason reason);
bool reason_forceable(enum reason reason);
/* Sets the reasons of a comma-separated list. -EINVAL, as usage, for an unknown reason or
 * one that cannot be forced. */
int forced_parse(struct forced *forced, const char *names, struct err *err);
/* A line for each reason that can be forced. */
void forced_help(struct strbuf *out);

void findings_add(struct findings *list, enum reason reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void findings_free(struct findings *list);

#endif
