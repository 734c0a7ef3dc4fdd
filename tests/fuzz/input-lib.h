/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzz targets share: their entry, what must hold, and their input as a list of
 * numbers and bytes. */
#ifndef TESTS_FUZZ_INPUT_LIB_H
#define TESTS_FUZZ_INPUT_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The target: called with each input, in one process. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is not so is a finding: ends the program as a crash does. */
void require(bool truth);

struct fuzz_input {
	const uint8_t *data;
	size_t left; /* bytes */
};

/* The next n (up to 8) bytes as a little-endian number; zeros behind the end. */
uint64_t fuzz_take(struct fuzz_input *in, unsigned n);
/* Copies the next n bytes, or what is left; how many. */
size_t fuzz_take_bytes(struct fuzz_input *in, void *to, size_t n);

#endif
