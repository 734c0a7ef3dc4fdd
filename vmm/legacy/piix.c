// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The chip set as software sees it: Intel 440FX host bridge (82441FX data sheet, 3.2) and
 * PIIX3 PCI-to-ISA bridge (82371SB data sheet, 2.2) with the interrupt router and the
 * reset control register (port 0xcf9).
 *
 * The host bridge's memory attribute registers say where processors find RAM from
 * 0xc0000 to 0xfffff, and where what lies behind it. SMRAM locks as on the chip, and
 * changes no memory map. All functions run under the machine lock.
 */
#include "vmm/legacy/piix.h"

#include "common/bytes.h"
#include "vmm/core/vm.h"
#include "vmm/pci/pci.h"

#include <errno.h>
#include <limits.h>

/* ---- i440FX host bridge ---- */

enum {
	CONFIG_PAM = 0x59, /* 7 bytes; the low half of the first is reserved */
	CONFIG_PAM_END = 0x5f,
	CONFIG_SMRAM = 0x72,

	PAM_MASK = 0x33, /* read and write enable of two ranges */
	SMRAM_RESET = 0x02,
	SMRAM_LOCK = 0x10,
	SMRAM_OPEN = 0x40,
	SMRAM_MASK = 0x78,
};

/* 12 parts of 16 KiB have half a register each, in their order, and the last 64 KiB the
 * first half of all. */
#define HALVES 12

struct i440fx {
	struct pci_device pci;
	bool shadow;
};

static void apply_attributes(struct pci_device *pdev)
{
	uint8_t access[MEM_SHADOW_PARTS];

	for (unsigned i = 0; i < MEM_SHADOW_PARTS; i++) {
		const uint8_t *reg =
			&pdev->config[CONFIG_PAM + (i < HALVES ? 1 + i / 2 : 0)];

		access[i] = *reg >> (i < HALVES && !(i & 1) ? 0 : 4) & 3;
	}
	mem_set_shadow(pdev->dev.vm->mem, access);
}

static void apply_lock(struct pci_device *pdev)
{
	bool locked = pdev->config[CONFIG_SMRAM] & SMRAM_LOCK;

	if (locked)
		pdev->config[CONFIG_SMRAM] &= ~SMRAM_OPEN;
	pdev->wmask[CONFIG_SMRAM] = locked ? 0 : SMRAM_MASK;
}

static void i440fx_config_written(struct pci_device *pdev, unsigned offset, unsigned size)
{
	if (offset <= CONFIG_PAM_END && CONFIG_PAM < offset + size)
		apply_attributes(pdev);
	apply_lock(pdev);
}

static int i440fx_realize(struct device *dev, struct err *err)
{
	static const struct pci_id id = {
		.vendor = 0x8086,
		.device = 0x1237,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = 0x060000,
		.revision = 2,
	};
	struct pci_device *pdev = (struct pci_device *)dev;
	int ret = pci_realize(pdev, &id, err);

	if (ret < 0)
		return ret;
	for (unsigned i = CONFIG_PAM; i <= CONFIG_PAM_END; i++) {
		pdev->wmask[i] = i == CONFIG_PAM ? PAM_MASK & 0xf0 : PAM_MASK;
		pdev->config[i] = ((struct i440fx *)dev)->shadow ? pdev->wmask[i] : 0;
	}
	pdev->config[CONFIG_SMRAM] = SMRAM_RESET;
	pdev->wmask[CONFIG_SMRAM] = SMRAM_MASK;
	pdev->config_written = i440fx_config_written;
	return 0;
}

static void i440fx_reset(struct device *dev)
{
	struct pci_device *pdev = (struct pci_device *)dev;

	pci_reset(pdev);
	apply_attributes(pdev);
	apply_lock(pdev);
}

static void i440fx_unrealize(struct device *dev)
{
	pci_unrealize((struct pci_device *)dev);
}

static int i440fx_validate(const void *obj, struct err *err)
{
	struct i440fx copy = *(const struct i440fx *)obj;

	/* Locked here and open there, or the other way round, is no mismatch. */
	copy.pci.wmask[CONFIG_SMRAM] = SMRAM_MASK;
	return pci_device_state.validate(&copy.pci, err);
}

static int i440fx_post_load(void *obj, struct err *err)
{
	struct i440fx *host = obj;

	(void)err;
	pci_post_load(&host->pci);
	apply_attributes(&host->pci);
	apply_lock(&host->pci);
	return 0;
}

static const struct state_field i440fx_fields[] = {
	STATE_STRUCT_F(struct i440fx, pci, &pci_device_state),
	STATE_END_F,
};

static const struct state_desc i440fx_state = {
	.name = "i440FX",
	.version = 1,
	.fields = i440fx_fields,
	.validate = i440fx_validate,
	.post_load = i440fx_post_load,
};

static const struct opt_desc i440fx_props[] = {
	PCI_PROPS(struct i440fx, pci),
	{ .name = "shadow",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct i440fx, shadow),
	  .def = "off",
	  .help = "RAM from 768 KiB on is there at reset, as firmware would leave it" },
	{ .name = NULL },
};

