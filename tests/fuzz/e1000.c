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
#include "common/cleanup.h"
#include "common/frames.h"
#include "vmm/core/vm.h"
#include "vmm/legacy/e1000-core.h"
#include "vmm/net/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* Guest memory, then a page that is read-only. */
enum {
	RAM = 0x20000,
	ROM_AT = 0x40000,
	ROM = 0x1000,
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

struct input {
	const uint8_t *data;
	size_t left;
};

static struct vm vm = { .lock = PTHREAD_MUTEX_INITIALIZER };
static uint8_t *ram, *rom;
static struct e1000 *e;
static struct netdev *nd;
static struct frames peer;
static uint8_t buffer[FRAMES_MAX];

static void require(bool truth)
{
	if (!truth)
		abort();
}

/* ---- the board ---- */

static void make_board(void)
{
	vm.loop = loop_new(&vm.lock, NULL);
	vm.mem = mem_new(NULL, NULL);
	vm.irqchip = irqchip_new(NULL, NULL);
	ram = mem_alloc(RAM, NULL);
	rom = mem_alloc(ROM, NULL);
	require(ram && rom && pci_bus_new(&vm, NULL, NULL, NULL));
	require(!mem_add_ram(vm.mem, "ram", 0, RAM, ram, false, NULL));
	require(!mem_add_ram(vm.mem, "rom", ROM_AT, ROM, rom, true, NULL));
	memset(rom, 0xa5, ROM);
}

static void make_card(bool header)
{
	struct opt_list opts = { 0 };
	char text[100];
	int fds[2];

	require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	snprintf(text, sizeof(text), "stream,id=n,addr.type=fd,addr.str=%d", fds[1]);
	vm.nets = net_registry_new(vm.loop);
	require(!opt_list_parse(&opts, text, "type", NULL));
	nd = net_create(vm.nets, &opts, NULL);
	opt_list_free(&opts);
	close(fds[1]);
	require(nd && !frames_init(&peer, fds[0], 0));
	nd->header = header;
	e = (struct e1000 *)device_create_simple(&vm, &e1000_class, "netdev=n", NULL);
	require(e);
	pci_config_write(&e->pci, PCI_BASE_ADDRESS_0, MMIO, 4);
	pci_config_write(&e->pci, PCI_BASE_ADDRESS_1, PORTS, 4);
	pci_config_write(&e->pci, PCI_COMMAND, 7, 2);
	e->pci.dev.cls->resume(&e->pci.dev);
}

static void free_card(void)
{
	device_destroy(&e->pci.dev);
	net_registry_free(vm.nets);
	frames_free(&peer);
	close(peer.fd);
}

static uint32_t access_at(enum mem_space space, uint64_t at, uint32_t value, bool write)
{
	vm_lock(&vm);
	mem_access(vm.mem, space, at, &value, 4, write);
	vm_unlock(&vm);
	return value;
}

static void set(uint32_t reg, uint32_t value)
{
	access_at(MEM_MMIO, MMIO + reg, value, true);
}

static void start(void)
{
	memset(ram, 0, RAM);
	for (unsigned i = 0; i < COUNT; i++)
		st64(ram + RX + i * E1000_DESC, BUFFERS + i * 0x800);
	set(TDBAL, TX);
	set(TDBAL + 8, COUNT * E1000_DESC);
	set(RDBAL, RX);
	set(RDBAL + 8, COUNT * E1000_DESC);
	set(RDT, COUNT - 1);
	set(TCTL, 2);
	set(RCTL, 0x04008002);
}

/* ---- actions ---- */

static uint64_t take(struct input *in, unsigned n)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < n && in->left; i++, in->left--)
		value |= (uint64_t)*in->data++ << (8 * i);
	return value;
}

static void put_descriptor(struct input *in)
{
	uint8_t which = take(in, 1);
	uint8_t *d = ram + (which & 0x80 ? RX : TX) + which % COUNT * E1000_DESC;

	st64(d, take(in, 8));
	st64(d + 8, take(in, 8));
}

