// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The user network as a guest and the host see it: DHCP, TFTP, forwards in both
 * directions, commands, a helper that dies, refusals. The test plays the guest with
 * frames of its own.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/csum.h"
#include "tests/tap.h"
#include "tests/unit/helper-lib.h"
#include "vmm/net/backend.h"
#include "vmm/net/net.h"
#include "vmm/net/user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define WAIT_NS 60000000000ull
#define UDP     42 /* Ethernet, IPv4 and UDP headers */
#define GUEST   0x0a00020f
#define HOST    0x0a000202

extern void __asan_init(void) __attribute__((weak));

static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };

struct guest {
	struct loop *loop;
	struct net_registry *reg;
	struct netdev *nd;
	uint8_t buf[NET_FRAME_MAX];
	uint8_t *frame; /* of the last that was heard, behind its header */
	unsigned links;
	uint8_t peer_mac[6];
};

static void link_changed(void *opaque)
{
	((struct guest *)opaque)->links++;
}

static void nothing(void *opaque)
{
	(void)opaque;
}

static struct netdev *create(struct guest *g, const char *text, struct err *err)
{
	struct opt_list opts = { 0 };
	struct netdev *nd = NULL;

	if (opt_list_parse(&opts, text, "type", err) >= 0)
		nd = net_create(g->reg, &opts, err);
	opt_list_free(&opts);
	return nd;
}

static bool guest_open(struct guest *g, const char *text, struct err *err)
{
	const struct net_front front = {
		.readable = nothing,
		.writable = nothing,
		.link = link_changed,
		.opaque = g,
	};

	*g = (struct guest){ .loop = loop_new(NULL, err), .frame = g->buf + NET_HDR_LEN };
	g->reg = net_registry_new(g->loop);
	g->nd = create(g, text, err);
	if (!g->nd || net_registry_ready(g->reg, err) < 0)
		return false;
	net_attach(g->nd, &front, err);
	return true;
}

static void guest_close(struct guest *g)
{
	net_registry_free(g->reg);
	loop_free(g->loop);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	_cleanup_fclose_ FILE *out = fopen(path, "we");
	fputs(text, out);
}

/* ---- frames ---- */

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static void send_frame(struct guest *g, const uint8_t *f, size_t len, bool undone)
{
	struct virtio_net_hdr_v1 hdr = { .flags =
		                                 undone ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0,
		                         .csum_start = 34,
		                         .csum_offset = 6 };
	struct iovec iov[] = { { &hdr, NET_HDR_LEN }, { (void *)f, len } };

	net_send(g->nd, iov, 2);
}

/* Leaves the sum to the helper. */
static void send_udp(struct guest *g, uint32_t from, uint32_t to, uint16_t sport,
                     uint16_t dport, const void *data, size_t len)
{
	uint8_t f[2000] = { 0 };

	memset(f, 0xff, 6);
	if (to != UINT32_MAX)
		memcpy(f, "\x52\x55\x0a\x00\x02\x02", 6);
	memcpy(f + 6, mac, 6);
	put16(f + 12, 0x0800);
	f[14] = 0x45;
	put16(f + 16, 28 + len);
	f[22] = 64;
	f[23] = 17;
	put32(f + 26, from);
	put32(f + 30, to);
	st16(f + 24, ~csum_fold(csum_add(f + 14, 20, 0)));
	put16(f + 34, sport);
	put16(f + 36, dport);
	put16(f + 38, 8 + len);
	st16(f + 40, csum_fold(csum_add(f + 26, 8, htons(17) + htons(8 + len))));
	memcpy(f + UDP, data, len);
	send_frame(g, f, UDP + len, true);
}

/* Answers what is asked for the guest's address. */
static void answer_arp(struct guest *g)
{
	uint8_t f[60] = { 0 };

	memcpy(f, g->frame + 6, 6);
	memcpy(f + 6, mac, 6);
	memcpy(f + 12, g->frame + 12, 8);
	put16(f + 20, 2);
	memcpy(f + 22, mac, 6);
	memcpy(f + 28, g->frame + 38, 4);
	memcpy(f + 32, g->frame + 22, 10);
	send_frame(g, f, sizeof(f), false);
}

