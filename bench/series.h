/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One case measured over several interleaved rounds, and its report. */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include "bench/cases.h"
#include "bench/measure.h"
#include "bench/stats.h"
#include "common/strbuf.h"

#include <stdbool.h>

#define SERIES_MAX_ROUNDS 1000

struct series_row {
	const char *name;
	bool measured;
	char reason[1000]; /* why not, when not measured */
	unsigned long syscalls;
	struct stats wall_ms, cpu_ms;
	struct sample *samples;
};

/* vmm's samples divided by those of the rival of the same index; count 0: none. */
struct series_ratio {
	struct stats wall, cpu;
};

struct series {
	const struct bench_case *bench_case;
	unsigned rounds;
	struct series_row rows[CASE_MAX_SUBJECTS];
	struct series_ratio ratios[CASE_MAX_SUBJECTS];
	unsigned row_count;
};

/*
 * Measures every subject of the case that can run: one round to warm up, then `rounds`
 * rounds whose order rotates. A subject that fails is dropped with its reason; the others
 * go on. progress: says on standard error how far it is. -ENOMEM only.
 */
int series_run(struct series *series, const struct bench_case *bench_case,
               char *const places[PLACES], const char *preload, unsigned rounds,
               bool progress, struct err *err);
void series_free(struct series *series);

/* The report for people, and one JSON object for programs. */
void series_text(const struct series *series, struct strbuf *out);
void series_json(const struct series *series, struct strbuf *out);

#endif
