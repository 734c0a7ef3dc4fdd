// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Network back ends on sockets other than Unix streams: TCP both ways, a client that
 * comes again, datagrams over UDP, multicast and Unix sockets, QEMU's older spelling,
 * QEMU at the other end, and what is refused. Names that no server answers for do not
 * hold anybody up.
 */
#include "common/cleanup.h"
#include "common/inet.h"
#include "tests/tap.h"
#include "vmm/net/backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define WAIT_NS 60000000000ull

static struct loop *loop;
static uint8_t got[NET_FRAME_MAX];

static void nothing(void *opaque)
{
	(void)opaque;
}

static struct netdev *create(struct net_registry *reg, const char *text, struct err *err)
{
	const struct net_front front = { .readable = nothing,
		                         .writable = nothing,
		                         .link = nothing };
	struct opt_list opts = { 0 };
	struct netdev *nd = NULL;

	err_clear(err);
	if (opt_list_parse(&opts, text, "type", err) >= 0)
		nd = net_create(reg, &opts, err);
	opt_list_free(&opts);
	if (nd)
		net_attach(nd, &front, NULL);
	return nd;
}

static int say(struct netdev *nd, const char *text)
{
	struct iovec iov = { (void *)text, strlen(text) };

	return net_send(nd, &iov, 1);
}

/* The frame that comes next is this one. */
static bool hears(struct netdev *nd, const char *text)
{
	uint64_t end = loop_now() + WAIT_NS;
	ssize_t n = -EAGAIN;

	net_want_input(nd, true);
	while (n < 0 && loop_now() < end) {
		n = net_recv(nd, got);
		if (n < 0)
			loop_run_once(loop, 100);
	}
	net_want_input(nd, false);
	return n == (ssize_t)strlen(text) && !memcmp(got, text, n);
}

static bool becomes(struct netdev *nd, bool up)
{
	uint64_t end = loop_now() + WAIT_NS;

	/* Who does not listen does not hear that the other one has gone. */
	net_want_input(nd, true);
	while (net_link_up(nd) != up && loop_now() < end) {
		loop_run_once(loop, 100);
		net_recv(nd, got);
	}
	net_want_input(nd, false);
	return net_link_up(nd) == up;
}

/* A port that was free a moment ago. */
static unsigned free_port(int type)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return 0;
	close(fd);
	return ntohs(addr.sin_port);
}

/* ---- streams ---- */

static void test_pair(const char *what, const char *server_opts, const char *client_opts)
{
	struct net_registry *reg = net_registry_new(loop);
	struct err err;
	struct netdev *server = create(reg, server_opts, &err), *client;

	if (!tap_ok(server, "%s: a server %s", what, err.text))
		return;
	tap_ok(!net_link_up(server), "waits");
	client = create(reg, client_opts, &err);
	if (!tap_ok(client && becomes(client, true), "a client connects %s", err.text))
		return;
	tap_ok(becomes(server, true), "both have a link");
	tap_ok(!say(client, "ping") && hears(server, "ping"), "a frame");
	tap_ok(!say(server, "pong") && hears(client, "pong"), "and back");
	tap_diag("%s / %s", net_describe(server), net_describe(client));
	net_registry_free(reg);
}

static void test_streams(void)
{
	char server[200], client[200];
	unsigned port = free_port(SOCK_STREAM);

	snprintf(server, sizeof(server),
	         "stream,id=s,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=%u",
	         port);
	snprintf(client, sizeof(client),
	         "stream,id=c,addr.type=inet,addr.host=127.0.0.1,addr.port=%u", port);
	test_pair("stream over TCP", server, client);
	snprintf(server, sizeof(server), "socket,id=s,listen=127.0.0.1:%u", port);
	snprintf(client, sizeof(client), "socket,id=c,connect=127.0.0.1:%u", port);
	test_pair("socket", server, client);
	snprintf(server, sizeof(server), "socket,id=s,listen=:%u", port);
	snprintf(client, sizeof(client), "socket,id=c,connect=localhost:%u", port);
	test_pair("by name", server, client);
}

