// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The standard graphics card as a PCI function 1234:1111 (QEMU's docs/specs/standard-vga,
 * revision 2): framebuffer in BAR 0, registers in BAR 2, the VGA BIOS as option ROM, and
 * the fixed addresses of a VGA. A bochs-display is the same function without the latter
 * two, and blank until a linear mode is set. vga-core.h names the other files.
 *
 * The framebuffer's bytes are no part of the state table: they are RAM, and travel with
 * it. Machine lock.
 */
#include "vmm/legacy/vga.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/legacy/vga-core.h"

#include <errno.h>
#include <sys/mman.h>

#define BAR_FRAMEBUFFER 0
#define BAR_MMIO        2
#define WINDOW          0xa0000
#define WINDOW_SIZE     0x20000
#define MONO_PORTS      0x3b0
#define PORTS           0x3c0
#define PORT_COUNT      32
#define VBE_PORTS       0x1ce
#define VRAM_MIN        (1u << 20)
#define VRAM_MAX        (256u << 20)

/* ---- BAR 2 ---- */

enum {
	MMIO_EDID = 0,
	MMIO_PORTS = 0x400, /* 0x3c0 to 0x3df */
	MMIO_VBE = 0x500,
	MMIO_SIZE_OF_EXTENSION = 0x600,
	MMIO_ENDIAN = 0x604,
	MMIO_SIZE = 0x1000,
};
#define LITTLE_ENDIAN_MAGIC 0x1e1e1e1e

static uint64_t mmio_byte(struct vga *vga, uint64_t at)
{
	if (at < MMIO_PORTS)
		return at < sizeof(vga->edid) ? vga->edid[at] : 0;
	if (at < MMIO_PORTS + PORT_COUNT)
		return vga->linear ? 0 : vga_port_ops.read(vga, at - MMIO_PORTS, 1);
	if (at >= MMIO_VBE && at < MMIO_VBE + 2 * VBE_COUNT)
		return vga_vbe_read(vga, (at - MMIO_VBE) / 2) >> 8 * (at & 1) & 0xff;
	if (at >= MMIO_SIZE_OF_EXTENSION && at < MMIO_ENDIAN)
		return at == MMIO_SIZE_OF_EXTENSION ? 8 : 0;
	if (at >= MMIO_ENDIAN && at < MMIO_ENDIAN + 4)
		return LITTLE_ENDIAN_MAGIC & 0xff;
	return 0;
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= mmio_byte(opaque, offset + i) << 8 * i;
	return value;
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct vga *vga = opaque;

	for (unsigned i = 0; i < size && offset >= MMIO_PORTS && !vga->linear; i++)
		if (offset + i < MMIO_PORTS + PORT_COUNT)
			vga_port_ops.write(vga, offset + i - MMIO_PORTS,
			                   value >> 8 * i & 0xff, 1);
	for (unsigned i = 0; i + 1 < size; i += 2)
		if (offset + i >= MMIO_VBE && offset + i < MMIO_VBE + 2 * VBE_COUNT)
			vga_vbe_write(vga, (offset + i - MMIO_VBE) / 2, value >> 8 * i);
}

static const struct region_ops mmio_ops = {
	.read = mmio_read,
	.write = mmio_write,
	.max_size = 4,
};

/* ---- life ---- */

static int add_memory(struct vga *vga, struct err *err)
{
	struct mem *mem = vga->pci.dev.vm->mem;

	if (!vga->linear)
		vga->vgamem = (uint64_t)vga->vgamem_mb << 20;
	if (!is_power_of_2(vga->vgamem) || vga->vgamem > VRAM_MAX ||
	    vga->vgamem < VRAM_MIN)
		return err_set(
			err, EINVAL,
			"a framebuffer of %llu KiB is not possible; it has a power "
			"of 2 from 1 to 256 MiB, 16 by default",
			(unsigned long long)vga->vgamem >> 10);
	vga->vram_size = vga->vgamem;
	vga->vram = mem_alloc(vga->vram_size, err);
	vga->dirty = calloc(vga->vram_size / 4096 / 64, sizeof(*vga->dirty));
	if (!vga->vram || !vga->dirty)
		return err_sys(err, ENOMEM, "framebuffer");
	vga->block = mem_add_device_ram(mem, "vga.vram", vga->vram_size, vga->vram, false,
	                                err);
	return vga->block ? 0 : -err->code;
}

