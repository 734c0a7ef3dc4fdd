// SPDX-License-Identifier: GPL-2.0-or-later
/* Offloads of the user network: sums that a guest left undone, packets that it did not
 * cut, TCP segments that are joined on their way to it, and packets that are too large
 * for it. */
#include "vmm/helpers/user-net/offload.h"
#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/csum.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = NETPROTO_HEADER, ETHER = 14, TCP = 20 };
enum { ACK = TCP_ACK, PSH = TCP_PSH, FIN = TCP_FIN };

static uint8_t frame[FRAMES_MAX], got[FRAMES_MAX];

struct segment {
	bool six;
	uint32_t seq, ack;
	uint16_t port;
	uint8_t flags;
	size_t len;
};

static unsigned ip_head(bool six)
{
	return six ? 40 : 20;
}

/* The sum of a packet's TCP part with its pseudo header: 0xffff when it is right. */
static uint16_t tcp_sum(const uint8_t *ether, bool six, size_t len)
{
	const uint8_t *addresses = ether + ETHER + (six ? 8 : 12);
	uint64_t sum = htons(6) + htons(len);

	return csum_fold(csum_add(ether + ETHER + ip_head(six), len,
	                          csum_add(addresses, six ? 32 : 8, sum)));
}

/* A segment as libslirp makes it, complete; its size. The data is that of its place in
 * the stream. */
static size_t make(uint8_t *ether, const struct segment *s)
{
	unsigned head = ip_head(s->six), l4 = ETHER + head;
	size_t tcp_len = TCP + s->len;
	uint8_t *ip = ether + ETHER;

	memset(ether, 0, l4 + TCP);
	memset(ether, 0x52, 12);
	if (s->six) {
		st16(ether + 12, htons(0x86dd));
		ip[0] = 0x60;
		st16(ip + 4, htons(tcp_len));
		ip[6] = 6;
		memset(ip + 8, 0xfe, 32);
	} else {
		st16(ether + 12, htons(0x0800));
		ip[0] = 0x45;
		st16(ip + 2, htons(20 + tcp_len));
		st16(ip + 4, htons(s->seq)); /* a number of its own */
		ip[9] = 6;
		memset(ip + 12, 10, 8);
		st16(ip + 10, ~csum_fold(csum_add(ip, 20, 0)));
	}
	st16(ether + l4, htons(80));
	st16(ether + l4 + 2, htons(s->port));
	st32(ether + l4 + 4, htonl(s->seq));
	st32(ether + l4 + 8, htonl(s->ack));
	ether[l4 + 12] = TCP / 4 << 4;
	ether[l4 + 13] = s->flags;
	for (size_t i = 0; i < s->len; i++)
		ether[l4 + TCP + i] = (s->seq + i) * 7;
	st16(ether + l4 + 16, ~tcp_sum(ether, s->six, tcp_len));
	return l4 + TCP + s->len;
}

/* ---- from the guest ---- */

static void test_finish(bool six)
{
	unsigned l4 = ETHER + ip_head(six);
	struct segment s = { .six = six, .seq = 5, .flags = ACK, .len = 30001 };
	struct virtio_net_hdr_v1 hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		                         .gso_type = six ? VIRTIO_NET_HDR_GSO_TCPV6
		                                         : VIRTIO_NET_HDR_GSO_TCPV4,
		                         .gso_size = 1460,
		                         .csum_start = l4,
		                         .csum_offset = 16 };
	uint8_t *ether = frame + HEADER;
	size_t size = make(ether, &s);
	uint16_t sum = ld16(ether + l4 + 16);

	memcpy(frame, &hdr, sizeof(hdr));
	/* What a driver leaves: the sum of the pseudo header alone, and no IP length. */
	st16(ether + l4 + 16,
	     csum_fold(csum_add(ether + ETHER + (six ? 8 : 12), six ? 32 : 8,
	                        htons(6) + htons(size - l4))));
	st16(ether + ETHER + (six ? 4 : 2), 0);
	tap_ok(offload_finish(frame, HEADER + size), "IPv%u: 30001 bytes", six ? 6 : 4);
	tap_eq(ld16(ether + l4 + 16), sum, "with their checksum");
	tap_eq(ntohs(ld16(ether + ETHER + (six ? 4 : 2))), size - (six ? l4 : ETHER),
	       "and the length in the IP header");
	tap_ok(six || csum_fold(csum_add(ether + ETHER, 20, 0)) == 0xffff,
	       "whose own sum is right");
}

