// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: any writes to a flash chip, reads in between. Beyond "does not crash": a
 * bit is only set by an erase, the state that any guest can reach is one that a load
 * accepts, and after the end the image has what the chip has.
 *
 * Input: records of 4 bytes: what; an address; a value.
 */
#include "vmm/legacy/flash.h"
#include "tests/dev/legacy-lib.h"
#include "tests/fuzz/board-lib.h"

#include <string.h>
#include <unistd.h>

enum { SIZE = 4 * FLASH_BLOCK, BASE = 0xffff0000u, MAX_STEPS = 512 };

static void copy_state(struct device *dev)
{
	_cleanup_strbuf_ struct strbuf saved = { 0 };
	struct err err = { 0 };
	size_t used = 0;

	require(state_save(dev->cls->state, dev, "x", &saved, &err) == 0);
	require(state_load(dev->cls->state, dev, dev->cls->size, "x", saved.data,
	                   saved.len, &used, &err) == 0);
}

/* No bit comes back where nothing was erased. */
static bool only_cleared(const uint8_t *before, const uint8_t *now)
{
	for (unsigned n = 0; n < SIZE; n += FLASH_BLOCK) {
		bool set = false, all_ones = true;

		for (unsigned i = n; i < n + FLASH_BLOCK; i++) {
			set |= now[i] & ~before[i];
			all_ones &= now[i] == 0xff;
		}
		if (set && !all_ones)
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t before[SIZE], image[SIZE];
	const uint8_t *bytes;
	struct device *dev;
	struct board b;
	uint64_t len;
	int fd;

	board_init(&b, false);
	fd = fuzz_add_image(&b.vm, SIZE, size & 1 ? "id=d,readonly=on" : "id=d");
	dev = board_add(&b, &flash_class, "drive=d,base=0xffff0000");
	bytes = flash_bytes(dev, &len);
	for (unsigned n = 0; size >= 4 && n < MAX_STEPS; data += 4, size -= 4, n++) {
		uint64_t value = data[3];

		memcpy(before, bytes, SIZE);
		mem_access(b.vm.mem, MEM_MMIO,
		           BASE + ((data[1] | data[2] << 8) & (SIZE - 1)), &value,
		           1u << (data[0] >> 1 & 3), data[0] & 1);
		require(only_cleared(before, bytes));
		if (data[0] & 0x80)
			copy_state(dev);
	}
	copy_state(dev);
	vm_lock(&b.vm);
	devices_quiesce(&b.vm);
	vm_unlock(&b.vm);
	require(pread(fd, image, SIZE, 0) == SIZE && !memcmp(image, bytes, SIZE));
	close(fd);
	board_free(&b);
	return 0;
}
