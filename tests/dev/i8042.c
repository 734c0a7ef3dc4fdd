// SPDX-License-Identifier: GPL-2.0-or-later
/* The keyboard controller and port 0x92 through their ports, as BIOS and kernels probe
 * them. */
#include "vmm/legacy/i8042.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"
#include "vmm/display/input.h"
#include "vmm/legacy/port92.h"

#include <stdio.h>
#include <string.h>

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

/* ---- keyboard and mouse ---- */

/* Everything that waits on the lines, as hexadecimal text; the mouse's in brackets. */
static const char *drain(struct board *b)
{
	static char text[256];
	size_t len = 0;

	text[0] = '\0';
	for (uint8_t status; len < sizeof(text) - 8 && (status = inb(b, 0x64)) & OBF;)
		len += snprintf(text + len, sizeof(text) - len,
		                status & AUX ? "%s[%02x]" : "%s%02x", len ? " " : "",
		                inb(b, 0x60));
	return text;
}

static const char *key(struct board *b, const char *name, bool down)
{
	input_key(b->vm.input, input_find_key(name, strlen(name)), down);
	return drain(b);
}

static void mouse(struct board *b, uint8_t byte)
{
	outb(b, 0x64, 0xd4);
	outb(b, 0x60, byte);
}

static void mode(struct board *b, uint8_t value)
{
	outb(b, 0x64, 0x60);
	outb(b, 0x60, value);
}

static void test_keyboard(struct board *b)
{
	mode(b, 0x03);
	outb(b, 0x60, 0xff);
	tap_str(drain(b), "fa aa", "keyboard: reset");
	outb(b, 0x60, 0xf2);
	tap_str(drain(b), "fa ab 83", "keyboard: identify");
	outb(b, 0x60, 0xee);
	tap_str(drain(b), "ee", "keyboard: echo");
	outb(b, 0x60, 0xed);
	outb(b, 0x60, 0x07);
	tap_str(drain(b), "fa fa", "keyboard: lights");
	outb(b, 0x60, 0x12);
	tap_str(drain(b), "fe", "keyboard: no such command");
	tap_str(key(b, "a", true), "1c", "set 2: pressed");
	tap_str(key(b, "a", false), "f0 1c", "set 2: released");
	tap_str(key(b, "f7", true), "83", "set 2: F7");
	tap_str(key(b, "delete", false), "e0 f0 71", "set 2: behind a prefix");
	tap_str(key(b, "pause", true), "e1 14 77 e1 f0 14 f0 77", "set 2: Pause");
	mode(b, 0x43);
	tap_str(key(b, "a", true), "1e", "translated: pressed");
	tap_str(key(b, "a", false), "9e", "translated: released");
	tap_str(key(b, "delete", false), "e0 d3", "translated: behind a prefix");
	tap_str(key(b, "pause", true), "e1 1d 45 e1 9d c5", "translated: Pause");
	mode(b, 0x03);
	outb(b, 0x60, 0xf0);
	outb(b, 0x60, 0x01);
	drain(b);
	tap_str(key(b, "delete", false), "e0 d3", "set 1");
	outb(b, 0x60, 0xf0);
	drain(b);
	outb(b, 0x60, 0x00);
	tap_str(drain(b), "fa 01", "which is the one in use");
	outb(b, 0x60, 0xf5);
	drain(b);
	tap_str(key(b, "a", true), "", "disabled: no keys");
	outb(b, 0x60, 0xf6);
	drain(b);
	outb(b, 0x64, 0xad);
	tap_str(key(b, "a", true), "", "line disabled: keys wait");
	outb(b, 0x64, 0xae);
	tap_ok(board_irq(b, 1), "and interrupt when it is enabled");
	tap_str(drain(b), "1c", "and are there");
	for (unsigned i = 0; i < 100; i++)
		input_key(b->vm.input, 0xe053, false);
	tap_eq(strlen(drain(b)) % 9, 8, "keys too many are lost whole");
	tap_eq(input_find_key("0x9c", 4), 0xe01c, "keys by number");
	tap_eq(input_find_key("hyper", 5), 0, "no such key");
}

