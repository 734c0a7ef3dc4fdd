// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: a guest's accesses to the watchdog i6300esb. The input is a script of
 * 4-byte steps: what (bit 7: configuration space; bit 6: the unlocking sequence first;
 * bit 5: a read; bits 4: stop, save, load and go on; low bits: the register), then value
 * and size. Beyond "does not crash": it barks only when enabled and allowed to, and after
 * a reset it stands.
 */
#include "vmm/legacy/i6300esb.h"
#include "common/bytes.h"
#include "tests/fuzz/board-lib.h"
#include "vmm/pci/pci.h"

enum { RAM = 0x1000, ROM_AT = 0x2000 };
enum { MMIO = 0x10000000, CONFIG = 0x60, LOCK = 0x68, RELOAD = 0xc, STEPS = 512 };

static struct fuzz_board board;
static struct pci_device *pci;

static void set_up(void)
{
	fuzz_board_init(&board, RAM, 0, ROM_AT);
	pci = (struct pci_device *)device_create_simple(&board.vm, &i6300esb_class, "",
	                                                NULL);
	require(pci);
	pci->dev.cls->resume(&pci->dev);
}

static void access_at(uint32_t offset, uint32_t value, unsigned size, bool write)
{
	fuzz_access(&board, MEM_MMIO, MMIO + offset, value, size, write);
}

static void step(const uint8_t *s)
{
	unsigned size = 1u << s[3] % 3, reg = s[0] & 15;

	if (s[0] & 0x10)
		fuzz_copy_state(&board, &pci->dev);
	if (s[0] & 0x80) {
		pci_config_write(pci, CONFIG + reg, ld16(s + 1), size);
		require(pci_config_read(pci, LOCK, 1) < 8);
	} else {
		if (s[0] & 0x40) {
			access_at(RELOAD, 0x80, 2, true);
			access_at(RELOAD, 0x86, 2, true);
		}
		access_at(reg & ~(size - 1), ld16(s + 1), size, !(s[0] & 0x20));
	}
	board.vm.requests = 0;
	loop_run_once(board.vm.loop, 0);
	require(!board.vm.requests || (board.vm.requests == VM_REQ_WATCHDOG &&
	                               !(pci_config_read(pci, CONFIG, 1) & 0x20) &&
	                               pci_config_read(pci, LOCK, 1) & 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!pci)
		set_up();
	pci_config_write(pci, PCI_BASE_ADDRESS_0, MMIO, 4);
	pci_config_write(pci, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	for (size_t i = 0; i + 4 <= size && i < 4 * STEPS; i += 4)
		step(data + i);
	vm_lock(&board.vm);
	pci->dev.cls->quiesce(&pci->dev);
	pci->dev.cls->reset(&pci->dev);
	pci->dev.cls->resume(&pci->dev);
	vm_unlock(&board.vm);
	board.vm.requests = 0;
	while (loop_run_once(board.vm.loop, 0))
		;
	require(!board.vm.requests && !pci_config_read(pci, LOCK, 1));
	return 0;
}