static void peer_says(struct input *in, bool whole)
{
	struct iovec iov = { buffer, take(in, whole ? 2 : 1) };

	if (whole) {
		/* Up to the longest, which is a 16th more than 64 KiB. */
		iov.iov_len = iov.iov_len * 17 / 16;
		memset(buffer, take(in, 1), 32);
		if (iov.iov_len)
			frames_send(&peer, &iov, 1);
		return;
	}
	iov.iov_len = iov.iov_len < in->left ? iov.iov_len : in->left;
	send(peer.fd, in->data, iov.iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	in->data += iov.iov_len;
	in->left -= iov.iov_len;
}

static void stop_and_go(void)
{
	struct device *dev = &e->pci.dev;
	_cleanup_strbuf_ struct strbuf out = { 0 };
	size_t used = 0;

	vm_lock(&vm);
	dev->cls->quiesce(dev);
	require(!state_save(dev->cls->state, dev, dev->path, &out, NULL));
	require(!state_load(dev->cls->state, dev, dev->cls->size, dev->path, out.data,
	                    out.len, &used, NULL));
	dev->cls->resume(dev);
	vm_unlock(&vm);
}

static void set_link(bool up)
{
	vm_lock(&vm);
	net_set_link(nd, up);
	vm_unlock(&vm);
}

static void act(struct input *in)
{
	uint32_t reg;

	switch ((enum action)(take(in, 1) % ACTIONS)) {
	case ACT_SET:
		reg = take(in, 2) % 0x8000 * 4;
		set(reg, take(in, 4));
		break;
	case ACT_GET:
		access_at(MEM_MMIO, MMIO + take(in, 2) % 0x8000 * 4, 0, false);
		break;
	case ACT_DESC:
		put_descriptor(in);
		break;
	case ACT_SEND:
		set(TDT, (e->regs[E1000_TDT] + take(in, 1)) % COUNT);
		break;
	case ACT_GIVE:
		set(RDT, (e->regs[E1000_RDT] + take(in, 1)) % COUNT);
		break;
	case ACT_PORT:
		reg = take(in, 1) % 64;
		access_at(MEM_PIO, PORTS + reg, take(in, 4), true);
		access_at(MEM_PIO, PORTS + reg, 0, false);
		break;
	case ACT_FRAME:
		peer_says(in, true);
		break;
	case ACT_PEER:
		peer_says(in, false);
		break;
	case ACT_STOP:
		stop_and_go();
		break;
	case ACT_LINK:
		set_link(take(in, 1) & 1);
		break;
	default:
		loop_run_once(vm.loop, 0);
	}
}

/* ---- what must hold ---- */

static void check_sent(void)
{
	ssize_t n;

	while ((n = frames_recv(&peer, buffer)) >= 0)
		require(n >= 14 + (nd->header ? NET_HDR_LEN : 0));
	require(n != -EPROTO);
	for (unsigned i = 0; i < ROM; i++)
		require(rom[i] == 0xa5);
}

static void check_works(bool header)
{
	struct device *dev = &e->pci.dev;

	vm_lock(&vm);
	dev->cls->quiesce(dev);
	dev->cls->reset(dev);
	vm_unlock(&vm);
	free_card();
	make_card(header);
	start();
	st64(ram + TX, BUFFERS);
	st64(ram + TX + 8, 60 | 0x0b << 24);
	set(TDT, 1);
	require(frames_recv(&peer, buffer) == 60 + (header ? NET_HDR_LEN : 0));
	require(ram[TX + 12] == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	bool header = take(&in, 1) & 1;

	if (!ram) {
		make_board();
		if (!getenv("KVMKIT_LOG"))
			log_open("/dev/null", NULL);
	}
	make_card(header);
	start();
	for (unsigned n = 0; in.left && n < 512; n++)
		act(&in);
	for (unsigned n = 0; n < 64 && loop_run_once(vm.loop, 0); n++)
		;
	check_sent();
	check_works(header);
	free_card();
	return 0;
}
