// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: a hostile driver of a virtio-blk on a board of RAM. The input is a list of
 * its actions: stores into guest memory (rings, descriptors, requests), register
 * accesses, notifications, rounds of the loop. Beyond "does not crash": no request is
 * lost (after a stop nothing is in flight, and as many were pushed as were popped),
 * memory that only reads may touch is untouched, and a reset makes the device work.
 *
 * The format, all little-endian: a byte of features (bit 0: leave EVENT_IDX out, bit 1:
 * INDIRECT, bit 2: legacy), then actions, see enum action.
 */
#include "common/bytes.h"
#include "tests/fuzz/board-lib.h"
#include "vmm/block/block.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/pci.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>
#include <string.h>

enum action {
	ACT_STORE,  /* u16 address, u8 length, bytes */
	ACT_DESC,   /* u8 entry, u16 address, u16 length, u8 flags, u8 next */
	ACT_AVAIL,  /* u8 head: the next entry of the available ring, and its index */
	ACT_NOTIFY, /* u8 queue */
	ACT_ROUND,  /* one round of the loop */
	ACT_COMMON, /* u8 offset, u8 size, u32 value: modern registers */
	ACT_DEVICE, /* the same: the device's configuration */
	ACT_LEGACY, /* the same: legacy registers */
	ACT_CONFIG, /* the same: PCI configuration space */
	ACT_IO,     /* u8 descriptor, u8 type, u32 sector, u16 length: a whole request */
	ACT_STOP,   /* quiesce and resume */
	ACT_INDIRECT, /* u8 entry, u16 address, u8 entries */
	ACTIONS
};

/* Guest memory, in two blocks side by side, and where the registers are. */
enum {
	LOW = 0x8000,
	HIGH = 0x8000,
	ROM_AT = 0x20000,
	DESC = 0x1000,
	AVAIL = 0x1800,
	USED = 0x1c00,
	QUEUE = 32,
	IMAGE = 1 << 16,
	MODERN = 0xd0000000,
	IOBASE = 0xc000,
};

static struct fuzz_board board;
static struct device *disk;
static struct virtio_pci *vpci;
static bool legacy;
static uint16_t avail_idx;

/* ---- the board ---- */

static void mmio(uint64_t addr, uint64_t value, unsigned size)
{
	fuzz_access(&board, MEM_MMIO, addr, value, size, true);
}

static void port(uint16_t addr, uint64_t value, unsigned size)
{
	fuzz_access(&board, MEM_PIO, addr, value, size, true);
}

static void make_board(void)
{
	fuzz_board_init(&board, LOW + HIGH, LOW, ROM_AT);
	fuzz_add_image(&board.vm, IMAGE, "discard=unmap,id=d");
	disk = device_create_simple(&board.vm, &virtio_blk_pci_class,
	                            "drive=d,num-queues=2,queue-size=32", NULL);
	require(disk);
	vpci = (struct virtio_pci *)disk;
	disk->cls->resume(disk);
}

