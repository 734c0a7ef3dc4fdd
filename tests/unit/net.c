// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Network back ends: a stream as server and client of each other, peers that come and go,
 * a tap in a network namespace of the test's own, and what is refused.
 */
#include "vmm/net/net.h"
#include "common/cleanup.h"
#include "tests/tap.h"
#include "vmm/net/backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct loop *loop;
static uint8_t got[NET_FRAME_MAX];

/* A front end that counts what it is told. */
struct front {
	unsigned readable, writable, links;
};

static void readable(void *opaque)
{
	((struct front *)opaque)->readable++;
}

static void writable(void *opaque)
{
	((struct front *)opaque)->writable++;
}

static void link_changed(void *opaque)
{
	((struct front *)opaque)->links++;
}

static void attach(struct netdev *nd, struct front *f)
{
	const struct net_front front = {
		.readable = readable,
		.writable = writable,
		.link = link_changed,
		.opaque = f,
	};

	*f = (struct front){ 0 };
	net_attach(nd, &front, NULL);
}

static struct netdev *create(struct net_registry *reg, const char *text, struct err *err)
{
	struct opt_list opts = { 0 };
	struct netdev *nd = NULL;

	err_clear(err);
	if (opt_list_parse(&opts, text, "type", err) >= 0)
		nd = net_create(reg, &opts, err);
	opt_list_free(&opts);
	return nd;
}

static int say(struct netdev *nd, const void *data, size_t len)
{
	struct iovec iov = { (void *)data, len };

	return net_send(nd, &iov, 1);
}

static void settle(void)
{
	for (unsigned i = 0; i < 100 && loop_run_once(loop, 0); i++)
		;
}

/* ---- stream ---- */

/* The client sends until nothing fits, and hears when it does again. */
static void test_full(struct netdev *client, struct netdev *server, struct front *f)
{
	static const uint8_t big[9000];
	unsigned sent = 0;

	while (say(client, big, sizeof(big)) == 0)
		sent++;
	settle();
	tap_ok(sent > 0 && !f->writable, "%u large frames fill the socket", sent);
	for (unsigned seen = 0; seen < sent; seen += net_recv(server, got) == 9000)
		settle();
	settle();
	tap_ok(f->writable > 0, "room again: the client is told");
}

static void test_stream(const char *dir)
{
	struct net_registry *reg = net_registry_new(loop);
	struct net_registry *other = net_registry_new(loop);
	struct netdev *server, *client, *third;
	char text[200], path[100];
	struct front a, b;
	struct err err;
	struct stat st;

	snprintf(path, sizeof(path), "%s/net", dir);
	snprintf(text, sizeof(text), "stream,id=s,server=on,addr.type=unix,addr.path=%s",
	         path);
	server = create(reg, text, &err);
	if (!tap_ok(server, "a server %s", err.text))
		return;
	tap_ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600,
	       "whose socket is its owner's");
	attach(server, &a);
	tap_ok(!net_link_up(server), "has no link");
	tap_eq(say(server, "lost", 4), 0, "frames are lost");
	tap_eq(net_stats(server)->tx_dropped, 1, "and counted");
	snprintf(text, sizeof(text), "stream,id=c,addr.path=%s", path);
	client = create(other, text, &err);
	tap_ok(client && net_link_up(client), "a client has one");
	attach(client, &b);
	settle();
	tap_ok(net_link_up(server) && a.links == 1, "now the server too, and is told");
	tap_eq(say(client, "frame", 5), 0, "the client sends");
	settle();
	tap_eq(a.readable, 0, "nobody is told who does not want to be");
	net_want_input(server, true);
	settle();
	tap_ok(a.readable > 0, "who wants to is");
	tap_eq(net_recv(server, got), 5, "the frame arrives");
	tap_ok(!memcmp(got, "frame", 5), "as it was");
	tap_eq(net_recv(server, got), (uint64_t)-EAGAIN, "alone");
	test_full(client, server, &b);
	tap_eq(create(reg, text, &err) != NULL, 1, "another client waits");
	third = net_find(reg, "c");
	net_registry_free(other);
	/* It may be told once more that the socket was empty. */
	for (unsigned i = 0; i < 2; i++)
		while (net_recv(server, got) >= 0)
			;
	tap_ok(a.links >= 2, "the first one goes");
	settle();
	tap_ok(net_link_up(server), "the next one is served");
	say(third, "third", 5);
	tap_eq(net_recv(server, got), 5, "it sends");
	net_set_link(server, false);
	tap_ok(!net_link_up(server) && say(server, "x", 1) == 0, "set_link off");
	net_detach(server);
	net_registry_free(reg);
	tap_ok(stat(path, &st) < 0, "the socket is removed");
}

