/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An error that a user will read: what failed, on what, why, what to do next.
 *
 * A function that can fail in a way worth a sentence takes `struct err *` last, sets it
 * exactly once and returns a negative errno. Callers add context with err_prefix(); only
 * a `main` (or a monitor session) prints. Any function here accepts a NULL err.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include <stdbool.h>
#include <stddef.h>

struct err {
	int code;        /* positive errno, 0 while no error was set */
	bool usage;      /* the words are wrong, not the world: a main exits with 2 */
	bool output;     /* standard output cannot be written: a main exits with 3 */
	bool host;       /* this host's KVM cannot be used: kvm-check tells why */
	char text[1000]; /* one line: control characters in it were replaced by '?' */
};

/* Sets the sentence; code is a positive errno. Returns -code. A second set is ignored:
 * the first cause is the one worth telling. */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* err_set() with EINVAL, and marks the error as one of usage. Returns -EINVAL. */
int err_usage(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* err_set() with ": " and the text of `code` appended. Returns -code. */
int err_sys(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the sentence of an error that is set. */
void err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Appends "; hint" to the sentence of an error that is set. */
void err_hint(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline void err_clear(struct err *err)
{
	err->code = 0;
	err->usage = false;
	err->host = false;
	err->text[0] = '\0';
}

#endif
