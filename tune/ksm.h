/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel same-page merging: what it saves, and what it costs. */
#ifndef TUNE_KSM_H
#define TUNE_KSM_H

#include "common/strbuf.h"
#include "probe/sysroot.h"
#include "tune/guests.h"

#include <jansson.h>

struct ksm_status {
	uint64_t run; /* 0 off, 1 on, 2 off and unmerged */
	uint64_t shared, sharing, unshared, volatile_pages, full_scans; /* pages; scans */
	uint64_t zero_pages; /* merged empty pages */
	uint64_t pages_to_scan, sleep_millisecs, merge_across_nodes;
	bool has_profit;
	int64_t profit;   /* bytes saved, less what the bookkeeping takes */
	char advisor[32]; /* "": this kernel has none */
	uint64_t page;    /* bytes */
	bool has_cpu;
	uint64_t cpu_ms; /* CPU time that ksmd has used */
};

/* -ENOENT with a sentence on a kernel without KSM. */
int ksm_read(const struct sysroot *root, struct ksm_status *status, struct err *err);
/* Bytes that would be in use without merging. */
uint64_t ksm_saved(const struct ksm_status *status);
/* "on", "off", "unmerged". */
const char *ksm_mode(const struct ksm_status *status);

/* Several lines for a person. guests may be NULL. */
void ksm_text(const struct ksm_status *status, const struct guests *guests,
              struct strbuf *out);
/* The same for a program; the caller owns it. */
json_t *ksm_json(const struct ksm_status *status, const struct guests *guests);

#endif
