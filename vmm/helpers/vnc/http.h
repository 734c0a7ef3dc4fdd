/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the port for browsers answers: pages of a folder (noVNC), and to requests for a
 * WebSocket. A page of somebody else's must not connect: browsers name the page (Origin),
 * and it has to come from where it connects to.
 */
#ifndef VMM_HELPERS_VNC_HTTP_H
#define VMM_HELPERS_VNC_HTTP_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

struct http;

struct http_reply {
	struct strbuf head; /* the caller's to free */
	const char *body;   /* of a file, valid as long as the server */
	size_t body_len;
};

enum http_result {
	HTTP_MORE,      /* the request goes on */
	HTTP_BAD,       /* it is none */
	HTTP_REPLY,     /* reply answers it, and the connection ends */
	HTTP_WEBSOCKET, /* from the reply on it is a WebSocket */
};

/* dir: where the pages are, which are read now; "": WebSockets only. local: others cannot
 * reach the port. NULL with a sentence on failure. */
struct http *http_new(const char *dir, bool local, struct err *err);
/* Accepts NULL. */
void http_free(struct http *http);
/* text: len bytes and a NUL. *used: the request's length, if it is whole; reply: all zero
 * before. */
enum http_result http_take(struct http *http, const char *text, size_t len, size_t *used,
                           struct http_reply *reply);

#endif
