// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One board for each device class. What a device needs of the host is made by
 * state_board_init() for every board alike: a null chardev, a disk in memory, guest RAM.
 *
 * state_drive() plays a guest that knows where the registers are and nothing else, except
 * for virtio, whose devices stay idle unless somebody sets queues up.
 */
#include "tests/state/state-lib.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/tap.h"
#include "vmm/block/block.h"
#include "vmm/core/catalog.h"
#include "vmm/display/input.h"
#include "vmm/kvm/chips.h"
#include "vmm/kvm/shadow.h"
#include "vmm/legacy/piix.h"
#include "vmm/machine/kvmstate.h"
#include "vmm/mem/internal.h"
#include "vmm/pci/host.h"
#include "vmm/pci/pci.h"
#include "vmm/scsi/scsi.h"
#include "vmm/usb/usb.h"
#include "vmm/virtio/virtio.h"

#include <errno.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/mman.h>

#define DISK_SIZE   (64 << 10)
#define SETTLE_MAX  200 /* rounds of the loop: some devices wake themselves for ever */
#define BAR_MODERN  4
#define NOTIFY_AT   0x3000
#define PCI_MMIO    0xc0000000u
#define PCI_MMIO_TO 0xfec00000u

static void die(const char *what, const struct err *err)
{
	tap_diag("%s: %s", what, err && err->code ? err->text : strerror(errno));
	exit(1);
}

/* Holds the divider in reset: without a clock no flag comes up between two saves. */
static void stop_clock(struct board *b)
{
	outb(b, 0x70, 0x0a);
	outb(b, 0x71, 0x70);
}

const struct state_row state_rows[] = {
	{ .class = "isa-debugcon",
	  .opts = "chardev=c",
	  .full = true,
	  .keeps = "what the host has not taken yet is still printed" },
	{ .class = "isa-debug-exit",
	  .opts = "",
	  .stateless = "a write ends the machine, nothing is kept" },
	{ .class = "isa-serial", .opts = "chardev=c" },
	{ .class = "pvpanic", .opts = "", .stateless = "events are passed on at once" },
	{ .class = "pc-testdev", .opts = "" },
	{ .class = "ide-cd", .opts = "drive=d", .keeps = "the tray stays as it is" },
	{ .class = "ide-hd", .opts = "drive=d" },
	{ .class = "scsi-cd", .opts = "drive=d", .keeps = "the tray stays as it is" },
	{ .class = "scsi-hd", .opts = "drive=d" },
	{ .class = "e1000", .opts = "netdev=n" },
	{ .class = "i6300esb",
	  .opts = "",
	  .keeps = "that it barked is there for the next kernel to read" },
	{ .class = "pci-testdev", .opts = "" },
	{ .class = "qemu-xhci", .opts = "p2=2,p3=1" },
	{ .class = "usb-kbd", .opts = "" },
	{ .class = "usb-mouse", .opts = "" },
	{ .class = "usb-tablet", .opts = "" },
	{ .class = "virtio-balloon-pci", .opts = "free-page-reporting=on" },
	{ .class = "VGA", .opts = "vgamem_mb=1,romfile=" },
	{ .class = "bochs-display", .opts = "vgamem=1M" },
	{ .class = "virtio-blk-pci", .opts = "drive=d,num-queues=2" },
	{ .class = "virtio-keyboard-pci", .opts = "" },
	{ .class = "virtio-mouse-pci", .opts = "" },
	{ .class = "virtio-net-pci", .opts = "netdev=n" },
	{ .class = "virtio-rng-pci", .opts = "" },
	{ .class = "virtio-scsi-pci", .opts = "num_queues=2" },
	{ .class = "virtio-serial-pci",
	  .opts = "max_ports=4",
	  .ports = { "virtconsole", "virtserialport" } },
	{ .class = "virtio-tablet-pci", .opts = "" },
	{ .class = "vfio-pci",
	  .stateless = "it is the function's own, which stays here" },
	{ .class = "virtconsole",
	  .stateless = "the table of virtio-serial-pci holds its ports" },
	{ .class = "virtserialport",
	  .stateless = "the table of virtio-serial-pci holds its ports" },
	{ .class = "i440FX-pcihost" },
	{ .class = "i440FX", .opts = "addr=0" },
	{ .class = "PIIX3", .opts = "addr=1,pirqs=0x0b0b0a0a" },
	{ .class = "piix3-ide", .opts = "addr=1.1" },
	{ .class = "PIIX4_PM", .opts = "addr=1.3" },
	{ .class = "acpi-pci-hotplug", .opts = "" },
	{ .class = "mc146818rtc",
	  .opts = "",
	  .keeps = "its battery keeps time, memory and modes",
	  .settle = stop_clock },
	{ .class = "i8042", .opts = "" },
	{ .class = "fw_cfg", .opts = "" },
	{ .class = "cfi.pflash01", .opts = "drive=d,base=0xffff0000" },
	{ .class = "port92", .opts = "" },
	{ .class = "kvm-chips", .kvm = true },
	{ .class = "kvm-vcpu", .kvm = true },
};

