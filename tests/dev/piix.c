// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The chip set through configuration mechanism 1 and port 0xcf9: identities, the
 * registers that firmware and guests use, interrupt routing, reset.
 */
#include "vmm/legacy/piix.h"
#include "tests/dev/pci-lib.h"
#include "tests/tap.h"
#include "vmm/pci/pci.h"

#include <limits.h>
#include <string.h>

#define HOST PCI_DEVFN(0, 0)
#define ISA  PCI_DEVFN(1, 0)

static void test_host_bridge(struct board *b)
{
	tap_eq(conf_in(b, HOST, 0, 4), 0x12378086, "i440FX: identity");
	tap_eq(conf_in(b, HOST, 8, 4), 0x06000002, "i440FX: class and revision");
	tap_eq(conf_in(b, HOST, 0x72, 1), 0x02, "SMRAM at reset");
	conf_out(b, HOST, 0x59, 0xff, 1);
	conf_out(b, HOST, 0x5a, 0xff, 1);
	tap_eq(conf_in(b, HOST, 0x59, 1), 0x30, "PAM0 has its upper half only");
	tap_eq(conf_in(b, HOST, 0x5a, 1), 0x33, "PAM1 has both");
	conf_out(b, HOST, 0x72, 0x4a, 1);
	tap_eq(conf_in(b, HOST, 0x72, 1), 0x4a, "SMRAM open");
	conf_out(b, HOST, 0x72, 0x5a, 1);
	tap_eq(conf_in(b, HOST, 0x72, 1), 0x1a, "the lock closes it");
	conf_out(b, HOST, 0x72, 0x4a, 1);
	tap_eq(conf_in(b, HOST, 0x72, 1), 0x1a, "and keeps it closed");
	devices_reset(&b->vm);
	tap_eq(conf_in(b, HOST, 0x72, 1), 0x02, "until reset");
	tap_eq(conf_in(b, HOST, 0x5a, 1), 0, "reset clears PAM");
	conf_out(b, HOST, 0x72, 0x4a, 1);
	tap_eq(conf_in(b, HOST, 0x72, 1), 0x4a, "after which it opens again");
}

static uint8_t ram[MEM_SHADOW_PARTS * MEM_SHADOW_PART] __attribute__((aligned(4096)));
static uint8_t rom[128 << 10];

static uint8_t look(struct board *b, uint32_t addr)
{
	return mem_in(b, addr, 1);
}

/* RAM holds 0x55, the ROM 0xaa; what a write does to the RAM is undone. */
static bool writes(struct board *b, uint32_t addr)
{
	bool reached;

	mem_out(b, addr, 0x77, 1);
	reached = ram[addr - 0xc0000] == 0x77;
	ram[addr - 0xc0000] = 0x55;
	return reached;
}

static void test_attributes(struct board *b)
{
	_cleanup_strbuf_ struct strbuf map = { 0 };
	struct err err = { 0 };
	uint32_t value = 0x12345678;

	memset(ram, 0x55, sizeof(ram));
	memset(rom, 0xaa, sizeof(rom));
	tap_eq(mem_add_shadow(b->vm.mem, "shadow", 0xc0000, ram, 0, &err), 0, "shadow");
	mem_set_shadow_rom(b->vm.mem, rom, sizeof(rom));
	tap_ok(look(b, 0xdffff) == 0xff && look(b, 0xe0000) == 0xaa, "at reset: the ROM");
	tap_ok(!writes(b, 0xc0000) && !writes(b, 0xfffff), "which nothing changes");
	conf_out(b, HOST, 0x5a, 0x31, 1);
	tap_ok(look(b, 0xc3fff) == 0x55 && !writes(b, 0xc3fff),
	       "1: RAM that is protected");
	tap_ok(look(b, 0xc4000) == 0x55 && writes(b, 0xc4000), "3: RAM");
	tap_eq(look(b, 0xc8000), 0xff, "the next part has a register of its own");
	conf_out(b, HOST, 0x5f, 0x02, 1);
	tap_ok(look(b, 0xe8000) == 0xaa && writes(b, 0xe8000), "2: RAM below the ROM");
	tap_ok(!writes(b, 0xec000) && !writes(b, 0xe7fff), "where it was asked for");
	conf_out(b, HOST, 0x59, 0x30, 1);
	tap_ok(writes(b, 0xf0000) && writes(b, 0xfffff),
	       "one register for the last 64 KiB");
	mem_dump(b->vm.mem, &map);
	tap_has(map.data,
	        "  00000000000c0000-00000000000c3fff (prio 1, rom): shadow (read-only)\n"
	        "    00000000000c4000-00000000000c7fff (prio 1, ram): shadow\n"
	        "    00000000000e0000-00000000000effff (prio 1, rom): shadow (ROM)\n"
	        "    00000000000f0000-00000000000fffff (prio 1, ram): shadow\n",
	        "the map shows the parts");
	/* Across the end of RAM that takes writes, as KVM never would. */
	mem_access(b->vm.mem, MEM_MMIO, 0xc7ffe, &value, 4, true);
	tap_eq(mem_in(b, 0xc7ffe, 4), 0xffff5678, "an access to two parts is divided");
	tap_eq(dma_write(b->vm.mem, 0xe0000, "x", 1), 0, "DMA reaches the RAM");
	tap_ok(ram[0x20000] == 'x' && look(b, 0xe0000) == 0xaa, "behind the ROM");
	devices_reset(&b->vm);
	tap_eq(look(b, 0xfffff), 0xaa, "reset shows the ROM again");
}

