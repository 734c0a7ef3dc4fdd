// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registers of the e1000 (chapter 13): a table of words with what is writable in
 * them, tables of addresses, counters that a read clears, and the interrupt.
 *
 * A register is a double word; narrower writes are dropped. What drivers only store, such
 * as thresholds and flow control, is stored. Invariant: after each change of ICR, IMS or
 * ITR e1000_update_irq() ran: the line is high only if a cause is enabled, and rises no
 * earlier than ITR allows after it rose last (13.4.18).
 */
#include "vmm/legacy/e1000-core.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"

enum {
	CTRL_RST = 1 << 26,
	CTRL_PHY_RST = 1u << 31,
	STATUS_LU = 1 << 1,
	/* Full duplex, 1000 Mb/s, negotiated, as on QEMU's. */
	STATUS_FIXED = (int)0x80080781,

	ITR_NS = 256,

	TABLE_STATS = 0x4000,
	TABLE_MTA = 0x5200,
	TABLE_RA = 0x5400,
	TABLE_VFTA = 0x5600,
	MMIO_END = 0x20000,

	IO_ADDRESS = 0,
	IO_DATA = 4,

	RA_VALID = 1u << 31,
};

/* ---- the interrupt ---- */

void e1000_update_irq(struct e1000 *e)
{
	uint64_t gap = (uint64_t)e->regs[E1000_ITR] * ITR_NS, now;

	if (!(e->regs[E1000_ICR] & e->regs[E1000_IMS])) {
		pci_intx_set(&e->pci, false);
		return;
	}
	if (e->pci.intx_level)
		return;
	now = gap ? loop_now() : 0;
	if (now < e->quiet_until && gap) {
		if (e->running && !e->irq_timer.deadline)
			loop_timer_arm(&e->irq_timer, e->quiet_until);
		return;
	}
	loop_timer_disarm(&e->irq_timer);
	e->quiet_until = now + gap;
	pci_intx_set(&e->pci, true);
}

void e1000_raise(struct e1000 *e, uint32_t causes)
{
	e->regs[E1000_ICR] |= causes;
	e1000_update_irq(e);
}

/* ---- counters ---- */

void e1000_count(struct e1000 *e, unsigned stat)
{
	e->stats[stat] += e->stats[stat] < UINT32_MAX;
}

static void count_octets(struct e1000 *e, unsigned stat, size_t len)
{
	uint64_t sum = (e->stats[stat] | (uint64_t)e->stats[stat + 1] << 32) + len;

	e->stats[stat] = sum;
	e->stats[stat + 1] = sum >> 32;
}

void e1000_count_frame(struct e1000 *e, const uint8_t *frame, size_t len, bool sent)
{
	static const uint16_t limits[] = { 64, 127, 255, 511, 1023 };
	size_t octets = (len < 60 ? 60 : len) + 4;
	unsigned size = 0;

	while (size < ARRAY_SIZE(limits) && octets > limits[size])
		size++;
	e1000_count(e, sent ? STAT_TPT : STAT_TPR);
	e1000_count(e, sent ? STAT_GPTC : STAT_GPRC);
	e1000_count(e, (sent ? STAT_PTC64 : STAT_PRC64) + size);
	count_octets(e, sent ? STAT_TOT : STAT_TOR, octets);
	count_octets(e, sent ? STAT_GOTC : STAT_GORC, octets);
	if (net_is_broadcast(frame))
		e1000_count(e, sent ? STAT_BPTC : STAT_BPRC);
	else if (frame[0] & 1)
		e1000_count(e, sent ? STAT_MPTC : STAT_MPRC);
}

/* ---- rings ---- */

struct e1000_ring e1000_ring(const struct e1000 *e, enum e1000_reg first)
{
	const uint32_t *r = e->regs + first; /* low, high, length, head, tail */
	uint32_t count = r[2] / E1000_DESC, head = r[3], tail = r[4];
	bool master = ld16(e->pci.config + PCI_COMMAND) & PCI_COMMAND_MASTER;

	/* A receive ring's tail may stand behind its end: then all of it is free. */
	if (!master || head >= count || tail > count ||
	    (tail == count && first == E1000_TDBAL))
		return (struct e1000_ring){ 0 };
	return (struct e1000_ring){
		.base = r[0] | (uint64_t)r[1] << 32,
		.count = count,
		.head = head,
		.ready = tail >= head ? tail - head : count - head + tail,
	};
}

/* ---- registers that do something ---- */

static uint32_t read_status(struct e1000 *e)
{
	return (uint32_t)STATUS_FIXED | (e->link ? STATUS_LU : 0);
}

static uint32_t read_icr(struct e1000 *e)
{
	uint32_t value = e->regs[E1000_ICR];

	e->regs[E1000_ICR] = 0;
	e1000_update_irq(e);
	return value;
}

