/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Linux/x86 boot protocol: bzImage files. */
#ifndef VMM_MACHINE_LINUXBOOT_H
#define VMM_MACHINE_LINUXBOOT_H

#include "vmm/machine/loader.h"

extern const struct boot_format linuxboot_format;

#endif
