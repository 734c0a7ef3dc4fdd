// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmm-vnc: shows a machine's surface to VNC clients (RFC 6143) with LibVNCServer, and
 * sends back what they type. Started by vmm, which keeps guest memory away from it: all
 * it has is the surface, read-only, the sockets that clients connect to, and the control
 * socket (common/vncproto.h). It ends when that does.
 *
 * Two processes of one thread each: the painter, here, has surface and control socket;
 * its child, the front, has what clients connect to (link.h says why).
 *
 * vmm also asks it about keyboard layouts, which it has the data of:
 *   vmm-vnc --layouts        prints their names
 *   vmm-vnc --layout NAME    status 2 and a sentence if there is no such layout
 * and about credentials, which status 1 and a sentence says are good for nothing:
 *   vmm-vnc --tls x509|anon FOLDER PRIORITY
 */
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/helpers/vnc/front.h"
#include "vmm/helpers/vnc/sandbox.h"
#include "vmm/helpers/vnc/server.h"
#include "vmm/helpers/vnc/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <rfb/rfbregion.h> /* of FB_UPDATE_PENDING, which rfb.h does not declare */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define WAIT_MS      5000
#define FIRST_WIDTH  640 /* until vmm says the surface's */
#define FIRST_HEIGHT 400

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

static bool set_size(struct server *s, const struct vnc_packet *p)
{
	uint32_t width = p->size.width, height = p->size.height;

	if (!width || !height || width > VNC_MAX_SIDE || height > VNC_MAX_SIDE ||
	    (size_t)width * height * 4 > s->size)
		return false;
	if (width != (uint32_t)s->screen->width ||
	    height != (uint32_t)s->screen->height) {
		rfbNewFramebuffer(s->screen, s->pixels, width, height, 8, 3, 4);
		set_format(s);
	}
	s->least = p->size.least;
	s->most = p->size.most;
	s->most_pixels = p->size.most_pixels;
	clients_admit(s);
	return true;
}

static void set_password(struct server *s, const struct vnc_packet *p)
{
	s->needs_password = p->password.needed;
	s->expires = p->password.expires;
	memcpy(s->password, p->password.text, VNC_MAX_PASSWORD);
}

static void set_input(struct server *s, const struct vnc_packet *p)
{
	bool absolute = p->input.absolute;

	s->leds = p->input.leds & 7;
	keys_set_locks(s->keys, (s->leds & VNC_LED_NUM ? KEYS_NUM : 0) |
	                                (s->leds & VNC_LED_CAPS ? KEYS_CAPS : 0));
	if (absolute == s->absolute)
		return;
	s->absolute = absolute;
	extension_tell_pointer(s);
}

static void mark(struct server *s, const struct vnc_packet *p)
{
	for (unsigned i = 0; i < p->damage.count && i < VNC_MAX_RECTS; i++) {
		const struct vnc_rect *r = &p->damage.rects[i];

		rfbMarkRectAsModified(s->screen, r->x, r->y, r->x + r->width,
		                      r->y + r->height);
	}
}

static bool take_packet(struct server *s, const struct vnc_packet *p)
{
	switch (p->type) {
	case VNC_PASSWORD:
		set_password(s, p);
		return true;
	case VNC_SIZE:
		return set_size(s, p);
	case VNC_DAMAGE:
		mark(s, p);
		return true;
	case VNC_INPUT:
		set_input(s, p);
		return true;
	}
	return false;
}

/* 1: one was taken, 0: there is none, -1: vmm is gone. */
static int take_next(struct server *s, struct vnc_packet *p)
{
	ssize_t n = recv(VNC_CONTROL_FD, p, sizeof(*p), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return n == sizeof(*p) && take_packet(s, p) ? 1 : -1;
}

/* All of them, or up to damage: a new size and its damage are one update. False: vmm is
 * gone. */
static bool take_packets(struct server *s, bool all)
{
	struct vnc_packet p;
	int ret;

	do
		ret = take_next(s, &p);
	while (ret > 0 && (all || p.type != VNC_DAMAGE));
	return ret >= 0;
}

/* ---- from the front ---- */

static int descriptor_in(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* One packet. What vmm said before a client did something counts: a new password is known
 * when somebody uses it. False: either is gone. */
static bool take_link(struct server *s)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct link_packet p;
	struct iovec iov = { &p, sizeof(p) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n = recvmsg(s->link, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n != sizeof(p) || !take_packets(s, true))
		return false;
	clients_take(s, &p, descriptor_in(&msg));
	return true;
}

/* ---- start ---- */

static int receive_start(struct vnc_packet *p, int *fds, struct err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * VNC_MAX_FDS)];
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
	extension_init();
	screen = rfbGetScreen(NULL, NULL, FIRST_WIDTH, FIRST_HEIGHT, 8, 3, 4);
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
	screen->permitFileTransfer = FALSE;
	clients_init(s);
	/* The guest draws its own; the library would draw into the surface. */
	rfbSetCursor(screen, NULL);
	set_format(s);
	rfbInitServer(screen);
	return 0;
}

