/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PCI function with every kind of BAR, and configuration mechanism 1 from the guest's
 * side. */
#ifndef TESTS_DEV_PCI_LIB_H
#define TESTS_DEV_PCI_LIB_H

#include "tests/dev/legacy-lib.h"
#include "vmm/pci/pci.h"

/* BAR 0: ports, 32 by default. BAR 1: 4 KiB of memory. BAR 2: 16 KiB, 64-bit,
 * prefetchable. BAR 4: MSI-X table (and PBA at 0x800). A register reads its own offset
 * plus the BAR's number in the top byte. */
#define PCI_TEST_VECTORS 4
enum { BAR_IO = 0, BAR_MEM = 1, BAR_MEM64 = 2, BAR_MSIX = 4 };

struct pci_test {
	struct pci_device pci;
	bool no_msix;   /* properties */
	uint32_t ports; /* of BAR 0 */
	struct region io, mem, mem64;
	uint64_t written; /* the last value */
};

extern const struct device_class pci_test_class;

uint32_t conf_in(struct board *b, uint8_t devfn, uint8_t reg, unsigned size);
void conf_out(struct board *b, uint8_t devfn, uint8_t reg, uint32_t value, unsigned size);
uint64_t mem_in(struct board *b, uint64_t addr, unsigned size);
void mem_out(struct board *b, uint64_t addr, uint64_t value, unsigned size);

#endif