static void init_region(struct vga *vga, struct region *region, const char *name,
                        uint64_t size, const struct region_ops *ops)
{
	*region = (struct region){
		.name = name,
		.size = size,
		.ops = ops,
		.opaque = vga,
	};
}

static int map_regions(struct vga *vga, struct err *err)
{
	struct mem *mem = vga->pci.dev.vm->mem;
	int ret;

	init_region(vga, &vga->framebuffer, "vga.vram", vga->vram_size, NULL);
	vga->framebuffer.ram = vga->block;
	init_region(vga, &vga->mmio, "vga.mmio", MMIO_SIZE, &mmio_ops);
	init_region(vga, &vga->window, "vga-window", WINDOW_SIZE, &vga_window_ops);
	init_region(vga, &vga->mono_ports, "vga-mono", 12, &vga_mono_ops);
	init_region(vga, &vga->ports, "vga", PORT_COUNT, &vga_port_ops);
	init_region(vga, &vga->vbe_ports, "vbe", 4, &vga_vbe_ops);
	pci_bar_init(&vga->pci, BAR_FRAMEBUFFER, PCI_BASE_ADDRESS_MEM_PREFETCH,
	             vga->vram_size);
	pci_bar_add(&vga->pci, BAR_FRAMEBUFFER, 0, &vga->framebuffer);
	pci_bar_init(&vga->pci, BAR_MMIO, 0, MMIO_SIZE);
	pci_bar_add(&vga->pci, BAR_MMIO, 0, &vga->mmio);
	if (vga->linear)
		return 0;
	vga->window.collects = true;
	ret = mem_map(mem, MEM_MMIO, &vga->window, WINDOW);
	if (ret >= 0)
		ret = mem_map(mem, MEM_PIO, &vga->mono_ports, MONO_PORTS);
	if (ret >= 0)
		ret = mem_map(mem, MEM_PIO, &vga->ports, PORTS);
	if (ret >= 0)
		ret = mem_map(mem, MEM_PIO, &vga->vbe_ports, VBE_PORTS);
	return ret < 0 ? err_sys(err, -ret, "cannot map the VGA's addresses") : 0;
}

/* The monitor prefers another size from now on; a guest that reads its description again
 * sees that. Modes have columns in eights. */
static void prefer(void *opaque, unsigned width, unsigned height)
{
	struct vga *vga = opaque;

	vga_edid_fill(vga->edid, width & ~7u, height);
}

void vga_touch(const struct vga *vga)
{
	if (vga->shown && vga->pci.dev.vm->display)
		display_hurry(vga->pci.dev.vm->display);
}

static int show(struct vga *vga, struct err *err)
{
	const struct display_source source = {
		.refresh = vga_refresh,
		.due = vga_due,
		.watch = vga_watch,
		.text = vga->linear ? NULL : vga_text,
		.prefer = vga->has_edid ? prefer : NULL,
		.most_pixels = vga->vram_size / 4,
		.opaque = vga,
	};
	struct display *display = vga->pci.dev.vm->display;

	if (display && display_set_source(display, &source) < 0)
		return err_set(err, EBUSY, "there is a graphics card already");
	return 0;
}

