// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: fw_cfg's ports and DMA descriptors. The first 64 bytes of the input
 * are guest memory where descriptors may be; the rest is a script of 6-byte steps: port,
 * size and direction, value.
 */
#include "vmm/legacy/fwcfg.h"
#include "common/bytes.h"
#include "tests/fuzz/input-lib.h"
#include "vmm/core/device.h"
#include "vmm/core/vm.h"
#include "vmm/mem/mem.h"

#include <stdlib.h>

enum { RAM = 16 << 10, HEAD = 64, STEP = 6 };

static struct vm vm = { .lock = PTHREAD_MUTEX_INITIALIZER };
static uint8_t *ram;

static void set_up(void)
{
	struct device *dev;

	vm.mem = mem_new(NULL, NULL);
	ram = mem_alloc(RAM, NULL);
	require(ram && !mem_add_ram(vm.mem, "ram", 0, RAM, ram, false, NULL));
	dev = device_create_simple(&vm, &fwcfg_class, "", NULL);
	require(dev && fwcfg_set_file(dev, "opt/a", strdup("some text"), 9, NULL) >= 0 &&
	        fwcfg_set_number(dev, FWCFG_RAM_SIZE, RAM, 8, NULL) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!vm.mem)
		set_up();
	if (size < HEAD)
		return 0;
	memcpy(ram, data, HEAD);
	for (size_t i = HEAD; i + STEP <= size; i += STEP) {
		uint32_t value = ld32(data + i + 2);

		mem_access(vm.mem, MEM_PIO, 0x510 + data[i] % 12, &value,
		           1u << data[i + 1] % 3, data[i + 1] & 0x80);
	}
	devices_reset(&vm);
	return 0;
}
