// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reception by the e1000 (3.2, 13.5): which frames are for the guest, and how they get
 * into its descriptors.
 *
 * A frame that finds no descriptors waits in the card's buffer, and the back end is not
 * read until the driver moves RDT, so that nothing is lost and nothing grows. The frame
 * check sequence, where the driver keeps it, is four zeros: what came is whole.
 */
#include "vmm/legacy/e1000-core.h"

#include "common/bytes.h"
#include "common/csum.h"
#include "vmm/core/vm.h"

#include <netinet/in.h>

enum {
	RCTL_SBP = 1 << 2, /* bad frames, too */
	RCTL_UPE = 1 << 3,
	RCTL_MPE = 1 << 4,
	RCTL_LPE = 1 << 5,
	RCTL_BAM = 1 << 15,
	RCTL_VFE = 1 << 18,
	RCTL_BSEX = 1 << 25,
	RCTL_SECRC = 1 << 26,

	RXCSUM_IP = 1 << 8,
	RXCSUM_L4 = 1 << 9,

	RA_HIGH_VALID = (int)0x80000000,

	/* Byte 12 of a descriptor, and 13. */
	STATUS_DD = 0x01,
	STATUS_EOP = 0x02,
	STATUS_IXSM = 0x04, /* no checksum was looked at */
	STATUS_VP = 0x08,
	STATUS_TCPCS = 0x20,
	STATUS_IPCS = 0x40,
	STATUS_PIF = 0x80, /* not by an exact address */
	ERROR_TCPE = 0x20,
	ERROR_IPE = 0x40,

	ETH_HEAD = 14,
	TAG_AT = 12,
	TAG = 4,
	SHORTEST = 60, /* without FCS, as all lengths here */
	LONGEST = 1518,
	LONGEST_JUMBO = 16384 - 4,
	FCS = 4,
	BATCH = 64, /* frames of one call */
};

/* What a descriptor says of a frame. */
struct verdict {
	uint8_t status, errors;
	uint16_t sum, tag;
};

/* ---- the filter (13.5) ---- */

static bool is_own(const struct e1000 *e, const uint8_t *mac)
{
	for (unsigned i = 0; i < E1000_RA; i += 2)
		if (e->ra[i + 1] & RA_HIGH_VALID && ld32(mac) == e->ra[i] &&
		    ld16(mac + 4) == (e->ra[i + 1] & 0xffff))
			return true;
	return false;
}

static bool is_in_hash(const struct e1000 *e, const uint8_t *mac)
{
	static const uint8_t shifts[] = { 4, 3, 2, 0 };
	unsigned shift = shifts[e->regs[E1000_RCTL] >> 12 & 3];
	unsigned bit = (mac[5] << 8 | mac[4]) >> shift & 0xfff;

	return e->mta[bit / 32] >> (bit % 32) & 1;
}

static bool is_tagged(const struct e1000 *e, const uint8_t *frame, size_t len)
{
	return len >= ETH_HEAD + TAG &&
	       (frame[TAG_AT] << 8 | frame[TAG_AT + 1]) == (int)e->regs[E1000_VET];
}

static bool vlan_ok(const struct e1000 *e, const uint8_t *frame, size_t len)
{
	unsigned id = (frame[TAG_AT + 2] << 8 | frame[TAG_AT + 3]) & 0xfff;

	return !(e->regs[E1000_RCTL] & RCTL_VFE) || !is_tagged(e, frame, len) ||
	       e->vfta[id / 32] >> (id % 32) & 1;
}

/* Whether the guest gets it; v->status says if only the hash or a mode let it in. */
static bool accepts(const struct e1000 *e, const uint8_t *frame, size_t len,
                    struct verdict *v)
{
	uint32_t rctl = e->regs[E1000_RCTL];

	if (!vlan_ok(e, frame, len))
		return false;
	if (is_own(e, frame))
		return true;
	if (rctl & RCTL_BAM && net_is_broadcast(frame))
		return true;
	v->status |= STATUS_PIF;
	if (frame[0] & 1)
		return rctl & RCTL_MPE || is_in_hash(e, frame);
	return rctl & RCTL_UPE;
}