/* The payload of the next UDP datagram to this port; *len its length. NULL: none came. */
static const uint8_t *hear_udp(struct guest *g, uint16_t port, size_t *len)
{
	uint64_t until = loop_now() + WAIT_NS;

	while (loop_now() < until) {
		ssize_t n = net_recv(g->nd, g->buf);

		if (n < 0) {
			struct pollfd pfd = { g->nd->fd, POLLIN, 0 };

			loop_run_once(g->loop, 0);
			poll(&pfd, 1, 50);
			continue;
		}
		n -= NET_HDR_LEN;
		if (get16(g->frame + 12) == 0x0806 && get16(g->frame + 20) == 1)
			answer_arp(g);
		if (n < UDP || get16(g->frame + 12) != 0x0800 || g->frame[23] != 17 ||
		    get16(g->frame + 36) != port)
			continue;
		*len = get16(g->frame + 38) - 8;
		return g->frame + UDP;
	}
	return NULL;
}

/* ---- DHCP ---- */

static const uint8_t *dhcp_option(const uint8_t *reply, size_t len, uint8_t code)
{
	for (size_t at = 240; at + 1 < len && reply[at] != 255; at += 2 + reply[at + 1])
		if (reply[at] == code)
			return reply + at + 1;
	return (const uint8_t *)"\0";
}

/* DISCOVER; the answer. */
static const uint8_t *discover(struct guest *g, size_t *len)
{
	uint8_t m[300] = { 1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78 };

	memcpy(m + 28, mac, 6);
	put32(m + 236, 0x63825363);
	memcpy(m + 240, "\x35\x01\x01\xff", 4);
	send_udp(g, 0, UINT32_MAX, 68, 67, m, sizeof(m));
	return hear_udp(g, 68, len);
}

static void test_dhcp(struct guest *g)
{
	size_t len = 0;
	const uint8_t *reply = discover(g, &len);

	if (!tap_ok(reply && len > 240, "DHCP answers"))
		return;
	tap_ok(!memcmp(reply + 16, "\x0a\x00\x02\x0f", 4), "with 10.0.2.15");
	tap_ok(!memcmp(dhcp_option(reply, len, 3), "\x04\x0a\x00\x02\x02", 5),
	       "the router 10.0.2.2");
	tap_ok(!memcmp(dhcp_option(reply, len, 6), "\x04\x0a\x00\x02\x03", 5),
	       "the name server 10.0.2.3");
	tap_ok(!memcmp(dhcp_option(reply, len, 12), "\x05inner", 6), "the name");
	tap_str((const char *)reply + 108, "boot.img", "and the boot file");
	tap_ok(!memcmp(dhcp_option(reply, len, 66), "\x08tftp.box", 9),
	       "the name of its server");
	tap_ok(!memcmp(dhcp_option(reply, len, 119), "\x0f\x03one\x03two\x00\x04zone",
	               14),
	       "where to look for names");
}

/* ---- IPv6 ---- */

/* Asks for routers (RFC 4861): an advertisement with this prefix of 64 bits. */
static void test_router(struct guest *g, const char *prefix)
{
	uint8_t f[62] = { 0 }, *ip = f + 14, *icmp = ip + 40;
	uint64_t until = loop_now() + WAIT_NS;
	bool heard = false;

	memcpy(f, "\x33\x33\0\0\0\x02", 6);
	memcpy(f + 6, mac, 6);
	put16(f + 12, 0x86dd);
	memcpy(ip, "\x60\0\0\0\0\x08\x3a\xff\xfe\x80", 10);
	ip[23] = 1;
	memcpy(ip + 24, "\xff\x02", 2);
	ip[39] = 2;
	icmp[0] = 133;
	st16(icmp + 2, ~csum_fold(csum_add(ip + 8, 40, htons(8) + htons(58))));
	send_frame(g, f, sizeof(f), false);
	while (!heard && loop_now() < until) {
		ssize_t n = net_recv(g->nd, g->buf) - NET_HDR_LEN;

		if (n < 0)
			loop_run_once(g->loop, 20);
		else
			heard = n > 54 && get16(g->frame + 12) == 0x86dd &&
			        g->frame[54] == 134 && memmem(g->frame, n, prefix, 8);
	}
	tap_ok(heard, "the router's advertisement has the prefix");
}

