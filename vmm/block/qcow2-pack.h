/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing compressed clusters into qcow2 images; only programs that use it need zlib. */
#ifndef VMM_BLOCK_QCOW2_PACK_H
#define VMM_BLOCK_QCOW2_PACK_H

#include "vmm/block/qcow2.h"

/* Where in the file the next ones go. Zero-initialize; one for each node. */
struct qcow2_packer {
	uint64_t at, end; /* bytes of the file that are ours, and free */
};

/* Compresses a cluster (len bytes, with zeros behind up to `cluster`) into `out`, which
 * has room for one. The bytes that it takes, or 0: it does not become smaller. Any
 * thread. */
uint32_t qcow2_deflate(const void *buf, uint32_t len, uint32_t cluster, void *out);
/* Stores what that gave as the cluster at `offset` of the disk, where nothing is yet. No
 * other request to the node is under way. Blocks. 0, or -errno. */
int qcow2_pack(struct qcow2_packer *p, struct block_node *node, uint64_t offset,
               const void *data, uint32_t len);

#endif