static void send_key(void *opaque, uint16_t code, bool down)
{
	struct vnc_report r = { .type = VNC_KEY, .key = { code, down } };

	(void)opaque;
	report(&r);
}

/* Ends with the painter. */
static void run_front(const struct front_config *config)
{
	struct err err = { 0 };
	struct front *front;

	close(VNC_CONTROL_FD);
	front = front_new(config, &err);
	for (unsigned i = 0; i < VNC_TLS_FILES; i++)
		if (config->tls_files[i] >= 0)
			close(config->tls_files[i]);
	if (!front || sandbox_enter(SANDBOX_FRONT, &err) < 0) {
		log_error("%s", err.text);
		_exit(EXIT_FAILURE);
	}
	while (front_turn(front, -1))
		;
	_exit(EXIT_SUCCESS);
}

/* Those of enum vnc_tls_file, from the descriptors of the start. */
static void find_files(const struct vnc_packet *p, const int *fds, unsigned count,
                       int *files)
{
	unsigned n = 0;

	for (unsigned i = 0; i < VNC_TLS_FILES; i++) {
		bool there = p->start.tls_files & 1u << i && n < count;

		files[i] = there ? fds[n] : -1;
		n += there;
	}
}

/* Takes the sockets to listen on, and the files that come after them. */
static int start_front(struct server *s, const struct vnc_packet *p, const int *fds,
                       unsigned count, struct err *err)
{
	unsigned file_count = __builtin_popcount(p->start.tls_files);
	int files[VNC_TLS_FILES];
	struct front_config config = {
		.listen = fds,
		.listen_count = count - file_count,
		.tls = p->start.tls,
		.tls_files = files,
		.browsers = p->start.browsers,
		.local = p->start.local,
		.pages = p->start.pages,
	};
	int pair[2];
	pid_t pid;

	if (count <= file_count)
		return err_set(err, EPROTO, "no socket to listen on");
	find_files(p, fds + count - file_count, file_count, files);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "cannot create a socket");
	config.link = pair[1];
	s->link = pair[0];
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "cannot start the process for the network");
	if (!pid) {
		close(pair[0]);
		run_front(&config);
	}
	close(pair[1]);
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	return 0;
}

static int start(struct server *s, struct err *err)
{
	struct vnc_packet p;
	int fds[VNC_MAX_FDS], count = receive_start(&p, fds, err);
	off_t size;

	if (count < 0)
		return count;
	p.start.layout[sizeof(p.start.layout) - 1] = '\0';
	p.start.pages[sizeof(p.start.pages) - 1] = '\0';
	p.start.tls.priority[sizeof(p.start.tls.priority) - 1] = '\0';
	size = lseek(fds[0], 0, SEEK_END);
	if (count < 2 || size < FIRST_WIDTH * FIRST_HEIGHT * 4)
		return err_set(err, EPROTO, "no surface, or no socket to listen on");
	if (start_front(s, &p, fds + 1, count - 1, err) < 0)
		return -err->code;
	s->size = size;
	s->pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, fds[0], 0);
	close(fds[0]);
	if (s->pixels == MAP_FAILED)
		return err_sys(err, errno, "surface");
	s->keys = keys_new(p.start.layout, send_key, NULL, err);
	return s->keys ? make_screen(s, &p, err) : -err->code;
}

/* ---- the loop ---- */

#define FIRST_CLIENT 2
#define MAX_FDS      (FIRST_CLIENT + VNC_MAX_CLIENTS)

/* What a client sent counts now. Before something changes a request for it does not. */
static bool is_awaited(const struct server *s, rfbClientPtr cl)
{
	return s->heard || cl->state != RFB_NORMAL || FB_UPDATE_PENDING(cl);
}

/* clients: those whose descriptors are behind the first two. */
static unsigned gather(struct server *s, struct pollfd *fds, rfbClientPtr *clients)
{
	unsigned n = FIRST_CLIENT;

	fds[0] = (struct pollfd){ .fd = VNC_CONTROL_FD, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = s->link, .events = POLLIN };
	for (rfbClientPtr cl = s->screen->clientHead; cl && n < MAX_FDS; cl = cl->next) {
		fds[n] = (struct pollfd){ .fd = cl->sock,
			                  .events = is_awaited(s, cl) ? POLLIN : 0 };
		clients[n++ - FIRST_CLIENT] = cl;
	}
	return n;
}

