/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kvm-tune can set: one table of knobs, and how their values are read and compared.
 */
#ifndef TUNE_KNOB_H
#define TUNE_KNOB_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KNOB_VALUE_MAX 128 /* bytes of a value, with its NUL */

enum knob_kind {
	KNOB_NUMBER, /* decimal, min..max */
	KNOB_BOOL,   /* the kernel says Y, N, 1 or 0 */
	KNOB_CHOICE, /* the kernel lists the words and brackets the chosen one */
	KNOB_WORD,   /* one of choices */
};

enum knob_store {                /* where it is kept for the next boots */
	          STORE_SYSCTL,  /* sysctl.d */
	          STORE_MODULE,  /* modprobe.d */
	          STORE_TMPFILE, /* tmpfiles.d */
	          STORE_BOOT,    /* a profile that kvm-tune.service applies */
	          STORE_COUNT,
};

struct knob {
	const char *name;
	const char *path; /* below the root; one component may hold a '*': many files */
	enum knob_kind kind;
	enum knob_store store;
	uint64_t min, max;
	const char *choices; /* words, separated by blanks; NULL: the kernel knows */
	const char *pair;    /* the counterpart: setting one makes the other read 0 */
	const char *why, *risk;
};

extern const struct knob knobs[]; /* ends with a row without name */

/* The row of a name; NULL and a sentence of usage that names the nearest one. */
const struct knob *knob_find(const char *name, struct err *err);
/* The row whose path (with its '*') matches; NULL when no knob has this path. */
const struct knob *knob_of_path(const char *path);
/* What the '*' of the knob's path is in path ("sda"), cut to size; "" without one. */
void knob_instance(const struct knob *knob, const char *path, char *buf, size_t size);
/* The module of a STORE_MODULE knob, cut to size: "kvm" of "kvm.halt_poll_ns". Returns
 * the parameter. */
const char *knob_module(const struct knob *knob, char *buf, size_t size);

/* Checks text as a value of the knob. A sentence of usage says what would be valid. */
int knob_check(const struct knob *knob, const char *text, struct err *err);
/* The value in what the kernel's file says: without its newline, of a list the bracketed
 * word, of a boolean Y or N; cut to size. */
void knob_value(const struct knob *knob, const char *raw, char *buf, size_t size);
/* True when both mean the same to the kernel: "1" and "Y", "060" and "60". */
bool knob_same(const struct knob *knob, const char *a, const char *b);

#endif