static void test_malformed(void)
{
	static const struct {
		const char *what;
		struct virtio_net_hdr_v1 hdr;
		size_t size;
	} bad[] = {
		{ "a sum behind the end",
		  { .flags = 1, .csum_start = 90, .csum_offset = 9 },
		  100 },
		{ "a start behind the end",
		  { .flags = 1, .csum_start = 65535, .csum_offset = 65535 },
		  100 },
		{ "to be cut, but with a sum",
		  { .gso_type = 1, .gso_size = 1000 },
		  3000 },
		{ "IPv6 that is IPv4",
		  { .flags = 1, .gso_type = 4, .csum_start = 34, .csum_offset = 16 },
		  3000 },
		{ "to be cut, without a TCP header",
		  { .flags = 1, .gso_type = 1, .csum_start = 34, .csum_offset = 16 },
		  53 },
		{ "more than a packet has",
		  { .flags = 1, .gso_type = 1, .csum_start = 34, .csum_offset = 16 },
		  65550 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct segment s = { .flags = ACK, .len = 3000 };

		make(frame + HEADER, &s);
		memcpy(frame, &bad[i].hdr, HEADER);
		tap_ok(!offload_finish(frame, HEADER + bad[i].size), "refused: %s",
		       bad[i].what);
	}
}

/* A sum of 0 says that there is none. */
static void test_zero(void)
{
	struct virtio_net_hdr_v1 hdr = { .flags = 1, .csum_start = 40, .csum_offset = 6 };
	uint8_t *ether = frame + HEADER;

	memcpy(frame, &hdr, sizeof(hdr));
	memset(ether, 0, 60);
	st16(ether + 46, 0xffff);
	tap_ok(offload_finish(frame, HEADER + 60), "UDP");
	tap_eq(ld16(ether + 46), 0xffff, "a sum that comes to 0 is told as 0xffff");
}

/* ---- to the guest ---- */

struct wire {
	struct frames out, in;
	struct joiner j;
};

static struct wire *wire_open(unsigned offloads)
{
	struct wire *w = calloc(1, sizeof(*w));
	int fds[2];

	if (!w || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    frames_init(&w->out, fds[0], 1 << 20) < 0 ||
	    frames_init(&w->in, fds[1], 0) < 0)
		exit(1);
	w->j.frames = &w->out;
	w->j.offloads = offloads;
	return w;
}

static void wire_close(struct wire *w)
{
	close(w->out.fd);
	close(w->in.fd);
	frames_free(&w->out);
	frames_free(&w->in);
	free(w);
}

static void put(struct wire *w, const struct segment *s)
{
	size_t size = make(frame, s);

	if (joiner_add(&w->j, frame, size) < 0)
		tap_diag("a segment of %zu bytes cannot be sent", s->len);
}

/* The next frame that the guest gets: bytes of data, 0 for none. */
static size_t next(struct wire *w, bool six, struct virtio_net_hdr_v1 *hdr)
{
	unsigned l4 = ETHER + ip_head(six);
	ssize_t n = -EAGAIN;

	for (unsigned i = 0; i < 2 && n == -EAGAIN; i++)
		n = frames_recv(&w->in, got);
	if (n < HEADER + ETHER)
		return 0;
	memcpy(hdr, got, HEADER);
	return n - HEADER - l4 - TCP;
}

/* That it is one packet as a driver expects it, whose sum the guest can finish. */
static bool is_packet(bool six, size_t len, uint32_t seq)
{
	unsigned l4 = ETHER + ip_head(six);
	const uint8_t *ether = got + HEADER;
	bool same = ntohl(ld32(ether + l4 + 4)) == seq;

	for (size_t i = 0; i < len; i++)
		same &= ether[l4 + TCP + i] == (uint8_t)((seq + i) * 7);
	if (six)
		same &= ntohs(ld16(ether + ETHER + 4)) == TCP + len;
	else
		same &= ntohs(ld16(ether + ETHER + 2)) == 20 + TCP + len &&
		        csum_fold(csum_add(ether + ETHER, 20, 0)) == 0xffff;
	return same && offload_finish(got, HEADER + l4 + TCP + len) &&
	       tcp_sum(ether, six, TCP + len) == 0xffff;
}

/* Where the next frame lies: its bytes of data. */
static size_t look(struct wire *w, uint8_t **at)
{
	ssize_t n = -EAGAIN;

	for (unsigned i = 0; i < 3 && n == -EAGAIN; i++) {
		frames_flush(&w->out);
		n = frames_next(&w->in, at);
	}
	if (n > 0)
		memcpy(got, *at, n);
	return n > 0 ? n - HEADER - ETHER - ip_head(false) - TCP : 0;
}

/* Joined ones lie in shared memory as long as there is room. */
static void test_ring(void)
{
	struct segment s = { .seq = 7, .flags = ACK, .len = 1460 };
	struct wire *w = wire_open(NETPROTO_CSUM | NETPROTO_TSO4);
	struct frame_ring reads = { 0 }, writes = { 0 };
	struct err err = { 0 };
	int fd = frame_ring_create(&reads, &err);
	unsigned there = 0, whole = 0;
	uint8_t *at;

	frame_ring_open(&writes, fd);
	close(fd);
	w->in.ring = &reads;
	w->out.ring = &writes;
	s.flags |= PSH;
	put(w, &s);
	tap_ok(look(w, &at) == 1460 &&
	               (at < reads.data || at >= reads.data + FRAME_RING_SIZE),
	       "a small frame comes through the socket");
	s.flags = ACK;
	for (unsigned i = 0; i < 8 * 40; i++) {
		s.seq += s.len;
		put(w, &s);
		if (i % 40 == 39)
			joiner_flush(&w->j);
	}
	for (unsigned i = 0; i < 8; i++) {
		size_t len = look(w, &at);

		there += at >= reads.data && at < reads.data + FRAME_RING_SIZE;
		whole += is_packet(false, len, 7 + 1460 + i * 40 * 1460) &&
		         len == 40 * 1460;
	}
	tap_ok(there >= 3 && there < 8, "large ones lie in the memory, but for %u",
	       8 - there);
	tap_eq(whole, 8, "and are all whole");
	s.seq += s.len;
	for (unsigned i = 0; i < 40; i++, s.seq += s.len)
		put(w, &s);
	joiner_flush(&w->j);
	tap_ok(look(w, &at) == 40 * 1460 && at >= reads.data &&
	               at < reads.data + FRAME_RING_SIZE,
	       "where there is room again");
	frame_ring_close(&reads);
	frame_ring_close(&writes);
	wire_close(w);
}

static void test_join(bool six)
{
	struct segment s = { .six = six, .seq = 0xfffffe00, .flags = ACK, .len = 1000 };
	struct wire *w = wire_open(NETPROTO_CSUM | (six ? NETPROTO_TSO6 : NETPROTO_TSO4));
	unsigned l4 = ETHER + ip_head(six);
	struct virtio_net_hdr_v1 hdr;

	put(w, &s);
	s.seq += 1000;
	put(w, &s);
	tap_eq(next(w, six, &hdr), 0, "IPv%u: two segments wait", six ? 6 : 4);
	s.seq += 1000;
	s.len = 501;
	s.flags |= PSH;
	put(w, &s);
	tap_eq(next(w, six, &hdr), 2501, "the third, shorter one ends the frame");
	tap_ok(hdr.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM && hdr.gso_size == 1000 &&
	               hdr.gso_type == (six ? 4 : 1) && hdr.hdr_len == l4 + TCP &&
	               hdr.csum_start == l4 && hdr.csum_offset == 16,
	       "whose header says how to cut it");
	tap_eq(got[HEADER + l4 + 13], ACK | PSH, "it is pushed");
	tap_ok(is_packet(six, 2501, 0xfffffe00), "and is one packet");
	s.seq += 501;
	put(w, &s);
	tap_eq(next(w, six, &hdr), 501, "what is pushed does not wait");
	tap_eq(hdr.flags << 8 | hdr.gso_type, VIRTIO_NET_HDR_F_DATA_VALID << 8,
	       "alone it is nothing special, its sum is known to be right");
	s.flags = ACK;
	s.len = 1460;
	for (unsigned i = 0; i < 50; i++, s.seq += 1460)
		put(w, &s);
	joiner_flush(&w->j);
	tap_eq(next(w, six, &hdr), 44 * 1460, "a frame takes what a packet can");
	tap_eq(next(w, six, &hdr), 6 * 1460, "the rest is in the next one");
	wire_close(w);
}

/* A segment, and one that must not be joined with it. */
static void test_apart(void)
{
	static const struct segment first = {
		.seq = 1000, .ack = 7, .flags = ACK, .len = 900
	};
	struct segment others[7];
	static const char *const what[] = { "sent again",
		                            "of another connection",
		                            "with news of the other direction",
		                            "the last",
		                            "longer",
		                            "without data",
		                            "after a gap" };
	unsigned rest[] = { 900, 900, 900, 900, 901, 0, 900 };

	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = first;
		others[i].seq += 900;
	}
	others[0].seq = 1000;
	others[1].port = 9;
	others[2].ack = 8;
	others[3].flags |= FIN;
	others[4].len = 901;
	others[5].len = 0;
	others[6].seq++;
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		struct wire *w = wire_open(NETPROTO_CSUM | NETPROTO_TSO4);
		struct virtio_net_hdr_v1 hdr;
		size_t a, b;

		put(w, &first);
		put(w, &others[i]);
		joiner_flush(&w->j);
		a = next(w, false, &hdr);
		b = next(w, false, &hdr);
		tap_ok(a == 900 && b == rest[i], "not joined: a segment %s (%zu, %zu)",
		       what[i], a, b);
		wire_close(w);
	}
}