/* Sends the client what it asked for. A new size is an answer, too, after which it asks
 * for pixels; the library would send them at once. */
static void update_client(rfbClientPtr cl)
{
	bool sized = cl->useNewFBSize && cl->newFBSizePending;

	rfbUpdateClient(cl);
	if (sized && !cl->newFBSizePending)
		sraRgnMakeEmpty(cl->requestedRegion);
}

/* Updates all, and buries those that have gone. True: there were some. */
static bool update_clients(struct server *s)
{
	bool buried = false;

	for (rfbClientPtr cl = s->screen->clientHead, next; cl; cl = next) {
		update_client(cl);
		next = cl->next;
		if (cl->sock != RFB_INVALID_SOCKET)
			continue;
		rfbClientConnectionGone(cl);
		buried = true;
	}
	return buried;
}

/* Serves what is there, or else waits for something. False: vmm is gone, or the front. */
static bool turn(struct server *s, int timeout)
{
	rfbClientPtr clients[VNC_MAX_CLIENTS];
	struct pollfd fds[MAX_FDS];
	unsigned n = gather(s, fds, clients);
	bool spoke = false;

	if (poll(fds, n, s->heard ? 0 : timeout) < 0 && errno != EINTR)
		return false;
	if (fds[0].revents && !take_packets(s, false))
		return false;
	if (fds[1].revents && !take_link(s))
		return false;
	for (unsigned i = FIRST_CLIENT; i < n; i++) {
		rfbClientPtr cl = clients[i - FIRST_CLIENT];
		bool was_in = cl->state == RFB_NORMAL;

		if (!fds[i].revents || cl->sock != fds[i].fd)
			continue;
		rfbProcessClientMessage(cl);
		spoke = true;
		/* What it sent without waiting was told of when it was not served yet. */
		s->heard |= !was_in && cl->state == RFB_NORMAL;
	}
	s->heard = fds[1].revents || (s->heard && spoke);
	if (update_clients(s) || s->heard || spoke)
		clients_report(s);
	return true;
}

/* ---- layouts ---- */

static int check_tls(char **argv, struct err *err)
{
	struct vnc_tls config = { .kind = strcmp(argv[2], "x509") ? VNC_TLS_ANON
		                                                  : VNC_TLS_X509 };
	int files[VNC_TLS_FILES];
	char path[4096];
	struct tls *tls;

	snprintf(config.priority, sizeof(config.priority), "%s", argv[4]);
	for (unsigned i = 0; i < VNC_TLS_FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", argv[3], vnc_tls_files[i]);
		files[i] = *argv[3] && (config.kind == VNC_TLS_X509 || i == VNC_TLS_DH)
		                   ? open(path, O_RDONLY | O_CLOEXEC)
		                   : -1;
	}
	tls = tls_new(&config, files, err);
	tls_free(tls);
	return tls ? 0 : -err->code;
}

static int answer(int argc, char **argv, struct err *err)
{
	_cleanup_strbuf_ struct strbuf names = { 0 };
	struct keys *keys;

	if (argc == 2 && !strcmp(argv[1], "--layouts")) {
		keys_list(&names);
		return fputs(names.data, stdout) < 0 || fflush(stdout)
		               ? err_sys(err, errno, "standard output")
		               : 0;
	}
	if (argc == 5 && !strcmp(argv[1], "--tls"))
		return check_tls(argv, err);
	if (argc != 3 || strcmp(argv[1], "--layout"))
		return err_usage(err, "vmm starts this program when it is given -vnc");
	keys = keys_new(argv[2], NULL, NULL, err);
	keys_free(keys);
	return keys ? 0 : -err->code;
}

int main(int argc, char **argv)
{
	struct server s = { 0 };
	struct err err = { 0 };

	log_init("vmm-vnc");
	signal(SIGPIPE, SIG_IGN);
	if (argc > 1) {
		if (answer(argc, argv, &err) >= 0)
			return EXIT_SUCCESS;
		fprintf(stderr, "%s\n", err.text);
		return err.usage ? 2 : EXIT_FAILURE;
	}
	if (start(&s, &err) < 0 || sandbox_enter(SANDBOX_PAINTER, &err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	while (turn(&s, -1))
		;
	return EXIT_SUCCESS;
}
