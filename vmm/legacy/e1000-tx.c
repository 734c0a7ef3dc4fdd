// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Transmission by the e1000 (3.3 to 3.6): legacy, context and data descriptors, checksum
 * insertion, segmentation, VLAN tags.
 *
 * A frame is taken when all of its descriptors are there, and TDH moves when all of it is
 * sent: a back end that is full in the middle of a segmented frame leaves only the number
 * of payload bytes that are out, and the frame is gathered again later. The bytes are
 * copied once, so that what is checked is what is sent. Where the back end does checksums
 * and segmentation the frame goes there in one piece.
 *
 * It runs in the thread that wrote TDT, where sending never blocks: a vCPU's share of one
 * call is bounded, and the loop does the rest.
 */
#include "vmm/legacy/e1000-core.h"

#include "common/bytes.h"
#include "common/csum.h"
#include "vmm/core/vm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <stddef.h>

enum {
	/* The command byte, 11; TSE is "insert a checksum" in a legacy descriptor. */
	CMD_EOP = 0x01,
	CMD_TSE = 0x04,
	CMD_RS = 0x08,
	CMD_DEXT = 0x20,
	CMD_VLE = 0x40,
	CMD_TCP = 0x01, /* of a context */
	CMD_IPV4 = 0x02,
	TYPE_DATA = 1, /* high half of byte 10 */

	POPTS_IP = 0x01,
	POPTS_L4 = 0x02,
	DONE = 0x01,
	STATUS_AT = 12,

	FRAME_DESCS = 256,
	BURST = 128, /* frames that one call sends */
	ETH_HEAD = 14,
	TAG_AT = 12,
	TAG = 4,
	FRAME_MAX = NET_FRAME_MAX - NET_HDR_LEN - TAG,
	HEAD_MAX = 256,

	TCP_FIN_PSH = 0x09,
	TCP_CWR = 0x80,
};

/* As it lies in memory (3.3.6). */
struct context {
	uint8_t ip_start, ip_at;
	uint16_t ip_end;
	uint8_t l4_start, l4_at;
	uint16_t l4_end;
	uint8_t length[3], cmd, status, head;
	uint16_t mss;
};

/* What a frame's descriptors said together. */
struct request {
	uint32_t descs, len;
	uint8_t cmd, options;      /* of the first; VLE of any */
	uint8_t sum_start, sum_at; /* of a legacy descriptor */
	uint16_t tag;
	bool whole, bad;
};

static struct context get_context(const struct e1000 *e, bool large)
{
	struct context c;

	_Static_assert(sizeof(c) == E1000_DESC, "a descriptor");
	memcpy(&c, e->context[large], sizeof(c));
	return c;
}

/* ---- sending one frame ---- */

/* False: this call has sent enough, the loop goes on. */
static bool spend(struct e1000 *e)
{
	if (!e->tx_budget) {
		loop_post(e->pci.dev.vm->loop, &e->tx_work);
		return false;
	}
	e->tx_budget--;
	return true;
}

static void drop(struct e1000 *e, const char *what)
{
	log_guest(&e->warned, "%s: dropped: %s", e->pci.dev.path, what);
	net_stats(e->nd)->tx_dropped++;
}

static bool looped(const struct e1000 *e)
{
	return e->regs[E1000_RCTL] & RCTL_LOOPBACK || e->phy[PHY_CONTROL] & PHY_LOOPBACK;
}

/* The other side does checksums and segmentation. */
static bool offloads(const struct e1000 *e)
{
	return net_has_header(e->nd) && !looped(e);
}

/* One frame to the back end, with the tag that is to be inserted. 0 or -EAGAIN. */
static int put_out(struct e1000 *e, const struct request *req, uint8_t *frame, size_t len,
                   struct virtio_net_hdr_v1 *hdr)
{
	uint8_t tag[TAG] = { e->regs[E1000_VET] >> 8, e->regs[E1000_VET], req->tag >> 8,
		             req->tag };
	bool tagged = req->cmd & CMD_VLE;
	size_t start = tagged ? TAG_AT : 0;
	struct iovec iov[4];
	unsigned n = 0;
	int ret = 0;

