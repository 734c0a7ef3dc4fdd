// SPDX-License-Identifier: GPL-2.0-or-later
/* VFIO as linux/vfio.h defines it (type 1 groups). */
#include "passthrough/vfio.h"

#include <errno.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>

int vfio_group_viable(int group_fd, bool *viable)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	if (ioctl(group_fd, VFIO_GROUP_GET_STATUS, &status) < 0)
		return -errno;
	*viable = status.flags & VFIO_GROUP_FLAGS_VIABLE;
	return 0;
}
