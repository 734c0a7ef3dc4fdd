// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keyboard, mouse and tablet on USB: what their reports say, what waits until the guest
 * fetches it, which of them is in use, and that they wake a port.
 */
#include "tests/dev/usb-lib.h"
#include "tests/tap.h"

#include "vmm/display/input.h"

enum { EP_IN = USB_EP1_IN, PLC = 1 << 22, STROBE = 1 << 16 };
enum { SUSPEND = 3 << 5, RESUME = 15 << 5 };

static void test_tablet(void)
{
	struct usb_host h;
	struct input *in;
	uint16_t len = 8;
	unsigned slot;

	host_init(&h, "");
	in = h.b.vm.input;
	host_add(&h, &usb_tablet_class, "");
	host_start(&h, 64);
	input_point(in, 1, 1);
	tap_ok(input_is_absolute(in), "a tablet is there");
	slot = host_configure(&h, 1, 1 << EP_IN);
	host_give(&h, slot, EP_IN, 0, 8, 0);
	tap_eq(host_done(&h, slot, EP_IN, NULL), 0,
	       "what happened before it was configured is not told, and nothing else");
	tap_eq(board_wakeups(&h.b, 100), 0, "an endpoint that waits costs nothing");
	input_point(in, 0x1234, 0x7fff);
	host_report(&h, slot, "003412ff7f00", "where the pointer is");
	input_buttons(in, INPUT_LEFT | INPUT_SIDE);
	host_report(&h, slot, "093412ff7f00", "its buttons");
	input_move(in, 0, 0, 1);
	host_report(&h, slot, "093412ff7fff", "its wheel, towards the user");
	input_buttons(in, 0);
	host_report(&h, slot, "003412ff7f00", "all are released");
	tap_eq(host_done(&h, slot, EP_IN, NULL), 0, "nothing is told twice");
	for (unsigned i = 0; i < 100; i++)
		input_point(in, i, i);
	host_report(&h, slot, "000000000000", "a movement is told at once");
	host_report(&h, slot, "006300630000", "those that came meanwhile in one");
	for (unsigned i = 0; i <= 100; i++)
		input_buttons(in, i & 1);
	for (unsigned i = 0; i < 17; i++)
		host_done(&h, slot, EP_IN, NULL), host_give(&h, slot, EP_IN, 0, 8, 0);
	tap_str(host_bytes(&h, 0, 6), "006300630000", "of too many the last one counts");
	host_control(&h, slot, 0xa1, 1, 0x100, 0, &len);
	tap_str(host_bytes(&h, 0, len), "006300630000", "GET_REPORT tells the same");
	host_set(&h, R_PORTSC, 1 << 4 | 1 << 9);
	tap_eq(h.x->bus.devices[0]->config, 0, "a reset of the port takes it out of use");
	host_free(&h);
}

static void test_mouse(void)
{
	struct usb_host h;
	struct input *in;
	unsigned slot;

	host_init(&h, "");
	in = h.b.vm.input;
	host_add(&h, &usb_mouse_class, "");
	host_start(&h, 64);
	host_add(&h, &usb_tablet_class, "");
	tap_str(input_next_mouse(in, NULL)->name, "QEMU HID Mouse", "two pointers");
	tap_ok(host_configure(&h, 2, 1 << EP_IN), "the second is configured");
	tap_str(input_next_mouse(in, NULL)->name, "QEMU HID Tablet", "and in use");
	slot = host_configure(&h, 1, 1 << EP_IN);
	tap_str(input_next_mouse(in, NULL)->name, "QEMU HID Mouse", "until the first is");
	host_give(&h, slot, EP_IN, 0, 8, 0);
	input_move(in, 3, -4, -1);
	host_report(&h, slot, "0003fc00", "a movement");
	host_report(&h, slot, "00000001", "the wheel");
	input_move(in, 300, -128, 0);
	host_report(&h, slot, "007f8100", "a long way");
	host_report(&h, slot, "007fff00", "takes several reports");
	host_report(&h, slot, "002e0000", "until it is done");
	tap_eq(host_done(&h, slot, EP_IN, NULL), 0, "and no more");
	host_free(&h);
}

static void key(struct usb_host *h, uint16_t code, bool down)
{
	input_key(h->b.vm.input, code, down);
}

static void test_keyboard(void)
{
	struct usb_host h;
	uint16_t len = 1;
	unsigned slot;

	host_init(&h, "");
	host_add(&h, &usb_kbd_class, "");
	host_start(&h, 64);
	slot = host_configure(&h, 1, 1 << EP_IN);
	host_give(&h, slot, EP_IN, 0, 8, 0);
	key(&h, 0x2a, true);
	host_report(&h, slot, "0200000000000000", "Shift");
	key(&h, 0x1e, true);
	host_report(&h, slot, "0200040000000000", "and A");
	key(&h, 0x1e, true);
	tap_eq(host_done(&h, slot, EP_IN, NULL), 0, "a key that is held is told once");
	key(&h, 0xe01c, true);
	host_report(&h, slot, "0200045800000000", "and Enter of the numbers");
	key(&h, 0x1e, false);
	host_report(&h, slot, "0200580000000000", "A is released");
	for (unsigned i = 0; i < 7; i++)
		key(&h, 0x3b + i, true);
	for (unsigned i = 0; i < 5; i++)
		host_report(&h, slot, NULL, NULL);
	tap_str(host_bytes(&h, 0, 8), "0200583a3b3c3d3e", "six keys at once");
	tap_eq(host_done(&h, slot, EP_IN, NULL), 0, "not seven");
	h.ram[BUFFER] = 3;
	tap_eq(host_control(&h, slot, 0x21, 9, 0x200, 0, &len), CC_SUCCESS, "lights");
	tap_eq(input_leds(h.b.vm.input), INPUT_LED_NUM | INPUT_LED_CAPS, "are shown");
	host_free(&h);
}

static void test_wakeup(void)
{
	struct usb_host h;
	uint16_t none = 0;
	unsigned slot;

	host_init(&h, "");
	host_add(&h, &usb_kbd_class, "");
	host_start(&h, 64);
	slot = host_configure(&h, 1, 1 << EP_IN);
	host_set(&h, R_PORTSC, 1 << 9 | STROBE | SUSPEND);
	key(&h, 0x1f, true);
	tap_eq(host_port(&h, 1) & 15 << 5, SUSPEND, "a device that may not wakes nobody");
	host_set(&h, R_PORTSC, 1 << 9 | STROBE);
	host_set(&h, R_PORTSC, PLC | 1 << 9);
	key(&h, 0x1f, false);
	host_control(&h, slot, 0, 3, 1, 0, &none);
	host_set(&h, R_PORTSC, 1 << 9 | STROBE | SUSPEND);
	tap_eq(host_port(&h, 1) & 15 << 5, SUSPEND, "a port is suspended");
	key(&h, 0x1e, true);
	tap_eq(host_port(&h, 1) & (15 << 5 | PLC), RESUME | PLC, "a key wakes it");
	host_set(&h, R_PORTSC, 1 << 9 | STROBE);
	tap_eq(host_port(&h, 1) & 15 << 5, 0, "it is on again");
	host_give(&h, slot, EP_IN, 0, 8, 0);
	host_report(&h, slot, "0000160000000000", "and all keys are told");
	host_report(&h, slot, "0000000000000000", "in their order");
	host_report(&h, slot, "0000040000000000", "with the last");
	host_free(&h);
}

int main(void)
{
	test_tablet();
	test_mouse();
	test_keyboard();
	test_wakeup();
	return tap_done();
}
