// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-input (virtio 1.2, 5.8): what the three devices say they have, the events that a
 * driver gets for keys and movements, groups that are whole or not there, the keyboard's
 * lights, and which device is in use.
 */
#include "common/cleanup.h"
#include "common/keycode.h"
#include "tests/dev/virtio-lib.h"
#include "tests/tap.h"
#include "vmm/display/input.h"
#include "vmm/legacy/i8042.h"
#include "vmm/virtio/input.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <linux/virtio_input.h>
#include <stdio.h>
#include <string.h>

#define BUFFERS 16

struct test {
	struct guest *g;
	struct vdrv d;
	struct vqueue events, status;
	uint64_t at; /* BUFFERS buffers for events */
	uint16_t heads[BUFFERS];
	struct input *input;
};

static void give(struct test *t, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		t->heads[i] = vqueue_add(&t->events,
		                         &(struct vseg){ t->at + 8 * i, 8, true }, 1);
	vqueue_notify(&t->events);
	board_settle(&t->g->board);
}

static void start(struct test *t, struct guest *g, const struct device_class *cls)
{
	*t = (struct test){ .g = g, .input = g->board.vm.input };
	t->at = guest_alloc(g, 4096);
	vdrv_init(&t->d, g, board_add(&g->board, cls, ""));
	vdrv_negotiate(&t->d, UINT64_MAX);
	vqueue_init(&t->events, &t->d, 0, 0, VIRTIO_MSI_NO_VECTOR);
	vqueue_init(&t->status, &t->d, 1, 0, VIRTIO_MSI_NO_VECTOR);
	vdrv_ready(&t->d);
	board_settle(&g->board);
}

/* What came into the buffers, as "type:code:value" words; all buffers are given again. */
static const char *came(struct test *t)
{
	static char text[256];
	unsigned n;
	size_t len = 0;

	text[0] = '\0';
	board_settle(&t->g->board);
	n = vqueue_reap(&t->events);
	for (unsigned i = 0; i < n; i++) {
		const struct virtio_input_event *e = guest_ptr(t->g, t->at + 8 * i);

		len += snprintf(text + len, sizeof(text) - len, "%s%u:%u:%d",
		                i ? " " : "", e->type, e->code, (int)e->value);
	}
	return text;
}

static const char *config(struct test *t, uint8_t select, uint8_t subsel)
{
	static char text[300];
	unsigned size;

	vdrv_set_config(&t->d, 0, select, 1);
	vdrv_set_config(&t->d, 1, subsel, 1);
	size = vdrv_config(&t->d, 2, 1);
	text[0] = '\0';
	for (unsigned i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned)vdrv_config(&t->d, 8 + i, 1));
	return text;
}

static const char *name_of(struct test *t)
{
	static char name[128];

	vdrv_set_config(&t->d, 0, VIRTIO_INPUT_CFG_ID_NAME, 2);
	for (unsigned i = 0; i < sizeof(name) - 1; i++)
		name[i] = vdrv_config(&t->d, 8 + i, 1);
	return name;
}

static unsigned keys_in(const char *bitmap)
{
	unsigned count = 0;

	for (const char *p = bitmap; *p; p++)
		count += __builtin_popcount(*p <= '9' ? *p - '0' : *p - 'a' + 10);
	return count;
}

static void send_led(struct test *t, uint16_t code, uint32_t value, uint32_t len)
{
	uint64_t at = t->at + 2048;
	struct virtio_input_event e = { EV_LED, code, value };

	memcpy(guest_ptr(t->g, at), &e, sizeof(e));
	tap_eq(vqueue_do(&t->status, &(struct vseg){ at, len, false }, 1), 0,
	       "a message of %u bytes about light %u comes back", len, code);
}

static void test_keyboard(struct guest *g)
{
	struct test t;
	unsigned codes = 0;

	start(&t, g, &virtio_keyboard_pci_class);
	tap_str(name_of(&t), "QEMU Virtio Keyboard", "keyboard: its name");
	tap_str(config(&t, VIRTIO_INPUT_CFG_ID_DEVIDS, 0), "0600270601000100",
	        "its identity");
	for (unsigned i = 0; i < 256; i++)
		codes += keycode_to_set1(i) != 0;
	tap_eq(keys_in(config(&t, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY)), codes,
	       "all %u keys", codes);
	tap_str(config(&t, VIRTIO_INPUT_CFG_EV_BITS, EV_LED), "07", "three lights");
	tap_str(config(&t, VIRTIO_INPUT_CFG_EV_BITS, EV_REP), "00", "keys repeat");
	tap_str(config(&t, VIRTIO_INPUT_CFG_EV_BITS, EV_REL), "", "no movements");
	tap_str(config(&t, VIRTIO_INPUT_CFG_ABS_INFO, 0), "", "no coordinates");
	tap_str(config(&t, 0x77, 0x77), "", "what does not exist is empty");
	give(&t, 8);
	input_key(t.input, 0x1e, true);
	input_key(t.input, 0xe038, false);
	tap_str(came(&t), "1:30:1 0:0:0 1:100:0 0:0:0", "a key pressed, one released");
	give(&t, 1);
	tap_eq(vqueue_reap(&t.events), 0, "waiting buffers are not touched");
	send_led(&t, LED_CAPSL, 1, 8);
	tap_eq(input_leds(t.input), INPUT_LED_CAPS, "Caps Lock is shown");
	send_led(&t, LED_NUML, 1, 8);
	send_led(&t, LED_CAPSL, 0, 8);
	tap_eq(input_leds(t.input), INPUT_LED_NUM, "Num Lock is");
	send_led(&t, LED_CAPSL, 1, 7);
	send_led(&t, LED_MUTE, 1, 8);
	tap_eq(input_leds(t.input), INPUT_LED_NUM, "others change nothing");
	device_destroy(t.d.dev);
	tap_eq(input_leds(t.input), 0, "gone with the keyboard");
}

