/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The built-in guest: a flat image for DEMO_BASE, entered at its first byte as PVH says.
 */
#ifndef VMM_GUEST_DEMO_H
#define VMM_GUEST_DEMO_H

#define DEMO_BASE 0x100000
#define DEMO_ROOM 0x8000 /* of RAM, from DEMO_BASE on */

#ifndef __ASSEMBLER__
#include <stdint.h>

extern const uint8_t demo_guest[], demo_guest_end[];
#endif

#endif