static void test_refused(const char *dir)
{
	static const struct {
		const char *opts, *says;
	} bad[] = {
		{ "id=x", "no type" },
		{ "strem,id=x", "did you mean 'stream'?" },
		{ "stream", "id= is missing" },
		{ "stream,id=x", "addr.path= is missing" },
		{ "stream,id=x,addr.path=/nonexistent/x", "start its server" },
		{ "stream,id=x,server=on,addr.path=/nonexistent/x", "choose a path" },
		{ "stream,id=x,addr.type=fd", "number" },
		{ "stream,id=x,addr.type=fd,addr.str=0", "no inherited stream socket" },
		{ "stream,id=x,addr.type=fd,addr.str=900", "no inherited stream socket" },
		{ "stream,id=x,adr.path=y", "did you mean 'addr.path'?" },
		{ "tap,id=x,fd=0", "no descriptor of an open tap" },
		{ "tap,id=x,fd=3,ifname=y", "drop ifname=" },
		{ "tap,id=x,ifname=a-name-that-is-too-long", "longer than" },
		{ "tap,id=x,vhost=maybe", "expected auto|on|off" },
	};
	struct net_registry *reg = net_registry_new(loop);
	char text[200];
	struct err err;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		tap_ok(!create(reg, bad[i].opts, &err), "refused: %s", bad[i].opts);
		tap_has(err.text, bad[i].says, "because: %s", err.text);
	}
	snprintf(text, sizeof(text), "stream,id=x,server=on,addr.path=%s/twice", dir);
	tap_ok(create(reg, text, &err), "a server");
	tap_ok(!create(reg, text, &err), "its id is taken");
	tap_has(err.text, "choose another", "because: %s", err.text);
	snprintf(text, sizeof(text), "stream,id=y,server=on,addr.path=%s/twice", dir);
	tap_ok(!create(reg, text, &err), "its path is in use");
	tap_has(err.text, "Address already in use", "because: %s", err.text);
	net_registry_free(reg);
}

/* ---- tap ---- */

/* A packet socket on the interface, which is up then. */
static int open_interface(const char *name)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
		                    .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	struct ifreq ifr = { .ifr_flags = IFF_UP | IFF_RUNNING };

	strcpy(ifr.ifr_name, name);
	addr.sll_ifindex = if_nametoindex(name);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -1;
	return fd;
}

/* The length of the next frame that starts with these bytes; others (IPv6 announces
 * itself) are passed over. */
static ssize_t next_like(struct netdev *nd, int fd, const void *start, size_t len)
{
	for (unsigned i = 0; i < 100; i++) {
		struct pollfd pfd = { nd ? nd->fd : fd, POLLIN, 0 };
		ssize_t n;

		if (poll(&pfd, 1, 60000) <= 0)
			break;
		n = nd ? net_recv(nd, got) : read(fd, got, sizeof(got));
		if (n > 0 && !memcmp(got + (nd ? NET_HDR_LEN : 0), start, len))
			return n;
	}
	return -1;
}

