// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Input routing and the names of keys (QEMU's QKeyCode; codes of scan code set 1 as in
 * the IBM PS/2 Hardware Interface Technical Reference, "Keyboards"). Main loop's thread.
 */
#include "vmm/display/input.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <string.h>

struct input {
	struct input_device *devices; /* in order of preference */
	unsigned last_index;
	struct loop_timer release;
	uint16_t held[INPUT_MAX_KEYS];
	unsigned held_count, buttons;
	int x, y;              /* of the viewer's pointer; -1: not known */
	unsigned abs_x, abs_y; /* absolute coordinates, as told last */
	void (*changed)(void *opaque);
	void *opaque;
};

static const struct {
	char name[18];
	uint16_t code;
} keys[] = {
	{ "esc", 0x01 },
	{ "1", 0x02 },
	{ "2", 0x03 },
	{ "3", 0x04 },
	{ "4", 0x05 },
	{ "5", 0x06 },
	{ "6", 0x07 },
	{ "7", 0x08 },
	{ "8", 0x09 },
	{ "9", 0x0a },
	{ "0", 0x0b },
	{ "minus", 0x0c },
	{ "equal", 0x0d },
	{ "backspace", 0x0e },
	{ "tab", 0x0f },
	{ "q", 0x10 },
	{ "w", 0x11 },
	{ "e", 0x12 },
	{ "r", 0x13 },
	{ "t", 0x14 },
	{ "y", 0x15 },
	{ "u", 0x16 },
	{ "i", 0x17 },
	{ "o", 0x18 },
	{ "p", 0x19 },
	{ "bracket_left", 0x1a },
	{ "bracket_right", 0x1b },
	{ "ret", 0x1c },
	{ "ctrl", 0x1d },
	{ "a", 0x1e },
	{ "s", 0x1f },
	{ "d", 0x20 },
	{ "f", 0x21 },
	{ "g", 0x22 },
	{ "h", 0x23 },
	{ "j", 0x24 },
	{ "k", 0x25 },
	{ "l", 0x26 },
	{ "semicolon", 0x27 },
	{ "apostrophe", 0x28 },
	{ "grave_accent", 0x29 },
	{ "shift", 0x2a },
	{ "backslash", 0x2b },
	{ "z", 0x2c },
	{ "x", 0x2d },
	{ "c", 0x2e },
	{ "v", 0x2f },
	{ "b", 0x30 },
	{ "n", 0x31 },
	{ "m", 0x32 },
	{ "comma", 0x33 },
	{ "dot", 0x34 },
	{ "slash", 0x35 },
	{ "shift_r", 0x36 },
	{ "kp_multiply", 0x37 },
	{ "asterisk", 0x37 },
	{ "alt", 0x38 },
	{ "spc", 0x39 },
	{ "caps_lock", 0x3a },
	{ "f1", 0x3b },
	{ "f2", 0x3c },
	{ "f3", 0x3d },
	{ "f4", 0x3e },
	{ "f5", 0x3f },
	{ "f6", 0x40 },
	{ "f7", 0x41 },
	{ "f8", 0x42 },
	{ "f9", 0x43 },
	{ "f10", 0x44 },
	{ "num_lock", 0x45 },
	{ "scroll_lock", 0x46 },
	{ "kp_7", 0x47 },
	{ "kp_8", 0x48 },
	{ "kp_9", 0x49 },
	{ "kp_subtract", 0x4a },
	{ "kp_4", 0x4b },
	{ "kp_5", 0x4c },
	{ "kp_6", 0x4d },
	{ "kp_add", 0x4e },
	{ "kp_1", 0x4f },
	{ "kp_2", 0x50 },
	{ "kp_3", 0x51 },
	{ "kp_0", 0x52 },
	{ "kp_decimal", 0x53 },
	{ "sysrq", 0x54 },
	{ "less", 0x56 },
	{ "f11", 0x57 },
	{ "f12", 0x58 },
	{ "katakanahiragana", 0x70 },
	{ "ro", 0x73 },
	{ "hiragana", 0x77 },
	{ "henkan", 0x79 },
	{ "muhenkan", 0x7b },
	{ "yen", 0x7d },
	{ "kp_comma", 0x7e },
	{ "kp_enter", 0xe01c },
	{ "ctrl_r", 0xe01d },
	{ "kp_divide", 0xe035 },
	{ "print", 0xe037 },
	{ "alt_r", 0xe038 },
	{ "home", 0xe047 },
	{ "up", 0xe048 },
	{ "pgup", 0xe049 },
	{ "left", 0xe04b },
	{ "right", 0xe04d },
	{ "end", 0xe04f },
	{ "down", 0xe050 },
	{ "pgdn", 0xe051 },
	{ "insert", 0xe052 },
	{ "delete", 0xe053 },
	{ "meta_l", 0xe05b },
	{ "meta_r", 0xe05c },
	{ "menu", 0xe05d },
	{ "compose", 0xe05d },
	{ "power", 0xe05e },
	{ "sleep", 0xe05f },
	{ "wake", 0xe063 },
	{ "audiomute", 0xe020 },
	{ "volumedown", 0xe02e },
	{ "volumeup", 0xe030 },
	{ "pause", INPUT_KEY_PAUSE },
};

