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
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define HELPER      USER_HELPER
#define RESTART_NS  1000000000ull /* between two starts */
#define MAX_RESTART 10            /* in a row, each of which lived for less than: */
#define LIVED_NS    60000000000ull

enum { START_NOW, START_LAZY };

static const char *const starts[] = { "now", "lazy", NULL };

#define STR(key, field, text)                                                         \
	{                                                                             \
		.name = key, .type = OPT_STR, .offset = offsetof(struct user, field), \
		.help = text                                                          \
	}
#define BOOL(key, field, on, text)                                                     \
	{                                                                              \
		.name = key, .type = OPT_BOOL, .offset = offsetof(struct user, field), \
		.def = on, .help = text                                                \
	}

static const struct opt_desc user_opts[] = {
	NET_OPTS(struct user, link.nd),
	STR("net", net, "the guest's network (default: 10.0.2.0/24)"),
	STR("host", host, "the host's address in it (default: .2)"),
	STR("dns", dns, "the name server's address in it (default: .3)"),
	STR("dhcpstart", dhcpstart, "first address for the guest (default: .15)"),
	STR("hostname", hostname, "name that DHCP gives the guest"),
	STR("domainname", domainname, "domain that DHCP gives the guest"),
	STR("tftp", tftp, "folder that the guest may read through TFTP"),
	STR("bootfile", bootfile, "file in it that DHCP names"),
	STR("hostfwd", hostfwd,
	    "tcp|udp:[ADDR]:PORT-[GUEST]:PORT: host port that leads to the guest; any "
	    "number of them"),
	STR("guestfwd", guestfwd,
	    "tcp:ADDR:PORT-unix:PATH or ...-tcp:HOST:PORT: address in the guest's network "
	    "that leads to a server of the host; any number of them"),
	BOOL("restrict", restricted, "off", "the guest reaches nothing but forwards"),
	BOOL("ipv4", ipv4, "on", "IPv4"),
	BOOL("ipv6", ipv6, "on", "IPv6"),
	{ .name = "start",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct user, start),
	  .def = "now",
	  .choices = starts,
	  .help = "when the helper is started; lazy: at the guest's first frame" },
	{ .name = NULL },
};

/* ---- options ---- */

/* The keys that may come several times. */
static int user_take(struct netdev *nd, struct opt_list *opts, struct err *err)
{
	struct user *u = (struct user *)nd;
	int ret = 0;

	for (unsigned i = 0; i < opts->count && ret >= 0; i++) {
		const struct opt *opt = &opts->opts[i];

		if (!strcmp(opt->key, "hostfwd"))
			ret = user_rules_add(&u->hosts, USER_MAX_RULES, opt->value, err);
		else if (!strcmp(opt->key, "guestfwd"))
			ret = user_rules_add(&u->guests, USER_MAX_GUESTFWDS, opt->value,
			                     err);
	}
	opt_list_take(opts, "hostfwd");
	opt_list_take(opts, "guestfwd");
	return ret;
}

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

struct args {
	char *argv[SPAWN_MAX_ARGS + 1]; /* ends with NULL */
	unsigned count;
	bool failed;
};

static void add_arg(struct args *a, const char *key, const char *value)
{
	struct strbuf text = { 0 };

	if (!value)
		return;
	strbuf_addf(&text, "%s%s%s", key, *key ? "=" : "", value);
	a->argv[a->count] = strbuf_take(&text);
	a->failed |= !a->argv[a->count++];
}

/* Always the same: rules of hostfwd are told by commands, because they come and go. */
static void make_args(const struct user *u, struct args *a)
{
	char number[16];

	add_arg(a, "", u->helper);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(number, sizeof(number), "%u", SPAWN_FIRST_FD + i);
		add_arg(a, "", number);
	}
	add_arg(a, "net", u->net);
	add_arg(a, "host", u->host);
	add_arg(a, "dns", u->dns);
	add_arg(a, "dhcpstart", u->dhcpstart);
	add_arg(a, "hostname", u->hostname);
	add_arg(a, "domainname", u->domainname);
	add_arg(a, "tftp", u->tftp);
	add_arg(a, "bootfile", u->bootfile);
	add_arg(a, "restrict", u->restricted ? "on" : "off");
	add_arg(a, "ipv4", u->ipv4 ? "on" : "off");
	add_arg(a, "ipv6", u->ipv6 ? "on" : "off");
	for (unsigned i = 0; i < u->guests.count; i++)
		add_arg(a, "guestfwd", u->guests.list[i]);
}

/* fds NULL: only agrees with the spawner that it may be started. */
static int spawn_helper(struct user *u, const int *fds, struct err *err)
{
	struct spawner *spawner = u->link.nd.reg->spawner;
	struct args a = { .count = 0 };
	struct spawn_plan plan = { SPAWN_HELPER, u->helper, a.argv, fds, fds ? 2 : 0 };
	int ret;

	make_args(u, &a);
	if (a.failed)
		ret = err_sys(err, ENOMEM, HELPER);
	else
		ret = fds ? spawn_start(spawner, &plan, &u->child, err)
		          : spawn_allow(spawner, &plan, err);
	if (ret == -EPERM)
		err_hint(err, "once the guest runs, a user network takes no keys but "
		              "hostfwd; give it with -netdev when vmm starts");
	for (unsigned i = 0; i < a.count; i++)
		free(a.argv[i]);
	return ret;
}

