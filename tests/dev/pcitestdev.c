// SPDX-License-Identifier: GPL-2.0-or-later
/* pci-testdev as test kernels use it: six tests behind two BARs, with and without
 * eventfds. */
#include "vmm/legacy/pcitestdev.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"

#include "common/bytes.h"
#include "vmm/pci/pci.h"

#include <string.h>

#define BAR0 0xc0000000u
#define BAR1 0xc000u

enum { TEST = 0, WIDTH = 1, OFFSET = 4, DATA = 8, COUNT = 12, NAME = 16 };

struct rig {
	struct board b;
	struct pci_device *pci;
};

static void access_bar(struct rig *r, unsigned bar, uint32_t at, uint32_t *value,
                       unsigned size, bool write)
{
	vm_lock(&r->b.vm);
	mem_access(r->b.vm.mem, bar ? MEM_PIO : MEM_MMIO, (bar ? BAR1 : BAR0) + at, value,
	           size, write);
	vm_unlock(&r->b.vm);
}

static uint32_t get(struct rig *r, unsigned bar, uint32_t at, unsigned size)
{
	uint32_t value = 0;

	access_bar(r, bar, at, &value, size, false);
	return value;
}

static void put(struct rig *r, unsigned bar, uint32_t at, uint32_t value, unsigned size)
{
	access_bar(r, bar, at, &value, size, true);
}

static void place(struct rig *r)
{
	vm_lock(&r->b.vm);
	pci_config_write(r->pci, PCI_BASE_ADDRESS_0, BAR0, 4);
	pci_config_write(r->pci, PCI_BASE_ADDRESS_1, BAR1, 4);
	pci_config_write(r->pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
	vm_unlock(&r->b.vm);
}

static void rig_init(struct rig *r)
{
	board_init(&r->b, true);
	r->pci = (struct pci_device *)board_add(&r->b, &pci_testdev_class, "");
	place(r);
}

/* Writes what the test says, 16 times; how many of them the device counted. */
static unsigned writes_that_end_here(struct rig *r, unsigned bar)
{
	uint32_t offset = get(r, bar, OFFSET, 4), data = get(r, bar, DATA, 4);

	for (unsigned i = 0; i < 16; i++)
		put(r, bar, offset, data, 1);
	return get(r, bar, COUNT, 4);
}

static void test_all(struct rig *r)
{
	static const struct {
		const char *name;
		uint32_t data, offset;
		unsigned count;
	} tests[2][3] = {
		{ { "mmio:no-eventfd", 0xfa, 2048, 16 },
		  { "mmio:wildcard-eventfd", 0xce, 2049, 0 },
		  { "mmio:datamatch-eventfd", 0xfa, 2050, 0 } },
		{ { "portio:no-eventfd", 0xfa, 131, 16 },
		  { "portio:wildcard-eventfd", 0xce, 132, 0 },
		  { "portio:datamatch-eventfd", 0xfa, 133, 0 } },
	};

	for (unsigned bar = 0; bar < 2; bar++) {
		for (unsigned i = 0; i < 3; i++) {
			const char *name = tests[bar][i].name;
			char text[40] = "";

			put(r, bar, TEST, i, 1);
			for (unsigned n = 0; n < sizeof(text) - 1; n++)
				text[n] = get(r, bar, NAME + n, 1);
			tap_str(text, name, "BAR %u has test %u", bar, i);
			tap_eq(get(r, bar, TEST, 1), bar * 3 + i, "%s: its number", name);
			tap_eq(get(r, bar, WIDTH, 1), 1, "%s: bytes", name);
			tap_eq(get(r, bar, DATA, 4), tests[bar][i].data, "%s: data",
			       name);
			tap_eq(get(r, bar, OFFSET, 4), tests[bar][i].offset, "%s: offset",
			       name);
			tap_eq(writes_that_end_here(r, bar), tests[bar][i].count,
			       "%s: who gets the writes", name);
		}
		put(r, bar, TEST, 3, 1);
		tap_eq(get(r, bar, WIDTH, 1), 0, "BAR %u has no fourth test", bar);
	}
}

static void test_other_writes(struct rig *r)
{
	put(r, 1, TEST, 2, 1);
	put(r, 1, 133, 0xfb, 1);
	tap_eq(get(r, 1, COUNT, 4), 0, "another value is not counted");
	put(r, 1, TEST, 0, 1);
	put(r, 1, 131, 0xfb, 1);
	put(r, 1, 130, 0xfa, 1);
	put(r, 0, 131, 0xfa, 1);
	put(r, 1, COUNT, 0xffffffff, 4);
	tap_eq(get(r, 1, COUNT, 4), 0, "nor is another place");
	put(r, 1, 130, 0xfafafafa, 4);
	tap_eq(get(r, 1, COUNT, 4), 1, "a wide write is one of bytes");
	put(r, 1, TEST, 0, 1);
	tap_eq(get(r, 1, COUNT, 4), 0, "a test starts with nothing counted");
	tap_eq(get(r, 0, 4092, 4), 0, "the end of a BAR reads 0");
}

/* The eventfd goes where the test goes, and with the BAR. */
static void test_life(struct rig *r)
{
	const struct device_class *cls = &pci_testdev_class;
	struct rig other;

	put(r, 0, TEST, 1, 1);
	rig_init(&other);
	tap_ok(board_copy_state(&r->pci->dev, &other.pci->dev),
	       "state is saved and loaded");
	tap_eq(get(&other, 0, TEST, 1), 1, "with the test");
	tap_eq(writes_that_end_here(&other, 0), 0, "and its eventfd");
	board_free(&other.b);
	cls->reset(&r->pci->dev);
	place(r);
	tap_eq(get(r, 0, WIDTH, 1), 0, "after a reset none is chosen");
	put(r, 0, TEST, 0, 1);
	tap_eq(writes_that_end_here(r, 0), 16, "and all are there");
}

int main(void)
{
	struct rig r;

	rig_init(&r);
	tap_eq(ld32(r.pci->config), 0x00051b36, "the function is 1b36:0005");
	tap_eq(r.pci->bars[0].size, 4096, "4 KiB of memory");
	tap_eq(r.pci->bars[1].size, 256, "256 ports");
	tap_eq(r.pci->config[PCI_INTERRUPT_PIN], 0, "no interrupt");
	test_all(&r);
	test_other_writes(&r);
	test_life(&r);
	board_free(&r.b);
	return tap_done();
}
