/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keysyms to keys. */
#ifndef VMM_HELPERS_VNC_KEYS_H
#define VMM_HELPERS_VNC_KEYS_H

#include <stdint.h>

/* The key of a US keyboard that types the keysym, as a code of scan code set 1, with
 * 0xe000 added for the prefix; 0: none. */
uint16_t keys_find(uint32_t keysym);

#endif