/* ---- TFTP ---- */

static const uint8_t *tftp(struct guest *g, const char *name, size_t *len)
{
	uint8_t m[200] = { 0, 1 };
	size_t n = strlen(name) + 1;

	memcpy(m + 2, name, n);
	memcpy(m + 2 + n, "octet", 6);
	send_udp(g, GUEST, HOST, 2000, 69, m, 2 + n + 6);
	return hear_udp(g, 2000, len);
}

static void test_tftp(struct guest *g)
{
	size_t len = 0;
	const uint8_t *p = tftp(g, "boot.img", &len);

	tap_ok(p && len == 4 + 6 && !memcmp(p, "\0\3\0\1kernel", 10),
	       "TFTP gives the file");
	p = tftp(g, "../secret", &len);
	tap_ok(p && p[1] == 5, "nothing outside its folder");
	p = tftp(g, "missing", &len);
	tap_ok(p && p[1] == 5, "nothing that is not there");
}

/* ---- forwards ---- */

static unsigned free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	bind(fd, (struct sockaddr *)&a, len);
	getsockname(fd, (struct sockaddr *)&a, &len);
	close(fd);
	return ntohs(a.sin_port);
}

/* Runs the loop until this is answered. */
static int wait_answer(struct guest *g, uint64_t ticket, struct strbuf *answer,
                       struct err *err)
{
	uint64_t until = loop_now() + WAIT_NS;
	int ret;

	while ((ret = net_answer(g->nd, ticket, answer, err)) == -EAGAIN &&
	       loop_now() < until)
		loop_run_once(g->loop, 50);
	return ret;
}

static int command(struct guest *g, struct strbuf *answer, struct err *err,
                   const char *fmt, unsigned port)
{
	uint64_t ticket = net_ticket(g->reg);
	char text[100];
	int ret;

	err_clear(err);
	snprintf(text, sizeof(text), fmt, port);
	ret = net_command(g->nd, text, ticket, err);
	return ret < 0 ? ret : wait_answer(g, ticket, answer, err);
}

static void test_forward(struct guest *g)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	_cleanup_strbuf_ struct strbuf info = { 0 };
	unsigned port = free_port();
	struct pollfd pfd = { fd, POLLIN, 0 };
	struct err err = { 0 };
	uint16_t back;
	const uint8_t *p;
	size_t len = 0;
	char buf[16] = "";

	tap_eq(command(g, NULL, &err, "hostfwd_add udp:127.0.0.1:%u-:7", port), 0,
	       "a forward is added (%s)", err.text);
	to.sin_port = htons(port);
	sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to));
	p = hear_udp(g, 7, &len);
	tap_ok(p && len == 5 && !memcmp(p, "hello", 5), "the host speaks to the guest");
	back = get16(g->frame + 34);
	send_udp(g, GUEST, HOST, 7, back, "world", 5);
	poll(&pfd, 1, 60000);
	tap_eq(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), 5, "the guest answers");
	tap_ok(!memcmp(buf, "world", 5), "with its bytes");
	tap_eq(command(g, &info, &err, "info", 0), 0, "info");
	tap_has(info.data ? info.data : "", "HOST_FORWARD", "shows it");
	tap_ok(command(g, NULL, &err, "hostfwd_add udp:127.0.0.1:%u-:7", port) < 0,
	       "the port cannot be had twice");
	tap_has(err.text, "in use", "because: %s", err.text);
	tap_eq(command(g, NULL, &err, "hostfwd_remove udp:127.0.0.1:%u", port), 0,
	       "it is removed");
	tap_eq(command(g, NULL, &err, "hostfwd_add nonsense", 0), (uint64_t)-EINVAL,
	       "nonsense is refused: %s", err.text);
	tap_eq(command(g, NULL, &err, "reboot", 0), (uint64_t)-EINVAL,
	       "so is an unknown command");
	close(fd);
}

/* ---- the helper ---- */

