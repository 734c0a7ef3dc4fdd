// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: a guest's accesses to an IDE controller with a disk and a CD-ROM
 * drive. The input is a script of 4-byte steps (kind and port, size, value); descriptors
 * of the bus master are guest memory that steps can write. Every run ends with a reset,
 * and with the state saved and loaded in between.
 */
#include "vmm/legacy/ide.h"
#include "common/bytes.h"
#include "tests/fuzz/board-lib.h"
#include "vmm/loop/loop.h"
#include "vmm/pci/pci.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	RAM = 64 << 10,
	ROM_AT = 128 << 10,
	IMAGE = 256 << 10,
	BUS_MASTER = 0xc000,
	MAX_STEPS = 4096,
};

static struct fuzz_board board;
static struct pci_device *controller;

static struct device *add(const struct device_class *cls, const char *opts)
{
	struct device *dev = device_create_simple(&board.vm, cls, opts, NULL);

	require(dev);
	return dev;
}

static void set_up(void)
{
	fuzz_board_init(&board, RAM, 0, ROM_AT);
	fuzz_add_image(&board.vm, IMAGE, "id=hd,cache=unsafe");
	fuzz_add_image(&board.vm, IMAGE, "id=cd,readonly=on");
	controller = (struct pci_device *)add(&piix3_ide_class, "");
	add(&ide_hd_class, "drive=hd");
	add(&ide_cd_class, "drive=cd");
}

static void access_port(uint16_t port, uint32_t value, unsigned size, bool write)
{
	fuzz_access(&board, MEM_PIO, port, value, size, write);
}

static void step(const uint8_t *s)
{
	static const uint16_t bases[] = { 0x1f0, 0x3f6, BUS_MASTER, 0x1f0 };
	unsigned base = s[0] >> 3 & 3, size = 1u << (s[0] >> 5 & 1 ? s[0] >> 6 : 0);
	uint16_t port = bases[base] + (base == 1 ? 0 : s[0] & 7);

	if (size > 4)
		size = 4;
	if (s[1] & 0x80) /* guest memory */
		st16(board.ram + ((s[0] << 8 | s[1]) & (RAM - 2)), ld16(s + 2));
	else if (s[1] & 0x40) /* the data port, several times */
		for (unsigned i = 0; i < s[2] * 8u; i++)
			access_port(0x1f0, s[3], 2, s[1] & 1);
	else if (s[1] & 0x20)
		while (loop_run_once(board.vm.loop, 0))
			;
	else
		access_port(port, s[2] | s[3] << 8, size, s[1] & 1);
}

static void copy_state(void)
{
	for (struct device *dev = board.vm.devices; dev; dev = dev->next) {
		const struct state_desc *desc = dev->cls->state;
		_cleanup_strbuf_ struct strbuf out = { 0 };
		struct err err = { 0 };
		size_t used = 0;

		if (state_save(desc, dev, dev->path, &out, &err) < 0 ||
		    state_load(desc, dev, dev->cls->size, dev->path, out.data, out.len,
		               &used, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!controller)
		set_up();
	pci_config_write(controller, PCI_BASE_ADDRESS_4, BUS_MASTER, 4);
	pci_config_write(controller, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
	for (size_t i = 0; i + 4 <= size && i < 4 * MAX_STEPS; i += 4)
		step(data + i);
	vm_lock(&board.vm);
	devices_quiesce(&board.vm);
	copy_state();
	devices_reset(&board.vm);
	devices_resume(&board.vm);
	vm_unlock(&board.vm);
	fuzz_check_rom(&board);
	return 0;
}
