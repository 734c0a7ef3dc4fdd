/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moving a PCI function from one driver to another, by driver_override alone: new_id
 * would take every function with the same IDs. Each step is read back, because the
 * kernel reports success for things that it did not do.
 */
#ifndef PASSTHROUGH_DRIVER_H
#define PASSTHROUGH_DRIVER_H

#include "common/err.h"
#include "passthrough/pcidev.h"

#include <stdbool.h>

/* What binds a function: its driver, and what restricts the choice. "" none. */
struct driver_state {
	char driver[DRIVER_SIZE], override[DRIVER_SIZE];
};

/* -ENODEV when the function is gone, -EBUSY while an unbind of it hangs in the kernel. */
int driver_read(const struct sysroot *root, const char *name, struct driver_state *state,
                struct err *err);

/* Binds the function to driver and no other, now and whenever drivers are probed again.
 * 0, or -errno with a sentence; it may then be without a driver: driver_restore(). */
int driver_take(const struct sysroot *root, const char *name, const char *driver,
                struct err *err);
/* Makes driver and override what they were. A driver that was there and does not take the
 * function back is an error. */
int driver_restore(const struct sysroot *root, const char *name,
                   const struct driver_state *was, struct err *err);
/* Gives the function to whichever driver of the host wants it; none is no error. */
int driver_release(const struct sysroot *root, const char *name, struct err *err);

/* True when the kernel has the driver now. */
bool driver_present(const struct sysroot *root, const char *driver);
/* A name that can be a driver's: it becomes part of a path. */
bool driver_name_valid(const char *driver);

#endif
