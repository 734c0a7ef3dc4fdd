// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-net on a tap of several queues (virtio 1.2, 5.1.6.5.6), in a network namespace
 * of the test's own: which queue is which, how many are in use, frames on each. Then the
 * same with vhost, where the host has it: the kernel moves the frames, until the machine
 * stops, the link goes, somebody logs RAM or the driver breaks a ring; afterwards both
 * sides know how far they are.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/dev/virtio-net-lib.h"
#include "tests/tap.h"
#include "vmm/virtio/net.h"
#include "vmm/virtio/vhost.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define NAME  "kvmt2"
#define FRAME 200
#define RXBUF 2048

enum { PAIRS = 2 };

/* A card with its driver; frames start with a mark so that what else the host's kernel
 * sends is told apart. */
struct rig {
	struct guest *g;
	struct netdev *nd;
	struct vdrv d;
	struct vqueue rx[PAIRS], tx[PAIRS], ctrl;
	unsigned pairs; /* that the driver knows of */
	uint64_t at;    /* guest memory: a frame to send, a command, receive buffers */
	int fd;         /* packet socket on the tap */
	size_t head;
};

static struct virtio_net *card(struct rig *r)
{
	return (struct virtio_net *)r->d.dev;
}

static bool in_kernel(struct rig *r)
{
	return vhost_running(card(r)->pairs[0].vhost);
}

/* ---- the host's side ---- */

static int open_interface(void)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
		                    .sll_protocol = htons(ETH_P_ALL) };
	struct ifreq ifr = { .ifr_flags = IFF_UP | IFF_RUNNING, .ifr_name = NAME };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	addr.sll_ifindex = if_nametoindex(NAME);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -1;
	return fd;
}

static void fill(uint8_t *frame, uint8_t mark)
{
	static const uint8_t start[14] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2,
		                           9,    9,    9, 9,    9,    0x88, 0xb5 };

	memset(frame, mark, FRAME);
	memcpy(frame, start, sizeof(start));
}

/* The host gets a frame of the guest with this mark within ms. */
static bool host_hears(struct rig *r, uint8_t mark, int ms)
{
	uint8_t buf[4096];
	struct pollfd pfd = { r->fd, POLLIN, 0 };

	board_settle(&r->g->board);
	while (poll(&pfd, 1, ms) > 0) {
		ssize_t n = read(r->fd, buf, sizeof(buf));

		if (n == FRAME && buf[12] == 0x88 && buf[FRAME - 1] == mark)
			return true;
	}
	return false;
}

static void host_says(struct rig *r, uint8_t mark)
{
	uint8_t frame[FRAME];

	fill(frame, mark);
	frame[11] = mark; /* another sender: not what it hears of itself */
	if (write(r->fd, frame, FRAME) != FRAME)
		tap_diag("the host cannot send: %s", strerror(errno));
}

/* ---- the guest's side ---- */

static bool sends(struct rig *r, unsigned pair, uint8_t mark)
{
	uint8_t *p = guest_ptr(r->g, r->at);

	memset(p, 0, r->head);
	fill(p + r->head, mark);
	return vqueue_do(&r->tx[pair], &(struct vseg){ r->at, r->head + FRAME, false },
	                 1) != UINT32_MAX;
}

static uint64_t rxbuf(struct rig *r, unsigned pair)
{
	return r->at + 8192 + pair * RXBUF;
}

static void give_buffer(struct rig *r, unsigned pair)
{
	vqueue_add(&r->rx[pair], &(struct vseg){ rxbuf(r, pair), RXBUF, true }, 1);
	vqueue_notify(&r->rx[pair]);
}

struct waiting {
	struct rig *r;
	uint8_t mark;
	bool seen;
};

/* Looks at what came on any queue; buffers go back at once. */
static bool arrived(void *opaque)
{
	struct waiting *w = opaque;

	for (unsigned i = 0; i < w->r->pairs; i++) {
		const uint8_t *p = guest_ptr(w->r->g, rxbuf(w->r, i));

		if (!vqueue_reap(&w->r->rx[i]))
			continue;
		w->seen |= ld16(p + w->r->head + 12) == 0xb588 &&
		           p[w->r->head + FRAME - 1] == w->mark;
		give_buffer(w->r, i);
	}
	return w->seen;
}

static bool hears(struct rig *r, uint8_t mark, unsigned ms)
{
	struct waiting w = { r, mark, false };

	host_says(r, mark);
	return board_until(&r->g->board, arrived, &w, ms);
}

