// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * e1000: registers, EEPROM, PHY, interrupts, link and counters, as a driver finds them.
 * Expected values are the manual's and those that drivers depend on. Frames are in
 * e1000-data.c.
 */
#include "tests/dev/e1000-lib.h"
#include "tests/tap.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/legacy/e1000.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void test_function(struct nic *n)
{
	const uint8_t *c = n->e->pci.config;

	tap_eq(ld32(c), 0x100e8086, "the function is 8086:100e");
	tap_eq(ld32(c + 8), 0x02000003, "an Ethernet card, revision 3");
	tap_eq(ld32(c + 0x2c), 0x11001af4, "its subsystem");
	tap_eq(c[PCI_INTERRUPT_PIN], 1, "it has pin A");
	tap_eq(c[PCI_CAPABILITY_LIST], 0, "and no capabilities");
	tap_eq(n->e->pci.bars[0].size, 0x20000, "128 KiB of registers");
	tap_eq(n->e->pci.bars[1].size, 64, "64 ports");
}

/* What ethtool's self test writes and reads: which bits of a register stay. */
static void test_masks(struct nic *n)
{
	static const struct {
		uint32_t reg, mask;
	} rows[] = {
		{ 0x28, 0xffffffff },   { 0x2c, 0xffff },       { 0x30, 0xffff },
		{ 0x38, 0xffff },       { 0x2820, 0xffff },     { 0x2804, 0xffffffff },
		{ 0x2808, 0x000fff80 }, { 0x2810, 0xffff },     { 0x2818, 0xffff },
		{ 0x2168, 0xfff8 },     { 0x170, 0xffff },      { 0x410, 0x3fffffff },
		{ 0x3804, 0xffffffff }, { 0x3808, 0x000fff80 }, { 0x100, 0x06dfb3fe },
		{ 0x2800, 0xfffffff0 }, { 0x178, 0xc000ffff },  { 0x3800, 0xfffffff0 },
		{ 0x3820, 0xffff },     { 0x5478, 0xffffffff }, { 0x547c, 0x8003ffff },
		{ 0x5200, 0xffffffff }, { 0x53fc, 0xffffffff }, { 0x5600, 0xffffffff },
		{ 0x57fc, 0xffffffff },
	};
	static const uint32_t patterns[] = { 0x5a5a5a5a, 0xa5a5a5a5, 0, 0xffffffff };
	bool ok = true;

	for (unsigned i = 0; i < ARRAY_SIZE(rows) * ARRAY_SIZE(patterns); i++) {
		uint32_t reg = rows[i / 4].reg, want = patterns[i % 4] & rows[i / 4].mask;
		uint32_t got;

		nic_set(n, reg, patterns[i % 4]);
		got = nic_get(n, reg);
		if (got != want)
			tap_diag("register 0x%x is 0x%x, not 0x%x", reg, got, want);
		ok &= got == want;
	}
	tap_ok(ok, "registers keep the bits that they have");
	nic_set(n, STATUS, 0xffffffff);
	tap_eq(nic_get(n, STATUS), 0x80080783,
	       "STATUS only tells: 1 Gb/s, full duplex, up");
	nic_set(n, 0x1f000, 1);
	tap_eq(nic_get(n, 0x1f000), 0, "where no register is, 0");
}

static void test_reset(struct nic *n)
{
	nic_set(n, 0x28, 7);
	nic_set(n, RAL, 7);
	nic_set(n, MTA, 7);
	board_out(&n->b, n->io, CTRL, 4);
	tap_eq(board_in(&n->b, n->io + 4, 4), 0x00140240, "CTRL through the ports");
	/* As Linux does it. */
	board_out(&n->b, n->io + 4, 1 << 26, 4);
	tap_eq(nic_get(n, CTRL), 0x00140240, "CTRL.RST, which clears itself");
	tap_eq(nic_get(n, 0x28) | nic_get(n, MTA) | nic_get(n, RCTL), 0, "cleared all");
	tap_eq(nic_get(n, RAL), 0x12005452, "and loaded the address");
	tap_eq(nic_get(n, RAH), 0x80005634, "from the EEPROM");
}

/* ---- EEPROM ---- */

static void ee_clock(struct nic *n, uint32_t pins)
{
	nic_set(n, EECD, pins);
	nic_set(n, EECD, pins | 1);
	nic_set(n, EECD, pins);
}

static uint16_t ee_read(struct nic *n, unsigned word)
{
	unsigned command = 6 << 6 | word;
	uint16_t value = 0;

	nic_set(n, EECD, 0x40);
	nic_set(n, EECD, 0x42);
	for (unsigned i = 9; i-- > 0;)
		ee_clock(n, 0x42 | (command >> i & 1) << 2);
	for (unsigned i = 0; i < 16; i++) {
		nic_set(n, EECD, 0x43);
		value = value << 1 | (nic_get(n, EECD) >> 3 & 1);
		nic_set(n, EECD, 0x42);
	}
	nic_set(n, EECD, 0);
	return value;
}

