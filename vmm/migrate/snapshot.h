/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved machines inside a qcow2 image: all of RAM and all devices in the image's vmstate
 * area, and a snapshot of each disk that can be written, under one name. The stream is
 * that of a move (stream.h). Main loop's thread, machine lock, at the top of a callback;
 * the guest stands meanwhile.
 */
#ifndef VMM_MIGRATE_SNAPSHOT_H
#define VMM_MIGRATE_SNAPSHOT_H

#include "common/err.h"
#include "common/strbuf.h"

struct pc;
struct qcow2_snapshot;

/* tag NULL: named after the time. Replaces one of that name. -errno with a sentence; the
 * guest goes on in any case. */
int snapshot_save(struct pc *pc, const char *tag, struct err *err);
/* The machine is again what it was then; it runs if it does now. On failure -errno with a
 * sentence; when some of it was loaded already, it needs a reset. */
int snapshot_load(struct pc *pc, const char *tag, struct err *err);
int snapshot_delete(struct pc *pc, const char *tag, struct err *err);
/* As `info snapshots` prints it. */
void snapshot_list(struct pc *pc, struct strbuf *out);

/* Lists of snapshots: the head, and a row, which begins with the id. */
#define SNAPSHOT_HEAD \
	"ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\n"
void snapshot_print(const char *id, const struct qcow2_snapshot *snapshot,
                    struct strbuf *out);

#endif