	if (!spend(e))
		return -EAGAIN;
	if (net_has_header(e->nd))
		iov[n++] = (struct iovec){ hdr, NET_HDR_LEN };
	if (tagged) {
		iov[n++] = (struct iovec){ frame, TAG_AT };
		iov[n++] = (struct iovec){ tag, TAG };
	}
	iov[n++] = (struct iovec){ frame + start, len - start };
	if (looped(e))
		e1000_loop_back(e, frame, len);
	else
		ret = net_send(e->nd, iov, n);
	if (!ret)
		e1000_count_frame(e, frame, len + (tagged ? TAG : 0), true);
	return ret;
}

/* Inserts the checksum of [start, end] (0: of all from start) at `at`, over what stands
 * there. */
static void insert_sum(uint8_t *frame, size_t len, size_t start, size_t at, size_t end)
{
	size_t stop = end && end + 1 < len ? end + 1 : len;
	uint16_t sum;

	if (at + 2 > len || start >= stop)
		return;
	sum = ~csum_fold(csum_add(frame + start, stop - start, 0));
	st16(frame + at, sum ? sum : 0xffff);
}

static uint16_t get_be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static void put_be16(uint8_t *p, unsigned value)
{
	p[0] = value >> 8;
	p[1] = value;
}

/* Adds a length to the sum of a pseudo header. */
static void add_length(uint8_t *frame, size_t at, unsigned len)
{
	uint16_t big = htons(len);

	st16(frame + at, csum_fold((uint64_t)ld16(frame + at) + big));
}

/* The IP header of a frame or segment of len bytes, the nth one. */
static void fix_ip(uint8_t *frame, size_t len, const struct context *c, unsigned n)
{
	uint8_t *ip = frame + c->ip_start;

	if (c->cmd & CMD_IPV4) {
		put_be16(ip + 2, len - c->ip_start);
		put_be16(ip + 4, get_be16(ip + 4) + n);
	} else {
		put_be16(ip + 4, len - c->ip_start - 40);
	}
}

/* ---- segmentation ---- */

/* Offsets lie in the header, behind each other. */
static bool context_ok(const struct context *c, const struct request *req)
{
	return c->mss && c->head <= req->len && c->ip_start >= 14 &&
	       c->ip_start + 20u <= c->l4_start && c->l4_start + 8u <= c->head &&
	       (!(c->cmd & CMD_TCP) || c->l4_start + 20u <= c->head) &&
	       (!(req->options & POPTS_L4) || c->l4_at + 2u <= c->head) &&
	       (!(req->options & POPTS_IP) || c->ip_at + 2u <= c->head) &&
	       (c->cmd & CMD_IPV4 || c->ip_start + 40u <= c->l4_start);
}

/* The whole frame for a back end that cuts it itself; false: it cannot. */
static bool offer_whole(struct e1000 *e, const struct request *req,
                        const struct context *c, struct virtio_net_hdr_v1 *hdr)
{
	unsigned shift = req->cmd & CMD_VLE ? TAG : 0;
	uint8_t *frame = e->tx.data;
	bool v4 = c->cmd & CMD_IPV4;

	if (!offloads(e) || !(c->cmd & CMD_TCP) || !(req->options & POPTS_L4) ||
	    c->l4_at != c->l4_start + 16 || req->len - c->ip_start > 0xffff || e->tx_sent)
		return false;
	fix_ip(frame, req->len, c, 0);
	if (v4 && req->options & POPTS_IP)
		insert_sum(frame, req->len, c->ip_start, c->ip_at, c->ip_end);
	add_length(frame, c->l4_at, req->len - c->l4_start);
	*hdr = (struct virtio_net_hdr_v1){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = v4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = c->head + shift,
		.gso_size = c->mss,
		.csum_start = c->l4_start + shift,
		.csum_offset = c->l4_at - c->l4_start,
	};
	if (frame[c->l4_start + 13] & TCP_CWR)
		hdr->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	return true;
}

/* Makes the segment whose payload starts at `at` of the payload: its header is put in
 * front of it, over what was sent before. Its start; *len is set. */
