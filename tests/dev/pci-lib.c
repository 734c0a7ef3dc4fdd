// SPDX-License-Identifier: GPL-2.0-or-later
/* A PCI function with every kind of BAR, and configuration mechanism 1. */
#include "tests/dev/pci-lib.h"

#include <errno.h>

static uint64_t read_io(void *opaque, uint64_t offset, unsigned size)
{
	return offset;
}

static uint64_t read_mem(void *opaque, uint64_t offset, unsigned size)
{
	return 0x01000000 | offset;
}

static uint64_t read_mem64(void *opaque, uint64_t offset, unsigned size)
{
	return 0x02000000 | offset;
}

static void write_any(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	((struct pci_test *)opaque)->written = value;
}

static const struct region_ops io_ops = { .read = read_io, .write = write_any };
static const struct region_ops mem_ops = { .read = read_mem, .write = write_any };
static const struct region_ops mem64_ops = { .read = read_mem64, .write = write_any };

static void add_bar(struct pci_test *t, unsigned n, uint8_t type, struct region *region,
                    uint64_t size, const struct region_ops *ops)
{
	*region =
		(struct region){ .name = "test", .size = size, .ops = ops, .opaque = t };
	pci_bar_init(&t->pci, n, type, size);
	pci_bar_add(&t->pci, n, 0, region);
}

static int realize(struct device *dev, struct err *err)
{
	static const struct pci_id id = {
		.vendor = 0x1234,
		.device = 0x5678,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = 0xff0000,
		.revision = 7,
	};
	struct pci_test *t = (struct pci_test *)dev;
	int ret = pci_realize(&t->pci, &id, err);

	if (ret < 0)
		return ret;
	t->pci.config[PCI_INTERRUPT_PIN] = 1;
	add_bar(t, BAR_IO, PCI_BASE_ADDRESS_SPACE_IO, &t->io, t->ports, &io_ops);
	add_bar(t, BAR_MEM, 0, &t->mem, 4096, &mem_ops);
	add_bar(t, BAR_MEM64,
	        PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH, &t->mem64,
	        16384, &mem64_ops);
	if (t->no_msix)
		return 0;
	pci_bar_init(&t->pci, BAR_MSIX, 0, 4096);
	return pci_msix_init(&t->pci, PCI_TEST_VECTORS, BAR_MSIX, 0x800 | BAR_MSIX, err);
}

static void reset(struct device *dev)
{
	pci_reset((struct pci_device *)dev);
}

static void unrealize(struct device *dev)
{
	struct pci_test *t = (struct pci_test *)dev;

	pci_msix_free(&t->pci);
	pci_unrealize(&t->pci);
}

static int pre_save(void *obj, struct err *err)
{
	pci_pre_save(obj);
	return 0;
}

static int validate(const void *obj, struct err *err)
{
	return pci_device_state.validate(obj, err);
}

static int post_load(void *obj, struct err *err)
{
	pci_post_load(obj);
	return 0;
}

static const struct state_field fields[] = {
	STATE_STRUCT_F(struct pci_test, pci, &pci_device_state),
	STATE_END_F,
};

static const struct state_desc state = {
	.name = "pci-test",
	.version = 1,
	.fields = fields,
	.pre_save = pre_save,
	.validate = validate,
	.post_load = post_load,
};

static const struct opt_desc props[] = {
	PCI_PROPS(struct pci_test, pci),
	{ .name = "no-msix",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct pci_test, no_msix),
	  .def = "off" },
	{ .name = "ports",
	  .type = OPT_U32,
	  .offset = offsetof(struct pci_test, ports),
	  .def = "32" },
	{ .name = NULL },
};

const struct device_class pci_test_class = {
	.name = "pci-test",
	.bus = "pci",
	.help = "every kind of BAR",
	.size = sizeof(struct pci_test),
	.props = props,
	.state = &state,
	.realize = realize,
	.reset = reset,
	.unrealize = unrealize,
};

uint32_t conf_in(struct board *b, uint8_t devfn, uint8_t reg, unsigned size)
{
	board_out(b, 0xcf8, 0x80000000 | devfn << 8 | (reg & 0xfc), 4);
	return board_in(b, 0xcfc + (reg & 3), size);
}

void conf_out(struct board *b, uint8_t devfn, uint8_t reg, uint32_t value, unsigned size)
{
	board_out(b, 0xcf8, 0x80000000 | devfn << 8 | (reg & 0xfc), 4);
	board_out(b, 0xcfc + (reg & 3), value, size);
}

uint64_t mem_in(struct board *b, uint64_t addr, unsigned size)
{
	uint64_t value = 0;

	vm_lock(&b->vm);
	mem_access(b->vm.mem, MEM_MMIO, addr, &value, size, false);
	vm_unlock(&b->vm);
	return value;
}

void mem_out(struct board *b, uint64_t addr, uint64_t value, unsigned size)
{
	vm_lock(&b->vm);
	mem_access(b->vm.mem, MEM_MMIO, addr, &value, size, true);
	vm_unlock(&b->vm);
}
