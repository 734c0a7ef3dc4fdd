// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfio-pci: a real PCI function in the guest (Linux, Documentation/driver-api/vfio.rst).
 *
 * A BAR is what config.c makes of it: a region whose accesses pass on to the function,
 * and over it the pieces that the host lets us map, which KVM gives to the guest as they
 * are. The pages of an MSI-X table are never among those: the table is ours. Nothing of
 * the function's memory is touched through a mapping here, where it could fault.
 */
#include "vmm/pci/vfio.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE    4096
#define ROM_MAX (16u << 20)

/* ---- accesses that exit ---- */

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned size)
{
	const struct vfio_piece *piece = opaque;
	const struct vfio_bar *bar = piece->bar;
	uint64_t value = 0;

	if (pread(bar->v->fd, &value, size, bar->info.offset + piece->offset + offset) !=
	    (ssize_t)size)
		return UINT64_MAX;
	return value;
}

static void bar_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	const struct vfio_piece *piece = opaque;
	const struct vfio_bar *bar = piece->bar;

	if (pwrite(bar->v->fd, &value, size, bar->info.offset + piece->offset + offset) !=
	    (ssize_t)size)
		log_debug(LOG_C_PCI, "%s: a write to %s+0x%llx is lost",
		          bar->v->pci.dev.path, piece->region.name,
		          (unsigned long long)(piece->offset + offset));
}

static const struct region_ops bar_ops = { .read = bar_read, .write = bar_write };

/* ---- BARs ---- */

void vfio_show(struct vfio_pci *v, bool on)
{
	for (unsigned n = 0; n < PCI_BAR_COUNT; n++) {
		for (unsigned i = 1; i < v->bars[n].count; i++) {
			struct vfio_piece *piece = &v->bars[n].pieces[i];

			/* Hidden ones stay so when the guest moves the BAR. */
			if (on)
				piece->region.ram = piece->block;
			if (piece->region.ram)
				mem_show_ram(&piece->region, on);
			if (!on)
				piece->region.ram = NULL;
		}
	}
}

static void add_piece(struct vfio_pci *v, unsigned n, uint64_t offset, uint64_t size,
                      bool mapped)
{
	struct vfio_bar *bar = &v->bars[n];
	struct vfio_piece *piece = &bar->pieces[bar->count];
	void *host;

	if (!size || bar->count == VFIO_PIECES)
		return;
	*piece = (struct vfio_piece){ .bar = bar, .offset = offset };
	piece->region = (struct region){
		.name = mapped ? "vfio-bar-mapped" : "vfio-bar",
		.size = size,
		.ops = &bar_ops,
		.opaque = piece,
	};
	if (mapped) {
		host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd,
		            bar->info.offset + offset);
		if (host == MAP_FAILED)
			return;
		piece->block = mem_add_device_ram(v->pci.dev.vm->mem, piece->region.name,
		                                  size, host, false, NULL);
		/* Without, each access exits: slower. */
		if (!piece->block) {
			munmap(host, size);
			return;
		}
		piece->block->io = true;
		piece->region.ram = piece->block;
	}
	bar->count++;
	pci_bar_add(&v->pci, n, offset, &piece->region);
}

/* The pages of the BAR that hold the MSI-X table, if it is there: [*from, *to). */
static void find_table(const uint8_t *config, unsigned n, uint64_t *from, uint64_t *to)
{
	struct vfio_cap caps[VFIO_CAPS];
	unsigned count = vfio_filter_caps(config, caps);

	*from = *to = 0;
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *cap = config + caps[i].offset;
		uint32_t table;

		if (caps[i].id != PCI_CAP_ID_MSIX ||
		    caps[i].offset + PCI_CAP_MSIX_SIZEOF > PCI_CONFIG_SIZE)
			continue;
		table = ld32(cap + PCI_MSIX_TABLE);
		if ((table & PCI_MSIX_TABLE_BIR) != n)
			continue;
		table &= PCI_MSIX_TABLE_OFFSET;
		*from = align_down(table, PAGE);
		*to = align_up(table + 16ull * ((ld16(cap + PCI_MSIX_FLAGS) &
		                                 PCI_MSIX_FLAGS_QSIZE) +
		                                1),
		               PAGE);
	}
}