static uint8_t command(struct rig *r, uint8_t class, uint8_t cmd, uint16_t value)
{
	uint8_t *p = guest_ptr(r->g, r->at + 4096);

	p[0] = class;
	p[1] = cmd;
	st16(p + 2, value);
	p[16] = 0xee;
	vqueue_do(&r->ctrl,
	          (struct vseg[]){ { r->at + 4096, 4, false },
	                           { r->at + 4096 + 16, 1, true } },
	          2);
	return p[16];
}

static uint8_t use_pairs(struct rig *r, uint16_t pairs)
{
	return command(r, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, pairs);
}

/* ---- set-up ---- */

static void make_netdev(struct rig *r, const char *opts)
{
	struct opt_list list = { 0 };
	struct err err = { 0 };

	net_registry_free(r->g->board.vm.nets);
	r->g->board.vm.nets = net_registry_new(r->g->board.vm.loop);
	if (opt_list_parse(&list, opts, "type", &err) >= 0)
		r->nd = net_create(r->g->board.vm.nets, &list, &err);
	opt_list_free(&list);
	if (!r->nd) {
		tap_diag("%s: %s", opts, err.text);
		exit(1);
	}
	r->fd = open_interface();
}

static void start_driver(struct rig *r, bool legacy, uint64_t features)
{
	r->d.legacy = legacy;
	/* Every used chain is an interrupt: the loop has nothing else to wake it. */
	vdrv_negotiate(&r->d, features & ~(1ull << VIRTIO_RING_F_EVENT_IDX));
	r->pairs = r->d.features >> VIRTIO_NET_F_MQ & 1 ? PAIRS : 1;
	r->head = net_header_len(&card(r)->vpci.vdev);
	for (unsigned i = 0; i < r->pairs; i++) {
		vqueue_init(&r->rx[i], &r->d, 2 * i, 0, VIRTIO_MSI_NO_VECTOR);
		vqueue_init(&r->tx[i], &r->d, 2 * i + 1, 0, VIRTIO_MSI_NO_VECTOR);
	}
	vqueue_init(&r->ctrl, &r->d, 2 * r->pairs, 0, VIRTIO_MSI_NO_VECTOR);
	vdrv_ready(&r->d);
	for (unsigned i = 0; i < r->pairs; i++)
		give_buffer(r, i);
	board_settle(&r->g->board);
}

static void open_rig(struct rig *r, struct guest *g, const char *netdev, bool legacy,
                     uint64_t features)
{
	*r = (struct rig){ .g = g };
	make_netdev(r, netdev);
	vdrv_init(&r->d, g,
	          board_add(&g->board, &virtio_net_pci_class, "netdev=t,mq=on"));
	r->at = guest_alloc(g, 16384);
	start_driver(r, legacy, features);
}

static void close_rig(struct rig *r)
{
	device_destroy(r->d.dev);
	close(r->fd);
}

/* ---- queues ---- */

#define TAP   "tap,id=t,ifname=" NAME ",script=no,downscript=no,queues=2"
#define VHOST TAP ",vhost=on,vhostforce=on"
#define NO_MQ (ALL & ~(1ull << VIRTIO_NET_F_MQ))

static void test_queues(struct guest *g, const char *netdev, const char *what)
{
	struct rig r;

	open_rig(&r, g, netdev, false, ALL);
	tap_eq(r.pairs, 2, "%s: two pairs are offered", what);
	tap_eq(vdrv_config(&r.d, 8, 2), 2, "and are in the configuration");
	tap_eq(r.d.vectors, 6, "with a vector for each queue and one");
	tap_ok(sends(&r, 0, 1) && host_hears(&r, 1, 60000), "the first pair sends");
	tap_ok(hears(&r, 2, 60000), "and hears");
	vqueue_add(&r.tx[1], &(struct vseg){ r.at, r.head + FRAME, false }, 1);
	vqueue_notify(&r.tx[1]);
	tap_ok(!host_hears(&r, 1, 100), "the second one does nothing yet");
	tap_eq(use_pairs(&r, 0), VIRTIO_NET_ERR, "no pair is not possible");
	tap_eq(use_pairs(&r, 3), VIRTIO_NET_ERR, "three are not there");
	tap_eq(command(&r, VIRTIO_NET_CTRL_MQ, 1, 2), VIRTIO_NET_ERR, "no such command");
	tap_eq(use_pairs(&r, 2), VIRTIO_NET_OK, "both are used");
	tap_ok(host_hears(&r, 1, 60000), "what waited is sent");
	for (unsigned i = 0; i < 8; i++)
		if (!sends(&r, i % 2, 10 + i) || !host_hears(&r, 10 + i, 60000) ||
		    !hears(&r, 20 + i, 60000))
			tap_ok(false, "frame %u on pair %u", i, i % 2);
	tap_eq(use_pairs(&r, 1), VIRTIO_NET_OK, "back to one");
	tap_ok(hears(&r, 3, 60000), "all frames come there");
	vdrv_set_status(&r.d, 0);
	tap_eq(card(&r)->active, 1, "a reset leaves one");
	start_driver(&r, false, NO_MQ);
	tap_eq(command(&r, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1),
	       VIRTIO_NET_OK, "a driver of one pair has its control queue behind it");
	tap_ok(sends(&r, 0, 4) && host_hears(&r, 4, 60000) && hears(&r, 5, 60000),
	       "and frames");
	close_rig(&r);
}

