// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linux numbers the keys of the PC/AT's keyboard as scan code set 1 does; the table has
 * those that came later.
 */
#include "common/keycode.h"

#include "common/cleanup.h"

#include <linux/input-event-codes.h>
#include <stdbool.h>

static const struct {
	uint16_t set1;
	uint8_t linux_code;
} others[] = {
	{ 0xe037, KEY_SYSRQ }, /* before 0x54: what the key is without Alt */
	{ 0x54, KEY_SYSRQ },
	{ 0x59, KEY_KPEQUAL },
	{ 0x5c, KEY_KPJPCOMMA },
	{ 0x70, KEY_KATAKANAHIRAGANA },
	{ 0x73, KEY_RO },
	{ 0x76, KEY_ZENKAKUHANKAKU },
	{ 0x77, KEY_HIRAGANA },
	{ 0x78, KEY_KATAKANA },
	{ 0x79, KEY_HENKAN },
	{ 0x7b, KEY_MUHENKAN },
	{ 0x7d, KEY_YEN },
	{ 0x7e, KEY_KPCOMMA },
	{ 0xe010, KEY_PREVIOUSSONG },
	{ 0xe019, KEY_NEXTSONG },
	{ 0xe01c, KEY_KPENTER },
	{ 0xe01d, KEY_RIGHTCTRL },
	{ 0xe020, KEY_MUTE },
	{ 0xe021, KEY_CALC },
	{ 0xe022, KEY_PLAYPAUSE },
	{ 0xe024, KEY_STOPCD },
	{ 0xe02e, KEY_VOLUMEDOWN },
	{ 0xe030, KEY_VOLUMEUP },
	{ 0xe032, KEY_HOMEPAGE },
	{ 0xe035, KEY_KPSLASH },
	{ 0xe038, KEY_RIGHTALT },
	{ 0xe047, KEY_HOME },
	{ 0xe048, KEY_UP },
	{ 0xe049, KEY_PAGEUP },
	{ 0xe04b, KEY_LEFT },
	{ 0xe04d, KEY_RIGHT },
	{ 0xe04f, KEY_END },
	{ 0xe050, KEY_DOWN },
	{ 0xe051, KEY_PAGEDOWN },
	{ 0xe052, KEY_INSERT },
	{ 0xe053, KEY_DELETE },
	{ 0xe05b, KEY_LEFTMETA },
	{ 0xe05c, KEY_RIGHTMETA },
	{ 0xe05d, KEY_COMPOSE },
	{ 0xe05e, KEY_POWER },
	{ 0xe05f, KEY_SLEEP },
	{ 0xe063, KEY_WAKEUP },
	{ 0xe065, KEY_SEARCH },
	{ 0xe066, KEY_BOOKMARKS },
	{ 0xe067, KEY_REFRESH },
	{ 0xe068, KEY_STOP },
	{ 0xe069, KEY_FORWARD },
	{ 0xe06a, KEY_BACK },
	{ 0xe06b, KEY_COMPUTER },
	{ 0xe06c, KEY_MAIL },
	{ 0xe06d, KEY_MEDIA },
	{ 0xe11d, KEY_PAUSE },
};

/* The same in both. */
static bool is_same(unsigned code)
{
	return (code >= KEY_ESC && code <= KEY_KPDOT) ||
	       (code >= KEY_102ND && code <= KEY_F12);
}

uint16_t keycode_to_set1(unsigned linux_code)
{
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i].linux_code == linux_code)
			return others[i].set1;
	return is_same(linux_code) ? linux_code : 0;
}

uint16_t keycode_from_set1(uint16_t set1)
{
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i].set1 == set1)
			return others[i].linux_code;
	return is_same(set1) ? set1 : 0;
}
