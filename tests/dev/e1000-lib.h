/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An e1000 on a netdev whose other side is the test, and a driver of few lines. Failures
 * of the set-up end the program. */
#ifndef TESTS_DEV_E1000_LIB_H
#define TESTS_DEV_E1000_LIB_H

#include "common/frames.h"
#include "tests/dev/legacy-lib.h"
#include "vmm/legacy/e1000-core.h"

/* Offsets of registers (13.4), as a driver's author reads them. */
enum {
	CTRL = 0x0,
	STATUS = 0x8,
	EECD = 0x10,
	EERD = 0x14,
	MDIC = 0x20,
	VET = 0x38,
	ICR = 0xc0,
	ITR = 0xc4,
	ICS = 0xc8,
	IMS = 0xd0,
	IMC = 0xd8,
	RCTL = 0x100,
	TCTL = 0x400,
	RDBAL = 0x2800,
	RDLEN = 0x2808,
	RDH = 0x2810,
	RDT = 0x2818,
	TDBAL = 0x3800,
	TDLEN = 0x3808,
	TDH = 0x3810,
	TDT = 0x3818,
	MPC = 0x4010,
	GPRC = 0x4074,
	GPTC = 0x4080,
	GOTCL = 0x4090,
	ROC = 0x40ac,
	PTC64 = 0x40d8,
	TSCTC = 0x40f8,
	RXCSUM = 0x5000,
	MTA = 0x5200,
	RAL = 0x5400,
	RAH = 0x5404,
	VFTA = 0x5600,
};

#define NIC_RAM    (2u << 20)
#define NIC_TX     0x10000u /* rings; the receive ring is of NIC_RX_COUNT */
#define NIC_RX     0x20000u
#define NIC_DATA   0x40000u /* for frames to send */
#define NIC_BUFFER 0x80000u /* of the receive ring, 4 KiB each */
enum { NIC_TX_COUNT = 512, NIC_RX_COUNT = 16 };

struct nic {
	struct board b;
	struct e1000 *e;
	uint64_t mmio;
	uint16_t io;
	uint8_t *ram;
	struct frames peer;
	int fd;
	uint32_t tail; /* of the transmit ring */
};

/* header: the netdev's frames carry one. Rings are set up and both directions on. */
void nic_open(struct nic *n, const char *opts, bool header);
void nic_close(struct nic *n);
uint32_t nic_get(struct nic *n, uint32_t reg);
void nic_set(struct nic *n, uint32_t reg, uint32_t value);
/* Puts a descriptor at the tail: the two words behind the address. */
void nic_put(struct nic *n, uint64_t addr, uint32_t lower, uint32_t upper);
/* Moves TDT there. */
void nic_send(struct nic *n);
/* The last status byte of a descriptor. */
uint8_t nic_tx_status(struct nic *n, uint32_t index);
/* What the peer gets, running the loop: the length, -1 after a while without; nothing is
 * waited for if wait is off. */
ssize_t nic_hear(struct nic *n, uint8_t *buf, bool wait);
/* The peer sends a frame, and the loop runs. */
void nic_say(struct nic *n, const void *frame, size_t len);
/* A received descriptor: its words 2 and 3, cleared afterwards. */
uint64_t nic_rx(struct nic *n, uint32_t index);
/* RFC 1071 over a range, the plain way: 0xffff when it holds its own checksum. */
uint16_t nic_sum(const uint8_t *p, size_t len, uint32_t sum);

#endif