/* The netdev of a card goes away: what is left of it stays with the card. */
static void test_removed(struct guest *g, const char *netdev, const char *what)
{
	struct rig r;

	open_rig(&r, g, netdev, false, ALL);
	tap_eq(use_pairs(&r, 2), VIRTIO_NET_OK, "%s: both pairs are used", what);
	net_remove(r.nd);
	tap_ok(net_queues(r.nd) == 2 && !net_link_up(r.nd),
	       "the netdev is removed: two queues without a link");
	tap_ok(sends(&r, 0, 6) && sends(&r, 1, 7), "what is sent is lost");
	vdrv_set_status(&r.d, 0);
	start_driver(&r, false, ALL);
	tap_eq(use_pairs(&r, 2), VIRTIO_NET_OK, "another driver uses both again");
	tap_ok(sends(&r, 0, 8) && sends(&r, 1, 9), "and is heard by nobody");
	close_rig(&r);
}

/* Nobody but the guest's own driver makes a second queue of it. */
static void test_plain_card(struct guest *g)
{
	struct rig r = { .g = g };

	make_netdev(&r, TAP);
	vdrv_init(&r.d, g, board_add(&g->board, &virtio_net_pci_class, "netdev=t"));
	r.at = guest_alloc(g, 16384);
	start_driver(&r, false, ALL);
	tap_eq(r.pairs, 1, "mq=off: one pair");
	for (unsigned i = 0; i < 8; i++)
		if (!hears(&r, 30 + i, 60000))
			tap_ok(false, "frame %u", i);
	tap_ok(hears(&r, 40, 60000), "and every frame comes to it");
	close_rig(&r);
}

/* ---- vhost ---- */

static bool rings_agree(struct rig *r)
{
	for (unsigned q = 0; q < 2 * r->pairs; q++) {
		const struct virtqueue *vq = &card(r)->vpci.vdev.queues[q];

		if (!vq->mapped || vq->in_flight || vq->used_idx != vq->last_avail ||
		    vq->used_idx != ld16(vq->used_ring + 2)) {
			tap_diag("queue %u: avail %u, used %u", q, vq->last_avail,
			         vq->used_idx);
			return false;
		}
	}
	return true;
}

static bool both_ways(struct rig *r, uint8_t mark)
{
	return sends(r, 0, mark) && host_hears(r, mark, 60000) &&
	       hears(r, mark + 1, 60000);
}

static void test_stop(struct rig *r)
{
	struct device *dev = r->d.dev;

	tap_ok(in_kernel(r) && both_ways(r, 50), "the kernel moves frames both ways");
	tap_eq(net_stats(r->nd)->tx_frames + net_stats(r->nd)->rx_frames, 0,
	       "not one of them was here");
	dev->cls->quiesce(dev);
	tap_ok(!in_kernel(r) && rings_agree(r), "stopped: the rings are where it left "
	                                        "them");
	host_says(r, 60);
	tap_ok(!arrived(&(struct waiting){ r, 60, false }), "nothing comes meanwhile");
	dev->cls->resume(dev);
	tap_ok(both_ways(r, 52) && in_kernel(r), "and it goes on from there");
}

static void test_link_and_log(struct rig *r)
{
	struct mem *mem = r->g->board.vm.mem;
	struct ram_block *ram = (struct ram_block *)mem_ram(mem, 0);
	uint64_t bitmap[GUEST_SPLIT / 4096 / 64];
	unsigned page;

	net_set_link(r->nd, false);
	board_settle(&r->g->board);
	tap_ok(!in_kernel(r), "without a link it does not");
	tap_ok(sends(r, 0, 70) && !host_hears(r, 70, 100), "frames are lost");
	net_set_link(r->nd, true);
	tap_ok(both_ways(r, 54) && in_kernel(r), "with one it does");
	mem_log_dirty(mem, ram, true);
	tap_ok(!in_kernel(r), "while RAM is logged this program moves frames");
	tap_ok(both_ways(r, 56), "both ways");
	page = rxbuf(r, 0) / 4096;
	tap_ok(!mem_take_dirty(mem, ram, bitmap) && bitmap[page / 64] >> page % 64 & 1,
	       "and what it wrote is in the log");
	mem_log_dirty(mem, ram, false);
	tap_ok(both_ways(r, 58) && in_kernel(r), "then the kernel again");
}

