/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two processes of vmm-vnc tell each other: packets on a SOCK_SEQPACKET pair,
 * each about the connection that `id` names.
 *
 * The front (front.h) has the network. It lets clients in, and what it hands over of them
 * is whole messages. The painter (server.h) has the surface, and LibVNCServer, which
 * waits for the rest of a message whose beginning it has read, and for room for what it
 * writes: both are always there, whatever clients do.
 *
 * A viewer of a still screen does nothing but ask for what changes next. That is no
 * reason to wake the painter, which looks for it once something has changed; of all else
 * the front tells it.
 */
#ifndef VMM_HELPERS_VNC_LINK_H
#define VMM_HELPERS_VNC_LINK_H

#include "common/vncproto.h"

enum { LINK_CHALLENGE = 16 };

enum link_type {
	/* from the front */
	LINK_ASK,      /* somebody comes */
	LINK_RESPONSE, /* response: to the challenge */
	LINK_CLIENT,   /* is in; with a socket, to which LINK_PRELUDE was written */
	LINK_HEARD,    /* something waits in that socket that is not a request for what
	                * changes next */
	/* to the front */
	LINK_OPEN,   /* needs no password */
	LINK_LOCKED, /* needs one */
	LINK_CLOSED, /* nobody gets in now */
	LINK_RIGHT,  /* the password was */
	LINK_WRONG,
};

/* The handshake of a client without a password, and the bytes that answer it: version, a
 * list of one type, a result. */
#define LINK_PRELUDE        "RFB 003.008\n\1"
#define LINK_PRELUDE_ANSWER (12 + 2 + 4)

struct link_packet {
	uint32_t type, id;
	struct vnc_peer peer;
	uint8_t challenge[LINK_CHALLENGE], response[LINK_CHALLENGE];
};

#endif