static void test_tap(const char *dir)
{
	uint8_t frame[NET_HDR_LEN + 100] = { 0 };
	struct net_registry *reg = net_registry_new(loop);
	char text[200], script[100], line[100] = "";
	struct netdev *nd;
	struct front f;
	struct err err;
	int fd;

	snprintf(script, sizeof(script), "%s/script", dir);
	{
		_cleanup_fclose_ FILE *out = fopen(script, "we");

		fprintf(out, "#!/bin/sh\necho \"$1\" >>%s/ran\n", dir);
		fchmod(fileno(out), 0755);
	}
	snprintf(text, sizeof(text), "tap,id=t,ifname=kvmt0,script=%s,downscript=no",
	         script);
	nd = create(reg, text, &err);
	if (!tap_ok(nd, "a tap %s", err.text))
		return;
	attach(nd, &f);
	tap_ok(net_has_header(nd) && net_link_up(nd), "has headers and a link");
	snprintf(text, sizeof(text), "%s/ran", dir);
	{
		_cleanup_fclose_ FILE *in = fopen(text, "re");

		tap_ok(in && fgets(line, sizeof(line), in), "its script ran");
		unlink(text);
	}
	tap_str(line, "kvmt0\n", "with its name");
	fd = open_interface("kvmt0");
	tap_ok(fd >= 0, "the host sees the interface");
	memcpy(frame + NET_HDR_LEN, "\2\1\1\1\1\1\2\2\2\2\2\2\x88\xb5", 14);
	tap_eq(say(nd, frame, sizeof(frame)), 0, "the guest sends");
	tap_eq(next_like(NULL, fd, frame + NET_HDR_LEN, 14), 100, "the host gets it");
	frame[0] = 1; /* a checksum behind the frame's end */
	frame[6] = frame[8] = 0xff;
	tap_eq(say(nd, frame, sizeof(frame)), 0, "a header that the kernel refuses");
	tap_eq(net_stats(nd)->tx_dropped, 1, "is a frame lost");
	frame[NET_HDR_LEN + 1] = 9;
	tap_eq(write(fd, frame + NET_HDR_LEN, 80), 80, "the host sends");
	tap_eq(next_like(nd, -1, frame + NET_HDR_LEN, 14), NET_HDR_LEN + 80,
	       "the guest gets it, with a header");
	net_set_offload(nd, NET_OFFLOAD_CSUM | NET_OFFLOAD_TSO4 | NET_OFFLOAD_TSO6 |
	                            NET_OFFLOAD_ECN);
	tap_ok(!create(reg, "tap,id=u,ifname=kvmt0,script=no", &err), "it is in use");
	tap_has(err.text, "choose another ifname", "because: %s", err.text);
	snprintf(text, sizeof(text), "tap,id=v,fd=%d", nd->fd);
	tap_ok(create(reg, text, &err), "an inherited descriptor of it is not");
	tap_ok(!create(reg, "tap,id=w,script=/bin/false", &err), "a script that fails");
	tap_has(err.text, "interface tap0: /bin/false ended with status 1", "is told: %s",
	        err.text);
	close(fd);
	net_detach(nd);
	net_registry_free(reg);
	tap_eq(if_nametoindex("kvmt0"), 0, "the tap goes with its netdev");
	unlink(script);
}

/* Without privileges: what to ask root for. */
static void test_tap_user(void)
{
	struct net_registry *reg = net_registry_new(loop);
	bool root = geteuid() == 0;
	struct err err;

	if (root && seteuid(65534) < 0) {
		tap_skip("a tap without permission", strerror(errno));
	} else {
		tap_ok(!create(reg, "tap,id=t,ifname=kvmt1,script=no", &err),
		       "a user may not make a tap");
		tap_has(err.text, "ip tuntap add kvmt1 mode tap user", "and is told: %s",
		        err.text);
	}
	/* Such a change also takes away what the leak checker needs. */
	if (root && (seteuid(0) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0))
		tap_diag("root again: %s", strerror(errno));
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
	test_stream(dir);
	test_refused(dir);
	if (unshare(CLONE_NEWNET) < 0)
		tap_skip("tap", "no network namespace can be made here");
	else if (access("/dev/net/tun", R_OK | W_OK) < 0)
		tap_skip("tap", "there is no /dev/net/tun");
	else
		test_tap(dir);
	rmdir(dir);
	if (!access("/dev/net/tun", R_OK | W_OK))
		test_tap_user();
	loop_free(loop);
	return tap_done();
}
