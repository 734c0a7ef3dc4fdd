// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: a hostile driver of a virtio-scsi with a disk, a CD-ROM drive and a disk
 * that can be taken out, on a board of RAM. The input is a list of its actions and of the
 * host's. Beyond "does not crash": no command is lost (after a stop nothing is in flight,
 * and as many were pushed as were popped), memory that only reads may touch is untouched,
 * what a state holds can be loaded, and a reset makes the device work.
 *
 * The format, all little-endian: a byte of features (bit 0: leave EVENT_IDX out), then
 * actions, see enum action.
 */
#include "vmm/virtio/scsi.h"
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/fuzz/board-lib.h"
#include "vmm/block/block.h"

#include <linux/virtio_pci.h>
#include <linux/virtio_scsi.h>
#include <string.h>

enum action {
	ACT_COMMAND, /* u8 entry, u8 target, u8 unit, u16 out, u16 in, u8 cut, u8 n, n
	                bytes: cut: of the header, 0xff: none */
	ACT_TMF,     /* u8 entry, u8 type, u8 subtype, u8 target, u8 unit */
	ACT_ROOM,    /* u8 entry, u8 length: for an event */
	ACT_STORE,   /* u16 address, u8 length, bytes */
	ACT_DATA,    /* u8 length, bytes: where commands have their data */
	ACT_NOTIFY,  /* u8 queue */
	ACT_ROUND,   /* one round of the loop */
	ACT_DEVICE,  /* u8 offset, u32 value: the device's configuration */
	ACT_STOP,    /* quiesce and resume */
	ACT_PLUG,    /* a unit comes, or goes */
	ACT_TRAY,    /* u8: the host opens trays (bit 0: with force, bit 1: closes) */
	ACT_RESIZE,  /* u8: the first disk gets so many KiB more than it had */
	ACT_COPY,    /* every state is saved and loaded */
	ACTIONS
};

enum {
	LOW = 0x8000,
	HIGH = 0x8000,
	ROM_AT = 0x20000,
	RING = 0x1000, /* of each queue, a page: descriptors, at 0x400 and 0x800 the rings
	                */
	AVAIL = 0x400,
	USED = 0x800,
	QUEUE = 32,
	HEADS = 0x4000, /* 64 bytes for each descriptor, then responses */
	RESPONSES = 0x5000,
	DATA = 0x7000, /* across the border */
	IMAGE = 1 << 16,
	MODERN = 0xd0000000,
	HEADER = 51,
};

static struct fuzz_board board;
static struct device *controller, *guest_of;
static struct virtio_pci *vpci;
static struct block_node *first, *trays[2];
static uint16_t avail_idx[3];

static void mmio(uint64_t addr, uint64_t value, unsigned size)
{
	fuzz_access(&board, MEM_MMIO, addr, value, size, true);
}

static struct device *add(const struct device_class *cls, const char *opts)
{
	struct device *dev = device_create_simple(&board.vm, cls, opts, NULL);

	require(dev);
	return dev;
}

static void make_board(void)
{
	fuzz_board_init(&board, LOW + HIGH, LOW, ROM_AT);
	fuzz_add_image(&board.vm, IMAGE, "discard=unmap,id=a");
	fuzz_add_image(&board.vm, IMAGE, "readonly=on,id=b");
	fuzz_add_image(&board.vm, IMAGE, "id=c");
	controller = add(&virtio_scsi_pci_class, "num_queues=1,virtqueue_size=32");
	add(&scsi_hd_class, "drive=a,serial=s,wwn=1");
	add(&scsi_cd_class, "drive=b,scsi-id=1");
	add(&scsi_hd_class, "drive=c,scsi-id=1,lun=300,removable=on,dpofua=on");
	first = block_find(board.vm.blocks, "a");
	trays[0] = block_find(board.vm.blocks, "b");
	trays[1] = block_find(board.vm.blocks, "c");
	vpci = (struct virtio_pci *)controller;
	board.vm.runstate = VM_RUNNING;
	controller->cls->resume(controller);
}

static void common(unsigned offset, uint32_t value, unsigned size)
{
	mmio(MODERN + offset, value, size);
}

