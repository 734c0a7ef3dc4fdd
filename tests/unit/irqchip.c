// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupt lines and MSI routes on a board without KVM, and, where there is KVM, that it
 * takes the routing tables that come out of a long life of routes.
 */
#include "tests/tap.h"

#include "vmm/kvm/chips.h"
#include "vmm/kvm/internal.h"

#include "common/cleanup.h"

#include <string.h>
#include <sys/eventfd.h>

static struct irqchip *new_chip(struct kvm_vm *kvm)
{
	struct err err = { 0 };
	struct irqchip *chip = irqchip_new(kvm, true, &err);

	if (!chip) {
		tap_diag("%s", err.text);
		exit(1);
	}
	return chip;
}

static void test_lines(void)
{
	struct irqchip *chip = new_chip(NULL);

	irqchip_set(chip, 4, true);
	irqchip_set(chip, 4, true);
	tap_ok(irqchip_test_level(chip, 4), "a line is high");
	tap_eq(irqchip_test_edges(chip, 4), 1, "it rose once");
	tap_ok(!irqchip_test_level(chip, 5), "its neighbour is not");
	irqchip_set(chip, 4, false);
	irqchip_set(chip, 4, true);
	tap_eq(irqchip_test_edges(chip, 4), 2, "and again");
	irqchip_set(chip, 23, true);
	tap_ok(irqchip_test_level(chip, 23), "the last line");
	irqchip_free(chip);
}

static void test_messages(void)
{
	struct irqchip *chip = new_chip(NULL);
	struct msi_msg msg = { 0xfee01000, 0x4041 }, last;

	irqchip_msi(chip, &msg);
	tap_eq(irqchip_test_msis(chip, &last), 1, "one message");
	tap_ok(last.address == msg.address && last.data == msg.data, "this one");
	tap_eq(irqchip_irqfd(chip, 24, 0, true), (uint64_t)-ENOTSUP, "no irqfd");
	tap_eq(irqchip_commit(chip), 0, "nothing to commit to");
	irqchip_free(chip);
	irqchip_free(NULL);
}

/* KVM's own table until the first MSI: the switch to ours must not move a pin. */
static void test_pins(void)
{
	struct irqchip *chip = new_chip(NULL);
	unsigned pic = 0, ioapic = 0, wrong = 0;

	for (unsigned i = 0; i < chip->table->nr; i++) {
		const struct kvm_irq_routing_entry *e = &chip->table->entries[i];

		if (e->u.irqchip.irqchip == KVM_IRQCHIP_IOAPIC) {
			ioapic++;
			wrong += e->u.irqchip.pin != e->gsi;
		} else {
			pic++;
			wrong += e->u.irqchip.pin != e->gsi % 8 ||
			         e->u.irqchip.irqchip != e->gsi / 8;
		}
	}
	tap_eq(pic, 16, "16 PIC pins");
	tap_eq(ioapic, 24, "24 IOAPIC pins");
	tap_eq(wrong, 0, "each at the GSI of its number");
	irqchip_free(chip);
}

static void test_routes(void)
{
	struct irqchip *chip = new_chip(NULL);
	struct msi_msg msg = { 0xfee00000, 1 };
	unsigned pins = chip->table->nr;
	int a = irqchip_route_alloc(chip), b = irqchip_route_alloc(chip);

	tap_eq(a, IRQCHIP_GSIS, "the first route");
	tap_eq(b, IRQCHIP_GSIS + 1, "the second");
	tap_eq(chip->table->nr, pins, "without a message it is not in the table");
	for (unsigned i = 0; i < 100; i++) {
		msg.data = i;
		irqchip_route_set(chip, a, &msg);
	}
	tap_eq(chip->table->nr, pins + 1, "a route is one entry, however often set");
	tap_eq(chip->table->entries[pins].u.msi.data, 99, "with the last message");
	irqchip_route_set(chip, b, &msg);
	chip->changed = false;
	irqchip_route_set(chip, b, &msg);
	tap_ok(!chip->changed, "the same message is no change");
	irqchip_route_free(chip, a);
	tap_eq(chip->table->nr, pins + 1, "a freed route leaves the table");
	tap_eq(chip->table->entries[pins].gsi, (unsigned)b, "the other stays");
	tap_eq(irqchip_route_alloc(chip), a, "its number is used again");
	irqchip_route_free(chip, b);
	irqchip_route_free(chip, a);
	tap_eq(chip->table->nr, pins, "all gone");
	irqchip_free(chip);
}

static void test_all_routes(void)
{
	struct irqchip *chip = new_chip(NULL);
	struct msi_msg msg = { 0xfee00000, 0 };
	unsigned count = 0, pins = chip->table->nr;
	int gsi;

	while ((gsi = irqchip_route_alloc(chip)) >= 0) {
		msg.data = count++;
		irqchip_route_set(chip, gsi, &msg);
	}
	tap_eq(gsi, (uint64_t)-ENOSPC, "routes run out");
	tap_eq(chip->table->nr, pins + count, "each had an entry");
	tap_ok(pins + count <= 1024, "no more than KVM takes (%u)", pins + count);
	for (unsigned i = 0; i < count; i++)
		irqchip_route_free(chip, IRQCHIP_GSIS + i);
	tap_eq(chip->table->nr, pins, "all freed");
	irqchip_free(chip);
}

static void test_kvm(void)
{
	struct err err = { 0 };
	struct kvm_vm *kvm;
	struct irqchip *chip;
	struct msi_msg msg = { 0xfee00000, 0x21 };
	struct chips_shadow shadow;
	int gsi, fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (access("/dev/kvm", R_OK | W_OK)) {
		tap_skip("routes in KVM", "no access to /dev/kvm");
		close(fd);
		return;
	}
	kvm = kvm_vm_new(NULL, &err);
	if (!tap_ok(kvm, "a VM")) {
		tap_diag("%s", err.text);
		return;
	}
	chip = new_chip(kvm);
	gsi = irqchip_route_alloc(chip);
	irqchip_route_set(chip, gsi, &msg);
	tap_eq(irqchip_commit(chip), 0, "KVM takes the table");
	tap_eq(irqchip_irqfd(chip, gsi, fd, true), 0, "and an eventfd");
	msg.data++;
	irqchip_route_set(chip, gsi, &msg);
	tap_eq(irqchip_commit(chip), 0, "and a change");
	tap_eq(irqchip_irqfd(chip, gsi, fd, false), 0, "the eventfd goes");
	irqchip_set(chip, 4, true);
	irqchip_set(chip, 4, false);
	tap_eq(irqchip_set_level_lines(chip, 0xffff), 0, "lines are level-triggered");
	chips_shadow_read(kvm, &shadow, &err);
	tap_ok(shadow.pic[0].elcr == 0xf8 && shadow.pic[1].elcr == 0xde,
	       "but those of the chips on the board");
	for (int other; (other = irqchip_route_alloc(chip)) >= 0;)
		irqchip_route_set(chip, other, &msg);
	tap_eq(irqchip_commit(chip), 0, "KVM takes as many as it said");
	irqchip_free(chip);
	kvm_vm_free(kvm);
	close(fd);
}

int main(void)
{
	test_lines();
	test_messages();
	test_pins();
	test_routes();
	test_all_routes();
	test_kvm();
	return tap_done();
}
