/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kvm-tune ksm watch: what merging saves, as it changes. */
#ifndef TUNE_WATCH_H
#define TUNE_WATCH_H

#include "common/strbuf.h"
#include "tune/ksm.h"

#define WATCH_POINTS 60 /* columns of the plot */

struct watch {
	uint64_t saved[WATCH_POINTS]; /* the latest last */
	unsigned count;
	uint64_t last_cpu_ms; /* of ksmd at the previous look */
};

/* Adds what was seen now. */
void watch_add(struct watch *watch, const struct ksm_status *status);
/* The plot, `rows` high: a column for each look, the highest one reaching the top. */
void watch_plot(const struct watch *watch, unsigned rows, struct strbuf *out);

/* Looks every `interval` seconds, `count` times (0: until a signal). On a terminal one
 * picture that is drawn over; else one line for each look. */
int watch_run(const struct sysroot *root, unsigned interval, unsigned count,
              struct err *err);

#endif
