/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Median and spread of a few samples. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>

struct stats {
	size_t count;
	double median, low, high; /* low and high: first and third quartile */
	double min, max;
};

/* Of `count` values, at least one; sorts them in place. */
void stats_of(double *values, size_t count, struct stats *stats);

#endif
