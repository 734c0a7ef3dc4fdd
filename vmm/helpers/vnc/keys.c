// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keysyms (X Window System Protocol, appendix A; RFC 6143, 7.5.4) of a US keyboard. The
 * client sends Shift as a key of its own, so that a letter and its capital are one key.
 */
#include "vmm/helpers/vnc/keys.h"

#include <rfb/keysym.h>
#include <stddef.h>

/* From scan code 2 on: unshifted, shifted. A blank: no character. */
static const char plain[] = "1234567890-=  qwertyuiop[]  asdfghjkl;'` \\zxcvbnm,./";
static const char shifted[] = "!@#$%^&*()_+  QWERTYUIOP{}  ASDFGHJKL:\"~ |ZXCVBNM<>?";

static const struct {
	uint16_t keysym, code;
} others[] = {
	{ ' ', 0x39 },
	{ XK_BackSpace, 0x0e },
	{ XK_Tab, 0x0f },
	{ 0xfe20, 0x0f }, /* ISO_Left_Tab: Shift-Tab */
	{ XK_Return, 0x1c },
	{ XK_Escape, 0x01 },
	{ XK_Pause, 0xe11d },
	{ XK_Scroll_Lock, 0x46 },
	{ XK_Sys_Req, 0x54 },
	{ XK_Print, 0xe037 },
	{ XK_Delete, 0xe053 },
	{ XK_Insert, 0xe052 },
	{ XK_Home, 0xe047 },
	{ XK_End, 0xe04f },
	{ XK_Page_Up, 0xe049 },
	{ XK_Page_Down, 0xe051 },
	{ XK_Left, 0xe04b },
	{ XK_Up, 0xe048 },
	{ XK_Right, 0xe04d },
	{ XK_Down, 0xe050 },
	{ XK_Shift_L, 0x2a },
	{ XK_Shift_R, 0x36 },
	{ XK_Control_L, 0x1d },
	{ XK_Control_R, 0xe01d },
	{ XK_Alt_L, 0x38 },
	{ XK_Alt_R, 0xe038 },
	{ XK_Meta_L, 0x38 },
	{ XK_Meta_R, 0xe038 },
	{ XK_Mode_switch, 0xe038 },
	{ 0xfe03, 0xe038 }, /* ISO_Level3_Shift: AltGr */
	{ XK_Super_L, 0xe05b },
	{ XK_Super_R, 0xe05c },
	{ XK_Menu, 0xe05d },
	{ XK_Caps_Lock, 0x3a },
	{ XK_Num_Lock, 0x45 },
	{ XK_F11, 0x57 },
	{ XK_F12, 0x58 },
	{ XK_KP_Multiply, 0x37 },
	{ XK_KP_Subtract, 0x4a },
	{ XK_KP_Add, 0x4e },
	{ XK_KP_Divide, 0xe035 },
	{ XK_KP_Enter, 0xe01c },
	{ XK_KP_Decimal, 0x53 },
	{ XK_KP_Delete, 0x53 },
	{ XK_KP_Insert, 0x52 },
	{ XK_KP_End, 0x4f },
	{ XK_KP_Down, 0x50 },
	{ XK_KP_Page_Down, 0x51 },
	{ XK_KP_Left, 0x4b },
	{ XK_KP_Begin, 0x4c },
	{ XK_KP_Right, 0x4d },
	{ XK_KP_Home, 0x47 },
	{ XK_KP_Up, 0x48 },
	{ XK_KP_Page_Up, 0x49 },
};

uint16_t keys_find(uint32_t keysym)
{
	static const uint8_t keypad[] = { 0x52, 0x4f, 0x50, 0x51, 0x4b,
		                          0x4c, 0x4d, 0x47, 0x48, 0x49 };

	for (size_t i = 0; keysym > ' ' && i < sizeof(plain) - 1; i++)
		if (keysym == (uint8_t)plain[i] || keysym == (uint8_t)shifted[i])
			return i + 2;
	if (keysym >= XK_F1 && keysym <= XK_F10)
		return 0x3b + keysym - XK_F1;
	if (keysym >= XK_KP_0 && keysym <= XK_KP_9)
		return keypad[keysym - XK_KP_0];
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (keysym == others[i].keysym)
			return others[i].code;
	return 0;
}
