/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of sysfs that may block for as long as a guest pleases: unbinding a held device
 * does, and meanwhile everything that takes that device's lock. Another process does the
 * work and is given up after a while; it stays in the kernel until the guest lets go.
 */
#ifndef PASSTHROUGH_SLOW_H
#define PASSTHROUGH_SLOW_H

#include "probe/sysroot.h"

/* sysroot_write() within half a minute. -ETIMEDOUT otherwise; it may still happen later.
 */
int slow_write(const struct sysroot *root, const char *path, const char *text);
/* sysroot_line() within two seconds, else -ETIMEDOUT. */
int slow_line(const struct sysroot *root, const char *path, char *buf, size_t size);

#endif
