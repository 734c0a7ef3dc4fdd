/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WebSockets of a server (RFC 6455): the answer to a request, and frames. Pure. */
#ifndef VMM_HELPERS_VNC_WEBSOCKET_H
#define VMM_HELPERS_VNC_WEBSOCKET_H

#include "common/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WEBSOCKET_MAX_HEAD = 10,  /* of a frame of ours */
	WEBSOCKET_MAX_PING = 125, /* bytes in a ping */
};

/* What of a frame was read; all zero at first. */
struct websocket {
	uint8_t head[14];
	unsigned head_len; /* bytes of it that are there */
	uint64_t left;     /* of the frame's content; with a whole head */
	uint64_t at;       /* its bytes that were read */
	uint8_t ping[WEBSOCKET_MAX_PING];
	unsigned ping_len;
	bool pinged; /* a ping is to be answered with ping[] */
};

/* Appends the answer that turns the connection into a WebSocket; key: the client's, len
 * bytes; binary: it asked for this protocol. -errno. */
int websocket_accept(const char *key, size_t len, bool binary, struct strbuf *out);
/* Takes frames out of len bytes, and leaves their content in their place. Its length, or
 * -1: no frames, or their end. */
int websocket_unwrap(struct websocket *ws, uint8_t *data, size_t len);
/* Writes the head of a frame with len bytes of content; its length. */
unsigned websocket_head(uint8_t head[WEBSOCKET_MAX_HEAD], bool pong, size_t len);

#endif
