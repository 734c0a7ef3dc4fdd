/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of RFB clients (RFC 6143, 7.5, and the registry rfbproto): where each ends,
 * known from its beginning, and which of them the painter gets. Pure.
 */
#ifndef VMM_HELPERS_VNC_MESSAGE_H
#define VMM_HELPERS_VNC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MESSAGE_MAX = 4104 };

enum message_kind {
	MESSAGE_MORE,    /* its length is not known yet */
	MESSAGE_PASS,    /* of `len` bytes, up to MESSAGE_MAX */
	MESSAGE_UPDATE,  /* the same: a request for an update */
	MESSAGE_DROP,    /* `len` bytes that nobody here needs, any number */
	MESSAGE_UNKNOWN, /* none that this server takes: nobody knows where it ends */
};

enum message_kind message_measure(const uint8_t *data, size_t have, size_t *len);
/* Takes out of a whole SetEncodings what this server has nothing for; others stay as they
 * are. The new length. */
size_t message_filter(uint8_t *data, size_t len);
/* Makes one request for an update of two: held asks for what both asked. */
void message_merge(uint8_t held[10], const uint8_t request[10]);

#endif
