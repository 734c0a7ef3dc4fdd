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
#include "common/cleanup.h"
#include "vmm/block/block.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/loop/loop.h"
#include "vmm/pci/pci.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/pci.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* Guest memory: two blocks side by side, a page that is read-only, and a hole. */
enum {
	LOW = 0x8000,
	HIGH = 0x8000,
	ROM_AT = 0x20000,
	ROM = 0x1000,
	DESC = 0x1000,
	AVAIL = 0x1800,
	USED = 0x1c00,
	QUEUE = 32,
	IMAGE = 1 << 16,
	MODERN = 0xd0000000,
	IOBASE = 0xc000,
};

struct input {
	const uint8_t *data;
	size_t left;
};

static struct vm vm;
static uint8_t *ram, *rom;
static struct device *disk;
static struct virtio_pci *vpci;
static bool legacy;
static uint16_t avail_idx;

static void require(bool truth)
{
	if (!truth)
		abort();
}

/* ---- the board ---- */

static void mmio(uint64_t addr, uint64_t value, unsigned size)
{
	mem_access(vm.mem, MEM_MMIO, addr, &value, size, true);
}

static void port(uint16_t addr, uint64_t value, unsigned size)
{
	mem_access(vm.mem, MEM_PIO, addr, &value, size, true);
}

static struct block_node *open_disk(void)
{
	struct opt_list opts = { 0 };
	struct block_node *node;
	char text[80];
	int fd = memfd_create("disk", MFD_CLOEXEC);

	require(fd >= 0 && !ftruncate(fd, IMAGE));
	snprintf(text, sizeof(text), "/proc/self/fd/%d,format=raw,discard=unmap,id=d",
	         fd);
	require(!opt_list_parse(&opts, text, "file", NULL));
	node = block_open(vm.blocks, &opts, NULL);
	opt_list_free(&opts);
	return node;
}

static void make_board(void)
{
	vm.loop = loop_new(NULL, NULL);
	vm.mem = mem_new(NULL, NULL);
	vm.irqchip = irqchip_new(NULL, NULL);
	vm.blocks = block_registry_new(vm.loop);
	ram = mem_alloc(LOW + HIGH, NULL);
	rom = mem_alloc(ROM, NULL);
	require(ram && rom && pci_bus_new(&vm, NULL, NULL, NULL));
	require(!mem_add_ram(vm.mem, "low", 0, LOW, ram, false, NULL));
	require(!mem_add_ram(vm.mem, "high", LOW, HIGH, ram + LOW, false, NULL));
	require(!mem_add_ram(vm.mem, "rom", ROM_AT, ROM, rom, true, NULL));
	memset(rom, 0xa5, ROM);
	require(open_disk());
	disk = device_create_simple(&vm, &virtio_blk_pci_class,
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

/* The next n bytes as a number; zeros behind the end. */
static uint32_t take(struct input *in, unsigned n)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < n && in->left; i++, in->left--)
		value |= (uint32_t)*in->data++ << (8 * i);
	return value;
}

static void put_desc(unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
                     uint16_t next)
{
	struct vring_desc d = { addr, len, flags, next };

	memcpy(ram + DESC + i % QUEUE * sizeof(d), &d, sizeof(d));
}

static void put_avail(uint16_t head)
{
	uint8_t *ring = ram + (legacy ? DESC + QUEUE * sizeof(struct vring_desc) : AVAIL);

	st16(ring + 4 + 2 * (avail_idx % QUEUE), head);
	st16(ring + 2, ++avail_idx);
}

static void put_request(struct input *in)
{
	unsigned i = take(in, 1) % QUEUE, type = take(in, 1);
	uint64_t sector = (int32_t)take(in, 4);
	uint32_t len = take(in, 2), at = 0x3000 + i * 0x40;
	bool reads = !(type & 1);

	st32(ram + at, type & 0x40 ? type << 25 : type);
	st64(ram + at + 8, sector);
	put_desc(i, at, 16, VRING_DESC_F_NEXT, (i + 1) % QUEUE);
	put_desc(i + 1, LOW - 256, len,
	         VRING_DESC_F_NEXT | (reads ? VRING_DESC_F_WRITE : 0), (i + 2) % QUEUE);
	put_desc(i + 2, at + 32, 1, VRING_DESC_F_WRITE, 0);
	put_avail(i);
}

