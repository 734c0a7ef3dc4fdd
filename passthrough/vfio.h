/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VFIO ioctls, which live here alone. */
#ifndef PASSTHROUGH_VFIO_H
#define PASSTHROUGH_VFIO_H

#include <stdbool.h>

/* Asks the kernel whether a guest could own the group of an open /dev/vfio/GROUP now. 0
 * or -errno. */
int vfio_group_viable(int group_fd, bool *viable);

#endif