static void test_plain(void)
{
	struct segment s = { .seq = 1, .flags = ACK, .len = 100 };
	struct wire *w = wire_open(0);
	struct virtio_net_hdr_v1 hdr, none = { 0 };

	put(w, &s);
	s.seq += 100;
	put(w, &s);
	tap_eq(next(w, false, &hdr), 100,
	       "a guest that takes no offloads gets the first");
	tap_ok(!memcmp(&hdr, &none, sizeof(none)), "without any");
	tap_eq(next(w, false, &hdr), 100, "and the second");
	wire_close(w);
}

/* ---- what is too large ---- */

/* A SYN of the guest's with these options, of which there are whole words. */
static size_t make_syn(uint8_t *ether, bool six, const uint8_t *options, size_t len)
{
	struct segment s = { .six = six, .seq = 77, .flags = TCP_SYN, .len = len };
	unsigned l4 = ETHER + ip_head(six);
	size_t size = make(ether, &s);

	memcpy(ether + l4 + TCP, options, len);
	ether[l4 + 12] = (TCP + len) / 4 << 4;
	st16(ether + l4 + 16, 0);
	st16(ether + l4 + 16, ~tcp_sum(ether, six, TCP + len));
	return size;
}

static void test_offer(bool six)
{
	static const struct {
		const char *what;
		uint8_t options[8];
		unsigned mss, at, asked;
	} syns[] = {
		{ "1460", { 2, 4, 1460 >> 8, 1460 & 255, 1, 1, 1, 0 }, 1460, 2, 7300 },
		{ "1400, at an odd place",
		  { 1, 2, 4, 1400 >> 8, 1400 & 255, 1, 1, 0 },
		  1400,
		  3,
		  7000 },
		{ "9000, behind another option",
		  { 3, 3, 7, 1, 2, 4, 9000 >> 8, 9000 & 255 },
		  9000,
		  6,
		  9000 },
		{ "300", { 2, 4, 300 >> 8, 300 & 255, 0, 0, 0, 0 }, 0, 2, 300 },
		{ "65495", { 2, 4, 0xff, 0xd7, 0, 0, 0, 0 }, 65495, 2, 0xffd7 },
		{ "1460, in an option of 3 bytes", { 2, 3, 5, 0xb4 }, 0, 2, 1460 },
		{ "1460, behind the end", { 0, 0, 2, 4, 5, 0xb4 }, 0, 4, 1460 },
		{ "1460, behind one without a length",
		  { 3, 0, 2, 4, 5, 0xb4 },
		  0,
		  4,
		  1460 },
		{ "half a one", { 1, 1, 1, 1, 1, 1, 2, 4 }, 0, 6, 0x0204 },
	};
	uint8_t *ether = frame;

	for (unsigned i = 0; i < ARRAY_SIZE(syns); i++) {
		unsigned l4 = ETHER + ip_head(six);
		size_t size = make_syn(ether, six, syns[i].options, 8);
		unsigned mss;

		memset(ether + size, 5, 4); /* would be an MSS, too */
		mss = segment_offer(ether, size);
		tap_ok(mss == syns[i].mss &&
		               be16(ether + l4 + TCP + syns[i].at) == syns[i].asked,
		       "IPv%u: an MSS of %s is %u (%u asked)", six ? 6 : 4, syns[i].what,
		       mss, be16(ether + l4 + TCP + syns[i].at));
		tap_eq(tcp_sum(ether, six, TCP + 8), 0xffff, "and the sum is right");
	}
}

