// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmm-vnc: shows a machine's surface to VNC clients (RFC 6143) with LibVNCServer, and
 * sends back what they type. Started by vmm, which keeps guest memory away from it: all
 * it has is the surface, read-only, the sockets that clients connect to, and the control
 * socket (common/vncproto.h). It ends when that does.
 *
 * One thread. Three wrong passwords in a row close the door for a while.
 */
#include "common/cleanup.h"
#include "common/log.h"
#include "common/vncproto.h"
#include "vmm/helpers/vnc/keys.h"
#include "vmm/helpers/vnc/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#define TRIES        3  /* wrong passwords in a row … */
#define LOCK_SECONDS 10 /* … before nobody is let in for so long */
#define WAIT_MS      5000
#define KEYS         512

struct server {
	rfbScreenInfoPtr screen;
	int listen[VNC_MAX_LISTEN];
	unsigned listen_count;
	int waiting[VNC_MAX_CLIENTS]; /* accepted, until the surface is drawn */
	unsigned waiting_count, known_all, known_in;
	bool awake; /* the surface is kept up to date */
	char *pixels;
	bool needs_password;
	char password[VNC_MAX_PASSWORD + 1];
	unsigned failures;
	time_t locked_until;
	bool pressed[KEYS];
};

/* ---- to vmm ---- */

/* A vmm that does not listen loses keys; one that is gone is noticed in the loop. */
static void report(const struct vnc_report *r)
{
	send(VNC_CONTROL_FD, r, sizeof(*r), MSG_DONTWAIT | MSG_NOSIGNAL);
}

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

/* If something has changed. */
static void report_clients(struct server *s)
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
			snprintf(r.clients.host[r.clients.count++],
			         sizeof(r.clients.host[0]), "%s", cl->host);
	rfbReleaseClientIterator(it);
	report(&r);
}

static void send_key(struct server *s, uint16_t code, bool down)
{
	unsigned index =
		(code & 0x7f) | (code >> 8 ? 0x80 : 0) | (code >> 8 == 0xe1) << 8;
	struct vnc_report r = { .type = VNC_KEY, .key = { code, down } };

	s->pressed[index] = down;
	report(&r);
}

static void release_keys(struct server *s)
{
	for (unsigned i = 0; i < KEYS; i++)
		if (s->pressed[i])
			send_key(s,
			         (i & 0x7f) | (i & 0x100  ? 0xe100
			                       : i & 0x80 ? 0xe000
			                                  : 0),
			         false);
}

/* ---- clients ---- */

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr cl)
{
	uint16_t code = keys_find(keysym);

	if (code)
		send_key(cl->screen->screenData, code, down);
}

