/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the e1000, Intel's 82540EM ("PCI/PCI-X Family of Gigabit Ethernet Controllers
 * Software Developer's Manual", 317453; sections are its own).
 *
 * e1000.c is the function with its life and link, e1000-regs.c the registers and the
 * interrupt, e1000-nvm.c EEPROM and PHY, e1000-tx.c and e1000-rx.c move frames. It stands
 * in legacy/ with the other chips that were once silicon; like virtio-net it uses a
 * netdev.
 *
 * Rings and frames are the guest's word: an index out of a ring stops it, addresses are
 * checked where memory is touched, and one call does bounded work; the rest is posted to
 * the loop. Nothing of a frame is kept between calls but how much of it was sent, so the
 * state is registers. Machine lock everywhere.
 */
#ifndef VMM_LEGACY_E1000_CORE_H
#define VMM_LEGACY_E1000_CORE_H

#include "common/log.h"
#include "vmm/loop/loop.h"
#include "vmm/net/card.h"
#include "vmm/pci/pci.h"

#define E1000_DESC      16  /* bytes of a descriptor */
#define E1000_MTA       128 /* words of the multicast table, and of the VLAN table */
#define E1000_RA        32  /* words: 16 addresses */
#define E1000_STATS     64
#define E1000_NVM_WORDS 64
#define E1000_PHY_REGS  32

/* Registers that are plain words, by index into e1000.regs; offsets are in e1000-regs.c.
 */
enum e1000_reg {
	E1000_CTRL,
	E1000_CTRL_EXT,
	E1000_EERD,
	E1000_MDIC,
	E1000_FCAL,
	E1000_FCAH,
	E1000_FCT,
	E1000_VET,
	E1000_ICR,
	E1000_ITR,
	E1000_IMS,
	E1000_RCTL,
	E1000_FCTTV,
	E1000_TXCW,
	E1000_TCTL,
	E1000_TIPG,
	E1000_AIT,
	E1000_LEDCTL,
	E1000_PBA,
	E1000_FCRTL,
	E1000_FCRTH,
	E1000_RDBAL,
	E1000_RDBAH,
	E1000_RDLEN,
	E1000_RDH,
	E1000_RDT,
	E1000_RDTR,
	E1000_RXDCTL,
	E1000_RADV,
	E1000_RSRPD,
	E1000_TDBAL,
	E1000_TDBAH,
	E1000_TDLEN,
	E1000_TDH,
	E1000_TDT,
	E1000_TIDV,
	E1000_TXDCTL,
	E1000_TADV,
	E1000_TSPMT,
	E1000_RXCSUM,
	E1000_WUC,
	E1000_WUFC,
	E1000_MANC,
	E1000_REGS,
};

/* Bits that more than one file looks at. */
enum {
	CTRL_VME = 1u << 30, /* VLAN tags are inserted and taken off */

	ICR_TXDW = 1 << 0,   /* a transmit descriptor was written back */
	ICR_TXQE = 1 << 1,   /* the transmit ring is empty */
	ICR_LSC = 1 << 2,    /* the link changed */
	ICR_RXDMT0 = 1 << 4, /* few receive descriptors are left */
	ICR_RXO = 1 << 6,    /* a frame found no room */
	ICR_RXT0 = 1 << 7,   /* frames were received */
	ICR_MDAC = 1 << 9,   /* an access to the PHY is complete */

	RCTL_EN = 1 << 1,
	RCTL_LOOPBACK = 3 << 6,
	TCTL_EN = 1 << 1,

	PHY_CONTROL = 0,
	PHY_LOOPBACK = 1 << 14, /* of PHY_CONTROL */
};