static bool has_isr(void *opaque)
{
	return vdrv_isr(&((struct rig *)opaque)->d) & 1;
}

static void test_interrupts(struct rig *r)
{
	uint32_t data;

	vdrv_isr(&r->d);
	tap_ok(hears(r, 80, 60000) && board_until(&r->g->board, has_isr, r, 60000),
	       "an interrupt through INTx");
	vdrv_msix_enable(&r->d, true);
	vdrv_set(&r->d, COMMON(queue_select), 0, 2);
	vdrv_set(&r->d, COMMON(queue_msix_vector), 2, 2);
	vdrv_msis(&r->d, &data);
	tap_ok(hears(r, 81, 60000) && in_kernel(r), "a vector was given while it ran");
	board_settle(&r->g->board);
	tap_ok(vdrv_msis(&r->d, &data) && data == MSI_DATA + 2, "interrupts come there");
	vdrv_msix_mask(&r->d, 2, true);
	vdrv_msis(&r->d, &data);
	host_says(r, 82);
	tap_ok(!host_hears(r, 1, 200) && !vdrv_msis(&r->d, &data), "masked: none");
	vdrv_msix_mask(&r->d, 2, false);
	board_settle(&r->g->board);
	tap_ok(vdrv_msis(&r->d, &data), "unmasked: the one that waited");
	arrived(&(struct waiting){ r, 82, false });
	vdrv_msix_enable(&r->d, false);
	tap_ok(hears(r, 83, 60000) && board_until(&r->g->board, has_isr, r, 60000),
	       "and INTx again");
}

static bool needs_reset(void *opaque)
{
	return vdrv_status(&((struct rig *)opaque)->d) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static void test_broken(struct rig *r)
{
	uint8_t *avail = guest_ptr(r->g, r->tx[0].avail);

	st16(avail + 2, ld16(avail + 2) + 5000);
	vqueue_notify(&r->tx[0]);
	tap_ok(board_until(&r->g->board, needs_reset, r, 60000),
	       "a ring that the kernel cannot use breaks the device");
	tap_ok(!in_kernel(r), "which then rests");
	vdrv_set_status(&r->d, 0);
	start_driver(r, false, ALL);
	tap_ok(both_ways(r, 90) && in_kernel(r), "a reset mends it");
	vdrv_set_status(&r->d, 0);
	start_driver(r, true, ~MRG);
	tap_eq(r->head, 10, "a legacy driver has the short header");
	tap_ok(both_ways(r, 92) && in_kernel(r), "which the kernel is told");
	mem_log_dirty(r->g->board.vm.mem,
	              (struct ram_block *)mem_ram(r->g->board.vm.mem, 0), true);
	tap_ok(both_ways(r, 94) && !in_kernel(r), "and which this program has, too");
	mem_log_dirty(r->g->board.vm.mem,
	              (struct ram_block *)mem_ram(r->g->board.vm.mem, 0), false);
}

static void test_vhost(struct guest *g)
{
	struct rig r;

	test_queues(g, VHOST, "vhost");
	test_removed(g, VHOST, "vhost");
	open_rig(&r, g, VHOST, false, ALL);
	test_stop(&r);
	test_link_and_log(&r);
	test_interrupts(&r);
	test_broken(&r);
	close_rig(&r);
}

/* vhost=on where there is none: it works, and says so. */
static void test_without(struct guest *g)
{
	struct opt_list list = { 0 };
	struct err err = { 0 };
	struct rig r;

	open_rig(&r, g, TAP ",vhost=on", false, ALL);
	tap_ok(!in_kernel(&r) && both_ways(&r, 100), "without vhost frames pass here");
	close_rig(&r);
	opt_list_parse(&list, "tap,id=f,queues=2,script=no,vhostforce=on", "type", &err);
	tap_ok(!net_create(g->board.vm.nets, &list, &err), "vhostforce=on is refused");
	tap_has(err.text, "modprobe vhost_net", "and says: %s", err.text);
	opt_list_free(&list);
}

int main(void)
{
	struct guest g;

	signal(SIGPIPE, SIG_IGN);
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		tap_skip_all("there is no /dev/net/tun");
	if (unshare(CLONE_NEWNET) < 0)
		tap_skip_all("no network namespace can be made here");
	guest_init(&g);
	test_queues(&g, TAP, "tap");
	test_removed(&g, TAP, "tap");
	test_plain_card(&g);
	if (!access("/dev/vhost-net", R_OK | W_OK)) {
		test_vhost(&g);
	} else {
		tap_skip("vhost", "there is no /dev/vhost-net");
		if (errno == ENOENT)
			test_without(&g);
	}
	guest_free(&g);
	return tap_done();
}