static void test_reconnect(const char *dir)
{
	struct net_registry *reg = net_registry_new(loop);
	struct net_registry *other = net_registry_new(loop);
	char server[200], client[200];
	struct netdev *s, *c;
	struct err err;

	snprintf(server, sizeof(server), "stream,id=s,server=on,addr.path=%s/again", dir);
	snprintf(client, sizeof(client), "stream,id=c,reconnect=1,addr.path=%s/again",
	         dir);
	c = create(reg, client, &err);
	if (!tap_ok(c, "reconnect=: a client without a server %s", err.text))
		return;
	tap_ok(!net_link_up(c), "has no link");
	s = create(other, server, &err);
	tap_ok(s && becomes(c, true) && becomes(s, true), "until there is one");
	net_registry_free(other);
	tap_ok(becomes(c, false), "which goes");
	other = net_registry_new(loop);
	s = create(other, server, &err);
	tap_ok(s && becomes(c, true) && becomes(s, true), "and comes again");
	tap_ok(!say(c, "again") && hears(s, "again"), "a frame passes");
	net_registry_free(reg);
	net_registry_free(other);
}

/* ---- datagrams ---- */

static void test_two(const char *what, const char *a_opts, const char *b_opts)
{
	struct net_registry *reg = net_registry_new(loop);
	struct err err;
	struct netdev *a = create(reg, a_opts, &err), *b;

	if (!tap_ok(a, "%s: one side %s", what, err.text))
		return;
	say(a, "lost");
	b = create(reg, b_opts, &err);
	if (!tap_ok(b && net_link_up(a) && net_link_up(b), "the other %s", err.text))
		return;
	/* Whoever is refused hears of it with the next frame, which is lost. */
	say(a, "lost");
	while (net_recv(b, got) >= 0)
		;
	while (net_recv(a, got) >= 0)
		;
	tap_ok(!say(a, "ping") && hears(b, "ping"), "a frame");
	while (net_recv(a, got) >= 0)
		;
	tap_ok(!say(b, "pong") && hears(a, "pong"), "and back");
	net_registry_free(reg);
}

static void test_datagrams(const char *dir)
{
	unsigned one = free_port(SOCK_DGRAM), two = free_port(SOCK_DGRAM);
	char a[300], b[300];
	struct stat st;

	snprintf(a, sizeof(a),
	         "dgram,id=a,local.type=inet,local.host=127.0.0.1,local.port=%u,"
	         "remote.type=inet,remote.host=127.0.0.1,remote.port=%u",
	         one, two);
	snprintf(b, sizeof(b),
	         "dgram,id=b,local.type=inet,local.host=127.0.0.1,local.port=%u,"
	         "remote.type=inet,remote.host=127.0.0.1,remote.port=%u",
	         two, one);
	test_two("dgram over UDP", a, b);
	snprintf(a, sizeof(a), "socket,id=a,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u", one,
	         two);
	snprintf(b, sizeof(b), "socket,id=b,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u", two,
	         one);
	test_two("socket,udp=", a, b);
	snprintf(a, sizeof(a),
	         "dgram,id=a,local.type=unix,local.path=%s/a,remote.type=unix,"
	         "remote.path=%s/b",
	         dir, dir);
	snprintf(b, sizeof(b),
	         "dgram,id=b,local.type=unix,local.path=%s/b,remote.type=unix,"
	         "remote.path=%s/a",
	         dir, dir);
	test_two("dgram over Unix sockets", a, b);
	snprintf(a, sizeof(a), "%s/a", dir);
	tap_ok(stat(a, &st) < 0, "which are removed");
	snprintf(a, sizeof(a), "socket,id=a,mcast=239.1.2.3:%u,localaddr=127.0.0.1", one);
	snprintf(b, sizeof(b),
	         "dgram,id=b,remote.type=inet,remote.host=239.1.2.3,remote.port=%u,"
	         "local.type=inet,local.host=127.0.0.1,local.port=0",
	         one);
	test_two("multicast", a, b);
}

/* Only who is named may speak. */
static void test_stranger(void)
{
	unsigned one = free_port(SOCK_DGRAM), two = free_port(SOCK_DGRAM);
	struct net_registry *reg = net_registry_new(loop);
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		                  .sin_port = htons(one) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct netdev *nd;
	struct err err;
	char a[300];

	snprintf(a, sizeof(a), "socket,id=a,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u", two,
	         one);
	nd = create(reg, a, &err);
	sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to));
	tap_eq(net_recv(nd, got), (uint64_t)-EAGAIN, "a stranger's datagram is dropped");
	close(fd);
	net_registry_free(reg);
}

