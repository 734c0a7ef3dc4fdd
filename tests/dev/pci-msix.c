// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSI-X (PCI Local Bus 3.0, 6.8.2): the table and its masks, the pending bits, vectors
 * raised by eventfds, and all of it over save and load.
 */
#include "tests/dev/pci-lib.h"
#include "tests/tap.h"

#include "common/bytes.h"

#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AT     PCI_DEVFN(5, 0)
#define TABLE  0xd0000000
#define PBA    (TABLE + 0x800)
#define ENABLE PCI_MSIX_FLAGS_ENABLE
#define ALL    PCI_MSIX_FLAGS_MASKALL

static struct pci_test *init(struct board *b)
{
	board_init(b, true);
	return (struct pci_test *)board_add(b, &pci_test_class, "addr=5");
}

static void map(struct board *b)
{
	conf_out(b, AT, PCI_BASE_ADDRESS_0 + 4 * BAR_MSIX, TABLE, 4);
	conf_out(b, AT, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}

static void control(struct board *b, uint16_t flags)
{
	unsigned cap = conf_in(b, AT, PCI_CAPABILITY_LIST, 1);

	conf_out(b, AT, cap + PCI_MSIX_FLAGS, flags, 2);
}

static void set_vector(struct board *b, unsigned v, uint32_t data, bool masked)
{
	mem_out(b, TABLE + 16 * v, 0xfee00000, 4);
	mem_out(b, TABLE + 16 * v + 4, 0, 4);
	mem_out(b, TABLE + 16 * v + 8, data, 4);
	mem_out(b, TABLE + 16 * v + 12, masked, 4);
}

static unsigned sent(struct board *b, uint32_t *data)
{
	struct msi_msg last;
	unsigned count = irqchip_test_msis(b->vm.irqchip, &last);

	*data = last.data;
	return count;
}

static void test_registers(struct board *b)
{
	unsigned cap = conf_in(b, AT, PCI_CAPABILITY_LIST, 1);

	tap_eq(conf_in(b, AT, cap, 1), PCI_CAP_ID_MSIX, "the capability");
	tap_eq(conf_in(b, AT, cap + PCI_MSIX_FLAGS, 2), PCI_TEST_VECTORS - 1,
	       "the size of the table, and nothing enabled");
	tap_eq(conf_in(b, AT, cap + PCI_MSIX_TABLE, 4), BAR_MSIX, "where the table is");
	tap_eq(conf_in(b, AT, cap + PCI_MSIX_PBA, 4), 0x800 | BAR_MSIX, "and the PBA");
	control(b, 0xffff);
	tap_eq(conf_in(b, AT, cap + PCI_MSIX_FLAGS, 2),
	       ENABLE | ALL | (PCI_TEST_VECTORS - 1), "two bits can be written");
	control(b, 0);
	tap_eq(mem_in(b, TABLE + 12, 4), 1, "vectors are masked after reset");
	mem_out(b, TABLE + 16, 0x1122334455667788, 8);
	tap_eq(mem_in(b, TABLE + 20, 4), 0x11223344, "quad words reach the table");
	tap_eq(mem_in(b, TABLE + 16 * PCI_TEST_VECTORS, 4), 0xffffffff,
	       "the table ends where it should");
	mem_out(b, PBA, ~0ull, 8);
	tap_eq(mem_in(b, PBA, 8), 0, "the PBA is read-only");
}

static void test_masks(struct board *b, struct pci_device *pdev)
{
	uint32_t data;

	set_vector(b, 0, 0x41, false);
	set_vector(b, 1, 0x42, true);
	pci_msix_notify(pdev, 0);
	tap_eq(sent(b, &data), 0, "nothing while MSI-X is off");
	tap_eq(mem_in(b, PBA, 8), 0, "not even a pending bit");
	control(b, ENABLE);
	pci_msix_notify(pdev, 0);
	tap_ok(sent(b, &data) == 1 && data == 0x41, "an interrupt is a message");
	pci_msix_notify(pdev, 1);
	tap_eq(sent(b, &data), 1, "a masked vector waits");
	tap_eq(mem_in(b, PBA, 8), 2, "and is pending");
	mem_out(b, TABLE + 16 + 8, 0x52, 4);
	mem_out(b, TABLE + 16 + 12, 0, 4);
	tap_ok(sent(b, &data) == 2 && data == 0x52, "unmasked it comes, as it is now");
	tap_eq(mem_in(b, PBA, 8), 0, "and is not pending any more");
	control(b, ENABLE | ALL);
	pci_msix_notify(pdev, 0);
	pci_msix_notify(pdev, 0);
	pci_msix_notify(pdev, 1);
	tap_eq(mem_in(b, PBA, 8), 3, "the function's mask holds all of them");
	control(b, ENABLE);
	tap_eq(sent(b, &data), 4, "each comes once when it goes");
	pci_msix_notify(pdev, PCI_TEST_VECTORS);
	tap_eq(sent(b, &data), 4, "a vector that does not exist is nothing");
	devices_reset(&b->vm);
	map(b);
	tap_eq(mem_in(b, TABLE + 12, 4), 1, "reset masks");
	tap_eq(mem_in(b, TABLE + 8, 4), 0, "and clears");
}

static void raise(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		tap_diag("eventfd cannot be written");
}

static void test_eventfd(struct board *b, struct pci_device *pdev)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unsigned before;
	uint32_t data;

	before = sent(b, &data);
	set_vector(b, 2, 0x61, false);
	control(b, ENABLE);
	pci_msix_set_fd(pdev, 2, fd);
	raise(fd);
	board_settle(b);
	tap_ok(sent(b, &data) == before + 1 && data == 0x61, "an eventfd raises it");
	mem_out(b, TABLE + 32 + 12, 1, 4);
	raise(fd);
	board_settle(b);
	tap_eq(sent(b, &data), before + 1, "not while it is masked");
	tap_eq(mem_in(b, PBA, 8), 4, "then the PBA shows it");
	mem_out(b, TABLE + 32 + 12, 0, 4);
	board_settle(b);
	tap_eq(sent(b, &data), before + 2, "until it is unmasked");
	control(b, ENABLE | ALL);
	raise(fd);
	control(b, ENABLE);
	board_settle(b);
	tap_eq(sent(b, &data), before + 3, "also without a look at the PBA");
	pci_msix_set_fd(pdev, 2, -1);
	raise(fd);
	board_settle(b);
	tap_eq(sent(b, &data), before + 3, "detached it is nothing");
	close(fd);
}

