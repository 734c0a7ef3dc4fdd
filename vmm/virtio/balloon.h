/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-balloon-pci: memory that the guest lends back. Machine lock. */
#ifndef VMM_VIRTIO_BALLOON_H
#define VMM_VIRTIO_BALLOON_H

#include "vmm/core/device.h"

#include <linux/virtio_balloon.h>
#include <time.h>

extern const struct device_class virtio_balloon_pci_class;

struct balloon_info {
	uint64_t actual;                     /* bytes that the guest has */
	uint64_t stats[VIRTIO_BALLOON_S_NR]; /* as the driver sent them last; */
	uint32_t known;                      /* those of these bits */
	uint32_t interval;                   /* seconds, of balloon_poll() */
	time_t updated;                      /* when the driver did; 0: never */
};

/* Asks the guest to have this many bytes, at least one page and at most its RAM; it
 * follows as it can. -ENOTCONN with a sentence without a balloon. */
int balloon_set(struct vm *vm, uint64_t bytes, struct err *err);
/* What is known, and asks the driver for newer statistics. */
int balloon_get(struct vm *vm, struct balloon_info *info, struct err *err);
/* Asks for them every so many seconds from now on; 0: only balloon_get() does. */
int balloon_poll(struct vm *vm, int64_t interval, struct err *err);

#endif
