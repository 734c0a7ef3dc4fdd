// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PCI without vCPUs: configuration mechanism 1, BARs, slots, INTx against the DSDT, and
 * what stands in for a firmware. MSI-X is in pci-msix.c.
 */
#include "tests/dev/pci-lib.h"
#include "tests/tap.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/legacy/piix.h"
#include "vmm/machine/layout.h"

#include <stdio.h>

extern const uint8_t acpi_dsdt[], acpi_dsdt_end[]; /* vmm/machine/dsdt.S */

#define AT PCI_DEVFN(5, 0)
#define IO 0xc000

static struct pci_test *add(struct board *b, const char *opts)
{
	return (struct pci_test *)board_add(b, &pci_test_class, opts);
}

/* ---- configuration mechanism 1 ---- */

static void test_mechanism(struct board *b)
{
	tap_eq(conf_in(b, AT, 0, 4), 0x56781234, "the identity as a double word");
	tap_eq(conf_in(b, AT, 2, 2), 0x5678, "its upper word");
	tap_eq(conf_in(b, AT, 3, 1), 0x56, "its last byte");
	tap_eq(conf_in(b, AT, 8, 4), 0xff000007, "class and revision");
	tap_eq(conf_in(b, PCI_DEVFN(6, 0), 0, 4), 0xffffffff, "an empty slot");
	tap_eq(conf_in(b, PCI_DEVFN(5, 1), 0, 2), 0xffff, "a function that is missing");
	conf_out(b, PCI_DEVFN(6, 0), 4, 7, 2);
	tap_eq(conf_in(b, PCI_DEVFN(6, 0), 4, 1), 0xff, "takes no writes");
	board_out(b, 0xcf8, 0x80010000 | AT << 8, 4);
	tap_eq(board_in(b, 0xcfc, 4), 0xffffffff, "there is no bus 1");
	board_out(b, 0xcf8, AT << 8, 4);
	tap_eq(board_in(b, 0xcfc, 4), 0xffffffff, "nothing without the enable bit");
	board_out(b, 0xcf8, 0x80000000 | AT << 8, 4);
	board_out(b, 0xcf8, 0x12, 1);
	board_out(b, 0xcfa, 0x3456, 2);
	tap_eq(board_in(b, 0xcf8, 4), 0x80000000 | AT << 8,
	       "bytes and words do not reach the address register");
	tap_eq(board_in(b, 0xcf8, 2), 0xffff, "nor read it");
	conf_out(b, AT, PCI_CACHE_LINE_SIZE, 0x10, 1);
	conf_out(b, AT, PCI_LATENCY_TIMER, 0x40, 1);
	tap_eq(conf_in(b, AT, 0xc, 4), 0x00004010, "bytes are written alone");
	conf_out(b, AT, 0, 0, 4);
	conf_out(b, AT, PCI_SUBSYSTEM_VENDOR_ID, 0, 4);
	tap_ok(conf_in(b, AT, 0, 4) == 0x56781234 &&
	               conf_in(b, AT, PCI_SUBSYSTEM_VENDOR_ID, 4) == 0x11001af4,
	       "identities are read-only");
	/* An access that starts in the data port and ends behind it. */
	board_out(b, 0xcf8, 0x80000000 | AT << 8, 4);
	tap_eq(board_in(b, 0xcff, 2), 0xff56, "nothing answers behind the data port");
}

