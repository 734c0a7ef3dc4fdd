// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A keyboard, a mouse and a tablet on USB (HID 1.11; codes of the HID Usage Tables 1.12).
 *
 * What happens waits in a queue of a few entries until the guest fetches it. Movements
 * with the same buttons are one entry, and when the queue is full the last entry is
 * changed, so that the guest always ends up with what is pressed. The device gets keys
 * and movements while the guest has configured it. Reports are not repeated when nothing
 * happens, whatever idle rate is set.
 */
#include "vmm/usb/usb.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/keycode.h"
#include "vmm/core/vm.h"
#include "vmm/display/input.h"

#include <errno.h>
#include <linux/input-event-codes.h>

#define ENTRY      8  /* bytes */
#define ENTRIES    16 /* of the queue */
#define PRESSED    6  /* keys that a report has room for, behind two bytes */
#define FIRST_MOD  0xe0
#define LAST_USAGE 0x94

enum {
	/* Type and request in one number (7.1, 7.2). */
	GET_DESCRIPTOR = 0x8106,
	GET_REPORT = 0xa101,
	GET_IDLE = 0xa102,
	GET_PROTOCOL = 0xa103,
	SET_REPORT = 0x2109,
	SET_IDLE = 0x210a,
	SET_PROTOCOL = 0x210b,

	DESC_HID = 0x21,
	DESC_REPORT = 0x22,
	REPORT_INPUT = 1,
	REPORT_OUTPUT = 2,

	CONFIG_LEN = 34,
	HID_AT = 18, /* in the configuration */
	HID_LEN = 9,
	REPORT_LEN_AT = HID_AT + 7,
};

/* An entry of a pointer: buttons, nothing, x, y, wheel in 16 bits each; of a keyboard: a
 * report. */
enum { BUTTONS = 0, X = 2, Y = 4, WHEEL = 6 };

struct usb_hid {
	struct usb_device usb;
	/* state */
	uint8_t protocol, idle, leds;
	uint8_t now[ENTRY]; /* what GET_REPORT tells, without movements */
	uint32_t count;
	uint8_t queue[ENTRIES * ENTRY];
	/* not state */
	struct input_device input;
	bool preferred;
};

static uint8_t *last_entry(struct usb_hid *hid)
{
	return hid->queue + (hid->count - 1) * ENTRY;
}

/* A place at the end, or the last one when there is none. */
static uint8_t *push(struct usb_hid *hid)
{
	if (hid->count < ENTRIES)
		memset(hid->queue + hid->count++ * ENTRY, 0, ENTRY);
	return last_entry(hid);
}

static void pop(struct usb_hid *hid)
{
	memmove(hid->queue, hid->queue + ENTRY, sizeof(hid->queue) - ENTRY);
	memset(hid->queue + sizeof(hid->queue) - ENTRY, 0, ENTRY);
	hid->count--;
}

/* ---- keys ---- */