static void place_bars(void)
{
	pci_config_write(&vpci->pci, PCI_BASE_ADDRESS_0, IOBASE, 4);
	pci_config_write(&vpci->pci, PCI_BASE_ADDRESS_4, MODERN, 4);
	pci_config_write(&vpci->pci, PCI_COMMAND,
	                 PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}

static void common(unsigned offset, uint32_t value, unsigned size)
{
	mmio(MODERN + offset, value, size);
}

/* What a well-behaved driver does; the second queue's rings lie over the first one's. */
static void set_up(uint8_t features)
{
	uint64_t f = vpci->vdev.host_features;

	if (features & 1)
		f &= ~(1ull << VIRTIO_RING_F_EVENT_IDX);
	if (features & 2)
		f &= ~(1ull << VIRTIO_RING_F_INDIRECT_DESC);
	legacy = features & 4;
	avail_idx = 0;
	place_bars();
	if (legacy) {
		port(IOBASE + VIRTIO_PCI_STATUS, 3, 1);
		port(IOBASE + VIRTIO_PCI_GUEST_FEATURES, f, 4);
		port(IOBASE + VIRTIO_PCI_QUEUE_PFN, DESC >> 12, 4);
		port(IOBASE + VIRTIO_PCI_STATUS, 7, 1);
		return;
	}
	common(VIRTIO_PCI_COMMON_STATUS, 3, 1);
	for (unsigned i = 0; i < 2; i++) {
		common(VIRTIO_PCI_COMMON_GFSELECT, i, 4);
		common(VIRTIO_PCI_COMMON_GF, f >> (32 * i), 4);
	}
	common(VIRTIO_PCI_COMMON_STATUS, 11, 1);
	for (unsigned q = 0; q < 2; q++) {
		common(VIRTIO_PCI_COMMON_Q_SELECT, q, 2);
		common(VIRTIO_PCI_COMMON_Q_DESCLO, DESC, 4);
		common(VIRTIO_PCI_COMMON_Q_AVAILLO, AVAIL, 4);
		common(VIRTIO_PCI_COMMON_Q_USEDLO, USED + q * 0x200, 4);
		common(VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	}
	common(VIRTIO_PCI_COMMON_STATUS, 15, 1);
}

/* ---- actions ---- */

static void put_desc(unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
                     uint16_t next)
{
	struct vring_desc d = { addr, len, flags, next };

	memcpy(board.ram + DESC + i % QUEUE * sizeof(d), &d, sizeof(d));
}

static void put_avail(uint16_t head)
{
	uint8_t *ring =
		board.ram + (legacy ? DESC + QUEUE * sizeof(struct vring_desc) : AVAIL);

	st16(ring + 4 + 2 * (avail_idx % QUEUE), head);
	st16(ring + 2, ++avail_idx);
}

static void put_request(struct fuzz_input *in)
{
	unsigned i = fuzz_take(in, 1) % QUEUE, type = fuzz_take(in, 1);
	uint64_t sector = (int32_t)fuzz_take(in, 4);
	uint32_t len = fuzz_take(in, 2), at = 0x3000 + i * 0x40;
	bool reads = !(type & 1);

	st32(board.ram + at, type & 0x40 ? type << 25 : type);
	st64(board.ram + at + 8, sector);
	put_desc(i, at, 16, VRING_DESC_F_NEXT, (i + 1) % QUEUE);
	put_desc(i + 1, LOW - 256, len,
	         VRING_DESC_F_NEXT | (reads ? VRING_DESC_F_WRITE : 0), (i + 2) % QUEUE);
	put_desc(i + 2, at + 32, 1, VRING_DESC_F_WRITE, 0);
	put_avail(i);
}

static void put_indirect(struct fuzz_input *in)
{
	unsigned i = fuzz_take(in, 1);
	uint32_t addr = fuzz_take(in, 2), entries = fuzz_take(in, 1);

	put_desc(i, addr, entries * 16, VRING_DESC_F_INDIRECT, 0);
	put_avail(i % QUEUE);
}

static void store(struct fuzz_input *in)
{
	uint32_t addr = fuzz_take(in, 2), len = fuzz_take(in, 1);

	for (uint32_t i = 0; i < len && in->left; i++)
		board.ram[(addr + i) % (LOW + HIGH)] = fuzz_take(in, 1);
}

static void reg(struct fuzz_input *in, enum action action)
{
	static const unsigned sizes[] = { 1, 2, 4, 8 };
	unsigned offset = fuzz_take(in, 1), size = sizes[fuzz_take(in, 1) % 4];
	enum mem_space space = action == ACT_LEGACY ? MEM_PIO : MEM_MMIO;
	uint64_t addr = action == ACT_COMMON   ? MODERN + offset
	                : action == ACT_DEVICE ? MODERN + 0x2000 + offset
	                                       : IOBASE + offset % 0x80;
	uint32_t value = fuzz_take(in, 4);

	if (action == ACT_CONFIG) {
		pci_config_write(&vpci->pci, offset, value, size > 4 ? 4 : size);
		pci_config_read(&vpci->pci, offset, size > 4 ? 4 : size);
		return;
	}
	fuzz_access(&board, space, addr, value, size, true);
	fuzz_access(&board, space, addr, 0, size, false);
}

static void notify(unsigned queue)
{
	if (legacy)
		port(IOBASE + VIRTIO_PCI_QUEUE_NOTIFY, queue % 4, 2);
	else
		mmio(MODERN + 0x3000 + queue % 4 * 4, queue, 2);
}

static void act(struct fuzz_input *in)
{
	enum action action = fuzz_take(in, 1) % ACTIONS;

	if (action == ACT_STORE) {
		store(in);
	} else if (action == ACT_DESC) {
		unsigned i = fuzz_take(in, 1);
		uint32_t addr = fuzz_take(in, 2), len = fuzz_take(in, 2),
			 flags = fuzz_take(in, 1);

		/* Bit 7: far away, for segments outside RAM. */
		put_desc(i, flags & 0x80 ? (uint64_t)addr << 48 | addr : addr * 3, len,
		         flags & 7, fuzz_take(in, 1));
	} else if (action == ACT_AVAIL) {
		put_avail(fuzz_take(in, 1));
	} else if (action == ACT_NOTIFY) {
		notify(fuzz_take(in, 1));
	} else if (action == ACT_ROUND) {
		loop_run_once(board.vm.loop, 0);
	} else if (action == ACT_IO) {
		put_request(in);
	} else if (action == ACT_INDIRECT) {
		put_indirect(in);
	} else if (action == ACT_STOP) {
		disk->cls->quiesce(disk);
		disk->cls->resume(disk);
	} else {
		reg(in, action);
	}
}

/* ---- what must hold ---- */

/* Nothing is in flight; each queue pushed as many as it popped. */
static void check_stopped(void)
{
	for (unsigned i = 0; i < vpci->vdev.queue_count; i++) {
		const struct virtqueue *vq = &vpci->vdev.queues[i];

		require(!vq->in_flight);
		require(vq->used_idx == vq->last_avail);
		require(!vq->mapped || vq->published == vq->used_idx);
	}
}

/* One read, as the driver of a fresh device does it. */
static void check_works(void)
{
	memset(board.ram, 0, LOW + HIGH);
	set_up(0);
	board.ram[0x3020] = 0xff;
	put_request(&(struct fuzz_input){ (const uint8_t *)"\0\0\0\0\0\0\0\2", 8 });
	notify(0);
	while (loop_run_once(board.vm.loop, 0))
		;
	block_drain(block_find(board.vm.blocks, "d"));
	require(board.ram[0x3020] == VIRTIO_BLK_S_OK && ld16(board.ram + USED + 2) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	if (!disk)
		make_board();
	memset(board.ram, 0, LOW + HIGH);
	set_up(fuzz_take(&in, 1));
	for (unsigned n = 0; in.left && n < 4096; n++)
		act(&in);
	while (loop_run_once(board.vm.loop, 0))
		;
	disk->cls->quiesce(disk);
	check_stopped();
	fuzz_check_rom(&board);
	disk->cls->resume(disk);
	disk->cls->reset(disk);
	check_works();
	disk->cls->reset(disk);
	return 0;
}
