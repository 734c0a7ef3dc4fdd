/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF kernels: segments at their physical addresses, and the PVH note. */
#ifndef VMM_MACHINE_LOADER_ELF_H
#define VMM_MACHINE_LOADER_ELF_H

#include "vmm/machine/loader.h"

/* True when head starts an ELF file. */
bool elf_recognize(const uint8_t *head, size_t len);
/* Reads headers and notes of an x86 ELF executable into *image (checked with
 * loader_check_image()). 0, or -errno with a sentence. */
int elf_parse(const struct loader_file *file, struct loader_image *image,
              struct err *err);

#endif
