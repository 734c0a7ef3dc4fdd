// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ACPI power management through its ports, as an operating system uses them (ACPI 4.8.3)
 * and as the 82371AB data sheet lays them out.
 */
#include "vmm/legacy/pm.h"
#include "tests/dev/clock-lib.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"
#include "vmm/pci/pci.h"

#define BASE PM_IO_BASE
#define SCI  PM_SCI

static bool sci_is_high(void *opaque)
{
	return board_irq(opaque, SCI);
}

static void conf_out(struct board *b, uint8_t reg, uint32_t value, unsigned size)
{
	board_out(b, 0xcf8, 0x80000000 | PCI_DEVFN(1, 3) << 8 | (reg & 0xfc), 4);
	board_out(b, 0xcfc + (reg & 3), value, size);
}

static uint32_t conf_in(struct board *b, uint8_t reg, unsigned size)
{
	board_out(b, 0xcf8, 0x80000000 | PCI_DEVFN(1, 3) << 8 | (reg & 0xfc), 4);
	return board_in(b, 0xcfc + (reg & 3), size);
}

static void test_config(struct board *b)
{
	tap_eq(conf_in(b, 0, 4), 0x71138086, "identity");
	tap_eq(conf_in(b, 8, 4), 0x06800003, "class and revision");
	tap_eq(conf_in(b, 0x40, 4), 0x601, "the block is at 0x600");
	tap_eq(conf_in(b, 0x80, 1), 1, "and enabled");
	tap_eq(conf_in(b, 0x5b, 1), 2, "firmware finds SMM set up");
	conf_out(b, 0x40, 0xb03f, 4);
	tap_eq(conf_in(b, 0x40, 4), 0xb001, "bits 15 to 6 move it");
	board_out(b, 0xb002, 0x0100, 2);
	tap_eq(board_in(b, 0xb002, 2), 0x0100, "it answers there");
	tap_eq(board_in(b, BASE + 2, 2), 0xffff, "and no longer here");
	conf_out(b, 0x80, 0, 1);
	tap_eq(board_in(b, 0xb002, 2), 0xffff, "disabled");
	conf_out(b, 0x80, 1, 1);
	tap_eq(board_in(b, 0xb002, 2), 0x0100, "enabled with its contents");
	conf_out(b, 0x40, 0, 4);
	tap_eq(board_in(b, 0, 2), 0xffff, "address 0 does not answer");
	devices_reset(&b->vm);
	tap_eq(conf_in(b, 0x40, 4), 0x601, "reset moves it back");
	tap_eq(board_in(b, BASE + 2, 2), 0, "and clears it");
}

static void test_power_button(struct board *b, struct device *pm)
{
	pm_power_button(pm);
	tap_eq(board_in(b, BASE, 2), 0x0100, "power button: status");
	board_out(b, BASE + 2, 0x0100, 2);
	tap_ok(!board_irq(b, SCI), "legacy mode: no SCI");
	outb(b, PM_SMI_PORT, PM_SMI_ENABLE);
	tap_eq(board_in(b, BASE + 4, 2), 1, "0xf1 to port 0xb2 sets SCI_EN");
	tap_ok(board_irq(b, SCI), "and the SCI comes");
	board_out(b, BASE, 0x0100, 2);
	tap_ok(!board_irq(b, SCI), "writing the status bit acknowledges");
	tap_eq(board_in(b, BASE, 2), 0, "and clears it");
	pm_power_button(pm);
	outb(b, BASE, 0xff);
	tap_eq(board_in(b, BASE, 2), 0x0100, "a byte write leaves the other byte");
	outb(b, BASE + 1, 0x01);
	tap_eq(board_in(b, BASE, 2), 0, "byte writes work");
	board_out(b, BASE, 0x01000000, 4);
	tap_eq(board_in(b, BASE, 4), 0x01000000, "status and enable as a double word");
	outb(b, PM_SMI_PORT, PM_SMI_DISABLE);
	tap_eq(board_in(b, BASE + 4, 2), 0, "0xf0 clears SCI_EN");
	outb(b, PM_SMI_PORT + 1, 0x5a);
	tap_eq(board_in(b, PM_SMI_PORT, 2), 0x5af0, "the ports read back");
	outb(b, PM_SMI_PORT, PM_SMI_ENABLE);
	board_out(b, BASE + 2, 0, 2);
}

static void test_gpe(struct board *b, struct device *pm)
{
	outb(b, PM_GPE_BASE + 2, 0x02);
	pm_gpe_raise(pm, 1);
	tap_ok(board_irq(b, SCI), "GPE: raised");
	tap_eq(board_in(b, PM_GPE_BASE, 4), 0x00020002, "GPE: status and enable");
	outb(b, PM_GPE_BASE, 0x02);
	tap_ok(!board_irq(b, SCI), "GPE: acknowledged");
	pm_gpe_raise(pm, 9);
	tap_ok(!board_irq(b, SCI), "GPE: not enabled");
	outb(b, PM_GPE_BASE + 3, 0x02);
	tap_ok(board_irq(b, SCI), "GPE: enabled later");
	board_out(b, PM_GPE_BASE, 0x0000ffff, 4);
	tap_eq(board_in(b, PM_GPE_BASE, 4), 0, "GPE: all at once");
}

