/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a snapshot inside a qcow2 image holds, to be read. */
#ifndef VMM_BLOCK_QCOW2_SHOW_H
#define VMM_BLOCK_QCOW2_SHOW_H

#include "vmm/block/qcow2.h"

/* From now on a node that was opened to be read is the disk of that snapshot, with its
 * length. Nobody uses the node yet. 0, or -errno with a sentence. */
int qcow2_show_snapshot(struct block_node *node, const char *id_or_name, struct err *err);

#endif
