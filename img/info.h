/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vmm-img info prints. */
#ifndef IMG_INFO_H
#define IMG_INFO_H

#include "common/strbuf.h"
#include "vmm/block/block.h"

/* The table of a qcow2 node's snapshots. */
void info_print_snapshots(const struct block_node *node, struct strbuf *out);

#endif
