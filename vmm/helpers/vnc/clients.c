// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clients of the library from their handshake to their end: who is let in, what they type
 * and point at, and what vmm hears of them. Three wrong passwords in a row close the door
 * for a while.
 */
#include "vmm/helpers/vnc/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRIES        3      /* wrong passwords in a row … */
#define LOCK_SECONDS 10     /* … before nobody is let in for so long */
#define STILL        0x7fff /* a movement of 0 in a message of a relative pointer */

void report(const struct vnc_report *r)
{
	send(VNC_CONTROL_FD, r, sizeof(*r), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- who is there ---- */

static bool is_in(const rfbClientRec *cl)
{
	return cl->state == RFB_NORMAL && cl->sock != RFB_INVALID_SOCKET;
}

static unsigned count_clients(struct server *s, bool all)
{
	rfbClientIteratorPtr it = rfbGetClientIterator(s->screen);
	rfbClientPtr cl;
	unsigned count = 0;

	while ((cl = rfbClientIteratorNext(it)))
		count += all || is_in(cl);
	rfbReleaseClientIterator(it);
	return count;
}

void clients_report(struct server *s)
{
	unsigned all = count_clients(s, true) + s->waiting_count,
		 in = count_clients(s, false);
	rfbClientIteratorPtr it;
	struct vnc_report r = { .type = VNC_CLIENTS };
	rfbClientPtr cl;

	if (all == s->known_all && in == s->known_in)
		return;
	s->known_all = all;
	s->known_in = in;
	if (!all)
		s->awake = false;
	r.clients.connected = all;
	it = rfbGetClientIterator(s->screen);
	while ((cl = rfbClientIteratorNext(it)))
		if (is_in(cl) && r.clients.count < VNC_MAX_CLIENTS)
			r.clients.peers[r.clients.count++] =
				*(const struct vnc_peer *)cl->clientData;
	rfbReleaseClientIterator(it);
	report(&r);
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* The library's, with its handshake before it. Takes the descriptor. */
static void admit(struct server *s, int fd, const struct vnc_peer *peer)
{
	rfbClientPtr cl = rfbNewClient(s->screen, fd);

	if (!cl)
		return;
	free(cl->host); /* of the socket between the processes */
	cl->host = strdup(peer->host);
	cl->clientData = malloc(sizeof(*peer));
	if (cl->host && cl->clientData)
		memcpy(cl->clientData, peer, sizeof(*peer));
	else
		rfbCloseClient(cl);
}

static void add(struct server *s, const struct link_packet *p, int fd)
{
	if (count_clients(s, true) + s->waiting_count >= VNC_MAX_CLIENTS) {
		close(fd);
	} else if (s->awake) {
		admit(s, fd, &p->peer);
	} else {
		s->waiting[s->waiting_count].fd = fd;
		s->waiting[s->waiting_count++].peer = p->peer;
	}
}

void clients_admit(struct server *s)
{
	s->awake = s->waiting_count || s->known_all;
	for (unsigned i = 0; i < s->waiting_count; i++)
		admit(s, s->waiting[i].fd, &s->waiting[i].peer);
	s->waiting_count = 0;
	/* Some may have gone meanwhile. */
	clients_report(s);
}

/* ---- the door ---- */

static bool may_enter(const struct server *s, const struct link_packet *p)
{
	unsigned char want[LINK_CHALLENGE];

	if (!*s->password || (s->expires && (uint64_t)time(NULL) >= s->expires) ||
	    now() < s->locked_until)
		return false;
	memcpy(want, p->challenge, sizeof(want));
	rfbEncryptBytes(want, (char *)s->password);
	return !memcmp(want, p->response, sizeof(want));
}

static enum link_type check(struct server *s, const struct link_packet *p)
{
	if (may_enter(s, p)) {
		s->failures = 0;
		return LINK_RIGHT;
	}
	if (++s->failures >= TRIES) {
		log_warn("%u wrong passwords, the last from %s: closed for %d seconds",
		         s->failures, p->peer.host, LOCK_SECONDS);
		s->failures = 0;
		s->locked_until = now() + LOCK_SECONDS;
	}
	return LINK_WRONG;
}

static enum link_type greet(const struct server *s)
{
	if (now() < s->locked_until)
		return LINK_CLOSED;
	return s->needs_password ? LINK_LOCKED : LINK_OPEN;
}

void clients_take(struct server *s, const struct link_packet *p, int fd)
{
	struct link_packet answer = { .id = p->id };

	if (p->type == LINK_CLIENT && fd >= 0) {
		add(s, p, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (p->type == LINK_HEARD)
		return;
	answer.type = p->type == LINK_ASK ? greet(s) : check(s, p);
	send(s->link, &answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- the library's hooks ---- */

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr cl)
{
	struct server *s = cl->screen->screenData;

	keys_type(s->keys, keysym, down);
}

static void on_pointer(int buttons, int x, int y, rfbClientPtr cl)
{
	struct vnc_report r = { .type = VNC_POINTER };

	r.pointer.relative = extension_is_relative(cl);
	if (r.pointer.relative) {
		x -= STILL;
		y -= STILL;
	} else if (x < 0 || y < 0 || x >= cl->screen->width || y >= cl->screen->height) {
		return;
	}
	r.pointer.x = x;
	r.pointer.y = y;
	r.pointer.buttons = buttons;
	report(&r);
}

static void on_gone(rfbClientPtr cl)
{
	struct server *s = cl->screen->screenData;

	if (count_clients(s, false) <= 1)
		keys_release(s->keys);
	free(cl->clientData);
}

static enum rfbNewClientAction on_client(rfbClientPtr cl)
{
	cl->clientGoneHook = on_gone;
	return RFB_CLIENT_ACCEPT;
}

/* ---- the size that a client would like ---- */

/* "ExtendedDesktopSize Pseudo-encoding" of the registry rfbproto. */
enum wish_status { WISH_PROHIBITED = 1, WISH_NO_ROOM, WISH_BAD_LAYOUT, WISH_FORWARDED };

static int on_wish(int width, int height, int count, rfbExtDesktopScreen *screens,
                   rfbClientPtr cl)
{
	const struct server *s = cl->screen->screenData;
	struct vnc_report r = { .type = VNC_WISH };
	uint32_t w = width, h = height;

	if (!s->most_pixels)
		return WISH_PROHIBITED;
	if (count != 1 || screens->x || screens->y || screens->width != w ||
	    screens->height != h || w < s->least.width || h < s->least.height)
		return WISH_BAD_LAYOUT;
	if (w > s->most.width || h > s->most.height || w * h > s->most_pixels)
		return WISH_NO_ROOM;
	r.wish = (struct vnc_wish){ w, h };
	report(&r);
	return WISH_FORWARDED;
}

/* The guest draws its pointer. The library would tell clients that ask for its shape that
 * there is none, and they would hide their own. */
static void on_update(rfbClientPtr cl)
{
	cl->cursorWasChanged = cl->cursorWasMoved = FALSE;
}

static int get_leds(rfbScreenInfoPtr screen)
{
	return ((struct server *)screen->screenData)->leds;
}

void clients_init(struct server *s)
{
	rfbScreenInfoPtr screen = s->screen;

	screen->kbdAddEvent = on_key;
	screen->ptrAddEvent = on_pointer;
	screen->newClientHook = on_client;
	screen->getKeyboardLedStateHook = get_leds;
	screen->setDesktopSizeHook = on_wish;
	screen->displayHook = on_update;
}
