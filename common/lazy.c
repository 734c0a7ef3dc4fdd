// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory whose pages come when they are touched (lazy.h). Small objects come from the
 * heap, where they share pages; so does everything under AddressSanitizer, which then
 * sees what is read or written past an end.
 */
#include "common/lazy.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Less is cleared in the time that a mapping takes. */
#define LAZY_MIN (16u << 10)

extern void __asan_init(void) __attribute__((weak));

static bool is_mapped(size_t size)
{
	return size >= LAZY_MIN && !__asan_init;
}

void *lazy_alloc(size_t size)
{
	void *p;

	if (!is_mapped(size))
		return calloc(1, size);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

void lazy_free(void *p, size_t size)
{
	if (!is_mapped(size))
		free(p);
	else if (p)
		munmap(p, size);
}
