// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of large objects: zero all over, one's own, and not there before it is used. */
#include "common/lazy.h"

#include "tests/tap.h"

#include <string.h>
#include <sys/mman.h>

#define LARGE (1u << 20)
#define PAGE  4096

extern void __asan_init(void) __attribute__((weak));

static unsigned pages_there(void *p)
{
	unsigned char there[LARGE / PAGE];
	unsigned count = 0;

	if (mincore(p, LARGE, there) < 0)
		return 0;
	for (unsigned i = 0; i < sizeof(there); i++)
		count += there[i] & 1;
	return count;
}

static void zeroed(size_t size)
{
	char *p = lazy_alloc(size);
	unsigned bad = 0;

	for (size_t i = 0; p && i < size; i++)
		bad += p[i] != 0;
	tap_ok(p && !bad, "%zu bytes, all zero", size);
	if (p)
		memset(p, 0xff, size);
	lazy_free(p, size);
}

int main(void)
{
	char *p = lazy_alloc(LARGE);

	if (__asan_init)
		tap_skip("pages that come later", "AddressSanitizer has all at once");
	else
		tap_eq(pages_there(p), 0, "no page is there before it is used");
	if (p)
		p[LARGE / 2] = 1;
	if (!__asan_init)
		tap_eq(pages_there(p), 1, "then one is");
	lazy_free(p, LARGE);
	/* Twice: what comes back was used. */
	for (unsigned i = 0; i < 2; i++) {
		zeroed(1);
		zeroed((16 << 10) - 1);
		zeroed(16 << 10);
		zeroed(LARGE + 1);
	}
	lazy_free(NULL, 1);
	lazy_free(NULL, LARGE);
	tap_ok(true, "nothing is released");
	return tap_done();
}
