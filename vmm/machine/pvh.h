/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PVH boot ABI: ELF kernels with Xen's PHYS32_ENTRY note, and the demo guest. */
#ifndef VMM_MACHINE_PVH_H
#define VMM_MACHINE_PVH_H

#include "vmm/machine/loader.h"

extern const struct boot_format pvh_format;
/* Not probed for: boot_open() chooses it when there is no kernel. */
extern const struct boot_format pvh_demo_format;

#endif
