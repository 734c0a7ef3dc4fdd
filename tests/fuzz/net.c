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
#include "tests/fuzz/board-lib.h"
#include "vmm/net/backend.h"

#include <errno.h>
#include <string.h>

enum action {
	ACT_SEND,    /* u8 header length, bytes; u16 length of the rest: a frame */
	ACT_COMMAND, /* u8 length, bytes: a control command */
	ACT_BUFFER,  /* u16 length, u8 segments: a receive buffer; bit 7: in memory that
	                only reads may touch */
	ACT_PEER,    /* u8 length, bytes: raw on the socket */
	ACT_FRAME,   /* u16 length, u8 first byte: a frame of the peer */
	ACT_ROUND,   /* one round of the loop */
	ACT_STOP,    /* quiesce and resume */
	ACT_LINK,    /* u8: set_link */
	ACTIONS
};

/* Guest memory. Each queue has 16 entries and a page. */
enum {
	RAM = 0x20000,
	ROM_AT = 0x40000,
	RINGS = 0x1000,
	QUEUE = 16,
	SCRATCH = 0x8000,
};

static struct fuzz_board board;
static struct fuzz_wire wire;
static struct virtio_net *net;
static struct device *dev;
static uint16_t avail[NET_QUEUES];

/* ---- the card ---- */

static void make_card(uint8_t features)
{
	fuzz_wire_open(&wire, &board, features & 2);
	dev = device_create_simple(&board.vm, &virtio_net_pci_class,
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
	fuzz_wire_close(&wire, &board);
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

static void put_desc(unsigned q, unsigned i, uint64_t addr, uint32_t len, uint16_t flags)
{
	struct vring_desc d = { addr, len, flags, (i + 1) % QUEUE };

	memcpy(board.ram + RINGS * (q + 1) + i % QUEUE * sizeof(d), &d, sizeof(d));
}

static void put_avail(unsigned q, uint16_t head)
{
	uint8_t *ring = board.ram + RINGS * (q + 1) + 0x400;

	/* No more than there is room for: the rings are virtqueue's business. */
	if ((uint16_t)(avail[q] - net->vpci.vdev.queues[q].used_idx) >= QUEUE)
		return;
	st16(ring + 4 + 2 * (avail[q] % QUEUE), head);
	st16(ring + 2, ++avail[q]);
	virtio_kick(&net->vpci.vdev, &net->vpci.vdev.queues[q]);
}

static void send_frame(struct fuzz_input *in)
{
	size_t head = fuzz_take_bytes(in, board.ram + SCRATCH, fuzz_take(in, 1));
	uint32_t rest = fuzz_take(in, 2);

	put_desc(NET_TX, 0, SCRATCH, head, VRING_DESC_F_NEXT);
	put_desc(NET_TX, 1, SCRATCH + 0x100, rest, 0);
	put_avail(NET_TX, 0);
}

static void command(struct fuzz_input *in)
{
	size_t n = fuzz_take_bytes(in, board.ram + SCRATCH, fuzz_take(in, 1));

	put_desc(NET_CTRL, 0, SCRATCH, n / 2, VRING_DESC_F_NEXT);
	put_desc(NET_CTRL, 1, SCRATCH + n / 2, n - n / 2, VRING_DESC_F_NEXT);
	put_desc(NET_CTRL, 2, SCRATCH + 0x1000, 1, VRING_DESC_F_WRITE);
	put_avail(NET_CTRL, 0);
}

static void give_buffer(struct fuzz_input *in)
{
	uint32_t len = fuzz_take(in, 2), shape = fuzz_take(in, 1);
	unsigned first = avail[NET_RX] % 4 * 4, parts = shape % 4 + 1;
	uint64_t at = shape & 0x80 ? ROM_AT : SCRATCH + 0x2000;

	for (unsigned i = 0; i < parts; i++)
		put_desc(NET_RX, first + i, at + i, len / parts,
		         VRING_DESC_F_WRITE | (i + 1 < parts ? VRING_DESC_F_NEXT : 0));
	put_avail(NET_RX, first);
}

static void act(struct fuzz_input *in)
{
	switch ((enum action)(fuzz_take(in, 1) % ACTIONS)) {
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
		fuzz_say_bytes(&wire, in);
		break;
	case ACT_FRAME:
		fuzz_say_frame(&wire, in);
		break;
	case ACT_STOP:
		dev->cls->quiesce(dev);
		dev->cls->resume(dev);
		break;
	case ACT_LINK:
		fuzz_set_link(&wire, &board, fuzz_take(in, 1) & 1);
		break;
	default:
		loop_run_once(board.vm.loop, 0);
	}
}

/* ---- what must hold ---- */

static void check_stopped(void)
{
	for (unsigned q = 0; q < NET_QUEUES; q++) {
		const struct virtqueue *vq = &net->vpci.vdev.queues[q];

		require(!vq->in_flight && vq->used_idx == vq->last_avail);
	}
	fuzz_check_rom(&board);
}

/* What the device sent: frames as long as they say, with headers that are possible. */
static void check_sent(void)
{
	bool header = wire.nd->header;
	ssize_t n;

	while ((n = fuzz_hear(&wire)) >= 0) {
		require(n >= (header ? NET_HDR_LEN : 0) + 14);
		require(!header || !(wire.frame[0] & ~VIRTIO_NET_HDR_F_NEEDS_CSUM));
	}
	require(n != -EPROTO);
}

static void check_works(uint8_t features)
{
	struct fuzz_input frame = { (const uint8_t *)"\14\0\0\0\0\0\0\0\0\0\0\0\0\100\0",
		                    15 };

	free_card();
	make_card(features);
	memset(board.ram, 0, RAM);
	start(features & ~4);
	send_frame(&frame);
	require(fuzz_hear(&wire) == 64 + (wire.nd->header ? NET_HDR_LEN : 0));
	require(ld16(board.ram + RINGS * (NET_TX + 1) + 0x802) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint8_t features = fuzz_take(&in, 1);

	if (!board.ram)
		fuzz_board_init(&board, RAM, 0, ROM_AT);
	make_card(features);
	memset(board.ram, 0, RAM);
	start(features);
	for (unsigned n = 0; in.left && n < 512; n++)
		act(&in);
	fuzz_settle(&board);
	dev->cls->quiesce(dev);
	check_stopped();
	check_sent();
	dev->cls->resume(dev);
	dev->cls->reset(dev);
	check_works(features);
	free_card();
	return 0;
}
