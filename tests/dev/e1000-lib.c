// SPDX-License-Identifier: GPL-2.0-or-later
/* An e1000 with its driver and its peer. */
#include "tests/dev/e1000-lib.h"

#include "common/bytes.h"
#include "tests/tap.h"
#include "vmm/legacy/e1000.h"
#include "vmm/net/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

uint32_t nic_get(struct nic *n, uint32_t reg)
{
	uint32_t value = 0;

	vm_lock(&n->b.vm);
	mem_access(n->b.vm.mem, MEM_MMIO, n->mmio + reg, &value, 4, false);
	vm_unlock(&n->b.vm);
	return value;
}

void nic_set(struct nic *n, uint32_t reg, uint32_t value)
{
	vm_lock(&n->b.vm);
	mem_access(n->b.vm.mem, MEM_MMIO, n->mmio + reg, &value, 4, true);
	vm_unlock(&n->b.vm);
}

static void start(struct nic *n)
{
	nic_set(n, TDBAL, NIC_TX);
	nic_set(n, TDLEN, NIC_TX_COUNT * E1000_DESC);
	nic_set(n, TCTL, 2);
	for (unsigned i = 0; i < NIC_RX_COUNT; i++)
		st64(n->ram + NIC_RX + i * E1000_DESC, NIC_BUFFER + i * 4096);
	nic_set(n, RDBAL, NIC_RX);
	nic_set(n, RDLEN, NIC_RX_COUNT * E1000_DESC);
	nic_set(n, RDT, NIC_RX_COUNT - 1);
	/* On, broadcasts, no check sequence. */
	nic_set(n, RCTL, 1 << 1 | 1 << 15 | 1 << 26);
}

void nic_open(struct nic *n, const char *opts, bool header)
{
	struct err err = { 0 };
	char text[200];

	*n = (struct nic){ .fd = -1 };
	board_init(&n->b, true);
	n->ram = mem_alloc(NIC_RAM, &err);
	if (!n->ram ||
	    mem_add_ram(n->b.vm.mem, "ram", 0, NIC_RAM, n->ram, false, &err) < 0)
		exit(1);
	n->fd = board_net(&n->b, "n");
	net_find(n->b.vm.nets, "n")->header = header;
	if (frames_init(&n->peer, n->fd, 1 << 20) < 0)
		exit(1);
	snprintf(text, sizeof(text), "netdev=n%s%s", *opts ? "," : "", opts);
	n->e = (struct e1000 *)board_add(&n->b, &e1000_class, text);
	if (pci_bus_assign(n->b.vm.pci, 0xc0000000, 0xc1000000, &err) < 0)
		exit(1);
	n->mmio = n->e->pci.bars[0].addr;
	n->io = n->e->pci.bars[1].addr;
	start(n);
}

void nic_close(struct nic *n)
{
	frames_free(&n->peer);
	close(n->fd);
	board_free(&n->b);
	munmap(n->ram, NIC_RAM);
}

void nic_put(struct nic *n, uint64_t addr, uint32_t lower, uint32_t upper)
{
	uint8_t *d = n->ram + NIC_TX + n->tail * E1000_DESC;

	st64(d, addr);
	st32(d + 8, lower);
	st32(d + 12, upper);
	n->tail = (n->tail + 1) % NIC_TX_COUNT;
}

void nic_send(struct nic *n)
{
	nic_set(n, TDT, n->tail);
}

uint8_t nic_tx_status(struct nic *n, uint32_t index)
{
	return n->ram[NIC_TX + index * E1000_DESC + 12];
}

struct hearing {
	struct nic *n;
	uint8_t *buf;
	ssize_t len;
};

static bool heard(void *opaque)
{
	struct hearing *h = opaque;

	h->len = frames_recv(&h->n->peer, h->buf);
	/* What it says first may be of the time when the socket was read last. */
	if (h->len == -EAGAIN)
		h->len = frames_recv(&h->n->peer, h->buf);
	return h->len >= 0;
}

ssize_t nic_hear(struct nic *n, uint8_t *buf, bool wait)
{
	struct hearing h = { n, buf, -1 };

	if (!wait) {
		board_settle(&n->b);
		return heard(&h) ? h.len : -1;
	}
	return board_until(&n->b, heard, &h, 60000) ? h.len : -1;
}

void nic_say(struct nic *n, const void *frame, size_t len)
{
	struct iovec iov = { (void *)frame, len };

	if (frames_send(&n->peer, &iov, 1) < 0)
		tap_diag("the peer cannot send %zu bytes", len);
	frames_flush(&n->peer);
	board_settle(&n->b);
}

uint64_t nic_rx(struct nic *n, uint32_t index)
{
	uint8_t *d = n->ram + NIC_RX + index * E1000_DESC + 8;
	uint64_t value = ld64(d);

	st64(d, 0);
	return value;
}

uint16_t nic_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}
