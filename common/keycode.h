/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys in two numberings: Linux' key codes (linux/input-event-codes.h), and the PC
 * keyboard's scan code set 1, with 0xe000 added for those behind the prefix 0xe0, and
 * 0xe11d for Pause.
 */
#ifndef COMMON_KEYCODE_H
#define COMMON_KEYCODE_H

#include <stdint.h>

/* 0: the other numbering has no such key. */
uint16_t keycode_to_set1(unsigned linux_code);
uint16_t keycode_from_set1(uint16_t set1);

#endif