static void write_ctrl(struct e1000 *e, uint32_t value)
{
	if (value & CTRL_RST) {
		e1000_reset_regs(e);
		return;
	}
	e->regs[E1000_CTRL] = value & ~CTRL_PHY_RST;
	if (value & CTRL_PHY_RST)
		e1000_phy_reset(e);
}

static void write_icr(struct e1000 *e, uint32_t value)
{
	e->regs[E1000_ICR] &= ~value;
	e1000_update_irq(e);
}

static void write_itr(struct e1000 *e, uint32_t value)
{
	e->regs[E1000_ITR] = value & 0xffff;
	if (!e->regs[E1000_ITR])
		e1000_update_irq(e);
}

static void write_ims(struct e1000 *e, uint32_t value)
{
	e->regs[E1000_IMS] |= value;
	e1000_update_irq(e);
}

static void write_imc(struct e1000 *e, uint32_t value)
{
	e->regs[E1000_IMS] &= ~value;
	e1000_update_irq(e);
}

/* A new place is a new frame. */
static void moved_tx(struct e1000 *e)
{
	e->tx_sent = 0;
}

/* Frames that were read from the back end already do not wake the loop. */
static void wake_rx(struct e1000 *e)
{
	if (e->rx_waits)
		loop_post(e->pci.dev.vm->loop, &e->rx_work);
}

/* ---- the table ---- */

#define NO_REG 0xff
#define WORD(at, name, value, mask, fn)                                              \
	{                                                                            \
		.offset = at, .reg = E1000_##name, .reset = value, .writable = mask, \
		.changed = fn                                                        \
	}

/* Those of the data path come first. write: gets the whole value, else what is writable
 * is stored and then `changed` called. */
static const struct row {
	uint16_t offset;
	uint8_t reg;
	uint32_t reset, writable;
	uint32_t (*read)(struct e1000 *e);
	void (*write)(struct e1000 *e, uint32_t value);
	void (*changed)(struct e1000 *e);
} rows[] = {
	{ .offset = 0x00c0, .reg = E1000_ICR, .read = read_icr, .write = write_icr },
	WORD(0x3818, TDT, 0, 0xffff, e1000_transmit),
	WORD(0x2818, RDT, 0, 0xffff, wake_rx),
	{ .offset = 0x00d0, .reg = E1000_IMS, .write = write_ims },
	{ .offset = 0x00d8, .reg = NO_REG, .write = write_imc },
	{ .offset = 0x00c8, .reg = NO_REG, .write = e1000_raise },
	{ .offset = 0x00c4, .reg = E1000_ITR, .write = write_itr },
	{ .offset = 0x0008, .reg = NO_REG, .read = read_status },
	WORD(0x3810, TDH, 0, 0xffff, moved_tx),
	WORD(0x2810, RDH, 0, 0xffff, NULL),
	{ 0x0000, E1000_CTRL, 0x00140240, .write = write_ctrl },
	{ .offset = 0x0010,
	  .reg = NO_REG,
	  .read = e1000_eecd_read,
	  .write = e1000_eecd_write },
	{ .offset = 0x0014, .reg = E1000_EERD, .write = e1000_eerd_write },
	WORD(0x0018, CTRL_EXT, 0, 0xffffdfff, NULL),
	{ .offset = 0x0020, .reg = E1000_MDIC, .write = e1000_mdic_write },
	WORD(0x0028, FCAL, 0, 0xffffffff, NULL),
	WORD(0x002c, FCAH, 0, 0xffff, NULL),
	WORD(0x0030, FCT, 0, 0xffff, NULL),
	WORD(0x0038, VET, 0x8100, 0xffff, NULL),
	WORD(0x0100, RCTL, 0, 0x06dfb3fe, wake_rx),
	WORD(0x0170, FCTTV, 0, 0xffff, NULL),
	WORD(0x0178, TXCW, 0, 0xc000ffff, NULL),
	WORD(0x0400, TCTL, 0, 0x03fffffa, e1000_transmit),
	WORD(0x0410, TIPG, 0, 0x3fffffff, NULL),
	WORD(0x0458, AIT, 0, 0xffff, NULL),
	WORD(0x0e00, LEDCTL, 0x0602, 0xffffffff, NULL),
	WORD(0x1000, PBA, 0x00100030, 0xffff, NULL),
	WORD(0x2160, FCRTL, 0, 0x8000fff8, NULL),
	WORD(0x2168, FCRTH, 0, 0xfff8, NULL),
	WORD(0x2800, RDBAL, 0, 0xfffffff0, NULL),
	WORD(0x2804, RDBAH, 0, 0xffffffff, NULL),
	WORD(0x2808, RDLEN, 0, 0x000fff80, NULL),
	WORD(0x2820, RDTR, 0, 0xffff, NULL),
	WORD(0x2828, RXDCTL, 0, 0xffffffff, NULL),
	WORD(0x282c, RADV, 0, 0xffff, NULL),
	WORD(0x2c00, RSRPD, 0, 0xfff, NULL),
	WORD(0x3800, TDBAL, 0, 0xfffffff0, moved_tx),
	WORD(0x3804, TDBAH, 0, 0xffffffff, moved_tx),
	WORD(0x3808, TDLEN, 0, 0x000fff80, moved_tx),
	WORD(0x3820, TIDV, 0, 0xffff, NULL),
	WORD(0x3828, TXDCTL, 0, 0xffffffff, NULL),
	WORD(0x382c, TADV, 0, 0xffff, NULL),
	WORD(0x3830, TSPMT, 0, 0xffffffff, NULL),
	WORD(0x5000, RXCSUM, 0, 0x07ff, NULL),
	WORD(0x5800, WUC, 0, 0x000f, NULL),
	WORD(0x5808, WUFC, 0, 0xf00ff, NULL),
	WORD(0x5820, MANC, 0, 0xffffffff, NULL),
};