/* Statistics by index: (offset - 0x4000) / 4 (13.7). */
enum {
	STAT_MPC = 0x10 / 4,   /* missed */
	STAT_PRC64 = 0x5c / 4, /* received, by size: six of them */
	STAT_GPRC = 0x74 / 4,
	STAT_BPRC = 0x78 / 4,
	STAT_MPRC = 0x7c / 4,
	STAT_GPTC = 0x80 / 4,
	STAT_GORC = 0x88 / 4, /* bytes, 64 bits */
	STAT_GOTC = 0x90 / 4,
	STAT_ROC = 0xac / 4, /* too long */
	STAT_TOR = 0xc0 / 4, /* bytes, 64 bits */
	STAT_TOT = 0xc8 / 4,
	STAT_TPR = 0xd0 / 4,
	STAT_TPT = 0xd4 / 4,
	STAT_PTC64 = 0xd8 / 4, /* sent, by size */
	STAT_MPTC = 0xf0 / 4,
	STAT_BPTC = 0xf4 / 4,
	STAT_TSCTC = 0xf8 / 4, /* frames that were segmented */
};

/* A header of the back end's, or room for one, and the frame. */
struct e1000_frame {
	uint8_t data[NET_HDR_LEN + NET_FRAME_MAX];
};

struct e1000 {
	struct pci_device pci;
	/* properties */
	char *netdev, *mac_opt, *romfile;
	uint32_t bootindex;
	/* state */
	uint32_t regs[E1000_REGS];
	uint32_t mta[E1000_MTA], vfta[E1000_MTA], ra[E1000_RA];
	uint32_t stats[E1000_STATS];
	uint32_t io_address; /* which register the I/O window shows */
	uint16_t phy[E1000_PHY_REGS];
	uint16_t nvm_in;                /* bits of a command, as they came */
	uint32_t nvm_bits, nvm_pins;    /* clocks since chip select; EECD as written */
	uint8_t context[2][E1000_DESC]; /* checksum offload; segmentation */
	uint32_t tx_sent; /* payload of the frame at TDH that is out already */
	bool link;        /* as the guest knows it */
	/* not state */
	struct netdev *nd;
	uint8_t own_mac[NET_MAC_LEN];
	uint16_t nvm[E1000_NVM_WORDS]; /* follows from own_mac */
	bool running;
	bool rx_waits;        /* for descriptors */
	size_t rx_len;        /* of a frame that waits in rx; 0: none */
	unsigned tx_budget;   /* frames that this call may still send */
	uint64_t quiet_until; /* no interrupt before that (ITR) */
	struct loop_timer irq_timer;
	struct loop_work rx_work, tx_work;
	struct region mmio, io;
	struct e1000_frame rx, tx;
	struct ratelimit warned;
};

/* A ring as registers give it; count 0: it cannot be used now. */
struct e1000_ring {
	uint64_t base;
	uint32_t count, head;
	uint32_t ready; /* descriptors from head on that are the device's */
};

/* ---- e1000-regs.c ---- */
extern const struct region_ops e1000_mmio_ops, e1000_io_ops;
/* CTRL.RST: all registers, not the PHY. */
void e1000_reset_regs(struct e1000 *e);
/* Adds interrupt causes. */
void e1000_raise(struct e1000 *e, uint32_t causes);
/* Drives the line, at once or when ITR allows. */
void e1000_update_irq(struct e1000 *e);
/* first: E1000_RDBAL or E1000_TDBAL; the others follow. */
struct e1000_ring e1000_ring(const struct e1000 *e, enum e1000_reg first);
/* Counters stay at their end. */
void e1000_count(struct e1000 *e, unsigned stat);
/* One frame of len bytes without FCS: sizes, octets, kinds of addresses. */
void e1000_count_frame(struct e1000 *e, const uint8_t *frame, size_t len, bool sent);

/* ---- e1000-nvm.c ---- */
void e1000_nvm_fill(struct e1000 *e);
void e1000_phy_reset(struct e1000 *e);
uint32_t e1000_eecd_read(struct e1000 *e);
void e1000_eecd_write(struct e1000 *e, uint32_t value);
void e1000_eerd_write(struct e1000 *e, uint32_t value);
void e1000_mdic_write(struct e1000 *e, uint32_t value);

/* ---- e1000-tx.c, e1000-rx.c ---- */
/* Sends what is in the ring, as long as the back end takes it. */
void e1000_transmit(struct e1000 *e);
/* Takes frames from the back end while there are descriptors. */
void e1000_receive(struct e1000 *e);
/* A frame that the card sends to itself; lost when there is no room. */
void e1000_loop_back(struct e1000 *e, const uint8_t *frame, size_t len);

#endif