static void add_pieces(struct vfio_pci *v, unsigned n, const uint8_t *config)
{
	const struct vfio_region *info = &v->bars[n].info;
	uint64_t from, to;

	add_piece(v, n, 0, info->size, false);
	find_table(config, n, &from, &to);
	for (unsigned i = 0; i < info->area_count; i++) {
		uint64_t start = info->areas[i].offset;
		uint64_t end = start + info->areas[i].size;

		if (start % PAGE || end % PAGE || end <= start || end > info->size)
			continue;
		if (to <= start || from >= end) {
			add_piece(v, n, start, end - start, true);
			continue;
		}
		if (from > start)
			add_piece(v, n, start, from - start, true);
		if (to < end)
			add_piece(v, n, to, end - to, true);
	}
}

static int add_bars(struct vfio_pci *v, const uint8_t *config, struct err *err)
{
	for (unsigned n = 0; n < PCI_BAR_COUNT; n++) {
		struct vfio_bar *bar = &v->bars[n];
		uint32_t reg = ld32(config + PCI_BASE_ADDRESS_0 + 4 * n);
		bool io = reg & PCI_BASE_ADDRESS_SPACE_IO;
		bool wide = !io && reg & PCI_BASE_ADDRESS_MEM_TYPE_64;
		int ret;

		bar->v = v;
		ret = vfio_region_info(v->fd, n, &bar->info);
		if (ret < 0)
			return err_sys(err, -ret, "%s: BAR %u", v->host.name, n);
		if (!bar->info.size)
			continue;
		if (!is_power_of_2(bar->info.size) || bar->info.size < (io ? 4 : 16) ||
		    (wide && n + 1 == PCI_BAR_COUNT))
			return err_set(
				err, EINVAL, "%s: BAR %u of 0x%llx bytes is no BAR",
				v->host.name, n, (unsigned long long)bar->info.size);
		pci_bar_init(&v->pci, n, reg & (io ? 1 : 0xf), bar->info.size);
		add_pieces(v, n, config);
		n += wide;
	}
	return 0;
}

static void free_bars(struct vfio_pci *v)
{
	for (unsigned n = 0; n < PCI_BAR_COUNT; n++) {
		for (unsigned i = 0; i < v->bars[n].count; i++) {
			struct ram_block *block = v->bars[n].pieces[i].block;

			if (block)
				munmap(block->host, block->size);
			mem_drop_ram(block);
		}
	}
}

/* The function's own option ROM, unless romfile= says otherwise. */
static int add_rom(struct vfio_pci *v, struct err *err)
{
	struct vfio_region info;
	uint64_t size = PAGE;
	uint8_t *host;

	if (!v->rombar)
		return 0;
	if (v->romfile)
		return *v->romfile ? pci_rom_load(&v->pci, v->romfile, "", err) : 0;
	if (vfio_region_info(v->fd, VFIO_ROM, &info) < 0 || !info.size ||
	    info.size > ROM_MAX)
		return 0;
	while (size < info.size)
		size *= 2;
	host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	            0);
	if (host == MAP_FAILED)
		return err_sys(err, errno, "the option ROM of %s", v->host.name);
	if (pread(v->fd, host, info.size, info.offset) != (ssize_t)info.size ||
	    ld16(host) != 0xaa55) {
		munmap(host, size);
		return 0;
	}
	return pci_rom_set(&v->pci, host, size, err);
}

/* ---- life ---- */

static int open_function(struct vfio_pci *v, struct err *err)
{
	struct vm *vm = v->pci.dev.vm;
	int ret;

	v->host.state_dir = vm->state_dir;
	ret = vfio_host_find(v->host_opt, v->sysfsdev_opt, &v->host, err);
	if (ret < 0)
		return ret;
	for (const struct device *dev = vm->devices; dev; dev = dev->next)
		if (dev->cls == &vfio_pci_class &&
		    !strcmp(((const struct vfio_pci *)dev)->host.name, v->host.name))
			return err_set(err, EBUSY, "%s is in this guest already",
			               v->host.name);
	v->fd = vfio_space_open(vm, &v->host, err);
	if (v->fd < 0)
		return v->fd;
	ret = vfio_device_info(v->fd, &v->resets);
	if (ret >= 0)
		ret = vfio_region_info(v->fd, VFIO_CONFIG, &v->config);
	return ret < 0 ? err_sys(err, -ret, "%s", v->host.name) : 0;
}

