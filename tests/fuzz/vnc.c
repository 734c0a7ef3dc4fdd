// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: what vmm-vnc hears. The input is a script of pieces (kind, length in two
 * bytes, bytes): what a VNC client sends, what comes to the port for browsers, and
 * packets of vmm. Beyond "does not crash": without the password no client is let in,
 * pixels are never read behind the surface, packets that are none end the helper, and a
 * painter at rest has left nothing unread but requests for what changes next.
 */
int helper_main(int argc, char **argv);
#define main helper_main
#include "vmm/helpers/vnc/main.c"
#undef main

#include "tests/fuzz/input-lib.h"

#include <fcntl.h>

#define SIDE       16 /* of the surface, so that pictures fit into a socket */
#define MAX_PIECES 16
#define MAX_BYTES  2048

const char *__lsan_default_suppressions(void);

/* The library forgets what it read of some messages about files; the helper's memory is
 * limited (sandbox.c). */
const char *__lsan_default_suppressions(void)
{
	return "leak:libvncserver";
}

enum kind { CLIENT, BROWSER, PACKET, KINDS };

struct piece {
	enum kind kind;
	const uint8_t *data;
	size_t len;
};

static int vmm = -1; /* the other end of the control socket */
static struct front *front;

/* The library keeps a screen for a process's life; clients come and go. */
static struct server *make_server(void)
{
	static struct server s;
	static char pages[] = "tests/fuzz/corpus/vnc";
	struct vnc_packet p = { .type = VNC_START };
	struct front_config config = {
		.browsers = true,
		.local = true,
		.pages = access(pages, R_OK) ? "" : pages,
	};
	struct err err = { 0 };
	int pair[2];

	if (s.screen)
		return &s;
	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	vmm = fcntl(pair[0], F_DUPFD_CLOEXEC, VNC_CONTROL_FD + 1);
	require(dup2(pair[1], VNC_CONTROL_FD) == VNC_CONTROL_FD);
	s.size = SIDE * SIDE * 4;
	s.pixels = mmap(NULL, s.size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	require(s.pixels != MAP_FAILED);
	s.keys = keys_new("pt-br", send_key, NULL, &err);
	require(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	s.link = pair[0];
	config.link = pair[1];
	front = front_new(&config, &err);
	require(s.keys && front && make_screen(&s, &p, &err) >= 0);
	return &s;
}

/* vmm and clients read all that they are sent. */
static void drain(int fd)
{
	char bytes[4096];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

/* Of messages that the front passed on. */
static void check_rest(struct server *s)
{
	uint8_t rest[4096];

	for (rfbClientPtr cl = s->screen->clientHead; cl; cl = cl->next) {
		ssize_t n = recv(cl->sock, rest, sizeof(rest), MSG_PEEK | MSG_DONTWAIT);

		for (ssize_t at = 0; at < n; at += 10)
			require(n - at >= 10 && rest[at] == 3 && rest[at + 1]);
	}
}

static bool settle(struct server *s, int client)
{
	bool there = true;

	for (unsigned i = 0; i < 32 && there; i++) {
		require(front_turn(front, 0));
		there = turn(s, 0);
		drain(vmm);
		if (client >= 0)
			drain(client);
	}
	if (there && !s->heard)
		check_rest(s);
	return there;
}

static void send_packet(struct server *s, const void *data, size_t len, bool good)
{
	require(send(vmm, data, len, 0) == (ssize_t)len);
	require(settle(s, -1) == good || !good);
}

static void tell_size(struct server *s, unsigned side)
{
	struct vnc_packet p = { .type = VNC_SIZE,
		                .size = { .width = side,
		                          .height = side,
		                          .least = { 640, 480 },
		                          .most = { 2560, 1600 },
		                          .most_pixels = 1 << 22 } };

	send_packet(s, &p, sizeof(p), true);
}

/* A connection that sends these bytes, in two halves, gets time to see an answer, and
 * ends. */
static void connect_with(struct server *s, const struct piece *piece)
{
	size_t half = piece->len / 2;
	int pair[2];

	require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	require(send(pair[0], piece->data, half, 0) == (ssize_t)half);
	front_add(front, pair[1], piece->kind == BROWSER);
	settle(s, pair[0]);
	tell_size(s, SIDE);
	settle(s, pair[0]);
	/* It may have been turned out. */
	send(pair[0], piece->data + half, piece->len - half, MSG_NOSIGNAL);
	settle(s, pair[0]);
	tell_size(s, SIDE);
	settle(s, pair[0]);
	require(!s->needs_password || !s->known_in);
	close(pair[0]);
	settle(s, -1);
	require(!s->known_all);
}

/* Bytes of a packet: its kind and content are theirs, its length is right. */
static void take_piece(struct server *s, const struct piece *piece)
{
	struct vnc_packet p = { 0 };

	if (piece->kind != PACKET) {
		connect_with(s, piece);
		return;
	}
	memcpy(&p, piece->data, piece->len < sizeof(p) ? piece->len : sizeof(p));
	send_packet(s, &p, sizeof(p), false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server *s = make_server();
	struct vnc_packet open = { .type = VNC_PASSWORD };

	send_packet(s, &open, sizeof(open), true);
	tell_size(s, SIDE);
	s->locked_until = 0;
	for (unsigned n = 0; n < MAX_PIECES && size >= 3; n++) {
		struct piece piece = { data[0] % KINDS, data + 3,
			               data[1] | data[2] << 8 };

		size -= 3;
		if (piece.len > size || piece.len > MAX_BYTES)
			piece.len = size < MAX_BYTES ? size : MAX_BYTES;
		take_piece(s, &piece);
		data = piece.data + piece.len;
		size -= piece.len;
	}
	return 0;
}