static void test_inherited(void)
{
	struct net_registry *reg = net_registry_new(loop);
	struct netdev *nd;
	struct err err;
	char text[100];
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) < 0)
		return;
	snprintf(text, sizeof(text), "socket,id=f,fd=%d", fds[0]);
	nd = create(reg, text, &err);
	tap_ok(nd && send(fds[1], "frame", 5, 0) == 5 && hears(nd, "frame"),
	       "an inherited datagram socket %s", err.text);
	snprintf(text, sizeof(text), "dgram,id=g,local.type=fd,local.str=%d", fds[0]);
	nd = create(reg, text, &err);
	tap_ok(nd && !say(nd, "out") && recv(fds[1], got, sizeof(got), 0) == 3,
	       "and through dgram %s", err.text);
	close(fds[0]);
	close(fds[1]);
	net_registry_free(reg);
}

/* ---- QEMU ---- */

static pid_t start_qemu(const char *const *netdevs)
{
	const char *argv[40] = { "qemu-system-x86_64",
		                 "-M",
		                 "none",
		                 "-nodefaults",
		                 "-display",
		                 "none",
		                 "-monitor",
		                 "none",
		                 "-serial",
		                 "none" };
	unsigned n = 10;
	char hub[8][64];
	pid_t pid;

	for (unsigned i = 0; netdevs[i]; i++) {
		snprintf(hub[i], sizeof(hub[i]), "hubport,hubid=0,id=h%u,netdev=n%u", i,
		         i);
		argv[n++] = "-netdev";
		argv[n++] = netdevs[i];
		argv[n++] = "-netdev";
		argv[n++] = hub[i];
	}
	return posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ)
	               ? 0
	               : pid;
}

/* Sends until it arrives: who has just started hears no datagrams. Every frame is another
 * one, so that a late one of before does not count. */
static bool arrives(struct netdev *from, struct netdev *to)
{
	static char frame[61];
	static unsigned number;
	uint64_t end = loop_now() + WAIT_NS;
	bool seen = false;

	snprintf(frame, sizeof(frame), "%-60u", ++number);
	net_want_input(to, true);
	while (!seen && loop_now() < end) {
		ssize_t n;

		say(from, frame);
		loop_run_once(loop, 100);
		while ((n = net_recv(to, got)) >= 0)
			seen |= n == 60 && !memcmp(got, frame, 60);
	}
	net_want_input(to, false);
	return seen;
}

/* A QEMU that passes frames between networks of each kind, all of which are ours at the
 * other end. */
