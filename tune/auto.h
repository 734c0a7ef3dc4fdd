/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kvm-tune ksm auto: KSM runs while memory is short because of guests, and not otherwise.
 */
#ifndef TUNE_AUTO_H
#define TUNE_AUTO_H

#include "common/strbuf.h"
#include "probe/sysroot.h"
#include "tune/facts.h"
#include "tune/guests.h"

#include <stdint.h>

struct auto_limits {
	unsigned percent; /* of RAM that shall stay available */
};

struct auto_state { /* what KSM is set to */
	bool on;
	uint64_t pages_to_scan, sleep_millisecs;
};

/* What KSM shall be set to, from memory, guests and what it was set to before. Pure. */
struct auto_state auto_decide(const struct auto_limits *limits,
                              const struct memory *memory, const struct guests *guests,
                              const struct auto_state *before);

/*
 * Decides every `interval` seconds, `count` times (0: until a signal), and prints a line
 * for each change. Originals are in the journal; they are restored at the end, also of a
 * run that was killed, by the next one or by kvm-tune undo. While another kvm-tune
 * changes the host a turn is skipped.
 */
int auto_run(const struct sysroot *root, const struct auto_limits *limits,
             unsigned interval, unsigned count, struct err *err);

#endif
