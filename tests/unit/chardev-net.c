// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The socket back end over TCP: addresses and their errors, servers and clients, telnet,
 * reconnect=. Ports are the kernel's choice.
 */
#include "tests/tap.h"
#include "tests/unit/chardev-lib.h"
#include "vmm/chardev/telnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void refuse(const char *text, const char *part)
{
	struct recorder r;
	struct err err = { 0 };

	recorder_init(&r);
	tap_ok(!recorder_open(&r, text, &err), "%s is refused", text);
	tap_has(err.text, part, "and the reason is told");
	recorder_free(&r);
}

static void test_errors(void)
{
	refuse("tcp:localhost", "write HOST:PORT");
	refuse("tcp:localhost:http,server", "port=http is no port");
	refuse("tcp:localhost:65536,server", "port=65536 is no port");
	refuse("tcp:localhost:0", "port=0 is no port");
	refuse("tcp:localhost:5000,server,to=4999", "not behind");
	refuse("tcp:127.0.0.1:5000,ipv4=off,ipv6=off", "leave no address");
	refuse("tcp:127.0.0.1:5000,server,reconnect=1", "for clients");
	refuse("tcp:no-such-host.invalid:5000", "cannot find the host");
	refuse("tcp:127.0.0.1:5000,path=/tmp/x", "give one of them");
	refuse("telnet:127.0.0.1:5000,alow=insecure", "did you mean 'allow'?");
	refuse("tcp:192.0.2.1:0,server,nowait", "cannot listen on 192.0.2.1:0");
}

/* ---- servers ---- */

/* The port in "…127.0.0.1:5000,server=on". */
static unsigned port_of(const struct recorder *r)
{
	const char *text = chardev_describe(r->chr), *comma = strchr(text, ',');
	uint64_t port = 0;
	char digits[8] = "";

	while (comma && comma > text && comma[-1] != ':')
		comma--;
	snprintf(digits, sizeof(digits), "%.*s", (int)strspn(comma, "0123456789"), comma);
	opt_parse_u64(digits, &port);
	return port;
}