uint16_t input_find_key(const char *name, unsigned len)
{
	_cleanup_free_ char *text = strndup(name, len);
	uint64_t code;

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		if (strlen(keys[i].name) == len && !strncmp(keys[i].name, name, len))
			return keys[i].code;
	if (!text || strncmp(text, "0x", 2) || opt_parse_u64(text, &code) < 0)
		return 0;
	/* A bit for the prefix, as in QEMU's numbers. */
	return code < 0x80 ? code : code < 0x100 ? 0xe000 | (code & 0x7f) : 0;
}

const char *input_key_name(unsigned n)
{
	return n < ARRAY_SIZE(keys) ? keys[n].name : NULL;
}

static void release_all(void *opaque)
{
	struct input *in = opaque;

	while (in->held_count)
		input_key(in, in->held[--in->held_count], false);
}

struct input *input_new(struct loop *loop, struct err *err)
{
	struct input *in = calloc(1, sizeof(*in));

	if (!in) {
		err_sys(err, ENOMEM, "input");
		return NULL;
	}
	in->x = in->y = -1;
	loop_timer_init(loop, &in->release, release_all, in);
	return in;
}

void input_free(struct input *in)
{
	if (!in)
		return;
	loop_timer_disarm(&in->release);
	free(in);
}

/* ---- devices ---- */

static void unlink_device(struct input *in, const struct input_device *dev)
{
	struct input_device **p = &in->devices;

	while (*p && *p != dev)
		p = &(*p)->next;
	if (*p)
		*p = dev->next;
}

static void append(struct input *in, struct input_device *dev)
{
	struct input_device **p = &in->devices;

	while (*p)
		p = &(*p)->next;
	*p = dev;
	dev->next = NULL;
}

static void tell(struct input *in)
{
	if (in->changed)
		in->changed(in->opaque);
}

void input_add(struct input *in, struct input_device *dev)
{
	dev->index = ++in->last_index;
	append(in, dev);
	tell(in);
}

void input_remove(struct input *in, struct input_device *dev)
{
	if (!dev->index)
		return;
	unlink_device(in, dev);
	dev->index = 0;
	tell(in);
}

void input_prefer(struct input *in, struct input_device *dev, bool on)
{
	unlink_device(in, dev);
	if (on) {
		dev->next = in->devices;
		in->devices = dev;
	} else {
		append(in, dev);
	}
	tell(in);
}

const struct input_device *input_next_mouse(const struct input *in,
                                            const struct input_device *dev)
{
	for (dev = dev ? dev->next : in->devices; dev; dev = dev->next)
		if (dev->move || dev->point)
			break;
	return dev;
}

