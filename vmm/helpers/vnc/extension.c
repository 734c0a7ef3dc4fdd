// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * QEMU's extensions of RFB (the registry rfbproto, "QEMU Extended Key Event Message" and
 * "QEMU Pointer Motion Change Pseudo-encoding"): keys as scan codes, of whatever layout,
 * and a pointer that moves instead of being somewhere, for guests with a PS/2 mouse.
 */
#include "vmm/helpers/vnc/server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define POINTER_ENCODING      (-257)
#define EXTENDED_KEY_ENCODING (-258)
#define QEMU_MESSAGE          255
#define QEMU_EXTENDED_KEY     0

/* Of each client. */
struct ability {
	bool motion;   /* understands both kinds of pointers */
	bool relative; /* was told that the guest's is one that moves */
};

static rfbProtocolExtension extension;

/* An empty rectangle of that encoding says something to the client. */
static bool tell(rfbClientPtr cl, int encoding, uint16_t x)
{
	uint8_t update[16] = { 0, 0, 0, 1 };
	uint32_t be = htonl((uint32_t)encoding);

	update[4] = x >> 8;
	update[5] = x & 0xff;
	memcpy(update + 12, &be, 4);
	return rfbWriteExact(cl, (char *)update, sizeof(update)) > 0;
}

static rfbBool on_new_client(rfbClientPtr cl, void **data)
{
	(void)cl;
	*data = calloc(1, sizeof(struct ability));
	return *data != NULL;
}

static void on_close(rfbClientPtr cl, void *data)
{
	(void)cl;
	free(data);
}

static void tell_pointer(rfbClientPtr cl, struct ability *ability, bool absolute)
{
	ability->relative = !absolute;
	tell(cl, POINTER_ENCODING, absolute);
}

static rfbBool on_encoding(rfbClientPtr cl, void **data, int encoding)
{
	struct server *s = cl->screen->screenData;
	struct ability *ability = *data;

	if (encoding == EXTENDED_KEY_ENCODING)
		return tell(cl, encoding, 0);
	if (encoding != POINTER_ENCODING || !ability)
		return FALSE;
	ability->motion = true;
	tell_pointer(cl, ability, s->absolute);
	return TRUE;
}

static rfbBool on_message(rfbClientPtr cl, void *data,
                          const rfbClientToServerMsg *message)
{
	/* subtype, down (16 bits), keysym (32), scan code (32): the prefix is bit 7 */
	uint8_t rest[11];
	uint32_t code;

	(void)data;
	if (message->type != QEMU_MESSAGE || rfbReadExact(cl, (char *)rest, 11) <= 0 ||
	    rest[0] != QEMU_EXTENDED_KEY)
		return FALSE;
	memcpy(&code, rest + 7, 4);
	code = ntohl(code);
	if (code && code < 0x100)
		keys_raw(((struct server *)cl->screen->screenData)->keys,
		         (code & 0x7f) | (code & 0x80 ? 0xe000 : 0), rest[2]);
	return TRUE;
}

static int encodings[] = { EXTENDED_KEY_ENCODING, POINTER_ENCODING, 0 };

static rfbProtocolExtension extension = {
	.newClient = on_new_client,
	.pseudoEncodings = encodings,
	.enablePseudoEncoding = on_encoding,
	.handleMessage = on_message,
	.close = on_close,
};

void extension_init(void)
{
	rfbRegisterProtocolExtension(&extension);
}

static struct ability *ability_of(rfbClientPtr cl)
{
	return rfbGetExtensionClientData(cl, &extension);
}

bool extension_is_relative(rfbClientPtr cl)
{
	const struct ability *ability = ability_of(cl);

	return ability && ability->relative;
}

void extension_tell_pointer(struct server *s)
{
	rfbClientIteratorPtr it = rfbGetClientIterator(s->screen);
	rfbClientPtr cl;

	while ((cl = rfbClientIteratorNext(it))) {
		struct ability *ability = ability_of(cl);

		if (ability && ability->motion)
			tell_pointer(cl, ability, s->absolute);
	}
	rfbReleaseClientIterator(it);
}