/* What libslirp gets: the sizes, and of each whether it is right. */
struct input {
	unsigned count;
	size_t sizes[8];
	bool good;
};

static int take(void *opaque, const void *ether, size_t size)
{
	struct input *in = opaque;
	struct tcp_parts p;

	if (in->count == ARRAY_SIZE(in->sizes) || !packet_find_tcp(ether, size, &p))
		return -EIO;
	in->good =
		(in->good || !in->count) && tcp_sum(ether, p.six, p.end - p.l4) == 0xffff;
	in->sizes[in->count++] = p.end - p.data;
	return 0;
}

/* A packet that the guest did not cut. */
static void test_input(void)
{
	struct segment s = { .six = true, .seq = 3, .flags = ACK | PSH, .len = 40000 };
	struct joiner *j = calloc(1, sizeof(*j));
	struct input in = { .count = 0 };

	tap_eq(joiner_input(j, frame, make(frame, &s), take, &in), 0,
	       "40000 bytes over IPv6");
	tap_ok(in.count == 5 && in.good && in.sizes[0] == SEGMENT_MAX &&
	               in.sizes[4] == 40000 - 4 * SEGMENT_MAX,
	       "are five packets that libslirp takes (%u)", in.count);
	in.count = 0;
	s.six = false;
	joiner_input(j, frame, make(frame, &s), take, &in);
	tap_ok(in.count == 1 && in.good && in.sizes[0] == 40000,
	       "over IPv4 it takes them as one");
	free(j);
}

