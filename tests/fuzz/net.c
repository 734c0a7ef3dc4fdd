// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: a virtio-net between a hostile driver and a hostile peer. The input is a
 * list of their actions: frames with any header, control commands, receive buffers of any
 * shape, bytes on the socket. Beyond "does not crash": no chain is lost, memory that only
 * reads may touch is untouched, what the peer is sent is well-formed, and a reset and a
 * new peer make the device work.
 *
 * The format, all little-endian: a byte of features (bit 0: no mergeable buffers, bit 1:
 * the back end has headers, bit 2: a driver of virtio 0.9), then actions, see enum
 * action.
 */
#include "vmm/virtio/net.h"
#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/frames.h"
#include "common/log.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/net/backend.h"
#include "vmm/pci/pci.h"

#include <errno.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum action {
	ACT_SEND,    /* u8 header length, bytes; u16 length of the rest: a frame */
	ACT_COMMAND, /* u8 length, bytes: a control command */
	ACT_BUFFER,  /* u16 length, u8 segments: a receive buffer */
	ACT_PEER,    /* u8 length, bytes: raw on the socket */
	ACT_FRAME,   /* u16 length, u8 first byte: a frame of the peer */
	ACT_ROUND,   /* one round of the loop */
	ACT_STOP,    /* quiesce and resume */
	ACT_LINK,    /* u8: set_link */
	ACTIONS
};

/* Guest memory, then a page that is read-only. Each queue has 16 entries and a page. */
enum {
	RAM = 0x20000,
	ROM_AT = 0x40000,
	ROM = 0x1000,
	RINGS = 0x1000,
	QUEUE = 16,
	SCRATCH = 0x8000,
	IOBASE = 0xc000,
};

struct input {
	const uint8_t *data;
	size_t left;
};

static struct vm vm;
static uint8_t *ram, *rom;
static struct virtio_net *net;
static struct device *dev;
static struct netdev *nd;
static struct frames peer;
static int peer_fd = -1;
static bool has_header;
static uint16_t avail[NET_QUEUES];
static uint8_t buffer[FRAMES_MAX];

static void require(bool truth)
{
	if (!truth)
		abort();
}

/* ---- the board ---- */

static void make_board(void)
{
	vm.loop = loop_new(NULL, NULL);
	vm.mem = mem_new(NULL, NULL);
	vm.irqchip = irqchip_new(NULL, NULL);
	ram = mem_alloc(RAM, NULL);
	rom = mem_alloc(ROM, NULL);
	require(ram && rom && pci_bus_new(&vm, NULL, NULL, NULL));
	require(!mem_add_ram(vm.mem, "ram", 0, RAM, ram, false, NULL));
	require(!mem_add_ram(vm.mem, "rom", ROM_AT, ROM, rom, true, NULL));
	memset(rom, 0xa5, ROM);
}

static void make_card(uint8_t features)
{
	struct opt_list opts = { 0 };
	char text[100];
	int fds[2];

	require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	snprintf(text, sizeof(text), "stream,id=n,addr.type=fd,addr.str=%d", fds[1]);
	vm.nets = net_registry_new(vm.loop);
	require(!opt_list_parse(&opts, text, "type", NULL));
	nd = net_create(vm.nets, &opts, NULL);
	opt_list_free(&opts);
	close(fds[1]);
	peer_fd = fds[0];
	require(nd && !frames_init(&peer, peer_fd, 0));
	nd->header = has_header = features & 2;
	dev = device_create_simple(&vm, &virtio_net_pci_class,
	                           features & 1
	                                   ? "netdev=n,rx_queue_size=16,tx_queue_size=16,"
	                                     "mrg_rxbuf=off"
	                                   : "netdev=n,rx_queue_size=16,tx_queue_size=16",
	                           NULL);
	require(dev);
	net = (struct virtio_net *)dev;
	dev->cls->resume(dev);
}

static void free_card(void)
{
	device_destroy(dev);
	net_registry_free(vm.nets);
	frames_free(&peer);
	close(peer_fd);
}

/* What a well-behaved driver does, through the device's own calls. */
static void start(uint8_t features)
{
	struct virtio_device *vdev = &net->vpci.vdev;

	memset(avail, 0, sizeof(avail));
	virtio_set_status(vdev, 3);
	virtio_set_features(vdev, vdev->host_features &
	                                  (features & 4 ? UINT32_MAX : UINT64_MAX));
	if (!(features & 4))
		virtio_set_status(vdev, 11);
	for (unsigned q = 0; q < NET_QUEUES; q++) {
		struct virtqueue *vq = &vdev->queues[q];

		vq->size = QUEUE;
		vq->desc = RINGS * (q + 1);
		vq->avail = vq->desc + 0x400;
		vq->used = vq->desc + 0x800;
		virtio_queue_enable(vdev, vq);
	}
	virtio_set_status(vdev, features & 4 ? 7 : 15);
	require(!virtio_broken(vdev));
}

/* ---- actions ---- */

static uint32_t take(struct input *in, unsigned n)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < n && in->left; i++, in->left--)
		value |= (uint32_t)*in->data++ << (8 * i);
	return value;
}

static size_t take_bytes(struct input *in, uint8_t *to, size_t n)
{
	n = n < in->left ? n : in->left;
	memcpy(to, in->data, n);
	in->data += n;
	in->left -= n;
	return n;
}

