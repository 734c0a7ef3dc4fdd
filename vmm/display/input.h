/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys and pointer movements on their way from those who type to the device that tells
 * the guest. A key is its code in the PC keyboard's scan code set 1, with 0xe000 added
 * for those behind the prefix 0xe0. Machine lock everywhere.
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
	INPUT_LEFT = 1,           /* buttons */
	INPUT_RIGHT = 2,
	INPUT_MIDDLE = 4,
};

struct input_device {
	void (*key)(void *opaque, uint16_t code, bool down);
	/* Relative, y grows downwards; wheel grows towards the user. */
	void (*move)(void *opaque, int dx, int dy, int wheel, unsigned buttons);
	void *opaque;
};

struct input;

/* NULL with a sentence on failure. */
struct input *input_new(struct loop *loop, struct err *err);
void input_free(struct input *input);
/* NULL takes the device away. What is typed without one is lost. */
void input_set_device(struct input *input, const struct input_device *device);

void input_key(struct input *input, uint16_t code, bool down);
/* Presses them in order, and releases them after hold_ms. */
void input_send_keys(struct input *input, const uint16_t *codes, unsigned count,
                     unsigned hold_ms);
void input_move(struct input *input, int dx, int dy, int wheel);
void input_buttons(struct input *input, unsigned buttons);
/* Where the pointer of a viewer is on the surface: moves by the difference. */
void input_point(struct input *input, unsigned x, unsigned y);

/* QEMU's name of a key ("ctrl", "ret"), or a hexadecimal code ("0x1d"); 0 when there is
 * no such key. */
uint16_t input_find_key(const char *name, unsigned len);
/* The nth name, or NULL behind the last. */
const char *input_key_name(unsigned n);

#endif