static int make_function(struct vfio_pci *v, const uint8_t *config, struct err *err)
{
	const struct pci_id id = {
		.vendor = ld16(config + PCI_VENDOR_ID),
		.device = ld16(config + PCI_DEVICE_ID),
		.sub_vendor = ld16(config + PCI_SUBSYSTEM_VENDOR_ID),
		.sub_device = ld16(config + PCI_SUBSYSTEM_ID),
		.class_code = ld32(config + PCI_CLASS_REVISION) >> 8,
		.revision = config[PCI_CLASS_REVISION],
	};
	int ret = pci_realize(&v->pci, &id, err);

	if (ret < 0)
		return ret;
	v->pci.config[PCI_INTERRUPT_PIN] = vfio_irq_count(v->fd, VFIO_INTX) > 0;
	ret = add_bars(v, config, err);
	if (ret >= 0)
		ret = vfio_config_init(v, config, err);
	if (ret >= 0)
		ret = add_rom(v, err);
	return ret < 0 ? ret : vfio_irq_init(v, err);
}

static int realize(struct device *dev, struct err *err)
{
	struct vfio_pci *v = (struct vfio_pci *)dev;
	uint8_t config[PCI_CONFIG_SIZE];
	int ret;

	v->fd = v->trigger = v->served = v->error = v->request = -1;
	ret = open_function(v, err);
	if (ret < 0)
		return ret;
	if (pread(v->fd, config, sizeof(config), v->config.offset) != sizeof(config))
		return err_set(err, EIO, "%s: its config space cannot be read",
		               v->host.name);
	if (config[PCI_HEADER_TYPE] & 0x7f)
		return err_set(err, ENOTSUP,
		               "%s is a bridge; a guest can have what is behind it",
		               v->host.name);
	vfio_enable(v, false);
	return make_function(v, config, err);
}

/* Also the way to a function that the guest cannot stop: no DMA from here on. */
static void reset(struct device *dev)
{
	struct vfio_pci *v = (struct vfio_pci *)dev;
	uint8_t d0[2] = { 0 };
	int ret;

	vfio_irq_stop(v);
	vfio_enable(v, false);
	if (v->pm && pwrite(v->fd, d0, 2, v->config.offset + v->pm + PCI_PM_CTRL) < 0)
		log_debug(LOG_C_PCI, "%s: it cannot be woken", dev->path);
	ret = v->resets ? vfio_reset(v->fd) : vfio_space_hot_reset(dev->vm, v->fd);
	if (ret < 0)
		log_debug(LOG_C_PCI, "%s: %s is not reset: %s", dev->path, v->host.name,
		          strerror(-ret));
	vfio_enable(v, false);
	pci_reset(&v->pci);
	vfio_show(v, true);
	vfio_irq_update(v);
}

static void unrealize(struct device *dev)
{
	struct vfio_pci *v = (struct vfio_pci *)dev;

	if (v->fd < 0)
		return;
	vfio_irq_free(v);
	pci_msix_free(&v->pci);
	pci_rom_free(&v->pci);
	pci_unrealize(&v->pci);
	free_bars(v);
	vfio_space_close(dev->vm, &v->host, v->fd);
}

static const struct opt_desc props[] = {
	PCI_PROPS(struct vfio_pci, pci),
	{ .name = "host",
	  .type = OPT_STR,
	  .offset = offsetof(struct vfio_pci, host_opt),
	  .help = "the function's address on the host: 04:00.0" },
	{ .name = "sysfsdev",
	  .type = OPT_STR,
	  .offset = offsetof(struct vfio_pci, sysfsdev_opt),
	  .help = "the same as a path: /sys/bus/pci/devices/0000:04:00.0" },
	{ .name = "romfile",
	  .type = OPT_STR,
	  .offset = offsetof(struct vfio_pci, romfile),
	  .help = "option ROM; empty: none (default: the function's own)" },
	{ .name = "rombar",
	  .type = OPT_U32,
	  .offset = offsetof(struct vfio_pci, rombar),
	  .def = "1",
	  .help = "0: the guest sees no option ROM" },
	BOOTINDEX_PROP(struct vfio_pci, bootindex),
	{ .name = NULL },
};

const struct device_class vfio_pci_class = {
	.name = "vfio-pci",
	.alias = "pci-assign|kvm-pci-assign",
	.bus = "pci",
	.help = "a PCI function of the host, given to the guest",
	.no_migrate = "it is a PCI function of this host",
	.size = sizeof(struct vfio_pci),
	.props = props,
	.realize = realize,
	.reset = reset,
	.unrealize = unrealize,
};