/* An interrupt that waits in an eventfd is part of the machine's state. */
static void test_state(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct board a, b;
	struct pci_test *from = init(&a), *to = init(&b);
	uint32_t data;

	map(&a);
	set_vector(&a, 1, 0x71, true);
	control(&a, ENABLE);
	pci_msix_set_fd(&from->pci, 1, fd);
	raise(fd);
	tap_ok(board_copy_state(&from->pci.dev, &to->pci.dev), "saved and loaded");
	tap_eq(mem_in(&b, PBA, 8), 2, "what waited is pending there");
	mem_out(&b, TABLE + 16 + 12, 0, 4);
	tap_ok(sent(&b, &data) == 1 && data == 0x71, "and comes when it is unmasked");
	tap_eq(mem_in(&a, PBA, 8), 2, "here it is still pending");
	pci_msix_set_fd(&from->pci, 1, -1);
	close(fd);
	board_free(&a);
	board_free(&b);
}

static bool loads(struct pci_test *t, const struct pci_test *from, const char *says)
{
	_cleanup_strbuf_ struct strbuf section = { 0 };
	struct pci_test copy = *from;
	struct state_desc plain = *t->pci.dev.cls->state;
	struct err err = { 0 };
	size_t used = 0;
	bool ok;

	plain.pre_save = NULL;
	state_save(&plain, &copy, "x", &section, &err);
	ok = state_load(t->pci.dev.cls->state, t, sizeof(*t), "x", section.data,
	                section.len, &used, &err) >= 0;
	return ok || !strstr(err.text, says);
}

static void test_refusals(void)
{
	struct board b;
	struct pci_test *t = init(&b), bad = *t;

	bad.pci.msix_table_len = 16 * PCI_TEST_VECTORS - 1;
	tap_ok(!loads(t, &bad, "MSI-X table"), "a table that is too short");
	bad.pci.msix_table_len = sizeof(bad.pci.msix_table);
	tap_ok(!loads(t, &bad, "MSI-X table"), "a table that is too long");
	bad = *t;
	bad.pci.msix_pba[0] = 1 << PCI_TEST_VECTORS;
	tap_ok(!loads(t, &bad, "pending"), "a vector that does not exist is pending");
	bad = *t;
	bad.pci.config[PCI_DEVICE_ID]++;
	tap_ok(!loads(t, &bad, "config byte 0x02"), "another device");
	board_free(&b);
}

int main(void)
{
	struct board b;
	struct pci_test *t = init(&b);

	map(&b);
	test_registers(&b);
	test_masks(&b, &t->pci);
	test_eventfd(&b, &t->pci);
	board_free(&b);
	test_state();
	test_refusals();
	return tap_done();
}