/* The number of children, and the n-th. */
static unsigned children(unsigned n, pid_t *pid)
{
	_cleanup_fclose_ FILE *in = fopen("/proc/thread-self/children", "re");
	unsigned count = 0;
	int one;

	while (in && fscanf(in, "%d", &one) == 1)
		if (count++ == n)
			*pid = one;
	return count;
}

static pid_t helper_pid(void)
{
	pid_t pid = 0;

	children(0, &pid);
	return pid;
}

static unsigned status_of(pid_t pid, const char *key)
{
	char path[64], line[200];
	unsigned value = 99;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	_cleanup_fclose_ FILE *in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in))
		if (!strncmp(line, key, strlen(key)))
			sscanf(line + strlen(key), ": %u", &value);
	return value;
}

/* A helper that hangs holds nobody up, and its late answers are those of who asked. */
static void test_hung(struct guest *g)
{
	_cleanup_strbuf_ struct strbuf info = { 0 };
	uint64_t bad = net_ticket(g->reg), good = net_ticket(g->reg), last = 0, count = 0;
	pid_t pid = helper_pid();
	struct err err = { 0 };
	siginfo_t stopped;

	kill(pid, SIGSTOP);
	waitid(P_PID, pid, &stopped, WSTOPPED | WNOWAIT);
	/* Whoever waited for it here would wait for ever. */
	tap_eq(net_command(g->nd, "hostfwd_add nonsense", bad, &err), 0,
	       "a helper that hangs is given a command");
	tap_eq(net_answer(g->nd, bad, &info, &err), (uint64_t)-EAGAIN,
	       "and does not answer");
	tap_eq(net_command(g->nd, "info", good, &err), 0, "and another one");
	tap_eq(net_answer(g->nd, net_ticket(g->reg), &info, &err), (uint64_t)-ENOENT,
	       "what nobody asked has no answer");
	kill(pid, SIGCONT);
	tap_eq(wait_answer(g, good, &info, &err), 0, "the second one is answered");
	tap_has(info.data ? info.data : "", "Protocol", "and is the right one");
	tap_eq(wait_answer(g, bad, &info, &err), (uint64_t)-EINVAL,
	       "the first one is still refused");
	tap_has(err.text, "must be like", "because: %s", err.text);
	err_clear(&err);
	for (unsigned i = 0; i < 100; i++)
		if (net_command(g->nd, "info", last = net_ticket(g->reg), &err) < 0)
			break;
	tap_eq(wait_answer(g, last, &info, &err), 0, "many may be asked");
	tap_eq(net_answer(g->nd, good, &info, &err), (uint64_t)-ENOENT,
	       "and old answers are forgotten");
	err_clear(&err);
	kill(pid, SIGSTOP);
	alarm(60); /* what waits for it is ended */
	while (count < 100000 &&
	       net_command(g->nd, "info", last = net_ticket(g->reg), &err) >= 0) {
		good = last;
		count++;
	}
	alarm(0);
	tap_ok(count && count < 100000, "one that hangs is told %u more and then: %s",
	       (unsigned)count, err.text);
	kill(pid, SIGCONT);
	err_clear(&err);
	tap_eq(wait_answer(g, good, &info, &err), 0, "the last is answered %s", err.text);
}

/* A network that is added or removed while the machine runs: nobody waits. */
static int add(struct guest *g, const char *text, uint64_t *ticket, struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = opt_list_parse(&opts, text, "type", err);

	*ticket = net_ticket(g->reg);
	if (ret >= 0)
		ret = net_add(g->reg, &opts, *ticket, err);
	opt_list_free(&opts);
	return ret;
}

static int wait_added(struct guest *g, uint64_t ticket, struct err *err)
{
	uint64_t until = loop_now() + WAIT_NS;
	int ret;

	while ((ret = net_added(g->reg, ticket, false, err)) == -EAGAIN &&
	       loop_now() < until)
		loop_run_once(g->loop, 50);
	return ret;
}

static void happened(void *opaque)
{
	(*(unsigned *)opaque)++;
}

