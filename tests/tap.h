/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A test program: calls tap_ok() and friends, and ends main with `return tap_done();`.
 * Output is the Test Anything Protocol with the plan at the end, read by prove.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>
#include <stdint.h>

/* One result line; returns ok. On failure the place and the message go to standard error.
 */
#define tap_ok(ok, ...) tap_result((ok), __FILE__, __LINE__, __VA_ARGS__)
bool tap_result(bool ok, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Compare and show both values on failure. */
#define tap_eq(got, want, ...) tap_eq_at((got), (want), __FILE__, __LINE__, __VA_ARGS__)
bool tap_eq_at(uint64_t got, uint64_t want, const char *file, int line, const char *fmt,
               ...) __attribute__((format(printf, 5, 6)));
#define tap_str(got, want, ...) tap_str_at((got), (want), __FILE__, __LINE__, __VA_ARGS__)
bool tap_str_at(const char *got, const char *want, const char *file, int line,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* ok when text contains part. */
#define tap_has(text, part, ...) \
	tap_has_at((text), (part), __FILE__, __LINE__, __VA_ARGS__)
bool tap_has_at(const char *text, const char *part, const char *file, int line,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

void tap_skip(const char *what, const char *reason);
void tap_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Ends the whole program with "1..0 # SKIP reason". */
void tap_skip_all(const char *reason) __attribute__((noreturn));
/* The plan; 0 when everything passed and at least one test ran, else 1. */
int tap_done(void);

#endif