static void test_routing(struct board *b)
{
	struct pci_device *isa = pci_find(b->vm.pci, ISA);

	tap_eq(conf_in(b, ISA, 0, 4), 0x70008086, "PIIX3: identity");
	tap_eq(conf_in(b, ISA, 8, 4), 0x06010000, "PIIX3: class and revision");
	tap_eq(conf_in(b, ISA, 0xe, 1), 0x80, "PIIX3: multi-function");
	tap_eq(conf_in(b, ISA, 0x60, 4), 0x0b0b0a0a, "router as the board set it");
	tap_eq(piix3_irq_route(isa, 0), 10, "PIRQ A");
	tap_eq(piix3_irq_route(isa, 3), 11, "PIRQ D");
	conf_out(b, ISA, 0x60, 0x80, 1);
	tap_ok(piix3_irq_route(isa, 0) == UINT_MAX, "a router register that is off");
	conf_out(b, ISA, 0x60, 0x02, 1);
	tap_ok(piix3_irq_route(isa, 0) == UINT_MAX, "IRQ 2 is reserved");
	conf_out(b, ISA, 0x60, 0x7f, 1);
	tap_eq(conf_in(b, ISA, 0x60, 1), 0x0f, "reserved bits read 0");
	tap_ok(piix3_irq_route(NULL, 0) == UINT_MAX, "no bridge, no route");
	conf_out(b, ISA, 0x60, 0x0a, 1);
}

/* A function whose INTx is high is moved along with its PIRQ. */
static void test_moving(struct board *b, struct device *dev)
{
	struct pci_device *pdev = (struct pci_device *)dev;

	pci_intx_set(pdev, true); /* slot 3: PIRQ C */
	tap_ok(board_irq(b, 11) && !board_irq(b, 10), "INTx of slot 3 is on GSI 11");
	conf_out(b, ISA, 0x62, 0x05, 1);
	tap_ok(board_irq(b, 5) && !board_irq(b, 11), "and moves with its PIRQ");
	conf_out(b, ISA, 0x62, 0x80, 1);
	tap_ok(!board_irq(b, 5), "or goes off with it");
	devices_reset(&b->vm);
	tap_eq(conf_in(b, ISA, 0x60, 4), 0x0b0b0a0a, "reset restores the router");
	pci_intx_set(pdev, true);
	tap_ok(board_irq(b, 11), "and the wires");
	pci_intx_set(pdev, false);
}

static void test_reset_control(struct board *b)
{
	board_out(b, 0xcf8, 0x80000000, 4);
	tap_eq(board_in(b, 0xcf8, 4), 0x80000000, "0xcf8 is whole in spite of 0xcf9");
	outb(b, 0xcf9, 0x02);
	tap_eq(inb(b, 0xcf9), 0x02, "the kind of reset is stored");
	tap_eq(b->vm.requests, 0, "and alone does nothing");
	outb(b, 0xcf9, 0x06);
	tap_eq(b->vm.requests, VM_REQ_RESET, "0x06 resets");
	tap_str(b->vm.reason, "port 0xcf9", "and says why");
	tap_eq(inb(b, 0xcf9), 0x02, "the trigger bit does not stay");
	tap_eq(board_in(b, 0xcf8, 4), 0x80000000, "the address register is untouched");
	devices_reset(&b->vm);
	tap_eq(inb(b, 0xcf9), 0, "reset clears it");
}

static void test_state(struct board *b, struct device *host, struct device *isa)
{
	struct board c;
	struct device *host2, *isa2;

	board_init(&c, true);
	host2 = board_add(&c, &i440fx_class, "addr=0");
	isa2 = board_add(&c, &piix3_class, "addr=1,pirqs=0x0b0b0a0a");
	conf_out(b, HOST, 0x72, 0x1a, 1);
	conf_out(b, ISA, 0x61, 0x0c, 1);
	outb(b, 0xcf9, 2);
	tap_ok(board_copy_state(host, host2), "i440FX with SMRAM locked");
	conf_out(&c, HOST, 0x72, 0x4a, 1);
	tap_eq(conf_in(&c, HOST, 0x72, 1), 0x1a, "the copy is locked as well");
	tap_ok(board_copy_state(isa, isa2), "PIIX3");
	tap_eq(piix3_irq_route(isa2, 1), 12, "the copy routes alike");
	board_free(&c);
}

int main(void)
{
	struct board b;
	struct device *host, *isa, *other;

	board_init(&b, true);
	host = board_add(&b, &i440fx_class, "addr=0");
	isa = board_add(&b, &piix3_class, "addr=1,pirqs=0x0b0b0a0a");
	b.isa_bridge = isa;
	pci_bus_update_irqs(b.vm.pci);
	/* Any other function will do as a source of INTx. */
	other = board_add(&b, &i440fx_class, "addr=3");
	test_host_bridge(&b);
	test_attributes(&b);
	test_routing(&b);
	test_moving(&b, other);
	test_reset_control(&b);
	test_state(&b, host, isa);
	board_free(&b);
	return tap_done();
}
