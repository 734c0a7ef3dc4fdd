/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What clients type, as keys of the guest's keyboard. A client names the character that
 * its user means (a keysym); which key types it, and with which modifiers, depends on the
 * layout that the guest has. A key is a code of scan code set 1, with 0xe000 added for
 * the prefix, as in common/keycode.h.
 */
#ifndef VMM_HELPERS_VNC_KEYS_H
#define VMM_HELPERS_VNC_KEYS_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

enum keys_lock { KEYS_CAPS = 4, KEYS_NUM = 8 };

struct keys;

/* layout: QEMU's name ("pt-br"), or xkb's as "LAYOUT" or "LAYOUT(VARIANT)"; "" is en-us.
 * Reads files. send: gets each key that is pressed or released. NULL with a sentence that
 * names the nearest layout on failure. */
struct keys *keys_new(const char *layout,
                      void (*send)(void *opaque, uint16_t code, bool down), void *opaque,
                      struct err *err);
void keys_free(struct keys *keys);
/* A client's key event. Modifiers that the character needs, or that it must not have, are
 * pressed and released around it. What no key types is lost. */
void keys_type(struct keys *keys, uint32_t keysym, bool down);
/* The key itself, for clients that know it. */
void keys_raw(struct keys *keys, uint16_t code, bool down);
/* Which locks the guest shows: KEYS_CAPS, KEYS_NUM. */
void keys_set_locks(struct keys *keys, unsigned locks);
/* Nobody types any more. */
void keys_release(struct keys *keys);
/* The names of QEMU's layouts, one a line. */
void keys_list(struct strbuf *out);

#endif