/* Linux' code of each key, by usage (HUT, chapter 10). */
/* clang-format off */
static const uint8_t keys[LAST_USAGE + 1] = {
	/* 00 */ 0, 0, 0, 0, KEY_A, KEY_B, KEY_C, KEY_D, KEY_E, KEY_F, KEY_G, KEY_H,
	/* 0c */ KEY_I, KEY_J, KEY_K, KEY_L, KEY_M, KEY_N, KEY_O, KEY_P, KEY_Q, KEY_R,
	/* 16 */ KEY_S, KEY_T, KEY_U, KEY_V, KEY_W, KEY_X, KEY_Y, KEY_Z,
	/* 1e */ KEY_1, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7, KEY_8, KEY_9, KEY_0,
	/* 28 */ KEY_ENTER, KEY_ESC, KEY_BACKSPACE, KEY_TAB, KEY_SPACE, KEY_MINUS,
	/* 2e */ KEY_EQUAL, KEY_LEFTBRACE, KEY_RIGHTBRACE, KEY_BACKSLASH, 0,
	/* 33 */ KEY_SEMICOLON, KEY_APOSTROPHE, KEY_GRAVE, KEY_COMMA, KEY_DOT, KEY_SLASH,
	/* 39 */ KEY_CAPSLOCK, KEY_F1, KEY_F2, KEY_F3, KEY_F4, KEY_F5, KEY_F6, KEY_F7,
	/* 41 */ KEY_F8, KEY_F9, KEY_F10, KEY_F11, KEY_F12, KEY_SYSRQ, KEY_SCROLLLOCK,
	/* 48 */ KEY_PAUSE, KEY_INSERT, KEY_HOME, KEY_PAGEUP, KEY_DELETE, KEY_END,
	/* 4e */ KEY_PAGEDOWN, KEY_RIGHT, KEY_LEFT, KEY_DOWN, KEY_UP, KEY_NUMLOCK,
	/* 54 */ KEY_KPSLASH, KEY_KPASTERISK, KEY_KPMINUS, KEY_KPPLUS, KEY_KPENTER,
	/* 59 */ KEY_KP1, KEY_KP2, KEY_KP3, KEY_KP4, KEY_KP5, KEY_KP6, KEY_KP7, KEY_KP8,
	/* 61 */ KEY_KP9, KEY_KP0, KEY_KPDOT, KEY_102ND, KEY_COMPOSE, KEY_POWER,
	/* 67 */ KEY_KPEQUAL, [0x7f] = KEY_MUTE, KEY_VOLUMEUP, KEY_VOLUMEDOWN,
	[0x85] = KEY_KPCOMMA, [0x87] = KEY_RO, KEY_KATAKANAHIRAGANA, KEY_YEN, KEY_HENKAN,
	/* 8b */ KEY_MUHENKAN, [0x92] = KEY_KATAKANA, KEY_HIRAGANA, KEY_ZENKAKUHANKAKU,
};
/* clang-format on */

/* From FIRST_MOD on. */
static const uint8_t modifiers[] = { KEY_LEFTCTRL, KEY_LEFTSHIFT, KEY_LEFTALT,
	                             KEY_LEFTMETA, KEY_RIGHTCTRL, KEY_RIGHTSHIFT,
	                             KEY_RIGHTALT, KEY_RIGHTMETA };

static void press(uint8_t *pressed, uint8_t usage, bool down)
{
	uint8_t *at = memchr(pressed, usage, PRESSED);

	if (!down && at) {
		memmove(at, at + 1, pressed + PRESSED - 1 - at);
		pressed[PRESSED - 1] = 0;
	} else if (down && !at) {
		at = memchr(pressed, 0, PRESSED);
		if (at)
			*at = usage;
	}
}

static void on_key(void *opaque, uint16_t code, bool down)
{
	struct usb_hid *hid = opaque;
	uint16_t linux_code = keycode_from_set1(code);
	uint8_t was[ENTRY];
	const uint8_t *at;

	if (!hid->usb.config || !linux_code)
		return;
	memcpy(was, hid->now, ENTRY);
	at = memchr(modifiers, linux_code, sizeof(modifiers));
	if (at) {
		hid->now[0] &= ~(1 << (at - modifiers));
		hid->now[0] |= down << (at - modifiers);
	} else {
		at = memchr(keys, linux_code, sizeof(keys));
		if (at)
			press(hid->now + 2, at - keys, down);
	}
	if (!memcmp(was, hid->now, ENTRY))
		return;
	memcpy(push(hid), hid->now, ENTRY);
	usb_wake(&hid->usb, USB_EP1_IN);
}

/* The keyboard's lights, as input_set_leds() has them. */
static void show_leds(struct usb_hid *hid)
{
	if (hid->usb.dev.vm->input)
		input_set_leds(hid->usb.dev.vm->input, &hid->input,
		               (hid->leds & 4 ? INPUT_LED_SCROLL : 0) |
		                       (hid->leds & 3) * INPUT_LED_NUM);
}

/* ---- pointers ---- */

