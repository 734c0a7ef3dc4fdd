// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest and its driver: PCI enumeration as firmware and kernel do it, then the modern
 * or the legacy registers. Rings are in virtio-ring-lib.c.
 */
#include "tests/dev/virtio-lib.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/tap.h"
#include "vmm/block/block.h"
#include "vmm/legacy/piix.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static void die(const char *what, const struct err *err)
{
	tap_diag("%s: %s", what, err && err->code ? err->text : strerror(errno));
	exit(1);
}

/* ---- the guest ---- */

void guest_init(struct guest *g)
{
	struct err err = { 0 };
	struct mem *mem;

	*g = (struct guest){ .free = 0x10000, .mmio = 0xd0000000, .io = 0xc000 };
	board_init(&g->board, true);
	mem = g->board.vm.mem;
	g->board.isa_bridge =
		board_add(&g->board, &piix3_class, "addr=1,pirqs=0x0b0b0a0a");
	pci_bus_update_irqs(g->board.vm.pci);
	g->board.vm.blocks = block_registry_new(g->board.vm.loop);
	g->ram = mem_alloc(GUEST_RAM, &err);
	g->rom = mem_alloc(4096, &err);
	if (!g->ram || !g->rom || !g->board.vm.blocks ||
	    mem_add_ram(mem, "low", 0, GUEST_SPLIT, g->ram, false, &err) < 0 ||
	    mem_add_ram(mem, "high", GUEST_SPLIT, GUEST_RAM - GUEST_SPLIT,
	                g->ram + GUEST_SPLIT, false, &err) < 0 ||
	    mem_add_ram(mem, "rom", GUEST_ROM, 4096, g->rom, true, &err) < 0)
		die("guest", &err);
}

void guest_free(struct guest *g)
{
	board_free(&g->board);
	munmap(g->ram, GUEST_RAM);
	munmap(g->rom, 4096);
}

uint64_t guest_alloc(struct guest *g, uint64_t len)
{
	uint64_t at = g->free;

	g->free = align_up(at + len, 4096);
	if (g->free > GUEST_SPLIT - (1 << 20))
		die("guest_alloc: no memory left", NULL);
	return at;
}

void *guest_ptr(struct guest *g, uint64_t gpa)
{
	if (gpa >= GUEST_ROM)
		return g->rom + (gpa - GUEST_ROM);
	return g->ram + gpa;
}

struct block_node *guest_drive(struct guest *g, const char *text)
{
	struct opt_list opts = { 0 };
	struct err err = { 0 };
	struct block_node *node = NULL;

	if (opt_list_parse(&opts, text, "file", &err) >= 0)
		node = block_open(g->board.vm.blocks, &opts, &err);
	opt_list_free(&opts);
	if (!node)
		die(text, &err);
	return node;
}

uint32_t pci_in(struct guest *g, uint8_t devfn, unsigned reg, unsigned size)
{
	board_out(&g->board, 0xcf8, 0x80000000 | devfn << 8 | (reg & 0xfc), 4);
	return board_in(&g->board, 0xcfc + (reg & 3), size);
}

void pci_out(struct guest *g, uint8_t devfn, unsigned reg, uint32_t value, unsigned size)
{
	board_out(&g->board, 0xcf8, 0x80000000 | devfn << 8 | (reg & 0xfc), 4);
	board_out(&g->board, 0xcfc + (reg & 3), value, size);
}

uint64_t mmio_in(struct guest *g, uint64_t addr, unsigned size)
{
	uint64_t value = 0;

	vm_lock(&g->board.vm);
	mem_access(g->board.vm.mem, MEM_MMIO, addr, &value, size, false);
	vm_unlock(&g->board.vm);
	return value;
}

void mmio_out(struct guest *g, uint64_t addr, uint64_t value, unsigned size)
{
	vm_lock(&g->board.vm);
	mem_access(g->board.vm.mem, MEM_MMIO, addr, &value, size, true);
	vm_unlock(&g->board.vm);
}

/* ---- finding the device ---- */

/* Sizes one BAR by writing all ones, and places it. Returns how many BARs it takes. */
static unsigned place_bar(struct vdrv *d, unsigned n, uint64_t *addr)
{
	uint8_t devfn = d->pdev->devfn;
	unsigned reg = PCI_BASE_ADDRESS_0 + 4 * n;
	uint32_t type = pci_in(d->g, devfn, reg, 4), mask, size;
	bool io = type & PCI_BASE_ADDRESS_SPACE_IO;

	pci_out(d->g, devfn, reg, UINT32_MAX, 4);
	mask = pci_in(d->g, devfn, reg, 4) & (io ? ~3u : ~15u);
	*addr = 0;
	if (!mask)
		return 1;
	size = -mask;
	if (io) {
		*addr = align_up(d->g->io, size);
		d->g->io = *addr + size;
	} else {
		*addr = align_up(d->g->mmio, size < 4096 ? 4096 : size);
		d->g->mmio = *addr + size;
	}
	pci_out(d->g, devfn, reg, *addr, 4);
	return !io && (type & PCI_BASE_ADDRESS_MEM_TYPE_64) ? 2 : 1;
}