const unsigned state_row_count = ARRAY_SIZE(state_rows);

/* ---- boards ---- */

static void settle(struct state_board *sb)
{
	for (unsigned i = 0; i < SETTLE_MAX && loop_run_once(sb->b.vm.loop, 0); i++)
		;
}

static void add_disk(struct vm *vm)
{
	struct opt_list opts = { 0 };
	struct err err = { 0 };
	char path[40];
	int fd = memfd_create("disk", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, DISK_SIZE) < 0)
		die("disk", NULL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	vm->blocks = block_registry_new(vm->loop);
	if (!vm->blocks || opt_list_add(&opts, "id", "d") < 0 ||
	    opt_list_add(&opts, "file", path) < 0 ||
	    opt_list_add(&opts, "format", "raw") < 0 ||
	    !block_open(vm->blocks, &opts, &err))
		die("disk", &err);
	opt_list_free(&opts);
	close(fd);
}

/* A client that reads nothing, and a socket that takes no more. */
static void add_full_chardev(struct state_board *sb)
{
	static const uint8_t noise[65536];
	struct chardev *chr;

	sb->client = board_socket(&sb->b, "c");
	chr = chardev_find(sb->b.vm.chardevs, "c");
	while (chardev_write(chr, noise, sizeof(noise)) == sizeof(noise))
		;
}

static void add_resources(struct state_board *sb)
{
	struct vm *vm = &sb->b.vm;
	struct err err = { 0 };

	sb->ram = mem_alloc(STATE_RAM, &err);
	if (!sb->ram ||
	    mem_add_ram(vm->mem, "ram", 0, STATE_RAM, sb->ram, false, &err) < 0)
		die("RAM", &err);
	if (sb->row->full)
		add_full_chardev(sb);
	else if (!chardev_create_short(vm->chardevs, "null", "c", &err))
		die("chardev", &err);
	add_disk(vm);
	sb->peer = board_net(&sb->b, "n");
}

static void init_kvm(struct state_board *sb)
{
	struct vm *vm = &sb->kvm.vm;
	struct err err = { 0 };

	if (!kvm_board_init(&sb->kvm, &err))
		die("KVM", &err);
	sb->dev = kvmstate_add_vcpu(vm, 0, vcpu_fd(sb->kvm.vcpus, 0), &err);
	if (sb->dev && sb->dev->cls != catalog_find(sb->row->class))
		sb->dev = kvmstate_add_chips(vm, &err);
	if (!sb->dev)
		die(sb->row->class, &err);
}

static bool is_pci(const struct state_board *sb)
{
	return !strcmp(sb->dev->cls->bus, "pci");
}

void state_board_init(struct state_board *sb, const struct state_row *row)
{
	const struct device_class *cls = catalog_find(row->class);

	*sb = (struct state_board){ .row = row, .client = -1 };
	if (row->kvm) {
		init_kvm(sb);
		return;
	}
	board_init(&sb->b, true);
	add_resources(sb);
	if (!row->opts) {
		for (sb->dev = sb->b.vm.devices; sb->dev->cls != cls;)
			sb->dev = sb->dev->next;
		return;
	}
	if (!strcmp(cls->bus, "IDE"))
		board_add(&sb->b, catalog_find("piix3-ide"), "");
	if (!strcmp(cls->bus, "SCSI"))
		board_add(&sb->b, catalog_find("virtio-scsi-pci"), "");
	if (!strcmp(cls->bus, "usb-bus"))
		board_add(&sb->b, &xhci_class, "");
	sb->dev = board_add(&sb->b, cls, row->opts);
	if (cls == &piix3_class)
		sb->b.isa_bridge = sb->dev;
	for (unsigned i = 0; i < ARRAY_SIZE(row->ports) && row->ports[i]; i++)
		board_add(&sb->b, catalog_find(row->ports[i]), i ? "" : "chardev=c");
}

