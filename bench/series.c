// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interleaved rounds: in every round each subject runs once, each round starts with
 * another subject, and a ratio is formed within a round only. So what else the machine
 * does meanwhile falls on all subjects alike.
 */
#include "bench/series.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void drop(struct series_row *row, const struct err *err)
{
	row->measured = false;
	snprintf(row->reason, sizeof(row->reason), "%s", err->text);
}

/* Round 0 warms up: its sample is overwritten by that of round 1. */
static void run_round(struct series *series, char *const places[PLACES],
                      const char *preload, unsigned round)
{
	for (unsigned i = 0; i < series->row_count; i++) {
		unsigned at = (i + round) % series->row_count;
		struct series_row *row = &series->rows[at];
		char *argv[CASE_MAX_ARGS + 1];
		struct err err = { 0 };

		if (!row->measured)
			continue;
		if (subject_argv(&series->bench_case->subjects[at], places, argv, &err) <
		            0 ||
		    (!round && measure_syscalls(argv, &row->syscalls, &err) < 0) ||
		    measure_start(argv, preload, &row->samples[round ? round - 1 : 0],
		                  &err) < 0)
			drop(row, &err);
	}
}

static const struct series_row *find_row(const struct series *series, const char *name)
{
	for (unsigned i = 0; i < series->row_count; i++)
		if (!strcmp(series->rows[i].name, name))
			return &series->rows[i];
	return NULL;
}

static void take_ratios(struct series *series, double *values)
{
	const struct series_row *vmm = find_row(series, "vmm");

	for (unsigned r = 0; vmm && series->bench_case->rivals[r].name; r++) {
		const struct series_row *rival =
			find_row(series, series->bench_case->rivals[r].name);

		if (!vmm->measured || !rival || !rival->measured)
			continue;
		for (unsigned i = 0; i < series->rounds; i++)
			values[i] = vmm->samples[i].wall_ms / rival->samples[i].wall_ms;
		stats_of(values, series->rounds, &series->ratios[r].wall);
		for (unsigned i = 0; i < series->rounds; i++)
			values[i] = vmm->samples[i].cpu_ms / rival->samples[i].cpu_ms;
		stats_of(values, series->rounds, &series->ratios[r].cpu);
	}
}

static void take_stats(struct series *series, struct series_row *row, double *values)
{
	for (unsigned i = 0; i < series->rounds; i++)
		values[i] = row->samples[i].wall_ms;
	stats_of(values, series->rounds, &row->wall_ms);
	for (unsigned i = 0; i < series->rounds; i++)
		values[i] = row->samples[i].cpu_ms;
	stats_of(values, series->rounds, &row->cpu_ms);
}

static int make_rows(struct series *series, struct err *err)
{
	const struct subject *subject = series->bench_case->subjects;

	for (; series->row_count < CASE_MAX_SUBJECTS && subject->name; subject++) {
		struct series_row *row = &series->rows[series->row_count++];

		row->name = subject->name;
		row->measured = true;
		row->samples = calloc(series->rounds, sizeof(*row->samples));
		if (!row->samples)
			return err_sys(err, ENOMEM, "%s", subject->name);
	}
	return 0;
}

int series_run(struct series *series, const struct bench_case *bench_case,
               char *const places[PLACES], const char *preload, unsigned rounds,
               bool progress, struct err *err)
{
	_cleanup_free_ double *values = calloc(rounds, sizeof(*values));
	int ret;

	*series = (struct series){ .bench_case = bench_case, .rounds = rounds };
	ret = make_rows(series, err);
	if (!ret && !values)
		ret = err_sys(err, ENOMEM, "%s", bench_case->id);
	if (ret < 0)
		return ret;
	for (unsigned round = 0; round <= rounds; round++) {
		if (progress)
			fprintf(stderr, "\r%s: round %u of %u ", bench_case->id, round,
			        rounds);
		run_round(series, places, preload, round);
	}
	if (progress)
		fprintf(stderr, "\r\033[K");
	for (unsigned i = 0; i < series->row_count; i++)
		if (series->rows[i].measured)
			take_stats(series, &series->rows[i], values);
	take_ratios(series, values);
	return 0;
}

void series_free(struct series *series)
{
	for (unsigned i = 0; i < series->row_count; i++)
		free(series->rows[i].samples);
	*series = (struct series){ 0 };
}