const struct device_class i440fx_class = {
	.name = "i440FX",
	.bus = "pci",
	.help = "host bridge",
	.internal = true,
	.size = sizeof(struct i440fx),
	.props = i440fx_props,
	.state = &i440fx_state,
	.realize = i440fx_realize,
	.reset = i440fx_reset,
	.unrealize = i440fx_unrealize,
};

/* ---- PIIX3 ISA bridge ---- */

#define RESET_PORT 0xcf9

enum {
	CONFIG_PIRQ = 0x60, /* A to D, one byte each */

	PIRQ_OFF = 0x80,
	PIRQ_LINE = 0x0f,

	RESET_HARD = 0x02,
	RESET_CPU = 0x04, /* a change from 0 to 1 resets the machine */

	VALID_LINES = 0xdef8, /* 3 to 7, 9 to 12, 14, 15 */
};

struct piix3 {
	struct pci_device pci;
	uint32_t pirqs; /* property */
	uint8_t reset_control;
	struct region reset_region;
};

unsigned piix3_irq_route(void *isa_bridge, unsigned pirq)
{
	const struct piix3 *isa = isa_bridge;
	uint8_t reg = isa ? isa->pci.config[CONFIG_PIRQ + (pirq & 3)] : PIRQ_OFF;
	unsigned line = reg & PIRQ_LINE;

	return reg & PIRQ_OFF || !(VALID_LINES & 1u << line) ? UINT_MAX : line;
}

static void piix3_config_written(struct pci_device *pdev, unsigned offset, unsigned size)
{
	if (offset < CONFIG_PIRQ + 4 && CONFIG_PIRQ < offset + size)
		pci_bus_update_irqs(pdev->bus);
}

static uint64_t reset_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)offset;
	(void)size;
	return ((const struct piix3 *)opaque)->reset_control;
}

static void reset_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct piix3 *isa = opaque;

	(void)offset;
	(void)size;
	isa->reset_control = value & RESET_HARD;
	if (value & RESET_CPU)
		vm_request(isa->pci.dev.vm, VM_REQ_RESET, "port 0xcf9");
}

static const struct region_ops reset_ops = {
	.read = reset_read,
	.write = reset_write,
	.max_size = 1,
};

static int piix3_realize(struct device *dev, struct err *err)
{
	static const struct pci_id id = {
		.vendor = 0x8086,
		.device = 0x7000,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = 0x060100,
	};
	struct piix3 *isa = (struct piix3 *)dev;
	int ret;

	isa->pci.multifunction = true;
	ret = pci_realize(&isa->pci, &id, err);
	if (ret < 0)
		return ret;
	st32(isa->pci.config + CONFIG_PIRQ, isa->pirqs);
	st32(isa->pci.wmask + CONFIG_PIRQ, 0x8f8f8f8f);
	isa->pci.config_written = piix3_config_written;
	isa->reset_region = (struct region){
		.name = "reset-control",
		.size = 1,
		.ops = &reset_ops,
		.opaque = isa,
		.priority = 1, /* it lies inside the PCI configuration address port */
	};
	ret = mem_map(dev->vm->mem, MEM_PIO, &isa->reset_region, RESET_PORT);
	return ret < 0 ? err_sys(err, -ret, "cannot map port 0x%x", RESET_PORT) : 0;
}

static void piix3_reset(struct device *dev)
{
	struct piix3 *isa = (struct piix3 *)dev;

	pci_reset(&isa->pci);
	isa->reset_control = 0;
	pci_bus_update_irqs(isa->pci.bus);
}

static void piix3_unrealize(struct device *dev)
{
	struct piix3 *isa = (struct piix3 *)dev;

	mem_unmap(&isa->reset_region);
	pci_unrealize(&isa->pci);
}

static int piix3_validate(const void *obj, struct err *err)
{
	return pci_device_state.validate(&((const struct piix3 *)obj)->pci, err);
}

static int piix3_post_load(void *obj, struct err *err)
{
	struct piix3 *isa = obj;

	(void)err;
	pci_post_load(&isa->pci);
	pci_bus_update_irqs(isa->pci.bus);
	return 0;
}

static const struct state_field piix3_fields[] = {
	STATE_STRUCT_F(struct piix3, pci, &pci_device_state),
	STATE_U8_F(struct piix3, reset_control),
	STATE_END_F,
};

static const struct state_desc piix3_state = {
	.name = "PIIX3",
	.version = 1,
	.fields = piix3_fields,
	.validate = piix3_validate,
	.post_load = piix3_post_load,
};

static const struct opt_desc piix3_props[] = {
	PCI_PROPS(struct piix3, pci),
	{ .name = "pirqs",
	  .type = OPT_U32,
	  .offset = offsetof(struct piix3, pirqs),
	  .def = "0x80808080",
	  .help = "interrupt router at reset, A in the low byte" },
	{ .name = NULL },
};

const struct device_class piix3_class = {
	.name = "PIIX3",
	.bus = "pci",
	.help = "PCI-to-ISA bridge",
	.internal = true,
	.size = sizeof(struct piix3),
	.props = piix3_props,
	.state = &piix3_state,
	.realize = piix3_realize,
	.reset = piix3_reset,
	.unrealize = piix3_unrealize,
};