static void test_added(struct guest *g)
{
	uint64_t ticket, start;
	struct err err = { 0 };
	unsigned told = 0;
	char text[100];
	siginfo_t stopped;
	unsigned port;
	pid_t pid = 0;
	int ret;

	net_registry_on_progress(g->reg, happened, &told);
	ret = add(g, "user,id=v,net=10.7.0.0/24", &ticket, &err);
	tap_ok(!ret || ret == -EAGAIN, "a network is added");
	tap_eq(wait_added(g, ticket, &err), 0, "and is there %s", err.text);
	tap_ok(ret == 0 || told, "which was told");
	/* Its helper, like any that starts late, may hang. */
	tap_eq(children(1, &pid), 2, "with a helper of its own");
	kill(pid, SIGSTOP);
	waitid(P_PID, pid, &stopped, WSTOPPED | WNOWAIT);
	net_remove(net_find(g->reg, "v"));
	tap_eq(children(0, &pid), 2, "one whose helper hangs is removed, not waited for");
	start = loop_now();
	while (children(0, &pid) > 1 && loop_now() - start < WAIT_NS)
		loop_run_once(g->loop, 50);
	tap_eq(children(0, &pid), 1, "the helper, too, soon");
	port = free_port();
	tap_eq(command(g, NULL, &err, "hostfwd_add udp:127.0.0.1:%u-:7", port), 0,
	       "a port is taken");
	snprintf(text, sizeof(text), "user,id=v,hostfwd=udp:127.0.0.1:%u-:7", port);
	ret = add(g, text, &ticket, &err);
	tap_ok(ret == -EAGAIN || ret == -EINVAL, "a network that wants it, too");
	ret = ret == -EAGAIN ? wait_added(g, ticket, &err) : ret;
	tap_eq(ret, (uint64_t)-EINVAL, "is not added");
	tap_has(err.text, "Address already in use", "because: %s", err.text);
	tap_ok(!net_find(g->reg, "v"), "and its name is free");
	err_clear(&err);
	ret = add(g, "user,id=v,net=1.2.3", &ticket, &err);
	ret = ret == -EAGAIN ? wait_added(g, ticket, &err) : ret;
	tap_eq(ret, (uint64_t)-EINVAL, "one whose helper does not start neither");
	tap_has(err.text, "net=1.2.3", "because: %s", err.text);
	err_clear(&err);
	tap_eq(command(g, NULL, &err, "hostfwd_remove udp:127.0.0.1:%u", port), 0,
	       "the port is free again");
	net_registry_on_progress(g->reg, NULL, NULL);
}

static void run_until_links(struct guest *g, unsigned links)
{
	uint64_t until = loop_now() + WAIT_NS;

	while (g->links < links && loop_now() < until)
		loop_run_once(g->loop, 50);
}

static void test_life(struct guest *g)
{
	_cleanup_strbuf_ struct strbuf info = { 0 };
	unsigned kept, gone;
	pid_t pid = helper_pid();
	struct err err = { 0 };
	size_t len = 0;
	char text[16];

	net_set_offload(g->nd, NET_OFFLOAD_CSUM);
	tap_ok(discover(g, &len) && g->buf[0] == VIRTIO_NET_HDR_F_DATA_VALID,
	       "a guest that takes offloads hears that sums are right");
	tap_ok(pid > 0, "the helper runs");
	if (__asan_init) {
		tap_skip("its sandbox", "sanitizers need what it refuses");
	} else {
		tap_eq(status_of(pid, "Seccomp"), 2, "behind a seccomp filter");
		tap_eq(status_of(pid, "NoNewPrivs"), 1, "and gets no privileges");
	}
	kept = free_port();
	tap_eq(command(g, NULL, &err, "hostfwd_add udp:127.0.0.1:%u-:7", kept), 0,
	       "a forward");
	gone = free_port();
	command(g, NULL, &err, "hostfwd_add udp:127.0.0.1:%u-:7", gone);
	tap_eq(command(g, NULL, &err, "hostfwd_remove udp:127.0.0.1:%u", gone), 0,
	       "and one that is removed again");
	g->links = 0;
	kill(pid, SIGKILL);
	run_until_links(g, 1);
	tap_ok(!net_link_up(g->nd), "when it dies the link goes down");
	run_until_links(g, 2);
	tap_ok(net_link_up(g->nd), "and up again, with a new one");
	tap_ok(helper_pid() > 0 && helper_pid() != pid, "which is another process");
	tap_ok(discover(g, &len) && g->buf[0] == VIRTIO_NET_HDR_F_DATA_VALID,
	       "that answers, and knows what the guest takes");
	tap_eq(command(g, &info, &err, "info", 0), 0, "what it forwards");
	snprintf(text, sizeof(text), " %u ", kept);
	tap_has(info.data ? info.data : "", text, "is what was forwarded");
	snprintf(text, sizeof(text), " %u ", gone);
	tap_ok(info.data && !strstr(info.data, text), "and not what was no more");
	pid = helper_pid();
	guest_close(g);
	tap_ok(kill(pid, 0) < 0 && errno == ESRCH, "it ends with its netdev");
}

