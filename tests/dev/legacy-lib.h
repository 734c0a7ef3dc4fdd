/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A board without vCPUs for device tests: the test plays the guest through ports, and the
 * host at the other end of sockets. Failures of the board itself end the program.
 */
#ifndef TESTS_DEV_LEGACY_LIB_H
#define TESTS_DEV_LEGACY_LIB_H

#include "vmm/chardev/chardev.h"
#include "vmm/core/device.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/loop/loop.h"
#include "vmm/mem/mem.h"
#include "vmm/net/net.h"

struct board {
	struct vm vm;
	char dir[64]; /* for sockets; removed at the end */
	struct device *isa_bridge;
};

/* pci: also a PCI bus, whose interrupts are routed by the PIIX3 once board->isa_bridge is
 * set. */
void board_init(struct board *b, bool pci);
void board_free(struct board *b);
/* Creates a device and starts it (reset and resume). */
struct device *board_add(struct board *b, const struct device_class *cls,
                         const char *opts);
/* A chardev of that id behind a socket; returns the other end, non-blocking. */
int board_socket(struct board *b, const char *id);
/* A netdev of that id; returns the socket that is its other side. */
int board_net(struct board *b, const char *id);

uint32_t board_in(struct board *b, uint16_t port, unsigned size);
void board_out(struct board *b, uint16_t port, uint32_t value, unsigned size);
static inline uint8_t inb(struct board *b, uint16_t port)
{
	return board_in(b, port, 1);
}
static inline void outb(struct board *b, uint16_t port, uint8_t value)
{
	board_out(b, port, value, 1);
}
bool board_irq(struct board *b, unsigned gsi);
unsigned board_edges(struct board *b, unsigned gsi);

/* Runs the loop until nothing is ready any more. */
void board_settle(struct board *b);
/* Runs the loop until done(opaque) or timeout_ms; true when done. */
bool board_until(struct board *b, bool (*done)(void *opaque), void *opaque,
                 unsigned timeout_ms);
/* Rounds of the loop that ran something within ms: an idle device must cause none. */
unsigned board_wakeups(struct board *b, unsigned ms);
/* Reads from the other end, running the loop, until len bytes, the end or 60 s. */
size_t board_read(struct board *b, int fd, void *buf, size_t len);

/* Saves dev, loads the state into other (same class, fresh) and compares: ok when equal.
 */
bool board_copy_state(struct device *dev, struct device *other);

#endif
