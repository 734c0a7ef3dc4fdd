// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages by their first byte. Text that clients cut is dropped, as guests have no
 * clipboard, and with it the largest message; files, chats and scaling, which the library
 * has from other servers, are none of this one's.
 */
#include "vmm/helpers/vnc/message.h"

#include "common/cleanup.h"

#include <string.h>

enum {
	SET_PIXEL_FORMAT = 0,
	SET_ENCODINGS = 2,
	UPDATE_REQUEST = 3,
	KEY_EVENT = 4,
	POINTER_EVENT = 5,
	CUT_TEXT = 6,
	SET_DESKTOP_SIZE = 251,
	QEMU_MESSAGE = 255, /* its only kind here is 0, a key */
};
#define MAX_ENCODINGS 1024

static const struct message {
	uint8_t type;
	enum message_kind kind;
	unsigned head;      /* bytes, at which the length is known */
	unsigned count_at;  /* where the number of things that follow is, … */
	unsigned count_len; /* … in how many bytes, 0: nothing follows */
	unsigned each;      /* bytes of a thing */
	unsigned most;      /* things */
} messages[] = {
	{ SET_PIXEL_FORMAT, MESSAGE_PASS, 20, 0, 0, 0, 0 },
	{ SET_ENCODINGS, MESSAGE_PASS, 4, 2, 2, 4, MAX_ENCODINGS },
	{ UPDATE_REQUEST, MESSAGE_UPDATE, 10, 0, 0, 0, 0 },
	{ KEY_EVENT, MESSAGE_PASS, 8, 0, 0, 0, 0 },
	{ POINTER_EVENT, MESSAGE_PASS, 6, 0, 0, 0, 0 },
	{ CUT_TEXT, MESSAGE_DROP, 8, 4, 4, 1, INT32_MAX },
	{ SET_DESKTOP_SIZE, MESSAGE_PASS, 8, 6, 1, 16, UINT8_MAX },
	{ QEMU_MESSAGE, MESSAGE_PASS, 12, 0, 0, 0, 0 },
};

static uint32_t number(const uint8_t *data, unsigned len)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < len; i++)
		value = value << 8 | data[i];
	return value;
}

static const struct message *find(uint8_t type)
{
	for (unsigned i = 0; i < ARRAY_SIZE(messages); i++)
		if (messages[i].type == type)
			return &messages[i];
	return NULL;
}

enum message_kind message_measure(const uint8_t *data, size_t have, size_t *len)
{
	const struct message *m = have ? find(data[0]) : NULL;
	uint32_t count;

	if (!have)
		return MESSAGE_MORE;
	if (!m || (m->type == QEMU_MESSAGE && have > 1 && data[1]))
		return MESSAGE_UNKNOWN;
	if (have < m->head)
		return MESSAGE_MORE;
	count = number(data + m->count_at, m->count_len);
	if (count > m->most)
		return MESSAGE_UNKNOWN;
	*len = m->head + (size_t)count * m->each;
	return m->kind;
}

/* ---- encodings ---- */

/* What the library does for clients that can have it. Not in it: the shape of a pointer,
 * which the guest draws, and what belongs to messages that are not taken. */
static const struct {
	int32_t from, to;
} encodings[] = {
	{ 0, 2 },             /* raw, copied, RRE */
	{ 4, 7 },             /* CoRRE, Hextile, Zlib, Tight */
	{ 9, 9 },             /* Ultra */
	{ 16, 17 },           /* ZRLE, ZYWRLE */
	{ -32, -23 },         /* quality of JPEG */
	{ -224, -223 },       /* LastRect, DesktopSize */
	{ -256, -247 },       /* level of compression */
	{ -258, -257 },       /* QEMU's keys and pointers */
	{ -260, -260 },       /* Tight with PNG */
	{ -308, -308 },       /* ExtendedDesktopSize */
	{ -512, -412 },       /* quality, finer */
	{ -768, -763 },       /* of colours */
	{ -131072, -131072 }, /* lights of the keyboard */
};

static bool is_offered(int32_t encoding)
{
	for (unsigned i = 0; i < ARRAY_SIZE(encodings); i++)
		if (encoding >= encodings[i].from && encoding <= encodings[i].to)
			return true;
	return false;
}

size_t message_filter(uint8_t *data, size_t len)
{
	size_t to = 4;

	if (data[0] != SET_ENCODINGS)
		return len;
	for (size_t at = 4; at + 4 <= len; at += 4) {
		if (!is_offered((int32_t)number(data + at, 4)))
			continue;
		memmove(data + to, data + at, 4);
		to += 4;
	}
	data[2] = (to - 4) / 4 >> 8;
	data[3] = (to - 4) / 4 & 0xff;
	return to;
}

/* ---- requests: type, incremental, x, y, width, height ---- */

static void put16(uint8_t *data, uint32_t value)
{
	data[0] = value >> 8;
	data[1] = value & 0xff;
}

/* One axis, whose beginning is there and its extent 4 bytes later. */
static void span(uint8_t *held, const uint8_t *request)
{
	uint32_t from = number(held, 2), to = from + number(held + 4, 2);
	uint32_t other = number(request, 2), end = other + number(request + 4, 2);

	from = other < from ? other : from;
	to = end > to ? end : to;
	put16(held, from);
	put16(held + 4, to - from > UINT16_MAX ? UINT16_MAX : to - from);
}

void message_merge(uint8_t held[10], const uint8_t request[10])
{
	held[1] = held[1] && request[1];
	span(held + 2, request + 2);
	span(held + 4, request + 4);
}
