/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VFIO ioctls (Documentation/driver-api/vfio.rst, <linux/vfio.h>), which live here
 * alone: containers and groups with a type 1 IOMMU, and the functions in them. Plain
 * calls: 0, a descriptor or a number, or -errno; no state.
 */
#ifndef PASSTHROUGH_VFIO_H
#define PASSTHROUGH_VFIO_H

#include <stdbool.h>
#include <stdint.h>

/* What is called here while a guest runs, for its seccomp filter. */
extern const uint32_t vfio_requests[];
extern const unsigned vfio_request_count;

/* Asks the kernel whether a guest could own the group of an open /dev/vfio/GROUP now. 0
 * or -errno. */
int vfio_group_viable(int group_fd, bool *viable);

/* ---- the address space of devices ---- */

/* Opens /dev/vfio/vfio. -EPROTO: it is not what this program knows. */
int vfio_container_open(void);
/* Puts the group into the container; its first one brings the IOMMU (type 1 v2). -EPERM:
 * the IOMMU does not remap interrupts. */
int vfio_group_join(int group_fd, int container_fd, bool first);
void vfio_group_leave(int group_fd);
/* Memory at host is at iova for devices from now on, and pinned; whole pages. */
int vfio_map(int container_fd, uint64_t iova, uint64_t size, void *host);
int vfio_unmap(int container_fd, uint64_t iova, uint64_t size);

/* ---- a function ---- */

/* name: its full address. A descriptor. */
int vfio_device_open(int group_fd, const char *name);
/* *resets: vfio_reset() works. -ENOTSUP: it is no PCI function. */
int vfio_device_info(int fd, bool *resets);
int vfio_reset(int fd);
/* Resets the function with all others that its bus or slot resets. -EPERM unless they are
 * all in `groups` (count descriptors, whose numbers are in `numbers`). */
int vfio_hot_reset(int fd, const int *groups, const unsigned *numbers, unsigned count);

enum { VFIO_ROM = 6, VFIO_CONFIG = 7 }; /* regions; 0 to 5 are the BARs */

#define VFIO_AREAS 4

struct vfio_area {
	uint64_t offset, size; /* in the region */
};

struct vfio_region {
	uint64_t size;   /* 0: there is none */
	uint64_t offset; /* in the descriptor: for pread(), pwrite() and mmap() */
	bool writable;
	struct vfio_area areas[VFIO_AREAS]; /* that mmap() can have */
	unsigned area_count;
};

int vfio_region_info(int fd, unsigned index, struct vfio_region *region);

enum vfio_irq { VFIO_INTX, VFIO_MSI, VFIO_MSIX, VFIO_ERROR, VFIO_REQUEST };

/* How many there are, 0 or -errno. */
int vfio_irq_count(int fd, enum vfio_irq irq);
/* From now on interrupts 0 to count - 1 are written to fds (-1: lost). A positive number:
 * the host has only so many, and nothing changed. */
int vfio_irq_connect(int fd, enum vfio_irq irq, const int *fds, unsigned count);
/* None is delivered any more. */
void vfio_irq_disconnect(int fd, enum vfio_irq irq);
/* INTx is masked when it fires, until it is unmasked: now, or by a write to an eventfd.
 */
int vfio_intx_unmask(int fd);
int vfio_intx_unmask_by(int fd, int eventfd);

#endif
