/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server for GDB (-gdb, -s, the monitor's gdbserver): the remote serial protocol as in
 * GDB's manual, "Remote Protocol". Each vCPU is a thread; the machine stops and goes on
 * as a whole, but for steps. One debugger at a time; when it comes, the machine stops,
 * and when it goes without a word, its breakpoints go with it.
 *
 * Who reaches the socket controls the guest, and with "monitor" what a monitor may. Main
 * loop's thread, machine lock.
 */
#ifndef VMM_MONITOR_GDB_H
#define VMM_MONITOR_GDB_H

#include "common/err.h"

#include <stdbool.h>

struct gdb;
struct monitors;

/* dev: as for -serial, but tcp: and unix: listen without being asked, and tcp::PORT only
 * to this host. NULL with a sentence. */
struct gdb *gdb_new(struct monitors *set, const char *dev, struct err *err);
/* Also tells the debugger that the machine is gone. Accepts NULL. */
void gdb_free(struct gdb *gdb);
/* Takes its breakpoints away; a machine that runs goes on. May release the machine lock.
 */
void gdb_let_go(struct gdb *gdb);
/* A debugger's own command runs: not the time for gdb_free(). */
bool gdb_is_busy(const struct gdb *gdb);
/* The machine stopped, for whatever reason. */
void gdb_stopped(struct gdb *gdb);

#endif
