/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far long work is, on a terminal. */
#ifndef IMG_PROGRESS_H
#define IMG_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	uint64_t total;
	unsigned shown; /* hundredths of a percent, and one */
};

/* Nothing is ever shown unless wanted, and standard output is a terminal. */
void progress_start(struct progress *p, bool wanted, uint64_t total);
void progress_at(struct progress *p, uint64_t done);
void progress_end(struct progress *p, bool complete);

#endif
