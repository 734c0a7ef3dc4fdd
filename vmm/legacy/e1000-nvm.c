// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The EEPROM of the e1000, read bit by bit as a 93C46 (5.3) or word by word through EERD
 * (13.4.4), and the PHY behind MDIC (13.4.5, 13.6): a gigabit link that is negotiated as
 * soon as the cable is in. Both are as large as drivers look: words and registers that
 * only the silicon uses are 0. The EEPROM cannot be written.
 */
#include "vmm/legacy/e1000-core.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"

enum {
	/* EECD */
	PIN_CLOCK = 1 << 0,
	PIN_SELECT = 1 << 1,
	PIN_IN = 1 << 2,
	PIN_OUT = 1 << 3,
	EECD_REQUEST = 1 << 6,
	EECD_GRANT = 1 << 7,
	EECD_PRESENT = 1 << 8,
	EECD_WRITABLE = 0x77, /* pins, flash bits, request */

	COMMAND_BITS = 9, /* start, two of operation, six of address */
	COMMAND_READ = 6, /* with its start bit */

	EERD_START = 1 << 0,
	EERD_DONE = 1 << 4,

	MDIC_WRITE = 1,
	MDIC_READ = 2,
	MDIC_READY = 1 << 28,
	MDIC_INTERRUPT = 1 << 29,
	MDIC_ERROR = 1 << 30,
	PHY_ADDRESS = 1,

	NVM_CHECKSUM = 0x3f, /* makes the sum of all words: */
	NVM_SUM = 0xbaba,
};

/* ---- EEPROM ---- */

void e1000_nvm_fill(struct e1000 *e)
{
	static const uint16_t words[NVM_CHECKSUM] = {
		[0x0a] = 0x6403, /* what is loaded from here at reset */
		[0x0b] = 0x1100, /* subsystem, its vendor; device, its vendor */
		[0x0c] = 0x1af4, [0x0d] = 0x100e,
		[0x0e] = 0x8086, [0x0f] = 0x3040, /* flow control in both directions */
		[0x04] = 0xffff,                  /* LEDs as usual */
	};
	uint16_t sum = 0;

	for (unsigned i = 0; i < NVM_CHECKSUM; i++) {
		e->nvm[i] =
			i < 3 ? e->own_mac[2 * i] | e->own_mac[2 * i + 1] << 8 : words[i];
		sum += e->nvm[i];
	}
	e->nvm[NVM_CHECKSUM] = NVM_SUM - sum;
}

/* The level of the data output: after a read command the word's bits, high one first, and
 * the next words behind it; ready else. */
static bool nvm_out(const struct e1000 *e)
{
	uint32_t bit = e->nvm_bits - COMMAND_BITS - 1;
	unsigned word = e->nvm_in + bit / 16;

	if (e->nvm_bits < COMMAND_BITS || e->nvm_in >> 6 != COMMAND_READ)
		return true;
	if (e->nvm_bits == COMMAND_BITS)
		return false; /* a 0 comes first */
	return e->nvm[word % E1000_NVM_WORDS] >> (15 - bit % 16) & 1;
}

uint32_t e1000_eecd_read(struct e1000 *e)
{
	uint32_t value = (e->nvm_pins & ~PIN_OUT) | EECD_PRESENT;

	if (value & EECD_REQUEST)
		value |= EECD_GRANT;
	return nvm_out(e) ? value | PIN_OUT : value;
}

void e1000_eecd_write(struct e1000 *e, uint32_t value)
{
	bool rises = value & ~e->nvm_pins & PIN_CLOCK;

	e->nvm_pins = value & EECD_WRITABLE;
	if (!(value & PIN_SELECT)) {
		e->nvm_bits = e->nvm_in = 0;
		return;
	}
	if (!rises)
		return;
	if (e->nvm_bits >= COMMAND_BITS) {
		e->nvm_bits += e->nvm_bits < UINT32_MAX;
		return;
	}
	/* Zeros before the start bit do not count. */
	if (!e->nvm_bits && !(value & PIN_IN))
		return;
	e->nvm_in = e->nvm_in << 1 | !!(value & PIN_IN);
	e->nvm_bits++;
}

