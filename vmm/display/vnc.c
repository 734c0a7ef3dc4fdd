// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmm's side of VNC. Here are the sockets that listen, so that a port in use is told at
 * start and stays ours while the helper is away; the helper accepts on them, parses what
 * clients send and encodes pixels (common/vncproto.h).
 *
 * With no helper the listening sockets are watched here, and the first client starts one.
 * Only while clients are connected is this a consumer of the display. A helper that dies
 * leaves everything as at the start. Packets that do not fit into a full socket are made
 * up for by a full update. Main loop's thread.
 */
#include "vmm/display/vnc.h"

#include "common/cleanup.h"
#include "common/helper.h"
#include "common/log.h"
#include "common/spawn.h"
#include "vmm/display/ask.h"
#include "vmm/display/vnc-listen.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#define HELPER         "vmm-vnc"
#define VNC_PORT       5900
#define WEBSOCKET_PORT 5700
#define NOVNC          "/usr/share/novnc"

struct vnc_opts {
	char *audiodev, *display, *websocket, *secret, *http, *credentials;
	bool password;
	uint32_t to;
	int share;
};

struct vnc {
	struct loop *loop;
	struct display *display;
	struct input *input;
	struct spawner *spawner;
	struct vnc_opts opts;
	char name[64], layout[64], pages[256], password[VNC_MAX_PASSWORD + 1];
	uint64_t expires;
	struct vnc_tls tls;
	int tls_files[VNC_TLS_FILES];
	char *helper; /* path */
	struct vnc_address address;
	struct vnc_address websocket; /* service: its port, or "" */
	int listen[VNC_MAX_LISTEN];
	struct loop_fd watch[VNC_MAX_LISTEN];
	unsigned listen_count;
	/* the helper; control -1: none */
	int control;
	struct spawned child;
	struct loop_fd control_watch;
	struct display_consumer consumer;
	bool watching, behind;
	unsigned client_count;
	struct vnc_peer clients[VNC_MAX_CLIENTS];
	void (*client)(void *opaque, const struct vnc_peer *peer, bool came);
	void *client_opaque;
};

#define FIELD(f) .offset = offsetof(struct vnc_opts, f)

static const char *const share_names[] = { "allow-exclusive", "force-shared", "ignore",
	                                   NULL };

const struct opt_desc vnc_options[] = {
	{ .name = "vnc",
	  .type = OPT_STR,
	  FIELD(display),
	  .help = "HOST:D, :D (this host only) or unix:PATH; port 5900 + D" },
	{ .name = "password",
	  .type = OPT_BOOL,
	  FIELD(password),
	  .help = "clients need the one set by the monitor's change vnc password" },
	{ .name = "password-secret",
	  .type = OPT_STR,
	  FIELD(secret),
	  .help = "clients need the one in this -object secret" },
	{ .name = "tls-creds",
	  .type = OPT_STR,
	  FIELD(credentials),
	  .help = "clients need TLS, with these -object tls-creds-x509 or tls-creds-anon" },
	{ .name = "to",
	  .type = OPT_U32,
	  FIELD(to),
	  .max = 59635,
	  .help = "try D to this" },
	{ .name = "share",
	  .type = OPT_ENUM,
	  FIELD(share),
	  OPT_CHOICES(share_names, 0),
	  .help = "whether a client may have the others turned out" },
	{ .name = "websocket",
	  .type = OPT_STR,
	  FIELD(websocket),
	  .help = "also for browsers, on port 5700 + D or on this port" },
	{ .name = "http",
	  .type = OPT_STR,
	  FIELD(http),
	  .help = "that port also serves the browser's client: noVNC, or on from this folder" },
	{ .name = "audiodev",
	  .type = OPT_STR,
	  FIELD(audiodev),
	  .help = "accepted; there is no sound card" },
	{ .name = NULL },
};

void vnc_help(struct strbuf *out)
{
	strbuf_adds(out, "vnc options:\n");
	opts_help(vnc_options, out);
}

/* ---- to the helper ---- */

