/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moving a machine to another process, on this host or elsewhere, while it runs; or into
 * a file, and back. Main loop's thread, machine lock, unless told otherwise.
 */
#ifndef VMM_MIGRATE_MIGRATE_H
#define VMM_MIGRATE_MIGRATE_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct pc;
struct vm_config;

enum migration_status {
	MIGRATION_NONE,
	MIGRATION_SETUP,
	MIGRATION_ACTIVE,
	MIGRATION_DEVICE, /* stopped, the state of the devices goes out */
	MIGRATION_CANCELLING,
	MIGRATION_CANCELLED,
	MIGRATION_FAILED,
	MIGRATION_COMPLETED,
};
extern const char *const migration_status_names[]; /* as QMP has them; NULL-terminated */

struct migration_params {
	uint64_t max_bandwidth;  /* bytes a second; 0: no limit */
	uint64_t downtime_limit; /* ms */
};

struct migration_info {
	enum migration_status status;
	bool incoming, ram; /* ram: the numbers of RAM count */
	const char *error;  /* or NULL */
	uint64_t total_ms, downtime_ms, expected_ms, setup_ms;
	uint64_t bandwidth;                                           /* bytes a second */
	uint64_t transferred, remaining, total, zero, normal, passes; /* bytes; pages */
	uint64_t rest; /* bytes of those transferred, while the guest stood */
	uint64_t pages_rate, dirty_rate; /* pages a second, sent and written to */
};

/* -errno with a sentence. uri and fd: see channel.h; fd is closed on failure. */
int migration_start(struct pc *pc, const char *uri, int fd, struct err *err);
/* Tells on_end when the move that is under way is over; false: there is none. */
bool migration_wait(struct pc *pc, void (*on_end)(void *opaque), void *opaque);
/* Ends an outgoing one; the guest goes on here. Nothing happens when there is none. */
void migration_cancel(struct pc *pc);
void migration_get(struct pc *pc, struct migration_info *info);
struct migration_params migration_get_params(struct pc *pc);
int migration_set_params(struct pc *pc, const struct migration_params *params,
                         struct err *err);
/* Whether changes of the status are events. */
bool migration_get_events(struct pc *pc);
int migration_set_events(struct pc *pc, bool on, struct err *err);

/* -incoming: listens, or opens the file, while this process may; "defer" waits for
 * migration_incoming(). -errno with a sentence. */
int migration_prepare(struct pc *pc, const char *uri, struct err *err);
/* Begins to wait for what migration_prepare() opened; after the process is confined. */
int migration_expect(struct pc *pc, struct err *err);
/* migrate-incoming, after -incoming defer; fd as for migration_start(). */
int migration_incoming(struct pc *pc, const char *uri, int fd, struct err *err);

/* Gives up what is under way; before the machine goes. */
void migration_free(struct pc *pc);

#endif
