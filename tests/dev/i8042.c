// SPDX-License-Identifier: GPL-2.0-or-later
/* The keyboard controller and port 0x92 through their ports, as BIOS and kernels probe
 * them. */
#include "vmm/legacy/i8042.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"
#include "vmm/legacy/port92.h"

enum { OBF = 0x01, SYSTEM = 0x04, AUX = 0x20 };

static void test_commands(struct board *b)
{
	tap_eq(inb(b, 0x64), 0x18, "status at reset: unlocked, output buffer empty");
	outb(b, 0x64, 0xaa);
	tap_eq(inb(b, 0x64) & (OBF | SYSTEM), OBF | SYSTEM, "self-test: an answer waits");
	tap_ok(board_irq(b, 1), "and interrupts");
	tap_eq(inb(b, 0x60), 0x55, "it passed");
	tap_ok(!board_irq(b, 1), "reading lowers the line");
	tap_eq(inb(b, 0x64) & OBF, 0, "and empties the buffer");
	outb(b, 0x64, 0x60);
	outb(b, 0x60, 0x44);
	outb(b, 0x64, 0x20);
	tap_eq(inb(b, 0x60), 0x44, "command byte written and read");
	tap_ok(!board_irq(b, 1), "it disables the interrupt");
	outb(b, 0x64, 0xad);
	outb(b, 0x64, 0x20);
	tap_eq(inb(b, 0x60), 0x54, "keyboard disabled");
	outb(b, 0x64, 0xae);
	outb(b, 0x64, 0xa7);
	outb(b, 0x64, 0x20);
	tap_eq(inb(b, 0x60), 0x64, "keyboard enabled, auxiliary disabled");
	outb(b, 0x64, 0xa8);
	outb(b, 0x64, 0xab);
	tap_eq(inb(b, 0x60), 0x00, "keyboard line test");
	outb(b, 0x64, 0xa9);
	tap_eq(inb(b, 0x60), 0x00, "auxiliary line test");
	outb(b, 0x64, 0x7f);
	outb(b, 0x60, 0x12);
	outb(b, 0x64, 0x3f);
	tap_eq(inb(b, 0x60), 0x12, "the last byte of its RAM");
}

static void test_loops(struct board *b)
{
	outb(b, 0x64, 0x60);
	outb(b, 0x60, 0x07);
	outb(b, 0x64, 0xd3);
	outb(b, 0x60, 0x5a);
	tap_eq(inb(b, 0x64) & (OBF | AUX), OBF | AUX, "auxiliary loop: status");
	tap_ok(board_irq(b, 12) && !board_irq(b, 1), "auxiliary loop: IRQ 12");
	tap_eq(inb(b, 0x60), 0x5a, "auxiliary loop: data");
	tap_ok(!board_irq(b, 12), "auxiliary loop: acknowledged");
	outb(b, 0x64, 0xd2);
	outb(b, 0x60, 0x1c);
	tap_ok(board_irq(b, 1), "keyboard loop: IRQ 1");
	tap_eq(inb(b, 0x60), 0x1c, "keyboard loop: data");
}

static void test_a20_and_reset(struct board *b)
{
	outb(b, 0x64, 0xd0);
	tap_eq(inb(b, 0x60) & 3, 3, "output port: A20 on, no reset");
	outb(b, 0x64, 0xd1);
	outb(b, 0x60, 0xdd);
	outb(b, 0x64, 0xd0);
	tap_eq(inb(b, 0x60) & 3, 1, "A20 off");
	outb(b, 0x64, 0xdf);
	outb(b, 0x64, 0xd0);
	tap_eq(inb(b, 0x60) & 3, 3, "A20 on by command");
	outb(b, 0x64, 0xff);
	tap_eq(b->vm.requests, 0, "pulsing nothing does nothing");
	outb(b, 0x64, 0xfe);
	tap_eq(b->vm.requests, VM_REQ_RESET, "0xfe resets");
	tap_str(b->vm.reason, "keyboard controller", "and says why");
	b->vm.requests = 0;
	outb(b, 0x64, 0xd1);
	outb(b, 0x60, 0x02);
	tap_eq(b->vm.requests, VM_REQ_RESET, "so does the output port");
	b->vm.requests = 0;
	outb(b, 0x64, 0x60);
	outb(b, 0x60, 0x00);
	devices_reset(&b->vm);
	outb(b, 0x64, 0x20);
	tap_eq(inb(b, 0x60), 0x03, "reset: both interrupts enabled");
}

static void test_port92(struct board *b)
{
	tap_eq(inb(b, 0x92), 0x02, "port 0x92: A20 on");
	outb(b, 0x92, 0x00);
	tap_eq(inb(b, 0x92), 0x00, "port 0x92: A20 off");
	tap_eq(b->vm.requests, 0, "port 0x92: no reset yet");
	outb(b, 0x92, 0x03);
	tap_eq(b->vm.requests, VM_REQ_RESET, "port 0x92: bit 0 resets");
	b->vm.requests = 0;
	outb(b, 0x92, 0x03);
	tap_eq(b->vm.requests, 0, "port 0x92: only when it rises");
}

static void test_state(struct board *b, struct device *kbc, struct device *p92)
{
	struct board c;
	struct device *kbc2, *p92_2;

	board_init(&c, false);
	kbc2 = board_add(&c, &i8042_class, "");
	p92_2 = board_add(&c, &port92_class, "");
	outb(b, 0x64, 0x60);
	outb(b, 0x60, 0x03);
	outb(b, 0x64, 0xd2);
	outb(b, 0x60, 0x1c);
	outb(b, 0x64, 0xd1);
	tap_ok(board_copy_state(kbc, kbc2), "i8042: save, load, compare");
	tap_ok(board_irq(&c, 1), "the copy's interrupt is pending");
	outb(&c, 0x60, 0x01);
	outb(&c, 0x64, 0xd0);
	tap_eq(inb(&c, 0x60) & 3, 1, "the copy was waiting for the output port's byte");
	tap_ok(board_copy_state(p92, p92_2), "port92: save, load, compare");
	board_free(&c);
}

int main(void)
{
	struct board b;
	struct device *kbc, *p92;

	board_init(&b, false);
	kbc = board_add(&b, &i8042_class, "");
	p92 = board_add(&b, &port92_class, "");
	test_commands(&b);
	test_loops(&b);
	test_a20_and_reset(&b);
	test_port92(&b);
	test_state(&b, kbc, p92);
	board_free(&b);
	return tap_done();
}
