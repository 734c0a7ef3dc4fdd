/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guestfwd=: addresses of the guest's network behind which a server of the host's is. */
#ifndef VMM_HELPERS_USER_NET_GUESTFWD_H
#define VMM_HELPERS_USER_NET_GUESTFWD_H

#include "common/err.h"

#include <slirp/libslirp.h>
#include <stdbool.h>

struct guestfwd;

/* "[tcp]:ADDR:PORT-unix:PATH": each connection of the guest is one to that socket.
 * "...-tcp:HOST:PORT", as QEMU has it: one connection, made now, for all of them. Before
 * the sandbox; *unix_sockets becomes true when Unix sockets are connected to later.
 * -errno with a sentence. */
int guestfwd_add(struct guestfwd **list, Slirp *slirp, const char *rule,
                 bool *unix_sockets, struct err *err);
void guestfwd_free(struct guestfwd *list);
/* Adds what is to be polled, and serves what is ready; the calls are libslirp's. */
void guestfwd_fill(struct guestfwd *list, SlirpAddPollCb add, void *opaque);
void guestfwd_serve(struct guestfwd *list, SlirpGetREventsCb get, void *opaque);

#endif