static void test_qemu(const char *dir)
{
	struct net_registry *reg = net_registry_new(loop);
	unsigned tcp = free_port(SOCK_STREAM), one = free_port(SOCK_DGRAM),
		 two = free_port(SOCK_DGRAM), many = free_port(SOCK_DGRAM);
	char ours[4][200], theirs[4][200];
	const char *netdevs[5] = { theirs[0], theirs[1], theirs[2], theirs[3] };
	struct netdev *nd[4];
	struct err err;
	pid_t pid;

	snprintf(ours[0], 200, "stream,id=a,server=on,addr.path=%s/q", dir);
	snprintf(theirs[0], 200, "stream,id=n0,addr.type=unix,addr.path=%s/q", dir);
	snprintf(
		ours[1], 200,
		"stream,id=b,reconnect=1,addr.type=inet,addr.host=127.0.0.1,addr.port=%u",
		tcp);
	snprintf(theirs[1], 200, "socket,id=n1,listen=127.0.0.1:%u", tcp);
	snprintf(ours[2], 200, "socket,id=c,udp=127.0.0.1:%u,localaddr=127.0.0.1:%u", two,
	         one);
	snprintf(theirs[2], 200,
	         "dgram,id=n2,local.type=inet,local.host=127.0.0.1,local.port=%u,"
	         "remote.type=inet,remote.host=127.0.0.1,remote.port=%u",
	         two, one);
	snprintf(ours[3], 200, "socket,id=d,mcast=239.1.2.4:%u,localaddr=127.0.0.1",
	         many);
	snprintf(theirs[3], 200, "socket,id=n3,mcast=239.1.2.4:%u,localaddr=127.0.0.1",
	         many);
	for (unsigned i = 0; i < 4; i++)
		if (!tap_ok(nd[i] = create(reg, ours[i], &err), "%s %s", ours[i],
		            err.text))
			return;
	pid = start_qemu(netdevs);
	if (!pid) {
		tap_skip("QEMU at the other end", "qemu-system-x86_64 is not there");
		net_registry_free(reg);
		return;
	}
	tap_ok(becomes(nd[0], true) && becomes(nd[1], true), "QEMU connects");
	for (unsigned i = 0; i < 4; i++)
		for (unsigned to = 0; to < 4; to++)
			if (to != i)
				tap_ok(net_link_up(nd[0]) && arrives(nd[i], nd[to]),
				       "a frame from %s to %s", ours[i], ours[to]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	tap_ok(becomes(nd[0], false), "when QEMU goes the link does");
	net_registry_free(reg);
}

/* ---- what is refused ---- */

static void test_refused(void)
{
	static const struct {
		const char *opts, *says;
	} bad[] = {
		{ "socket,id=x", "exactly one of" },
		{ "socket,id=x,listen=:1,connect=:1", "exactly one of" },
		{ "socket,id=x,listen=1234", "must be like" },
		{ "socket,id=x,connect=127.0.0.1:x", "no port" },
		{ "socket,id=x,connect=127.0.0.1:1", "start its server" },
		{ "socket,id=x,udp=127.0.0.1:1", "localaddr=" },
		{ "socket,id=x,mcast=127.0.0.1:1", "no multicast group" },
		{ "socket,id=x,fd=0x", "no inherited socket" },
		{ "stream,id=x,addr.type=inet", "addr.port= is missing" },
		{ "stream,id=x,addr.type=inet,addr.port=1", "addr.host= is missing" },
		{ "stream,id=x,server=on,reconnect=1,addr.path=/x", "is for clients" },
		{ "dgram,id=x", "local.path= is missing" },
		{ "dgram,id=x,local.path=/tmp/x", "remote.path= is missing" },
		{ "dgram,id=x,remote.type=inet,remote.host=127.0.0.1,remote.port=1",
		  "local.host= and local.port=" },
		{ "dgram,id=x,local.type=inet,local.host=127.0.0.1,remote.path=/x",
		  "differ" },
	};
	struct net_registry *reg = net_registry_new(loop);
	char text[200];
	struct err err;
	unsigned port;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		tap_ok(!create(reg, bad[i].opts, &err), "refused: %s", bad[i].opts);
		tap_has(err.text, bad[i].says, "because: %s", err.text);
	}
	port = free_port(SOCK_STREAM);
	snprintf(text, sizeof(text), "socket,id=l,listen=127.0.0.1:%u", port);
	tap_ok(create(reg, text, &err), "a server");
	snprintf(text, sizeof(text), "socket,id=m,listen=127.0.0.1:%u", port);
	tap_ok(!create(reg, text, &err), "its port is taken");
	tap_has(err.text, "choose another port", "because: %s", err.text);
	net_registry_free(reg);
}

/* While a machine runs, neither a name server nor a peer that says nothing holds it up.
 */
static void test_running(void)
{
	struct net_registry *reg = net_registry_new(loop);
	struct inet inet = { .host = "name.invalid", .port = "1" };
	struct inet_addresses list;
	struct netdev *nd;
	struct err err = { 0 };
	uint64_t start;

	net_registry_ready(reg, &err);
	start = loop_now();
	tap_ok(inet_resolve(&inet, false, INET_QUICK_MS, &list, &err) < 0,
	       "a name that is not found: %s", err.text);
	/* TEST-NET-1: nobody answers, if it can be reached at all. */
	nd = create(reg, "socket,id=c,connect=192.0.2.1:9", &err);
	tap_ok(nd ? !net_link_up(nd) : !!err.code, "nobody answers: %s",
	       nd ? "no link yet" : err.text);
	/* Names take 5 s and more where no server answers, connections minutes. */
	tap_ok(loop_now() - start < 9000000000ull, "neither takes long");
	net_registry_free(reg);
}

int main(void)
{
	char dir[] = "/tmp/kvmkit-net-XXXXXX";
	struct err err = { 0 };

	signal(SIGPIPE, SIG_IGN);
	loop = loop_new(NULL, &err);
	if (!loop || !mkdtemp(dir))
		return 1;
	test_streams();
	test_reconnect(dir);
	test_datagrams(dir);
	test_stranger();
	test_inherited();
	test_qemu(dir);
	test_refused();
	test_running();
	rmdir(dir);
	loop_free(loop);
	return tap_done();
}
