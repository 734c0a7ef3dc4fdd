// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PS/2 keyboard (IBM PS/2 Hardware Interface Technical Reference, "Keyboards"), scan
 * code sets 1 and 2. The rate of repetition is accepted and means nothing, because keys
 * repeat where they are typed. Machine lock.
 */
#include "vmm/legacy/ps2.h"

#include "vmm/display/input.h"

#include <errno.h>
#include <string.h>

enum {
	CMD_LEDS = 0xed,
	CMD_ECHO = 0xee,
	CMD_SCAN_SET = 0xf0,
	CMD_IDENTIFY = 0xf2,
	CMD_RATE = 0xf3,
	CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5,
	CMD_DEFAULTS = 0xf6,
	CMD_RESEND = 0xfe,
	CMD_RESET = 0xff,

	ANSWER_GOOD = 0xaa,
	ANSWER_ACK = 0xfa,
	ANSWER_RESEND = 0xfe,
	BREAK = 0xf0,
	PREFIX = 0xe0,
};

/* Set 2 to set 1, as the 8042 of the PC/AT has it in its ROM. */
static const uint8_t set1_of[128] = {
	0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e,
	0x0f, 0x29, 0x59, 0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71,
	0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04,
	0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, 0x69, 0x31, 0x30, 0x23,
	0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, 0x6b,
	0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19,
	0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c,
	0x1b, 0x75, 0x2b, 0x63, 0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b,
	0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53, 0x50, 0x4c, 0x4d,
	0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

/* The two keys that lie beyond the table. */
#define SET2_F7    0x83
#define SET1_F7    0x41
#define SET2_SYSRQ 0x84
#define SET1_SYSRQ 0x54

uint8_t ps2_translate(uint8_t byte)
{
	if (byte == SET2_F7)
		return SET1_F7;
	if (byte == SET2_SYSRQ)
		return SET1_SYSRQ;
	return byte < sizeof(set1_of) ? set1_of[byte] : byte;
}

static uint8_t set2_of(uint8_t set1)
{
	if (set1 == SET1_F7)
		return SET2_F7;
	if (set1 == SET1_SYSRQ)
		return SET2_SYSRQ;
	for (unsigned i = 1; i < sizeof(set1_of); i++)
		if (set1_of[i] == set1)
			return i;
	return 0;
}

bool ps2_take(struct ps2_queue *q, uint8_t *byte)
{
	if (!q->len)
		return false;
	*byte = q->data[0];
	memmove(q->data, q->data + 1, --q->len);
	return true;
}

static void send(struct ps2_keyboard *kbd, const uint8_t *bytes, unsigned count)
{
	struct ps2_queue *q = &kbd->queue;

	if (q->len + count > PS2_QUEUE)
		return;
	memcpy(q->data + q->len, bytes, count);
	q->len += count;
	kbd->last = bytes[count - 1];
}

/* An answer goes before keys that were not fetched. */
static void answer(struct ps2_keyboard *kbd, uint8_t byte)
{
	kbd->queue.len = 0;
	send(kbd, &byte, 1);
}

static void set_defaults(struct ps2_keyboard *kbd)
{
	kbd->set = 2;
	kbd->command = 0;
}

void ps2_keyboard_reset(struct ps2_keyboard *kbd)
{
	*kbd = (struct ps2_keyboard){ .scanning = true };
	set_defaults(kbd);
}

static void write_argument(struct ps2_keyboard *kbd, uint8_t command, uint8_t byte)
{
	answer(kbd, ANSWER_ACK);
	switch (command) {
	case CMD_LEDS:
		kbd->leds = byte & 7;
		break;
	case CMD_SCAN_SET:
		if (!byte)
			send(kbd, &kbd->set, 1);
		else if (byte <= 2)
			kbd->set = byte;
		else
			answer(kbd, ANSWER_RESEND);
		break;
	}
}

void ps2_keyboard_write(struct ps2_keyboard *kbd, uint8_t byte)
{
	uint8_t command = kbd->command, last = kbd->last;

	kbd->command = 0;
	if (command && byte < CMD_LEDS) {
		write_argument(kbd, command, byte);
		return;
	}
	answer(kbd, byte == CMD_ECHO ? CMD_ECHO : ANSWER_ACK);
	switch (byte) {
	case CMD_ECHO:
		break;
	case CMD_LEDS:
	case CMD_SCAN_SET:
	case CMD_RATE:
		kbd->command = byte;
		break;
	case CMD_IDENTIFY:
		send(kbd, (const uint8_t[]){ 0xab, 0x83 }, 2);
		break;
	case CMD_ENABLE:
		kbd->scanning = true;
		break;
	case CMD_DISABLE:
	case CMD_DEFAULTS:
		set_defaults(kbd);
		kbd->scanning = byte == CMD_DEFAULTS;
		break;
	case CMD_RESEND:
		answer(kbd, last);
		break;
	case CMD_RESET:
		ps2_keyboard_reset(kbd);
		send(kbd, (const uint8_t[]){ ANSWER_ACK, ANSWER_GOOD }, 2);
		break;
	default:
		answer(kbd, ANSWER_RESEND);
	}
}

/* It has no code for its release, but a release inside its sequence. */
static void send_pause(struct ps2_keyboard *kbd)
{
	static const uint8_t set1[] = { 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5 };
	static const uint8_t set2[] = {
		0xe1, 0x14, 0x77, 0xe1, BREAK, 0x14, BREAK, 0x77
	};

	if (kbd->set == 1)
		send(kbd, set1, sizeof(set1));
	else
		send(kbd, set2, sizeof(set2));
}

void ps2_keyboard_key(struct ps2_keyboard *kbd, uint16_t code, bool down)
{
	uint8_t bytes[3], set2 = set2_of(code & 0x7f);
	unsigned n = 0;

	if (!kbd->scanning || !set2)
		return;
	if (code == INPUT_KEY_PAUSE) {
		if (down)
			send_pause(kbd);
		return;
	}
	if (code >> 8)
		bytes[n++] = PREFIX;
	if (kbd->set == 1) {
		bytes[n++] = (code & 0x7f) | (down ? 0 : 0x80);
	} else {
		if (!down)
			bytes[n++] = BREAK;
		bytes[n++] = set2;
	}
	send(kbd, bytes, n);
}

/* ---- state ---- */

static const struct state_field keyboard_fields[] = {
	STATE_VBYTES_F(struct ps2_keyboard, queue.data, queue.len),
	STATE_U8_F(struct ps2_keyboard, command),
	STATE_U8_F(struct ps2_keyboard, set),
	STATE_U8_F(struct ps2_keyboard, leds),
	STATE_U8_F(struct ps2_keyboard, last),
	STATE_BOOL_F(struct ps2_keyboard, scanning),
	STATE_END_F,
};

const struct state_desc ps2_keyboard_state = {
	.name = "ps2-keyboard",
	.version = 1,
	.fields = keyboard_fields,
};

int ps2_keyboard_validate(const struct ps2_keyboard *kbd, struct err *err)
{
	return kbd->set == 1 || kbd->set == 2
	               ? 0
	               : err_set(err, EINVAL, "the keyboard has no scan code set %u",
	                         kbd->set);
}