void e1000_eerd_write(struct e1000 *e, uint32_t value)
{
	unsigned word = value >> 8 & 0xff;

	e->regs[E1000_EERD] = value & 0xff00;
	if (value & EERD_START)
		e->regs[E1000_EERD] |=
			EERD_DONE | (uint32_t)e->nvm[word % E1000_NVM_WORDS] << 16;
}

/* ---- PHY ---- */

enum {
	PHY_STATUS = 1,
	PHY_SPECIFIC = 17,

	CONTROL_RESET = 1 << 15,
	CONTROL_RESTART = 1 << 9, /* negotiation */
	STATUS_LINK = 1 << 2,
	STATUS_DONE = 1 << 5, /* negotiation */
	SPECIFIC_LINK = 1 << 10,
};

/* IEEE 802.3 clause 22, and the Marvell 88E1000's own from 16 on. */
static const struct {
	uint16_t value, writable;
} phy_regs[E1000_PHY_REGS] = {
	[PHY_CONTROL] = { 0x1140, 0x7dc0 },
	[PHY_STATUS] = { 0x7949, 0 },
	[2] = { 0x0141, 0 }, /* identifier */
	[3] = { 0x0c20, 0 },
	[4] = { 0x0de1, 0xffff },
	[5] = { 0x45e1, 0 }, /* the partner can do everything, and acknowledged */
	[6] = { 0x0005, 0 },
	[7] = { 0x2001, 0xffff },
	[9] = { 0x0e00, 0xffff },
	[10] = { 0x3c00, 0 }, /* the partner has 1000BASE-T */
	[15] = { 0x3000, 0 },
	[16] = { 0x0360, 0xffff },
	[PHY_SPECIFIC] = { 0xa800, 0 }, /* 1000 Mb/s, full duplex, resolved */
	[18] = { 0, 0xffff },
	[20] = { 0x0d60, 0xffff },
	[24] = { 0, 0xffff },
	[29] = { 0, 0xffff },
	[30] = { 0, 0xffff },
};

void e1000_phy_reset(struct e1000 *e)
{
	for (unsigned i = 0; i < E1000_PHY_REGS; i++)
		e->phy[i] = phy_regs[i].value;
}

static uint16_t phy_read(const struct e1000 *e, unsigned reg)
{
	if (!e->link)
		return e->phy[reg];
	return e->phy[reg] | (reg == PHY_STATUS     ? STATUS_LINK | STATUS_DONE
	                      : reg == PHY_SPECIFIC ? SPECIFIC_LINK
	                                            : 0);
}

static void phy_write(struct e1000 *e, unsigned reg, uint16_t value)
{
	uint16_t mask = phy_regs[reg].writable;

	if (reg == PHY_CONTROL && value & CONTROL_RESET) {
		e1000_phy_reset(e);
	} else {
		e->phy[reg] = (e->phy[reg] & ~mask) | (value & mask);
		if (reg != PHY_CONTROL || !(value & CONTROL_RESTART))
			return;
	}
	/* Done at once; the driver waits for being told. */
	if (e->link)
		e1000_raise(e, ICR_LSC);
}

void e1000_mdic_write(struct e1000 *e, uint32_t value)
{
	unsigned reg = value >> 16 & 31, op = value >> 26 & 3;

	value &= ~(MDIC_READY | MDIC_ERROR | 1u << 31);
	if ((value >> 21 & 31) != PHY_ADDRESS || (op != MDIC_READ && op != MDIC_WRITE))
		value |= MDIC_ERROR;
	else if (op == MDIC_READ)
		value = (value & ~0xffffu) | phy_read(e, reg);
	else
		phy_write(e, reg, value);
	e->regs[E1000_MDIC] = value | MDIC_READY;
	if (value & MDIC_INTERRUPT)
		e1000_raise(e, ICR_MDAC);
}
