// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pc-testdev, at QEMU's addresses, as kvm-unit-tests use it: four bytes that ports keep
 * (0xe0 at any width, 0xe8 bytewise), 64 KiB that memory accesses keep without being RAM,
 * a port that takes a page of RAM from the guest's page tables in KVM for a moment (its
 * next use faults in the host), and one port per interrupt line. Under the machine lock.
 */
#include "vmm/legacy/testdev.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PORT_DATA = 0xe0,
	PORT_FLUSH = 0xe4,
	PORT_BYTES = 0xe8,
	PORT_LINES = 0x2000,
	LINES = 24,
	IOMEM_SIZE = 0x10000,
	PAGE = 4096,
};
#define IOMEM 0xff000000ull

struct testdev {
	struct device dev;
	uint8_t data[4];
	uint8_t lines[LINES];
	uint8_t iomem[IOMEM_SIZE];
	struct region regions[5];
};

static uint64_t load(const uint8_t *at, unsigned size)
{
	uint8_t value[8] = { 0 };

	memcpy(value, at, size);
	return ld64(value);
}

static void store(uint8_t *at, uint64_t value, unsigned size)
{
	uint8_t bytes[8];

	st64(bytes, value);
	memcpy(at, bytes, size);
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
	return load(((struct testdev *)opaque)->data + offset, size);
}

static void data_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	store(((struct testdev *)opaque)->data + offset, value, size);
}

static uint64_t iomem_read(void *opaque, uint64_t offset, unsigned size)
{
	return load(((struct testdev *)opaque)->iomem + offset, size);
}

static void iomem_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	store(((struct testdev *)opaque)->iomem + offset, value, size);
}

static void flush_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct testdev *t = opaque;
	void *page = dma_map(t->dev.vm->mem, align_down(value, PAGE), PAGE, true);

	(void)offset;
	(void)size;
	if (page && !mprotect(page, PAGE, PROT_NONE))
		mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

static void line_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct testdev *t = opaque;

	(void)size;
	t->lines[offset] = value & 1;
	irqchip_set(t->dev.vm->irqchip, offset, value & 1);
}

static const struct region_ops data_ops = { .read = data_read, .write = data_write };
static const struct region_ops byte_ops = { .read = data_read,
	                                    .write = data_write,
	                                    .max_size = 1 };
static const struct region_ops iomem_ops = { .read = iomem_read, .write = iomem_write };
static const struct region_ops flush_ops = { .write = flush_write };
static const struct region_ops line_ops = { .write = line_write, .max_size = 1 };

static const struct place {
	const char *name;
	const struct region_ops *ops;
	uint64_t base, size;
	enum mem_space space;
} places[] = {
	{ "testdev-data", &data_ops, PORT_DATA, 4, MEM_PIO },
	{ "testdev-flush", &flush_ops, PORT_FLUSH, 4, MEM_PIO },
	{ "testdev-bytes", &byte_ops, PORT_BYTES, 4, MEM_PIO },
	{ "testdev-lines", &line_ops, PORT_LINES, LINES, MEM_PIO },
	{ "testdev-memory", &iomem_ops, IOMEM, IOMEM_SIZE, MEM_MMIO },
};

static int testdev_realize(struct device *dev, struct err *err)
{
	struct testdev *t = (struct testdev *)dev;
	int ret = 0;

	device_set_path(dev, "isa/pc-testdev");
	for (unsigned i = 0; i < ARRAY_SIZE(places) && ret >= 0; i++) {
		const struct place *p = &places[i];

		t->regions[i] = (struct region){
			.name = p->name, .size = p->size, .ops = p->ops, .opaque = t
		};
		ret = mem_map(dev->vm->mem, p->space, &t->regions[i], p->base);
	}
	return ret < 0 ? err_sys(err, -ret, "cannot map the test device") : 0;
}

static void testdev_reset(struct device *dev)
{
	struct testdev *t = (struct testdev *)dev;

	memset(t->data, 0, sizeof(t->data));
	memset(t->iomem, 0, sizeof(t->iomem));
	for (unsigned i = 0; i < LINES; i++) {
		if (t->lines[i])
			irqchip_set(dev->vm->irqchip, i, false);
		t->lines[i] = 0;
	}
}

static void testdev_unrealize(struct device *dev)
{
	struct testdev *t = (struct testdev *)dev;

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		mem_unmap(&t->regions[i]);
}

static int testdev_post_load(void *obj, struct err *err)
{
	struct testdev *t = obj;

	(void)err;
	for (unsigned i = 0; i < LINES; i++)
		irqchip_set(t->dev.vm->irqchip, i, t->lines[i] & 1);
	return 0;
}

static const struct state_field testdev_fields[] = {
	STATE_BYTES_F(struct testdev, data),
	STATE_BYTES_F(struct testdev, lines),
	STATE_BYTES_F(struct testdev, iomem),
	STATE_END_F,
};

static const struct state_desc testdev_state = {
	.name = "pc-testdev",
	.version = 1,
	.fields = testdev_fields,
	.post_load = testdev_post_load,
};

const struct device_class testdev_class = {
	.name = "pc-testdev",
	.bus = "isa",
	.help = "ports and memory for test programs (kvm-unit-tests)",
	.size = sizeof(struct testdev),
	.state = &testdev_state,
	.realize = testdev_realize,
	.reset = testdev_reset,
	.unrealize = testdev_unrealize,
};