int net_user_allow(struct net_registry *reg, struct err *err)
{
	struct user u = { .link.nd.reg = reg, .helper = helper_find(HELPER) };
	struct opt_list none = { 0 };
	int ret = u.helper ? opts_apply(user_opts, &none, &u, NULL, err) : 0;

	if (ret >= 0 && u.helper)
		ret = spawn_helper(&u, NULL, err);
	opts_free(user_opts, &u);
	free(u.helper);
	return ret;
}

static void helper_ended(void *opaque, uint32_t events);

static int watch_helper(struct user *u, int frames, int ctl)
{
	int ret;

	u->ctl = ctl;
	u->started = loop_now();
	ret = net_link_use(&u->link, frames);
	u->untold = u->offloads;
	if (ret >= 0)
		tell_offloads(u);
	if (ret >= 0)
		ret = loop_add(u->link.nd.reg->loop, &u->watch, u->child.pidfd, EPOLLIN,
		               helper_ended, u);
	return ret;
}

static int start_helper(struct user *u, struct err *err)
{
	int frames[2], ctl[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, frames) < 0)
		return err_sys(err, errno, "cannot create a socket");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl) < 0) {
		ret = errno;
		close(frames[0]);
		close(frames[1]);
		return err_sys(err, ret, "cannot create a socket");
	}
	ret = spawn_helper(u, (const int[]){ frames[1], ctl[1] }, err);
	close(frames[1]);
	close(ctl[1]);
	if (ret < 0) {
		close(frames[0]);
		close(ctl[0]);
		return ret;
	}
	ret = watch_helper(u, frames[0], ctl[0]);
	return ret < 0 ? err_sys(err, -ret, "cannot watch " HELPER)
	               : user_ctl_start(u, err);
}

/* Ends the helper, if one runs. Closing its sockets is enough for one that works. */
static void stop_helper(struct user *u, bool kill_it)
{
	struct pollfd pfd = { .fd = u->child.pidfd, .events = POLLIN };

	net_link_drop(&u->link);
	user_ctl_stop(u);
	if (u->ctl >= 0)
		close(u->ctl);
	u->ctl = -1;
	if (!u->child.pid)
		return;
	loop_remove(u->link.nd.reg->loop, &u->watch);
	if (kill_it ||
	    poll(&pfd, 1, u->link.nd.reg->running ? USER_STOP_MS : USER_WAIT_MS) <= 0)
		spawn_kill(&u->child);
	spawn_wait(&u->child);
}

static void restart(void *opaque);

static void helper_ended(void *opaque, uint32_t events)
{
	struct user *u = opaque;
	const char *id = u->link.nd.id;

	(void)events;
	if (loop_now() - u->started > LIVED_NS)
		u->failures = 0;
	stop_helper(u, false);
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

static int user_ready(struct netdev *nd, struct err *err)
{
	struct user *u = (struct user *)nd;

	return u->child.pid ? user_ctl_wait(u, err) : 0;
}

static int command(struct netdev *nd, const char *text, struct err *err)
{
	struct user *u = (struct user *)nd;
	int ret = u->child.pid ? 0 : start_helper(u, err);

	return ret < 0 ? ret : user_command(u, text, err);
}

static int user_open(struct netdev *nd, struct err *err)
{
	struct user *u = (struct user *)nd;
	const char *net = u->net ? u->net : "10.0.2.0";

	u->link.fd = u->ctl = -1;
	u->link.lost = lost;
	nd->header = true;
	loop_timer_init(nd->reg->loop, &u->restart, restart, u);
	u->helper = helper_find(HELPER);
	if (!u->helper)
		return err_set(err, ENOENT,
		               HELPER
		               " is not there; install it beside vmm or in "
		               "../libexec/kvmkit from there, or use tap or stream");
	net_set_desc(nd, "net=%.*s,restrict=%s", (int)strcspn(net, "/"), net,
	             u->restricted ? "on" : "off");
	if (u->start == START_NOW)
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
	user_rules_free(&u->hosts);
	user_rules_free(&u->guests);
	free(u->helper);
}

const struct net_ops net_user_ops = {
	.name = "user",
	.help = "a network behind the host's sockets, without privileges",
	.size = sizeof(struct user),
	.opts = user_opts,
	.take = user_take,
	.open = user_open,
	.ready = user_ready,
	.recv = net_link_recv,
	.send = user_send,
	.flush = net_link_flush,
	.cork = net_link_cork,
	.set_offload = user_set_offload,
	.command = command,
	.command_fd = user_command_fd,
	.answer = user_answer,
	.close = user_close,
};