void state_board_free(struct state_board *sb)
{
	if (sb->row->kvm) {
		kvm_board_free(&sb->kvm);
		return;
	}
	/* Last words would wait for a client that is there. */
	if (sb->client >= 0) {
		close(sb->client);
		settle(sb);
	}
	close(sb->peer);
	board_free(&sb->b);
	munmap(sb->ram, STATE_RAM);
}

/* ---- the guest ---- */

/* splitmix64: every seed is a good one. */
uint64_t state_random(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static unsigned below(uint64_t *seed, unsigned limit)
{
	return state_random(seed) % limit;
}

/* Registers react to small numbers and single bits more than to noise. */
static uint64_t some_value(uint64_t *seed)
{
	switch (below(seed, 5)) {
	case 0:
		return below(seed, 16);
	case 1:
		return 1ull << below(seed, 32);
	case 2:
		return ~0ull;
	case 3:
		return STATE_RING(below(seed, 8));
	default:
		return state_random(seed);
	}
}

static void access_once(struct state_board *sb, enum mem_space space, uint64_t *seed)
{
	const struct mem_map *map = &sb->b.vm.mem->maps[space];
	uint64_t value = some_value(seed), r = state_random(seed), offset;
	const struct flat_range *range;
	unsigned size = 1u << below(seed, space == MEM_PIO ? 3 : 4);

	if (!map->flat_count)
		return;
	range = &map->flat[r % map->flat_count];
	offset = below(seed, 2) ? below(seed, 64) : (unsigned)state_random(seed);
	if (below(seed, 8)) /* mostly as drivers do it */
		offset &= ~(uint64_t)(size - 1);
	offset %= range->last - range->start + 1;
	mem_access(sb->b.vm.mem, space, range->start + offset, &value, size, r >> 32 & 1);
}

static void config_once(struct state_board *sb, uint64_t *seed)
{
	struct pci_device *pdev = (struct pci_device *)sb->dev;
	unsigned reg = below(seed, PCI_CONFIG_SIZE), size = 1u << below(seed, 3);
	uint32_t value = some_value(seed);

	reg &= ~(size - 1);
	if (below(seed, 2))
		pci_config_write(pdev, reg, value, size);
	else
		pci_config_read(pdev, reg, size);
}

static void place_bars(struct state_board *sb)
{
	struct err err = { 0 };

	if (pci_bus_assign(sb->b.vm.pci, PCI_MMIO, PCI_MMIO_TO, &err) < 0)
		die("BARs", &err);
}

static void common_write(struct state_board *sb, unsigned reg, uint64_t value,
                         unsigned size)
{
	const struct pci_device *pdev = (const struct pci_device *)sb->dev;

	mem_access(sb->b.vm.mem, MEM_MMIO, pdev->bars[BAR_MODERN].addr + reg, &value,
	           size, true);
}

/* A driver that sets up every queue, and has nothing for the device to do. */
static void start_virtio(struct state_board *sb)
{
	uint64_t bar = ((const struct pci_device *)sb->dev)->bars[BAR_MODERN].addr;

	memset(sb->ram, 0, STATE_RAM);
	common_write(sb, VIRTIO_PCI_COMMON_STATUS, 0, 1);
	common_write(sb, VIRTIO_PCI_COMMON_STATUS, 3, 1);
	common_write(sb, VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
	common_write(sb, VIRTIO_PCI_COMMON_GF, 1, 4); /* VERSION_1 */
	common_write(sb, VIRTIO_PCI_COMMON_STATUS, 0xb, 1);
	for (unsigned q = 0; q < STATE_RINGS; q++) {
		common_write(sb, VIRTIO_PCI_COMMON_Q_SELECT, q, 2);
		common_write(sb, VIRTIO_PCI_COMMON_Q_SIZE, 8u << (q & 3), 2);
		common_write(sb, VIRTIO_PCI_COMMON_Q_DESCLO, STATE_RING(q), 4);
		common_write(sb, VIRTIO_PCI_COMMON_Q_AVAILLO, STATE_RING(q) + 0x1000, 4);
		common_write(sb, VIRTIO_PCI_COMMON_Q_USEDLO, STATE_RING(q) + 0x2000, 4);
		common_write(sb, VIRTIO_PCI_COMMON_Q_MSIX, q & 1, 2);
		common_write(sb, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	}
	common_write(sb, VIRTIO_PCI_COMMON_STATUS, 0xf, 1);
	for (unsigned q = 0; q < STATE_RINGS && bar != UINT64_MAX; q++)
		common_write(sb, NOTIFY_AT + 4 * q, q, 2);
}

/* Values that every processor takes, and that a guest could have left there. */
static void drive_vcpu(struct state_board *sb, uint64_t *seed)
{
	_cleanup_free_ struct vcpu_shadow *s = calloc(1, sizeof(*s));
	struct shadow_host host;
	int fd = vcpu_fd(sb->kvm.vcpus, 0);
	struct err err = { 0 };

	if (!s || shadow_host_init(&host, sb->kvm.vm.kvm, fd, &err) < 0 ||
	    vcpu_shadow_read(&host, fd, s, &err) < 0)
		die("vCPU", &err);
	for (uint64_t *reg = &s->regs.rax; reg <= &s->regs.r15; reg++)
		*reg = state_random(seed);
	s->regs.rip = below(seed, 0x10000);
	s->sregs.cr2 = state_random(seed);
	s->sregs.gdt.base = state_random(seed) >> 32;
	s->debug_addr[below(seed, 4)] = below(seed, 0x10000);
	for (unsigned i = 32; i < 160; i++)
		s->xsave[i] = i % 16 < 10 ? state_random(seed) : 0; /* x87 registers */
	s->xsave[512] |= 1;
	if (vcpu_shadow_write(&host, fd, s, 0, &err) < 0)
		die("vCPU", &err);
}

static void drive_chips(struct state_board *sb, uint64_t *seed)
{
	struct chips_shadow s;
	struct err err = { 0 };

	if (chips_shadow_read(sb->kvm.vm.kvm, &s, &err) < 0)
		die("chips", &err);
	for (unsigned i = 0; i < ARRAY_SIZE(s.ioapic.redirtbl); i++)
		s.ioapic.redirtbl[i] = 0x10000 | below(seed, 256); /* masked */
	s.ioapic.id = below(seed, 16);
	s.pic[0].imr = state_random(seed);
	s.pic[1].irq_base = state_random(seed) & 0xf8;
	s.pic[1].elcr = state_random(seed) & 0xde;
	s.pit[2].count = 1 + below(seed, 65536);
	s.pit[2].mode = 3;
	if (chips_shadow_write(sb->kvm.vm.kvm, &s, 0, &err) < 0)
		die("chips", &err);
}

struct scsi_try {
	struct scsi_req req;
	struct iovec iov;
	uint8_t data[4096];
};

static void scsi_done(struct scsi_req *req)
{
	free(container_of(req, struct scsi_try, req));
}

/* Mostly commands that there are; one that turns the write cache off. */
static void scsi_once(struct state_board *sb, uint64_t *seed)
{
	static const uint8_t opcodes[] = { 0x00, 0x03, 0x12, 0x15, 0x1a, 0x1b, 0x1e,
		                           0x25, 0x28, 0x2a, 0x35, 0x41, 0x42, 0x46,
		                           0x4a, 0x5a, 0x88, 0x8a, 0x93, 0x9e, 0xa0 };
	static const uint8_t no_cache[24] = { [4] = 0x08, 18 };
	struct scsi_try *try = calloc(1, sizeof(*try));
	struct scsi_req *req = try ? &try->req : NULL;

	if (!req)
		die("command", NULL);
	for (unsigned i = 0; i < SCSI_CDB; i++)
		req->cdb[i] = below(seed, 2) ? 0 : state_random(seed);
	req->cdb[0] = below(seed, 8) ? opcodes[below(seed, sizeof(opcodes))]
	                             : state_random(seed);
	if (req->cdb[0] == SCSI_MODE_SELECT_6) {
		req->cdb[1] = 0x10;
		req->cdb[4] = sizeof(no_cache);
		memcpy(try->data, no_cache, sizeof(no_cache));
	}
	try->iov = (struct iovec){ try->data, sizeof(try->data) };
	req->in = req->out = &try->iov;
	req->in_count = req->out_count = 1;
	req->in_len = req->out_len = sizeof(try->data);
	req->done = scsi_done;
	if (!scsi_submit(sb->b.vm.scsi_buses, 0, 0, req))
		free(try);
	scsi_kick(sb->b.vm.scsi_buses);
}

/* A driver that sets up rings, and asks for slots. */
static void start_xhci(struct state_board *sb)
{
	static const uint32_t regs[][2] = {
		{ 0x40, 2 },   { 0x78, 9 },        { 0x70, 0x5000 },   { 0x58, 0x4001 },
		{ 0x1028, 1 }, { 0x1038, 0x6000 }, { 0x1030, 0x7000 }, { 0x1020, 2 },
		{ 0x40, 5 },   { 0x2000, 0 },
	};
	uint64_t bar = ((const struct pci_device *)sb->dev)->bars[0].addr;

	memset(sb->ram, 0, STATE_RAM);
	st32(sb->ram + 0x7000, 0x6000);
	st32(sb->ram + 0x7008, 64);
	for (unsigned i = 0; i < 5; i++)
		st32(sb->ram + 0x400c + 16 * i, 9 << 10 | 1); /* Enable Slot */
	for (unsigned i = 0; i < ARRAY_SIZE(regs); i++) {
		uint32_t value = regs[i][1];

		mem_access(sb->b.vm.mem, MEM_MMIO, bar + regs[i][0], &value, 4, true);
	}
}

static void copy_usb(struct usb_xfer *xfer, void *buf, uint32_t n)
{
	(void)buf;
	xfer->done += n;
}

/* A request, and something that happens to it. */
static void usb_once(struct state_board *sb, uint64_t *seed)
{
	static const uint16_t requests[] = { 0x8000, 0x0003, 0x8006, 0x0009, 0x0203,
		                             0xa101, 0x2109, 0x210a, 0x210b };
	struct usb_device *usb = (struct usb_device *)sb->dev;
	uint16_t request = requests[below(seed, ARRAY_SIZE(requests))];
	struct usb_xfer xfer = { .len = below(seed, 300), .copy = copy_usb };
	uint8_t setup[8] = { request >> 8,
		             request,
		             1,
		             below(seed, 4),
		             below(seed, 256),
		             0,
		             below(seed, 20),
		             below(seed, 20) ? 0 : 1 };

	usb_control_setup(usb, setup);
	if (below(seed, 4))
		usb_control_data(usb, request & 0x8000, &xfer);
	if (below(seed, 4))
		usb_control_status(usb);
	input_key(sb->b.vm.input, below(seed, 128), below(seed, 2));
	input_move(sb->b.vm.input, below(seed, 600), -below(seed, 9), 1);
	input_point(sb->b.vm.input, below(seed, 0x8000), below(seed, 0x8000));
	input_buttons(sb->b.vm.input, below(seed, 4));
	xfer.done = 0;
	if (below(seed, 2))
		usb->ops->transfer(usb, USB_EP1_IN, &xfer);
}

void state_drive(struct state_board *sb, uint64_t seed, unsigned count)
{
	const struct device_class *cls = sb->dev->cls;

	if (sb->row->kvm) {
		if (cls == &kvm_vcpu_class)
			drive_vcpu(sb, &seed);
		else
			drive_chips(sb, &seed);
		return;
	}
	vm_lock(&sb->b.vm);
	for (unsigned i = 0; i < count; i++) {
		/* A guest that loses its BARs finds them again. */
		if (is_pci(sb) && i % 64 == 0)
			place_bars(sb);
		if (!strncmp(cls->name, "virtio-", 7) && i % 256 == 0 && (seed & 1))
			start_virtio(sb);
		if (cls == &xhci_class && i % 128 == 0)
			start_xhci(sb);
		if (!strcmp(cls->bus, "SCSI"))
			scsi_once(sb, &seed);
		else if (!strcmp(cls->bus, "usb-bus"))
			usb_once(sb, &seed);
		else if (is_pci(sb) && !below(&seed, 4))
			config_once(sb, &seed);
		else
			access_once(sb, below(&seed, 2) ? MEM_PIO : MEM_MMIO, &seed);
	}
	vm_unlock(&sb->b.vm);
	settle(sb);
	if (sb->row->settle)
		sb->row->settle(&sb->b);
	vm_lock(&sb->b.vm);
	devices_quiesce(&sb->b.vm);
	vm_unlock(&sb->b.vm);
	settle(sb);
}
