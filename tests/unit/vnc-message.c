// SPDX-License-Identifier: GPL-2.0-or-later
/* Where messages of VNC clients end, what of them is taken, and what becomes of two
 * requests. */
#include "tests/tap.h"
#include "vmm/helpers/vnc/message.c"

static const struct {
	const char *what;
	uint8_t data[12];
	size_t have; /* bytes that are there at first, one fewer than tell the length */
	size_t len;
	enum message_kind kind;
} rows[] = {
	{ "SetPixelFormat", { 0 }, 19, 20, MESSAGE_PASS },
	{ "SetEncodings", { 2, 0, 1, 4 }, 3, 4 + 4 * 260, MESSAGE_PASS },
	{ "SetEncodings of nothing", { 2 }, 3, 4, MESSAGE_PASS },
	{ "a request", { 3 }, 9, 10, MESSAGE_UPDATE },
	{ "a key", { 4 }, 7, 8, MESSAGE_PASS },
	{ "a pointer", { 5 }, 5, 6, MESSAGE_PASS },
	{ "text",
	  { 6, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff },
	  7,
	  8 + 0x7fffffffull,
	  MESSAGE_DROP },
	{ "SetDesktopSize", { 251, 0, 0, 0, 0, 0, 255 }, 7, 8 + 16 * 255, MESSAGE_PASS },
	{ "QEMU's key", { 255, 0 }, 11, 12, MESSAGE_PASS },
};

static const uint8_t unknown[][8] = {
	{ 1 },                      /* FixColourMapEntries */
	{ 7 },                      /* a file */
	{ 250 },                    /* power */
	{ 255, 1 },                 /* QEMU's sound */
	{ 2, 0, 4, 1 },             /* more encodings than there are */
	{ 6, 0, 0, 0, 0x80, 0, 0 }, /* the extended clipboard */
};

static void test_lengths(void)
{
	uint8_t data[32];
	size_t len;

	tap_eq(message_measure(data, 0, &len), MESSAGE_MORE, "nothing is no message yet");
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(data, 0, sizeof(data));
		memcpy(data, rows[i].data, sizeof(rows[i].data));
		len = 0;
		tap_eq(message_measure(data, rows[i].have, &len), MESSAGE_MORE,
		       "%s: a byte is missing", rows[i].what);
		tap_eq(message_measure(data, rows[i].have + 1, &len), rows[i].kind,
		       "its kind");
		tap_eq(len, rows[i].len, "its length");
		tap_ok(rows[i].kind == MESSAGE_DROP || len <= MESSAGE_MAX, "its limit");
	}
	for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
		tap_eq(message_measure(unknown[i], 8, &len), MESSAGE_UNKNOWN,
		       "%u: nothing for this server", unknown[i][0]);
}

static void test_encodings(void)
{
	/* Tight, the pointer's shape, ZRLE, its position, ExtendedDesktopSize, Xvp */
	uint8_t data[] = { 2,    0,    0,    6,    0,    0,    0,    7,    0xff, 0xff,
		           0xff, 0x11, 0,    0,    0,    16,   0xff, 0xff, 0xff, 0x18,
		           0xff, 0xff, 0xfe, 0xcc, 0xff, 0xff, 0xfe, 0xcb };
	static const uint8_t want[] = { 2, 0, 0, 3,  0,    0,    0,    7,
		                        0, 0, 0, 16, 0xff, 0xff, 0xfe, 0xcc };
	uint8_t key[8] = { 4, 1, 0, 0, 0, 0, 0xff, 0x11 };

	tap_eq(message_filter(data, sizeof(data)), sizeof(want), "encodings: three left");
	tap_ok(!memcmp(data, want, sizeof(want)), "the right ones");
	tap_eq(message_filter(key, sizeof(key)), 8, "other messages stay as they are");
}

static bool merges(const uint8_t *a, const uint8_t *b, const uint8_t *want)
{
	uint8_t held[10];

	memcpy(held, a, 10);
	message_merge(held, b);
	return !memcmp(held, want, 10);
}

static void test_requests(void)
{
	/* 16 + 256 × 32 + 512 from 0x101,0x202, and parts of a screen */
	static const uint8_t a[] = { 3, 1, 1, 1, 2, 2, 0, 16, 0, 32 },
			     b[] = { 3, 1, 0, 1, 2, 18, 1, 0, 0, 32 },
			     both[] = { 3, 1, 0, 1, 2, 2, 1, 16, 0, 48 },
			     now[] = { 3, 0, 1, 1, 2, 2, 0, 16, 0, 32 },
			     all[] = { 3, 1, 0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff },
			     most[] = { 3, 1, 1, 1, 0, 0, 0xff, 0xff, 0xff, 0xff };

	tap_ok(merges(a, b, both) && merges(b, a, both), "two requests: what holds both");
	tap_ok(merges(a, now, now) && merges(now, a, now),
	       "all of it, if one wants that");
	tap_ok(merges(a, all, most), "no more than there can be");
}

int main(void)
{
	test_lengths();
	test_encodings();
	test_requests();
	return tap_done();
}
