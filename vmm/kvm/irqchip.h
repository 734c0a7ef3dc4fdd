/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt delivery: GSI lines, MSI messages and eventfds, over KVM's in-kernel PIC,
 * IOAPIC and local APICs, or, on a board without KVM, into counters that tests read.
 *
 * GSI 0-15 reach both the PIC and the IOAPIC, pin by pin (IRQ 0 is IOAPIC pin 0, so that
 * no interrupt source override is needed), 16-23 the IOAPIC only. GSIs from 24 on are MSI
 * routes, handed out by irqchip_route_alloc().
 */
#ifndef VMM_KVM_IRQCHIP_H
#define VMM_KVM_IRQCHIP_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct irqchip;
struct kvm_vm;

#define IRQCHIP_GSIS 24 /* pins of the IOAPIC */

struct msi_msg {
	uint64_t address;
	uint32_t data;
};

/* kvm may be NULL (tests). With KVM: creates the in-kernel chips, and the PIT if it is
 * wanted, installs the default routes. Before any vCPU exists. */
struct irqchip *irqchip_new(struct kvm_vm *kvm, bool pit, struct err *err);
void irqchip_free(struct irqchip *chip);

/* Sets the level of one line (for edge-triggered users: 1, then 0). Any thread. A line
 * has one owner; sharing is the owner's business (PCI INTx ORs its devices). */
void irqchip_set(struct irqchip *chip, unsigned gsi, bool level);
/* Makes lines (bit n: GSI n) level-triggered at the PICs, as firmware does for PCI, and
 * all others edge-triggered. 0 or -errno; without KVM there are no PICs. */
int irqchip_set_level_lines(struct irqchip *chip, uint16_t lines);
/* Sends one MSI now. Any thread. */
void irqchip_msi(struct irqchip *chip, const struct msi_msg *msg);

/* An MSI route for an eventfd. Returns the route's GSI or -errno (-ENOSPC). Machine lock.
 */
int irqchip_route_alloc(struct irqchip *chip);
void irqchip_route_free(struct irqchip *chip, int gsi);
/* Sets the message of a route; effective at irqchip_commit(). */
void irqchip_route_set(struct irqchip *chip, int gsi, const struct msi_msg *msg);
/* Installs changed routes in KVM (one call however many changed). 0 or -errno. */
int irqchip_commit(struct irqchip *chip);
/* From now on a write to eventfd `fd` raises the route, without user space. 0 or -errno;
 * on a board without KVM -ENOTSUP. */
int irqchip_irqfd(struct irqchip *chip, int gsi, int fd, bool attach);
/* The same for one of the IOAPIC's lines: a write to fd raises it, and when the guest has
 * served the interrupt it falls and KVM writes to `served`. */
int irqchip_irqfd_level(struct irqchip *chip, int gsi, int fd, int served, bool attach);

/* For tests on a board without KVM: the line's level, how often it rose, and the MSIs
 * sent. */
bool irqchip_test_level(struct irqchip *chip, unsigned gsi);
unsigned irqchip_test_edges(struct irqchip *chip, unsigned gsi);
unsigned irqchip_test_msis(struct irqchip *chip, struct msi_msg *last);

#endif