static int vga_realize(struct device *dev, struct err *err)
{
	struct vga *vga = (struct vga *)dev;
	const struct pci_id id = {
		.vendor = 0x1234,
		.device = 0x1111,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = vga->linear ? 0x038000 : 0x030000,
		.revision = 2, /* has MMIO_SIZE_OF_EXTENSION */
	};
	int ret;

	/* Last, because a second card must not take the first one's screen away. */
	ret = pci_realize(&vga->pci, &id, err);
	if (ret >= 0)
		ret = add_memory(vga, err);
	if (ret >= 0)
		ret = map_regions(vga, err);
	if (ret >= 0 && vga->romfile && *vga->romfile)
		ret = pci_rom_load(&vga->pci, vga->romfile, "seabios", err);
	if (vga->has_edid)
		vga_edid_fill(vga->edid, vga->xres, vga->yres);
	if (ret >= 0)
		ret = show(vga, err);
	vga->shown = ret >= 0;
	return ret;
}

static void vga_reset(struct device *dev)
{
	struct vga *vga = (struct vga *)dev;

	mem_flush(dev->vm->mem);
	pci_reset(&vga->pci);
	vga_regs_reset(vga);
	vga_touch(vga);
}

static void vga_quiesce(struct device *dev)
{
	mem_flush(dev->vm->mem);
}

static void vga_unrealize(struct device *dev)
{
	struct vga *vga = (struct vga *)dev;

	if (vga->shown && dev->vm->display)
		display_set_source(dev->vm->display, NULL);
	mem_unmap(&vga->window);
	mem_unmap(&vga->mono_ports);
	mem_unmap(&vga->ports);
	mem_unmap(&vga->vbe_ports);
	pci_unrealize(&vga->pci);
	pci_rom_free(&vga->pci);
	mem_drop_ram(vga->block);
	if (vga->vram)
		munmap(vga->vram, vga->vram_size);
	free(vga->dirty);
}

/* ---- state ---- */

/* What vga-regs.c promises to all who read registers. */
static int vga_validate(const void *obj, struct err *err)
{
	const struct vga *vga = obj;
	struct vga fitted = *vga;
	int ret = pci_device_state.validate(obj, err);

	if (ret < 0)
		return ret;
	if (vga->seq_index > 7 || vga->gr_index > 15 || vga->gr[GR_READ_MAP] > 3 ||
	    vga->dac_sub > 2)
		return err_set(err, EINVAL, "an index register is out of range");
	vga_vbe_fit(&fitted);
	if (memcmp(fitted.vbe, vga->vbe, sizeof(vga->vbe)))
		return err_set(err, EINVAL, "%ux%ux%u is not a VBE mode of this card",
		               vga->vbe[VBE_XRES], vga->vbe[VBE_YRES], vga->vbe[VBE_BPP]);
	return 0;
}

static int vga_post_load(void *obj, struct err *err)
{
	struct vga *vga = obj;

	(void)err;
	pci_post_load(&vga->pci);
	vga->redraw = true;
	vga_touch(vga);
	return 0;
}

static const struct state_field vga_fields[] = {
	STATE_STRUCT_F(struct vga, pci, &pci_device_state),
	STATE_U8_F(struct vga, misc),
	STATE_U8_F(struct vga, feature),
	STATE_U8_F(struct vga, status1),
	STATE_U8_F(struct vga, seq_index),
	STATE_BYTES_F(struct vga, seq),
	STATE_U8_F(struct vga, gr_index),
	STATE_BYTES_F(struct vga, gr),
	STATE_U8_F(struct vga, cr_index),
	STATE_BYTES_F(struct vga, cr),
	STATE_U8_F(struct vga, attr_index),
	STATE_BYTES_F(struct vga, attr),
	STATE_BOOL_F(struct vga, attr_data),
	STATE_U8_F(struct vga, pel_mask),
	STATE_U8_F(struct vga, dac_state),
	STATE_U8_F(struct vga, dac_read),
	STATE_U8_F(struct vga, dac_write),
	STATE_U8_F(struct vga, dac_sub),
	STATE_BYTES_F(struct vga, dac_cache),
	STATE_BYTES_F(struct vga, palette),
	STATE_BYTES_F(struct vga, latch),
	STATE_U16_F(struct vga, vbe_index),
	STATE_U16_ARRAY(struct vga, vbe, VBE_COUNT),
	STATE_END_F,
};

