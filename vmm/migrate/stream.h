/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream of a moving machine: a header, then records, each with a
 * checksum, in both directions.
 *
 *   source                                   destination
 *   header, CONFIG                     ->    compares
 *                                      <-    OK or REFUSED
 *   ZERO and PAGES, then SYNC          ->
 *                                      <-    OK, and this again and again
 *   (stops) the rest, STATE..., END    ->    takes the disks, loads the state
 *                                      <-    OK or REFUSED
 *   GO                                 ->    runs
 *                                      <-    OK
 *
 * Up to GO the machine is the source's. A file has no answers, and END stands for GO.
 */
#ifndef VMM_MIGRATE_STREAM_H
#define VMM_MIGRATE_STREAM_H

#include "vmm/migrate/channel.h"

enum record_type {
	REC_CONFIG = 1, /* what the machine is made of, as text */
	REC_ZERO,       /* `count` pages of block `index` from `at` on are zero */
	REC_PAGES,      /* … are the payload */
	REC_STATE,      /* the section of one device */
	REC_END,        /* at: enum vm_runstate; count: number of STATEs */
	REC_OK,
	REC_REFUSED, /* the reason, as text */
	REC_GO,
	REC_SYNC, /* all before it has its place? */
};

enum {
	STREAM_PAGE = 4096,
	STREAM_PAGES_MAX = 64,         /* of one record */
	STREAM_CONFIG_MAX = 256 << 10, /* bytes */
	STREAM_REASON_MAX = 900,
	STREAM_DEVICES_MAX = 2048,
	STREAM_STATES_MAX = 64 << 20, /* bytes of all devices */
};

struct record {
	uint8_t type;
	uint16_t index;
	uint32_t count;
	uint64_t at;
	uint32_t len; /* of the payload */
	uint32_t sum; /* of a record that was read; stream_read_payload() compares */
};

#define STREAM_HEADER 16

/* Each is -errno with a sentence (-ECANCELED: without one). */
int stream_write_header(struct channel *c, struct err *err);
/* Tells c whether the source waits for answers. */
int stream_read_header(struct channel *c, struct err *err);
/* payload: r->len bytes. */
int stream_write(struct channel *c, const struct record *r, const void *payload,
                 struct err *err);
/* The head alone: type and lengths are such that the payload can be read. */
int stream_read(struct channel *c, struct record *r, struct err *err);
int stream_read_payload(struct channel *c, const struct record *r, void *payload,
                        struct err *err);
/* An answer of the other side: 0 when it is OK (or nobody answers); its reason is the
 * sentence. */
int stream_await(struct channel *c, enum record_type want, struct err *err);
/* All that was written has come, and has its place. */
int stream_sync(struct channel *c, struct err *err);
/* Says OK, or why not (reason not NULL). */
int stream_answer(struct channel *c, const char *reason, struct err *err);

#endif