static void test_eeprom(struct nic *n)
{
	uint16_t sum = 0;
	bool same = true;

	nic_set(n, EECD, 0x40);
	tap_eq(nic_get(n, EECD) & 0x1c0, 0x1c0, "the EEPROM is there, and granted");
	for (unsigned i = 0; i < 64; i++) {
		uint16_t word = ee_read(n, i);

		nic_set(n, EERD, i << 8 | 1);
		same &= nic_get(n, EERD) == ((uint32_t)word << 16 | i << 8 | 1 << 4);
		sum += word;
	}
	tap_eq(sum, 0xbaba, "its words add up");
	tap_ok(same, "and EERD reads the same");
	tap_eq(ee_read(n, 0), 0x5452, "word 0 starts the address");
	tap_eq(ee_read(n, 2), 0x5634, "word 2 ends it");
	tap_eq(ee_read(n, 13), 0x100e, "word 13 is the device");
	tap_eq(ee_read(n, 15) & 0x3000, 0x3000, "word 15 says flow control");
}

/* ---- PHY ---- */

static uint32_t mdic(struct nic *n, unsigned op, unsigned phy, unsigned reg, uint16_t v)
{
	nic_set(n, MDIC, op << 26 | phy << 21 | reg << 16 | v);
	return nic_get(n, MDIC);
}

static void test_phy(struct nic *n)
{
	tap_eq(mdic(n, 2, 1, 2, 0), 0x18220141, "the PHY's identifier is the 88E1000's");
	tap_eq(mdic(n, 2, 1, 3, 0) & 0xffff, 0x0c20, "low half");
	tap_eq(mdic(n, 2, 1, 1, 0) & 0x24, 0x24, "its link is up and negotiated");
	tap_eq(mdic(n, 2, 2, 1, 0) >> 28 & 5, 5, "another PHY does not answer");
	tap_eq(mdic(n, 0, 1, 1, 0) >> 28 & 5, 5, "an unknown operation neither");
	mdic(n, 1, 1, 4, 0x1234);
	tap_eq(mdic(n, 2, 1, 4, 0) & 0xffff, 0x1234, "a register that is written");
	mdic(n, 1, 1, 2, 0x1234);
	tap_eq(mdic(n, 2, 1, 2, 0) & 0xffff, 0x0141, "one that is not");
	nic_get(n, ICR);
	mdic(n, 1, 1, 0, 0x1340);
	tap_eq(nic_get(n, ICR), 4, "restarting negotiation is done at once, and told");
	tap_eq(mdic(n, 2, 1, 0, 0) & 0xffff, 0x1140, "its bit clears itself");
	mdic(n, 1, 1, 0, 0x8000);
	tap_eq(mdic(n, 2, 1, 4, 0) & 0xffff, 0x0de1, "a reset of the PHY");
	nic_get(n, ICR);
	nic_set(n, MDIC, 1 << 29 | 2 << 26 | 1 << 21 | 1 << 16);
	tap_eq(nic_get(n, ICR), 1 << 9, "an access that interrupts when it is done");
}

/* ---- interrupts ---- */

static bool line(struct nic *n)
{
	return n->e->pci.intx_level;
}

static bool is_high(void *opaque)
{
	return line(opaque);
}

static void test_irq(struct nic *n)
{
	nic_set(n, IMC, 0xffffffff);
	nic_get(n, ICR);
	nic_set(n, ICS, 0x14);
	tap_ok(!line(n), "a cause that is masked does not interrupt");
	nic_set(n, IMS, 0x10);
	tap_ok(line(n), "it does when it is enabled");
	tap_eq(nic_get(n, IMS), 0x10, "IMS reads the mask");
	nic_set(n, IMC, 0x10);
	tap_ok(!line(n), "IMC takes it back");
	nic_set(n, IMS, 0x10);
	nic_set(n, ICR, 0x10);
	tap_ok(!line(n), "writing ICR clears a cause");
	tap_eq(nic_get(n, ICR), 4, "and only that");
	tap_eq(nic_get(n, ICR), 0, "reading clears all");
	nic_set(n, ITR, 0xffff); /* 17 ms */
	nic_set(n, ICS, 0x10);
	tap_ok(line(n), "ITR: the first interrupt comes at once");
	nic_get(n, ICR);
	nic_set(n, ICS, 0x10);
	tap_ok(!line(n), "the second one waits");
	tap_ok(board_until(&n->b, is_high, n, 60000), "and comes");
	nic_get(n, ICR);
	nic_set(n, ICS, 0x10);
	nic_set(n, ITR, 0);
	tap_ok(line(n), "without ITR what waits comes");
	nic_get(n, ICR);
	board_wakeups(&n->b, 30); /* a timer that was disarmed may fire for nothing */
	tap_eq(board_wakeups(&n->b, 20), 0, "an idle card wakes nobody");
}

