/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is compared with what. */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include "common/err.h"

#define CASE_MAX_ARGS     40
#define CASE_MAX_SUBJECTS 6

enum place {
	PLACE_FLOOR,
	PLACE_VMM,
	PLACE_QEMU,
	PLACE_KERNEL,
	PLACE_INITRD,
	PLACE_RAM,       /* MiB */
	PLACE_VMM_DRIVE, /* the same image, as each program's -drive wants it */
	PLACE_QEMU_DRIVE,
	PLACE_BOOT, /* a disk with the boot sector of guest/firmware.S */
	PLACE_CD,   /* a CD image */
	PLACE_VNC,  /* where the VNC server shall listen */
	PLACES
};

/* One program with its arguments; "{vmm}" and friends stand for the paths of this run. */
struct subject {
	const char *name;
	const char *args[CASE_MAX_ARGS];
};

/* What vmm's wall time is divided by, and what the quotient should be at most. */
struct rival {
	const char *name;
	double aim; /* 0: no aim */
};

/* Subjects that are run in turn; every ratio is of one round. */
struct bench_case {
	const char *id, *title;
	struct subject subjects[CASE_MAX_SUBJECTS + 1]; /* ends with a NULL name */
	struct rival rivals[CASE_MAX_SUBJECTS];         /* the same */
};

extern const struct bench_case bench_cases[]; /* start-up; ends with a NULL id */
extern const struct bench_case guest_cases[]; /* guests at work; vmm is first; the same */

/*
 * The subject's command line with every place filled in; strings stay those of the table
 * or of `places`. -ENOENT with a sentence when a place that it needs is NULL.
 */
int subject_argv(const struct subject *subject, char *const places[PLACES],
                 char *argv[CASE_MAX_ARGS + 1], struct err *err);

#endif
