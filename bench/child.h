/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A measured child process: own process group, no input, output kept for errors. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include "common/err.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct child {
	pid_t pid;
	int output;              /* memfd with its standard output and error */
	struct timespec exec_at; /* CLOCK_MONOTONIC, right before execve */
};

/*
 * Starts argv with the environment envp (NULL: the own one). keep_fd, if not -1, is
 * open in the child as number keep_as. traced: the child asks to be traced. Release with
 * child_end(), also after an error.
 */
int child_start(struct child *child, char *const argv[], char *const envp[], int keep_fd,
                int keep_as, bool traced, struct err *err);
/* Kills the process group and reaps the child. Idempotent. */
void child_end(struct child *child);
/* Puts the last line that the child printed behind the sentence of err. */
void child_explain(struct child *child, struct err *err);

#endif
