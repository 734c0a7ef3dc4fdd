// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: any bytes as a kernel file, opened and loaded twice on a board of
 * 20 MiB, which leaves room for a small bzImage and is quick to clear.
 *
 * clang -fsanitize=fuzzer,address,undefined; seeds: what tests/unit's loader tests write.
 */
#include "vmm/machine/boot.h"
#include "tests/fuzz/input-lib.h"
#include "vmm/machine/layout.h"
#include "vmm/mem/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RAM = 20 << 20 };

static struct mem *board(void)
{
	struct mem *mem = mem_new(NULL, NULL);
	uint8_t *ram = mem_alloc(RAM, NULL);

	require(mem && ram);
	mem_add_ram(mem, "low", 0, LAYOUT_LOW_END, ram, false, NULL);
	mem_add_ram(mem, "ram", LAYOUT_HIGH_LEGACY, RAM - LAYOUT_HIGH_LEGACY,
	            ram + LAYOUT_HIGH_LEGACY, false, NULL);
	return mem;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mem *mem;
	static int fd = -1;
	struct boot_env env = { .low_top = RAM, .fresh = true };
	struct boot_entry entry;
	struct boot_source *src;
	struct err err = { 0 };
	char path[40];

	if (!mem) {
		mem = board();
		fd = memfd_create("kernel", MFD_CLOEXEC);
	}
	require(!ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	src = boot_open(&(struct boot_opts){ .kernel = path, .append = "x" }, &err);
	if (!src) {
		require(err.code && err.text[0]);
		return 0;
	}
	for (unsigned i = 0; i < 2; i++) {
		err_clear(&err);
		require(boot_load(src, mem, &env, &entry, &err) >= 0 || err.text[0]);
		env.fresh = false;
	}
	boot_free(src);
	return 0;
}
