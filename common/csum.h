/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Internet checksum (RFC 1071), for cards that compute it and for those who finish
 * what a card left undone. Any thread. */
#ifndef COMMON_CSUM_H
#define COMMON_CSUM_H

#include <stddef.h>
#include <stdint.h>

/* sum plus the words of data; an odd last byte counts as if a 0 followed. Words are in
 * memory order, as a checksum field is: no byte is swapped. */
uint64_t csum_add(const void *data, size_t len, uint64_t sum);
/* Folded to 16 bits, not inverted. */
uint16_t csum_fold(uint64_t sum);

#endif