/* Each key's code must survive set 2 and its translation. */
static void test_every_key(struct board *b)
{
	const char *name;
	bool all = true;

	mode(b, 0x43);
	for (unsigned i = 0; (name = input_key_name(i)); i++) {
		uint16_t code = input_find_key(name, strlen(name));
		char want[16];

		if (code == INPUT_KEY_PAUSE)
			continue;
		snprintf(want, sizeof(want), code >> 8 ? "e0 %02x" : "%02x", code & 0xff);
		if (!strcmp(key(b, name, true), want))
			continue;
		tap_diag("%s: %s", name, want);
		all = false;
	}
	tap_ok(all, "every key arrives as its code of set 1");
	mode(b, 0x03);
}

static void test_mouse(struct board *b)
{
	static const uint8_t wheel[] = { 200, 100, 80 }, five[] = { 200, 200, 80 };

	mouse(b, 0xff);
	tap_str(drain(b), "[fa] [aa] [00]", "mouse: reset");
	input_move(b->vm.input, 5, 5, 0);
	tap_str(drain(b), "", "mouse: silent until it is enabled");
	mouse(b, 0xf4);
	tap_str(drain(b), "[fa]", "mouse: enabled");
	input_move(b->vm.input, 5, 3, 0);
	tap_ok(board_irq(b, 12) && !board_irq(b, 1), "mouse: IRQ 12");
	tap_str(drain(b), "[28] [05] [fd]", "mouse: right and down");
	input_move(b->vm.input, -300, 0, 0);
	tap_str(drain(b), "[18] [01] [00] [18] [d3] [00]", "mouse: in two packets");
	input_buttons(b->vm.input, INPUT_LEFT | INPUT_MIDDLE);
	tap_str(drain(b), "[0d] [00] [00]", "mouse: buttons");
	input_buttons(b->vm.input, 0);
	drain(b);
	mouse(b, 0xe9);
	tap_str(drain(b), "[fa] [20] [02] [64]", "mouse: status");
	for (unsigned i = 0; i < 3; i++) {
		mouse(b, 0xf3);
		mouse(b, wheel[i]);
	}
	drain(b);
	mouse(b, 0xf2);
	tap_str(drain(b), "[fa] [03]", "mouse: the wheel is unlocked");
	input_move(b->vm.input, 0, 0, -1);
	tap_str(drain(b), "[08] [00] [00] [ff]", "mouse: the wheel");
	for (unsigned i = 0; i < 3; i++) {
		mouse(b, 0xf3);
		mouse(b, five[i]);
	}
	drain(b);
	mouse(b, 0xf2);
	tap_str(drain(b), "[fa] [04]", "mouse: five buttons");
	mouse(b, 0xf0);
	drain(b);
	input_move(b->vm.input, 1, 0, 0);
	tap_str(drain(b), "", "mouse: remote mode waits");
	mouse(b, 0xeb);
	tap_str(drain(b), "[fa] [08] [01] [00] [00]", "mouse: for read data");
	mouse(b, 0xee);
	mouse(b, 0x42);
	tap_str(drain(b), "[fa] [42]", "mouse: wrapped");
	mouse(b, 0xec);
	mouse(b, 0xea);
	drain(b);
	for (unsigned i = 0; i < 100; i++)
		input_move(b->vm.input, 1, 0, 0);
	tap_eq(strlen(drain(b)) % 20, 19, "mouse: movements gather in whole packets");
	mouse(b, 0xff);
	drain(b);
}

static bool is_released(void *opaque)
{
	return inb(opaque, 0x64) & OBF;
}

static void test_send_keys(struct board *b)
{
	const uint16_t codes[] = { 0x1d, 0xe053 };

	mode(b, 0x43);
	input_send_keys(b->vm.input, codes, 2, 1);
	tap_str(drain(b), "1d e0 53", "keys together: pressed in order");
	tap_ok(board_until(b, is_released, b, 60000),
	       "keys together: held, then released");
	tap_str(drain(b), "e0 d3 9d", "keys together: in the other order");
	mode(b, 0x03);
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
	test_keyboard(&b);
	test_every_key(&b);
	test_mouse(&b);
	test_send_keys(&b);
	test_a20_and_reset(&b);
	test_port92(&b);
	test_state(&b, kbc, p92);
	devices_destroy(&b.vm);
	board_free(&b);
	return tap_done();
}