/* An entry for movements with those buttons. */
static uint8_t *entry_for(struct usb_hid *hid, unsigned buttons)
{
	uint8_t *e = hid->count ? last_entry(hid) : NULL;

	if (!e || e[BUTTONS] != buttons)
		e = push(hid);
	e[BUTTONS] = hid->now[BUTTONS] = buttons;
	return e;
}

static void add(uint8_t *at, int by)
{
	int all = (int16_t)ld16(at) + by;

	st16(at, all > 8191 ? 8191 : all < -8191 ? -8191 : all);
}

/* Takes what a report has room for. */
static uint8_t take(uint8_t *at)
{
	int all = (int16_t)ld16(at), part = all > 127 ? 127 : all < -127 ? -127 : all;

	st16(at, all - part);
	return part;
}

static void on_move(void *opaque, int dx, int dy, int wheel, unsigned buttons)
{
	struct usb_hid *hid = opaque;
	uint8_t *e;

	if (!hid->usb.config)
		return;
	e = entry_for(hid, buttons);
	add(e + X, dx);
	add(e + Y, dy);
	add(e + WHEEL, -wheel);
	usb_wake(&hid->usb, USB_EP1_IN);
}

static void on_point(void *opaque, unsigned x, unsigned y, int wheel, unsigned buttons)
{
	struct usb_hid *hid = opaque;
	uint8_t *e;

	if (!hid->usb.config)
		return;
	e = entry_for(hid, buttons);
	st16(e + X, x);
	st16(e + Y, y);
	memcpy(hid->now + X, e + X, 4);
	add(e + WHEEL, -wheel);
	usb_wake(&hid->usb, USB_EP1_IN);
}

/* ---- reports ---- */

/* Makes a report of an entry, and takes from it what is told. */
static int make_report(const struct usb_hid *hid, uint8_t *e, uint8_t *report)
{
	if (hid->input.key) {
		memcpy(report, e, ENTRY);
		return ENTRY;
	}
	report[0] = e[BUTTONS];
	if (hid->input.point) {
		memcpy(report + 1, e + X, 4);
		report[5] = take(e + WHEEL);
		return 6;
	}
	report[1] = take(e + X);
	report[2] = take(e + Y);
	report[3] = take(e + WHEEL);
	return 4;
}

static bool is_told(const struct usb_hid *hid, const uint8_t *e)
{
	return hid->input.key ||
	       !(ld16(e + WHEEL) | (hid->input.move ? ld16(e + X) | ld16(e + Y) : 0));
}

static int transfer(struct usb_device *usb, unsigned ep, struct usb_xfer *xfer)
{
	struct usb_hid *hid = (struct usb_hid *)usb;
	uint8_t report[ENTRY];
	int len;

	if (ep != USB_EP1_IN || !usb->config)
		return USB_STALL;
	if (!hid->count)
		return USB_NAK;
	len = make_report(hid, hid->queue, report);
	xfer->copy(xfer, report, len);
	if (is_told(hid, hid->queue))
		pop(hid);
	return 0;
}

/* ---- requests ---- */

/* clang-format off */
static const uint8_t kbd_report[] = {
	0x05, 0x01, 0x09, 0x06, 0xa1, 0x01,              /* a keyboard */
	0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00,  /* modifiers: 8 bits */
	0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02,
	0x75, 0x08, 0x95, 0x01, 0x81, 0x01,              /* a byte of nothing */
	0x05, 0x08, 0x19, 0x01, 0x29, 0x05,              /* lights: 5 bits out */
	0x75, 0x01, 0x95, 0x05, 0x91, 0x02,
	0x75, 0x03, 0x95, 0x01, 0x91, 0x01,              /* 3 bits of nothing */
	0x05, 0x07, 0x19, 0x00, 0x2a, 0xff, 0x00, 0x15, 0x00, /* usages */
	0x26, 0xff, 0x00, 0x75, 0x08, 0x95, PRESSED, 0x81, 0x00, 0xc0,
};

