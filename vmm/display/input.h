/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys and pointer movements on their way from those who type to the device that tells
 * the guest. Of several keyboards, or pointers, one is in use: the first of the list, at
 * whose front a device goes when its driver starts. A key is a code as in
 * common/keycode.h. Machine lock everywhere.
 */
#ifndef VMM_DISPLAY_INPUT_H
#define VMM_DISPLAY_INPUT_H

#include "common/err.h"
#include "vmm/loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	INPUT_KEY_PAUSE = 0xe11d, /* its sequence is like no other */
	INPUT_MAX_KEYS = 16,      /* pressed together by input_send_keys() */
	INPUT_RANGE = 0x7fff,     /* of an absolute coordinate: 0 to this */
	INPUT_LEFT = 1,           /* buttons */
	INPUT_RIGHT = 2,
	INPUT_MIDDLE = 4,
	INPUT_SIDE = 8,
	INPUT_EXTRA = 16,
	INPUT_LED_SCROLL = 1,
	INPUT_LED_NUM = 2,
	INPUT_LED_CAPS = 4,
};

/* Embed it; what it does not have is NULL. */
struct input_device {
	const char *name; /* as `info mice` shows it */
	void (*key)(void *opaque, uint16_t code, bool down);
	/* Relative, y grows downwards; wheel grows towards the user. */
	void (*move)(void *opaque, int dx, int dy, int wheel, unsigned buttons);
	/* Where on the screen, from 0 to INPUT_RANGE in both directions. */
	void (*point)(void *opaque, unsigned x, unsigned y, int wheel, unsigned buttons);
	void *opaque;
	/* of input.c */
	unsigned index, leds;
	struct input_device *next;
};

struct input;

/* NULL with a sentence on failure. */
struct input *input_new(struct loop *loop, struct err *err);
void input_free(struct input *input);

/* ---- for devices ---- */

/* Behind all others. What is typed without any device is lost. */
void input_add(struct input *input, struct input_device *device);
/* Accepts one that was never added. */
void input_remove(struct input *input, struct input_device *device);
/* Before all others: the guest's driver uses it; or behind them again. */
void input_prefer(struct input *input, struct input_device *device, bool on);
/* The guest shows these locks on it: INPUT_LED_. */
void input_set_leds(struct input *input, struct input_device *device, unsigned leds);

/* ---- for those who type ---- */

void input_key(struct input *input, uint16_t code, bool down);
/* Presses them in order, and releases them after hold_ms. */
void input_send_keys(struct input *input, const uint16_t *codes, unsigned count,
                     unsigned hold_ms);
void input_move(struct input *input, int dx, int dy, int wheel);
void input_buttons(struct input *input, unsigned buttons);
/* Those that are down. */
unsigned input_pressed(const struct input *input);
/* 0 to INPUT_RANGE, beyond it: as before; lost if no device has absolute coordinates. */
void input_point(struct input *input, unsigned x, unsigned y);
/* Where the pointer of a viewer is on a screen of that size: there, or, for a device
 * without absolute coordinates, by the difference. */
void input_point_at(struct input *input, unsigned x, unsigned y, unsigned width,
                    unsigned height);
/* The pointer in use has absolute coordinates. */
bool input_is_absolute(const struct input *input);
unsigned input_leds(const struct input *input);
/* Calls changed when one of the last two may have changed. One at a time; NULL: none. */
void input_watch(struct input *input, void (*changed)(void *opaque), void *opaque);

/* The pointer behind this one, the one in use with NULL; NULL behind the last. */
const struct input_device *input_next_mouse(const struct input *input,
                                            const struct input_device *device);
/* Uses it from now on. -EINVAL with a sentence. */
int input_choose_mouse(struct input *input, unsigned index, struct err *err);

/* QEMU's name of a key ("ctrl", "ret"), or a hexadecimal code ("0x1d"); 0 when there is
 * no such key. */
uint16_t input_find_key(const char *name, unsigned len);
/* The nth name, or NULL behind the last. */
const char *input_key_name(unsigned n);

#endif