static bool length_ok(struct e1000 *e, size_t len)
{
	uint32_t rctl = e->regs[E1000_RCTL];

	if (len >= ETH_HEAD && (len <= LONGEST || rctl & (RCTL_LPE | RCTL_SBP)) &&
	    len <= LONGEST_JUMBO)
		return true;
	if (len > LONGEST)
		e1000_count(e, STAT_ROC);
	return false;
}

/* ---- checksums (13.5.8) ---- */

static bool sum_ok(const uint8_t *data, size_t len, uint64_t sum)
{
	return csum_fold(csum_add(data, len, sum)) == 0xffff;
}

/* TCP and UDP in IPv4, in one piece. */
static void check_l4(const uint8_t *ip, size_t head, size_t total, struct verdict *v)
{
	const uint8_t *l4 = ip + head;
	size_t len = total - head;
	bool udp = ip[9] == IPPROTO_UDP;

	if ((ip[6] << 8 | ip[7]) & 0x3fff || len < (udp ? 8 : 20) ||
	    (!udp && ip[9] != IPPROTO_TCP))
		return;
	if (udp && !ld16(l4 + 6))
		return; /* its sender made none */
	v->status |= STATUS_TCPCS;
	if (!sum_ok(l4, len, csum_add(ip + 12, 8, htons(ip[9]) + htons(len))))
		v->errors |= ERROR_TCPE;
}

static void check_sums(const struct e1000 *e, const uint8_t *frame, size_t len,
                       struct verdict *v)
{
	uint32_t wants = e->regs[E1000_RXCSUM];
	const uint8_t *ip = frame + ETH_HEAD;
	size_t start = wants & 0xff, head, total;

	if (!(wants & (RXCSUM_IP | RXCSUM_L4))) {
		v->status |= STATUS_IXSM;
		return;
	}
	if (start < len)
		v->sum = csum_fold(csum_add(frame + start, len - start, 0));
	if (len < ETH_HEAD + 20 || ld16(frame + TAG_AT) != htons(0x0800) ||
	    ip[0] >> 4 != 4)
		return;
	head = (ip[0] & 15) * 4;
	total = ip[2] << 8 | ip[3];
	if (head < 20 || total < head || total > len - ETH_HEAD)
		return;
	if (wants & RXCSUM_IP) {
		v->status |= STATUS_IPCS;
		if (!sum_ok(ip, head, 0))
			v->errors |= ERROR_IPE;
	}
	if (wants & RXCSUM_L4)
		check_l4(ip, head, total, v);
}

/* ---- descriptors ---- */

static uint32_t buffer_size(const struct e1000 *e)
{
	uint32_t rctl = e->regs[E1000_RCTL], code = rctl >> 16 & 3;

	/* 2048, 1024, 512, 256; with BSEX 16 times as much, of which 0 is not defined. */
	return rctl & RCTL_BSEX && code ? 32768u >> code : 2048u >> code;
}

/* Fills one descriptor; returns how much of the data it took. */
static size_t fill(struct e1000 *e, uint64_t at, const uint8_t *data, size_t len,
                   const struct verdict *v)
{
	struct mem *mem = e->pci.dev.vm->mem;
	uint8_t d[E1000_DESC];
	size_t n = buffer_size(e);

	if (dma_read(mem, at, d, sizeof(d)) < 0)
		return len;
	n = len < n ? len : n;
	/* A descriptor without a buffer is only given back (3.2.3). */
	if (!ld64(d))
		n = 0;
	else
		dma_write(mem, ld64(d), data, n);
	memset(d + 8, 0, 8);
	st16(d + 8, n);
	d[12] = STATUS_DD;
	if (n == len) {
		st16(d + 10, v->sum);
		d[12] |= v->status | STATUS_EOP;
		d[13] = v->errors;
		st16(d + 14, v->tag);
	}
	dma_write(mem, at + 8, d + 8, 8);
	return n;
}

static bool few_left(const struct e1000 *e, const struct e1000_ring *ring)
{
	/* A half of the ring, a quarter, an eighth (13.4.22, RDMTS). */
	return ring->ready <= ring->count >> (1 + (e->regs[E1000_RCTL] >> 8 & 3));
}

/* Puts a frame into the ring, which has room; the causes of interrupts that this makes.
 */