/* Both pointers begin with 5 buttons and 3 bits of nothing. */
#define POINTER \
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, \
	0x05, 0x09, 0x19, 0x01, 0x29, 0x05, 0x15, 0x00, 0x25, 0x01, \
	0x75, 0x01, 0x95, 0x05, 0x81, 0x02, 0x75, 0x03, 0x95, 0x01, 0x81, 0x01, 0x05, 0x01

static const uint8_t mouse_report[] = {
	POINTER,
	0x09, 0x30, 0x09, 0x31, 0x09, 0x38, 0x15, 0x81, /* X, Y, wheel: -127 to 127 */
	0x25, 0x7f, 0x75, 0x08, 0x95, 0x03, 0x81, 0x06, 0xc0, 0xc0,
};

static const uint8_t tablet_report[] = {
	POINTER,
	0x09, 0x30, 0x09, 0x31, 0x15, 0x00, 0x26, 0xff, 0x7f, /* X, Y: to INPUT_RANGE */
	0x35, 0x00, 0x46, 0xff, 0x7f, 0x75, 0x10, 0x95, 0x02, 0x81, 0x02,
	0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x35, 0x00, 0x45, 0x00, /* wheel */
	0x75, 0x08, 0x95, 0x01, 0x81, 0x06, 0xc0, 0xc0,
};

/* Configuration, interface (of a boot protocol, or 0), HID, endpoint. */
#define CONFIG(name, subclass, protocol) \
	static const uint8_t name##_config[CONFIG_LEN] = { \
		9, 2, CONFIG_LEN, 0, 1, 1, 0, 0xa0, 50, \
		9, 4, 0, 0, 1, 3, subclass, protocol, 0, \
		9, DESC_HID, 0x11, 1, 0, 1, DESC_REPORT, sizeof(name##_report), 0, \
		7, 5, 0x81, 3, ENTRY, 0, 4 \
	}
/* clang-format on */

CONFIG(kbd, 1, 1);
CONFIG(mouse, 1, 2);
CONFIG(tablet, 0, 0);

static int get_descriptor(struct usb_hid *hid, const struct usb_setup *setup)
{
	const uint8_t *config = hid->usb.ops->config;
	unsigned len = config[REPORT_LEN_AT];

	switch (setup->value >> 8) {
	case DESC_HID:
		memcpy(hid->usb.data, config + HID_AT, HID_LEN);
		return HID_LEN;
	case DESC_REPORT:
		memcpy(hid->usb.data,
		       hid->input.key     ? kbd_report
		       : hid->input.point ? tablet_report
		                          : mouse_report,
		       len);
		return len;
	}
	return USB_STALL;
}

static int request(struct usb_device *usb, const struct usb_setup *setup)
{
	struct usb_hid *hid = (struct usb_hid *)usb;
	uint8_t now[ENTRY];

	switch (setup->type << 8 | setup->request) {
	case GET_DESCRIPTOR:
		return get_descriptor(hid, setup);
	case GET_REPORT:
		memcpy(now, hid->now, ENTRY);
		return make_report(hid, now, usb->data);
	case GET_IDLE:
		usb->data[0] = hid->idle;
		return 1;
	case GET_PROTOCOL:
		usb->data[0] = hid->protocol;
		return 1;
	case SET_REPORT:
		if (!hid->input.key || setup->value >> 8 != REPORT_OUTPUT ||
		    !usb->data_len)
			return USB_STALL;
		hid->leds = usb->data[0] & 7;
		show_leds(hid);
		return 0;
	case SET_IDLE:
		hid->idle = setup->value >> 8;
		return 0;
	case SET_PROTOCOL:
		hid->protocol = setup->value & 1;
		return 0;
	}
	return USB_STALL;
}

/* ---- life ---- */

static void prefer(struct usb_hid *hid)
{
	bool on = hid->usb.config;

	if (hid->input.index && on != hid->preferred)
		input_prefer(hid->usb.dev.vm->input, &hid->input, on);
	hid->preferred = on;
	show_leds(hid);
}

