// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Order statistics. A quantile between two samples is interpolated between them, so that
 * the median of an even count is the mean of the middle two.
 */
#include "bench/stats.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t count, double q)
{
	double at = q * (count - 1);
	size_t below = at;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

void stats_of(double *values, size_t count, struct stats *stats)
{
	qsort(values, count, sizeof(*values), compare);
	*stats = (struct stats){
		.count = count,
		.median = quantile(values, count, 0.5),
		.low = quantile(values, count, 0.25),
		.high = quantile(values, count, 0.75),
		.min = values[0],
		.max = values[count - 1],
	};
}
