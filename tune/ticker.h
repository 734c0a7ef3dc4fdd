/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A clock for programs that look at something again and again until they are told to end.
 */
#ifndef TUNE_TICKER_H
#define TUNE_TICKER_H

#include "common/err.h"

struct ticker {
	int timer, signals; /* -1 when closed */
};

/* Ticks at once and then every `seconds` (at least 1); SIGINT, SIGTERM and SIGHUP end it.
 * ticker_close() in both cases. */
int ticker_open(struct ticker *ticker, unsigned seconds, struct err *err);
/* Waits: 1 at a tick, 0 when a signal asked to end, or -errno with a sentence. */
int ticker_wait(struct ticker *ticker, struct err *err);
void ticker_close(struct ticker *ticker);

#endif