static void test_capabilities(struct board *b)
{
	unsigned at = conf_in(b, AT, PCI_CAPABILITY_LIST, 1), count = 0;
	bool ok = conf_in(b, AT, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, msix = false;
	uint64_t seen[4] = { 0 };

	for (; at && ok && count < 48; count++) {
		ok = at >= 0x40 && !(at & 3) && !(seen[at / 64] >> at % 64 & 1);
		seen[at / 64] |= 1ull << at % 64;
		msix |= conf_in(b, AT, at, 1) == PCI_CAP_ID_MSIX;
		at = conf_in(b, AT, at + 1, 1);
	}
	tap_ok(ok && !at, "%u capabilities, aligned, without a loop", count);
	tap_ok(msix, "one of them is MSI-X");
}

/* ---- BARs ---- */

static unsigned bar(unsigned n)
{
	return PCI_BASE_ADDRESS_0 + 4 * n;
}

static void test_sizing(struct board *b)
{
	for (unsigned n = 0; n < PCI_BAR_COUNT; n++)
		conf_out(b, AT, bar(n), 0xffffffff, 4);
	tap_eq(conf_in(b, AT, bar(BAR_IO), 4), 0xffffffe1, "32 ports");
	tap_eq(conf_in(b, AT, bar(BAR_MEM), 4), 0xfffff000, "4 KiB");
	tap_eq(conf_in(b, AT, bar(BAR_MEM64), 4), 0xffffc00c, "16 KiB, 64-bit");
	tap_eq(conf_in(b, AT, bar(BAR_MEM64 + 1), 4), 0xffffffff, "its upper half");
	tap_eq(conf_in(b, AT, bar(5), 4), 0, "a BAR that is not there reads 0");
	conf_out(b, AT, PCI_ROM_ADDRESS, 0xffffffff, 4);
	tap_eq(conf_in(b, AT, PCI_ROM_ADDRESS, 4), 0, "there is no ROM");
	/* Sized with decoding on, as some guests do: nothing may answer meanwhile. */
	conf_out(b, AT, PCI_COMMAND, 3, 2);
	tap_eq(mem_in(b, 0xfffff000, 4), 0xffffffff, "all ones is no address");
	conf_out(b, AT, PCI_COMMAND, 0, 2);
	for (unsigned n = 0; n < PCI_BAR_COUNT; n++)
		conf_out(b, AT, bar(n), 0, 4);
}

static void test_moving(struct board *b, struct pci_test *t)
{
	conf_out(b, AT, bar(BAR_IO), IO, 4);
	conf_out(b, AT, bar(BAR_MEM), 0xd0000000, 4);
	tap_eq(board_in(b, IO + 4, 4), 0xffffffff, "ports are off");
	tap_eq(mem_in(b, 0xd0000008, 4), 0xffffffff, "memory is off");
	conf_out(b, AT, PCI_COMMAND, PCI_COMMAND_IO, 2);
	tap_eq(board_in(b, IO + 4, 4), 4, "ports are on");
	tap_eq(mem_in(b, 0xd0000008, 4), 0xffffffff, "memory is still off");
	conf_out(b, AT, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	tap_eq(board_in(b, IO + 4, 4), 0xffffffff, "ports are off again");
	tap_eq(mem_in(b, 0xd0000008, 4), 0x01000008, "memory is on");
	tap_eq(mem_in(b, 0xd0001000, 4), 0xffffffff, "and ends where it should");
	mem_out(b, 0xd0000000, 0x1122334455667788, 8);
	tap_eq(t->written, 0x1122334455667788, "a quad word is written whole");
	conf_out(b, AT, bar(BAR_MEM), 0xd1000000, 4);
	tap_ok(mem_in(b, 0xd0000008, 4) == 0xffffffff &&
	               mem_in(b, 0xd1000008, 4) == 0x01000008,
	       "it moves");
	conf_out(b, AT, bar(BAR_MEM) + 3, 0xd2, 1);
	tap_eq(mem_in(b, 0xd2000008, 4), 0x01000008, "byte by byte as well");
	conf_out(b, AT, bar(BAR_MEM), 0, 4);
	tap_eq(mem_in(b, 8, 4), 0xffffffff, "address 0 is none");
}

static void test_64_bit(struct board *b)
{
	conf_out(b, AT, bar(BAR_MEM64), 0x80000000, 4);
	conf_out(b, AT, bar(BAR_MEM64 + 1), 0x12, 4);
	tap_eq(mem_in(b, 0x1280000010, 4), 0x02000010, "above 4 GiB");
	tap_eq(conf_in(b, AT, bar(BAR_MEM64), 4), 0x8000000c, "the type bits stay");
	conf_out(b, AT, bar(BAR_MEM64 + 1), 0xffffffff, 4);
	conf_out(b, AT, bar(BAR_MEM64), 0xffffffff, 4);
	tap_eq(mem_in(b, 0xffffffffffffc000, 4), 0xffffffff,
	       "at the very end of the space it does not answer");
	conf_out(b, AT, bar(BAR_MEM64 + 1), 0, 4);
	conf_out(b, AT, bar(BAR_MEM64), 0xe0000000, 4);
	tap_eq(mem_in(b, 0xe0003ff0, 4), 0x02003ff0, "below 4 GiB");
}

/* A guest may put one BAR over another: the one that was mapped last answers, and the
 * other is back when it goes. */
static void test_overlap(struct board *b)
{
	conf_out(b, AT, bar(BAR_MEM), 0xe0001000, 4);
	tap_eq(mem_in(b, 0xe0000ff0, 4), 0x02000ff0, "before the overlap");
	tap_eq(mem_in(b, 0xe0001008, 4), 0x01000008, "inside");
	tap_eq(mem_in(b, 0xe0002000, 4), 0x02002000, "behind");
	conf_out(b, AT, bar(BAR_MEM), 0xd0000000, 4);
	tap_eq(mem_in(b, 0xe0001008, 4), 0x02001008, "what was covered is back");
}

static void test_reset(struct board *b, struct pci_test *t)
{
	conf_out(b, AT, PCI_INTERRUPT_LINE, 11, 1);
	pci_intx_set(&t->pci, true);
	devices_reset(&b->vm);
	tap_eq(conf_in(b, AT, PCI_COMMAND, 2), 0, "reset clears the command");
	tap_eq(conf_in(b, AT, bar(BAR_MEM), 4), 0, "and the BARs");
	tap_eq(conf_in(b, AT, PCI_INTERRUPT_LINE, 1), 0, "and the interrupt line");
	tap_eq(conf_in(b, AT, PCI_STATUS, 2), PCI_STATUS_CAP_LIST, "and the status");
	tap_eq(mem_in(b, 0xd0000008, 4), 0xffffffff, "nothing answers any more");
}

/* ---- slots ---- */

static void refuse(struct board *b, const char *opts, const char *says)
{
	struct err err = { 0 };

	tap_ok(!device_create_simple(&b->vm, &pci_test_class, opts, &err),
	       "%s is refused", opts);
	tap_has(err.text, says, "and the sentence says why");
}

static void test_no_bus(void)
{
	struct board b;

	board_init(&b, false);
	refuse(&b, "", "no PCI bus");
	board_free(&b);
}

static void test_slots(void)
{
	struct board b;
	struct err err = { 0 };
	unsigned count = 0;

	board_init(&b, true);
	tap_str(add(&b, "")->pci.dev.path, "pci/00:01.0/pci-test", "the first free slot");
	tap_str(add(&b, "addr=1f")->pci.dev.path, "pci/00:1f.0/pci-test", "slot 1f");
	add(&b, "addr=0x5,multifunction=on");
	tap_eq(add(&b, "addr=5.7,bus=pci.0")->pci.devfn, AT + 7, "function 7");
	tap_eq(conf_in(&b, AT, PCI_HEADER_TYPE, 1), 0x80, "several functions");
	tap_eq(conf_in(&b, PCI_DEVFN(1, 0), PCI_HEADER_TYPE, 1), 0, "or one");
	refuse(&b, "addr=5.7", "05.7 is taken by pci-test");
	refuse(&b, "addr=20", "addr=20");
	refuse(&b, "addr=5.8", "addr=5.8");
	refuse(&b, "addr=-1", "addr=-1");
	refuse(&b, "addr=5.", "addr=5.");
	refuse(&b, "bus=pci.1", "pci.1");
	refuse(&b, "addr=1.1", "multifunction=on");
	add(&b, "addr=9.2");
	refuse(&b, "addr=9.0", "multifunction=on");
	add(&b, "addr=9.0,multifunction=on");
	while (device_create_simple(&b.vm, &pci_test_class, "no-msix=on", &err))
		count++;
	tap_eq(count, 27, "31 slots beside the host bridge's");
	tap_has(err.text, "slots", "a full bus says so");
	device_destroy(&pci_find(b.vm.pci, PCI_DEVFN(0x1f, 0))->dev);
	tap_eq(conf_in(&b, PCI_DEVFN(0x1f, 0), 0, 4), 0xffffffff, "one is unplugged");
	tap_eq(add(&b, "")->pci.devfn, PCI_DEVFN(0x1f, 0), "and its slot used again");
	board_free(&b);
}

/* ---- INTx ---- */

/* The link of a pin in the DSDT's _PRT, 'A' to 'D'; 0: no entry. Package () { 0xSSSSFFFF,
 * PIN, LNKx, 0 }: the address as a word or double word, the pin as a constant or byte. */
static char prt_link(unsigned slot, unsigned pin)
{
	for (const uint8_t *p = acpi_dsdt; p + 20 < acpi_dsdt_end; p++) {
		const uint8_t *q = p + 3;
		uint32_t address;
		unsigned got;

		if (p[0] != 0x12 || p[2] != 4 || (*q != 0x0b && *q != 0x0c))
			continue;
		address = *q == 0x0b ? ld16(q + 1) : ld32(q + 1);
		q += *q == 0x0b ? 3 : 5;
		got = *q == 0x0a ? *++q : *q;
		if (!memcmp(q + 1, "LNK", 3) && address == (slot << 16 | 0xffff) &&
		    got == pin)
			return q[4];
	}
	return 0;
}

static void test_prt(void)
{
	static const uint8_t gsis[] = { 5, 10, 11, 12 }; /* of PIRQ A to D */
	unsigned wrong = 0;
	struct board b;

	board_init(&b, true);
	b.isa_bridge = board_add(&b, &piix3_class, "addr=1,pirqs=0x0c0b0a05");
	pci_bus_update_irqs(b.vm.pci);
	for (unsigned slot = 0; slot < 32; slot++) {
		char opts[40];
		struct pci_test *t;

		for (unsigned pin = 0; pin < 4; pin++)
			wrong += prt_link(slot, pin) != "DABC"[(slot + pin) & 3];
		if (slot == 1)
			continue;
		snprintf(opts, sizeof(opts), "addr=%x,no-msix=on", slot);
		t = add(&b, opts);
		pci_intx_set(&t->pci, true);
		for (unsigned i = 0; i < 4; i++)
			wrong += board_irq(&b, gsis[i]) !=
			         (prt_link(slot, 0) == (char)('A' + i));
		wrong += pci_intx_gsi(&t->pci) != gsis[(prt_link(slot, 0) - 'A') & 3];
		pci_intx_set(&t->pci, false);
	}
	tap_eq(wrong, 0, "the wires of all slots are those of the DSDT's _PRT");
	board_free(&b);
}

static void test_shared(void)
{
	struct board b;
	struct pci_test *one, *two;

	board_init(&b, true);
	b.isa_bridge = board_add(&b, &piix3_class, "addr=1,pirqs=0x0b0b0a0a");
	pci_bus_update_irqs(b.vm.pci);
	one = add(&b, "addr=5"); /* PIRQ A */
	two = add(&b, "addr=6"); /* PIRQ B, on the same GSI */
	pci_intx_set(&one->pci, true);
	pci_intx_set(&two->pci, true);
	pci_intx_set(&one->pci, false);
	tap_ok(board_irq(&b, 10), "a shared line stays high for the other");
	conf_out(&b, two->pci.devfn, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
	tap_ok(!board_irq(&b, 10), "INTx can be disabled");
	tap_ok(conf_in(&b, two->pci.devfn, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT,
	       "and the status still shows it");
	conf_out(&b, two->pci.devfn, PCI_COMMAND, 0, 2);
	tap_ok(board_irq(&b, 10), "and enabled");
	device_destroy(&two->pci.dev);
	tap_ok(!board_irq(&b, 10), "a function that goes lets go");
	board_free(&b);
}

/* ---- without a firmware ---- */

static bool overlap(const struct pci_bar *a, const struct pci_bar *b)
{
	return ((a->type ^ b->type) & PCI_BASE_ADDRESS_SPACE_IO) == 0 &&
	       a->addr < b->addr + b->size && b->addr < a->addr + a->size;
}

static unsigned check_bars(struct board *b, unsigned *overlaps)
{
	const struct pci_bar *all[256 * PCI_BAR_COUNT];
	unsigned count = 0, answering = 0;

	for (unsigned devfn = 0; devfn < 256; devfn++) {
		struct pci_device *pdev = pci_find(b->vm.pci, devfn);

		for (unsigned n = 0; pdev && n < PCI_BAR_COUNT; n++)
			if (pdev->bars[n].size)
				all[count++] = &pdev->bars[n];
	}
	for (unsigned i = 0; i < count; i++) {
		answering +=
			all[i]->addr != UINT64_MAX && all[i]->addr % all[i]->size == 0;
		for (unsigned j = 0; j < i; j++)
			*overlaps += overlap(all[i], all[j]);
	}
	return count - answering;
}

static void test_assign(void)
{
	struct board b;
	struct err err = { 0 };
	unsigned overlaps = 0;
	struct pci_test *t;
	uint64_t where;

	board_init(&b, true);
	b.isa_bridge = board_add(&b, &piix3_class, "addr=1,pirqs=0x0b0b0a0a");
	t = add(&b, "addr=5");
	for (unsigned i = 0; i < 20; i++)
		add(&b, "");
	tap_ok(pci_bus_assign(b.vm.pci, LAYOUT_PCI_MMIO, LAYOUT_PCI_MMIO_END, &err) >= 0,
	       "every BAR gets an address");
	tap_eq(check_bars(&b, &overlaps), 0, "every BAR answers, aligned");
	tap_eq(overlaps, 0, "none overlaps another");
	tap_eq(conf_in(&b, AT, PCI_COMMAND, 2), 7, "decoding and bus mastering are on");
	tap_eq(conf_in(&b, AT, PCI_INTERRUPT_LINE, 1), 10, "the interrupt line is told");
	where = t->pci.bars[BAR_MEM64].addr + 16;
	tap_eq(mem_in(&b, where, 4), 0x02000010, "the device is where its BAR says");
	device_destroy(&t->pci.dev);
	tap_eq(mem_in(&b, where, 4), 0xffffffff, "nothing of it is left when it goes");
	tap_ok(pci_bus_assign(b.vm.pci, LAYOUT_PCI_MMIO, LAYOUT_PCI_MMIO + 0x10000,
	                      &err) < 0,
	       "a window that is too small");
	tap_has(err.text, "does not fit", "the sentence says so");
	board_free(&b);
}

/* 16 KiB of ports, filled: a BAR that ended at 64 KiB would not answer. */
static void test_full_ports(void)
{
	struct board b;
	struct err err = { 0 };
	char opts[64];
	unsigned overlaps = 0;

	board_init(&b, true);
	for (unsigned i = 8; i < 8 + 128; i++) {
		snprintf(opts, sizeof(opts),
		         "addr=%x.%x,multifunction=on,no-msix=on,ports=128",
		         PCI_SLOT_OF(i), PCI_FN_OF(i));
		if (i == 8 + 127)
			tap_ok(pci_bus_assign(b.vm.pci, LAYOUT_PCI_MMIO,
			                      LAYOUT_PCI_MMIO_END, &err) >= 0,
			       "127 functions of 128 ports get addresses");
		add(&b, opts);
	}
	tap_ok(pci_bus_assign(b.vm.pci, LAYOUT_PCI_MMIO, LAYOUT_PCI_MMIO_END, &err) < 0,
	       "one more does not fit");
	tap_has(err.text, "BAR 0", "the sentence names the BAR");
	device_destroy(&pci_find(b.vm.pci, 8 + 127)->dev);
	tap_eq(check_bars(&b, &overlaps), 0, "every BAR of the others answers");
	tap_eq(overlaps, 0, "none overlaps another");
	board_free(&b);
}

int main(void)
{
	struct board b;
	struct pci_test *t;

	board_init(&b, true);
	t = add(&b, "addr=5");
	test_mechanism(&b);
	test_capabilities(&b);
	test_sizing(&b);
	test_moving(&b, t);
	test_64_bit(&b);
	test_overlap(&b);
	test_reset(&b, t);
	board_free(&b);
	test_no_bus();
	test_slots();
	test_prt();
	test_shared();
	test_assign();
	test_full_ports();
	return tap_done();
}
