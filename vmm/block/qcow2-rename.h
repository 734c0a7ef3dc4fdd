/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another backing file for a qcow2 image that nobody has open. */
#ifndef VMM_BLOCK_QCOW2_RENAME_H
#define VMM_BLOCK_QCOW2_RENAME_H

#include "vmm/block/node.h"

/* Changes what the header says, and nothing else; in one write. file: a writable node of
 * the file protocol with a sound image in it; name, format: NULL: none. Blocks. 0, or
 * -errno with a sentence; nothing has changed then, unless the write failed. */
int qcow2_set_backing(struct block_node *file, const char *name, const char *format,
                      struct err *err);

#endif