static void test_groups(struct guest *g)
{
	struct test t;

	start(&t, g, &virtio_keyboard_pci_class);
	input_key(t.input, 0x1e, true);
	tap_str(came(&t), "", "no buffers: no event");
	give(&t, 3);
	input_key(t.input, 0x1e, false);
	input_key(t.input, 0x1f, true);
	tap_str(came(&t), "1:30:0 0:0:0", "three buffers: one group of two");
	give(&t, 1);
	input_key(t.input, 0x20, true);
	tap_eq(vqueue_reap(&t.events), 2, "the next group takes the one that was left");
	tap_eq(t.events.wrong, 0, "each buffer came back once");
	device_destroy(t.d.dev);
}

static void test_pointers(struct guest *g)
{
	struct test t;

	start(&t, g, &virtio_mouse_pci_class);
	tap_str(name_of(&t), "QEMU Virtio Mouse", "mouse: its name");
	tap_str(config(&t, VIRTIO_INPUT_CFG_EV_BITS, EV_REL), "0301", "x, y and a wheel");
	tap_eq(keys_in(config(&t, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY)), 5, "five buttons");
	tap_ok(!input_is_absolute(t.input), "it moves");
	give(&t, BUFFERS);
	input_point_at(t.input, 100, 100, 640, 480);
	input_point_at(t.input, 90, 105, 640, 480);
	input_buttons(t.input, INPUT_LEFT);
	input_move(t.input, 0, 0, 1);
	tap_str(came(&t), "2:0:-10 2:1:5 0:0:0 1:272:1 0:0:0 2:8:-1 0:0:0",
	        "differences, the left button, the wheel");
	input_buttons(t.input, 0);
	device_destroy(t.d.dev);
	start(&t, g, &virtio_tablet_pci_class);
	tap_str(name_of(&t), "QEMU Virtio Tablet", "tablet: its name");
	tap_str(config(&t, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS), "03", "x and y");
	tap_str(config(&t, VIRTIO_INPUT_CFG_ABS_INFO, ABS_Y),
	        "00000000ff7f0000000000000000000000000000", "from 0 to 32767");
	tap_str(config(&t, VIRTIO_INPUT_CFG_ABS_INFO, 0x83), "", "and no others");
	tap_ok(input_is_absolute(t.input), "it is somewhere");
	give(&t, BUFFERS);
	input_point_at(t.input, 0, 479, 640, 480);
	input_point_at(t.input, 639, 240, 640, 480);
	input_buttons(t.input, INPUT_RIGHT);
	tap_str(came(&t),
	        "3:0:0 3:1:32767 0:0:0 3:0:32767 3:1:16417 0:0:0 "
	        "3:0:32767 3:1:16417 1:273:1 0:0:0",
	        "places, and a button where it is");
	input_buttons(t.input, 0);
	device_destroy(t.d.dev);
}

/* ---- which is in use ---- */

static const char *mice(struct input *input)
{
	static char text[256];
	const struct input_device *dev = NULL;
	size_t len = 0;

	text[0] = '\0';
	while ((dev = input_next_mouse(input, dev)))
		len += snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : "",
		                dev->name);
	return text;
}

static void test_choice(struct guest *g)
{
	struct device *ps2 = board_add(&g->board, &i8042_class, "");
	struct input *input = g->board.vm.input;
	struct err err = { 0 };
	struct test t;

	start(&t, g, &virtio_tablet_pci_class);
	tap_str(mice(input), "QEMU Virtio Tablet, QEMU PS/2 Mouse",
	        "the one whose driver started is before the others");
	tap_eq(input_choose_mouse(input, input_next_mouse(input, NULL)->next->index,
	                          &err),
	       0, "the other one is chosen");
	tap_ok(!input_is_absolute(input), "which moves");
	tap_eq(input_choose_mouse(input, 99, &err), (uint64_t)-EINVAL,
	       "there is no 99th");
	vdrv_set_status(&t.d, 0);
	vdrv_ready(&t.d);
	tap_ok(input_is_absolute(input), "a driver that starts again has it again");
	vdrv_set_status(&t.d, 0);
	tap_str(mice(input), "QEMU PS/2 Mouse, QEMU Virtio Tablet", "until its reset");
	device_destroy(t.d.dev);
	tap_str(mice(input), "QEMU PS/2 Mouse", "a device that goes is forgotten");
	device_destroy(ps2);
	input_key(input, 0x1e, true);
	input_point_at(input, 1, 1, 2, 2);
	tap_ok(true, "without devices all is lost");
}

int main(void)
{
	struct guest g;

	guest_init(&g);
	test_keyboard(&g);
	test_groups(&g);
	test_pointers(&g);
	test_choice(&g);
	guest_free(&g);
	return tap_done();
}
