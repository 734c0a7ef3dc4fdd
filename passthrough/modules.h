/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module of vfio-pci or pci-stub, before anything is taken from the host. */
#ifndef PASSTHROUGH_MODULES_H
#define PASSTHROUGH_MODULES_H

#include "common/err.h"
#include "probe/sysroot.h"

/* Makes the kernel have the driver, by loading its module with its dependencies if need
 * be; a blacklist is obeyed. 0, or -errno with a sentence and what to do. */
int modules_ensure(const struct sysroot *root, const char *driver, struct err *err);

#endif
