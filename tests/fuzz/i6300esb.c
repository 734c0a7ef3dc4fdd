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
#include "vmm/core/vm.h"
#include "vmm/pci/pci.h"

#include <stdlib.h>

enum { MMIO = 0x10000000, CONFIG = 0x60, LOCK = 0x68, RELOAD = 0xc, STEPS = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vm vm = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct pci_device *pci;

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void set_up(void)
{
	vm.loop = loop_new(&vm.lock, NULL);
	vm.mem = mem_new(NULL, NULL);
	vm.irqchip = irqchip_new(NULL, NULL);
	require(pci_bus_new(&vm, NULL, NULL, NULL));
	pci = (struct pci_device *)device_create_simple(&vm, &i6300esb_class, "", NULL);
	require(pci);
	pci->dev.cls->resume(&pci->dev);
}

static void access_at(uint32_t offset, uint32_t value, unsigned size, bool write)
{
	vm_lock(&vm);
	mem_access(vm.mem, MEM_MMIO, MMIO + offset, &value, size, write);
	vm_unlock(&vm);
}

static void stop_and_go(void)
{
	const struct state_desc *desc = pci->dev.cls->state;
	_cleanup_strbuf_ struct strbuf out = { 0 };
	size_t used = 0;

	pci->dev.cls->quiesce(&pci->dev);
	require(!state_save(desc, pci, pci->dev.path, &out, NULL));
	require(!state_load(desc, pci, pci->dev.cls->size, pci->dev.path, out.data,
	                    out.len, &used, NULL));
	pci->dev.cls->resume(&pci->dev);
}

static void step(const uint8_t *s)
{
	unsigned size = 1u << s[3] % 3, reg = s[0] & 15;

	if (s[0] & 0x10)
		stop_and_go();
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
	vm.requests = 0;
	loop_run_once(vm.loop, 0);
	require(!vm.requests || (vm.requests == VM_REQ_WATCHDOG &&
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
	vm_lock(&vm);
	pci->dev.cls->quiesce(&pci->dev);
	pci->dev.cls->reset(&pci->dev);
	pci->dev.cls->resume(&pci->dev);
	vm_unlock(&vm);
	vm.requests = 0;
	while (loop_run_once(vm.loop, 0))
		;
	require(!vm.requests && !pci_config_read(pci, LOCK, 1));
	return 0;
}