/* The word of a table of plain words that is there, or NULL. */
static uint32_t *table_word(struct e1000 *e, uint32_t offset, uint32_t *writable)
{
	*writable = UINT32_MAX;
	if (offset - TABLE_MTA < sizeof(e->mta))
		return &e->mta[(offset - TABLE_MTA) / 4];
	if (offset - TABLE_VFTA < sizeof(e->vfta))
		return &e->vfta[(offset - TABLE_VFTA) / 4];
	if (offset - TABLE_RA >= sizeof(e->ra))
		return NULL;
	if (offset & 4)
		*writable = 0x8003ffff;
	return &e->ra[(offset - TABLE_RA) / 4];
}

static const struct row *find_row(uint32_t offset)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].offset == offset)
			return &rows[i];
	return NULL;
}

static uint32_t read_reg(struct e1000 *e, uint32_t offset)
{
	const struct row *row = find_row(offset);
	uint32_t value = 0, writable, *word;

	if (row)
		return row->read            ? row->read(e)
		       : row->reg == NO_REG ? 0
		                            : e->regs[row->reg];
	if (offset - TABLE_STATS < sizeof(e->stats)) {
		word = &e->stats[(offset - TABLE_STATS) / 4];
		value = *word;
		*word = 0;
		return value;
	}
	word = table_word(e, offset, &writable);
	return word ? *word : 0;
}

static void write_reg(struct e1000 *e, uint32_t offset, uint32_t value)
{
	const struct row *row = find_row(offset);
	uint32_t writable, *word;

	if (!row) {
		word = table_word(e, offset, &writable);
		if (word)
			*word = value & writable;
		return;
	}
	if (row->write) {
		row->write(e, value);
		return;
	}
	if (row->reg == NO_REG)
		return;
	word = &e->regs[row->reg];
	*word = (*word & ~row->writable) | (value & row->writable);
	if (row->changed)
		row->changed(e);
}

void e1000_reset_regs(struct e1000 *e)
{
	memset(e->regs, 0, sizeof(e->regs));
	memset(e->mta, 0, sizeof(e->mta));
	memset(e->vfta, 0, sizeof(e->vfta));
	memset(e->ra, 0, sizeof(e->ra));
	memset(e->stats, 0, sizeof(e->stats));
	memset(e->context, 0, sizeof(e->context));
	e->nvm_in = 0;
	e->nvm_bits = e->nvm_pins = 0;
	e->tx_sent = 0;
	e->rx_len = 0;
	e->rx_waits = true;
	e->quiet_until = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].reg != NO_REG)
			e->regs[rows[i].reg] = rows[i].reset;
	e->ra[0] = ld32(e->own_mac);
	e->ra[1] = ld16(e->own_mac + 4) | RA_VALID;
	net_want_input(e->nd, false);
	loop_timer_disarm(&e->irq_timer);
	e1000_update_irq(e);
}

/* ---- accesses ---- */

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)size;
	return read_reg(opaque, offset & ~3u) >> 8 * (offset & 3);
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	if (size == 4 && !(offset & 3))
		write_reg(opaque, offset, value);
}

const struct region_ops e1000_mmio_ops = {
	.read = mmio_read,
	.write = mmio_write,
	.max_size = 4,
};

/* 13.3: the same registers, for those who cannot reach memory yet. */
static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
	struct e1000 *e = opaque;

	if (size != 4 || (offset != IO_ADDRESS && offset != IO_DATA))
		return 0;
	return offset == IO_ADDRESS ? e->io_address : read_reg(e, e->io_address);
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct e1000 *e = opaque;

	if (size != 4)
		return;
	if (offset == IO_ADDRESS)
		e->io_address = value & (MMIO_END - 4);
	else if (offset == IO_DATA)
		write_reg(e, e->io_address, value);
}

const struct region_ops e1000_io_ops = { .read = io_read, .write = io_write };
