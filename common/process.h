/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmm as a process of the host: in the background, with a file that tells its number, as
 * another user. Main thread, before vCPUs run.
 */
#ifndef COMMON_PROCESS_H
#define COMMON_PROCESS_H

#include "common/err.h"

#include <stdbool.h>

/*
 * Goes on in a child without a terminal. The caller's process waits until the child says
 * that it is set up, then exits with 0; when the child ends before, with its status.
 * Errors of the child still reach the caller's standard error. Returns in the child, with
 * what process_ready() wants, or with -errno and a sentence in the caller.
 */
struct daemon {
	int ready, null; /* -1: not in the background */
};

int process_daemonize(struct daemon *daemon, struct err *err);
/* The child's word, which opens nothing; from now on it has no standard input and output.
 */
void process_ready(const struct daemon *daemon);

/* Keeps all memory of the process in RAM, also what it gets later. -errno with a
 * sentence. */
int process_lock_memory(struct err *err);

/* Writes this process's number and locks the file until the process ends: its descriptor,
 * or -EBUSY with a sentence when another vmm has it. */
int process_write_pidfile(const char *path, struct err *err);
/* Removes it, if it is still the file behind fd. Opens nothing. fd -1: there is none. */
void process_remove_pidfile(const char *path, int fd);

/* Adds the numbers of descriptors that an option's text names (fd=3, fds=3:4, vhostfd=5,
 * /dev/fd/6, fd:7) to fds[count], up to max; the new count. */
unsigned process_find_fds(const char *text, int *fds, unsigned count, unsigned max);

/* The numbers of descriptors above the standard ones that are open and not in
 * keep[count]: up to max of them, which are closed in programs that this one starts. How
 * many. */
unsigned process_list_inherited(const int *keep, unsigned count, int *fds, unsigned max);

/* Closes the descriptors that the caller passed on, but standard ones and those in
 * keep[count], which it sorts: whatever they are, a guest must not get at them. Before
 * anything but the log is opened. */
void process_close_inherited(int *keep, unsigned count);

/* Becomes "user" or "uid:gid" for good, with that user's groups. -errno with a sentence.
 */
int process_become(const char *user, struct err *err);

#endif