static void on_pointer(int buttons, int x, int y, rfbClientPtr cl)
{
	struct vnc_report r = { .type = VNC_POINTER };

	(void)cl;
	if (x < 0 || y < 0 || x >= VNC_MAX_SIDE || y >= VNC_MAX_SIDE)
		return;
	r.pointer.x = x;
	r.pointer.y = y;
	r.pointer.buttons = buttons;
	report(&r);
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static rfbBool check_password(rfbClientPtr cl, const char *answer, int len)
{
	struct server *s = cl->screen->screenData;
	unsigned char want[CHALLENGESIZE];

	memcpy(want, cl->authChallenge, CHALLENGESIZE);
	rfbEncryptBytes(want, s->password);
	if (*s->password && len == CHALLENGESIZE && !memcmp(want, answer, len)) {
		s->failures = 0;
		return TRUE;
	}
	if (++s->failures >= TRIES) {
		log_warn("%u wrong passwords, the last from %s: closed for %d seconds",
		         s->failures, cl->host, LOCK_SECONDS);
		s->failures = 0;
		s->locked_until = now() + LOCK_SECONDS;
	}
	return FALSE;
}

static void on_gone(rfbClientPtr cl)
{
	struct server *s = cl->screen->screenData;

	if (count_clients(s, false) <= 1)
		release_keys(s);
}

static enum rfbNewClientAction on_client(rfbClientPtr cl)
{
	cl->clientGoneHook = on_gone;
	return RFB_CLIENT_ACCEPT;
}

/* ---- QEMU's extended key events: the key itself, of whatever layout ---- */

#define EXTENDED_KEY_ENCODING -258
#define QEMU_MESSAGE          255
#define QEMU_EXTENDED_KEY     0

static rfbBool extended_new_client(rfbClientPtr cl, void **data)
{
	(void)cl;
	(void)data;
	return TRUE;
}

/* An empty rectangle of that encoding says that the server takes such messages. */
static rfbBool extended_enable(rfbClientPtr cl, void **data, int encoding)
{
	uint8_t update[16] = { 0, 0, 0, 1 };
	uint32_t be = htonl((uint32_t)encoding);

	(void)data;
	if (encoding != EXTENDED_KEY_ENCODING)
		return FALSE;
	memcpy(update + 12, &be, 4);
	return rfbWriteExact(cl, (char *)update, sizeof(update)) > 0;
}

static rfbBool extended_message(rfbClientPtr cl, void *data,
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
		send_key(cl->screen->screenData,
		         (code & 0x7f) | (code & 0x80 ? 0xe000 : 0), rest[2]);
	return TRUE;
}

static int extended_encodings[] = { EXTENDED_KEY_ENCODING, 0 };

static rfbProtocolExtension extended_keys = {
	.newClient = extended_new_client,
	.pseudoEncodings = extended_encodings,
	.enablePseudoEncoding = extended_enable,
	.handleMessage = extended_message,
};

/* ---- from vmm ---- */

static void set_format(struct server *s)
{
	rfbClientIteratorPtr it;
	rfbClientPtr cl;

	s->screen->serverFormat.redShift = 16;
	s->screen->serverFormat.greenShift = 8;
	s->screen->serverFormat.blueShift = 0;
	it = rfbGetClientIterator(s->screen);
	while ((cl = rfbClientIteratorNext(it)))
		s->screen->setTranslateFunction(cl);
	rfbReleaseClientIterator(it);
}

/* The surface is what it says now: those who wait may see it. */
static void admit(struct server *s)
{
	s->awake = s->waiting_count || s->known_all;
	for (unsigned i = 0; i < s->waiting_count; i++)
		rfbNewClient(s->screen, s->waiting[i]);
	s->waiting_count = 0;
}

static bool set_size(struct server *s, uint32_t width, uint32_t height)
{
	if (!width || !height || width > VNC_MAX_SIDE || height > VNC_MAX_SIDE)
		return false;
	if (width != (uint32_t)s->screen->width ||
	    height != (uint32_t)s->screen->height) {
		rfbNewFramebuffer(s->screen, s->pixels, width, height, 8, 3, 4);
		set_format(s);
	}
	admit(s);
	return true;
}

static void set_password(struct server *s, const struct vnc_packet *p)
{
	s->needs_password = p->password.needed;
	memcpy(s->password, p->password.text, VNC_MAX_PASSWORD);
	s->screen->authPasswdData = s->needs_password ? s->password : NULL;
}

static void mark(struct server *s, const struct vnc_packet *p)
{
	for (unsigned i = 0; i < p->damage.count && i < VNC_MAX_RECTS; i++) {
		const struct vnc_rect *r = &p->damage.rects[i];

		rfbMarkRectAsModified(s->screen, r->x, r->y, r->x + r->width,
		                      r->y + r->height);
	}
}

/* False: vmm is gone. */
static bool take_packet(struct server *s)
{
	struct vnc_packet p;
	ssize_t n = recv(VNC_CONTROL_FD, &p, sizeof(p), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n != sizeof(p))
		return false;
	switch (p.type) {
	case VNC_PASSWORD:
		set_password(s, &p);
		return true;
	case VNC_SIZE:
		return set_size(s, p.size.width, p.size.height);
	case VNC_DAMAGE:
		mark(s, &p);
		return true;
	}
	return false;
}

/* ---- start ---- */

static int receive_start(struct vnc_packet *p, int *fds, struct err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * (1 + VNC_MAX_LISTEN))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { p, sizeof(*p) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c;
	ssize_t n = recvmsg(VNC_CONTROL_FD, &msg, MSG_CMSG_CLOEXEC);
	int count;

	if (n < 0)
		return err_set(err, errno,
		               "descriptor %d is no control socket; vmm starts this "
		               "program when it is given -vnc",
		               VNC_CONTROL_FD);
	c = CMSG_FIRSTHDR(&msg);
	if (n != sizeof(*p) || p->type != VNC_START || !c || c->cmsg_type != SCM_RIGHTS)
		return err_set(err, EPROTO, "this is not the vmm that belongs to it");
	count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), count * sizeof(int));
	return count;
}