static void test_link(struct nic *n)
{
	struct netdev *nd = net_find(n->b.vm.nets, "n");
	struct device *dev = &n->e->pci.dev;

	nic_get(n, ICR);
	net_set_link(nd, false);
	tap_eq(nic_get(n, STATUS) & 2, 0, "set_link off: the link is down");
	tap_eq(mdic(n, 2, 1, 1, 0) & 0x24, 0, "for the PHY too");
	tap_eq(nic_get(n, ICR), 4, "and an interrupt tells");
	net_set_link(nd, true);
	tap_eq(nic_get(n, STATUS) & 2, 2, "and up again");
	nic_get(n, ICR);
	dev->cls->quiesce(dev);
	net_set_link(nd, false);
	tap_eq(nic_get(n, STATUS) & 2, 2, "a stopped machine does not change");
	dev->cls->resume(dev);
	tap_eq(nic_get(n, ICR), 4, "it learns it when it goes on");
	net_set_link(nd, true);
}

static void test_state(struct nic *n)
{
	struct nic other;

	nic_set(n, 0x28, 0x1234);
	nic_set(n, VFTA + 8, 5);
	nic_open(&other, "", false);
	n->e->pci.dev.cls->quiesce(&n->e->pci.dev);
	other.e->pci.dev.cls->quiesce(&other.e->pci.dev);
	tap_ok(board_copy_state(&n->e->pci.dev, &other.e->pci.dev),
	       "state is saved and loaded");
	tap_eq(nic_get(&other, VFTA + 8), 5, "with its tables");
	nic_close(&other);
}

static void test_options(void)
{
	struct board b;
	struct err err = { 0 };
	int fd;

	board_init(&b, true);
	fd = board_net(&b, "n");
	tap_ok(!device_create_simple(&b.vm, &e1000_class, "", &err), "no netdev");
	tap_has(err.text, "netdev=ID", "is told");
	err_clear(&err);
	tap_ok(!device_create_simple(&b.vm, &e1000_class, "netdev=n,mac=01:2:3", &err),
	       "a bad address");
	tap_has(err.text, "must be like", "too");
	err_clear(&err);
	tap_ok(!device_create_simple(&b.vm, &e1000_class, "netdev=n,romfile=/nowhere",
	                             &err),
	       "an option ROM that is not there");
	tap_has(err.text, "no option ROM /nowhere", "too");
	board_add(&b, &e1000_class, "netdev=n,romfile=");
	close(fd);
	board_free(&b);
}

/* Two images of 512 bytes for another function, as they lie in a ROM file. */
static void make_rom(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "we");
	uint8_t rom[1024] = { 0 };

	for (unsigned i = 0; i < 2; i++) {
		uint8_t *image = rom + 512 * i;

		st16(image, 0xaa55);
		st16(image + 0x18, 0x20);
		memcpy(image + 0x20, "PCIR\xf4\x1a\x41\x10", 8);
		image[0x20 + 0x10] = 1;
		image[0x20 + 0x14] = i ? 3 : 0;
	}
	if (!file || fwrite(rom, sizeof(rom), 1, file) != 1)
		tap_diag("%s cannot be written", path);
}

static void test_rom(void)
{
	struct board b;
	struct err err = { 0 };
	struct device *dev;
	const uint8_t *rom;
	uint8_t sum = 0;
	int fd;

	board_init(&b, true);
	fd = board_net(&b, "n");
	if (chdir(b.dir) < 0)
		tap_diag("%s", b.dir);
	make_rom("efi-e1000.rom");
	dev = board_add(&b, &e1000_class, "netdev=n");
	tap_eq(((struct e1000 *)dev)->pci.bars[PCI_ROM_BAR].size, 0,
	       "a machine without firmware runs no option ROM");
	device_destroy(dev);
	b.vm.firmware = true;
	for (unsigned i = 0; i < 2 * MEM_MAX_RAM; i++) {
		dev = device_create_simple(&b.vm, &e1000_class, "netdev=n", &err);
		if (!dev || i + 1 == 2 * MEM_MAX_RAM)
			break;
		device_destroy(dev);
	}
	tap_ok(dev, "cards with a ROM come and go, as often as one likes");
	rom = ((struct e1000 *)dev)->pci.rom.ram->host;
	tap_eq(ld32(rom + 0x24), 0x100e8086, "the standard ROM names the card");
	tap_eq(ld32(rom + 0x224), 0x100e8086, "in each image");
	for (unsigned i = 0; i < 512; i++)
		sum += rom[i];
	tap_eq(sum, 0, "with a sum of 0 for the BIOS");
	tap_eq(pci_rom_init(&((struct e1000 *)dev)->pci, NULL, "none.rom", "none", &err),
	       0, "where it is not installed the card goes without");
	tap_ok(b.vm.rom_missed, "which is told once");
	unlink("efi-e1000.rom");
	close(fd);
	board_free(&b);
}

int main(void)
{
	struct nic n;

	nic_open(&n, "", false);
	test_function(&n);
	test_masks(&n);
	test_reset(&n);
	test_eeprom(&n);
	test_phy(&n);
	test_irq(&n);
	test_link(&n);
	test_state(&n);
	nic_close(&n);
	test_options();
	test_rom();
	return tap_done();
}
