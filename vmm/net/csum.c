// SPDX-License-Identifier: GPL-2.0-or-later
/* The Internet checksum (RFC 1071): four bytes at a time into 64 bits, which no frame is
 * long enough to overflow. */
#include "vmm/net/csum.h"

#include "common/bytes.h"

uint64_t net_csum_add(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *p = data;

	for (; len >= 4; len -= 4, p += 4)
		sum += ld32(p);
	if (len >= 2) {
		sum += ld16(p);
		p += 2;
	}
	return len & 1 ? sum + *p : sum;
}

uint16_t net_csum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}