static void virtio_cap(struct vdrv *d, unsigned at, const uint64_t bars[6])
{
	uint8_t devfn = d->pdev->devfn;
	unsigned type = pci_in(d->g, devfn, at + VIRTIO_PCI_CAP_CFG_TYPE, 1);
	unsigned bar = pci_in(d->g, devfn, at + VIRTIO_PCI_CAP_BAR, 1) % 6;
	uint64_t addr = bars[bar] + pci_in(d->g, devfn, at + VIRTIO_PCI_CAP_OFFSET, 4);

	if (type == VIRTIO_PCI_CAP_COMMON_CFG)
		d->common = addr;
	else if (type == VIRTIO_PCI_CAP_ISR_CFG)
		d->isr = addr;
	else if (type == VIRTIO_PCI_CAP_DEVICE_CFG)
		d->config = addr;
	else if (type == VIRTIO_PCI_CAP_PCI_CFG)
		d->cfg_cap = at;
	else if (type == VIRTIO_PCI_CAP_NOTIFY_CFG) {
		d->notify = addr;
		d->notify_step = pci_in(d->g, devfn, at + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
	}
}

static void find_caps(struct vdrv *d, const uint64_t bars[6])
{
	uint8_t devfn = d->pdev->devfn;
	unsigned at = pci_in(d->g, devfn, PCI_CAPABILITY_LIST, 1), left = 48;

	for (; at && left--; at = pci_in(d->g, devfn, at + 1, 1)) {
		unsigned id = pci_in(d->g, devfn, at, 1);
		uint32_t table, pba;

		if (id == PCI_CAP_ID_VNDR)
			virtio_cap(d, at, bars);
		if (id != PCI_CAP_ID_MSIX)
			continue;
		d->msix_cap = at;
		d->vectors = (pci_in(d->g, devfn, at + PCI_MSIX_FLAGS, 2) &
		              PCI_MSIX_FLAGS_QSIZE) +
		             1;
		table = pci_in(d->g, devfn, at + PCI_MSIX_TABLE, 4);
		pba = pci_in(d->g, devfn, at + PCI_MSIX_PBA, 4);
		d->msix_table = bars[table & 7] + (table & ~7u);
		d->msix_pba = bars[pba & 7] + (pba & ~7u);
	}
	if (at)
		die("the list of capabilities does not end", NULL);
}

void vdrv_init(struct vdrv *d, struct guest *g, struct device *dev)
{
	vdrv_find(d, g, dev, true);
}

void vdrv_find(struct vdrv *d, struct guest *g, struct device *dev, bool master)
{
	uint64_t bars[6] = { 0 };

	*d = (struct vdrv){ .g = g, .dev = dev, .pdev = (struct pci_device *)dev };
	for (unsigned n = 0; n < 6;)
		n += place_bar(d, n, &bars[n]);
	if (pci_in(g, d->pdev->devfn, PCI_BASE_ADDRESS_0, 4) & PCI_BASE_ADDRESS_SPACE_IO)
		d->io = bars[0];
	find_caps(d, bars);
	pci_out(g, d->pdev->devfn, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
	if (master)
		pci_out(g, d->pdev->devfn, PCI_COMMAND,
		        PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	vdrv_msis(d, NULL);
}

/* ---- registers ---- */

uint64_t vdrv_get(struct vdrv *d, unsigned field, unsigned size)
{
	return mmio_in(d->g, d->common + field, size);
}

void vdrv_set(struct vdrv *d, unsigned field, uint64_t value, unsigned size)
{
	mmio_out(d->g, d->common + field, value, size);
}

uint8_t vdrv_status(struct vdrv *d)
{
	if (d->legacy)
		return board_in(&d->g->board, d->io + VIRTIO_PCI_STATUS, 1);
	return vdrv_get(d, COMMON(device_status), 1);
}

void vdrv_set_status(struct vdrv *d, uint8_t status)
{
	if (d->legacy)
		board_out(&d->g->board, d->io + VIRTIO_PCI_STATUS, status, 1);
	else
		vdrv_set(d, COMMON(device_status), status, 1);
}

uint8_t vdrv_isr(struct vdrv *d)
{
	if (d->legacy)
		return board_in(&d->g->board, d->io + VIRTIO_PCI_ISR, 1);
	return mmio_in(d->g, d->isr, 1);
}

uint64_t vdrv_config(struct vdrv *d, unsigned offset, unsigned size)
{
	uint64_t low;

	if (!d->legacy)
		return mmio_in(d->g, d->config + offset, size);
	offset += d->io + VIRTIO_PCI_CONFIG_OFF(d->msix_on);
	low = board_in(&d->g->board, offset, size > 4 ? 4 : size);
	if (size == 8)
		low |= (uint64_t)board_in(&d->g->board, offset + 4, 4) << 32;
	return low;
}

void vdrv_set_config(struct vdrv *d, unsigned offset, uint64_t value, unsigned size)
{
	if (d->legacy)
		board_out(&d->g->board,
		          d->io + VIRTIO_PCI_CONFIG_OFF(d->msix_on) + offset, value,
		          size);
	else
		mmio_out(d->g, d->config + offset, value, size);
}

uint64_t vdrv_offered(struct vdrv *d)
{
	uint64_t features;

	if (d->legacy)
		return board_in(&d->g->board, d->io + VIRTIO_PCI_HOST_FEATURES, 4);
	vdrv_set(d, COMMON(device_feature_select), 0, 4);
	features = vdrv_get(d, COMMON(device_feature), 4);
	vdrv_set(d, COMMON(device_feature_select), 1, 4);
	return features | vdrv_get(d, COMMON(device_feature), 4) << 32;
}

void vdrv_set_features(struct vdrv *d, uint64_t features)
{
	if (d->legacy) {
		board_out(&d->g->board, d->io + VIRTIO_PCI_GUEST_FEATURES, features, 4);
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		vdrv_set(d, COMMON(guest_feature_select), i, 4);
		vdrv_set(d, COMMON(guest_feature), (uint32_t)(features >> (32 * i)), 4);
	}
}

bool vdrv_negotiate(struct vdrv *d, uint64_t wanted)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	vdrv_set_status(d, 0);
	vdrv_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vdrv_set_status(d, status);
	d->features = vdrv_offered(d) & wanted;
	vdrv_set_features(d, d->features);
	if (d->legacy)
		return true;
	status |= VIRTIO_CONFIG_S_FEATURES_OK;
	vdrv_set_status(d, status);
	return vdrv_status(d) & VIRTIO_CONFIG_S_FEATURES_OK;
}

void vdrv_ready(struct vdrv *d)
{
	vdrv_set_status(d, vdrv_status(d) | VIRTIO_CONFIG_S_DRIVER_OK);
}

/* ---- MSI-X ---- */

void vdrv_msix_mask(struct vdrv *d, unsigned v, bool masked)
{
	mmio_out(d->g, d->msix_table + v * 16 + PCI_MSIX_ENTRY_VECTOR_CTRL, masked, 4);
}

void vdrv_msix_enable(struct vdrv *d, bool on)
{
	uint8_t devfn = d->pdev->devfn;

	for (unsigned v = 0; v < d->vectors && on; v++) {
		mmio_out(d->g, d->msix_table + v * 16, 0xfee00000, 8);
		mmio_out(d->g, d->msix_table + v * 16 + PCI_MSIX_ENTRY_DATA, MSI_DATA + v,
		         4);
		vdrv_msix_mask(d, v, false);
	}
	pci_out(d->g, devfn, d->msix_cap + PCI_MSIX_FLAGS, on ? PCI_MSIX_FLAGS_ENABLE : 0,
	        2);
	d->msix_on = on;
}

bool vdrv_pending(struct vdrv *d, unsigned v)
{
	return mmio_in(d->g, d->msix_pba + v / 64 * 8, 8) >> (v % 64) & 1;
}

uint16_t vdrv_config_vector(struct vdrv *d, uint16_t v)
{
	if (d->legacy) {
		board_out(&d->g->board, d->io + VIRTIO_MSI_CONFIG_VECTOR, v, 2);
		return board_in(&d->g->board, d->io + VIRTIO_MSI_CONFIG_VECTOR, 2);
	}
	vdrv_set(d, COMMON(msix_config), v, 2);
	return vdrv_get(d, COMMON(msix_config), 2);
}

unsigned vdrv_msis(struct vdrv *d, uint32_t *data)
{
	struct msi_msg last;
	unsigned total = irqchip_test_msis(d->g->board.vm.irqchip, &last);
	unsigned count = total - d->g->msis;

	d->g->msis = total;
	if (data)
		*data = last.data;
	return count;
}
