// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * WebSockets (RFC 6455): 4.2.2 for the answer, 5.2 for frames. Where frames begin and end
 * means nothing to RFB; what counts are the bytes in binary ones.
 */
#include "vmm/helpers/vnc/websocket.h"

#include "common/base64.h"
#include "common/cleanup.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

enum opcode { OP_MORE, OP_BINARY = 2, OP_CLOSE = 8, OP_PING, OP_PONG };
#define FINAL       0x80
#define MASKED      0x80
#define OPCODE      0x0f
#define RESERVED    0x70
#define LENGTH      0x7f
#define LENGTH_16   126
#define LENGTH_64   127
#define MASK_LENGTH 4

int websocket_accept(const char *key, size_t len, bool binary, struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	uint8_t hash[20];

	strbuf_addf(&text, "%.*s%s", (int)len, key, GUID);
	if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text.data, text.len, hash) < 0)
		return -EIO;
	strbuf_adds(out, "HTTP/1.1 101 Switching Protocols\r\n"
	                 "Upgrade: websocket\r\n"
	                 "Connection: Upgrade\r\n"
	                 "Sec-WebSocket-Accept: ");
	base64_encode(hash, sizeof(hash), out);
	strbuf_adds(out,
	            binary ? "\r\nSec-WebSocket-Protocol: binary\r\n\r\n" : "\r\n\r\n");
	return 0;
}

static unsigned head_size(const struct websocket *ws)
{
	unsigned length = ws->head_len > 1 ? ws->head[1] & LENGTH : 0;

	return 2 + MASK_LENGTH + (length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0);
}

/* The head is whole. */
static bool take_head(struct websocket *ws)
{
	unsigned op = ws->head[0] & OPCODE, size = head_size(ws);

	if (ws->head[0] & RESERVED || !(ws->head[1] & MASKED) ||
	    (op != OP_MORE && op != OP_BINARY && op != OP_PING && op != OP_PONG))
		return false;
	ws->left = ws->head[1] & LENGTH;
	if (size > 2 + MASK_LENGTH) {
		ws->left = 0;
		for (unsigned i = 2; i < size - MASK_LENGTH; i++)
			ws->left = ws->left << 8 | ws->head[i];
	}
	ws->at = 0;
	if (op == OP_PING)
		ws->ping_len = 0;
	return op < OP_CLOSE || (ws->left <= WEBSOCKET_MAX_PING && ws->head[0] & FINAL);
}

static void end_frame(struct websocket *ws)
{
	ws->pinged |= (ws->head[0] & OPCODE) == OP_PING;
	ws->head_len = 0;
}

int websocket_unwrap(struct websocket *ws, uint8_t *data, size_t len)
{
	int out = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned op, size = head_size(ws);

		if (ws->head_len < size) {
			ws->head[ws->head_len++] = data[i];
			if (ws->head_len < 2 || ws->head_len < head_size(ws))
				continue;
			if (!take_head(ws))
				return -1;
			if (!ws->left)
				end_frame(ws);
			continue;
		}
		op = ws->head[0] & OPCODE;
		data[i] ^= ws->head[size - MASK_LENGTH + ws->at++ % MASK_LENGTH];
		if (op < OP_CLOSE)
			data[out++] = data[i];
		else if (op == OP_PING)
			ws->ping[ws->ping_len++] = data[i];
		if (!--ws->left)
			end_frame(ws);
	}
	return out;
}

unsigned websocket_head(uint8_t head[WEBSOCKET_MAX_HEAD], bool pong, size_t len)
{
	unsigned bytes = len < LENGTH_16 ? 0 : len <= UINT16_MAX ? 2 : 8;

	head[0] = FINAL | (pong ? OP_PONG : OP_BINARY);
	head[1] = !bytes ? len : bytes == 2 ? LENGTH_16 : LENGTH_64;
	for (unsigned i = 0; i < bytes; i++)
		head[2 + i] = len >> 8 * (bytes - 1 - i) & 0xff;
	return 2 + bytes;
}
