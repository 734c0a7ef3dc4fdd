// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: an e1000 between a hostile driver and a hostile peer. The input is a list
 * of their actions: registers, descriptors, frames, bytes on the socket. Beyond "does not
 * crash": memory that only reads may touch is untouched, what the peer is sent is
 * well-formed, state is saved and loaded, and after a reset a good driver's frame goes
 * out.
 *
 * The format, all little-endian: a byte of features (bit 0: the back end has headers),
 * then actions, see enum action.
 */
#include "vmm/legacy/e1000.h"
#include "common/bytes.h"
#include "tests/fuzz/board-lib.h"
#include "vmm/legacy/e1000-core.h"
#include "vmm/net/backend.h"

#include <errno.h>
#include <string.h>

enum action {
	ACT_SET,   /* u16 register / 4, u32 value */
	ACT_DESC,  /* u8 which of a ring's, u64, u64; bit 7: of the receive ring */
	ACT_SEND,  /* u8 descriptors: moves TDT */
	ACT_GIVE,  /* u8 descriptors: moves RDT */
	ACT_GET,   /* u16 register / 4 */
	ACT_PORT,  /* u8 port, u32 value */
	ACT_FRAME, /* u16 length, u8 for its first bytes: a frame of the peer */
	ACT_PEER,  /* u8 length, bytes: raw on the socket */
	ACT_ROUND, /* one round of the loop */
	ACT_STOP,  /* quiesce, save, load and resume */
	ACT_LINK,  /* u8: set_link */
	ACTIONS
};

/* Guest memory, and where the registers are. */
enum {
	RAM = 0x20000,
	ROM_AT = 0x40000,
	TX = 0x1000,
	RX = 0x2000,
	COUNT = 32,
	BUFFERS = 0x4000,
	MMIO = 0x10000000,
	PORTS = 0xc000,
	RDBAL = 0x2800,
	RDT = 0x2818,
	TDBAL = 0x3800,
	TDT = 0x3818,
	TCTL = 0x400,
	RCTL = 0x100,
};

static struct fuzz_board board;
static struct fuzz_wire wire;
static struct e1000 *e;

/* ---- the card ---- */

static void make_card(bool header)
{
	fuzz_wire_open(&wire, &board, header);
	e = (struct e1000 *)device_create_simple(&board.vm, &e1000_class, "netdev=n",
	                                         NULL);
	require(e);
	pci_config_write(&e->pci, PCI_BASE_ADDRESS_0, MMIO, 4);
	pci_config_write(&e->pci, PCI_BASE_ADDRESS_1, PORTS, 4);
	pci_config_write(&e->pci, PCI_COMMAND, 7, 2);
	e->pci.dev.cls->resume(&e->pci.dev);
}

static void free_card(void)
{
	device_destroy(&e->pci.dev);
	fuzz_wire_close(&wire, &board);
}

static void set(uint32_t reg, uint32_t value)
{
	fuzz_access(&board, MEM_MMIO, MMIO + reg, value, 4, true);
}

static void start(void)
{
	memset(board.ram, 0, RAM);
	for (unsigned i = 0; i < COUNT; i++)
		st64(board.ram + RX + i * E1000_DESC, BUFFERS + i * 0x800);
	set(TDBAL, TX);
	set(TDBAL + 8, COUNT * E1000_DESC);
	set(RDBAL, RX);
	set(RDBAL + 8, COUNT * E1000_DESC);
	set(RDT, COUNT - 1);
	set(TCTL, 2);
	set(RCTL, 0x04008002);
}

/* ---- actions ---- */

static void put_descriptor(struct fuzz_input *in)
{
	uint8_t which = fuzz_take(in, 1);
	uint8_t *d = board.ram + (which & 0x80 ? RX : TX) + which % COUNT * E1000_DESC;

	st64(d, fuzz_take(in, 8));
	st64(d + 8, fuzz_take(in, 8));
}

static void act(struct fuzz_input *in)
{
	uint32_t reg;

	switch ((enum action)(fuzz_take(in, 1) % ACTIONS)) {
	case ACT_SET:
		reg = fuzz_take(in, 2) % 0x8000 * 4;
		set(reg, fuzz_take(in, 4));
		break;
	case ACT_GET:
		fuzz_access(&board, MEM_MMIO, MMIO + fuzz_take(in, 2) % 0x8000 * 4, 0, 4,
		            false);
		break;
	case ACT_DESC:
		put_descriptor(in);
		break;
	case ACT_SEND:
		set(TDT, (e->regs[E1000_TDT] + fuzz_take(in, 1)) % COUNT);
		break;
	case ACT_GIVE:
		set(RDT, (e->regs[E1000_RDT] + fuzz_take(in, 1)) % COUNT);
		break;
	case ACT_PORT:
		reg = fuzz_take(in, 1) % 64;
		fuzz_access(&board, MEM_PIO, PORTS + reg, fuzz_take(in, 4), 4, true);
		fuzz_access(&board, MEM_PIO, PORTS + reg, 0, 4, false);
		break;
	case ACT_FRAME:
		fuzz_say_frame(&wire, in);
		break;
	case ACT_PEER:
		fuzz_say_bytes(&wire, in);
		break;
	case ACT_STOP:
		fuzz_copy_state(&board, &e->pci.dev);
		break;
	case ACT_LINK:
		fuzz_set_link(&wire, &board, fuzz_take(in, 1) & 1);
		break;
	default:
		loop_run_once(board.vm.loop, 0);
	}
}

/* ---- what must hold ---- */

static void check_sent(void)
{
	ssize_t n;

	while ((n = fuzz_hear(&wire)) >= 0)
		require(n >= 14 + (wire.nd->header ? NET_HDR_LEN : 0));
	require(n != -EPROTO);
	fuzz_check_rom(&board);
}

static void check_works(bool header)
{
	struct device *dev = &e->pci.dev;
	uint8_t *d = board.ram + TX;

	vm_lock(&board.vm);
	dev->cls->quiesce(dev);
	dev->cls->reset(dev);
	vm_unlock(&board.vm);
	free_card();
	make_card(header);
	start();
	st64(d, BUFFERS);
	st64(d + 8, 60 | 0x0b << 24);
	set(TDT, 1);
	require(fuzz_hear(&wire) == 60 + (header ? NET_HDR_LEN : 0));
	require(d[12] == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	bool header = fuzz_take(&in, 1) & 1;

	if (!board.ram)
		fuzz_board_init(&board, RAM, 0, ROM_AT);
	make_card(header);
	start();
	for (unsigned n = 0; in.left && n < 512; n++)
		act(&in);
	fuzz_settle(&board);
	check_sent();
	check_works(header);
	free_card();
	return 0;
}
