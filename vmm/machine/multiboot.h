/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot 1 kernels: ELF32, or flat with the addresses in the header. */
#ifndef VMM_MACHINE_MULTIBOOT_H
#define VMM_MACHINE_MULTIBOOT_H

#include "vmm/machine/loader.h"

extern const struct boot_format multiboot_format;

#endif
