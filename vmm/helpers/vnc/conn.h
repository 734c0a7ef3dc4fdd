/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the front: one connection. */
#ifndef VMM_HELPERS_VNC_CONN_H
#define VMM_HELPERS_VNC_CONN_H

#include "vmm/helpers/vnc/link.h"
#include "vmm/helpers/vnc/tls.h"
#include "vmm/helpers/vnc/websocket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct front;

/* What the next bytes of the client are, or whom it waits for. */
enum stage {
	STAGE_REQUEST, /* of HTTP */
	STAGE_ASKED,   /* the painter, whether anybody may come */
	STAGE_VERSION,
	STAGE_SECURITY,
	STAGE_VENCRYPT, /* its version */
	STAGE_SUBTYPE,
	STAGE_SHAKE, /* of TLS */
	STAGE_RESPONSE,
	STAGE_CHECKED, /* by the painter, whether the password is right */
	STAGE_INIT,
	STAGE_IN,      /* messages */
	STAGE_CLOSING, /* it takes what is left to send, then it ends */
};

enum {
	/* More than the longest message that is passed on (message.c), or request. */
	CONN_INPUT = 8192,
	CONN_REQUEST = 4096,
};

/* What waits to be sent. */
struct backlog {
	uint8_t *data;
	size_t start, len, size;
};

struct conn {
	struct front *front;
	int fd;         /* the client's socket; -1: the connection is free */
	unsigned place; /* in the list of descriptors that were waited for; 0: none */
	int inner;      /* the painter's; -1: not yet */
	uint32_t id;
	enum stage stage;
	struct vnc_peer peer;
	bool browser, wrapped; /* wrapped: in a WebSocket */
	struct tls_session *tls;
	bool secure; /* its handshake is done */
	struct websocket ws;
	int64_t since, deadline; /* milliseconds; deadline 0: none */
	uint8_t in[CONN_INPUT];
	size_t in_len;
	struct backlog out;
	/* the handshake */
	unsigned minor; /* of RFB's version 3: 3, 7 or 8 */
	bool locked;    /* needs the password */
	enum vnc_tls_kind kind;
	uint8_t challenge[LINK_CHALLENGE];
	/* messages */
	size_t pass, drop; /* bytes to pass on unseen, and to throw away */
	bool told;         /* the painter has to know that they come */
	size_t swallow;    /* of the painter's first ones */
	bool holding;
	uint8_t held[10]; /* the client's request for an update, while it is behind */
};

int64_t now_ms(void);

/* ---- conn.c; false: the connection has to end ---- */

/* Sends it, now or later. */
bool conn_send(struct conn *conn, const void *data, size_t len);
/* Forgets the first n bytes of its input. */
void conn_eat(struct conn *conn, size_t n);
/* The client sent something, or ended. */
bool conn_receive(struct conn *conn);
/* Takes what it has of the client as far as its stage goes. */
bool conn_process(struct conn *conn);
/* It is in a WebSocket from now on, and so is what it has sent already. */
bool conn_wrap(struct conn *conn);
/* The painter sent something, or ended. */
bool conn_paint(struct conn *conn);
/* Sends what the client takes. */
bool conn_flush(struct conn *conn);
/* The next bytes of either side are wanted; the painter may take some. */
bool conn_wants_input(const struct conn *conn);
bool conn_wants_room(const struct conn *conn);
/* Input is there that poll() does not know of. */
bool conn_has_pending(const struct conn *conn);
void conn_close(struct conn *conn);

/* ---- front.c ---- */

/* Tells the painter; fd: goes with it, -1: none. */
bool front_tell(struct conn *conn, struct link_packet *packet, int fd);
/* Starts TLS: STAGE_SHAKE. */
bool front_shake(struct conn *conn);
/* Into the log, as often as is good for it. */
void front_warn(struct conn *conn, const char *text);
/* A request of a browser is there, or its beginning. */
bool front_request(struct conn *conn, bool *more);

/* ---- handshake.c ---- */

/* TLS is up. */
bool handshake_secured(struct conn *conn);
/* The painter's answer. */
bool handshake_answer(struct conn *conn, enum link_type type);
/* Takes what there is for its stage; sets *more if that was enough. */
bool handshake_take(struct conn *conn, bool *more);

#endif
