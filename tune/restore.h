/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing one knob, and writing many of them back. */
#ifndef TUNE_RESTORE_H
#define TUNE_RESTORE_H

#include "tune/knob.h"

#include "probe/sysroot.h"

struct saved {
	const struct knob *knob;
	const char *path; /* borrowed */
	const char *raw;  /* borrowed: the text of the file, to the byte */
};

/* Writes a value and reads it back. What the kernel takes but does not do (huge pages
 * that it did not find) is an error that says what it did. */
int knob_write(const struct sysroot *root, const struct knob *knob, const char *path,
               const char *value, struct err *err);

/*
 * Writes the saved texts back, from the last to the first. Of a pair only the one that is
 * not 0 is written: the kernel makes the other 0. Errors are left to the check.
 */
void restore_all(const struct sysroot *root, const struct saved *saved, unsigned count);
/* 0 when the file reads as saved, -ENOENT when it is gone, else -errno with a sentence.
 */
int restore_check(const struct sysroot *root, const struct saved *saved, struct err *err);

#endif