static uint8_t *make_segment(struct e1000 *e, const struct request *req,
                             const struct context *c, const uint8_t *head, uint32_t at,
                             size_t *len)
{
	uint32_t left = req->len - c->head - at, n = left < c->mss ? left : c->mss;
	uint8_t *frame = e->tx.data + at, *l4 = frame + c->l4_start;

	*len = c->head + n;
	memcpy(frame, head, c->head);
	fix_ip(frame, *len, c, at / c->mss);
	if (c->cmd & CMD_TCP) {
		uint32_t seq = ntohl(ld32(l4 + 4)) + at;

		st32(l4 + 4, htonl(seq));
		if (n < left)
			l4[13] &= ~TCP_FIN_PSH;
		if (at)
			l4[13] &= ~TCP_CWR;
	} else {
		put_be16(l4 + 4, *len - c->l4_start);
	}
	if (req->options & POPTS_L4) {
		add_length(frame, c->l4_at, *len - c->l4_start);
		insert_sum(frame, *len, c->l4_start, c->l4_at, c->l4_end);
	}
	if (req->options & POPTS_IP)
		insert_sum(frame, *len, c->ip_start, c->ip_at, c->ip_end);
	return frame;
}

static int send_segments(struct e1000 *e, const struct request *req,
                         const struct context *c)
{
	struct virtio_net_hdr_v1 hdr = { 0 };
	uint8_t head[HEAD_MAX];

	memcpy(head, e->tx.data, c->head);
	while (e->tx_sent < req->len - c->head) {
		size_t len;
		uint8_t *frame = make_segment(e, req, c, head, e->tx_sent, &len);

		if (put_out(e, req, frame, len, &hdr) == -EAGAIN)
			return -EAGAIN;
		e->tx_sent += c->mss;
	}
	return 0;
}

static int send_large(struct e1000 *e, const struct request *req)
{
	struct context c = get_context(e, true);
	struct virtio_net_hdr_v1 hdr;
	int ret;

	if (!context_ok(&c, req)) {
		if (!spend(e))
			return -EAGAIN;
		drop(e, "a frame whose context does not fit it");
		return 0;
	}
	ret = offer_whole(e, req, &c, &hdr) ? put_out(e, req, e->tx.data, req->len, &hdr)
	                                    : send_segments(e, req, &c);
	if (!ret)
		e1000_count(e, STAT_TSCTC);
	return ret;
}

/* ---- frames that are sent as they are ---- */

/* Leaves the sum of [start, …) to a back end that takes headers; false: it is ours. */
static bool leave_sum(struct e1000 *e, const struct request *req, unsigned start,
                      unsigned at, unsigned end, struct virtio_net_hdr_v1 *hdr)
{
	unsigned shift = req->cmd & CMD_VLE ? TAG : 0;

	if (!offloads(e) || end || at < start || at + 2u > req->len || start < 14)
		return false;
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = start + shift;
	hdr->csum_offset = at - start;
	return true;
}

static int send_small(struct e1000 *e, const struct request *req)
{
	struct context c = get_context(e, false);
	struct virtio_net_hdr_v1 hdr = { 0 };
	uint8_t *frame = e->tx.data;

	if (!(req->cmd & CMD_DEXT)) {
		c.l4_start = req->sum_start;
		c.l4_at = req->sum_at;
		c.l4_end = 0;
	}
	if (req->options & POPTS_IP)
		insert_sum(frame, req->len, c.ip_start, c.ip_at, c.ip_end);
	if (req->options & POPTS_L4 &&
	    !leave_sum(e, req, c.l4_start, c.l4_at, c.l4_end, &hdr))
		insert_sum(frame, req->len, c.l4_start, c.l4_at, c.l4_end);
	return put_out(e, req, frame, req->len, &hdr);
}

/* ---- descriptors ---- */