static void quiet(const char *format, ...)
{
	(void)format;
}

static int make_screen(struct server *s, const struct vnc_packet *p, struct err *err)
{
	static char name[sizeof(p->start.name)];
	rfbScreenInfoPtr screen;

	/* The library tells of each step of each client. */
	rfbLog = quiet;
	rfbErr = quiet;
	rfbRegisterProtocolExtension(&extended_keys);
	screen = rfbGetScreen(NULL, NULL, 640, 400, 8, 3, 4);
	if (!screen)
		return err_set(err, ENOMEM, "LibVNCServer does not start");
	snprintf(name, sizeof(name), "%s", p->start.name);
	s->screen = screen;
	screen->screenData = s;
	screen->desktopName = name;
	screen->frameBuffer = s->pixels;
	screen->port = screen->ipv6port = 0; /* it accepts here, not in the library */
	screen->autoPort = FALSE;
	screen->alwaysShared = p->start.share != VNC_SHARE_EXCLUSIVE;
	screen->dontDisconnect = FALSE;
	screen->maxClientWait = WAIT_MS;
	screen->deferUpdateTime = screen->deferPtrUpdateTime = 0;
	screen->kbdAddEvent = on_key;
	screen->ptrAddEvent = on_pointer;
	screen->newClientHook = on_client;
	screen->passwordCheck = check_password;
	screen->authPasswdData = s->password; /* until vmm says that none is needed */
	screen->permitFileTransfer = FALSE;
	/* The guest draws its own; the library would draw into the surface. */
	rfbSetCursor(screen, NULL);
	set_format(s);
	rfbInitServer(screen);
	return 0;
}

static int start(struct server *s, struct err *err)
{
	struct vnc_packet p;
	int fds[1 + VNC_MAX_LISTEN], count = receive_start(&p, fds, err);
	off_t size;

	if (count < 0)
		return count;
	size = lseek(fds[0], 0, SEEK_END);
	if (count < 2 || size < (off_t)VNC_MAX_SIDE)
		return err_set(err, EPROTO, "no surface, or no socket to listen on");
	s->pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, fds[0], 0);
	close(fds[0]);
	if (s->pixels == MAP_FAILED)
		return err_sys(err, errno, "surface");
	s->listen_count = count - 1;
	memcpy(s->listen, fds + 1, s->listen_count * sizeof(int));
	return make_screen(s, &p, err);
}

/* ---- the loop ---- */

static void accept_client(struct server *s, int listen)
{
	int fd = accept4(listen, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (count_clients(s, true) + s->waiting_count >= VNC_MAX_CLIENTS ||
	    now() < s->locked_until)
		close(fd);
	else if (s->awake)
		rfbNewClient(s->screen, fd);
	else
		s->waiting[s->waiting_count++] = fd;
}

static unsigned gather(struct server *s, struct pollfd *fds)
{
	rfbClientIteratorPtr it = rfbGetClientIterator(s->screen);
	rfbClientPtr cl;
	unsigned n = 0;

	fds[n++] = (struct pollfd){ .fd = VNC_CONTROL_FD, .events = POLLIN };
	for (unsigned i = 0; i < s->listen_count; i++)
		fds[n++] = (struct pollfd){ .fd = s->listen[i], .events = POLLIN };
	while ((cl = rfbClientIteratorNext(it)) && n < 3 + VNC_MAX_CLIENTS)
		fds[n++] = (struct pollfd){ .fd = cl->sock, .events = POLLIN };
	rfbReleaseClientIterator(it);
	return n;
}

static void serve(struct server *s)
{
	struct pollfd fds[3 + VNC_MAX_CLIENTS];
	unsigned n;

	for (;;) {
		n = gather(s, fds);
		if (poll(fds, n, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents && !take_packet(s))
			return;
		for (unsigned i = 0; i < s->listen_count; i++)
			if (fds[1 + i].revents)
				accept_client(s, s->listen[i]);
		rfbProcessEvents(s->screen, 0);
		report_clients(s);
	}
}

int main(void)
{
	struct server s = { 0 };
	struct err err = { 0 };

	log_init("vmm-vnc");
	signal(SIGPIPE, SIG_IGN);
	if (start(&s, &err) < 0 || sandbox_enter(&err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	serve(&s);
	return EXIT_SUCCESS;
}