/* One that sends what is no frame is not worth more than one that ended. */
static void test_broken(const char *dir)
{
	uint64_t until = loop_now() + WAIT_NS;
	struct err err = { 0 };
	pid_t pid = 0;
	struct guest g;
	char path[200];

	put_file(dir, "vmm-user-net",
	         "#!/bin/sh\nprintf 0+ >&4\nprintf '\\377\\377\\377\\377' >&3\n"
	         "exec sleep 1000\n");
	snprintf(path, sizeof(path), "%s/vmm-user-net", dir);
	chmod(path, 0755);
	setenv("KVMKIT_HELPER_DIR", dir, 1);
	if (tap_ok(guest_open(&g, "user,id=u", &err), "a helper of another kind %s",
	           err.text)) {
		while (net_link_up(g.nd) && loop_now() < until) {
			net_recv(g.nd, g.buf);
			loop_run_once(g.loop, 10);
		}
		tap_ok(!net_link_up(g.nd), "that breaks the rules has no link");
		while (children(0, &pid) && loop_now() < until)
			loop_run_once(g.loop, 10);
		tap_eq(children(0, &pid), 0, "and is ended");
	}
	guest_close(&g);
	unlink(path);
	helper_of_build();
}

/* A helper that talks all the time does not keep the loop, nor fill memory. */
static void test_flood(void)
{
	struct err err = { 0 };
	struct guest g;
	struct user *u;
	unsigned sent = 0;
	char byte;
	int pair[2];

	if (!guest_open(&g, "user,id=u", &err) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		tap_ok(false, "%s", err.text);
		return;
	}
	u = (struct user *)g.nd;
	dup2(pair[0], u->ctl);
	while (sent < 130 && send(pair[1], "7+word", 6, MSG_DONTWAIT) == 6)
		sent++;
	tap_eq(sent, 130, "a helper says a lot");
	tap_ok(user_ctl_take(u), "and is heard");
	tap_eq(recv(u->ctl, &byte, 1, MSG_PEEK | MSG_DONTWAIT), 1,
	       "but not at the cost of others");
	for (unsigned i = 0; i < 3; i++)
		user_ctl_take(u);
	tap_eq(recv(u->ctl, &byte, 1, MSG_PEEK | MSG_DONTWAIT), (uint64_t)-1,
	       "who have their turn until all is heard");
	close(pair[0]);
	close(pair[1]);
	guest_close(&g);
}

static void test_lazy(void)
{
	struct err err = { 0 };
	struct guest g;
	size_t len = 0;

	tap_ok(guest_open(&g, "user,id=u,start=lazy", &err), "a lazy network");
	tap_ok(net_link_up(g.nd) && !helper_pid(), "has a link and no helper");
	tap_ok(discover(&g, &len) != NULL, "the first frame starts it");
	guest_close(&g);
	tap_ok(guest_open(&g, "user,id=u,net=192.168.76.0/24,dhcpstart=192.168.76.9",
	                  &err),
	       "another network");
	{
		const uint8_t *reply = discover(&g, &len);

		tap_ok(reply && !memcmp(reply + 16, "\xc0\xa8\x4c\x09", 4),
		       "gives its own addresses");
	}
	guest_close(&g);
}