static const struct state_desc vga_state = {
	.name = "VGA",
	.version = 1,
	.fields = vga_fields,
	.validate = vga_validate,
	.post_load = vga_post_load,
};

#define MONITOR_PROPS                                                                  \
	{ .name = "edid",                                                              \
	  .type = OPT_BOOL,                                                            \
	  .offset = offsetof(struct vga, has_edid),                                    \
	  .def = "on",                                                                 \
	  .help = "the guest can read what the monitor prefers" },                     \
		{ .name = "xres",                                                      \
		  .type = OPT_U32,                                                     \
		  .offset = offsetof(struct vga, xres),                                \
		  .def = "1280",                                                       \
		  .min = DISPLAY_MIN_WIDTH,                                            \
		  .max = DISPLAY_MAX_WIDTH,                                            \
		  .help = "width that the monitor prefers" },                          \
	{                                                                              \
		.name = "yres", .type = OPT_U32, .offset = offsetof(struct vga, yres), \
		.def = "800", .min = DISPLAY_MIN_HEIGHT, .max = DISPLAY_MAX_HEIGHT,    \
		.help = "height that the monitor prefers"                              \
	}

static const struct opt_desc vga_props[] = {
	PCI_PROPS(struct vga, pci),
	{ .name = "vgamem_mb",
	  .type = OPT_U32,
	  .offset = offsetof(struct vga, vgamem_mb),
	  .def = "16",
	  .min = 1,
	  .max = 256,
	  .help = "framebuffer in MiB, a power of 2" },
	{ .name = "romfile",
	  .type = OPT_STR,
	  .offset = offsetof(struct vga, romfile),
	  .def = "vgabios-stdvga.bin",
	  .help = "the VGA BIOS; empty: none" },
	MONITOR_PROPS,
	{ .name = NULL },
};

const struct device_class vga_class = {
	.name = "VGA",
	.alias = "std",
	.bus = "pci",
	.help = "graphics card with VESA modes up to 2560x1600",
	.no_hotplug = true,
	.size = sizeof(struct vga),
	.props = vga_props,
	.state = &vga_state,
	.realize = vga_realize,
	.reset = vga_reset,
	.quiesce = vga_quiesce,
	.unrealize = vga_unrealize,
};

/* ---- bochs-display ---- */

static int bochs_realize(struct device *dev, struct err *err)
{
	((struct vga *)dev)->linear = true;
	return vga_realize(dev, err);
}

static const struct state_field bochs_fields[] = {
	STATE_STRUCT_F(struct vga, pci, &pci_device_state),
	STATE_U16_ARRAY(struct vga, vbe, VBE_COUNT),
	STATE_END_F,
};

static const struct state_desc bochs_state = {
	.name = "bochs-display",
	.version = 1,
	.fields = bochs_fields,
	.validate = vga_validate,
	.post_load = vga_post_load,
};

static const struct opt_desc bochs_props[] = {
	PCI_PROPS(struct vga, pci),
	{ .name = "vgamem",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct vga, vgamem),
	  .def = "16M",
	  .help = "framebuffer, a power of 2" },
	MONITOR_PROPS,
	{ .name = NULL },
};

const struct device_class bochs_display_class = {
	.name = "bochs-display",
	.bus = "pci",
	.help = "graphics card with linear modes only, for UEFI and Linux",
	.no_hotplug = true,
	.size = sizeof(struct vga),
	.props = bochs_props,
	.state = &bochs_state,
	.realize = bochs_realize,
	.reset = vga_reset,
	.quiesce = vga_quiesce,
	.unrealize = vga_unrealize,
};