static int connect_to(unsigned port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	/* What never comes is a failure, not a wait without end. */
	struct timeval limit = { .tv_sec = 10 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void read_all(int fd, void *buf, size_t len, const char *what)
{
	tap_eq(recv(fd, buf, len, MSG_WAITALL), (long)len, "%s", what);
}

static void test_server(void)
{
	struct recorder r, s;
	struct err err = { 0 };
	char buf[16], text[80];
	int fd;

	recorder_init(&r);
	recorder_open(&r, "tcp:127.0.0.1:0,server,nowait,nodelay", &err);
	tap_has(chardev_describe(r.chr), "disconnected:tcp:127.0.0.1:", "described");
	tap_ok(!chardev_is_exposed(r.chr), "127.0.0.1 is this host's alone");
	fd = connect_to(port_of(&r));
	tap_ok(recorder_until(&r, &r.opened, 1), "a client came");
	tap_has(chardev_describe(r.chr), " <-> 127.0.0.1:", "and is described");
	chardev_write(r.chr, "hello", 5);
	read_all(fd, buf, 5, "output");
	tap_eq(write(fd, "in\xff", 3), 3, "input ...");
	tap_ok(recorder_until_len(&r, 3) && r.data[2] == 0xff, "... arrives as it is");
	/* The port is taken: the next one is tried, when that is allowed. */
	recorder_init(&s);
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u,server,nowait", port_of(&r));
	tap_ok(!recorder_open(&s, text, &err), "a port in use is refused");
	tap_has(err.text, "in use", "and the error says so");
	err_clear(&err);
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u,to=65535,server,nowait",
	         port_of(&r));
	tap_ok(recorder_open(&s, text, &err) && port_of(&s) > port_of(&r),
	       "to= tries the next ones");
	recorder_free(&s);
	close(fd);
	tap_ok(recorder_until(&r, &r.closed, 1), "the client left");
	tap_eq(recorder_settle(&r), 0, "no wake-up when idle");
	recorder_free(&r);
}

static void test_exposure(void)
{
	static const struct {
		const char *text;
		bool exposed;
	} cases[] = {
		{ "tcp:localhost:0,server,nowait", false },
		{ "tcp::0,server,nowait", true },
		{ "tcp:0.0.0.0:0,server,nowait", true },
		{ "tcp::0,server,nowait,allow=insecure", false },
		{ "tcp::0,server,nowait,ipv4=on", true },
		{ "telnet:127.9.9.9:0,server,nowait", false },
		{ "null", false },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct recorder r;
		struct err err = { 0 };

		recorder_init(&r);
		tap_ok(recorder_open(&r, cases[i].text, &err) &&
		               chardev_is_exposed(r.chr) == cases[i].exposed,
		       "%s is %s", cases[i].text,
		       cases[i].exposed ? "exposed" : "not exposed");
		recorder_free(&r);
	}
}

static void test_ipv6(void)
{
	int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6,
		                     .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct recorder r;
	struct err err = { 0 };
	bool there = probe >= 0 && !bind(probe, (struct sockaddr *)&addr, sizeof(addr));

	if (probe >= 0)
		close(probe);
	if (!there) {
		tap_skip("IPv6 in brackets", "this host has no IPv6 loopback address");
		return;
	}
	recorder_init(&r);
	tap_ok(recorder_open(&r, "tcp:[::1]:0,server,nowait", &err), "IPv6 in brackets");
	tap_has(chardev_describe(r.chr), "tcp:[::1]:", "and described so");
	recorder_free(&r);
}

/* ---- telnet ---- */

static void test_telnet(void)
{
	static const uint8_t say[] = { 'a', 0xff, 0xff, 0xff, 253,  31,   0xff,
		                       250, 31,   0,    80,   0xff, 0xff, 0xff,
		                       240, '\r', 0,    'b',  0xff, 243,  'c' };
	struct recorder r;
	struct err err = { 0 };
	uint8_t buf[32];
	int fd;

	recorder_init(&r);
	recorder_open(&r, "telnet:127.0.0.1:0,server,nowait", &err);
	fd = connect_to(port_of(&r));
	recorder_until(&r, &r.opened, 1);
	read_all(fd, buf, telnet_greeting_len, "telnet: the server begins");
	tap_ok(!memcmp(buf, telnet_greeting, telnet_greeting_len), "with its options");
	tap_eq(write(fd, say, sizeof(say)), sizeof(say), "telnet: data and commands");
	tap_ok(recorder_until_len(&r, 5), "telnet: data arrives");
	tap_ok(r.len == 5 && !memcmp(r.data, "a\xff\rbc", 5), "telnet: nothing else");
	tap_eq(r.breaks, 1, "telnet: a break is one");
	read_all(fd, buf, 3, "telnet: an unknown option ...");
	tap_ok(!memcmp(buf, "\xff\xfc\x1f", 3), "telnet: ... is refused");
	tap_eq(chardev_write(r.chr, "x\xffy", 3), 3, "telnet: output");
	read_all(fd, buf, 4, "telnet: 0xff is sent ...");
	tap_ok(!memcmp(buf, "x\xff\xffy", 4), "telnet: ... twice");
	close(fd);
	recorder_free(&r);
}

/* A reader that is slow enough to cut a doubled byte in two. */
static void test_telnet_flow(void)
{
	struct recorder r;
	struct err err = { 0 };
	uint8_t *data = malloc(1 << 20), buf[1000];
	size_t sent = 0, got = 0, bad = 0, rounds = 0;
	int fd;

	memset(data, 0xff, 1 << 20);
	recorder_init(&r);
	recorder_open(&r, "telnet:127.0.0.1:0,server,nowait", &err);
	fd = connect_to(port_of(&r));
	recorder_until(&r, &r.opened, 1);
	read_all(fd, buf, telnet_greeting_len, "telnet: greeting");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (got < 2 << 20 && rounds++ < 1000000) {
		ssize_t n;

		sent += chardev_write(r.chr, data + sent, (1 << 20) - sent);
		n = read(fd, buf, rounds % 7 ? sizeof(buf) : 1);
		for (ssize_t i = 0; i < n; i++)
			bad += buf[i] != 0xff;
		got += n > 0 ? n : 0;
		recorder_settle(&r);
	}
	tap_eq(got, 2 << 20, "telnet: slow reader, every byte twice");
	tap_eq(bad, 0, "telnet: and nothing else");
	close(fd);
	free(data);
	recorder_free(&r);
}

/* ---- clients ---- */

static void test_reconnect(void)
{
	struct recorder server, client;
	struct err err = { 0 };
	char text[80];
	unsigned port;

	recorder_init(&server);
	recorder_open(&server, "tcp:127.0.0.1:0,server,nowait", &err);
	port = port_of(&server);
	recorder_free(&server);

	recorder_init(&client);
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u", port);
	tap_ok(!recorder_open(&client, text, &err), "client: nobody there");
	tap_has(err.text,
	        "cannot connect to 127.0.0.1:", "client: and the error says so");
	err_clear(&err);
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u,reconnect=1", port);
	tap_ok(recorder_open(&client, text, &err),
	       "client: reconnect= starts all the same");
	recorder_settle(&client);
	tap_eq(client.opened, 0, "client: not connected");
	recorder_init(&server);
	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u,server,nowait", port);
	tap_ok(recorder_open(&server, text, &err), "client: its server comes");
	tap_ok(recorder_until(&client, &client.opened, 1), "client: and it connects");
	recorder_settle(&server);
	chardev_write(client.chr, "ping", 4);
	tap_ok(recorder_until_len(&server, 4), "client: output");
	recorder_free(&server);
	tap_ok(recorder_until(&client, &client.closed, 1), "client: the server leaves");
	recorder_init(&server);
	tap_ok(recorder_open(&server, text, &err), "client: and comes back");
	tap_ok(recorder_until(&client, &client.opened, 2), "client: which it finds");
	recorder_free(&server);
	recorder_free(&client);
}

int main(void)
{
	test_errors();
	test_server();
	test_exposure();
	test_ipv6();
	test_telnet();
	test_telnet_flow();
	test_reconnect();
	return tap_done();
}
