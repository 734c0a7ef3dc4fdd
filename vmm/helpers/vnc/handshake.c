// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * RFB's handshake (RFC 6143, 7.1 and 7.3.1; versions 3.3, 3.7 and 3.8), with TLS by the
 * registry rfbproto's VeNCrypt 0.2: a client is known to the painter only after it. Where
 * there is TLS nothing is offered beside it. The password is the painter's; here is only
 * its challenge.
 */
#include "vmm/helpers/vnc/conn.h"

#include "common/cleanup.h"

#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum security { SECURITY_NONE = 1, SECURITY_VNC = 2, SECURITY_VENCRYPT = 19 };

/* [kind][locked] */
static const uint16_t subtypes[][2] = {
	[VNC_TLS_ANON] = { 257, 258 },
	[VNC_TLS_X509] = { 260, 261 },
};

static const char version[] = "RFB 003.008\n";
#define VERSION_LEN (sizeof(version) - 1)

static bool send32(struct conn *c, uint32_t value)
{
	const uint8_t bytes[4] = { value >> 24, value >> 16, value >> 8, value };

	return conn_send(c, bytes, sizeof(bytes));
}

static enum security needed(const struct conn *c)
{
	if (c->kind && !c->secure)
		return SECURITY_VENCRYPT;
	return c->locked ? SECURITY_VNC : SECURITY_NONE;
}

/* ---- after security was agreed on ---- */

static bool challenge(struct conn *c)
{
	c->stage = STAGE_RESPONSE;
	return getrandom(c->challenge, sizeof(c->challenge), 0) == sizeof(c->challenge) &&
	       conn_send(c, c->challenge, sizeof(c->challenge));
}

static bool authenticate(struct conn *c)
{
	if (c->locked)
		return challenge(c);
	c->stage = STAGE_INIT;
	return (c->minor < 8 && !c->secure) || send32(c, 0);
}

bool handshake_secured(struct conn *c)
{
	return authenticate(c);
}

/* What follows is sent, then the connection ends. */
static bool say_why(struct conn *c, const char *reason)
{
	c->stage = STAGE_CLOSING;
	return send32(c, strlen(reason)) && conn_send(c, reason, strlen(reason));
}

static bool refuse(struct conn *c)
{
	c->stage = STAGE_CLOSING;
	if (!send32(c, 1))
		return false;
	return c->minor < 8 || say_why(c, "the password is wrong");
}

/* ---- VeNCrypt ---- */

static bool start_vencrypt(struct conn *c)
{
	static const uint8_t ours[2] = { 0, 2 };

	c->stage = STAGE_VENCRYPT;
	return conn_send(c, ours, sizeof(ours));
}

/* 0 accepts its version, and a list of one subtype follows. */
static bool take_vencrypt(struct conn *c, const uint8_t *data)
{
	const uint8_t good[2] = { 0, 1 }, bad = 1;

	if (data[0] || data[1] != 2) {
		c->stage = STAGE_CLOSING;
		return conn_send(c, &bad, 1);
	}
	c->stage = STAGE_SUBTYPE;
	return conn_send(c, good, sizeof(good)) &&
	       send32(c, subtypes[c->kind][c->locked]);
}

static bool take_subtype(struct conn *c, const uint8_t *data)
{
	uint16_t subtype = subtypes[c->kind][c->locked];
	const uint8_t good = 1, bad = 0;

	if (data[0] || data[1] || (data[2] << 8 | data[3]) != subtype) {
		c->stage = STAGE_CLOSING;
		return conn_send(c, &bad, 1);
	}
	return conn_send(c, &good, 1) && front_shake(c);
}

/* ---- what the client sends ---- */

static bool take_version(struct conn *c, const uint8_t *data)
{
	const uint8_t list[2] = { 1, needed(c) };

	if (!memcmp(data, "GET ", 4))
		front_warn(c, "a browser at the port for VNC; use -vnc websocket");
	if (memcmp(data, version, 8) || data[11] != '\n')
		return false;
	/* Versions that are none of these are to be taken as the oldest (7.1.1). */
	c->minor = 3;
	if (data[8] == '0' && data[9] == '0' && (data[10] == '7' || data[10] == '8'))
		c->minor = data[10] - '0';
	if (c->minor > 3) {
		c->stage = STAGE_SECURITY;
		return conn_send(c, list, sizeof(list));
	}
	if (list[1] == SECURITY_VENCRYPT)
		return send32(c, 0) &&
		       say_why(c, "only clients with TLS (VeNCrypt) are taken");
	return send32(c, needed(c)) && authenticate(c);
}

static bool take_security(struct conn *c, const uint8_t *data)
{
	if (data[0] != needed(c))
		return false;
	return data[0] == SECURITY_VENCRYPT ? start_vencrypt(c) : authenticate(c);
}

static bool take_response(struct conn *c, const uint8_t *data)
{
	struct link_packet p = { .type = LINK_RESPONSE };

	memcpy(p.challenge, c->challenge, sizeof(p.challenge));
	memcpy(p.response, data, sizeof(p.response));
	c->stage = STAGE_CHECKED;
	return front_tell(c, &p, -1);
}

static bool take_init(struct conn *c, const uint8_t *data)
{
	struct link_packet p = { .type = LINK_CLIENT };
	uint8_t prelude[] = LINK_PRELUDE; /* its NUL makes room for the client's byte */
	int pair[2];
	bool ok;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	c->inner = pair[0];
	c->swallow = LINK_PRELUDE_ANSWER;
	prelude[sizeof(prelude) - 1] = data[0];
	c->peer.websocket = c->wrapped;
	ok = send(c->inner, prelude, sizeof(prelude), MSG_NOSIGNAL) == sizeof(prelude) &&
	     front_tell(c, &p, pair[1]);
	close(pair[1]);
	c->stage = STAGE_IN;
	c->deadline = 0;
	return ok;
}

static const struct {
	unsigned len;
	bool (*take)(struct conn *c, const uint8_t *data);
} steps[] = {
	[STAGE_VERSION] = { VERSION_LEN, take_version },
	[STAGE_SECURITY] = { 1, take_security },
	[STAGE_VENCRYPT] = { 2, take_vencrypt },
	[STAGE_SUBTYPE] = { 4, take_subtype },
	[STAGE_RESPONSE] = { LINK_CHALLENGE, take_response },
	[STAGE_INIT] = { 1, take_init },
};

bool handshake_take(struct conn *c, bool *more)
{
	uint8_t data[LINK_CHALLENGE];
	unsigned len;

	*more = c->stage < ARRAY_SIZE(steps) && steps[c->stage].take &&
	        c->in_len >= steps[c->stage].len;
	if (!*more)
		return true;
	len = steps[c->stage].len;
	memcpy(data, c->in, len);
	conn_eat(c, len);
	return steps[c->stage].take(c, data);
}

/* ---- what the painter says ---- */

bool handshake_answer(struct conn *c, enum link_type type)
{
	if (c->stage == STAGE_ASKED) {
		c->locked = type == LINK_LOCKED;
		c->stage = STAGE_VERSION;
		return type != LINK_CLOSED && conn_send(c, version, VERSION_LEN);
	}
	if (c->stage != STAGE_CHECKED)
		return true;
	if (type != LINK_RIGHT)
		return refuse(c);
	c->stage = STAGE_INIT;
	return send32(c, 0);
}