static void test_timer(struct board *b)
{
	uint64_t start = loop_now(), ns;
	uint32_t first = board_in(b, BASE + 8, 4), ticks;
	uint64_t want;

	board_wakeups(b, 200);
	ns = loop_now() - start;
	ticks = (board_in(b, BASE + 8, 4) - first) & 0xffffff;
	want = ns * 3579545 / 1000000000;
	tap_ok(ticks <= want + 1 && ticks + 1 >= want, "PM timer: %u ticks in %llu ns",
	       ticks, (unsigned long long)ns);
	tap_eq(board_in(b, BASE + 8, 4) >> 24, 0, "PM timer: 24 bits");
	devices_quiesce(&b->vm);
	first = board_in(b, BASE + 8, 4);
	board_wakeups(b, 20);
	tap_eq(board_in(b, BASE + 8, 4), first, "a stopped machine's timer stands still");
	devices_resume(&b->vm);
	tap_eq(board_in(b, BASE + 8, 4), first, "and goes on from there");
	board_out(b, BASE, 0xffff, 2);
	tap_eq(board_wakeups(b, 100), 0, "no wake-up without the overflow interrupt");
	/* Bit 23 changes every 2.34 s. */
	board_out(b, BASE + 2, 0x0001, 2);
	tap_ok(board_until(b, sci_is_high, b, 2600), "overflow interrupt");
	ticks = board_in(b, BASE + 8, 4) & 0x7fffff;
	tap_ok(ticks < 2, "right after bit 23 changed (%u ticks)", ticks);
	tap_eq(board_wakeups(b, 30), 0, "no wake-up before it is acknowledged");
	tap_eq(board_in(b, BASE, 2), 1, "the status bit");
	board_out(b, BASE, 1, 2);
	tap_ok(!board_irq(b, SCI), "acknowledged");
	board_out(b, BASE + 2, 0, 2);
}

static void test_sleep(struct board *b)
{
	board_out(b, BASE + 4, 0x2401, 2); /* S3 */
	tap_eq(b->vm.requests, 0, "S3 is not supported");
	tap_eq(board_in(b, BASE, 2) & 0x8000, 0x8000, "the guest wakes up at once");
	tap_eq(board_in(b, BASE + 4, 2), 0x0401, "SLP_EN reads 0");
	board_out(b, BASE + 4, 0x0001, 2);
	tap_eq(b->vm.requests, 0, "a sleep type alone does nothing");
	board_out(b, BASE + 4, 0x2001, 2);
	tap_eq(b->vm.requests, VM_REQ_SHUTDOWN, "S5");
	tap_str(b->vm.reason, "ACPI S5", "and says why");
	tap_eq(b->vm.exit_status, 0, "exit status 0");
	b->vm.requests = 0;
	outb(b, BASE + 5, 0x28);
	tap_eq(b->vm.requests, VM_REQ_SHUTDOWN,
	       "S4 ends the machine too, by a byte write");
}

static void test_state(struct board *b, struct device *pm)
{
	struct board c;
	struct device *copy;
	uint32_t ticks;

	board_init(&c, true);
	copy = board_add(&c, &pm_class, "addr=1.3");
	conf_out(b, 0x40, 0xb000, 4);
	outb(b, PM_SMI_PORT, PM_SMI_ENABLE);
	board_out(b, 0xb002, 0x0100, 2);
	pm_power_button(pm);
	devices_quiesce(&b->vm);
	devices_quiesce(&c.vm);
	ticks = board_in(b, 0xb008, 4);
	tap_ok(board_copy_state(pm, copy), "save, load, compare");
	tap_eq(board_in(&c, 0xb000, 4), 0x01008100, "the copy is where the original was");
	tap_ok(board_irq(&c, SCI), "its SCI is pending");
	tap_eq(board_in(&c, 0xb008, 4), ticks, "its timer stands where it stood");
	devices_resume(&c.vm);
	board_wakeups(&c, 10);
	tap_ok(((board_in(&c, 0xb008, 4) - ticks - 35795) & 0xffffff) < 4000,
	       "and goes on");
	board_free(&c);
}

int main(void)
{
	struct board b;
	struct device *pm;

	test_clock_start();
	board_init(&b, true);
	pm = board_add(&b, &pm_class, "addr=1.3");
	tap_str(pm->path, "pci/00:01.3/PIIX4_PM", "path");
	test_config(&b);
	test_power_button(&b, pm);
	test_gpe(&b, pm);
	test_timer(&b);
	test_sleep(&b);
	test_state(&b, pm);
	board_free(&b);
	return tap_done();
}
