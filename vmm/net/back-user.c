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
#include "common/spawn.h"
#include "vmm/net/link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define HELPER      "vmm-user-net"
#define MAX_RULES   64
#define ANSWER_MAX  65536
#define WAIT_MS     5000          /* for the helper's answers */
#define RESTART_NS  1000000000ull /* between two starts */
#define MAX_RESTART 10            /* in a row, each of which lived for less than: */
#define LIVED_NS    60000000000ull

enum { START_NOW, START_LAZY };

struct user {
	struct net_link link; /* first */
	char *net, *host, *dns, *dhcpstart, *hostname, *domainname, *tftp, *bootfile;
	char *hostfwd; /* of the table only: they are in rules */
	bool restricted, ipv4, ipv6;
	int start;
	char *rules[MAX_RULES];    /* of hostfwd */
	unsigned rule_count, told; /* to the helper that runs */
	char *helper;              /* path */
	struct spawned child;
	int ctl;
	bool greeted; /* it has told whether it could start */
	uint64_t started;
	unsigned failures;
	struct loop_fd watch;
	struct loop_timer restart;
};

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

static int add_rule(struct user *u, const char *rule, struct err *err)
{
	if (u->rule_count == MAX_RULES)
		return err_usage(err, "more than %d hostfwd= rules", MAX_RULES);
	u->rules[u->rule_count] = strdup(rule);
	if (!u->rules[u->rule_count])
		return err_sys(err, ENOMEM, "hostfwd");
	u->rule_count++;
	return 0;
}

/* The one key that may come several times. */
static int user_take(struct netdev *nd, struct opt_list *opts, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < opts->count && ret >= 0; i++)
		if (!strcmp(opts->opts[i].key, "hostfwd"))
			ret = add_rule((struct user *)nd, opts->opts[i].value, err);
	opt_list_take(opts, "hostfwd");
	return ret;
}

bool net_user_installed(void)
{
	_cleanup_free_ char *path = helper_find(HELPER);

	return path;
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

/* Always the same: rules are told by commands, because they come and go. */
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
	for (unsigned i = 0; i < a.count; i++)
		free(a.argv[i]);
	return ret;
}

static void helper_ended(void *opaque, uint32_t events);

static int watch_helper(struct user *u, int frames, int ctl)
{
	int ret;

	u->ctl = ctl;
	u->greeted = false;
	u->told = 0;
	u->started = loop_now();
	ret = net_link_use(&u->link, frames);
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
	return ret < 0 ? err_sys(err, -ret, "cannot watch " HELPER) : 0;
}

