/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the SCSI target: bus.c finds the unit and the command, info.c says what a unit
 * is, mode.c has the mode pages, media.c moves data, device.c has the classes.
 */
#ifndef VMM_SCSI_CORE_H
#define VMM_SCSI_CORE_H

#include "vmm/scsi/cd.h"
#include "vmm/scsi/scsi.h"

enum {
	SCSI_ANSWER = 512, /* bytes that the longest answer in a buffer takes */
	SCSI_SERIAL = 36,  /* characters of a serial number */
	SCSI_ID = 128,     /* of a device_id */

	SCSI_TYPE_DISK = 0x00,
	SCSI_TYPE_CD = 0x05,

	/* What a handler returns other than the bytes of its answer. */
	SCSI_PENDING = -1, /* it ends later */
	SCSI_FAILED = -2,  /* with the sense data or the status in the request */

	SCSI_MAX_SAME = 65536,     /* blocks of one WRITE SAME */
	SCSI_MAX_UNMAP = 1u << 30, /* bytes of one descriptor of an UNMAP */
	SCSI_MAX_UNMAPS = 255,     /* descriptors */
};

/* Unit attentions, what is told first in the lowest bit. */
enum scsi_ua {
	UA_POWER_ON = 1 << 0,
	UA_RESET = 1 << 1,
	UA_LUNS = 1 << 2,
	UA_CAPACITY = 1 << 3,
	UA_ALL = (1 << 4) - 1,
};

struct scsi_device {
	struct device dev;
	/* properties */
	char *drive, *bus_name, *serial, *vendor, *product, *version, *device_id;
	uint32_t channel, id, lun; /* UINT32_MAX: the first that is free */
	uint32_t bootindex;
	uint32_t block_size, physical_size, min_io, opt_io;
	uint64_t wwn;
	uint16_t rotation_rate;
	int write_cache; /* enum opt_tri */
	bool removable, dpofua;
	/* not state */
	struct scsi_bus *bus; /* NULL: not connected */
	struct scsi_device *next;
	uint8_t type;
	struct block_node *node;
	struct block_info info;
	uint8_t *pattern; /* of a WRITE SAME */
	const struct scsi_req *pattern_user;
	/* state */
	uint8_t ua; /* enum scsi_ua */
	bool wce;
	struct cd_drive cd; /* the tray of what is removable */
};

/* A handler: writes an answer to b (SCSI_ANSWER bytes) and returns its length, or
 * SCSI_PENDING, or SCSI_FAILED. */
typedef int scsi_handler(struct scsi_req *req, uint8_t *b);

static inline int scsi_fail(struct scsi_req *req, uint32_t sense)
{
	req->sense = sense;
	return SCSI_FAILED;
}

static inline int scsi_overrun(struct scsi_req *req)
{
	req->overrun = true;
	return SCSI_FAILED;
}

static inline bool scsi_has_medium(const struct scsi_device *d)
{
	return !d->cd.tray_open && d->info.length >= d->block_size;
}

static inline uint64_t scsi_blocks(const struct scsi_device *d)
{
	return d->info.length / d->block_size;
}

/* bus.c */
void scsi_finish(struct scsi_req *req, int ret);
void scsi_bus_add(struct scsi_bus *bus, struct scsi_device *d);
void scsi_bus_remove(struct scsi_device *d);
struct scsi_device *scsi_bus_find(const struct scsi_bus *bus, unsigned target,
                                  unsigned lun);
/* device.c */
void scsi_set_wce(struct scsi_device *d, bool on);
void scsi_device_reset(struct scsi_device *d, uint8_t ua);

/* info.c, mode.c */
scsi_handler scsi_inquiry, scsi_capacity_10, scsi_service_action_16, scsi_mode_sense,
	scsi_mode_select;
/* media.c */
scsi_handler scsi_read, scsi_write, scsi_verify, scsi_flush, scsi_unmap, scsi_write_same;
/* Reads whole blocks, which are on the medium. */
int scsi_read_blocks(struct scsi_req *req, uint64_t lba, uint32_t count);

#endif
