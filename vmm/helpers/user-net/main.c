// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmm-user-net: the user network of one guest. Started by vmm with two sockets, one for
 * frames (common/frames.h) and one for commands "N words", whose answers are "N+text" or
 * "N-sentence" ("N?sentence": wrong words), and with memory for large frames to the guest
 * (common/frame-ring.h). The first answer, number 0, comes unasked, when everything is
 * set up.
 *
 * The network is libslirp's, which parses what the guest sends: that is why it lives
 * here. It ends when a socket is closed. While the guest takes no frames nothing is read
 * from the host's sockets either, so that their senders are held up; what is on its way
 * waits in a buffer.
 */
#include "common/cleanup.h"
#include "common/frames.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/strbuf.h"
#include "vmm/helpers/user-net/config.h"
#include "vmm/helpers/user-net/guestfwd.h"
#include "vmm/helpers/user-net/offload.h"
#include "vmm/helpers/user-net/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define OUT_CAP     (4u << 20) /* bytes on their way to the guest */
#define MAX_FDS     4096
#define IN_BATCH    256 /* frames of the guest between two looks at the host */
#define COMMAND_MAX 512
#define ANSWER_MAX  60000

struct timer {
	SlirpTimerCb fn;
	void *opaque;
	int64_t expires; /* ms, -1: not armed */
	struct timer *next;
};

struct net {
	Slirp *slirp;
	struct frames frames;
	struct frame_ring ring;
	struct joiner joiner;
	int ctl;
	struct timer *timers;
	struct guestfwd *guestfwds;
	struct pollfd fds[MAX_FDS];
	unsigned count;
	bool more; /* frames of the guest were left for later */
	bool ended;
};

/* ---- what libslirp asks for ---- */

static int64_t now_ns(void *opaque)
{
	struct timespec ts;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* No room is a frame lost, as on any wire. */
static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
	int ret = joiner_add(&((struct net *)opaque)->joiner, buf, len);

	return ret < 0 && ret != -EAGAIN && ret != -EMSGSIZE ? -1 : (ssize_t)len;
}

static void guest_error(const char *msg, void *opaque)
{
	static struct ratelimit warned;

	(void)opaque;
	log_guest(&warned, "%s", msg);
}

static void *timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
	struct net *net = opaque;
	struct timer *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	*t = (struct timer){ cb, cb_opaque, -1, net->timers };
	net->timers = t;
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct net *net = opaque;

	for (struct timer **p = &net->timers; *p; p = &(*p)->next) {
		if (*p == timer) {
			*p = (*p)->next;
			break;
		}
	}
	free(timer);
}

static void timer_mod(void *timer, int64_t expires, void *opaque)
{
	(void)opaque;
	((struct timer *)timer)->expires = expires;
}

static void no_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void no_notify(void *opaque)
{
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = now_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = no_fd,
	.unregister_poll_fd = no_fd,
	.notify = no_notify,
};

/* ---- poll ---- */

static const struct {
	int slirp;
	short poll;
} bits[] = {
	{ SLIRP_POLL_IN, POLLIN },   { SLIRP_POLL_OUT, POLLOUT },
	{ SLIRP_POLL_PRI, POLLPRI }, { SLIRP_POLL_ERR, POLLERR },
	{ SLIRP_POLL_HUP, POLLHUP },
};

static int add_fd(struct net *net, int fd, short events)
{
	if (net->count == MAX_FDS)
		return -1;
	net->fds[net->count] = (struct pollfd){ fd, events, 0 };
	return net->count++;
}

static int add_poll(int fd, int events, void *opaque)
{
	short wanted = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(bits); i++)
		wanted |= events & bits[i].slirp ? bits[i].poll : 0;
	return add_fd(opaque, fd, wanted & ~(POLLERR | POLLHUP));
}

static int get_revents(int index, void *opaque)
{
	const struct net *net = opaque;
	int events = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(bits) && index >= 0; i++)
		events |= net->fds[index].revents & bits[i].poll ? bits[i].slirp : 0;
	return events;
}

static void run_timers(struct net *net)
{
	int64_t now = now_ns(NULL) / 1000000;

	for (struct timer *t = net->timers; t; t = t->next) {
		if (t->expires < 0 || t->expires > now)
			continue;
		t->expires = -1;
		t->fn(t->opaque);
	}
}

static int until_timer(const struct net *net, uint32_t timeout)
{
	int64_t now = now_ns(NULL) / 1000000, wait = timeout;

	for (const struct timer *t = net->timers; t; t = t->next)
		if (t->expires >= 0 && t->expires - now < wait)
			wait = t->expires > now ? t->expires - now : 0;
	return wait > 60000 ? 60000 : wait;
}

/* ---- the guest and vmm ---- */

static int input(void *opaque, const void *ether, size_t size)
{
	slirp_input(opaque, ether, size);
	return 0;
}

/* vmm sends whole headers; what is not right behind one is the guest's. */
static void take_frame(struct net *net, uint8_t *frame, size_t len)
{
	if (len < NETPROTO_HEADER)
		net->ended = true;
	else if (len == NETPROTO_HEADER)
		net->joiner.offloads = frame[0];
	else if (offload_finish(frame, len))
		joiner_input(&net->joiner, frame + NETPROTO_HEADER, len - NETPROTO_HEADER,
		             input, net->slirp);
}

static void take_frames(struct net *net)
{
	net->more = false;
	for (unsigned i = 0; i < IN_BATCH && !net->ended; i++) {
		uint8_t *frame;
		ssize_t n = frames_next(&net->frames, &frame);

		if (n < 0) {
			net->ended |= n != -EAGAIN;
			return;
		}
		take_frame(net, frame, n);
	}
	net->more = true;
}