static bool tell(struct vnc *vnc, const struct vnc_packet *p)
{
	return send(vnc->control, p, sizeof(*p), MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       sizeof(*p);
}

static void tell_password(struct vnc *vnc)
{
	struct vnc_packet p = { .type = VNC_PASSWORD };

	p.password.needed = vnc->opts.password;
	p.password.expires = vnc->expires;
	memcpy(p.password.text, vnc->password, sizeof(vnc->password));
	tell(vnc, &p);
}

static bool tell_size(struct vnc *vnc)
{
	const struct surface *s = display_surface(vnc->display);
	struct vnc_packet p = { .type = VNC_SIZE };

	p.size.width = s->width;
	p.size.height = s->height;
	p.size.least = (struct vnc_wish){ DISPLAY_MIN_WIDTH, DISPLAY_MIN_HEIGHT };
	p.size.most = (struct vnc_wish){ DISPLAY_MAX_WIDTH, DISPLAY_MAX_HEIGHT };
	p.size.most_pixels = display_most_pixels(vnc->display);
	return tell(vnc, &p);
}

/* The kind of pointer, and the keyboard's lights. */
static void tell_input(void *opaque)
{
	struct vnc *vnc = opaque;
	struct vnc_packet p = { .type = VNC_INPUT };

	p.input.absolute = input_is_absolute(vnc->input);
	p.input.leds = input_leds(vnc->input);
	if (vnc->control >= 0)
		tell(vnc, &p);
}

static void on_update(void *opaque, const struct display_rect *rects, unsigned count,
                      bool resized)
{
	struct vnc *vnc = opaque;
	const struct surface *s = display_surface(vnc->display);
	struct vnc_packet p = { .type = VNC_DAMAGE };
	bool all = resized || vnc->behind;

	p.damage.count = all ? 1 : count;
	if (all)
		p.damage.rects[0] = (struct vnc_rect){ 0, 0, s->width, s->height };
	for (unsigned i = 0; i < count && !all; i++)
		p.damage.rects[i] = (struct vnc_rect){ rects[i].x, rects[i].y,
			                               rects[i].width, rects[i].height };
	vnc->behind = (all && !tell_size(vnc)) || !tell(vnc, &p);
}

/* ---- the helper's life ---- */

static void on_client(void *opaque, uint32_t events);
static void on_report(void *opaque, uint32_t events);

static void watch_listeners(struct vnc *vnc)
{
	for (unsigned i = 0; i < vnc->listen_count; i++)
		loop_add(vnc->loop, &vnc->watch[i], vnc->listen[i], EPOLLIN, on_client,
		         vnc);
}

static void unwatch_listeners(struct vnc *vnc)
{
	for (unsigned i = 0; i < vnc->listen_count; i++)
		loop_remove(vnc->loop, &vnc->watch[i]);
}

static void set_watching(struct vnc *vnc, bool on)
{
	if (on == vnc->watching)
		return;
	vnc->watching = on;
	if (on)
		display_add_consumer(vnc->display, &vnc->consumer);
	else
		display_remove_consumer(vnc->display, &vnc->consumer);
}

static bool is_same(const struct vnc_peer *a, const struct vnc_peer *b)
{
	return !strcmp(a->host, b->host) && !strcmp(a->service, b->service);
}

/* Of two lists: tells what the first has and the second lacks. */
static void tell_rest(struct vnc *vnc, const struct vnc_peer *list, unsigned count,
                      const struct vnc_peer *other, unsigned other_count, bool came)
{
	bool used[VNC_MAX_CLIENTS] = { false };

	for (unsigned i = 0; i < count && vnc->client; i++) {
		unsigned n = 0;

		/* Clients of a UNIX socket all look the same. */
		while (n < other_count && (used[n] || !is_same(&other[n], &list[i])))
			n++;
		if (n < other_count)
			used[n] = true;
		else
			vnc->client(vnc->client_opaque, &list[i], came);
	}
}

static void set_clients(struct vnc *vnc, const struct vnc_peer *peers, unsigned count)
{
	struct vnc_peer old[VNC_MAX_CLIENTS];
	unsigned old_count = vnc->client_count;

	memcpy(old, vnc->clients, sizeof(old));
	for (unsigned i = 0; i < count; i++) {
		struct vnc_peer *p = &vnc->clients[i];

		*p = peers[i];
		p->host[sizeof(p->host) - 1] = p->service[sizeof(p->service) - 1] = '\0';
		if (!*p->service)
			*p->host = '\0'; /* a UNIX socket has no host */
	}
	vnc->client_count = count;
	tell_rest(vnc, old, old_count, vnc->clients, count, false);
	tell_rest(vnc, vnc->clients, count, old, old_count, true);
}

static void end_helper(struct vnc *vnc)
{
	if (vnc->control < 0)
		return;
	set_watching(vnc, false);
	input_buttons(vnc->input, 0);
	loop_remove(vnc->loop, &vnc->control_watch);
	close(vnc->control);
	vnc->control = -1;
	set_clients(vnc, NULL, 0);
	spawn_kill(&vnc->child);
	spawn_wait(&vnc->child);
}

static int spawn(struct vnc *vnc, int fd, struct err *err)
{
	const struct spawn_plan plan = { SPAWN_HELPER, vnc->helper,
		                         (char *[]){ HELPER, NULL }, &fd, 1 };

	static_assert((int)VNC_CONTROL_FD == SPAWN_FIRST_FD, "the helper's socket");
	return fd < 0 ? spawn_allow(vnc->spawner, &plan, err)
	              : spawn_start(vnc->spawner, &plan, &vnc->child, err);
}

static bool is_loopback(const struct vnc_address *address)
{
	return !strncmp(address->host, "127.", 4) || !strcmp(address->host, "::1");
}

static bool tell_start(struct vnc *vnc)
{
	struct vnc_packet p = { .type = VNC_START };
	union {
		char bytes[CMSG_SPACE(sizeof(int) * VNC_MAX_FDS)];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { &p, sizeof(p) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fds[VNC_MAX_FDS] = { display_surface(vnc->display)->fd };
	unsigned count = 1 + vnc->listen_count;

	p.start.share = vnc->opts.share;
	memcpy(p.start.name, vnc->name, sizeof(p.start.name));
	memcpy(p.start.layout, vnc->layout, sizeof(p.start.layout));
	p.start.browsers = *vnc->websocket.service != '\0';
	p.start.local = is_loopback(&vnc->websocket);
	memcpy(p.start.pages, vnc->pages, sizeof(p.start.pages));
	p.start.tls = vnc->tls;
	memcpy(fds + 1, vnc->listen, sizeof(vnc->listen));
	for (unsigned i = 0; i < VNC_TLS_FILES; i++) {
		if (vnc->tls_files[i] < 0)
			continue;
		p.start.tls_files |= 1u << i;
		fds[count++] = vnc->tls_files[i];
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * count);
	msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	return sendmsg(vnc->control, &msg, MSG_NOSIGNAL) == sizeof(p);
}

static int start_helper(struct vnc *vnc, struct err *err)
{
	int pair[2], ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "cannot create a socket");
	ret = spawn(vnc, pair[1], err);
	close(pair[1]);
	if (ret < 0) {
		close(pair[0]);
		return ret;
	}
	vnc->control = pair[0];
	loop_add(vnc->loop, &vnc->control_watch, vnc->control, EPOLLIN, on_report, vnc);
	if (!tell_start(vnc)) {
		end_helper(vnc);
		return err_sys(err, EPIPE, HELPER);
	}
	tell_password(vnc);
	tell_input(vnc);
	return 0;
}

static void on_client(void *opaque, uint32_t events)
{
	struct vnc *vnc = opaque;
	struct err err = { 0 };
	int ret = start_helper(vnc, &err);

	(void)events;
	unwatch_listeners(vnc);
	if (ret >= 0)
		return;
	/* Without sockets nobody waits in vain; watching them on would spin. */
	log_error("VNC ends: %s", err.text);
	for (unsigned i = 0; i < vnc->listen_count; i++)
		close(vnc->listen[i]);
	vnc->listen_count = 0;
}

/* ---- from the helper ---- */

static void take_pointer(struct vnc *vnc, const struct vnc_report *r)
{
	const struct surface *s = display_surface(vnc->display);
	unsigned b = r->pointer.buttons;
	int x = r->pointer.x, y = r->pointer.y;

	/* Sent before the screen changed its size, perhaps. */
	if (x < -VNC_MAX_MOVE || x > VNC_MAX_MOVE || y < -VNC_MAX_MOVE ||
	    y > VNC_MAX_MOVE)
		return;
	if (r->pointer.relative)
		input_move(vnc->input, x, y, 0);
	else if (x >= 0 && y >= 0 && x < (int)s->width && y < (int)s->height)
		input_point_at(vnc->input, x, y, s->width, s->height);
	input_buttons(vnc->input, (b & 1 ? INPUT_LEFT : 0) | (b & 2 ? INPUT_MIDDLE : 0) |
	                                  (b & 4 ? INPUT_RIGHT : 0));
	input_move(vnc->input, 0, 0, (b & 16 ? 1 : 0) - (b & 8 ? 1 : 0));
}

static void take_clients(struct vnc *vnc, struct vnc_report *r)
{
	unsigned count =
		r->clients.count < VNC_MAX_CLIENTS ? r->clients.count : VNC_MAX_CLIENTS;

	set_clients(vnc, r->clients.peers, count);
	set_watching(vnc, r->clients.connected);
}

static void on_report(void *opaque, uint32_t events)
{
	struct vnc *vnc = opaque;
	struct vnc_report r;
	ssize_t n = recv(vnc->control, &r, sizeof(r), MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(r) || r.type > VNC_WISH) {
		log_warn("%s ended; the next client starts it again", HELPER);
		end_helper(vnc);
		watch_listeners(vnc);
		return;
	}
	if (r.type == VNC_KEY || r.type == VNC_POINTER)
		display_hurry(vnc->display);
	if (r.type == VNC_KEY)
		input_key(vnc->input, r.key.code, r.key.down);
	else if (r.type == VNC_POINTER)
		take_pointer(vnc, &r);
	else if (r.type == VNC_WISH)
		display_prefer(vnc->display, r.wish.width, r.wish.height);
	else
		take_clients(vnc, &r);
}

/* ---- options ---- */

static int find_helper(struct vnc *vnc, struct err *err)
{
	vnc->helper = helper_find(HELPER);
	if (vnc->helper)
		return 0;
	return err_set(err, ENOENT,
	               "-vnc: " HELPER " is not there; install it beside vmm or in "
	               "../libexec/kvmkit from there");
}

/* Where the pages of http= are, if it is on. */
static int find_pages(struct vnc *vnc, struct err *err)
{
	const char *text = vnc->opts.http, *folder = text;
	_cleanup_free_ char *page = NULL;
	bool on = true;

	if (!text || (!opt_parse_bool(text, &on) && !on))
		return 0;
	if (opt_parse_bool(text, &on) >= 0)
		folder = NOVNC;
	if (asprintf(&page, "%s/vnc.html", folder) < 0)
		return err_sys(err, ENOMEM, "-vnc http");
	if (access(page, R_OK) < 0 || strlen(folder) >= sizeof(vnc->pages))
		return err_set(err, ENOENT,
		               "-vnc http: %s is not there; install the Debian package "
		               "novnc, or say http=FOLDER",
		               page);
	snprintf(vnc->pages, sizeof(vnc->pages), "%s", folder);
	return 0;
}

/* "on", as well as http: the port that goes with the display that was got; a number: that
 * port of the same host. */
static int listen_websocket(struct vnc *vnc, struct err *err)
{
	const char *text = vnc->opts.websocket, *colon = strrchr(vnc->opts.display, ':');
	uint64_t port = 0, number;
	bool on = *vnc->pages, is_port = text && opt_parse_u64(text, &port) >= 0;
	char display[160];
	int fd;

	if (text && !is_port && opt_parse_bool(text, &on) < 0)
		return err_usage(err, "-vnc websocket=%s: it is on, off or a port", text);
	if (!on && !is_port)
		return 0;
	if (opt_parse_u64(vnc->address.service, &number) < 0)
		return err_usage(err, "-vnc websocket and http need a port; use -vnc :D");
	snprintf(display, sizeof(display), "%.*s:%llu", (int)(colon - vnc->opts.display),
	         vnc->opts.display,
	         (unsigned long long)(is_port ? port : number - VNC_PORT));
	fd = vnc_listen(display, is_port ? 0 : WEBSOCKET_PORT, is_port ? 0 : vnc->opts.to,
	                &vnc->websocket, err);
	if (fd < 0)
		return fd;
	vnc->listen[vnc->listen_count++] = fd;
	return 0;
}

static void tell_address(const struct vnc *vnc)
{
	const struct vnc_address *a = &vnc->address, *w = &vnc->websocket;
	bool local = vnc->opts.display[0] == ':', v6 = strchr(w->host, ':');

	log_info("VNC on %s%s%s%s%s%s", a->host, *a->service ? ":" : "", a->service,
	         *w->service ? ", WebSocket port " : "", w->service,
	         local ? ", for this host only; -vnc 0.0.0.0:D is for others" : "");
	if (*vnc->pages)
		log_info("VNC in a browser: http%s://%s%s%s:%s/",
		         vnc->tls.kind ? "s" : "", v6 ? "[" : "", w->host, v6 ? "]" : "",
		         w->service);
}

static int open_sockets(struct vnc *vnc, struct err *err)
{
	int fd =
		vnc_listen(vnc->opts.display, VNC_PORT, vnc->opts.to, &vnc->address, err);

	if (fd < 0)
		return fd;
	vnc->listen[vnc->listen_count++] = fd;
	fd = listen_websocket(vnc, err);
	if (fd < 0)
		return fd;
	tell_address(vnc);
	return 0;
}

static int configure(struct vnc *vnc, const char *text, struct err *err)
{
	struct opt_list list = { 0 };
	int ret = opt_list_parse(&list, text, "vnc", err);

	if (ret >= 0)
		ret = opts_apply(vnc_options, &list, &vnc->opts, "-vnc", err);
	opt_list_free(&list);
	if (ret >= 0 && !vnc->opts.display)
		ret = err_usage(err, "-vnc names no display; -vnc :0 is port 5900");
	return ret;
}

/* A password from the start. */
static int use_secret(struct vnc *vnc, const struct vnc_config *config, struct err *err)
{
	const char *text;

	if (!vnc->opts.secret)
		return 0;
	vnc->opts.password = true;
	text = config->secret(config->opaque, vnc->opts.secret, err);
	if (text && vnc_set_password(vnc, text, err) >= 0)
		return 0;
	err_prefix(err, "-vnc password-secret=%s", vnc->opts.secret);
	return -err->code;
}

/* What the files are good for the helper says. */
static int check_tls(const struct vnc_credentials *c, struct err *err)
{
	char *argv[] = { HELPER,
		         "--tls",
		         c->tls.kind == VNC_TLS_X509 ? "x509" : "anon",
		         c->dir,
		         (char *)c->tls.priority,
		         NULL };
	char text[512];
	int ret = ask_helper(argv, text, sizeof(text));

	text[strcspn(text, "\n")] = '\0';
	return !ret ? 0
	            : err_set(err, EINVAL, "%s%s%s", c->dir, *c->dir ? ": " : "",
	                      ret < 0 ? strerror(-ret) : text);
}

static int use_credentials(struct vnc *vnc, const struct vnc_config *config,
                           struct err *err)
{
	const char *id = vnc->opts.credentials;
	const struct vnc_credentials *c =
		id ? config->credentials(config->opaque, id, err) : NULL;

	if (!id)
		return 0;
	if (!c || check_tls(c, err) < 0) {
		err_prefix(err, "-vnc tls-creds=%s", id);
		return -err->code;
	}
	vnc->tls = c->tls;
	for (unsigned i = 0; i < VNC_TLS_FILES; i++) {
		if (c->files[i] < 0)
			continue;
		vnc->tls_files[i] = fcntl(c->files[i], F_DUPFD_CLOEXEC, 0);
		if (vnc->tls_files[i] < 0)
			return err_sys(err, errno, "-vnc tls-creds=%s", id);
	}
	return 0;
}

struct vnc *vnc_new(struct loop *loop, struct display *display, struct input *input,
                    const struct vnc_config *config, struct err *err)
{
	struct vnc *vnc = calloc(1, sizeof(*vnc));

	if (!vnc) {
		err_sys(err, ENOMEM, "-vnc");
		return NULL;
	}
	vnc->loop = loop;
	vnc->display = display;
	vnc->input = input;
	vnc->spawner = config->spawner;
	vnc->control = -1;
	for (unsigned i = 0; i < VNC_TLS_FILES; i++)
		vnc->tls_files[i] = -1;
	vnc->consumer.update = on_update;
	vnc->consumer.opaque = vnc;
	vnc->client = config->client;
	vnc->client_opaque = config->opaque;
	snprintf(vnc->name, sizeof(vnc->name), "%s", config->name ? config->name : "vmm");
	snprintf(vnc->layout, sizeof(vnc->layout), "%s",
	         config->layout ? config->layout : "");
	if (configure(vnc, config->text, err) < 0 || use_secret(vnc, config, err) < 0 ||
	    use_credentials(vnc, config, err) < 0 || find_pages(vnc, err) < 0 ||
	    find_helper(vnc, err) < 0 || spawn(vnc, -1, err) < 0 ||
	    open_sockets(vnc, err) < 0) {
		vnc_free(vnc);
		return NULL;
	}
	watch_listeners(vnc);
	input_watch(input, tell_input, vnc);
	return vnc;
}

void vnc_free(struct vnc *vnc)
{
	if (!vnc)
		return;
	input_watch(vnc->input, NULL, NULL);
	end_helper(vnc);
	unwatch_listeners(vnc);
	for (unsigned i = 0; i < vnc->listen_count; i++)
		close(vnc->listen[i]);
	for (unsigned i = 0; i < VNC_TLS_FILES; i++)
		if (vnc->tls_files[i] >= 0)
			close(vnc->tls_files[i]);
	if (vnc->address.family && !strcmp(vnc->address.family, "unix"))
		unlink(vnc->address.host);
	explicit_bzero(vnc->password, sizeof(vnc->password));
	opts_free(vnc_options, &vnc->opts);
	free(vnc->helper);
	free(vnc);
}

static int check_password(const struct vnc *vnc, struct err *err)
{
	return vnc->opts.password
	               ? 0
	               : err_set(err, EINVAL,
	                         "VNC was started without a password; use -vnc "
	                         "%s,password",
	                         vnc->opts.display);
}

int vnc_set_password(struct vnc *vnc, const char *password, struct err *err)
{
	if (check_password(vnc, err) < 0)
		return -EINVAL;
	if (strlen(password) > VNC_MAX_PASSWORD)
		return err_set(err, EINVAL, "a VNC password has at most %d characters",
		               VNC_MAX_PASSWORD);
	snprintf(vnc->password, sizeof(vnc->password), "%s", password);
	if (vnc->control >= 0)
		tell_password(vnc);
	return 0;
}

int vnc_expire_password(struct vnc *vnc, uint64_t seconds, struct err *err)
{
	if (check_password(vnc, err) < 0)
		return -EINVAL;
	vnc->expires = seconds;
	if (vnc->control >= 0)
		tell_password(vnc);
	return 0;
}

/* QEMU's names: of both together, and of what is within TLS; without and with a
 * password. */
static const struct auth_names {
	const char *all[2], *within[2];
} auth_names[] = {
	[VNC_TLS_NONE] = { { "none", "vnc" }, { NULL, NULL } },
	[VNC_TLS_ANON] = { { "vencrypt+tls+none", "vencrypt+tls+vnc" },
	                   { "tls-none", "tls-vnc" } },
	[VNC_TLS_X509] = { { "vencrypt+x509+none", "vencrypt+x509+vnc" },
	                   { "x509-none", "x509-vnc" } },
};

const char *vnc_family(const struct vnc_peer *peer)
{
	return !*peer->service ? "unix" : strchr(peer->host, ':') ? "ipv6" : "ipv4";
}

static void describe(const struct vnc *vnc, bool websocket, struct vnc_server *server)
{
	const struct vnc_address *a = websocket ? &vnc->websocket : &vnc->address;
	bool is_path = !strcmp(a->family, "unix"), password = vnc->opts.password;
	const char *within = auth_names[vnc->tls.kind].within[password];

	*server = (struct vnc_server){
		.host = is_path ? "" : a->host,
		.service = is_path ? a->host : a->service,
		.family = a->family,
		.websocket = websocket,
		.auth = auth_names[VNC_TLS_NONE].all[password],
	};
	/* A browser's TLS is around the WebSocket: VNC knows nothing of it. */
	if (!within || websocket)
		return;
	server->auth = "vencrypt";
	server->vencrypt = within;
}

void vnc_info(const struct vnc *vnc, struct vnc_info *info)
{
	*info = (struct vnc_info){
		.server_count = 1 + (*vnc->websocket.service != '\0'),
		.auth = auth_names[vnc->tls.kind].all[vnc->opts.password],
		.client_count = vnc->client_count,
		.clients = vnc->clients,
	};
	for (unsigned i = 0; i < info->server_count; i++)
		describe(vnc, i, &info->servers[i]);
}
