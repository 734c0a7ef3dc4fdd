// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end "user": a network of the guest's own behind the host's sockets, without
 * privileges. The parsers of network protocols run in a program of their own,
 * vmm-user-net, which gets frames through one socket and commands through another.
 *
 * The helper ends when its sockets close. When it ends first the link goes down and a new
 * one is started; the guest lives on.
 */
#include "common/helper.h"
#include "common/log.h"
#include "common/netproto.h"
#include "vmm/net/user.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#define HELPER      USER_HELPER
#define RESTART_NS  1000000000ull /* between two starts */
#define MAX_RESTART 10            /* in a row, each of which lived for less than: */
#define LIVED_NS    60000000000ull

bool net_user_installed(void)
{
	_cleanup_free_ char *path = helper_find(HELPER);

	return path;
}

/* ---- offloads ---- */

static_assert((int)NETPROTO_CSUM == NET_OFFLOAD_CSUM &&
                      (int)NETPROTO_TSO4 == NET_OFFLOAD_TSO4 &&
                      (int)NETPROTO_TSO6 == NET_OFFLOAD_TSO6 &&
                      (int)NETPROTO_ECN == NET_OFFLOAD_ECN &&
                      NETPROTO_HEADER == NET_HDR_LEN,
              "what the helper is told");

/* -EAGAIN: when there is room. */
static int tell_offloads(struct user *u)
{
	uint8_t header[NETPROTO_HEADER] = { u->offloads };
	struct iovec iov = { header, sizeof(header) };
	int ret = u->untold && u->link.fd >= 0 ? net_link_send(&u->link.nd, &iov, 1) : 0;

	u->untold &= ret < 0 || u->link.fd < 0;
	return ret;
}

static void user_set_offload(struct netdev *nd, unsigned offloads)
{
	struct user *u = (struct user *)nd;

	u->untold |= offloads != u->offloads;
	u->offloads = offloads;
	nd->want_out |= tell_offloads(u) == -EAGAIN;
}

/* ---- the helper's life ---- */

/* fds NULL: only agrees with the spawner that it may be started. */
static int spawn_helper(struct user *u, const int *fds, struct err *err)
{
	struct spawner *spawner = u->link.nd.reg->spawner;
	struct user_args a = { .count = 0 };
	struct spawn_plan plan = { SPAWN_HELPER, u->helper, a.argv, fds,
		                   fds ? USER_FDS : 0 };
	int ret;

	user_args_make(u, &a);
	if (fds && u->tftp_fd >= 0)
		plan.fd_count++;
	if (a.failed)
		ret = err_sys(err, ENOMEM, HELPER);
	else
		ret = fds ? spawn_start(spawner, &plan, &u->child, err)
		          : spawn_allow(spawner, &plan, err);
	if (ret == -EPERM)
		err_hint(err,
		         "once the guest runs, values have at most %d bytes and no "
		         "control characters",
		         USER_WORD_MAX);
	user_args_free(&a);
	return ret;
}

static void helper_ended(void *opaque, uint32_t events);

static int watch_helper(struct user *u, int frames, int ctl)
{
	int ret;

	u->ctl = ctl;
	u->started = loop_now();
	ret = net_link_use(&u->link, frames);
	u->link.frames.ring = &u->ring;
	u->untold = u->offloads;
	if (ret >= 0)
		tell_offloads(u);
	if (ret >= 0)
		ret = loop_add(u->link.nd.reg->loop, &u->watch, u->child.pidfd, EPOLLIN,
		               helper_ended, u);
	return ret;
}

/* Both ends of the two sockets and the memory, of which fds are the helper's. */
static int make_ends(struct user *u, int *fds, int *own, struct err *err)
{
	int frames[2], ctl[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, frames) < 0)
		return err_sys(err, errno, "cannot create a socket");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl) < 0) {
		ret = err_sys(err, errno, "cannot create a socket");
		close(frames[0]);
		close(frames[1]);
		return ret;
	}
	ret = frame_ring_create(&u->ring, err);
	for (unsigned i = 0; i < 2 && ret < 0; i++) {
		close(frames[i]);
		close(ctl[i]);
	}
	own[0] = frames[0];
	own[1] = ctl[0];
	fds[0] = frames[1];
	fds[1] = ctl[1];
	fds[2] = ret;
	return ret;
}

static int start_helper(struct user *u, struct err *err)
{
	int fds[USER_FDS + 1], own[2] = { -1, -1 }, ret = make_ends(u, fds, own, err);

	if (ret < 0)
		return ret;
	fds[USER_FDS] = u->tftp_fd;
	ret = spawn_helper(u, fds, err);
	for (unsigned i = 0; i < USER_FDS; i++)
		close(fds[i]);
	if (ret < 0) {
		close(own[0]);
		close(own[1]);
		frame_ring_close(&u->ring);
		return ret;
	}
	ret = watch_helper(u, own[0], own[1]);
	return ret < 0 ? err_sys(err, -ret, "cannot watch " HELPER)
	               : user_ctl_start(u, err);
}

