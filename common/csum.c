// SPDX-License-Identifier: GPL-2.0-or-later
/* The Internet checksum (RFC 1071): eight bytes at a time into 64 bits, with the carry
 * brought around, as the sum of ones' complement has it. What is returned has room for
 * more words to be added by hand. */
#include "common/csum.h"

#include "common/bytes.h"

#include <stdbool.h>

static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t sum;
	bool carry = __builtin_add_overflow(a, b, &sum);

	return sum + carry;
}

uint64_t csum_add(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *p = data;

	for (; len >= 8; len -= 8, p += 8)
		sum = add(sum, ld64(p));
	if (len >= 4) {
		sum = add(sum, ld32(p));
		p += 4;
	}
	if (len & 2) {
		sum = add(sum, ld16(p));
		p += 2;
	}
	if (len & 1)
		sum = add(sum, *p);
	return (sum >> 32) + (uint32_t)sum;
}

uint16_t csum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}
