// SPDX-License-Identifier: GPL-2.0-or-later
/* i6300esb: unlocking, both counters, the lock, what follows, and that its time stands
 * with the machine. */
#include "vmm/legacy/i6300esb.h"
#include "tests/dev/clock-lib.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"

#include "common/bytes.h"
#include "vmm/pci/pci.h"

#define BAR 0xc0000000u

enum { CONFIG = 0x60, LOCK = 0x68, TIMER1 = 0, TIMER2 = 4, STATUS = 8, RELOAD = 0xc };

struct dog {
	struct board b;
	struct pci_device *pci;
};

static void poke(struct dog *d, uint32_t reg, uint32_t value, unsigned size)
{
	vm_lock(&d->b.vm);
	mem_access(d->b.vm.mem, MEM_MMIO, BAR + reg, &value, size, true);
	vm_unlock(&d->b.vm);
}

static uint32_t peek(struct dog *d, uint32_t reg)
{
	uint32_t value = 0;

	vm_lock(&d->b.vm);
	mem_access(d->b.vm.mem, MEM_MMIO, BAR + reg, &value, 4, false);
	vm_unlock(&d->b.vm);
	return value;
}

static void unlocked(struct dog *d, uint32_t reg, uint32_t value)
{
	poke(d, RELOAD, 0x80, 2);
	poke(d, RELOAD, 0x86, 2);
	poke(d, reg, value, 4);
}

static void config(struct dog *d, unsigned reg, unsigned value, unsigned size)
{
	vm_lock(&d->b.vm);
	pci_config_write(d->pci, reg, value, size);
	vm_unlock(&d->b.vm);
}

static void place(struct dog *d)
{
	config(d, PCI_BASE_ADDRESS_0, BAR, 4);
	config(d, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
}

static bool barked(void *opaque)
{
	return ((struct dog *)opaque)->b.vm.requests;
}

/* True when it barks within so many ms. */
static bool barks(struct dog *d, unsigned ms)
{
	bool did;

	d->b.vm.requests = 0;
	did = board_until(&d->b, barked, d, ms);
	if (did)
		tap_eq(d->b.vm.requests, VM_REQ_WATCHDOG, "the machine is told");
	return did;
}

static void test_registers(struct dog *d)
{
	tap_eq(ld32(d->pci->config), 0x25ab8086, "the function is 8086:25ab");
	tap_eq(d->pci->bars[0].size, 16, "with 16 bytes of memory");
	poke(d, TIMER1, 5, 4);
	tap_eq(peek(d, TIMER1), 0xfffff, "a write without the sequence is lost");
	poke(d, RELOAD, 0x86, 2);
	poke(d, RELOAD, 0x80, 2);
	poke(d, TIMER1, 5, 4);
	tap_eq(peek(d, TIMER1), 0xfffff, "so it is with a wrong one");
	poke(d, RELOAD, 0x80, 2);
	poke(d, RELOAD, 0x80, 2);
	poke(d, RELOAD, 0x86, 2);
	poke(d, TIMER1, 5, 4);
	tap_eq(peek(d, TIMER1), 5, "one that starts anew is right");
	poke(d, TIMER1, 7, 4);
	tap_eq(peek(d, TIMER1), 5, "and counts once");
	unlocked(d, TIMER2, 0xfff00006);
	tap_eq(peek(d, TIMER2), 6, "a counter has 20 bits");
}

static void test_barks(struct dog *d)
{
	uint64_t before;

	config(d, CONFIG, 3, 2);
	unlocked(d, TIMER1, 20); /* about a millisecond each */
	unlocked(d, TIMER2, 20);
	tap_ok(!barks(d, 80), "it stands until it is enabled");
	before = loop_now();
	config(d, LOCK, 2, 1);
	tap_ok(barks(d, 5000), "then it barks");
	tap_ok(loop_now() - before >= 39000000 && loop_now() - before < 42000000,
	       "after both counters");
	tap_eq(peek(d, STATUS), 1, "the first one left its mark");
	tap_eq(peek(d, RELOAD), 0x200, "and so did the second");
	unlocked(d, STATUS, 1);
	tap_eq(peek(d, STATUS), 0, "the mark is cleared by a 1");
	tap_ok(!barks(d, 80), "it barks once");
	unlocked(d, RELOAD, 0x300);
	tap_eq(peek(d, RELOAD), 0, "the second mark as well");
	tap_ok(barks(d, 5000), "RELOAD starts it again");
	config(d, LOCK, 0, 1);
	config(d, LOCK, 6, 1);
	tap_ok(barks(d, 5000) && barks(d, 5000),
	       "running freely it barks again and again");
	config(d, CONFIG, 0x23, 2);
	tap_ok(!barks(d, 120), "unless it may not");
	config(d, LOCK, 0, 1);
}

static void test_fed(struct dog *d)
{
	config(d, CONFIG, 3, 2);
	unlocked(d, TIMER1, 10000);
	config(d, LOCK, 2, 1);
	unlocked(d, TIMER1, 20);
	tap_ok(!barks(d, 120), "new values count from the next start on");
	unlocked(d, RELOAD, 0x100);
	tap_ok(barks(d, 5000), "which RELOAD is");
	config(d, LOCK, 0, 1);
}

static void test_lock(struct dog *d)
{
	config(d, LOCK, 3, 1);
	config(d, LOCK, 0, 1);
	tap_eq(d->pci->config[LOCK], 3, "a locked register stays as it is");
	tap_ok(barks(d, 5000), "so the guest cannot turn it off");
	d->pci->dev.cls->reset(&d->pci->dev);
	place(d);
	tap_eq(d->pci->config[LOCK], 0, "a reset unlocks");
	tap_eq(peek(d, RELOAD), 0x200,
	       "and leaves the mark, for the next kernel to read");
	tap_ok(!barks(d, 80), "and stops");
}

static void test_stopped(struct dog *d)
{
	struct device *dev = &d->pci->dev;
	struct dog other;

	config(d, CONFIG, 3, 2);
	unlocked(d, TIMER1, 40);
	unlocked(d, TIMER2, 40);
	unlocked(d, STATUS, 1);
	config(d, LOCK, 2, 1);
	dev->cls->quiesce(dev);
	tap_ok(!barks(d, 200), "its time stands with the machine");
	tap_eq(peek(d, STATUS), 0, "that of the first counter, too");
	board_init(&other.b, true);
	other.pci = (struct pci_device *)board_add(&other.b, &i6300esb_class, "");
	other.pci->dev.cls->quiesce(&other.pci->dev);
	tap_ok(board_copy_state(dev, &other.pci->dev), "state is saved and loaded");
	other.pci->dev.cls->resume(&other.pci->dev);
	tap_ok(barks(&other, 5000), "it goes on in another machine");
	board_free(&other.b);
	dev->cls->resume(dev);
	tap_ok(barks(d, 5000), "and in this one");
}

int main(void)
{
	struct dog d;

	test_clock_start();
	board_init(&d.b, true);
	d.pci = (struct pci_device *)board_add(&d.b, &i6300esb_class, "");
	place(&d);
	test_registers(&d);
	test_barks(&d);
	test_fed(&d);
	test_lock(&d);
	test_stopped(&d);
	board_free(&d.b);
	return tap_done();
}
