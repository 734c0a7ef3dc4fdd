/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --watch: wait until something on the host may have changed a verdict. */
#ifndef PROBE_WATCH_H
#define PROBE_WATCH_H

#include "common/err.h"

#include <stdint.h>

struct watch {
	int uevents, files, timer, signals; /* descriptors; -1: not available */
};

enum watch_event { WATCH_CHANGED, WATCH_INTERVAL, WATCH_STOPPED };

/* Starts to listen: kernel events of devices and modules, changes below /dev and the
 * folders of module options, every `seconds` a look at what has no event. What cannot be
 * listened to is left to the interval. Blocks SIGINT and SIGTERM, which end the watch.
 * 0, or -errno with a sentence. */
int watch_open(struct watch *watch, uint64_t seconds, struct err *err);
/* Waits. Events that come together count as one. */
enum watch_event watch_wait(struct watch *watch);
void watch_close(struct watch *watch);

#endif
