// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * e1000: frames through its rings. Sent ones arrive at the peer with the checksums,
 * segments and tags that descriptors ask for; received ones in the descriptors that the
 * filter lets them into. Then what no good driver does.
 */
#include "tests/dev/e1000-lib.h"
#include "tests/tap.h"

#include "common/bytes.h"
#include "common/cleanup.h"

#include <linux/virtio_net.h>
#include <string.h>

enum {
	EOP = 0x01 << 24,
	IC = 0x04 << 24,
	TSE = 0x04 << 24,
	RS = 0x08 << 24,
	DEXT = 0x20 << 24,
	VLE = 0x40 << 24,
	CONTEXT = DEXT,
	DATA = DEXT | 1 << 20,
	IXSM = 1 << 8,
	TXSM = 2 << 8,
	TCP = 0x01 << 24,
	IPV4 = 0x02 << 24,
};

static uint8_t got[FRAMES_MAX];

/* ---- frames ---- */

static void be16(uint8_t *p, unsigned v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static unsigned get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static unsigned get32(const uint8_t *p)
{
	return (unsigned)get16(p) << 16 | get16(p + 2);
}

/* The sum of the pseudo header, without a length. */
static uint32_t pseudo(const uint8_t *f, bool v6)
{
	return nic_sum(f + (v6 ? 22 : 26), v6 ? 32 : 8, v6 ? f[20] : f[23]);
}

static bool ip_sum_ok(const uint8_t *f)
{
	return nic_sum(f + 14, 20, 0) == 0xffff;
}

static bool l4_sum_ok(const uint8_t *f, size_t len, bool v6)
{
	size_t l4 = v6 ? 54 : 34;

	return nic_sum(f + l4, len - l4, pseudo(f, v6) + len - l4) == 0xffff;
}

/* Ethernet, IPv4 or IPv6, TCP; every payload byte depends on its place. The checksum
 * fields are as a stack leaves them to a card that segments: without lengths. */
static void make_tcp(uint8_t *f, size_t payload, bool v6)
{
	size_t l4 = v6 ? 54 : 34;

	memset(f, 0, l4 + 20);
	memcpy(f, "\x52\x55\x0a\0\x02\x02\x52\x54\0\x12\x34\x56", 12);
	be16(f + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		f[14] = 0x60;
		f[20] = 6;
		f[21] = 64;
		memset(f + 22, 0xfe, 32);
	} else {
		f[14] = 0x45;
		be16(f + 18, 0xfffe); /* the identifier wraps */
		f[22] = 64;
		f[23] = 6;
		memcpy(f + 26, "\x0a\0\x02\x0f\x0a\0\x02\x02", 8);
	}
	be16(f + l4, 1000);
	be16(f + l4 + 4, 0xffff);
	be16(f + l4 + 6, 0xff00); /* and so does the sequence number */
	f[l4 + 12] = 0x50;
	f[l4 + 13] = 0x99; /* CWR, ACK, PSH, FIN */
	be16(f + l4 + 16, pseudo(f, v6));
	for (size_t i = 0; i < payload; i++)
		f[l4 + 20 + i] = i * 7 + i / 256;
}

static void put_context(struct nic *n, bool v6, uint32_t kind, size_t payload,
                        unsigned mss)
{
	unsigned l4 = v6 ? 54 : 34;
	uint8_t c[8] = { 14, 24, l4 - 1, 0, l4, l4 + 16, 0, 0 };

	nic_put(n, ld64(c), payload | CONTEXT | TCP | (v6 ? 0 : IPV4) | kind,
	        mss << 16 | (l4 + 20) << 8);
}

/* ---- transmit ---- */

static void test_plain(struct nic *n)
{
	uint8_t *f = n->ram + NIC_DATA;
	uint32_t first = n->tail;

	make_tcp(f, 40, false);
	nic_get(n, ICR);
	nic_put(n, NIC_DATA, 60 | EOP | RS, 0);
	nic_send(n);
	tap_eq(nic_hear(n, got, true), 60, "a legacy descriptor sends a frame");
	tap_ok(!memcmp(got, f, 60), "as it is");
	tap_eq(nic_tx_status(n, first), 1, "RS: the descriptor is given back");
	tap_eq(nic_get(n, ICR), 3, "with interrupts: written back, empty");
	nic_put(n, NIC_DATA, 10, 0);
	nic_send(n);
	tap_eq(nic_hear(n, got, false), -1, "a frame without an end waits for it");
	nic_put(n, NIC_DATA + 10, 84 | EOP, 0);
	nic_send(n);
	tap_eq(nic_hear(n, got, true), 94, "then goes out in one");
	tap_ok(!memcmp(got, f, 94), "with all its bytes");
	tap_eq(nic_tx_status(n, n->tail - 1), 0, "without RS nothing is written");
	tap_eq(nic_get(n, TDH), n->tail, "TDH is where TDT is");
}

static void test_checksums(struct nic *n)
{
	uint8_t *f = n->ram + NIC_DATA;

	make_tcp(f, 41, false);
	be16(f + 16, 20 + 20 + 41);
	be16(f + 50, nic_sum(f + 50, 2, 61)); /* a stack gives the length here */
	put_context(n, false, 0, 0, 0);
	nic_put(n, NIC_DATA, 95 | DATA | EOP | RS, IXSM | TXSM);
	nic_send(n);
	tap_eq(nic_hear(n, got, true), 95, "a frame with both checksums");
	tap_ok(ip_sum_ok(got), "IP's is right");
	tap_ok(l4_sum_ok(got, 95, false), "TCP's is right, over an odd length");
	tap_ok(!memcmp(got + 54, f + 54, 41), "the data is the same");
	tap_eq(get16(f + 24), 0, "the guest's memory too");
	nic_put(n, NIC_DATA, 95 | DATA | EOP | RS, TXSM);
	nic_send(n);
	tap_eq(nic_hear(n, got, true), 95, "the context stays for the next frame");
	tap_ok(!get16(got + 24) && l4_sum_ok(got, 95, false),
	       "of which one is asked for");
	nic_put(n, NIC_DATA, 95 | EOP | RS | IC | 50 << 16, 34 << 8);
	nic_send(n);
	tap_eq(nic_hear(n, got, true), 95, "a legacy descriptor with a checksum");
	tap_ok(l4_sum_ok(got, 95, false), "which is right");
	nic_put(n, NIC_DATA, 95 | EOP | RS | IC | 200 << 16, 34 << 8);
	nic_send(n);
	tap_eq(nic_hear(n, got, true), 95, "a place behind the frame is not written");
}

/* The segments of one frame, each checked on its own and all of them together. */
static void test_segments(struct nic *n, bool v6)
{
	const char *what = v6 ? "IPv6" : "IPv4";
	unsigned l4 = v6 ? 54 : 34, head = l4 + 20, count = 0, at = 0;
	enum { PAYLOAD = 10000, MSS = 1447 };
	uint8_t *f = n->ram + NIC_DATA;
	bool sums = true, lengths = true, seqs = true, flags = true, data = true,
	     ids = true;

	make_tcp(f, PAYLOAD, v6);
	nic_get(n, TSCTC);
	put_context(n, v6, TSE, PAYLOAD, MSS);
	nic_put(n, NIC_DATA, head | DATA | TSE, v6 ? TXSM : IXSM | TXSM);
	nic_put(n, NIC_DATA + head, 5000 | DATA | TSE, 0);
	nic_put(n, NIC_DATA + head + 5000, 5000 | DATA | TSE | EOP | RS, 0);
	nic_send(n);
	for (; at < PAYLOAD; count++) {
		ssize_t len = nic_hear(n, got, true);
		unsigned part = PAYLOAD - at < MSS ? PAYLOAD - at : MSS;
		uint8_t want = 0x10 | (at ? 0 : 0x80) | (at + part == PAYLOAD ? 9 : 0);

		if (len != (ssize_t)(head + part))
			break;
		lengths &= get16(got + (v6 ? 18 : 16)) == len - (v6 ? 54 : 14);
		sums &= (v6 || ip_sum_ok(got)) && l4_sum_ok(got, len, v6);
		ids &= v6 || get16(got + 18) == ((0xfffe + count) & 0xffff);
		seqs &= get32(got + l4 + 4) == 0xffffff00 + at;
		flags &= got[l4 + 13] == want;
		data &= !memcmp(got + head, f + head + at, part);
		at += part;
	}
	tap_eq(at, PAYLOAD, "%s: a large frame arrives in segments", what);
	tap_eq(count, 7, "%s: of MSS each", what);
	tap_ok(lengths && ids, "%s: lengths and identifiers", what);
	tap_ok(sums, "%s: checksums", what);
	tap_ok(seqs && flags, "%s: sequence numbers and flags", what);
	tap_ok(data, "%s: data", what);
	tap_eq(nic_get(n, TSCTC), 1, "%s: it is counted", what);
}

static void test_tag(struct nic *n)
{
	uint8_t *f = n->ram + NIC_DATA;

	make_tcp(f, 40, false);
	nic_put(n, NIC_DATA, 94 | EOP | VLE, 0x2123 << 16);
	nic_send(n);
	tap_eq(nic_hear(n, got, true), 94, "without CTRL.VME no tag is inserted");
	nic_set(n, CTRL, nic_get(n, CTRL) | CTRL_VME);
	nic_put(n, NIC_DATA, 94 | EOP | VLE, 0x2123 << 16);
	nic_send(n);
	tap_eq(nic_hear(n, got, true), 98, "with it there is one");
	tap_eq(get32(got + 12), 0x81002123, "behind the addresses");
	tap_ok(!memcmp(got, f, 12) && !memcmp(got + 16, f + 12, 82),
	       "nothing else changed");
	nic_set(n, CTRL, nic_get(n, CTRL) & ~CTRL_VME);
}

static void test_counters(struct nic *n)
{
	nic_set(n, CTRL, 1 << 26);
	nic_close(n);
	nic_open(n, "", false);
	make_tcp(n->ram + NIC_DATA, 200, false);
	nic_put(n, NIC_DATA, 60 | EOP, 0);
	nic_put(n, NIC_DATA, 254 | EOP, 0);
	nic_send(n);
	nic_hear(n, got, true);
	nic_hear(n, got, true);
	tap_eq(nic_get(n, GPTC), 2, "frames sent are counted");
	tap_eq(nic_get(n, GPTC), 0, "reading clears");
	tap_eq(nic_get(n, GOTCL), 64 + 258, "octets, with check sequences");
	tap_eq(nic_get(n, PTC64), 1, "by size");
	tap_eq(nic_get(n, PTC64 + 12), 1, "256 to 511");
}

/* Where the back end does it a frame stays whole, and says what is to be done. */
static void test_offload(void)
{
	struct virtio_net_hdr_v1 h;
	struct nic n;
	uint8_t *f;

	nic_open(&n, "", true);
	f = n.ram + NIC_DATA;
	make_tcp(f, 10000, false);
	put_context(&n, false, TSE, 10000, 1448);
	nic_put(&n, NIC_DATA, 10054 | DATA | TSE | EOP | RS, IXSM | TXSM);
	nic_send(&n);
	tap_eq(nic_hear(&n, got, true), 12 + 10054,
	       "offload: a large frame in one piece");
	memcpy(&h, got, sizeof(h));
	tap_eq(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, "TCP, ECN");
	tap_ok(h.flags == 1 && h.gso_size == 1448 && h.hdr_len == 54 &&
	               h.csum_start == 34 && h.csum_offset == 16,
	       "where it is to be cut, and summed");
	tap_ok(ip_sum_ok(got + 12) && get16(got + 28) == 10040, "IP's part is done");
	tap_eq(get16(got + 12 + 50), nic_sum(NULL, 0, pseudo(got + 12, false) + 10020),
	       "TCP's sum is that of the pseudo header");
	put_context(&n, false, 0, 0, 0);
	nic_put(&n, NIC_DATA, 100 | DATA | EOP | RS, TXSM);
	nic_send(&n);
	tap_eq(nic_hear(&n, got, true), 112, "offload: a checksum is left");
	memcpy(&h, got, sizeof(h));
	tap_ok(h.flags == 1 && !h.gso_type && h.csum_start == 34 && h.csum_offset == 16,
	       "and said to be");
	memset(got, 0, 12);
	memcpy(got + 12, "\x52\x54\0\x12\x34\x56", 6);
	nic_say(&n, got, 72);
	tap_eq(nic_rx(&n, 0) & 0xffff, 60, "a received frame loses its header");
	nic_close(&n);
}

/* ---- receive ---- */

static size_t make_for(uint8_t *f, const char *mac, size_t len)
{
	make_tcp(f, len - 54, false);
	memcpy(f, mac, 6);
	be16(f + 16, len - 14);
	be16(f + 24, 0);
	be16(f + 24, ~nic_sum(f + 14, 20, 0));
	be16(f + 50, 0);
	be16(f + 50, ~nic_sum(f + 34, len - 34, pseudo(f, false) + len - 34));
	return len;
}

#define OWN "\x52\x54\0\x12\x34\x56"

static bool arrives(struct nic *n, const char *mac, uint32_t rctl)
{
	uint8_t f[100];
	uint32_t at;

	nic_set(n, RCTL, 1 << 1 | 1 << 26 | rctl);
	at = nic_get(n, RDH);
	nic_say(n, f, make_for(f, mac, 80));
	nic_set(n, RDT, (at + NIC_RX_COUNT - 1) % NIC_RX_COUNT);
	return nic_get(n, RDH) != at;
}

static void test_filter(struct nic *n)
{
	const char multi[] = "\x01\0\x5e\0\0\xfb", other[] = "\x52\x54\0\0\0\x01";
	const char all[] = "\xff\xff\xff\xff\xff\xff";
	unsigned hash = (0xfb << 8 | 0x00) >> 4 & 0xfff;

	tap_ok(arrives(n, OWN, 0), "a frame for the card's address");
	tap_ok(!arrives(n, other, 0), "not one for another");
	tap_ok(arrives(n, other, 1 << 3), "but with UPE");
	tap_ok(!arrives(n, all, 0) && arrives(n, all, 1 << 15), "broadcasts with BAM");
	tap_ok(!arrives(n, multi, 0) && arrives(n, multi, 1 << 4), "multicasts with MPE");
	nic_set(n, MTA + hash / 32 * 4, 1u << hash % 32);
	tap_ok(arrives(n, multi, 0), "or in the hash table");
	tap_ok(!arrives(n, multi, 3 << 12), "at the bits that MO says");
	nic_set(n, MTA + hash / 32 * 4, 0);
	nic_set(n, RAL + 8, 0x5e0001);
	nic_set(n, RAH + 8, 0x8000fb00);
	tap_ok(arrives(n, multi, 0), "or as one of the exact addresses");
	nic_set(n, RAH + 8, 0xfb00);
	tap_ok(!arrives(n, multi, 0), "if that is valid");
}

static void test_receive(struct nic *n)
{
	static uint8_t f[9000];
	uint32_t at = nic_get(n, RDH);
	uint64_t d;

	nic_set(n, RCTL, 1 << 1 | 1 << 26);
	nic_get(n, ICR);
	nic_say(n, f, make_for(f, OWN, 200));
	d = nic_rx(n, at);
	tap_eq(d & 0xffff, 200, "its length is in the descriptor");
	tap_eq(d >> 32 & 0xff, 0x07, "done, whole, checksums not looked at");
	tap_ok(!memcmp(n->ram + NIC_BUFFER + at % NIC_RX_COUNT * 4096, f, 200),
	       "its bytes in the buffer");
	tap_eq(nic_get(n, ICR) & 0x80, 0x80, "an interrupt tells");
	at = nic_get(n, RDH);
	nic_say(n, f, 20);
	tap_eq(nic_rx(n, at) & 0xffff, 60, "a short one is padded");
	nic_set(n, RCTL, 1 << 1);
	at = nic_get(n, RDH);
	nic_say(n, f, make_for(f, OWN, 200));
	tap_eq(nic_rx(n, at) & 0xffff, 204, "without SECRC the check sequence counts");
	at = nic_get(n, RDH);
	nic_get(n, ROC);
	nic_say(n, f, make_for(f, OWN, 4000));
	tap_ok(nic_get(n, RDH) == at && nic_get(n, ROC) == 1, "long frames are dropped");
	nic_set(n, RCTL, 1 << 1 | 1 << 26 | 1 << 5 | 1 << 16); /* 1024 bytes */
	nic_say(n, f, make_for(f, OWN, 4000));
	tap_eq(nic_get(n, RDH), (at + 4) % NIC_RX_COUNT,
	       "with LPE they fill descriptors");
	tap_eq(nic_rx(n, at) & 0xff0000ffffull, 0x100000400ull,
	       "1024 bytes, not the end");
	tap_eq(nic_rx(n, (at + 3) % NIC_RX_COUNT) & 0x03ff0000ffffull,
	       0x700000000ull | 928, "the rest, the end");
}

static void test_receive_sums(struct nic *n)
{
	uint8_t f[300];
	uint32_t at = nic_get(n, RDH);
	uint64_t d;

	nic_set(n, RCTL, 1 << 1 | 1 << 26);
	nic_set(n, RDT, (at + NIC_RX_COUNT - 1) % NIC_RX_COUNT);
	nic_set(n, RXCSUM, 3 << 8 | 14);
	nic_say(n, f, make_for(f, OWN, 201));
	d = nic_rx(n, at++ % NIC_RX_COUNT);
	tap_eq(d >> 32 & 0xffff, 0x0063, "RXCSUM: both checksums are right");
	tap_eq((d >> 16 & 0xff) << 8 | (d >> 24 & 0xff), nic_sum(f + 14, 187, 0),
	       "and the frame's own sum");
	make_for(f, OWN, 201);
	f[100] ^= 1;
	nic_say(n, f, 201);
	tap_eq(nic_rx(n, at++ % NIC_RX_COUNT) >> 32 & 0xffff, 0x2063, "TCP's is wrong");
	make_for(f, OWN, 201);
	f[22] ^= 1;
	nic_say(n, f, 201);
	tap_eq(nic_rx(n, at++ % NIC_RX_COUNT) >> 32 & 0xffff, 0x4063, "IP's is wrong");
	make_for(f, OWN, 201);
	f[20] |= 0x20;
	nic_say(n, f, 201);
	tap_eq(nic_rx(n, at++ % NIC_RX_COUNT) >> 32 & 0xff & 0x20, 0,
	       "of a fragment TCP's is not looked at");
	nic_set(n, RXCSUM, 0);
}

static void test_receive_tag(struct nic *n)
{
	uint8_t f[300], tagged[300];
	uint32_t at = nic_get(n, RDH);
	uint64_t d;

	make_for(f, OWN, 200);
	memcpy(tagged, f, 12);
	memcpy(tagged + 12, "\x81\0\x20\x05", 4);
	memcpy(tagged + 16, f + 12, 188);
	nic_set(n, RDT, (at + NIC_RX_COUNT - 1) % NIC_RX_COUNT);
	nic_set(n, CTRL, nic_get(n, CTRL) | CTRL_VME);
	nic_say(n, tagged, 204);
	d = nic_rx(n, at % NIC_RX_COUNT);
	tap_eq(d & 0xffff, 200, "VME: a tag is taken off");
	tap_eq(d >> 48, 0x2005, "and in the descriptor");
	tap_eq(d >> 32 & 8, 8, "which says so");
	tap_ok(!memcmp(n->ram + NIC_BUFFER + at % NIC_RX_COUNT * 4096, f, 200),
	       "the frame is as before");
	nic_set(n, RCTL, 1 << 1 | 1 << 26 | 1 << 18);
	at = nic_get(n, RDH);
	nic_say(n, tagged, 204);
	tap_eq(nic_get(n, RDH), at, "VFE: not for a VLAN that is not in the table");
	nic_set(n, VFTA, 1 << 5);
	nic_say(n, tagged, 204);
	tap_eq(nic_get(n, RDH), (at + 1) % NIC_RX_COUNT, "but for one that is");
	nic_set(n, CTRL, nic_get(n, CTRL) & ~CTRL_VME);
}

/* A driver that gives no descriptors loses nothing. */
static void test_waiting(struct nic *n)
{
	uint8_t f[100];
	uint32_t at = nic_get(n, RDH);
	bool order = true;

	nic_set(n, RCTL, 1 << 1 | 1 << 26);
	nic_set(n, RDT, at);
	for (unsigned i = 0; i < 5; i++) {
		make_for(f, OWN, 80 + i);
		nic_say(n, f, 80 + i);
	}
	tap_eq(nic_get(n, RDH), at, "no descriptor, no frame");
	tap_eq(board_wakeups(&n->b, 20), 0, "and nobody is woken for it");
	nic_set(n, RDT, (at + 2) % NIC_RX_COUNT);
	board_settle(&n->b);
	tap_eq(nic_get(n, RDH), (at + 2) % NIC_RX_COUNT, "two descriptors, two frames");
	nic_set(n, RDT, (at + 8) % NIC_RX_COUNT);
	board_settle(&n->b);
	for (unsigned i = 0; i < 5; i++)
		order &= (nic_rx(n, (at + i) % NIC_RX_COUNT) & 0xffff) == 80 + i;
	tap_ok(order, "all arrive in their order");
}

static void test_loopback(struct nic *n)
{
	uint32_t at = nic_get(n, RDH);

	make_for(n->ram + NIC_DATA, OWN, 100);
	nic_set(n, RDT, (at + NIC_RX_COUNT - 1) % NIC_RX_COUNT);
	nic_set(n, RCTL, 1 << 1 | 1 << 26 | 3 << 6);
	nic_put(n, NIC_DATA, 100 | EOP, 0);
	nic_send(n);
	tap_eq(nic_rx(n, at) & 0xffff, 100, "loopback: a frame comes back");
	tap_eq(nic_hear(n, got, false), -1, "and does not go out");
	nic_set(n, RCTL, 1 << 1 | 1 << 26);
}

/* ---- what no good driver does ---- */

static void test_full(struct nic *n)
{
	enum { PAYLOAD = 60000, MSS = 1000 };
	uint8_t *f = n->ram + NIC_DATA;
	unsigned frames = 0, segments = 0, heard = 0;
	bool data = true;

	make_tcp(f, PAYLOAD, false);
	/* More than the socket takes: the peer does not read meanwhile. */
	while (frames < 40) {
		put_context(n, false, TSE, PAYLOAD, MSS);
		nic_put(n, NIC_DATA, (PAYLOAD + 54) | DATA | TSE | EOP | RS, IXSM | TXSM);
		nic_send(n);
		frames++;
	}
	board_settle(&n->b);
	tap_ok(nic_get(n, TDH) != n->tail && n->e->tx_sent % MSS == 0,
	       "a peer that does not read stops the sending, in the middle of a frame");
	tap_eq(board_wakeups(&n->b, 20), 0, "and nobody is woken for it");
	while (heard < frames * PAYLOAD && nic_hear(n, got, true) == 54 + MSS) {
		unsigned at = heard % PAYLOAD;

		data &= l4_sum_ok(got, 54 + MSS, false) &&
		        !memcmp(got + 54, f + 54 + at, MSS);
		heard += MSS;
		segments++;
	}
	tap_eq(segments, frames * PAYLOAD / MSS, "each segment arrives, once");
	tap_ok(data, "with its data");
	tap_eq(nic_get(n, TDH), n->tail, "and the ring is empty");
}

static void test_hostile(struct nic *n)
{
	struct net_stats *stats = net_stats(n->e->nd);
	uint64_t dropped;

	make_tcp(n->ram + NIC_DATA, 2000, false);
	dropped = stats->tx_dropped;
	nic_put(n, NIC_RAM - 10, 100 | EOP | RS, 0);
	nic_send(n);
	tap_eq(stats->tx_dropped, ++dropped, "memory that is not there");
	put_context(n, false, TSE, 2000, 0);
	nic_put(n, NIC_DATA, 2054 | DATA | TSE | EOP | RS, IXSM | TXSM);
	nic_send(n);
	tap_eq(stats->tx_dropped, ++dropped, "segments of no size");
	nic_put(n, 0xffff2010fff0ffffull, CONTEXT | TSE, 0x1000ff00);
	nic_put(n, NIC_DATA, 2054 | DATA | TSE | EOP | RS, IXSM | TXSM);
	nic_send(n);
	tap_eq(stats->tx_dropped, ++dropped, "a context of nonsense");
	nic_put(n, NIC_DATA, 0xfffff | DATA | EOP | RS, 0);
	nic_send(n);
	tap_eq(stats->tx_dropped, ++dropped, "a frame of a megabyte");
	for (unsigned i = 0; i < 300; i++)
		nic_put(n, NIC_DATA, 1, 0);
	nic_send(n);
	tap_eq(stats->tx_dropped, ++dropped, "a frame without an end");
	nic_put(n, NIC_DATA, 60 | EOP | RS, 0);
	nic_set(n, TDH, n->tail - 1);
	nic_send(n);
	tap_eq(nic_hear(n, got, true), 60, "a good frame after all that");
	nic_set(n, TDT, 0xffff);
	nic_set(n, TDH, 0xffff);
	nic_set(n, RDT, 0xffff);
	nic_set(n, RDH, 0xffff);
	board_settle(&n->b);
	nic_set(n, TDBAL, 0xfffff000);
	nic_set(n, TDH, 0);
	nic_set(n, TDT, 100);
	board_settle(&n->b);
	tap_eq(nic_get(n, TDH), 100, "a ring where no memory is runs empty");
	tap_eq(nic_hear(n, got, false), -1, "and sends nothing");
}

/* What a peer may send at most has room, and nothing behind it is touched. */
static void test_longest(struct nic *n)
{
	static uint8_t frame[FRAMES_MAX];
	uint64_t dropped = net_stats(n->e->nd)->rx_dropped;

	memset(frame, 0x5a, sizeof(frame));
	memset(n->e->tx.data, 0xa5, 16);
	nic_set(n, RDH, 0);
	nic_set(n, RDT, NIC_RX_COUNT - 1);
	nic_say(n, frame, sizeof(frame));
	tap_eq(net_stats(n->e->nd)->rx_dropped, dropped + 1,
	       "the longest frame of a peer is dropped");
	tap_ok(ld64(n->e->tx.data) == 0xa5a5a5a5a5a5a5a5 &&
	               ld64(n->e->tx.data + 8) == 0xa5a5a5a5a5a5a5a5,
	       "and stays in its buffer");
}

int main(void)
{
	struct nic n;

	nic_open(&n, "", false);
	test_plain(&n);
	test_checksums(&n);
	test_segments(&n, false);
	test_segments(&n, true);
	test_tag(&n);
	test_counters(&n);
	test_offload();
	test_filter(&n);
	test_receive(&n);
	test_receive_sums(&n);
	test_receive_tag(&n);
	test_waiting(&n);
	test_loopback(&n);
	test_full(&n);
	test_hostile(&n);
	test_longest(&n);
	nic_close(&n);
	return tap_done();
}
