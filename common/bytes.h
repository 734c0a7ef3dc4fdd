/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Little-endian loads and stores at any alignment, and small bit helpers. */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/cdefs.h>

static __always_inline uint16_t ld16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static __always_inline uint32_t ld32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static __always_inline uint64_t ld64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static __always_inline void st16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static __always_inline void st32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static __always_inline void st64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

/* A register of 1, 2, 4 or 8 bytes. */
static inline uint64_t ldn(const void *p, unsigned size)
{
	uint64_t v = 0;

	memcpy(&v, p, size);
	return v;
}

static inline void stn(void *p, unsigned size, uint64_t v)
{
	memcpy(p, &v, size);
}

static inline uint64_t align_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) & ~(to - 1);
}

static inline uint64_t align_down(uint64_t v, uint64_t to)
{
	return v & ~(to - 1);
}

static __always_inline bool is_power_of_2(uint64_t v)
{
	return v && !(v & (v - 1));
}

#endif