/* What one round has for the guest. */
static void send_round(struct net *net)
{
	int ret = joiner_flush(&net->joiner);

	if (ret >= 0 || ret == -EAGAIN)
		ret = frames_flush(&net->frames);
	net->ended |= ret < 0 && ret != -EAGAIN;
}

static void answer(struct net *net, const char *number, const struct err *err,
                   const char *text)
{
	struct strbuf out = { 0 };

	strbuf_addf(&out, "%s%c%s", number,
	            !err->code   ? '+'
	            : err->usage ? '?'
	                         : '-',
	            err->code ? err->text : text);
	if (out.len > ANSWER_MAX)
		out.len = ANSWER_MAX;
	if (out.failed || send(net->ctl, out.data, out.len, MSG_NOSIGNAL) < 0)
		net->ended = true;
	strbuf_free(&out);
}

static void take_command(struct net *net)
{
	char buf[COMMAND_MAX + 1], *text;
	ssize_t n = recv(net->ctl, buf, COMMAND_MAX, MSG_DONTWAIT);
	_cleanup_free_ char *info = NULL;
	struct err err = { 0 };

	if (n <= 0) {
		net->ended = true;
		return;
	}
	buf[n] = '\0';
	/* vmm's own number, which is given back as it is. */
	text = buf + strcspn(buf, " ");
	if (*text)
		*text++ = '\0';
	if (!strcmp(text, "info"))
		info = slirp_connection_info(net->slirp);
	else if (!strncmp(text, "hostfwd_add ", 12))
		user_forward(net->slirp, text + 12, true, &err);
	else if (!strncmp(text, "hostfwd_remove ", 15))
		user_forward(net->slirp, text + 15, false, &err);
	else
		err_usage(&err, "unknown command '%s'", text);
	answer(net, buf, &err, info ? info : "");
}

static void serve(struct net *net)
{
	/* What one round has for the guest goes there in one piece. */
	net->frames.corked = true;
	net->joiner.frames = &net->frames;
	while (!net->ended) {
		uint32_t timeout = UINT32_MAX;
		bool full = net->frames.out_len;
		int ret;

		net->count = 0;
		add_fd(net, net->frames.fd, full ? POLLOUT : POLLIN);
		add_fd(net, net->ctl, POLLIN);
		if (!full)
			slirp_pollfds_fill(net->slirp, &timeout, add_poll, net);
		if (!full)
			guestfwd_fill(net->guestfwds, add_poll, net);
		ret = poll(net->fds, net->count,
		           net->more && !full ? 0 : until_timer(net, timeout));
		if (ret < 0 && errno != EINTR)
			break;
		if (net->fds[1].revents)
			take_command(net);
		if (full) {
			ret = frames_flush(&net->frames);
			net->ended |= ret < 0 && ret != -EAGAIN;
			continue;
		}
		if (net->more || net->fds[0].revents)
			take_frames(net);
		slirp_pollfds_poll(net->slirp, ret < 0, get_revents, net);
		guestfwd_serve(net->guestfwds, get_revents, net);
		run_timers(net);
		send_round(net);
	}
}

/* ---- start ---- */

static int open_number(const char *word, int *fd)
{
	uint64_t n;

	if (opt_parse_u64(word, &n) < 0 || n > INT32_MAX)
		return -EINVAL;
	*fd = n;
	return 0;
}

static int start(struct net *net, struct user_config *config, int ring_fd, int count,
                 char *const *words, struct err *err)
{
	int ret = user_config_parse(config, count, words, err);
	bool unix_sockets = false;

	if (ret < 0)
		return ret;
	if (frames_init(&net->frames, net->frames.fd, OUT_CAP) < 0)
		return err_sys(err, ENOMEM, "frames");
	ret = frame_ring_open(&net->ring, ring_fd);
	close(ring_fd);
	if (ret < 0)
		return err_sys(err, -ret, "memory for frames");
	net->frames.ring = &net->ring;
	net->slirp = slirp_new(&config->slirp, &callbacks, net);
	if (!net->slirp)
		return err_set(err, EINVAL, "libslirp does not start");
	for (int i = 0; i < count && ret >= 0; i++)
		if (!strncmp(words[i], "hostfwd=", 8))
			ret = user_forward(net->slirp, words[i] + 8, true, err);
		else if (!strncmp(words[i], "guestfwd=", 9))
			ret = guestfwd_add(&net->guestfwds, net->slirp, words[i] + 9,
			                   &unix_sockets, err);
	return ret < 0 ? ret : sandbox_enter(config->tftp, unix_sockets, err);
}

int main(int argc, char **argv)
{
	struct net *net = calloc(1, sizeof(*net));
	struct user_config config = { 0 };
	struct err err = { 0 };
	int ring_fd;

	log_init("vmm-user-net");
	signal(SIGPIPE, SIG_IGN);
	if (!net || argc < 4 || open_number(argv[1], &net->frames.fd) < 0 ||
	    open_number(argv[2], &net->ctl) < 0 || open_number(argv[3], &ring_fd) < 0) {
		log_error("this program is started by vmm -netdev user");
		free(net);
		return 2;
	}
	/* Whatever happens, not longer than vmm. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (start(net, &config, ring_fd, argc - 4, argv + 4, &err) >= 0) {
		answer(net, "0", &err, "");
		serve(net);
	} else {
		answer(net, "0", &err, "");
	}
	if (net->slirp)
		slirp_cleanup(net->slirp);
	guestfwd_free(net->guestfwds);
	frames_free(&net->frames);
	frame_ring_close(&net->ring);
	user_config_free(&config);
	free(net);
	return err.code ? 1 : 0;
}
