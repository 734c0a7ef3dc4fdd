/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What CD-ROM drives do whatever they are connected by: the commands of MMC-3 but those
 * that say who the drive is, and the tray with its medium. IDE and SCSI drives both use
 * it. Machine lock everywhere.
 */
#ifndef VMM_SCSI_CD_H
#define VMM_SCSI_CD_H

#include "vmm/block/block.h"
#include "vmm/core/device.h"
#include "vmm/scsi/wire.h"

enum {
	CD_SECTOR = 2048,
	CD_RAW_SECTOR = 2352,
	CD_ANSWER = 256, /* bytes that the longest answer takes */
};

struct cd_drive {
	struct device *dev;
	struct block_node *node;
	struct block_info *info; /* what the medium is; no length: there is none */
	/* state */
	uint8_t sense_key, asc, ascq; /* of the last command */
	uint8_t event;                /* for GET EVENT STATUS */
	bool tray_open, tray_locked, changed;
};

/* What a command that was taken wants done. */
enum cd_action { CD_FAILED, CD_ANSWERED, CD_WANTS_READ };

struct cd_result {
	uint32_t len;        /* CD_ANSWERED: bytes in the buffer, maybe none */
	uint32_t lba, count; /* CD_WANTS_READ: sectors, at least one, all on the medium */
	bool raw;            /* CD_RAW_SECTOR bytes are wanted of each */
};

static inline bool cd_has_medium(const struct cd_drive *cd)
{
	return cd->info->length && !cd->tray_open;
}

void cd_set_sense(struct cd_drive *cd, uint32_t sense);
/* Why there is no medium. */
uint32_t cd_no_medium(const struct cd_drive *cd);

/* Runs one command of 12 bytes; buf has CD_ANSWER bytes. *allowed becomes how many bytes
 * the command lets the answer have, to which it is not cut yet. A failure is in the
 * drive's sense data. */
enum cd_action cd_run(struct cd_drive *cd, const uint8_t *cdb, uint8_t *buf,
                      struct cd_result *result, uint32_t *allowed);
/* Writes the mode pages to p (page 0x3f: all; control as in MODE SENSE) and returns the
 * end: p itself when there is no such page. */
uint8_t *cd_mode_pages(const struct cd_drive *cd, uint8_t control, uint8_t page,
                       uint8_t *p);
uint8_t cd_medium_type(const struct cd_drive *cd);
/* Makes a raw sector at `to` of the data at `from`, which may overlap it from above. */
void cd_expand(uint8_t *to, const uint8_t *from, uint32_t lba);

/* For block_attach_tray(); opaque is the drive. */
extern const struct block_tray cd_tray;

/* The node for a drive with the -drive id (NULL: an empty one named `name`), attached. */
int cd_attach(struct cd_drive *cd, const char *drive, const char *name, struct err *err);

/* State: the rows of a struct whose member `cd` is the drive, named as they always were.
 */
#define CD_STATE_ROW_(type, k, f)                                                    \
	{                                                                            \
		.name = #f, .kind = (k), .offset = offsetof(type, cd.f), .count = 1, \
		.count_offset = STATE_ALL                                            \
	}
#define CD_STATE(type)                                                                \
	CD_STATE_ROW_(type, STATE_U8, sense_key), CD_STATE_ROW_(type, STATE_U8, asc), \
		CD_STATE_ROW_(type, STATE_U8, ascq),                                  \
		CD_STATE_ROW_(type, STATE_U8, event),                                 \
		CD_STATE_ROW_(type, STATE_BOOL, tray_open),                           \
		CD_STATE_ROW_(type, STATE_BOOL, tray_locked),                         \
		CD_STATE_ROW_(type, STATE_BOOL, changed)

#endif