static void test_no_offer(void)
{
	static const uint8_t options[] = { 2, 4, 1460 >> 8, 1460 & 255 };
	struct joiner *j = calloc(1, sizeof(*j));
	uint8_t lower[] = { 2, 4, 1300 >> 8, 1300 & 255 };
	size_t size = make_syn(frame, false, options, 4);
	struct input in = { .count = 0 };

	frame[ETHER + 20 + 16] ^= 1;
	segment_offer(frame, size);
	tap_ok(tcp_sum(frame, false, TCP + 4) != 0xffff, "a sum that is wrong stays so");
	size = make_syn(frame, false, options, 4);
	frame[ETHER + 20 + 13] = ACK;
	tap_eq(segment_offer(frame, size), 0, "nothing is offered later than in a SYN");
	for (size_t n = 0; n < size; n++)
		segment_offer(memcpy(got, frame, size), n);
	make_syn(frame, false, options, 4);
	tap_eq(segment_offer(frame, size - 1), 0, "nor in one that is not whole");
	joiner_input(j, frame, size, take, &in);
	joiner_input(j, frame, make_syn(frame, false, lower, 4), take, &in);
	joiner_input(j, frame, make_syn(frame, false, options, 4), take, &in);
	tap_ok(j->mss[0] == 1300 && !j->mss[1], "the least is remembered");
	joiner_input(j, frame, make_syn(frame, true, options, 4), take, &in);
	tap_eq(j->mss[1], 1460, "of IPv6 another");
	free(j);
}