/* Ends the helper, if one runs. Closing its sockets is enough for one that works. */
static void stop_helper(struct user *u, bool kill_it)
{
	struct pollfd pfd = { .fd = u->child.pidfd, .events = POLLIN };

	net_link_drop(&u->link);
	if (u->ctl >= 0)
		close(u->ctl);
	u->ctl = -1;
	if (!u->child.pid)
		return;
	loop_remove(u->link.nd.reg->loop, &u->watch);
	if (kill_it || poll(&pfd, 1, WAIT_MS) <= 0)
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

/* ---- commands ---- */

/* One answer: "+text", "-sentence" or "?sentence" (the words are wrong). */
static int hear(struct user *u, struct strbuf *answer, struct err *err)
{
	struct pollfd pfd = { .fd = u->ctl, .events = POLLIN };
	_cleanup_free_ char *buf = malloc(ANSWER_MAX);
	ssize_t n;
	int ret;

	if (!buf)
		return err_sys(err, ENOMEM, "answer");
	do {
		ret = poll(&pfd, 1, WAIT_MS);
	} while (ret < 0 && errno == EINTR);
	if (ret <= 0)
		return err_set(err, ETIMEDOUT, HELPER " does not answer");
	n = recv(u->ctl, buf, ANSWER_MAX - 1, 0);
	if (n <= 0)
		return err_set(err, EPIPE, HELPER " ended; see its message");
	buf[n] = '\0';
	if (*buf == '?')
		return err_usage(err, "%s", buf + 1);
	if (*buf != '+')
		return err_set(err, EINVAL, "%s", buf + 1);
	if (answer)
		strbuf_adds(answer, buf + 1);
	return 0;
}

static int say(struct user *u, const char *command, struct strbuf *answer,
               struct err *err)
{
	if (send(u->ctl, command, strlen(command), MSG_NOSIGNAL) < 0)
		return err_sys(err, errno, HELPER);
	return hear(u, answer, err);
}

static int tell_rule(struct user *u, const char *rule, struct err *err)
{
	_cleanup_strbuf_ struct strbuf command = { 0 };

	strbuf_addf(&command, "hostfwd_add %s", rule);
	return command.failed ? err_sys(err, ENOMEM, "hostfwd")
	                      : say(u, command.data, NULL, err);
}

static int user_ready(struct netdev *nd, struct err *err)
{
	struct user *u = (struct user *)nd;
	int ret = 0;

	if (u->child.pid && !u->greeted) {
		ret = hear(u, NULL, err);
		u->greeted = ret >= 0;
	}
	while (u->child.pid && ret >= 0 && u->told < u->rule_count)
		ret = tell_rule(u, u->rules[u->told++], err);
	return ret;
}

/* A new helper has the rules of the one before, as far as ports are still free. */
static int start_again(struct user *u, struct err *err)
{
	struct err rule = { 0 };
	int ret = start_helper(u, err);

	while (ret >= 0 && u->told < u->rule_count &&
	       user_ready(&u->link.nd, &rule) < 0) {
		log_warn("netdev %s: %s", u->link.nd.id, rule.text);
		err_clear(&rule);
		if (!u->greeted)
			break;
	}
	return ret;
}

static void restart(void *opaque)
{
	struct user *u = opaque;
	struct err err = { 0 };

	if (start_again(u, &err) < 0) {
		stop_helper(u, true);
		log_error("netdev %s: %s", u->link.nd.id, err.text);
	}
}

static int forget_rule(struct user *u, const char *rule)
{
	size_t len = strcspn(rule, "-");

	for (unsigned i = 0; i < u->rule_count; i++) {
		if (strncmp(u->rules[i], rule, len) || u->rules[i][len] != '-')
			continue;
		free(u->rules[i]);
		u->rules[i] = u->rules[--u->rule_count];
		u->told = u->rule_count;
		return 0;
	}
	return -ENOENT;
}

static int user_command(struct netdev *nd, const char *command, struct strbuf *answer,
                        struct err *err)
{
	struct user *u = (struct user *)nd;
	const char *rule = strchr(command, ' ');
	int ret = 0;

	if (!u->child.pid)
		ret = start_again(u, err);
	if (ret >= 0)
		ret = user_ready(nd, err);
	if (ret >= 0)
		ret = say(u, command, answer, err);
	if (ret < 0)
		return ret;
	/* For the next one, should this one end. */
	if (!strncmp(command, "hostfwd_add ", 12)) {
		ret = add_rule(u, rule + 1, err);
		u->told = u->rule_count;
		return ret;
	}
	if (!strncmp(command, "hostfwd_remove ", 15))
		forget_rule(u, rule + 1);
	return 0;
}

/* ---- the back end ---- */

static int user_open(struct netdev *nd, struct err *err)
{
	struct user *u = (struct user *)nd;

	u->link.fd = u->ctl = -1;
	u->link.lost = lost;
	loop_timer_init(nd->reg->loop, &u->restart, restart, u);
	u->helper = helper_find(HELPER);
	if (!u->helper)
		return err_set(err, ENOENT,
		               HELPER
		               " is not there; install it beside vmm or in "
		               "../libexec/kvmkit from there, or use tap or stream");
	net_set_desc(nd, "net=%s,restrict=%s", u->net ? u->net : "10.0.2.0/24",
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

	if (!u->child.pid && start_again(u, &err) < 0) {
		log_error("netdev %s: %s", nd->id, err.text);
		stop_helper(u, true);
		net_use_fd(nd, -1); /* once is enough */
		return -EIO;
	}
	return net_link_send(nd, iov, count);
}

static void user_close(struct netdev *nd)
{
	struct user *u = (struct user *)nd;

	loop_timer_disarm(&u->restart);
	stop_helper(u, false);
	for (unsigned i = 0; i < u->rule_count; i++)
		free(u->rules[i]);
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
	.command = user_command,
	.close = user_close,
};