static uint32_t put(struct e1000 *e, struct e1000_ring ring, const uint8_t *data,
                    size_t len, const struct verdict *v)
{
	size_t at = 0;

	for (; ring.ready && at < len; ring.ready--) {
		uint64_t desc = ring.base + (uint64_t)ring.head * E1000_DESC;

		at += fill(e, desc, data + at, len - at, v);
		ring.head = (ring.head + 1) % ring.count;
	}
	e->regs[E1000_RDH] = ring.head;
	return (at < len ? ICR_RXO : ICR_RXT0) | (few_left(e, &ring) ? ICR_RXDMT0 : 0);
}

/* ---- frames ---- */

/* Without its tag, padded, with its check sequence: as it lies in the descriptors. The
 * buffer has room for that. */
static uint8_t *finish(const struct e1000 *e, uint8_t *frame, size_t len, size_t total,
                       struct verdict *v)
{
	if (e->regs[E1000_CTRL] & CTRL_VME && is_tagged(e, frame, len)) {
		v->status |= STATUS_VP;
		v->tag = frame[TAG_AT + 2] << 8 | frame[TAG_AT + 3];
		memmove(frame + TAG, frame, TAG_AT);
		frame += TAG;
		len -= TAG;
	}
	memset(frame + len, 0, total - len);
	check_sums(e, frame, len, v);
	return frame;
}

/* False: the frame has to wait, and is as it was. Causes of interrupts are added. */
static bool take(struct e1000 *e, uint8_t *frame, size_t len, uint32_t *causes)
{
	bool strip = e->regs[E1000_CTRL] & CTRL_VME && is_tagged(e, frame, len);
	size_t total = strip ? len - TAG : len, needs, size = buffer_size(e);
	struct e1000_ring ring = e1000_ring(e, E1000_RDBAL);
	struct verdict v = { 0 };

	if (!length_ok(e, len) || !accepts(e, frame, len, &v)) {
		net_stats(e->nd)->rx_dropped++;
		return true;
	}
	total = (total < SHORTEST ? SHORTEST : total) +
	        (e->regs[E1000_RCTL] & RCTL_SECRC ? 0 : FCS);
	needs = (total + size - 1) / size;
	if (ring.ready < needs && (!ring.count || needs < ring.count))
		return false;
	if (ring.ready < needs) {
		/* It will never fit. */
		e1000_count(e, STAT_MPC);
		*causes |= ICR_RXO;
		return true;
	}
	e1000_count_frame(e, frame, len, false);
	frame = finish(e, frame, len, total, &v);
	*causes |= put(e, ring, frame, total, &v);
	return true;
}

/* The next frame of the back end, into rx. False: there is none. */
static bool fetch(struct e1000 *e)
{
	size_t head = net_has_header(e->nd) ? NET_HDR_LEN : 0;
	ssize_t n = net_recv(e->nd, e->rx.data + NET_HDR_LEN - head);

	if (n < 0)
		return false;
	e->rx_len = (size_t)n > head && e->link ? n - head : 0;
	return true;
}

void e1000_receive(struct e1000 *e)
{
	unsigned left = BATCH;
	uint32_t causes = 0;

	e->rx_waits = !e->running || !(e->regs[E1000_RCTL] & RCTL_EN);
	while (!e->rx_waits && left && (e->rx_len || fetch(e))) {
		left--;
		if (!e->rx_len)
			continue;
		e->rx_waits = !take(e, e->rx.data + NET_HDR_LEN, e->rx_len, &causes);
		if (!e->rx_waits)
			e->rx_len = 0;
	}
	net_want_input(e->nd, !e->rx_waits);
	/* What was read already would not wake the loop again. */
	if (!left && !e->rx_waits)
		loop_post(e->pci.dev.vm->loop, &e->rx_work);
	if (causes)
		e1000_raise(e, causes);
}

void e1000_loop_back(struct e1000 *e, const uint8_t *frame, size_t len)
{
	uint32_t causes = 0;

	if (len > LONGEST_JUMBO || e->rx_len || !(e->regs[E1000_RCTL] & RCTL_EN))
		return;
	memcpy(e->rx.data + NET_HDR_LEN, frame, len);
	if (take(e, e->rx.data + NET_HDR_LEN, len, &causes) && causes)
		e1000_raise(e, causes);
}