static void test_refused(void)
{
	static const struct {
		const char *opts, *says;
	} bad[] = {
		{ "user", "id= is missing" },
		{ "user,id=u,nett=1", "did you mean 'net'?" },
		{ "user,id=u,net=1.2.3", "net=1.2.3" },
		{ "user,id=u,net=10.0.0.0/31", "8 to 28" },
		{ "user,id=u,host=11.0.0.1", "not in the network" },
		{ "user,id=u,dns=10.0.2.2", "same address" },
		{ "user,id=u,tftp=/etc/passwd", "no folder" },
		{ "user,id=u,ipv6-net=fec0", "must be like fec0::/64" },
		{ "user,id=u,ipv6-net=fd00::/127", "1 to 126" },
		{ "user,id=u,ipv6-net=fd00::/64,ipv6-host=fd01::1",
		  "not in the network" },
		{ "user,id=u,ipv6-dns=10.0.2.3", "no IPv6 address" },
		{ "user,id=u,ipv6-dns=fec0::2", "same address" },
		{ "user,id=u,hostfwd=tcp:22-:22", "must be like" },
		{ "user,id=u,hostfwd=sctp::22-:22", "must be like" },
		{ "user,id=u,hostfwd=tcp::2222-:0", "must be like" },
		{ "user,id=u,guestfwd=tcp::80-unix:/x", "must be like" },
		{ "user,id=u,guestfwd=udp:10.0.2.9:80-unix:/x", "must be like" },
		{ "user,id=u,guestfwd=tcp:10.0.2.9:80", "must be like" },
		{ "user,id=u,guestfwd=tcp:10.0.2.9:80-cmd:ls", "socat" },
		{ "user,id=u,guestfwd=tcp:10.0.2.9:80-cmd:ls,hostfwd=tcp::0-:22",
		  "socat" },
		{ "user,id=u,guestfwd=tcp:10.0.2.9:80-tcp:127.0.0.1:x", "no port" },
		{ "usr,id=u", "did you mean 'user'?" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = { 0 };
		struct guest g;

		tap_ok(!guest_open(&g, bad[i].opts, &err), "refused: %s", bad[i].opts);
		tap_has(err.text, bad[i].says, "because: %s", err.text);
		tap_ok(err.usage || strstr(err.text, "folder"), "as wrong words");
		guest_close(&g);
	}
	setenv("KVMKIT_HELPER_DIR", "/nonexistent", 1);
	{
		struct err err = { 0 };
		struct guest g;

		tap_ok(!guest_open(&g, "user,id=u", &err), "no helper: refused");
		tap_has(err.text, "install it", "because: %s", err.text);
		guest_close(&g);
	}
}

int main(void)
{
	char dir[] = "/tmp/kvmkit-user-XXXXXX", opts[400], tftp_dir[64], path[200];
	struct err err = { 0 };
	struct guest g;

	helper_of_build();
	snprintf(tftp_dir, sizeof(tftp_dir), "%s/tftp", mkdtemp(dir));
	mkdir(tftp_dir, 0755);
	put_file(tftp_dir, "boot.img", "kernel");
	put_file(dir, "secret", "secret");
	snprintf(opts, sizeof(opts),
	         "user,id=u,hostname=inner,bootfile=boot.img,tftp=%s,"
	         "tftp-server-name=tftp.box,dnssearch=one.two,dnssearch=zone,"
	         "ipv6-net=fd00:5::/48,ipv6-host=fd00:5::7,ipv6-dns=fd00:5::8",
	         tftp_dir);
	if (!guest_open(&g, opts, &err)) {
		tap_diag("%s", err.text);
		return 1;
	}
	test_dhcp(&g);
	test_router(&g, "\xfd\x00\x00\x05\0\0\0\0");
	test_tftp(&g);
	test_forward(&g);
	test_hung(&g);
	test_added(&g);
	test_life(&g);
	test_broken(dir);
	test_flood();
	test_lazy();
	test_refused();
	snprintf(path, sizeof(path), "%s/boot.img", tftp_dir);
	unlink(path);
	rmdir(tftp_dir);
	snprintf(path, sizeof(path), "%s/secret", dir);
	unlink(path);
	rmdir(dir);
	return tap_done();
}
