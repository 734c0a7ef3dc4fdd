/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCSI on the wire: big-endian fields, operation codes and sense data, as SPC-5, SBC-4
 * and MMC-6 name them.
 */
#ifndef VMM_SCSI_WIRE_H
#define VMM_SCSI_WIRE_H

#include "common/bytes.h"

#define SCSI_CDB 16 /* bytes of the longest command that is known here */

static inline uint16_t scsi_get16(const uint8_t *p)
{
	return __builtin_bswap16(ld16(p));
}

static inline uint32_t scsi_get32(const uint8_t *p)
{
	return __builtin_bswap32(ld32(p));
}

static inline uint64_t scsi_get64(const uint8_t *p)
{
	return __builtin_bswap64(ld64(p));
}

static inline void scsi_put16(uint8_t *p, uint16_t v)
{
	st16(p, __builtin_bswap16(v));
}

static inline void scsi_put32(uint8_t *p, uint32_t v)
{
	st32(p, __builtin_bswap32(v));
}

static inline void scsi_put64(uint8_t *p, uint64_t v)
{
	st64(p, __builtin_bswap64(v));
}

enum scsi_opcode {
	SCSI_TEST_UNIT_READY = 0x00,
	SCSI_REQUEST_SENSE = 0x03,
	SCSI_READ_6 = 0x08,
	SCSI_WRITE_6 = 0x0a,
	SCSI_INQUIRY = 0x12,
	SCSI_MODE_SELECT_6 = 0x15,
	SCSI_MODE_SENSE_6 = 0x1a,
	SCSI_START_STOP_UNIT = 0x1b,
	SCSI_PREVENT_ALLOW = 0x1e,
	SCSI_READ_CAPACITY_10 = 0x25,
	SCSI_READ_10 = 0x28,
	SCSI_WRITE_10 = 0x2a,
	SCSI_SEEK_10 = 0x2b,
	SCSI_WRITE_VERIFY_10 = 0x2e,
	SCSI_VERIFY_10 = 0x2f,
	SCSI_SYNCHRONIZE_CACHE_10 = 0x35,
	SCSI_WRITE_SAME_10 = 0x41,
	SCSI_UNMAP = 0x42,
	SCSI_READ_TOC = 0x43,
	SCSI_GET_CONFIGURATION = 0x46,
	SCSI_GET_EVENT_STATUS = 0x4a,
	SCSI_READ_DISC_INFORMATION = 0x51,
	SCSI_MODE_SELECT_10 = 0x55,
	SCSI_MODE_SENSE_10 = 0x5a,
	SCSI_READ_16 = 0x88,
	SCSI_WRITE_16 = 0x8a,
	SCSI_WRITE_VERIFY_16 = 0x8e,
	SCSI_VERIFY_16 = 0x8f,
	SCSI_SYNCHRONIZE_CACHE_16 = 0x91,
	SCSI_WRITE_SAME_16 = 0x93,
	SCSI_SERVICE_ACTION_IN_16 = 0x9e,
	SCSI_REPORT_LUNS = 0xa0,
	SCSI_READ_12 = 0xa8,
	SCSI_WRITE_12 = 0xaa,
	SCSI_WRITE_VERIFY_12 = 0xae,
	SCSI_VERIFY_12 = 0xaf,
	SCSI_SET_CD_SPEED = 0xbb,
	SCSI_MECHANISM_STATUS = 0xbd,
	SCSI_READ_CD = 0xbe,
};

/* Key, code, qualifier. */
enum scsi_sense {
	SENSE_NONE = 0x000000,
	SENSE_NO_MEDIUM_CLOSED = 0x023a01,
	SENSE_NO_MEDIUM_OPEN = 0x023a02,
	SENSE_WRITE_ERROR = 0x030c00,
	SENSE_READ_ERROR = 0x031100,
	SENSE_HARDWARE = 0x044400,
	SENSE_LIST_LENGTH = 0x051a00,
	SENSE_OPCODE = 0x052000,
	SENSE_RANGE = 0x052100,
	SENSE_FIELD = 0x052400,
	SENSE_LUN = 0x052500,
	SENSE_LIST_FIELD = 0x052600,
	SENSE_SAVING = 0x053900,
	SENSE_LOCKED = 0x055302,
	SENSE_CHANGED = 0x062800,
	SENSE_POWER_ON = 0x062900,
	SENSE_DEVICE_RESET = 0x062903,
	SENSE_CAPACITY_CHANGED = 0x062a09,
	SENSE_LUNS_CHANGED = 0x063f0e,
	SENSE_PROTECTED = 0x072700,
	SENSE_NO_SPACE = 0x072707,
};

#define SCSI_SENSE_LEN 18

/* Sense data in the fixed format, SCSI_SENSE_LEN bytes. */
static inline void scsi_put_sense(uint8_t *b, uint32_t sense)
{
	memset(b, 0, SCSI_SENSE_LEN);
	b[0] = 0x70;
	b[2] = sense >> 16;
	b[7] = SCSI_SENSE_LEN - 8;
	b[12] = sense >> 8;
	b[13] = sense;
}

#endif
