// SPDX-License-Identifier: GPL-2.0-or-later
/* What fuzz targets share. */
#include "tests/fuzz/input-lib.h"

#include <stdlib.h>
#include <string.h>

void require(bool truth)
{
	if (!truth)
		abort();
}

uint64_t fuzz_take(struct fuzz_input *in, unsigned n)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < n && in->left; i++, in->left--)
		value |= (uint64_t)*in->data++ << (8 * i);
	return value;
}

size_t fuzz_take_bytes(struct fuzz_input *in, void *to, size_t n)
{
	n = n < in->left ? n : in->left;
	memcpy(to, in->data, n);
	in->data += n;
	in->left -= n;
	return n;
}