int input_choose_mouse(struct input *in, unsigned index, struct err *err)
{
	struct input_device *dev = in->devices;

	while (dev && dev->index != index)
		dev = dev->next;
	if (!dev)
		return err_usage(err, "Mouse at index '%u' not found", index);
	if (!dev->move && !dev->point)
		return err_usage(err, "Input device '%s' is not a mouse", dev->name);
	input_prefer(in, dev, true);
	return 0;
}

bool input_is_absolute(const struct input *in)
{
	const struct input_device *dev = input_next_mouse(in, NULL);

	return dev && dev->point;
}

void input_watch(struct input *in, void (*changed)(void *opaque), void *opaque)
{
	in->changed = changed;
	in->opaque = opaque;
}

static const struct input_device *find_keyboard(const struct input *in)
{
	const struct input_device *dev = in->devices;

	while (dev && !dev->key)
		dev = dev->next;
	return dev;
}

void input_set_leds(struct input *in, struct input_device *dev, unsigned leds)
{
	if (dev->leds == leds)
		return;
	dev->leds = leds;
	tell(in);
}

unsigned input_leds(const struct input *in)
{
	const struct input_device *dev = find_keyboard(in);

	return dev ? dev->leds : 0;
}

/* ---- keys ---- */

void input_key(struct input *in, uint16_t code, bool down)
{
	const struct input_device *dev = find_keyboard(in);

	if (dev)
		dev->key(dev->opaque, code, down);
}

void input_send_keys(struct input *in, const uint16_t *codes, unsigned count,
                     unsigned hold_ms)
{
	loop_timer_disarm(&in->release);
	release_all(in);
	for (unsigned i = 0; i < count && i < INPUT_MAX_KEYS; i++) {
		input_key(in, codes[i], true);
		in->held[in->held_count++] = codes[i];
	}
	loop_timer_arm(&in->release, loop_now() + hold_ms * 1000000ull);
}

/* ---- pointers ---- */

/* Buttons and the wheel belong to the pointer that is in use. */
static void press(struct input *in, int wheel)
{
	const struct input_device *dev = input_next_mouse(in, NULL);

	if (dev && dev->point)
		dev->point(dev->opaque, in->abs_x, in->abs_y, wheel, in->buttons);
	else if (dev)
		dev->move(dev->opaque, 0, 0, wheel, in->buttons);
}

void input_move(struct input *in, int dx, int dy, int wheel)
{
	const struct input_device *dev = in->devices;

	while (dev && !dev->move)
		dev = dev->next;
	if (dev && (dx || dy))
		dev->move(dev->opaque, dx, dy, 0, in->buttons);
	if (wheel)
		press(in, wheel);
}

void input_buttons(struct input *in, unsigned buttons)
{
	if (buttons == in->buttons)
		return;
	in->buttons = buttons;
	press(in, 0);
}

unsigned input_pressed(const struct input *in)
{
	return in->buttons;
}

void input_point(struct input *in, unsigned x, unsigned y)
{
	const struct input_device *dev = in->devices;

	while (dev && !dev->point)
		dev = dev->next;
	in->abs_x = x <= INPUT_RANGE ? x : in->abs_x;
	in->abs_y = y <= INPUT_RANGE ? y : in->abs_y;
	if (dev)
		dev->point(dev->opaque, in->abs_x, in->abs_y, 0, in->buttons);
}

void input_point_at(struct input *in, unsigned x, unsigned y, unsigned width,
                    unsigned height)
{
	int dx = in->x < 0 ? 0 : (int)x - in->x, dy = in->y < 0 ? 0 : (int)y - in->y;

	in->x = x;
	in->y = y;
	if (input_is_absolute(in))
		input_point(in, width > 1 ? x * INPUT_RANGE / (width - 1) : 0,
		            height > 1 ? y * INPUT_RANGE / (height - 1) : 0);
	else
		input_move(in, dx, dy, 0);
}
