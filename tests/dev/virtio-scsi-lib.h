/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest with a virtio-scsi controller and commands to its units, for device tests. */
#ifndef TESTS_DEV_VIRTIO_SCSI_LIB_H
#define TESTS_DEV_VIRTIO_SCSI_LIB_H

#include "tests/dev/virtio-lib.h"
#include "vmm/block/block.h"
#include "vmm/scsi/scsi.h"

#include <linux/virtio_scsi.h>

#define SCSI_SIZE (8ull << 20) /* bytes of an image */
#define SCSI_ROOM (1u << 20)   /* bytes of data in one command */

struct scsi {
	struct guest g;
	char path[96], cd_path[96];
	struct block_node *node, *cd_node;
	struct device *hd, *cd;
	struct vdrv d;
	struct vqueue control, event, q;
	uint64_t header, response, data, events; /* guest memory */
	/* of the last command */
	struct virtio_scsi_cmd_resp resp;
	uint32_t used;
	unsigned target, lun; /* where commands go */
};

/* An image of SCSI_SIZE bytes in which each 512 bytes start with their number, as drive
 * d0 (`drive`: further -drive keys) with a scsi-hd (`hd`: further properties) at 0.0, the
 * same as CD at 1.0, on a virtio-scsi-pci (`opts`). Not started. */
void scsi_init(struct scsi *k, const char *drive, const char *hd, const char *opts);
void scsi_free(struct scsi *k);
/* Negotiates what is offered of `features`, sets the queues up, DRIVER_OK, and takes the
 * unit attentions of the start. */
void scsi_start(struct scsi *k, uint64_t features);

/* What a command came to: 0 for GOOD, the sense data (key << 16 | code << 8 | qualifier),
 * SCSI_RESPONSE(n) when the device says something else than OK, SCSI_STATUS(n) for
 * another status, SCSI_LOST without an answer. */
#define SCSI_RESPONSE(n) (0x01000000u | (n))
#define SCSI_STATUS(n)   (0x02000000u | (n))
#define SCSI_LOST        0xffffffffu
uint32_t scsi_result(const struct scsi *k);
/* Sends a command whose data is at k->data. */
uint32_t scsi_do(struct scsi *k, const uint8_t *cdb, uint32_t out, uint32_t in);
/* The same in these segments, which hold header, response and all. */
uint32_t scsi_segs(struct scsi *k, const struct vseg *segs, unsigned count);
void scsi_header(struct scsi *k, const uint8_t *cdb);
#define CDB(...) ((const uint8_t[SCSI_CDB]){ __VA_ARGS__ })

/* A task management function; the response, or -1. */
int scsi_tmf(struct scsi *k, uint32_t subtype, unsigned target, unsigned lun);
void *scsi_data(struct scsi *k);
void scsi_image(struct scsi *k, uint64_t offset, void *buf, size_t len);

#endif