static void configured(struct usb_device *usb)
{
	struct usb_hid *hid = (struct usb_hid *)usb;

	memset(hid->now, 0, sizeof(hid->now));
	memset(hid->queue, 0, sizeof(hid->queue));
	hid->count = 0;
	hid->idle = hid->leds = 0;
	hid->protocol = 1; /* reports as they are described */
	prefer(hid);
}

#define OPS(model, number, title)                                                     \
	{                                                                             \
		.vendor = 0x0627, .product = 1, .product_name = "QEMU USB " title,    \
		.serial = number, .config = model##_config, .config_len = CONFIG_LEN, \
		.request = request, .transfer = transfer, .configured = configured,   \
	}

static const struct model {
	const struct device_class *cls;
	struct usb_ops ops;
	struct input_device input;
} models[] = {
	{ .cls = &usb_kbd_class,
	  .ops = OPS(kbd, "68284", "Keyboard"),
	  .input = { .name = "QEMU HID Keyboard", .key = on_key } },
	{ .cls = &usb_mouse_class,
	  .ops = OPS(mouse, "89126", "Mouse"),
	  .input = { .name = "QEMU HID Mouse", .move = on_move } },
	{ .cls = &usb_tablet_class,
	  .ops = OPS(tablet, "28754", "Tablet"),
	  .input = { .name = "QEMU HID Tablet", .point = on_point } },
};

static int realize(struct device *dev, struct err *err)
{
	struct usb_hid *hid = (struct usb_hid *)dev;
	const struct model *model = models;
	int ret;

	while (model->cls != dev->cls)
		model++;
	hid->input = model->input;
	hid->input.opaque = hid;
	ret = usb_realize(&hid->usb, &model->ops, err);
	if (ret >= 0 && dev->vm->input)
		input_add(dev->vm->input, &hid->input);
	return ret;
}

static void reset(struct device *dev)
{
	usb_reset((struct usb_device *)dev);
}

static void unrealize(struct device *dev)
{
	struct usb_hid *hid = (struct usb_hid *)dev;

	if (dev->vm->input)
		input_remove(dev->vm->input, &hid->input);
	usb_unrealize(&hid->usb);
}

/* ---- state ---- */

static int validate(const void *obj, struct err *err)
{
	const struct usb_hid *hid = obj;

	if (hid->count > ENTRIES)
		return err_set(err, EINVAL, "%u reports wait, %u is the most", hid->count,
		               ENTRIES);
	return usb_validate(&hid->usb, err);
}

static int post_load(void *obj, struct err *err)
{
	(void)err;
	prefer(obj);
	return 0;
}

static const struct state_field fields[] = {
	STATE_STRUCT_F(struct usb_hid, usb, &usb_state),
	STATE_U8_F(struct usb_hid, protocol),
	STATE_U8_F(struct usb_hid, idle),
	STATE_U8_F(struct usb_hid, leds),
	STATE_BYTES_F(struct usb_hid, now),
	STATE_U32_F(struct usb_hid, count),
	STATE_BYTES_F(struct usb_hid, queue),
	STATE_END_F,
};

static const struct opt_desc props[] = {
	USB_PROPS(struct usb_hid, usb),
	{ .name = NULL },
};

#define HID_CLASS(kind, text)                            \
	static const struct state_desc kind##_state = {  \
		.name = "usb-" #kind,                    \
		.version = 1,                            \
		.fields = fields,                        \
		.validate = validate,                    \
		.post_load = post_load,                  \
	};                                               \
	const struct device_class usb_##kind##_class = { \
		.name = "usb-" #kind,                    \
		.bus = "usb-bus",                        \
		.help = text,                            \
		.size = sizeof(struct usb_hid),          \
		.props = props,                          \
		.state = &kind##_state,                  \
		.realize = realize,                      \
		.reset = reset,                          \
		.unrealize = unrealize,                  \
	}

HID_CLASS(kbd, "keyboard");
HID_CLASS(mouse, "mouse with relative movements");
HID_CLASS(tablet, "pointer with absolute coordinates, as a viewer's is");