static void set_up(uint8_t features)
{
	uint64_t f = vpci->vdev.host_features;

	if (features & 1)
		f &= ~(1ull << VIRTIO_RING_F_EVENT_IDX);
	memset(avail_idx, 0, sizeof(avail_idx));
	pci_config_write(&vpci->pci, PCI_BASE_ADDRESS_4, MODERN, 4);
	pci_config_write(&vpci->pci, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
	                 2);
	common(VIRTIO_PCI_COMMON_STATUS, 3, 1);
	for (unsigned i = 0; i < 2; i++) {
		common(VIRTIO_PCI_COMMON_GFSELECT, i, 4);
		common(VIRTIO_PCI_COMMON_GF, f >> (32 * i), 4);
	}
	common(VIRTIO_PCI_COMMON_STATUS, 11, 1);
	for (unsigned q = 0; q < 3; q++) {
		uint32_t at = RING + q * 0x1000;

		common(VIRTIO_PCI_COMMON_Q_SELECT, q, 2);
		common(VIRTIO_PCI_COMMON_Q_DESCLO, at, 4);
		common(VIRTIO_PCI_COMMON_Q_AVAILLO, at + AVAIL, 4);
		common(VIRTIO_PCI_COMMON_Q_USEDLO, at + USED, 4);
		common(VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	}
	common(VIRTIO_PCI_COMMON_STATUS, 15, 1);
}

/* ---- actions of the driver ---- */

static void put_desc(unsigned q, unsigned i, uint32_t addr, uint32_t len, bool write,
                     bool last)
{
	struct vring_desc d = { addr, len,
		                (write ? VRING_DESC_F_WRITE : 0) |
		                        (last ? 0 : VRING_DESC_F_NEXT),
		                (i + 1) % QUEUE };

	memcpy(board.ram + RING + q * 0x1000 + i % QUEUE * sizeof(d), &d, sizeof(d));
}

static void put_avail(unsigned q, unsigned head)
{
	uint8_t *ring = board.ram + RING + q * 0x1000 + AVAIL;

	st16(ring + 4 + 2 * (avail_idx[q] % QUEUE), head % QUEUE);
	st16(ring + 2, ++avail_idx[q]);
}

static void put_command(struct fuzz_input *in)
{
	unsigned i = fuzz_take(in, 1) % QUEUE, n = i, target = fuzz_take(in, 1),
		 unit = fuzz_take(in, 1);
	uint32_t out = fuzz_take(in, 2), room = fuzz_take(in, 2), cut = fuzz_take(in, 1);
	uint32_t len = fuzz_take(in, 1), at = HEADS + i * 64;
	uint8_t *h = board.ram + at;

	memset(h, 0, 64);
	h[0] = 1;
	h[1] = target % 3;
	/* Far units, and none that can be. */
	st16(h + 2, unit == 255 ? 0xffff : unit > 128 ? 0x2c41 : unit << 8);
	for (uint32_t b = 0; b < len % 33 && in->left; b++)
		h[19 + b] = fuzz_take(in, 1);
	if (cut < HEADER)
		put_desc(2, n++, at, cut, false, false);
	else
		cut = 0;
	put_desc(2, n++, at + cut, HEADER - cut, false, false);
	if (out)
		put_desc(2, n++, DATA, out, false, false);
	put_desc(2, n++, RESPONSES + i * 128, 108, true, !room);
	if (room)
		put_desc(2, n++, DATA, room, true, true);
	put_avail(2, i);
}

static void put_tmf(struct fuzz_input *in)
{
	unsigned i = fuzz_take(in, 1) % QUEUE;
	uint8_t *h = board.ram + HEADS + i * 64;

	memset(h, 0, 64);
	h[0] = fuzz_take(in, 1) % 4;
	h[4] = fuzz_take(in, 1);
	h[8] = 1;
	h[9] = fuzz_take(in, 1) % 3;
	h[11] = fuzz_take(in, 1);
	put_desc(0, i, HEADS + i * 64, 24, false, false);
	put_desc(0, i + 1, RESPONSES + i * 128, 8, true, true);
	put_avail(0, i);
}

static void put_room(struct fuzz_input *in)
{
	unsigned i = fuzz_take(in, 1) % QUEUE;

	put_desc(1, i, RESPONSES + i * 128, fuzz_take(in, 1), true, true);
	put_avail(1, i);
}

static void store(struct fuzz_input *in, uint32_t addr)
{
	uint32_t len = fuzz_take(in, 1);

	for (uint32_t i = 0; i < len && in->left; i++)
		board.ram[(addr + i) % (LOW + HIGH)] = fuzz_take(in, 1);
}

static void notify(unsigned queue)
{
	mmio(MODERN + 0x3000 + queue % 4 * 4, queue, 2);
}

/* ---- actions of the host ---- */

static void plug(void)
{
	if (guest_of)
		device_unplug(guest_of);
	guest_of = guest_of ? NULL : add(&scsi_cd_class, "id=new,scsi-id=0,lun=9");
}

static void move_trays(uint8_t how)
{
	for (unsigned i = 0; i < 2; i++) {
		if (how & 2)
			block_close_tray(trays[i], NULL);
		else
			block_open_tray(trays[i], how & 1, NULL);
	}
}

static void copy_states(void)
{
	devices_quiesce(&board.vm);
	for (struct device *dev = board.vm.devices; dev; dev = dev->next) {
		const struct state_desc *desc = dev->cls->state;
		_cleanup_strbuf_ struct strbuf out = { 0 };
		size_t used = 0;

		require(!desc || !state_save(desc, dev, dev->path, &out, NULL));
		require(!desc || !state_load(desc, dev, dev->cls->size, dev->path,
		                             out.data, out.len, &used, NULL));
	}
	devices_resume(&board.vm);
}

static void host(struct fuzz_input *in, enum action action)
{
	vm_lock(&board.vm);
	if (action == ACT_STOP) {
		devices_quiesce(&board.vm);
		devices_resume(&board.vm);
	} else if (action == ACT_PLUG) {
		plug();
	} else if (action == ACT_TRAY) {
		move_trays(fuzz_take(in, 1));
	} else if (action == ACT_RESIZE) {
		block_resize(first, IMAGE + fuzz_take(in, 1) * 1024, NULL);
	} else {
		copy_states();
	}
	vm_unlock(&board.vm);
}

static void act(struct fuzz_input *in)
{
	enum action action = fuzz_take(in, 1) % ACTIONS;
	unsigned offset;

	if (action == ACT_COMMAND) {
		put_command(in);
	} else if (action == ACT_TMF) {
		put_tmf(in);
	} else if (action == ACT_ROOM) {
		put_room(in);
	} else if (action == ACT_STORE) {
		store(in, fuzz_take(in, 2));
	} else if (action == ACT_DATA) {
		store(in, DATA);
	} else if (action == ACT_NOTIFY) {
		notify(fuzz_take(in, 1));
	} else if (action == ACT_ROUND) {
		loop_run_once(board.vm.loop, 0);
	} else if (action == ACT_DEVICE) {
		offset = fuzz_take(in, 1);
		mmio(MODERN + 0x2000 + offset, fuzz_take(in, 4), 4);
	} else {
		host(in, action);
	}
}

/* ---- what must hold ---- */

static void check_stopped(void)
{
	for (unsigned i = 0; i < vpci->vdev.queue_count; i++) {
		const struct virtqueue *vq = &vpci->vdev.queues[i];

		require(!vq->in_flight);
		require(vq->used_idx == vq->last_avail);
		require(!vq->mapped || vq->published == vq->used_idx);
	}
}

/* The driver of a fresh device asks for the disk's name. */
static void check_works(void)
{
	static const uint8_t inquiry[] = { 0, 0,    0, 0, 0, 36, 0, 0xff,
		                           6, 0x12, 0, 0, 0, 36, 0 };

	memset(board.ram, 0, LOW + HIGH);
	set_up(0);
	put_command(&(struct fuzz_input){ inquiry, sizeof(inquiry) });
	notify(2);
	while (loop_run_once(board.vm.loop, 0))
		;
	require(!memcmp(board.ram + DATA + 8, "KVMKIT", 6));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	if (!controller)
		make_board();
	memset(board.ram, 0, LOW + HIGH);
	set_up(fuzz_take(&in, 1));
	for (unsigned n = 0; in.left && n < 4096; n++)
		act(&in);
	while (loop_run_once(board.vm.loop, 0))
		;
	vm_lock(&board.vm);
	devices_quiesce(&board.vm);
	check_stopped();
	if (guest_of)
		plug();
	move_trays(2);
	fuzz_check_rom(&board);
	devices_resume(&board.vm);
	devices_reset(&board.vm);
	vm_unlock(&board.vm);
	check_works();
	vm_lock(&board.vm);
	devices_reset(&board.vm);
	vm_unlock(&board.vm);
	return 0;
}