static void add_data(struct e1000 *e, struct request *req, const uint8_t *d, bool first)
{
	bool ext = d[11] & CMD_DEXT;
	uint32_t len = ext ? ld32(d + 8) & 0xfffff : ld16(d + 8);

	if (first) {
		req->cmd = d[11];
		req->options = ext ? d[13] : d[11] & CMD_TSE ? POPTS_L4 : 0;
		req->sum_at = d[10];
		req->sum_start = d[13];
	}
	if (d[11] & CMD_VLE && e->regs[E1000_CTRL] & CTRL_VME) {
		req->cmd |= CMD_VLE;
		req->tag = ld16(d + 14);
	}
	req->whole = d[11] & CMD_EOP;
	if (req->bad || len > FRAME_MAX - req->len ||
	    dma_read(e->pci.dev.vm->mem, ld64(d), e->tx.data + req->len, len) < 0)
		req->bad = true;
	else
		req->len += len;
}

/* Gathers the frame at the ring's head; not whole: the driver is still writing it. */
static struct request gather(struct e1000 *e, const struct e1000_ring *ring)
{
	struct mem *mem = e->pci.dev.vm->mem;
	struct request req = { .descs = 0 };
	bool first = true;

	while (req.descs < ring->ready && req.descs < FRAME_DESCS && !req.whole) {
		uint32_t i = (ring->head + req.descs++) % ring->count;
		uint8_t d[E1000_DESC];

		if (dma_read(mem, ring->base + (uint64_t)i * E1000_DESC, d, sizeof(d)) <
		    0) {
			/* Nobody answers on the bus: the ring is skipped. */
			req.bad = req.whole = true;
		} else if (d[11] & CMD_DEXT && d[10] >> 4 != TYPE_DATA) {
			memcpy(e->context[!!(d[11] & CMD_TSE)], d, sizeof(d));
		} else {
			add_data(e, &req, d, first);
			first = false;
		}
	}
	if (!(e->regs[E1000_CTRL] & CTRL_VME))
		req.cmd &= ~CMD_VLE;
	/* No frame is as long as that; nor will a full ring get an end. */
	if (!req.whole && (req.descs == FRAME_DESCS || req.descs + 1 == ring->count))
		req.whole = req.bad = true;
	return req;
}

/* Gives the descriptors back; the causes of interrupts that this makes. */
static uint32_t give_back(struct e1000 *e, const struct e1000_ring *ring, uint32_t descs)
{
	struct mem *mem = e->pci.dev.vm->mem;
	uint32_t causes = 0;

	for (uint32_t n = 0; n < descs; n++) {
		uint32_t i = (ring->head + n) % ring->count;
		uint64_t at = ring->base + (uint64_t)i * E1000_DESC;
		uint8_t d[E1000_DESC];

		if (dma_read(mem, at, d, sizeof(d)) < 0 || !(d[11] & CMD_RS))
			continue;
		d[STATUS_AT] |= DONE;
		dma_write(mem, at + STATUS_AT, d + STATUS_AT, 1);
		causes |= ICR_TXDW;
	}
	e->regs[E1000_TDH] = (ring->head + descs) % ring->count;
	e->tx_sent = 0;
	return causes;
}

static int send_frame(struct e1000 *e, const struct request *req)
{
	if (req->bad || req->len < ETH_HEAD) {
		if (!spend(e))
			return -EAGAIN;
		drop(e, "a frame that has no end, no memory or no header");
		return 0;
	}
	return req->cmd & CMD_DEXT && req->cmd & CMD_TSE ? send_large(e, req)
	                                                 : send_small(e, req);
}

void e1000_transmit(struct e1000 *e)
{
	uint32_t causes = 0;

	e->tx_budget = BURST;
	net_cork(e->nd, true);
	while (e->running && e->regs[E1000_TCTL] & TCTL_EN) {
		struct e1000_ring ring = e1000_ring(e, E1000_TDBAL);
		struct request req;

		if (!ring.ready)
			break;
		req = gather(e, &ring);
		if (!req.whole || send_frame(e, &req) == -EAGAIN)
			break;
		causes |= give_back(e, &ring, req.descs);
		if (req.descs == ring.ready)
			causes |= ICR_TXQE;
	}
	net_cork(e->nd, false);
	if (causes)
		e1000_raise(e, causes);
}
