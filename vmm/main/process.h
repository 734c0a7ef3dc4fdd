/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmm as a process of the host: in the background, with a file that tells its number, as
 * another user. Main thread, before vCPUs run.
 */
#ifndef VMM_MAIN_PROCESS_H
#define VMM_MAIN_PROCESS_H

#include "common/err.h"

#include <stdbool.h>

/*
 * Goes on in a child without a terminal. The caller's process waits until the child says
 * that it is set up, then exits with 0; when the child ends before, with its status.
 * Errors of the child still reach the caller's standard error. Returns in the child, with
 * what process_ready() wants, or with -errno and a sentence in the caller.
 */
int process_daemonize(struct err *err);
/* The child's word; from now on it has no standard input and output. */
/* Keeps all memory of the process in RAM, also what it gets later. -errno with a
 * sentence. */
int process_lock_memory(struct err *err);
void process_ready(int fd);

/* Writes this process's number and locks the file until the process ends: -EBUSY with a
 * sentence when another vmm has it. */
int process_write_pidfile(const char *path, struct err *err);
/* Removes it, if it is still this process's. Accepts NULL. */
void process_remove_pidfile(const char *path);

/* Becomes "user" or "uid:gid" for good, with that user's groups. -errno with a sentence.
 */
int process_become(const char *user, struct err *err);

#endif