static void put_desc(unsigned q, unsigned i, uint64_t addr, uint32_t len, uint16_t flags)
{
	struct vring_desc d = { addr, len, flags, (i + 1) % QUEUE };

	memcpy(ram + RINGS * (q + 1) + i % QUEUE * sizeof(d), &d, sizeof(d));
}

static void put_avail(unsigned q, uint16_t head)
{
	uint8_t *ring = ram + RINGS * (q + 1) + 0x400;

	/* No more than there is room for: the rings are virtqueue's business. */
	if ((uint16_t)(avail[q] - net->vpci.vdev.queues[q].used_idx) >= QUEUE)
		return;
	st16(ring + 4 + 2 * (avail[q] % QUEUE), head);
	st16(ring + 2, ++avail[q]);
	virtio_kick(&net->vpci.vdev, &net->vpci.vdev.queues[q]);
}

static void send_frame(struct input *in)
{
	size_t head = take_bytes(in, ram + SCRATCH, take(in, 1));
	uint32_t rest = take(in, 2);

	put_desc(NET_TX, 0, SCRATCH, head, VRING_DESC_F_NEXT);
	put_desc(NET_TX, 1, SCRATCH + 0x100, rest, 0);
	put_avail(NET_TX, 0);
}

static void command(struct input *in)
{
	size_t n = take_bytes(in, ram + SCRATCH, take(in, 1));

	put_desc(NET_CTRL, 0, SCRATCH, n / 2, VRING_DESC_F_NEXT);
	put_desc(NET_CTRL, 1, SCRATCH + n / 2, n - n / 2, VRING_DESC_F_NEXT);
	put_desc(NET_CTRL, 2, SCRATCH + 0x1000, 1, VRING_DESC_F_WRITE);
	put_avail(NET_CTRL, 0);
}

static void give_buffer(struct input *in)
{
	uint32_t len = take(in, 2), parts = take(in, 1) % 4 + 1;
	unsigned first = avail[NET_RX] % 4 * 4;

	for (unsigned i = 0; i < parts; i++)
		put_desc(NET_RX, first + i, SCRATCH + 0x2000 + i, len / parts,
		         VRING_DESC_F_WRITE | (i + 1 < parts ? VRING_DESC_F_NEXT : 0));
	put_avail(NET_RX, first);
}

static void peer_frame(struct input *in)
{
	/* Up to the longest, which is a 16th more than 64 KiB. */
	struct iovec iov = { buffer, take(in, 2) * 17 / 16 };

	memset(buffer, take(in, 1), 64);
	if (iov.iov_len)
		frames_send(&peer, &iov, 1);
}

static void act(struct input *in)
{
	uint8_t bytes[255];
	size_t n;

	switch ((enum action)(take(in, 1) % ACTIONS)) {
	case ACT_SEND:
		send_frame(in);
		break;
	case ACT_COMMAND:
		command(in);
		break;
	case ACT_BUFFER:
		give_buffer(in);
		break;
	case ACT_PEER:
		n = take_bytes(in, bytes, take(in, 1));
		send(peer_fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case ACT_FRAME:
		peer_frame(in);
		break;
	case ACT_STOP:
		dev->cls->quiesce(dev);
		dev->cls->resume(dev);
		break;
	case ACT_LINK:
		net_set_link(nd, take(in, 1) & 1);
		break;
	default:
		loop_run_once(vm.loop, 0);
	}
}

/* ---- what must hold ---- */

static void check_stopped(void)
{
	for (unsigned q = 0; q < NET_QUEUES; q++) {
		const struct virtqueue *vq = &net->vpci.vdev.queues[q];

		require(!vq->in_flight && vq->used_idx == vq->last_avail);
	}
	for (unsigned i = 0; i < ROM; i++)
		require(rom[i] == 0xa5);
}

/* What the device sent: frames as long as they say, with headers that are possible. */
static void check_sent(void)
{
	ssize_t n;

	while ((n = frames_recv(&peer, buffer)) >= 0) {
		require(n >= (has_header ? NET_HDR_LEN : 0) + 14);
		require(!has_header || !(buffer[0] & ~VIRTIO_NET_HDR_F_NEEDS_CSUM));
	}
	require(n != -EPROTO);
}

static void check_works(uint8_t features)
{
	struct input frame = { (const uint8_t *)"\14\0\0\0\0\0\0\0\0\0\0\0\0\100\0", 15 };

	free_card();
	make_card(features);
	memset(ram, 0, RAM);
	start(features & ~4);
	send_frame(&frame);
	require(frames_recv(&peer, buffer) == 64 + (has_header ? NET_HDR_LEN : 0));
	require(ld16(ram + RINGS * (NET_TX + 1) + 0x802) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t features = take(&in, 1);

	if (!ram) {
		make_board();
		if (!getenv("KVMKIT_LOG"))
			log_open("/dev/null", NULL);
	}
	make_card(features);
	memset(ram, 0, RAM);
	start(features);
	for (unsigned n = 0; in.left && n < 512; n++)
		act(&in);
	for (unsigned n = 0; n < 64 && loop_run_once(vm.loop, 0); n++)
		;
	dev->cls->quiesce(dev);
	check_stopped();
	check_sent();
	dev->cls->resume(dev);
	dev->cls->reset(dev);
	check_works(features);
	free_card();
	return 0;
}
