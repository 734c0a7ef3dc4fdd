/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VMM spends from its execve to its first KVM_RUN. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "common/err.h"

struct sample {
	double wall_ms; /* execve to the first KVM_RUN */
	double cpu_ms;  /* user and system time of the process, all threads */
};

/*
 * Runs argv (argv[0] is a path) with the library `preload` until its first KVM_RUN, then
 * kills its process group. Its output is dropped, except in the sentence of an error.
 * -ESRCH when it ended before, -ETIMEDOUT after a minute.
 */
int measure_start(char *const argv[], const char *preload, struct sample *sample,
                  struct err *err);

/*
 * Runs argv again, without any library, and counts the system calls of all its threads
 * and children after the execve and before the first KVM_RUN. Same errors.
 */
int measure_syscalls(char *const argv[], unsigned long *count, struct err *err);

#endif