/* Ends the helper, if one runs. Closing its sockets is enough for one that works. */
static void stop_helper(struct user *u, bool kill_it)
{
	net_link_drop(&u->link);
	frame_ring_close(&u->ring);
	user_ctl_stop(u);
	if (u->ctl >= 0)
		close(u->ctl);
	u->ctl = -1;
	if (!u->child.pid)
		return;
	loop_remove(u->link.nd.reg->loop, &u->watch);
	if (kill_it)
		spawn_kill(&u->child);
	net_reap(u->link.nd.reg, &u->child);
}

static void restart(void *opaque);

static void helper_ended(void *opaque, uint32_t events)
{
	struct user *u = opaque;
	const char *id = u->link.nd.id;

	(void)events;
	if (u->adding) {
		user_ctl_take(u);
		stop_helper(u, false);
		net_progress(u->link.nd.reg);
		return;
	}
	if (loop_now() - u->started > LIVED_NS)
		u->failures = 0;
	stop_helper(u, false);
	net_progress(u->link.nd.reg);
	if (++u->failures > MAX_RESTART) {
		log_error("netdev %s: " HELPER " ended %u times in a row; the link stays "
		          "down",
		          id, u->failures);
		return;
	}
	log_warn("netdev %s: " HELPER " ended; the link is down until a new one runs",
	         id);
	loop_timer_arm(&u->restart, loop_now() + RESTART_NS);
}

/* The socket failed before the process: it is not worth more than one that ended. */
static void lost(struct net_link *link)
{
	struct user *u = (struct user *)link;

	spawn_kill(&u->child);
}

static void restart(void *opaque)
{
	struct user *u = opaque;
	struct err err = { 0 };

	if (start_helper(u, &err) < 0) {
		stop_helper(u, true);
		log_error("netdev %s: %s", u->link.nd.id, err.text);
	}
}

/* ---- the back end ---- */

static int user_ready(struct netdev *nd, bool wait, struct err *err)
{
	return user_ctl_ready((struct user *)nd, wait, err);
}

static int command(struct netdev *nd, const char *text, uint64_t ticket, struct err *err)
{
	struct user *u = (struct user *)nd;
	int ret = u->child.pid ? 0 : start_helper(u, err);

	return ret < 0 ? ret : user_command(u, text, ticket, err);
}

/* The folder is what this process may read, and not what its name is to the helper. */
static int open_tftp(struct user *u, struct err *err)
{
	u->tftp_fd = open(u->tftp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u->tftp_fd >= 0)
		return 0;
	return errno == ENOTDIR
	               ? err_set(err, ENOTDIR, "tftp=%s: it is no folder", u->tftp)
	               : err_sys(err, errno, "tftp=%s", u->tftp);
}

static int user_open(struct netdev *nd, struct err *err)
{
	struct user *u = (struct user *)nd;
	const char *net = u->net ? u->net : "10.0.2.0";

	u->link.fd = u->ctl = u->tftp_fd = -1;
	u->adding = true;
	u->link.lost = lost;
	nd->header = true;
	loop_timer_init(nd->reg->loop, &u->restart, restart, u);
	u->helper = helper_find(HELPER);
	if (!u->helper)
		return err_set(err, ENOENT,
		               HELPER
		               " is not there; install it beside vmm or in "
		               "../libexec/kvmkit from there, or use tap or stream");
	if (u->tftp && open_tftp(u, err) < 0)
		return -err->code;
	net_set_desc(nd, "net=%.*s,restrict=%s", (int)strcspn(net, "/"), net,
	             u->restricted ? "on" : "off");
	if (u->start == USER_START_NOW)
		return start_helper(u, err);
	nd->carrier = true;
	return spawn_helper(u, NULL, err);
}

static int user_send(struct netdev *nd, const struct iovec *iov, unsigned count)
{
	struct user *u = (struct user *)nd;
	struct err err = { 0 };
	int ret;

	if (!u->child.pid && start_helper(u, &err) < 0) {
		log_error("netdev %s: %s", nd->id, err.text);
		stop_helper(u, true);
		net_use_fd(nd, -1); /* once is enough */
		return -EIO;
	}
	ret = tell_offloads(u);
	return ret < 0 ? ret : net_link_send(nd, iov, count);
}

static void user_close(struct netdev *nd)
{
	struct user *u = (struct user *)nd;

	loop_timer_disarm(&u->restart);
	stop_helper(u, false);
	user_ctl_free(u);
	user_rules_free(&u->hosts);
	user_rules_free(&u->guests);
	user_rules_free(&u->searches);
	if (u->tftp_fd >= 0)
		close(u->tftp_fd);
	free(u->helper);
}

const struct net_ops net_user_ops = {
	.name = "user",
	.help = "a network behind the host's sockets, without privileges",
	.size = sizeof(struct user),
	.opts = net_user_options,
	.take = user_take,
	.open = user_open,
	.ready = user_ready,
	.take_frame = net_link_take,
	.send = user_send,
	.flush = net_link_flush,
	.cork = net_link_cork,
	.set_offload = user_set_offload,
	.command = command,
	.answer = user_answer,
	.close = user_close,
};
