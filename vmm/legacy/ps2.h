/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hangs on the two lines of the keyboard controller: a keyboard and a mouse. Both
 * answer at once into a short queue, from which the controller takes bytes when it has
 * room. Machine lock.
 */
#ifndef VMM_LEGACY_PS2_H
#define VMM_LEGACY_PS2_H

#include "common/state.h"

#define PS2_QUEUE 32 /* bytes; a key or a movement that does not fit is lost whole */

struct ps2_queue {
	uint8_t data[PS2_QUEUE];
	uint32_t len;
};

struct ps2_keyboard {
	struct ps2_queue queue;
	uint8_t command; /* waits for its byte; 0: none */
	uint8_t set, leds, last;
	bool scanning;
};

struct ps2_mouse {
	struct ps2_queue queue;
	uint8_t command;
	uint8_t id; /* 0, 3: with a wheel, 4: and five buttons */
	uint8_t rate, resolution, last;
	uint8_t knock; /* how much of the sequence of rates that unlocks more was seen */
	bool enabled, remote, wrap, scaling;
	uint8_t buttons, told; /* now, and as the guest knows them */
	uint32_t dx, dy, dz;   /* not told yet, two's complement */
};

void ps2_keyboard_reset(struct ps2_keyboard *kbd);
void ps2_keyboard_write(struct ps2_keyboard *kbd, uint8_t byte);
/* code as in display/input.h. */
void ps2_keyboard_key(struct ps2_keyboard *kbd, uint16_t code, bool down);

void ps2_mouse_reset(struct ps2_mouse *mouse);
void ps2_mouse_write(struct ps2_mouse *mouse, uint8_t byte);
/* y grows downwards. */
void ps2_mouse_move(struct ps2_mouse *mouse, int dx, int dy, int wheel, unsigned buttons);

/* False when there is none. */
bool ps2_take(struct ps2_queue *queue, uint8_t *byte);
/* After bytes were taken: a movement that waited may fit now. */
void ps2_mouse_fill(struct ps2_mouse *mouse);

/* The controller's translation of scan code set 2 to set 1 (without the prefix 0xf0). */
uint8_t ps2_translate(uint8_t byte);

extern const struct state_desc ps2_keyboard_state, ps2_mouse_state;
/* -EINVAL with a sentence unless the fields are what these functions leave. */
int ps2_keyboard_validate(const struct ps2_keyboard *kbd, struct err *err);
int ps2_mouse_validate(const struct ps2_mouse *mouse, struct err *err);

#endif