static void test_large(bool six)
{
	struct wire *w = wire_open(NETPROTO_CSUM | NETPROTO_TSO4 | NETPROTO_TSO6);
	struct segment s = { .six = six, .seq = 9, .flags = ACK, .len = 16000 };
	struct virtio_net_hdr_v1 hdr;

	put(w, &s);
	joiner_flush(&w->j);
	tap_eq(next(w, six, &hdr), 16000, "IPv%u: a large segment", six ? 6 : 4);
	tap_ok(hdr.gso_type && hdr.gso_size == 1460 - 20 * six &&
	               is_packet(six, 16000, 9),
	       "comes whole, to be cut as the network has it (%u)", hdr.gso_size);
	w->j.mss[six] = 1200;
	for (unsigned i = 0; i < 5; i++, s.seq += 16000)
		put(w, &s);
	tap_eq(next(w, six, &hdr), 64000, "four of them are joined");
	tap_ok(hdr.gso_size == 1200 && is_packet(six, 64000, 9),
	       "to be cut as the guest asked");
	wire_close(w);
}

/* That nothing is left of its offloads, and the number is right. */
static bool is_piece(bool six, size_t len, uint32_t seq)
{
	struct virtio_net_hdr_v1 none = { 0 };

	return !memcmp(got, &none, HEADER) && is_packet(six, len, seq);
}

static void test_cut(bool six)
{
	struct wire *w = wire_open(0);
	struct segment s = {
		.six = six, .seq = 0xfffff000, .flags = ACK | PSH | FIN, .len = 4500
	};
	unsigned l4 = ETHER + ip_head(six), mss = 1460 - 20 * six;
	struct virtio_net_hdr_v1 hdr;
	size_t n;

	put(w, &s);
	for (unsigned i = 0; i < 3; i++) {
		n = next(w, six, &hdr);
		tap_ok(n == mss && is_piece(six, mss, 0xfffff000 + i * mss) &&
		               got[HEADER + l4 + 13] == ACK,
		       "IPv%u: piece %u of a segment (%zu)", six ? 6 : 4, i, n);
	}
	n = next(w, six, &hdr);
	tap_ok(n == 4500 - 3 * mss && is_piece(six, n, 0xfffff000 + 3 * mss) &&
	               got[HEADER + l4 + 13] == (ACK | PSH | FIN),
	       "the last is pushed, and the end (%zu)", n);
	tap_eq(next(w, six, &hdr), 0, "that was all");
	wire_close(w);
}