static void put_indirect(struct input *in)
{
	unsigned i = take(in, 1);
	uint32_t addr = take(in, 2), entries = take(in, 1);

	put_desc(i, addr, entries * 16, VRING_DESC_F_INDIRECT, 0);
	put_avail(i % QUEUE);
}

static void store(struct input *in)
{
	uint32_t addr = take(in, 2), len = take(in, 1);

	for (uint32_t i = 0; i < len && in->left; i++)
		ram[(addr + i) % (LOW + HIGH)] = take(in, 1);
}

static void reg(struct input *in, enum action action)
{
	static const unsigned sizes[] = { 1, 2, 4, 8 };
	unsigned offset = take(in, 1), size = sizes[take(in, 1) % 4];
	uint32_t value = take(in, 4);
	uint64_t ignored;

	if (action == ACT_COMMON) {
		mmio(MODERN + offset, value, size);
		mem_access(vm.mem, MEM_MMIO, MODERN + offset, &ignored, size, false);
	} else if (action == ACT_DEVICE) {
		mmio(MODERN + 0x2000 + offset, value, size);
		mem_access(vm.mem, MEM_MMIO, MODERN + 0x2000 + offset, &ignored, size,
		           false);
	} else if (action == ACT_LEGACY) {
		port(IOBASE + offset % 0x80, value, size);
		mem_access(vm.mem, MEM_PIO, IOBASE + offset % 0x80, &ignored, size,
		           false);
	} else {
		pci_config_write(&vpci->pci, offset, value, size > 4 ? 4 : size);
		pci_config_read(&vpci->pci, offset, size > 4 ? 4 : size);
	}
}

static void notify(unsigned queue)
{
	if (legacy)
		port(IOBASE + VIRTIO_PCI_QUEUE_NOTIFY, queue % 4, 2);
	else
		mmio(MODERN + 0x3000 + queue % 4 * 4, queue, 2);
}

static void act(struct input *in)
{
	enum action action = take(in, 1) % ACTIONS;

	if (action == ACT_STORE) {
		store(in);
	} else if (action == ACT_DESC) {
		unsigned i = take(in, 1);
		uint32_t addr = take(in, 2), len = take(in, 2), flags = take(in, 1);

		/* Bit 7: far away, for segments outside RAM. */
		put_desc(i, flags & 0x80 ? (uint64_t)addr << 48 | addr : addr * 3, len,
		         flags & 7, take(in, 1));
	} else if (action == ACT_AVAIL) {
		put_avail(take(in, 1));
	} else if (action == ACT_NOTIFY) {
		notify(take(in, 1));
	} else if (action == ACT_ROUND) {
		loop_run_once(vm.loop, 0);
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

static void check_rom(void)
{
	for (unsigned i = 0; i < ROM; i++)
		require(rom[i] == 0xa5);
}

/* One read, as the driver of a fresh device does it. */
static void check_works(void)
{
	memset(ram, 0, LOW + HIGH);
	set_up(0);
	ram[0x3020] = 0xff;
	put_request(&(struct input){ (const uint8_t *)"\0\0\0\0\0\0\0\2", 8 });
	notify(0);
	while (loop_run_once(vm.loop, 0))
		;
	block_drain(block_find(vm.blocks, "d"));
	require(ram[0x3020] == VIRTIO_BLK_S_OK && ld16(ram + USED + 2) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (!disk)
		make_board();
	memset(ram, 0, LOW + HIGH);
	set_up(take(&in, 1));
	for (unsigned n = 0; in.left && n < 4096; n++)
		act(&in);
	while (loop_run_once(vm.loop, 0))
		;
	disk->cls->quiesce(disk);
	check_stopped();
	check_rom();
	disk->cls->resume(disk);
	disk->cls->reset(disk);
	check_works();
	disk->cls->reset(disk);
	return 0;
}
