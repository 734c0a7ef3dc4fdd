// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * System control port A of the PS/2 (port 0x92): fast A20 gate and fast reset. The gate
 * is stored, not enforced. Runs under the machine lock.
 */
#include "vmm/legacy/port92.h"

#include "vmm/core/vm.h"
#include "vmm/mem/mem.h"

#include <errno.h>

#define PORT 0x92

enum {
	FAST_RESET = 0x01, /* a change from 0 to 1 */
	FAST_A20 = 0x02,
};

struct port92 {
	struct device dev;
	uint8_t value;
	struct region region;
};

static uint64_t port92_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)offset;
	(void)size;
	return ((const struct port92 *)opaque)->value;
}

static void port92_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct port92 *p = opaque;
	bool rising = value & ~p->value & FAST_RESET;

	(void)offset;
	(void)size;
	p->value = value;
	if (rising)
		vm_request(p->dev.vm, VM_REQ_RESET, "port 0x92");
}

static const struct region_ops port92_ops = {
	.read = port92_read,
	.write = port92_write,
	.max_size = 1,
};

static int port92_realize(struct device *dev, struct err *err)
{
	struct port92 *p = (struct port92 *)dev;
	int ret;

	device_set_path(dev, "isa/port92");
	p->region = (struct region){
		.name = "port92",
		.size = 1,
		.ops = &port92_ops,
		.opaque = p,
	};
	ret = mem_map(dev->vm->mem, MEM_PIO, &p->region, PORT);
	return ret < 0 ? err_sys(err, -ret, "cannot map port 0x%x", PORT) : 0;
}

static void port92_reset(struct device *dev)
{
	((struct port92 *)dev)->value = FAST_A20;
}

static void port92_unrealize(struct device *dev)
{
	mem_unmap(&((struct port92 *)dev)->region);
}

static const struct state_field port92_fields[] = {
	STATE_U8_F(struct port92, value),
	STATE_END_F,
};

static const struct state_desc port92_state = {
	.name = "port92",
	.version = 1,
	.fields = port92_fields,
};

const struct device_class port92_class = {
	.name = "port92",
	.bus = "isa",
	.help = "fast A20 gate and reset",
	.internal = true,
	.size = sizeof(struct port92),
	.state = &port92_state,
	.realize = port92_realize,
	.reset = port92_reset,
	.unrealize = port92_unrealize,
};