static void test_urgent(void)
{
	struct wire *w = wire_open(NETPROTO_CSUM | NETPROTO_TSO4);
	struct segment s = { .seq = 1, .flags = ACK | TCP_URG, .len = 3000 };
	static const unsigned left[] = { 1500, 40, 0 };
	struct virtio_net_hdr_v1 hdr;
	size_t size = make(frame, &s);

	st16(frame + 34 + 18, htons(1500));
	joiner_add(&w->j, frame, size);
	for (unsigned i = 0; i < 3; i++) {
		const uint8_t *tcp = got + HEADER + 34;

		next(w, false, &hdr);
		tap_ok(!hdr.gso_type && be16(tcp + 18) == left[i] &&
		               !(tcp[13] & TCP_URG) == !left[i],
		       "urgent data: %u bytes behind piece %u", be16(tcp + 18), i);
	}
	wire_close(w);
}

/* A datagram as libslirp would send it with this in its fragment field. */
static size_t make_udp(uint8_t *ether, uint16_t fragment, size_t len)
{
	uint8_t *ip = ether + ETHER;

	memset(ether, 0, ETHER + 20);
	st16(ether + 12, htons(0x0800));
	ip[0] = 0x45;
	set_be16(ip + 6, fragment);
	ip[9] = 17;
	packet_set_len(ether, 20 + len);
	for (size_t i = 0; i < len; i++)
		ip[20 + i] = i * 7;
	return ETHER + 20 + len;
}

static void test_fragment(void)
{
	static const struct {
		size_t len;
		unsigned place;
	} parts[] = { { 1480, 0x2000 }, { 1480, 0x2000 | 185 }, { 1040, 370 } };
	struct wire *w = wire_open(NETPROTO_CSUM | NETPROTO_TSO4);
	const uint8_t *ip = got + HEADER + ETHER;
	size_t size = make_udp(frame, 0, 4000);
	struct virtio_net_hdr_v1 hdr;

	joiner_add(&w->j, frame, size);
	for (unsigned i = 0; i < 3; i++) {
		size_t n = next(w, false, &hdr) + TCP;

		tap_ok(n == parts[i].len && be16(ip + 6) == parts[i].place &&
		               be16(ip + 2) == 20 + n && !hdr.gso_type &&
		               csum_fold(csum_add(ip, 20, 0)) == 0xffff &&
		               ip[20] == (uint8_t)((parts[i].place & 0x1fff) * 56),
		       "fragment %u of a datagram of 4000 bytes (%zu, 0x%x)", i, n,
		       be16(ip + 6));
	}
	joiner_add(&w->j, frame, make_udp(frame, 0x2000 | 100, 2000));
	next(w, false, &hdr);
	tap_eq(be16(ip + 6), 0x2000 | 100, "a fragment is cut");
	next(w, false, &hdr);
	tap_eq(be16(ip + 6), 0x2000 | 285, "and goes on after it");
	joiner_add(&w->j, frame, make_udp(frame, 0x4000, 4000));
	tap_eq(next(w, false, &hdr), 0, "what must not be cut is lost");
	joiner_add(&w->j, frame, make_udp(frame, 0x4000, 1480));
	tap_eq(next(w, false, &hdr) + TCP, 1480, "not if it need not be");
	size = make_udp(frame, 0, 4000);
	set_be16(frame + ETHER + 2, 65000);
	joiner_add(&w->j, frame, size);
	tap_eq(next(w, false, &hdr) + TCP, 4000, "one with a bad length is left alone");
	wire_close(w);
}

int main(void)
{
	test_finish(false);
	test_finish(true);
	test_malformed();
	test_zero();
	test_ring();
	test_join(false);
	test_join(true);
	test_apart();
	test_plain();
	test_offer(false);
	test_offer(true);
	test_no_offer();
	test_input();
	test_large(false);
	test_large(true);
	test_cut(false);
	test_cut(true);
	test_urgent();
	test_fragment();
	return tap_done();
}
